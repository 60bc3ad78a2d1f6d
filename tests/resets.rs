//! Resets from beside the way, at a switch: what policies name ends within a
//! second, what they do not goes on.

mod common;
#[path = "common/endless.rs"]
mod endless;
#[path = "common/routed.rs"]
mod routed;

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use common::net::must;
use endless::{ENDLESS, FEATURES, download, goes_on, stops};
use routed::{Routed, Watcher, kernel_can_mirror};

const SERVER: &str = "192.168.7.9";
const SERVER6: &str = "fd00:7::9";

/// A policy that is only tried stops nothing.
const TRIED: &str = "[[policy]]\nname = \"no video\"\napps = [\"tube\"]\ndry_run = true\n";

/// Both ends send all the time, without waiting for each other: neither waits
/// for the same number for long.
const CHAT: &str = "
import socket, sys, threading, time
def listen(end):
    while end.recv(4000): pass
def talk(end):
    threading.Thread(target=listen, args=(end,), daemon=True).start()
    while True:
        end.sendall(b'x' * 100)
        time.sleep(0.003)
if len(sys.argv) > 1:
    talk(socket.create_connection((sys.argv[1], 7000)))
listener = socket.create_server(('', 7000))
while True:
    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()
";

/// What the port to the client passes, in both directions, is at `mon0` too.
const MIRROR: &str = "table netdev mirror {
 chain in { type filter hook ingress device lan priority 0; dup to mon0; }
 chain out { type filter hook egress device lan priority 0; dup to mon0; }
}
";

fn served(name: &str) -> Routed {
    let mut net = Routed::switched(name);
    fs::write(net.folder.join("features.txt"), FEATURES).unwrap();
    let server = net.server.clone();
    net.spawn(&server, &["python3", "-c", ENDLESS], "endless.log");
    common::until("the server is there", || net.at(&server, "ss -Hltn").1.contains(":80"));
    net
}

fn settings(source: &str, interface: &str, policies: &str) -> String {
    format!(
        "source = \"{source}\"\n[blocking]\nenabled = true\nway = \"resets\"\n\
         reset_interface = \"{interface}\"\n{policies}"
    )
}

#[allow(clippy::disallowed_methods)]
fn a_download_ends(net: &mut Routed, watcher: &Watcher) {
    let mut tube = download(net, "www.tube.example", SERVER, "tube");
    let mut tube6 = download(net, "www.tube.example", SERVER6, "tube6");
    let mut work = download(net, "www.work.example", SERVER, "work");
    for log in ["tube", "tube6", "work"] {
        goes_on(net, log);
    }
    common::until("the sessions are known", || watcher.status()["engine"]["sessions"].as_u64() >= Some(3));

    enforce(net, watcher);
    let since = Instant::now();
    let took = [&mut tube, &mut tube6].map(|child| stops(child, since));
    // A new one goes no further than its name.
    let since = Instant::now();
    let mut again = download(net, "cdn.tube.example", SERVER, "again");
    let next = stops(&mut again, since);
    // The status is made once in a second.
    common::until("all three are counted", || watcher.status()["blocking"]["done"] == 3);
    println!("stopped after {took:?}, a new one after {next:?}: {}", watcher.status()["blocking"]);
    assert!(took.iter().chain([&next]).all(|took| *took < Duration::from_secs(1)), "{took:?} {next:?}");
    for log in ["tube", "tube6", "again"] {
        let said = fs::read_to_string(net.folder.join(log)).unwrap();
        assert!(said.contains("reset by peer"), "{log}: {said}");
    }
    // No end is left with a connection that the other has not.
    for space in [&net.client, &net.server] {
        common::until("only the other is open", || {
            net.at(space, "ss -Htn state established").1.lines().count() == 1
        });
    }
    goes_on(net, "work");
    ends(&mut work);
}

/// The policies are no longer only tried.
fn enforce(net: &Routed, watcher: &Watcher) {
    let path = net.folder.join("weir.toml");
    let tried = fs::read_to_string(&path).unwrap();
    fs::write(&path, tried.replace("dry_run = true", "dry_run = false")).unwrap();
    watcher.signal("HUP");
}

fn ends(child: &mut Child) {
    assert!(child.try_wait().unwrap().is_none(), "it went on");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What was written down, when the daemon has ended.
fn rows(net: &mut Routed, watcher: &Watcher) -> Vec<(String, i64)> {
    watcher.signal("TERM");
    assert_eq!(net.wait(watcher.process), Some(0), "{}", watcher.log());
    watcher
        .database()
        .prepare("SELECT action || ' ' || app || ' ' || host, SUM(sessions) FROM stop GROUP BY 1 ORDER BY 1")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_download_ends_by_resets_from_a_mirror_port() {
    if !kernel_can_mirror("resets1") {
        return;
    }
    let mut net = served("mirror");
    let sensor = net.another("m", &[("mon", "mon0"), ("out", "back")]);
    must(&format!("ip -n {} link set back master br-lan", net.router));
    net.rules(MIRROR);
    let watcher = net.daemon_at(&sensor, "mon", "weir", &settings("auto", "out", TRIED));
    a_download_ends(&mut net, &watcher);
    let blocking = watcher.status()["blocking"].clone();
    assert_eq!((&blocking["way"], &blocking["failed"]), (&"resets".into(), &0.into()), "{blocking}");
    // Those for the client are in the mirror too.
    assert!(blocking["seen_again"].as_u64() > Some(0), "{blocking}");
    assert!(watcher.log().contains("source: tap, as resets need every frame"), "{}", watcher.log());
    // The switch still knows behind which port the server is.
    let macs = must(&format!("ip -n {} -j link show s0", net.server));
    let macs: serde_json::Value = serde_json::from_str(&macs).unwrap();
    let known = must(&format!("bridge -n {} fdb show brport back", net.router));
    assert!(!known.contains(macs[0]["address"].as_str().unwrap()), "{known}");
    let rows = rows(&mut net, &watcher);
    assert!(rows.contains(&("stopped Tube cdn.tube.example".into(), 1)), "{rows:?}");
    assert!(rows.contains(&("stopped Tube www.tube.example".into(), 2)), "{rows:?}");
}

#[test]
fn a_download_ends_by_resets_from_the_bridge_it_passes() {
    if !kernel_can_mirror("resets2") {
        return;
    }
    let mut net = served("bridge");
    let switch = net.router.clone();
    let watcher = net.daemon_at(&switch, "br-lan", "weir", &settings("tap", "", TRIED));
    a_download_ends(&mut net, &watcher);
    let blocking = watcher.status()["blocking"].clone();
    assert_eq!((&blocking["failed"], &blocking["over_limit"]), (&0.into(), &0.into()), "{blocking}");
    rows(&mut net, &watcher);
}

#[test]
#[allow(clippy::disallowed_methods)]
fn two_that_talk_all_the_time_are_stopped() {
    if !kernel_can_mirror("resets3") {
        return;
    }
    let mut net = served("chat");
    let (client, server, switch) = (net.client.clone(), net.server.clone(), net.router.clone());
    net.spawn(&server, &["python3", "-c", CHAT], "server.log");
    common::until("the server is there", || net.at(&server, "ss -Hltn").1.contains(":7000"));
    let all = "[[policy]]\nname = \"all\"\ndevices = [\"192.168.7.2\"]\ndry_run = true\n";
    let watcher = net.daemon_at(&switch, "br-lan", "weir", &settings("tap", "", all));
    let chat = net.spawn(&client, &["python3", "-c", CHAT, SERVER], "chat.log");
    let mut fast = download(&net, "www.work.example", SERVER, "fast");
    goes_on(&net, "fast");
    common::until("they talk", || watcher.status()["engine"]["packets"].as_u64() > Some(500));
    enforce(&net, &watcher);
    let since = Instant::now();
    assert_eq!(net.wait(chat), Some(1));
    let took = [since.elapsed(), stops(&mut fast, since)];
    common::until("it is counted", || watcher.status()["blocking"]["done"].as_u64() >= Some(2));
    println!("stopped after {took:?}: {}", watcher.status()["blocking"]);
    assert!(took.iter().all(|took| *took < Duration::from_secs(1)), "{took:?}");
    let said = fs::read_to_string(net.folder.join("chat.log")).unwrap();
    // The one that sends may hear of it after the one that receives.
    assert!(said.contains("ConnectionResetError") || said.contains("BrokenPipeError"), "{said}");
    watcher.signal("TERM");
    assert_eq!(net.wait(watcher.process), Some(0), "{}", watcher.log());
}
