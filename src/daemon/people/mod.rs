//! What people say of their devices: what each is called, what it belongs to,
//! and how much of it is written down. It lies in a file, where it outlives a
//! database in memory and can be edited; the tables have it for the pages.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::files;
use super::privacy::Level;
use crate::record::{Device, Label, Record};
use crate::time::Time;

/// Devices that something can be said of.
const MAX_LABELS: usize = 4_096;

/// Bytes of the file that are read.
const MAX_FILE: u64 = 1 << 20;

/// Characters of a name.
const LONGEST: usize = 64;

/// Pictures that the pages have.
pub const ICONS: [&str; 14] = [
    "phone", "tablet", "laptop", "desktop", "tv", "console", "speaker", "camera", "printer", "watch",
    "light", "home", "server", "router",
];

/// What is said of one device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    alias: Option<Arc<str>>,
    icon: Option<&'static str>,
    group: Option<Arc<str>>,
    part_of: Option<Device>,
    level: Level,
}

/// Why something could not be said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum No {
    /// What is wrong, by the name of the field.
    Field(&'static str),
    /// Too many devices have something said of them.
    TooMany,
    /// The file could not be written.
    File(String),
}

#[derive(Default)]
pub struct People {
    file: PathBuf,
    said: HashMap<Device, Said>,
    /// Rows that the store has not been given yet.
    fresh: Vec<Record>,
}

impl People {
    /// What `file` says; without one nothing is said. The second is what is wrong
    /// with it, with its line.
    pub fn open(file: PathBuf, now: Time) -> (People, Option<String>) {
        let mut people = People { file, ..People::default() };
        let wrong = people.read(now);
        (people, wrong)
    }

    /// Reads the file anew: somebody may have edited it. What is wrong with it
    /// comes back, and then nothing is changed.
    pub fn read(&mut self, now: Time) -> Option<String> {
        let file = &self.file;
        let said = match text_of(file) {
            Ok(text) => parse(&text).map_err(|(line, wrong)| format!("{}:{line}: {wrong}", file.display())),
            Err(error) => Err(format!("{}: {error}", file.display())),
        };
        let said = match said {
            Ok(said) => said,
            Err(wrong) => return Some(wrong),
        };
        let gone = self.said.keys().filter(|device| !said.contains_key(device)).copied();
        let gone: Vec<_> = gone.map(|device| row(device, &Said::default(), now)).collect();
        self.said = said;
        self.fresh = self.said.iter().map(|(device, said)| row(*device, said, now)).collect();
        self.fresh.extend(gone);
        None
    }

    /// Rows for the store, once each.
    pub fn take_fresh(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.fresh)
    }

    /// How much is to be written of devices, where that is not everything. What is
    /// part of another device has its level.
    pub fn levels(&self) -> HashMap<Device, Level> {
        let level = |said: &Said| {
            let whole = said.part_of.and_then(|device| self.said.get(&device));
            whole.map_or(said.level, |whole| said.level.min(whole.level))
        };
        let levels = self.said.iter().map(|(device, said)| (*device, level(said)));
        levels.filter(|(_, level)| *level != Level::Full).collect()
    }

    /// Takes over the fields of `change` about its device: "alias", "icon", "group",
    /// "part_of", "level"; "" takes back what was said, and what is left out stays.
    pub fn say(&mut self, change: &Value, now: Time) -> Result<(), No> {
        let device =
            change["device"].as_str().and_then(|text| text.parse().ok()).ok_or(No::Field("device"))?;
        let before = self.said.get(&device).cloned();
        let mut said = before.clone().unwrap_or_default();
        for (name, value) in change.as_object().into_iter().flatten() {
            let Some(field) = FIELDS.iter().find(|field| *field == name) else { continue };
            let text = value.as_str().ok_or(No::Field(field))?;
            said.set(field, text.trim()).ok_or(No::Field(field))?;
        }
        if said.part_of.is_some_and(|whole| !self.can_be_part(device, whole)) {
            return Err(No::Field("part_of"));
        }
        if before.is_none() && self.said.len() >= MAX_LABELS {
            return Err(No::TooMany);
        }
        let is_empty = said == Said::default();
        let known = self.said.clone();
        if is_empty {
            self.said.remove(&device)
        } else {
            self.said.insert(device, said.clone())
        };
        if let Err(error) = files::replace(&self.file, &self.text()) {
            self.said = known;
            return Err(No::File(format!("{}: {error}", self.file.display())));
        }
        self.fresh.push(row(device, &said, now));
        Ok(())
    }

    /// Parts are of wholes only: neither is the other one's, and no part has parts.
    fn can_be_part(&self, part: Device, whole: Device) -> bool {
        let of = |device: &Device| self.said.get(device).and_then(|said| said.part_of);
        part != whole && of(&whole).is_none() && !self.said.values().any(|said| said.part_of == Some(part))
    }

    /// The whole of the file.
    fn text(&self) -> String {
        let mut devices: Vec<_> = self.said.iter().map(|(device, said)| (device.text(), said)).collect();
        devices.sort_by_key(|(device, _)| *device);
        let mut text = String::from(HEAD);
        for (device, said) in devices {
            let _ = writeln!(text, "\n[\"{device}\"]");
            for (name, value) in said.fields() {
                // A string of JSON is one of TOML: control characters are never in it.
                let _ = writeln!(text, "{name} = {}", Value::from(value));
            }
        }
        text
    }
}

const HEAD: &str = "\
# What people say of their devices. Weir writes this file when the pages change
# it, and reads it anew on SIGHUP. A device is its MAC address, or its IP address
# where the other is not known. level is how much of it is written down: full,
# domain, app, counts or off.
";

const FIELDS: [&str; 5] = ["alias", "icon", "group", "part_of", "level"];

impl Said {
    /// Sets a field; none where it can't be that.
    fn set(&mut self, field: &str, text: &str) -> Option<()> {
        let is_some = !text.is_empty();
        match field {
            "alias" => self.alias = name(text)?,
            "group" => self.group = name(text)?,
            "icon" if is_some => self.icon = Some(ICONS.iter().find(|icon| **icon == text)?),
            "icon" => self.icon = None,
            "part_of" if is_some => self.part_of = Some(text.parse().ok()?),
            "part_of" => self.part_of = None,
            "level" => self.level = Level::of(text)?,
            _ => return None,
        }
        Some(())
    }

    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let level = (self.level != Level::Full).then(|| self.level.name().to_owned());
        let own = |text: &Option<Arc<str>>| text.as_ref().map(|text| text.to_string());
        [
            ("alias", own(&self.alias)),
            ("icon", self.icon.map(str::to_owned)),
            ("group", own(&self.group)),
            ("part_of", self.part_of.map(|device| device.to_string())),
            ("level", level),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// A name as people give it; the inner one is none for an empty text.
fn name(text: &str) -> Option<Option<Arc<str>>> {
    let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    fits.then(|| (!text.is_empty()).then(|| text.into()))
}

fn row(device: Device, said: &Said, now: Time) -> Record {
    let Said { alias, icon, group, part_of, level } = said.clone();
    let (icon, level) = (icon.map(Arc::from), level.name());
    Label { device, alias, icon, grp: group, part_of, level, changed: now }.into()
}

/// The text of the file, which there need not be.
pub fn text_of(path: &Path) -> io::Result<String> {
    let text = files::text(path, MAX_FILE + 1)?.unwrap_or_default();
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("more than {MAX_FILE} bytes")));
    }
    Ok(text)
}

/// What `text` says, or its first mistake with its line.
pub fn parse(text: &str) -> Result<HashMap<Device, Said>, (usize, String)> {
    let line = |at: usize| text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let table = DeTable::parse(text)
        .map_err(|error| (line(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
    let mut all = HashMap::new();
    for (key, value) in table.get_ref() {
        let at = line(key.span().start);
        let device = key.get_ref().parse().ok();
        let device = device.ok_or_else(|| (at, format!("{:?} is no MAC or IP address", key.get_ref())))?;
        let fields = value.get_ref().as_table().ok_or_else(|| (at, format!("expected [\"{device}\"]")))?;
        let mut said = Said::default();
        for (name, value) in fields {
            let set = match value.get_ref() {
                DeValue::String(text) => said.set(name.get_ref(), text.trim()),
                _ => None,
            };
            let wrong = || format!("{} can't be that; expected {}", name.get_ref(), expected(name.get_ref()));
            set.ok_or_else(|| (line(name.span().start), wrong()))?;
        }
        all.insert(device, said);
        if all.len() > MAX_LABELS {
            return Err((at, format!("more than {MAX_LABELS} devices")));
        }
    }
    Ok(all)
}

/// What a field can be, in words.
fn expected(field: &str) -> String {
    match field {
        "alias" | "group" => format!("text of at most {LONGEST} characters in quotes"),
        "icon" => format!("one of {}", ICONS.join(", ")),
        "part_of" => "a MAC or IP address".into(),
        "level" => "full, domain, app, counts or off".into(),
        _ => format!("one of {}", FIELDS.join(", ")),
    }
}

#[cfg(test)]
mod tests;
