//! One session while it goes on.

use std::sync::Arc;

use super::apps::{AppId, Apps};
use super::hosts::Hosts;
use super::key::{End, Key};
use super::notes::Note;
use super::tcp::Connection;
use super::usage::{Ticket, Volume};
use crate::dissect::{Protocol, Side};
use crate::record::{self, Device, Id, Mac, Proto};
use crate::time::Time;
use crate::wire::{Packet, RawMac, Tunnel, proto};

/// Which queue a session waits in, and with which timeout.
pub mod class {
    /// TCP that is being opened, or closed by one side.
    pub const HANDSHAKE: u8 = 0;
    /// UDP and whatever has no connections.
    pub const DATAGRAM: u8 = 1;
    /// TCP at work.
    pub const ESTABLISHED: u8 = 2;
    /// TCP that is over, while stragglers may come.
    pub const OVER: u8 = 3;
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Silent for longer than its timeout.
    Timeout,
    /// The table was full.
    Evicted,
    /// Its ports were used for another connection.
    Reused,
    /// The capture or the daemon came to its end.
    Shutdown,
}

/// How far the protocol of a session's bytes is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// The first bytes of neither side, or of one only, were asked about.
    Undecided { tried: u8 },
    /// TCP: a stream puts the bytes in order.
    Stream,
    /// Nothing is read, or each datagram by itself.
    Settled,
}

/// See the module's text. Sides are indexed client first.
pub struct Session {
    /// Tells it from all others of this run.
    pub number: u32,
    /// Its row's, from the first time that it is written.
    pub id: Option<Id>,
    pub start: Time,
    pub last: Time,
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// What usage has been told of.
    pub told: Volume,
    pub ticket: Option<Ticket>,
    pub tcp: Connection,
    pub hosts: Hosts,
    pub app: Option<AppId>,
    /// What decided the app: how much that says, and its line in features.txt.
    pub rank: u32,
    pub app_line: u32,
    /// The app of the name that a session of DNS asks for, and its line. Its row
    /// has it; its volume is no use of that app, as nobody may be using it.
    pub asked: Option<(AppId, u32)>,
    pub note: Option<Note>,
    pub protocol: Option<&'static Protocol>,
    pub tunnel: Option<Tunnel>,
    pub device: Device,
    pub client_mac: Option<RawMac>,
    pub vlan: Option<u16>,
    /// Interface and VLAN of each side's packets; a copy elsewhere is left out.
    pub seen_on: [Option<(u16, Option<u16>)>; 2],
    /// Which end of the key is the client.
    pub client: End,
    /// The device is the server's side.
    pub device_serves: bool,
    pub reading: Reading,
    /// Packets that were seen, up to as many as this holds: where the volume is
    /// told by flows, those that came with nothing unseen.
    pub heads: u8,
    /// Sides whose first payload the signatures have seen, as bits.
    pub payloads: u8,
    /// It has volume that usage has not been told of.
    pub untold: bool,
    /// What usage has been told of it counts as having no name.
    pub unnamed: bool,
    /// The place of the policy that stops it.
    pub stopped_by: Option<u8>,
    /// A segment of it was handed out for a reset, since then.
    pub handed_out: bool,
    /// The queue in which it waits for its row to be written, if any…
    pub reporting: u8,
    /// …when that is, and when it was.
    pub report_at: Time,
    pub written_at: Time,
}

impl Session {
    /// The side that a packet from `end` comes from.
    pub fn side(&self, end: End) -> Side {
        if end == self.client { Side::Client } else { Side::Server }
    }

    /// Counts what a flow has grown by until `time`.
    pub fn grow(&mut self, packets: [u64; 2], bytes: [u64; 2], time: Time) {
        for side in 0..2 {
            self.packets[side] += packets[side];
            self.bytes[side] += bytes[side];
        }
        // What was seen tells its time better than what was counted.
        let all_seen = self.packets[0] + self.packets[1] <= u64::from(self.heads);
        if !all_seen && !self.tcp.state().is_over() {
            self.last = self.last.max(time);
        }
    }

    /// Counts one packet.
    pub fn count(&mut self, side: Side, packet: &Packet<'_>) {
        self.packets[side as usize] += u64::from(packet.packets);
        self.bytes[side as usize] += u64::from(packet.bytes);
        self.heads = self.heads.saturating_add(1);
        self.start = self.start.min(packet.span.first);
        self.last = self.last.max(packet.span.last);
    }

    /// Volume that usage has not been told of; it counts as told from here on.
    pub fn tell(&mut self) -> Volume {
        let (out, back) = if self.device_serves { (1, 0) } else { (0, 1) };
        let now = Volume {
            bytes_out: self.bytes[out],
            bytes_in: self.bytes[back],
            packets: self.packets[0] + self.packets[1],
        };
        let before = std::mem::replace(&mut self.told, now);
        Volume {
            bytes_out: now.bytes_out - before.bytes_out,
            bytes_in: now.bytes_in - before.bytes_in,
            packets: now.packets - before.packets,
        }
    }

    /// What `side` sent, by the way that it goes for the device; nothing where it
    /// is counted inside a tunnel.
    #[inline]
    pub fn volume(&self, side: Side, bytes: u64) -> Volume {
        let is_from_device = (side == Side::Server) == self.device_serves;
        let (bytes_out, bytes_in) = match (self.tunnel.is_some(), is_from_device) {
            (true, _) => (0, 0),
            (false, true) => (bytes, 0),
            (false, false) => (0, bytes),
        };
        Volume { bytes_out, bytes_in, packets: 0 }
    }

    /// The queue it belongs to.
    pub fn class(&self, key: &Key) -> u8 {
        use super::tcp::State;
        if key.proto() != proto::TCP {
            return class::DATAGRAM;
        }
        match self.tcp.state() {
            State::SynSent | State::SynReceived | State::HalfClosed => class::HANDSHAKE,
            State::Open | State::Established => class::ESTABLISHED,
            State::Closed | State::Reset => class::OVER,
        }
    }

    fn state(&self, key: &Key) -> &'static str {
        if key.proto() == proto::TCP {
            return self.tcp.state().name();
        }
        if self.packets.contains(&0) { "new" } else { "established" }
    }

    /// As records have it: how TCP ended says more than that it was silent after.
    fn reason(&self, reason: Reason) -> &'static str {
        use super::tcp::State;
        match (self.tcp.state(), reason) {
            (State::Closed, _) => "fin",
            (State::Reset, _) => "rst",
            (_, Reason::Timeout) => "timeout",
            (_, Reason::Evicted) => "evicted",
            (_, Reason::Reused) => "reused",
            (_, Reason::Shutdown) => "shutdown",
        }
    }

    /// The app as its row has it, and the line that decided.
    fn cause(&self) -> Option<(AppId, u32)> {
        self.asked.or(self.app.map(|app| (app, self.app_line)))
    }

    /// Its row, named `id`, as it stands; `reason` when it is over.
    pub fn row(
        &self,
        id: Id,
        key: &Key,
        reason: Option<Reason>,
        iface: Arc<str>,
        apps: &Apps,
    ) -> record::Session {
        let (client, client_port) = key.endpoint(self.client, Side::Client);
        let (server, server_port) = key.endpoint(self.client.other(), Side::Server);
        let app_proto = self.protocol.map(|protocol| protocol.name);
        // That it is DNS says more than what encrypts it.
        let inner = self.note.filter(|note| *note != Note::Unasked).map(Note::name);
        record::Session {
            id,
            start: self.start,
            last: self.last,
            proto: Proto(key.proto()),
            client,
            client_port,
            server,
            server_port,
            client_mac: self.client_mac.map(Mac),
            device: self.device,
            iface,
            vlan: self.vlan,
            packets_out: self.packets[0],
            packets_in: self.packets[1],
            bytes_out: self.bytes[0],
            bytes_in: self.bytes[1],
            tcp_flags_out: self.tcp.flags(Side::Client),
            tcp_flags_in: self.tcp.flags(Side::Server),
            state: self.state(key),
            rtt_us: self.tcp.rtt(),
            retransmissions: self.tcp.retransmissions(),
            host: self.hosts.first().map(|(_, name)| record::Name(name.clone())),
            host_source: self.hosts.first().map(|(source, _)| source.name()),
            host_confidence: self.hosts.first().map(|(source, _)| source.confidence()),
            names: self.hosts.json(),
            app_line: self.cause().map(|(_, line)| line),
            app: apps.name(self.cause().map(|(app, _)| app)),
            app_proto: self.tunnel.map(Tunnel::name).or(inner).or(app_proto),
            note: self.note.map(Note::name),
            reason: reason.map(|reason| self.reason(reason)),
            // What only a file tells is filled in by who has it.
            country: None,
            asn: None,
        }
    }
}
