//! The busiest devices and apps of the last hour, for who asks the daemon
//! instead of the database. By the rows of each minute, as they go to the store.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::record::{Device, Record, Traffic};
use crate::time::Time;

/// The hour is forgotten in pieces of this.
const PIECE: Duration = Duration::from_secs(600);
const PIECES: usize = 6;

/// Devices, and apps, counted in each piece; what comes when it is full counts
/// for the whole only. With all of them full that is about half a megabyte.
const MOST: usize = 512;

/// How many are told.
const TOLD: usize = 10;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Volume {
    bytes_in: u64,
    bytes_out: u64,
}

impl Volume {
    fn add(&mut self, other: Volume) {
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
    }

    fn both(self) -> u64 {
        self.bytes_in.saturating_add(self.bytes_out)
    }
}

struct Piece {
    begin: Time,
    all: Volume,
    devices: HashMap<Device, Volume>,
    apps: HashMap<Option<Arc<str>>, Volume>,
}

/// What went on lately.
#[derive(Default)]
pub struct Recent {
    pieces: VecDeque<Piece>,
    /// The latest minute that is complete, and its volume.
    minute: (Time, Volume),
}

impl Recent {
    /// Takes in what of `records` is volume.
    pub fn add(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Traffic(row) = record {
                self.row(row);
            }
        }
    }

    fn row(&mut self, row: &Traffic) {
        let volume = Volume { bytes_in: row.bytes_in, bytes_out: row.bytes_out };
        if row.time > self.minute.0 {
            self.minute = (row.time, Volume::default());
        }
        if row.time == self.minute.0 {
            self.minute.1.add(volume);
        }
        let step = PIECE.as_secs();
        let begin = Time::from_secs(row.time.secs() / step * step);
        if self.pieces.back().is_none_or(|piece| piece.begin < begin) {
            self.pieces.push_back(Piece {
                begin,
                all: Volume::default(),
                devices: HashMap::new(),
                apps: HashMap::new(),
            });
        }
        while self.pieces.len() > PIECES {
            self.pieces.pop_front();
        }
        // A clock that was set back is an hour of its own.
        let Some(piece) = self.pieces.iter_mut().rev().find(|piece| piece.begin <= begin) else {
            return self.pieces.clear();
        };
        piece.all.add(volume);
        count(&mut piece.devices, &row.device, volume);
        count(&mut piece.apps, &row.app, volume);
    }

    /// Forgets what is more than an hour before `now`.
    pub fn forget(&mut self, now: Time) {
        let begin = now.back(PIECE * PIECES as u32);
        while self.pieces.front().is_some_and(|piece| piece.begin < begin) {
            self.pieces.pop_front();
        }
    }

    /// As JSON: the whole, the busiest, and the latest minute. `title` gives an
    /// app's Chinese name.
    pub fn told(&self, now: Time, title: impl Fn(&str) -> Option<Arc<str>>) -> Value {
        let mut all = Volume::default();
        let mut devices = HashMap::new();
        let mut apps = HashMap::new();
        for piece in &self.pieces {
            all.add(piece.all);
            for (device, volume) in &piece.devices {
                devices.entry(*device).or_insert_with(Volume::default).add(*volume);
            }
            for (app, volume) in &piece.apps {
                apps.entry(app.clone()).or_insert_with(Volume::default).add(*volume);
            }
        }
        let numbers = (devices.len(), apps.keys().flatten().count());
        let devices: Vec<_> = busiest(devices)
            .map(|(device, volume)| {
                json!({"device": &*device.text(), "in": volume.bytes_in, "out": volume.bytes_out})
            })
            .collect();
        let apps: Vec<_> = busiest(apps)
            .map(|(app, volume)| {
                let chinese = app.as_deref().and_then(&title);
                json!({"app": app.as_deref(), "zh": chinese.as_deref(), "in": volume.bytes_in, "out": volume.bytes_out})
            })
            .collect();
        // A minute is told at its end; an older one says that nothing goes on.
        let is_fresh = now.since(self.minute.0) < Duration::from_secs(180);
        let minute = if is_fresh { self.minute.1 } else { Volume::default() };
        json!({
            "since": self.pieces.front().map(|piece| piece.begin.secs()),
            "minute": {"in": minute.bytes_in, "out": minute.bytes_out},
            "in": all.bytes_in, "out": all.bytes_out,
            "devices": {"number": numbers.0, "top": devices},
            "apps": {"number": numbers.1, "top": apps},
        })
    }
}

fn count<K: Hash + Eq + Clone>(sums: &mut HashMap<K, Volume>, key: &K, volume: Volume) {
    if let Some(sum) = sums.get_mut(key) {
        sum.add(volume);
    } else if sums.len() < MOST {
        sums.insert(key.clone(), volume);
    }
}

fn busiest<K>(sums: HashMap<K, Volume>) -> impl Iterator<Item = (K, Volume)> {
    let mut list: Vec<_> = sums.into_iter().collect();
    list.sort_by_key(|(_, volume)| std::cmp::Reverse(volume.both()));
    list.into_iter().take(TOLD)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::record::Ids;

    fn row(secs: u64, device: u32, app: Option<&str>, bytes: u64) -> Record {
        Record::from(Traffic {
            id: Ids::default().next(Time::from_secs(secs), 0),
            time: Time::from_secs(secs),
            device: Device::Ip(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + device))),
            app: app.map(Arc::from),
            bytes_out: bytes,
            bytes_in: 10 * bytes,
            packets: 1,
            sessions: 1,
            active_seconds: 1,
        })
    }

    fn told(recent: &Recent, secs: u64) -> Value {
        recent.told(Time::from_secs(secs), |app| (app == "QQ").then(|| "腾讯".into()))
    }

    #[test]
    fn the_busiest_come_first() {
        let mut recent = Recent::default();
        recent.add(&[row(6000, 1, Some("QQ"), 5), row(6000, 2, None, 7), row(6060, 1, Some("QQ"), 4)]);
        let now = told(&recent, 6121);
        assert_eq!((&now["in"], &now["out"], &now["since"]), (&json!(160), &json!(16), &json!(6000)));
        assert_eq!(now["minute"], json!({"in": 40, "out": 4}));
        assert_eq!(
            now["devices"],
            json!({"number": 2, "top": [
                {"device": "10.0.0.1", "in": 90, "out": 9}, {"device": "10.0.0.2", "in": 70, "out": 7},
            ]})
        );
        assert_eq!(
            now["apps"],
            json!({"number": 1, "top": [
                {"app": "QQ", "zh": "腾讯", "in": 90, "out": 9}, {"app": null, "zh": null, "in": 70, "out": 7},
            ]})
        );
        assert_eq!(told(&recent, 6300)["minute"], json!({"in": 0, "out": 0}), "nothing for minutes");
    }

    #[test]
    fn an_hour_is_what_there_is() {
        let mut recent = Recent::default();
        for minute in 0..600 {
            recent.add(&[row(minute * 60, 1, None, 1)]);
            recent.forget(Time::from_secs(minute * 60));
            assert!(recent.pieces.len() <= PIECES + 1);
        }
        assert_eq!(told(&recent, 36_000)["out"], 60);
        recent.forget(Time::from_secs(36_000 + 3600));
        assert_eq!(told(&recent, 39_600)["devices"], json!({"number": 0, "top": []}));
        // The clock goes back to 1970, and on.
        recent.add(&[row(36_000, 1, None, 1), row(0, 1, None, 1), row(60, 1, None, 1)]);
        assert_eq!(told(&recent, 120)["out"], 1);
    }

    #[test]
    fn many_strangers_take_no_more_room() {
        let mut recent = Recent::default();
        for device in 0..5000 {
            recent.add(&[row(600, device, Some(&format!("app{device}")), 1)]);
        }
        let now = told(&recent, 660);
        assert_eq!((&now["devices"]["number"], &now["out"]), (&json!(MOST), &json!(5000)));
        assert_eq!(now["apps"]["top"].as_array().unwrap().len(), TOLD);
    }
}
