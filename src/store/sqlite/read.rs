//! Looking into a database that another process may be writing.

use std::path::Path;
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::{BUSY_MS, running, uri};
use crate::query::{IP6_HEX, Param, ip6_hex};
use crate::store::{Datum, EachRow, Error};

/// Shows `each` the rows that `sql` finds in the database at `path`, until it says
/// that it has enough. Nothing is written.
pub fn read_rows(path: &Path, sql: &str, params: &[Param], each: &mut EachRow<'_>) -> Result<(), Error> {
    let mut work = || -> rusqlite::Result<()> {
        let connection = open(path)?;
        let params = params.iter().map(|param| match param {
            Param::Int(number) => Value::Integer(*number),
            Param::Text(text) => Value::Text(text.clone()),
        });
        let mut statement = connection.prepare(sql)?;
        let count = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            let cells: rusqlite::Result<Vec<Datum>> = (0..count).map(|n| row.get_ref(n).map(datum)).collect();
            if !each(&cells?) {
                break;
            }
        }
        Ok(())
    };
    work().map_err(|error| running(path, &error))
}

fn datum(value: ValueRef<'_>) -> Datum {
    match value {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(number) => Datum::Int(number),
        // No column holds one.
        ValueRef::Real(number) => Datum::Text(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Datum::Text(String::from_utf8_lossy(bytes).into()),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let with = |parameters: &str| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(uri(path, parameters), flags)?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
        connection.execute_batch("PRAGMA temp_store=MEMORY")?;
        // Opening alone reads nothing; what is wrong shows here.
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", (), |_| Ok(()))?;
        Ok(connection)
    };
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let connection = with("").or_else(|error| match Path::new(&log).exists() {
        // Without its log nobody writes it, and who may not write beside it reads it so.
        false => with("immutable=1"),
        true => Err(error),
    })?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(IP6_HEX, 1, flags, |context| {
        let text: Option<String> = context.get(0)?;
        Ok(text.and_then(|text| ip6_hex(&text)))
    })?;
    Ok(connection)
}
