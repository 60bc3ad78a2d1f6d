//! Frames of resets, judged by etherparse and by adding up their words.

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice, VlanId};

use super::*;
use crate::time::Time;
use crate::wire::{Decoder, Options};

const A: RawMac = [2, 0, 0, 0, 0, 0xa];
const B: RawMac = [2, 0, 0, 0, 0, 0xb];
const OWN: RawMac = [2, 0, 0, 0, 0, 0xc];
const CLIENT: [u8; 4] = [192, 168, 1, 5];
const SERVER: [u8; 4] = [192, 0, 2, 1];
const SYN: u8 = flag::SYN;
const ACK: u8 = flag::ACK;

/// Ports, numbers and flags as the segment has them.
type Read = ((u16, u16), (u32, u32), u8);

/// A segment of `length` bytes from the client, behind `link`.
fn seen(link: &[u8], v6: bool, flags: u8, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ip = if v6 {
        PacketBuilder::ipv6([0x20; 16], [0x30; 16], 57)
    } else {
        PacketBuilder::ipv4(CLIENT, SERVER, 57)
    };
    ip.tcp(40_000, 443, u32::MAX - 9, 1024).ack(7_000).write(&mut bytes, &vec![1; length]).unwrap();
    let header = if v6 { 40 } else { 20 };
    bytes[header + 13] = flags;
    [link, &bytes].concat()
}

fn ethernet(tags: &[u8], v6: bool) -> Vec<u8> {
    [&B[..], &A, tags, if v6 { &[0x86, 0xdd] } else { &[8, 0] }].concat()
}

/// What the decoder makes of `frame`.
fn segment(kind: LinkType, frame: &[u8]) -> Option<Segment> {
    let options = Options { tunnels: std::iter::empty().collect(), max_datagrams: 1, max_fragment_bytes: 1 };
    let mut found = None;
    let length = frame.len() as u32;
    Decoder::new(options).frame(Time::ZERO, Time::ZERO, 0, kind, frame, length, &mut |packet| {
        found = Segment::of(&packet);
    });
    found
}

/// The sum that is zero where the checksum is right (RFC 1071).
fn sum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let words = bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0)));
    let total = words.fold(0, |sum, word| (sum + word) % 0xffff);
    !(total as u16) % 0xffff
}

/// Reads one RST, whose checksums have to be right.
fn read(packet: &SlicedPacket<'_>) -> Read {
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP") };
    match packet.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            assert_eq!((header.ttl(), header.total_len(), sum(&[header.slice()])), (64, 40, 0));
            assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
            let (src, dst) = (header.source(), header.destination());
            assert_eq!(sum(&[&src, &dst, &[0, 6, 0, 20], tcp.slice()]), 0);
            assert_eq!(tcp.calc_checksum_ipv4(src, dst), Ok(tcp.checksum()));
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            assert_eq!((header.hop_limit(), header.payload_length()), (64, 20));
            let (src, dst) = (header.source(), header.destination());
            assert_eq!(sum(&[&src, &dst, &[0, 0, 0, 20, 0, 0, 0, 6], tcp.slice()]), 0);
            assert_eq!(tcp.calc_checksum_ipv6(src, dst), Ok(tcp.checksum()));
        }
        NetSlice::Arp(_) => panic!("ARP"),
    }
    let ports = (tcp.source_port(), tcp.destination_port());
    (ports, (tcp.sequence_number(), tcp.acknowledgment_number()), tcp.slice()[13])
}

fn answers(frame: &[u8]) -> [Read; 2] {
    let found = segment(LinkType::Ethernet, frame).unwrap();
    let pair = pair(LinkType::Ethernet, frame, &found, None).unwrap();
    pair.map(|frame| read(&SlicedPacket::from_ethernet(&frame).unwrap()))
}

const BACK: (u16, u16) = (443, 40_000);
const THERE: (u16, u16) = (40_000, 443);
const RST: u8 = flag::RST;
const BOTH: u8 = flag::RST | flag::ACK;

#[test]
fn each_end_gets_the_number_that_it_waits_for() {
    for v6 in [false, true] {
        let answered = |flags, length| answers(&seen(&ethernet(&[], v6), v6, flags, length));
        // Numbers wrap: 10 below the end, and 30 bytes.
        let data = [(BACK, (7_000, 20), BOTH), (THERE, (20, 7_000), BOTH)];
        assert_eq!(answered(ACK | flag::PSH, 30), data);
        let silent = [(BACK, (7_000, u32::MAX - 9), BOTH), (THERE, (u32::MAX - 9, 7_000), BOTH)];
        assert_eq!(answered(ACK, 0), silent);
        let fin = [(BACK, (7_000, 1), BOTH), (THERE, (1, 7_000), BOTH)];
        assert_eq!(answered(ACK | flag::FIN, 10), fin);
        let syn_ack = [(BACK, (7_000, u32::MAX - 8), BOTH), (THERE, (u32::MAX - 8, 7_000), BOTH)];
        assert_eq!(answered(SYN | ACK, 0), syn_ack);
        // As a closed port does it.
        assert_eq!(answered(SYN, 0), [(BACK, (0, u32::MAX - 8), BOTH), (THERE, (u32::MAX - 8, 0), RST)]);
    }
}

#[test]
fn frames_go_the_ways_of_the_one_that_was_seen() {
    let tags = [0x88, 0xa8, 0, 5, 0x81, 0, 0x60, 6];
    for v6 in [false, true] {
        let frame = seen(&ethernet(&tags, v6), v6, ACK, 3);
        let found = segment(LinkType::Ethernet, &frame).unwrap();
        for (from, senders) in [(None, [B, A]), (Some(OWN), [OWN, OWN])] {
            let pair = pair(LinkType::Ethernet, &frame, &found, from).unwrap();
            for ((reset, receiver), sender) in pair.iter().zip([A, B]).zip(senders) {
                let packet = SlicedPacket::from_ethernet(reset).unwrap();
                let macs = packet.link.as_ref().unwrap().to_header().unwrap().ethernet2().unwrap();
                assert_eq!((macs.destination, macs.source), (receiver, sender));
                let numbers = [5, 6].map(|id| VlanId::try_new(id).unwrap());
                assert_eq!(packet.vlan_ids().as_slice(), numbers);
                assert_eq!(reset[12..20], tags);
                read(&packet);
            }
        }
    }
}

#[test]
fn bare_ip_is_answered_by_bare_ip() {
    for v6 in [false, true] {
        let frame = seen(&[], v6, ACK, 3);
        let found = segment(LinkType::Raw, &frame).unwrap();
        let pair = pair(LinkType::Raw, &frame, &found, Some(OWN)).unwrap();
        let read = pair.map(|reset| read(&SlicedPacket::from_ip(&reset).unwrap()).0);
        assert_eq!(read, [BACK, THERE]);
    }
}

#[test]
fn a_reset_is_not_answered_and_ones_own_is_known() {
    let reset = seen(&ethernet(&[], false), false, BOTH, 0);
    assert_eq!(segment(LinkType::Ethernet, &reset), None);
    assert!(!is_own(LinkType::Ethernet, &reset), "that of an end");
    for v6 in [false, true] {
        for (kind, link) in [
            (LinkType::Ethernet, ethernet(&[], v6)),
            (LinkType::Ethernet, ethernet(&[0x81, 0, 0, 7], v6)),
            (LinkType::Raw, Vec::new()),
        ] {
            let frame = seen(&link, v6, ACK, 3);
            assert!(!is_own(kind, &frame));
            let found = segment(kind, &frame).unwrap();
            for mut own in pair(kind, &frame, &found, None).unwrap() {
                assert!(is_own(kind, &own));
                assert_eq!(segment(kind, &own), None);
                // As Ethernet pads it, and as a router passes it on.
                let hops = link.len() + if v6 { 7 } else { 8 };
                own[hops] -= 1;
                assert!(is_own(kind, &[&own[..], &[0; 2]].concat()));
                for end in 0..own.len() {
                    is_own(kind, &own[..end]);
                }
            }
        }
    }
}

#[test]
fn what_can_not_be_sent_again_is_not_answered() {
    let inner = seen(&[], false, ACK, 3);
    let found = segment(LinkType::Raw, &inner).unwrap();
    let outer = ethernet(&[], false);
    let mut tunnel = Vec::new();
    let builder = PacketBuilder::ipv4([1; 4], [2; 4], 64);
    builder.write(&mut tunnel, etherparse::IpNumber::IPV4, &inner).unwrap();
    let kinds: &[(LinkType, Vec<u8>)] = &[
        (LinkType::Ethernet, [outer, tunnel].concat()),
        (LinkType::Sll, [&[0; 14], &[8, 0][..], &inner].concat()),
        (LinkType::Ethernet, [&ethernet(&[0x81, 0, 0, 1].repeat(9), false)[..], &inner].concat()),
        // PPPoE has a length of its own.
        (LinkType::Ethernet, [&B[..], &A, &[0x88, 0x64, 0x11, 0, 0, 1, 0, 45, 0, 0x21], &inner].concat()),
        // From or to everybody.
        (LinkType::Ethernet, [&B[..], &[0xff; 6], &[8, 0], &inner].concat()),
        (LinkType::Ethernet, [&[1, 0, 0x5e, 0, 0, 1], &A[..], &[8, 0], &inner].concat()),
    ];
    for (kind, frame) in kinds {
        assert_eq!(pair(*kind, frame, &found, None), None, "{kind:?} {frame:02x?}");
    }
    let whole = seen(&ethernet(&[], false), false, ACK, 3);
    for end in 0..whole.len() {
        let _ = pair(LinkType::Ethernet, &whole[..end], &found, None);
    }
}
