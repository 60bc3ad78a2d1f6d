//! When to try again what is away.

use std::time::Duration;

use crate::time::Time;

/// The pause after the first failure; each further one makes it twice as long…
const FIRST: Duration = Duration::from_secs(1);

/// …up to this.
pub const LONGEST: Duration = Duration::from_secs(30);

/// See the module's text.
pub struct Retry {
    pause: Duration,
    at: Time,
}

impl Retry {
    /// Due at `now`.
    pub fn new(now: Time) -> Retry {
        Retry { pause: FIRST, at: now }
    }

    pub fn is_due(&self, now: Time) -> bool {
        // A clock that was set back must not make it wait for years.
        self.at <= now || self.at > now + LONGEST
    }

    /// It was lost, or was not there when it was tried.
    pub fn failed(&mut self, now: Time) {
        self.at = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// It is there: what fails next is tried again soon.
    pub fn went_well(&mut self) {
        self.pause = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_goes_well() {
        let mut now = Time::from_secs(1_700_000_000);
        let mut retry = Retry::new(now);
        assert!(retry.is_due(now));
        let mut pause_after_failure = |retry: &mut Retry| {
            retry.failed(now);
            let begun = now;
            while !retry.is_due(now) {
                now = now + Duration::from_secs(1);
            }
            now.since(begun).as_secs()
        };
        let pauses: Vec<_> = (0..7).map(|_| pause_after_failure(&mut retry)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        retry.went_well();
        assert_eq!(pause_after_failure(&mut retry), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_it_due() {
        let now = Time::from_secs(1_700_000_000);
        let mut retry = Retry::new(now);
        retry.failed(now);
        assert!(!retry.is_due(now.back(Duration::from_secs(20))), "a second is no other clock");
        assert!(retry.is_due(now.back(Duration::from_secs(3_600))));
    }
}
