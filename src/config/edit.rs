//! Changes in the text of config.toml that leave the rest of it as it is: order,
//! comments, the way that numbers are written. What comes out is parsed as any
//! other text before it is written.

mod secrets;
#[cfg(test)]
mod tests;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

pub use secrets::{KEPT, is_secret, masked, unmasked};

/// Why a text can't be changed here. It can still be edited as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stuck {
    /// It has mistakes.
    Mistakes,
    /// What is to be changed is written in a way that is not followed here: tables
    /// on one line, or names with dots.
    Form,
    /// There is no such entry.
    Gone,
}

/// A text as TOML writes it: JSON's strings are strings of TOML too, but for DEL.
pub fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('\u{7f}', "\\u007f")
}

/// Some texts as TOML writes them.
pub fn list<'a>(values: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", values.map(text).collect::<Vec<_>>().join(", "))
}

/// `source` with `value`, which is TOML, for the setting `name` in `[section]`.
pub fn set(source: &str, section: &str, name: &str, value: &str) -> Result<String, Stuck> {
    let table = parsed(source)?;
    let Some(found) = table.get_ref().get(section) else {
        let gap = if source.is_empty() || source.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{source}{gap}\n[{section}]\n{name} = {value}\n"));
    };
    let settings = found.get_ref().as_table().ok_or(Stuck::Form)?;
    if let Some(old) = settings.get(name) {
        return replaced(source, old.span(), value);
    }
    inserted(source, found.span(), settings, name, value)
}

/// `source` with the fields of the `[[kind]]` that is called `old` changed: to what
/// is TOML, or left out where there is none. Without `old` it is a new one.
pub fn put(
    source: &str,
    kind: &str,
    old: Option<&str>,
    fields: &[(&str, Option<String>)],
) -> Result<String, Stuck> {
    let Some(old) = old else {
        // One that is there in another form could not have this one behind it.
        if parsed(source)?.get_ref().get(kind).is_some_and(|value| spans(source, value.get_ref()).is_none()) {
            return Err(Stuck::Form);
        }
        let gap = if source.is_empty() || source.ends_with('\n') { "" } else { "\n" };
        let lines = fields.iter().filter_map(|(name, value)| Some(format!("{name} = {}\n", value.as_ref()?)));
        return Ok(format!("{source}{gap}\n[[{kind}]]\n{}", lines.collect::<String>()));
    };
    let place = place(source, kind, old)?;
    let mut changed = source.to_owned();
    for (name, value) in fields {
        // Each by a text that is read anew: the one before moved what is behind it.
        let table = parsed(&changed)?;
        let (header, entry) = entry(&changed, table.get_ref(), kind, place)?;
        changed = match (entry.get_key_value(*name), value) {
            (Some((_, old)), Some(value)) => replaced(&changed, old.span(), value)?,
            (Some((key, old)), None) => without(&changed, key.span().start..old.span().end)?,
            (None, Some(value)) => inserted(&changed, header, entry, name, value)?,
            (None, None) => continue,
        };
    }
    Ok(changed)
}

/// `source` without the `[[kind]]` that is called `name`, and without the comments
/// within it.
pub fn remove(source: &str, kind: &str, name: &str) -> Result<String, Stuck> {
    let place = place(source, kind, name)?;
    let table = parsed(source)?;
    let (header, entry) = entry(source, table.get_ref(), kind, place)?;
    let end = last_value(entry).map_or(header.end, |end| end.max(header.end));
    let changed = without(source, header.start..end)?;
    // The empty line before it was its own.
    let at = line_start(source, header.start);
    Ok(match changed.get(..at).and_then(|before| before.strip_suffix("\n\n")) {
        Some(before) => format!("{before}\n{}", changed.get(at..).unwrap_or_default()),
        None => changed,
    })
}

/// Where the `[[kind]]` that is called `name` stands among its like.
fn place(source: &str, kind: &str, name: &str) -> Result<usize, Stuck> {
    let table = parsed(source)?;
    let entries = table.get_ref().get(kind).ok_or(Stuck::Gone)?;
    let entries = entries.get_ref().as_array().ok_or(Stuck::Form)?;
    let is_called = |entry: &DeValue<'_>| {
        entry.as_table().and_then(|entry| entry.get("name")?.get_ref().as_str()) == Some(name)
    };
    entries.iter().position(|entry| is_called(entry.get_ref())).ok_or(Stuck::Gone)
}

/// Where the header of an entry is, and what is in it.
fn entry<'a, 's>(
    source: &str,
    table: &'a DeTable<'s>,
    kind: &str,
    place: usize,
) -> Result<(Range<usize>, &'a DeTable<'s>), Stuck> {
    let value = table.get(kind).ok_or(Stuck::Gone)?.get_ref();
    let header = spans(source, value).ok_or(Stuck::Form)?.get(place).cloned().ok_or(Stuck::Gone)?;
    let found = value.as_array().and_then(|entries| entries.get(place)?.get_ref().as_table());
    Ok((header, found.ok_or(Stuck::Form)?))
}

/// The headers of a list of tables, where each has one.
fn spans(source: &str, entries: &DeValue<'_>) -> Option<Vec<Range<usize>>> {
    let spans: Vec<_> = entries.as_array()?.iter().map(|entry| entry.span()).collect();
    spans.iter().all(|span| source.get(span.clone()).is_some_and(|it| it.starts_with("[["))).then_some(spans)
}

fn parsed(source: &str) -> Result<toml::Spanned<DeTable<'_>>, Stuck> {
    DeTable::parse(source).map_err(|_| Stuck::Mistakes)
}

fn replaced(source: &str, span: Range<usize>, value: &str) -> Result<String, Stuck> {
    let (before, after) = (source.get(..span.start), source.get(span.end..));
    Ok(format!("{}{value}{}", before.ok_or(Stuck::Form)?, after.ok_or(Stuck::Form)?))
}

/// A line behind the last one of a table.
fn inserted(
    source: &str,
    header: Range<usize>,
    table: &DeTable<'_>,
    name: &str,
    value: &str,
) -> Result<String, Stuck> {
    if !source.get(header.clone()).is_some_and(|it| it.starts_with('[')) {
        return Err(Stuck::Form);
    }
    let at = line_end(source, last_value(table).map_or(header.end, |end| end.max(header.end)));
    let (before, after) = (source.get(..at).ok_or(Stuck::Form)?, source.get(at..).ok_or(Stuck::Form)?);
    let gap = if before.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{before}{gap}{name} = {value}\n{after}"))
}

/// Without the lines from the one to the other end of `span`, which have nothing
/// before it.
fn without(source: &str, span: Range<usize>) -> Result<String, Stuck> {
    let (start, end) = (line_start(source, span.start), line_end(source, span.end));
    if !source.get(start..span.start).is_some_and(|before| before.trim().is_empty()) {
        return Err(Stuck::Form);
    }
    replaced(source, start..end, "")
}

/// Where the last of a table's values ends.
fn last_value(table: &DeTable<'_>) -> Option<usize> {
    table.iter().map(|(_, value)| value.span().end).max()
}

fn line_start(source: &str, at: usize) -> usize {
    source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Behind the line's end.
fn line_end(source: &str, at: usize) -> usize {
    source.get(at..).and_then(|after| after.find('\n')).map_or(source.len(), |newline| at + newline + 1)
}
