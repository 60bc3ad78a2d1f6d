//! What is known of each device: how much it moves, and whether it is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::record::{Device, Name, Record, Short, Thing, Traffic};
use crate::time::Time;

/// Devices at once; about 200 bytes each. Home automation shows each as a thing
/// of its own, nobody wants thousands.
const MOST: usize = 512;

/// Rows are of minutes.
const MINUTE: Duration = Duration::from_secs(60);

/// The row of a minute comes soon after its end.
const LATE: Duration = Duration::from_secs(90);

/// See the module's text.
#[derive(Default)]
pub struct Devices {
    known: HashMap<Device, State>,
}

struct State {
    /// What people call it, and who made it.
    name: Option<Name>,
    vendor: Option<Arc<str>>,
    address: Option<Short>,
    /// The minute that the volumes are of.
    minute: Time,
    bytes_up: u64,
    bytes_down: u64,
    /// Latest sign of it.
    seen: Time,
    /// What was told of it, if it was.
    told: Option<Json>,
    is_introduced: bool,
}

/// What is to be told of a device.
pub struct News {
    pub device: Device,
    /// What it is called, and who made it, where that is known.
    pub name: Option<Name>,
    pub vendor: Option<Arc<str>>,
    pub state: Json,
    /// It has not been told of before.
    pub is_new: bool,
}

impl Devices {
    /// Takes in a row; `false` for one of a device that there is no room for.
    pub fn add(&mut self, record: &Record) -> bool {
        match record {
            Record::Traffic(row) => self.traffic(row),
            Record::Thing(row) => self.thing(row),
            _ => true,
        }
    }

    fn traffic(&mut self, row: &Traffic) -> bool {
        let Some(state) = self.state(row.device) else { return false };
        if row.time != state.minute {
            (state.minute, state.bytes_up, state.bytes_down) = (row.time, 0, 0);
        }
        state.bytes_up = state.bytes_up.saturating_add(row.bytes_out);
        state.bytes_down = state.bytes_down.saturating_add(row.bytes_in);
        state.seen = state.seen.max(row.time + MINUTE);
        true
    }

    fn thing(&mut self, row: &Thing) -> bool {
        let Some(state) = self.state(row.device) else { return false };
        let address = row.ipv4.or(row.ipv6);
        state.address = address.map(|address| crate::record::short_address(&address)).or(state.address);
        if row.name.is_some() && row.name != state.name {
            // It is introduced anew, by its name.
            (state.told, state.is_introduced) = (None, false);
            state.name.clone_from(&row.name);
        }
        state.vendor = row.vendor.clone().or(state.vendor.take());
        state.seen = state.seen.max(row.last);
        true
    }

    fn state(&mut self, device: Device) -> Option<&mut State> {
        if self.known.len() >= MOST && !self.known.contains_key(&device) {
            return None;
        }
        Some(self.known.entry(device).or_insert_with(|| State {
            name: None,
            vendor: None,
            address: None,
            minute: Time::ZERO,
            bytes_up: 0,
            bytes_down: 0,
            seen: Time::ZERO,
            told: None,
            is_introduced: false,
        }))
    }

    /// What differs from what was told, at `now`.
    pub fn news(&self, now: Time, away_after: Duration) -> Vec<News> {
        let states = self.known.iter().map(|(device, state)| (device, state, state.shown(now, away_after)));
        let news = states.filter(|(_, state, shown)| state.told.as_ref() != Some(shown));
        let mut news: Vec<_> = news
            .map(|(device, known, state)| News {
                device: *device,
                name: known.name.clone(),
                vendor: known.vendor.clone(),
                state,
                is_new: !known.is_introduced,
            })
            .collect();
        news.sort_by_key(|news| news.device.text());
        news
    }

    /// That was told.
    pub fn told(&mut self, news: News) {
        if let Some(state) = self.known.get_mut(&news.device) {
            (state.told, state.is_introduced) = (Some(news.state), true);
        }
    }

    /// Nobody knows what the other end still has.
    pub fn untold(&mut self) {
        for state in self.known.values_mut() {
            (state.told, state.is_introduced) = (None, false);
        }
    }
}

impl State {
    fn shown(&self, now: Time, away_after: Duration) -> Json {
        let is_fresh = now.since(self.minute + MINUTE) < LATE;
        let rate = |bytes: u64| if is_fresh { bytes / MINUTE.as_secs() } else { 0 };
        json!({
            "up": rate(self.bytes_up),
            "down": rate(self.bytes_down),
            "present": now.since(self.seen) < away_after,
            "address": self.address.as_ref().map(|address| address.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Ids;

    const AWAY: Duration = Duration::from_secs(300);

    fn device(number: u32) -> Device {
        Device::Ip(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into())
    }

    fn traffic(number: u32, time: Time, bytes: u64) -> Record {
        let (id, device) = (Ids::default().next(time, 0), device(number));
        let row = Traffic {
            id,
            time,
            device,
            app: None,
            bytes_out: bytes,
            bytes_in: 60 * bytes,
            packets: 1,
            sessions: 1,
            active_seconds: 1,
        };
        row.into()
    }

    fn states(devices: &mut Devices, now: Time) -> Vec<(Json, bool)> {
        let news = devices.news(now, AWAY);
        news.into_iter()
            .map(|news| {
                let told = (news.state.clone(), news.is_new);
                devices.told(news);
                told
            })
            .collect()
    }

    #[test]
    fn volumes_of_a_minute_are_a_rate_until_it_is_silent_and_then_gone() {
        let (mut devices, begin) = (Devices::default(), Time::from_secs(1_700_000_040));
        assert!(devices.add(&traffic(1, begin, 60)) && devices.add(&traffic(1, begin, 60)));
        let after = |secs: u64| begin + Duration::from_secs(secs);
        let state = |up: u64, down: u64, present: bool| json!({"up": up, "down": down, "present": present, "address": null});
        assert_eq!(states(&mut devices, after(61)), [(state(2, 120, true), true)]);
        assert_eq!(states(&mut devices, after(70)), [], "nothing is told twice");
        assert!(devices.add(&traffic(1, after(60), 60)));
        assert_eq!(states(&mut devices, after(121)), [(state(1, 60, true), false)]);
        assert_eq!(states(&mut devices, after(300)), [(state(0, 0, true), false)]);
        assert_eq!(states(&mut devices, after(500)), [(state(0, 0, false), false)]);
        devices.untold();
        assert_eq!(states(&mut devices, after(500)), [(state(0, 0, false), true)]);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut devices = Devices::default();
        let kept = (0..1000).filter(|&n| devices.add(&traffic(n, Time::from_secs(60), 1))).count();
        assert_eq!(kept, MOST);
        assert!(devices.add(&traffic(0, Time::from_secs(120), 1)), "those that are known stay so");
    }
}
