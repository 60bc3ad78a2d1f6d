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
        // A line may be a little late; a clock that was set back is more than that.
        if now_slot > current.slot || now_slot + 1 < current.slot {
            current.slot = now_slot;
        }
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
mod tests;
