//! Tokens, by which programs read what the pages show. The file beside the
//! password has their hashes: whoever reads it can not use them.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::files::{self, beside};
use super::super::password::{random, same, save};
use super::No;
use crate::time::Time;
use crate::wire::bytes::hex;

/// Tokens at once.
pub const MAX_KEYS: usize = 16;

/// A name has at most this many characters.
const LONGEST_NAME: usize = 40;

/// A longer file was not written by us: sixteen times a name of four bytes a
/// character, escaped, a hash and two days.
const MAX_FILE: u64 = 16 << 10;

/// What a token begins with, so that programs that look for secrets know one.
const PREFIX: &str = "weir_";

const DAY_SECS: u64 = 86_400;

/// In the year 4840; a later one is no day.
const LAST_DAY: u64 = 1 << 20;

/// A token as it is kept. Days are counted since 1970, in UTC: finer, each use
/// would write to the flash of a router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub name: String,
    /// SHA-256 in hex. The token has 128 random bits, so nothing slower is needed.
    hash: String,
    pub made: u64,
    /// The day it was last used.
    pub used: Option<u64>,
}

/// All tokens.
pub struct Keys {
    file: PathBuf,
    /// What the file said when it was last read.
    text: String,
    keys: Vec<Key>,
}

fn day(now: Time) -> u64 {
    now.secs() / DAY_SECS
}

fn hash(token: &str) -> String {
    hex(Sha256::digest(token).as_slice())
}

/// What is wrong with a name, if anything is.
fn objection(name: &str) -> Option<&'static str> {
    let length = name.chars().count();
    let is_odd = name.trim() != name || name.chars().any(char::is_control);
    (length == 0 || length > LONGEST_NAME || is_odd).then_some("name")
}

fn read(path: &Path) -> io::Result<String> {
    Ok(files::text(path, MAX_FILE)?.unwrap_or_default())
}

/// The keys that a file's text tells; `None` for a text that is none of ours.
fn parse(text: &str) -> Option<Vec<Key>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let day = |value: &Value| value.as_u64().filter(|day| *day < LAST_DAY);
    let list: Value = serde_json::from_str(text).ok()?;
    let key = |value: &Value| {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Key {
            name: text("name").filter(|name| objection(name).is_none())?,
            hash: text("sha256").filter(|hash| hash.len() == 64)?,
            made: day(&value["made"])?,
            used: day(&value["used"]),
        })
    };
    list.as_array()?.iter().take(MAX_KEYS).map(key).collect()
}

impl Keys {
    /// Those beside the file of the password at `path`.
    pub fn beside(path: &Path) -> Keys {
        Keys { file: beside(path, "tokens"), text: String::new(), keys: Vec::new() }
    }

    /// Reads the file again, which `weir token` writes too.
    fn reload(&mut self) -> Result<(), No> {
        let failed = |why: String| No::File(format!("{}: {why}", self.file.display()));
        let text = read(&self.file).map_err(|error| failed(error.to_string()))?;
        if text != self.text {
            self.keys = parse(&text).ok_or_else(|| failed("no list of tokens".into()))?;
            self.text = text;
        }
        Ok(())
    }

    fn write(&mut self, keys: Vec<Key>) -> Result<(), No> {
        let list: Vec<Value> = keys
            .iter()
            .map(|key| json!({"name": key.name, "sha256": key.hash, "made": key.made, "used": key.used}))
            .collect();
        let text = Value::from(list).to_string();
        save(&self.file, &text).map_err(|error| No::File(format!("{}: {error}", self.file.display())))?;
        self.text = text + "\n";
        self.keys = keys;
        Ok(())
    }

    /// Whether `token` is one, which is then used today.
    pub fn opens(&mut self, token: &str, now: Time) -> bool {
        if self.reload().is_err() {
            return false;
        }
        let hash = hash(token);
        let Some(at) = self.keys.iter().position(|key| same(key.hash.as_bytes(), hash.as_bytes())) else {
            return false;
        };
        if self.keys[at].used != Some(day(now)) {
            let mut keys = self.keys.clone();
            keys[at].used = Some(day(now));
            // It is good all the same where nothing can be written.
            let _ = self.write(keys);
        }
        true
    }

    pub fn list(&mut self) -> Result<&[Key], No> {
        self.reload()?;
        Ok(&self.keys)
    }

    /// Makes a token; it is told this once.
    pub fn add(&mut self, name: &str, now: Time) -> Result<String, No> {
        self.reload()?;
        let taken = self.keys.iter().any(|key| key.name == name).then_some("taken");
        let many = (self.keys.len() >= MAX_KEYS).then_some("many");
        if let Some(why) = objection(name).or(taken).or(many) {
            return Err(No::Poor(why));
        }
        let token = format!("{PREFIX}{}", hex(&random::<16>()));
        let mut keys = self.keys.clone();
        keys.push(Key { name: name.to_owned(), hash: hash(&token), made: day(now), used: None });
        self.write(keys)?;
        Ok(token)
    }

    /// Takes the token of that name away; from then on it opens nothing.
    pub fn remove(&mut self, name: &str) -> Result<(), No> {
        self.reload()?;
        let keys: Vec<Key> = self.keys.iter().filter(|key| key.name != name).cloned().collect();
        if keys.len() == self.keys.len() { Err(No::Wrong) } else { self.write(keys) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const DAY: u64 = 20_000;

    fn at(day: u64, secs: u64) -> Time {
        Time::from_micros((day * DAY_SECS + secs) * 1_000_000)
    }

    /// A place for a file of tokens, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("weir-keys-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }

        fn keys(&self) -> Keys {
            Keys::beside(&self.0.join("password"))
        }

        fn text(&self) -> String {
            fs::read_to_string(self.0.join("password.tokens")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_token_opens_until_it_is_taken_away() {
        let folder = Folder::new("opens");
        let (mut keys, mut shell) = (folder.keys(), folder.keys());
        let token = keys.add("grafana", at(DAY, 5)).unwrap();
        assert_eq!((token.len(), token.starts_with(PREFIX)), (37, true));
        assert!(!folder.text().contains(&token[PREFIX.len()..]), "the file does not tell it");
        for nonsense in ["", "weir_", &token[..36], &format!("{token}0"), &hash(&token)] {
            assert!(!keys.opens(nonsense, at(DAY, 6)), "{nonsense}");
        }
        assert!(keys.opens(&token, at(DAY, 6)));
        // By the command line, beside a daemon that knows it.
        assert_eq!(shell.list().unwrap()[0].used, Some(DAY));
        shell.remove("grafana").unwrap();
        assert!(!keys.opens(&token, at(DAY, 7)));
        assert_eq!(shell.remove("grafana"), Err(No::Wrong));
    }

    #[test]
    fn a_use_is_written_once_a_day() {
        let folder = Folder::new("used");
        let mut keys = folder.keys();
        let token = keys.add("a", at(DAY, 0)).unwrap();
        assert!(keys.opens(&token, at(DAY, 1)));
        // Each time it is written it is another file.
        let written = || fs::metadata(folder.0.join("password.tokens")).unwrap().ino();
        let first = written();
        assert!(keys.opens(&token, at(DAY, 86_399)));
        assert_eq!(written(), first);
        assert!(keys.opens(&token, at(DAY + 1, 0)));
        assert!(written() != first && folder.text().contains("\"used\":20001"));
    }

    #[test]
    fn there_are_so_many_with_names_that_differ() {
        let folder = Folder::new("many");
        let mut keys = folder.keys();
        let long = "密".repeat(LONGEST_NAME + 1);
        for odd in ["", " a", "a\n", "\u{7}", &long] {
            assert_eq!(keys.add(odd, at(DAY, 0)), Err(No::Poor("name")), "{odd:?}");
        }
        keys.add(&long[3..], at(DAY, 0)).unwrap();
        for n in 1..MAX_KEYS {
            keys.add(&format!("\u{1f600}{n}\"<b>"), at(DAY, 0)).unwrap();
        }
        assert_eq!(keys.add("one more", at(DAY, 0)), Err(No::Poor("many")));
        assert_eq!(keys.add(&long[3..], at(DAY, 0)), Err(No::Poor("taken")));
        assert_eq!(folder.keys().list().unwrap().len(), MAX_KEYS, "all of them fit into the file");
    }

    #[test]
    fn a_damaged_file_opens_nothing_and_is_left_alone() {
        let folder = Folder::new("damaged");
        let token = folder.keys().add("a", at(DAY, 0)).unwrap();
        for text in [
            "nonsense",
            "[{\"name\": 7}]",
            "{}",
            &folder.text()[..40],
            &folder.text().replace("20000", &u64::MAX.to_string()),
        ] {
            fs::write(folder.0.join("password.tokens"), text).unwrap();
            let mut keys = folder.keys();
            assert!(!keys.opens(&token, at(DAY, 0)), "{text}");
            assert!(matches!(keys.add("b", at(DAY, 0)), Err(No::File(_))));
            assert_eq!(folder.text(), text);
        }
    }
}
