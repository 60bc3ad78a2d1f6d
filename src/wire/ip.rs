//! IP headers by etherparse, read leniently: a snapped capture is still
//! worth its addresses, ports and lengths.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv6ExtensionSlice, Ipv6ExtensionsSlice, Ipv6Header, LaxIpSlice, LaxIpv6Slice};

/// A fragment's place in its datagram (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// Of the datagram, chosen by its sender.
    pub id: u32,
    /// Of this fragment's first byte in the datagram's payload, in bytes.
    pub offset: usize,
    /// Whether another fragment follows.
    pub more: bool,
}

/// One IP packet, headers read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ip<'a> {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// The transport protocol's number, behind all extension headers.
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IP-layer bytes on the wire: what the header declares, whatever was captured.
    pub bytes: u32,
    /// Set when this is a part of a datagram, the first part too.
    pub fragment: Option<Fragment>,
    /// What of the payload was captured, without padding.
    pub payload: &'a [u8],
    /// How much of the payload the snap length cut off, in bytes.
    pub cut: u32,
}

impl<'a> Ip<'a> {
    /// Reads the packet at the start of `bytes`, which may end in padding or
    /// be cut. `on_wire` is how long `bytes` was before the snap length cut it.
    /// `None` where there is no IP header, or one that contradicts itself.
    pub fn read(bytes: &'a [u8], on_wire: u32) -> Option<Ip<'a>> {
        let (slice, _broken_extension) = LaxIpSlice::from_slice(bytes).ok()?;
        let mut behind_fragment = None;
        let (ttl, declared, fragment) = match &slice {
            LaxIpSlice::Ipv4(v4) => {
                let header = v4.header();
                // A packet can't be shorter than its header (RFC 791, 3.1).
                if (1..header.slice().len()).contains(&usize::from(header.total_len())) {
                    return None;
                }
                let fragment = v4.is_payload_fragmented().then(|| Fragment {
                    id: header.identification().into(),
                    offset: header.fragments_offset().byte_offset().into(),
                    more: header.more_fragments(),
                });
                (header.ttl(), u32::from(header.total_len()), fragment)
            }
            LaxIpSlice::Ipv6(v6) => {
                let header = v6.header();
                let declared = match header.payload_length() {
                    0 => 0,
                    length => u32::from(length) + 40,
                };
                if v6.is_payload_fragmented() {
                    behind_fragment = v6_fragment(v6);
                }
                (header.hop_limit(), declared, behind_fragment.map(|(fragment, ..)| fragment))
            }
        };
        // Segmentation offload hands frames to the capture with a length field
        // of zero (and longer than a field could say): then the frame counts.
        let length = if declared == 0 { on_wire } else { declared };
        let end = end_of(bytes, slice.payload().payload);
        let (proto, payload) = match behind_fragment {
            // The piece as it is, whatever headers it may begin with.
            Some((_, proto, headers)) => (proto, bytes.get(headers..end)?),
            None => (slice.payload_ip_number().0, slice.payload().payload),
        };
        Some(Ip {
            src: slice.source_addr(),
            dst: slice.destination_addr(),
            proto,
            ttl,
            bytes: length,
            fragment,
            payload,
            cut: length.saturating_sub(u32::try_from(end).unwrap_or(u32::MAX)),
        })
    }
}

/// Steps over the extension headers at the start of an IPv6 payload that was
/// put together from pieces: the transport's number, and what follows.
pub fn skip_extensions(proto: u8, payload: &[u8]) -> (u8, &[u8]) {
    let (_, number, rest, _) = Ipv6ExtensionsSlice::from_slice_lax(IpNumber(proto), payload);
    (number.0, rest)
}

/// Where `part` ends within `whole`, of which it is a slice.
fn end_of(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr_range().end as usize - whole.as_ptr() as usize
}

/// The place of a piece, the protocol it names and the length of the headers
/// before it.
fn v6_fragment(packet: &LaxIpv6Slice<'_>) -> Option<(Fragment, u8, usize)> {
    let mut headers = Ipv6Header::LEN;
    for extension in packet.extensions().clone() {
        headers += match &extension {
            Ipv6ExtensionSlice::HopByHop(header)
            | Ipv6ExtensionSlice::Routing(header)
            | Ipv6ExtensionSlice::DestinationOptions(header) => header.slice().len(),
            Ipv6ExtensionSlice::Authentication(header) => header.slice().len(),
            Ipv6ExtensionSlice::Fragment(header) => {
                let fragment = Fragment {
                    id: header.identification(),
                    offset: header.fragment_offset().byte_offset().into(),
                    more: header.more_fragments(),
                };
                return Some((fragment, header.next_header().0, headers + header.slice().len()));
            }
        };
    }
    None
}

/// Protocol numbers that Weir reads (IANA, Assigned Internet Protocol Numbers).
pub mod proto {
    use super::IpNumber;

    pub const ICMP: u8 = IpNumber::ICMP.0;
    pub const IPV4: u8 = IpNumber::IPV4.0;
    pub const TCP: u8 = IpNumber::TCP.0;
    pub const UDP: u8 = IpNumber::UDP.0;
    pub const IPV6: u8 = IpNumber::IPV6.0;
    pub const GRE: u8 = IpNumber::GRE.0;
    pub const ICMPV6: u8 = IpNumber::IPV6_ICMP.0;
    pub const ESP: u8 = IpNumber::ENCAPSULATING_SECURITY_PAYLOAD.0;
    pub const AH: u8 = IpNumber::AUTHENTICATION_HEADER.0;
    pub const SCTP: u8 = IpNumber::SCTP.0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IpFragOffset, Ipv4Header};

    fn v4(proto: IpNumber, payload: &[u8]) -> Vec<u8> {
        let mut header =
            Ipv4Header::new(payload.len() as u16, 64, proto, [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
        header.header_checksum = header.calc_header_checksum();
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn padding_is_no_payload_and_counts_no_bytes() {
        let mut bytes = v4(IpNumber::UDP, b"12345678");
        bytes.extend_from_slice(&[0; 18]);
        let ip = Ip::read(&bytes, bytes.len() as u32).unwrap();
        assert_eq!((ip.bytes, ip.payload, ip.cut), (28, b"12345678".as_slice(), 0));
        assert_eq!(ip.src, IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn a_snapped_packet_keeps_its_declared_length() {
        let bytes = v4(IpNumber::TCP, &[0; 1000]);
        let ip = Ip::read(&bytes[..128], 1020).unwrap();
        assert_eq!((ip.bytes, ip.payload.len(), ip.cut), (1020, 108, 892));
    }

    #[test]
    fn a_length_of_zero_means_segmentation_offload() {
        let mut bytes = v4(IpNumber::TCP, &[0; 1000]);
        bytes[2..4].copy_from_slice(&[0, 0]);
        let ip = Ip::read(&bytes, 1020).unwrap();
        assert_eq!((ip.bytes, ip.payload.len(), ip.cut), (1020, 1000, 0));
    }

    #[test]
    fn extension_headers_lie_before_the_transport() {
        let header = Ipv6Header {
            payload_length: 24,
            next_header: IpNumber::IPV6_HEADER_HOP_BY_HOP,
            hop_limit: 3,
            source: [1; 16],
            destination: [2; 16],
            ..Default::default()
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend_from_slice(&[44, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[17, 0, 0, 9, 0, 0, 0, 7]);
        bytes.extend_from_slice(b"datagram");
        let ip = Ip::read(&bytes, bytes.len() as u32).unwrap();
        assert_eq!((ip.proto, ip.ttl, ip.bytes), (proto::UDP, 3, 64));
        assert_eq!(ip.payload, b"datagram");
        assert_eq!(ip.fragment, Some(Fragment { id: 7, offset: 8, more: true }));
    }

    #[test]
    fn a_fragment_says_where_it_belongs() {
        let mut header = Ipv4Header::new(8, 64, IpNumber::UDP, [1; 4], [2; 4]).unwrap();
        header.identification = 0x1234;
        header.fragment_offset = IpFragOffset::try_new(185).unwrap();
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend_from_slice(b"the rest");
        let ip = Ip::read(&bytes, 28).unwrap();
        assert_eq!(ip.fragment, Some(Fragment { id: 0x1234, offset: 1480, more: false }));
    }

    #[test]
    fn no_prefix_panics() {
        let bytes = v4(IpNumber::TCP, &[0x60; 40]);
        for end in 0..bytes.len() {
            let _ = Ip::read(&bytes[..end], 60);
            let mut v6 = bytes[..end].to_vec();
            if let Some(first) = v6.first_mut() {
                *first = 0x60;
                let _ = Ip::read(&v6, 60);
            }
        }
    }
}
