//! SQLite: one file, written by one process and read by the pages.

mod copy;
mod place;
#[cfg(feature = "desk")]
mod read;
mod shrink;
mod written;

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::rollup::{self, Late, sums};
use super::wear::Ledger;
use super::{
    Bounds, DEVICES_SELECT, Error, Labelled, Namer, RELABEL_UPDATE, SESSIONS_AT_ONCE, SESSIONS_SELECT, Store,
    Wear, before, tables,
};
use crate::record::{self, Device, Dialect, Id, Record, Size, TABLES, VERSION, Value};
use crate::time::Time;

pub use copy::Copied;
pub use place::Place;
use place::{Claim, Mode};
#[cfg(feature = "desk")]
pub use read::read_rows;
use written::Written;

/// Marks the file as ours ("WEIR"), so that no other program's is touched.
const APPLICATION: i32 = 0x5745_4952;

/// How long to wait for a page that reads, in milliseconds.
const BUSY_MS: u64 = 5_000;

pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    bounds: Bounds,
    place: Place,
    /// Given back when the connection is closed, which stands before it.
    _claim: Option<Claim>,
    written: Written,
    ledger: Ledger,
}

impl Sqlite {
    /// Opens or makes the database at `path`, and brings its tables up to date.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Sqlite, Error> {
        let name = path.display();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|error| Error::Fatal(format!("{name}: no folder for it: {error}")))?;
        }
        make(path).map_err(|error| Error::Fatal(format!("{name}: {error}")))?;
        let place = Place::of(path);
        // What is as it should be the daemon tells, and not each command.
        let level = if place.mode == Mode::Wal { log::Level::Debug } else { log::Level::Warn };
        log::log!(level, "{name}: on {place}");
        let claim = match place.mode {
            Mode::Alone => Some(Claim::of(path).map_err(|error| Error::Fatal(format!("{name}: {error}")))?),
            _ => None,
        };
        let connection = place::open(path, place.mode).map_err(|error| fatal(path, &error))?;
        let mut store = Sqlite {
            connection,
            path: path.to_owned(),
            bounds,
            place,
            _claim: claim,
            written: Written::default(),
            ledger: Ledger::new(bounds.write_budget, bounds.rollup.zone),
        };
        store.prepare().map_err(|error| match error {
            Open::Sql(error) => fatal(path, &error),
            Open::Other(text) => Error::Fatal(format!("{name}: {text}")),
        })?;
        Ok(store)
    }

    fn prepare(&mut self) -> Result<(), Open> {
        let connection = &self.connection;
        connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
        if self.place.mode != Mode::Wal {
            // Otherwise one with a write-ahead log can't even be looked at there.
            connection.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
        }
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
        place::set(connection, self.place.mode)?;
        if self.place.is_lasting {
            // What that writes is counted where it is asked for.
            connection.query_row("PRAGMA wal_autocheckpoint=0", (), |_| Ok(()))?;
        }
        connection.execute_batch("PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2048;")?;
        self.migrate(version)
    }

    /// Makes the tables, columns and indexes that are missing.
    fn migrate(&mut self, version: u32) -> Result<(), Open> {
        let transaction = self.connection.transaction()?;
        for table in tables() {
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
            let size = Size::of(self.bounds.max_size);
            let indexes = record::search_indexes(table, Dialect::Sqlite, size);
            for statement in record::create(table, Dialect::Sqlite).into_iter().chain(indexes) {
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

    /// Adds what was written to lasting storage since the last call, and says
    /// when that is so much that writing is put off.
    fn count(&mut self) {
        if !self.place.is_lasting {
            return;
        }
        self.ledger.add(self.written.since(&self.connection, self.place.mode));
        let held = !self.ledger.pause().is_zero();
        if self.ledger.hold(held) {
            let Wear { today, budget, .. } = self.ledger.wear();
            log::warn!(
                "{}: {} of the {} MB that a day may write (write_budget) are written: \
                 records are collected for longer from here on, an hour at most",
                self.path.display(),
                today >> 20,
                budget >> 20
            );
        }
    }

    /// It is `now`. On the first call what this day wrote before a restart is added.
    fn today(&mut self, now: Time) {
        if self.ledger.at(now) {
            let begin = Id::first_at(self.ledger.day()).number();
            let sql = "SELECT COALESCE(SUM(flash_bytes), 0) FROM health WHERE id >= ?";
            let bytes = self.connection.query_row(sql, [begin], |row| row.get::<_, i64>(0)).unwrap_or(0);
            self.ledger.earlier(u64::try_from(bytes).unwrap_or(0));
        }
    }

    #[cfg(test)]
    pub fn connection(&self) -> &Connection {
        &self.connection
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
        let plan = self.bounds.rollup;
        let transaction = self.connection.transaction().map_err(|error| running(path, &error))?;
        let late =
            rollup::late(&mut &*transaction, plan.zone, records).map_err(|error| running(path, &error))?;
        sums::changed(&mut &*transaction, &plan, records, &late).map_err(|error| running(path, &error))?;
        insert(&transaction, records, &late).map_err(|error| running(path, &error))?;
        transaction.commit().map_err(|error| running(path, &error))?;
        self.count();
        Ok(())
    }

    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        self.today(now);
        let done = self.shrink(now).map_err(|error| running(&self.path, &error));
        self.count();
        done
    }

    fn sum_up(&mut self, now: Time) -> Result<(), Error> {
        let plan = self.bounds.rollup;
        let make = || sums::make(&mut &self.connection, &plan, now);
        while make().map_err(|error| running(&self.path, &error))? {}
        Ok(())
    }

    fn purge(&mut self, device: &Device) -> Result<u64, Error> {
        let done = self.delete_device(device).map_err(|error| running(&self.path, &error));
        self.count();
        done
    }

    fn pause(&self) -> Duration {
        // In memory there is nothing to save, whatever its copy may cost.
        if self.place.is_lasting { self.ledger.pause() } else { Duration::ZERO }
    }

    fn wear(&self) -> Wear {
        self.ledger.wear()
    }

    fn place(&self) -> Option<Place> {
        Some(self.place.clone())
    }

    fn sessions_while(&mut self, since: Time, each: &mut dyn FnMut(&Labelled) -> bool) -> Result<(), Error> {
        let mut behind = before(since);
        let mut goes_on = true;
        loop {
            let part = sessions_behind(&self.connection, &mut behind, |_, row| {
                goes_on = goes_on && each(row);
            });
            let count = part.map_err(|error| running(&self.path, &error))?;
            if count < SESSIONS_AT_ONCE || !goes_on {
                return Ok(());
            }
        }
    }

    fn devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(DEVICES_SELECT)?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                each(&row.get::<_, String>(0)?);
            }
            Ok(())
        };
        read().map_err(|error| running(&self.path, &error))
    }

    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        let mut behind = before(since);
        loop {
            let part = relabel_part(&mut self.connection, &mut behind, namer);
            let count = part.map_err(|error| running(&self.path, &error))?;
            self.count();
            if count < SESSIONS_AT_ONCE {
                return Ok(());
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
    let mut changes = Vec::new();
    let count = sessions_behind(&transaction, behind, |id, row| {
        changes.extend(namer(row).map(|app| (app, id)));
    })?;
    {
        let mut update = transaction.prepare(RELABEL_UPDATE)?;
        for (app, id) in &changes {
            update.execute((&**app, id))?;
        }
    }
    transaction.commit()?;
    Ok(count)
}

/// Shows `each` the next rows behind (`last`, `id`) with their ids; returns how
/// many there were.
fn sessions_behind(
    connection: &Connection,
    behind: &mut (i64, i64),
    mut each: impl FnMut(i64, &Labelled),
) -> rusqlite::Result<usize> {
    let mut count = 0;
    let mut statement = connection.prepare(SESSIONS_SELECT)?;
    let mut rows = statement.query((behind.0, behind.0, behind.1, SESSIONS_AT_ONCE as i64))?;
    while let Some(row) = rows.next()? {
        *behind = (row.get("last")?, row.get("id")?);
        count += 1;
        let labelled = Labelled {
            id: behind.1,
            proto: row.get("proto")?,
            client_port: row.get("client_port")?,
            server: row.get("server")?,
            server_port: row.get("server_port")?,
            host: row.get("host")?,
            app: row.get("app")?,
            start: Time::from_micros(row.get::<_, i64>("start")?.max(0) as u64),
            last: Time::from_micros(behind.0.max(0) as u64),
            client: row.get("client")?,
            device: row.get("device")?,
            bytes: row.get::<_, i64>("bytes")?.max(0) as u64,
        };
        each(behind.1, &labelled);
    }
    Ok(count)
}

fn insert(transaction: &Transaction<'_>, records: &[Record], late: &Late) -> rusqlite::Result<()> {
    for table in TABLES {
        // In order of their keys, which begin with the time, rows go to the
        // end of the tree; the order of rows with one key stays.
        let mut rows: Vec<&Record> =
            records.iter().filter(|record| record.table().name == table.name && !late.has(record)).collect();
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

/// Makes the file where there is none: what people did on the network is for the
/// daemon's group, not for all. One that is there is not opened: to close it again
/// would drop the locks of all connections that this process has to it (fcntl(2)), and
/// the next other process to close its own would take the log away from under them.
fn make(path: &Path) -> std::io::Result<()> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if path.is_dir() => Err(std::io::Error::from_raw_os_error(libc::EISDIR)),
        _ => Ok(()),
    }
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get(0))
}

/// `path` as SQLite's own kind of address, with parameters.
fn uri(path: &Path, parameters: &str) -> String {
    use std::fmt::Write;
    let path = std::path::absolute(path).unwrap_or(path.to_owned());
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(byte.into()),
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    if !parameters.is_empty() {
        uri.push('?');
        uri.push_str(parameters);
    }
    uri
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
pub mod tests;
