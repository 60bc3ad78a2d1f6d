//! The daemon on a real interface: two network namespaces of the test's own,
//! joined by a veth pair, with a real resolver, web server, dig and curl.
//! Nothing leaves them. Needs root, as capturing does.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Runs a command line; its output, and whether it went well.
fn run(line: &str) -> (bool, String) {
    let words: Vec<_> = line.split_whitespace().collect();
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|e| panic!("{line}: {e}"));
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn must(line: &str) -> String {
    let (ok, text) = run(line);
    assert!(ok, "{line}: {text}");
    text
}

/// A client and a server, each in a namespace; both and all that runs in them
/// go with it.
struct Net {
    folder: PathBuf,
    client: String,
    server: String,
    children: Vec<Child>,
}

impl Net {
    fn new(name: &str) -> Net {
        let folder = common::folder(name);
        let id = std::process::id();
        let net = Net {
            folder,
            client: format!("weir-c{id}-{name}"),
            server: format!("weir-s{id}-{name}"),
            children: Vec::new(),
        };
        for space in [&net.client, &net.server] {
            must(&format!("ip netns add {space}"));
            must(&format!("ip -n {space} link set lo up"));
        }
        net.plug();
        net
    }

    /// The cable: `c0` at the client, `s0` at the server.
    fn plug(&self) {
        let Net { client, server, .. } = self;
        must(&format!("ip -n {client} link add c0 type veth peer name s0 netns {server}"));
        must(&format!("ip -n {client} address add 10.77.0.2/24 dev c0"));
        must(&format!("ip -n {server} address add 10.77.0.1/24 dev s0"));
        must(&format!("ip -n {client} link set c0 up"));
        must(&format!("ip -n {server} link set s0 up"));
    }

    fn unplug(&self) {
        must(&format!("ip -n {} link delete c0", self.client));
    }

    /// Starts something in the server's namespace.
    fn start(&mut self, line: &str, log: &str) -> u32 {
        let words: Vec<_> = line.split_whitespace().collect();
        let log = fs::File::create(self.folder.join(log)).unwrap();
        let child = Command::new("ip")
            .args(["netns", "exec", &self.server])
            .args(words)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let id = child.id();
        self.children.push(child);
        id
    }

    fn at_client(&self, line: &str) -> (bool, String) {
        run(&format!("ip netns exec {} {line}", self.client))
    }

    /// A web server and a resolver that knows one name.
    fn serve(&mut self) {
        fs::write(self.folder.join("index.html"), "x".repeat(100_000)).unwrap();
        self.start("python3 -m http.server 80 --bind 10.77.0.1", "http.log");
        self.start(
            "dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root \
             --listen-address=10.77.0.1 --bind-interfaces --address=/www.example.com/10.77.0.1",
            "dnsmasq.log",
        );
        common::until("the servers answer", || self.browse());
    }

    /// Asks for the name, then for the page.
    fn browse(&self) -> bool {
        let (_, name) = self.at_client("dig +short +tries=1 +time=2 www.example.com @10.77.0.1");
        let (_, page) =
            self.at_client("curl -s -m 5 -o /dev/null -w %{size_download} http://10.77.0.1/index.html");
        name.trim() == "10.77.0.1" && page == "100000"
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("weir.log")).unwrap_or_default()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in [&self.client, &self.server] {
            let (ok, processes) = run(&format!("ip netns pids {space}"));
            for process in processes.split_whitespace().filter(|_| ok) {
                run(&format!("kill -9 {process}"));
            }
            run(&format!("ip netns delete {space}"));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const CONFIG: &str = "[capture]\ninterfaces = [\"s0\"]\n[sqlite]\npath = \"weir.db\"\n\
    [daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\n[store]\ndelay = \"0s\"\n";

/// The daemon in the server's namespace.
struct Daemon {
    folder: PathBuf,
    process: u32,
}

impl Daemon {
    fn start(net: &mut Net) -> Daemon {
        let folder = net.folder.clone();
        let line = format!("{} run -c config.toml", env!("CARGO_BIN_EXE_weir"));
        let process = net.start(&line, "weir.log");
        let daemon = Daemon { folder, process };
        common::until("the daemon runs", || daemon.status()["interfaces"][0]["state"] == "up");
        daemon
    }

    fn status(&self) -> Value {
        let done = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["status", "--json", "-c", "config.toml"])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        // `ip netns exec` becomes the daemon: it is the same process.
        must(&format!("kill -{name} {}", self.process));
    }

    /// Ends it, and returns its exit code.
    fn end(&self, net: &mut Net) -> Option<i32> {
        self.signal("TERM");
        let child = net.children.iter_mut().find(|child| child.id() == self.process).unwrap();
        child.wait().unwrap().code()
    }

    fn rows<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let database = rusqlite::Connection::open(self.folder.join("weir.db")).unwrap();
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn write_config(folder: &Path, features: &str) {
    fs::write(folder.join("config.toml"), CONFIG).unwrap();
    fs::write(folder.join("features.txt"), features).unwrap();
}

#[test]
fn what_passes_an_interface_is_written_down_and_the_end_is_clean() {
    let mut net = Net::new("all");
    write_config(&net.folder, "Example:[;;;example.com;]\n");
    net.serve();
    let daemon = Daemon::start(&mut net);
    assert!(net.browse());
    common::until("the sessions are seen", || daemon.status()["engine"]["dns_messages"].as_u64() >= Some(2));
    assert_eq!(daemon.end(&mut net), Some(0), "{}", net.log());
    let hosts: Vec<String> = daemon.rows(
        "SELECT host || ' ' || app || ' ' || app_proto || ' ' || state FROM session WHERE server_port = 80",
    );
    assert_eq!(hosts, ["www.example.com Example http closed"]);
    let bytes: Vec<i64> = daemon.rows("SELECT bytes_in FROM session WHERE server_port = 80");
    assert!(bytes[0] > 100_000 && bytes[0] < 120_000, "{bytes:?}");
    let questions: Vec<String> =
        daemon.rows("SELECT qname || ' ' || rcode FROM dns WHERE latency_us IS NOT NULL");
    assert_eq!(questions, ["www.example.com NOERROR"]);
    let devices: Vec<String> =
        daemon.rows("SELECT ipv4 FROM device WHERE ipv4 IS NOT NULL AND mac IS NOT NULL");
    assert_eq!(devices, ["10.77.0.2"]);
    let open: Vec<i64> = daemon.rows("SELECT COUNT(*) FROM session WHERE reason IS NULL");
    assert_eq!(open, [0]);
    // Offered less lost is what arrived, stage by stage.
    let stage = |name: &str, column: &str| -> i64 {
        daemon.rows(&format!("SELECT SUM({column}) FROM health WHERE stage = '{name}'"))[0]
    };
    assert_eq!(stage("s0", "offered") - stage("s0", "lost"), stage("engine", "offered"));
    assert!(!daemon.folder.join("socket").exists());
}

#[test]
fn an_interface_that_goes_away_is_waited_for() {
    let mut net = Net::new("away");
    write_config(&net.folder, "");
    net.serve();
    let daemon = Daemon::start(&mut net);
    assert!(net.browse());
    net.unplug();
    common::until("the loss is noticed", || daemon.status()["interfaces"][0]["state"] == "away");
    assert!(net.log().contains("s0"), "{}", net.log());
    net.plug();
    common::until("it is back", || daemon.status()["interfaces"][0]["state"] == "up");
    let before = daemon.status()["engine"]["sessions"].as_u64().unwrap();
    common::until("sessions are seen again", || {
        net.at_client("curl -s -m 5 -o /dev/null http://10.77.0.1/index.html");
        daemon.status()["engine"]["sessions"].as_u64().unwrap() > before
    });
    let offered = daemon.status()["interfaces"][0]["offered"].as_u64().unwrap();
    assert!(offered > 20, "what came before is not forgotten: {offered}");
    assert_eq!(daemon.end(&mut net), Some(0));
}

#[test]
fn hup_takes_over_what_is_right_and_keeps_what_it_has_otherwise() {
    let mut net = Net::new("hup");
    write_config(&net.folder, "One:[tcp;;80;;]\n");
    let daemon = Daemon::start(&mut net);
    let process = daemon.process;
    let apps = || daemon.status()["features"]["apps"].as_u64();
    assert_eq!(apps(), Some(1));
    fs::write(net.folder.join("features.txt"), "One:[tcp;;80;;]\nTwo:[tcp;;x;;]\n").unwrap();
    daemon.signal("HUP");
    common::until("the mistake is told", || net.log().contains("features.txt:2:11: expected a port"));
    common::until("it is refused", || net.log().contains("nothing was changed"));
    assert_eq!(apps(), Some(1));
    fs::write(net.folder.join("features.txt"), "One:[tcp;;80;;]\nTwo:[tcp;;81;;]\n").unwrap();
    daemon.signal("HUP");
    common::until("the new file is taken over", || apps() == Some(2));
    fs::write(net.folder.join("config.toml"), format!("{CONFIG}batch = \"many\"\n")).unwrap();
    daemon.signal("HUP");
    common::until("the other mistake is told", || {
        net.log().contains("config.toml:10:9: expected a whole number")
    });
    fs::write(net.folder.join("config.toml"), CONFIG.replace("weir.db", "other.db")).unwrap();
    daemon.signal("HUP");
    common::until("another database is made", || net.folder.join("other.db").exists());
    assert_eq!(daemon.status()["interfaces"][0]["state"], "up");
    assert_eq!(daemon.process, process);
    assert_eq!(daemon.end(&mut net), Some(0), "{}", net.log());
}
