//! SQLite and a real MariaDB hold the same rows, and MariaDB may come and go.
#![cfg(feature = "mariadb")]

mod common;
#[path = "common/mariadb.rs"]
mod mariadb;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, Value};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use weir::config::Config;
use weir::engine::{Engine, Options};
use weir::record::{
    Coverage, Device, Health, Ids, Label, Name, ROLLUPS, Record, Router, Stop, TABLES, Table, Traffic,
};
use weir::rules::Rules;
use weir::source::{CaptureFile, Source, State};
use weir::store::mariadb::Mariadb;
use weir::store::rollup::Plan;
use weir::store::sqlite::Sqlite;
use weir::store::{Bounds, Error, Labelled, Store, queue};
use weir::time::Time;

use common::LOOSE;
use mariadb::Server;

type Cells = Vec<Option<String>>;

/// All records that reading the captures at `paths` gives.
fn records(paths: &[std::path::PathBuf]) -> Vec<Record> {
    let mut text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("features.txt")).unwrap();
    // The captures of the cases know this domain only.
    text.extend(b"Example:[;;;example.com;]\n");
    let rules = Rules::parse(&text, 100_000).unwrap();
    let options = Options { details: true, ..Config::default().engine() };
    let mut engine = Engine::new(options, Arc::new(rules));
    let mut all = Vec::new();
    for path in paths {
        let mut file = CaptureFile::open(path).unwrap();
        let iface = engine.interface("");
        while let Ok(State::More) = file.read(1000, &mut |frame| {
            engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire);
        }) {
            all.extend(engine.drain());
        }
    }
    while engine.finish() {}
    all.extend(engine.drain());
    // What only a daemon has to tell.
    let (mut ids, device) = (Ids::default(), Device::Ip([192, 168, 1, 7].into()));
    let now = Time::from_secs(1_780_000_000);
    let router = Router { name: "barn".into(), version: "1", first: now, last: now, ahead_ms: Some(-7) };
    all.push(router.into());
    let alias = Some("Ann's “平板” \\ '".into());
    let (icon, grp, part_of) = (Some("tablet".into()), None, Some(Device::Ip([192, 168, 1, 8].into())));
    all.push(Label { device, alias, icon, grp, part_of, level: "domain", changed: now }.into());
    for n in 0..20 {
        let time = Time::from_secs(1_780_000_000 + n);
        all.push(Record::from(Coverage {
            id: ids.next(time, n),
            time,
            iface: "br-lan".into(),
            bytes_line: u64::from(u32::MAX) + n,
            bytes_seen: n,
            bytes_unnamed: 0,
        }));
        all.push(Record::from(Stop {
            id: ids.next(time, n),
            time,
            last: time,
            policy: "night's “rest” 晚上".into(),
            action: "stopped",
            reason: "schedule",
            device,
            app: (n % 2 == 0).then(|| "Tube".into()),
            host: (n % 3 == 0).then(|| Name("tube.example".into())),
            sessions: n as u32,
        }));
    }
    all
}

fn select(table: &Table, quote: char) -> String {
    let columns: Vec<_> =
        table.columns.iter().map(|column| format!("{quote}{}{quote}", column.name)).collect();
    let order = columns[..table.keys].join(",");
    format!("SELECT {} FROM {quote}{}{quote} ORDER BY {order}", columns.join(","), table.name)
}

fn sqlite_rows(path: &Path, table: &Table) -> Vec<Cells> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(&select(table, '"')).unwrap();
    let rows = statement.query_map((), |row| {
        let cell = |place| match row.get_ref_unwrap(place) {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        };
        Ok((0..table.columns.len()).map(cell).collect())
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn mariadb_rows(server: &Server, table: &Table) -> Vec<Cells> {
    let options = OptsBuilder::default()
        .socket(Some(server.socket().display().to_string()))
        .user(Some("weir"))
        .pass(Some("secret"))
        .db_name(Some("weir"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = Conn::new(options).await.unwrap();
        let rows: Vec<Row> = connection.exec(select(table, '`'), ()).await.unwrap();
        let cell = |value: Value| match value {
            Value::NULL => None,
            Value::Int(number) => Some(number.to_string()),
            Value::UInt(number) => Some(number.to_string()),
            Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap()),
            other => panic!("{other:?}"),
        };
        let rows = rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect();
        connection.disconnect().await.unwrap();
        rows
    })
}

#[test]
fn both_databases_hold_the_same_rows_however_often_they_are_written() {
    let folder = common::folder("same-rows");
    let server = Server::start(&folder);
    let path = folder.join("weir.db");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let corpus = common::corpus();
    let has_all = corpus.is_some();
    let mut captures = corpus.unwrap_or_default();
    captures.extend(fs::read_dir(cases).unwrap().filter_map(|entry| {
        let folder = entry.unwrap().path();
        let capture = folder.join("capture.pcap");
        capture.exists().then_some(capture)
    }));
    let records = records(&captures);
    let kinds = |table: &Table| records.iter().filter(|record| record.table().name == table.name).count();
    assert!(records.len() > 500);
    for round in 0..2 {
        let mut sqlite = Sqlite::open(&path, LOOSE).unwrap();
        let mut mariadb = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
        for batch in records.chunks(1000) {
            sqlite.write(batch).unwrap();
            mariadb.write(batch).unwrap();
        }
        drop(sqlite);
        for table in TABLES.iter().filter(|table| table.name != "health") {
            let (ours, theirs) = (sqlite_rows(&path, table), mariadb_rows(&server, table));
            // Captures of some protocols are in the corpus only.
            assert!(!ours.is_empty() || !has_all && kinds(table) == 0, "{}", table.name);
            assert!(ours.len() <= kinds(table), "{}", table.name);
            assert_eq!(ours.len(), theirs.len(), "{} in round {round}", table.name);
            for (one, other) in ours.iter().zip(&theirs) {
                assert_eq!(one, other, "{}", table.name);
            }
            println!("{}: {} rows are the same", table.name, ours.len());
        }
    }
    forget_one(&path, &server, Device::Ip([192, 168, 1, 7].into()));
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

/// Of a device that is to be forgotten nothing stays but what people say of it,
/// and of others everything does.
fn forget_one(path: &Path, server: &Server, device: Device) {
    let count = |rows: &[Cells], table: &Table| {
        let column = table.columns.iter().position(|column| column.name == "device");
        let of = |row: &&Cells| column.is_some_and(|place| row[place].as_deref() == Some(&*device.text()));
        (rows.len(), rows.iter().filter(of).count())
    };
    let before: Vec<_> = TABLES.iter().map(|table| count(&sqlite_rows(path, table), table)).collect();
    let mut sqlite = Sqlite::open(path, LOOSE).unwrap();
    let mut mariadb = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
    let gone = sqlite.purge(&device).unwrap();
    assert_eq!((mariadb.purge(&device).unwrap(), sqlite.purge(&device).unwrap()), (gone, 0));
    for (table, (all, own)) in TABLES.iter().zip(before) {
        let kept = if table.name == "label" { all } else { all - own };
        for rows in [sqlite_rows(path, table), mariadb_rows(server, table)] {
            assert_eq!(rows.len(), kept, "{}", table.name);
        }
    }
    assert!(gone >= 20, "{gone}");
}

fn health(ids: &mut Ids, count: u64) -> Vec<Record> {
    let row = |n| {
        let time = Time::from_secs(1_700_000_000 + n);
        Record::from(Health {
            id: ids.next(time, n),
            time,
            stage: "test".into(),
            offered: n,
            lost: 0,
            flash_bytes: 0,
            flash_held: 0,
        })
    };
    (0..count).map(row).collect()
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_every_row_once() {
    let folder = common::folder("outage");
    let mut server = Server::start(&folder);
    let store = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
    let (queue, writer) = queue(store, 10_000);
    let thread = std::thread::spawn(move || drop(writer.run()));
    let rows = health(&mut Ids::default(), 3_000);
    let now = Time::from_secs(1_700_000_000);
    queue.send(now, rows[..1_000].to_vec());
    let written = |count| {
        common::until("rows are written", || {
            let meter = queue.meter();
            assert_eq!(meter.lost, 0, "{meter:?}");
            meter.written >= count
        });
    };
    written(1_000);
    server.kill();
    queue.send(now, rows[1_000..2_000].to_vec());
    queue.send(now, rows[2_000..].to_vec());
    common::until("the loss is noticed", || queue.meter().trouble.is_some());
    assert_eq!(queue.meter().waiting, 2_000);
    server.resume();
    written(3_000);
    let meter = queue.meter();
    assert_eq!((meter.offered, meter.lost, meter.waiting, meter.trouble), (3_000, 0, 0, None));
    drop(queue);
    thread.join().unwrap();
    assert_eq!(server.sql("SELECT COUNT(*), SUM(offered) FROM weir.health").trim(), "3000\t4498500");
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_second_look_at_the_database_does_not_unlock_the_first() {
    let folder = common::folder("looked-at");
    let path = folder.join("weir.db");
    let mut store = Sqlite::open(&path, LOOSE).unwrap();
    let rows = health(&mut Ids::default(), 20);
    store.write(&rows[..10]).unwrap();
    // As the daemon does for policies and devices.
    drop(Sqlite::open(&path, LOOSE).unwrap());
    // A page comes, looks, and goes: in a process of its own.
    let look = || {
        let script = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM health').fetchone())";
        let done = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        String::from_utf8_lossy(&done.stdout).trim().parse::<usize>().unwrap()
    };
    assert_eq!(look(), 10);
    store.write(&rows[10..]).unwrap();
    assert_eq!(look(), 20);
    drop(store);
    assert_eq!(look(), 20);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_router_says_how_far_its_clock_is_from_the_servers() {
    let folder = common::folder("clocks");
    let server = Server::start(&folder);
    let mut store = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
    let row = |name: &str, last, ahead_ms| {
        let (name, last) = (name.into(), Time::from_secs(last));
        Record::from(Router { name, version: "1", first: last, last, ahead_ms })
    };
    // One that was called otherwise before, and this one.
    store.write(&[row("old", 1, Some(7)), row("barn", 2, None)]).unwrap();
    let read = |sql: &str| server.sql(sql).trim().parse::<i64>().unwrap();
    let clock = || read("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)") as u64;
    for (ahead, sign) in [(3_600_000_i64, 1), (3_600_000, -1)] {
        let now = clock().checked_add_signed(sign * ahead * 1000).unwrap();
        store.keep(Time::from_micros(now)).unwrap();
        // The server's clock went on meanwhile.
        let told = read("SELECT ahead_ms FROM weir.router WHERE name = 'barn'");
        assert!((sign * ahead - 60_000..=sign * ahead).contains(&told), "{told}");
    }
    assert_eq!(read("SELECT ahead_ms FROM weir.router WHERE name = 'old'"), 7);
    // Written again, it stays known.
    store.write(&[row("barn", 3, None)]).unwrap();
    assert_eq!(read("SELECT ahead_ms IS NOT NULL FROM weir.router WHERE name = 'barn'"), 1);
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_wrong_with_the_account_or_the_database_is_said() {
    let folder = common::folder("account");
    let server = Server::start(&folder);
    let connect = |password| Mariadb::new(&server.account(password), LOOSE).unwrap().connect();
    let Err(Error::Fatal(text)) = connect("wrong") else { panic!() };
    assert!(text.contains("Access denied for user 'weir'") && !text.contains("wrong"), "{text}");
    connect("secret").unwrap();
    server.sql("UPDATE weir.meta SET value=99");
    let Err(Error::Fatal(text)) = connect("secret") else { panic!() };
    assert!(text.ends_with("was made by a newer Weir (schema 99, this one knows 2)"), "{text}");
    server.sql("UPDATE weir.meta SET value=0; ALTER TABLE weir.health DROP COLUMN lost");
    connect("secret").unwrap();
    let mut store = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
    let rows = health(&mut Ids::default(), 10);
    store.write(&rows).unwrap();
    server.sql("REVOKE ALL ON weir.* FROM weir@localhost; GRANT SELECT ON weir.* TO weir@localhost; FLUSH PRIVILEGES");
    assert!(matches!(connect("secret"), Err(Error::Fatal(text)) if text.contains("denied")));
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn old_rows_go_and_a_full_database_loses_its_oldest() {
    let folder = common::folder("keep");
    let server = Server::start(&folder);
    let bounds = Bounds { keep: Duration::from_secs(500), ..LOOSE };
    let mut store = Mariadb::new(&server.account("secret"), bounds).unwrap();
    store.write(&health(&mut Ids::default(), 1_000)).unwrap();
    let now = Time::from_secs(1_700_001_000);
    assert_eq!(store.keep(now).unwrap(), 500);
    let tight = Bounds { keep: Duration::from_secs(5_000), max_size: 1, ..LOOSE };
    let mut store = Mariadb::new(&server.account("secret"), tight).unwrap();
    let deleted = store.keep(now).unwrap();
    assert!((20..100).contains(&deleted), "the oldest sixteenth of the time, not {deleted}");
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn both_databases_are_named_again_alike() {
    let folder = common::folder("relabel");
    let server = Server::start(&folder);
    let path = folder.join("weir.db");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let captures: Vec<_> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("capture.pcap"))
        .filter(|capture| capture.exists())
        .collect();
    let mut records = records(&captures);
    // More than one part's worth, many of one time.
    let one = records.iter().find_map(|record| match record {
        Record::Session(row) => Some(row.clone()),
        _ => None,
    });
    let (one, mut ids) = (one.unwrap(), Ids::default());
    for n in 0..2_500 {
        let mut row = one.clone();
        row.id = ids.next(Time::from_secs(1_900_000_000), n << 53);
        row.last = Time::from_secs(1_900_000_000 + n / 700);
        row.server_port = (n % 50) as u16;
        records.push(Record::Session(row));
    }
    let mut sqlite = Sqlite::open(&path, LOOSE).unwrap();
    let mut mariadb = Mariadb::new(&server.account("secret"), LOOSE).unwrap();
    for batch in records.chunks(1000) {
        sqlite.write(batch).unwrap();
        mariadb.write(batch).unwrap();
    }
    for since in [Time::ZERO, Time::from_secs(1_900_000_001), Time::MAX] {
        let mut shown: [Vec<Labelled>; 2] = Default::default();
        let stores: [&mut dyn Store; 2] = [&mut sqlite, &mut mariadb];
        for (store, shown) in stores.into_iter().zip(&mut shown) {
            let mut looked_at = Vec::new();
            store.sessions(since, &mut |row| looked_at.push(row.clone())).unwrap();
            let mut namer = |row: &Labelled| {
                shown.push(row.clone());
                row.server_port.is_multiple_of(3).then(|| format!("{}-{}", row.proto, since.secs()).into())
            };
            store.relabel(since, &mut namer).unwrap();
            assert!(looked_at == *shown, "who only looks is shown what who names is");
        }
        assert_eq!(shown[0], shown[1]);
        println!("{} rows were shown", shown[0].len());
        assert_eq!(shown[0].is_empty(), since == Time::MAX);
    }
    let session = TABLES.iter().find(|table| table.name == "session").unwrap();
    assert_eq!(sqlite_rows(&path, session), mariadb_rows(&server, session));
    assert_ne!(server.sql("SELECT COUNT(*) FROM weir.session WHERE app LIKE '%-1900000001'").trim(), "0");
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}

/// Volumes of `day` days of some devices, four minutes of each six hours.
fn volumes(ids: &mut Ids, begin: u64, days: u64) -> Vec<Record> {
    let apps = [None, Some("QQ"), Some("微信"), Some("YouTube"), Some("10.0.0.1")];
    let mut rows = Vec::new();
    for minute in (0..days * 24 * 60).filter(|minute| minute % 360 < 4) {
        for device in 0..3 + minute % 7 {
            let n = minute * 31 + device * 17;
            let time = Time::from_secs(begin + minute * 60);
            rows.push(Record::from(Traffic {
                id: ids.next(time, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                time,
                device: Device::Ip([10, 0, 0, device as u8].into()),
                app: apps[(n % 5) as usize].map(Into::into),
                bytes_out: n << 20,
                bytes_in: n << 28,
                packets: n,
                sessions: (n % 9) as u32,
                active_seconds: (n % 60) as u32,
            }));
        }
    }
    rows
}

#[test]
fn both_databases_roll_volumes_up_alike() {
    let folder = common::folder("rollup");
    let server = Server::start(&folder);
    let path = folder.join("weir.db");
    // Little room, so that the smallest are put together too.
    let plan = Plan {
        max_pairs: 12,
        hours: Duration::from_secs(5 * 86_400),
        days: Duration::from_secs(40 * 86_400),
        ..common::PLAN
    };
    let bounds = Bounds { rollup: plan, ..LOOSE };
    let mut sqlite = Sqlite::open(&path, bounds).unwrap();
    let mut mariadb = Mariadb::new(&server.account("secret"), bounds).unwrap();
    let (mut ids, begin) = (Ids::default(), 1_700_000_000 / 86_400 * 86_400);
    let (mut sent, mut earlier) = (Vec::new(), Vec::new());
    for part in 0..9 {
        let records = volumes(&mut ids, begin + part * 10 * 86_400, 10);
        let now = Time::from_secs(begin + (part + 1) * 10 * 86_400);
        for store in [&mut sqlite as &mut dyn Store, &mut mariadb] {
            // A part that was sent before comes again, as after a restart.
            store.write(&earlier).unwrap();
            store.write(&records).unwrap();
            store.write(&records).unwrap();
            store.keep(now).unwrap();
            store.keep(now).unwrap();
        }
        sent.extend(records.iter().cloned());
        earlier = records;
    }
    let counted: u64 = sent
        .iter()
        .map(|record| match record {
            Record::Traffic(row) => row.bytes_in,
            _ => 0,
        })
        .sum();
    let mut held = 0;
    for table in ROLLUPS.iter().chain([&Traffic::TABLE]) {
        let ours = sqlite_rows(&path, table);
        assert_eq!(ours, mariadb_rows(&server, table), "{}", table.name);
        assert!(!ours.is_empty(), "{}", table.name);
        println!("{}: {} rows are the same", table.name, ours.len());
        // Sums are of what the other tables hold.
        let place = table.columns.iter().position(|column| column.name == "bytes_in");
        if let Some(place) = place.filter(|_| table.name != "traffic_sum") {
            held += ours.iter().map(|row| row[place].as_ref().unwrap().parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    assert_eq!(held, counted);
    // One app is called as this device is, and stays.
    let device = Device::Ip([10, 0, 0, 1].into());
    for store in [&mut sqlite as &mut dyn Store, &mut mariadb] {
        assert!(store.purge(&device).unwrap() > 0);
        assert_eq!(store.purge(&device).unwrap(), 0);
        store.sum_up(Time::from_secs(begin + 90 * 86_400)).unwrap();
    }
    for table in ROLLUPS {
        let ours = sqlite_rows(&path, table);
        assert_eq!(ours, mariadb_rows(&server, table), "{}", table.name);
        assert!(!ours.is_empty(), "{}", table.name);
    }
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}
