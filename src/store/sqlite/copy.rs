//! A copy on lasting storage of a database that lies in memory: flash is
//! written from time to time, and a reboot loses what came since.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Bounds, Sqlite, plain};
use crate::record::Record;
use crate::store::{Error, Namer, Store};
use crate::time::Time;

/// After a copy that failed: the next try, if the interval is longer.
const RETRY: Duration = Duration::from_secs(600);

/// A database with its copy.
pub struct Copied {
    store: Sqlite,
    copy: PathBuf,
    every: Duration,
    next: Option<Time>,
    /// Something was written since the last copy.
    is_ahead: bool,
    /// What went wrong with the last copy, so that it is told once.
    trouble: Option<String>,
}

impl Copied {
    /// Opens the database at `path`, with what is in its copy if there is none.
    pub fn open(path: &Path, copy: &Path, every: Duration, bounds: Bounds) -> Result<Copied, Error> {
        if !path.exists() && copy.exists() {
            restore(path, copy)?;
        }
        let store = Sqlite::open(path, bounds)?;
        Ok(Copied { store, copy: copy.into(), every, next: None, is_ahead: false, trouble: None })
    }

    fn copy(&mut self) -> bool {
        match save(&self.store.connection, &self.copy) {
            Ok(bytes) => {
                log::info!("{}: a copy of the database, {} kB", self.copy.display(), bytes / 1_000);
                (self.is_ahead, self.trouble) = (false, None);
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
        match self.next {
            Some(next) if now < next && next.since(now) <= self.every => {}
            Some(_) => {
                let done = self.copy();
                self.next = Some(now + if done { self.every } else { self.every.min(RETRY) });
            }
            None => self.next = Some(now + self.every),
        }
        deleted
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
    let target = new.to_str().ok_or("its path is not UTF-8")?;
    let written = connection.execute("VACUUM INTO ?", [target]).map_err(|error| plain(&error));
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
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags).map_err(|error| plain(&error))?;
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
