//! The engine by its behaviour: frames in, records out, time moved by hand.

use std::sync::Arc;
use std::time::Duration;

use etherparse::PacketBuilder;

use super::{Engine, Options, services};
use crate::record::{Device, Mac, Record, Session};
use crate::rules::Rules;
use crate::time::Time;
use crate::wire::{self, LinkType, Tunnel, flag};

mod alerts;
mod lan;
mod naming;
mod serving;
mod stops;

const CLIENT: [u8; 4] = [192, 168, 1, 5];
const SERVER: [u8; 4] = [192, 0, 2, 1];
const RESOLVER: [u8; 4] = [192, 168, 1, 1];
const PHONE: [u8; 6] = [2, 0, 0, 0, 0, 5];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SYN: u8 = flag::SYN;
const ACK: u8 = flag::ACK;
const FIN: u8 = flag::FIN | flag::ACK;

fn options() -> Options {
    Options {
        wire: wire::Options {
            tunnels: Tunnel::ALL.into_iter().collect(),
            max_datagrams: 8,
            max_fragment_bytes: 100_000,
        },
        details: true,
        max_sessions: 100,
        tcp_timeout: Duration::from_secs(600),
        tcp_handshake_timeout: Duration::from_secs(30),
        tcp_over_timeout: Duration::from_secs(5),
        udp_timeout: Duration::from_secs(60),
        report_after: Duration::from_secs(10),
        report_every: Duration::from_secs(120),
        max_streams: 10,
        max_stream_bytes: 100_000,
        max_stream_side: 70_000,
        max_questions: 10,
        question_timeout: Duration::from_secs(10),
        max_names: 100,
        name_timeout: Duration::from_secs(3600),
        max_devices: 16,
        max_uses: 16,
        app_timeout: Duration::from_secs(300),
        services: services::Options::default(),
        alerts: alerts::options(),
    }
}

/// An engine with a clock and what came out of it so far.
struct Rig {
    engine: Engine,
    now: Time,
    iface: u16,
    out: Vec<Record>,
}

impl Rig {
    fn new(options: Options, features: &str) -> Rig {
        let rules = Rules::parse(features.as_bytes(), 100).unwrap();
        let mut engine = Engine::new(options, Arc::new(rules));
        let iface = engine.interface("lan");
        Rig { engine, now: Time::from_secs(1_000_000), iface, out: Vec::new() }
    }

    fn plain() -> Rig {
        Rig::new(options(), "")
    }

    fn wait(&mut self, millis: u64) -> &mut Rig {
        self.now = self.now + Duration::from_millis(millis);
        self
    }

    fn frame(&mut self, frame: &[u8]) -> &mut Rig {
        self.engine.packet(self.now, self.iface, LinkType::Ethernet, frame, frame.len() as u32);
        self.out.extend(self.engine.drain());
        self
    }

    fn tick(&mut self) -> &mut Rig {
        self.engine.tick(self.now);
        self.out.extend(self.engine.drain());
        self
    }

    fn finish(&mut self) -> &mut Rig {
        while self.engine.finish() {}
        self.out.extend(self.engine.drain());
        self
    }

    /// A segment from the client, or with `back` from the server.
    fn tcp(&mut self, back: bool, flags: u8, seq: u32, payload: &[u8]) -> &mut Rig {
        let (ports, ends) =
            if back { ((80, 40000), (SERVER, CLIENT)) } else { ((40000, 80), (CLIENT, SERVER)) };
        let builder = ethernet(back).ipv4(ends.0, ends.1, 64).tcp(ports.0, ports.1, seq, 1000);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes[14 + 20 + 13] = flags;
        self.frame(&bytes)
    }

    fn udp(&mut self, src: ([u8; 4], u16), dst: ([u8; 4], u16), payload: &[u8]) -> &mut Rig {
        let frame = udp(src, dst, payload);
        self.frame(&frame)
    }

    fn sessions(&self) -> Vec<&Session> {
        let sessions = self.out.iter().filter_map(|record| match record {
            Record::Session(session) => Some(&**session),
            _ => None,
        });
        sessions.collect()
    }
}

fn ethernet(back: bool) -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    let (src, dst) = if back { (ROUTER, PHONE) } else { (PHONE, ROUTER) };
    PacketBuilder::ethernet2(src, dst)
}

fn udp(src: ([u8; 4], u16), dst: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = ethernet(src.0 != CLIENT).ipv4(src.0, dst.0, 64).udp(src.1, dst.1);
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

/// A question for `www.example.com` type A, and its answer with an address.
fn question(id: u8) -> Vec<u8> {
    asking(id, "www.example.com")
}

/// A question of `id` for `name`, type A.
fn asking(id: u8, name: &str) -> Vec<u8> {
    let mut bytes = [&[0, id], &b"\x01\0\0\x01\0\0\0\0\0\0"[..]].concat();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(b"\0\0\x01\0\x01");
    bytes
}

fn answer(id: u8, address: [u8; 4]) -> Vec<u8> {
    let mut bytes = question(id);
    bytes[2..4].copy_from_slice(&[0x81, 0x80]);
    bytes[7] = 1;
    bytes.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
    bytes.extend_from_slice(&address);
    bytes
}

#[test]
fn a_connection_is_one_row_with_all_that_was_seen_of_it() {
    let mut rig = Rig::plain();
    rig.tcp(false, SYN, 9, b"").wait(20).tcp(true, SYN | ACK, 99, b"").wait(5).tcp(false, ACK, 10, b"");
    rig.wait(1).tcp(false, ACK, 10, b"hello").wait(1).tcp(false, ACK, 10, b"hello");
    rig.wait(20).tcp(true, ACK, 100, b"world!").wait(1).tcp(true, FIN, 106, b"").tcp(false, FIN, 15, b"");
    rig.wait(4_999).tick();
    assert!(rig.sessions().is_empty(), "stragglers may come");
    rig.wait(1).tick();
    let [session] = rig.sessions()[..] else { panic!() };
    assert_eq!((session.client, session.client_port), (CLIENT.into(), 40000));
    assert_eq!((session.server, session.server_port), (SERVER.into(), 80));
    assert_eq!((session.packets_out, session.packets_in), (5, 3));
    assert_eq!((session.bytes_out, session.bytes_in), (5 * 40 + 10, 3 * 40 + 6));
    assert_eq!((session.state, session.reason), ("closed", Some("fin")));
    assert_eq!((session.rtt_us, session.retransmissions), (Some(25_000), 1));
    assert_eq!((session.tcp_flags_out, session.tcp_flags_in), (SYN | ACK | flag::FIN, SYN | ACK | flag::FIN));
    assert_eq!((session.client_mac, &*session.iface), (Some(Mac(PHONE)), "lan"));
    assert_eq!(session.last.since(session.start), Duration::from_millis(48));
    // Rows are named in the order in which they are first written.
    assert_eq!(session.id.time(), session.last + Duration::from_secs(5));
}

#[test]
fn a_silent_session_ends_on_its_timeout() {
    let mut rig = Rig::plain();
    rig.udp((CLIENT, 5000), (SERVER, 6000), b"x").wait(59_999).tick();
    assert!(rig.sessions().is_empty());
    rig.wait(1).tick();
    assert_eq!(rig.sessions()[0].reason, Some("timeout"));
    // Without a tick in between, the next packet still begins a new session.
    rig.udp((CLIENT, 5000), (SERVER, 6000), b"x")
        .wait(60_000)
        .udp((CLIENT, 5000), (SERVER, 6000), b"x")
        .finish();
    let reasons: Vec<_> = rig.sessions().iter().map(|session| session.reason).collect();
    assert_eq!(reasons, [Some("timeout"), Some("timeout"), Some("shutdown")]);
}

#[test]
fn ports_that_are_used_again_make_another_session() {
    let mut rig = Rig::plain();
    rig.tcp(false, SYN, 9, b"").tcp(false, SYN, 9, b"").wait(1).tcp(false, SYN, 5_000, b"").finish();
    let seen: Vec<_> = rig.sessions().iter().map(|s| (s.packets_out, s.reason)).collect();
    assert_eq!(seen, [(2, Some("reused")), (1, Some("shutdown"))]);
    assert!(rig.sessions()[0].id < rig.sessions()[1].id);
}

#[test]
fn a_capture_begun_in_mid_stream_finds_the_client() {
    let mut rig = Rig::plain();
    rig.tcp(true, ACK, 1, b"220 hello").finish();
    let session = rig.sessions()[0];
    assert_eq!((session.client_port, session.server_port, session.packets_in), (40000, 80, 1));
    assert_eq!((session.state, session.rtt_us), ("established", None));
    assert_eq!(session.client_mac, Some(Mac(PHONE)), "the client's, although the server sent the frame");
}

#[test]
fn a_full_table_writes_down_whom_it_lets_go() {
    let mut rig = Rig::new(Options { max_sessions: 3, ..options() }, "");
    for port in 50_001..=50_005 {
        rig.wait(10).udp((CLIENT, port), (SERVER, 6000), b"x");
    }
    let gone: Vec<_> = rig.sessions().iter().map(|s| (s.client_port, s.reason)).collect();
    assert_eq!(gone, [(50_001, Some("evicted")), (50_002, Some("evicted"))]);
    assert_eq!((rig.engine.stats().ended_by_eviction, rig.engine.stats().sessions_open), (2, 3));
}

#[test]
fn a_session_that_goes_on_is_written_under_one_id() {
    let mut rig = Rig::plain();
    rig.udp((CLIENT, 7), (SERVER, 7), b"short");
    for _ in 0..30 {
        rig.wait(10_000).udp((CLIENT, 5000), (SERVER, 6000), b"x").tick();
    }
    rig.finish();
    let long: Vec<_> = rig.sessions().into_iter().filter(|s| s.client_port == 5000).collect();
    // When it had lasted 10 s, then every two minutes, and at its end.
    let times: Vec<_> = long.iter().map(|s| s.last.since(s.start).as_secs()).collect();
    assert_eq!(times, [10, 130, 250, 290]);
    assert!(long.iter().all(|session| session.id == long[0].id));
    let reasons: Vec<_> = long.iter().map(|session| session.reason).collect();
    assert_eq!(reasons, [None, None, None, Some("shutdown")]);
    let short = rig.sessions().into_iter().filter(|s| s.client_port == 7).count();
    assert_eq!(short, 1, "what is over is not written before its end");
}

#[test]
fn a_packet_on_two_interfaces_counts_once() {
    let mut rig = Rig::plain();
    let wan = rig.engine.interface("wan");
    for _ in 0..3 {
        rig.udp((CLIENT, 5000), (SERVER, 6000), b"x");
        rig.engine.packet(rig.now, wan, LinkType::Ethernet, &udp((CLIENT, 5000), (SERVER, 6000), b"x"), 43);
    }
    rig.finish();
    assert_eq!(rig.sessions()[0].packets_out, 3);
    assert_eq!((rig.engine.stats().copies, rig.engine.stats().packets), (3, 3));
}

#[test]
fn dns_is_joined_and_names_the_session_that_follows() {
    let mut rig = Rig::plain();
    rig.udp((CLIENT, 5353), (RESOLVER, 53), &question(1));
    rig.wait(30).udp((RESOLVER, 53), (CLIENT, 5353), &answer(1, SERVER));
    rig.wait(5).tcp(false, SYN, 9, b"").finish();
    let rows: Vec<_> =
        rig.out.iter().filter_map(|r| if let Record::Dns(d) = r { Some(d) } else { None }).collect();
    let [row] = rows[..] else { panic!() };
    assert_eq!((row.qname.as_deref(), row.qtype.as_deref()), (Some("www.example.com"), Some("A")));
    assert_eq!((row.rcode.as_deref(), row.latency_us, row.asked), (Some("NOERROR"), Some(30_000), 1));
    assert_eq!(row.answers.as_deref(), Some(r#"[{"rrtype":"A","ttl":60,"rdata":"192.0.2.1"}]"#));
    assert_eq!((row.client, row.server), (CLIENT.into(), RESOLVER.into()));
    let named = rig.sessions().into_iter().find(|session| session.server_port == 80).unwrap();
    assert_eq!((named.host.as_deref(), named.host_source), (Some("www.example.com"), Some("dns")));
}

#[test]
fn questions_are_lost_in_no_case() {
    let mut rig = Rig::plain();
    let ask = |rig: &mut Rig, id| {
        rig.wait(10).udp((CLIENT, 5353), (RESOLVER, 53), &question(id));
    };
    // Asked twice and answered twice, answered unasked, never answered.
    ask(&mut rig, 1);
    ask(&mut rig, 1);
    for id in [1, 1, 2] {
        rig.wait(10).udp((RESOLVER, 53), (CLIENT, 5353), &answer(id, SERVER));
    }
    ask(&mut rig, 3);
    rig.wait(10_000).tick();
    let rows: Vec<_> = rig
        .out
        .iter()
        .filter_map(|r| if let Record::Dns(d) = r { Some((d.txid, d.asked, d.latency_us)) } else { None })
        .collect();
    assert_eq!(rows, [(1, 1, Some(20_000)), (1, 1, Some(20_000)), (2, 0, None), (3, 1, None)]);
    for id in 10..30 {
        ask(&mut rig, id);
    }
    rig.finish();
    let asked = rig.out.iter().filter(|r| matches!(r, Record::Dns(d) if d.txid >= 10)).count();
    assert_eq!(asked, 20, "also those that did not fit");
}

const FEATURES: &str = "#class web Web\nExample:[;;;example.com;]\nPort:[tcp;;80;;]\nBytes:[udp;;;;0:aabb]\n";

fn apps(rig: &Rig) -> Vec<(String, u32, u64, u64, Option<Time>)> {
    let rows = rig.out.iter().filter_map(|record| match record {
        Record::App(row) => Some((row.app.to_string(), row.sessions, row.bytes_out, row.bytes_in, row.ended)),
        _ => None,
    });
    rows.collect()
}

#[test]
fn an_app_is_known_by_name_by_port_and_by_its_first_bytes() {
    let mut rig = Rig::new(options(), FEATURES);
    rig.tcp(false, SYN, 9, b"");
    rig.udp((CLIENT, 5353), (RESOLVER, 53), &question(1)).udp(
        (RESOLVER, 53),
        (CLIENT, 5353),
        &answer(1, SERVER),
    );
    rig.udp((CLIENT, 5000), (SERVER, 443), b"x");
    rig.udp((CLIENT, 6000), ([192, 0, 2, 9], 7), b"").udp((CLIENT, 6000), ([192, 0, 2, 9], 7), b"\xaa\xbb");
    rig.finish();
    let of = |port| {
        let session = rig.sessions().into_iter().find(|session| session.server_port == port).unwrap();
        session.app.as_deref().map(str::to_owned)
    };
    assert_eq!(of(80).as_deref(), Some("Port"));
    assert_eq!(of(443).as_deref(), Some("Example"));
    assert_eq!(of(7).as_deref(), Some("Bytes"), "named late");
    let all = apps(&rig);
    assert!(all.iter().any(|(app, sessions, out, ..)| app == "Bytes" && *sessions == 1 && *out == 28 + 30));
}

#[test]
fn use_of_an_app_ends_when_it_is_silent_and_minutes_add_up() {
    let mut rig = Rig::new(options(), FEATURES);
    for _ in 0..10 {
        rig.wait(20_000).udp((CLIENT, 5000), (SERVER, 7), b"\xaa\xbb");
        rig.udp((SERVER, 7), (CLIENT, 5000), &[0; 72]);
    }
    let end = rig.now;
    rig.wait(299_999).tick();
    assert!(apps(&rig).iter().all(|row| row.4.is_none()));
    rig.wait(1).tick();
    assert_eq!(apps(&rig).last(), Some(&("Bytes".to_owned(), 1, 300, 1_000, Some(end))));
    let minutes: Vec<_> = rig
        .out
        .iter()
        .filter_map(
            |r| if let Record::Traffic(t) = r { Some((t.time, t.bytes_out, t.packets)) } else { None },
        )
        .collect();
    assert!(minutes.len() >= 4 && minutes.iter().all(|(time, ..)| *time == time.minute()));
    assert_eq!(minutes.iter().map(|(_, bytes, _)| bytes).sum::<u64>(), 300);
    assert_eq!(minutes.iter().map(|(_, _, packets)| packets).sum::<u64>(), 20);
}

#[test]
fn a_device_is_the_side_in_the_lan() {
    let mut rig = Rig::plain();
    // Two public networks behind one MAC: that is the router.
    rig.udp((SERVER, 7), (CLIENT, 5000), b"x").udp(([198, 51, 100, 9], 7), (CLIENT, 5000), b"x");
    rig.finish();
    assert!(rig.sessions().iter().all(|session| session.device == Device::Mac(Mac(PHONE))));
    let mut things = rig.out.iter().filter_map(|r| if let Record::Thing(t) = r { Some(t) } else { None });
    assert_eq!(things.next_back().unwrap().ipv4, Some(CLIENT.into()));
}

#[test]
fn what_a_tunnel_carries_counts_once() {
    let mut inner = Vec::new();
    PacketBuilder::ipv4(CLIENT, SERVER, 64).udp(5000, 6000).write(&mut inner, &[0; 100]).unwrap();
    let mut frame = Vec::new();
    let builder = ethernet(false).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
    builder.write(&mut frame, etherparse::IpNumber::IPV4, &inner).unwrap();
    let mut rig = Rig::plain();
    rig.frame(&frame).finish();
    let seen: Vec<_> = rig.sessions().iter().map(|s| (s.proto.0, s.bytes_out, s.app_proto)).collect();
    assert!(seen.contains(&(4, 148, Some("ipip"))) && seen.contains(&(17, 128, None)), "{seen:?}");
    let volume: u64 = rig.out.iter().map(|r| if let Record::Traffic(t) = r { t.bytes_out } else { 0 }).sum();
    assert_eq!(volume, 128);
    let stats = rig.engine.stats();
    assert_eq!((stats.bytes_in, stats.bytes_out), (0, 128));
}

#[test]
fn a_clock_that_is_set_takes_what_goes_on_with_it() {
    let mut rig = Rig::plain();
    rig.udp((CLIENT, 5000), (SERVER, 6000), b"x").wait(5_000);
    let set = Time::from_secs(1_700_000_000);
    rig.engine.step(rig.now, set);
    rig.now = set;
    rig.wait(54_999).tick();
    assert!(rig.sessions().is_empty(), "it waited 5 s before and 55 s after");
    rig.wait(1).tick();
    assert_eq!(rig.sessions()[0].start, set.back(Duration::from_secs(5)));
}

#[test]
fn a_capture_whose_time_goes_back_still_ends_its_sessions() {
    let mut rig = Rig::plain();
    rig.wait(10_000_000).udp((CLIENT, 50_001), (SERVER, 6000), b"x");
    rig.now = Time::from_secs(1_000_000);
    rig.udp((CLIENT, 50_002), (SERVER, 6000), b"x").wait(60_000).tick();
    let ended: Vec<_> = rig.sessions().iter().map(|s| (s.client_port, s.reason)).collect();
    assert_eq!(ended, [(50_001, Some("timeout")), (50_002, Some("timeout"))]);
}

#[test]
fn other_rules_and_limits_are_taken_over_without_losing_a_session() {
    let mut rig = Rig::new(options(), FEATURES);
    rig.tcp(false, SYN, 9, b"").wait(5_000).udp((CLIENT, 5000), (SERVER, 6000), b"x");
    let rules = Rules::parse(b"New:[udp;;6001;;]\n", 9).unwrap();
    rig.engine.set_rules(Arc::new(rules));
    rig.engine.configure(Options { max_sessions: 2, ..options() });
    rig.udp((CLIENT, 5000), (SERVER, 6001), b"x").finish();
    let seen: Vec<_> = rig.sessions().iter().map(|s| (s.server_port, s.app.as_deref(), s.reason)).collect();
    assert!(seen.contains(&(80, Some("Port"), Some("evicted"))), "{seen:?}");
    assert!(seen.contains(&(6001, Some("New"), Some("shutdown"))) && seen.len() == 3, "{seen:?}");
}

#[test]
fn other_rules_name_the_sessions_that_go_on() {
    let request = b"GET / HTTP/1.1\r\nHost: www.new.example\r\n\r\n";
    let mut rig = Rig::new(options(), "Old:[;;;example;]\nBytes:[;;;;0:7800]\n");
    rig.tcp(false, SYN, 9, b"").tcp(false, ACK, 10, request);
    rig.udp((CLIENT, 5000), (SERVER, 6000), b"x\0");
    let rules = Rules::parse(b"New:[;;;new.example;]\nPort:[udp;;6000;;]\n", 9).unwrap();
    rig.engine.set_rules(Arc::new(rules));
    rig.finish();
    let mut seen: Vec<_> = rig.sessions().iter().map(|s| (s.server_port, s.app.clone().unwrap())).collect();
    seen.sort();
    assert_eq!(seen, [(80, "New".into()), (6000, "Bytes".into())]);
}

#[test]
fn the_deadline_is_when_something_is_due() {
    let mut rig = Rig::plain();
    assert_eq!(rig.engine.deadline(), None);
    rig.udp((CLIENT, 5353), (RESOLVER, 53), &question(1));
    let begin = rig.now;
    assert_eq!(rig.engine.deadline(), Some(begin + Duration::from_secs(10)));
    rig.wait(10_000).tick();
    assert_eq!(rig.engine.deadline(), Some(begin.minute() + Duration::from_secs(60)));
}
