//! What a person should know: each thing once an hour, and no flood of it.
//!
//! Who finds something calls [`Alerts::raise`]. The detectors beside it count what
//! only means something in numbers: `attempts` log-ins and unanswered sessions,
//! `flood` packets, `tunnel` names.

mod attempts;
mod coarse;
mod distinct;
mod flood;
mod tunnel;

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use attempts::{Attempt, octets};
pub use flood::Flood;

use crate::record::{Alert, Device, Ids, Name, Record, seed};
use crate::table::Table;
use crate::time::Time;

/// What was told is not told again so soon, but counted.
const QUIET: Duration = Duration::from_secs(3600);

/// Alerts that are counted on; of more the oldest are told anew.
const MAX_OPEN: usize = 1_024;

/// The count of one that goes on is written this often.
const WRITE_EVERY: Duration = Duration::from_secs(600);

/// Alerts that wait for whoever tells people of them.
const MAX_FRESH: usize = 256;

/// Devices that are known from before.
const MAX_KNOWN: usize = 16_384;

/// Where none was known, those of the first hour are no news.
const LEARN: Duration = Duration::from_secs(3600);

/// When to tell of what; a threshold of 0 turns its kind off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub enabled: bool,
    /// Alerts of one kind about one device within an hour, and of all within a minute.
    pub per_device: u32,
    pub per_minute: u32,
    /// Log-ins that one server refuses to one client within the span.
    pub logins: u32,
    pub logins_span: Duration,
    /// Ports of one host, and hosts, that do not answer one source within the span.
    pub scan_ports: u32,
    pub scan_hosts: u32,
    pub scan_span: Duration,
    /// In a second, on average of a minute: connections that are opened to one
    /// host, unanswered packets of UDP and all of ICMP to one, frames of ARP from one.
    pub syn_rate: u32,
    pub udp_rate: u32,
    pub icmp_rate: u32,
    pub arp_rate: u32,
    /// Different names below one domain that one device asks for within the span, and
    /// the bytes in them.
    pub tunnel_names: u32,
    pub tunnel_bytes: u32,
    pub tunnel_span: Duration,
    /// Domains below which such names are usual.
    pub tunnel_except: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    NewDevice,
    Threat,
    Logins,
    Scan,
    Flood,
    ArpConflict,
    DnsTunnel,
    Quota,
}

impl Kind {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NewDevice => "new_device",
            Kind::Threat => "threat",
            Kind::Logins => "logins",
            Kind::Scan => "scan",
            Kind::Flood => "flood",
            Kind::ArpConflict => "arp_conflict",
            Kind::DnsTunnel => "dns_tunnel",
            Kind::Quota => "quota",
        }
    }
}

/// How grave something is.
pub mod severity {
    pub const GRAVE: u8 = 1;
    pub const LOOK: u8 = 2;
    pub const NEWS: u8 = 3;
}

/// What tells an alert from others, for an hour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Subject {
    pub kind: Kind,
    pub device: Option<Device>,
    /// Of what it is about: [`seed`].
    pub about: u64,
}

/// What an alert says beside its subject.
#[derive(Default)]
pub struct Draft {
    pub severity: u8,
    pub src: Option<IpAddr>,
    pub dst: Option<IpAddr>,
    pub port: Option<u16>,
    pub what: Option<Name>,
    pub list: Option<Arc<str>>,
    pub entry: Option<String>,
    pub list_version: Option<Time>,
    pub text: String,
    /// How often it was seen by now.
    pub count: u32,
}

impl Draft {
    /// Its row.
    pub fn row(self, ids: &mut Ids, subject: &Subject, time: Time) -> Alert {
        let device = subject.device.map(|device| device.text());
        let device = device.as_ref().map_or(&b""[..], |text| text.as_bytes());
        let bits = seed([subject.kind.name().as_bytes(), device, &subject.about.to_be_bytes()]);
        Alert {
            id: ids.next(time, bits),
            time,
            last: time,
            kind: subject.kind.name(),
            severity: self.severity,
            device: subject.device,
            src: self.src,
            dst: self.dst,
            port: self.port,
            what: self.what,
            list: self.list,
            entry: self.entry,
            list_version: self.list_version,
            text: self.text,
            count: self.count.max(1),
        }
    }
}

/// An alert that is counted on.
struct Open {
    row: Alert,
    /// When it was written, and with which count.
    written: (Time, u32),
}

impl Open {
    /// Its row, where that says more than what was written.
    fn news(self) -> Option<Record> {
        (self.row.count != self.written.1).then(|| self.row.into())
    }
}

/// See the module's text.
pub struct Alerts {
    options: Options,
    open: Table<Subject, Open, 1>,
    /// How many there were of each kind about each device, in an hour from the first.
    told: Table<(Kind, Option<Device>), u32, 1>,
    /// The minute, and how many there were in it.
    minute: (Time, u32),
    ids: Ids,
    fresh: VecDeque<Alert>,
    /// Devices that were there before; none where nobody said which.
    known: Option<HashSet<Device>>,
    /// Until then devices are learned without a word.
    learn_until: Time,
    attempts: attempts::Attempts,
    flood: flood::Floods,
    tunnel: tunnel::Tunnels,
    raised: u64,
    suppressed: u64,
}

impl Alerts {
    pub fn new(options: &Options) -> Alerts {
        Alerts {
            open: Table::new(MAX_OPEN, [QUIET]),
            told: Table::new(MAX_OPEN, [QUIET]),
            minute: (Time::ZERO, 0),
            ids: Ids::default(),
            fresh: VecDeque::new(),
            known: None,
            learn_until: Time::ZERO,
            attempts: attempts::Attempts::new(options),
            flood: flood::Floods::default(),
            tunnel: tunnel::Tunnels::new(options),
            raised: 0,
            suppressed: 0,
            options: options.clone(),
        }
    }

    pub fn configure(&mut self, options: &Options) {
        if self.options != *options {
            self.attempts = attempts::Attempts::new(options);
            self.tunnel = tunnel::Tunnels::new(options);
            self.options = options.clone();
        }
    }

    /// Alerts so far, and what was not told because there were so many.
    pub fn counts(&self) -> (u64, u64) {
        (self.raised, self.suppressed)
    }

    /// Tells of `subject` what `draft` says, at `now`; where that was told within the
    /// hour it is counted there.
    pub fn raise(
        &mut self,
        subject: Subject,
        now: Time,
        draft: impl FnOnce() -> Draft,
        out: &mut Vec<Record>,
    ) {
        if !self.options.enabled {
            return;
        }
        self.expire(now, out);
        if let Some((_, open)) = self.open.find(&subject).and_then(|slot| self.open.get_mut(slot)) {
            open.row.count = open.row.count.saturating_add(1);
            open.row.last = open.row.last.max(now);
            return;
        }
        if !self.may_tell(&subject, now) {
            self.suppressed += 1;
            return;
        }
        self.raised += 1;
        let row = draft().row(&mut self.ids, &subject, now);
        if self.fresh.len() >= MAX_FRESH {
            self.fresh.pop_front();
        }
        self.fresh.push_back(row.clone());
        out.push(row.clone().into());
        let open = Open { written: (now, row.count), row };
        let (_, gone) = self.open.insert(subject, 0, now, open);
        out.extend(gone.and_then(|(_, open)| open.news()));
    }

    /// Whether there were few enough alerts for one more.
    fn may_tell(&mut self, subject: &Subject, now: Time) -> bool {
        if self.minute.0 != now.minute() {
            self.minute = (now.minute(), 0);
        }
        if self.minute.1 >= self.options.per_minute {
            return false;
        }
        let key = (subject.kind, subject.device);
        let slot = self.told.find(&key).unwrap_or_else(|| self.told.insert(key, 0, now, 0).0);
        let Some((_, told)) = self.told.get_mut(slot) else { return false };
        if *told >= self.options.per_device {
            return false;
        }
        *told += 1;
        self.minute.1 += 1;
        true
    }

    /// Alerts since the last call, each once, for whoever tells people of them.
    pub fn fresh(&mut self) -> impl Iterator<Item = Alert> + '_ {
        self.fresh.drain(..)
    }

    /// These devices are no news. Where there are none, nor are those of an hour from
    /// `now` on.
    pub fn set_known(&mut self, devices: impl Iterator<Item = Device>, now: Time) {
        let known: HashSet<Device> = devices.take(MAX_KNOWN).collect();
        self.learn_until = if known.is_empty() { now + LEARN } else { Time::ZERO };
        self.known = Some(known);
    }

    /// Whether a device that is seen at `now` is news. It is none from then on, nor
    /// where nobody said which devices are known: a capture has only new ones.
    pub fn is_news(&mut self, device: Device, now: Time) -> bool {
        let Some(known) = &mut self.known else { return false };
        let is_new = !known.contains(&device);
        if is_new && known.len() < MAX_KNOWN {
            known.insert(device);
        }
        is_new && now >= self.learn_until
    }

    /// Lets go of what is over, and writes what was counted of it.
    pub fn expire(&mut self, now: Time, out: &mut Vec<Record>) {
        while let Some((_, open)) = self.open.expire(now) {
            out.extend(open.news());
        }
        while self.told.expire(now).is_some() {}
    }

    /// The minute is over: writes the counts of what goes on, now and then.
    pub fn report(&mut self, now: Time, out: &mut Vec<Record>) {
        self.expire(now, out);
        for (_, open) in self.open.iter_mut() {
            let (at, count) = open.written;
            if open.row.count != count && now.since(at) >= WRITE_EVERY {
                open.written = (now, open.row.count);
                out.push(open.row.clone().into());
            }
        }
    }

    /// Writes what was counted so far.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        while let Some((_, open)) = self.open.pop() {
            out.extend(open.news());
        }
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.open.step(from, to);
        self.told.step(from, to);
        self.attempts.step(from, to);
        self.tunnel.step(from, to);
        if self.learn_until > Time::ZERO {
            self.learn_until = to + self.learn_until.since(from);
        }
    }
}

/// A name for what has none but an address.
pub fn name(text: impl std::fmt::Display) -> Option<Name> {
    Some(Name(text.to_string().into()))
}
