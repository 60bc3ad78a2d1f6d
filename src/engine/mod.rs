//! The pure core: frames go in, records come out.
//!
//! No clock, no file, no socket: time comes with the packets and by `tick`.
//! So a capture read twice gives the same records, and a test moves time by
//! hand. `core` follows sessions; what they say goes through the dissectors
//! to `questions` and `names`; what they carry, by `devices` and `apps`, to
//! `usage`.

mod alerts;
mod apps;
mod arp;
mod core;
mod devices;
mod ech;
mod flow;
mod hosts;
mod icmp;
mod identity;
mod key;
mod names;
mod notes;
mod notices;
mod os;
mod pace;
mod questions;
pub mod services;
mod session;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod usage;
mod vendors;

use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Local, Policy, Spent};
use crate::record::{Alert, Device, Mac, Record};
use crate::rules::Rules;
use crate::threats::Threats;
use crate::time::Time;
use crate::wire::{self, Decoder, LinkType, Packet, RawMac};
use core::Core;

pub use alerts::{Draft, Options as AlertOptions, Subject};
pub use core::{Handled, Line, Meeting, Order, Stopped, threat};
pub use flow::{Ends, Flow};
#[cfg(test)]
use notices::Notice;
pub use vendors::{MAX_FILE as MAX_VENDORS_FILE, Vendors};

/// Limits and timeouts; `config.toml` says what each costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub wire: wire::Options,
    /// Whether handshakes of TLS and exchanges of HTTP are written down.
    pub details: bool,
    pub max_sessions: usize,
    /// An idle TCP connection is taken to be over.
    pub tcp_timeout: Duration,
    /// TCP that is being opened, or closed by one side.
    pub tcp_handshake_timeout: Duration,
    /// TCP that is over, for stragglers.
    pub tcp_over_timeout: Duration,
    pub udp_timeout: Duration,
    /// A session this old is written while it goes on…
    pub report_after: Duration,
    /// …and again each time this has passed.
    pub report_every: Duration,
    pub max_streams: usize,
    /// Bytes waiting for the dissectors, in all streams and in one direction of one.
    pub max_stream_bytes: usize,
    pub max_stream_side: usize,
    pub max_questions: usize,
    pub question_timeout: Duration,
    pub max_names: usize,
    pub name_timeout: Duration,
    pub max_devices: usize,
    pub max_uses: usize,
    pub app_timeout: Duration,
    pub services: services::Options,
    pub alerts: alerts::Options,
}

/// Defines [`Stats`] and the list of its fields.
macro_rules! stats {
    ($($(#[doc = $doc:literal])* $field:ident,)+) => {
        /// Counters since the start and levels now, for `weir status` and the pages.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Stats {
            /// What the decoder saw.
            pub wire: wire::Counters,
            $($(#[doc = $doc])* pub $field: u64,)+
        }

        impl Stats {
            /// Calls `each` with every name and value.
            pub fn each(&self, each: &mut dyn FnMut(&'static str, u64)) {
                self.wire.each(each);
                $(each(stringify!($field), self.$field);)+
            }
        }
    };
}

stats! {
    /// Packets that were counted in a session.
    packets,
    /// IP-layer bytes of those.
    bytes,
    /// Of those the bytes to devices, and from them; what is in a tunnel counts
    /// there alone, as in volumes.
    bytes_in,
    bytes_out,
    /// IP packets that belong to no session: between neighbours and routers
    /// (IGMP, neighbour discovery, OSPF), or with a broken header.
    without_session,
    /// Packets of a session that were seen on another interface too.
    copies,
    /// Sessions whose first packets nobody saw, but whose volume is counted.
    headless,
    /// Sessions begun.
    sessions,
    sessions_open,
    ended_by_timeout,
    /// Sessions that had to go because the table was full.
    ended_by_eviction,
    /// Sessions whose ports were used for another connection.
    ended_by_reuse,
    streams_open,
    /// Streams ended by a hole or by a bound.
    streams_given_up,
    dns_messages,
    questions_open,
    names,
    devices,
    /// Messages of ARP that were not written down: the same again, or too many in a minute.
    arp_left_out,
    /// Messages of ICMP that no row counts: too many different ones in a minute.
    icmp_left_out,
    /// Notices that nobody took in time.
    notices_lost,
    /// Apps in use.
    uses,
    /// Services remembered, and those that had to go because there were too many.
    services,
    services_forgotten,
    /// Alerts that were told.
    alerts,
    /// What would have been one, but that there were so many.
    alerts_suppressed,
    /// Records handed out.
    records,
}

impl Stats {
    /// `volume` was carried to or from a device.
    #[inline]
    fn carried(&mut self, volume: usage::Volume) {
        self.bytes_in += volume.bytes_in;
        self.bytes_out += volume.bytes_out;
    }
}

/// See the module's text.
pub struct Engine {
    decoder: Decoder,
    core: Core,
}

impl Engine {
    pub fn new(options: Options, rules: Arc<Rules>) -> Engine {
        let decoder = Decoder::new(options.wire);
        let mut core = Core::new(options);
        core.set_rules(rules);
        Engine { decoder, core }
    }

    /// A number for the interface called `name`, the same each time.
    pub fn interface(&mut self, name: &str) -> u16 {
        self.core.interface(name)
    }

    /// Takes in one frame that came at `time` through the interface `iface`
    /// and was `on_wire` bytes long before the snap length cut it.
    pub fn packet(&mut self, time: Time, iface: u16, kind: LinkType, frame: &[u8], on_wire: u32) {
        if self.core.advance(time) {
            self.housekeeping();
        }
        let core = &mut self.core;
        core.begin_frame();
        let now = core.now();
        let bytes =
            self.decoder.frame(now, time, iface, kind, frame, on_wire, &mut |packet| core.packet(&packet));
        core.saw(iface, bytes.into());
        // What is no packet has no bytes.
        if bytes == 0
            && let Some(arp) = self.decoder.arp()
        {
            core.arp(time, &arp);
            core.watch_arp(arp.src_mac);
        }
    }

    /// Takes in one of the first packets of a session whose volume is told by
    /// [`Engine::flow`]: `bytes` from the IP header on, which came at `time`
    /// through `iface` from `src_mac`.
    pub fn head(&mut self, time: Time, iface: u16, src_mac: Option<RawMac>, bytes: &[u8]) {
        if self.core.advance(time) {
            self.housekeeping();
        }
        let core = &mut self.core;
        let now = core.now();
        self.decoder.packet_of(now, time, iface, src_mac, bytes, &mut |packet| {
            core.packet(&Packet { packets: 0, bytes: 0, ..packet });
        });
    }

    /// Takes in that `flow` has grown until `time`. A session that nobody saw
    /// the first packets of begins where `iface` says that it is ours; `false`
    /// where there is none.
    pub fn flow(&mut self, time: Time, iface: Option<u16>, flow: &Flow) -> bool {
        self.core.advance(time);
        self.core.flow(flow, iface, time)
    }

    /// What became of the bytes that passed each interface, with its name. That
    /// they have none is known up to the last full minute.
    pub fn lines(&self) -> impl Iterator<Item = (&str, Line)> {
        self.core.lines()
    }

    /// Time has passed without a packet.
    pub fn tick(&mut self, now: Time) {
        self.core.advance(now);
        self.housekeeping();
    }

    fn housekeeping(&mut self) {
        let core = &mut self.core;
        let now = core.now();
        self.decoder.tick(now, &mut |packet| core.packet(&packet));
        core.tick();
        // What came in no frame can't be answered.
        core.stopped();
    }

    /// The clock was set from `from` to `to`: what goes on moves with it.
    pub fn step(&mut self, from: Time, to: Time) {
        self.decoder.step(from, to);
        self.core.step(from, to);
    }

    /// Replaces the signatures. Sessions go on, with another app if their name
    /// has one now, or if they had none.
    pub fn set_rules(&mut self, rules: Arc<Rules>) {
        self.core.set_rules(rules);
    }

    /// Replaces the table of who made which network card.
    pub fn set_vendors(&mut self, vendors: Option<Arc<Vendors>>) {
        self.core.set_vendors(vendors);
    }

    /// Replaces what the LAN's DHCP server calls devices.
    pub fn set_leases(&mut self, leases: Vec<(Mac, Arc<str>)>) {
        self.core.set_leases(leases);
    }

    /// Replaces the policies.
    pub fn set_policies(&mut self, policies: Vec<Policy>) {
        self.core.set_policies(policies);
    }

    /// Takes over what was used of the quotas of these policies today.
    pub fn set_spent(&mut self, spent: impl Iterator<Item = Spent>) {
        self.core.set_spent(spent);
    }

    /// It is `local` where the router is, by which policies have their times;
    /// none is on before this is said.
    pub fn set_local(&mut self, local: Local) {
        self.core.set_local(local);
    }

    /// Which sessions are to be stopped, or not any more, since the last call.
    pub fn orders(&mut self) -> Vec<Order> {
        self.core.orders()
    }

    /// Something else stops what is to be stopped: [`Engine::orders`] tell anew what
    /// that is. With `by_resets` its segments are to be had from [`Engine::stopped`].
    pub fn set_stopper(&mut self, by_resets: bool) {
        self.core.set_stopper(by_resets);
    }

    /// The segment in the frame that was handed in last, if an enforced policy
    /// stops its session, and stops it by resets.
    #[inline]
    pub fn stopped(&mut self) -> Option<Stopped> {
        self.core.stopped()
    }

    /// The session of the frame that was handed in last, if it has one.
    pub fn handled(&self) -> Option<Handled<'_>> {
        self.core.handled()
    }

    /// Replaces the lists of what is bad.
    pub fn set_threats(&mut self, threats: Arc<Threats>) {
        self.core.set_threats(threats);
    }

    /// These devices were there before, so that others are news; before this is said
    /// none is. Where there are none, those of the first hour are no news either.
    pub fn set_known_devices(&mut self, devices: impl Iterator<Item = Device>) {
        self.core.set_known_devices(devices);
    }

    /// Alerts since the last call, each once, for who tells people of them. Their rows
    /// are among the records too.
    pub fn alerts(&mut self) -> impl Iterator<Item = Alert> + '_ {
        self.core.alerts()
    }

    /// Takes over other limits and timeouts.
    pub fn configure(&mut self, options: Options) {
        self.core.configure(options);
    }

    /// When something is to be done if no packet comes before.
    pub fn deadline(&self) -> Option<Time> {
        [self.decoder.deadline(), self.core.deadline()].into_iter().flatten().min()
    }

    /// The latest time that was handed in.
    pub fn now(&self) -> Time {
        self.core.now()
    }

    /// The records so far, in the order in which they came about.
    pub fn drain(&mut self) -> impl Iterator<Item = Record> + '_ {
        self.core.drain()
    }

    /// What was noticed and alerts were not made of yet.
    #[cfg(test)]
    fn notices(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.core.notices()
    }

    /// How many records wait to be drained.
    pub fn waiting(&self) -> usize {
        self.core.waiting()
    }

    /// Ends what goes on, because the capture is over, some of it at a time:
    /// call it, and drain, until it says `false`.
    pub fn finish(&mut self) -> bool {
        let core = &mut self.core;
        let now = core.now();
        self.decoder.finish(now, &mut |packet| core.packet(&packet));
        core.finish()
    }

    pub fn stats(&self) -> Stats {
        Stats { wire: self.decoder.counters(), ..self.core.stats() }
    }
}
