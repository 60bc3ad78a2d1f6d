//! Which device uses which app, for how long and how much, and the volume of
//! each minute.
//!
//! Sessions bring their bytes here once a minute and when they end, so this
//! costs nothing for a packet.

use std::num::NonZeroU32;
use std::time::Duration;

use super::apps::{AppId, Apps};
use crate::record::{self, Device, Id, Ids, Record, Traffic};
use crate::table::{Queues, Slot, Table};
use crate::time::Time;

/// An app is in use from one packet to the next when that comes this soon:
/// video comes in pieces with some seconds between them.
const PAUSE: Duration = Duration::from_secs(10);

/// A packet after a longer pause is in use for this long.
const MOMENT: Duration = Duration::from_secs(1);

/// Bytes and packets that a session has to report.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Volume {
    /// From the device.
    pub bytes_out: u64,
    /// To the device.
    pub bytes_in: u64,
    pub packets: u64,
}

/// A session's way to its device's use of an app. The entry may have expired
/// since; its number tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    slot: Slot,
    number: NonZeroU32,
}

struct Use {
    id: Id,
    number: NonZeroU32,
    start: Time,
    last: Time,
    total: Volume,
    sessions: u32,
    /// Time in use so far…
    active: Duration,
    /// …and whole seconds of it that minutes told.
    told: u64,
    /// Since the minute began.
    minute: Volume,
    minute_sessions: u32,
    /// It has something to report at the minute's end.
    unreported: bool,
}

/// All uses that go on.
pub struct Usage {
    table: Table<(Device, Option<AppId>), Use, 1>,
    ids: Ids,
    minute_ids: Ids,
    minute: Time,
    /// When the first minute began to be counted. Its rows begin their ids with
    /// it: those of a run that was ended in the same minute must stay.
    begun: Time,
    /// Who has something to report at the minute's end.
    unreported: Queues<1>,
    numbers: NonZeroU32,
}

impl Usage {
    /// At most `limit` pairs of a device and an app; a use ends when the app
    /// was silent for `timeout`.
    pub fn new(limit: usize, timeout: Duration) -> Usage {
        Usage {
            table: Table::new(limit, [timeout]),
            ids: Ids::default(),
            minute_ids: Ids::default(),
            minute: Time::ZERO,
            begun: Time::ZERO,
            unreported: Queues::default(),
            numbers: NonZeroU32::MIN,
        }
    }

    pub fn resize(&mut self, limit: usize, timeout: Duration, apps: &Apps, out: &mut Vec<Record>) {
        while self.table.len() > limit.max(1) {
            let Some(slot) = self.table.nearest() else { break };
            self.end(slot, apps, out);
        }
        self.table.resize(limit, [timeout], |_, _| {});
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// A session of `device` with `app` begins, or goes on after its use ended.
    pub fn join(
        &mut self,
        device: Device,
        app: Option<AppId>,
        now: Time,
        apps: &Apps,
        out: &mut Vec<Record>,
    ) -> Ticket {
        let key = (device, app);
        let slot = match self.table.find(&key) {
            Some(slot) => slot,
            None => {
                self.make_room(apps, out);
                self.numbers = self.numbers.checked_add(1).unwrap_or(NonZeroU32::MIN);
                let entry = Use {
                    number: self.numbers,
                    id: self.ids.next(now, seed(device, apps.name(app).as_deref())),
                    start: now,
                    last: now,
                    total: Volume::default(),
                    sessions: 0,
                    active: Duration::ZERO,
                    told: 0,
                    minute: Volume::default(),
                    minute_sessions: 0,
                    unreported: false,
                };
                self.table.insert(key, 0, now, entry).0
            }
        };
        let number = self.table.get(slot).map_or(self.numbers, |entry| entry.number);
        let ticket = Ticket { slot, number };
        self.with(ticket, |entry| {
            entry.sessions += 1;
            entry.minute_sessions += 1;
        });
        self.active(ticket, now);
        ticket
    }

    /// The session turns out to be of another app: what it reported stays.
    pub fn leave(&mut self, ticket: Ticket) {
        self.with(ticket, |entry| {
            entry.sessions = entry.sessions.saturating_sub(1);
            entry.minute_sessions = entry.minute_sessions.saturating_sub(1);
        });
    }

    /// There was a packet at `now`. `false` when the use has ended meanwhile.
    pub fn active(&mut self, ticket: Ticket, now: Time) -> bool {
        let found = self.with(ticket, |entry| {
            let pause = now.since(entry.last);
            let first = entry.active.is_zero();
            entry.active += if first || pause > PAUSE { MOMENT } else { pause };
            entry.last = entry.last.max(now);
        });
        if found {
            self.table.touch(ticket.slot, 0, now);
        }
        found
    }

    /// Adds what a session carried. `false` when the use has ended meanwhile.
    pub fn add(&mut self, ticket: Ticket, volume: Volume) -> bool {
        self.with(ticket, |entry| {
            for sum in [&mut entry.total, &mut entry.minute] {
                sum.bytes_out += volume.bytes_out;
                sum.bytes_in += volume.bytes_in;
                sum.packets += volume.packets;
            }
        })
    }

    /// Does `work` on the entry, if it is still that one, and lists it.
    fn with(&mut self, ticket: Ticket, work: impl FnOnce(&mut Use)) -> bool {
        let entry = self.table.get_mut(ticket.slot).filter(|(_, entry)| entry.number == ticket.number);
        let Some((_, entry)) = entry else { return false };
        work(entry);
        if !entry.unreported {
            entry.unreported = true;
            self.unreported.push(0, ticket.slot);
        }
        true
    }

    /// Whether `now` lies in a later minute than what was reported last; the
    /// sessions then have to bring what they have before [`Usage::report`].
    pub fn is_minute_over(&self, now: Time) -> bool {
        now.minute() > self.minute
    }

    /// Writes the minute's rows and begins the minute of `now`.
    pub fn report(&mut self, now: Time, apps: &Apps, out: &mut Vec<Record>) {
        while let Some(slot) = self.unreported.oldest(0) {
            self.unreported.remove(0, slot);
            let ids = &mut self.minute_ids;
            let mut minute = Minute { start: self.minute, begun: self.begun, ids, apps };
            if let Some((key, entry)) = self.table.get_mut(slot) {
                entry.unreported = false;
                entry.report(*key, &mut minute, out);
                out.extend(entry.row(*key, apps, None));
            }
        }
        if self.begun == Time::ZERO {
            self.begun = now;
        }
        self.minute = now.minute();
    }

    /// Ends uses that were silent too long.
    pub fn expire(&mut self, now: Time, apps: &Apps, out: &mut Vec<Record>) {
        while let Some(slot) = self.table.due(now) {
            self.end(slot, apps, out);
        }
    }

    /// Ends all of them.
    pub fn finish(&mut self, apps: &Apps, out: &mut Vec<Record>) {
        while let Some(slot) = self.table.nearest() {
            self.end(slot, apps, out);
        }
    }

    /// A full table ends the use that would end first.
    fn make_room(&mut self, apps: &Apps, out: &mut Vec<Record>) {
        while self.table.len() >= self.table.limit() {
            let Some(slot) = self.table.nearest() else { return };
            self.end(slot, apps, out);
        }
    }

    fn end(&mut self, slot: Slot, apps: &Apps, out: &mut Vec<Record>) {
        let Some((key, mut entry)) = self.table.remove(slot) else { return };
        if entry.unreported {
            self.unreported.remove(0, slot);
        }
        let ids = &mut self.minute_ids;
        entry.report(key, &mut Minute { start: self.minute, begun: self.begun, ids, apps }, out);
        out.extend(entry.row(key, apps, Some(entry.last)));
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.table.step(from, to);
        self.minute = to.minute();
    }
}

impl Use {
    /// The row of the app's use; none for what has no name.
    fn row(
        &self,
        (device, app): (Device, Option<AppId>),
        apps: &Apps,
        ended: Option<Time>,
    ) -> Option<Record> {
        let app = app?;
        Some(Record::from(record::App {
            id: self.id,
            device,
            app: apps.name(Some(app))?,
            class: apps.class(app),
            start: self.start,
            last: self.last,
            ended,
            bytes_out: self.total.bytes_out,
            bytes_in: self.total.bytes_in,
            sessions: self.sessions,
            active_seconds: u32::try_from(self.active.as_secs()).unwrap_or(u32::MAX),
        }))
    }

    /// The row of the minute, if there was anything in it.
    fn report(
        &mut self,
        (device, app): (Device, Option<AppId>),
        minute: &mut Minute<'_>,
        out: &mut Vec<Record>,
    ) {
        let volume = std::mem::take(&mut self.minute);
        let sessions = std::mem::take(&mut self.minute_sessions);
        if volume == Volume::default() && sessions == 0 {
            return;
        }
        // All minutes together tell what the use does.
        let active = self.active.as_secs();
        let active_seconds = active - std::mem::replace(&mut self.told, active);
        let app = minute.apps.name(app);
        let seed = seed(device, app.as_deref());
        out.push(Record::from(Traffic {
            id: minute.ids.next(minute.start.max(minute.begun), seed),
            time: minute.start,
            device,
            app,
            bytes_out: volume.bytes_out,
            bytes_in: volume.bytes_in,
            packets: volume.packets,
            sessions,
            active_seconds: u32::try_from(active_seconds).unwrap_or(u32::MAX),
        }));
    }
}

/// What a row of the current minute needs.
struct Minute<'a> {
    start: Time,
    begun: Time,
    ids: &'a mut Ids,
    apps: &'a Apps,
}

fn seed(device: Device, app: Option<&str>) -> u64 {
    record::seed([device.text().as_bytes(), app.unwrap_or_default().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAPTOP: Device = Device::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    fn volume(bytes_out: u64, bytes_in: u64) -> Volume {
        Volume { bytes_out, bytes_in, packets: 1 }
    }

    /// A table that knows one app, and its id.
    fn one_app() -> (Apps, Option<AppId>) {
        let rules = crate::rules::Rules::parse(b"#class chat Chat\nQQ:[;;;qq.com;]\n", 9).unwrap();
        let mut apps = Apps::default();
        apps.take_over(&rules);
        let id = apps.of_rule(0);
        (apps, Some(id))
    }

    #[test]
    fn sessions_of_one_app_are_one_use_until_it_is_silent() {
        let (apps, qq) = one_app();
        let mut out = Vec::new();
        let mut usage = Usage::new(8, Duration::from_secs(300));
        let first = usage.join(LAPTOP, qq, at(1000), &apps, &mut out);
        let second = usage.join(LAPTOP, qq, at(1001), &apps, &mut out);
        for secs in [1001, 1002, 1002, 1012, 1030] {
            assert!(usage.active(first, at(secs)));
        }
        assert!(usage.add(first, volume(10, 100)) && usage.add(second, volume(1, 2)));
        usage.expire(at(1329), &apps, &mut out);
        assert!(out.is_empty());
        usage.expire(at(1330), &apps, &mut out);
        let Some(Record::App(row)) = out.last() else { panic!() };
        assert_eq!((&*row.app, row.class.as_deref(), row.device), ("QQ", Some("chat"), LAPTOP));
        assert_eq!((row.start, row.last, row.ended), (at(1000), at(1030), Some(at(1030))));
        assert_eq!((row.bytes_out, row.bytes_in, row.sessions, row.active_seconds), (11, 102, 2, 1 + 12 + 1));
        assert!(!usage.add(first, volume(1, 1)), "the session has to join again");
    }

    #[test]
    fn a_minute_is_reported_once_and_with_what_fell_into_it() {
        let (apps, qq) = one_app();
        let mut out = Vec::new();
        let mut usage = Usage::new(8, Duration::from_secs(300));
        usage.report(at(60), &apps, &mut out);
        let unnamed = usage.join(LAPTOP, None, at(61), &apps, &mut out);
        let named = usage.join(LAPTOP, qq, at(62), &apps, &mut out);
        usage.add(unnamed, volume(5, 6));
        usage.add(named, volume(7, 8));
        assert!(!usage.is_minute_over(at(119)) && usage.is_minute_over(at(120)));
        usage.report(at(125), &apps, &mut out);
        let traffic: Vec<_> = out
            .iter()
            .filter_map(|record| match record {
                Record::Traffic(row) => {
                    Some((row.time, row.app.clone(), row.bytes_out, row.bytes_in, row.sessions))
                }
                _ => None,
            })
            .collect();
        assert_eq!(traffic, [(at(60), None, 5, 6, 1), (at(60), Some("QQ".into()), 7, 8, 1)]);
        assert_eq!(out.iter().filter(|record| matches!(record, Record::App(_))).count(), 1);
        out.clear();
        usage.report(at(180), &apps, &mut out);
        assert!(out.is_empty());
        usage.finish(&apps, &mut out);
        assert!(matches!(&out[..], [Record::App(row)] if row.ended == Some(at(62))));
    }

    #[test]
    fn the_minutes_of_a_use_have_the_seconds_that_it_has() {
        let (apps, qq) = one_app();
        let mut out = Vec::new();
        let mut usage = Usage::new(8, Duration::from_secs(300));
        usage.report(at(60), &apps, &mut out);
        let ticket = usage.join(LAPTOP, qq, at(61), &apps, &mut out);
        for secs in (61..400).step_by(7) {
            if usage.is_minute_over(at(secs)) {
                usage.report(at(secs), &apps, &mut out);
            }
            usage.active(ticket, at(secs));
            usage.add(ticket, volume(1, 2));
        }
        usage.finish(&apps, &mut out);
        let minutes: Vec<u32> = out
            .iter()
            .filter_map(|record| match record {
                Record::Traffic(row) => Some(row.active_seconds),
                _ => None,
            })
            .collect();
        let Some(Record::App(row)) = out.last() else { panic!() };
        assert_eq!((minutes.len(), minutes.iter().sum::<u32>()), (6, row.active_seconds));
    }

    #[test]
    fn a_session_that_is_named_late_counts_for_one_app_only() {
        let (apps, qq) = one_app();
        let mut out = Vec::new();
        let mut usage = Usage::new(8, Duration::from_secs(300));
        let before = usage.join(LAPTOP, None, at(61), &apps, &mut out);
        usage.leave(before);
        usage.join(LAPTOP, qq, at(61), &apps, &mut out);
        usage.finish(&apps, &mut out);
        let sessions: Vec<_> = out
            .iter()
            .filter_map(|record| match record {
                Record::Traffic(row) => Some((row.app.is_some(), row.sessions)),
                _ => None,
            })
            .collect();
        assert_eq!(sessions, [(true, 1)]);
    }
}
