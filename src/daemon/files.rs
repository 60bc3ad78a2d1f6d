//! Files that are whole at every moment.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Writes `text` aside and moves it to `path`. It is the owner's and the group's
/// that the folder has, and nobody else reads it: root sets what the daemon reads.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let owner = fs::metadata(folder)?;
    // By the open file: who owns the folder could put a link in the place of it.
    let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    fs::rename(&aside, path)
}
