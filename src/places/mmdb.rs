//! Files of MaxMind's format (MaxMind DB File Format Specification, 2.0): a tree of
//! the bits of addresses, and data behind it.
//!
//! Read where they lie, some dozens of small reads for an address: a file of all
//! countries has 8 MB, and one of all networks as many, which a router does not
//! have to give. What the kernel keeps of them it can let go.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Stands before the metadata, which is at the end of the file…
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// …within so many bytes.
const METADATA: u64 = 128 * 1024;

/// Zeroes between the tree and the data.
const GAP: u64 = 16;

/// Bytes of a text that are read.
const MAX_TEXT: usize = 256;

/// Values that are looked at for one field: hostile files could go on for ever.
const MAX_VALUES: u32 = 1_000;

/// Maps and lists inside one another.
const MAX_DEPTH: u8 = 8;

/// One file.
pub struct Mmdb {
    file: File,
    nodes: u64,
    /// Bits of one of the two records of a node: 24, 28 or 32.
    record: u64,
    /// Where IPv4 begins in the tree: behind 96 zeroes in one of IPv6.
    v4: u64,
    is_v6: bool,
}

/// A value that somebody wants to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    Text(String),
    Number(u64),
}

/// The head of a value.
struct Head {
    kind: u8,
    size: u64,
    /// Where what it says begins.
    at: u64,
}

mod kind {
    pub const POINTER: u8 = 1;
    pub const TEXT: u8 = 2;
    pub const U16: u8 = 5;
    pub const U32: u8 = 6;
    pub const MAP: u8 = 7;
    pub const U64: u8 = 9;
    pub const LIST: u8 = 11;
    pub const BOOL: u8 = 14;
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("no MaxMind DB file, or damaged: {what}"))
}

impl Mmdb {
    /// Opens the file at `path`. Fails where it is none of the format's version 2.
    pub fn open(path: &Path) -> Result<Mmdb> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let tail_at = size.saturating_sub(METADATA);
        let mut tail = vec![0; (size - tail_at) as usize];
        file.read_exact_at(&mut tail, tail_at)?;
        let mark = tail.windows(MARK.len()).rposition(|window| window == MARK);
        let start = tail_at + (mark.ok_or_else(|| damaged("no metadata"))? + MARK.len()) as u64;
        let mut this = Mmdb { file, nodes: 0, record: 0, v4: 0, is_v6: false };
        let number = |name: &str| match this.section(start).field(start, &[name])? {
            Some(Field::Number(number)) => Ok(number),
            _ => Err(damaged(name)),
        };
        let (version, nodes) = (number("binary_format_major_version")?, number("node_count")?);
        let (record, ip_version) = (number("record_size")?, number("ip_version")?);
        if version != 2 || !matches!(record, 24 | 28 | 32) || !matches!(ip_version, 4 | 6) {
            return Err(damaged("another version"));
        }
        if nodes.checked_mul(record / 4).is_none_or(|tree| tree + GAP > size) {
            return Err(damaged("the tree is larger than the file"));
        }
        (this.nodes, this.record, this.is_v6) = (nodes, record, ip_version == 6);
        if this.is_v6 {
            for _ in 0..96 {
                if this.v4 < this.nodes {
                    this.v4 = this.child(this.v4, 0)?;
                }
            }
        }
        Ok(this)
    }

    /// Where the data of `address` is; `None` where the file has none.
    pub fn entry(&self, address: IpAddr) -> Result<Option<u64>> {
        let (mut node, bits, count) = match address {
            IpAddr::V4(v4) => (self.v4, u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(_) if !self.is_v6 => return Ok(None),
            IpAddr::V6(v6) => (0, v6.to_bits(), 128),
        };
        for place in 0..count {
            if node >= self.nodes {
                break;
            }
            node = self.child(node, (bits >> (127 - place) & 1) as u64)?;
        }
        // The number of nodes itself says that there is nothing.
        Ok((node > self.nodes + GAP - 1).then(|| self.data() + (node - self.nodes - GAP)))
    }

    /// The value at `path` in the maps that begin at `entry`, if it is text or a
    /// number.
    pub fn field(&self, entry: u64, path: &[&str]) -> Result<Option<Field>> {
        self.section(self.data()).field(entry, path)
    }

    fn data(&self) -> u64 {
        self.nodes * (self.record / 4) + GAP
    }

    /// The record of `node` for a `bit`.
    fn child(&self, node: u64, bit: u64) -> Result<u64> {
        let width = self.record / 4;
        let mut bytes = [0; 8];
        let both = &mut bytes[..width as usize];
        self.file.read_exact_at(both, node * width)?;
        let [a, b, c, d, e, f, g, h] = bytes.map(u64::from);
        Ok(match (self.record, bit) {
            (24, 0) => a << 16 | b << 8 | c,
            (24, _) => d << 16 | e << 8 | f,
            // The byte between the two has the uppermost four bits of each.
            (28, 0) => (d >> 4) << 24 | a << 16 | b << 8 | c,
            (28, _) => (d & 0xf) << 24 | e << 16 | f << 8 | g,
            (_, 0) => a << 24 | b << 16 | c << 8 | d,
            _ => e << 24 | f << 16 | g << 8 | h,
        })
    }

    fn section(&self, start: u64) -> Values<'_> {
        Values { file: &self.file, start, left: MAX_VALUES }
    }
}

/// Reads values of a section, to whose beginning pointers are relative.
struct Values<'a> {
    file: &'a File,
    start: u64,
    left: u32,
}

impl Values<'_> {
    fn field(&mut self, at: u64, path: &[&str]) -> Result<Option<Field>> {
        let (head, _) = self.follow(at)?;
        let Some((name, rest)) = path.split_first() else { return self.value(&head) };
        if head.kind != kind::MAP {
            return Ok(None);
        }
        let mut at = head.at;
        for _ in 0..head.size {
            let (key, behind) = self.follow(at)?;
            if key.kind == kind::TEXT && self.text(&key)? == *name {
                return self.field(behind, rest);
            }
            at = self.skip(behind, 0)?;
        }
        Ok(None)
    }

    fn value(&mut self, head: &Head) -> Result<Option<Field>> {
        Ok(match head.kind {
            kind::TEXT => Some(Field::Text(self.text(head)?)),
            kind::U16 | kind::U32 | kind::U64 if head.size <= 8 => {
                let bytes = self.bytes::<8>(head.at, head.size as usize)?;
                let number =
                    bytes.iter().take(head.size as usize).fold(0, |n, byte| n << 8 | u64::from(*byte));
                Some(Field::Number(number))
            }
            _ => None,
        })
    }

    fn text(&self, head: &Head) -> Result<String> {
        let mut bytes = vec![0; (head.size as usize).min(MAX_TEXT)];
        self.file.read_exact_at(&mut bytes, head.at)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bytes<const N: usize>(&self, at: u64, count: usize) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes[..count.min(N)], at)?;
        Ok(bytes)
    }

    /// The head at `at`, or the one that it points to; and where the next value is.
    fn follow(&mut self, at: u64) -> Result<(Head, u64)> {
        let head = self.head(at)?;
        if head.kind != kind::POINTER {
            let next = if matches!(head.kind, kind::MAP | kind::LIST) { at } else { self.skip(at, 0)? };
            return Ok((head, next));
        }
        let target = self.head(self.start + head.size)?;
        // A pointer to a pointer is not allowed.
        if target.kind == kind::POINTER { Err(damaged("pointers")) } else { Ok((target, head.at)) }
    }

    /// Of a pointer the size is where it points to.
    fn head(&mut self, at: u64) -> Result<Head> {
        self.left = self.left.checked_sub(1).ok_or_else(|| damaged("it goes on for ever"))?;
        let [control] = self.bytes(at, 1)?;
        let (mut kind, low) = (control >> 5, control & 0x1f);
        let mut at = at + 1;
        if kind == kind::POINTER {
            let more = usize::from(low >> 3) + 1;
            let bytes = self.bytes::<4>(at, more)?;
            let value = bytes.iter().take(more).fold(0, |n, byte| n << 8 | u64::from(*byte));
            let high = u64::from(low & 7);
            let size = match more {
                1 => high << 8 | value,
                2 => (high << 16 | value) + 2_048,
                3 => (high << 24 | value) + 526_336,
                _ => value,
            };
            return Ok(Head { kind, size, at: at + more as u64 });
        }
        if kind == 0 {
            let [extended] = self.bytes(at, 1)?;
            kind = extended.checked_add(7).ok_or_else(|| damaged("a type"))?;
            at += 1;
        }
        let more = usize::from(low.saturating_sub(28));
        let bytes = self.bytes::<3>(at, more)?;
        let value = bytes.iter().take(more).fold(0, |n, byte| n << 8 | u64::from(*byte));
        let size = match more {
            0 => u64::from(low),
            1 => 29 + value,
            2 => 285 + value,
            _ => 65_821 + value,
        };
        Ok(Head { kind, size, at: at + more as u64 })
    }

    /// Where what follows the value at `at` is.
    fn skip(&mut self, at: u64, depth: u8) -> Result<u64> {
        if depth > MAX_DEPTH {
            return Err(damaged("too deep"));
        }
        let head = self.head(at)?;
        match head.kind {
            kind::POINTER | kind::BOOL => Ok(head.at),
            kind::MAP | kind::LIST => {
                let count = if head.kind == kind::MAP { head.size * 2 } else { head.size };
                let mut at = head.at;
                for _ in 0..count {
                    at = self.skip(at, depth + 1)?;
                }
                Ok(at)
            }
            _ => Ok(head.at + head.size),
        }
    }
}
