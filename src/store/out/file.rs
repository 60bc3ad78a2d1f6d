//! EVE JSON to a file, which is rotated by its size and by the clock: the last
//! ones stay as `eve.json.1.gz` and so on, the youngest first. Somebody else
//! may rotate it too (logrotate): what is no longer at its path is left.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{EveFile, moment};
use crate::record::Record;
use crate::store::rollup::Zone;
use crate::store::{Error, Store, eve};
use crate::time::Time;

/// See the module's text.
pub struct Lines {
    options: EveFile,
    zone: Zone,
    open: Option<Current>,
}

/// The file that is written to.
struct Current {
    file: File,
    /// Which it is, to tell whether it still lies at its path.
    inode: (u64, u64),
    size: u64,
    /// Devices and pipes are not rotated.
    is_file: bool,
    /// The part of time that its lines are of.
    slot: u64,
}

impl Lines {
    pub fn open(options: EveFile, zone: Zone) -> Result<Lines, Error> {
        let mut lines = Lines { options, zone, open: None };
        match lines.current(Time::ZERO) {
            // The disk may come later.
            Err(Error::Retry(text)) => log::warn!("{text}"),
            done => done.map(|_| ())?,
        }
        Ok(lines)
    }

    /// The file to write to, opened anew where it no longer lies at its path.
    fn current(&mut self, now: Time) -> Result<&mut Current, Error> {
        let path = &self.options.path;
        let there = fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        if self.open.as_ref().is_some_and(|open| there != Some(open.inode)) {
            self.open = None;
        }
        if self.open.is_none() {
            let current = Current::open(path, |time| slot(&self.options, self.zone, time), now);
            self.open = Some(current.map_err(|error| failed(path, &error))?);
        }
        self.open.as_mut().ok_or(Error::Closed)
    }

    /// Begins another file where it is time for that.
    fn rotate_if_due(&mut self, now: Time, coming: u64) -> Result<(), Error> {
        let now_slot = slot(&self.options, self.zone, now);
        let limit = self.options.rotate_size;
        let current = self.current(now)?;
        let is_full = limit > 0 && current.size.saturating_add(coming) > limit;
        if current.is_file && current.size > 0 && (is_full || now_slot > current.slot) {
            self.open = None;
            rotate(&self.options).map_err(|error| failed(&self.options.path, &error))?;
        }
        let current = self.current(now)?;
        current.slot = current.slot.max(now_slot);
        Ok(())
    }
}

impl Store for Lines {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let Some(now) = records.iter().map(moment).max() else { return Ok(()) };
        let mut text = Vec::new();
        records.iter().for_each(|record| eve::write_lines(record, &mut text));
        self.rotate_if_due(now, text.len() as u64)?;
        let path = self.options.path.clone();
        let written = self.current(now)?.append(&text);
        written.map_err(|error| {
            self.open = None;
            failed(&path, &error)
        })
    }
}

impl Current {
    /// Opens what lies at `path`, or makes it. `now` is what time it is for a
    /// file without a line.
    fn open(path: &Path, slot: impl Fn(Time) -> u64, now: Time) -> io::Result<Current> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        // Who talks to whom is not for everybody on this machine.
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
        let meta = file.metadata()?;
        let size = meta.len();
        let written = if size > 0 { meta.modified().map_or(now, Time::from) } else { now };
        let mut current = Current {
            file: file.try_clone()?,
            inode: (meta.dev(), meta.ino()),
            size,
            is_file: meta.is_file(),
            slot: slot(written),
        };
        // What was cut off by a crash is no line; the next one is.
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            current.append(b"\n")?;
        }
        Ok(current)
    }

    /// Writes all of `text` or nothing.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(text) {
            // A full disk has taken a part of it.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += text.len() as u64;
        Ok(())
    }
}

/// Disks fill and come back; a path that is none stays so, but somebody may
/// make it one.
fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Retry(format!("{}: {error}", path.display()))
}

/// The number of the part of time, by the clock on the wall, that `time` is in.
fn slot(options: &EveFile, zone: Zone, time: Time) -> u64 {
    let local = i64::try_from(time.secs()).unwrap_or(0) + i64::from(zone(time));
    u64::try_from(local).unwrap_or(0).checked_div(options.rotate_every.as_secs()).unwrap_or(0)
}

/// `path` with `ending` behind its name.
fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Moves the file and those before it on by one, and deletes the oldest.
fn rotate(options: &EveFile) -> io::Result<()> {
    let EveFile { path, keep, compress, .. } = options;
    let endings = ["", ".gz"];
    for ending in endings {
        remove(&with(path, &format!(".{keep}{ending}")))?;
    }
    for number in (1..*keep).rev() {
        for ending in endings {
            let from = with(path, &format!(".{number}{ending}"));
            if from.exists() {
                fs::rename(from, with(path, &format!(".{}{ending}", number + 1)))?;
            }
        }
    }
    if *keep == 0 {
        return remove(path);
    }
    let first = with(path, ".1");
    fs::rename(path, &first)?;
    if *compress { squeeze(&first) } else { Ok(()) }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes `path` a file of gzip beside it. Made aside and moved, so that nobody
/// takes half of it for the whole; where that fails it stays as it is.
fn squeeze(path: &Path) -> io::Result<()> {
    let aside = with(path, ".new");
    remove(&aside)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&aside).and_then(|out| {
        let mut gz = GzEncoder::new(out, Compression::fast());
        io::copy(&mut File::open(path)?, &mut gz)?;
        gz.finish().map(drop)
    });
    if let Err(error) = made {
        log::warn!("{}: not compressed: {error}", path.display());
        return remove(&aside);
    }
    fs::rename(&aside, with(path, ".gz"))?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::super::Types;
    use super::*;
    use crate::record::{Health, Ids};
    use crate::store::rollup::utc;
    use flate2::read::GzDecoder;
    use std::time::Duration;

    /// A folder of a test's own with a file of at most 450 bytes in it, which
    /// two lines have.
    fn small(name: &str) -> EveFile {
        let folder = std::env::temp_dir().join(format!("weir-lines-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        EveFile {
            path: folder.join("log/eve.json"),
            types: Types::default(),
            rotate_size: 450,
            rotate_every: Duration::ZERO,
            keep: 2,
            compress: true,
        }
    }

    fn health(secs: u64) -> Record {
        let time = Time::from_secs(secs);
        let (id, stage) = (Ids::default().next(time, 0), "x".into());
        Health { id, time, stage, offered: secs, lost: 0, flash_bytes: 0, flash_held: 0 }.into()
    }

    /// The seconds in the lines of a file of gzip, or of one that is none.
    fn seconds(path: &Path) -> Vec<u64> {
        let mut bytes = fs::read(path).unwrap();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let mut text = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
            bytes = text;
        }
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let line: serde_json::Value = serde_json::from_slice(line).unwrap();
                line["health"]["offered"].as_u64().unwrap()
            })
            .collect()
    }

    fn names(options: &EveFile) -> Vec<String> {
        let entries = fs::read_dir(options.path.parent().unwrap()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_compressed_and_only_so_many_stay() {
        let options = small("size");
        let mut lines = Lines::open(options.clone(), utc).unwrap();
        for secs in 1..=7 {
            lines.write(&[health(secs)]).unwrap();
        }
        assert_eq!(names(&options), ["eve.json", "eve.json.1.gz", "eve.json.2.gz"]);
        let at = |ending: &str| seconds(&with(&options.path, ending));
        assert_eq!((at(""), at(".1.gz"), at(".2.gz")), (vec![7], vec![5, 6], vec![3, 4]));
    }

    #[test]
    fn another_day_is_another_file_also_after_a_restart() {
        let mut options = small("time");
        (options.rotate_every, options.rotate_size) = (Duration::from_secs(86_400), 0);
        let mut lines = Lines::open(options.clone(), utc).unwrap();
        lines.write(&[health(86_399)]).unwrap();
        lines.write(&[health(86_400)]).unwrap();
        assert_eq!(seconds(&with(&options.path, ".1.gz")), [86_399]);
        // What lies there was written now, which is later than these.
        let mut again = Lines::open(options.clone(), utc).unwrap();
        again.write(&[health(86_401)]).unwrap();
        assert_eq!(seconds(&options.path), [86_400, 86_401]);
        let much_later = 4_000_000_000;
        Lines::open(options.clone(), utc).unwrap().write(&[health(much_later)]).unwrap();
        assert_eq!(seconds(&options.path), [much_later]);
        assert_eq!(seconds(&with(&options.path, ".1.gz")), [86_400, 86_401]);
    }

    #[test]
    fn who_moves_the_file_away_gets_another_in_its_place() {
        let options = small("moved");
        let mut lines = Lines::open(options.clone(), utc).unwrap();
        lines.write(&[health(1)]).unwrap();
        fs::rename(&options.path, with(&options.path, ".old")).unwrap();
        lines.write(&[health(2)]).unwrap();
        assert_eq!((seconds(&options.path), seconds(&with(&options.path, ".old"))), (vec![2], vec![1]));
    }

    #[test]
    fn a_line_that_a_crash_cut_off_does_not_spoil_the_next() {
        let options = small("cut");
        fs::create_dir_all(options.path.parent().unwrap()).unwrap();
        fs::write(&options.path, "{\"timest").unwrap();
        let mut lines = Lines::open(options.clone(), utc).unwrap();
        lines.write(&[health(1)]).unwrap();
        let text = fs::read_to_string(&options.path).unwrap();
        let (cut, line) = text.split_once('\n').unwrap();
        assert_eq!((cut, line.ends_with("}\n")), ("{\"timest", true));
    }

    #[test]
    fn a_full_disk_takes_whole_lines_or_none() {
        // Its every write fails as that of a full disk does.
        let mut options = small("full");
        options.path = "/dev/full".into();
        let mut lines = Lines::open(options, utc).unwrap();
        let answer = lines.write(&[health(1)]);
        assert!(matches!(&answer, Err(Error::Retry(text)) if text.contains("/dev/full")), "{answer:?}");
    }

    #[test]
    fn a_path_below_a_file_is_waited_for() {
        let mut options = small("below");
        let file = options.path.parent().unwrap().with_extension("file");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        options.path = file.join("eve.json");
        let mut lines = Lines::open(options, utc).unwrap();
        assert!(matches!(lines.write(&[health(1)]), Err(Error::Retry(_))));
        fs::remove_file(&file).unwrap();
        assert_eq!(lines.write(&[health(1)]), Ok(()));
    }
}
