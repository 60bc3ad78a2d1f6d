//! A table of fixed size whose entries expire: sessions, DNS questions,
//! names, devices and datagrams in pieces all live in one.
//!
//! Every entry stands in one of `CLASSES` queues, each with a timeout of its
//! own. Touching an entry moves it to the end of its queue. Time only moves
//! forward, so each queue is already in order of expiry: expiring looks at
//! the queues' heads and never scans. When the table is full, the entry that
//! has waited for the greatest part of its timeout has to go, and the caller
//! gets it to write down.

use std::hash::{BuildHasher, Hash};
use std::mem;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::time::Time;

/// An entry's place; stays the same while the entry lives, then is used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    /// Its number, below the table's limit.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// No slot: the end of a queue.
const NIL: u32 = u32::MAX;

/// Queues of slots; a slot stands in one at most. An entry that needs to wait
/// for two things at once stands in its table's queues and in one of these.
pub struct Queues<const N: usize> {
    links: Vec<Links>,
    ends: [Ends; N],
}

/// Neighbours in a queue. Kept apart from the entries, so that moving one
/// entry does not fetch two others into the cache.
#[derive(Clone, Copy)]
struct Links {
    older: u32,
    newer: u32,
}

#[derive(Clone, Copy)]
struct Ends {
    oldest: u32,
    newest: u32,
}

impl<const N: usize> Default for Queues<N> {
    fn default() -> Self {
        Queues { links: Vec::new(), ends: [Ends { oldest: NIL, newest: NIL }; N] }
    }
}

impl<const N: usize> Queues<N> {
    /// Who has waited longest in `queue`.
    pub fn oldest(&self, queue: u8) -> Option<Slot> {
        let at = self.ends[usize::from(queue)].oldest;
        (at != NIL).then_some(Slot(at))
    }

    /// Puts `slot`, which stands in no queue, at the end of `queue`.
    pub fn push(&mut self, queue: u8, slot: Slot) {
        if self.links.len() <= slot.index() {
            self.links.resize(slot.index() + 1, Links { older: NIL, newer: NIL });
        }
        let ends = &mut self.ends[usize::from(queue)];
        self.links[slot.index()] = Links { older: ends.newest, newer: NIL };
        match ends.newest {
            NIL => ends.oldest = slot.0,
            before => self.links[before as usize].newer = slot.0,
        }
        ends.newest = slot.0;
    }

    /// Takes `slot` out of `queue`, in which it stands.
    pub fn remove(&mut self, queue: u8, slot: Slot) {
        let ends = &mut self.ends[usize::from(queue)];
        let Links { older, newer } = self.links[slot.index()];
        match older {
            NIL => ends.oldest = newer,
            before => self.links[before as usize].newer = newer,
        }
        match newer {
            NIL => ends.newest = older,
            after => self.links[after as usize].older = older,
        }
    }

    fn is_newest(&self, queue: u8, slot: Slot) -> bool {
        self.ends[usize::from(queue)].newest == slot.0
    }
}

enum Place<K, V> {
    Used(Entry<K, V>),
    Free { next: u32 },
}

struct Entry<K, V> {
    key: K,
    touched: Time,
    class: u8,
    value: V,
}

/// See the module's text. `K` names an entry, `CLASSES` counts the timeouts.
pub struct Table<K, V, const CLASSES: usize> {
    limit: usize,
    hash: RandomState,
    index: HashTable<u32>,
    places: Vec<Place<K, V>>,
    free: u32,
    queues: Queues<CLASSES>,
    /// Microseconds.
    timeouts: [u64; CLASSES],
}

impl<K: Hash + Eq, V, const CLASSES: usize> Table<K, V, CLASSES> {
    /// A table for at most `limit` entries (at least one). Memory is taken
    /// as entries come, and used again from then on.
    pub fn new(limit: usize, timeouts: [Duration; CLASSES]) -> Self {
        let limit = limit.clamp(1, NIL as usize);
        Table {
            limit,
            hash: RandomState::default(),
            index: HashTable::new(),
            places: Vec::new(),
            free: NIL,
            queues: Queues::default(),
            timeouts: timeouts.map(micros),
        }
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many entries it may hold.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Another limit and other timeouts, for entries from now on. A table that
    /// holds more than the new limit gives the surplus to `gone`.
    pub fn resize(&mut self, limit: usize, timeouts: [Duration; CLASSES], mut gone: impl FnMut(K, V)) {
        self.limit = limit.clamp(1, NIL as usize);
        self.timeouts = timeouts.map(micros);
        while self.len() > self.limit {
            if let Some((key, value)) = self.pop() {
                gone(key, value);
            }
        }
    }

    /// Where `key` is.
    #[inline]
    pub fn find(&self, key: &K) -> Option<Slot> {
        let hash = self.hash.hash_one(key);
        self.index.find(hash, |&at| self.key_at(at) == Some(key)).map(|&at| Slot(at))
    }

    /// Puts in an entry that is not there yet. When the table was full, the
    /// entry that had to go comes back.
    pub fn insert(&mut self, key: K, class: u8, now: Time, value: V) -> (Slot, Option<(K, V)>) {
        debug_assert!(self.find(&key).is_none(), "an entry is put in once");
        let full = self.len() >= self.limit;
        let evicted = self.stalest(now).filter(|_| full).and_then(|slot| self.remove(slot));
        let hash = self.hash.hash_one(&key);
        let entry = Place::Used(Entry { key, touched: now, class, value });
        let at = match self.places.get(self.free as usize) {
            Some(Place::Free { next }) => {
                let at = self.free;
                self.free = *next;
                self.places[at as usize] = entry;
                at
            }
            _ => {
                let at = self.places.len() as u32;
                self.places.push(entry);
                at
            }
        };
        let (places, hasher) = (&self.places, &self.hash);
        self.index.insert_unique(hash, at, |&other| match &places[other as usize] {
            Place::Used(entry) => hasher.hash_one(&entry.key),
            Place::Free { .. } => 0,
        });
        self.queues.push(class, Slot(at));
        (Slot(at), evicted)
    }

    /// The entry at `slot`.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&V> {
        match self.places.get(slot.0 as usize)? {
            Place::Used(entry) => Some(&entry.value),
            Place::Free { .. } => None,
        }
    }

    /// The same with its key.
    pub fn entry(&self, slot: Slot) -> Option<(&K, &V)> {
        match self.places.get(slot.0 as usize)? {
            Place::Used(entry) => Some((&entry.key, &entry.value)),
            Place::Free { .. } => None,
        }
    }

    /// The entry at `slot`, with its key.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> Option<(&K, &mut V)> {
        match self.places.get_mut(slot.0 as usize)? {
            Place::Used(entry) => Some((&entry.key, &mut entry.value)),
            Place::Free { .. } => None,
        }
    }

    /// The entry at `slot` was used at `now`, and waits with `class` from here on.
    #[inline]
    pub fn touch(&mut self, slot: Slot, class: u8, now: Time) {
        let Some(Place::Used(entry)) = self.places.get_mut(slot.0 as usize) else { return };
        // An older time would break the order of the queue.
        entry.touched = entry.touched.max(now);
        let before = mem::replace(&mut entry.class, class);
        if before != class || !self.queues.is_newest(class, slot) {
            self.queues.remove(before, slot);
            self.queues.push(class, slot);
        }
    }

    /// Takes the entry at `slot` out.
    pub fn remove(&mut self, slot: Slot) -> Option<(K, V)> {
        let place = self.places.get_mut(slot.0 as usize)?;
        if matches!(place, Place::Free { .. }) {
            return None;
        }
        let Place::Used(entry) = mem::replace(place, Place::Free { next: self.free }) else { return None };
        self.free = slot.0;
        self.queues.remove(entry.class, slot);
        let hash = self.hash.hash_one(&entry.key);
        if let Ok(found) = self.index.find_entry(hash, |&at| at == slot.0) {
            found.remove();
        }
        Some((entry.key, entry.value))
    }

    /// Whether the entry at `slot` should have expired by `now`.
    #[inline]
    pub fn is_due(&self, slot: Slot, now: Time) -> bool {
        match self.places.get(slot.index()) {
            Some(Place::Used(entry)) => until(entry.touched, self.timeouts[usize::from(entry.class)]) <= now,
            _ => false,
        }
    }

    /// Takes out one entry whose deadline is `now` or earlier.
    pub fn expire(&mut self, now: Time) -> Option<(K, V)> {
        self.remove(self.due(now)?)
    }

    /// Takes out the entry nearest to its deadline, however far that is.
    pub fn pop(&mut self) -> Option<(K, V)> {
        self.remove(self.nearest()?)
    }

    /// The entry nearest to its deadline.
    pub fn nearest(&self) -> Option<Slot> {
        self.next().map(|(slot, _)| slot)
    }

    /// The entry that has waited for the greatest part of its timeout: who has
    /// to go when there is no room. (The one nearest to its deadline would
    /// always be of the class with the shortest timeout, however new it is.)
    pub fn stalest(&self, now: Time) -> Option<Slot> {
        let heads = (0..).zip(self.timeouts).filter_map(|(class, timeout)| {
            let slot = self.queues.oldest(class)?;
            match self.places.get(slot.index())? {
                Place::Used(entry) => {
                    let waited = now.micros().saturating_sub(entry.touched.micros());
                    // In 1/4096 parts; no one waits for the 142 years that would not fit.
                    Some(((waited << 12) / timeout.max(1), slot))
                }
                Place::Free { .. } => None,
            }
        });
        heads.max_by_key(|&(part, _)| part).map(|(_, slot)| slot)
    }

    /// An entry whose deadline is `now` or earlier.
    pub fn due(&self, now: Time) -> Option<Slot> {
        self.next().filter(|&(_, deadline)| deadline <= now).map(|(slot, _)| slot)
    }

    /// When the next entry expires.
    pub fn deadline(&self) -> Option<Time> {
        self.next().map(|(_, deadline)| deadline)
    }

    /// The clock was set from `from` to `to`: every entry has waited as long as before.
    pub fn step(&mut self, from: Time, to: Time) {
        for place in &mut self.places {
            if let Place::Used(entry) = place {
                entry.touched = to.back(from.since(entry.touched));
            }
        }
    }

    /// Every entry, in no particular order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.places.iter_mut().filter_map(|place| match place {
            Place::Used(entry) => Some((&entry.key, &mut entry.value)),
            Place::Free { .. } => None,
        })
    }

    /// Places that may hold an entry; [`Table::get`] tells which do.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<K, V, CLASSES> {
        (0..self.places.len() as u32).map(Slot)
    }

    fn next(&self) -> Option<(Slot, Time)> {
        let heads = (0..).zip(self.timeouts).filter_map(|(class, timeout)| {
            let slot = self.queues.oldest(class)?;
            match self.places.get(slot.index())? {
                Place::Used(entry) => Some((slot, until(entry.touched, timeout))),
                Place::Free { .. } => None,
            }
        });
        heads.min_by_key(|&(_, deadline)| deadline)
    }

    #[inline]
    fn key_at(&self, at: u32) -> Option<&K> {
        match &self.places[at as usize] {
            Place::Used(entry) => Some(&entry.key),
            Place::Free { .. } => None,
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn until(touched: Time, timeout: u64) -> Time {
    Time::from_micros(touched.micros().saturating_add(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: u8 = 0;
    const LONG: u8 = 1;

    fn table(limit: usize) -> Table<&'static str, u32, 2> {
        Table::new(limit, [Duration::from_secs(10), Duration::from_secs(30)])
    }

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_silent_entry_expires_on_its_deadline_and_not_before() {
        let mut t = table(4);
        t.insert("a", LONG, at(100), 1);
        assert_eq!(t.deadline(), Some(at(130)));
        assert_eq!(t.expire(at(129)), None);
        assert_eq!(t.expire(at(130)), Some(("a", 1)));
        assert_eq!(t.expire(at(130)), None);
        assert_eq!(t.deadline(), None);
    }

    #[test]
    fn a_touch_begins_the_wait_anew_and_may_change_the_class() {
        let mut t = table(4);
        let (a, _) = t.insert("a", LONG, at(0), 1);
        let (b, _) = t.insert("b", LONG, at(1), 2);
        t.touch(a, LONG, at(5));
        assert_eq!(t.deadline(), Some(at(31)));
        t.touch(b, SHORT, at(6));
        assert_eq!(t.expire(at(16)), Some(("b", 2)));
        assert_eq!(t.expire(at(34)), None);
        assert_eq!(t.expire(at(35)), Some(("a", 1)));
    }

    #[test]
    fn a_full_table_gives_back_what_has_waited_most_of_its_time() {
        let mut t = table(3);
        t.insert("long", LONG, at(0), 1);
        t.insert("short", SHORT, at(5), 2);
        t.insert("new", SHORT, at(9), 3);
        // 9 of 30 seconds, 4 of 10, none of 10.
        let (_, gone) = t.insert("newer", SHORT, at(9), 4);
        assert_eq!(gone, Some(("short", 2)));
        assert_eq!((t.len(), t.find(&"short")), (3, None));
        let (_, gone) = t.insert("newest", SHORT, at(9), 5);
        assert_eq!(gone, Some(("long", 1)));
    }

    #[test]
    fn a_slot_is_used_again_and_keeps_its_neighbours() {
        let mut t = table(8);
        let (a, _) = t.insert("a", LONG, at(0), 1);
        let (b, _) = t.insert("b", LONG, at(1), 2);
        t.insert("c", LONG, at(2), 3);
        assert_eq!(t.remove(b), Some(("b", 2)));
        assert_eq!(t.remove(b), None);
        assert_eq!(t.get(b), None);
        let (d, _) = t.insert("d", LONG, at(3), 4);
        assert_eq!(d, b);
        assert_eq!(t.find(&"a"), Some(a));
        let order: Vec<_> = std::iter::from_fn(|| t.pop()).collect();
        assert_eq!(order, [("a", 1), ("c", 3), ("d", 4)]);
    }

    #[test]
    fn a_clock_that_is_set_moves_every_deadline_with_it() {
        let mut t = table(4);
        t.insert("a", LONG, at(100), 1);
        t.step(at(110), at(1_000_000));
        assert_eq!(t.deadline(), Some(at(1_000_020)));
        t.step(at(1_000_000), at(50));
        assert_eq!(t.deadline(), Some(at(70)));
    }

    #[test]
    fn a_smaller_limit_hands_out_the_surplus() {
        let mut t = table(4);
        for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
            t.insert(key, SHORT, at(n as u64), 0);
        }
        let mut gone = Vec::new();
        t.resize(1, [Duration::from_secs(1); 2], |key, _| gone.push(key));
        assert_eq!(gone, ["a", "b"]);
        assert_eq!(t.deadline(), Some(at(3)));
    }

    /// The same operations on a plain list, by a small generator of numbers.
    #[test]
    fn it_does_what_a_list_would_do() {
        let mut t: Table<u64, u64, 2> = Table::new(16, [Duration::from_secs(10), Duration::from_secs(30)]);
        let mut list: Vec<(u64, Time)> = Vec::new();
        let mut random = 7_u64;
        for step in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (key, class) = (random >> 40 & 31, (random >> 50 & 1) as u8);
            let now = at(step / 4);
            let wait = Duration::from_secs(if class == SHORT { 10 } else { 30 });
            while let Some((key, _)) = t.expire(now) {
                let gone = list.iter().position(|(k, until)| *k == key && *until <= now);
                list.remove(gone.expect("it was due"));
            }
            assert!(list.iter().all(|(_, until)| *until > now), "nothing overdue stays");
            match (t.find(&key), random >> 60 & 3) {
                (Some(slot), 0) => {
                    t.remove(slot);
                    list.retain(|(k, _)| *k != key);
                }
                (Some(slot), _) => {
                    t.touch(slot, class, now);
                    list.iter_mut().find(|(k, _)| *k == key).unwrap().1 = now + wait;
                }
                (None, _) => {
                    let (_, gone) = t.insert(key, class, now, step);
                    if let Some((gone, _)) = gone {
                        assert_eq!(list.len(), 16);
                        list.retain(|(k, _)| *k != gone);
                    }
                    list.push((key, now + wait));
                }
            }
            assert_eq!(t.len(), list.len());
        }
    }
}
