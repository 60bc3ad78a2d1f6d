//! What makes two packets part of one session, and who began it.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::flow::Ends;
use crate::dissect::Side;
use crate::record;
use crate::wire::{Body, Packet, flag, proto};

/// Both endpoints and the protocol, the same whichever way a packet goes.
/// Five numbers, made and compared in registers: this is done for each packet,
/// and with arrays of bytes it took a quarter of the time of a bulk transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Address of the endpoint that sorts first, and of the other.
    low: [u64; 2],
    high: [u64; 2],
    /// From the top: both ports; 16 bits more, which are type × 256 + code of
    /// what is asked in ICMP; protocol; IP version.
    rest: u64,
}

impl Hash for Key {
    // As it has more than one caller the compiler would leave it out of line, which
    // costs each packet 50 instructions; [`Key::of`] the same.
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b] = self.low;
        let [c, d] = self.high;
        [a, b, c, d, self.rest].into_iter().for_each(|part| state.write_u64(part));
    }
}

/// Which endpoint of a [`Key`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Low,
    High,
}

/// The ports of a packet, and what else tells its session from others.
#[derive(Clone, Copy)]
struct Ports {
    src: u16,
    dst: u16,
    extra: u16,
}

impl Key {
    /// The session that `packet` belongs to, and from which end it came.
    /// `None` when its transport header is broken, and for protocols by which
    /// routers and groups talk to each other: those have no sessions.
    #[inline(always)]
    pub fn of(packet: &Packet<'_>) -> Option<(Key, End)> {
        let ports = match packet.body {
            Body::Tcp(tcp) => Ports { src: tcp.src_port, dst: tcp.dst_port, extra: 0 },
            Body::Udp(udp) => {
                // Before DHCP gave them one, all devices have the same address.
                let [.., a, b] = packet.src_mac.filter(|_| packet.src.is_unspecified()).unwrap_or_default();
                Ports { src: udp.src_port, dst: udp.dst_port, extra: u16::from_be_bytes([a, b]) }
            }
            Body::Sctp { src_port, dst_port } => Ports { src: src_port, dst: dst_port, extra: 0 },
            Body::Icmp(icmp) if is_between_neighbours(packet.proto, icmp.kind) => return None,
            Body::Icmp(icmp) => {
                let asks = icmp_request(packet.proto, icmp.kind);
                let id = if asks.is_some() { icmp.id } else { 0 };
                let kind = asks.unwrap_or(icmp.kind);
                Ports { src: id, dst: id, extra: u16::from(kind) << 8 | u16::from(icmp.code) }
            }
            Body::Other if is_carrier(packet.proto) => Ports { src: 0, dst: 0, extra: 0 },
            Body::Other | Body::Broken => return None,
        };
        Some(Key::new((packet.src, ports.src), (packet.dst, ports.dst), ports.extra, packet.proto))
    }

    /// The session between `ends`, and which end its client is. `None` for what
    /// has no sessions, as above.
    pub fn between(ends: &Ends) -> Option<(Key, End)> {
        let (mut client, mut server, mut extra) = (ends.client, ends.server, 0);
        match ends.proto {
            proto::TCP | proto::UDP | proto::SCTP => {}
            proto::ICMP | proto::ICMPV6 => {
                let (kind, code, id) = ends.icmp?;
                let kind = icmp_request(ends.proto, kind)?;
                (client.1, server.1, extra) = (id, id, u16::from(kind) << 8 | u16::from(code));
            }
            number if is_carrier(number) => (client.1, server.1) = (0, 0),
            _ => return None,
        }
        Some(Key::new(client, server, extra, ends.proto))
    }

    /// The ends of the session, of which `client` is the client's.
    pub fn ends(&self, client: End) -> Ends {
        let [first, second] = [client, client.other()].map(|end| self.endpoint(end, Side::Client));
        let is_icmp = matches!(self.proto(), proto::ICMP | proto::ICMPV6);
        let [kind, code] = ((self.rest >> 16) as u16).to_be_bytes();
        let icmp = is_icmp.then_some((kind, code, first.1));
        Ends { proto: self.proto(), client: first, server: second, icmp }
    }

    fn new(src: (IpAddr, u16), dst: (IpAddr, u16), extra: u16, proto: u8) -> (Key, End) {
        let version = if src.0.is_ipv4() { 4 } else { 6 };
        let (src, dst) = ((bits_of(src.0), src.1), (bits_of(dst.0), dst.1));
        let (low, high, from) = if src <= dst { (src, dst, End::Low) } else { (dst, src, End::High) };
        let rest = u64::from(low.1) << 48
            | u64::from(high.1) << 32
            | u64::from(extra) << 16
            | u64::from(proto) << 8
            | version;
        (Key { low: low.0, high: high.0, rest }, from)
    }

    pub fn proto(&self) -> u8 {
        (self.rest >> 8) as u8
    }

    /// Address and port of `end`. ICMP has no ports: the client's is the
    /// identifier, the server's type × 256 + code.
    pub fn endpoint(&self, end: End, side: Side) -> (IpAddr, u16) {
        let (bits, port) = match end {
            End::Low => (self.low, self.rest >> 48),
            End::High => (self.high, self.rest >> 32),
        };
        let is_icmp = matches!(self.proto(), proto::ICMP | proto::ICMPV6);
        let port = if is_icmp && side == Side::Server { self.rest >> 16 } else { port };
        (address_of(bits, self.rest as u8), port as u16)
    }

    /// Bits that depend on all of it, the same on every machine.
    pub fn seed(&self) -> u64 {
        let [a, b] = self.low;
        let [c, d] = self.high;
        record::seed([a, b, c, d, self.rest].map(u64::to_be_bytes).each_ref().map(<[u8; 8]>::as_slice))
    }
}

impl End {
    pub fn other(self) -> End {
        match self {
            End::Low => End::High,
            End::High => End::Low,
        }
    }
}

/// Protocols without ports that carry other traffic from one end to another.
fn is_carrier(number: u8) -> bool {
    use proto::{AH, ESP, GRE, IPV4, IPV6};
    matches!(number, IPV4 | IPV6 | GRE | ESP | AH)
}

fn bits_of(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, v4.to_bits().into()],
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            [(bits >> 64) as u64, bits as u64]
        }
    }
}

fn address_of([high, low]: [u64; 2], version: u8) -> IpAddr {
    match version {
        4 => Ipv4Addr::from_bits(low as u32).into(),
        _ => Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into(),
    }
}

/// The type that asks what this one asks or answers: echoes and their like
/// (RFC 792, RFC 4443). Errors and announcements ask nothing.
fn icmp_request(number: u8, kind: u8) -> Option<u8> {
    match (number, kind) {
        (proto::ICMP, 8 | 0) => Some(8),
        (proto::ICMP, 13 | 14) => Some(13),
        (proto::ICMP, 15 | 16) => Some(15),
        (proto::ICMP, 17 | 18) => Some(17),
        (proto::ICMPV6, 128 | 129) => Some(128),
        _ => None,
    }
}

/// Messages by which neighbours find each other and their routers (RFC 4861,
/// RFC 3810): what ARP and IGMP do for IPv4.
fn is_between_neighbours(number: u8, kind: u8) -> bool {
    number == proto::ICMPV6 && matches!(kind, 130..=137 | 143)
}

/// Whether the sender of the first packet seen is the server: it answered
/// something that was asked before the capture began.
pub fn sent_by_server(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Tcp(tcp) => match tcp.flags & (flag::SYN | flag::ACK) {
            flag::SYN => false,
            both if both == flag::SYN | flag::ACK => true,
            // In mid-stream the lower port is the server's: protocols whose
            // server speaks first would otherwise turn round.
            _ => tcp.src_port < tcp.dst_port,
        },
        Body::Udp(udp) => {
            let answers = is_service(udp.src_port) && !is_service(udp.dst_port);
            // DHCP's clients have a reserved port too (RFC 2131, 4.1; RFC 8415, 7.2).
            let dhcp = matches!((udp.src_port, udp.dst_port), (67, 68) | (547, 546));
            answers && !is_group(packet.dst) || dhcp
        }
        Body::Icmp(icmp) => icmp_request(packet.proto, icmp.kind).is_some_and(|request| request != icmp.kind),
        Body::Sctp { src_port, dst_port } => is_service(src_port) && !is_service(dst_port),
        Body::Other | Body::Broken => false,
    }
}

/// Ports where servers of UDP wait, beyond the reserved ones.
fn is_service(port: u16) -> bool {
    const SERVICES: &[u16] =
        &[1194, 1701, 1812, 1813, 1900, 3478, 4500, 4789, 5004, 5060, 5349, 5353, 5355, 19302, 51820];
    port < 1024 || SERVICES.binary_search(&port).is_ok()
}

/// Multicast or broadcast.
pub fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.octets()[3] == 255,
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Icmp, Tcp, Udp};

    fn packet(src: [u8; 4], dst: [u8; 4], proto: u8, body: Body<'_>) -> Packet<'_> {
        Packet {
            span: crate::wire::Span::default(),
            iface: 0,
            src: src.into(),
            dst: dst.into(),
            src_mac: None,
            dst_mac: None,
            vlan: None,
            proto,
            ttl: 64,
            packets: 1,
            bytes: 60,
            carries: None,
            body,
        }
    }

    fn tcp(src_port: u16, dst_port: u16, flags: u8) -> Body<'static> {
        Body::Tcp(Tcp { src_port, dst_port, seq: 0, ack: 0, flags, payload: &[], length: 0 })
    }

    fn udp(src_port: u16, dst_port: u16) -> Body<'static> {
        Body::Udp(Udp { src_port, dst_port, payload: &[], length: 0 })
    }

    const A: [u8; 4] = [10, 0, 0, 1];
    const B: [u8; 4] = [192, 0, 2, 7];

    #[test]
    fn both_directions_have_one_key() {
        let (there, from) = Key::of(&packet(A, B, 6, tcp(40000, 80, 2))).unwrap();
        let (back, to) = Key::of(&packet(B, A, 6, tcp(80, 40000, 18))).unwrap();
        assert_eq!((there, from), (back, to.other()));
        assert_eq!(there.endpoint(from, Side::Client), (A.into(), 40000));
        assert_eq!(there.endpoint(to, Side::Server), (B.into(), 80));
        assert_ne!(there.seed(), Key::of(&packet(A, B, 6, tcp(40001, 80, 2))).unwrap().0.seed());
        assert_eq!(size_of::<Key>(), 40);
    }

    #[test]
    fn a_session_has_the_key_of_its_ends() {
        let ends = |proto, icmp| Ends { proto, client: (A.into(), 40_000), server: (B.into(), 80), icmp };
        let there = |proto, icmp| Key::between(&ends(proto, icmp));
        assert_eq!(there(6, None), Key::of(&packet(A, B, 6, tcp(40_000, 80, 2))));
        let echo = Body::Icmp(Icmp { kind: 8, code: 0, id: 7, payload: &[] });
        assert_eq!(there(1, Some((8, 0, 7))), Key::of(&packet(A, B, 1, echo)));
        assert_eq!(there(50, None), Key::of(&packet(A, B, 50, Body::Other)));
        assert_eq!((there(1, None), there(2, None)), (None, None));
        let (key, client) = there(6, None).unwrap();
        assert_eq!(key.ends(client), ends(6, None));
        let (key, client) = there(1, Some((8, 0, 7))).unwrap();
        let back = key.ends(client);
        assert_eq!((back.client.0, back.icmp), (A.into(), Some((8, 0, 7))));
    }

    #[test]
    fn one_host_may_talk_to_itself() {
        let (there, from) = Key::of(&packet(A, A, 6, tcp(40000, 80, 2))).unwrap();
        let (back, to) = Key::of(&packet(A, A, 6, tcp(80, 40000, 18))).unwrap();
        assert_eq!((there, from), (back, to.other()));
    }

    #[test]
    fn an_echo_and_its_reply_are_one_session() {
        let echo = |kind| Body::Icmp(Icmp { kind, code: 0, id: 7, payload: &[] });
        let (there, from) = Key::of(&packet(A, B, 1, echo(8))).unwrap();
        let (back, _) = Key::of(&packet(B, A, 1, echo(0))).unwrap();
        assert_eq!(there, back);
        assert_eq!(there.endpoint(from, Side::Client).1, 7);
        assert_eq!(there.endpoint(from.other(), Side::Server).1, 0x0800);
        let unreachable = Body::Icmp(Icmp { kind: 3, code: 3, id: 9, payload: &[] });
        let (error, from) = Key::of(&packet(A, B, 1, unreachable)).unwrap();
        assert_eq!((error.endpoint(from, Side::Client).1, error.endpoint(from, Side::Server).1), (0, 0x0303));
    }

    #[test]
    fn devices_without_an_address_are_told_apart() {
        let ask = |mac| {
            let mut discover = packet([0; 4], [255; 4], 17, udp(68, 67));
            discover.src_mac = Some(mac);
            Key::of(&discover).unwrap().0
        };
        assert_ne!(ask([2, 0, 0, 0, 0, 1]), ask([2, 0, 0, 0, 0, 2]));
        assert_eq!(ask([2, 0, 0, 0, 0, 1]), ask([2, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn the_server_is_told_by_the_handshake_or_else_by_its_port() {
        let by_server = |body| sent_by_server(&packet(A, B, 6, body));
        assert!(!by_server(tcp(80, 40000, 0x02)), "a SYN comes from the client, whatever its port");
        assert!(by_server(tcp(40000, 80, 0x12)));
        assert!(by_server(tcp(110, 40000, 0x18)) && !by_server(tcp(40000, 110, 0x18)));
        assert!(by_server(udp(53, 40000)) && !by_server(udp(40000, 53)));
        assert!(by_server(udp(67, 68)) && !by_server(udp(68, 67)) && by_server(udp(547, 546)));
        assert!(!by_server(udp(5353, 5353)) && !by_server(udp(40000, 50000)));
        let group = packet(A, [224, 0, 0, 251], 17, udp(5353, 40000));
        assert!(!sent_by_server(&group));
    }
}
