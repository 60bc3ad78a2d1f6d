//! The time of day as an argument.
//!
//! Nothing below `daemon` asks a clock: a packet brings its own time, and the
//! daemon hands in the rest. So a capture read twice gives the same rows, and
//! a test moves time by writing a number.

use std::fmt;
use std::ops::Add;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 00:00 UTC, as captures and databases count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(u64);

impl Time {
    /// 1970-01-01; also what a clock set before it is taken for.
    pub const ZERO: Time = Time(0);

    /// The last time that can be written down: the end of the year 9999, so
    /// that a capture with nonsense in its time fields still prints.
    pub const MAX: Time = Time(253_402_300_799_999_999);

    /// `micros` microseconds after 1970, at most [`Time::MAX`].
    pub const fn from_micros(micros: u64) -> Time {
        if micros > Time::MAX.0 { Time::MAX } else { Time(micros) }
    }

    /// `secs` whole seconds after 1970, at most [`Time::MAX`].
    pub const fn from_secs(secs: u64) -> Time {
        Time::from_micros(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds since 1970.
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier`; zero when it is not later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This time, `by` earlier; not before 1970.
    pub fn back(self, by: Duration) -> Time {
        Time(self.0.saturating_sub(micros(by)))
    }

    /// The beginning of the minute this time lies in.
    pub const fn minute(self) -> Time {
        Time(self.0 - self.0 % 60_000_000)
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, by: Duration) -> Time {
        Time::from_micros(self.0.saturating_add(micros(by)))
    }
}

impl From<SystemTime> for Time {
    fn from(clock: SystemTime) -> Time {
        Time::from_micros(clock.duration_since(UNIX_EPOCH).map_or(0, micros))
    }
}

/// As EVE writes it: `2018-02-14T00:28:07.123456+0000`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = UNIX_EPOCH + Duration::from_micros(self.0);
        let text = humantime::format_rfc3339_micros(clock).to_string();
        write!(f, "{}+0000", text.trim_end_matches('Z'))
    }
}

/// `span` in microseconds; what does not fit is cut to the largest number.
fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(span.subsec_micros().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_eve_writes_it() {
        let time = Time::from_micros(1_445_495_344_123_456);
        assert_eq!(time.to_string(), "2015-10-22T06:29:04.123456+0000");
        assert_eq!(Time::ZERO.to_string(), "1970-01-01T00:00:00.000000+0000");
    }

    #[test]
    fn any_number_from_a_capture_can_be_written() {
        let time = Time::from_micros(u64::MAX);
        assert_eq!(time.to_string(), "9999-12-31T23:59:59.999999+0000");
        assert_eq!(time + Duration::MAX, Time::MAX);
        assert_eq!(Time::ZERO.back(Duration::from_secs(1)), Time::ZERO);
    }

    #[test]
    fn a_span_is_never_negative() {
        let (early, late) = (Time::from_secs(5), Time::from_secs(7));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }

    #[test]
    fn a_minute_begins_at_its_first_second() {
        assert_eq!(Time::from_secs(119).minute(), Time::from_secs(60));
        assert_eq!(Time::from_secs(120).minute(), Time::from_secs(120));
    }
}
