use std::collections::BTreeMap;

use rusqlite::Connection;

use super::*;
use crate::record::{Device, Ids, ROLLUPS, Traffic, create};
use crate::store::sqlite::Sqlite;
use crate::store::{Bounds, Store};

pub const DAY: u64 = 86_400;

pub const PLAN: Plan = Plan {
    minutes: Duration::from_secs(2 * DAY),
    hours: Duration::from_secs(30 * DAY),
    days: Duration::from_secs(400 * DAY),
    months: Duration::from_secs(3_650 * DAY),
    max_pairs: 2_000,
    share: 75,
    zone: utc,
};

/// 2024-01-01.
pub const BEGIN: u64 = 1_704_067_200;

pub fn memory() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for table in ROLLUPS.iter().chain([&Traffic::TABLE]) {
        for statement in create(table, Dialect::Sqlite) {
            connection.execute(&statement, ()).unwrap();
        }
    }
    connection
}

/// Volumes whose numbers are told by `n`.
pub fn volume(ids: &mut Ids, secs: u64, device: u8, app: Option<&str>, n: u64) -> Traffic {
    let time = Time::from_secs(secs).minute();
    Traffic {
        id: ids.next(time, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        time,
        device: Device::Ip([10, 0, 0, device].into()),
        app: app.map(Into::into),
        bytes_out: n,
        bytes_in: n * 10,
        packets: n % 100,
        sessions: (n % 3) as u32,
        active_seconds: (n % 60) as u32,
    }
}

pub fn write(connection: &Connection, rows: &[Traffic]) {
    let records: Vec<Record> = rows.iter().cloned().map(Record::from).collect();
    let late = late(&mut &*connection, utc, &records).unwrap();
    sums::changed(&mut &*connection, &PLAN, &records, &late).unwrap();
    let sql = crate::record::upsert(&Traffic::TABLE, 1, Dialect::Sqlite);
    for record in records.iter().filter(|record| !late.has(record)) {
        let mut values = Vec::new();
        record.values(&mut |value| {
            use crate::record::Value;
            use rusqlite::types::Value as Sql;
            values.push(match value {
                Value::Null => Sql::Null,
                Value::Int(number) => Sql::Integer(number),
                Value::Text(text) => Sql::Text(text.into()),
                Value::Short(text) => Sql::Text(text.to_string()),
            });
        });
        connection.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
    }
}

type Sums = BTreeMap<(String, Option<String>), [i64; 5]>;

/// What all tables hold together, by device and app.
fn sums(connection: &Connection) -> Sums {
    let counts = COUNTS.join(", ");
    let tables = [Step::Hour, Step::Day, Step::Month].map(|step| {
        let table = step.table();
        format!(
            " UNION ALL SELECT COALESCE(d.name, ''), a.name, {counts} FROM {table}
              LEFT JOIN rollup_name d ON d.id = device LEFT JOIN rollup_name a ON a.id = app"
        )
    });
    let all = format!("SELECT device, app, {counts} FROM traffic {}", tables.join(""));
    let mut sums = Sums::new();
    let mut statement = connection.prepare(&all).unwrap();
    let mut rows = statement.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let sum = sums.entry((row.get(0).unwrap(), row.get(1).unwrap())).or_default();
        for (n, one) in sum.iter_mut().enumerate() {
            *one += row.get::<_, i64>(n + 2).unwrap();
        }
    }
    sums
}

fn total(sums: &Sums) -> [i64; 5] {
    sums.values().fold([0; 5], |total, one| std::array::from_fn(|n| total[n] + one[n]))
}

fn expected(rows: &[Traffic]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let sum = sums.entry((row.device.to_string(), row.app.as_deref().map(Into::into))).or_default();
        let one = [row.bytes_out, row.bytes_in, row.packets, row.sessions.into(), row.active_seconds.into()];
        for (sum, one) in sum.iter_mut().zip(one) {
            *sum += one as i64;
        }
    }
    sums
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

pub const APPS: [Option<&str>; 4] = [None, Some("QQ"), Some("10.0.0.1"), Some("微信")];

#[test]
fn what_all_steps_hold_is_what_was_counted() {
    let connection = memory();
    let (mut ids, mut all) = (Ids::default(), Vec::new());
    let mut steps = [0; 4];
    // Every five hours for three years.
    for (n, secs) in (BEGIN..BEGIN + 3 * 365 * DAY).step_by(5 * 3_600).enumerate() {
        let rows: Vec<_> = (0..8)
            .map(|k| {
                volume(
                    &mut ids,
                    secs + k * 60,
                    (k % 3) as u8,
                    APPS[(n + k as usize) % 4],
                    1_000 * n as u64 + k,
                )
            })
            .collect();
        write(&connection, &rows);
        all.extend(rows);
        fold(&mut &connection, &PLAN, Time::from_secs(secs + 600)).unwrap();
        if n % 500 == 0 {
            assert_eq!(sums(&connection), expected(&all), "after {n}");
        }
    }
    assert_eq!(sums(&connection), expected(&all));
    for (table, count_of) in
        ["traffic", "traffic_hour", "traffic_day", "traffic_month"].iter().zip(&mut steps)
    {
        *count_of = count(&connection, table);
    }
    // Two days of minutes, a month of hours, 400 days and what was before.
    assert!(steps[0] < 8 * 11 && (1_000..1_700).contains(&steps[1]), "{steps:?}");
    assert!((4_000..4_900).contains(&steps[2]) && (220..300).contains(&steps[3]), "{steps:?}");
    // Once more, and nothing changes.
    let end = Time::from_secs(BEGIN + 3 * 365 * DAY);
    fold(&mut &connection, &PLAN, end).unwrap();
    assert_eq!(fold(&mut &connection, &PLAN, end).unwrap(), 0);
    assert_eq!(sums(&connection), expected(&all));
}

#[test]
fn what_is_written_again_after_it_was_folded_counts_once() {
    let connection = memory();
    let mut ids = Ids::default();
    let old: Vec<_> =
        (0..3_000).map(|n| volume(&mut ids, BEGIN + n * 600, 1, APPS[n as usize % 4], n)).collect();
    write(&connection, &old);
    write(&connection, &old);
    for days in [0, 3, 40, 500] {
        fold(&mut &connection, &PLAN, Time::from_secs(BEGIN + 3_000 * 600 + days * DAY)).unwrap();
        write(&connection, &old);
        assert_eq!(sums(&connection), expected(&old), "after {days} days");
    }
    // What was never seen is taken, however old it is, and what is new anyway.
    let mut all = old;
    all.push(volume(&mut ids, BEGIN - 100 * DAY, 2, None, 7));
    all.push(volume(&mut ids, BEGIN + 600 * DAY, 2, Some("QQ"), 8));
    write(&connection, &all);
    assert_eq!(sums(&connection), expected(&all));
}

#[test]
fn sessions_that_are_named_again_leave_the_volumes_as_they_were() {
    let folder = crate::store::sqlite::tests::folder("rollup-relabel");
    let bounds = Bounds { keep: Duration::from_secs(DAY), max_size: 1 << 40, rollup: PLAN, write_budget: 0 };
    let mut store = Sqlite::open(&folder.join("w.db"), bounds).unwrap();
    let mut ids = Ids::default();
    let all: Vec<_> =
        (0..2_000).map(|n| volume(&mut ids, BEGIN + n * 600, 1, APPS[n as usize % 4], n)).collect();
    store.write(&all.iter().cloned().map(Record::from).collect::<Vec<_>>()).unwrap();
    store.keep(Time::from_secs(BEGIN + 20 * DAY)).unwrap();
    store.relabel(Time::ZERO, &mut |_| Some("Another".into())).unwrap();
    store.keep(Time::from_secs(BEGIN + 90 * DAY)).unwrap();
    assert_eq!(sums(store.connection()), expected(&all));
    assert_eq!(count(store.connection(), "traffic"), 0, "keep_days is not for volumes");
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_attack_with_many_devices_keeps_the_sums_and_the_bound() {
    let plan = Plan { max_pairs: 50, ..PLAN };
    let connection = memory();
    let (mut ids, mut all) = (Ids::default(), Vec::new());
    for n in 0..12_000_u64 {
        let mut row = volume(&mut ids, BEGIN + n / 6, 0, None, n);
        row.device = Device::Ip([10, 1, (n >> 8) as u8, n as u8].into());
        all.push(row);
    }
    write(&connection, &all);
    for days in [3, 40, 500] {
        fold(&mut &connection, &plan, Time::from_secs(BEGIN + days * DAY)).unwrap();
        assert_eq!(total(&sums(&connection)), total(&expected(&all)));
        for table in ["traffic_hour", "traffic_day", "traffic_month"] {
            let most = format!("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM {table} GROUP BY time)");
            let most: Option<i64> = connection.query_row(&most, (), |row| row.get(0)).unwrap();
            assert!(most.unwrap_or(0) <= 50, "{table} {most:?}");
        }
        let names = count(&connection, "rollup_name");
        assert!(names <= 100, "{names} names");
    }
    // The largest are still told apart.
    let largest = ("10.1.46.223".to_owned(), None);
    assert_eq!(sums(&connection)[&largest], expected(&all)[&largest]);
}

#[test]
fn an_error_in_the_middle_leaves_the_sums_as_they_were() {
    let connection = memory();
    let mut ids = Ids::default();
    let all: Vec<_> =
        (0..400).map(|n| volume(&mut ids, BEGIN + n * 60, 1, APPS[n as usize % 4], n)).collect();
    write(&connection, &all);
    connection
        .execute_batch("CREATE TRIGGER t BEFORE DELETE ON traffic WHEN OLD.bytes_out = 300 BEGIN SELECT RAISE(ABORT, 'no'); END")
        .unwrap();
    let now = Time::from_secs(BEGIN + 3 * DAY);
    assert!(fold(&mut &connection, &PLAN, now).is_err());
    assert!(count(&connection, "traffic_hour") > 0 && count(&connection, "traffic") > 0);
    assert_eq!(sums(&connection), expected(&all));
    connection.execute_batch("DROP TRIGGER t").unwrap();
    fold(&mut &connection, &PLAN, now).unwrap();
    assert_eq!((sums(&connection), count(&connection, "traffic")), (expected(&all), 0));
}

#[test]
fn too_many_rows_become_fewer_before_their_time() {
    let connection = memory();
    let (mut ids, mut all) = (Ids::default(), Vec::new());
    for n in 0..60 * 24 {
        all.push(volume(&mut ids, BEGIN + n * 3_600, 1, APPS[n as usize % 4], n));
    }
    write(&connection, &all);
    let now = Time::from_secs(BEGIN + 62 * DAY);
    fold(&mut &connection, &PLAN, now).unwrap();
    let before = rows(&mut &connection).unwrap();
    squeeze(&mut &connection, &PLAN, now, before * 9 / 10).unwrap();
    assert!(rows(&mut &connection).unwrap() <= before * 9 / 10 && count(&connection, "traffic_hour") > 400);
    assert_eq!(sums(&connection), expected(&all));
    squeeze(&mut &connection, &PLAN, now, 140).unwrap();
    assert!(count(&connection, "traffic_month") > 0 && rows(&mut &connection).unwrap() <= 140);
    assert_eq!(sums(&connection), expected(&all));
    squeeze(&mut &connection, &PLAN, now, 0).unwrap();
    assert_eq!(rows(&mut &connection).unwrap(), 0, "and then the oldest go");
}

#[test]
fn a_full_database_gives_up_details_before_volumes() {
    let folder = crate::store::sqlite::tests::folder("rollup-full");
    let bounds =
        Bounds { keep: Duration::from_secs(365 * DAY), max_size: 500_000, rollup: PLAN, write_budget: 0 };
    let mut store = Sqlite::open(&folder.join("w.db"), bounds).unwrap();
    let mut ids = Ids::default();
    let mut bytes = 0;
    for day in 0..10 {
        let mut records: Vec<_> = (0..2_000)
            .map(|n| crate::store::sqlite::tests::health(&mut ids, BEGIN + day * DAY + n, n))
            .collect();
        let mut own = Ids::default();
        for n in 0..200 {
            let row = volume(&mut own, BEGIN + day * DAY + n * 60, (n % 20) as u8, APPS[n as usize % 4], n);
            bytes += row.bytes_in;
            records.push(row.into());
        }
        store.write(&records).unwrap();
        store.keep(Time::from_secs(BEGIN + day * DAY + 4_000)).unwrap();
    }
    assert!(store.size().unwrap() <= bounds.max_size);
    let left = crate::store::sqlite::tests::count(&store, "health");
    assert!((1_000..20_000).contains(&left), "{left}");
    let kept: i64 = sums(store.connection()).values().map(|one| one[1]).sum();
    assert_eq!(kept, bytes as i64);
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}
