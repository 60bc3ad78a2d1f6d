//! Where alerts come from: what sessions, notices and policies show is brought to
//! `engine::alerts` here.

use std::net::IpAddr;
use std::sync::Arc;

use super::Core;
use super::findings::Findings;
use crate::dissect::Side;
use crate::dissect::login::{Login, Outcome};
use crate::engine::alerts::{Alerts, Attempt, Draft, Flood, Kind, Subject, name, octets, severity};
use crate::engine::key::{Key, is_group};
use crate::engine::notices::Notice;
use crate::engine::session::Session;
use crate::engine::usage::Volume;
use crate::record::{Alert, Device, Name, Record, seed};
use crate::table::Slot;
use crate::threats::{List, Threats, written};
use crate::time::Time;
use crate::wire::{Body, Packet, RawMac, flag, proto};

/// One side sends so many times what the other does: that is no answer.
const UNANSWERED: u64 = 100;

/// What met an entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    pub time: Time,
    pub device: Device,
    pub client: IpAddr,
    pub server: (IpAddr, u16),
}

/// An alert about `entry` of `list`, as `what` met it.
pub fn threat(list: &List, entry: &str, meeting: &Meeting, what: &str, how: &str) -> (Subject, Draft) {
    let Meeting { device, client, server, .. } = *meeting;
    let listed = if what == entry { String::new() } else { format!(" (as {entry})") };
    let draft = Draft {
        severity: list.severity,
        src: Some(client),
        dst: Some(server.0),
        port: Some(server.1),
        what: Some(Name(what.into())),
        list: Some(list.name.clone()),
        entry: Some(entry.to_owned()),
        list_version: Some(list.version),
        text: format!("{device} {how} {what}, which is on the list {}{listed}", list.name),
        count: 1,
    };
    (Subject { kind: Kind::Threat, device: Some(device), about: seed([entry.as_bytes()]) }, draft)
}

/// Raises an alert if `name` is on a list.
fn look_up_name(
    (threats, alerts): (&Threats, &mut Alerts),
    meeting: &Meeting,
    name: &str,
    how: &str,
    out: &mut Vec<Record>,
) {
    if let Some(hit) = threats.name(name) {
        let (subject, draft) = threat(hit.list, hit.entry, meeting, name, how);
        alerts.raise(subject, meeting.time, || draft, out);
    }
}

impl Core {
    /// Takes over other lists, and looks at what goes on by them.
    pub fn set_threats(&mut self, threats: Arc<Threats>) {
        self.threats = threats;
        for slot in self.sessions.slots() {
            self.watch_addresses(slot);
            let Some((_, session)) = self.sessions.entry(slot) else { continue };
            let names: Vec<Arc<str>> = session.hosts.names().cloned().collect();
            self.watch_names(slot, names.iter());
        }
    }

    /// These devices were there before.
    pub fn set_known_devices(&mut self, devices: impl Iterator<Item = Device>) {
        self.alerts.set_known(devices, self.now);
    }

    /// Alerts since the last call, each once.
    pub fn alerts(&mut self) -> impl Iterator<Item = Alert> + '_ {
        self.alerts.fresh()
    }

    /// A session has begun with `packet`.
    pub(super) fn watch_beginning(&mut self, slot: Slot, packet: &Packet<'_>) {
        self.watch_addresses(slot);
        if let Body::Tcp(tcp) = &packet.body
            && tcp.flags & (flag::SYN | flag::ACK) == flag::SYN
            && let Some((_, session)) = self.sessions.entry(slot)
        {
            let ends = (packet.src, packet.dst);
            self.alerts.sent(Flood::Syn, 1, ends, session.device, self.now, &mut self.out);
        }
    }

    fn watch_addresses(&mut self, slot: Slot) {
        if self.threats.is_empty() {
            return;
        }
        let Some((key, session)) = self.sessions.entry(slot) else { return };
        let meeting = meeting(key, session, self.now);
        for (address, how) in [(meeting.server.0, "had a session with"), (meeting.client, "was reached by")] {
            if let Some(hit) = self.threats.address(address) {
                let (entry, what) = (written(hit.entry), address.to_string());
                let (subject, draft) = threat(hit.list, &entry, &meeting, &what, how);
                self.alerts.raise(subject, self.now, || draft, &mut self.out);
            }
        }
    }

    /// These are names of the session's server.
    pub(super) fn watch_names<'a>(&mut self, slot: Slot, names: impl Iterator<Item = &'a Arc<str>>) {
        if self.threats.is_empty() {
            return;
        }
        let Some((key, session)) = self.sessions.entry(slot) else { return };
        let meeting = meeting(key, session, self.now);
        for name in names {
            let both = (&*self.threats, &mut self.alerts);
            look_up_name(both, &meeting, name, "had a session with", &mut self.out);
        }
    }

    /// A session is over.
    pub(super) fn watch_end(&mut self, key: &Key, session: &Session) {
        let server = key.endpoint(session.client.other(), Side::Server);
        if is_group(server.0) || !is_unanswered(key, session) {
            return;
        }
        let attempt = Attempt {
            time: self.now,
            proto: key.proto(),
            client: key.endpoint(session.client, Side::Client),
            server,
            device: session.device,
        };
        self.alerts.unanswered(&attempt, &mut self.out);
    }

    /// The session at `slot` has grown by `volume`.
    pub(super) fn watch_volume(&mut self, slot: Slot, volume: Volume) {
        let Some((key, session)) = self.sessions.entry(slot) else { return };
        let flood = match key.proto() {
            proto::UDP => Flood::Udp,
            proto::ICMP | proto::ICMPV6 => Flood::Icmp,
            _ => return,
        };
        let [out, back] = session.packets;
        let client = key.endpoint(session.client, Side::Client).0;
        let server = key.endpoint(session.client.other(), Side::Server).0;
        let (ends, is_one_sided) = match out >= back {
            true => ((client, server), back * UNANSWERED < out),
            false => ((server, client), out * UNANSWERED < back),
        };
        if is_group(ends.1) || flood == Flood::Udp && !is_one_sided {
            return;
        }
        self.alerts.sent(flood, volume.packets, ends, session.device, self.now, &mut self.out);
    }

    /// A frame of ARP came from `mac`.
    pub fn watch_arp(&mut self, mac: RawMac) {
        self.alerts.arp(mac, self.now, &mut self.out);
    }

    /// `device` has used up what `policy` leaves it for the day.
    pub(super) fn quota_is_used_up(&mut self, policy: Arc<str>, device: Device) {
        let about = seed([policy.as_bytes()]);
        let draft = || Draft {
            severity: severity::NEWS,
            text: format!("{device} has used up its quota of the day by {policy}"),
            list: Some(policy),
            ..Draft::default()
        };
        let subject = Subject { kind: Kind::Quota, device: Some(device), about };
        self.alerts.raise(subject, self.now, draft, &mut self.out);
    }

    /// Makes alerts of what was noticed.
    pub(super) fn tell_notices(&mut self) {
        for notice in self.notices.drain() {
            match notice {
                Notice::NewDevice { time, device, address } => {
                    if self.alerts.is_news(device, time) {
                        let (subject, draft) = new_device(device, address);
                        self.alerts.raise(subject, time, || draft, &mut self.out);
                    }
                }
                Notice::ArpConflict { time, address, known, claims } => {
                    let draft = || Draft {
                        severity: severity::LOOK,
                        dst: Some(address),
                        what: name(claims),
                        text: format!("{claims} says that it has {address}, which {known} has"),
                        ..Draft::default()
                    };
                    let device = Some(Device::Mac(claims));
                    let about = seed([&octets(address)[..], &known.0]);
                    let subject = Subject { kind: Kind::ArpConflict, device, about };
                    self.alerts.raise(subject, time, draft, &mut self.out);
                }
            }
        }
    }
}

impl Findings<'_> {
    /// A client asks DNS for what was read last.
    pub(super) fn watch_question(&mut self) {
        let [client, server] = self.ends();
        let (device, now) = (self.way.device, self.now);
        let qname = self.questions.name();
        self.alerts.asked(qname, device, server.0, now, self.out);
        if !self.threats.is_empty() {
            let meeting = Meeting { time: now, device, client: client.0, server };
            look_up_name((self.threats, self.alerts), &meeting, qname, "asked DNS for", self.out);
        }
    }

    /// A log-in may have been refused.
    pub(super) fn watch_login(&mut self, login: &Login) {
        if !matches!(login.outcome, Outcome::Refused | Outcome::SeemsRefused) {
            return;
        }
        let [client, server] = self.ends();
        let attempt =
            Attempt { time: self.now, proto: self.way.proto, client, server, device: self.way.device };
        self.alerts.refused(&attempt, login.service, self.out);
    }
}

fn new_device(device: Device, address: IpAddr) -> (Subject, Draft) {
    let at = if device == Device::Ip(address) { String::new() } else { format!(" at {address}") };
    let draft = Draft {
        severity: severity::NEWS,
        src: Some(address),
        text: format!("{device} is new in the network{at}"),
        ..Draft::default()
    };
    (Subject { kind: Kind::NewDevice, device: Some(device), about: 0 }, draft)
}

fn meeting(key: &Key, session: &Session, time: Time) -> Meeting {
    Meeting {
        time,
        device: session.device,
        client: key.endpoint(session.client, Side::Client).0,
        server: key.endpoint(session.client.other(), Side::Server),
    }
}

/// Whether the server said nothing to what it was asked, or only that nobody is there.
fn is_unanswered(key: &Key, session: &Session) -> bool {
    match key.proto() {
        // With an ACK from the client there was an answer, which another way took.
        proto::TCP => {
            let asked = session.tcp.flags(Side::Client);
            let only_asked = asked & (flag::SYN | flag::ACK | flag::FIN | flag::PSH) == flag::SYN;
            only_asked && session.tcp.flags(Side::Server) & flag::SYN == 0
        }
        proto::UDP | proto::ICMP | proto::ICMPV6 => session.packets[1] == 0,
        _ => false,
    }
}
