//! What must hold of any bytes at all. The fuzz targets call these with what
//! libFuzzer thinks of, `tests/any_bytes.rs` with captures and chance.

#[path = "streams.rs"]
mod streams;
#[path = "web.rs"]
mod web;

use std::collections::HashMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use weir::dissect::dns::{self, Message};
use weir::dissect::login::Login;
use weir::dissect::{
    self, Dissector, Identity, Opening, PROTOCOLS, Product, Side, Sink, Step, ftp, http, smtp, ssh,
};
use weir::engine::services::{self, Which};
use weir::engine::{AlertOptions, Engine, Options, Stats};
use weir::record::Record;
use weir::rules::{Evidence, Rules};
use weir::store::Store;
use weir::store::eve::Eve;
use weir::threats::{Builder, Limits};
use weir::time::Time;
use weir::wire::{self, Body, Decoder, LinkType, Tunnel, reset};

#[allow(unused_imports)]
pub use streams::{essence, streams};
#[allow(unused_imports)]
pub use web::{http, quic, tls};

/// Link types, the commonest first.
const LINKS: [i32; 10] = [1, 113, 276, 101, 0, 239, 51, 9, 104, 192];

/// Takes from the front of the bytes, and zeros where they are used up.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

fn wire_options() -> wire::Options {
    wire::Options { tunnels: Tunnel::ALL.into_iter().collect(), max_datagrams: 4, max_fragment_bytes: 8_192 }
}

/// Frames: the kind of link, then each with a byte of time, of what the snap
/// length cut, and of length (times four).
pub fn wire(data: &[u8]) {
    let mut bytes = Bytes(data);
    let kind = LinkType::from_number(LINKS[usize::from(bytes.byte()) % LINKS.len()]).unwrap();
    let mut decoder = Decoder::new(wire_options());
    let mut now = Time::from_secs(1_000);
    let mut frames = 0;
    let mut look = |packet: wire::Packet<'_>| {
        assert!(packet.span.first <= packet.span.last && packet.packets > 0);
        assert_eq!(packet.src.is_ipv4(), packet.dst.is_ipv4());
        let (payload, length) = match packet.body {
            Body::Tcp(tcp) => (tcp.payload, tcp.length),
            Body::Udp(udp) => (udp.payload, udp.length),
            _ => return,
        };
        assert!(payload.len() as u64 <= u64::from(length), "more was captured than there was");
        // Of a datagram in pieces some may be missing.
        assert!(length <= packet.bytes || packet.packets > 1, "{length} bytes in {}", packet.bytes);
    };
    while !bytes.0.is_empty() {
        now = now + Duration::from_secs(bytes.byte().into());
        let cut = u32::from(bytes.byte());
        let length = usize::from(bytes.byte()) * 4;
        let frame = bytes.take(length);
        let mut segments = Vec::new();
        decoder.frame(now, now, 0, kind, frame, frame.len() as u32 + cut, &mut |packet| {
            segments.extend(reset::Segment::of(&packet));
            look(packet);
        });
        // What answers them is known when it comes back, and never answered.
        let pairs = segments.iter().filter_map(|segment| reset::pair(kind, frame, segment, None));
        assert!(pairs.flatten().all(|answer| reset::is_own(kind, &answer)));
        decoder.tick(now, &mut look);
        frames += 1;
    }
    decoder.finish(now, &mut look);
    let counters = decoder.counters();
    assert_eq!(counters.frames, frames);
    assert!(counters.not_ip <= frames && counters.orphans <= counters.fragments);
}

/// Takes every message apart that a dissector found.
struct Taker;

impl Sink for Taker {
    fn dns(&mut self, _: dns::Kind, _: Side, message: &Message<'_>) {
        message_holds(message);
    }
}

fn message_holds(message: &Message<'_>) {
    let mut text = String::new();
    for question in message.questions() {
        if question.name.write(&mut text).is_some() {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        text.clear();
    }
    let edns = message.edns();
    let _ = (message.is_whole(), message.rcode(edns.as_ref()), message.opcode());
    if let Some(edns) = edns {
        edns.client_subnet();
    }
    let mut addresses: Vec<IpAddr> = Vec::new();
    let count = dns::write_answers(message, &mut text, |address| addresses.push(address));
    assert_eq!(count == 0, text.is_empty());
    if count > 0 {
        let answers: serde_json::Value = serde_json::from_str(&text).expect("answers are JSON");
        assert_eq!(answers.as_array().map(Vec::len), Some(count.into()), "{text}");
    }
    assert!(addresses.len() <= message.answers().count());
}

/// A payload, first as a message of DNS, then as both sides of a session on
/// each of a few ports. However a stream is cut, the same is found in it.
pub fn dns(data: &[u8]) {
    if let Some(message) = Message::read(data) {
        message_holds(&message);
    }
    for protocol in PROTOCOLS {
        if let Some(datagram) = protocol.datagram {
            datagram(Side::Server, data, &mut Taker);
        }
        if let Some(stream) = protocol.stream {
            let (whole, bit) = (read(stream(), data, usize::MAX), read(stream(), data, 1));
            assert_eq!(whole, bit, "{} reads a stream by how it is cut", protocol.name);
        }
    }
    for (proto, server_port) in [(17, 53), (17, 443), (6, 53), (6, 80), (6, 1)] {
        let opening = Opening { proto, client_port: 50_000, server_port, side: Side::Client, bytes: data };
        if let Identity::Is(protocol) = dissect::identify(&opening) {
            assert!(!protocol.name.is_empty());
        }
    }
}

/// What is found in a stream of which `step` bytes come at a time.
fn read(mut dissector: Box<dyn Dissector>, data: &[u8], step: usize) -> Vec<String> {
    struct Told(Vec<String>);

    impl Told {
        fn tell(&mut self, what: impl Debug) {
            self.0.push(format!("{what:?}"));
        }
    }

    impl Sink for Told {
        fn dns(&mut self, _: dns::Kind, _: Side, message: &Message<'_>) {
            self.tell(message.bytes());
        }

        fn http(&mut self, exchange: http::Exchange) {
            self.tell(exchange);
        }

        fn login(&mut self, login: Login) {
            self.tell(login);
        }

        fn product(&mut self, product: Product) {
            self.tell(product);
        }

        fn ssh(&mut self, hello: ssh::Hello) {
            self.tell(hello);
        }

        fn ftp(&mut self, exchange: ftp::Exchange) {
            self.tell(exchange);
        }

        fn smtp(&mut self, mail: smtp::Mail) {
            self.tell(mail);
        }
    }

    let mut found = Told(Vec::new());
    let (mut taken, mut end) = (0_usize, 0);
    while end < data.len() {
        // Without `min` and `max`: unoptimized these took an eighth of the tests' time.
        end = if data.len() - end > step { end + step } else { data.len() };
        match dissector.data(Side::Client, &data[taken..end], &mut found) {
            Step::Take(bytes) => taken += bytes,
            Step::Done | Step::Reject | Step::Again(_) => break,
        }
        // What is taken beyond the end is left out when it comes.
        if taken >= data.len() {
            break;
        }
        if taken > end {
            end = taken;
        }
    }
    dissector.end(&mut found);
    found.0
}

/// The text of a signature file; what is behind a zero byte is a payload.
/// A file with mistakes names where each is; of one without, the best line
/// decides, whatever the index does.
pub fn rules(data: &[u8]) {
    let split = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (text, payload) = (&data[..split], data.get(split + 1..).unwrap_or_default());
    let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
    let rules = match Rules::parse(text, 100) {
        Ok(rules) => rules,
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                let line = lines.get(mistake.line - 1).expect("a line of the file");
                let letters = String::from_utf8_lossy(line).chars().count();
                assert!((1..=letters + 1).contains(&mistake.column), "{mistake} of {letters}");
                assert!(!mistake.expected.is_empty());
            }
            return;
        }
    };
    let singles: Vec<_> = lines.iter().filter_map(|line| Rules::parse(line, 100).ok()).collect();
    let host = String::from_utf8_lossy(payload).to_ascii_lowercase();
    for (proto, sport, dport) in [(6, 50_000, 443), (17, 50_000, 53), (17, 8_000, 8_001)] {
        for host in [None, Some("www.example.com"), Some(host.as_str())] {
            for payload in [None, Some(payload)] {
                let server = payload.and_then(address);
                let evidence = Evidence { proto, sport, dport, host, server, payload };
                let best =
                    singles.iter().filter_map(|single| single.classify(&evidence)).map(|m| m.rank).max();
                assert_eq!(rules.classify(&evidence).map(|m| m.rank), best, "{evidence:?}");
            }
        }
    }
}

/// A list of what is bad, and behind a zero byte what is looked up. Limits hold, lines
/// are counted once, and what is found stands on the list.
pub fn threats(data: &[u8]) {
    let split = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (text, asked) = (&data[..split], data.get(split + 1..).unwrap_or_default());
    let limits = Limits { entries: 20, bytes: 600 };
    let mut builder = Builder::new(limits);
    assert!(builder.list("any".into(), 1));
    builder.read(text, Time::from_secs(1)).unwrap();
    let threats = builder.finish();
    assert!(threats.entries() <= limits.entries && threats.bytes() <= limits.bytes + 1_024);
    let tally = &threats.lists()[0].tally;
    let lines = text.split(|&byte| byte == b'\n').count() as u64;
    assert!(tally.left + tally.unread <= lines && tally.first_unread.len() as u64 <= tally.unread);
    assert!(threats.entries() as u64 <= tally.addresses + tally.networks + tally.names);
    if let Some(address) = address(asked)
        && let Some(hit) = threats.address(address)
    {
        assert!(hit.entry.contains(address), "{} holds no {address}", hit.entry);
    }
    let name = String::from_utf8_lossy(asked);
    if let Some(hit) = threats.name(&name) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        assert!(name.ends_with(hit.entry), "{name} is not below {}", hit.entry);
        let listed = String::from_utf8_lossy(text).to_ascii_lowercase();
        assert!(listed.contains(hit.entry), "{} is on no list", hit.entry);
    }
}

/// The address that `bytes` begin with, of either kind.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.first()? % 2 {
        0 => bytes.first_chunk::<4>().map(|&octets| octets.into()),
        _ => bytes.first_chunk::<16>().map(|&octets| octets.into()),
    }
}

/// Small limits, so that all of them are met.
fn small(limit: u8) -> Options {
    let limit = usize::from(limit % 8) + 1;
    let secs = |secs: usize| Duration::from_secs(secs as u64);
    Options {
        wire: wire_options(),
        details: true,
        max_sessions: limit,
        tcp_timeout: secs(60 * limit),
        tcp_handshake_timeout: secs(limit),
        tcp_over_timeout: secs(limit / 2),
        udp_timeout: secs(10 * limit),
        report_after: secs(limit),
        report_every: secs(5 * limit),
        max_streams: limit,
        max_stream_bytes: 64 * limit,
        max_stream_side: 48 * limit,
        max_questions: limit,
        question_timeout: secs(limit),
        max_names: limit,
        name_timeout: secs(100 * limit),
        max_devices: limit,
        max_uses: limit,
        app_timeout: secs(30 * limit),
        services: services::Options { which: Which::All, deep: true, max: limit, dedup: secs(30) },
        alerts: AlertOptions {
            enabled: true,
            per_device: limit as u32,
            per_minute: 2 * limit as u32,
            logins: limit as u32,
            logins_span: secs(limit),
            scan_ports: limit as u32,
            scan_hosts: limit as u32,
            scan_span: secs(limit),
            syn_rate: 1,
            udp_rate: 1,
            icmp_rate: 1,
            arp_rate: 1,
            tunnel_names: limit as u32,
            tunnel_bytes: 1,
            tunnel_span: secs(limit),
            tunnel_except: Vec::new(),
        },
    }
}

const LARGEST: u64 = 8;

const SIGNATURES: [&str; 3] = [
    "",
    "Example:[;;;example.com;]\nPorts:[tcp;;80-90;;]\n",
    "Bytes:[;;;;0:61]\nOther:[udp;;;;1:00]\nExample:[;;;www.example.com;]\n",
];

/// What a session might send.
const PAYLOADS: [&[u8]; 8] = [
    b"",
    b"a",
    b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01",
    b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
    b"\0\x21\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01",
    b"\x16\x03\x01\x02\0\x01",
    b"\0\x07\x81\x83\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01",
];

/// An Ethernet frame between a few hosts and ports, shaped by four bytes.
fn frame(shape: [u8; 4]) -> Vec<u8> {
    let [ends, ports, flags, rest] = shape;
    let address = |n: u8| match n & 3 {
        0 => [192, 168, 1, 5],
        1 => [192, 0, 2, 1],
        2 => [192, 168, 1, 1],
        _ => [224, 0, 0, 251],
    };
    let mac = |n: u8| [2, 0, 0, 0, 0, n & 3];
    let port = |n: u8| [53_u16, 80, 40_000, 5_353][usize::from(n & 3)].to_be_bytes();
    let payload = PAYLOADS[usize::from(rest & 7)];
    let is_tcp = ends & 0x80 == 0;
    let header = if is_tcp { 20 } else { 8 };
    let mut bytes = [&mac(ends >> 2)[..], &mac(ends), &[8, 0]].concat();
    bytes.extend([0x45, 0]);
    bytes.extend((20 + header + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, if is_tcp { 6 } else { 17 }, 0, 0]);
    bytes.extend(address(ends));
    bytes.extend(address(ends >> 2));
    bytes.extend(port(ports));
    bytes.extend(port(ports >> 2));
    if is_tcp {
        let seq = u32::from(rest >> 3) * 7;
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    } else {
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
    }
    bytes.extend(payload);
    bytes
}

/// Operations on an engine: packets, time that passes, jumps or is set, other
/// limits, other signatures, arbitrary frames. No packet is lost or counted
/// twice, no limit is passed, and every session is finished.
pub fn engine(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut engine = Engine::new(small(bytes.byte()), signatures(1));
    let ifaces = [engine.interface("lan"), engine.interface("guest")];
    let mut now = Time::from_secs(1_700_000_000);
    let mut records = Vec::new();
    while !bytes.0.is_empty() {
        let operation = bytes.byte();
        let iface = ifaces[usize::from(operation >> 7)];
        match operation & 0x1f {
            0..=15 => {
                let frame = frame([bytes.byte(), bytes.byte(), bytes.byte(), bytes.byte()]);
                // As two interfaces' packets are: a little out of order.
                let late = Duration::from_millis(u64::from(operation >> 5 & 3) * 10);
                engine.packet(now.back(late), iface, LinkType::Ethernet, &frame, frame.len() as u32);
            }
            16..=23 => {
                now = now + Duration::from_millis(1 << (bytes.byte() & 15));
                engine.tick(now);
            }
            24 => now = now + Duration::from_secs(u64::from(bytes.byte()) * 100),
            25 => {
                let set =
                    now.back(Duration::from_secs(1_000)) + Duration::from_secs(u64::from(bytes.byte()) * 10);
                engine.step(now, set);
                now = set;
            }
            26 => engine.configure(small(bytes.byte())),
            27 => engine.set_rules(signatures(bytes.byte())),
            28 => records.extend(engine.drain()),
            _ => {
                let length = usize::from(bytes.byte());
                let frame = bytes.take(length);
                engine.packet(now, iface, LinkType::Ethernet, frame, frame.len() as u32);
            }
        }
        limits_hold(&engine.stats());
    }
    while engine.finish() {}
    records.extend(engine.drain());
    let stats = engine.stats();
    assert_eq!(stats.sessions_open, 0);
    accounts_hold(&records, &stats);
    let mut lines = Vec::new();
    Eve::new(&mut lines).write(&records).unwrap();
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).expect("a line of JSON");
    }
}

fn signatures(which: u8) -> Arc<Rules> {
    let text = SIGNATURES[usize::from(which) % SIGNATURES.len()];
    Arc::new(Rules::parse(text.as_bytes(), 100).unwrap())
}

fn limits_hold(stats: &Stats) {
    let levels = [
        stats.sessions_open,
        stats.streams_open,
        stats.questions_open,
        stats.names,
        stats.devices,
        stats.uses,
    ];
    assert!(levels.iter().all(|level| *level <= LARGEST), "{levels:?}");
}

/// Each packet is in one session and in one minute of one device and app.
fn accounts_hold(records: &[Record], stats: &Stats) {
    let mut sessions = HashMap::new();
    let (mut packets, mut volume) = (0, 0);
    for record in records {
        match record {
            Record::Session(session) => {
                assert!(session.start <= session.last);
                let before = sessions.insert(session.id, session);
                // Once it has ended it is not written again.
                assert!(before.is_none_or(|before| before.reason.is_none()));
            }
            Record::Traffic(minute) => {
                packets += minute.packets;
                volume += minute.bytes_in + minute.bytes_out;
            }
            _ => {}
        }
    }
    assert_eq!((packets, volume), (stats.packets, stats.bytes), "volumes by minute");
    assert!(sessions.values().all(|session| session.reason.is_some()), "a session without an end");
    assert_eq!(sessions.len() as u64, stats.sessions);
    let packets: u64 = sessions.values().map(|session| session.packets_in + session.packets_out).sum();
    let volume: u64 = sessions.values().map(|session| session.bytes_in + session.bytes_out).sum();
    assert_eq!((packets, volume), (stats.packets, stats.bytes), "volumes by session");
}
