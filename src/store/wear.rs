//! How much is written to lasting storage: flash wears out by it.

use std::time::Duration;

use super::rollup::{Step, Zone};
use crate::time::Time;

/// How long records are collected once this part of the day's budget is used, of
/// 100. Early enough that a household's evening fits (tests/day.rs).
const PAUSES: [(u64, Duration); 4] = [
    (80, Duration::from_secs(3_600)),
    (60, Duration::from_secs(900)),
    (40, Duration::from_secs(300)),
    (20, Duration::from_secs(60)),
];

/// What was written to lasting storage. All but `held` in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wear {
    /// Since the program began.
    pub total: u64,
    /// On this day, by the clock on the wall.
    pub today: u64,
    pub yesterday: u64,
    /// What a day may have; 0 for as much as it takes.
    pub budget: u64,
    /// Writing is put off because of that.
    pub held: bool,
}

/// Counts it, and says when to write less often.
#[derive(Debug)]
pub struct Ledger {
    wear: Wear,
    zone: Zone,
    day: Option<Time>,
    /// It was said that writing is put off; until a day on which it was not.
    told: bool,
    held_today: bool,
}

impl Ledger {
    /// `budget` in bytes a day, 0 for none.
    pub fn new(budget: u64, zone: Zone) -> Ledger {
        Ledger { wear: Wear { budget, ..Wear::default() }, zone, day: None, told: false, held_today: false }
    }

    pub fn wear(&self) -> Wear {
        self.wear
    }

    /// It is `now`. `true` on the first call: what was written earlier on this
    /// day can be told by [`Ledger::earlier`].
    pub fn at(&mut self, now: Time) -> bool {
        let day = Step::Day.begin(now, self.zone);
        let before = self.day.replace(day);
        match before {
            Some(before) if before == day => {}
            Some(before) => {
                let follows = Step::Day.next(before, self.zone) == day;
                self.wear.yesterday = if follows { self.wear.today } else { 0 };
                self.wear.today = 0;
                self.told &= self.held_today;
                (self.wear.held, self.held_today) = (false, false);
            }
            None => return true,
        }
        false
    }

    /// The begin of the day that it is.
    pub fn day(&self) -> Time {
        self.day.unwrap_or(Time::ZERO)
    }

    /// Bytes of this day that were written before the program began.
    pub fn earlier(&mut self, bytes: u64) {
        self.wear.today += bytes;
    }

    /// Bytes were written.
    pub fn add(&mut self, bytes: u64) {
        self.wear.today += bytes;
        self.wear.total += bytes;
    }

    /// How long to collect records before they are written.
    pub fn pause(&self) -> Duration {
        let Wear { today, budget, .. } = self.wear;
        let used = if budget == 0 { 0 } else { u128::from(today) * 100 / u128::from(budget) };
        let pause = PAUSES.iter().find(|(percent, _)| used >= u128::from(*percent));
        pause.map_or(Duration::ZERO, |(_, pause)| *pause)
    }

    /// The shortest time between two writings of `bytes`, of which a day may
    /// have no more than the budget.
    pub fn interval(&self, bytes: u64) -> Duration {
        match self.wear.budget {
            0 => Duration::ZERO,
            budget => {
                let secs = u128::from(bytes) * 86_400 / u128::from(budget);
                Duration::from_secs(u64::try_from(secs).unwrap_or(u64::MAX))
            }
        }
    }

    /// Whether `bytes` more are too much for this day. The day's first are not:
    /// what is larger than the budget is written rarely, but it is.
    pub fn is_too_much(&self, bytes: u64) -> bool {
        let Wear { today, budget, .. } = self.wear;
        budget > 0 && today > 0 && today.saturating_add(bytes) > budget
    }

    /// Writing is put off, or not. Returns whether that is news to whoever reads the log.
    pub fn hold(&mut self, held: bool) -> bool {
        self.wear.held = held;
        self.held_today |= held;
        let is_news = held && !self.told;
        self.told |= held;
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::super::rollup::utc;
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn a_day_counts_for_itself() {
        let mut ledger = Ledger::new(100, utc);
        assert!(ledger.at(Time::from_secs(5 * DAY + 7)));
        ledger.earlier(3);
        ledger.add(10);
        assert!(!ledger.at(Time::from_secs(6 * DAY - 1)));
        ledger.add(10);
        assert_eq!((ledger.wear().today, ledger.wear().total), (23, 20));
        ledger.at(Time::from_secs(6 * DAY));
        assert_eq!((ledger.wear().today, ledger.wear().yesterday), (0, 23));
        ledger.at(Time::from_secs(9 * DAY));
        assert_eq!(ledger.wear().yesterday, 0, "a day without power");
    }

    #[test]
    fn the_nearer_the_budget_the_longer_records_are_collected() {
        let mut ledger = Ledger::new(1_000, utc);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            pauses.push(ledger.pause().as_secs());
            ledger.add(100);
        }
        assert_eq!(pauses, [0, 0, 60, 60, 300, 300, 900, 900, 3_600, 3_600, 3_600, 3_600]);
        let mut none = Ledger::new(0, utc);
        none.add(1 << 60);
        assert_eq!((none.pause(), none.interval(1 << 60)), (Duration::ZERO, Duration::ZERO));
        assert!(!none.is_too_much(1));
    }

    #[test]
    fn what_is_larger_than_the_budget_is_written_every_few_days() {
        let mut ledger = Ledger::new(10, utc);
        assert_eq!(ledger.interval(25), Duration::from_secs(DAY * 5 / 2));
        assert!(!ledger.is_too_much(25));
        ledger.add(1);
        assert!(ledger.is_too_much(25) && !ledger.is_too_much(9));
    }

    #[test]
    fn it_is_said_once_until_a_day_without_it() {
        let mut ledger = Ledger::new(10, utc);
        ledger.at(Time::from_secs(1));
        assert!(ledger.hold(true) && !ledger.hold(true) && !ledger.hold(false) && !ledger.hold(true));
        ledger.at(Time::from_secs(DAY));
        assert!(!ledger.wear().held && !ledger.hold(true), "the next day too");
        ledger.at(Time::from_secs(2 * DAY));
        ledger.at(Time::from_secs(3 * DAY));
        assert!(ledger.hold(true));
    }
}
