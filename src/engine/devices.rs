//! Whose traffic it is.
//!
//! In a LAN a MAC address is a better name for a thing than its addresses,
//! which change and, in IPv6, are many. But the MAC address of a router stands
//! for everything behind it. It gives itself away: the frames of one thing
//! carry few networks, those of a router many.

use std::net::IpAddr;
use std::time::Duration;

use super::identity::Known;
use super::key::is_group;
use super::os::By;
use crate::dissect::about::NameSource;
use crate::record::{Device, Mac, Record, Thing};
use crate::table::Table;
use crate::time::Time;
use crate::wire::RawMac;

/// A thing has a network of IPv4, two or three of IPv6 and link-local ones.
const MAX_NETWORKS: usize = 8;

/// A router has an address of its own in each network that it serves, of IPv4
/// and link-local; whoever has more local ones passes on those of others.
const MAX_OWN: usize = 6;

/// Forgotten after a day of silence.
const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// A device's row is written again when it was seen this long after.
const REFRESH: Duration = Duration::from_secs(600);

/// New devices are written at once, but no more than this many a minute: an
/// address scan must not write a row for each packet.
const AT_ONCE: u32 = 16;

/// Rows that wait for the minute's end.
const MAX_WAITING: usize = 1_000;

/// What is known of the MAC addresses and the things in the LAN.
pub struct Devices {
    neighbours: Table<RawMac, Neighbour, 1>,
    pub(super) things: Table<Device, State, 1>,
    pub(super) known: Known,
    /// Rows that are written when the minute is over.
    waiting: Vec<Record>,
    written_at_once: u32,
}

#[derive(Default)]
struct Neighbour {
    networks: Vec<u64>,
    global_v4: Option<u64>,
    is_router: bool,
    /// Addresses of the site that it was seen with; none once there are more
    /// than a single thing has.
    own: Option<Vec<IpAddr>>,
}

/// One of them.
pub struct State {
    pub(super) row: Thing,
    /// What its name comes from…
    pub(super) named_by: Option<NameSource>,
    /// …and what the guess at what it runs.
    pub(super) guessed_by: Option<By>,
    /// Its maker was looked for.
    pub(super) has_looked: bool,
    /// When its row was written; never before it was.
    written: Time,
    /// Something came in that the row in the database does not have.
    pub(super) changed: bool,
}

impl Devices {
    pub fn new(limit: usize) -> Devices {
        Devices {
            neighbours: Table::new(limit, [TIMEOUT]),
            things: Table::new(limit, [TIMEOUT]),
            known: Known::new(limit, TIMEOUT),
            waiting: Vec::new(),
            written_at_once: 0,
        }
    }

    pub fn resize(&mut self, limit: usize) {
        self.neighbours.resize(limit, [TIMEOUT], |_, _| {});
        self.known.resize(limit, TIMEOUT);
        let waiting = &mut self.waiting;
        self.things.resize(limit, [TIMEOUT], |_, state| waiting.extend(state.news()));
    }

    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// A frame showed `address` behind `mac`.
    pub fn learn(&mut self, mac: Option<RawMac>, address: IpAddr, now: Time) {
        let Some(mac) = mac.filter(is_unicast) else { return };
        if address.is_unspecified() || is_group(address) {
            return;
        }
        let slot = match self.neighbours.find(&mac) {
            Some(slot) => {
                self.neighbours.touch(slot, 0, now);
                slot
            }
            None => {
                let neighbour = Neighbour { own: Some(Vec::new()), ..Neighbour::default() };
                self.neighbours.insert(mac, 0, now, neighbour).0
            }
        };
        if let Some((_, neighbour)) = self.neighbours.get_mut(slot) {
            neighbour.learn(address);
        }
    }

    /// The device at `address`, whose frames come from `mac`.
    pub fn name(&self, mac: Option<RawMac>, address: IpAddr) -> Device {
        let is_its_own = |mac: &RawMac| {
            let Some(neighbour) = self.neighbour(mac) else { return true };
            let own = neighbour.own.as_ref().is_some_and(|own| own.contains(&address));
            !neighbour.is_router || own
        };
        match mac.filter(|mac| is_unicast(mac) && !is_group(address) && is_its_own(mac)) {
            Some(mac) => Device::Mac(Mac(mac)),
            None => Device::Ip(address),
        }
    }

    /// The device that used `address` last, where that is known.
    pub fn at(&self, address: IpAddr) -> Option<Device> {
        let rows = self.things.slots().filter_map(|slot| self.things.get(slot).map(|state| &state.row));
        let mut found = rows.filter(|row| row.ipv4 == Some(address) || row.ipv6 == Some(address));
        found.next().map(|row| row.device)
    }

    fn neighbour(&self, mac: &RawMac) -> Option<&Neighbour> {
        self.neighbours.get(self.neighbours.find(mac)?)
    }

    fn is_router(&self, mac: &RawMac) -> bool {
        self.neighbour(mac).is_some_and(|neighbour| neighbour.is_router)
    }

    /// Which of two sides is the LAN's: `true` for the second. The one that
    /// began is, unless only the other has a local address, or only the other
    /// is not behind a router.
    pub fn second_is_ours(&self, first: (Option<RawMac>, IpAddr), second: (Option<RawMac>, IpAddr)) -> bool {
        let routed = |mac: Option<RawMac>| mac.is_none_or(|mac| self.is_router(&mac));
        match (is_local(first.1), is_local(second.1)) {
            (true, _) => false,
            (false, true) => !is_group(second.1),
            (false, false) => routed(first.0) && !routed(second.0) && !is_group(second.1),
        }
    }

    /// `device` was seen at `address`; `true` where it was not known.
    pub fn seen(
        &mut self,
        device: Device,
        mac: Option<RawMac>,
        address: IpAddr,
        now: Time,
        out: &mut Vec<Record>,
    ) -> bool {
        let known = self.things.find(&device);
        let slot = match known {
            Some(slot) => {
                self.things.touch(slot, 0, now);
                slot
            }
            None => {
                let mut state = State::new(device, now);
                self.known.describe(&mut state);
                let (slot, gone) = self.things.insert(device, 0, now, state);
                self.waiting.extend(gone.and_then(|(_, state)| state.news()));
                slot
            }
        };
        let Some((_, state)) = self.things.get_mut(slot) else { return false };
        state.row.last = state.row.last.max(now);
        if let Device::Mac(_) = device {
            state.row.mac = mac.map(Mac);
        }
        let field = if address.is_ipv4() { &mut state.row.ipv4 } else { &mut state.row.ipv6 };
        // Link-local addresses of IPv6 say nothing once there is another. Who asks DHCP
        // for its first one has none.
        let better = !address.is_unspecified() && (field.is_none() || !is_link_local(address));
        if better && field.replace(address) != Some(address) {
            state.changed = true;
        }
        if state.written == Time::ZERO && self.written_at_once < AT_ONCE {
            self.written_at_once += 1;
            state.written = now;
            state.changed = false;
            out.push(state.row.clone().into());
        }
        if self.waiting.len() > MAX_WAITING {
            out.append(&mut self.waiting);
        }
        known.is_none()
    }

    /// The minute is over: writes what is new in it, and now and then that a
    /// device is still there.
    pub fn report(&mut self, now: Time, out: &mut Vec<Record>) {
        self.written_at_once = 0;
        out.append(&mut self.waiting);
        for (_, state) in self.things.iter_mut() {
            let again = state.row.last.since(state.written) >= REFRESH;
            if state.changed || again {
                state.written = now;
                state.changed = false;
                out.push(state.row.clone().into());
            }
        }
        self.describe_waiting();
    }

    /// Lets go of what was silent for long.
    pub fn expire(&mut self, now: Time) {
        while self.neighbours.expire(now).is_some() {}
        self.known.expire(now);
        while let Some((_, state)) = self.things.expire(now) {
            self.waiting.extend(state.news());
        }
    }

    /// Writes every row that the database does not have as it is.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        self.describe_waiting();
        out.append(&mut self.waiting);
        while let Some((_, state)) = self.things.pop() {
            out.extend(state.news());
        }
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.neighbours.step(from, to);
        self.things.step(from, to);
        self.known.step(from, to);
    }
}

impl State {
    fn new(device: Device, now: Time) -> State {
        let row = Thing {
            device,
            mac: None,
            ipv4: None,
            ipv6: None,
            vendor: None,
            name: None,
            name_source: None,
            os: None,
            os_source: None,
            kind: None,
            is_random: None,
            merge_with: None,
            first: now,
            last: now,
        };
        State { row, named_by: None, guessed_by: None, has_looked: false, written: Time::ZERO, changed: true }
    }

    /// Its row, when the database does not have it as it is.
    fn news(self) -> Option<Record> {
        (self.changed || self.row.last > self.written).then(|| self.row.into())
    }
}

impl Neighbour {
    fn learn(&mut self, address: IpAddr) {
        if let Some(own) = self.own.as_mut().filter(|own| is_local(address) && !own.contains(&address)) {
            own.push(address);
            if own.len() > MAX_OWN {
                self.own = None;
            }
        }
        if self.is_router {
            return;
        }
        let network = network_of(address);
        // Nothing in a LAN sends from two public networks of IPv4 but its router.
        if address.is_ipv4() && !is_local(address) && *self.global_v4.get_or_insert(network) != network {
            self.is_router = true;
        }
        if !self.networks.contains(&network) {
            self.networks.push(network);
            self.is_router |= self.networks.len() > MAX_NETWORKS;
        }
        if self.is_router {
            self.networks = Vec::new();
        }
    }
}

/// The /24 of IPv4, the /64 of IPv6.
fn network_of(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    }
}

fn is_unicast(mac: &RawMac) -> bool {
    mac[0] & 1 == 0
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Addresses that are only used within a site (RFC 1918, 3927, 4193, 4291).
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xfe00 == 0xfc00 || is_link_local(address) || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
