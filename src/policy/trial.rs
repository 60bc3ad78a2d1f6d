//! What policies would have stopped, by the rows of sessions that are over.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::time::Duration;

use super::{Local, Policy, Quota, Subject};
use crate::record::Device;
use crate::time::Time;

/// Minutes of one session that are looked at: a week's.
const MAX_MINUTES: u64 = 7 * 24 * 60;

/// What a device has used of the quota of the policy at `place`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spent {
    pub place: usize,
    pub device: Device,
    pub minutes: u64,
    pub bytes: u64,
}

/// See the module's text. Sessions come one after the other, so what a quota
/// leaves to one of several that go on at once is told roughly.
pub struct Trial<'a> {
    policies: &'a [Policy],
    /// By the place of the policy, the device and the day.
    used: HashMap<(usize, Device, i32), Used>,
    /// By the place of the policy, the device and what it did.
    stopped: BTreeMap<(usize, String, String), Stopped>,
    sessions: u64,
    /// Nothing is stopped: quotas only.
    counts_only: bool,
}

#[derive(Default)]
struct Used {
    minutes: HashSet<u16>,
    bytes: u64,
}

#[derive(Default)]
struct Stopped {
    sessions: u64,
    bytes: u64,
}

impl<'a> Trial<'a> {
    pub fn new(policies: &'a [Policy]) -> Trial<'a> {
        Trial { policies, used: HashMap::new(), stopped: BTreeMap::new(), sessions: 0, counts_only: false }
    }

    /// One that only counts what is used of quotas.
    pub fn counter(policies: &'a [Policy]) -> Trial<'a> {
        Trial { counts_only: true, ..Trial::new(policies) }
    }

    /// What was used on `day` of what has a quota.
    pub fn used(&self, day: i32) -> impl Iterator<Item = Spent> {
        let of_day = self.used.iter().filter(move |((.., known), _)| *known == day);
        of_day.map(|((place, device, _), used)| Spent {
            place: *place,
            device: *device,
            minutes: used.minutes.len() as u64,
            bytes: used.bytes,
        })
    }

    /// Takes in a session that was from `start` to `last` and moved `bytes`.
    /// `local` is the clock on the wall.
    pub fn session(
        &mut self,
        subject: &Subject<'_>,
        start: Time,
        last: Time,
        bytes: u64,
        local: &dyn Fn(Time) -> Local,
    ) {
        self.sessions += 1;
        let minutes = (last.minute().since(start.minute()).as_secs() / 60 + 1).min(MAX_MINUTES);
        for (place, policy) in self.policies.iter().enumerate().filter(|(_, policy)| policy.fits(subject)) {
            for n in 0..minutes {
                let wall = local(start.minute() + Duration::from_secs(n * 60));
                if !self.counts_only
                    && policy.is_on(wall)
                    && self.is_used_up(place, policy, subject.device, wall)
                {
                    // What it had moved by then stays moved.
                    let left = bytes - bytes * n / minutes;
                    let what = subject.app.or(subject.host).unwrap_or("(no name)");
                    let about = (place, subject.device.text().to_string(), what.to_owned());
                    let stopped = self.stopped.entry(about).or_default();
                    stopped.sessions += 1;
                    stopped.bytes += left;
                    break;
                }
                if policy.quota.is_some() {
                    let used = self.used.entry((place, subject.device, wall.day)).or_default();
                    used.minutes.insert(wall.minute);
                    used.bytes += bytes / minutes;
                }
            }
        }
    }

    fn is_used_up(&self, place: usize, policy: &Policy, device: Device, wall: Local) -> bool {
        let Some(quota) = policy.quota else { return true };
        let Some(used) = self.used.get(&(place, device, wall.day)) else { return false };
        // The minute that is already counted is not one more.
        let is_counted = matches!(quota, Quota::Time(_)) && used.minutes.contains(&wall.minute);
        !is_counted && quota.is_used_up(used.minutes.len() as u64, used.bytes)
    }

    /// How many sessions were shown to it.
    pub fn looked_at(&self) -> u64 {
        self.sessions
    }

    /// What the policy at `place` would have stopped: device, what it did, how many
    /// sessions and their bytes; the largest first.
    pub fn stopped_by(&self, place: usize) -> Vec<(&str, &str, u64, u64)> {
        let of = self.stopped.iter().filter(|((policy, ..), _)| *policy == place);
        let mut rows: Vec<_> = of
            .map(|((_, device, what), stopped)| (&**device, &**what, stopped.sessions, stopped.bytes))
            .collect();
        rows.sort_by_key(|(.., bytes)| std::cmp::Reverse(*bytes));
        rows
    }

    /// A paragraph for each policy.
    pub fn report(&self) -> String {
        let mut out = format!("{} sessions looked at\n", self.sessions);
        for (place, policy) in self.policies.iter().enumerate() {
            let of = || self.stopped.iter().filter(|((policy, ..), _)| *policy == place);
            let (sessions, bytes) =
                of().fold((0, 0), |sum, (_, stopped)| (sum.0 + stopped.sessions, sum.1 + stopped.bytes));
            let devices: HashSet<&str> = of().map(|((_, device, _), _)| &**device).collect();
            let _ = writeln!(
                out,
                "{}: would have stopped {sessions} sessions of {} devices, {}",
                policy.name,
                devices.len(),
                volume(bytes)
            );
            let mut lines: Vec<_> = of().collect();
            lines.sort_by_key(|(_, stopped)| std::cmp::Reverse(stopped.bytes));
            for ((_, device, what), stopped) in lines.into_iter().take(20) {
                let Stopped { sessions, bytes } = stopped;
                let _ = writeln!(out, "  {device} {what}: {sessions} sessions, {}", volume(*bytes));
            }
        }
        out
    }
}

fn volume(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time begins on a Monday at midnight here.
    fn wall(time: Time) -> Local {
        let day = time.secs() / 86_400;
        Local { day: day as i32, weekday: (day % 7) as u8, minute: (time.secs() % 86_400 / 60) as u16 }
    }

    fn at(hours: u64, minutes: u64) -> Time {
        Time::from_secs(hours * 3600 + minutes * 60)
    }

    fn tube(n: u8) -> Subject<'static> {
        let address = std::net::IpAddr::from([192, 168, 1, n]);
        Subject { device: Device::Ip(address), address, app: Some("Tube"), class: Some("video"), host: None }
    }

    #[test]
    fn what_goes_on_into_the_evening_is_stopped_then() {
        let night = Policy {
            name: "night".into(),
            classes: vec!["video".into()],
            times: vec!["21:00-07:00".parse().unwrap()],
            ..Policy::default()
        };
        let policies = [night];
        let mut trial = Trial::new(&policies);
        trial.session(&tube(1), at(20, 0), at(20, 59), 60_000_000, &wall);
        trial.session(&tube(1), at(20, 30), at(21, 29), 60_000_000, &wall);
        trial.session(&tube(2), at(22, 0), at(22, 1), 2_000_000, &wall);
        assert_eq!(
            trial.report(),
            "3 sessions looked at\nnight: would have stopped 2 sessions of 2 devices, 32 MB\n  \
             192.168.1.1 Tube: 1 sessions, 30 MB\n  192.168.1.2 Tube: 1 sessions, 2 MB\n"
        );
    }

    #[test]
    fn a_quota_is_for_each_device_and_day() {
        let quota = |text: &str| {
            [Policy { name: "q".into(), quota: Some(text.parse().unwrap()), ..Policy::default() }]
        };
        let stopped = |policies: &[Policy], sessions: &[(u8, Time, Time)]| {
            let mut trial = Trial::new(policies);
            for &(n, start, last) in sessions {
                trial.session(&tube(n), start, last, 60_000_000, &wall);
            }
            trial.stopped.values().map(|stopped| stopped.sessions).sum::<u64>()
        };
        let hour = quota("60min");
        let day = [(1, at(8, 0), at(8, 59)), (1, at(8, 10), at(8, 50))];
        assert_eq!(stopped(&hour, &day), 0, "two at once are the same minutes");
        assert_eq!(stopped(&hour, &[day[0], (1, at(9, 0), at(9, 5))]), 1);
        assert_eq!(stopped(&hour, &[day[0], (2, at(9, 0), at(9, 5))]), 0);
        assert_eq!(stopped(&hour, &[day[0], (1, at(24, 0), at(24, 5))]), 0);
        let mut counter = Trial::counter(&hour);
        for (n, start, last) in [day[0], day[1], (1, at(23, 59), at(24, 1))] {
            counter.session(&tube(n), start, last, 60_000_000, &wall);
        }
        let device = tube(1).device;
        let spent = |minutes, bytes| vec![Spent { place: 0, device, minutes, bytes }];
        assert_eq!(counter.used(0).collect::<Vec<_>>(), spent(61, 139_999_974));
        assert_eq!(counter.used(1).collect::<Vec<_>>(), spent(2, 40_000_000));
        assert_eq!(
            stopped(&quota("100MB"), &[day[0], day[1], (1, at(10, 0), at(10, 1))]),
            2,
            "the second passes it, too"
        );
    }
}
