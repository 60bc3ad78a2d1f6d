//! Addresses of servers in features.txt: one, or all below a prefix.

use std::net::IpAddr;

use crate::prefix::{Prefix, number};

/// Whether `text` is meant as an address: a host has a letter and no colon.
pub fn is_meant(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    address.chars().all(of_address)
        && (address.contains(':') || !address.contains(|c: char| c.is_ascii_alphabetic()))
        && address.contains(|c: char| c == ':' || c.is_ascii_digit())
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
            while let Some((inner, _)) = open.pop_if(|(outer, _)| outer.last() < prefix.first()) {
                addresses.leave(inner, &open);
            }
            let node = addresses.nodes.len() as u32;
            let features = group.iter().map(|&(_, number)| number).collect();
            addresses.nodes.push(Node { outer: open.last().map_or(NOWHERE, |&(_, at)| at), features });
            addresses.begin(prefix.first(), node);
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
            assert!(is_meant(text), "{text}");
        }
        for text in ["cafe.be", "163.com", "1.2.3.*", "a.io:80", "a.io/8", "", ".", "be/8"] {
            assert!(!is_meant(text), "{text}");
        }
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
        let nested = (0..=32).map(|length| (Prefix::new([10, 0, 0, 1].into(), length).unwrap(), 0));
        let apart = (0..10_000_u32).map(|n| (Prefix::new((n << 12).to_be_bytes().into(), 24).unwrap(), 0));
        let addresses = Addresses::new(nested.chain(apart).collect());
        assert!(addresses.starts.len() <= 2 * (10_000 + 33) && addresses.nodes.len() <= 10_033);
    }
}
