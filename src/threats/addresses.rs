//! Prefixes in sorted arrays: those of IPv4 in ten bytes each, of IPv6 in 22.

use crate::prefix::{Prefix, number};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as a number of its own width.
pub trait Bits: Copy + Ord {
    fn of(prefix: Prefix) -> Self;
    fn address(self) -> IpAddr;
    /// How many bits both begin with.
    fn common(self, other: Self) -> u32;
}

impl Bits for u32 {
    fn of(prefix: Prefix) -> u32 {
        prefix.first() as u32
    }

    fn address(self) -> IpAddr {
        Ipv4Addr::from_bits(self).into()
    }

    fn common(self, other: u32) -> u32 {
        (self ^ other).leading_zeros()
    }
}

impl Bits for u128 {
    fn of(prefix: Prefix) -> u128 {
        prefix.first()
    }

    fn address(self) -> IpAddr {
        Ipv6Addr::from_bits(self).into()
    }

    fn common(self, other: u128) -> u32 {
        (self ^ other).leading_zeros()
    }
}

/// A prefix with the list that it stands on.
pub type Owned<B> = (B, u8, u8);

/// Of so many numbers one is in the level above, so that each step of a search stays
/// within a line or two of the processor's cache.
const BLOCK: usize = 16;

/// No prefix around it.
const NONE: u32 = u32::MAX;

/// Two prefixes lie in one another or apart. So what an address is in is the last
/// prefix that begins at or before it, or one of those around that.
#[derive(Default)]
pub struct Addresses<B> {
    firsts: Vec<B>,
    /// The first of each [`BLOCK`] of the above, then of each block of those…
    levels: Vec<Vec<B>>,
    /// The length of each, and its list.
    about: Vec<(u8, u8)>,
    /// The place of the next wider prefix around each; empty where none has one.
    around: Vec<u32>,
}

impl<B: Bits> Addresses<B> {
    /// Bytes that each takes.
    pub const EACH: usize = size_of::<B>() + size_of::<B>() / (BLOCK - 1) + 2 + size_of::<u32>();

    /// Of several that are the same the list with the smallest number has it.
    pub fn new(mut all: Vec<Owned<B>>) -> Addresses<B> {
        all.sort_unstable();
        all.dedup_by_key(|(first, length, _)| (*first, *length));
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
        Addresses { firsts, levels, about, around }
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

    /// The narrowest prefix that `address` is in, and its list.
    pub fn find(&self, address: B) -> Option<(Prefix, u8)> {
        let mut place = self.before(address)?;
        loop {
            let (first, (length, owner)) = (*self.firsts.get(place)?, *self.about.get(place)?);
            if first.common(address) >= u32::from(length) {
                return Some((Prefix::new(first.address(), length)?, owner));
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

/// Calls `each` with the prefixes that together are all from `first` to `last`:
/// 62 of IPv4 at most, 254 of IPv6. `false` where these are no range.
pub fn split(first: IpAddr, last: IpAddr, each: &mut dyn FnMut(Prefix)) -> bool {
    if first.is_ipv4() != last.is_ipv4() || first > last {
        return false;
    }
    let width: u32 = if first.is_ipv4() { 32 } else { 128 };
    let (mut from, to) = (number(first), number(last));
    loop {
        // The largest that begins here and does not end behind the last.
        let (aligned, left) = (from.trailing_zeros(), to - from);
        let fits = left.checked_add(1).map_or(128, |count| 127 - count.leading_zeros());
        let host = aligned.min(fits).min(width);
        let address = match first {
            IpAddr::V4(_) => (from as u32).address(),
            IpAddr::V6(_) => from.address(),
        };
        let Some(prefix) = Prefix::new(address, (width - host) as u8) else { return false };
        each(prefix);
        match prefix.last().checked_add(1).filter(|next| *next <= to) {
            Some(next) => from = next,
            None => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn v4(text: &str) -> u32 {
        text.parse::<Ipv4Addr>().unwrap().to_bits()
    }

    fn set(prefixes: &[(&str, u8)]) -> Addresses<u32> {
        let owned = |(text, owner): &(&str, u8)| {
            let prefix = Prefix::parse(text).unwrap();
            (u32::of(prefix), prefix.length(), *owner)
        };
        Addresses::new(prefixes.iter().map(owned).collect())
    }

    #[test]
    fn the_narrowest_prefix_is_found() {
        let set = set(&[("10.0.0.0/8", 1), ("10.1.0.0/16", 2), ("10.1.2.3", 3), ("192.0.2.0/24", 4)]);
        let find = |text| set.find(v4(text)).map(|(prefix, owner)| (prefix.to_string(), owner));
        assert_eq!(find("10.1.2.3"), Some(("10.1.2.3/32".into(), 3)));
        assert_eq!(find("10.1.2.4"), Some(("10.1.0.0/16".into(), 2)), "behind one that is narrower");
        assert_eq!(find("10.9.0.1"), Some(("10.0.0.0/8".into(), 1)), "behind two");
        assert_eq!(find("192.0.2.255"), Some(("192.0.2.0/24".into(), 4)));
        assert_eq!((find("9.255.255.255"), find("11.0.0.0"), find("192.0.3.0")), (None, None, None));
    }

    #[test]
    fn the_first_list_has_what_several_name() {
        let set = set(&[("192.0.2.1", 7), ("192.0.2.1", 2), ("192.0.2.1", 5)]);
        assert_eq!(set.len(), 1);
        assert_eq!(set.find(v4("192.0.2.1")).map(|(_, owner)| owner), Some(2));
        assert!(set.around.is_empty(), "nothing lies in anything");
    }

    #[test]
    fn it_finds_what_a_look_at_all_of_them_finds() {
        let mut seed = 1_u32;
        let mut next = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let mut all = Vec::new();
        for _ in 0..2_000 {
            // Few addresses, so that many lie in one another.
            let length = 16 + (next() % 17) as u8;
            let prefix = Prefix::new(Ipv4Addr::from_bits(0x0a00_0000 | next() & 0xffff).into(), length);
            all.push(prefix.unwrap());
        }
        let set = Addresses::new(all.iter().map(|p| (u32::of(*p), p.length(), 0)).collect());
        for _ in 0..5_000 {
            let address = 0x0a00_0000 | next() & 0x1_ffff;
            let holds = |prefix: &&Prefix| prefix.contains(address.address());
            let expected = all.iter().filter(holds).max_by_key(|prefix| prefix.length());
            assert_eq!(set.find(address).map(|(prefix, _)| prefix), expected.copied(), "{address:x}");
        }
    }

    #[test]
    fn a_range_is_its_prefixes() {
        let parts = |first, last| {
            let mut all = Vec::new();
            let is_range = split(ip(first), ip(last), &mut |prefix| all.push(prefix.to_string()));
            is_range.then(|| all.join(" "))
        };
        assert_eq!(parts("192.0.2.0", "192.0.2.255").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(
            parts("192.0.2.1", "192.0.2.6").as_deref(),
            Some("192.0.2.1/32 192.0.2.2/31 192.0.2.4/31 192.0.2.6/32")
        );
        assert_eq!(parts("0.0.0.0", "255.255.255.255").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(parts("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").as_deref(), Some("::/0"));
        assert_eq!(parts("2001:db8::1", "2001:db8::2").as_deref(), Some("2001:db8::1/128 2001:db8::2/128"));
        assert_eq!(parts("0.0.0.1", "255.255.255.254").unwrap().split(' ').count(), 62);
        assert_eq!((parts("192.0.2.2", "192.0.2.1"), parts("192.0.2.1", "::1")), (None, None));
    }
}
