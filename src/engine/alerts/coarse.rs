//! A first look at who does much, which costs next to nothing for those who do not.

use std::net::IpAddr;

use crate::prefix::number;
use crate::time::Time;

/// Counters; each is that of all hosts that fall on it. A power of two.
const PLACES: usize = 8_192;

/// Counts by host until a span is over. A host did no more than its counter says.
#[derive(Default)]
pub struct Coarse {
    since: Time,
    /// Made at the first use.
    counters: Vec<u32>,
}

impl Coarse {
    /// Counts `more` for the host `id` in the span that began at `since`; how many its
    /// counter has then.
    pub fn count(&mut self, id: u64, more: u64, since: Time) -> u64 {
        if self.since != since || self.counters.is_empty() {
            self.since = since;
            self.counters.clear();
            self.counters.resize(PLACES, 0);
        }
        let Some(counter) = self.counters.get_mut(id as usize % PLACES) else { return u64::MAX };
        *counter = counter.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        u64::from(*counter)
    }
}

/// A number for `address`, the same each time and nearly each another.
pub fn id_of(address: IpAddr) -> u64 {
    let bits = number(address);
    let mixed = (bits as u64 ^ (bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_holds_for_its_span() {
        let mut coarse = Coarse::default();
        let id = id_of([192, 0, 2, 1].into());
        assert_eq!(coarse.count(id, 2, Time::from_secs(60)), 2);
        assert_eq!(coarse.count(id, u64::MAX, Time::from_secs(60)), u64::from(u32::MAX));
        assert_eq!(coarse.count(id, 1, Time::from_secs(120)), 1);
    }

    #[test]
    fn hosts_are_spread() {
        let ids = (0..=255).map(|n| id_of([192, 0, 2, n].into()) as usize % PLACES);
        let places: std::collections::HashSet<usize> = ids.collect();
        assert!(places.len() > 230, "{}", places.len());
    }
}
