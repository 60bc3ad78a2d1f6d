//! A copy on lasting storage of a database that lies in memory: flash is
//! written from time to time, and a reboot loses what came since.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Bounds, Place, Sqlite, place, plain, uri};
use crate::record::Record;
use crate::store::rollup::Step;
use crate::store::{Error, Labelled, Namer, Store, Wear};
use crate::time::Time;

/// After a copy that failed: the next try, if the interval is longer.
const RETRY: Duration = Duration::from_secs(600);

/// A database with its copy.
pub struct Copied {
    store: Sqlite,
    copy: PathBuf,
    every: Duration,
    next: Option<Time>,
    /// How far ahead that was when it was set: a clock may be set back.
    wait: Duration,
    /// The copy is on storage that wears out.
    is_lasting: bool,
    /// When the copy was written that the database was read back from, and its size.
    restored: Option<(Time, u64)>,
    /// Something was written since the last copy.
    is_ahead: bool,
    /// What went wrong with the last copy, so that it is told once.
    trouble: Option<String>,
}

impl Copied {
    /// Opens the database at `path`, with what is in its copy if there is none.
    pub fn open(path: &Path, copy: &Path, every: Duration, bounds: Bounds) -> Result<Copied, Error> {
        let mut restored = None;
        if !path.exists() && copy.exists() {
            let data = fs::metadata(copy).ok();
            restored = data.and_then(|data| Some((data.modified().ok()?.into(), data.len())));
            restore(path, copy)?;
        }
        let store = Sqlite::open(path, bounds)?;
        // The folder may be still to be made.
        let there = copy.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let (kind, is_lasting) = place::kind(there);
        log::info!("{}: copies of the database, on {kind}", copy.display());
        Ok(Copied {
            store,
            copy: copy.into(),
            every,
            next: None,
            wait: every,
            is_lasting,
            restored,
            is_ahead: false,
            trouble: None,
        })
    }

    /// A copy is due: makes it, or puts it off until the budget of another day.
    fn copy_in_time(&mut self, now: Time) {
        let size = if self.is_lasting { self.store.size().unwrap_or(0) } else { 0 };
        let every = self.every.max(self.store.ledger.interval(size));
        self.wait = if self.store.ledger.is_too_much(size) {
            self.hold(size, true);
            Step::Day.next(self.store.ledger.day(), self.store.bounds.rollup.zone).since(now)
        } else if self.copy() {
            self.hold(size, every > self.every);
            every
        } else {
            self.every.min(RETRY)
        };
        self.next = Some(now + self.wait);
    }

    fn hold(&mut self, size: u64, held: bool) {
        if self.store.ledger.hold(held) {
            let Wear { today, budget, .. } = self.store.ledger.wear();
            log::warn!(
                "{}: {} MB are written today and a copy takes {}, of {} MB that a day may write (write_budget): \
                 copies are made more rarely than copy_every says",
                self.copy.display(),
                today >> 20,
                size >> 20,
                budget >> 20
            );
        }
    }

    fn copy(&mut self) -> bool {
        match save(&self.store.connection, &self.copy) {
            Ok(bytes) => {
                log::info!("{}: a copy of the database, {} kB", self.copy.display(), bytes / 1_000);
                (self.is_ahead, self.trouble) = (false, None);
                if self.is_lasting {
                    self.store.ledger.add(bytes);
                }
                true
            }
            Err(error) => {
                if self.trouble.as_ref() != Some(&error) {
                    log::warn!("{}: no copy of the database: {error}", self.copy.display());
                }
                self.trouble = Some(error);
                false
            }
        }
    }
}

impl Store for Copied {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        self.is_ahead = true;
        self.store.write(records)
    }

    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        let deleted = self.store.keep(now);
        if let Some((_, bytes)) = self.restored.take().filter(|(time, _)| *time >= self.store.ledger.day()) {
            // The last copy does not hold its own size.
            self.store.ledger.earlier(bytes);
        }
        match self.next {
            Some(next) if now < next && next.since(now) <= self.wait => {}
            Some(_) => self.copy_in_time(now),
            None => self.next = Some(now + self.every),
        }
        deleted
    }

    fn sum_up(&mut self, now: Time) -> Result<(), Error> {
        self.is_ahead = true;
        self.store.sum_up(now)
    }

    fn pause(&self) -> Duration {
        self.store.pause()
    }

    fn wear(&self) -> Wear {
        self.store.wear()
    }

    fn place(&self) -> Option<Place> {
        self.store.place()
    }

    fn sessions_while(&mut self, since: Time, each: &mut dyn FnMut(&Labelled) -> bool) -> Result<(), Error> {
        self.store.sessions_while(since, each)
    }

    fn devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        self.store.devices(each)
    }

    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        self.is_ahead = true;
        self.store.relabel(since, namer)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        if self.is_ahead {
            self.copy();
        }
    }
}

/// Writes the copy beside the old one and puts it in its place: whenever the
/// power goes, one of the two is whole. Returns its size in bytes.
fn save(connection: &Connection, copy: &Path) -> Result<u64, String> {
    let text = |error: std::io::Error| error.to_string();
    let folder = copy.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(text)?;
    let new = beside(copy, "new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(text(error)),
        _ => {}
    }
    // Nobody else knows of it: locks, which some file systems have not, are for nothing.
    let written = connection.execute("VACUUM INTO ?", [uri(&new, "nolock=1")]).map_err(|error| plain(&error));
    let placed = written.and_then(|_| {
        fs::set_permissions(&new, Permissions::from_mode(0o640)).map_err(text)?;
        let file = File::open(&new).map_err(text)?;
        file.sync_all().map_err(text)?;
        fs::rename(&new, copy).map_err(text)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(text)?;
        file.metadata().map(|data| data.len()).map_err(text)
    });
    if placed.is_err() {
        // Half a copy only takes room.
        let _ = fs::remove_file(&new);
    }
    placed
}

/// Brings the copy to `path`. One that is damaged is set aside, and records
/// begin anew.
fn restore(path: &Path, copy: &Path) -> Result<(), Error> {
    let name = copy.display();
    if let Err(error) = check(copy) {
        let damaged = beside(copy, "damaged");
        log::warn!("{name}: {error}; set aside as {}, records begin anew", damaged.display());
        return fs::rename(copy, &damaged).map_err(|error| Error::Fatal(format!("{name}: {error}")));
    }
    let new = beside(path, "new");
    let brought = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(copy, &new)?;
        fs::rename(&new, path)
    };
    brought().map_err(|error| {
        let _ = fs::remove_file(&new);
        Error::Fatal(format!("{}: not read back from {name}: {error}", path.display()))
    })?;
    log::info!("{}: read back from {name}", path.display());
    Ok(())
}

fn check(copy: &Path) -> Result<(), String> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection =
        Connection::open_with_flags(uri(copy, "immutable=1"), flags).map_err(|error| plain(&error))?;
    let told: String =
        connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).map_err(|error| plain(&error))?;
    if told == "ok" { Ok(()) } else { Err(told) }
}

/// `weir.db` and `new` make `weir.db.new`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LOOSE, count, folder, health};
    use super::*;
    use crate::record::Ids;

    const EVERY: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_was_copied_is_there_after_a_reboot() {
        let folder = folder("copy");
        let (path, copy) = (folder.join("memory/w.db"), folder.join("flash/w.db"));
        let mut ids = Ids::default();
        let mut store = Copied::open(&path, &copy, EVERY, LOOSE).unwrap();
        let begin = Time::from_secs(1_700_000_000);
        store.write(&[health(&mut ids, 1_700_000_000, 5)]).unwrap();
        store.keep(begin).unwrap();
        store.keep(begin + Duration::from_secs(3_599)).unwrap();
        assert!(!copy.exists(), "not before its time");
        store.keep(begin + EVERY).unwrap();
        assert!(copy.exists());
        // The power goes: what is in memory is lost, and nothing is told.
        store.write(&[health(&mut ids, 1_700_004_000, 6)]).unwrap();
        store.is_ahead = false;
        drop(store);
        fs::remove_dir_all(folder.join("memory")).unwrap();
        let mut store = Copied::open(&path, &copy, EVERY, LOOSE).unwrap();
        assert_eq!(count(&store.store, "health"), 1);
        store.write(&[health(&mut ids, 1_700_005_000, 7)]).unwrap();
        drop(store);
        fs::remove_dir_all(folder.join("memory")).unwrap();
        let store = Copied::open(&path, &copy, EVERY, LOOSE).unwrap();
        assert_eq!(count(&store.store, "health"), 2, "an orderly end copies");
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_budget_makes_copies_rare_and_loses_nothing() {
        let folder = folder("budget");
        let (path, copy) = (folder.join("w.db"), folder.join("copy/w.db"));
        let mut ids = Ids::default();
        let begin = 1_700_000_000 / 86_400 * 86_400;
        let rows: Vec<_> = (0..10_000).map(|n| health(&mut ids, begin + n, n)).collect();
        // As small as on a router, where there are no indexes to search by.
        let bounds = Bounds { write_budget: 1_100_000, max_size: 16 << 20, ..LOOSE };
        let mut store = Copied::open(&path, &copy, EVERY, bounds).unwrap();
        store.is_lasting = true;
        store.store.place.is_lasting = false;
        store.write(&rows).unwrap();
        let size = store.store.size().unwrap();
        assert!((300_000..600_000).contains(&size), "{size}");
        let mut copies = Vec::new();
        for hour in 0..72 {
            let before = store.wear().total;
            store.write(&[health(&mut ids, begin + 20_000 + hour, 1)]).unwrap();
            store.keep(Time::from_secs(begin + hour * 3_600)).unwrap();
            copies.extend((store.wear().total > before).then_some(hour));
            assert!(store.wear().today <= bounds.write_budget);
            assert_eq!(store.pause(), Duration::ZERO, "memory is written as ever");
        }
        // Without a budget it would be one each hour.
        assert!((5..=7).contains(&copies.len()) && store.wear().held, "{copies:?}");
        drop(store);
        fs::remove_file(&path).unwrap();
        let mut store = Copied::open(&path, &copy, EVERY, bounds).unwrap();
        assert_eq!(count(&store.store, "health"), 10_072, "the end copies, whatever the budget");
        store.store.place.is_lasting = false;
        store.keep(Time::from_secs(begin + 72 * 3_600)).unwrap();
        assert_eq!(store.wear().today, fs::metadata(&copy).unwrap().len(), "what is known of the day");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_database_that_is_there_is_not_replaced() {
        let folder = folder("newer");
        let (path, copy) = (folder.join("w.db"), folder.join("copy.db"));
        let mut ids = Ids::default();
        let mut store = Copied::open(&path, &copy, EVERY, LOOSE).unwrap();
        store.write(&[health(&mut ids, 1, 5)]).unwrap();
        store.copy();
        store.write(&[health(&mut ids, 2, 5)]).unwrap();
        store.is_ahead = false;
        drop(store);
        assert_eq!(count(&Copied::open(&path, &copy, EVERY, LOOSE).unwrap().store, "health"), 2);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_damaged_copy_is_set_aside_and_a_place_that_cannot_be_told() {
        let folder = folder("damaged");
        let (path, copy) = (folder.join("w.db"), folder.join("copy.db"));
        fs::write(&copy, [b'x'; 5_000]).unwrap();
        let store = Copied::open(&path, &copy, EVERY, LOOSE).unwrap();
        assert_eq!(count(&store.store, "health"), 0);
        assert!(folder.join("copy.db.damaged").exists() && !copy.exists());
        drop(store);
        let nowhere = Path::new("/proc/nowhere/copy.db");
        let mut store = Copied::open(&path, nowhere, EVERY, LOOSE).unwrap();
        store.write(&[health(&mut Ids::default(), 1, 5)]).unwrap();
        assert!(!store.copy() && store.is_ahead);
        let told = store.trouble.clone().unwrap();
        assert!(told.contains("No such file"), "{told}");
        assert_eq!(count(&store.store, "health"), 1, "and records go on");
        fs::remove_dir_all(folder).unwrap();
    }
}
