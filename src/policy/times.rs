//! Times of the week, as people say them.

use std::str::FromStr;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const DAY: u16 = 24 * 60;

/// Where the clock on the wall is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// Tells this day from others: days since any fixed one.
    pub day: i32,
    /// 0 is Monday.
    pub weekday: u8,
    /// Since midnight.
    pub minute: u16,
}

/// Some days of the week from one minute to another. One that is not later
/// means the next day's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// Monday is the lowest bit.
    days: u8,
    from: u16,
    to: u16,
}

impl Times {
    /// Whether it is such a time.
    pub fn hold(&self, now: Local) -> bool {
        let is_day = |weekday: u8| self.days >> (weekday % 7) & 1 == 1;
        if self.from < self.to {
            return is_day(now.weekday) && (self.from..self.to).contains(&now.minute);
        }
        // Over midnight: the day is that of its evening.
        is_day(now.weekday) && now.minute >= self.from || is_day(now.weekday + 6) && now.minute < self.to
    }
}

/// `mon-fri 21:00-07:00`, `sat,sun`, `13:00-14:30`.
impl FromStr for Times {
    type Err = ();

    fn from_str(text: &str) -> Result<Times, ()> {
        let mut times = Times { days: 0x7f, from: 0, to: DAY };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, hours) = match words[..] {
            [days, hours] => (Some(days), Some(hours)),
            [word] if word.contains(':') => (None, Some(word)),
            [word] => (Some(word), None),
            _ => return Err(()),
        };
        if let Some(days) = days {
            times.days = days.split(',').try_fold(0, |bits, part| Ok(bits | range(part)?))?;
        }
        if let Some((from, to)) = hours.map(|hours| hours.split_once('-').ok_or(())).transpose()? {
            (times.from, times.to) = (minute(from)?, minute(to)?);
            if times.from == DAY || times.from == times.to {
                return Err(());
            }
        }
        Ok(times)
    }
}

/// `mon` or `fri-mon`, as bits.
fn range(text: &str) -> Result<u8, ()> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name)).ok_or(());
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (day(from)?, day(to)?);
    let count = (to + 7 - from) % 7;
    Ok((0..=count).fold(0, |bits, n| bits | 1 << ((from + n) % 7)))
}

/// `21:30`, to `24:00`.
fn minute(text: &str) -> Result<u16, ()> {
    let (hours, minutes) = text.split_once(':').ok_or(())?;
    let number = |digits: &str| match digits.len() {
        1 | 2 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u16>().map_err(drop),
        _ => Err(()),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    if minutes < 60 && minute <= DAY { Ok(minute) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, weekday: u8, hours: u16, minutes: u16) -> bool {
        let times: Times = text.parse().unwrap();
        times.hold(Local { day: 0, weekday, minute: hours * 60 + minutes })
    }

    #[test]
    fn an_evening_goes_on_after_midnight() {
        let nights = "mon-fri 21:00-07:00";
        assert!(holds(nights, 0, 21, 0) && holds(nights, 0, 23, 59) && holds(nights, 1, 6, 59));
        assert!(!holds(nights, 0, 20, 59) && !holds(nights, 1, 7, 0));
        assert!(holds(nights, 5, 6, 0), "Friday's night is Saturday's morning");
        assert!(!holds(nights, 0, 6, 0), "Sunday's night is not meant");
        assert!(!holds(nights, 5, 22, 0));
        assert!(holds("sun 22:00-02:00", 0, 1, 0), "from Sunday to Monday");
    }

    #[test]
    fn days_and_hours_can_stand_alone() {
        assert!(holds("sat,sun", 5, 0, 0) && holds("sat,sun", 6, 23, 59) && !holds("sat,sun", 0, 12, 0));
        assert!(holds("13:00-14:30", 3, 14, 29) && !holds("13:00-14:30", 3, 14, 30));
        assert!(holds("fri-mon 18:00-24:00", 0, 23, 59) && !holds("fri-mon 18:00-24:00", 1, 18, 0));
        assert!(holds("MON 00:00-24:00", 0, 0, 0));
    }

    #[test]
    fn a_slip_is_no_time() {
        for wrong in [
            "",
            "someday",
            "mon-",
            "-mon",
            "mon 9",
            "mon 9:00",
            "9:00-9:00",
            "25:00-26:00",
            "9:60-10:00",
            "24:00-07:00",
            "mon 9:00-10:00 x",
            "mon,,tue",
            "9:00-10:000",
            "+9:00-10:00",
        ] {
            assert_eq!(wrong.parse::<Times>(), Err(()), "{wrong}");
        }
    }
}
