//! A real MariaDB of the test's own: its own folder, its own socket, and nothing
//! on the network unless it is told so.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
#[cfg(feature = "mariadb")]
use std::time::Duration;

#[cfg(feature = "mariadb")]
use weir::store::mariadb::Account;

pub struct Server {
    folder: PathBuf,
    space: Option<String>,
    network: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Installs and starts a server below `folder`. `make test` installs the
    /// programs it needs.
    pub fn start(folder: &Path) -> Server {
        Server::start_in(None, folder, &["--skip-networking"])
    }

    /// The same in a network namespace, where `network` says how it listens.
    pub fn start_in(space: Option<&str>, folder: &Path, network: &[&str]) -> Server {
        let mut server = Server {
            folder: folder.join("mariadb"),
            space: space.map(str::to_string),
            network: network.iter().map(|option| option.to_string()).collect(),
            child: None,
        };
        fs::create_dir_all(server.temporary()).unwrap();
        // Forced, because it would not go on where no name is looked up.
        let done = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--force"])
            .arg(format!("--datadir={}", server.data().display()))
            .arg(format!("--tmpdir={}", server.temporary().display()))
            .args(user())
            // Several that begin at once step on each other's files in /tmp.
            .env("TMPDIR", &server.folder)
            .output()
            .expect("mariadb-install-db is needed: make test installs it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&[done.stderr, done.stdout].concat()));
        server.resume();
        server.sql(
            "CREATE DATABASE weir; CREATE USER weir@localhost IDENTIFIED BY 'secret'; \
                    GRANT ALL ON weir.* TO weir@localhost;",
        );
        server
    }

    /// Starts it again after [`Server::kill`].
    pub fn resume(&mut self) {
        let mut command = match &self.space {
            None => Command::new("mariadbd"),
            Some(space) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", space, "mariadbd"]);
                command
            }
        };
        let child = command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.data().display()))
            .arg(format!("--tmpdir={}", self.temporary().display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", self.folder.join("pid").display()))
            .arg("--innodb-buffer-pool-size=32M")
            .args(&self.network)
            .args(user())
            .env("TMPDIR", &self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadbd is needed: make test installs it");
        self.child = Some(child);
        let ready = self.client("mariadb-admin").args(["--wait=60", "--connect-timeout=60", "ping"]).output();
        assert!(ready.unwrap().status.success(), "MariaDB did not start");
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Runs `sql` as root and returns what it prints.
    pub fn sql(&self, sql: &str) -> String {
        let done =
            self.client("mariadb").args(["--batch", "--skip-column-names", "-e", sql]).output().unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The daemon's account, with this password.
    #[cfg(feature = "mariadb")]
    pub fn account(&self, password: &str) -> Account {
        Account {
            ca: None,
            host: String::new(),
            port: 0,
            socket: self.socket().display().to_string(),
            database: "weir".into(),
            user: "weir".into(),
            password: password.into(),
            timeout: Duration::from_secs(10),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Of its own: a server that starts removes the temporary tables it finds,
    /// those of another test's server too.
    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--no-defaults").arg(format!("--socket={}", self.socket().display())).arg("--user=root");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// MariaDB refuses to run as root unless it is told to.
fn user() -> Option<String> {
    let user = std::env::var("USER").unwrap_or_default();
    let root = user == "root"
        || fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    root.then(|| "--user=root".into())
}
