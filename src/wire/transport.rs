//! TCP, UDP and ICMP headers, as far as a snapped packet still has them.

use etherparse::{TcpSlice, UdpHeaderSlice};

use super::bytes::{u8_at, u16_at, u32_at};
use super::ip::proto;

/// TCP flags as the header's low byte has them (RFC 9293, 3.1).
pub mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;
}

/// One TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tcp<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    pub seq: u32,
    pub ack: u32,
    /// See [`flag`].
    pub flags: u8,
    /// What of the payload was captured.
    pub payload: &'a [u8],
    /// How long the payload was on the wire, in bytes.
    pub length: u32,
}

/// One UDP datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Udp<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    /// What of the payload was captured.
    pub payload: &'a [u8],
    /// How long the payload was on the wire, in bytes.
    pub length: u32,
}

/// One ICMP or ICMPv6 message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Icmp<'a> {
    pub kind: u8,
    pub code: u8,
    /// Bytes 4 and 5: in echoes the identifier.
    pub id: u16,
    /// Behind the eight bytes of header: in errors the packet they speak of.
    pub payload: &'a [u8],
}

/// What follows the IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body<'a> {
    Tcp(Tcp<'a>),
    Udp(Udp<'a>),
    Icmp(Icmp<'a>),
    /// SCTP: its ports lie where those of TCP do (RFC 9260, 3.1).
    Sctp {
        src_port: u16,
        dst_port: u16,
    },
    /// A protocol without ports: ESP, GRE, IGMP.
    Other,
    /// Too short for the ports it should have.
    Broken,
}

impl<'a> Body<'a> {
    /// Reads the header at the start of `bytes`; `cut` bytes behind them were
    /// not captured.
    pub fn read(number: u8, bytes: &'a [u8], cut: u32) -> Body<'a> {
        let body = match number {
            proto::TCP => tcp(bytes, cut).map(Body::Tcp),
            proto::UDP => udp(bytes, cut).map(Body::Udp),
            proto::ICMP | proto::ICMPV6 => icmp(bytes).map(Body::Icmp),
            proto::SCTP => ports(bytes).map(|(src_port, dst_port)| Body::Sctp { src_port, dst_port }),
            _ => Some(Body::Other),
        };
        body.unwrap_or(Body::Broken)
    }
}

impl Body<'_> {
    /// The same without what it carries: for counting only.
    pub fn without_payload(self) -> Body<'static> {
        match self {
            Body::Tcp(tcp) => Body::Tcp(Tcp { payload: &[], ..tcp }),
            Body::Udp(udp) => Body::Udp(Udp { payload: &[], ..udp }),
            Body::Icmp(icmp) => Body::Icmp(Icmp { payload: &[], ..icmp }),
            Body::Sctp { src_port, dst_port } => Body::Sctp { src_port, dst_port },
            Body::Other => Body::Other,
            Body::Broken => Body::Broken,
        }
    }
}

fn ports(bytes: &[u8]) -> Option<(u16, u16)> {
    Some((u16_at(bytes, 0)?, u16_at(bytes, 2)?))
}

fn tcp(bytes: &[u8], cut: u32) -> Option<Tcp<'_>> {
    match TcpSlice::from_slice(bytes) {
        Ok(slice) => Some(Tcp {
            src_port: slice.source_port(),
            dst_port: slice.destination_port(),
            seq: slice.sequence_number(),
            ack: slice.acknowledgment_number(),
            flags: slice.slice()[13],
            payload: slice.payload(),
            length: slice.payload().len() as u32 + cut,
        }),
        // The snap length fell into the options, or the length field lies:
        // the ports still say whose packet it is.
        Err(_) => {
            let (src_port, dst_port) = ports(bytes)?;
            let header = u32::from(u8_at(bytes, 12).unwrap_or(0) >> 4) * 4;
            Some(Tcp {
                src_port,
                dst_port,
                seq: u32_at(bytes, 4).unwrap_or(0),
                ack: u32_at(bytes, 8).unwrap_or(0),
                flags: u8_at(bytes, 13).unwrap_or(0),
                payload: &[],
                length: (bytes.len() as u32 + cut).saturating_sub(header.max(20)),
            })
        }
    }
}

fn udp(bytes: &[u8], cut: u32) -> Option<Udp<'_>> {
    let Ok(header) = UdpHeaderSlice::from_slice(bytes) else {
        let (src_port, dst_port) = ports(bytes)?;
        return Some(Udp { src_port, dst_port, payload: &[], length: 0 });
    };
    let captured = &bytes[8..];
    // Zero means "to the end of the packet" (RFC 2675, and segmentation offload).
    let declared = match usize::from(header.length()) {
        0..=7 => captured.len() + cut as usize,
        length => length - 8,
    };
    let payload = &captured[..declared.min(captured.len())];
    let length = declared.min(captured.len() + cut as usize) as u32;
    Some(Udp { src_port: header.source_port(), dst_port: header.destination_port(), payload, length })
}

fn icmp(bytes: &[u8]) -> Option<Icmp<'_>> {
    Some(Icmp {
        kind: u8_at(bytes, 0)?,
        code: u8_at(bytes, 1)?,
        id: u16_at(bytes, 4).unwrap_or(0),
        payload: bytes.get(8..).unwrap_or(&[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: [u8; 24] =
        [0, 80, 4, 210, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0, b'd', b'a', b't', b'a'];

    #[test]
    fn a_segment_keeps_its_length_when_snapped() {
        let Body::Tcp(whole) = Body::read(6, &SEGMENT, 0) else { panic!() };
        assert_eq!((whole.src_port, whole.dst_port, whole.seq, whole.ack), (80, 1234, 1, 2));
        assert_eq!((whole.flags, whole.payload, whole.length), (0x18, b"data".as_slice(), 4));
        let Body::Tcp(cut) = Body::read(6, &SEGMENT[..22], 2) else { panic!() };
        assert_eq!((cut.payload, cut.length), (b"da".as_slice(), 4));
        let Body::Tcp(stub) = Body::read(6, &SEGMENT[..16], 8) else { panic!() };
        assert_eq!((stub.src_port, stub.flags, stub.payload, stub.length), (80, 0x18, b"".as_slice(), 4));
    }

    #[test]
    fn a_datagram_ends_where_its_length_says() {
        let bytes = [0, 53, 4, 210, 0, 10, 0, 0, b'o', b'k', 0, 0];
        let Body::Udp(udp) = Body::read(17, &bytes, 0) else { panic!() };
        assert_eq!((udp.payload, udp.length), (b"ok".as_slice(), 2));
        let mut zero = bytes;
        zero[5] = 0;
        let Body::Udp(udp) = Body::read(17, &zero, 6) else { panic!() };
        assert_eq!((udp.payload.len(), udp.length), (4, 10));
        let mut long = bytes;
        long[5] = 200;
        let Body::Udp(udp) = Body::read(17, &long, 0) else { panic!() };
        assert_eq!((udp.payload.len(), udp.length), (4, 4));
    }

    #[test]
    fn too_short_for_ports_is_broken() {
        for number in [6, 17, 132] {
            assert_eq!(Body::read(number, &[0, 80, 4], 0), Body::Broken);
        }
        assert_eq!(Body::read(1, &[8], 0), Body::Broken);
        assert_eq!(Body::read(50, &[], 0), Body::Other);
        let echo = Body::read(58, &[128, 0, 0, 0, 1, 2, 0, 1, b'x'], 0);
        assert_eq!(echo, Body::Icmp(Icmp { kind: 128, code: 0, id: 0x0102, payload: b"x" }));
    }
}
