//! Where records go.

pub mod eve;
#[cfg(feature = "mariadb")]
pub mod mariadb;
pub mod out;
pub mod rollup;
pub mod sqlite;
pub mod wear;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use sqlite::Place;
pub use wear::Wear;
pub use writer::{Meter, Queue, Writer, named_queue, queue};

use crate::record::{Device, Id, Kind, Label, ROLLUPS, Record, TABLES, Table, Traffic};
use crate::time::Time;

/// Why a store did not take records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// May go well later: the server is away, the disk is full.
    Retry(String),
    /// Will never go well as it is: a path that can't be, a wrong password, a
    /// row that the table does not take.
    Fatal(String),
    /// Nobody reads what we write any longer.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Retry(text) | Error::Fatal(text) => f.write_str(text),
            Error::Closed => f.write_str("nobody reads any longer"),
        }
    }
}

impl std::error::Error for Error {}

/// A value out of a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Datum {
    Null,
    Int(i64),
    Text(String),
}

/// Is shown a row of a database; says whether it wants more.
pub type EachRow<'a> = dyn FnMut(&[Datum]) -> bool + 'a;

/// What of a session's row tells its app, and what policies are about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// The row's.
    pub id: i64,
    /// Transport protocol, as the table has it.
    pub proto: String,
    pub client_port: u16,
    /// The server's address.
    pub server: String,
    pub server_port: u16,
    pub host: Option<String>,
    pub app: Option<String>,
    pub start: Time,
    pub last: Time,
    /// The client's address, and the device as the table has it.
    pub client: String,
    pub device: String,
    /// In both directions.
    pub bytes: u64,
}

/// Gives the app to write over that of a row; none when the row stays as it is.
pub type Namer<'a> = dyn FnMut(&Labelled) -> Option<Arc<str>> + 'a;

/// Takes records. Blocking; runs in a thread of its own.
pub trait Store {
    /// Writes all of `records` or none. Writing the same again changes nothing.
    fn write(&mut self, records: &[Record]) -> Result<(), Error>;

    /// Deletes what is too old at `now` or too much; returns how many rows.
    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        let _ = now;
        Ok(0)
    }

    /// Adds up the volumes of what is over at `now`, for whoever looks at them. What
    /// keeps does so by and by.
    fn sum_up(&mut self, now: Time) -> Result<(), Error> {
        let _ = now;
        Ok(())
    }

    /// How long records should be collected before they are written.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// Records of the latest write that it could not take as they are: that many
    /// are lost. Told once.
    fn left_out(&mut self) -> u64 {
        0
    }

    /// What was handed over last will not come again, though it was not written.
    fn forget(&mut self) {}

    /// After how long without records [`Store::idle`] is called, again and again.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// What has to be done although there are no records: a sign of life.
    fn idle(&mut self) {}

    /// What was written to lasting storage.
    fn wear(&self) -> Wear {
        Wear::default()
    }

    /// Where the database lies, if that is a file.
    fn place(&self) -> Option<Place> {
        None
    }

    /// Shows `each` the sessions whose latest packet is at `since` or later, in
    /// order of that.
    fn sessions(&mut self, since: Time, each: &mut dyn FnMut(&Labelled)) -> Result<(), Error> {
        self.sessions_while(since, &mut |row| {
            each(row);
            true
        })
    }

    /// The same, until `each` answers false.
    fn sessions_while(&mut self, since: Time, each: &mut dyn FnMut(&Labelled) -> bool) -> Result<(), Error> {
        let _ = (since, each);
        Err(Error::Fatal("this store keeps no sessions that could be looked at".into()))
    }

    /// Shows `each` the devices that there are rows of.
    fn devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let _ = each;
        Ok(())
    }

    /// Deletes all rows of `device`, but for what people say of it; returns how many.
    fn purge(&mut self, device: &Device) -> Result<u64, Error> {
        let _ = device;
        Ok(0)
    }

    /// Shows `namer` what [`Store::sessions`] shows, and writes what it answers.
    /// In parts, each of them whole: when one fails, those before it stay done.
    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        let _ = (since, namer);
        Err(Error::Fatal("this store keeps no sessions that could be named again".into()))
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn purge(&mut self, device: &Device) -> Result<u64, Error> {
        (**self).purge(device)
    }

    fn pause(&self) -> Duration {
        (**self).pause()
    }

    fn left_out(&mut self) -> u64 {
        (**self).left_out()
    }

    fn forget(&mut self) {
        (**self).forget();
    }

    fn patience(&self) -> Option<Duration> {
        (**self).patience()
    }

    fn idle(&mut self) {
        (**self).idle();
    }

    fn wear(&self) -> Wear {
        (**self).wear()
    }

    fn place(&self) -> Option<Place> {
        (**self).place()
    }

    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        (**self).write(records)
    }

    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        (**self).keep(now)
    }

    fn sum_up(&mut self, now: Time) -> Result<(), Error> {
        (**self).sum_up(now)
    }

    fn sessions_while(&mut self, since: Time, each: &mut dyn FnMut(&Labelled) -> bool) -> Result<(), Error> {
        (**self).sessions_while(since, each)
    }

    fn devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        (**self).devices(each)
    }

    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        (**self).relabel(since, namer)
    }
}

/// Records are counted by who sends them, and dropped here.
pub struct Nothing;

impl Store for Nothing {
    fn write(&mut self, _: &[Record]) -> Result<(), Error> {
        Ok(())
    }
}

/// Sessions looked at at once: pages and the daemon must get in between.
const SESSIONS_AT_ONCE: usize = 1_000;

/// Selects the next such rows by (`last`, `id`) behind the one given, for both
/// dialects. Naming changes neither, so no row is missed or comes twice. The
/// first condition alone finds the begin by the index.
const SESSIONS_SELECT: &str = "SELECT id, last, proto, client_port, server, server_port, host, app, \
    start, client, device, bytes_out + bytes_in AS bytes FROM session \
    WHERE last >= ? AND (last > ? OR id > ?) ORDER BY last, id LIMIT ?";

/// What the sessions at `since` and later are behind.
fn before(since: Time) -> (i64, i64) {
    (i64::try_from(since.micros()).unwrap_or(i64::MAX), i64::MIN)
}

/// The latest first, as so many as there could be are not remembered.
const DEVICES_SELECT: &str = "SELECT device FROM device ORDER BY last DESC LIMIT 16384";

const RELABEL_UPDATE: &str = "UPDATE session SET app = ? WHERE id = ?";

/// What a database may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of all but volumes.
    pub keep: Duration,
    /// Bytes.
    pub max_size: u64,
    /// How long volumes are kept.
    pub rollup: rollup::Plan,
    /// Bytes that a day may write to lasting storage; 0 for as much as it takes.
    pub write_budget: u64,
}

/// The column that says how old a row is, and a row's age in its unit: its
/// latest packet if it has one, otherwise the time in its id. Tables without
/// either are small and stay.
fn age(table: &Table, time: Time) -> Option<(&'static str, i64)> {
    let has = |name| table.columns.iter().any(|column| column.name == name);
    if has("last") {
        Some(("last", i64::try_from(time.micros()).unwrap_or(i64::MAX)))
    } else if has("id") {
        Some(("id", Id::first_at(time).number()))
    } else {
        None
    }
}

/// The tables that have rows of devices, with the condition for those of one.
fn of_device() -> impl Iterator<Item = (&'static Table, &'static str)> {
    tables().filter(|table| table.name != Label::TABLE.name).filter_map(|table| {
        let column = table.columns.iter().find(|column| column.name == "device")?;
        let is_number = matches!(column.kind, Kind::Int(_));
        let condition =
            if is_number { "device IN (SELECT id FROM rollup_name WHERE name = ?)" } else { "device = ?" };
        Some((table, condition))
    })
}

/// Every table of the database.
fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(ROLLUPS)
}

/// The tables that grow, with their column of age. Volumes are rolled up instead.
fn ageing(time: Time) -> impl Iterator<Item = (&'static Table, &'static str, i64)> {
    let details = TABLES.iter().filter(|table| table.name != Traffic::TABLE.name);
    details.filter_map(move |table| age(table, time).map(|(column, bound)| (table, column, bound)))
}
