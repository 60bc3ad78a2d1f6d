//! The daemon on a real interface, with a real resolver, web server, dig and
//! curl at its two ends.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use common::net::{CONFIG, Net, write_config};

/// A web server and a resolver that knows one name.
fn serve(net: &mut Net) {
    fs::write(net.folder.join("index.html"), "x".repeat(100_000)).unwrap();
    // As HTTP/1.1, which keeps connections.
    net.serve("python3 -m http.server 80 --bind 10.77.0.1 --protocol HTTP/1.1", "http.log");
    net.serve(
        "dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root \
         --listen-address=10.77.0.1 --bind-interfaces --address=/www.example.com/10.77.0.1",
        "dnsmasq.log",
    );
    common::until("the servers answer", || browse(net));
}

fn resolve(net: &Net) -> bool {
    let (_, name) = net.at_client("dig +short +tries=1 +time=2 www.example.com @10.77.0.1");
    name.trim() == "10.77.0.1"
}

/// Asks for the name, then for the page.
fn browse(net: &Net) -> bool {
    let resolved = resolve(net);
    let (_, page) =
        net.at_client("curl -s -m 5 -o /dev/null -w %{size_download} http://10.77.0.1/index.html");
    resolved && page == "100000"
}

/// A connection that is kept, and asks for the page when it is told to.
struct Kept {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

const KEPT: &str = "
import http.client, sys
kept = http.client.HTTPConnection('10.77.0.1')
kept.connect()
print('connected', flush=True)
for order in sys.stdin:
    kept.request('GET', '/index.html', headers={'Host': 'www.example.com'})
    print(len(kept.getresponse().read()), flush=True)
";

impl Kept {
    fn connect(net: &Net) -> Kept {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &net.client, "python3", "-c", KEPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut kept = Kept { child, orders, answers };
        assert_eq!(kept.answer(), "connected");
        kept
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().into()
    }

    fn ask(&mut self) {
        writeln!(self.orders).unwrap();
        assert_eq!(self.answer(), "100000");
    }

    fn close(mut self) {
        drop(self.orders);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn what_passes_an_interface_is_written_down_and_the_end_is_clean() {
    let mut net = Net::new("all");
    write_config(&net.folder, "Example:[;;;example.com;]\n");
    serve(&mut net);
    let daemon = net.daemon_at_server();
    assert!(browse(&net));
    common::until("the sessions are seen", || daemon.status()["engine"]["dns_messages"].as_u64() >= Some(2));
    assert_eq!(daemon.end(&mut net), Some(0), "{}", daemon.log());
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
    serve(&mut net);
    let daemon = net.daemon_at_server();
    assert!(browse(&net));
    net.unplug();
    common::until("the loss is noticed", || daemon.status()["interfaces"][0]["state"] == "away");
    assert!(daemon.log().contains("s0"), "{}", daemon.log());
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
    let daemon = net.daemon_at_server();
    let process = daemon.process;
    let apps = || daemon.status()["features"]["apps"].as_u64();
    assert_eq!(apps(), Some(1));
    fs::write(net.folder.join("features.txt"), "One:[tcp;;80;;]\nTwo:[tcp;;x;;]\n").unwrap();
    daemon.signal("HUP");
    common::until("the mistake is told", || daemon.log().contains("features.txt:2:11: expected a port"));
    common::until("it is refused", || daemon.log().contains("nothing was changed"));
    assert_eq!(apps(), Some(1));
    fs::write(net.folder.join("features.txt"), "One:[tcp;;80;;]\nTwo:[tcp;;81;;]\n").unwrap();
    daemon.signal("HUP");
    common::until("the new file is taken over", || apps() == Some(2));
    fs::write(net.folder.join("weir.toml"), format!("{CONFIG}batch = \"many\"\n")).unwrap();
    daemon.signal("HUP");
    common::until("the other mistake is told", || {
        daemon.log().contains("weir.toml:10:9: expected a whole number")
    });
    fs::write(net.folder.join("weir.toml"), CONFIG.replace("weir.db", "other.db")).unwrap();
    daemon.signal("HUP");
    common::until("another database is made", || net.folder.join("other.db").exists());
    assert_eq!(daemon.status()["interfaces"][0]["state"], "up");
    assert_eq!(daemon.process, process);
    assert_eq!(daemon.end(&mut net), Some(0), "{}", daemon.log());
}

#[test]
fn other_signatures_are_taken_over_while_sessions_go_on() {
    let mut net = Net::new("signatures");
    write_config(&net.folder, "Old:[tcp;;80;;]\n");
    serve(&mut net);
    let daemon = net.daemon_at_server();
    let mut named = Kept::connect(&net);
    named.ask();
    let mut silent = Kept::connect(&net);
    // The daemon has read them when it has read what came after.
    assert!(resolve(&net));
    common::until("both are seen", || daemon.status()["engine"]["dns_messages"].as_u64() >= Some(2));
    fs::write(net.folder.join("features.txt"), "New:[;;;example.com\n").unwrap();
    daemon.signal("HUP");
    common::until("the mistake is told", || daemon.log().contains("nothing was changed"));
    named.ask();
    fs::write(net.folder.join("features.txt"), "New:[;;;example.com;]\nOther:[tcp;;1;;]\n").unwrap();
    daemon.signal("HUP");
    common::until("the new file is taken over", || daemon.status()["features"]["apps"] == 2);
    named.ask();
    silent.ask();
    let mut later = Kept::connect(&net);
    later.ask();
    for kept in [named, silent, later] {
        kept.close();
    }
    assert_eq!(daemon.end(&mut net), Some(0), "{}", daemon.log());
    // Each is one row, with all that passed before and after.
    let sessions: Vec<String> = daemon.rows(
        "SELECT CONCAT_WS(' ', app, host, reason, bytes_in / 100000) FROM session \
         WHERE server_port = 80 ORDER BY start",
    );
    assert_eq!(
        sessions,
        ["New www.example.com fin 3", "New www.example.com fin 1", "New www.example.com fin 1"]
    );
}

#[test]
fn packets_are_kept_and_those_of_a_session_come_out() {
    let mut net = Net::new("export");
    write_config(&net.folder, "Example:[;;;example.com;]\n");
    let config = net.folder.join("weir.toml");
    let more = "[export]\nenabled = true\nfolder = \"pcap\"\napps = [\"Example\"]\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + more).unwrap();
    serve(&mut net);
    let daemon = net.daemon_at_server();
    assert!(browse(&net));
    common::until("packets are written", || daemon.status()["export"]["written"].as_u64() >= Some(20));
    assert_eq!(daemon.status()["export"]["dropped"], 0);
    assert_eq!(daemon.end(&mut net), Some(0), "{}", daemon.log());
    let ids: Vec<i64> = daemon.rows("SELECT id FROM session WHERE server_port = 80");
    let counts: Vec<i64> = daemon.rows("SELECT packets_in + packets_out FROM session WHERE server_port = 80");
    let out = |session: &str| {
        let args = ["export", "-c", config.to_str().unwrap(), "--session", session];
        Command::new(env!("CARGO_BIN_EXE_weir")).args(args).output().unwrap()
    };
    let done = out(&ids[0].to_string());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let path = net.folder.join("session.pcapng");
    fs::write(&path, &done.stdout).unwrap();
    let mut seen = 0;
    common::packets(&path, |_| seen += 1);
    // Every one of them, also those from before the request named the app.
    assert_eq!(seen, counts[0]);
    let none = out("7");
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));
}

#[test]
fn packets_are_printed_as_they_pass_until_a_signal_comes() {
    let mut net = Net::new("print");
    write_config(&net.folder, "");
    serve(&mut net);
    let line = format!("{} print -c weir.toml -i s0 --port 80 --host 10.77.0.2", env!("CARGO_BIN_EXE_weir"));
    let process = net.serve(&line, "print.log");
    let log = net.folder.join("print.log");
    let printed = || fs::read_to_string(&log).unwrap();
    common::until("packets are printed", || browse(&net) && printed().contains(" tcp SYN seq "));
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
    assert_eq!(net.wait(process), Some(0), "{}", printed());
    assert!(printed().lines().all(|line| line.contains("10.77.0.1:80(http)")), "{}", printed());
}
