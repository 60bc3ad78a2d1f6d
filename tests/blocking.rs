//! Policies at a router with NAT: what they name stops within a second, what
//! they do not goes on, and nothing stays behind.

mod common;
#[path = "common/endless.rs"]
mod endless;
#[path = "common/routed.rs"]
mod routed;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use endless::{ENDLESS, FEATURES, download, goes_on, got, stops};
use routed::{CLIENT, Routed, SERVER, SERVER6, Watcher, kernel_can};

fn daemon(net: &mut Routed, source: &str, policies: &str) -> Watcher {
    fs::write(net.folder.join("features.txt"), FEATURES).unwrap();
    let settings = format!("source = \"{source}\"\n[blocking]\nenabled = true\n{policies}");
    net.daemon("weir", &settings)
}

const POLICY: &str = "[[policy]]\nname = \"no video\"\napps = [\"tube\"]\n";

/// Writes other policies and lets the daemon read them.
fn change(net: &Routed, watcher: &Watcher, from: &str, to: &str) {
    let path = net.folder.join("weir.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
    watcher.signal("HUP");
}

#[allow(clippy::disallowed_methods)]
fn a_download_stops(source: &str) {
    let mut net = Routed::new(&format!("stop-{source}"));
    let server = net.server.clone();
    net.spawn(&server, &["python3", "-c", ENDLESS], "endless.log");
    common::until("the server is there", || net.at(&server, "ss -Hltn").1.contains(":80"));
    let sleeping = "[[policy]]\nname = \"no video\"\napps = [\"tube\"]\ntimes = [\"OTHER\"]\n";
    // Never now: the day after the next.
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let today = Command::new("date").arg("+%u").output().unwrap().stdout;
    let today: usize = String::from_utf8_lossy(&today).trim().parse().unwrap();
    let sleeping = sleeping.replace("OTHER", days[(today + 2) % 7]);
    let watcher = daemon(&mut net, source, &sleeping);
    let mut tube = download(&net, "www.tube.example", SERVER, "tube");
    let mut tube6 = download(&net, "www.tube.example", SERVER6, "tube6");
    let mut work = download(&net, "www.work.example", SERVER, "work");
    for log in ["tube", "tube6", "work"] {
        goes_on(&net, log);
    }
    // The daemon knows the app by now: it has had seconds of the first packets.
    common::until("the sessions are known", || watcher.status()["engine"]["sessions"].as_u64() >= Some(3));

    change(&net, &watcher, &sleeping, POLICY);
    let since = Instant::now();
    let took = [stops(&mut tube, since), stops(&mut tube6, since)];
    println!("{source}: stopped after {took:?}");
    assert!(took.iter().all(|took| *took < Duration::from_secs(1)), "{took:?}");
    for log in ["tube", "tube6"] {
        let said = fs::read_to_string(net.folder.join(log)).unwrap();
        assert!(said.contains("reset by peer"), "{said}");
    }
    goes_on(&net, "work");
    assert!(work.try_wait().unwrap().is_none());
    // A new one goes no further than its name.
    let since = Instant::now();
    let mut again = download(&net, "cdn.tube.example", SERVER, "again");
    assert!(stops(&mut again, since) < Duration::from_secs(1));
    goes_on(&net, "work");

    // Its time is over: the next one goes on.
    change(&net, &watcher, POLICY, &sleeping);
    common::until("it is open again", || {
        let mut later = download(&net, "www.tube.example", SERVER, "later");
        common::until("it goes on or ends", || {
            got(&net, "later") > 100_000 || later.try_wait().unwrap().is_some()
        });
        let open = later.try_wait().unwrap().is_none();
        let _ = later.kill();
        let _ = later.wait();
        open
    });
    work.kill().unwrap();
    work.wait().unwrap();
    assert_eq!(watcher.status()["blocking"]["failed"], 0);
    watcher.signal("TERM");
    assert_eq!(net.wait(watcher.process), Some(0), "{}", watcher.log());
    let rows: Vec<(String, i64)> = watcher
        .database()
        .prepare("SELECT policy || ' ' || action || ' ' || app || ' ' || host, SUM(sessions) FROM stop GROUP BY 1 ORDER BY 1")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(rows.contains(&("no video stopped Tube cdn.tube.example".into(), 1)), "{rows:?}");
    assert!(rows.contains(&("no video stopped Tube www.tube.example".into(), 2)), "{rows:?}");
    assert!(!net.tables().contains("weir"));
}

#[test]
fn a_download_stops_with_heads() {
    if !kernel_can("blocking1") {
        return;
    }
    a_download_stops("heads");
}

#[test]
fn a_download_stops_with_tap() {
    if !kernel_can("blocking2") {
        return;
    }
    a_download_stops("tap");
}

#[test]
fn what_was_killed_leaves_nothing_after_the_next_start() {
    if !kernel_can("blocking3") {
        return;
    }
    let mut net = Routed::new("killed");
    let (server, router) = (net.server.clone(), net.router.clone());
    net.spawn(&server, &["python3", "-c", ENDLESS], "endless.log");
    common::until("the server is there", || net.at(&server, "ss -Hltn").1.contains(":80"));
    let whole = format!("[[policy]]\nname = \"all\"\ndevices = [\"{CLIENT}\"]\n");
    let watcher = daemon(&mut net, "heads", &whole);
    let mut work = download(&net, "www.work.example", SERVER, "work");
    assert!(!work.wait().unwrap().success());
    let marked = || net.at(&router, "conntrack -L --mark 0x40000000/0x40000000").1;
    assert!(marked().contains(SERVER), "{}", marked());
    watcher.signal("KILL");
    let process = watcher.process;
    net.wait(process);
    assert!(net.tables().contains("weir"));
    // The next has no policy any more: its rules have no part that stops.
    let next = daemon(&mut net, "heads", "");
    assert!(!net.at(&router, "nft list table inet weir").1.contains("reject"));
    next.signal("TERM");
    net.wait(next.process);
    // One that has some begins without the marks of before.
    let last = daemon(&mut net, "tap", "[[policy]]\nname = \"other\"\napps = [\"Nothing\"]\n");
    assert!(!net.at(&router, "conntrack -L --mark 0x40000000/0x40000000").1.contains(SERVER));
    let mut free = download(&net, "www.work.example", SERVER, "free");
    goes_on(&net, "free");
    let _ = free.kill();
    let _ = free.wait();
    last.signal("TERM");
    assert_eq!(net.wait(last.process), Some(0), "{}", last.log());
    assert!(!net.tables().contains("weir"));
}

#[test]
fn rules_stay_when_the_way_to_watch_changes() {
    if !kernel_can("blocking4") {
        return;
    }
    let mut net = Routed::new("ways");
    let router = net.router.clone();
    let watcher = daemon(&mut net, "tap", POLICY);
    let rules = |net: &Routed| net.at(&router, "nft list table inet weir").1;
    assert!(rules(&net).contains("reject") && !rules(&net).contains("log group"));
    for (from, to) in [("tap", "heads"), ("heads", "tap")] {
        change(&net, &watcher, &format!("source = \"{from}\""), &format!("source = \"{to}\""));
        common::until("it watches the other way", || watcher.status()["source"]["way"] == to);
        common::until("the rules are those of both", || {
            rules(&net).contains("reject") && rules(&net).contains("log group") == (to == "heads")
        });
    }
    assert!(!watcher.log().contains("taken away"), "{}", watcher.log());
    // Resets need none of it.
    let (rules_way, resets_way) = ("enabled = true", "enabled = true\nway = \"resets\"");
    change(&net, &watcher, rules_way, resets_way);
    common::until("it resets", || watcher.status()["blocking"]["way"] == "resets");
    assert!(!net.tables().contains("weir"));
    change(&net, &watcher, resets_way, rules_way);
    common::until("the rules are there again", || net.tables().contains("weir"));
    change(&net, &watcher, "enabled = true", "enabled = false");
    common::until("the rules are gone", || !net.tables().contains("weir"));
    watcher.signal("TERM");
    assert_eq!(net.wait(watcher.process), Some(0), "{}", watcher.log());
}
