//! Networks in sorted arrays: those of IPv4 in ten bytes each, of IPv6 in 22.

use super::addresses::{Bits, Owned};

/// Of so many numbers one is in the level above, so that each step of a search stays
/// within a line or two of the processor's cache.
const BLOCK: usize = 16;

/// No prefix around it.
const NONE: u32 = u32::MAX;

/// Two prefixes lie in one another or apart. So what an address is in is the last
/// prefix that begins at or before it, or one of those around that.
#[derive(Default)]
pub struct Networks<B> {
    firsts: Vec<B>,
    /// The first of each [`BLOCK`] of the above, then of each block of those…
    levels: Vec<Vec<B>>,
    /// The length of each, and its list.
    about: Vec<(u8, u8)>,
    /// The place of the next wider prefix around each; empty where none has one.
    around: Vec<u32>,
}

impl<B: Bits> Networks<B> {
    /// Bytes that each takes.
    pub const EACH: usize = size_of::<B>() + size_of::<B>() / (BLOCK - 1) + 2 + size_of::<u32>();

    /// `all` are sorted, and none is there twice.
    pub fn new(all: Vec<Owned<B>>) -> Networks<B> {
        let firsts: Vec<B> = all.iter().map(|(first, ..)| *first).collect();
        let about: Vec<(u8, u8)> = all.iter().map(|(_, length, owner)| (*length, *owner)).collect();
        drop(all);
        let around = around(&firsts, &about);
        let mut levels: Vec<Vec<B>> = Vec::new();
        while let below = levels.last().unwrap_or(&firsts)
            && below.len() > BLOCK
        {
            levels.push(below.iter().step_by(BLOCK).copied().collect());
        }
        Networks { firsts, levels, about, around }
    }

    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let above: usize = self.levels.iter().map(Vec::capacity).sum();
        (self.firsts.capacity() + above) * size_of::<B>()
            + self.about.capacity() * size_of::<(u8, u8)>()
            + self.around.capacity() * size_of::<u32>()
    }

    /// The narrowest that `address` is in: its first address, its length, and its list.
    pub fn find(&self, address: B) -> Option<Owned<B>> {
        let mut place = self.before(address)?;
        loop {
            let (first, (length, owner)) = (*self.firsts.get(place)?, *self.about.get(place)?);
            if first.common(address) >= u32::from(length) {
                return Some((first, length, owner));
            }
            place = *self.around.get(place).filter(|place| **place != NONE)? as usize;
        }
    }

    /// The place of the last that begins at `address` or before it.
    fn before(&self, address: B) -> Option<usize> {
        let mut block = 0;
        for level in self.levels.iter().rev().chain([&self.firsts]) {
            let rest = level.get(block..)?;
            // To count all of them is quicker than to halve: nothing depends on what was
            // compared before.
            let within = match rest.first_chunk::<BLOCK>() {
                Some(whole) => whole.iter().filter(|first| **first <= address).count(),
                None => rest.iter().filter(|first| **first <= address).count(),
            };
            block = (block + within).checked_sub(1)? * BLOCK;
        }
        Some(block / BLOCK)
    }
}

/// For each of these prefixes, which are sorted, the place of that around it.
fn around<B: Bits>(firsts: &[B], about: &[(u8, u8)]) -> Vec<u32> {
    let mut around = Vec::with_capacity(firsts.len());
    // The places of those that the one before lies in, and its own.
    let mut open: Vec<usize> = Vec::new();
    for (place, first) in firsts.iter().enumerate() {
        while open.last().is_some_and(|&at| firsts[at].common(*first) < u32::from(about[at].0)) {
            open.pop();
        }
        around.push(open.last().and_then(|&at| u32::try_from(at).ok()).unwrap_or(NONE));
        open.push(place);
    }
    if around.iter().all(|place| *place == NONE) { Vec::new() } else { around }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_nothing_takes_no_room_for_what_is_around() {
        let apart = Networks::<u32>::new(vec![(0x0a00_0000, 16, 1), (0x0a01_0000, 16, 2)]);
        assert!(apart.around.is_empty());
        assert_eq!(apart.find(0x0a01_0203), Some((0x0a01_0000, 16, 2)));
        let nested = Networks::<u32>::new(vec![(0x0a00_0000, 8, 1), (0x0a01_0000, 16, 2)]);
        assert_eq!((nested.around.len(), nested.find(0x0a02_0000)), (2, Some((0x0a00_0000, 8, 1))));
    }
}
