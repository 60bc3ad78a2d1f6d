//! What passes in each moment of the last minutes, for who looks at the pages:
//! the database has whole minutes only.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use crate::time::Time;

/// Steps that are kept: five minutes of seconds, in some 5 kB.
const KEPT: usize = 300;

/// Bytes to devices and from them.
type Bytes = [u64; 2];

/// The volume of each step of the last minutes.
pub struct Pulse {
    /// How long a step is.
    step: Duration,
    /// When the step that goes on began, and what was counted until then.
    begun: Option<(Time, Bytes)>,
    /// The steps that are over, the latest at the end.
    steps: VecDeque<Bytes>,
}

impl Pulse {
    pub fn new(step: Duration) -> Pulse {
        Pulse { step: step.max(Duration::from_secs(1)), begun: None, steps: VecDeque::new() }
    }

    /// How long a step is where volumes come with each dump of conntrack: one
    /// that comes a moment late is to lie in the same step as the next.
    pub fn step_of_dumps(every: Duration) -> Duration {
        every * 2
    }

    /// Another length of a step; what was counted in others is forgotten.
    pub fn set_step(&mut self, step: Duration) {
        if self.step != step.max(Duration::from_secs(1)) {
            *self = Pulse::new(step);
        }
    }

    /// Until `now`, `bytes` were counted since the daemon began.
    pub fn count(&mut self, now: Time, bytes: Bytes) {
        let Some((begun, before)) = self.begun else {
            self.begun = Some((now, bytes));
            return;
        };
        // A clock that was set, or a machine that slept: what is in one step then
        // is no rate of anything.
        let over = now.since(begun);
        if now < begun || over > self.step * 10 {
            self.steps.clear();
            self.begun = Some((now, bytes));
            return;
        }
        if over < self.step {
            return;
        }
        // It is asked a little late at times: as much as a step's share of it.
        let micros = over.as_micros().max(1);
        let share = |way: usize| {
            let grown = u128::from(bytes[way].saturating_sub(before[way]));
            u64::try_from(grown * self.step.as_micros() / micros).unwrap_or(u64::MAX)
        };
        self.steps.push_back([share(0), share(1)]);
        if self.steps.len() > KEPT {
            self.steps.pop_front();
        }
        self.begun = Some((now, bytes));
    }

    /// As JSON: the end of the latest step in milliseconds since 1970, a step's
    /// length in seconds, and the bytes of each, the latest at the end.
    pub fn told(&self) -> Value {
        let way = |way: usize| self.steps.iter().map(|step| step[way]).collect::<Vec<_>>();
        let end = self.begun.map_or(0, |(time, _)| time.micros() / 1000);
        json!({"end": end, "step": self.step.as_secs(), "in": way(0), "out": way(1)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_second_has_what_came_in_it() {
        let mut pulse = Pulse::new(SECOND);
        assert_eq!(pulse.told(), json!({"end": 0, "step": 1, "in": [], "out": []}));
        for (secs, bytes) in [(10, [500, 50]), (11, [600, 50]), (12, [600, 57])] {
            pulse.count(Time::from_secs(secs), bytes);
        }
        assert_eq!(pulse.told(), json!({"end": 12_000, "step": 1, "in": [100, 0], "out": [0, 7]}));
    }

    #[test]
    fn late_looks_tell_the_rate_and_early_ones_wait() {
        let mut pulse = Pulse::new(SECOND);
        let at = |millis: u64| Time::from_micros(millis * 1000);
        for (millis, bytes) in [(0, [0, 0]), (700, [70, 0]), (1400, [140, 0]), (2400, [240, 0])] {
            pulse.count(at(millis), bytes);
        }
        assert_eq!(pulse.told()["in"], json!([100, 100]));
    }

    #[test]
    fn minutes_are_kept_and_no_more() {
        let mut pulse = Pulse::new(SECOND);
        for secs in 0..2000 {
            pulse.count(Time::from_secs(secs), [secs * secs, u64::MAX]);
        }
        let told = pulse.told();
        let steps = told["in"].as_array().unwrap();
        assert_eq!((steps.len(), &steps[KEPT - 1]), (KEPT, &json!(1999 * 2 - 1)));
    }

    #[test]
    fn a_clock_that_is_set_begins_anew() {
        let mut pulse = Pulse::new(SECOND);
        for (secs, bytes) in [(100, 0), (101, 10), (1_700_000_000, 20), (1_700_000_001, 25)] {
            pulse.count(Time::from_secs(secs), [bytes, 0]);
        }
        assert_eq!(pulse.told()["in"], json!([5]));
        pulse.count(Time::from_secs(90), [30, 0]);
        pulse.count(Time::from_secs(91), [31, 0]);
        assert_eq!(pulse.told()["in"], json!([1]));
        // Counters that fall are those of another run, and no volume.
        pulse.count(Time::from_secs(92), [0, 0]);
        assert_eq!(pulse.told()["in"], json!([1, 0]));
    }

    #[test]
    fn a_step_of_other_length_forgets_the_others() {
        let mut pulse = Pulse::new(SECOND);
        pulse.count(Time::from_secs(1), [0, 0]);
        pulse.count(Time::from_secs(2), [9, 9]);
        pulse.set_step(SECOND);
        assert_eq!(pulse.told()["in"], json!([9]));
        pulse.set_step(Pulse::step_of_dumps(Duration::from_secs(5)));
        assert_eq!(pulse.told(), json!({"end": 0, "step": 10, "in": [], "out": []}));
    }
}
