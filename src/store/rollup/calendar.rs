//! Hours, days and months by the clock on the wall: people ask what was used
//! on a day of theirs.

use std::time::Duration;

use crate::time::Time;

/// Seconds that local time is ahead of UTC at a time.
pub type Zone = fn(Time) -> i32;

/// No zone: for tests, and where none is known.
pub fn utc(_: Time) -> i32 {
    0
}

/// How finely volumes are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    Minute,
    Hour,
    Day,
    Month,
}

const DAY: i64 = 86_400;

impl Step {
    /// The begin of the step's bucket that `time` lies in.
    pub fn begin(self, time: Time, zone: Zone) -> Time {
        let secs = time.secs() as i64;
        let local = secs + i64::from(zone(time));
        let begin = match self {
            Step::Minute => return time.minute(),
            // Offsets are not always whole hours.
            Step::Hour => return from_secs(secs - local.rem_euclid(3_600)),
            Step::Day => local.div_euclid(DAY),
            Step::Month => {
                let day = local.div_euclid(DAY);
                day - i64::from(day_of_month(day)) + 1
            }
        };
        from_secs(midnight(begin, secs, time, zone))
    }

    /// The begin of the bucket after the one that begins at `begin`.
    pub fn next(self, begin: Time, zone: Zone) -> Time {
        // Far enough to be in the next one, and not in that after it, however
        // long a day with a change of clocks or a month is.
        let hours = match self {
            Step::Minute => return begin + Duration::from_secs(60),
            Step::Hour => return begin + Duration::from_secs(3_600),
            Step::Day => 36,
            Step::Month => 45 * 24,
        };
        self.begin(begin + Duration::from_secs(hours * 3_600), zone)
    }
}

/// When the local day `day` (from 1970) begins, in seconds; at the latest `secs`,
/// a time within it.
fn midnight(day: i64, secs: i64, time: Time, zone: Zone) -> i64 {
    let guess = day * DAY - i64::from(zone(time));
    // By the offset that holds at that time, which may be another one.
    let begin = day * DAY - i64::from(zone(from_secs(guess)));
    begin.min(secs)
}

fn from_secs(secs: i64) -> Time {
    Time::from_secs(u64::try_from(secs).unwrap_or(0))
}

/// Of a day counted from 1970: 1 to 31. Eras of 400 years have as many days each;
/// years that begin in March have their leap day at the end.
fn day_of_month(day: i64) -> u32 {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai(_: Time) -> i32 {
        8 * 3_600
    }

    /// Summer time from 2026-03-29 to 2026-10-25, as in Berlin.
    fn berlin(time: Time) -> i32 {
        if (1_774_746_000..1_792_890_000).contains(&time.secs()) { 7_200 } else { 3_600 }
    }

    fn at(text: &str) -> Time {
        Time::from(humantime::parse_rfc3339(text).unwrap())
    }

    #[test]
    fn days_and_months_are_those_of_the_place() {
        let time = at("2026-11-20T17:30:00Z");
        assert_eq!(Step::Hour.begin(time, shanghai), at("2026-11-20T17:00:00Z"));
        assert_eq!(Step::Day.begin(time, shanghai), at("2026-11-20T16:00:00Z"));
        assert_eq!(Step::Month.begin(time, shanghai), at("2026-10-31T16:00:00Z"));
        assert_eq!(Step::Day.begin(time, utc), at("2026-11-20T00:00:00Z"));
        assert_eq!(Step::Hour.begin(time, |_| 19_800), at("2026-11-20T17:30:00Z"), "India");
        assert_eq!(Step::Hour.begin(time, |_| -12_600), at("2026-11-20T17:30:00Z"), "Newfoundland");
        assert_eq!(Step::Month.next(at("2027-12-31T16:00:00Z"), shanghai), at("2028-01-31T16:00:00Z"));
        assert_eq!(Step::Day.begin(Time::ZERO, shanghai), Time::ZERO, "not before 1970");
    }

    #[test]
    fn a_day_with_a_change_of_clocks_is_one_day() {
        for (begin, next) in [
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ] {
            let (begin, next) = (at(begin), at(next));
            assert_eq!(Step::Day.next(begin, berlin), next);
            for hours in 0..next.since(begin).as_secs() / 3_600 {
                assert_eq!(
                    Step::Day.begin(begin + Duration::from_secs(hours * 3_600), berlin),
                    begin,
                    "{hours}"
                );
            }
        }
    }

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        for zone in [utc as Zone, shanghai, berlin, |_| -34_200, |_| 20_700] {
            for step in [Step::Hour, Step::Day, Step::Month] {
                let mut begin = step.begin(at("2024-01-15T12:00:00Z"), zone);
                for _ in 0..900 {
                    let next = step.next(begin, zone);
                    assert!(next > begin, "{step:?} {begin}");
                    assert_eq!(step.begin(next, zone), next, "{step:?}");
                    assert_eq!(
                        step.begin(Time::from_micros(next.micros() - 1), zone),
                        begin,
                        "{step:?} {begin}"
                    );
                    begin = next;
                }
            }
        }
    }
}
