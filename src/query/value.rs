//! Values as people write them: sizes, lengths of time, times.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Value;
use crate::prefix::Prefix;
use crate::record::Mac;
use crate::time::Time;

/// No number is larger: up to here PHP and JSON are exact too.
const LARGEST: f64 = 1e15;

/// Units of size. The pages show a thousand bytes as 1 kB.
const SIZES: &[(&str, f64)] = &[
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("m", 1e6),
    ("mb", 1e6),
    ("g", 1e9),
    ("gb", 1e9),
    ("t", 1e12),
    ("tb", 1e12),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
];

/// Units of time in microseconds.
const TIMES: &[(&str, f64)] = &[
    ("us", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("m", 6e7),
    ("min", 6e7),
    ("h", 3.6e9),
    ("d", 8.64e10),
    ("w", 6.048e11),
];

/// A begin or an end of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// Seconds before now.
    Ago(u64),
    /// Seconds since 1970 by the clock on the wall, as if it showed UTC.
    Local(i64),
}

impl Edge {
    /// `2d`, `2026-11-20`, `2026-11-20T18:30`. A day that something goes on until
    /// is in it.
    pub fn parse(text: &str, is_until: bool) -> Option<Edge> {
        if let Some(micros) = duration(text) {
            return Some(Edge::Ago(micros / 1_000_000));
        }
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let (whole, more) = match &*shape {
            "0000-00-00" => (format!("{text} 00:00:00"), if is_until { 86_400 } else { 0 }),
            "0000-00-00T00:00" | "0000-00-00 00:00" => (format!("{text}:00"), 0),
            _ => return None,
        };
        let time: SystemTime = humantime::parse_rfc3339_weak(&whole).ok()?;
        let secs = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Edge::Local(i64::try_from(secs).ok()? + more))
    }

    /// When that is, on a whole minute; `zone` tells the seconds that local time
    /// is ahead of UTC at a time.
    pub fn time(self, now: Time, zone: impl Fn(Time) -> i32) -> Time {
        let at = |secs: i64| Time::from_secs(u64::try_from(secs).unwrap_or(0));
        match self {
            Edge::Ago(secs) => now.back(Duration::from_secs(secs)),
            Edge::Local(local) => {
                let guess = local - i64::from(zone(at(local)));
                // Between two offsets the one that holds at the result decides.
                at(local - i64::from(zone(at(guess))))
            }
        }
        .minute()
    }
}

/// Text as it is when it was quoted; otherwise `*` in it stands for anything.
pub fn text(text: String, is_quoted: bool) -> Value {
    if !is_quoted && text.contains('*') { Value::Like(text) } else { Value::Text(text) }
}

/// An address or a prefix; bits behind the prefix do not matter.
pub fn net(text: &str) -> Option<Prefix> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(digits)
            if (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            digits.parse().ok()?
        }
        Some(_) => return None,
    };
    Prefix::new(address, length)
}

/// `aa:bb:cc:dd:ee:ff`
pub fn is_mac(text: &str) -> bool {
    text.parse::<Mac>().is_ok()
}

/// `443`, `8000-8999`: the first and the last.
pub fn range(text: &str, read: fn(&str) -> Option<u64>) -> Option<(u64, u64)> {
    match text.split_once('-') {
        Some((first, last)) => Some((read(first)?, read(last)?)),
        None => read(text).map(|one| (one, one)),
    }
}

pub fn number(text: &str) -> Option<u64> {
    scaled(text, &[("", 1.0)])
}

/// Bytes.
pub fn size(text: &str) -> Option<u64> {
    scaled(text, SIZES)
}

/// Microseconds.
pub fn duration(text: &str) -> Option<u64> {
    scaled(text, TIMES)
}

/// Digits, up to three more behind a point where a unit follows, and a unit.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let unit = unit.to_ascii_lowercase();
    let (name, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let is_number = (1..=15).contains(&whole.len()) && (1..=3).contains(&part.len()) && !part.contains('.');
    if !is_number || name.is_empty() && digits.contains('.') {
        return None;
    }
    // Thousandths are whole numbers, so that nothing is rounded twice.
    let thousandths: f64 = format!("{whole}{part:0<3}").parse().ok()?;
    let number = (thousandths * factor / 1000.0).round();
    (number <= LARGEST).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_bounds() {
        assert_eq!(
            (size("10M"), size("1.5GB"), size("2KiB")),
            (Some(10_000_000), Some(1_500_000_000), Some(2048))
        );
        assert_eq!(
            (duration("5min"), duration("1.5s"), duration("20us")),
            (Some(300_000_000), Some(1_500_000), Some(20))
        );
        for text in [
            "",
            "M",
            "10Q",
            "1.M",
            ".5M",
            "1.2345M",
            "1.5",
            "-1",
            "+1",
            "1e9",
            "9999999999999999",
            "9999T",
            "１",
        ] {
            assert_eq!(size(text), None, "{text}");
        }
        assert_eq!((number("443"), number("4.5"), number("443k")), (Some(443), None, None));
        assert_eq!(range("8000-8999", number), Some((8000, 8999)));
    }

    #[test]
    fn an_edge_is_on_the_clock_on_the_wall() {
        let now = Time::from_secs(1_795_199_999);
        let china = |_: Time| 8 * 3600;
        let at =
            |text: &str, is_until| Edge::parse(text, is_until).map(|edge| edge.time(now, china).to_string());
        assert_eq!(at("2026-11-20", false).as_deref(), Some("2026-11-19T16:00:00.000000+0000"));
        assert_eq!(at("2026-11-20", true).as_deref(), Some("2026-11-20T16:00:00.000000+0000"));
        assert_eq!(at("2026-11-20T18:30", true).as_deref(), Some("2026-11-20T10:30:00.000000+0000"));
        assert_eq!(at("1970-01-01", false).as_deref(), Some("1970-01-01T00:00:00.000000+0000"));
        assert_eq!(
            Edge::parse("2d", false).map(|edge| edge.time(now, china)),
            Some(now.back(Duration::from_secs(2 * 86_400)).minute())
        );
        for text in [
            "",
            "2",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "2026-11-20T24:00",
            "2026-11-20T18:30:00",
            "0000-00-00",
        ] {
            assert_eq!(at(text, false), None, "{text}");
        }
    }

    #[test]
    fn clocks_that_change_are_asked_at_the_right_time() {
        // Berlin on 2026-03-29: 02:00 is 03:00.
        let berlin = |time: Time| if time.secs() < 1_774_746_000 { 3600 } else { 7200 };
        let at = |text: &str| Edge::parse(text, false).unwrap().time(Time::ZERO, berlin).secs();
        assert_eq!(at("2026-03-29T01:59"), 1_774_746_000 - 60);
        assert_eq!(at("2026-03-29T03:00"), 1_774_746_000);
    }
}
