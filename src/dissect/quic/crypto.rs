//! The bytes of the handshake, out of the CRYPTO frames of any number of
//! packets, in order, and the messages in them.

use super::packet::number;
use crate::dissect::pieces::Pieces;
use crate::wire::bytes::{u8_at, u32_at};

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
    pieces: Pieces,
    /// The messages before this are read.
    read: usize,
}

impl Crypto {
    /// Takes in a piece. `false` if it is beyond the bounds.
    pub fn put(&mut self, offset: u64, bytes: &[u8]) -> bool {
        usize::try_from(offset).is_ok_and(|offset| self.pieces.put(offset, bytes))
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
        Some(((head >> 24) as u8, self.pieces.start().get(at + 4..at + end)?))
    }

    /// What came without a hole and is not read yet.
    pub fn ready(&self) -> &[u8] {
        self.pieces.start().get(self.read..).unwrap_or_default()
    }

    /// Memory beside itself.
    pub fn held(&self) -> usize {
        self.pieces.held()
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
    fn messages_come_in_pieces_in_any_order() {
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
            }
        }
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
