//! What the place of a database can do. A write-ahead log needs memory that
//! processes share, which JFFS2 and some others have not; some have no locks.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{plain, uri};

/// How a database is written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// By a write-ahead log: pages read while it is written.
    Wal,
    /// By a rollback journal: pages wait while a batch is written.
    Journal,
    /// By a rollback journal and without locks: pages can't read it.
    Alone,
}

/// Where a database lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file system by its name; of overlayfs also what it writes to.
    pub kind: String,
    /// Whether a reboot leaves it, and writing wears it out.
    pub is_lasting: bool,
    pub mode: Mode,
    /// What it could not do.
    pub lacks: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.mode {
            Mode::Wal => "a write-ahead log",
            Mode::Journal => "a rollback journal, for which pages wait a moment",
            Mode::Alone => "a rollback journal without locks, so that pages can not read it",
        };
        write!(f, "{}: written by {way}", self.kind)?;
        match &self.lacks {
            Some(lacks) => write!(f, " ({lacks})"),
            None => Ok(()),
        }
    }
}

impl Place {
    /// Whether it lacks nothing.
    pub fn is_usual(&self) -> bool {
        self.mode == Mode::Wal
    }

    /// Whether others can read the database while it is written.
    pub fn is_shared(&self) -> bool {
        self.mode != Mode::Alone
    }

    /// Looks at the folder of `path` and tries there what a database needs.
    pub fn of(path: &Path) -> Place {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (kind, is_lasting) = kind(folder);
        let mut lacks = None;
        for (mode, name) in [(Mode::Wal, "no write-ahead log"), (Mode::Journal, "no locks")] {
            match attempt(path, mode) {
                Ok(()) => return Place { kind, is_lasting, mode, lacks },
                Err(error) => lacks = Some(format!("{name}: {error}")),
            }
        }
        Place { kind, is_lasting, mode: Mode::Alone, lacks }
    }
}

/// The file system that `folder` lies on, and whether that outlives a reboot.
pub fn kind(folder: &Path) -> (String, bool) {
    let folder = fs::canonicalize(folder).unwrap_or(folder.into());
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let (kind, below) = named(&mounts, &folder);
    let lasting = !matches!(below.as_deref().unwrap_or(&kind), "tmpfs" | "ramfs");
    (below.map_or_else(|| kind.clone(), |below| format!("{kind} on {below}")), lasting)
}

/// By the lines of `mounts`: the file system of `path`, and of overlayfs the one
/// that changes go to. By name, because overlayfs itself tells nothing of the latter.
fn named(mounts: &[u8], path: &Path) -> (String, Option<String>) {
    let Some((kind, options)) = mount(mounts, path) else { return ("unknown".into(), None) };
    let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="));
    let below = match (&*kind, upper) {
        ("overlay", Some(upper)) => mount(mounts, Path::new(upper)).map(|(kind, _)| kind),
        _ => None,
    };
    // Seen from a container an upper folder may be anywhere.
    (kind, below.filter(|below| below != "overlay"))
}

/// Type and options of what is mounted where `path` lies (proc(5), mountinfo).
fn mount(mounts: &[u8], path: &Path) -> Option<(String, String)> {
    let mut best: Option<(usize, String, String)> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ');
        let Some(point) = fields.nth(4).map(unescaped) else { continue };
        let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
        let (Some(kind), Some(_), options) = (rest.next(), rest.next(), rest.next()) else { continue };
        let length = point.as_os_str().len();
        // Of two at the same point the later one covers the other.
        if path.starts_with(&point) && best.as_ref().is_none_or(|(longest, ..)| length >= *longest) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            best = Some((length, text(kind), text(options.unwrap_or_default())));
        }
    }
    best.map(|(_, kind, options)| (kind, options))
}

/// `\040` is a space there.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field;
    while let Some((&byte, more)) = rest.split_first() {
        let code = more.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\') {
            Some(code) => {
                bytes.push(code);
                rest = &more[3..];
            }
            None => {
                bytes.push(byte);
                rest = more;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

/// Does with a database of its own beside `path` what the daemon and the pages do.
fn attempt(path: &Path, mode: Mode) -> Result<(), String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".try");
    let path = PathBuf::from(name);
    remove(&path);
    let done = write_and_read(&path, mode);
    remove(&path);
    done
}

fn write_and_read(path: &Path, mode: Mode) -> Result<(), String> {
    let told = |error: rusqlite::Error| plain(&error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_CREATE).map_err(told)?;
    let wanted = if mode == Mode::Wal { "wal" } else { "truncate" };
    let set: String =
        writer.query_row(&format!("PRAGMA journal_mode={wanted}"), (), |row| row.get(0)).map_err(told)?;
    if set != wanted {
        return Err("it has no shared memory".into());
    }
    writer
        .execute_batch(
            "CREATE TABLE t (n); INSERT INTO t VALUES (1); BEGIN IMMEDIATE; INSERT INTO t VALUES (2)",
        )
        .map_err(told)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags).map_err(told)?;
    let rows: i64 = reader.query_row("SELECT COUNT(*) FROM t", (), |row| row.get(0)).map_err(told)?;
    drop(reader);
    writer.execute_batch("COMMIT").map_err(told)?;
    if rows == 1 { Ok(()) } else { Err("a reader sees what is not yet written".into()) }
}

fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

/// That this process alone writes a database where nothing else can tell: a file
/// with its number beside it.
#[derive(Debug)]
pub struct Claim(PathBuf);

impl Claim {
    /// Fails when a process of this program that lives has it, this one included.
    pub fn of(path: &Path) -> Result<Claim, String> {
        let mut name = path.as_os_str().to_owned();
        name.push(".pid");
        let name = PathBuf::from(name);
        let holder = fs::read_to_string(&name).unwrap_or_default();
        if let Ok(holder) = holder.trim().parse::<u32>() {
            let program = |process: &str| fs::read_to_string(format!("/proc/{process}/comm")).ok();
            // A number is used again, for a program that is another.
            if program(&holder.to_string()).is_some_and(|theirs| program("self") == Some(theirs)) {
                return Err(format!("is written by process {holder} already, and there are no locks"));
            }
        }
        fs::write(&name, std::process::id().to_string()).map_err(|error| error.to_string())?;
        Ok(Claim(name))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens the database at `path` for writing, as its place has it.
pub fn open(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    // One thread writes: SQLite need not lock for each call.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    match mode {
        Mode::Alone => Connection::open_with_flags(uri(path, "vfs=unix-none"), flags),
        _ => Connection::open_with_flags(uri(path, ""), flags),
    }
}

/// Lets `connection` write as its place has it.
pub fn set(connection: &Connection, mode: Mode) -> rusqlite::Result<()> {
    if mode == Mode::Wal {
        let set: String = connection.query_row("PRAGMA journal_mode=WAL", (), |row| row.get(0))?;
        if set == "wal" {
            return Ok(());
        }
    }
    // One that comes from a better place has a write-ahead log, which is read
    // without shared memory by who is alone.
    connection.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
    connection.query_row("PRAGMA journal_mode=TRUNCATE", (), |_| Ok(()))?;
    if mode != Mode::Alone {
        connection.execute_batch("PRAGMA locking_mode=NORMAL")?;
        // The lock goes with the next reading.
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", (), |_| Ok(()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::folder;
    use super::*;

    const MOUNTS: &[u8] = b"\
14 1 0:13 / /rom ro,relatime - squashfs /dev/root ro
20 1 31:6 / /overlay rw,noatime - jffs2 /dev/mtdblock6 rw
21 1 0:17 / / rw,noatime - overlay overlayfs:/overlay rw,lowerdir=/,upperdir=/overlay/upper,workdir=/overlay/work
22 21 0:15 / /tmp rw,nosuid - tmpfs tmpfs rw
23 21 8:1 / /mnt/a\\040stick rw - exfat /dev/sda1 rw,fmask=0022
24 21 8:2 / /mnt/a\\040stick rw - vfat /dev/sda2 rw
25 21 0:20 / /mnt/net rw shared:5 master:2 - 9p host rw,trans=virtio
26 21 0:21 / /mnt/box rw - overlay overlay rw,upperdir=/not/to/be/seen
broken
27 21 0:22 / /mnt/short rw -
";

    #[test]
    fn a_file_system_has_its_name_and_overlayfs_what_it_writes_to() {
        let name = |path: &str| {
            let (kind, below) = named(MOUNTS, Path::new(path));
            format!("{kind} {}", below.unwrap_or_default())
        };
        assert_eq!(name("/var/lib/weir"), "overlay jffs2");
        assert_eq!(name("/tmp/weir"), "tmpfs ");
        assert_eq!(name("/tmpfile"), "overlay jffs2");
        assert_eq!(name("/mnt/a stick/weir"), "vfat ", "the later one covers the other");
        assert_eq!(name("/mnt/net/x"), "9p ");
        assert_eq!(name("/mnt/box"), "overlay ");
        assert_eq!(named(b"", Path::new("/x")), ("unknown".into(), None));
        assert!(!kind(Path::new("/proc")).0.is_empty());
    }

    #[test]
    fn a_usual_place_has_a_write_ahead_log_and_nothing_stays_behind() {
        let folder = folder("place");
        let place = Place::of(&folder.join("w.db"));
        assert_eq!((place.mode, place.lacks), (Mode::Wal, None));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_locks_one_process_writes() {
        let folder = folder("place-claim");
        let path = folder.join("w.db");
        let claim = Claim::of(&path).unwrap();
        let told = Claim::of(&path).unwrap_err();
        assert!(told.starts_with(&format!("is written by process {}", std::process::id())), "{told}");
        drop(claim);
        for nobody in ["", "what", "4294967295", "1"] {
            fs::write(folder.join("w.db.pid"), nobody).unwrap();
            drop(Claim::of(&path).unwrap());
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_database_with_a_log_goes_on_where_there_is_none() {
        let folder = folder("place-moved");
        for mode in [Mode::Journal, Mode::Alone] {
            let path = folder.join(format!("{mode:?} a%b?c#d.db"));
            let before = open(&path, Mode::Wal).unwrap();
            set(&before, Mode::Wal).unwrap();
            before.execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (7)").unwrap();
            drop(before);
            let after = open(&path, mode).unwrap();
            set(&after, mode).unwrap();
            after.execute_batch("INSERT INTO t VALUES (8)").unwrap();
            let used: String = after.query_row("PRAGMA journal_mode", (), |row| row.get(0)).unwrap();
            assert_eq!(used, "truncate");
            let read =
                Connection::open(&path).unwrap().query_row("SELECT SUM(n) FROM t", (), |row| row.get(0));
            assert_eq!(read, Ok(15));
            assert!(!path.with_extension("db-wal").exists());
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
