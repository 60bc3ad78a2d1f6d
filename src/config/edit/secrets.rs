//! What of config.toml is shown to nobody, and how a text without it is taken back.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Stuck, line_end, parsed};
use crate::config::{default_file, described};

/// Stands for a secret that is there. Who leaves it there keeps the secret.
pub const KEPT: &str = "\"<kept>\"";

/// Whether the setting `name` in `[section]` or `[[section]]` is one: passwords,
/// tokens, and what is sent to a webhook or where that is, as both may have one in
/// them. Files of secrets are none: only their names stand here.
pub fn is_secret(section: &str, name: &str) -> bool {
    match section {
        "mariadb" => matches!(name, "password" | "web_password"),
        "alerts" => matches!(name, "webhook" | "webhook_template"),
        _ => matches!(name, "password" | "token"),
    }
}

/// Where a secret is: its section, the name of the entry if there are several, and
/// the setting.
type Whose = (String, Option<String>, String);

/// …with the place of its value and of what is said behind it.
fn secrets(source: &str, table: &DeTable<'_>) -> Vec<(Whose, Range<usize>)> {
    let mut found = Vec::new();
    for (section, value) in table {
        let section = &**section.get_ref();
        let mut look = |entry: Option<String>, table: &DeTable<'_>| {
            for (name, value) in table {
                if is_secret(section, name.get_ref()) {
                    let whose = (section.to_owned(), entry.clone(), name.get_ref().to_string());
                    let end = line_end(source, value.span().end);
                    let newline = source.get(..end).is_some_and(|text| text.ends_with('\n'));
                    found.push((whose, value.span().start..end - usize::from(newline)));
                }
            }
        };
        match value.get_ref() {
            DeValue::Table(table) => look(None, table),
            DeValue::Array(entries) => {
                for entry in entries.iter().filter_map(|entry| entry.get_ref().as_table()) {
                    let name = entry.get("name").and_then(|name| name.get_ref().as_str());
                    look(name.map(str::to_owned), entry);
                }
            }
            _ => {}
        }
    }
    // From behind, so that those before stay where they are.
    found.sort_by_key(|(_, span)| std::cmp::Reverse(span.start));
    found
}

fn is_nothing((section, _, name): &Whose, value: &str) -> bool {
    let default = described(section, name).map(|setting| (setting.default)());
    matches!(value, "\"\"" | "''") || default.is_some_and(|default| default == value)
}

/// What a comment that may have a secret in it is shown as.
const KEPT_COMMENT: &str = "# <kept>";

/// Which lines of `source` are comments that may have a secret in them: they speak
/// of one, and are none of ours.
fn doubtful(source: &str) -> impl Iterator<Item = (&str, bool)> {
    let ours = default_file();
    source.split_inclusive('\n').map(move |line| {
        let small = line.trim().to_lowercase();
        let speaks = ["passw", "token", "secret", "webhook", "密码"].iter().any(|word| small.contains(word));
        let is_one = small.starts_with('#') && speaks && !ours.lines().any(|known| known == line.trim());
        (line, is_one)
    })
}

/// `source` with [`KEPT`] for each secret. A text with mistakes is not shown: who
/// knows what is one in it.
pub fn masked(source: &str) -> Result<String, Stuck> {
    let table = parsed(source)?;
    let mut shown = source.to_owned();
    for (whose, span) in secrets(source, table.get_ref()) {
        // What everybody has, and that there is none, people should see.
        if source.get(span.clone()).is_some_and(|value| is_nothing(&whose, value.trim())) {
            continue;
        }
        shown = format!(
            "{}{KEPT}{}",
            shown.get(..span.start).ok_or(Stuck::Form)?,
            shown.get(span.end..).ok_or(Stuck::Form)?
        );
    }
    let lines = doubtful(&shown).map(|(line, is_one)| match (is_one, line.ends_with('\n')) {
        (false, _) => line.to_owned(),
        (true, true) => format!("{KEPT_COMMENT}\n"),
        (true, false) => KEPT_COMMENT.to_owned(),
    });
    Ok(lines.collect())
}

/// `edited` with the secrets of `source` where it has [`KEPT`]; `Gone` when there
/// is none that could be kept.
pub fn unmasked(edited: &str, source: &str) -> Result<String, Stuck> {
    // Each stands for the next one.
    let mut comments = doubtful(source).filter(|(_, is_one)| *is_one).map(|(line, _)| line);
    let mut whole = String::with_capacity(edited.len());
    for line in edited.split_inclusive('\n') {
        let known = if line.trim_end() == KEPT_COMMENT { comments.next() } else { None };
        whole += known.unwrap_or(line);
    }
    let Ok(table) = DeTable::parse(&whole) else { return Ok(whole) };
    let before = parsed(source)?;
    let known = secrets(source, before.get_ref());
    let mut done = whole.clone();
    for (whose, span) in secrets(&whole, table.get_ref()) {
        if whole.get(span.clone()).map(str::trim_end) != Some(KEPT) {
            continue;
        }
        let (_, old) = known.iter().find(|(other, _)| *other == whose).ok_or(Stuck::Gone)?;
        done = format!(
            "{}{}{}",
            done.get(..span.start).ok_or(Stuck::Form)?,
            source.get(old.clone()).ok_or(Stuck::Form)?,
            done.get(span.end..).ok_or(Stuck::Form)?
        );
    }
    Ok(done)
}
