//! How many different things there are to a key, within a span.

use std::hash::Hash;
use std::time::Duration;

use crate::table::Table;
use crate::time::Time;

/// What was counted for a key.
struct Seen {
    since: Time,
    /// Hashes of the things; two with the same are one.
    things: Vec<u32>,
    /// Bytes, or whatever comes with a thing.
    amount: u32,
}

/// Counts within a bound: of more keys the one goes that would expire first.
pub struct Distinct<K> {
    table: Table<K, Seen, 1>,
    span: Duration,
    most: usize,
}

impl<K: Hash + Eq + Copy> Distinct<K> {
    /// Up to `most` different things, for each of `keys` keys, within `span`.
    pub fn new(keys: usize, most: u32, span: Duration) -> Distinct<K> {
        Distinct { table: Table::new(keys, [span]), span, most: most as usize }
    }

    /// Counts `thing` for `key`, with `amount` if it is new. Where there were as many
    /// as are counted, how many and how much; and so for each after that.
    pub fn add(&mut self, key: K, thing: u64, amount: u32, now: Time) -> Option<(u32, u32)> {
        if self.most == 0 {
            return None;
        }
        while self.table.expire(now).is_some() {}
        let slot = self.table.find(&key).unwrap_or_else(|| {
            let seen = Seen { since: now, things: Vec::new(), amount: 0 };
            self.table.insert(key, 0, now, seen).0
        });
        let (_, seen) = self.table.get_mut(slot)?;
        if now.since(seen.since) > self.span {
            *seen = Seen { since: now, things: Vec::new(), amount: 0 };
        }
        let thing = (thing >> 32) as u32 ^ thing as u32;
        if !seen.things.contains(&thing) {
            seen.amount = seen.amount.saturating_add(amount);
            if seen.things.len() < self.most {
                seen.things.push(thing);
            }
        }
        let (count, amount) = (seen.things.len(), seen.amount);
        (count >= self.most).then_some((count as u32, amount))
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.table.step(from, to);
        for (_, seen) in self.table.iter_mut() {
            seen.since = to.back(from.since(seen.since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_things_count_within_a_span() {
        let mut seen = Distinct::new(2, 3, Duration::from_secs(10));
        let mut add = |key: u8, thing, secs| seen.add(key, thing, 5, Time::from_secs(secs));
        assert_eq!((add(1, 1, 0), add(1, 1, 1), add(1, 2, 2)), (None, None, None));
        assert_eq!(add(1, 3, 3), Some((3, 15)));
        assert_eq!(add(1, 3, 4), Some((3, 15)), "it goes on");
        assert_eq!(add(1, 4, 11), None, "another span");
        assert_eq!((add(2, 1, 12), add(3, 1, 13), add(1, 5, 14)), (None, None, None), "two keys at most");
        assert_eq!(add(1, 6, 15), None, "what it had was forgotten");
        assert_eq!(add(1, 7, 16), Some((3, 15)));
    }

    #[test]
    fn none_of_nothing_is_counted() {
        let mut seen = Distinct::new(2, 0, Duration::from_secs(10));
        assert!((0..100).all(|n| seen.add(1, n, 1, Time::ZERO).is_none()));
    }
}
