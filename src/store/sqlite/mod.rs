//! SQLite: one file, written by one process and read by the pages.

mod copy;
mod shrink;

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::rollup::{self, Late};
use super::{Bounds, Error, Labelled, Namer, RELABEL_AT_ONCE, RELABEL_SELECT, RELABEL_UPDATE, Store, tables};
use crate::record::{self, Dialect, Record, TABLES, VERSION, Value};
use crate::time::Time;

pub use copy::Copied;

/// Marks the file as ours ("WEIR"), so that no other program's is touched.
const APPLICATION: i32 = 0x5745_4952;

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
        let zone = self.bounds.rollup.zone;
        let transaction = self.connection.transaction().map_err(|error| running(path, &error))?;
        let late = rollup::late(&mut &*transaction, zone, records).map_err(|error| running(path, &error))?;
        insert(&transaction, records, &late).map_err(|error| running(path, &error))?;
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
                server: row.get("server")?,
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
pub mod tests;
