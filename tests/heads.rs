//! Heads beside tap, at a router with NAT: both see the same real traffic at
//! once, and have to tell the same of it.

mod common;
#[path = "common/routed.rs"]
mod routed;

use std::collections::BTreeMap;
use std::fs;

use routed::{ROUTER, Routed, SERVER, SERVER6, Watcher, kernel_can};

/// Short connections, each of a question and an answer of about 4 kB.
const SHORT: usize = 3_000;

/// Sends what it is asked for: as many bytes as the line says.
const SHORT_SERVER: &str = "
import socketserver
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b'x' * int(self.rfile.readline()))
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 1024
    daemon_threads = True
Server(('203.0.113.9', 7000), Answer).serve_forever()
";

/// Asks `argv[1]` times, sixteen at once, each from a port that no other has.
const SHORT_CLIENT: &str = "
import socket, sys, threading
def ask(first):
    for port in range(first, 10000 + int(sys.argv[1]), 16):
        with socket.create_connection(('203.0.113.9', 7000), source_address=('', port)) as to:
            to.sendall(b'4000\\n')
            assert sum(map(len, iter(lambda: to.recv(65536), b''))) == 4000
threads = [threading.Thread(target=ask, args=(10000 + n,)) for n in range(16)]
[t.start() for t in threads]; [t.join() for t in threads]
";

/// One session as both have to have it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
struct Ends(String);

#[derive(Debug)]
struct Told {
    packets: i64,
    bytes: [i64; 2],
    names: String,
}

/// Sessions with the server or the router itself, by their ends.
fn sessions(watcher: &Watcher) -> BTreeMap<Ends, Told> {
    let database = watcher.database();
    let sql = format!(
        "SELECT proto || ' ' || client || ' ' || client_port || ' ' || server || ' ' || server_port, \
         packets_out + packets_in, bytes_out, bytes_in, CONCAT_WS(' ', host, host_source, app, app_proto, \
         device, iface, state) FROM session WHERE server IN ('{SERVER}', '{SERVER6}', '{ROUTER}')"
    );
    let mut statement = database.prepare(&sql).unwrap();
    let rows = statement.query_map((), |row| {
        let told = Told { packets: row.get(1)?, bytes: [row.get(2)?, row.get(3)?], names: row.get(4)? };
        Ok((Ends(row.get(0)?), told))
    });
    let mut all = BTreeMap::new();
    for (ends, told) in rows.unwrap().map(Result::unwrap) {
        assert!(all.insert(ends.clone(), told).is_none(), "{ends:?} is there twice at {}", watcher.name);
    }
    all
}

fn serve(net: &mut Routed) {
    let (router, server) = (net.router.clone(), net.server.clone());
    fs::write(net.folder.join("blob"), vec![b'x'; 1_000_000]).unwrap();
    net.start(&server, "python3 -m http.server 80 --bind :: --protocol HTTP/1.1", "http.log");
    net.spawn(&server, &["python3", "-c", SHORT_SERVER], "short.log");
    net.start(&server, "iperf3 -s", "iperf.log");
    let dns = format!(
        "dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root --listen-address={ROUTER} \
         --bind-interfaces --address=/www.example.com/{SERVER} --address=/www.example.com/{SERVER6}"
    );
    net.start(&router, &dns, "dnsmasq.log");
    let dig = format!("dig +short +tries=1 +time=2 www.example.com @{ROUTER}");
    common::until("the name server answers", || net.at(&net.client, &dig).1.contains(SERVER));
    for port in [80, 7000, 5201] {
        let line = format!("python3 -c import·socket;socket.create_connection((\"{SERVER}\",{port}))");
        let words: Vec<String> = line.split(' ').map(|word| word.replace('·', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let space = [&["ip", "netns", "exec", &*net.client], &words[..]].concat();
        common::until("the servers answer", || common::net::run_words(&space).0);
    }
}

/// What a person and their things do; bytes that came down by TCP and went up
/// by UDP, as iperf3 counted them, and how much of each was sent again.
fn traffic(net: &Routed) -> [(i64, i64, i64); 2] {
    let download = "curl -sS -m 50 -o /dev/null -w %{size_download}";
    for version in ["-4", "-6"] {
        let to = if version == "-4" { SERVER.to_owned() } else { format!("[{SERVER6}]") };
        let asked = net.at_client(&format!(
            "dig +short www.example.com {} @{ROUTER}",
            if version == "-4" { "A" } else { "AAAA" }
        ));
        assert!(asked.contains(if version == "-4" { SERVER } else { SERVER6 }), "{asked}");
        let url = format!("http://www.example.com/blob --resolve www.example.com:80:{to}");
        for _ in 0..3 {
            assert_eq!(net.at_client(&format!("{download} {version} {url}")), "1000000");
        }
    }
    net.at_client(&format!("curl -sS -m 50 -o /dev/null -w %{{size_download}} http://{SERVER}/nothing"));
    let script = net.folder.join("short.py");
    fs::write(&script, SHORT_CLIENT).unwrap();
    net.at_client(&format!("python3 {} {SHORT}", script.display()));
    // What the receiver got is what was sent, for these two.
    ["-R -n 20M", "-u -b 50M -n 4M"].map(|how| {
        let text = net.at_client(&format!("iperf3 -c {SERVER} -J {how}"));
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let sum = |name: &str| told["end"][name]["bytes"].as_u64();
        assert!(net.at_client(&format!("iperf3 -c {SERVER6} -n 8M -J")).contains("sum_sent"));
        let moved = sum("sum_received").or_else(|| sum("sum")).unwrap() as i64;
        // What was sent twice passed twice, in segments of no more than this.
        let again = told["end"]["sum_sent"]["retransmits"].as_i64().unwrap_or(0) * 1500;
        // A datagram that a busy machine drops may never have come to the router.
        let lost = told["end"]["sum"]["lost_packets"].as_i64().unwrap_or(0) * 1500;
        (moved, again, lost)
    })
}

fn close(a: i64, b: i64) -> bool {
    // One per cent, or the packet that one of them saw and the other did not.
    (a - b).abs() <= (a.max(b) / 100).max(100)
}

#[test]
fn heads_and_tap_tell_the_same() {
    if !kernel_can("heads1") {
        return;
    }
    let mut net = Routed::new("heads");
    serve(&mut net);
    fs::write(net.folder.join("features.txt"), "Example:[;;;example.com;]\n").unwrap();
    let tap = net.daemon("tap", "source = \"tap\"");
    let heads = net.daemon("heads", "source = \"heads\"");
    assert_eq!(heads.status()["source"]["way"], "heads");
    assert!(net.tables().contains("table inet weir"));
    let before = net.counted(&net.client, "c0");
    let moved = traffic(&net);
    let after = net.counted(&net.client, "c0");
    for watcher in [&tap, &heads] {
        watcher.signal("TERM");
        assert_eq!(net.wait(watcher.process), Some(0), "{}", watcher.log());
    }
    assert!(!net.tables().contains("weir"), "its table goes with it");

    let (by_tap, by_heads) = (sessions(&tap), sessions(&heads));
    let missing: Vec<_> = by_tap.keys().filter(|ends| !by_heads.contains_key(ends)).collect();
    let more: Vec<_> = by_heads.keys().filter(|ends| !by_tap.contains_key(ends)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:?}, more {more:?}");
    assert!(by_heads.len() >= SHORT + 15, "{}", by_heads.len());
    let mut differ = Vec::new();
    for (ends, a) in &by_tap {
        let b = &by_heads[ends];
        if a.packets != b.packets {
            println!("{ends:?}: {} and {} packets", a.packets, b.packets);
        }
        if !(close(a.bytes[0], b.bytes[0]) && close(a.bytes[1], b.bytes[1])) || a.names != b.names {
            differ.push(format!("{ends:?}: {a:?} {b:?}"));
        }
    }
    assert!(differ.is_empty(), "{} of {}: {:#?}", differ.len(), by_tap.len(), &differ[..differ.len().min(9)]);

    // What the client's interface has counted, and what iperf3 has.
    let sums = [1, 0].map(|side: usize| by_heads.values().map(|told| told.bytes[side]).sum::<i64>());
    for way in 0..2 {
        let counted = (after[way] - before[way]) as i64;
        assert!((sums[way] - counted).abs() <= counted / 100, "{sums:?} of {before:?} to {after:?}");
    }
    let most = |proto: &str, side: usize| {
        let of = by_heads.iter().filter(|(ends, _)| ends.0.starts_with(proto) && ends.0.ends_with(" 5201"));
        of.map(|(_, told)| (told.bytes[side], told.packets)).max().unwrap()
    };
    let (down, _) = most("tcp", 1);
    let (up, datagrams) = most("udp", 0);
    let up = up - datagrams * 28;
    println!("heads: {} sessions, {sums:?} bytes; iperf3 moved {moved:?}, told {down} {up}", by_heads.len());
    for (told, (moved, again, lost)) in [down, up].into_iter().zip(moved) {
        let slack = moved / 100;
        let fits = (moved - lost - slack..=moved + again + slack).contains(&told);
        assert!(fits, "{told} for {moved}, {again} sent again, {lost} lost");
    }
    for watcher in [&tap, &heads] {
        let sql =
            "SELECT SUM(bytes_line), SUM(bytes_seen), SUM(bytes_unnamed) FROM coverage WHERE iface = 'lan'";
        let [line, seen, unnamed] = watcher
            .database()
            .query_row(sql, (), |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]))
            .unwrap();
        println!("{}: {seen} of {line} bytes seen, {unnamed} without a name", watcher.name);
        assert!((line - seen).abs() <= line / 100 && line > sums[0] && unnamed < seen / 100);
    }
    let named = by_heads.iter().filter(|(ends, _)| ends.0.ends_with(" 80"));
    let named = named.filter(|(_, told)| told.names.starts_with("www.example.com http Example http")).count();
    assert_eq!(named, 6);
}

#[test]
fn the_table_comes_back_and_goes_however_the_daemon_ends() {
    if !kernel_can("heads2") {
        return;
    }
    let mut net = Routed::new("table");
    let router = net.router.clone();
    fs::write(net.folder.join("features.txt"), "").unwrap();
    let heads = net.daemon("heads", "source = \"auto\"");
    assert_eq!(heads.status()["source"]["way"], "heads", "{}", heads.log());
    // As a firewall does that is stopped.
    net.at(&router, "nft flush ruleset");
    common::until("the table is put back", || {
        heads.log().contains("it is put back") && net.tables().contains("table inet weir")
    });
    // What kills it leaves no time to take it away; the next one does.
    heads.signal("KILL");
    net.wait(heads.process);
    assert!(net.tables().contains("table inet weir"));
    let next = net.daemon("heads", "source = \"heads\"");
    next.signal("TERM");
    assert_eq!(net.wait(next.process), Some(0), "{}", next.log());
    assert!(!net.tables().contains("weir"));
    // Or anybody, by hand.
    let last = net.daemon("heads", "source = \"heads\"");
    last.signal("KILL");
    net.wait(last.process);
    assert!(net.at(&router, &format!("{} nft --remove", env!("CARGO_BIN_EXE_weir"))).0);
    assert!(!net.tables().contains("weir"));
}
