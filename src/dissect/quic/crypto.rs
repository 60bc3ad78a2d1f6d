//! The bytes of the handshake, out of the CRYPTO frames of any number of
//! packets, in order, and the messages in them.

use super::packet::number;
use crate::wire::bytes::{u8_at, u32_at};

/// Bytes of one side's handshake that are kept. The largest ClientHellos, with
/// keys for the time after quantum computers, take some 2 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// Pieces with holes between them. Chrome cuts a ClientHello into up to a
/// dozen, and shuffles them.
const MAX_PIECES: usize = 64;

/// Calls `each` with offset and bytes of every CRYPTO frame in the text of an
/// Initial packet, as far as it can be read (RFC 9000, 12.4 and 19). `google`
/// is for the versions Q050 to T051, whose frames have other numbers.
pub fn crypto_frames<'a>(text: &'a [u8], google: bool, mut each: impl FnMut(u64, &'a [u8])) -> Option<()> {
    let mut at = 0;
    while let Some(kind) = u8_at(text, at) {
        at += 1;
        match kind {
            // Padding and pings.
            0x00 => {}
            0x01 if !google => {}
            0x07 if google => {}
            0x06 if !google => each_frame(text, &mut at, &mut each)?,
            0x08 if google => each_frame(text, &mut at, &mut each)?,
            0x02 | 0x03 if !google => skip_ack(text, &mut at, kind == 0x03)?,
            0x40..=0x7f if google => skip_google_ack(text, &mut at, kind)?,
            // A close, or nothing that an Initial packet may carry.
            _ => return None,
        }
    }
    Some(())
}

fn each_frame<'a>(text: &'a [u8], at: &mut usize, each: &mut impl FnMut(u64, &'a [u8])) -> Option<()> {
    let offset = number(text, at)?;
    let length = usize::try_from(number(text, at)?).ok()?;
    let bytes = text.get(*at..at.checked_add(length)?)?;
    *at += length;
    each(offset, bytes);
    Some(())
}

/// RFC 9000, 19.3
fn skip_ack(text: &[u8], at: &mut usize, counts: bool) -> Option<()> {
    number(text, at)?;
    number(text, at)?;
    let ranges = number(text, at)?;
    number(text, at)?;
    // Each takes bytes, so a great number ends with them.
    for _ in 0..ranges {
        number(text, at)?;
        number(text, at)?;
    }
    for _ in 0..if counts { 3 } else { 0 } {
        number(text, at)?;
    }
    Some(())
}

/// `01ntllmm`: the lengths of two numbers are in the type, and whether there
/// is more than one block (Google's wire layout, "ACK frame").
fn skip_google_ack(text: &[u8], at: &mut usize, kind: u8) -> Option<()> {
    let length = |bits: u8| [1, 2, 4, 6][usize::from(bits & 3)];
    let block = length(kind);
    let several = kind & 0x20 != 0;
    // The largest one, the delay.
    *at += length(kind >> 2) + 2;
    let blocks = if several { usize::from(u8_at(text, *at)?) } else { 0 };
    *at += usize::from(several) + block + blocks * (1 + block);
    let times = usize::from(u8_at(text, *at)?);
    *at += 1 + if times > 0 { 5 + (times - 1) * 3 } else { 0 };
    Some(())
}

/// One side's handshake.
#[derive(Default)]
pub struct Crypto {
    /// From offset 0 on; zeros in the holes.
    bytes: Vec<u8>,
    /// Which of them came: from, to; sorted, with holes between them.
    pieces: Vec<(usize, usize)>,
    /// The messages before this are read.
    read: usize,
}

impl Crypto {
    /// Takes in a piece. `false` if it is beyond the bounds.
    pub fn put(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Some(from) = usize::try_from(offset).ok().filter(|&from| from <= MAX_BYTES) else { return false };
        let to = from + bytes.len();
        if to > MAX_BYTES {
            return false;
        }
        if bytes.is_empty() {
            return true;
        }
        // Those that it touches or overlaps become one with it.
        let first = self.pieces.partition_point(|piece| piece.1 < from);
        let behind = self.pieces.partition_point(|piece| piece.0 <= to);
        let mut whole = (from, to);
        if let Some(touched) = self.pieces.get(first..behind) {
            for piece in touched {
                whole = (whole.0.min(piece.0), whole.1.max(piece.1));
            }
        }
        if first >= behind && self.pieces.len() >= MAX_PIECES {
            return false;
        }
        self.pieces.splice(first..behind.max(first), [whole]);
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        if let Some(place) = self.bytes.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        true
    }

    /// The next message, once it is whole: its type and its body (RFC 8446, 4).
    pub fn message(&mut self) -> Option<(u8, &[u8])> {
        let ready = self.ready();
        let head = u32_at(ready, 0)?;
        let end = 4 + (head & 0x00ff_ffff) as usize;
        if ready.len() < end {
            return None;
        }
        let at = self.read;
        self.read += end;
        Some(((head >> 24) as u8, self.bytes.get(at + 4..at + end)?))
    }

    /// What came without a hole and is not read yet.
    pub fn ready(&self) -> &[u8] {
        let end = self.pieces.first().filter(|piece| piece.0 == 0).map_or(0, |piece| piece.1);
        self.bytes.get(self.read..end).unwrap_or_default()
    }

    /// Memory beside itself.
    pub fn held(&self) -> usize {
        self.bytes.capacity() + self.pieces.capacity() * size_of::<(usize, usize)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(crypto: &mut Crypto) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some((kind, body)) = crypto.message() {
            all.push((kind, body.to_vec()));
        }
        all
    }

    #[test]
    fn pieces_come_in_any_order_twice_and_overlapping() {
        let text = b"\x01\0\0\x05hello\x02\0\0\x02yo";
        // Each step of another length, so that all places are met.
        for step in 1..text.len() {
            for length in step..text.len() {
                let mut starts: Vec<_> = (0..text.len()).step_by(step).collect();
                starts.reverse();
                starts.extend_from_within(..);
                let mut crypto = Crypto::default();
                let mut found = Vec::new();
                for start in starts {
                    assert!(crypto.put(start as u64, &text[start..text.len().min(start + length)]));
                    found.extend(messages(&mut crypto));
                }
                assert_eq!(found, [(1, b"hello".to_vec()), (2, b"yo".to_vec())], "{step} {length}");
                assert_eq!(crypto.pieces, [(0, text.len())]);
            }
        }
    }

    #[test]
    fn nothing_is_kept_beyond_the_bounds() {
        let mut crypto = Crypto::default();
        assert!(!crypto.put(u64::MAX, b"a") && !crypto.put(MAX_BYTES as u64, b"a"));
        assert!(!crypto.put(0, &[0; MAX_BYTES + 1]));
        assert!(crypto.put(MAX_BYTES as u64, b"") && crypto.held() == 0);
        for piece in 0..MAX_PIECES as u64 {
            assert!(crypto.put(2 * piece + 1, b"a"));
        }
        assert!(!crypto.put(1_000, b"a") && crypto.pieces.len() == MAX_PIECES);
        // One that fills a hole has its place.
        assert!(crypto.put(2, b"a") && crypto.pieces.len() == MAX_PIECES - 1);
        assert!(crypto.message().is_none());
    }

    #[test]
    fn frames_between_others() {
        let read = |text: &[u8], google| {
            let mut found = Vec::new();
            let whole = crypto_frames(text, google, |offset, bytes| found.push((offset, bytes.to_vec())));
            (whole.is_some(), found)
        };
        let (one, two) = ((0, b"ab".to_vec()), (2, b"c".to_vec()));
        let text = b"\0\x01\x02\x05\0\x01\0\x01\x01\x06\0\x02ab\x03\x05\0\0\0\x01\x02\x03\x06\x02\x01c\0\0";
        assert_eq!(read(text, false), (true, vec![one.clone(), two]));
        assert_eq!(read(b"\x06\0\x02ab\x1c\0\x06\x02\x01c", false), (false, vec![one.clone()]));
        assert_eq!(read(b"\x06\0\x03ab", false), (false, vec![]));
        assert_eq!(read(b"\x06\0\xff\xff\xff\xff\xff\xff\xff\xff", false), (false, vec![]));
        assert_eq!(read(b"\x07\x44\x01\x02\x03\x04\x01\0\x08\0\x02ab\0", true), (true, vec![one]));
        for kind in 0..=255 {
            for end in 0..text.len() {
                read(&[&[kind], &text[..end]].concat(), kind & 1 == 0);
                read(&[&[kind], &text[end..]].concat(), kind & 1 == 0);
            }
        }
    }
}
