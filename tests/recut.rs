//! However TCP cuts, shuffles and repeats what it carries, the records say the
//! same. Tried with every connection of the public captures that is whole, and
//! with those of the cases.

mod common;

#[path = "../fuzz/checks.rs"]
#[allow(dead_code)]
mod checks;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use common::Chance;
use weir::config::Config;
use weir::engine::{Engine, Options};
use weir::rules::Rules;
use weir::time::Time;
use weir::wire::{Body, LinkType, Packet, flag, proto};

/// One packet, by what is in it. Tunnels are opened: what they carry comes by
/// itself.
#[derive(Clone)]
struct Sent {
    time: Time,
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    seq: u32,
    ack: u32,
    /// `None` for a datagram.
    flags: Option<u8>,
    payload: Vec<u8>,
}

/// Whose connection: its ends, the lower one first.
type Ends = [(IpAddr, u16); 2];

impl Sent {
    fn read(packet: &Packet<'_>) -> Option<Sent> {
        let (src_port, dst_port, seq, ack, flags, payload, length) = match packet.body {
            Body::Tcp(tcp) => {
                (tcp.src_port, tcp.dst_port, tcp.seq, tcp.ack, Some(tcp.flags), tcp.payload, tcp.length)
            }
            Body::Udp(udp) => (udp.src_port, udp.dst_port, 0, 0, None, udp.payload, udp.length),
            _ => return None,
        };
        let whole = payload.len() as u32 == length && payload.len() < 65_000;
        (whole && packet.carries.is_none()).then(|| Sent {
            time: packet.span.last,
            src: (packet.src, src_port),
            dst: (packet.dst, dst_port),
            seq,
            ack,
            flags,
            payload: payload.to_vec(),
        })
    }

    fn ends(&self) -> Ends {
        let mut ends = [self.src, self.dst];
        ends.sort();
        ends
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.is_some_and(|flags| flags & flag != 0)
    }

    /// As a packet of IP.
    fn frame(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(60 + self.payload.len());
        let (header, proto) = if self.flags.is_some() { (20, proto::TCP) } else { (8, proto::UDP) };
        let length = (header + self.payload.len()) as u16;
        match (self.src.0, self.dst.0) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                out.extend([0x45, 0]);
                out.extend((20 + length).to_be_bytes());
                out.extend([0, 0, 0x40, 0, 64, proto, 0, 0]);
                out.extend(src.octets());
                out.extend(dst.octets());
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                out.extend([0x60, 0, 0, 0]);
                out.extend(length.to_be_bytes());
                out.extend([proto, 64]);
                out.extend(src.octets());
                out.extend(dst.octets());
            }
            _ => unreachable!("a packet has one version"),
        }
        out.extend(self.src.1.to_be_bytes());
        out.extend(self.dst.1.to_be_bytes());
        match self.flags {
            Some(flags) => {
                out.extend(self.seq.to_be_bytes());
                out.extend(self.ack.to_be_bytes());
                out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            }
            None => {
                out.extend(length.to_be_bytes());
                out.extend([0, 0]);
            }
        }
        out.extend(&self.payload);
        out
    }
}

/// One direction of a connection: which of its bytes came, and what they were.
#[derive(Default)]
struct Half {
    first: Option<u32>,
    bytes: Vec<Option<u8>>,
    is_odd: bool,
}

/// The packets of a capture but for the connections that are not whole: begun
/// before it, with a hole, or with bytes that were sent twice and differ.
fn whole(path: &Path) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut snapped = HashSet::new();
    let mut halves: HashMap<((IpAddr, u16), (IpAddr, u16)), Half> = HashMap::new();
    common::packets(path, |packet| match Sent::read(&packet) {
        Some(sent) => all.push(sent),
        None => {
            if let Body::Tcp(tcp) = packet.body {
                let mut ends = [(packet.src, tcp.src_port), (packet.dst, tcp.dst_port)];
                ends.sort();
                snapped.insert(ends);
            }
        }
    });
    for sent in all.iter().filter(|sent| sent.flags.is_some()) {
        let half = halves.entry((sent.src, sent.dst)).or_default();
        let mut seq = sent.seq;
        if sent.has(flag::SYN) {
            seq = seq.wrapping_add(1);
            half.is_odd |= half.first.is_some_and(|first| first != seq);
            half.first = Some(seq);
        }
        let Some(first) = half.first else {
            half.is_odd |= !sent.has(flag::RST);
            continue;
        };
        let at = seq.wrapping_sub(first) as usize;
        let end = at + sent.payload.len();
        if end > 1 << 24 {
            // Far away, or the byte before the first: a keep-alive.
            half.is_odd |= !sent.payload.is_empty();
            continue;
        }
        if half.bytes.len() < end {
            half.bytes.resize(end, None);
        }
        for (place, &byte) in half.bytes[at..].iter_mut().zip(&sent.payload) {
            half.is_odd |= place.replace(byte).is_some_and(|other| other != byte);
        }
    }
    for (&(src, dst), half) in &halves {
        if half.is_odd || half.bytes.contains(&None) {
            let mut ends = [src, dst];
            ends.sort();
            snapped.insert(ends);
        }
    }
    all.retain(|sent| sent.flags.is_none() || !snapped.contains(&sent.ends()));
    all
}

/// What a run over `packets` says, but for volumes, numbers and times.
fn told(packets: &[Sent], options: &Options, rules: &Arc<Rules>) -> Vec<String> {
    let mut engine = Engine::new(options.clone(), rules.clone());
    for sent in packets {
        let frame = sent.frame();
        engine.packet(sent.time, 0, LinkType::Raw, &frame, frame.len() as u32);
    }
    while engine.finish() {}
    let records: Vec<_> = engine.drain().collect();
    checks::essence(&records)
}

/// Every payload in segments of one byte.
fn bytewise(packets: &[Sent]) -> Vec<Sent> {
    let mut out = Vec::new();
    for sent in packets {
        if sent.flags.is_none() || sent.payload.len() < 2 {
            out.push(sent.clone());
            continue;
        }
        let data = sent.seq.wrapping_add(sent.has(flag::SYN).into());
        let last = sent.payload.len() - 1;
        for (at, &byte) in sent.payload.iter().enumerate() {
            let mut flags = sent.flags.unwrap();
            let mut seq = data.wrapping_add(at as u32);
            if at > 0 {
                flags &= !flag::SYN;
            } else {
                seq = sent.seq;
            }
            if at < last {
                flags &= !(flag::FIN | flag::PSH | flag::RST);
            }
            out.push(Sent { flags: Some(flags), seq, payload: vec![byte], ..sent.clone() });
        }
    }
    out
}

fn twice(packets: &[Sent]) -> Vec<Sent> {
    let copies = |sent: &Sent| if sent.flags.is_some() { 2 } else { 1 };
    packets.iter().flat_map(|sent| std::iter::repeat_n(sent.clone(), copies(sent))).collect()
}

/// Segments change places with those up to seven behind them, as long as their
/// sender speaks alone.
fn shuffled(packets: &[Sent], chance: &mut Chance) -> Vec<Sent> {
    const WINDOW: usize = 8;
    let mut places: HashMap<Ends, Vec<usize>> = HashMap::new();
    let mut out = packets.to_vec();
    let mut runs = Vec::new();
    for (at, sent) in packets.iter().enumerate().filter(|(_, sent)| sent.flags.is_some()) {
        let run = places.entry(sent.ends()).or_default();
        let moves = !sent.payload.is_empty() && !sent.has(flag::SYN | flag::FIN | flag::RST);
        let goes_on = moves && run.first().is_none_or(|&first| packets[first].src == sent.src);
        if !goes_on || run.len() == WINDOW {
            runs.push(std::mem::take(run));
        }
        if moves {
            run.push(at);
        }
    }
    runs.extend(places.into_values());
    for run in runs {
        for end in (1..run.len()).rev() {
            out.swap(run[end], run[chance.below(end + 1)]);
        }
    }
    for (sent, old) in out.iter_mut().zip(packets) {
        sent.time = old.time;
    }
    out
}

#[test]
fn records_do_not_depend_on_how_tcp_cut() {
    let options = Options { details: true, ..Config::default().engine() };
    let features = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("features.txt")).unwrap();
    let rules = Arc::new(Rules::parse(&features, 100_000).unwrap());
    let only = std::env::var("WEIR_CAPTURE").unwrap_or_default();
    let mut chance = Chance(1);
    let (mut connections, mut differ) = (0, Vec::new());
    for path in common::captures() {
        if !path.to_string_lossy().contains(&only) {
            continue;
        }
        let packets = whole(&path);
        connections +=
            packets.iter().filter(|s| s.flags.is_some()).map(Sent::ends).collect::<HashSet<_>>().len();
        let expected = told(&packets, &options, &rules);
        for (how, packets) in [
            ("in single bytes", bytewise(&packets)),
            ("twice", twice(&packets)),
            ("shuffled", shuffled(&packets, &mut chance)),
        ] {
            let found = told(&packets, &options, &rules);
            if found != expected {
                let lacks = expected.iter().find(|line| !found.contains(line));
                let more = found.iter().find(|line| !expected.contains(line));
                differ.push(format!("{} {how}: lacks {lacks:?}, has {more:?}", path.display()));
            }
        }
    }
    println!("{connections} connections");
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
