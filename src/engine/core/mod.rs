//! Follows sessions from their first packet to their last. What they say is
//! read in `reading`; what is done as time passes is in `upkeep`.

mod alerts;
mod clues;
mod coverage;
mod findings;
mod flows;
mod handled;
mod lan;
mod reading;
mod rows;
mod services;
mod stops;
mod upkeep;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use alerts::{Meeting, threat};
pub use coverage::Line;
use findings::TableIds;
pub use handled::Handled;
use stops::Stops;
pub use stops::{Order, Stopped};

use super::alerts::Alerts;
use super::apps::Apps;
use super::arp::Claims;
use super::devices::{Devices, is_local};
use super::ech::Configs;
use super::hosts::Hosts;
use super::icmp::Messages;
use super::key::{End, Key, sent_by_server};
use super::names::Names;
use super::notices::{Notice, Notices};
use super::questions::Questions;
use super::services::Services;
use super::session::{Reading, Reason, Session, class};
use super::stream::Streams;
use super::tcp::Connection;
use super::usage::{Usage, Volume};
use super::{Options, Stats};
use crate::dissect::Side;
use crate::record::{Device, Ids, Record};
use crate::rules::Rules;
use crate::table::{Queues, Slot, Table};
use crate::threats::Threats;
use crate::time::Time;
use crate::wire::{Body, Packet, RawMac};

/// Packets this much older than the latest are out of order; older ones belong
/// to another time, as in captures that were joined together.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

/// How often time may be turned back. Turning back looks at every entry, so a
/// capture of nonsense can't have it for each packet.
const MAX_TURNS: u32 = 1_000;

/// Sessions that wait to be written for the first time, and again.
mod report {
    pub const FIRST: u8 = 0;
    pub const AGAIN: u8 = 1;
    /// Neither: most are over before they go on for long.
    pub const NONE: u8 = 2;
}

pub struct Core {
    options: Options,
    now: Time,
    check_at: Time,
    turns: u32,
    sessions: Table<Key, Session, 4>,
    /// Where the session of the latest packet is.
    latest: Option<Slot>,
    reports: Queues<2>,
    /// Sessions with volume that usage has not been told of.
    untold: Queues<1>,
    ids: Ids,
    /// Of the rows that dissectors find.
    found_ids: TableIds,
    numbers: u32,
    streams: Streams,
    questions: Questions,
    names: Names,
    ech: Configs,
    devices: Devices,
    /// Who says by ARP to have which address.
    claims: Claims,
    /// What ICMP says of others' packets.
    errors: Messages,
    usage: Usage,
    apps: Apps,
    services: Services,
    rules: Arc<Rules>,
    ifaces: Vec<Arc<str>>,
    no_iface: Arc<str>,
    /// By the number of the interface.
    lines: Vec<Line>,
    stops: Stops,
    notices: Notices,
    threats: Arc<Threats>,
    alerts: Alerts,
    stats: Stats,
    out: Vec<Record>,
}

impl Core {
    pub fn new(options: Options) -> Core {
        Core {
            now: Time::ZERO,
            check_at: Time::ZERO,
            turns: 0,
            sessions: Table::new(options.max_sessions, timeouts(&options)),
            latest: None,
            reports: Queues::default(),
            untold: Queues::default(),
            ids: Ids::default(),
            found_ids: TableIds::default(),
            numbers: 0,
            streams: Streams::new(options.max_streams, options.max_stream_bytes, options.max_stream_side),
            questions: Questions::new(options.max_questions, options.question_timeout),
            names: Names::new(options.max_names, options.name_timeout),
            ech: Configs::default(),
            devices: Devices::new(options.max_devices),
            claims: Claims::new(options.max_devices),
            errors: Messages::new(),
            usage: Usage::new(options.max_uses, options.app_timeout),
            apps: Apps::default(),
            services: Services::new(options.services),
            rules: Arc::default(),
            ifaces: Vec::new(),
            no_iface: "".into(),
            lines: Vec::new(),
            stops: Stops::default(),
            notices: Notices::default(),
            threats: Arc::default(),
            alerts: Alerts::new(&options.alerts),
            stats: Stats::default(),
            out: Vec::new(),
            options,
        }
    }

    pub fn configure(&mut self, options: Options) {
        while self.sessions.len() > options.max_sessions.max(1) {
            let Some(slot) = self.sessions.nearest() else { break };
            self.close(slot, Reason::Evicted);
        }
        self.sessions.resize(options.max_sessions, timeouts(&options), |_, _| {});
        self.streams.resize(options.max_streams, options.max_stream_bytes, options.max_stream_side);
        self.questions.resize(options.max_questions, options.question_timeout, &mut self.out);
        self.names.resize(options.max_names, options.name_timeout);
        self.devices.resize(options.max_devices);
        self.claims.resize(options.max_devices);
        self.usage.resize(options.max_uses, options.app_timeout, &self.apps, &mut self.out);
        self.services.resize(options.services);
        self.alerts.configure(&options.alerts);
        self.options = options;
    }

    pub fn set_rules(&mut self, rules: Arc<Rules>) {
        self.out.extend(self.apps.take_over(&rules));
        self.rules = rules;
        // Names decide anew. What first bytes told stays told: they are gone.
        for slot in self.sessions.slots() {
            self.classify(slot, None);
        }
    }

    pub fn interface(&mut self, name: &str) -> u16 {
        let known = self.ifaces.iter().position(|known| &**known == name);
        let place = known.unwrap_or_else(|| {
            self.ifaces.push(name.into());
            self.ifaces.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    /// The latest time that was handed in.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Takes over the time; `true` when it is time to look at the timeouts.
    #[inline]
    pub fn advance(&mut self, time: Time) -> bool {
        if time + OUT_OF_ORDER < self.now && self.turns < MAX_TURNS {
            self.turns += 1;
            self.shift(self.now, time);
        }
        self.now = self.now.max(time);
        self.now >= self.check_at
    }

    /// The tables' clock goes from `from` to `to`; the records keep their times.
    fn shift(&mut self, from: Time, to: Time) {
        self.tell_usage();
        self.usage.report(from, &self.apps, &mut self.out);
        self.usage.step(from, to);
        self.sessions.step(from, to);
        self.questions.shift(from, to);
        self.names.step(from, to);
        self.devices.step(from, to);
        self.services.step(from, to);
        self.claims.step(from, to);
        self.errors.step(from, to);
        self.alerts.step(from, to);
        for (_, session) in self.sessions.iter_mut() {
            session.report_at = to + session.report_at.since(from);
        }
        self.now = to;
        self.check_at = to;
    }

    /// The clock that everything was timed by was wrong and is set now.
    pub fn step(&mut self, from: Time, to: Time) {
        self.shift(from, to);
        self.questions.step_rows(from, to);
        for (_, session) in self.sessions.iter_mut() {
            session.start = to.back(from.since(session.start));
            session.last = to.back(from.since(session.last));
        }
    }

    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let Some((key, from)) = Key::of(packet) else {
            self.stats.without_session += u64::from(packet.packets);
            if let Body::Icmp(icmp) = &packet.body {
                self.between_neighbours(packet, icmp);
            }
            return;
        };
        let slot = match self.sessions.find(&key) {
            None => self.open(key, from, sent_by_server(packet), packet),
            Some(slot) => match self.is_over(slot, packet) {
                None => slot,
                Some(reason) => {
                    self.close(slot, reason);
                    self.open(key, from, sent_by_server(packet), packet)
                }
            },
        };
        self.latest = Some(slot);
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        let side = session.side(from);
        let seen_on = *session.seen_on[side as usize].get_or_insert((packet.iface, packet.vlan));
        if seen_on != (packet.iface, packet.vlan) {
            self.stats.copies += 1;
            return;
        }
        let time = packet.span.last;
        let new_second = time.secs() != session.last.secs();
        session.count(side, packet);
        self.stats.packets += u64::from(packet.packets);
        self.stats.bytes += u64::from(packet.bytes);
        session.tunnel = session.tunnel.or(packet.carries);
        self.stats.carried(session.volume(side, u64::from(packet.bytes)));
        if !session.untold {
            session.untold = true;
            self.untold.push(0, slot);
        }
        let starts = [Side::Client, Side::Server].map(|side| session.tcp.next(side));
        if let Body::Tcp(tcp) = &packet.body {
            session.tcp.segment(side, tcp, time);
        }
        let class = session.class(&key);
        self.sessions.touch(slot, class, self.now);
        if new_second {
            self.active(slot, time);
            self.goes_on(slot);
        }
        match &packet.body {
            Body::Tcp(tcp) if !tcp.payload.is_empty() => self.segment(slot, side, starts, tcp, packet),
            Body::Udp(udp) if !udp.payload.is_empty() => self.datagram(slot, side, udp.payload, packet),
            Body::Icmp(icmp) => self.icmp(slot, packet, icmp),
            _ => {}
        }
        if self.stops.by_resets {
            self.hand_out(slot, packet);
        }
    }

    /// Why the session at `slot` can't go on with `packet`, if so.
    #[inline]
    fn is_over(&self, slot: Slot, packet: &Packet<'_>) -> Option<Reason> {
        if self.sessions.is_due(slot, self.now) {
            return Some(Reason::Timeout);
        }
        match (&packet.body, self.sessions.get(slot)) {
            // Whose first packets nobody saw may see them late.
            (Body::Tcp(tcp), Some(session)) if session.heads > 0 && session.tcp.is_reused_by(tcp) => {
                Some(Reason::Reused)
            }
            _ => None,
        }
    }

    /// Begins a session with its first packet, which came from `from`; that is
    /// the server when it is `reversed`.
    fn open(&mut self, key: Key, from: End, reversed: bool, packet: &Packet<'_>) -> Slot {
        let time = packet.span.first;
        if self.sessions.len() >= self.sessions.limit()
            && let Some(slot) = self.sessions.stalest(self.now)
        {
            self.close(slot, Reason::Evicted);
        }
        let client = if reversed { from.other() } else { from };
        let (src, dst) = ((packet.src_mac, packet.src), (packet.dst_mac, packet.dst));
        self.devices.learn(src.0, src.1, self.now);
        self.devices.learn(dst.0, dst.1, self.now);
        let (ours, theirs) = if reversed { (dst, src) } else { (src, dst) };
        let device_serves = self.devices.second_is_ours(ours, theirs);
        let (client_mac, server) = (ours.0, theirs.1);
        let (mac, address) = if device_serves { theirs } else { ours };
        let device = self.devices.name(mac, address);
        self.seen(device, mac, address, time);
        if !reversed && !device_serves {
            self.guess_by_ttl(device, packet);
        }
        self.numbers = self.numbers.wrapping_add(1);
        let mut session = Session {
            number: self.numbers,
            id: None,
            start: time,
            last: time,
            packets: [0; 2],
            bytes: [0; 2],
            told: Volume::default(),
            ticket: None,
            tcp: Connection::default(),
            hosts: Hosts::default(),
            app: None,
            rank: 0,
            app_line: 0,
            asked: None,
            note: None,
            protocol: None,
            tunnel: packet.carries,
            device,
            client_mac,
            vlan: packet.vlan,
            seen_on: [None; 2],
            client,
            device_serves,
            reading: Reading::Undecided { tried: 0 },
            heads: 0,
            payloads: 0,
            untold: false,
            unnamed: false,
            stopped_by: None,
            handed_out: false,
            reporting: report::NONE,
            report_at: Time::ZERO,
            written_at: Time::ZERO,
        };
        if let Some((source, name)) = self.names.get(device, server) {
            session.hosts.add(source, &name);
        }
        let (slot, _) = self.sessions.insert(key, class::DATAGRAM, self.now, session);
        self.stats.sessions += 1;
        self.classify(slot, None);
        self.judge(slot);
        self.active(slot, time);
        self.watch_beginning(slot, packet);
        slot
    }

    /// `device` was seen at `address`.
    fn seen(&mut self, device: Device, mac: Option<RawMac>, address: IpAddr, time: Time) {
        let is_new = self.devices.seen(device, mac, address, time, &mut self.out);
        if is_new && (matches!(device, Device::Mac(_)) || is_local(address)) {
            self.notices.push(Notice::NewDevice { time, device, address });
        }
    }

    /// Ends the session at `slot` and writes it down.
    fn close(&mut self, slot: Slot, reason: Reason) {
        self.end_of_stream(slot);
        self.answers(slot);
        self.tell(slot);
        let Some((key, session)) = self.sessions.remove(slot) else { return };
        if session.reporting != report::NONE {
            self.reports.remove(session.reporting, slot);
        }
        match reason {
            Reason::Timeout => self.stats.ended_by_timeout += 1,
            Reason::Evicted => self.stats.ended_by_eviction += 1,
            Reason::Reused => self.stats.ended_by_reuse += 1,
            Reason::Shutdown => {}
        }
        self.watch_end(&key, &session);
        let id = session.id.unwrap_or_else(|| self.ids.next(self.now, key.seed()));
        let row = session.row(id, &key, Some(reason), self.iface(&session), &self.apps);
        self.out.push(row.into());
    }

    /// The interface of the client's packets, or of the server's if there are none.
    fn iface(&self, session: &Session) -> Arc<str> {
        let [client, server] = session.seen_on;
        let place = client.or(server).map_or(usize::MAX, |(iface, _)| iface.into());
        self.ifaces.get(place).unwrap_or(&self.no_iface).clone()
    }

    pub fn drain(&mut self) -> impl Iterator<Item = Record> + '_ {
        self.stats.records += self.out.len() as u64;
        self.out.drain(..)
    }

    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    #[cfg(test)]
    pub fn notices(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.notices.drain()
    }

    pub fn stats(&self) -> Stats {
        let (alerts, alerts_suppressed) = self.alerts.counts();
        Stats {
            alerts,
            alerts_suppressed,
            sessions_open: self.sessions.len() as u64,
            streams_open: self.streams.len() as u64,
            dns_messages: self.questions.seen(),
            questions_open: self.questions.len() as u64,
            names: self.names.len() as u64,
            devices: self.devices.len() as u64,
            arp_left_out: self.claims.left_out(),
            icmp_left_out: self.errors.left_out(),
            notices_lost: self.notices.lost(),
            uses: self.usage.len() as u64,
            services: self.services.len() as u64,
            services_forgotten: self.services.forgotten(),
            ..self.stats
        }
    }
}

/// In the order of [`class`].
fn timeouts(options: &Options) -> [Duration; 4] {
    [options.tcp_handshake_timeout, options.udp_timeout, options.tcp_timeout, options.tcp_over_timeout]
}
