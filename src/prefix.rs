//! Prefixes: all addresses that begin with the same bits.

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

/// What a text lacks to be a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    Address,
    /// The most that it may be here.
    Length(u8),
    /// Bits are set behind the prefix; this is the one without them.
    Bits(Prefix),
}

impl Prefix {
    /// The one that `address` is in, with its first `length` bits; none where an
    /// address has fewer.
    pub fn new(address: IpAddr, length: u8) -> Option<Prefix> {
        let (most, offset) = bits(address);
        (length <= most).then(|| Prefix::around(number(address), length + offset))
    }

    /// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; otherwise what is wrong.
    pub fn parse(text: &str) -> Result<Prefix, Wrong> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| Wrong::Address)?;
        let (most, _) = bits(address);
        let length = match length {
            None => Some(most),
            // `+8` is a number for Rust.
            Some(digits) if !digits.bytes().all(|byte| byte.is_ascii_digit()) => None,
            Some(digits) => digits.parse().ok(),
        };
        let prefix = length.and_then(|length| Prefix::new(address, length)).ok_or(Wrong::Length(most))?;
        if prefix.first == number(address) { Ok(prefix) } else { Err(Wrong::Bits(prefix)) }
    }

    fn around(number: u128, length: u8) -> Prefix {
        Prefix { first: number & !behind(length), length }
    }

    pub fn contains(self, address: IpAddr) -> bool {
        self.is_ipv4() == address.is_ipv4() && self.holds(number(address))
    }

    /// Whether all that is in `other` is in it.
    pub fn covers(self, other: Prefix) -> bool {
        self.is_ipv4() == other.is_ipv4() && self.length <= other.length && self.holds(other.first)
    }

    /// It and those that it lies in, the narrowest first.
    pub fn and_wider(self) -> impl Iterator<Item = Prefix> {
        let least = if self.is_ipv4() { V4_OFFSET } else { 0 };
        (least..=self.length).rev().map(move |length| Prefix::around(self.first, length))
    }

    /// Bits that all of it begins with, as it is written.
    pub fn length(self) -> u8 {
        if self.is_ipv4() { self.length - V4_OFFSET } else { self.length }
    }

    pub fn is_ipv4(self) -> bool {
        self.length >= V4_OFFSET && self.first >> 32 == V4_BASE >> 32
    }

    /// The [`number`] of its first address.
    pub fn first(self) -> u128 {
        self.first
    }

    /// The [`number`] of its last address.
    pub fn last(self) -> u128 {
        self.first | behind(self.length)
    }

    fn holds(self, number: u128) -> bool {
        (number ^ self.first).leading_zeros() >= self.length.into()
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

impl Wrong {
    /// Where in `text` it is.
    pub fn at(self, text: &str) -> usize {
        match self {
            Wrong::Length(_) => text.find('/').map_or(0, |slash| slash + 1),
            Wrong::Address | Wrong::Bits(_) => 0,
        }
    }
}

/// What was expected.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Address => f.write_str("an address like 192.0.2.1 or 2001:db8::1"),
            Wrong::Length(most) => write!(f, "a prefix's length from 0 to {most}"),
            Wrong::Bits(without) => write!(f, "{without}, with no bits set behind the prefix"),
        }
    }
}

/// The place of `address` in the common order.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => V4_BASE | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// How many bits an address like `address` has, and where the first of them lies
/// in the common order.
fn bits(address: IpAddr) -> (u8, u8) {
    if address.is_ipv4() { (32, V4_OFFSET) } else { (128, 0) }
}

/// The bits behind the first `length`.
fn behind(length: u8) -> u128 {
    u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
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
        assert!(!has(telegram, "::ffff:91.108.4.0"), "that is IPv6");
        assert!(prefix("10.0.0.0/8").covers(prefix("10.1.0.0/16")));
        assert!(!prefix("10.1.0.0/16").covers(prefix("10.0.0.0/8")));
        assert!(!prefix("::/0").covers(prefix("10.0.0.0/8")));
        assert_eq!(prefix("10.0.0.0/8").and_wider().count(), 9);
        assert_eq!(prefix("10.128.0.0/9").and_wider().nth(1), Some(prefix("10.0.0.0/8")));
    }

    #[test]
    fn one_is_made_of_any_address_in_it() {
        let new = |address: &str, length| Prefix::new(address.parse().unwrap(), length);
        assert_eq!(new("91.108.5.6", 22), Some(prefix("91.108.4.0/22")));
        assert_eq!(new("2001:db8::1", 32), Some(prefix("2001:db8::/32")));
        assert_eq!((new("91.108.5.6", 33), new("::1", 129)), (None, None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let wrong =
            |text| Prefix::parse(text).map_err(|wrong| (wrong.at(text), wrong.to_string())).unwrap_err();
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
}
