//! The only place that asks what time it is.

use std::time::{Duration, Instant, SystemTime};

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
    fn drift_is_no_step() {
        let at = Time::from_secs;
        assert!(!was_set(at(100), at(102)) && !was_set(at(102), at(100)));
        assert!(was_set(at(100), at(103)) && was_set(at(1_700_000_000), at(5)));
    }
}
