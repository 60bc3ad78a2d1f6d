//! Which name a device asked for before it talked to an address.
//!
//! Kept per device, because an address serves thousands of names, but a
//! device that has just asked for one of them talks to that one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hosts::Source;
use crate::record::{Device, Mac};
use crate::table::Table;
use crate::time::Time;

/// Names that are remembered for one address beside the latest.
const MAX_OTHERS: usize = 3;

/// Whoever asks: what an address is called by its owner.
const ANYONE: Device = Device::Mac(Mac([0; 6]));

/// Names for (device, address) pairs, within a bound.
pub struct Names {
    table: Table<(Device, IpAddr), Known, 1>,
}

struct Known {
    name: Arc<str>,
    /// What the address was before, the latest first.
    others: Vec<Arc<str>>,
}

impl Names {
    /// At most `limit` pairs, each for `timeout` after its latest answer. A
    /// name outlives its TTL on purpose: connections do too.
    pub fn new(limit: usize, timeout: Duration) -> Names {
        Names { table: Table::new(limit, [timeout]) }
    }

    pub fn resize(&mut self, limit: usize, timeout: Duration) {
        self.table.resize(limit, [timeout], |_, _| {});
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// `device` was told that `name` is at `address`.
    pub fn learn(&mut self, device: Device, address: IpAddr, name: &Arc<str>, now: Time) {
        // Blockers answer with these; they are no one's address.
        if address.is_unspecified() || address.is_loopback() {
            return;
        }
        let key = (device, address);
        let Some(slot) = self.table.find(&key) else {
            self.table.insert(key, 0, now, Known { name: name.clone(), others: Vec::new() });
            return;
        };
        self.table.touch(slot, 0, now);
        if let Some((_, known)) = self.table.get_mut(slot)
            && known.name != *name
        {
            known.others.retain(|other| other != name);
            known.others.truncate(MAX_OTHERS - 1);
            known.others.reserve_exact(1);
            known.others.insert(0, std::mem::replace(&mut known.name, name.clone()));
        }
    }

    /// DNS says that `address` is called `name`.
    pub fn learn_reverse(&mut self, address: IpAddr, name: &Arc<str>, now: Time) {
        self.learn(ANYONE, address, name, now);
    }

    /// The name that `device` asked for last and that was at `address`, or what
    /// the address is called.
    pub fn get(&self, device: Device, address: IpAddr) -> Option<(Source, Arc<str>)> {
        if let Some(known) = self.known(device, address) {
            let source = if known.others.is_empty() { Source::Dns } else { Source::SharedDns };
            return Some((source, known.name.clone()));
        }
        self.known(ANYONE, address).map(|known| (Source::Reverse, known.name.clone()))
    }

    /// Whether `device` was told that `name` is at `address`.
    pub fn has(&self, device: Device, address: IpAddr, name: &str) -> bool {
        self.known(device, address)
            .is_some_and(|known| *known.name == *name || known.others.iter().any(|other| **other == *name))
    }

    fn known(&self, device: Device, address: IpAddr) -> Option<&Known> {
        self.table.get(self.table.find(&(device, address))?)
    }

    pub fn expire(&mut self, now: Time) {
        while self.table.expire(now).is_some() {}
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.table.step(from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(names: &Names, device: Device, address: IpAddr) -> Option<(Source, String)> {
        names.get(device, address).map(|(source, name)| (source, name.to_string()))
    }

    #[test]
    fn each_device_has_its_own_names() {
        let mut names = Names::new(10, Duration::from_secs(60));
        let (a, b) = (Device::Ip([10, 0, 0, 1].into()), Device::Ip([10, 0, 0, 2].into()));
        let shared = IpAddr::from([192, 0, 2, 1]);
        names.learn(a, shared, &"one.example".into(), Time::ZERO);
        names.learn(b, shared, &"two.example".into(), Time::ZERO);
        names.learn(a, [0, 0, 0, 0].into(), &"blocked.example".into(), Time::ZERO);
        assert_eq!(name(&names, a, shared), Some((Source::Dns, "one.example".into())));
        names.learn(a, shared, &"three.example".into(), Time::from_secs(30));
        assert_eq!(name(&names, a, shared), Some((Source::SharedDns, "three.example".into())));
        assert!(names.has(a, shared, "one.example") && !names.has(b, shared, "one.example"));
        names.expire(Time::from_secs(60));
        assert_eq!((name(&names, b, shared), names.len()), (None, 1));
    }

    #[test]
    fn an_address_has_a_name_of_its_own_where_nobody_asked_for_one() {
        let mut names = Names::new(10, Duration::from_secs(60));
        let (device, address) = (Device::Ip([10, 0, 0, 1].into()), IpAddr::from([192, 0, 2, 1]));
        names.learn_reverse(address, &"host1.example".into(), Time::ZERO);
        assert_eq!(name(&names, device, address), Some((Source::Reverse, "host1.example".into())));
        names.learn(device, address, &"www.example".into(), Time::ZERO);
        assert_eq!(name(&names, device, address), Some((Source::Dns, "www.example".into())));
    }

    #[test]
    fn an_address_of_many_names_keeps_the_latest_few() {
        let mut names = Names::new(10, Duration::from_secs(60));
        let (device, address) = (Device::Ip([10, 0, 0, 1].into()), IpAddr::from([192, 0, 2, 1]));
        for n in 0..100 {
            names.learn(device, address, &format!("{n}.example").into(), Time::ZERO);
        }
        let has = |n| names.has(device, address, &format!("{n}.example"));
        assert!(has(99) && has(96) && !has(95));
    }
}
