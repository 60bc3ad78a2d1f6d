//! Keeping the database within its days and megabytes.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::{Sqlite, pragma};
use crate::record::{Device, Dialect, Id};
use crate::store::rollup::{self, Sql, sums};
use crate::store::{ageing, of_device};
use crate::time::Time;

/// Rows deleted at once: the pages must be able to read in between.
const DELETE_AT_ONCE: usize = 5_000;

/// A database too large loses its oldest part: one such part of its time…
const PARTS: u32 = 16;

/// …and then its size is to be below this share of the bound, or the next
/// record would begin again.
const REFILL: (u64, u64) = (9, 10);

/// What a row of the roll-ups takes, for their share: 33 were measured.
const ROLLUP_BYTES: u64 = 34;

impl Sqlite {
    /// Bytes that the database's own pages take, free ones left out.
    pub(in crate::store) fn size(&self) -> rusqlite::Result<u64> {
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

    /// Deletes all rows of `device`, and leaves nothing of them in the file.
    pub(super) fn delete_device(&mut self, device: &Device) -> rusqlite::Result<u64> {
        self.connection.execute_batch("PRAGMA secure_delete = ON")?;
        let transaction = self.connection.transaction()?;
        let mut deleted = 0;
        for (table, condition) in of_device() {
            let sql = format!("DELETE FROM \"{}\" WHERE {condition}", table.name);
            deleted += transaction.execute(&sql, [&*device.text()])? as u64;
        }
        if deleted > 0 {
            sums::make_all_again(&mut &*transaction)?;
        }
        transaction.commit()?;
        self.connection.execute_batch("PRAGMA secure_delete = FAST")?;
        self.checkpoint();
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

    pub(super) fn shrink(&mut self, now: Time) -> rusqlite::Result<u64> {
        let plan = self.bounds.rollup;
        let mut deleted = rollup::fold(&mut &self.connection, &plan, now)?;
        sums::make(&mut &self.connection, &plan, now)?;
        deleted += self.delete_before(now.back(self.bounds.keep))?;
        if self.size()? > self.bounds.max_size {
            deleted += self.shrink_to_size(now)?;
        }
        if deleted > 0 {
            // Free pages go back to the file system, in steps by themselves.
            let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
            let mut rows = statement.query(())?;
            while rows.next()?.is_some() {}
        }
        Ok(deleted)
    }

    /// Deletes what is oldest, until the size is within its bound: roll-ups
    /// beyond their share, then details, and only then what is left.
    fn shrink_to_size(&mut self, now: Time) -> rusqlite::Result<u64> {
        let plan = self.bounds.rollup;
        let target = self.bounds.max_size / REFILL.1 * REFILL.0;
        let share = target / 100 * u64::from(plan.share) / ROLLUP_BYTES;
        let mut deleted = rollup::squeeze(&mut &self.connection, &plan, now, share)?;
        for part in 1..=PARTS {
            let Some(oldest) = self.oldest()? else { break };
            if self.size()? <= target {
                break;
            }
            // The last round takes all but the newest second.
            let span = now.since(oldest) * part / PARTS;
            let time = (oldest + span).max(oldest + Duration::from_millis(1));
            deleted += self.delete_before(time)?;
            deleted += rollup::fold_minutes(&mut &self.connection, &plan, time, now)?;
        }
        for share in [share / 2, 0] {
            if self.size()? <= self.bounds.max_size {
                return Ok(deleted);
            }
            deleted += rollup::fold_minutes(&mut &self.connection, &plan, now, now)?;
            deleted += rollup::squeeze(&mut &self.connection, &plan, now, share)?;
        }
        if self.size()? > self.bounds.max_size {
            // More within an hour than the whole database may have.
            deleted += self.connection.execute("DELETE FROM traffic", ())? as u64;
            sums::make_all_again(&mut &self.connection)?;
        }
        Ok(deleted)
    }
}

/// The connection as [`rollup`] uses it.
impl Sql for &Connection {
    type Error = rusqlite::Error;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&mut self, sql: &str, params: &[i64]) -> rusqlite::Result<u64> {
        let rows = self.prepare(sql)?.execute(rusqlite::params_from_iter(params))?;
        Ok(rows as u64)
    }

    fn number(&mut self, sql: &str, params: &[i64]) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.prepare(sql)?;
        let row = statement.query_row(rusqlite::params_from_iter(params), |row| row.get(0));
        Ok(row.optional()?.flatten())
    }

    fn texts(&mut self, sql: &str, params: &[i64]) -> rusqlite::Result<Vec<String>> {
        self.prepare(sql)?.query_map(rusqlite::params_from_iter(params), |row| row.get(0))?.collect()
    }

    fn add_name(&mut self, id: i64, name: &str) -> rusqlite::Result<()> {
        let mut statement = self.prepare("INSERT INTO rollup_name (id, name) VALUES (?, ?)")?;
        statement.execute((id, name)).map(drop)
    }
}
