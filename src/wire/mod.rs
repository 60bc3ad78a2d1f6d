//! From a frame to packets: addresses, ports, lengths and the payload.
//!
//! `link` finds the IP header, `ip` reads it, `fragment` puts datagrams in
//! pieces together, `transport` reads TCP, UDP and ICMP, `quote` what
//! ICMP quotes, and `tunnel` opens packets inside packets; `arp` reads what is no
//! packet. `reset` alone makes frames. Bytes are counted at the IP layer, as conntrack
//! and IPFIX count them: headers and payload of IP, no padding, no Ethernet.

mod arp;
pub mod bytes;
mod fragment;
mod ip;
mod link;
pub mod ports;
mod quote;
pub mod reset;
mod transport;
mod tunnel;
mod wifi;

use std::net::IpAddr;

pub use arp::Arp;
pub use ip::{Fragment, Ip, proto};
pub use link::{Link, LinkType, RawMac, Skip};
pub use quote::{option, quoted};
pub use transport::{Body, Icmp, Tcp, Udp, flag};
pub use tunnel::{Tunnel, Tunnels};

use crate::time::Time;
use fragment::{Datagram, Outcome, Reassembler};

/// How deep packets inside packets are opened.
const MAX_DEPTH: u8 = 4;

/// When something came: the first part of it and the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    pub first: Time,
    pub last: Time,
}

impl Span {
    /// A single moment.
    pub fn at(time: Time) -> Span {
        Span { first: time, last: time }
    }

    fn with(self, other: Span) -> Span {
        Span { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// One IP packet, or one datagram that came in several.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub span: Span,
    /// The interface it passed, by the caller's number.
    pub iface: u16,
    pub src: IpAddr,
    pub dst: IpAddr,
    /// MAC addresses and VLAN of the frame; none inside a tunnel.
    pub src_mac: Option<RawMac>,
    pub dst_mac: Option<RawMac>,
    pub vlan: Option<u16>,
    /// Transport protocol number.
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// How many packets this stands for: more than one for a datagram in pieces.
    pub packets: u32,
    /// IP-layer bytes of all of them.
    pub bytes: u32,
    /// The tunnel it carries, when the packets inside come next.
    pub carries: Option<Tunnel>,
    pub body: Body<'a>,
}

/// What the decoder saw, for `weir status` and the health page. Packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames handed in.
    pub frames: u64,
    /// Frames that hold no IP: ARP and the like.
    pub not_ip: u64,
    /// Of those, messages of ARP that were read.
    pub arp: u64,
    /// Frames and inner packets whose headers end early or contradict themselves.
    pub malformed: u64,
    /// Pieces of datagrams.
    pub fragments: u64,
    /// Pieces whose first piece never came, so that no session could have them.
    pub orphans: u64,
    /// Packets found inside tunnels.
    pub tunnelled: u64,
}

impl Counters {
    /// Calls `each` with every name and value.
    pub fn each(&self, each: &mut dyn FnMut(&'static str, u64)) {
        let Counters { frames, not_ip, arp, malformed, fragments, orphans, tunnelled } = *self;
        let named = [
            ("frames", frames),
            ("not_ip", not_ip),
            ("arp", arp),
            ("malformed", malformed),
            ("fragments", fragments),
            ("orphans", orphans),
            ("tunnelled", tunnelled),
        ];
        named.into_iter().for_each(|(name, value)| each(name, value));
    }
}

/// Limits and choices of the decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Which tunnels are opened.
    pub tunnels: Tunnels,
    /// Datagrams in pieces held at once.
    pub max_datagrams: usize,
    /// Bytes of pieces held at once.
    pub max_fragment_bytes: usize,
}

/// Turns frames into packets.
pub struct Decoder {
    options: Options,
    reassembler: Reassembler,
    counters: Counters,
    /// In the frame that was read last.
    arp: Option<Arp>,
}

/// What is the same for all packets of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Frame {
    span: Span,
    iface: u16,
    src_mac: Option<RawMac>,
    dst_mac: Option<RawMac>,
    vlan: Option<u16>,
    /// How many tunnels are around the packet.
    depth: u8,
}

impl Decoder {
    pub fn new(options: Options) -> Decoder {
        Decoder {
            options,
            reassembler: Reassembler::new(options.max_datagrams, options.max_fragment_bytes),
            counters: Counters::default(),
            arp: None,
        }
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Reads `frame`, which came at `time` through `iface` and was `on_wire`
    /// bytes long before the snap length cut it. Calls `each` with the packets
    /// in it: an outer one before those inside it, and none where a piece of a
    /// datagram has to wait. `now` is the latest time that was handed in. Returns
    /// the IP-layer bytes of what the frame held, none where it could not be read.
    // For each frame, and there are several callers.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub fn frame(
        &mut self,
        now: Time,
        time: Time,
        iface: u16,
        kind: LinkType,
        frame: &[u8],
        on_wire: u32,
        each: &mut dyn FnMut(Packet<'_>),
    ) -> u32 {
        self.counters.frames += 1;
        match Link::read(kind, frame) {
            Ok(link) => {
                let headers = u32::try_from(frame.len() - link.ip.len()).unwrap_or(0);
                let at = Frame {
                    span: Span::at(time),
                    iface,
                    src_mac: link.src_mac,
                    dst_mac: link.dst_mac,
                    vlan: link.vlan,
                    depth: 0,
                };
                return self.ip(now, at, link.ip, on_wire.saturating_sub(headers), each);
            }
            Err(Skip::NotIp) => self.counters.not_ip += 1,
            Err(Skip::Arp(arp)) => {
                self.counters.not_ip += 1;
                self.counters.arp += 1;
                self.arp = Some(arp);
            }
            Err(Skip::Malformed) => self.counters.malformed += 1,
        }
        0
    }

    /// The same for an IP packet without a frame, which came from `src_mac`.
    pub fn packet_of(
        &mut self,
        now: Time,
        time: Time,
        iface: u16,
        src_mac: Option<RawMac>,
        bytes: &[u8],
        each: &mut dyn FnMut(Packet<'_>),
    ) {
        self.counters.frames += 1;
        let at = Frame { span: Span::at(time), iface, src_mac, ..Frame::default() };
        let on_wire = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.ip(now, at, bytes, on_wire, each);
    }

    /// The message of ARP that the last frame held, if it held one; once.
    pub fn arp(&mut self) -> Option<Arp> {
        self.arp.take()
    }

    fn ip(
        &mut self,
        now: Time,
        at: Frame,
        bytes: &[u8],
        on_wire: u32,
        each: &mut dyn FnMut(Packet<'_>),
    ) -> u32 {
        let Some(ip) = Ip::read(bytes, on_wire) else {
            self.counters.malformed += 1;
            return 0;
        };
        if let Some(fragment) = ip.fragment {
            self.counters.fragments += 1;
            let mut done = Vec::new();
            self.reassembler.piece(now, at, &ip, fragment, |outcome| done.push(outcome));
            self.outcomes(now, done, each);
            return ip.bytes;
        }
        let packet = Packet {
            span: at.span,
            iface: at.iface,
            src: ip.src,
            dst: ip.dst,
            src_mac: at.src_mac,
            dst_mac: at.dst_mac,
            vlan: at.vlan,
            proto: ip.proto,
            ttl: ip.ttl,
            packets: 1,
            bytes: ip.bytes,
            carries: None,
            body: Body::read(ip.proto, ip.payload, ip.cut),
        };
        self.packet(now, packet, ip.payload, at.depth, each);
        ip.bytes
    }

    fn outcomes(&mut self, now: Time, done: Vec<Outcome>, each: &mut dyn FnMut(Packet<'_>)) {
        for outcome in done {
            match outcome {
                Outcome::Orphans(packets) => self.counters.orphans += u64::from(packets),
                Outcome::Done(whole) => self.datagram(now, &whole, each),
            }
        }
    }

    fn datagram(&mut self, now: Time, whole: &Datagram, each: &mut dyn FnMut(Packet<'_>)) {
        let (proto, payload) = match whole.src {
            IpAddr::V4(_) => (whole.proto, &whole.payload[..]),
            IpAddr::V6(_) => ip::skip_extensions(whole.proto, &whole.payload),
        };
        let body = Body::read(proto, payload, whole.cut);
        let packet = Packet {
            span: whole.span,
            iface: whole.at.iface,
            src: whole.src,
            dst: whole.dst,
            src_mac: whole.at.src_mac,
            dst_mac: whole.at.dst_mac,
            vlan: whole.at.vlan,
            proto,
            ttl: whole.ttl,
            packets: whole.packets,
            bytes: whole.bytes,
            carries: None,
            body: if whole.is_spent { body.without_payload() } else { body },
        };
        let payload = if whole.is_spent { &[] } else { payload };
        self.packet(now, packet, payload, whole.at.depth, each);
    }

    /// Hands over `packet`, and opens it when it is a tunnel.
    fn packet(
        &mut self,
        now: Time,
        mut packet: Packet<'_>,
        payload: &[u8],
        depth: u8,
        each: &mut dyn FnMut(Packet<'_>),
    ) {
        if packet.body == Body::Broken {
            self.counters.malformed += 1;
        }
        let inside =
            if depth < MAX_DEPTH { tunnel::open(&self.options.tunnels, &packet, payload) } else { None };
        packet.carries = inside.map(|(tunnel, _)| tunnel);
        each(packet);
        if let Some((_, inner)) = inside {
            self.counters.tunnelled += 1;
            let at = Frame {
                span: packet.span,
                iface: packet.iface,
                vlan: packet.vlan,
                depth: depth + 1,
                ..Frame::default()
            };
            self.ip(now, at, inner, inner.len() as u32, each);
        }
    }

    /// Gives up datagrams whose pieces stayed away too long.
    pub fn tick(&mut self, now: Time, each: &mut dyn FnMut(Packet<'_>)) {
        let mut done = Vec::new();
        self.reassembler.expire(now, |outcome| done.push(outcome));
        self.outcomes(now, done, each);
    }

    /// Hands over what is left of datagrams, at the end of a capture.
    pub fn finish(&mut self, now: Time, each: &mut dyn FnMut(Packet<'_>)) {
        let mut done = Vec::new();
        self.reassembler.finish(|outcome| done.push(outcome));
        self.outcomes(now, done, each);
    }

    /// When a datagram in pieces is given up next.
    pub fn deadline(&self) -> Option<Time> {
        self.reassembler.deadline()
    }

    /// The clock was set from `from` to `to`.
    pub fn step(&mut self, from: Time, to: Time) {
        self.reassembler.step(from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn decoder(tunnels: &[Tunnel]) -> Decoder {
        let tunnels = tunnels.iter().copied().collect();
        Decoder::new(Options { tunnels, max_datagrams: 8, max_fragment_bytes: 100_000 })
    }

    /// Protocol, destination port, bytes and packets of each packet in `frame`.
    fn read(decoder: &mut Decoder, kind: LinkType, frame: &[u8]) -> Vec<(u8, u16, u32, u32)> {
        let mut seen = Vec::new();
        decoder.frame(Time::ZERO, Time::ZERO, 0, kind, frame, frame.len() as u32, &mut |packet| {
            let port = match packet.body {
                Body::Udp(udp) => udp.dst_port,
                Body::Tcp(tcp) => tcp.dst_port,
                _ => 0,
            };
            seen.push((packet.proto, port, packet.bytes, packet.packets));
        });
        seen
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(5000, 53);
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    #[test]
    fn a_frame_gives_its_packet_with_the_bytes_of_the_ip_layer() {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        builder.udp(5000, 53).write(&mut frame, b"abc").unwrap();
        frame.resize(60, 0);
        let mut decoder = decoder(&[]);
        assert_eq!(read(&mut decoder, LinkType::Ethernet, &frame), [(17, 53, 31, 1)]);
        assert_eq!(decoder.counters(), Counters { frames: 1, ..Counters::default() });
    }

    #[test]
    fn a_tunnel_gives_the_outer_packet_then_the_inner() {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ipv4([1; 4], [2; 4], 64);
        builder.write(&mut frame, etherparse::IpNumber::IPV4, &udp(b"abc")).unwrap();
        let mut opening = decoder(&[Tunnel::IpIp]);
        assert_eq!(read(&mut opening, LinkType::Raw, &frame), [(4, 0, 51, 1), (17, 53, 31, 1)]);
        assert_eq!(read(&mut decoder(&[]), LinkType::Raw, &frame), [(4, 0, 51, 1)]);
    }

    #[test]
    fn a_nest_of_tunnels_is_opened_to_a_depth() {
        let mut frame = udp(b"abc");
        for _ in 0..10 {
            let mut outer = Vec::new();
            let builder = PacketBuilder::ipv4([1; 4], [2; 4], 64);
            builder.write(&mut outer, etherparse::IpNumber::IPV4, &frame).unwrap();
            frame = outer;
        }
        let seen = read(&mut decoder(&[Tunnel::IpIp]), LinkType::Raw, &frame);
        assert_eq!(seen.len(), usize::from(MAX_DEPTH) + 1);
    }

    #[test]
    fn pieces_of_a_datagram_are_one_packet_that_counts_for_all() {
        let whole = udp(&[7; 40]);
        let piece = |offset: usize, end: usize, more: u8| {
            let mut bytes = whole[..20].to_vec();
            bytes.extend_from_slice(&whole[20 + offset..20 + end]);
            let length = bytes.len() as u16;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[6] = more << 5;
            bytes[7] = (offset / 8) as u8;
            bytes
        };
        let mut decoder = decoder(&[]);
        assert_eq!(read(&mut decoder, LinkType::Raw, &piece(24, 48, 0)), []);
        assert_eq!(read(&mut decoder, LinkType::Raw, &piece(0, 24, 1)), [(17, 53, 88, 2)]);
        assert_eq!(read(&mut decoder, LinkType::Raw, &piece(0, 24, 1)), [(17, 53, 44, 1)], "a copy");
        let mut other = piece(0, 24, 1);
        other[4] ^= 1;
        assert_eq!(read(&mut decoder, LinkType::Raw, &other), []);
        let mut left = 0;
        decoder.finish(Time::ZERO, &mut |packet| left += packet.bytes);
        assert_eq!(left, 44);
    }

    #[test]
    fn what_gives_no_packet_is_counted() {
        let mut decoder = decoder(&[]);
        let arp = [&[2; 12][..], &[8, 6, 0, 1]].concat();
        read(&mut decoder, LinkType::Ethernet, &arp);
        read(&mut decoder, LinkType::Ethernet, &arp[..9]);
        read(&mut decoder, LinkType::Raw, &udp(b"")[..22]);
        let counters = decoder.counters();
        assert_eq!((counters.frames, counters.not_ip, counters.malformed), (3, 1, 2));
    }
}
