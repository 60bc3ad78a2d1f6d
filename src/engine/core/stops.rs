//! Policies, applied to sessions: which of them has to stop, and what is
//! written down of that.

use std::collections::HashMap;
use std::sync::Arc;

use super::Core;
use crate::dissect::Side;
use crate::engine::apps::AppId;
use crate::engine::flow::Ends;
use crate::engine::usage::Volume;
use crate::policy::{Local, MAX_POLICIES, Policy, Spent, Subject};
use crate::record::{self, Device, Ids, Record, seed};
use crate::table::Slot;
use crate::time::Time;
use crate::wire::reset::Segment;
use crate::wire::{Packet, proto};

/// Rows that wait for the minute's end. More than that many pairs of a policy
/// and what it stopped are told in the next.
const MAX_WAITING: usize = 1_000;

/// What a device has used that a policy with a quota is about: as many as
/// devices, for each of those.
const MAX_USED: usize = 16_384;

/// What shall be done with a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub ends: Ends,
    /// Whether to stop the session, or to let it go on again.
    pub stop: bool,
}

/// A segment of a session that is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped {
    pub segment: Segment,
    /// The first of its session that was handed out.
    pub is_first: bool,
}

/// What a row is about: the place of its policy, the device, app and host, and
/// whether the session can be stopped.
type About = (u8, Device, Option<AppId>, Option<Arc<str>>, bool);

#[derive(Clone, Copy, Default)]
struct Used {
    bytes: u64,
    minutes: u64,
    /// The last of those.
    minute: Time,
}

struct Count {
    first: Time,
    last: Time,
    sessions: u32,
}

/// See the module's text.
#[derive(Default)]
pub struct Stops {
    policies: Vec<Policy>,
    /// Whose time is now.
    on: Vec<bool>,
    local: Option<Local>,
    used: HashMap<(u8, Device), Used>,
    waiting: HashMap<About, Count>,
    orders: Vec<Order>,
    /// Segments of what is stopped are handed out, to be answered by resets.
    pub(super) by_resets: bool,
    stopped: Option<Stopped>,
    ids: Ids,
}

impl Stops {
    /// The place of the policy that stops `subject` now, if one does. One that
    /// is only tried comes after all that are not.
    fn verdict(&self, subject: &Subject<'_>) -> Option<u8> {
        let applies = |(place, policy): &(usize, &Policy)| {
            self.on[*place] && policy.fits(subject) && self.is_used_up(*place as u8, policy, subject.device)
        };
        let all = || self.policies.iter().enumerate().filter(applies);
        let place = all().find(|(_, policy)| !policy.dry_run).or_else(|| all().next());
        place.map(|(place, _)| place as u8)
    }

    fn is_used_up(&self, place: u8, policy: &Policy, device: Device) -> bool {
        let used = self.used.get(&(place, device)).copied().unwrap_or_default();
        policy.quota.is_none_or(|quota| quota.is_used_up(used.minutes, used.bytes))
    }

    fn is_enforced(&self, place: Option<u8>) -> bool {
        place.is_some_and(|place| !self.policies[usize::from(place)].dry_run)
    }
}

impl Core {
    /// Takes over other policies. What those before them stopped goes on, until
    /// these stop it.
    pub fn set_policies(&mut self, mut policies: Vec<Policy>) {
        policies.truncate(MAX_POLICIES);
        if self.stops.policies == policies {
            return;
        }
        self.write_stops();
        for slot in self.sessions.slots() {
            self.stop(slot, None);
        }
        self.stops.used.clear();
        self.stops.on = vec![false; policies.len()];
        self.stops.policies = policies;
        if let Some(local) = self.stops.local.take() {
            self.set_local(local);
        }
    }

    /// What was used of quotas before this run began.
    pub fn set_spent(&mut self, spent: impl Iterator<Item = Spent>) {
        for Spent { place, device, minutes, bytes } in spent.take(MAX_USED) {
            let Ok(place) = u8::try_from(place) else { continue };
            self.stops.used.insert((place, device), Used { bytes, minutes, minute: Time::ZERO });
        }
    }

    /// It is `local` where the router is.
    pub fn set_local(&mut self, local: Local) {
        let before = self.stops.local.replace(local);
        if self.stops.policies.is_empty() || before == Some(local) {
            return;
        }
        if before.is_some_and(|before| before.day != local.day) {
            self.stops.used.clear();
        }
        self.stops.on = self.stops.policies.iter().map(|policy| policy.is_on(local)).collect();
        self.judge_all();
    }

    /// Something else stops sessions, by resets or not: orders tell anew what is
    /// stopped, and all is handed out anew.
    pub fn set_stopper(&mut self, by_resets: bool) {
        self.stops.by_resets = by_resets;
        self.stops.orders.clear();
        self.stops.stopped = None;
        for slot in self.sessions.slots() {
            let Some((key, session)) = self.sessions.get_mut(slot) else { continue };
            session.handed_out = false;
            if self.stops.is_enforced(session.stopped_by) {
                self.stops.orders.push(Order { ends: key.ends(session.client), stop: true });
            }
        }
    }

    /// The segment that was handed out since this was asked last; there is one
    /// at most in a frame, as TCP carries no tunnel.
    #[inline]
    pub fn stopped(&mut self) -> Option<Stopped> {
        self.stops.stopped.take()
    }

    /// Hands out `packet` of the session at `slot` where that is stopped.
    pub(super) fn hand_out(&mut self, slot: Slot, packet: &Packet<'_>) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        if !self.stops.is_enforced(session.stopped_by) {
            return;
        }
        let Some(segment) = Segment::of(packet) else { return };
        let is_first = !std::mem::replace(&mut session.handed_out, true);
        self.stops.stopped = Some(Stopped { segment, is_first });
    }

    /// What shall be done since it was asked last.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.stops.orders)
    }

    pub(super) fn judge_all(&mut self) {
        if !self.stops.policies.is_empty() {
            for slot in self.sessions.slots() {
                self.judge(slot);
            }
        }
    }

    /// More is known of the session at `slot`, or its time has come.
    pub(super) fn judge(&mut self, slot: Slot) {
        if self.stops.policies.is_empty() {
            return;
        }
        let verdict = self.with_subject(slot, |stops, subject| stops.verdict(subject)).flatten();
        self.stop(slot, verdict);
    }

    fn with_subject<R>(&self, slot: Slot, read: impl FnOnce(&Stops, &Subject<'_>) -> R) -> Option<R> {
        let (key, session) = self.sessions.entry(slot)?;
        let (end, side) = match session.device_serves {
            true => (session.client.other(), Side::Server),
            false => (session.client, Side::Client),
        };
        let class = session.app.and_then(|app| self.apps.class(app));
        let app = self.apps.name(session.app);
        let subject = Subject {
            device: session.device,
            address: key.endpoint(end, side).0,
            app: app.as_deref(),
            class: class.as_deref(),
            host: session.hosts.first().map(|(_, name)| &**name),
        };
        Some(read(&self.stops, &subject))
    }

    /// The session at `slot` is stopped by the policy at `verdict`, or by none.
    fn stop(&mut self, slot: Slot, verdict: Option<u8>) {
        let Some((key, session)) = self.sessions.get_mut(slot) else { return };
        let before = std::mem::replace(&mut session.stopped_by, verdict);
        if before == verdict {
            return;
        }
        let (was, is) = (self.stops.is_enforced(before), self.stops.is_enforced(verdict));
        if was != is {
            session.handed_out = false;
            self.stops.orders.push(Order { ends: key.ends(session.client), stop: is });
        }
        let Some(place) = verdict else { return };
        let host = session.hosts.first().map(|(_, name)| name.clone());
        let can_be = !self.stops.by_resets || key.proto() == proto::TCP;
        let about = (place, session.device, session.app, host, can_be);
        if self.stops.waiting.len() >= MAX_WAITING && !self.stops.waiting.contains_key(&about) {
            self.write_stops();
        }
        let now = self.now;
        let count = Count { first: now, last: now, sessions: 0 };
        let count = self.stops.waiting.entry(about).or_insert(count);
        count.last = now;
        count.sessions += 1;
    }

    /// The session at `slot` brings `volume` to its device's use.
    pub(super) fn use_up(&mut self, slot: Slot, volume: Volume) {
        if self.stops.policies.iter().all(|policy| policy.quota.is_none()) {
            return;
        }
        let minute = self.now.minute();
        let about = self.with_subject(slot, |stops, subject| {
            let fits = stops.policies.iter().map(|policy| policy.quota.is_some() && policy.fits(subject));
            (subject.device, fits.collect::<Vec<bool>>())
        });
        let Some((device, fits)) = about else { return };
        for (place, _) in fits.into_iter().enumerate().filter(|(_, fits)| *fits) {
            let key = (place as u8, device);
            if self.stops.used.len() >= MAX_USED && !self.stops.used.contains_key(&key) {
                continue;
            }
            let used = self.stops.used.entry(key).or_default();
            let before = *used;
            used.bytes += volume.bytes_in + volume.bytes_out;
            if used.minute != minute {
                (used.minute, used.minutes) = (minute, used.minutes + 1);
            }
            let used = *used;
            let policy = &self.stops.policies[place];
            let is_up =
                |used: Used| policy.quota.is_some_and(|quota| quota.is_used_up(used.minutes, used.bytes));
            if is_up(used) && !is_up(before) {
                self.quota_is_used_up(policy.name.clone(), device);
            }
        }
    }

    /// Writes down what was stopped in the minute that is over.
    pub(super) fn write_stops(&mut self) {
        let mut rows: Vec<(About, Count)> = self.stops.waiting.drain().collect();
        rows.sort_by_key(|(_, count)| count.first);
        for ((place, device, app, host, can_be), count) in rows {
            let policy = &self.stops.policies[usize::from(place)];
            let name = policy.name.as_bytes();
            let id = self.stops.ids.next(count.first, seed([name, device.text().as_bytes()]));
            self.out.push(Record::from(record::Stop {
                id,
                time: count.first,
                last: count.last,
                policy: policy.name.clone(),
                action: match (policy.dry_run, can_be) {
                    (true, _) => "dry run",
                    (false, true) => "stopped",
                    (false, false) => "not stopped",
                },
                reason: policy.reason(),
                device,
                app: self.apps.name(app),
                host: host.map(record::Name),
                sessions: count.sessions,
            }));
        }
    }
}
