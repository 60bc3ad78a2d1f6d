//! Files that pages change: read whole, written whole or not at all, with what they
//! were before beside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::daemon::files::{self, beside, folder};
use crate::time::Time;
use crate::wire::bytes::hex;

/// A longer text is neither sent nor taken.
pub const MAX_TEXT: usize = 1 << 20;

/// Why a file is not read or written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Somebody else changed it since it was read.
    Changed,
    /// Longer than [`MAX_TEXT`].
    Long,
    /// No text in UTF-8.
    NoText,
    /// What the system says, with the path.
    System(String),
}

pub fn system(path: &Path) -> impl Fn(io::Error) -> Fault + '_ {
    move |error| Fault::System(format!("{}: {error}", path.display()))
}

/// What tells one text from another; a file that is not there has one too.
pub fn version(text: &[u8]) -> String {
    hex(Sha256::digest(text).get(..16).unwrap_or_default())
}

/// The text of the file at `path`; "" where there is none.
pub fn read(path: &Path) -> Result<String, Fault> {
    let bytes = files::bytes(path, MAX_TEXT as u64 + 1).map_err(system(path))?.unwrap_or_default();
    if bytes.len() > MAX_TEXT {
        return Err(Fault::Long);
    }
    String::from_utf8(bytes).map_err(|_| Fault::NoText)
}

/// Puts `text` in the place of the file at `path`, if that is still the `known`
/// version, and keeps that as the first of `keep` backups; returns the new version.
/// Mode and owner stay, those of a new file are as `mode` says.
pub fn write(path: &Path, text: &str, known: &str, keep: u32, mode: u32) -> Result<String, Fault> {
    if text.len() > MAX_TEXT {
        return Err(Fault::Long);
    }
    // A link goes on leading to what it leads to.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = read(path)?;
    if version(before.as_bytes()) != known {
        return Err(Fault::Changed);
    }
    if before == text {
        return Ok(known.to_owned());
    }
    let aside = beside(path, "new");
    let done = fill(&aside, text, path, mode).and_then(|()| {
        keep_backup(path, keep)?;
        fs::rename(&aside, path).map_err(system(path))
    });
    if done.is_err() {
        let _ = fs::remove_file(&aside);
    }
    done?;
    // The name too is to outlive a power cut; where a folder can't be synced, it is so.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(version(text.as_bytes()))
}

/// Writes `text` to `aside` with the mode and owner of the file at `path`.
fn fill(aside: &Path, text: &str, path: &Path, mode: u32) -> Result<(), Fault> {
    let _ = fs::remove_file(aside);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside).map_err(system(aside))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(system(aside))?;
    let mine = file.metadata().map_err(system(aside))?;
    let mode = match fs::metadata(path) {
        Ok(old) => {
            if (old.uid(), old.gid()) != (mine.uid(), mine.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid())).map_err(system(aside))?;
            }
            old.mode() & 0o777
        }
        Err(_) => mode,
    };
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(system(aside))
}

/// A version of a file that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// From 1, which is the latest.
    pub number: u32,
    /// When it was written.
    pub written: Time,
    /// Bytes.
    pub size: u64,
}

/// Most that are looked for, whatever is set.
pub const MAX_BACKUPS: u32 = 100;

/// The backups of the file at `path`, the latest first.
pub fn backups(path: &Path) -> Vec<Backup> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let about = |number| {
        let about = fs::metadata(backup(path, number)).ok()?;
        let written = about.modified().map(Time::from).unwrap_or_default();
        Some(Backup { number, written, size: about.len() })
    };
    (1..=MAX_BACKUPS).map_while(about).collect()
}

/// The text of a backup.
pub fn read_backup(path: &Path, number: u32) -> Result<String, Fault> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let backup = backup(path, number);
    if !backup.exists() {
        return Err(Fault::System(format!("{}: there is none", backup.display())));
    }
    read(&backup)
}

/// Whether the daemon may write at `path`, as far as one can tell before.
pub fn is_writable(path: &Path) -> bool {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Ok(name) = std::ffi::CString::new(folder(&path).as_os_str().as_encoded_bytes()) else { return false };
    // SAFETY: the string ends with a zero and outlives the call.
    unsafe { libc::access(name.as_ptr(), libc::W_OK) == 0 }
}

/// Moves the backups on by one and puts the file, if there is one, at their begin.
fn keep_backup(path: &Path, keep: u32) -> Result<(), Fault> {
    if keep == 0 || !path.exists() {
        return Ok(());
    }
    // More, of a time when more were kept, go too.
    for number in (keep..=MAX_BACKUPS).take_while(|number| backup(path, *number).exists()) {
        let last = backup(path, number);
        fs::remove_file(&last).map_err(system(&last))?;
    }
    for number in (1..keep).rev() {
        let (from, to) = (backup(path, number), backup(path, number + 1));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(system(&from)(error)),
            _ => {}
        }
    }
    // A second name for it, so that there is no moment without the file. File systems
    // without such get a copy.
    let first = backup(path, 1);
    fs::hard_link(path, &first).or_else(|_| fs::copy(path, &first).map(drop)).map_err(system(&first))
}

fn backup(path: &Path, number: u32) -> PathBuf {
    beside(path, &number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("weir-edit-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder.join("features.txt")
    }

    fn save(path: &Path, text: &str, keep: u32) -> Result<String, Fault> {
        write(path, text, &version(read(path)?.as_bytes()), keep, 0o640)
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder(path)).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_it_was_before_is_kept_and_no_more_than_asked_for() {
        let path = place("backups");
        for n in 0..6 {
            save(&path, &format!("{n}"), 3).unwrap();
        }
        assert_eq!(read(&path).unwrap(), "5");
        let kept: Vec<_> = (1..=3).map(|n| read_backup(&path, n).unwrap()).collect();
        assert_eq!(kept, ["4", "3", "2"]);
        assert_eq!(names(&path), ["features.txt", "features.txt.1", "features.txt.2", "features.txt.3"]);
        assert_eq!(
            backups(&path).iter().map(|it| (it.number, it.size)).collect::<Vec<_>>(),
            [(1, 1), (2, 1), (3, 1)]
        );
        assert!(matches!(read_backup(&path, 4), Err(Fault::System(_))));
        save(&path, "6", 1).unwrap();
        assert_eq!((names(&path).len(), read_backup(&path, 1).unwrap()), (2, "5".to_owned()));
        save(&path, "6", 1).unwrap();
        assert_eq!(read_backup(&path, 1).unwrap(), "5", "the same again is no change");
        save(&path, "7", 0).unwrap();
        assert_eq!(read_backup(&path, 1).unwrap(), "5");
        fs::remove_dir_all(folder(&path)).unwrap();
    }

    #[test]
    fn mode_and_links_stay() {
        let path = place("mode");
        save(&path, "one", 2).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        let link = path.with_file_name("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        save(&link, "two", 2).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (read(&path).unwrap(), fs::metadata(&path).unwrap().mode() & 0o777),
            ("two".into(), 0o604)
        );
        assert_eq!(read_backup(&link, 1).unwrap(), "one");
        fs::remove_dir_all(folder(&path)).unwrap();
    }

    #[test]
    fn who_read_an_earlier_version_does_not_overwrite_the_later() {
        let path = place("changed");
        let first = save(&path, "one", 2).unwrap();
        fs::write(&path, "by hand").unwrap();
        assert_eq!(write(&path, "two", &first, 2, 0o644), Err(Fault::Changed));
        assert_eq!((read(&path).unwrap(), names(&path).len()), ("by hand".into(), 1));
        fs::remove_dir_all(folder(&path)).unwrap();
    }

    #[test]
    fn where_nothing_can_be_written_it_is_said() {
        // Not even root makes files there.
        let path = Path::new("/proc/version");
        let Err(Fault::System(text)) = save(path, "mine", 2) else { panic!() };
        assert!(text.starts_with("/proc/version.new: "), "{text}");
        assert_eq!(save(&place("long"), &"x".repeat(MAX_TEXT + 1), 2), Err(Fault::Long));
        let path = place("bytes");
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(read(&path), Err(Fault::NoText));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(read(&path), Err(Fault::System(_))));
    }

    #[test]
    fn what_a_full_disk_left_is_taken_away() {
        let path = place("full");
        save(&path, "one", 2).unwrap();
        // A folder where the first backup should be is in the way, as a full disk is.
        fs::create_dir(backup(&path, 1)).unwrap();
        fs::create_dir(backup(&path, 2)).unwrap();
        assert!(matches!(save(&path, "two", 2), Err(Fault::System(_))));
        assert_eq!((read(&path).unwrap(), names(&path).len()), ("one".into(), 3));
        fs::remove_dir_all(folder(&path)).unwrap();
    }
}
