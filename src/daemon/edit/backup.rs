//! One file with all that people have set and told, and back. Without secrets: who
//! restores it on the same machine keeps those that are there.

use serde_json::{Value, json};

use super::super::{files, people};
use super::file::{self, Fault};
use super::{Editor, No, text};
use crate::config::edit::{self, masked, unmasked};
use crate::config::{Config, Kind, Mistake, SECTIONS};

/// How a backup begins, and each part of it.
const HEAD: &str = "===== weir backup 1";
const PART: &str = "===== part ";

/// A line of a part that begins as the marks above do has this many more of them.
const MARK: &str = "=====";

/// What is in a backup, in the order in which it is written back: how it is read,
/// checked and written. One more is a line here.
struct Part {
    name: &'static str,
    read: fn(&Editor) -> Result<String, No>,
    /// The text as it would be written, if it may be.
    check: fn(&Editor, &str) -> Result<String, No>,
    write: fn(&mut Editor, &str) -> Result<(), No>,
}

const PARTS: [Part; 3] = [
    Part {
        name: "features.txt",
        read: |editor| Ok(file::read(&editor.config.apps.features)?),
        check: |editor, text| editor.parsed(text).map(|_| text.to_owned()),
        write: |editor, text| {
            let version = file::version(file::read(&editor.config.apps.features)?.as_bytes());
            editor.write_features(text, &version).map(drop)
        },
    },
    Part {
        name: "config.toml",
        read: |editor| Ok(masked(&editor.source()?.1)?),
        check: |editor, text| editor.settled(text),
        write: |editor, text| {
            let (path, source) = editor.source()?;
            let version = file::version(source.as_bytes());
            file::write(path, text, &version, *editor.config.daemon.backups, 0o640)?;
            Ok(())
        },
    },
    Part {
        name: "devices.toml",
        read: |editor| {
            let path = &editor.config.devices.labels;
            let text = people::text_of(path).map_err(file::system(path))?;
            if text.is_empty() { Err(No::Other("no file")) } else { Ok(text) }
        },
        check: |_, text| {
            let mistake = |(line, text)| vec![super::told(&Mistake { line, column: 1, text })];
            people::parse(text).map_err(|wrong| No::Mistakes(mistake(wrong)))?;
            Ok(text.to_owned())
        },
        write: |editor, text| {
            let path = &editor.config.devices.labels;
            Ok(files::replace(path, text).map_err(file::system(path))?)
        },
    },
];

impl Editor {
    pub(super) fn backup(&self) -> Result<Value, No> {
        let mut whole = format!("{HEAD} by {}\n", env!("CARGO_PKG_VERSION"));
        for part in &PARTS {
            let text = match (part.read)(self) {
                Ok(text) => text,
                // Of what is built in there is nothing to keep.
                Err(No::Other("no file")) => continue,
                Err(no) => return Err(no),
            };
            whole.push_str(&format!("{PART}{}\n", part.name));
            for line in text.split_inclusive('\n') {
                if line.starts_with(MARK) {
                    whole.push_str(MARK);
                }
                whole.push_str(line);
            }
            if !text.ends_with('\n') {
                whole.push('\n');
            }
        }
        Ok(json!({"text": whole}))
    }

    /// Checks every part of a backup before it writes the first.
    pub(super) fn restore(&mut self, question: &Value) -> Result<Value, No> {
        let whole = text(question, "text");
        if whole.len() > 2 * file::MAX_TEXT {
            return Err(Fault::Long.into());
        }
        let found = parts(whole)?;
        let mut ready = Vec::new();
        for part in &PARTS {
            let Some((_, text)) = found.iter().find(|(name, _)| *name == part.name) else { continue };
            let checked = (part.check)(self, text).map_err(|no| within(part.name, no))?;
            ready.push((part, checked));
        }
        let names: Vec<_> = ready.iter().map(|(part, _)| part.name).collect();
        if question["check"] == true {
            return Ok(json!({"parts": names}));
        }
        for (part, text) in &ready {
            (part.write)(self, text).map_err(|no| within(part.name, no))?;
        }
        self.look();
        self.done("").map(|mut done| {
            done["parts"] = json!(names);
            done
        })
    }

    /// The text of a config.toml as it can be here: with the secrets and the paths
    /// that this machine has.
    fn settled(&self, text: &str) -> Result<String, No> {
        let (_, source) = self.source()?;
        if source.starts_with(super::MADE) {
            return Err(No::Other("made"));
        }
        let parse = |text: &str| Config::parse(text, std::path::Path::new(""));
        let mut text = unmasked(text, &source)?;
        let theirs =
            parse(&text).map_err(|mistakes| No::Mistakes(mistakes.iter().map(super::told).collect()))?;
        let ours = parse(&source).unwrap_or_default();
        for section in SECTIONS {
            for setting in section.settings.iter().filter(|setting| (setting.kind)() == Kind::Path) {
                let own = (setting.value)(&ours);
                if own != (setting.value)(&theirs) {
                    text = edit::set(&text, section.name, setting.name, &own)?;
                }
            }
        }
        self.allowed(&source, &text)?;
        Ok(text)
    }
}

/// The mistakes of a part, with its name.
fn within(part: &str, no: No) -> No {
    match no {
        No::Mistakes(mut mistakes) => {
            mistakes.iter_mut().for_each(|mistake| mistake["part"] = json!(part));
            No::Mistakes(mistakes)
        }
        other => other,
    }
}

/// The parts of a backup by their names. One that is not known makes it one of a
/// later Weir, of which nothing is taken.
fn parts(whole: &str) -> Result<Vec<(&str, String)>, No> {
    let mut lines = whole.split_inclusive('\n');
    if !lines.next().is_some_and(|line| line.starts_with(HEAD)) {
        return Err(No::Other("no backup"));
    }
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in lines {
        if let Some(name) = line.strip_prefix(PART) {
            let name = name.trim_end();
            let is_known = PARTS.iter().any(|part| part.name == name);
            if !is_known || found.iter().any(|(known, _)| *known == name) {
                return Err(No::Other("part"));
            }
            found.push((name, String::new()));
        } else if let Some((_, text)) = found.last_mut() {
            text.push_str(line.strip_prefix(MARK).unwrap_or(line));
        } else {
            return Err(No::Other("no backup"));
        }
    }
    if found.is_empty() { Err(No::Other("no backup")) } else { Ok(found) }
}
