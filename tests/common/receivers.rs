//! Real programs that take what Weir sends, each on loopback at a port of its
//! own and below a folder of its own. `make test` unpacks them below target.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::common::net::{must, run_words};
use super::common::until;

/// A port that nobody listens at, of TCP and most likely of UDP.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where the program `name` is, installed or unpacked.
pub fn program(name: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/usr");
    let places = [unpacked.join("sbin"), unpacked.join("bin"), "/usr/sbin".into(), "/usr/bin".into()];
    let found = places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is needed: make test unpacks it"))
}

/// A program that runs until it is told to end.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts `words`; what it says goes to `log`.
    pub fn start(words: &[&str], log: &Path) -> Running {
        let file = fs::File::create(log).unwrap();
        let child = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        Running { child }
    }

    /// Ends it as its service would, and waits for it.
    pub fn end(mut self) {
        must(&format!("kill -TERM {}", self.child.id()));
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for_port(port: u16) {
    until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// rsyslogd, which writes `priority|time|host|program|message`.
pub struct Rsyslog {
    pub port: u16,
    folder: PathBuf,
}

impl Rsyslog {
    pub fn new(folder: &Path) -> Rsyslog {
        Rsyslog { port: free_port(), folder: folder.into() }
    }

    /// Takes UDP and TCP at the same port.
    pub fn start(&self) -> Running {
        let Rsyslog { port, folder } = self;
        let at = folder.display();
        let config = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"64k\")\n\
             module(load=\"imudp\")\nmodule(load=\"imtcp\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"line\" type=\"string\" \
               string=\"%pri-text%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msg%\\n\")\n\
             *.* action(type=\"omfile\" file=\"{at}/messages\" template=\"line\")\n"
        );
        fs::write(folder.join("rsyslog.conf"), config).unwrap();
        let program = program("rsyslogd");
        let modules = modules_of_rsyslog();
        let (program, conf) = (program.display().to_string(), format!("{at}/rsyslog.conf"));
        let (pid, modules) = (format!("{at}/rsyslog.pid"), format!("{}/", modules.display()));
        let words = [&program, "-n", "-f", &conf, "-i", &pid, "-M", &modules];
        let running = Running::start(&words, &folder.join("rsyslog.log"));
        wait_for_port(*port);
        running
    }

    /// The lines that it wrote.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("messages")).unwrap_or_default();
        text.lines().map(Into::into).collect()
    }
}

/// Beside the libraries, which lie in a folder named after the machine.
fn modules_of_rsyslog() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/usr/lib");
    let entries =
        [unpacked, "/usr/lib".into()].map(|place| fs::read_dir(place).into_iter().flatten().flatten());
    let folders = entries.into_iter().flatten().map(|entry| entry.path().join("rsyslog"));
    folders.into_iter().find(|folder| folder.is_dir()).expect("rsyslog has modules")
}

/// mosquitto, which asks for the account weir with the password secret.
pub struct Mosquitto {
    pub port: u16,
    folder: PathBuf,
}

impl Mosquitto {
    pub fn new(folder: &Path) -> Mosquitto {
        let mosquitto = Mosquitto { port: free_port(), folder: folder.into() };
        let at = folder.display();
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {at}/accounts\npersistence false\n\
             user root\nlog_dest stderr\nlog_type all\n",
            mosquitto.port
        );
        fs::write(folder.join("mosquitto.conf"), config).unwrap();
        let passwd = program("mosquitto_passwd").display().to_string();
        let (ok, text) = run_words(&[&passwd, "-b", "-c", &format!("{at}/accounts"), "weir", "secret"]);
        assert!(ok, "{text}");
        mosquitto
    }

    pub fn start(&self) -> Running {
        let conf = self.folder.join("mosquitto.conf").display().to_string();
        let words = [&*program("mosquitto").display().to_string(), "-c", &conf];
        let running = Running::start(&words, &self.folder.join("mosquitto.log"));
        wait_for_port(self.port);
        running
    }

    /// What writes what is published, `retained topic payload`.
    pub fn listener(&self) -> String {
        format!("mosquitto_sub -h 127.0.0.1 -p {} -u weir -P secret -q 1 -t # -F %r|%t|%p", self.port)
    }

    /// Writes that to the file `heard`, once in each run of the broker.
    pub fn listen(&self) -> Running {
        let line = self.listener();
        let running = Running::start(&line.split(' ').collect::<Vec<_>>(), &self.folder.join("heard"));
        let log = self.folder.join("mosquitto.log");
        until("it listens", || fs::read_to_string(&log).unwrap().contains("Sending SUBACK"));
        running
    }

    pub fn heard(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("heard")).unwrap_or_default();
        text.lines().map(Into::into).collect()
    }
}

/// InfluxDB 1, which asks for the account weir with the password secret.
pub struct Influxd {
    pub port: u16,
    folder: PathBuf,
}

impl Influxd {
    pub fn new(folder: &Path) -> Influxd {
        Influxd { port: free_port(), folder: folder.into() }
    }

    pub fn start(&self) -> Running {
        let (at, port) = (self.folder.display(), self.port);
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{}\"\n[meta]\ndir = \"{at}/meta\"\n\
             [data]\ndir = \"{at}/data\"\nwal-dir = \"{at}/wal\"\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\nauth-enabled = true\n",
            free_port()
        );
        fs::write(self.folder.join("influxdb.conf"), config).unwrap();
        let conf = self.folder.join("influxdb.conf").display().to_string();
        let words = [&*program("influxd").display().to_string(), "run", "-config", &conf];
        let running = Running::start(&words, &self.folder.join("influxdb.log"));
        wait_for_port(port);
        running
    }

    /// What it answers to a query.
    pub fn ask(&self, query: &str) -> String {
        let url = format!("http://127.0.0.1:{}/query?db=weir", self.port);
        let query = format!("q={query}");
        let words =
            ["curl", "-s", "-m", "10", "-u", "weir:secret", "-X", "POST", &url, "--data-urlencode", &query];
        run_words(&words).1
    }
}

/// nfcapd, whose flows nfdump shows.
pub struct Nfcapd {
    pub port: u16,
    folder: PathBuf,
}

impl Nfcapd {
    pub fn new(folder: &Path) -> Nfcapd {
        Nfcapd { port: free_port(), folder: folder.into() }
    }

    /// Writes to the folder `run`: in another run it would begin the same file anew.
    pub fn start(&self, run: &str) -> Running {
        let (port, flows) = (self.port.to_string(), self.folder.join(run).display().to_string());
        fs::create_dir_all(&flows).unwrap();
        let program = program("nfcapd").display().to_string();
        let words = [&*program, "-b", "127.0.0.1", "-p", &port, "-w", &flows];
        let log = self.folder.join("nfcapd.log");
        let running = Running::start(&words, &log);
        until("nfcapd listens", || self.waiting().is_some());
        running
    }

    /// Bytes that it has not read yet, in hex; none while it does not listen.
    pub fn waiting(&self) -> Option<String> {
        // 127.0.0.1 and the port, as the kernel lists sockets on this kind of machine.
        let bound = format!("{:08X}:{:04X}", u32::from_ne_bytes([127, 0, 0, 1]), self.port);
        let list = fs::read_to_string("/proc/net/udp").unwrap();
        let line = list.lines().find(|line| line.contains(&bound))?;
        line.split_whitespace().nth(4)?.split(':').nth(1).map(Into::into)
    }

    /// Until it has read what was sent to it.
    pub fn has_read(&self) {
        until("nfcapd has read all", || self.waiting().is_some_and(|bytes| bytes == "00000000"));
    }

    /// What nfdump shows of the flows of a run, by the format `fields`.
    pub fn flows(&self, run: &str, fields: &str) -> Vec<String> {
        let flows = self.folder.join(run).display().to_string();
        let nfdump = program("nfdump").display().to_string();
        let (ok, text) =
            run_words(&[&nfdump, "-q", "-N", "-6", "-R", &flows, "-o", &format!("fmt:{fields}")]);
        assert!(ok, "{text}");
        let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(squeeze).filter(|line| !line.is_empty()).collect()
    }
}
