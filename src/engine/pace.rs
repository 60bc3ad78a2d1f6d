//! How many rows of a kind a minute may have: what anybody in the LAN can send
//! by the thousand must not fill the database.

use crate::time::Time;

/// Counts the rows of a minute, and what was left out so far.
pub struct Pace {
    limit: u32,
    minute: Time,
    rows: u32,
    left_out: u64,
}

impl Pace {
    /// At most `limit` rows a minute.
    pub fn new(limit: u32) -> Pace {
        Pace { limit, minute: Time::ZERO, rows: 0, left_out: 0 }
    }

    /// Whether one more row may be written at `now`; it counts as left out if not,
    /// or if it is not `wanted` anyway.
    pub fn allows(&mut self, wanted: bool, now: Time) -> bool {
        if now.minute() != self.minute {
            (self.minute, self.rows) = (now.minute(), 0);
        }
        let allowed = wanted && self.rows < self.limit;
        self.rows += u32::from(allowed);
        self.left_out += u64::from(!allowed);
        allowed
    }

    /// How many were left out since the start.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The clock was set to `to`: the minute that it shows is the one that goes on.
    pub fn step(&mut self, to: Time) {
        self.minute = to.minute();
    }
}
