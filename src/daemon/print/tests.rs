use etherparse::PacketBuilder;

use super::*;
use crate::places::Places;
use crate::wire::{LinkType, Tunnel, flag};

const A: [u8; 4] = [192, 168, 1, 5];
const B: [u8; 4] = [192, 0, 2, 1];

struct Rig {
    printer: Printer,
    out: String,
    secs: u64,
}

impl Rig {
    fn new(options: Options) -> Rig {
        let tunnels = Tunnel::ALL.into_iter().collect();
        let wire = wire::Options { tunnels, max_datagrams: 8, max_fragment_bytes: 100_000 };
        let stats = options.stats.then(|| Stats::new(Places::open(None, None, 16).0));
        Rig { printer: Printer::new(&options, wire, stats), out: String::new(), secs: 60 }
    }

    fn frame(&mut self, bytes: &[u8]) -> &mut Rig {
        let (time, on_wire) = (Time::from_secs(self.secs), bytes.len() as u32);
        let frame = Frame { time, iface: 0, iface_name: "", kind: LinkType::Ethernet, bytes, on_wire };
        self.printer.frame(&frame, &mut self.out);
        self
    }

    fn tcp(&mut self, back: bool, flags: u8, seq: u32, payload: &[u8]) -> &mut Rig {
        let (ends, ports) = if back { ((B, A), (80, 40_000)) } else { ((A, B), (40_000, 80)) };
        let builder =
            PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(ends.0, ends.1, 64);
        let mut bytes = Vec::new();
        builder.tcp(ports.0, ports.1, seq, 512).write(&mut bytes, payload).unwrap();
        bytes[14 + 20 + 13] = flags;
        self.frame(&bytes)
    }

    fn udp(&mut self, src: ([u8; 4], u16), dst: ([u8; 4], u16), payload: &[u8]) -> &mut Rig {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(src.0, dst.0, 64);
        builder.udp(src.1, dst.1).write(&mut bytes, payload).unwrap();
        self.frame(&bytes)
    }

    fn text(&mut self) -> String {
        let rest = self.printer.finish();
        std::mem::take(&mut self.out) + &rest
    }
}

fn follow() -> Rig {
    Rig::new(Options { follow: true, ..Options::default() })
}

#[test]
fn a_segment_is_a_line_with_all_that_its_headers_say() {
    let mut rig = Rig::new(Options::default());
    rig.tcp(false, flag::SYN | flag::ACK, 9, b"hello");
    assert_eq!(
        rig.text(),
        "1970-01-01 00:01:00.000000 02:00:00:00:00:01 > 02:00:00:00:00:02 192.168.1.5:40000 > \
         192.0.2.1:80(http) tcp SYN,ACK seq 9 ack 0 length 5 win 512 ttl 64, 59 bytes\n"
    );
}

#[test]
fn arp_and_errors_are_words() {
    let mut rig = Rig::new(Options::default());
    let arp = [
        &[0xff; 6][..],
        &[2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1],
        &A,
        &[0; 6],
        &B,
    ];
    rig.frame(&arp.concat());
    let mut quoted = Vec::new();
    PacketBuilder::ipv4(A, B, 1).udp(5, 53).write(&mut quoted, b"x").unwrap();
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(B, A, 64);
    builder.icmpv4_raw(11, 0, [0; 4]).write(&mut bytes, &quoted).unwrap();
    rig.frame(&bytes).frame(&[2; 9]).frame(&[&[2; 12][..], &[0x88, 0xcc, 1]].concat());
    let text = rig.text();
    let lines: Vec<&str> = text.lines().map(|line| line.split_at(27).1).collect();
    assert_eq!(
        lines[0],
        "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff arp who has 192.0.2.1? tell 192.168.1.5 at 02:00:00:00:00:01, 42 bytes"
    );
    assert!(lines[1].contains("icmp time to live is over, of 192.168.1.5 > 192.0.2.1 udp ttl 64"), "{text}");
    assert_eq!(lines[2], "malformed, 9 bytes");
    assert!(lines[3].ends_with("type 0x88cc LLDP, 15 bytes"), "{text}");
}

#[test]
fn payloads_are_shown_only_where_asked_for_and_order_nothing() {
    let payload = b"PASS hunter2\r\n\x1b]0;x\x07\xc2\x9b2J";
    for (dump, holds) in [
        (None, ""),
        (Some(Dumped::Hex), "0000  50 41 53 53"),
        (Some(Dumped::Text), "    PASS hunter2\n    \\027]0;x\\007\\194\\1552J\n"),
        (Some(Dumped::Both), "53 20 68 75 6e 74 65 72 32 0d 0a 1b 5d  PASS hunter2..."),
    ] {
        let mut rig = Rig::new(Options { dump, ..Options::default() });
        rig.tcp(false, flag::ACK, 9, payload);
        let text = rig.text();
        assert!(text.contains(holds), "{text}");
        assert_eq!(dump.is_none(), !text.contains("hunter2") && !text.contains("68 75"), "{text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn what_is_asked_for_alone_is_shown() {
    let select = |text: &str| {
        let (host, port, one_way) = match text.split(' ').collect::<Vec<_>>()[..] {
            [host, port, one_way] => (host.parse().ok(), port.parse().ok(), one_way == "one-way"),
            _ => panic!(),
        };
        let mut rig = Rig::new(Options { select: Select { port, host, one_way }, ..Options::default() });
        rig.tcp(false, flag::SYN, 9, b"").tcp(true, flag::ACK, 9, b"").udp((A, 5), ([9; 4], 6), b"x");
        rig.text().lines().count()
    };
    assert_eq!((select("- - -"), select("192.0.2.1 - -"), select("192.168.1.5 - -")), (3, 2, 3));
    assert_eq!((select("192.0.2.1 - one-way"), select("- 80 -"), select("- 80 one-way")), (1, 2, 1));
    assert_eq!((select("192.168.1.5 6 one-way"), select("192.0.2.1 6 -"), select("::1 - -")), (1, 0, 0));
}

#[test]
fn a_conversation_is_in_order_whatever_came_when() {
    let mut rig = follow();
    rig.tcp(false, flag::SYN, 9, b"").tcp(true, flag::SYN | flag::ACK, 99, b"");
    rig.tcp(false, flag::ACK, 14, b"lo\n").tcp(false, flag::ACK, 10, b"hell").tcp(
        false,
        flag::ACK,
        12,
        b"ll",
    );
    rig.tcp(true, flag::ACK, 100, b"world\n").tcp(false, flag::ACK, 17, b"again\n");
    let text = rig.text();
    let said: Vec<&str> = text.lines().filter(|line| !line.starts_with("---")).collect();
    assert_eq!(said, ["hell", "lo", "world", "again"]);
    let turns: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("--- 1 ")?.get(..1)).collect();
    assert_eq!(turns, [">", "<", ">"]);
}

#[test]
fn a_hole_is_told_and_not_waited_for_for_ever() {
    let mut rig = follow();
    rig.tcp(false, flag::SYN, 9, b"").tcp(false, flag::ACK, 20, b"behind\n");
    assert!(!rig.out.contains("behind"));
    assert!(rig.text().contains("[10 bytes are missing]\nbehind\n"));
    let mut rig = follow();
    rig.tcp(false, flag::SYN, 9, b"");
    for n in 0..400 {
        rig.tcp(false, flag::ACK, 100 + n * 1_000, &[b'x'; 1_000]);
    }
    assert!(rig.out.contains("[90 bytes are missing]"));
    assert!(rig.out.matches('x').count() >= 140_000);
}

#[test]
fn dns_shows_all_its_sections() {
    let mut rig = Rig::new(Options { dns: true, ..Options::default() });
    let name = b"\x01a\x02io\0";
    let message = [
        b"\0\x07\x81\x83\0\x01\0\0\0\x01\0\x01",
        &name[..],
        b"\0\x01\0\x01\xc0\x0e\0\x02\0\x01\0\0\0\x3c\0\x05\x02n\x1b\xc0\x0e",
        b"\x02n\x1b\xc0\x0e\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04",
    ];
    rig.udp((B, 53), (A, 5_000), &message.concat()).udp((B, 53), (A, 5_000), b"no dns");
    let text = rig.text();
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "dns answer id 7 opcode 0 NXDOMAIN rd ra",
            "asked      a.io IN A",
            "authority  io 60 IN NS n\\027.io",
            "additional n\\027.io 60 IN A 1.2.3.4",
        ]
    );
}

#[test]
fn http_shows_no_cookie() {
    let mut rig = Rig::new(Options { http: true, ..Options::default() });
    rig.tcp(false, flag::SYN, 9, b"");
    rig.tcp(false, flag::ACK, 10, b"GET /a HTTP/1.1\r\nHost: a.io\r\nCookie: hun");
    rig.tcp(false, flag::ACK, 50, b"ter2\r\nUser-Agent: me\x1b[2J\r\n\r\n");
    rig.tcp(true, flag::ACK, 100, b"HTTP/1.1 200 OK\r\nSet-Cookie: hunter3\r\nContent-Length: 2\r\n\r\nno");
    let text = rig.text();
    assert!(text.contains("GET /a HTTP/1.1") && text.contains("status         200"), "{text}");
    assert!(!text.contains("hun") && !text.contains("ter2") && !text.contains('\x1b'), "{text}");
}

#[test]
fn each_minute_has_its_table() {
    let mut rig = Rig::new(Options { stats: true, ..Options::default() });
    rig.udp((A, 5_000), (B, 53), b"x").udp((B, 53), (A, 5_000), &[0; 72]);
    rig.secs = 120;
    rig.tcp(false, flag::SYN, 9, b"");
    let text = rig.text();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["1970-01-01", "00:01", "2", "addresses"]);
    assert_eq!(rows[2], ["192.0.2.1", "1", "1", "29", "100", "domain"]);
    assert_eq!(rows[3], ["192.168.1.5", "1", "1", "100", "29", "domain"]);
    assert_eq!((rows[4][1], rows[6][5]), ("00:02", "http"));
}

#[test]
fn many_addresses_are_one_line_together() {
    let mut rig = Rig::new(Options { stats: true, ..Options::default() });
    for n in 0..6_000_u32 {
        let [.., a, b] = n.to_be_bytes();
        rig.udp(([10, 9, a, b], 5_000), (B, 53), b"x");
    }
    let text = rig.text();
    assert!(text.lines().count() < 60);
    assert!(text.lines().last().unwrap().trim().starts_with("others"), "{text}");
    let sent: u64 = text
        .lines()
        .skip(2)
        .map(|line| line.split_whitespace().nth(2).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(sent, 6_000, "none is left out");
}
