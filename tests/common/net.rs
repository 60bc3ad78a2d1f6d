//! Network namespaces of a test's own, and daemons in them; the simplest are two,
//! joined by a veth pair. Nothing leaves them. Needs root, as capturing does.
#![allow(dead_code)]

use std::fs;
use std::ops::{Deref, DerefMut};
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

/// Namespaces and a folder; all that runs in them goes with them.
pub struct Spaces {
    pub folder: PathBuf,
    names: Vec<String>,
    children: Vec<Child>,
}

impl Spaces {
    /// One for each of `parts`, with their names.
    pub fn new<const N: usize>(name: &str, parts: [&str; N]) -> (Spaces, [String; N]) {
        let id = std::process::id();
        let names = parts.map(|part| format!("weir-{part}{id}-{name}"));
        let mut spaces = Spaces { folder: folder(name), names: Vec::new(), children: Vec::new() };
        let names = names.map(|name| spaces.another(name));
        (spaces, names)
    }

    /// One more of them.
    pub fn another(&mut self, name: String) -> String {
        must(&format!("ip netns add {name}"));
        must(&format!("ip -n {name} link set lo up"));
        self.names.push(name.clone());
        name
    }

    /// Starts `words` in `space`; its output goes to the file `log`.
    pub fn spawn(&mut self, space: &str, words: &[&str], log: &str) -> u32 {
        let file = fs::File::create(self.folder.join(log)).unwrap();
        // `ip netns exec` becomes the program: it is the same process.
        let child = Command::new("ip")
            .args(["netns", "exec", space])
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let id = child.id();
        self.children.push(child);
        id
    }

    /// The same for a line without spaces in its words.
    pub fn start(&mut self, space: &str, line: &str, log: &str) -> u32 {
        self.spawn(space, &line.split_whitespace().collect::<Vec<_>>(), log)
    }

    /// A daemon in `space`, by the configuration `name`.toml in the folder.
    pub fn daemon(&mut self, space: &str, name: &str) -> Watcher {
        let line = format!("{} run -c {name}.toml", env!("CARGO_BIN_EXE_weir"));
        let process = self.start(space, &line, &format!("{name}.log"));
        let watcher = Watcher { folder: self.folder.clone(), name: name.into(), process };
        until("the daemon runs", || watcher.status()["interfaces"][0]["state"] == "up");
        watcher
    }

    /// Waits for the end of `process`, which is its exit code.
    pub fn wait(&mut self, process: u32) -> Option<i32> {
        let child = self.children.iter_mut().find(|child| child.id() == process).unwrap();
        child.wait().unwrap().code()
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in &self.names {
            let (ok, processes) = run(&format!("ip netns pids {space}"));
            for process in processes.split_whitespace().filter(|_| ok) {
                run(&format!("kill -9 {process}"));
            }
            run(&format!("ip netns delete {space}"));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// One daemon, whose files begin with its name.
pub struct Watcher {
    pub folder: PathBuf,
    pub name: String,
    pub process: u32,
}

impl Watcher {
    pub fn status(&self) -> Value {
        let done = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["status", "--json", "-c", &format!("{}.toml", self.name)])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    pub fn signal(&self, name: &str) {
        must(&format!("kill -{name} {}", self.process));
    }

    /// Ends it, and returns its exit code.
    pub fn end(&self, spaces: &mut Spaces) -> Option<i32> {
        self.signal("TERM");
        spaces.wait(self.process)
    }

    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.join(format!("{}.db", self.name))).unwrap()
    }

    pub fn rows<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let database = self.database();
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// A client and a server.
pub struct Net {
    spaces: Spaces,
    pub client: String,
    pub server: String,
}

impl Net {
    pub fn new(name: &str) -> Net {
        let (spaces, [client, server]) = Spaces::new(name, ["c", "s"]);
        let net = Net { spaces, client, server };
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

    /// Starts something at the server.
    pub fn serve(&mut self, line: &str, log: &str) -> u32 {
        self.spaces.start(&self.server, line, log)
    }

    /// The same for words that may have spaces in them.
    pub fn serve_words(&mut self, words: &[&str], log: &str) -> u32 {
        self.spaces.spawn(&self.server, words, log)
    }

    /// The daemon at the server, by [`write_config`].
    pub fn daemon_at_server(&mut self) -> Watcher {
        self.spaces.daemon(&self.server, "weir")
    }

    pub fn run_at_server(&self, line: &str) -> (bool, String) {
        run(&format!("ip netns exec {} {line}", self.server))
    }

    pub fn at_client(&self, line: &str) -> (bool, String) {
        run(&format!("ip netns exec {} {line}", self.client))
    }
}

impl Deref for Net {
    type Target = Spaces;

    fn deref(&self) -> &Spaces {
        &self.spaces
    }
}

impl DerefMut for Net {
    fn deref_mut(&mut self) -> &mut Spaces {
        &mut self.spaces
    }
}

pub const CONFIG: &str = "[capture]\ninterfaces = [\"s0\"]\n[sqlite]\npath = \"weir.db\"\n\
    [daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\n[store]\ndelay = \"0s\"\n";

pub fn write_config(folder: &Path, features: &str) {
    fs::write(folder.join("weir.toml"), CONFIG).unwrap();
    fs::write(folder.join("features.txt"), features).unwrap();
}
