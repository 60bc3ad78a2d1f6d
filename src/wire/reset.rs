//! Resets: segments that end a connection in the name of its two ends, for who
//! only watches it from beside its way.
//!
//! An end believes a RST whose number is exactly the one that it waits for (RFC
//! 5961, 3.2), so they are made from a segment that was seen: what its sender
//! acknowledges is where its peer is, and where it ends is what the peer waits
//! for. While data flows one way, who sends it gets nothing but
//! acknowledgements, whose number stays the same: its RST is in time however
//! late it is, and its own RST, by which it answers all that comes afterwards
//! (RFC 9293, 3.10.7.1), ends the other side.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader};

use super::bytes::{array_at, u8_at, u16_at};
use super::ip::{Ip, proto};
use super::link::{IPV4, IPV6, LinkType, QINQ, QINQ_OLD, RawMac, VLAN};
use super::transport::flag;
use super::{Body, Packet};

/// Tags of VLAN that are kept; more are not seen in practice.
const MAX_TAGS: usize = 4;

/// Without them: addresses and type.
const ETHERNET: usize = 14;

/// A segment without options and data, at the IP layer.
const SEGMENT_V4: usize = 40;
const SEGMENT_V6: usize = 60;

const TTL: u8 = 64;

/// By these Weir knows its own where it sees them again: the identification,
/// which says nothing in a packet that may not be cut (RFC 6864, 4.1), and the
/// flow label. Fixed, so that another Weir in the same network knows them too.
const OWN_V4: u16 = 0x5745;
const OWN_V6: u32 = 0x5_7457;

/// A frame of one RST.
pub type Frame = ArrayVec<u8, { ETHERNET + 4 * MAX_TAGS + SEGMENT_V6 }>;

/// What of a TCP segment tells how to reset its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address and port.
    pub src: (IpAddr, u16),
    pub dst: (IpAddr, u16),
    pub seq: u32,
    pub ack: u32,
    /// See [`flag`].
    pub flags: u8,
    /// Bytes of its payload, on the wire.
    pub length: u32,
}

/// Numbers and flags of one RST.
#[derive(Clone, Copy)]
struct Numbers {
    seq: u32,
    ack: u32,
    has_ack: bool,
}

impl Segment {
    /// That of `packet`. None where there is nothing to answer: a RST is never
    /// answered (RFC 9293, 3.10.7.1), and no flags mean that the snap length
    /// cut the header.
    pub fn of(packet: &Packet<'_>) -> Option<Segment> {
        let Body::Tcp(tcp) = packet.body else { return None };
        (tcp.flags != 0 && tcp.flags & flag::RST == 0).then_some(Segment {
            src: (packet.src, tcp.src_port),
            dst: (packet.dst, tcp.dst_port),
            seq: tcp.seq,
            ack: tcp.ack,
            flags: tcp.flags,
            length: tcp.length,
        })
    }

    /// The number behind its last byte; SYN and FIN count as one each.
    fn end(&self) -> u32 {
        let controls = (self.flags & (flag::SYN | flag::FIN)).count_ones();
        self.seq.wrapping_add(self.length).wrapping_add(controls)
    }

    /// For its sender, as from its peer. One that only asks for a connection has
    /// no number to wait for, and believes what acknowledges its SYN (RFC 9293,
    /// 3.10.7.3).
    fn for_sender(&self) -> Numbers {
        let seq = if self.flags & flag::ACK != 0 { self.ack } else { 0 };
        Numbers { seq, ack: self.end(), has_ack: true }
    }

    /// For its peer, as from its sender.
    fn for_peer(&self) -> Numbers {
        Numbers { seq: self.end(), ack: self.ack, has_ack: self.flags & flag::ACK != 0 }
    }
}

/// Two frames that end the connection of `segment`, which came in `frame`: for
/// its sender and for its peer. They go the way `frame` came and the way it
/// went, with its VLAN tags; as their sender they have `from`, or without it
/// the address that the other end has in `frame`. None where that can't be: in a
/// tunnel, and where there is something other than Ethernet, or nothing, around IP.
pub fn pair(kind: LinkType, frame: &[u8], segment: &Segment, from: Option<RawMac>) -> Option<[Frame; 2]> {
    let (link, rest) = frame.split_at_checked(header_of(kind, frame)?)?;
    let ip = Ip::read(rest, u32::try_from(rest.len()).ok()?)?;
    if (ip.src, ip.dst, ip.proto) != (segment.src.0, segment.dst.0, proto::TCP) {
        return None;
    }
    let (mut there, mut back) = (Frame::new(), Frame::new());
    if kind == LinkType::Ethernet {
        let (dst, src): (RawMac, RawMac) = (array_at(link, 0)?, array_at(link, 6)?);
        // Nobody is made to tell a whole network.
        if [dst, src].iter().any(|mac| mac[0] & 1 == 1) {
            return None;
        }
        for (out, to, other) in [(&mut back, src, dst), (&mut there, dst, src)] {
            let parts: [&[u8]; 3] = [&to, &from.unwrap_or(other), link.get(12..)?];
            parts.iter().try_for_each(|part| out.try_extend_from_slice(part)).ok()?;
        }
    }
    write(&mut back, segment.dst, segment.src, segment.for_sender())?;
    write(&mut there, segment.src, segment.dst, segment.for_peer())?;
    Some([back, there])
}

/// Whether `frame` is one that [`pair`] has made, here or at another Weir.
pub fn is_own(kind: LinkType, frame: &[u8]) -> bool {
    // Ethernet pads what is shorter than 60 bytes; most frames are no RST.
    frame.len() <= Frame::new_const().capacity() && own(kind, frame) == Some(true)
}

fn own(kind: LinkType, frame: &[u8]) -> Option<bool> {
    let ip = frame.get(header_of(kind, frame)?..)?;
    let (is_marked, tcp) = match u8_at(ip, 0)? {
        0x45 => {
            let fits = u16_at(ip, 2)? == SEGMENT_V4 as u16 && u8_at(ip, 9)? == proto::TCP;
            (fits && u16_at(ip, 4)? == OWN_V4, ip.get(20..)?)
        }
        0x60 => {
            let fits = u16_at(ip, 4)? == (SEGMENT_V6 - 40) as u16 && u8_at(ip, 6)? == proto::TCP;
            (fits && array_at(ip, 0)? == (6 << 28 | OWN_V6).to_be_bytes(), ip.get(40..)?)
        }
        _ => return None,
    };
    let (flags, window) = (u8_at(tcp, 13)?, u16_at(tcp, 14)?);
    Some(is_marked && flags & !flag::ACK == flag::RST && window == 0)
}

/// Bytes before the IP header, where they can be sent again as they are.
fn header_of(kind: LinkType, frame: &[u8]) -> Option<usize> {
    match kind {
        LinkType::Raw => Some(0),
        LinkType::Ethernet => {
            (0..=MAX_TAGS).map(|tags| ETHERNET + 4 * tags).find_map(|end| match u16_at(frame, end - 2) {
                Some(VLAN | QINQ | QINQ_OLD) => None,
                Some(IPV4 | IPV6) => Some(Some(end)),
                _ => Some(None),
            })?
        }
        _ => None,
    }
}

/// Writes one RST from `src` to `dst` behind what `out` begins with.
fn write(out: &mut Frame, src: (IpAddr, u16), dst: (IpAddr, u16), numbers: Numbers) -> Option<()> {
    let mut tcp = TcpHeader::new(src.1, dst.1, numbers.seq, 0);
    tcp.rst = true;
    tcp.ack = numbers.has_ack;
    tcp.acknowledgment_number = if numbers.has_ack { numbers.ack } else { 0 };
    match (src.0, dst.0) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let length = tcp.header_len_u16();
            let mut ip = Ipv4Header::new(length, TTL, IpNumber::TCP, src.octets(), dst.octets()).ok()?;
            ip.identification = OWN_V4;
            ip.dont_fragment = true;
            ip.header_checksum = ip.calc_header_checksum();
            tcp.checksum = tcp.calc_checksum_ipv4(&ip, &[]).ok()?;
            out.try_extend_from_slice(&ip.to_bytes()).ok()?;
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let ip = Ipv6Header {
                flow_label: Ipv6FlowLabel::try_new(OWN_V6).ok()?,
                payload_length: tcp.header_len_u16(),
                next_header: IpNumber::TCP,
                hop_limit: TTL,
                source: src.octets(),
                destination: dst.octets(),
                ..Ipv6Header::default()
            };
            tcp.checksum = tcp.calc_checksum_ipv6(&ip, &[]).ok()?;
            out.try_extend_from_slice(&ip.to_bytes()).ok()?;
        }
        _ => return None,
    }
    out.try_extend_from_slice(&tcp.to_bytes()).ok()
}

#[cfg(test)]
mod tests;
