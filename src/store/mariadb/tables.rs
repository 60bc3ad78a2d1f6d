//! The tables, and the rows in them.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Value as Sql};

use super::Failure;
use crate::record::{self, Dialect, Id, Record, Size, TABLES, Table, VERSION, Value};
use crate::store::rollup::Late;
use crate::store::{ageing, tables};
use crate::time::Time;

/// Rows in one statement. Few different numbers, so that the prepared
/// statements are used again.
const ROWS: [usize; 3] = [256, 16, 1];

/// Rows deleted at once: the pages must be able to read in between.
pub const DELETE_AT_ONCE: usize = 5_000;

/// Makes the tables and columns that are missing.
pub async fn migrate(connection: &mut Conn) -> Result<(), Failure> {
    connection
        .query_drop("CREATE TABLE IF NOT EXISTS meta (name VARCHAR(32) PRIMARY KEY, value BIGINT NOT NULL)")
        .await?;
    let version: Option<u32> = connection.query_first("SELECT value FROM meta WHERE name='schema'").await?;
    let version = version.unwrap_or(0);
    if version > VERSION {
        return Err(Failure::Newer(version));
    }
    for table in tables() {
        let present: Vec<String> = connection
            .exec(
                "SELECT column_name FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ?",
                (table.name,),
            )
            .await?;
        let missing = table.columns.iter().filter(|column| !present.iter().any(|name| name == column.name));
        if !present.is_empty() {
            for column in missing {
                connection.query_drop(record::add_column(table, column, Dialect::Mariadb)).await?;
            }
        }
        for statement in record::create(table, Dialect::Mariadb) {
            connection.query_drop(statement).await?;
        }
    }
    if version != VERSION {
        connection.exec_drop("REPLACE INTO meta VALUES ('schema', ?)", (VERSION,)).await?;
    }
    Ok(())
}

/// Makes the indexes of a large store, or drops them.
pub async fn index(connection: &mut Conn, size: Size) -> Result<(), Failure> {
    for table in tables() {
        for statement in record::search_indexes(table, Dialect::Mariadb, size) {
            connection.query_drop(statement).await?;
        }
    }
    Ok(())
}

pub async fn insert_all(connection: &mut Conn, records: &[Record], late: &Late) -> Result<(), Failure> {
    for table in TABLES {
        let rows: Vec<&Record> =
            records.iter().filter(|record| record.table().name == table.name && !late.has(record)).collect();
        insert(connection, table, &rows).await?;
    }
    Ok(())
}

async fn insert(connection: &mut Conn, table: &'static Table, rows: &[&Record]) -> Result<(), Failure> {
    let mut rest = rows;
    for count in ROWS {
        while rest.len() >= count {
            let (now, later) = rest.split_at(count);
            let mut values = Vec::with_capacity(count * table.columns.len());
            for record in now {
                record.values(&mut |value| {
                    values.push(match value {
                        Value::Null => Sql::NULL,
                        Value::Int(number) => Sql::Int(number),
                        Value::Text(text) => Sql::from(text),
                        Value::Short(text) => Sql::from(text.as_str()),
                    });
                });
            }
            let sql = record::upsert(table, count, Dialect::Mariadb);
            connection.exec_drop(sql, Params::Positional(values)).await?;
            rest = later;
        }
    }
    Ok(())
}

pub async fn delete_before(connection: &mut Conn, time: Time) -> Result<u64, Failure> {
    let mut deleted = 0;
    for (table, column, bound) in ageing(time) {
        let sql = format!("DELETE FROM `{}` WHERE `{column}` < ? LIMIT {DELETE_AT_ONCE}", table.name);
        loop {
            connection.exec_drop(&sql, (bound,)).await?;
            let rows = connection.affected_rows();
            deleted += rows;
            if rows < DELETE_AT_ONCE as u64 {
                break;
            }
        }
    }
    Ok(deleted)
}

/// The time of the oldest row that is there.
pub async fn oldest(connection: &mut Conn) -> Result<Option<Time>, Failure> {
    let mut oldest = None;
    for (table, column, _) in ageing(Time::ZERO) {
        let sql = format!("SELECT MIN(`{column}`) FROM `{}`", table.name);
        let found: Option<Option<i64>> = connection.query_first(sql).await?;
        let time = found.flatten().map(|number| match column {
            "id" => Id::from_number(number).time(),
            _ => Time::from_micros(u64::try_from(number).unwrap_or(0)),
        });
        oldest = [oldest, time].into_iter().flatten().min();
    }
    Ok(oldest)
}

/// Bytes of `tables`, as far as the server knows.
pub async fn size(
    connection: &mut Conn,
    tables: impl Iterator<Item = &'static Table>,
) -> Result<u64, Failure> {
    let names: Vec<_> = tables.map(|table| format!("'{}'", table.name)).collect();
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS UNSIGNED) \
         FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ({})",
        names.join(",")
    );
    Ok(connection.query_first(sql).await?.unwrap_or(0))
}
