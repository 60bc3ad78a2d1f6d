//! How many bytes SQLite writes to a database's files.
//!
//! SQLite counts the pages that it writes to the write-ahead log, or to the
//! database where there is none. That is exact, but for the log's 32 bytes of
//! header. What goes from the log to the database is at most a page for each
//! frame, and what goes to a rollback journal at most a page for each that is
//! written: these are counted as if they were all, so the sum is too high rather
//! than too low.

use rusqlite::{Connection, ffi};

use super::{Mode, pragma};

/// Frames in the log after which they go to the database, as in SQLite itself.
const CHECKPOINT: u64 = 1_000;

/// What stands before a page in the log, and around it in a rollback journal.
const FRAME: u64 = 24;
const JOURNAL: u64 = 8;

#[derive(Default, Debug)]
pub struct Written {
    /// Frames that went to the log since the last checkpoint.
    frames: u64,
    /// Of the log that is there, frames that are in the database.
    done: u64,
}

impl Written {
    /// Bytes since the last call. Lets the log go to the database when it is long.
    pub fn since(&mut self, connection: &Connection, mode: Mode) -> u64 {
        let page = number(connection, "page_size");
        let pages = pages(connection);
        match mode {
            Mode::Journal | Mode::Alone => pages * (page + page + JOURNAL),
            Mode::Wal => {
                self.frames += pages;
                let mut bytes = pages * (page + FRAME);
                if self.frames >= CHECKPOINT {
                    bytes += self.checkpoint(connection) * page;
                }
                bytes
            }
        }
    }

    /// Lets the log go to the database, as far as readers let it. Returns how
    /// many pages that wrote at most.
    fn checkpoint(&mut self, connection: &Connection) -> u64 {
        self.frames = 0;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
        let done: rusqlite::Result<(i64, i64)> =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), read);
        let Ok((all, done)) = done else { return 0 };
        let (all, done) = (u64::try_from(all).unwrap_or(0), u64::try_from(done).unwrap_or(0));
        let written = done.saturating_sub(self.done).min(number(connection, "page_count"));
        // A log that is all in the database begins anew.
        self.done = if all == done { 0 } else { done };
        written
    }
}

fn number(connection: &Connection, name: &str) -> u64 {
    pragma::<i64>(connection, name).ok().and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// Pages written since the last call.
fn pages(connection: &Connection) -> u64 {
    let (mut pages, mut highest) = (0, 0);
    let what = ffi::SQLITE_DBSTATUS_CACHE_WRITE;
    // SAFETY: the handle is that of a connection that lives, which this thread
    // alone uses, and the two numbers outlive the call.
    let done = unsafe { ffi::sqlite3_db_status(connection.handle(), what, &mut pages, &mut highest, 1) };
    if done == ffi::SQLITE_OK { u64::try_from(pages).unwrap_or(0) } else { 0 }
}
