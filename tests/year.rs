//! A year of a large household: 25 devices with 40 apps each a day. Its volumes
//! fit where config.toml has room for them, and none is lost.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Chance, LOOSE};
use rusqlite::Connection;
use weir::record::{Device, Ids, Mac, Record, Traffic};
use weir::store::Bounds;
use weir::store::Store;
use weir::store::sqlite::Sqlite;
use weir::time::Time;

const DAY: u64 = 86_400;
const DEVICES: usize = 25;
const APPS_A_DAY: usize = 40;

/// 2025-01-01.
const BEGIN: u64 = 1_735_689_600;

/// What a year may take, in bytes.
const MOST: u64 = 20_000_000;

/// A household whose devices have 60 apps each, of which they use 40 a day.
struct Household {
    chance: Chance,
    ids: Ids,
    /// What was written, to be compared with what is kept.
    counted: [u64; 5],
}

impl Household {
    /// From kilobytes to a gigabyte, as much of each size.
    fn bytes(&mut self) -> u64 {
        let bits = 10 + self.chance.below(20);
        (1 << bits) + self.chance.below(1 << bits) as u64
    }

    /// Volumes of a day, each app in as many hours, with as many minutes in each.
    fn day(&mut self, day: u64, hours: usize, minutes: usize) -> Vec<Record> {
        let mut uses = Vec::new();
        for device in 0..DEVICES {
            let one = self.chance.below(60);
            for n in 0..APPS_A_DAY {
                let app = (device * 7 + (one + n * 7) % 60) % 300;
                let first = 7 + self.chance.below(17 - hours);
                for hour in first..first + hours {
                    let begin = self.chance.below(60 - minutes);
                    uses.extend((begin..begin + minutes).map(|minute| (hour * 60 + minute, device, app)));
                }
            }
        }
        uses.sort_unstable();
        uses.dedup();
        uses.into_iter()
            .map(|(minute, device, app)| self.row(day, minute as u64, device as u8, app))
            .collect()
    }

    fn row(&mut self, day: u64, minute: u64, device: u8, app: usize) -> Record {
        let time = Time::from_secs(BEGIN + day * DAY + minute * 60);
        let bytes_in = self.bytes();
        let row = Traffic {
            id: self.ids.next(time, self.chance.next()),
            time,
            device: Device::Mac(Mac([2, 0x42, 0xac, 0x11, 0, device])),
            app: (app > 0).then(|| format!("An app by name {app}").into()),
            bytes_out: bytes_in / 12,
            bytes_in,
            packets: bytes_in / 700 + 1,
            sessions: self.chance.below(20) as u32,
            active_seconds: self.chance.below(60) as u32,
        };
        let one = [row.bytes_out, row.bytes_in, row.packets, row.sessions.into(), row.active_seconds.into()];
        for (sum, one) in self.counted.iter_mut().zip(one) {
            *sum += one;
        }
        Record::from(row)
    }
}

fn number(path: &Path, sql: &str) -> u64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap() as u64
}

#[test]
fn a_year_by_device_and_app_fits_twenty_megabytes() {
    let folder = common::folder("year");
    let path = folder.join("weir.db");
    let bounds = Bounds { keep: Duration::from_secs(30 * DAY), ..LOOSE };
    let mut store = Sqlite::open(&path, bounds).unwrap();
    let mut house = Household { chance: Chance(1), ids: Ids::default(), counted: [0; 5] };
    for day in 0..365 {
        // As finely as it is going to be kept at the end; what becomes a day
        // anyway need not come in minutes.
        let (hours, minutes) = match 364 - day {
            0..=2 => (4, 4),
            3..=31 => (4, 1),
            _ => (1, 1),
        };
        for batch in house.day(day, hours, minutes).chunks(5_000) {
            store.write(batch).unwrap();
        }
        store.keep(Time::from_secs(BEGIN + (day + 1) * DAY)).unwrap();
    }
    drop(store);
    let tables = ["traffic", "traffic_hour", "traffic_day", "traffic_month"];
    let counts = tables.map(|table| number(&path, &format!("SELECT COUNT(*) FROM {table}")));
    println!("rows by minute, hour, day and month: {counts:?}");
    println!("rows of sums: {}", number(&path, "SELECT COUNT(*) FROM traffic_sum"));
    let columns = ["bytes_out", "bytes_in", "packets", "sessions", "active_seconds"];
    let kept: [u64; 5] = columns.map(|column| {
        tables
            .iter()
            .map(|table| number(&path, &format!("SELECT COALESCE(SUM({column}), 0) FROM {table}")))
            .sum()
    });
    assert_eq!(house.counted, kept, "nothing is lost and nothing twice");
    let size = fs::metadata(&path).unwrap().len();
    println!("the database: {size} bytes");
    Connection::open(&path)
        .unwrap()
        .execute("VACUUM INTO ?", [folder.join("copy.db").to_str().unwrap()])
        .unwrap();
    let copy = fs::metadata(folder.join("copy.db")).unwrap().len();
    println!("a copy of it: {copy} bytes");
    assert!(size <= MOST, "{size}");
    fs::remove_dir_all(folder).unwrap();
}
