//! The packets of a datagram, as far as they are in the clear.

use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

/// What a packet is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    /// A server names its versions.
    Negotiation,
    /// Without version or length: what follows the handshake.
    Short,
}

/// One packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    pub kind: Kind,
    /// Zero where the packet has none.
    pub version: u32,
    /// Destination and source ids.
    pub to: &'a [u8],
    pub from: &'a [u8],
    /// All of it.
    pub bytes: &'a [u8],
    /// Where the packet number begins.
    pub number_at: usize,
}

/// The packets that one datagram carries behind one another (RFC 9000, 12.2).
pub struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    pub fn new(datagram: &'a [u8]) -> Packets<'a> {
        Packets(datagram)
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let packet = Packet::read(self.0);
        self.0 = packet.and_then(|packet| self.0.get(packet.bytes.len()..)).unwrap_or_default();
        packet
    }
}

impl<'a> Packet<'a> {
    /// The first packet in `bytes` (RFC 9000, 17).
    fn read(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let first = u8_at(bytes, 0)?;
        if first & 0x80 == 0 {
            // Zeros behind the last packet are padding.
            let packet = Packet { kind: Kind::Short, version: 0, to: &[], from: &[], bytes, number_at: 1 };
            return (first & 0x40 != 0).then_some(packet);
        }
        let version = u32_at(bytes, 1)?;
        let mut at = 5;
        let (to, from) = if has_short_lengths(version) {
            let lengths = u8_at(bytes, at)?;
            at += 1;
            let of = |nibble: u8| if nibble == 0 { 0 } else { usize::from(nibble) + 3 };
            (take(bytes, &mut at, of(lengths >> 4))?, take(bytes, &mut at, of(lengths & 0x0f))?)
        } else {
            (take_id(bytes, &mut at)?, take_id(bytes, &mut at)?)
        };
        let kind = if version == 0 { Kind::Negotiation } else { kind(version, first) };
        let end = match kind {
            Kind::Negotiation | Kind::Retry | Kind::Short => bytes.len(),
            Kind::Initial | Kind::ZeroRtt | Kind::Handshake => {
                if kind == Kind::Initial {
                    let token = number(bytes, &mut at)?;
                    take(bytes, &mut at, usize::try_from(token).ok()?)?;
                }
                let length = usize::try_from(number(bytes, &mut at)?).ok()?;
                at.checked_add(length)?
            }
        };
        Some(Packet { kind, version, to, from, bytes: bytes.get(..end)?, number_at: at })
    }
}

/// Until draft 21 one byte held the lengths of both ids.
fn has_short_lengths(version: u32) -> bool {
    matches!(version, 0xff00_0000..=0xff00_0015)
}

/// RFC 9000, 17.2, and the other numbers of version 2: RFC 9369, 3.2.
fn kind(version: u32, first: u8) -> Kind {
    let second = u8::from(version == 0x6b33_43cf);
    match (first >> 4 & 3).wrapping_sub(second) & 3 {
        0 => Kind::Initial,
        1 => Kind::ZeroRtt,
        2 => Kind::Handshake,
        _ => Kind::Retry,
    }
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, length: usize) -> Option<&'a [u8]> {
    let end = at.checked_add(length)?;
    let taken = bytes.get(*at..end)?;
    *at = end;
    Some(taken)
}

fn take_id<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = usize::from(u8_at(bytes, *at)?);
    *at += 1;
    take(bytes, at, length)
}

/// A number of one, two, four or eight bytes (RFC 9000, 16).
pub fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = u8_at(bytes, *at)?;
    let (length, value) = match first >> 6 {
        0 => (1, u64::from(first)),
        1 => (2, u64::from(u16_at(bytes, *at)? & 0x3fff)),
        2 => (4, u64::from(u32_at(bytes, *at)? & 0x3fff_ffff)),
        _ => (8, u64::from_be_bytes(array_at(bytes, *at)?) & 0x3fff_ffff_ffff_ffff),
    };
    *at += length;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long packet of version 1: first byte, ids, what is behind them.
    fn long(first: u8, version: u32, rest: &[u8]) -> Vec<u8> {
        [&[first][..], &version.to_be_bytes(), b"\x02ab\x01c", rest].concat()
    }

    #[test]
    fn packets_behind_one_another() {
        let datagram = [
            long(0xd0, 1, b"\x03xyz"),
            long(0xc0, 1, b"\x02to\x40\x04abcd"),
            long(0xe0, 1, b"\x01x"),
            b"\x40short".to_vec(),
        ]
        .concat();
        let packets: Vec<_> = Packets::new(&datagram).collect();
        let kinds: Vec<_> = packets.iter().map(|packet| packet.kind).collect();
        assert_eq!(kinds, [Kind::ZeroRtt, Kind::Initial, Kind::Handshake, Kind::Short]);
        let initial = packets[1];
        assert_eq!((initial.to, initial.from, initial.version), (&b"ab"[..], &b"c"[..], 1));
        assert_eq!(initial.bytes.get(initial.number_at..), Some(&b"abcd"[..]));
        for end in 0..datagram.len() {
            assert!(Packets::new(&datagram[..end]).count() < 4 || end > datagram.len() - 6);
        }
    }

    #[test]
    fn kinds_by_version() {
        let of =
            |first, version| Packet::read(&long(first, version, b"\0\0\0\0\0")).map(|packet| packet.kind);
        assert_eq!(of(0xc0, 0x6b33_43cf), Some(Kind::Retry));
        assert_eq!(of(0xd0, 0x6b33_43cf), Some(Kind::Initial));
        assert_eq!(of(0xf0, 0x6b33_43cf), Some(Kind::Handshake));
        assert_eq!(of(0xf0, 1), Some(Kind::Retry));
        assert_eq!(of(0xc0, 0), Some(Kind::Negotiation));
        assert_eq!(of(0x00, 1), None);
    }

    #[test]
    fn early_drafts_pack_the_lengths() {
        let bytes = b"\xc0\xff\0\0\x15\x50ABCDEFGH\0\x01x";
        let packet = Packet::read(bytes).unwrap();
        assert_eq!((packet.to, packet.from, packet.number_at), (&b"ABCDEFGH"[..], &b""[..], 16));
    }

    #[test]
    fn numbers_have_four_lengths() {
        // RFC 9000, A.1
        for (bytes, expected) in [
            (&b"\x25"[..], 37),
            (b"\x40\x25", 37),
            (b"\x7b\xbd", 15_293),
            (b"\x9d\x7f\x3e\x7d", 494_878_333),
            (b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 151_288_809_941_952_652),
        ] {
            let mut at = 0;
            assert_eq!((number(bytes, &mut at), at), (Some(expected), bytes.len()));
            assert_eq!(number(&bytes[..bytes.len() - 1], &mut 0), None);
        }
    }
}
