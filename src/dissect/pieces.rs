//! Bytes that come in pieces, in any order: the handshakes of QUIC and DTLS.

/// Bytes of one side's handshake that are kept. The largest ClientHellos, with
/// keys for the time after quantum computers, take some 2 KiB.
pub const MAX_BYTES: usize = 16 * 1024;

/// Pieces with holes between them. Chrome cuts a ClientHello into up to a
/// dozen, and shuffles them.
const MAX_PIECES: usize = 64;

/// What came so far.
#[derive(Default)]
pub struct Pieces {
    /// From offset 0 on; zeros in the holes.
    bytes: Vec<u8>,
    /// Which of them came: from, to; sorted, with holes between them.
    came: Vec<(usize, usize)>,
}

impl Pieces {
    /// Takes in a piece. `false` if it is beyond the bounds.
    pub fn put(&mut self, from: usize, bytes: &[u8]) -> bool {
        let Some(to) = from.checked_add(bytes.len()).filter(|&to| to <= MAX_BYTES) else { return false };
        if bytes.is_empty() {
            return true;
        }
        // Those that it touches or overlaps become one with it.
        let first = self.came.partition_point(|piece| piece.1 < from);
        let behind = self.came.partition_point(|piece| piece.0 <= to);
        let mut whole = (from, to);
        if let Some(touched) = self.came.get(first..behind) {
            for piece in touched {
                whole = (whole.0.min(piece.0), whole.1.max(piece.1));
            }
        }
        if first >= behind && self.came.len() >= MAX_PIECES {
            return false;
        }
        self.came.splice(first..behind.max(first), [whole]);
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        if let Some(place) = self.bytes.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        true
    }

    /// What came from offset 0 on without a hole.
    pub fn start(&self) -> &[u8] {
        let end = self.came.first().filter(|piece| piece.0 == 0).map_or(0, |piece| piece.1);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Memory beside itself.
    pub fn held(&self) -> usize {
        self.bytes.capacity() + self.came.capacity() * size_of::<(usize, usize)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_any_order_twice_and_overlapping() {
        let text = b"to be or not to be";
        // Each step of another length, so that all places are met.
        for step in 1..text.len() {
            for length in step..text.len() {
                let mut starts: Vec<_> = (0..text.len()).step_by(step).collect();
                starts.reverse();
                starts.extend_from_within(..);
                let mut pieces = Pieces::default();
                for start in starts {
                    assert!(pieces.put(start, &text[start..text.len().min(start + length)]));
                }
                assert_eq!((pieces.start(), &pieces.came[..]), (&text[..], &[(0, text.len())][..]));
            }
        }
    }

    #[test]
    fn nothing_is_kept_beyond_the_bounds() {
        let mut pieces = Pieces::default();
        assert!(!pieces.put(usize::MAX, b"a") && !pieces.put(MAX_BYTES, b"a"));
        assert!(!pieces.put(0, &[0; MAX_BYTES + 1]));
        assert!(pieces.put(MAX_BYTES, b"") && pieces.held() == 0);
        for piece in 0..MAX_PIECES {
            assert!(pieces.put(2 * piece + 1, b"a"));
        }
        assert!(!pieces.put(1_000, b"a") && pieces.came.len() == MAX_PIECES);
        // One that fills a hole has its place.
        assert!(pieces.put(2, b"a") && pieces.came.len() == MAX_PIECES - 1);
        assert_eq!(pieces.start(), b"");
    }
}
