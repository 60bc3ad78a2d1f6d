//! Reading lists within their limits.

use std::io::{self, BufRead};
use std::sync::Arc;

use super::addresses::{Addresses, Bits, Owned};
use super::line::{Entry, Reader, Verdict};
use super::names::Names;
use super::{List, MAX_LISTS, Threats};
use crate::prefix::Prefix;
use crate::time::Time;

/// A longer line is none of a list's.
const MAX_LINE: usize = 4096;

/// Lines that were not understood that are told for each list.
const MAX_UNREAD: usize = 20;

/// Of such a line so much is told, in characters.
const MAX_TOLD: usize = 80;

/// What all lists may take together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    pub entries: usize,
    /// Memory of the entries, in bytes.
    pub bytes: usize,
}

/// What came of the lines of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub addresses: u64,
    /// Prefixes that hold more than one address; a range may be several.
    pub networks: u64,
    pub names: u64,
    /// Lines that were understood and name nothing that could be met.
    pub left: u64,
    pub unread: u64,
    /// Entries that the limits had no room for.
    pub dropped: u64,
    /// The first of the lines that were not understood.
    pub first_unread: Vec<Unread>,
}

/// A line that was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// In the how many-th file of the list, from 0.
    pub file: usize,
    /// From 1.
    pub line: usize,
    /// Its beginning, without control characters.
    pub text: String,
}

/// Collects lists, and makes them one table.
pub struct Builder {
    limits: Limits,
    lists: Vec<List>,
    /// Files of the latest list.
    files: usize,
    v4: Vec<Owned<u32>>,
    v6: Vec<Owned<u128>>,
    names: Names,
    /// What is in the above, in bytes as it will be.
    bytes: usize,
}

impl Builder {
    pub fn new(limits: Limits) -> Builder {
        Builder {
            limits,
            lists: Vec::new(),
            files: 0,
            v4: Vec::new(),
            v6: Vec::new(),
            names: Names::default(),
            bytes: 0,
        }
    }

    /// Begins another list; `false` where there are too many.
    pub fn list(&mut self, name: Arc<str>, severity: u8) -> bool {
        if self.lists.len() >= MAX_LISTS {
            return false;
        }
        self.files = 0;
        self.lists.push(List { name, severity, version: Time::ZERO, tally: Tally::default() });
        true
    }

    /// Reads a file of the latest list, which was last changed at `version`. What
    /// was read before an error stays.
    pub fn read(&mut self, mut file: impl BufRead, version: Time) -> io::Result<()> {
        let Some(owner) = self.lists.len().checked_sub(1).and_then(|at| u8::try_from(at).ok()) else {
            return Ok(());
        };
        if let Some(list) = self.lists.last_mut() {
            list.version = list.version.max(version);
        }
        let (mut reader, mut line, mut number) = (Reader::default(), Vec::new(), 0);
        while let Some(is_whole) = next_line(&mut file, &mut line)? {
            number += 1;
            let text = String::from_utf8_lossy(&line);
            let verdict = match is_whole {
                true => reader.line(&text, &mut |entry| self.entry(entry, owner)),
                false => Verdict::Unread,
            };
            self.count(verdict, number, &text);
        }
        self.files += 1;
        Ok(())
    }

    fn count(&mut self, verdict: Verdict, line: usize, text: &str) {
        let Some(List { tally, .. }) = self.lists.last_mut() else { return };
        match verdict {
            Verdict::Entries | Verdict::Blank => {}
            Verdict::Left => tally.left += 1,
            Verdict::Unread => {
                tally.unread += 1;
                if tally.first_unread.len() < MAX_UNREAD {
                    let text = text.trim().chars().filter(|c| !c.is_control()).take(MAX_TOLD).collect();
                    tally.first_unread.push(Unread { file: self.files, line, text });
                }
            }
        }
    }

    fn entry(&mut self, entry: Entry<'_>, owner: u8) {
        let cost = match entry {
            Entry::Prefix(prefix) if prefix.is_ipv4() => Addresses::<u32>::EACH,
            Entry::Prefix(_) => Addresses::<u128>::EACH,
            Entry::Name { name, .. } => Names::cost(name),
        };
        let count = self.v4.len() + self.v6.len() + self.names.len();
        let fits = count < self.limits.entries && self.bytes + cost <= self.limits.bytes;
        let is_new = fits && self.add(entry, owner);
        self.bytes += if is_new { cost } else { 0 };
        let Some(List { tally, .. }) = self.lists.last_mut() else { return };
        match entry {
            _ if !fits => tally.dropped += 1,
            Entry::Name { .. } => tally.names += 1,
            Entry::Prefix(prefix) if is_one(prefix) => tally.addresses += 1,
            Entry::Prefix(_) => tally.networks += 1,
        }
    }

    /// Takes over `entry`; whether it takes room.
    fn add(&mut self, entry: Entry<'_>, owner: u8) -> bool {
        match entry {
            Entry::Prefix(prefix) if prefix.is_ipv4() => {
                self.v4.push((u32::of(prefix), prefix.length(), owner));
                true
            }
            Entry::Prefix(prefix) => {
                self.v6.push((u128::of(prefix), prefix.length(), owner));
                true
            }
            Entry::Name { name, exact } => self.names.add(&name.to_ascii_lowercase(), owner, exact),
        }
    }

    pub fn finish(mut self) -> Threats {
        self.names.shrink();
        Threats {
            lists: self.lists,
            v4: Addresses::new(self.v4),
            v6: Addresses::new(self.v6),
            names: self.names,
        }
    }
}

fn is_one(prefix: Prefix) -> bool {
    prefix.first() == prefix.last()
}

/// Puts the next line into `line`, without its end; none at the end of the file.
/// `false` where it was longer than [`MAX_LINE`], and `line` is its beginning.
fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut is_whole = true;
    loop {
        let there = match file.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            there => there?,
        };
        if there.is_empty() {
            return Ok((!line.is_empty() || !is_whole).then_some(is_whole));
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let part = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
        let room = MAX_LINE - line.len();
        is_whole &= part.len() <= room;
        line.extend(part.get(..room).unwrap_or(part));
        let taken = part.len() + usize::from(end.is_some());
        file.consume(taken);
        if end.is_some() {
            return Ok(Some(is_whole));
        }
    }
}
