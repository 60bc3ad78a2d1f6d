//! SQLite: one file, written by one process and read by the pages.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::{Bounds, Error, Labelled, Namer, RELABEL_AT_ONCE, RELABEL_SELECT, RELABEL_UPDATE, Store, ageing};
use crate::record::{self, Dialect, Id, Record, TABLES, VERSION, Value};
use crate::time::Time;

/// Marks the file as ours ("WEIR"), so that no other program's is touched.
const APPLICATION: i32 = 0x5745_4952;

/// Rows deleted at once: the pages must be able to read in between.
const DELETE_AT_ONCE: usize = 5_000;

/// A database too large loses its oldest part: one such part of its time…
const PARTS: u32 = 16;

/// …and then its size is to be below this share of the bound, or the next
/// record would begin again.
const REFILL: (u64, u64) = (9, 10);

/// How long to wait for a page that reads, in milliseconds.
const BUSY_MS: u64 = 5_000;

pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    bounds: Bounds,
}

impl Sqlite {
    /// Opens or makes the database at `path`, and brings its tables up to date.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Sqlite, Error> {
        let name = path.display();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|error| Error::Fatal(format!("{name}: no folder for it: {error}")))?;
        }
        // What people did on the network is for the daemon's group, not for all.
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)
            .map_err(|error| Error::Fatal(format!("{name}: {error}")))?;
        // One thread writes: SQLite need not lock for each call.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| fatal(path, &error))?;
        let mut store = Sqlite { connection, path: path.to_owned(), bounds };
        store.prepare().map_err(|error| match error {
            Open::Sql(error) => fatal(path, &error),
            Open::Other(text) => Error::Fatal(format!("{name}: {text}")),
        })?;
        Ok(store)
    }

    fn prepare(&mut self) -> Result<(), Open> {
        let connection = &self.connection;
        connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
        let application: i32 = pragma(connection, "application_id")?;
        let version: u32 = pragma(connection, "user_version")?;
        let tables: i64 = connection.query_row("SELECT COUNT(*) FROM sqlite_master", (), |row| row.get(0))?;
        if application != APPLICATION && (application != 0 || tables > 0) {
            return Err(Open::Other("is a database of another program".into()));
        }
        if version > VERSION {
            let text = format!("was made by a newer Weir (schema {version}, this one knows {VERSION})");
            return Err(Open::Other(text));
        }
        // Before the first table, or it has no effect.
        connection.execute_batch("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA temp_store=MEMORY;")?;
        // Write-ahead logging lets pages read while we write, but needs shared
        // memory, which some file systems of routers lack: then the old way.
        let mode: String = connection.query_row("PRAGMA journal_mode=WAL", (), |row| row.get(0))?;
        if mode != "wal" {
            connection.query_row("PRAGMA journal_mode=TRUNCATE", (), |_| Ok(()))?;
        }
        connection.execute_batch("PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2048;")?;
        self.migrate(version)
    }

    /// Makes the tables and columns that are missing.
    fn migrate(&mut self, version: u32) -> Result<(), Open> {
        let transaction = self.connection.transaction()?;
        for table in TABLES {
            let mut present = Vec::new();
            {
                let mut info = transaction.prepare(&format!("PRAGMA table_info(\"{}\")", table.name))?;
                let mut rows = info.query(())?;
                while let Some(row) = rows.next()? {
                    present.push(row.get::<_, String>(1)?);
                }
            }
            let missing =
                table.columns.iter().filter(|column| !present.iter().any(|name| name == column.name));
            if !present.is_empty() {
                for column in missing {
                    transaction.execute(&record::add_column(table, column, Dialect::Sqlite), ())?;
                }
            }
            for statement in record::create(table, Dialect::Sqlite) {
                transaction.execute(&statement, ())?;
            }
        }
        if version != VERSION {
            transaction.execute_batch(&format!(
                "PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};"
            ))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Bytes that the database's own pages take, free ones left out.
    fn size(&self) -> rusqlite::Result<u64> {
        let pages: i64 = pragma(&self.connection, "page_count")?;
        let free: i64 = pragma(&self.connection, "freelist_count")?;
        let page: i64 = pragma(&self.connection, "page_size")?;
        Ok(u64::try_from((pages - free) * page).unwrap_or(0))
    }

    /// Deletes rows older than `time`.
    fn delete_before(&self, time: Time) -> rusqlite::Result<u64> {
        let mut deleted = 0;
        for (table, column, bound) in ageing(time) {
            let (table, key) = (table.name, table.columns[0].name);
            let sql = format!(
                "DELETE FROM \"{table}\" WHERE \"{key}\" IN \
                 (SELECT \"{key}\" FROM \"{table}\" WHERE \"{column}\" < ? LIMIT {DELETE_AT_ONCE})"
            );
            let mut statement = self.connection.prepare(&sql)?;
            loop {
                let rows = statement.execute([bound])?;
                deleted += rows as u64;
                if rows < DELETE_AT_ONCE {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    /// The time of the oldest row that is there.
    fn oldest(&self) -> rusqlite::Result<Option<Time>> {
        let mut oldest = None;
        for (table, column, _) in ageing(Time::ZERO) {
            let sql = format!("SELECT MIN(\"{column}\") FROM \"{}\"", table.name);
            let found: Option<i64> =
                self.connection.query_row(&sql, (), |row| row.get(0)).optional()?.flatten();
            let time = found.map(|number| match column {
                "id" => Id::from_number(number).time(),
                _ => Time::from_micros(u64::try_from(number).unwrap_or(0)),
            });
            oldest = [oldest, time].into_iter().flatten().min();
        }
        Ok(oldest)
    }

    fn shrink(&mut self, now: Time) -> rusqlite::Result<u64> {
        let mut deleted = self.delete_before(now.back(self.bounds.keep))?;
        if self.size()? > self.bounds.max_size {
            let target = self.bounds.max_size / REFILL.1 * REFILL.0;
            for part in 1..=PARTS {
                let Some(oldest) = self.oldest()? else { break };
                // The last round takes all but the newest second.
                let span = now.since(oldest) * part / PARTS;
                deleted += self.delete_before((oldest + span).max(oldest + Duration::from_millis(1)))?;
                if self.size()? <= target {
                    break;
                }
            }
        }
        if deleted > 0 {
            // Free pages go back to the file system, in steps by themselves.
            let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
            let mut rows = statement.query(())?;
            while rows.next()?.is_some() {}
        }
        Ok(deleted)
    }

    /// Empties the write-ahead log into the file, for whoever copies it.
    pub fn checkpoint(&self) {
        let done = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        if let Err(error) = done {
            log::debug!("{}: {error}", self.path.display());
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.checkpoint();
    }
}

impl Store for Sqlite {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let path = &self.path;
        let transaction = self.connection.transaction().map_err(|error| running(path, &error))?;
        insert(&transaction, records).map_err(|error| running(path, &error))?;
        transaction.commit().map_err(|error| running(path, &error))
    }

    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        self.shrink(now).map_err(|error| running(&self.path, &error))
    }

    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        let mut behind = (i64::try_from(since.micros()).unwrap_or(i64::MAX), i64::MIN);
        loop {
            let part = relabel_part(&mut self.connection, &mut behind, namer);
            match part.map_err(|error| running(&self.path, &error))? {
                RELABEL_AT_ONCE => {}
                _ => return Ok(()),
            }
        }
    }
}

/// Names the next rows behind (`last`, `id`) again; returns how many there were.
fn relabel_part(
    connection: &mut Connection,
    behind: &mut (i64, i64),
    namer: &mut Namer<'_>,
) -> rusqlite::Result<usize> {
    // For writing from the begin: one that only read so far could not wait its turn.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut count, mut changes) = (0, Vec::new());
    {
        let mut statement = transaction.prepare(RELABEL_SELECT)?;
        let mut rows = statement.query((behind.0, behind.0, behind.1, RELABEL_AT_ONCE as i64))?;
        while let Some(row) = rows.next()? {
            *behind = (row.get("last")?, row.get("id")?);
            count += 1;
            let labelled = Labelled {
                proto: row.get("proto")?,
                client_port: row.get("client_port")?,
                server_port: row.get("server_port")?,
                host: row.get("host")?,
                app: row.get("app")?,
            };
            changes.extend(namer(&labelled).map(|app| (app, behind.1)));
        }
        let mut update = transaction.prepare(RELABEL_UPDATE)?;
        for (app, id) in &changes {
            update.execute((&**app, id))?;
        }
    }
    transaction.commit()?;
    Ok(count)
}

fn insert(transaction: &Transaction<'_>, records: &[Record]) -> rusqlite::Result<()> {
    for table in TABLES {
        // In order of their keys, which begin with the time, rows go to the
        // end of the tree; the order of rows with one key stays.
        let mut rows: Vec<&Record> =
            records.iter().filter(|record| record.table().name == table.name).collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by_key(|record| record.id());
        let mut statement = transaction.prepare(&record::upsert(table, 1, Dialect::Sqlite))?;
        for record in rows {
            let mut bound = Ok(());
            let mut place = 0;
            record.values(&mut |value| {
                place += 1;
                let one = match value {
                    Value::Null => statement.raw_bind_parameter(place, rusqlite::types::Null),
                    Value::Int(number) => statement.raw_bind_parameter(place, number),
                    Value::Text(text) => statement.raw_bind_parameter(place, text),
                    Value::Short(text) => statement.raw_bind_parameter(place, text.as_str()),
                };
                if bound.is_ok() {
                    bound = one;
                }
            });
            bound?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get(0))
}

/// Why a database can't be opened.
enum Open {
    Sql(rusqlite::Error),
    Other(String),
}

impl From<rusqlite::Error> for Open {
    fn from(error: rusqlite::Error) -> Open {
        Open::Sql(error)
    }
}

fn fatal(path: &Path, error: &rusqlite::Error) -> Error {
    let text = format!("{}: {}", path.display(), plain(error));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => Error::Retry(text),
        _ => Error::Fatal(text),
    }
}

/// Once it was open, whatever goes wrong may be put right: a disk that is full
/// or gone, a file system that turned read-only.
fn running(path: &Path, error: &rusqlite::Error) -> Error {
    let text = format!("{}: {}", path.display(), plain(error));
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::TooBig
            | ErrorCode::ParameterOutOfRange
            | ErrorCode::NotADatabase
            | ErrorCode::DatabaseCorrupt,
        ) => Error::Fatal(text),
        _ => Error::Retry(text),
    }
}

/// SQLite's own words, without the wrapping.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Device, Health, Ids, Thing};

    const LOOSE: Bounds = Bounds { keep: Duration::from_secs(86_400 * 30), max_size: 1 << 40 };

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("weir-sqlite-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn health(ids: &mut Ids, secs: u64, offered: u64) -> Record {
        let time = Time::from_secs(secs);
        Record::from(Health { id: ids.next(time, 0), time, stage: "engine".into(), offered, lost: 0 })
    }

    fn thing(last: u64, ipv4: Option<[u8; 4]>) -> Record {
        Record::from(Thing {
            device: Device::Ip([10, 0, 0, 1].into()),
            mac: None,
            ipv4: ipv4.map(Into::into),
            ipv6: None,
            first: Time::from_secs(last),
            last: Time::from_secs(last),
        })
    }

    fn count(store: &Sqlite, table: &str) -> i64 {
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
            .query_row("SELECT stage, offered, lost FROM health", (), |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })
            .unwrap();
        assert_eq!(row, (String::new(), 5, 0));
        assert_eq!(count(&store, "session"), 0);
        store.connection.execute_batch("PRAGMA user_version=99").unwrap();
        drop(store);
        let Err(Error::Fatal(text)) = Sqlite::open(&path, LOOSE) else { panic!() };
        assert!(text.ends_with("was made by a newer Weir (schema 99, this one knows 1)"), "{text}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = folder("foreign");
        let text = folder.join("notes.txt");
        fs::write(
            &text,
            "nothing like a database, but long enough to have a header of that size\n".repeat(20),
        )
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
        store.relabel(Time::from_micros(1_000_100), &mut namer).unwrap();
        assert_eq!((seen, olds), (2_200, 440));
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
        assert!(matches!(super::super::Nothing.relabel(Time::ZERO, &mut |_| None), Err(Error::Fatal(_))));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn old_rows_go_and_a_full_database_loses_its_oldest() {
        let folder = folder("keep");
        let bounds = Bounds { keep: Duration::from_secs(1000), max_size: 400_000 };
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
        let newest: i64 =
            store.connection.query_row("SELECT MAX(time) FROM health", (), |r| r.get(0)).unwrap();
        assert!(left > 1_000 && newest == 2_299_000_000, "{left} {newest}");
        fs::remove_dir_all(folder).unwrap();
    }
}
