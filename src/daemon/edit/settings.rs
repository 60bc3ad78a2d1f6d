//! config.toml: what there is to set, and changes of single settings, of policies
//! and lists, or of the whole text.

use std::path::Path;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::guard::objections;
use super::{Editor, MADE, No, backups, file, shown, text, told};
use crate::config::edit::{self, Stuck, is_secret, masked, unmasked};
use crate::config::{Config, Kind, SECTIONS, described};
use crate::daemon::policies::{classes, show};
use crate::policy::Trial;

/// How a new file is made: passwords may stand in it.
const MODE: u32 = 0o640;

/// Where lists of what is bad may be taken from, beside config.toml.
pub const LISTS: &str = "lists";

/// Changes at once.
const MAX_CHANGES: usize = 1_000;

/// Devices and what they did that a trial tells.
const MOST: usize = 30;

/// What can stand in an entry that pages change, and what kind it is.
const ENTRIES: [(&str, &[(&str, Kind)]); 3] = [
    (
        "policy",
        &[
            ("name", Kind::Text),
            ("devices", Kind::List),
            ("apps", Kind::List),
            ("classes", Kind::List),
            ("hosts", Kind::List),
            ("times", Kind::List),
            ("quota", Kind::Text),
            ("dry_run", Kind::Bool),
        ],
    ),
    ("threat", &[("name", Kind::Text), ("path", Kind::Text), ("severity", Kind::Number(1, 3))]),
    (OUT, OUT_FIELDS),
];

const OUT: &str = "out";

/// Those of all kinds but the files: paths are changed in config.toml itself.
const OUT_FIELDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("kind", Kind::Text),
    ("server", Kind::Text),
    ("transport", Kind::Text),
    ("form", Kind::Text),
    ("types", Kind::List),
    ("header", Kind::Text),
    ("framing", Kind::Text),
    ("facility", Kind::Text),
    ("tag", Kind::Text),
    ("deep", Kind::Bool),
    ("url", Kind::Text),
    ("org", Kind::Text),
    ("bucket", Kind::Text),
    ("token", Kind::Text),
    ("db", Kind::Text),
    ("user", Kind::Text),
    ("password", Kind::Text),
    ("client_id", Kind::Text),
    ("topic", Kind::Text),
    ("qos", Kind::Number(0, 1)),
    ("domain", Kind::Number(0, u32::MAX)),
];

impl From<Stuck> for No {
    fn from(stuck: Stuck) -> No {
        No::Other(match stuck {
            Stuck::Mistakes => "mistakes",
            Stuck::Form => "form",
            Stuck::Gone => "gone",
        })
    }
}

impl Editor {
    pub(super) fn settings(&self) -> Result<Value, No> {
        let (path, source) = self.source()?;
        let config = Config::parse(&source, Path::new(""));
        let mistakes: Vec<_> = config.as_ref().err().into_iter().flatten().map(told).collect();
        let config = config.unwrap_or_default();
        let sections: Vec<_> = SECTIONS
            .iter()
            .map(|section| {
                let settings = section.settings.iter();
                let settings: Vec<_> = settings.map(|setting| one(section.name, setting, &config)).collect();
                json!({"name": section.name, "doc": section.doc.trim(), "settings": settings})
            })
            .collect();
        let is_made = source.starts_with(MADE);
        Ok(json!({
            "path": shown(path),
            "version": file::version(source.as_bytes()),
            "made": is_made,
            "writable": !is_made && file::is_writable(path),
            "backups": backups(path),
            "mistakes": mistakes,
            "sections": sections,
            "policies": entries(&source, "policy"),
            "threats": entries(&source, "threat"),
            "outs": entries(&source, OUT),
            "blocking": config.blocking.enabled,
            "text": masked(&source).ok(),
        }))
    }

    /// Checks what is asked for, and does it if `is_to_save`.
    pub(super) fn change_settings(&mut self, question: &Value, is_to_save: bool) -> Result<Value, No> {
        let (path, source) = self.source()?;
        let changed = self.changed(question, &source)?;
        if !is_to_save {
            return Ok(json!({"mistakes": []}));
        }
        if source.starts_with(MADE) {
            return Err(No::Other("made"));
        }
        let keep = *self.config.daemon.backups;
        let version = file::write(path, &changed, text(question, "version"), keep, MODE)?;
        self.look();
        self.done(&version)
    }

    pub(super) fn source(&self) -> Result<(&Path, String), No> {
        let path = self.path.as_deref().ok_or(No::Other("no file"))?;
        Ok((path, file::read(path)?))
    }

    /// The text that `question` would have, if it is right and may be.
    fn changed(&self, question: &Value, source: &str) -> Result<String, No> {
        let changed = if let Some(whole) = question["text"].as_str() {
            unmasked(whole, source)?
        } else if let Some(changes) = question["changes"].as_array() {
            if changes.len() > MAX_CHANGES {
                return Err(No::Other("many"));
            }
            changes.iter().try_fold(source.to_owned(), |text, change| set(&text, change))?
        } else if question["entry"].is_object() {
            put(source, &question["entry"])?
        } else if question["remove"].is_object() {
            let (kind, _) = entry_of(&question["remove"])?;
            edit::remove(source, kind, text(&question["remove"], "name"))?
        } else {
            return Err(No::Other("nothing"));
        };
        self.allowed(source, &changed)?;
        Ok(changed)
    }

    /// Whether `changed` is right, and what pages may make of `source`.
    pub(super) fn allowed(&self, source: &str, changed: &str) -> Result<(), No> {
        if changed.len() > file::MAX_TEXT {
            return Err(file::Fault::Long.into());
        }
        if let Err(mistakes) = Config::parse(changed, self.folder()) {
            return Err(No::Mistakes(mistakes.iter().map(told).collect()));
        }
        match objections(source, changed, Path::new(LISTS)) {
            found if found.is_empty() => Ok(()),
            found => Err(No::Mistakes(found)),
        }
    }

    /// What a policy would have stopped in the past week.
    pub(super) fn try_policy(&mut self, question: &Value) -> Result<Value, No> {
        let (_, source) = self.source()?;
        let changed = self.changed(question, &source)?;
        let name = text(&question["entry"]["fields"], "name").to_owned();
        let config = Config::parse(&changed, self.folder()).unwrap_or_default();
        let Some(policy) = config.policies.iter().find(|policy| policy.name.as_ref() == name).cloned() else {
            return Err(No::Other("gone"));
        };
        let rules = self.parsed(&file::read(&self.config.apps.features)?).unwrap_or_default();
        let key = format!("policy {}", file::version(changed.as_bytes()));
        Ok(self.past.look(key, &self.config, move |sessions| {
            let policies = [policy];
            let mut trial = Trial::new(&policies);
            let classes = classes(&rules);
            let is_all = sessions.each(&mut |row| show(&mut trial, &classes, row))?;
            let stopped = trial.stopped_by(0);
            let sum = |of: fn(&(&str, &str, u64, u64)) -> u64| stopped.iter().map(of).sum::<u64>();
            let devices: std::collections::HashSet<&str> = stopped.iter().map(|row| row.0).collect();
            let rows = stopped.iter().take(MOST).map(|(device, what, sessions, bytes)| {
                json!({"device": device, "what": what, "sessions": sessions, "bytes": bytes})
            });
            Ok(json!({"all": is_all, "sessions": sum(|row| row.2), "bytes": sum(|row| row.3),
                "devices": devices.len(), "rows": rows.collect::<Vec<_>>()}))
        }))
    }
}

/// A setting as pages get it; of a secret only whether there is one.
fn one(section: &str, setting: &crate::config::Described, config: &Config) -> Value {
    let json_of = |toml: String| serde_json::from_str::<Value>(&toml).unwrap_or(Value::String(toml));
    let (default, value) = (json_of((setting.default)()), json_of((setting.value)(config)));
    let mut told = json!({"name": setting.name, "doc": setting.doc.trim(), "default": default});
    told["changed"] = json!(default != value);
    if is_secret(section, setting.name) {
        told["kind"] = json!("secret");
        return told;
    }
    told["value"] = value;
    let (kind, more) = match (setting.kind)() {
        Kind::Bool => ("bool", Value::Null),
        Kind::Number(least, most) => ("number", json!([least, most])),
        Kind::Text => ("text", Value::Null),
        Kind::Path => ("path", Value::Null),
        Kind::List => ("list", Value::Null),
        Kind::OneOf(words) => ("one", json!(words)),
        Kind::SomeOf(words) => ("some", json!(words)),
    };
    told["kind"] = json!(kind);
    told["of"] = more;
    told
}

/// The `[[kind]]` of a text, each with its fields as they stand there, but for secrets.
fn entries(source: &str, kind: &str) -> Value {
    let Ok(table) = DeTable::parse(source) else { return json!([]) };
    let entries = table.get_ref().get(kind).and_then(|entries| entries.get_ref().as_array());
    let entries = entries.into_iter().flat_map(|entries| entries.iter());
    let fields = |table: &DeTable<'_>| -> Map<String, Value> {
        let told = table.iter().filter(|(name, _)| !is_secret(kind, name.get_ref()));
        told.map(|(name, value)| (name.get_ref().to_string(), plain(value.get_ref()))).collect()
    };
    entries.filter_map(|entry| entry.get_ref().as_table()).map(fields).collect()
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Boolean(is) => json!(is),
        DeValue::Array(items) => items.iter().map(|item| plain(item.get_ref())).collect(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().into(),
        _ => Value::Null,
    }
}

/// `source` with one setting changed; what is wrong with its value is told with its name.
fn set(source: &str, change: &Value) -> Result<String, No> {
    let (section, name) = (text(change, "section"), text(change, "name"));
    let setting = described(section, name).ok_or(No::Other("setting"))?;
    let toml = written(&(setting.kind)(), &change["value"]).ok_or(No::Other("value"))?;
    // By itself, so that it is known which field is wrong.
    let alone = format!("[{section}]\n{name} = {toml}\n");
    if let Err(mistakes) = Config::parse(&alone, Path::new("")) {
        let told = mistakes.iter().map(|it| json!({"section": section, "name": name, "text": it.text}));
        return Err(No::Mistakes(told.collect()));
    }
    // What says the same stays as it is written.
    let of = |text: &str| Config::parse(text, Path::new("")).ok().map(|config| (setting.value)(&config));
    let before = of(source);
    if before.is_some() && before == of(&alone) {
        return Ok(source.to_owned());
    }
    Ok(edit::set(source, section, name, &toml)?)
}

/// What a form's field says, as TOML. What is no number is given as text: the parse
/// that follows tells what was expected.
fn written(kind: &Kind, value: &Value) -> Option<String> {
    let words = || -> Option<Vec<&str>> {
        match value {
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            Value::String(text) => {
                Some(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
            }
            _ => None,
        }
    };
    Some(match kind {
        Kind::List | Kind::SomeOf(_) => edit::list(words()?.into_iter()),
        Kind::Bool if value.is_boolean() => value.to_string(),
        Kind::Bool if matches!(value.as_str(), Some("true" | "false")) => value.as_str()?.to_owned(),
        Kind::Number(..) if value.is_u64() => value.to_string(),
        Kind::Number(..) => {
            let digits = value.as_str()?.trim();
            let is_number =
                !digits.is_empty() && digits.len() < 20 && digits.bytes().all(|b| b.is_ascii_digit());
            // Without the zeroes before it, which TOML does not take.
            let number = digits.parse::<u64>().ok().filter(|_| is_number);
            number.map_or_else(|| edit::text(digits), |number| number.to_string())
        }
        _ => edit::text(value.as_str()?),
    })
}

fn entry_of(change: &Value) -> Result<(&'static str, &'static [(&'static str, Kind)]), No> {
    let kind = text(change, "kind");
    ENTRIES.iter().find(|(known, _)| *known == kind).copied().ok_or(No::Other("kind"))
}

/// `source` with an entry changed or added. A field that is empty is left out; what a
/// form of an out does not have stays as it is, as secrets are not told.
fn put(source: &str, change: &Value) -> Result<String, No> {
    let (kind, known) = entry_of(change)?;
    let is_out = kind == OUT;
    let mut fields = Vec::new();
    for (name, kind) in known {
        let value = &change["fields"][*name];
        if is_out && value.is_null() {
            continue;
        }
        let is_empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.trim().is_empty() || text == "false",
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        let toml = if is_empty { None } else { Some(written(kind, value).ok_or(No::Other("value"))?) };
        fields.push((*name, toml));
    }
    // By itself, so that it is known which field is wrong: each has a line.
    let given: Vec<_> = fields.iter().filter_map(|(name, toml)| Some((*name, toml.as_ref()?))).collect();
    let lines: String = given.iter().map(|(name, toml)| format!("{name} = {toml}\n")).collect();
    if let Err(mistakes) = Config::parse(&format!("[[{kind}]]\n{lines}"), Path::new("")) {
        let field = |line: usize| line.checked_sub(2).and_then(|place| given.get(place));
        let told = mistakes.iter().map(|it| {
            let name = field(it.line).map_or("name", |(name, _)| name);
            json!({"section": kind, "name": name, "text": it.text})
        });
        return Err(No::Mistakes(told.collect()));
    }
    Ok(edit::put(source, kind, change["old"].as_str(), &fields)?)
}
