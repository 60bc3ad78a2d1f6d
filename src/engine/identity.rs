//! What a device is: what it is called, who made it, what it runs.
//!
//! Of what is said, the surest source holds; the same source may say something
//! else later. What is known of a device is in its row.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::devices::{Devices, State};
use super::os::{self, By};
use super::vendors::Vendors;
use crate::dissect::about::{Clue, NameSource};
use crate::record::{Device, Mac, Name, Short};
use crate::table::Table;
use crate::time::Time;

/// What phones are called before somebody gives them a name, and others that have
/// none: many have it.
const GENERIC: [&str; 8] =
    ["android", "espressif", "ipad", "iphone", "localhost", "openwrt", "unknown", "watch"];

/// Makers that are looked up in a minute, some milliseconds each on a small router:
/// a flood of frames from ever other addresses must not keep it busy. Others have to
/// wait for the next minute.
const MAX_LOOKUPS: u32 = 1_000;

/// What there is to be known of devices, beside the devices.
pub struct Known {
    vendors: Option<Arc<Vendors>>,
    /// Makers looked up in this minute.
    lookups: u32,
    /// By their MAC addresses, sorted.
    leases: Vec<(Mac, Arc<str>)>,
    /// Who has a name, in small letters: the first that had it.
    by_name: Table<Arc<str>, Device, 1>,
}

impl Known {
    /// Remembers at most `limit` names, each for `timeout`.
    pub fn new(limit: usize, timeout: Duration) -> Known {
        Known { vendors: None, lookups: 0, leases: Vec::new(), by_name: Table::new(limit, [timeout]) }
    }

    pub fn resize(&mut self, limit: usize, timeout: Duration) {
        self.by_name.resize(limit, [timeout], |_, _| {});
    }

    pub fn expire(&mut self, now: Time) {
        while self.by_name.expire(now).is_some() {}
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.by_name.step(from, to);
    }

    /// A minute is over, and more makers may be looked up.
    pub fn next_minute(&mut self) {
        self.lookups = 0;
    }

    /// Fills in what the MAC address of a device says.
    pub fn describe(&mut self, state: &mut State) {
        let Device::Mac(mac) = state.row.device else { return };
        let is_random = mac.0[0] & 2 != 0;
        state.row.is_random = Some(is_random.into());
        if is_random {
            state.has_looked = true;
        }
        self.find_vendor(state, mac);
        if let Ok(place) = self.leases.binary_search_by_key(&mac, |(mac, _)| *mac) {
            state.call(NameSource::Lease, &self.leases[place].1);
        }
    }

    fn find_vendor(&mut self, state: &mut State, mac: Mac) {
        let may_look = !state.has_looked && self.lookups < MAX_LOOKUPS;
        let Some(vendors) = self.vendors.as_ref().filter(|_| may_look) else { return };
        state.has_looked = true;
        self.lookups += 1;
        if let Some(vendor) = vendors.of(&mac.0) {
            state.row.vendor = Some(vendor);
        }
    }
}

impl Devices {
    /// Looks up the makers that had to wait.
    pub fn describe_waiting(&mut self) {
        self.known.next_minute();
        for (_, state) in self.things.iter_mut() {
            if let (false, Device::Mac(mac)) = (state.has_looked, state.row.device) {
                self.known.find_vendor(state, mac);
                state.changed |= state.row.vendor.is_some();
            }
        }
    }

    /// Replaces the table of who made which network card.
    pub fn set_vendors(&mut self, vendors: Option<Arc<Vendors>>) {
        self.known.vendors = vendors;
        self.known.next_minute();
        for (_, state) in self.things.iter_mut() {
            state.has_looked = false;
        }
        self.describe_all();
    }

    /// Replaces what dnsmasq calls devices, by their MAC addresses.
    pub fn set_leases(&mut self, mut leases: Vec<(Mac, Arc<str>)>) {
        leases.sort();
        leases.dedup_by_key(|(mac, _)| *mac);
        self.known.leases = leases;
        self.describe_all();
    }

    fn describe_all(&mut self) {
        for (_, state) in self.things.iter_mut() {
            let before = (state.row.vendor.clone(), state.row.name.clone());
            self.known.describe(state);
            state.changed |= before != (state.row.vendor.clone(), state.row.name.clone());
        }
    }

    /// Whether `device` was seen at `address` last.
    pub fn is_at(&self, device: Device, address: IpAddr) -> bool {
        let state = self.things.find(&device).and_then(|slot| self.things.get(slot));
        state.is_some_and(|state| state.row.ipv4 == Some(address) || state.row.ipv6 == Some(address))
    }

    /// `device`, if it was seen, says something of itself.
    pub fn tell(&mut self, device: Device, clue: Clue, now: Time) {
        let Some(slot) = self.things.find(&device) else { return };
        let Some((_, state)) = self.things.get_mut(slot) else { return };
        match clue {
            Clue::Name(source, name) => {
                let is_new = state.call(source, &name.into());
                if is_new && source >= NameSource::Dhcp {
                    self.suggest(device, now);
                }
            }
            Clue::Model(model) => {
                if let Some(guess) = os::by_model(&model) {
                    state.guess(By::Model, guess);
                }
            }
            Clue::Kind(kind) => {
                state.changed |= state.row.kind.is_none();
                state.row.kind.get_or_insert(kind);
            }
        }
    }

    /// `device`, if it was seen, runs what `guess` says.
    pub fn guess_os(&mut self, device: Device, by: By, guess: Option<Short>) {
        let Some(guess) = guess else { return };
        if let Some((_, state)) = self.things.find(&device).and_then(|slot| self.things.get_mut(slot)) {
            state.guess(by, guess);
        }
    }

    /// Whether `device`, with an address that is made up, may be another that has
    /// its name: one that was silent before this one came.
    fn suggest(&mut self, device: Device, now: Time) {
        let Some(state) = self.things.find(&device).and_then(|slot| self.things.get(slot)) else { return };
        let (first, is_random) = (state.row.first, state.row.is_random == Some(1));
        let Some(name) = state.row.name.as_ref().map(|name| name.to_lowercase()) else { return };
        if GENERIC.contains(&&*name) {
            return;
        }
        let name: Arc<str> = name.into();
        let earlier = self.known.by_name.find(&name).and_then(|slot| {
            self.known.by_name.touch(slot, 0, now);
            self.known.by_name.get(slot).copied()
        });
        let last = earlier.and_then(|earlier| {
            let slot = self.things.find(&earlier)?;
            self.things.get(slot).map(|state| state.row.last)
        });
        match (earlier, last) {
            (Some(earlier), Some(last)) if earlier != device => {
                if is_random
                    && last < first
                    && let Some((_, state)) =
                        self.things.find(&device).and_then(|slot| self.things.get_mut(slot))
                {
                    state.row.merge_with = Some(earlier);
                    state.changed = true;
                }
            }
            _ => {
                self.known.by_name.insert(name, 0, now, device);
            }
        }
    }
}

impl State {
    /// It is called `name` by `source`; `true` where that is new and holds.
    fn call(&mut self, source: NameSource, name: &Arc<str>) -> bool {
        let is_same = self.row.name.as_ref().is_some_and(|known| known.0 == *name);
        if self.named_by.is_some_and(|by| by > source) || is_same && self.named_by == Some(source) {
            return false;
        }
        self.named_by = Some(source);
        self.row.name = Some(Name(name.clone()));
        self.row.name_source = Some(source.name());
        self.changed = true;
        true
    }

    fn guess(&mut self, by: By, guess: Short) {
        if self.guessed_by.is_some_and(|known| known > by) || self.row.os == Some(guess) {
            return;
        }
        self.guessed_by = Some(by);
        self.row.os = Some(guess);
        self.row.os_source = Some(by.name());
        self.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, Thing, short};

    const LAPTOP: Mac = Mac([0x00, 0x1d, 0x09, 0, 0, 1]);
    const PHONE: Mac = Mac([0xda, 0, 0, 0, 0, 1]);
    const AGAIN: Mac = Mac([0xde, 0, 0, 0, 0, 2]);

    struct Lan {
        devices: Devices,
        out: Vec<Record>,
    }

    impl Lan {
        fn new() -> Lan {
            Lan { devices: Devices::new(16), out: Vec::new() }
        }

        fn seen(&mut self, mac: Mac, last: u8, secs: u64) {
            let address = IpAddr::from([192, 168, 1, last]);
            self.devices.seen(Device::Mac(mac), Some(mac.0), address, Time::from_secs(secs), &mut self.out);
        }

        fn name(&mut self, mac: Mac, source: NameSource, name: &str, secs: u64) {
            self.devices.tell(Device::Mac(mac), Clue::Name(source, name.into()), Time::from_secs(secs));
        }

        /// The latest row of `mac`.
        fn row(&mut self, mac: Mac) -> Thing {
            self.devices.report(Time::from_secs(100_000), &mut self.out);
            let mut rows = self.out.iter().filter_map(|record| match record {
                Record::Thing(row) if row.mac == Some(mac) => Some((**row).clone()),
                _ => None,
            });
            rows.next_back().unwrap()
        }
    }

    #[test]
    fn the_surest_source_names_a_device_whatever_comes_later() {
        let mut lan = Lan::new();
        lan.seen(LAPTOP, 5, 1);
        for (source, name) in
            [(NameSource::Netbios, "LAPTOP"), (NameSource::Dhcp, "laptop"), (NameSource::Mdns, "laptop-2")]
        {
            lan.name(LAPTOP, source, name, 2);
        }
        let row = lan.row(LAPTOP);
        assert_eq!((row.name.as_deref(), row.name_source), (Some("laptop"), Some("dhcp")));
        lan.devices.set_leases(vec![(LAPTOP, "ann".into()), (PHONE, "pixel".into())]);
        lan.name(LAPTOP, NameSource::Dhcp, "other", 3);
        let row = lan.row(LAPTOP);
        assert_eq!((row.name.as_deref(), row.name_source), (Some("ann"), Some("lease")));
        lan.seen(PHONE, 6, 4);
        assert_eq!(lan.row(PHONE).name.as_deref(), Some("pixel"), "a lease from before it was seen");
    }

    #[test]
    fn the_best_evidence_says_what_it_runs() {
        let mut lan = Lan::new();
        lan.seen(LAPTOP, 5, 1);
        let device = Device::Mac(LAPTOP);
        lan.devices.guess_os(device, By::Ttl, Some(short("Windows")));
        lan.devices.guess_os(device, By::UserAgent, Some(short("Linux")));
        lan.devices.guess_os(device, By::Parameters, Some(short("macOS")));
        lan.devices.guess_os(device, By::VendorClass, None);
        let row = lan.row(LAPTOP);
        assert_eq!((row.os, row.os_source), (Some(short("Linux")), Some("user agent")));
    }

    #[test]
    fn a_made_up_address_has_no_maker_and_may_be_an_earlier_one() {
        let mut lan = Lan::new();
        let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/oui.bin")).unwrap();
        lan.devices.set_vendors(Vendors::parse(file).ok().map(Arc::new));
        lan.seen(LAPTOP, 5, 1);
        lan.seen(PHONE, 6, 1);
        lan.name(PHONE, NameSource::Dhcp, "Anns-Phone", 2);
        lan.seen(AGAIN, 7, 500);
        lan.name(AGAIN, NameSource::Dhcp, "anns-phone", 500);
        let (laptop, phone, again) = (lan.row(LAPTOP), lan.row(PHONE), lan.row(AGAIN));
        assert_eq!((laptop.vendor.as_deref(), laptop.is_random), (Some("Dell"), Some(0)));
        assert_eq!((phone.vendor.as_deref(), phone.is_random, phone.merge_with), (None, Some(1), None));
        assert_eq!(again.merge_with, Some(Device::Mac(PHONE)));
    }

    #[test]
    fn a_flood_of_devices_waits_for_its_makers() {
        let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/oui.bin")).unwrap();
        let mut devices = Devices::new(2_000);
        devices.set_vendors(Vendors::parse(file).ok().map(Arc::new));
        let mut out = Vec::new();
        for n in 0..1_200_u16 {
            let [high, low] = n.to_be_bytes();
            let mac = [0x00, 0x1d, 0x09, 0, high, low];
            let address = IpAddr::from([10, 0, high, low]);
            devices.seen(Device::Mac(Mac(mac)), Some(mac), address, Time::from_secs(1), &mut out);
        }
        let mut with_maker = |minute: u64| {
            out.clear();
            devices.report(Time::from_secs(minute * 60), &mut out);
            let rows =
                out.iter().filter(|record| matches!(record, Record::Thing(row) if row.vendor.is_some()));
            rows.count()
        };
        // Of those that were not written at once.
        assert_eq!((with_maker(1), with_maker(2)), (984, 200));
    }

    #[test]
    fn two_of_one_name_at_the_same_time_or_of_a_common_one_are_two() {
        let mut lan = Lan::new();
        lan.seen(PHONE, 6, 1);
        lan.name(PHONE, NameSource::Dhcp, "anns-phone", 2);
        lan.seen(AGAIN, 7, 500);
        lan.seen(PHONE, 6, 501);
        lan.name(AGAIN, NameSource::Dhcp, "anns-phone", 502);
        assert_eq!(lan.row(AGAIN).merge_with, None);
        let mut lan = Lan::new();
        lan.seen(PHONE, 6, 1);
        lan.name(PHONE, NameSource::Dhcp, "iPhone", 2);
        lan.seen(AGAIN, 7, 500);
        lan.name(AGAIN, NameSource::Dhcp, "iPhone", 502);
        assert_eq!(lan.row(AGAIN).merge_with, None);
    }

    #[test]
    fn nobody_is_named_who_was_not_seen() {
        let mut lan = Lan::new();
        lan.name(LAPTOP, NameSource::Dhcp, "laptop", 1);
        assert_eq!(lan.devices.len(), 0);
    }
}
