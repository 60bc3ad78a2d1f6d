//! What a column can hold, and the macro that makes one entry a struct and a
//! table.

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayString;

use super::types::{Country, Device, Id, Mac, Name, Proto};
use crate::time::Time;

/// A value on its way into a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    /// Text that had no place of its own: addresses.
    Short(Short),
}

/// Text without an allocation: the longest address has 45 characters.
pub type Short = ArrayString<48>;

/// `value` as text; what is too long is cut.
pub fn short(value: impl fmt::Display) -> Short {
    let mut text = Cut(Short::new());
    let _ = write!(text, "{value}");
    text.0
}

/// `text` without an allocation, and without the general formatter; what is too long
/// is cut.
pub fn short_text(text: &str) -> Short {
    Short::from(text).unwrap_or_else(|_| short(text))
}

/// Takes what there is room for, to the last whole character.
struct Cut(Short);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.0.remaining_capacity();
        let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.0.push_str(&text[..end]);
        if end == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// An address as text. Every row holds two or three: by hand it takes a fifth
/// of the time of the general formatter.
pub fn short_address(address: &IpAddr) -> Short {
    let mut digits = Digits { bytes: [0; 48], length: 0 };
    match address {
        IpAddr::V4(v4) => digits.v4(v4.octets()),
        // Those that hold an address of IPv4 show it.
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return short(v6),
        IpAddr::V6(v6) => digits.v6(v6.segments()),
    }
    let mut text = Short::new();
    text.push_str(std::str::from_utf8(&digits.bytes[..digits.length]).unwrap_or_default());
    text
}

/// Room for an address, which has at most 45 characters.
struct Digits {
    bytes: [u8; 48],
    length: usize,
}

impl Digits {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn v4(&mut self, octets: [u8; 4]) {
        for (n, octet) in octets.into_iter().enumerate() {
            if n > 0 {
                self.push(b'.');
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    /// RFC 5952, 4: no leading zeroes, `::` for the first longest run of two
    /// zeroes or more, small letters.
    fn v6(&mut self, segments: [u16; 8]) {
        let (mut run, mut best) = ((0, 0), (0, 0));
        for (n, &segment) in segments.iter().enumerate() {
            run = if segment == 0 { (run.0, run.1 + 1) } else { (n + 1, 0) };
            if run.1 > best.1 {
                best = run;
            }
        }
        let skip = if best.1 > 1 { best.0..best.0 + best.1 } else { 8..8 };
        for (n, segment) in segments.into_iter().enumerate() {
            if n == skip.start {
                self.push(b':');
                self.push(b':');
            }
            if skip.contains(&n) {
                continue;
            }
            if n > 0 && n != skip.end {
                self.push(b':');
            }
            let first = (15 - segment.max(1).leading_zeros()) / 4;
            for place in (0..=first).rev() {
                self.push(b"0123456789abcdef"[usize::from(segment >> (place * 4) & 0xf)]);
            }
        }
    }
}

/// What a column's values are, for both dialects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Unsigned, this many bits; 64 bits are kept signed, as SQLite has them.
    Int(u8),
    /// UTF-8 of at most this many characters.
    Text(u16),
    /// UTF-8 without a limit of its own.
    Long,
}

/// How a row that is written again changes one that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Merge {
    /// The newer value holds.
    Newer,
    /// The smaller value holds: when something was first seen.
    Least,
    /// The newer value holds unless it is unknown.
    Known,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it may be unknown.
    pub null: bool,
    pub merge: Merge,
    /// What it means, for the schema that the pages read.
    pub doc: &'static str,
}

/// One table; its first columns are the key.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: &'static [Column],
    /// How many columns the key has.
    pub keys: usize,
    /// Columns with an index of their own.
    pub indexes: &'static [&'static str],
    /// Columns that have one too where the table may grow large, see [`Size`](super::Size).
    pub searched: &'static [&'static str],
}

/// A type that can be a column.
pub trait Cell {
    const KIND: Kind;
    const NULL: bool = false;
    fn value(&self) -> Value<'_>;
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    const NULL: bool = true;
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::value)
    }
}

macro_rules! cells {
    ($($type:ty: $kind:expr, |$this:ident| $value:expr;)*) => {
        $(impl Cell for $type {
            const KIND: Kind = $kind;
            fn value(&self) -> Value<'_> {
                let $this = self;
                $value
            }
        })*
    };
}

cells! {
    u8: Kind::Int(8), |n| Value::Int((*n).into());
    u16: Kind::Int(16), |n| Value::Int((*n).into());
    u32: Kind::Int(32), |n| Value::Int((*n).into());
    u64: Kind::Int(64), |n| Value::Int(i64::try_from(*n).unwrap_or(i64::MAX));
    i64: Kind::Int(64), |n| Value::Int(*n);
    Id: Kind::Int(64), |id| Value::Int(id.number());
    Time: Kind::Int(64), |time| Value::Int(i64::try_from(time.micros()).unwrap_or(i64::MAX));
    IpAddr: Kind::Text(45), |address| Value::Short(short_address(address));
    Mac: Kind::Text(17), |mac| Value::Short(mac.text());
    Device: Kind::Text(45), |device| Value::Short(device.text());
    Proto: Kind::Text(16), |proto| proto.name().map_or_else(|| Value::Short(short(proto)), Value::Text);
    Country: Kind::Text(2), |country| Value::Text(country.as_str());
    Short: Kind::Text(48), |text| Value::Text(text.as_str());
    // Words of the program's own.
    &'static str: Kind::Text(32), |word| Value::Text(word);
    // Names of apps, categories, interfaces and stages.
    Arc<str>: Kind::Text(128), |name| Value::Text(name);
    // A domain name of 253 bytes has at most 1,012 characters, all escaped.
    Name: Kind::Text(1024), |name| Value::Text(name);
    String: Kind::Long, |text| Value::Text(text);
}

/// The columns of `before`, and `own` behind them; `N` is how many they are.
pub(super) const fn join<const N: usize>(before: &[Column], own: &[Column]) -> [Column; N] {
    let mut all = [Column { name: "", kind: Kind::Long, null: false, merge: Merge::Newer, doc: "" }; N];
    let mut place = 0;
    while place < N {
        all[place] = if place < before.len() { before[place] } else { own[place - before.len()] };
        place += 1;
    }
    all
}

/// What happened at one time between two ends: the first columns of what is read
/// in sessions.
macro_rules! event {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty,)+) => {
        /// When something happened, and between whom.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Event {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Event {
            pub(super) const COLUMNS: &'static [Column] = &[$(Column {
                name: stringify!($field),
                kind: <$type as Cell>::KIND,
                null: <$type as Cell>::NULL,
                merge: Merge::Newer,
                doc: concat!($($doc, "\n"),+),
            },)+];

            pub(super) fn values(&self, each: &mut dyn FnMut(Value<'_>)) {
                $(each(self.$field.value());)+
            }
        }
    };
}

event! {
    /// Begins with the time in milliseconds.
    id: Id,
    /// When it was read, microseconds since 1970.
    time: Time,
    /// Transport protocol.
    proto: Proto,
    /// Address of the client.
    client: IpAddr,
    /// Its port.
    client_port: u16,
    /// Address of the server.
    server: IpAddr,
    /// Its port.
    server_port: u16,
    /// Whose session it is.
    device: Device,
}

/// Makes each entry a struct, a [`Table`] and a variant of `Record`. Those with
/// `with event` begin with the columns of [`Event`]; by what is `searched` rows are
/// found by an index in a large store.
macro_rules! tables {
    ($(
        $(#[doc = $doc:literal])+
        $Name:ident = $table:literal, indexed [$($index:literal),*] $(searched [$($searched:literal),*])? $(with $event:ident)? {
            $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty $(= $merge:ident)?,)+
        }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct $Name {
                $(
                    /// When, between whom.
                    pub $event: Event,
                )?
                $($(#[doc = $field_doc])+ pub $field: $type,)+
            }

            impl $Name {
                pub const TABLE: Table = {
                    const BEFORE: &[Column] = tables!(@before $($event)?);
                    const OWN: &[Column] = &[$(Column {
                        name: stringify!($field),
                        kind: <$type as Cell>::KIND,
                        null: <$type as Cell>::NULL,
                        merge: tables!(@merge $($merge)?),
                        doc: concat!($($field_doc, "\n"),+),
                    },)+];
                    const ALL: &[Column] = &join::<{ BEFORE.len() + OWN.len() }>(BEFORE, OWN);
                    Table {
                        name: $table,
                        doc: concat!($($doc, "\n"),+),
                        columns: ALL,
                        keys: 1,
                        indexes: &[$($index),*],
                        searched: &[$($($searched),*)?],
                    }
                };
            }
        )+

        /// Anything that Weir writes down.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Record {
            $($Name(Box<$Name>),)+
        }

        $(
            impl From<$Name> for Record {
                fn from(row: $Name) -> Record {
                    Record::$Name(Box::new(row))
                }
            }
        )+

        /// Every table, in the order in which they are created.
        pub static TABLES: &[Table] = &[$($Name::TABLE),+];

        impl Record {
            /// The table it belongs to.
            pub fn table(&self) -> &'static Table {
                match self {
                    $(Record::$Name(_) => { const TABLE: &Table = &$Name::TABLE; TABLE })+
                }
            }

            /// Calls `each` with its values in the order of the table's columns.
            pub fn values(&self, each: &mut dyn FnMut(Value<'_>)) {
                match self {
                    $(Record::$Name(row) => {
                        $(row.$event.values(each);)?
                        $(each(row.$field.value());)+
                    })+
                }
            }
        }
    };
    (@before) => { &[] };
    (@before $event:ident) => { Event::COLUMNS };
    (@merge) => { Merge::Newer };
    (@merge least) => { Merge::Least };
    (@merge known) => { Merge::Known };
}
pub(super) use tables;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        for text in
            ["", "x", &"x".repeat(48), &"x".repeat(49), &"x".repeat(500), &"é".repeat(30), &"x微".repeat(20)]
        {
            let (one, other) = (short(text), short_text(text));
            assert_eq!(one, other);
            assert!(text.starts_with(&*one) && (one.len() == text.len() || one.len() > 44), "{one}");
        }
        assert_eq!(&*short(format_args!("{}{}", "x".repeat(47), "微")), "x".repeat(47));
    }

    #[test]
    fn addresses_read_as_the_standard_library_writes_them() {
        let mut all: Vec<IpAddr> =
            ["0.0.0.0", "255.1.20.199", "::", "::1", "1::", "fe80::1", "::ffff:1.2.3.4"]
                .iter()
                .chain(&[
                    "2001:db8::1:0:0:1",
                    "1:0:2:3:4:5:6:7",
                    "0:1:2:3:4:5:6:0",
                    "1:0:0:2:0:0:0:3",
                    "::2:0:0:0:3",
                ])
                .map(|text| text.parse().unwrap())
                .collect();
        let mut random = 1_u64;
        for n in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bits = u128::from(random) << 64 | u128::from(random.rotate_left(17));
            // Zero segments as a mask of the number's bits.
            let mask = (0..8)
                .fold(0, |mask, bit| if n >> bit & 1 == 1 { mask | 0xffff << (bit * 16) } else { mask });
            all.push(std::net::Ipv6Addr::from_bits(bits & mask).into());
            all.push(std::net::Ipv4Addr::from_bits(random as u32).into());
        }
        for address in all {
            assert_eq!(&*short_address(&address), address.to_string());
        }
    }
}
