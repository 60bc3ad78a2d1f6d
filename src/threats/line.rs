//! One line of a list, in whichever of the usual forms it is.

use std::net::IpAddr;

use serde_json::Value;

use super::addresses::split;
use super::names::MAX_NAME;
use crate::prefix::{Prefix, Wrong};

/// What a line names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    Prefix(Prefix),
    /// A name with all below it, or by itself where only a page of it is meant.
    Name {
        name: &'a str,
        exact: bool,
    },
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It has entries.
    Entries,
    /// A comment, a header or nothing.
    Blank,
    /// Understood, but nothing that could be met on a network: a file's hash, an
    /// exception, the names that a computer gives itself.
    Left,
    Unread,
}

/// Columns of CSV that hold what is listed, as abuse.ch and others head them; the
/// first that there is counts.
const COLUMNS: [&str; 12] = [
    "ioc_value",
    "url",
    "dst_ip",
    "dstip",
    "ip_address",
    "ip",
    "cidr",
    "network",
    "domain",
    "hostname",
    "host",
    "indicator",
];

/// Columns that head a line of CSV with only one of the above too.
const BESIDE: [&str; 6] = ["id", "first_seen_utc", "firstseen", "dateadded", "dst_port", "last_online"];

/// Wider prefixes are slips: no list means an eighth of the Internet.
const WIDEST: (u8, u8) = (3, 7);

/// Reads lines of one file. What kind of file it is is only remembered of CSV,
/// whose header says where the entries are.
#[derive(Default)]
pub struct Reader {
    /// The column with the entries, from 0.
    column: Option<usize>,
}

impl Reader {
    /// Calls `each` with the entries of `line`.
    pub fn line(&mut self, line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
        let line = line.trim_start_matches('\u{feff}').trim();
        match line.as_bytes() {
            [] => return Verdict::Blank,
            [b'#' | b';', ..] => return self.comment(line),
            [b'!', ..] | [b'/', b'/', ..] => return Verdict::Blank,
            [b'[', .., b']'] if !line.contains(':') => return Verdict::Blank,
            [b'{', ..] => return json(line, each),
            [b'@', b'@', ..] => return Verdict::Left,
            [b'|', b'|', rest @ ..] => return adblock(std::str::from_utf8(rest).unwrap_or_default(), each),
            _ => {}
        }
        if line.starts_with('"') || self.column.is_some() && line.contains(',') {
            return self.csv(line, each);
        }
        let plain = without_comment(line);
        if is_header(plain) {
            self.column = column(plain);
            return Verdict::Blank;
        }
        if let Some(verdict) = dnsmasq(plain, each).or_else(|| ipset(plain, each)) {
            return verdict;
        }
        words(plain, each)
    }

    /// abuse.ch's headers are comments.
    fn comment(&mut self, line: &str) -> Verdict {
        let text = line.trim_start_matches(['#', ';']).trim();
        if is_header(text) {
            self.column = column(text);
        }
        Verdict::Blank
    }

    fn csv(&mut self, line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
        if is_header(line) {
            self.column = column(line);
            return Verdict::Blank;
        }
        let verdict = match self.column {
            Some(column) => fields(line).nth(column).map(|field| field_value(field, each)),
            // Without a header the first that can be one is.
            None => fields(line).map(|field| field_value(field, each)).find(|v| *v == Verdict::Entries),
        };
        verdict.unwrap_or(Verdict::Unread)
    }
}

/// The fields of a line of CSV, without quotes and spaces around them. Commas in
/// quotes part them too: nothing that is listed has one, and all that is read
/// stands before the columns that do.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"').trim())
}

fn column(header: &str) -> Option<usize> {
    COLUMNS.iter().find_map(|name| fields(header).position(|field| field.eq_ignore_ascii_case(name)))
}

fn is_header(line: &str) -> bool {
    let has =
        |names: &[&str]| fields(line).any(|field| names.iter().any(|name| field.eq_ignore_ascii_case(name)));
    line.contains(',')
        && has(&COLUMNS)
        && (has(&BESIDE) || fields(line).filter(|f| COLUMNS.contains(f)).count() > 1)
}

/// A field of CSV: what is listed, or the hash of a file.
fn field_value(field: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let is_hash = matches!(field.len(), 32 | 40 | 64) && field.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Verdict::Left } else { value(field, each) }
}

/// Spamhaus's DROP: `{"cidr":"192.0.2.0/24","sblid":"…"}`, and a last line about
/// the list itself.
fn json(line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let Ok(Value::Object(fields)) = serde_json::from_str(line.trim_end_matches(',')) else {
        return Verdict::Unread;
    };
    let text = |name: &&str| fields.get(*name).and_then(Value::as_str);
    match COLUMNS.iter().find_map(text) {
        Some(entry) => value(entry, each),
        None if text(&"type") == Some("metadata") => Verdict::Blank,
        None => Verdict::Unread,
    }
}

/// `||name^`, with options behind `$`. What is about a part of a page is no name.
fn adblock(rest: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let (pattern, options) = rest.split_once('$').unwrap_or((rest, ""));
    let Some(text) = pattern.strip_suffix('^').or_else(|| pattern.strip_suffix("^|")) else {
        return Verdict::Unread;
    };
    let is_whole = |option: &str| {
        matches!(option, "" | "all" | "document" | "doc" | "important" | "popup" | "third-party")
    };
    if !options.split(',').all(is_whole) {
        return Verdict::Left;
    }
    value(text, each)
}

/// `address=/name/0.0.0.0`, `server=/name/`, `local=/name/`, with several names.
fn dnsmasq(line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Option<Verdict> {
    let (key, rest) = line.split_once("=/")?;
    if !matches!(key.trim(), "address" | "server" | "local") {
        return None;
    }
    let (listed, target) = rest.rsplit_once('/')?;
    // To be asked elsewhere is nothing bad.
    if key.trim() == "server" && !matches!(target, "" | "#") && !target.parse().is_ok_and(is_sink) {
        return Some(Verdict::Left);
    }
    let mut verdict = Verdict::Unread;
    for text in listed.split('/') {
        if value(text, each) == Verdict::Entries {
            verdict = Verdict::Entries;
        }
    }
    Some(verdict)
}

/// What `ipset save` writes: `create SET …` and `add SET ENTRY …`.
fn ipset(line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Option<Verdict> {
    let mut words = line.split_ascii_whitespace();
    match words.next()? {
        "create" | "-N" | "flush" | "destroy" | "swap" => words.next().map(|_| Verdict::Blank),
        "COMMIT" => Some(Verdict::Blank),
        "add" | "-A" => {
            let (_, entry) = (words.next()?, words.next()?);
            if words.any(|word| word == "nomatch") {
                return Some(Verdict::Left);
            }
            // Behind a comma stand a protocol and a port.
            Some(value(entry.split(',').next().unwrap_or(entry), each))
        }
        _ => None,
    }
}

/// A line of a hosts file, a range with spaces in it, or an entry with something
/// about it behind.
fn words(line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else { return Verdict::Blank };
    let Some(second) = words.next() else { return value(first, each) };
    if second == "-" || second.starts_with('-') {
        let joined: String = line.split_ascii_whitespace().collect();
        return value(&joined, each);
    }
    // The addresses that a computer has by itself may have a zone.
    let address: Option<IpAddr> = first.split('%').next().and_then(|text| text.parse().ok());
    match address {
        Some(address) if is_sink(address) || is_label(second) => hosts(line, each),
        // A name beside an address is where that name is, in a hosts file, or whose
        // address it is: which of the two is bad can't be told.
        Some(_) if name_of(second).is_some() => Verdict::Unread,
        _ => value(first, each),
    }
}

/// Whether names are sent to `address` to be nowhere.
fn is_sink(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}

/// A name of one label, as of a computer itself.
fn is_label(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn hosts(line: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let mut verdict = Verdict::Blank;
    for word in line.split_ascii_whitespace().skip(1) {
        if is_label(word) || word.parse::<IpAddr>().is_ok() || word == "localhost.localdomain" {
            continue;
        }
        let Some(name) = name_of(word) else { return Verdict::Unread };
        each(Entry::Name { name, exact: false });
        verdict = Verdict::Entries;
    }
    if verdict == Verdict::Blank { Verdict::Left } else { verdict }
}

/// An address, a prefix, a range, a name or a URL; each may have a port.
fn value(text: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    if let Some((_, rest)) = text.split_once("://") {
        return url(rest, each);
    }
    let is_address = text.starts_with(|c: char| c.is_ascii_hexdigit() || matches!(c, '[' | ':'));
    if is_address {
        if let Some(prefix) = prefix_of(text) {
            return one(prefix, each);
        }
        if let Some((first, last)) = text.split_once('-')
            && let (Ok(first), Ok(last)) = (first.parse(), last.parse())
        {
            return range(first, last, each);
        }
    }
    match name_of(without_port(text)) {
        Some(name) => {
            each(Entry::Name { name, exact: false });
            Verdict::Entries
        }
        None => Verdict::Unread,
    }
}

/// What a URL is at. Others may have their pages there too: only that name is
/// meant, and none below it.
fn url(rest: &str, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some(prefix) = prefix_of(host) {
        return one(prefix, each);
    }
    match name_of(without_port(host)) {
        Some(name) => {
            each(Entry::Name { name, exact: true });
            Verdict::Entries
        }
        None => Verdict::Unread,
    }
}

fn one(prefix: Prefix, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    if !is_meant(prefix) {
        return Verdict::Unread;
    }
    each(Entry::Prefix(prefix));
    Verdict::Entries
}

fn range(first: IpAddr, last: IpAddr, each: &mut dyn FnMut(Entry<'_>)) -> Verdict {
    let mut is_meant_whole = true;
    let is_range = split(first, last, &mut |prefix| is_meant_whole &= is_meant(prefix));
    if !is_range || !is_meant_whole {
        return Verdict::Unread;
    }
    split(first, last, &mut |prefix| each(Entry::Prefix(prefix)));
    Verdict::Entries
}

fn is_meant(prefix: Prefix) -> bool {
    prefix.length() >= if prefix.is_ipv4() { WIDEST.0 } else { WIDEST.1 }
}

/// `192.0.2.1`, `192.0.2.1:443`, `192.0.2.0/24`, `[2001:db8::1]:443`.
fn prefix_of(text: &str) -> Option<Prefix> {
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => text,
    };
    match Prefix::parse(inner) {
        Ok(prefix) | Err(Wrong::Bits(prefix)) => Some(prefix),
        Err(_) => {
            let (address, port) = text.split_once(':')?;
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            Prefix::parse(address).ok().filter(|_| is_port)
        }
    }
}

fn without_port(text: &str) -> &str {
    match text.split_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    }
}

/// `text` as a name that can be met on a network: of at least two labels, the last
/// of which is no number. What stands for all names below it goes without a sign.
fn name_of(text: &str) -> Option<&str> {
    let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let (_, last) = name.rsplit_once('.')?;
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    (name.len() <= MAX_NAME && !is_number && name.split('.').all(is_label)).then_some(name)
}

/// Without what is said about an entry behind it.
fn without_comment(line: &str) -> &str {
    let mark = line.find(['#', ';']).unwrap_or(line.len());
    // In IPv6 and names neither can be.
    line.get(..mark).unwrap_or(line).trim_end()
}

#[cfg(test)]
mod tests;
