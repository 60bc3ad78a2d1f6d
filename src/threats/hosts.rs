//! Single addresses, which most of such lists are, by their hashes: those of IPv4 in
//! six bytes each, of IPv6 in 19.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::addresses::Bits;
use super::buckets::{Buckets, Filter};

/// Bytes of addresses that lie side by side, on average: a line of the processor's cache.
const TOGETHER: usize = 64;

/// Without a gap between one and the next.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Host<B> {
    address: B,
    owner: u8,
}

#[derive(Default)]
pub struct Hosts<B> {
    /// In the order of buckets.
    hosts: Vec<Host<B>>,
    buckets: Buckets,
    /// Nearly all that is looked up is on no list.
    filter: Filter,
    hash: RandomState,
}

impl<B: Bits> Hosts<B> {
    /// Each with its list.
    pub fn new(all: impl Iterator<Item = (B, u8)> + Clone) -> Hosts<B> {
        let hash = RandomState::default();
        let count = all.clone().count();
        let hashes = all.clone().map(|(address, _)| hash.hash_one(address));
        let mut buckets = Buckets::new(count * size_of::<Host<B>>() / TOGETHER, hashes);
        let mut filter = Filter::new(count);
        let mut hosts: Vec<Host<B>> = all.clone().map(|(address, owner)| Host { address, owner }).collect();
        for (address, owner) in all {
            let hash = hash.hash_one(address);
            filter.add(hash);
            if let Some(host) = hosts.get_mut(buckets.take(hash)) {
                *host = Host { address, owner };
            }
        }
        Hosts { hosts, buckets, filter, hash }
    }

    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.hosts.capacity() * size_of::<Host<B>>() + self.buckets.bytes() + self.filter.bytes()
    }

    /// The list that `address` is on.
    #[inline]
    pub fn find(&self, address: B) -> Option<u8> {
        let hash = self.hash.hash_one(address);
        if !self.filter.has(hash) {
            return None;
        }
        let near = self.hosts.get(self.buckets.range(hash)?)?;
        near.iter().find(|host| ({ host.address }) == address).map(|host| host.owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_found_and_no_other() {
        let all = (0..10_000_u32).map(|n| (n.wrapping_mul(0x9e37_79b9), (n % 64) as u8));
        let hosts = Hosts::new(all.clone());
        assert!(all.clone().all(|(address, owner)| hosts.find(address) == Some(owner)));
        let other = (10_000..90_000_u32).map(|n| n.wrapping_mul(0x9e37_79b9));
        assert!(other.clone().all(|address| hosts.find(address).is_none()));
        assert!(hosts.bytes() < 10_000 * 7, "{} bytes", hosts.bytes());
        assert_eq!(Hosts::<u128>::default().find(7), None);
    }
}
