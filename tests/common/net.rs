//! Two network namespaces of a test's own, joined by a veth pair, and the daemon
//! in one of them. Nothing leaves them. Needs root, as capturing does.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{folder, until};

/// Runs a command line; its output, and whether it went well.
pub fn run(line: &str) -> (bool, String) {
    run_words(&line.split_whitespace().collect::<Vec<_>>())
}

/// The same for words that may have spaces in them.
pub fn run_words(words: &[&str]) -> (bool, String) {
    let done = Command::new(words[0])
        .args(&words[1..])
        .output()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&text).into_owned())
}

pub fn must(line: &str) -> String {
    let (ok, text) = run(line);
    assert!(ok, "{line}: {text}");
    text
}

/// A client and a server, each in a namespace; both and all that runs in them
/// go with it.
pub struct Net {
    pub folder: PathBuf,
    pub client: String,
    pub server: String,
    children: Vec<Child>,
}

impl Net {
    pub fn new(name: &str) -> Net {
        let id = std::process::id();
        let net = Net {
            folder: folder(name),
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
    pub fn plug(&self) {
        let Net { client, server, .. } = self;
        must(&format!("ip -n {client} link add c0 type veth peer name s0 netns {server}"));
        must(&format!("ip -n {client} address add 10.77.0.2/24 dev c0"));
        must(&format!("ip -n {server} address add 10.77.0.1/24 dev s0"));
        must(&format!("ip -n {client} link set c0 up"));
        must(&format!("ip -n {server} link set s0 up"));
    }

    pub fn unplug(&self) {
        must(&format!("ip -n {} link delete c0", self.client));
    }

    /// Starts something in the server's namespace.
    pub fn start(&mut self, line: &str, log: &str) -> u32 {
        self.spawn(&line.split_whitespace().collect::<Vec<_>>(), log)
    }

    /// The same for words that may have spaces in them.
    pub fn spawn(&mut self, words: &[&str], log: &str) -> u32 {
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

    pub fn at_client(&self, line: &str) -> (bool, String) {
        run(&format!("ip netns exec {} {line}", self.client))
    }

    pub fn log(&self) -> String {
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

pub const CONFIG: &str = "[capture]\ninterfaces = [\"s0\"]\n[sqlite]\npath = \"weir.db\"\n\
    [daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\n[store]\ndelay = \"0s\"\n";

/// The daemon in the server's namespace.
pub struct Daemon {
    pub folder: PathBuf,
    pub process: u32,
}

impl Daemon {
    pub fn start(net: &mut Net) -> Daemon {
        let folder = net.folder.clone();
        let line = format!("{} run -c config.toml", env!("CARGO_BIN_EXE_weir"));
        let process = net.start(&line, "weir.log");
        let daemon = Daemon { folder, process };
        until("the daemon runs", || daemon.status()["interfaces"][0]["state"] == "up");
        daemon
    }

    pub fn status(&self) -> Value {
        let done = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["status", "--json", "-c", "config.toml"])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }

    pub fn signal(&self, name: &str) {
        // `ip netns exec` becomes the daemon: it is the same process.
        must(&format!("kill -{name} {}", self.process));
    }

    /// Ends it, and returns its exit code.
    pub fn end(&self, net: &mut Net) -> Option<i32> {
        self.signal("TERM");
        let child = net.children.iter_mut().find(|child| child.id() == self.process).unwrap();
        child.wait().unwrap().code()
    }

    pub fn rows<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let database = rusqlite::Connection::open(self.folder.join("weir.db")).unwrap();
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

pub fn write_config(folder: &Path, features: &str) {
    fs::write(folder.join("config.toml"), CONFIG).unwrap();
    fs::write(folder.join("features.txt"), features).unwrap();
}
