//! features.txt: read, tried on the past week, saved and taken back.

use serde_json::{Value, json};

use super::past::Sessions;
use super::{Editor, No, backups, file, shown, text};
use crate::daemon::Exit;
use crate::daemon::features::evidence;
use crate::daemon::openings::Openings;
use crate::rules::{Change, Found, Mistake, Rules, Unnamed};

/// Apps, and names that change, that are told.
const MOST: usize = 50;

/// How a new file is made: no secrets are in it.
const MODE: u32 = 0o644;

impl Editor {
    pub(super) fn features(&self, question: &Value) -> Result<Value, No> {
        let path = &self.config.apps.features;
        let text = fits(file::read(path)?, question)?;
        Ok(json!({
            "path": shown(path),
            "version": file::version(text.as_bytes()),
            "writable": file::is_writable(path),
            "backups": backups(path),
            "most": file::MAX_TEXT,
            "text": text,
        }))
    }

    pub(super) fn features_backup(&self, question: &Value) -> Result<Value, No> {
        let text = file::read_backup(&self.config.apps.features, number(question)?)?;
        Ok(json!({"text": fits(text, question)?}))
    }

    pub(super) fn save_features(&mut self, question: &Value) -> Result<Value, No> {
        let Some(text) = question["text"].as_str() else { return Err(No::Other("text")) };
        self.write_features(text, super::text(question, "version"))
    }

    /// A backup in the place of what is there, which becomes a backup itself.
    pub(super) fn undo_features(&mut self, question: &Value) -> Result<Value, No> {
        let text = file::read_backup(&self.config.apps.features, number(question)?)?;
        self.write_features(&text, super::text(question, "version"))
    }

    pub(super) fn write_features(&self, text: &str, version: &str) -> Result<Value, No> {
        self.parsed(text)?;
        let keep = *self.config.daemon.backups;
        let version = file::write(&self.config.apps.features, text, version, keep, MODE)?;
        self.done(&version)
    }

    pub(super) fn parsed(&self, text: &str) -> Result<Rules, No> {
        if text.len() > file::MAX_TEXT {
            return Err(file::Fault::Long.into());
        }
        let rules = Rules::parse(text.as_bytes(), *self.config.apps.max_features as usize);
        rules.map_err(|mistakes| No::Mistakes(mistakes.iter().map(told).collect()))
    }

    /// What a text would name of the past week.
    pub(super) fn try_features(&mut self, question: &Value) -> Result<Value, No> {
        let new_text = text(question, "text").to_owned();
        let new = self.parsed(&new_text)?;
        let old_text = file::read(&self.config.apps.features)?;
        let old = self.parsed(&old_text).unwrap_or_default();
        let key = format!("features {}", file::version(format!("{old_text}\0{new_text}").as_bytes()));
        Ok(self.past.look(key, &self.config, move |sessions| {
            let mut change = Change::new(&old, &old_text, &new, &new_text);
            let is_all = look(sessions, &mut change)?;
            Ok(report(&change, is_all))
        }))
    }

    /// Names the sessions of the past week again.
    pub(super) fn relabel(&mut self) -> Result<Value, No> {
        let rules = self.parsed(&file::read(&self.config.apps.features)?)?;
        Ok(self.past.look("relabel".into(), &self.config, move |sessions| {
            let told = crate::daemon::features::relabel_since(sessions.config(), &rules, Sessions::since())?;
            Ok(json!({"told": told}))
        }))
    }
}

fn look(sessions: &mut Sessions, change: &mut Change<'_>) -> Result<bool, Exit> {
    let captures = sessions.captures();
    let wire = sessions.config().engine().wire;
    let openings = if captures.is_empty() { Openings::default() } else { Openings::read(&captures, wire) };
    sessions.each(&mut |row| {
        let evidence = evidence(row);
        let way = || {
            Some((
                evidence.proto,
                row.client.parse().ok()?,
                row.client_port,
                evidence.server?,
                row.server_port,
            ))
        };
        let first = way().and_then(|way| openings.of(way));
        change.session(&evidence, row.app.as_deref(), &row.device, row.bytes, first);
    })
}

fn report(change: &Change<'_>, is_all: bool) -> Value {
    let found = |it: &Found| json!({"sessions": it.sessions, "devices": it.devices(), "bytes": it.bytes});
    let with = |mut value: Value, more: &[(&str, Value)]| {
        more.iter().for_each(|(name, more)| value[*name] = more.clone());
        value
    };
    let apps = change.apps.iter().take(MOST).map(|(app, it)| with(found(it), &[("app", json!(app))]));
    let mut renamed: Vec<_> = change.renamed.iter().collect();
    renamed.sort_by_key(|(_, it)| std::cmp::Reverse(it.sessions));
    let renamed = renamed.into_iter().take(MOST);
    let renamed =
        renamed.map(|((old, new), it)| with(found(it), &[("old", json!(old)), ("new", json!(new))]));
    let unnamed = change.unnamed().into_iter().map(|(what, it)| {
        let (kind, name) = match what {
            Unnamed::Host(host) => ("host", host.clone()),
            Unnamed::Port(proto, port) => ("port", format!("{proto} {port}")),
            Unnamed::Bytes(proto, bytes) => ("bytes", format!("{proto} {}", crate::wire::bytes::hex(bytes))),
        };
        with(found(it), &[("kind", json!(kind)), ("name", json!(name)), ("line", json!(what.line()))])
    });
    json!({
        "all": is_all,
        "apps": apps.collect::<Vec<_>>(),
        "renamed": renamed.collect::<Vec<_>>(),
        "unnamed": unnamed.collect::<Vec<_>>(),
    })
}

/// `text`, unless who asks has no room for as many bytes.
fn fits(text: String, question: &Value) -> Result<String, No> {
    let most = question["most"].as_u64().unwrap_or(u64::MAX);
    if text.len() as u64 > most { Err(file::Fault::Long.into()) } else { Ok(text) }
}

fn number(question: &Value) -> Result<u32, No> {
    let number = question["number"].as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (1..=file::MAX_BACKUPS).contains(number)).ok_or(No::Other("number"))
}

fn told(mistake: &Mistake) -> Value {
    json!({"line": mistake.line, "column": mistake.column, "expected": mistake.expected})
}
