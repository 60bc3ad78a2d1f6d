//! What is done as time passes: timeouts, the minute's volumes, the rows of
//! sessions that go on, and the end.

use std::time::Duration;

use super::{Core, report};
use crate::engine::session::Reason;
use crate::engine::usage::Volume;
use crate::table::Slot;
use crate::time::Time;

/// Timeouts are looked at this often; a packet that comes in between still
/// finds a session whose time is up ended.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Sessions ended at one go, so that the records of a full table do not have
/// to be in memory at once.
const BATCH: usize = 1_000;

impl Core {
    /// There was a packet at `time`, in a second in which there was none before.
    pub(super) fn active(&mut self, slot: Slot, time: Time) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        if session.tunnel.is_some() {
            return;
        }
        let goes_on = session.ticket.is_some_and(|ticket| self.usage.active(ticket, time));
        if !goes_on {
            let ticket = self.usage.join(session.device, session.app, time, &self.apps, &mut self.out);
            session.ticket = Some(ticket);
        }
    }

    /// Brings the session's volume to its device's use of its app.
    pub(super) fn tell(&mut self, slot: Slot) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        if !session.untold {
            return;
        }
        session.untold = false;
        self.untold.remove(0, slot);
        // What is inside a tunnel is counted there.
        if session.tunnel.is_some() {
            return;
        }
        let volume = session.tell();
        if volume == Volume::default() {
            return;
        }
        self.tell_named(slot, volume);
        self.use_up(slot, volume);
        self.watch_volume(slot, volume);
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        let told = session.ticket.is_some_and(|ticket| self.usage.add(ticket, volume));
        if !told {
            let (device, app, last) = (session.device, session.app, session.last);
            let ticket = self.usage.join(device, app, last, &self.apps, &mut self.out);
            self.usage.add(ticket, volume);
            session.ticket = Some(ticket);
        }
    }

    pub(super) fn tell_usage(&mut self) {
        while let Some(slot) = self.untold.oldest(0) {
            self.tell(slot);
        }
    }

    /// Ends what was silent too long, and writes what is due.
    pub fn tick(&mut self) {
        let now = self.now;
        if self.usage.is_minute_over(now) {
            self.tell_usage();
            self.usage.report(now, &self.apps, &mut self.out);
            self.devices.report(now, &mut self.out);
            self.services.report(now, |address| self.devices.at(address), &mut self.out);
            self.judge_all();
            self.write_stops();
            self.alerts.report(now, &mut self.out);
        }
        self.tell_notices();
        let mut ended = 0;
        while let Some(slot) = self.sessions.due(now).filter(|_| ended < BATCH) {
            self.close(slot, Reason::Timeout);
            ended += 1;
        }
        self.questions.expire(now, &mut self.out);
        self.names.expire(now);
        self.devices.expire(now);
        self.claims.expire(now);
        self.errors.expire(now, &mut self.out);
        self.usage.expire(now, &self.apps, &mut self.out);
        self.write_reports(report::FIRST);
        self.write_reports(report::AGAIN);
        self.check_at = if ended < BATCH { now + CHECK_EVERY } else { now };
    }

    /// A session that is half as old as one that is written while it goes on
    /// begins to wait for that. A question and its answer are over by then,
    /// although it takes a while until they are taken to be.
    pub(super) fn goes_on(&mut self, slot: Slot) {
        let half = self.options.report_after / 2;
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        if session.reporting == report::NONE && session.last.since(session.start) >= half {
            session.reporting = report::FIRST;
            session.report_at = self.now + half;
            self.reports.push(report::FIRST, slot);
        }
    }

    /// Writes the rows of sessions that go on and have changed.
    fn write_reports(&mut self, queue: u8) {
        let now = self.now;
        while let Some(slot) = self.reports.oldest(queue) {
            let Some((key, session)) = self.sessions.get_mut(slot) else { return };
            if session.report_at > now {
                return;
            }
            let key = *key;
            let changed = session.last >= session.written_at;
            self.reports.remove(session.reporting, slot);
            self.reports.push(report::AGAIN, slot);
            session.reporting = report::AGAIN;
            session.report_at = now + self.options.report_every;
            if !changed {
                continue;
            }
            session.written_at = now;
            self.answers(slot);
            let Some((_, session)) = self.sessions.get_mut(slot) else { return };
            let id = *session.id.get_or_insert_with(|| self.ids.next(now, key.seed()));
            if let Some(session) = self.sessions.get(slot) {
                let row = session.row(id, &key, None, self.iface(session), &self.apps);
                self.out.push(row.into());
            }
        }
    }

    /// Ends some of what goes on; `true` while there is more.
    pub fn finish(&mut self) -> bool {
        for _ in 0..BATCH {
            let Some(slot) = self.sessions.nearest() else {
                self.questions.finish(&mut self.out);
                self.errors.finish(&mut self.out);
                self.write_stops();
                self.tell_notices();
                self.alerts.finish(&mut self.out);
                self.devices.finish(&mut self.out);
                self.services.finish(|address| self.devices.at(address), &mut self.out);
                self.usage.finish(&self.apps, &mut self.out);
                return false;
            };
            self.close(slot, Reason::Shutdown);
        }
        true
    }

    pub fn deadline(&self) -> Option<Time> {
        let report = [report::FIRST, report::AGAIN].map(|queue| {
            let session = self.reports.oldest(queue).and_then(|slot| self.sessions.get(slot));
            session.map(|session| session.report_at)
        });
        let minute = self.untold.oldest(0).map(|_| self.now.minute() + Duration::from_secs(60));
        let others = [self.sessions.deadline(), self.questions.deadline(), minute];
        report.into_iter().chain(others).flatten().min()
    }
}
