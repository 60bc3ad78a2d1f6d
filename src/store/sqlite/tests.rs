use super::*;
use crate::record::{Device, Health, Ids, Thing};
use crate::store::rollup::tests::PLAN;

pub const LOOSE: Bounds =
    Bounds { keep: Duration::from_secs(86_400 * 30), max_size: 1 << 40, rollup: PLAN, write_budget: 0 };

pub fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("weir-sqlite-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

pub fn health(ids: &mut Ids, secs: u64, offered: u64) -> Record {
    let time = Time::from_secs(secs);
    Record::from(Health {
        id: ids.next(time, 0),
        time,
        stage: "engine".into(),
        offered,
        lost: 0,
        flash_bytes: 0,
        flash_held: 0,
    })
}

fn thing(last: u64, ipv4: Option<[u8; 4]>) -> Record {
    Record::from(Thing {
        device: Device::Ip([10, 0, 0, 1].into()),
        mac: None,
        ipv4: ipv4.map(Into::into),
        ipv6: None,
        vendor: None,
        name: None,
        name_source: None,
        os: None,
        os_source: None,
        kind: None,
        is_random: None,
        merge_with: None,
        first: Time::from_secs(last),
        last: Time::from_secs(last),
    })
}

pub fn count(store: &Sqlite, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    store.connection.query_row(&sql, (), |row| row.get(0)).unwrap()
}

#[test]
fn a_repeated_write_changes_nothing_and_an_older_row_neither() {
    let folder = folder("repeat");
    let mut store = Sqlite::open(&folder.join("w.db"), LOOSE).unwrap();
    let mut ids = Ids::default();
    let rows = [health(&mut ids, 1, 5), health(&mut ids, 2, 6), thing(50, Some([10, 0, 0, 1]))];
    for _ in 0..3 {
        store.write(&rows).unwrap();
    }
    store.write(&[thing(60, None)]).unwrap();
    store.write(&[thing(40, Some([9, 9, 9, 9]))]).unwrap();
    assert_eq!(count(&store, "health"), 2);
    let row: (String, i64, i64) = store
        .connection
        .query_row("SELECT ipv4, first, last FROM device", (), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .unwrap();
    assert_eq!(row, ("10.0.0.1".into(), 50_000_000, 60_000_000));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let folder = folder("whole");
    let mut store = Sqlite::open(&folder.join("w.db"), LOOSE).unwrap();
    store
        .connection
        .execute_batch("CREATE TRIGGER t BEFORE INSERT ON device BEGIN SELECT RAISE(ABORT, 'no'); END")
        .unwrap();
    let mut ids = Ids::default();
    let error = store.write(&[health(&mut ids, 1, 5), thing(50, None)]).unwrap_err();
    assert!(matches!(error, Error::Fatal(text) if text.ends_with("no")));
    assert_eq!(count(&store, "health"), 0);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_older_schema_is_brought_up_to_date_and_a_newer_one_refused() {
    let folder = folder("schema");
    let path = folder.join("w.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(&format!(
        "CREATE TABLE health (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, offered INTEGER NOT NULL);
         INSERT INTO health VALUES (7, 1, 5); PRAGMA application_id={APPLICATION}; PRAGMA user_version=0;"
    ))
    .unwrap();
    drop(old);
    let store = Sqlite::open(&path, LOOSE).unwrap();
    let row: (String, i64, i64) = store
        .connection
        .query_row("SELECT stage, offered, lost FROM health", (), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .unwrap();
    assert_eq!(row, (String::new(), 5, 0));
    assert_eq!(count(&store, "session"), 0);
    store.connection.execute_batch("PRAGMA user_version=99").unwrap();
    drop(store);
    let Err(Error::Fatal(text)) = Sqlite::open(&path, LOOSE) else { panic!() };
    let told = format!("was made by a newer Weir (schema 99, this one knows {VERSION})");
    assert!(text.ends_with(&told), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = folder("foreign");
    let text = folder.join("notes.txt");
    fs::write(&text, "nothing like a database, but long enough to have a header of that size\n".repeat(20))
        .unwrap();
    let foreign = folder.join("other.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    for (path, says) in [(&text, "not a database"), (&foreign, "database of another program")] {
        let before = fs::read(path).unwrap();
        let Err(Error::Fatal(told)) = Sqlite::open(path, LOOSE) else { panic!() };
        assert!(told.contains(says) && told.contains(path.to_str().unwrap()), "{told}");
        assert_eq!(fs::read(path).unwrap(), before);
    }
    let Err(Error::Fatal(told)) = Sqlite::open(&text.join("w.db"), LOOSE) else { panic!() };
    assert!(told.contains("notes.txt"), "{told}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn others_may_not_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("mode");
    let mut store = Sqlite::open(&folder.join("w.db"), LOOSE).unwrap();
    store.write(&[health(&mut Ids::default(), 1, 1)]).unwrap();
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() > 1, "the log is a file of its own");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o007, 0, "{file:?}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn sessions_are_named_again_from_a_time_on() {
    let folder = folder("relabel");
    let mut store = Sqlite::open(&folder.join("w.db"), LOOSE).unwrap();
    // 2,500 rows, three and three of them with the same time.
    store
        .connection
        .execute_batch(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 2499)
             INSERT INTO session (id, start, last, proto, client, client_port, server, server_port,
                 device, iface, packets_out, packets_in, bytes_out, bytes_in, tcp_flags_out,
                 tcp_flags_in, state, retransmissions, host, app)
             SELECT 5000 - n, 0, 1000000 + n / 3, 'udp', 'c', 5, 's', n % 10, 'd', '', 1, 1, 1, 1, 0,
                 0, 'x', 0, CASE WHEN n % 2 THEN 'a.io' END, CASE WHEN n % 5 = 0 THEN 'Old' END FROM n",
        )
        .unwrap();
    let (mut seen, mut olds) = (0, 0);
    let mut namer = |row: &Labelled| {
        seen += 1;
        olds += u32::from(row.app.is_some());
        assert_eq!((&*row.proto, row.client_port), ("udp", 5));
        (row.host.is_some() && row.app.is_none()).then(|| format!("P{}", row.server_port).into())
    };
    let since = Time::from_micros(1_000_100);
    store.relabel(since, &mut namer).unwrap();
    assert_eq!((seen, olds), (2_200, 440));
    let mut apps = Vec::new();
    let writer = Connection::open(folder.join("w.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.sessions(since, &mut |row| apps.push(row.app.is_some())).unwrap();
    assert_eq!((apps.len(), apps.iter().filter(|has| **has).count()), (2_200, 440 + 880));
    let mut shown = 0;
    let mut until = |_: &Labelled| {
        shown += 1;
        shown < 1_200
    };
    store.sessions_while(since, &mut until).unwrap();
    assert_eq!(shown, 1_200, "who has seen enough is shown no more");
    let named: Vec<(String, i64)> = store
        .connection
        .prepare("SELECT app, COUNT(*) FROM session WHERE app IS NOT NULL GROUP BY app")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let want = [("Old", 500), ("P1", 220), ("P3", 220), ("P7", 220), ("P9", 220)];
    assert_eq!(named, want.map(|(app, count)| (app.to_owned(), count)));
    let mut nothing = super::super::Nothing;
    assert!(matches!(nothing.relabel(Time::ZERO, &mut |_| None), Err(Error::Fatal(_))));
    assert!(matches!(nothing.sessions(Time::ZERO, &mut |_| ()), Err(Error::Fatal(_))));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn old_rows_go_and_a_full_database_loses_its_oldest() {
    let folder = folder("keep");
    let bounds = Bounds { keep: Duration::from_secs(1000), max_size: 400_000, ..LOOSE };
    let mut store = Sqlite::open(&folder.join("w.db"), bounds).unwrap();
    let mut ids = Ids::default();
    let rows: Vec<_> = (0..2_000).map(|n| health(&mut ids, n, n)).collect();
    store.write(&rows).unwrap();
    assert_eq!(store.keep(Time::from_secs(2_000)).unwrap(), 1_000);
    let rows: Vec<_> = (2_000..30_000).map(|n| health(&mut ids, 2_000 + n / 100, n)).collect();
    store.write(&rows).unwrap();
    assert!(store.size().unwrap() > bounds.max_size);
    store.keep(Time::from_secs(2_300)).unwrap();
    assert!(store.size().unwrap() <= bounds.max_size);
    let left = count(&store, "health");
    let newest: i64 = store.connection.query_row("SELECT MAX(time) FROM health", (), |r| r.get(0)).unwrap();
    assert!(left > 1_000 && newest == 2_299_000_000, "{left} {newest}");
    fs::remove_dir_all(folder).unwrap();
}

/// Bytes that this thread gave to write(2) and its like, if the kernel counts them.
fn given_to_write() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}

#[test]
fn what_is_written_to_lasting_storage_is_counted() {
    let folder = folder("wear");
    for mode in [Mode::Wal, Mode::Journal] {
        let mut store = Sqlite::open(&folder.join(format!("{mode:?}.db")), LOOSE).unwrap();
        place::set(&store.connection, mode).unwrap();
        (store.place.is_lasting, store.place.mode) = (true, mode);
        store.count();
        let (begun, at_first) = (given_to_write(), store.wear().total);
        let mut ids = Ids::default();
        for n in 0..600 {
            let rows: Vec<_> = (0..20).map(|k| health(&mut ids, 1_700_000_000 + n * 60 + k, n)).collect();
            store.write(&rows).unwrap();
            store.keep(Time::from_secs(1_700_000_000 + n * 60)).unwrap();
        }
        let counted = store.wear().total - at_first;
        let Some((begun, ended)) = begun.zip(given_to_write()) else {
            println!("this kernel does not count what is written: {counted} bytes are not compared");
            continue;
        };
        let given = ended - begun;
        println!("{mode:?}: {counted} bytes counted, {given} given to write(2)");
        assert!(counted >= given * 99 / 100 && counted <= given * 3 / 2, "{mode:?} {counted} {given}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn memory_does_not_wear_out_and_a_day_goes_on_after_a_restart() {
    let folder = folder("wear-day");
    let bounds = Bounds { write_budget: 1_000, ..LOOSE };
    let mut store = Sqlite::open(&folder.join("w.db"), bounds).unwrap();
    store.place.is_lasting = false;
    let row = |secs, flash_bytes| {
        let Record::Health(mut row) = health(&mut Ids::default(), secs, 1) else { panic!() };
        row.flash_bytes = flash_bytes;
        Record::from(*row)
    };
    // The evening before and the morning.
    store.write(&[row(19 * 86_400 - 1, 7_000), row(19 * 86_400 + 1, 600), row(19 * 86_400 + 9, 30)]).unwrap();
    store.keep(Time::from_secs(19 * 86_400 + 10)).unwrap();
    assert_eq!((store.wear().today, store.wear().total, store.pause()), (630, 0, Duration::ZERO));
    store.place.is_lasting = true;
    store.keep(Time::from_secs(19 * 86_400 + 20)).unwrap();
    assert!(store.pause() >= Duration::from_secs(60) && store.wear().held);
    fs::remove_dir_all(folder).unwrap();
}
