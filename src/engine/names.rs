//! Which name a device asked for before it talked to an address.
//!
//! Kept per device, because an address serves thousands of names, but a
//! device that has just asked for one of them talks to that one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::record::Device;
use crate::table::Table;
use crate::time::Time;

/// Names for (device, address) pairs, within a bound.
pub struct Names {
    table: Table<(Device, IpAddr), Arc<str>, 1>,
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
        match self.table.find(&key) {
            Some(slot) => {
                self.table.touch(slot, 0, now);
                if let Some((_, known)) = self.table.get_mut(slot)
                    && known != name
                {
                    *known = name.clone();
                }
            }
            None => {
                self.table.insert(key, 0, now, name.clone());
            }
        }
    }

    /// The name that `device` asked for last and that was at `address`.
    pub fn get(&self, device: Device, address: IpAddr) -> Option<Arc<str>> {
        let slot = self.table.find(&(device, address))?;
        self.table.get(slot).cloned()
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

    #[test]
    fn each_device_has_its_own_names() {
        let mut names = Names::new(10, Duration::from_secs(60));
        let (a, b) = (Device::Ip([10, 0, 0, 1].into()), Device::Ip([10, 0, 0, 2].into()));
        let shared = IpAddr::from([192, 0, 2, 1]);
        names.learn(a, shared, &"one.example".into(), Time::ZERO);
        names.learn(b, shared, &"two.example".into(), Time::ZERO);
        names.learn(a, [0, 0, 0, 0].into(), &"blocked.example".into(), Time::ZERO);
        assert_eq!(names.get(a, shared).as_deref(), Some("one.example"));
        names.learn(a, shared, &"three.example".into(), Time::from_secs(30));
        assert_eq!(names.get(a, shared).as_deref(), Some("three.example"));
        names.expire(Time::from_secs(60));
        assert_eq!((names.get(b, shared), names.len()), (None, 1));
    }
}
