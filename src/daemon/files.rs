//! Files that are whole at every moment, and read no further than they may be long.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes `text` aside and moves it to `path`. It is the owner's and the group's
/// that the folder has, and nobody else reads it: root sets what the daemon reads.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    let aside = beside(path, "new");
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let owner = fs::metadata(folder)?;
    // By the open file: who owns the folder could put a link in the place of it.
    let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    fs::rename(&aside, path)
}

/// The file at `path` with one more ending: password, password.guest.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The folder that `path` is in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// At most `limit` bytes of the file at `path`; `None` where there is no file.
pub fn bytes(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(limit).read_to_end(&mut bytes).map(|_| Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same as text; what is not UTF-8 is an error.
pub fn text(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let text = bytes(path, limit)?.map(String::from_utf8).transpose();
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
