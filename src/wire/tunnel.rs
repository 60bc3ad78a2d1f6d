//! Packets inside packets: which tunnels are opened is a setting.

use super::bytes::{u8_at, u16_at};
use super::link::{Link, LinkType};
use super::transport::Body;
use super::{Packet, proto};

/// A way to carry a packet inside another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tunnel {
    /// RFC 2784 and 2890, version 0, also over UDP (RFC 8086).
    Gre,
    /// IPv4 in IP (RFC 2003).
    IpIp,
    /// IPv6 in IPv4 or IPv6 (RFC 4213, RFC 2473).
    SixInFour,
    /// RFC 7348
    Vxlan,
    /// RFC 8926
    Geneve,
    /// User plane of GTP, version 1 (3GPP TS 29.281).
    Gtp,
    /// RFC 4380
    Teredo,
    /// draft-massar-v6ops-ayiya-02, as tunnel brokers used it for IPv6.
    Ayiya,
}

impl Tunnel {
    /// All of them, in the order that messages list them in.
    pub const ALL: [Tunnel; 8] = [
        Tunnel::Gre,
        Tunnel::IpIp,
        Tunnel::SixInFour,
        Tunnel::Vxlan,
        Tunnel::Geneve,
        Tunnel::Gtp,
        Tunnel::Teredo,
        Tunnel::Ayiya,
    ];

    /// As `config.toml` and the records name it.
    pub fn name(self) -> &'static str {
        match self {
            Tunnel::Gre => "gre",
            Tunnel::IpIp => "ipip",
            Tunnel::SixInFour => "6in4",
            Tunnel::Vxlan => "vxlan",
            Tunnel::Geneve => "geneve",
            Tunnel::Gtp => "gtp",
            Tunnel::Teredo => "teredo",
            Tunnel::Ayiya => "ayiya",
        }
    }
}

/// A set of tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tunnels(u8);

impl Tunnels {
    fn has(&self, tunnel: Tunnel) -> bool {
        self.0 & 1 << tunnel as u8 != 0
    }
}

impl FromIterator<Tunnel> for Tunnels {
    fn from_iter<I: IntoIterator<Item = Tunnel>>(tunnels: I) -> Tunnels {
        Tunnels(tunnels.into_iter().fold(0, |set, tunnel| set | 1 << tunnel as u8))
    }
}

/// The IP packet inside `packet`, if it is one of the tunnels in `open`.
/// `payload` is what follows the packet's IP header.
pub fn open<'a>(open: &Tunnels, packet: &Packet<'a>, payload: &'a [u8]) -> Option<(Tunnel, &'a [u8])> {
    let (tunnel, inner) = match (packet.proto, packet.body) {
        (proto::IPV4, _) => (Tunnel::IpIp, payload),
        (proto::IPV6, _) => (Tunnel::SixInFour, payload),
        (proto::GRE, _) => (Tunnel::Gre, gre(payload)?),
        (proto::UDP, Body::Udp(udp)) => match (udp.dst_port, udp.src_port) {
            (4789 | 8472, _) => (Tunnel::Vxlan, vxlan(udp.payload)?),
            (6081, _) => (Tunnel::Geneve, geneve(udp.payload)?),
            (2152, _) => (Tunnel::Gtp, gtp(udp.payload)?),
            (4754, _) => (Tunnel::Gre, gre(udp.payload)?),
            (3544, _) | (_, 3544) => (Tunnel::Teredo, teredo(udp.payload)?),
            (5072, _) | (_, 5072) => (Tunnel::Ayiya, ayiya(udp.payload)?),
            _ => return None,
        },
        _ => return None,
    };
    let is_ip = matches!(u8_at(inner, 0)? >> 4, 4 | 6);
    (is_ip && open.has(tunnel)).then_some((tunnel, inner))
}

/// RFC 2784, 2.1, with key and sequence of RFC 2890.
fn gre(bytes: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u16 = 0x8000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ROUTING_AND_VERSION: u16 = 0x4007;
    let flags = u16_at(bytes, 0)?;
    if flags & ROUTING_AND_VERSION != 0 {
        return None;
    }
    let options = [CHECKSUM, KEY, SEQUENCE].iter().filter(|&bit| flags & bit != 0).count();
    let inner = bytes.get(4 + 4 * options..)?;
    match u16_at(bytes, 2)? {
        0x0800 | 0x86dd => Some(inner),
        0x6558 => ethernet(inner),
        // ERSPAN: type II has eight bytes of header when there is a sequence number.
        0x88be if flags & SEQUENCE != 0 => ethernet(inner.get(8..)?),
        0x88be => ethernet(inner),
        // Aruba's access points send what came by radio to their controller.
        0x8200..=0x83ff | 0x9000 => frame(LinkType::Wifi, inner),
        _ => None,
    }
}

/// RFC 7348, 5: the flag says that the network's number is valid.
fn vxlan(bytes: &[u8]) -> Option<&[u8]> {
    (u8_at(bytes, 0)? & 0x08 != 0).then_some(())?;
    ethernet(bytes.get(8..)?)
}

/// RFC 8926, 3.4: options are counted in 4-byte words.
fn geneve(bytes: &[u8]) -> Option<&[u8]> {
    let options = usize::from(u8_at(bytes, 0)? & 0x3f) * 4;
    let inner = bytes.get(8 + options..)?;
    match (u8_at(bytes, 0)? >> 6, u16_at(bytes, 2)?) {
        (0, 0x6558) => ethernet(inner),
        (0, 0x0800 | 0x86dd) => Some(inner),
        _ => None,
    }
}

/// 3GPP TS 29.281, 5.1: message type 255 carries a packet; extension headers
/// are chained, their length in 4-byte words.
fn gtp(bytes: &[u8]) -> Option<&[u8]> {
    let flags = u8_at(bytes, 0)?;
    if flags & 0xf0 != 0x30 || u8_at(bytes, 1)? != 255 {
        return None;
    }
    if flags & 0x07 == 0 {
        return bytes.get(8..);
    }
    let mut at = 12;
    let mut next = if flags & 0x04 != 0 { u8_at(bytes, 11)? } else { 0 };
    while next != 0 {
        let length = usize::from(u8_at(bytes, at)?) * 4;
        if length == 0 {
            return None;
        }
        at += length;
        next = u8_at(bytes, at - 1)?;
    }
    bytes.get(at..)
}

/// RFC 4380, 5.1.1: an authentication and an origin header may come first.
fn teredo(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    if u16_at(rest, 0)? == 1 {
        let (client, value) = (usize::from(u8_at(rest, 2)?), usize::from(u8_at(rest, 3)?));
        rest = rest.get(13 + client + value..)?;
    }
    if u16_at(rest, 0)? == 0 {
        rest = rest.get(8..)?;
    }
    (u8_at(rest, 0)? >> 4 == 6 && rest.len() >= 40).then_some(rest)
}

/// The draft's section 3: lengths of identity (a power of two) and signature
/// (in 4-byte words), then operation 1, which forwards the next header.
fn ayiya(bytes: &[u8]) -> Option<&[u8]> {
    const FORWARD: u8 = 1;
    let identity = 1 << (u8_at(bytes, 0)? >> 4);
    let signature = usize::from(u8_at(bytes, 1)? >> 4) * 4;
    let forwards =
        u8_at(bytes, 2)? & 0x0f == FORWARD && matches!(u8_at(bytes, 3)?, proto::IPV4 | proto::IPV6);
    forwards.then(|| bytes.get(8 + identity + signature..))?
}

fn ethernet(bytes: &[u8]) -> Option<&[u8]> {
    frame(LinkType::Ethernet, bytes)
}

fn frame(kind: LinkType, bytes: &[u8]) -> Option<&[u8]> {
    Link::read(kind, bytes).ok().map(|link| link.ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_header_are_stepped_over() {
        let ip = [0x45, 0, 0, 20];
        assert_eq!(gre(&[&[0, 0, 8, 0][..], &ip].concat()), Some(&ip[..]));
        assert_eq!(gre(&[&[0xb0, 0, 8, 0], &[0; 12][..], &ip].concat()), Some(&ip[..]));
        assert_eq!(gre(&[0x20, 1, 0x88, 0x0b, 0, 0]), None, "PPTP is version 1");
        assert_eq!(gtp(&[&[0x30, 255, 0, 4, 0, 0, 0, 1][..], &ip].concat()), Some(&ip[..]));
        let extended = [0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0];
        assert_eq!(gtp(&[&extended[..], &ip].concat()), Some(&ip[..]));
        let endless = [0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0x85];
        assert_eq!(gtp(&endless), None);
        assert_eq!(geneve(&[&[1, 0, 8, 0, 0, 0, 1, 0, 9, 9, 9, 9][..], &ip].concat()), Some(&ip[..]));
    }

    #[test]
    fn vxlan_holds_a_frame() {
        let frame = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &[2; 12], &[8, 0, 0x45, 1]].concat();
        assert_eq!(vxlan(&frame), Some(&[0x45, 1][..]));
        assert_eq!(vxlan(&[0; 30]), None);
    }

    #[test]
    fn teredo_may_come_with_two_headers() {
        let ip = [0x60; 40];
        let origin = [0, 0, 0x80, 0x10, 1, 2, 3, 4];
        let proof = [0, 1, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0];
        assert_eq!(teredo(&ip), Some(&ip[..]));
        assert_eq!(teredo(&[&origin[..], &ip].concat()), Some(&ip[..]));
        assert_eq!(teredo(&[&proof[..], &origin, &ip].concat()), Some(&ip[..]));
    }

    #[test]
    fn radio_frames_of_access_points_are_opened() {
        let wifi =
            [&[0, 0, 0x82, 0, 0x88, 1][..], &[0; 24], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45, 9]].concat();
        assert_eq!(gre(&wifi), Some(&[0x45, 9][..]));
        assert_eq!(gre(&wifi[..20]), None);
    }

    #[test]
    fn ayiya_says_how_long_its_header_is() {
        let header = [0x44, 0x52, 0x11, 41, 1, 2, 3, 4];
        let packet = [&header[..], &[7; 16], &[8; 20], &[0x60, 1]].concat();
        assert_eq!(ayiya(&packet), Some(&[0x60, 1][..]));
        let mut other = packet.clone();
        other[2] = 0x10;
        assert_eq!(ayiya(&other), None, "a heartbeat forwards nothing");
        for end in 0..packet.len() - 2 {
            assert_eq!(ayiya(&packet[..end]), None);
        }
    }

    #[test]
    fn only_what_is_asked_for_is_opened() {
        let some: Tunnels = [Tunnel::Gre, Tunnel::Teredo].into_iter().collect();
        let open: Vec<_> = Tunnel::ALL.into_iter().filter(|&t| some.has(t)).collect();
        assert_eq!(open, [Tunnel::Gre, Tunnel::Teredo]);
    }
}
