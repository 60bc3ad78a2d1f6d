//! Who says by ARP to have which address: what is new in it, and two who say
//! that they have the same one.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::pace::Pace;
use crate::record::{self, Ids, Mac, Record, seed};
use crate::table::Table;
use crate::time::Time;
use crate::wire::{Arp, RawMac};

/// Two who claim an address within this time have a conflict: whoever leaves it to
/// another is silent by then, as leases and what takes over after a failure are not
/// given twice a minute.
const CLAIM: Duration = Duration::from_secs(60);

/// A conflict about an address is told again after this.
const QUIET: Duration = Duration::from_secs(600);

/// The same message within this time…
const SAME: Duration = Duration::from_secs(60);

/// …is written down this often.
const FEW: u8 = 4;

/// Messages that are remembered, to know the same again.
const MAX_MESSAGES: usize = 512;

/// Rows that a minute may have: a scan asks for each address of a network.
const MAX_ROWS: u32 = 300;

/// What is known of who has which address.
pub struct Claims {
    claims: Table<(Option<u16>, Ipv4Addr), Claim, 1>,
    messages: Table<Arp, u8, 1>,
    ids: Ids,
    pace: Pace,
}

struct Claim {
    mac: RawMac,
    /// When a conflict about it was told.
    told: Option<Time>,
}

impl Claims {
    /// Remembers at most `limit` addresses.
    pub fn new(limit: usize) -> Claims {
        Claims {
            claims: Table::new(limit, [CLAIM]),
            messages: Table::new(MAX_MESSAGES, [SAME]),
            ids: Ids::default(),
            pace: Pace::new(MAX_ROWS),
        }
    }

    pub fn resize(&mut self, limit: usize) {
        self.claims.resize(limit, [CLAIM], |_, _| {});
    }

    /// Messages that were not written down, as they said nothing new or were too many.
    pub fn left_out(&self) -> u64 {
        self.pace.left_out()
    }

    /// Takes in that `arp`'s sender has its address; returns who else said so just
    /// now, where that is to be told.
    pub fn claim(&mut self, arp: &Arp, now: Time) -> Option<Mac> {
        if arp.src_ip.is_unspecified() {
            return None;
        }
        let key = (arp.vlan, arp.src_ip);
        let Some(slot) = self.claims.find(&key) else {
            self.claims.insert(key, 0, now, Claim { mac: arp.src_mac, told: None });
            return None;
        };
        let is_recent = !self.claims.is_due(slot, now);
        self.claims.touch(slot, 0, now);
        let (_, claim) = self.claims.get_mut(slot)?;
        let before = std::mem::replace(&mut claim.mac, arp.src_mac);
        let is_quiet = claim.told.is_some_and(|told| now.since(told) < QUIET);
        if before == arp.src_mac || !is_recent || is_quiet {
            return None;
        }
        claim.told = Some(now);
        Some(Mac(before))
    }

    /// The row of `arp`, which came at `time`, if it says something new.
    pub fn row(&mut self, arp: &Arp, time: Time, now: Time) -> Option<Record> {
        while self.messages.expire(now).is_some() {}
        let slot = match self.messages.find(arp) {
            Some(slot) => slot,
            None => self.messages.insert(*arp, 0, now, 0).0,
        };
        let (_, count) = self.messages.get_mut(slot)?;
        *count = count.saturating_add(1);
        let says_something = *count <= FEW;
        if !self.pace.allows(says_something, now) {
            return None;
        }
        let told = [&arp.src_mac[..], &arp.src_ip.octets(), &arp.dst_ip.octets()];
        let row = record::Arp {
            id: self.ids.next(time, seed(told)),
            time,
            kind: if arp.asks { "request" } else { "reply" },
            src_mac: Mac(arp.src_mac),
            src_ip: arp.src_ip.into(),
            dst_mac: (arp.dst_mac != [0; 6] && !arp.asks).then_some(Mac(arp.dst_mac)),
            dst_ip: arp.dst_ip.into(),
        };
        Some(row.into())
    }

    /// Forgets what was said long ago.
    pub fn expire(&mut self, now: Time) {
        while self.claims.expire(now).is_some() {}
        while self.messages.expire(now).is_some() {}
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.claims.step(from, to);
        self.messages.step(from, to);
        self.pace.step(to);
        for (_, claim) in self.claims.iter_mut() {
            claim.told = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: RawMac = [2, 0, 0, 0, 0, 1];
    const OTHER: RawMac = [2, 0, 0, 0, 0, 2];

    fn arp(src_mac: RawMac, src: [u8; 4], dst: [u8; 4]) -> Arp {
        let (src_ip, dst_ip) = (src.into(), dst.into());
        Arp { vlan: None, asks: true, src_mac, src_ip, dst_mac: [0; 6], dst_ip }
    }

    const HERE: [u8; 4] = [192, 168, 1, 5];
    const THERE: [u8; 4] = [192, 168, 1, 1];

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn two_who_claim_an_address_within_a_minute_have_a_conflict_told_once() {
        let mut claims = Claims::new(16);
        assert_eq!(claims.claim(&arp(ONE, HERE, THERE), at(0)), None);
        assert_eq!(claims.claim(&arp(ONE, HERE, THERE), at(30)), None);
        assert_eq!(claims.claim(&arp(OTHER, HERE, THERE), at(89)), Some(Mac(ONE)));
        assert_eq!(claims.claim(&arp(ONE, HERE, THERE), at(90)), None, "told already");
        for n in 1..=65 {
            claims.claim(&arp(OTHER, HERE, THERE), at(90 + n * 10));
        }
        assert_eq!(claims.claim(&arp(ONE, HERE, THERE), at(750)), Some(Mac(OTHER)), "and it goes on");
    }

    #[test]
    fn an_address_that_goes_to_another_later_or_elsewhere_is_no_conflict() {
        let mut claims = Claims::new(16);
        claims.claim(&arp(ONE, HERE, THERE), at(0));
        assert_eq!(claims.claim(&arp(OTHER, HERE, THERE), at(61)), None);
        let elsewhere = Arp { vlan: Some(2), ..arp(ONE, HERE, THERE) };
        assert_eq!(claims.claim(&elsewhere, at(62)), None, "another VLAN");
        assert_eq!(claims.claim(&arp(ONE, [0; 4], HERE), at(63)), None);
        assert_eq!(claims.claim(&arp(OTHER, [0; 4], HERE), at(63)), None, "who only tries has none");
    }

    #[test]
    fn of_the_same_message_a_few_are_written_in_a_minute() {
        let mut claims = Claims::new(16);
        let mut written = |secs| {
            (0..10).filter(|_| claims.row(&arp(ONE, HERE, THERE), at(secs), at(secs)).is_some()).count()
        };
        assert_eq!((written(0), written(59), written(61)), (4, 0, 4));
        assert_eq!(claims.left_out(), 22);
    }

    #[test]
    fn a_scan_has_its_limit_and_the_next_minute_begins_anew() {
        let mut claims = Claims::new(16);
        let mut scan = |secs| {
            let asked = (0..1_000_u32).map(|n| arp(ONE, HERE, n.to_be_bytes()));
            asked.filter(|arp| claims.row(arp, at(secs), at(secs)).is_some()).count()
        };
        assert_eq!((scan(0), scan(30), scan(60)), (MAX_ROWS as usize, 0, MAX_ROWS as usize));
        assert_eq!(claims.messages.len(), MAX_MESSAGES);
    }
}
