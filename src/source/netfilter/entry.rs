//! What the kernel tells of one entry of connection tracking.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::{Attributes, Message, attributes, be32, be64};
use crate::engine::{Ends, Flow};

/// Names of attributes: linux/netfilter/nfnetlink_conntrack.h.
pub mod attribute {
    pub const ORIGINAL: u16 = 1;
    pub const REPLY: u16 = 2;
    pub const COUNTED: [u16; 2] = [9, 10];
    pub const PROTOINFO: u16 = 4;
    /// Seconds that it has left; none where its time is up.
    pub const TIMEOUT: u16 = 7;
    pub const MARK: u16 = 8;
    pub const ID: u16 = 12;
    pub const MARK_MASK: u16 = 21;

    /// Within a tuple…
    pub const ADDRESSES: u16 = 1;
    pub const PROTOCOL: u16 = 2;
    /// …and within those.
    pub const V4_SRC: u16 = 1;
    pub const V4_DST: u16 = 2;
    pub const V6_SRC: u16 = 3;
    pub const V6_DST: u16 = 4;
    pub const NUMBER: u16 = 1;
    pub const SRC_PORT: u16 = 2;
    pub const DST_PORT: u16 = 3;
    pub const ICMP: [u16; 3] = [4, 5, 6];
    pub const ICMPV6: [u16; 3] = [7, 8, 9];

    /// Within what a protocol tells…
    pub const TCP: u16 = 1;
    /// …and within that.
    pub const TCP_STATE: u16 = 1;

    /// Within counters.
    pub const PACKETS: u16 = 1;
    pub const BYTES: u16 = 2;
}

/// Packets and bytes of each direction, the client's first.
pub type Counts = [[u64; 2]; 2];

/// One direction of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tuple {
    src: IpAddr,
    dst: IpAddr,
    proto: u8,
    sport: u16,
    dport: u16,
    /// Type, code and identifier of ICMP.
    icmp: Option<(u8, u8, u16)>,
}

/// What the kernel tells of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub original: Tuple,
    reply: Tuple,
    pub id: u32,
    pub counts: Counts,
}

impl Entry {
    pub fn read(message: &Message<'_>) -> Option<Entry> {
        let (mut original, mut reply, mut id, mut counts) = (None, None, 0, Counts::default());
        for (kind, value) in message.attributes() {
            match kind {
                attribute::ORIGINAL => original = Tuple::read(attributes(value)),
                attribute::REPLY => reply = Tuple::read(attributes(value)),
                attribute::ID => id = be32(value)?,
                _ => {
                    if let Some(side) = attribute::COUNTED.iter().position(|counted| *counted == kind) {
                        counts[side] = count(attributes(value));
                    }
                }
            }
        }
        Some(Entry { original: original?, reply: reply?, id, counts })
    }

    /// The ends as the LAN has them: before the source was translated, and
    /// after the destination was.
    pub fn flow(&self, packets: [u64; 2], bytes: [u64; 2]) -> Flow {
        let Entry { original, reply, .. } = self;
        let ends = Ends {
            proto: original.proto,
            client: (original.src, original.sport),
            server: (reply.src, reply.sport),
            icmp: original.icmp,
        };
        Flow { ends, packets, bytes }
    }
}

impl Tuple {
    fn read(parts: Attributes<'_>) -> Option<Tuple> {
        let (mut src, mut dst, mut proto, mut ports) = (None, None, None, [0; 2]);
        let (mut icmp, mut is_icmp) = ([0_u16; 3], false);
        for (kind, value) in parts {
            match kind {
                attribute::ADDRESSES => {
                    for (kind, value) in attributes(value) {
                        match kind {
                            attribute::V4_SRC | attribute::V6_SRC => src = address(value),
                            attribute::V4_DST | attribute::V6_DST => dst = address(value),
                            _ => {}
                        }
                    }
                }
                attribute::PROTOCOL => {
                    for (kind, value) in attributes(value) {
                        match kind {
                            attribute::NUMBER => proto = value.first().copied(),
                            attribute::SRC_PORT => ports[0] = be16(value)?,
                            attribute::DST_PORT => ports[1] = be16(value)?,
                            _ => {
                                let names = [attribute::ICMP, attribute::ICMPV6];
                                let place = names.iter().flatten().position(|name| *name == kind);
                                let Some(place) = place.map(|place| place % 3) else { continue };
                                is_icmp = true;
                                let byte = || value.first().map(|byte| u16::from(*byte));
                                icmp[place] = if place == 0 { be16(value)? } else { byte()? };
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let [id, kind, code] = icmp;
        Some(Tuple {
            src: src?,
            dst: dst?,
            proto: proto?,
            sport: ports[0],
            dport: ports[1],
            icmp: is_icmp.then_some((kind as u8, code as u8, id)),
        })
    }
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(|bytes| Ipv4Addr::from(bytes).into());
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}

fn be16(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn count(parts: Attributes<'_>) -> [u64; 2] {
    let mut counts = [0; 2];
    for (kind, value) in parts {
        match kind {
            attribute::PACKETS => counts[0] = be64(value).unwrap_or(0),
            attribute::BYTES => counts[1] = be64(value).unwrap_or(0),
            _ => {}
        }
    }
    counts
}

/// Source and destination of the tuple among `parts`, for tests of what is sent.
#[cfg(test)]
pub fn tuple_of(parts: &[u8]) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let (_, tuple) = attributes(parts).find(|(kind, _)| *kind == attribute::ORIGINAL)?;
    let tuple = Tuple::read(attributes(tuple))?;
    Some(((tuple.src, tuple.sport), (tuple.dst, tuple.dport)))
}

#[cfg(test)]
pub mod tests {
    use super::super::netlink::{NESTED, Request};
    use super::*;

    fn nested(parts: &[(u16, &[u8])]) -> Vec<u8> {
        let request = Request::nested();
        parts.iter().fold(request, |request, (kind, value)| request.with(*kind, value)).into_attributes()
    }

    fn tuple(src: [u8; 4], dst: [u8; 4], proto: &[(u16, &[u8])]) -> Vec<u8> {
        let addresses = nested(&[(attribute::V4_SRC, &src), (attribute::V4_DST, &dst)]);
        nested(&[(attribute::ADDRESSES | NESTED, &addresses), (attribute::PROTOCOL | NESTED, &nested(proto))])
    }

    pub const CLIENT: [u8; 4] = [192, 168, 1, 7];
    pub const SERVER: [u8; 4] = [198, 51, 100, 9];
    const ROUTER: [u8; 4] = [203, 0, 113, 1];

    pub fn entry(id: u32, sent: [u64; 2], came: [u64; 2]) -> Entry {
        let tcp = |sport: u16, dport: u16| {
            let (sport, dport) = (sport.to_be_bytes(), dport.to_be_bytes());
            move |src, dst| tuple(src, dst, &[(1, &[6]), (2, &sport), (3, &dport)])
        };
        let counted =
            |[packets, bytes]: [u64; 2]| nested(&[(1, &packets.to_be_bytes()), (2, &bytes.to_be_bytes())]);
        let body = Request::new(1, 0, 0, libc::AF_INET, 0)
            .with(attribute::ORIGINAL | NESTED, &tcp(40_000, 443)(CLIENT, SERVER))
            .with(attribute::REPLY | NESTED, &tcp(443, 1024)(SERVER, ROUTER))
            .with(attribute::COUNTED[0] | NESTED, &counted(sent))
            .with(attribute::COUNTED[1] | NESTED, &counted(came))
            .with(attribute::ID, &id.to_be_bytes())
            .into_body();
        Entry::read(&Message { kind: 0, body: &body }).unwrap()
    }

    #[test]
    fn an_echo_has_its_type_code_and_identifier() {
        let echo = tuple(CLIENT, SERVER, &[(1, &[1]), (4, &9_u16.to_be_bytes()), (5, &[8]), (6, &[0])]);
        assert_eq!(Tuple::read(attributes(&echo)).unwrap().icmp, Some((8, 0, 9)));
        for end in 0..echo.len() {
            let _ = Tuple::read(attributes(&echo[..end]));
        }
    }
}
