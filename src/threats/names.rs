//! Names in one block of text, found by a table of hashes. What is found is
//! compared in full, so that no hash decides.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// The longest name (RFC 1035, 2.3.4, as text without the last dot).
pub const MAX_NAME: usize = 253;

/// Slots for `names` names: with fewer, runs of them are long.
const fn slots(names: usize) -> usize {
    names + names / 2 + 2
}

/// Stands in `owner` for a name that those below it do not belong to.
const EXACT: u8 = 0x80;

/// Of a name that is on a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    /// As the list has it.
    pub name: &'a str,
    pub owner: u8,
}

#[derive(Default)]
pub struct Names {
    /// Of each name its length, its list and itself.
    text: Vec<u8>,
    /// Where in the text each begins.
    slots: Vec<u32>,
    /// A byte of each slot's hash, 0 where nothing is in it. Most of what is looked
    /// up is in no list, and these tell that alone.
    tags: Vec<u8>,
    /// Bits by the hashes of the last two labels of each name: where none is set, no
    /// name above the one that is looked up is here.
    ends: Vec<u8>,
    used: usize,
    hash: RandomState,
}

impl Names {
    pub fn len(&self) -> usize {
        self.used
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.slots.capacity() * size_of::<u32>()
            + self.tags.capacity()
            + self.ends.capacity()
    }

    /// Bytes that one more of this length takes.
    pub fn cost(name: &str) -> usize {
        // The text, and one and a half of a slot, a tag and half a byte of ends.
        2 + name.len() + ((size_of::<u32>() + 1) * 2 + 1) * 3 / 4
    }

    /// Adds `name`, which is in small letters, for the list `owner`; whether it is
    /// new. Those below it belong to it, unless it is `exact`.
    pub fn add(&mut self, name: &str, owner: u8, exact: bool) -> bool {
        let Ok(length) = u8::try_from(name.len()) else { return false };
        if usize::from(length) > MAX_NAME || u32::try_from(self.text.len()).is_err() {
            return false;
        }
        if let Some(at) = self.place(name.as_bytes()) {
            // Where one list means less than another, the larger counts.
            if !exact && let Some(known) = self.text.get_mut(at + 1) {
                *known &= !EXACT;
            }
            return false;
        }
        if slots(self.used + 1) > self.slots.len() {
            self.grow(self.used * 5 / 4 + 16);
        }
        let at = self.text.len();
        if self.text.capacity() - at < 2 + name.len() {
            // By a quarter, as memory is short where this runs.
            self.text.reserve_exact((at / 4).max(4096));
        }
        self.text.extend([length, owner & !EXACT | if exact { EXACT } else { 0 }]);
        self.text.extend(name.as_bytes());
        self.put(at);
        self.used += 1;
        true
    }

    /// Gives back memory that nothing is in.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.grow(self.used);
    }

    /// `name`, or the nearest above it that is here.
    pub fn find(&self, name: &str) -> Option<Found<'_>> {
        if self.used == 0 {
            return None;
        }
        let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
        let mut small = [0; MAX_NAME];
        let small = small.get_mut(..name.len())?;
        small.copy_from_slice(name);
        small.make_ascii_lowercase();
        let mut rest: &[u8] = small;
        let (byte, bit) = self.end_of(rest)?;
        if self.ends.get(byte).is_none_or(|bits| bits & bit == 0) {
            return None;
        }
        loop {
            if let Some(at) = self.place(rest)
                && let Some((name, owner)) = self.read(at)
                && (owner & EXACT == 0 || rest.len() == small.len())
            {
                return Some(Found { name: std::str::from_utf8(name).ok()?, owner: owner & !EXACT });
            }
            let dot = rest.iter().position(|byte| *byte == b'.')?;
            rest = rest.get(dot + 1..).filter(|rest| rest.contains(&b'.'))?;
        }
    }

    /// The name at `at` in the text, and its owner.
    fn read(&self, at: usize) -> Option<(&[u8], u8)> {
        let (&length, &owner) = (self.text.get(at)?, self.text.get(at + 1)?);
        Some((self.text.get(at + 2..at + 2 + usize::from(length))?, owner))
    }

    /// Where `name` is in the text.
    fn place(&self, name: &[u8]) -> Option<usize> {
        let (mut slot, tag) = self.home(name)?;
        loop {
            match *self.tags.get(slot)? {
                0 => return None,
                other if other != tag => {}
                _ => {
                    let at = *self.slots.get(slot)? as usize;
                    if self.read(at).is_some_and(|(known, _)| known == name) {
                        return Some(at);
                    }
                }
            }
            slot = if slot + 1 == self.tags.len() { 0 } else { slot + 1 };
        }
    }

    /// The slot that a name should be in, and its tag; none without slots.
    fn home(&self, name: &[u8]) -> Option<(usize, u8)> {
        let hash = self.hash.hash_one(name);
        let slot = ((hash >> 32) * self.tags.len() as u64) >> 32;
        (!self.tags.is_empty()).then_some((slot as usize, (hash as u8).max(1)))
    }

    /// Where in `ends` a name has its bit; none where it has one label only.
    fn end_of(&self, name: &[u8]) -> Option<(usize, u8)> {
        let last = name.iter().rposition(|byte| *byte == b'.')?;
        let begin = name.get(..last)?.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
        let hash = self.hash.hash_one(name.get(begin..)?);
        let byte = ((hash >> 32) * self.ends.len() as u64) >> 32;
        Some((byte as usize, 1 << (hash & 7)))
    }

    /// Puts what is at `at` in the text into the first free slot from its own on.
    fn put(&mut self, at: usize) {
        let Some((mut slot, tag)) = self.read(at).and_then(|(name, _)| self.home(name)) else { return };
        while self.tags.get(slot).is_some_and(|tag| *tag != 0) {
            slot = if slot + 1 == self.tags.len() { 0 } else { slot + 1 };
        }
        if let (Some(place), Some(mark)) = (self.slots.get_mut(slot), self.tags.get_mut(slot)) {
            (*place, *mark) = (u32::try_from(at).unwrap_or(u32::MAX), tag);
        }
        if let Some((byte, bit)) = self.read(at).and_then(|(name, _)| self.end_of(name))
            && let Some(bits) = self.ends.get_mut(byte)
        {
            *bits |= bit;
        }
    }

    /// Makes the table anew, for `count` names.
    fn grow(&mut self, count: usize) {
        let slots = if count == 0 { 0 } else { slots(count) };
        // The old ones go first, so that both are never there at once.
        (self.slots, self.tags, self.ends) = (Vec::new(), Vec::new(), Vec::new());
        (self.slots, self.tags, self.ends) = (vec![0; slots], vec![0; slots], vec![0; slots / 2]);
        let mut at = 0;
        while let Some(&length) = self.text.get(at) {
            self.put(at);
            at += 2 + usize::from(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_itself_and_from_below() {
        let mut names = Names::default();
        assert_eq!(names.find("a.example"), None);
        assert!(names.add("bad.example", 3, false) && names.add("very.bad.example", 4, false));
        assert!(!names.add("bad.example", 5, false), "it is there");
        let find = |name| names.find(name).map(|found| (found.name, found.owner));
        assert_eq!(find("bad.example"), Some(("bad.example", 3)));
        assert_eq!(find("A.B.Bad.Example."), Some(("bad.example", 3)));
        assert_eq!(find("x.very.bad.example"), Some(("very.bad.example", 4)), "the nearest");
        for other in ["example", "notbad.example", "bad.example.org", "", ".", "..", "bad.examplf"] {
            assert_eq!(find(other), None, "{other}");
        }
        assert_eq!(names.find(&"a.".repeat(200)), None, "longer than a name is");
    }

    #[test]
    fn a_name_can_stand_for_itself_alone() {
        let mut names = Names::default();
        names.add("files.example", 1, true);
        assert!(names.find("files.example").is_some() && names.find("a.files.example").is_none());
        names.add("files.example", 2, false);
        assert_eq!(
            names.find("a.files.example").map(|found| found.owner),
            Some(1),
            "another list means more"
        );
    }

    #[test]
    fn none_is_found_that_is_not_there() {
        let mut names = Names::default();
        for n in 0..20_000 {
            assert!(names.add(&format!("h{n}.example"), (n % 64) as u8, false));
        }
        names.shrink();
        assert_eq!(names.len(), 20_000);
        assert!(names.bytes() < 20_000 * (2 + 14 + 9), "{} bytes", names.bytes());
        for n in 0..20_000 {
            let found = names.find(&format!("www.h{n}.example")).unwrap();
            assert_eq!((found.name, found.owner), (&*format!("h{n}.example"), (n % 64) as u8));
        }
        assert!((20_000..60_000).all(|n| names.find(&format!("h{n}.example")).is_none()));
    }
}
