//! Resets for what policies stop, where this machine is not in the traffic's
//! path: each segment that is seen of it is answered to both ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::engine::{Engine, Order, Stopped};
use crate::source::{self, Error, Live, LiveOptions};
use crate::time::Time;
use crate::wire::reset::{self, Frame};
use crate::wire::{LinkType, RawMac, proto};

/// A pause before an interface that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// One direction of a connection: its source and its destination.
type Way = ((IpAddr, u16), (IpAddr, u16));

/// See the module's text.
pub struct Resets {
    /// The interface to send by, where that is not the one that is watched.
    outlet: Option<Outlet>,
    /// Segments that may be answered in a second…
    max: usize,
    /// …which one it is, and how many of them are left in it.
    second: u64,
    left: usize,
    /// What is to be sent: of the segments that were read at once the latest of
    /// each direction, as the others are behind. At most `left`.
    waiting: HashMap<Way, [Frame; 2]>,
    counts: Counts,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    /// Sessions of which a segment was answered, and those that can't be: what is
    /// not TCP, inside tunnels, or in frames that can't be sent again.
    done: u64,
    cannot: u64,
    /// Frames that were sent, and that were not taken.
    sent: u64,
    failed: u64,
    /// Segments beyond the limit of a second.
    over_limit: u64,
    /// Frames of Weir's own that came back.
    seen_again: u64,
}

impl Resets {
    /// As `config` asks for it. Fails where the interface for sending does.
    pub fn open(config: &Config, now: Time) -> Result<Resets, Error> {
        let name = &config.blocking.reset_interface;
        let outlet = match name.as_str() {
            "" => None,
            name => Some(Outlet::open(name, now)?),
        };
        let by = if name.is_empty() { "the interface of each segment" } else { name };
        log::info!("blocking: {} policies, resets by {by}", config.policies.len());
        Ok(Resets {
            outlet,
            max: *config.blocking.max_resets as usize,
            second: 0,
            left: 0,
            waiting: HashMap::new(),
            counts: Counts::default(),
        })
    }

    /// Whether it does what `config` asks for.
    pub fn fits(&self, config: &Config) -> bool {
        let name = self.outlet.as_ref().map_or("", |outlet| &outlet.name);
        name == config.blocking.reset_interface && self.max == *config.blocking.max_resets as usize
    }

    /// Takes note of which sessions are to be stopped; what is not TCP can't be.
    pub fn obey(&mut self, orders: &[Order]) {
        let cannot = orders.iter().filter(|order| order.stop && order.ends.proto != proto::TCP);
        self.counts.cannot += cannot.count() as u64;
    }

    /// Hands `frame` to `engine`, as one of the interface that it calls `iface` and
    /// whose own address is `mac`, and keeps what answers it until [`Resets::send`].
    pub fn frame(
        &mut self,
        engine: &mut Engine,
        iface: u16,
        mac: Option<RawMac>,
        frame: &source::Frame<'_>,
        now: Time,
    ) {
        if reset::is_own(frame.kind, frame.bytes) {
            self.counts.seen_again += 1;
            return;
        }
        engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire);
        if let Some(stopped) = engine.stopped() {
            self.answer(&stopped, mac, frame, now);
        }
    }

    fn answer(&mut self, stopped: &Stopped, mac: Option<RawMac>, frame: &source::Frame<'_>, now: Time) {
        let from = self.outlet.as_ref().map_or(Some(mac), |outlet| outlet.sends(frame.kind));
        let pair = from.and_then(|from| reset::pair(frame.kind, frame.bytes, &stopped.segment, from));
        let first = u64::from(stopped.is_first);
        let Some(pair) = pair else {
            self.counts.cannot += first;
            return;
        };
        self.counts.done += first;
        if self.second != now.secs() {
            (self.second, self.left) = (now.secs(), self.max);
        }
        let way = (stopped.segment.src, stopped.segment.dst);
        if self.waiting.len() >= self.left && !self.waiting.contains_key(&way) {
            self.counts.over_limit += 1;
            return;
        }
        self.waiting.insert(way, pair);
    }

    /// Sends what answers the frames that `live` has captured.
    pub fn send(&mut self, live: &mut Live, now: Time) {
        if self.waiting.is_empty() {
            return;
        }
        self.left = self.left.saturating_sub(self.waiting.len());
        for frame in self.waiting.drain().flat_map(|(_, pair)| pair) {
            let done = match &mut self.outlet {
                None => live.send(&frame),
                Some(outlet) => outlet.send(&frame, now),
            };
            match done {
                Ok(()) => self.counts.sent += 1,
                Err(error) => {
                    // The first tells what is wrong; each would fill the log.
                    if self.counts.failed == 0 {
                        log::error!("blocking: {error}");
                    }
                    self.counts.failed += 1;
                }
            }
        }
    }

    /// For `weir status`.
    pub fn counts(&self) -> Value {
        let Counts { done, cannot, sent, failed, over_limit, seen_again } = self.counts;
        json!({"done": done, "cannot": cannot, "resets": sent, "failed": failed,
            "over_limit": over_limit, "seen_again": seen_again})
    }
}

/// An interface that is only sent by, and opened again when it fails.
struct Outlet {
    name: String,
    live: Option<Live>,
    kind: LinkType,
    mac: Option<RawMac>,
    retry_at: Time,
}

impl Outlet {
    fn open(name: &str, now: Time) -> Result<Outlet, Error> {
        let live = Live::open(name, &LiveOptions::send_only()).map_err(|error| match error {
            Error::Input(text) => Error::Input(format!("blocking: {text}")),
            Error::Failed(text) => Error::Failed(format!("blocking: {text}")),
        })?;
        let (kind, mac) = (live.kind(), live.mac());
        Ok(Outlet { name: name.to_owned(), live: Some(live), kind, mac, retry_at: now })
    }

    /// The address of who sends, if frames of `kind` can be sent at all.
    fn sends(&self, kind: LinkType) -> Option<Option<RawMac>> {
        (self.kind == kind).then_some(self.mac)
    }

    fn send(&mut self, frame: &[u8], now: Time) -> Result<(), Error> {
        // A clock that was set back must not make it wait for years.
        let due = self.retry_at <= now || self.retry_at > now + PAUSE;
        if self.live.is_none() && due {
            self.retry_at = now + PAUSE;
            *self = Outlet::open(&self.name, now + PAUSE)?;
        }
        let away = || Error::Failed(format!("{}: away", self.name));
        let done = self.live.as_mut().ok_or_else(away)?.send(frame);
        if done.is_err() {
            self.live = None;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::{Local, Policy};

    const MAC: Option<RawMac> = Some([2, 0, 0, 0, 0, 9]);

    /// A segment from the client's `port`, in a frame of Ethernet.
    fn seen(port: u16, flags: u8) -> Vec<u8> {
        let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, proto::TCP, 0, 0, 192, 168, 1, 5, 192, 0, 2, 1];
        let numbers = [[0, 0, 0, 7], [0, 0, 0, 9]].concat();
        let rest = [0x50, flags, 4, 0, 0, 0, 0, 0];
        let macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0];
        [&macs[..], &ip, &port.to_be_bytes(), &[0, 80], &numbers, &rest].concat()
    }

    struct Rig {
        resets: Resets,
        engine: Engine,
    }

    impl Rig {
        fn new(max: u32) -> Rig {
            let mut config = Config::default();
            config.blocking.max_resets.0 = max;
            let mut engine = Engine::new(config.engine(), Arc::default());
            engine.set_stopper(true);
            engine.set_policies(vec![Policy { name: "all".into(), ..Policy::default() }]);
            engine.set_local(Local { day: 1, weekday: 0, minute: 0 });
            Rig { resets: Resets::open(&config, Time::ZERO).unwrap(), engine }
        }

        fn frame(&mut self, kind: LinkType, bytes: &[u8], now: Time) {
            let on_wire = bytes.len() as u32;
            let frame = source::Frame { time: now, iface: 0, iface_name: "", kind, bytes, on_wire };
            self.resets.frame(&mut self.engine, 0, MAC, &frame, now);
        }

        fn ethernet(&mut self, bytes: &[u8]) {
            self.frame(LinkType::Ethernet, bytes, Time::from_secs(9));
        }
    }

    #[test]
    fn of_what_is_read_at_once_the_latest_of_each_direction_is_answered() {
        let mut rig = Rig::new(9);
        let mut last = seen(40_000, 0x10);
        rig.ethernet(&last);
        last[14 + 20 + 7] = 80;
        rig.ethernet(&last);
        let [(_, [back, _])] = &rig.resets.waiting.iter().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!(back[14 + 20 + 11], 80, "acknowledges the latest");
        assert_eq!(back[6..12], MAC.unwrap());
        assert_eq!(rig.resets.counts, Counts { done: 1, ..Counts::default() });
    }

    #[test]
    fn what_comes_back_is_no_traffic() {
        let mut rig = Rig::new(9);
        rig.ethernet(&seen(40_000, 0x10));
        let pairs: Vec<_> = rig.resets.waiting.drain().map(|(_, pair)| pair).collect();
        for frame in pairs.iter().flatten() {
            rig.ethernet(frame);
        }
        assert_eq!((rig.resets.counts.seen_again, rig.resets.waiting.len()), (2, 0));
        assert_eq!((rig.engine.stats().packets, rig.engine.stats().wire.frames), (1, 1));
    }

    #[test]
    fn a_second_has_a_limit() {
        let mut rig = Rig::new(2);
        for port in 1..=3 {
            rig.ethernet(&seen(port, 0x10));
        }
        assert_eq!((rig.resets.waiting.len(), rig.resets.counts.over_limit), (2, 1));
        rig.resets.waiting.clear();
        rig.resets.left = 0;
        rig.ethernet(&seen(4, 0x10));
        assert_eq!((rig.resets.waiting.len(), rig.resets.counts.over_limit), (0, 2));
        rig.frame(LinkType::Ethernet, &seen(5, 0x10), Time::from_secs(10));
        assert_eq!((rig.resets.waiting.len(), rig.resets.counts.over_limit), (1, 2));
    }

    #[test]
    fn what_resets_can_not_end_is_counted_once() {
        let mut rig = Rig::new(9);
        let cooked = [&[0; 14], &seen(1, 0x10)[12..]].concat();
        for _ in 0..3 {
            rig.frame(LinkType::Sll, &cooked, Time::from_secs(9));
        }
        assert_eq!((rig.resets.waiting.len(), rig.resets.counts.cannot), (0, 1));
        let mut udp = seen(2, 0);
        udp[14 + 9] = proto::UDP;
        rig.ethernet(&udp);
        let orders = rig.engine.orders();
        rig.resets.obey(&orders);
        assert_eq!(rig.resets.counts, Counts { cannot: 2, ..Counts::default() });
    }
}
