//! Addresses of servers in features.txt: one, or all below a prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where IPv4 lies among IPv6 (RFC 4291, 2.5.5.2), so that one order serves both.
const V4_BASE: u128 = 0xffff_0000_0000;
const V4_OFFSET: u8 = 96;

/// `91.108.4.0/22`; one address is all of its bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix {
    /// The first address, in the common order.
    first: u128,
    /// In the common order too: an IPv4 prefix is 96 longer.
    length: u8,
}

/// What is not as it should be, and where in the text.
#[derive(PartialEq, Eq, Debug)]
pub struct Wrong {
    pub at: usize,
    pub expected: String,
}

impl Prefix {
    /// Whether `text` is meant as an address: a host has a letter and no colon.
    pub fn is_meant(text: &str) -> bool {
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        address.chars().all(of_address)
            && (address.contains(':') || !address.contains(|c: char| c.is_ascii_alphabetic()))
            && address.contains(|c: char| c == ':' || c.is_ascii_digit())
    }

    /// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
    pub fn parse(text: &str) -> Result<Prefix, Wrong> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(Wrong { at: 0, expected: "an address like 192.0.2.1 or 2001:db8::1".into() });
        };
        let (most, offset) = if address.is_ipv4() { (32, V4_OFFSET) } else { (128, 0) };
        let given = match length {
            None => Some(most),
            // `+8` is a number for Rust.
            Some(digits) if !digits.bytes().all(|byte| byte.is_ascii_digit()) => None,
            Some(digits) => digits.parse().ok().filter(|given| *given <= most),
        };
        let Some(given) = given else {
            let at = text.find('/').map_or(0, |slash| slash + 1);
            return Err(Wrong { at, expected: format!("a prefix's length from 0 to {most}") });
        };
        let prefix = Prefix::new(address, given + offset);
        if prefix.first != number(address) {
            return Err(Wrong { at: 0, expected: format!("{prefix}, with no bits set behind the prefix") });
        }
        Ok(prefix)
    }

    /// The one with `address` in it.
    fn new(address: IpAddr, length: u8) -> Prefix {
        Prefix { first: number(address) & !behind(length), length }
    }

    pub fn contains(self, address: IpAddr) -> bool {
        self.is_ipv4() == address.is_ipv4() && Prefix::new(address, self.length).first == self.first
    }

    /// Whether all that is in `other` is in it.
    pub fn covers(self, other: Prefix) -> bool {
        self.is_ipv4() == other.is_ipv4() && self.length <= other.length && self.holds(other.first)
    }

    /// It and those that it lies in, the narrowest first.
    pub fn and_wider(self) -> impl Iterator<Item = Prefix> {
        let least = if self.is_ipv4() { V4_OFFSET } else { 0 };
        (least..=self.length).rev().map(move |length| Prefix { first: self.first & !behind(length), length })
    }

    /// As it is written.
    pub fn length(self) -> u8 {
        if self.is_ipv4() { self.length - V4_OFFSET } else { self.length }
    }

    pub fn is_ipv4(self) -> bool {
        self.length >= V4_OFFSET && self.first >> 32 == V4_BASE >> 32
    }

    fn holds(self, number: u128) -> bool {
        number & !behind(self.length) == self.first
    }

    fn last(self) -> u128 {
        self.first | behind(self.length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ipv4() {
            write!(f, "{}/{}", Ipv4Addr::from(self.first as u32), self.length())
        } else {
            write!(f, "{}/{}", Ipv6Addr::from(self.first), self.length)
        }
    }
}

/// The bits behind the first `length`.
fn behind(length: u8) -> u128 {
    u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => V4_BASE | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Finds the features whose prefixes an address is in: the narrowest prefix by
/// halving, the others from there outwards. Its size is that of the prefixes,
/// however they lie in each other.
#[derive(Default)]
pub struct Addresses {
    /// Between two of these the narrowest prefix is the same…
    starts: Vec<u128>,
    /// …which is at this place in `nodes`, or nowhere.
    narrowest: Vec<u32>,
    nodes: Vec<Node>,
}

struct Node {
    /// The next wider one.
    outer: u32,
    features: Vec<u32>,
}

/// The place of what is not there.
const NOWHERE: u32 = u32::MAX;

impl Addresses {
    /// Of prefixes and the numbers of their features.
    pub fn new(mut all: Vec<(Prefix, u32)>) -> Addresses {
        // A prefix comes before those inside it.
        all.sort_unstable();
        let mut addresses = Addresses::default();
        let mut open: Vec<(Prefix, u32)> = Vec::new();
        for group in all.chunk_by(|(one, _), (other, _)| one == other) {
            let prefix = group[0].0;
            while let Some((inner, _)) = open.pop_if(|(outer, _)| outer.last() < prefix.first) {
                addresses.leave(inner, &open);
            }
            let node = addresses.nodes.len() as u32;
            let features = group.iter().map(|&(_, number)| number).collect();
            addresses.nodes.push(Node { outer: open.last().map_or(NOWHERE, |&(_, at)| at), features });
            addresses.begin(prefix.first, node);
            open.push((prefix, node));
        }
        while let Some((inner, _)) = open.pop() {
            addresses.leave(inner, &open);
        }
        addresses
    }

    /// Behind the end of `inner` the prefix around it goes on.
    fn leave(&mut self, inner: Prefix, open: &[(Prefix, u32)]) {
        if let Some(behind) = inner.last().checked_add(1) {
            self.begin(behind, open.last().map_or(NOWHERE, |&(_, at)| at));
        }
    }

    fn begin(&mut self, start: u128, node: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.narrowest.pop();
        }
        self.starts.push(start);
        self.narrowest.push(node);
    }

    /// Calls `each` with every feature that may match at `address`.
    pub fn at(&self, address: IpAddr, mut each: impl FnMut(u32)) {
        let number = number(address);
        let behind = self.starts.partition_point(|&start| start <= number);
        let mut at = behind.checked_sub(1).map_or(NOWHERE, |place| self.narrowest[place]);
        while let Some(node) = self.nodes.get(at as usize) {
            node.features.iter().for_each(|&number| each(number));
            at = node.outer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_told_from_a_host() {
        for text in
            ["1.2.3.4", "1.2.3", "10.0.0.0/8", "::", "2001:db8::/x", "face::b00c", "1.2.3.4/24/1", "7"]
        {
            assert!(Prefix::is_meant(text), "{text}");
        }
        for text in ["cafe.be", "163.com", "1.2.3.*", "a.io:80", "a.io/8", "", ".", "be/8"] {
            assert!(!Prefix::is_meant(text), "{text}");
        }
    }

    #[test]
    fn a_prefix_holds_what_begins_with_it() {
        let telegram = prefix("91.108.4.0/22");
        let has = |prefix: Prefix, address: &str| prefix.contains(address.parse().unwrap());
        assert!(has(telegram, "91.108.4.0") && has(telegram, "91.108.7.255"));
        assert!(!has(telegram, "91.108.3.255") && !has(telegram, "91.108.8.0"));
        assert!(has(prefix("0.0.0.0/0"), "255.1.2.3") && !has(prefix("0.0.0.0/0"), "::1"));
        assert!(has(prefix("::/0"), "ffff::") && !has(prefix("::/0"), "1.2.3.4"));
        assert!(has(prefix("2001:db8::1"), "2001:db8::1") && !has(prefix("2001:db8::1"), "2001:db8::2"));
        assert!(prefix("10.0.0.0/8").covers(prefix("10.1.0.0/16")));
        assert!(!prefix("10.1.0.0/16").covers(prefix("10.0.0.0/8")));
        assert!(!prefix("::/0").covers(prefix("10.0.0.0/8")));
        assert_eq!(prefix("10.0.0.0/8").and_wider().count(), 9);
        assert_eq!(prefix("10.128.0.0/9").and_wider().nth(1), Some(prefix("10.0.0.0/8")));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let wrong = |text| Prefix::parse(text).map_err(|wrong| (wrong.at, wrong.expected)).unwrap_err();
        let address = "an address like 192.0.2.1 or 2001:db8::1";
        for text in ["1.2.3", "1.2.3.256", "2001:db8:::1", "/8", "1.2.3.4.5/8"] {
            assert_eq!(wrong(text), (0, address.to_owned()), "{text}");
        }
        for text in ["1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+8", "1.2.3.4/8/8"] {
            assert_eq!(wrong(text), (8, "a prefix's length from 0 to 32".to_owned()), "{text}");
        }
        assert_eq!(wrong("::1/129"), (4, "a prefix's length from 0 to 128".to_owned()));
        let host_bits = |right: &str| (0, format!("{right}, with no bits set behind the prefix"));
        assert_eq!(wrong("91.108.5.0/22"), host_bits("91.108.4.0/22"));
        assert_eq!(wrong("2001:db8::1/32"), host_bits("2001:db8::/32"));
    }

    #[test]
    fn the_narrowest_prefix_comes_first_and_the_wider_after_it() {
        let texts =
            ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.1.0.0/16", "::/0", "255.255.255.255", "0.0.0.0/0"];
        let all = texts.into_iter().zip(0..).map(|(text, number)| (prefix(text), number));
        let addresses = Addresses::new(all.collect());
        let at = |address: &str| {
            let mut seen = Vec::new();
            addresses.at(address.parse().unwrap(), |number| seen.push(number));
            seen.retain(|&number| prefix(texts[number as usize]).contains(address.parse().unwrap()));
            seen
        };
        assert_eq!(at("10.1.2.3"), [2, 1, 3, 0, 6]);
        assert_eq!(at("10.1.2.4"), [1, 3, 0, 6]);
        assert_eq!(
            (at("10.2.0.0"), at("11.0.0.0"), at("255.255.255.255")),
            (vec![0, 6], vec![6], vec![5, 6])
        );
        assert_eq!((at("2001:db8::1"), at("ffff::")), (vec![4], vec![4]));
    }

    /// The size stays that of the prefixes, where all lie in each other as well.
    #[test]
    fn many_prefixes_take_no_more_room_than_they_are() {
        let nested = (0..=32).map(|length| (Prefix::new([10, 0, 0, 1].into(), V4_OFFSET + length), 0));
        let apart = (0..10_000_u32).map(|n| (Prefix::new((n << 12).to_be_bytes().into(), V4_OFFSET + 24), 0));
        let addresses = Addresses::new(nested.chain(apart).collect());
        assert!(addresses.starts.len() <= 2 * (10_000 + 33) && addresses.nodes.len() <= 10_033);
    }
}
