//! The files of an export: a new one when one is full, the oldest deleted when all
//! together are too large.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::source::{Frame, Pcapng};
use crate::time::Time;

/// A pause before it is tried again to write where that failed.
const PAUSE: Duration = Duration::from_secs(10);

pub struct Ring {
    folder: PathBuf,
    /// Bytes of all files together, and of one.
    max: u64,
    each: u64,
    /// Those that are full, the oldest first, with their bytes.
    full: VecDeque<(PathBuf, u64)>,
    now: Option<(PathBuf, Pcapng<BufWriter<File>>)>,
    /// Of files, so that two of one moment differ.
    number: u32,
    trouble: Option<String>,
    retry_at: Time,
}

impl Ring {
    /// What lies in `folder` from before counts as well.
    pub fn new(folder: &Path, max: u64, each: u64) -> Ring {
        let full = files(folder).into_iter().filter_map(|path| {
            let size = fs::metadata(&path).ok()?.len();
            Some((path, size))
        });
        Ring {
            folder: folder.into(),
            max,
            // With the one that is being written there are at least two.
            each: each.min(max / 2),
            full: full.collect(),
            now: None,
            number: 0,
            trouble: None,
            retry_at: Time::ZERO,
        }
    }

    /// Writes `frame`; whether that was possible.
    pub fn write(&mut self, frame: &Frame<'_>, snaplen: usize, now: Time) -> bool {
        if now < self.retry_at {
            return false;
        }
        match self.try_write(frame, snaplen) {
            Ok(()) => {
                self.trouble = None;
                true
            }
            Err(error) => {
                self.fail(&error, now);
                false
            }
        }
    }

    fn try_write(&mut self, frame: &Frame<'_>, snaplen: usize) -> io::Result<()> {
        let (path, mut file) = match self.now.take() {
            Some(now) => now,
            None => self.begin(frame.time)?,
        };
        file.write(frame, snaplen)?;
        if file.size() < self.each {
            self.now = Some((path, file));
        } else {
            file.flush()?;
            self.full.push_back((path, file.size()));
        }
        self.shrink();
        Ok(())
    }

    fn begin(&mut self, time: Time) -> io::Result<(PathBuf, Pcapng<BufWriter<File>>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        loop {
            self.number = self.number.wrapping_add(1);
            let path = self.folder.join(format!("weir-{:013}-{:05}.pcapng", time.millis(), self.number));
            // A link that somebody laid there is not followed.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((path, Pcapng::new(BufWriter::new(file))?)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes the oldest while there is too much.
    fn shrink(&mut self) {
        while self.size() > self.max {
            let Some((path, _)) = self.full.pop_front() else { return };
            let _ = fs::remove_file(path);
        }
    }

    fn fail(&mut self, error: &io::Error, now: Time) {
        let text = format!("{}: {error}", self.folder.display());
        if self.trouble.as_ref() != Some(&text) {
            log::warn!("export: {text}");
        }
        self.trouble = Some(text);
        self.retry_at = now + PAUSE;
        if let Some((path, file)) = self.now.take() {
            self.full.push_back((path, file.size()));
        }
    }

    /// Lets others read what was written so far.
    pub fn flush(&mut self, now: Time) {
        if let Some(Err(error)) = self.now.as_mut().map(|(_, file)| file.flush()) {
            self.fail(&error, now);
        }
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        let now = self.now.as_ref().map_or(0, |(_, file)| file.size());
        now + self.full.iter().map(|(_, size)| size).sum::<u64>()
    }

    pub fn count(&self) -> usize {
        self.full.len() + usize::from(self.now.is_some())
    }

    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// The files of an export in `folder`, the oldest first.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("weir-") && name.ends_with(".pcapng")
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::LinkType;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("weir-ring-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn frame(secs: u64) -> Frame<'static> {
        let (time, bytes) = (Time::from_secs(secs), &[7; 1_000]);
        Frame { time, iface: 0, iface_name: "lan", kind: LinkType::Ethernet, bytes, on_wire: 1_000 }
    }

    fn on_disk(folder: &Path) -> u64 {
        files(folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum()
    }

    #[test]
    fn the_oldest_file_makes_room() {
        let folder = folder("room");
        let mut ring = Ring::new(&folder, 40_000, 10_000);
        for n in 0..200 {
            assert!(ring.write(&frame(1_000 + n), 4096, Time::from_secs(n)));
            assert!(ring.size() <= 40_000);
        }
        ring.flush(Time::ZERO);
        assert_eq!(ring.size(), on_disk(&folder));
        assert_eq!((ring.count(), ring.count() >= 3), (files(&folder).len(), true));
        // Another run goes on with what is there.
        let mut ring = Ring::new(&folder, 20_000, 10_000);
        assert!(ring.write(&frame(2_000), 4096, Time::ZERO));
        ring.flush(Time::ZERO);
        assert!(on_disk(&folder) <= 20_000);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_is_told_and_tried_again() {
        let folder = folder("file");
        fs::write(&folder, "in the way").unwrap();
        let mut ring = Ring::new(&folder, 40_000, 10_000);
        assert!(!ring.write(&frame(1), 100, Time::from_secs(1)));
        assert!(ring.trouble().is_some());
        fs::remove_file(&folder).unwrap();
        assert!(!ring.write(&frame(2), 100, Time::from_secs(2)), "not at once");
        assert!(ring.write(&frame(11), 100, Time::from_secs(11)));
        assert_eq!(ring.trouble(), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
