//! What is found by its hash, at one read of memory that no cache has: things lie in
//! the order of their hashes, and a small index tells where which begin. On the way
//! there nothing is read but what is small enough to stay in the processor's cache.

use std::ops::Range;

/// Where the things with a hash lie.
#[derive(Default)]
pub struct Buckets {
    /// Where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
}

impl Buckets {
    /// One bucket more than `count`, for things with these hashes, fewer than 2^32.
    pub fn new(count: usize, hashes: impl Iterator<Item = u64>) -> Buckets {
        let mut starts = vec![0_u32; count + 2];
        for hash in hashes {
            if let Some(start) = starts.get_mut(place(hash, count + 1)) {
                *start = start.saturating_add(1);
            }
        }
        let mut end = 0_u32;
        for start in &mut starts {
            end = end.saturating_add(*start);
            // As long as nothing is in it a bucket begins at its end.
            *start = end;
        }
        Buckets { starts }
    }

    /// The place of the next thing with this hash; each is to be asked for once.
    pub fn take(&mut self, hash: u64) -> usize {
        let buckets = self.starts.len().saturating_sub(1);
        let Some(start) = self.starts.get_mut(place(hash, buckets)) else { return usize::MAX };
        *start = start.saturating_sub(1);
        *start as usize
    }

    /// Where all things with this hash are, and some others.
    #[inline]
    pub fn range(&self, hash: u64) -> Option<Range<usize>> {
        let at = place(hash, self.starts.len().checked_sub(1)?);
        Some(*self.starts.get(at)? as usize..*self.starts.get(at + 1)? as usize)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>()
    }
}

/// Tells of most things that are not there.
#[derive(Default)]
pub struct Filter {
    bits: Vec<u8>,
}

impl Filter {
    /// For `count` things: eight bits each, of which one is set.
    pub fn new(count: usize) -> Filter {
        Filter { bits: vec![0; count] }
    }

    pub fn add(&mut self, hash: u64) {
        let at = place(hash, self.bits.len());
        if let Some(byte) = self.bits.get_mut(at) {
            *byte |= 1 << (hash & 7);
        }
    }

    /// `false` where nothing with this hash was added.
    #[inline]
    pub fn has(&self, hash: u64) -> bool {
        self.bits.get(place(hash, self.bits.len())).is_some_and(|byte| byte & 1 << (hash & 7) != 0)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.bits.capacity()
    }
}

/// One of `count` places, by the upper half of a hash.
#[inline]
fn place(hash: u64, count: usize) -> usize {
    (((hash >> 32) * count as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_room_among_those_of_its_hash() {
        let hashes: Vec<u64> = (0..1_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut buckets = Buckets::new(250, hashes.iter().copied());
        let mut taken: Vec<usize> = hashes.iter().map(|hash| buckets.take(*hash)).collect();
        assert!(hashes.iter().zip(&taken).all(|(hash, at)| buckets.range(*hash).unwrap().contains(at)));
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..1_000), "nothing twice, no gap");
        assert_eq!(
            (Buckets::default().range(7), Buckets::new(0, [].into_iter()).range(7)),
            (None, Some(0..0))
        );
    }

    #[test]
    fn a_filter_knows_all_that_is_there() {
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let mut filter = Filter::new(1_000);
        (0..1_000).for_each(|n| filter.add(hash(n)));
        assert!((0..1_000).all(|n| filter.has(hash(n))));
        let wrong = (1_000..11_000).filter(|n| filter.has(hash(*n))).count();
        assert!(wrong < 2_000, "{wrong}");
        assert!(!Filter::default().has(7));
    }
}
