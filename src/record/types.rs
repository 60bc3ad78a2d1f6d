//! The small types that records are made of.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::column::{Short, short_address};
use crate::time::Time;

/// Names a row. It begins with the time, so that rows of a time lie together
/// and old ones are cut off at one end: milliseconds since 1970, then 11 bits
/// that tell rows of the same millisecond apart. It stays below 2^53 until the
/// year 2109, so that PHP on a 32-bit router and JavaScript, which count in
/// doubles, hold it exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(i64);

/// Bits behind the milliseconds.
const BITS: u32 = 11;

/// How far ahead of the clock ids may run when a burst of rows (or packets a
/// little out of order) uses up their milliseconds.
const SPILL: Duration = Duration::from_secs(1);

impl Id {
    /// The smallest id of a row that begins at `time` or later.
    pub fn first_at(time: Time) -> Id {
        Id((time.millis() << BITS) as i64)
    }

    /// The time in it, in whole milliseconds.
    pub fn time(self) -> Time {
        Time::from_micros((self.0 >> BITS) as u64 * 1_000)
    }

    /// The id with this number, as a database gives it back.
    pub fn from_number(number: i64) -> Id {
        Id(number)
    }

    pub fn number(self) -> i64 {
        self.0
    }
}

/// Gives rows their ids. The bits behind the time come from what the row is
/// about, so reading a capture again gives the same ids; only rows that would
/// share one get the next that is free.
#[derive(Default)]
pub struct Ids {
    last: Option<Id>,
}

impl Ids {
    /// An id for a row that begins at `time`; `seed` is derived from its content.
    pub fn next(&mut self, time: Time, seed: u64) -> Id {
        let derived = Id(Id::first_at(time).0 | (seed >> (64 - BITS)) as i64);
        let id = match self.last {
            // Of the same millisecond, or of one that others spilled into.
            // A clock that went back by more is not followed up.
            Some(last) if derived <= last && last.time().since(time) < SPILL => Id(last.0 + 1),
            _ => derived,
        };
        self.last = Some(id);
        id
    }
}

/// Bits for [`Ids::next`] from what a row is about: FNV-1a, the same on every
/// machine and in every run.
pub fn seed<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let bytes = parts.into_iter().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The same for a row about a client, told from others of it by `number`.
pub fn seed_of(client: (IpAddr, u16), number: u16) -> u64 {
    let address = match client.0 {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    seed([&address.octets()[..], &client.1.to_be_bytes(), &number.to_be_bytes()])
}

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// As every table has it. Most rows hold one; twelve calls of the general
    /// formatter would cost as much as finding the session.
    pub fn text(self) -> Short {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [b':'; 17];
        for (place, byte) in digits.chunks_mut(3).zip(self.0) {
            place[0] = DIGITS[usize::from(byte >> 4)];
            place[1] = DIGITS[usize::from(byte & 0xf)];
        }
        let mut text = Short::new();
        text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
        text
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A text that names no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAddress;

/// Six pairs of hexadecimal digits, in either case, with colons between them.
impl FromStr for Mac {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Mac, NoAddress> {
        let mut bytes = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().ok_or(NoAddress)?;
            // A number may have a sign, a byte of an address may not.
            let is_byte = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_byte).ok_or(NoAddress)?;
        }
        pairs.next().is_none().then_some(Mac(bytes)).ok_or(NoAddress)
    }
}

/// Whose traffic it is: the LAN's side of a session. A MAC address where the
/// capture shows one that stands for a single thing, otherwise an IP address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Device {
    Mac(Mac),
    Ip(IpAddr),
}

impl Device {
    /// As every table names it.
    pub fn text(&self) -> Short {
        match self {
            Device::Mac(mac) => mac.text(),
            Device::Ip(address) => short_address(address),
        }
    }
}

/// What [`Device::text`] writes.
impl FromStr for Device {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Device, NoAddress> {
        let mac = || text.parse().map(Device::Mac);
        mac().or_else(|_| text.parse().map(Device::Ip).map_err(|_| NoAddress))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Mac(mac) => mac.fmt(f),
            Device::Ip(address) => address.fmt(f),
        }
    }
}

/// A country by the two letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of `code`; none where that is not two capital letters.
    pub fn new(code: &str) -> Option<Country> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Country(letters))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A domain name, however long and escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(pub Arc<str>);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The domain of `name` that somebody registered, as far as the labels tell: two of
/// them, three where the last two look like `co.uk` or `com.cn`. There is no list of
/// those here, which would be larger than all the rest.
pub fn registered(name: &str) -> &str {
    let labels: Vec<_> = name.rsplitn(4, '.').collect();
    let is_second_level = matches!(labels[..], [country, kind, ..] if country.len() == 2 && kind.len() <= 3);
    let kept = if is_second_level { 3 } else { 2 };
    let dot = name.rmatch_indices('.').nth(kept - 1);
    dot.and_then(|(at, _)| name.get(at + 1..)).unwrap_or(name)
}

/// A transport protocol by its number (IANA, Assigned Internet Protocol Numbers).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Proto(pub u8);

impl Proto {
    pub const TCP: Proto = Proto(6);
    pub const UDP: Proto = Proto(17);

    /// Its short name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "icmp",
            2 => "igmp",
            4 => "ipip",
            6 => "tcp",
            17 => "udp",
            33 => "dccp",
            41 => "ipv6",
            47 => "gre",
            50 => "esp",
            51 => "ah",
            58 => "icmp6",
            88 => "eigrp",
            89 => "ospf",
            103 => "pim",
            112 => "vrrp",
            115 => "l2tp",
            132 => "sctp",
            136 => "udplite",
            _ => return None,
        })
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "ip-{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_the_time_and_stays_exact_in_a_double() {
        let time = Time::from_micros(1_717_200_000_123_456);
        let id = Ids::default().next(time, u64::MAX);
        assert_eq!(id.time(), Time::from_micros(1_717_200_000_123_000));
        assert!(id >= Id::first_at(time) && id.number() < 1 << 53);
    }

    #[test]
    fn rows_of_one_millisecond_differ_and_come_out_the_same_again() {
        let make = || {
            let mut ids = Ids::default();
            let seeds = [7, 7, 1 << 63, 3].map(|seed| ids.next(Time::from_secs(1), seed).number());
            let later = ids.next(Time::from_secs(2), 0).number();
            (seeds, later)
        };
        let (ids, later) = make();
        assert!(ids.is_sorted_by(|a, b| a < b) && ids[3] < later);
        assert_eq!(make(), (ids, later));
    }

    #[test]
    fn more_rows_than_a_millisecond_has_room_for_spill_into_the_next() {
        let mut ids = Ids::default();
        let mut all: Vec<_> =
            (0..10_000).map(|n| ids.next(Time::from_micros((5 + n / 4_000) * 1_000), 0)).collect();
        all.dedup();
        assert!(all.is_sorted() && all.len() == 10_000);
    }

    #[test]
    fn a_device_is_written_as_its_address() {
        assert_eq!(Device::Mac(Mac([2, 0, 0, 0, 0xfe, 1])).to_string(), "02:00:00:00:fe:01");
        assert_eq!(Device::Ip([192, 0, 2, 1].into()).to_string(), "192.0.2.1");
        for text in ["02:00:00:00:fe:01", "192.0.2.1", "2001:db8::5"] {
            assert_eq!(text.parse::<Device>().map(|device| device.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("0A:00:00:00:00:08".parse(), Ok(Mac([10, 0, 0, 0, 0, 8])));
        for wrong in ["", "02:00:00:00:fe", "02:00:00:00:fe:01:02", "02:00:00:00:fe:+1", "2:0:0:0:0:1", "a.b"]
        {
            assert_eq!(wrong.parse::<Device>(), Err(NoAddress), "{wrong}");
        }
        assert_eq!(Proto(6).to_string(), "tcp");
        assert_eq!(Proto(200).to_string(), "ip-200");
    }
}
