//! Addresses and networks, each found where most of their kind are found fastest.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::hosts::Hosts;
use super::networks::Networks;
use crate::prefix::{Prefix, number};

/// An address as a number of its own width.
pub trait Bits: Copy + Ord + Hash {
    /// Bits that it has.
    const WIDTH: u8;
    fn of(prefix: Prefix) -> Self;
    fn address(self) -> IpAddr;
    /// How many bits both begin with.
    fn common(self, other: Self) -> u32;
}

impl Bits for u32 {
    const WIDTH: u8 = 32;

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
    const WIDTH: u8 = 128;

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

/// Prefixes of one version of IP.
#[derive(Default)]
pub struct Addresses<B> {
    hosts: Hosts<B>,
    networks: Networks<B>,
}

impl<B: Bits> Addresses<B> {
    /// Bytes that each takes at most.
    pub const EACH: usize = Networks::<B>::EACH;

    /// Of several that are the same the list with the smallest number has it.
    pub fn new(mut all: Vec<Owned<B>>) -> Addresses<B> {
        all.sort_unstable();
        all.dedup_by_key(|(first, length, _)| (*first, *length));
        let hosts =
            Hosts::new(all.iter().filter(|it| it.1 == B::WIDTH).map(|&(host, _, owner)| (host, owner)));
        all.retain(|(_, length, _)| *length < B::WIDTH);
        Addresses { hosts, networks: Networks::new(all) }
    }

    pub fn len(&self) -> usize {
        self.hosts.len() + self.networks.len()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.hosts.bytes() + self.networks.bytes()
    }

    /// The narrowest prefix that `address` is in, and its list.
    pub fn find(&self, address: B) -> Option<(Prefix, u8)> {
        let (prefix, length, owner) = match self.hosts.find(address) {
            Some(owner) => (address, B::WIDTH, owner),
            None => self.networks.find(address)?,
        };
        Some((Prefix::new(prefix.address(), length)?, owner))
    }
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
