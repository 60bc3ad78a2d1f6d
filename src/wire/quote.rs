//! What messages of ICMP quote: the beginning of the packet that they speak of.

use super::bytes::u8_at;
use super::ip::{Ip, proto};
use super::transport::{Body, Icmp};
use super::{Packet, Span};

/// The packet that `icmp`, with the transport's number `number`, speaks of, as far
/// as it is quoted: its addresses, and its ports if they are there. `None` for
/// messages that quote none (RFC 792; RFC 4443, 3; RFC 4861, 4.5).
pub fn quoted<'a>(number: u8, icmp: &Icmp<'a>) -> Option<Packet<'a>> {
    let bytes = match (number, icmp.kind) {
        (proto::ICMP, 3 | 4 | 5 | 11 | 12) | (proto::ICMPV6, 1..=4) => icmp.payload,
        (proto::ICMPV6, 137) => redirected(icmp.payload)?,
        _ => return None,
    };
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let ip = Ip::read(bytes, length)?;
    // Only the first piece of a datagram has its ports.
    let has_ports = ip.fragment.is_none_or(|fragment| fragment.offset == 0);
    Some(Packet {
        span: Span::default(),
        iface: 0,
        src: ip.src,
        dst: ip.dst,
        src_mac: None,
        dst_mac: None,
        vlan: None,
        proto: ip.proto,
        ttl: ip.ttl,
        packets: 1,
        bytes: ip.bytes,
        carries: None,
        body: if has_ports { Body::read(ip.proto, ip.payload, ip.cut) } else { Body::Broken },
    })
}

/// The packet in the option of a redirect, behind two addresses (RFC 4861, 4.6.3).
fn redirected(bytes: &[u8]) -> Option<&[u8]> {
    const REDIRECTED_HEADER: u8 = 4;
    let option = option(bytes.get(32..)?, REDIRECTED_HEADER)?;
    option.get(6..)
}

/// The value of the first option of kind `kind` in messages of neighbour discovery:
/// what follows its kind and its length in units of eight bytes (RFC 4861, 4.6).
pub fn option(mut options: &[u8], kind: u8) -> Option<&[u8]> {
    loop {
        let (found, units) = (u8_at(options, 0)?, usize::from(u8_at(options, 1)?));
        if units == 0 {
            return None;
        }
        // A quoted packet may be cut by the snap length.
        let end = (units * 8).min(options.len());
        if found == kind {
            return options.get(2..end);
        }
        options = options.get(end..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn ends(packet: &Packet<'_>) -> Option<(u16, u16)> {
        match packet.body {
            Body::Tcp(tcp) => Some((tcp.src_port, tcp.dst_port)),
            Body::Udp(udp) => Some((udp.src_port, udp.dst_port)),
            _ => None,
        }
    }

    fn segment() -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4([192, 168, 1, 5], [192, 0, 2, 1], 64).tcp(40_000, 443, 1, 1_000);
        builder.write(&mut bytes, b"hello").unwrap();
        bytes
    }

    #[test]
    fn eight_bytes_of_a_segment_have_its_ports() {
        let whole = segment();
        let icmp = Icmp { kind: 3, code: 1, id: 0, payload: &whole[..28] };
        let packet = quoted(proto::ICMP, &icmp).unwrap();
        assert_eq!((packet.src, packet.dst), ([192, 168, 1, 5].into(), [192, 0, 2, 1].into()));
        assert_eq!(ends(&packet), Some((40_000, 443)));
        for end in 0..whole.len() {
            let packet = quoted(proto::ICMP, &Icmp { payload: &whole[..end], ..icmp });
            assert_eq!(packet.is_some(), end >= 20, "{end}");
            assert_eq!(packet.as_ref().and_then(ends).is_some(), end >= 24, "{end}");
        }
        assert!(quoted(proto::ICMP, &Icmp { kind: 8, ..icmp }).is_none(), "an echo quotes nothing");
    }

    #[test]
    fn a_later_piece_has_no_ports() {
        let mut whole = segment();
        whole[7] = 2;
        let icmp = Icmp { kind: 11, code: 1, id: 0, payload: &whole };
        assert_eq!(ends(&quoted(proto::ICMP, &icmp).unwrap()), None);
    }

    #[test]
    fn a_redirect_quotes_in_an_option() {
        let mut inner = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(5_000, 53).write(&mut inner, b"ask").unwrap();
        inner.resize(56, 0);
        let link_layer = [2, 1, 2, 0, 0, 0, 0, 1];
        let payload = [&[9; 32][..], &link_layer, &[4, 8, 0, 0, 0, 0, 0, 0], &inner].concat();
        let icmp = Icmp { kind: 137, code: 0, id: 0, payload: &payload };
        assert_eq!(ends(&quoted(proto::ICMPV6, &icmp).unwrap()), Some((5_000, 53)));
        assert_eq!(option(&payload[32..], 2), Some(&link_layer[2..]));
        assert_eq!(option(&[7, 0, 4, 1], 4), None, "a length of zero would never end");
        for end in 0..payload.len() {
            let _ = quoted(proto::ICMPV6, &Icmp { payload: &payload[..end], ..icmp });
        }
    }
}
