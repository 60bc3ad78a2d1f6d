//! The only place that asks what time it is.

use std::time::{Duration, Instant, SystemTime};

use crate::policy::Local;
use crate::time::Time;

/// A clock that was set by more than this was set; less is drift.
const STEP: Duration = Duration::from_secs(2);

/// Follows the time of day, and notices when it is set: routers begin in 1970
/// and learn the time minutes later.
pub struct Clock {
    /// What the time of day was, by the clock that is never set.
    last: (Instant, Time),
    /// When it was made.
    begun: Instant,
}

impl Clock {
    #[allow(clippy::disallowed_methods)]
    pub fn new() -> Clock {
        let now = Instant::now();
        Clock { last: (now, SystemTime::now().into()), begun: now }
    }

    /// How long it runs, whatever the time of day is set to.
    pub fn running(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The time of day; when it was set since the last call, also what it
    /// would have been.
    #[allow(clippy::disallowed_methods)]
    pub fn read(&mut self) -> (Time, Option<Time>) {
        let (monotonic, now) = (Instant::now(), Time::from(SystemTime::now()));
        let expected = self.last.1 + (monotonic - self.last.0);
        self.last = (monotonic, now);
        (now, was_set(expected, now).then_some(expected))
    }
}

/// What the clock on the wall shows at `time`.
pub fn local(time: Time) -> Local {
    let secs = i64::try_from(time.secs()).unwrap_or(0) + i64::from(zone(time));
    let day = secs.div_euclid(86_400);
    Local {
        day: i32::try_from(day).unwrap_or(i32::MAX),
        // The first day of 1970 was a Thursday.
        weekday: (day + 3).rem_euclid(7) as u8,
        minute: (secs.rem_euclid(86_400) / 60) as u16,
    }
}

/// Seconds that local time is ahead of UTC at `time`, by TZ or /etc/localtime;
/// 0 where nobody knows.
pub fn zone(time: Time) -> i32 {
    let Ok(secs) = libc::time_t::try_from(time.secs()) else { return 0 };
    // SAFETY: all of `tm` are numbers and a pointer, for which zeroes are values;
    // localtime_r(3) reads and writes what it is given, and nothing here keeps it.
    unsafe {
        let mut local: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&secs, &mut local).is_null() {
            0
        } else {
            i32::try_from(local.tm_gmtoff).unwrap_or(0)
        }
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

fn was_set(expected: Time, now: Time) -> bool {
    now.since(expected).max(expected.since(now)) > STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_shows_days_and_minutes() {
        // A Wednesday at noon somewhere; zones differ from it by less than a day.
        let noon = Time::from_secs(1_700_049_600);
        let (now, later) = (local(noon), local(noon + Duration::from_secs(7 * 86_400 + 60)));
        assert!((1..=3).contains(&now.weekday) && now.minute < 1440);
        assert_eq!((later.weekday, later.day), (now.weekday, now.day + 7));
        assert_eq!(later.minute, (now.minute + 1) % 1440);
    }

    #[test]
    fn drift_is_no_step() {
        let at = Time::from_secs;
        assert!(!was_set(at(100), at(102)) && !was_set(at(102), at(100)));
        assert!(was_set(at(100), at(103)) && was_set(at(1_700_000_000), at(5)));
    }
}
