//! Packets that come by the thousand: new connections, UDP and ICMP to one host,
//! ARP from one.

use std::net::IpAddr;
use std::time::Duration;

use super::attempts::octets;
use super::coarse::{Coarse, id_of};
use super::{Alerts, Draft, Kind, Subject, name, severity};
use crate::record::{Device, Mac, Record, seed};
use crate::table::Table;
use crate::time::Time;
use crate::wire::RawMac;

/// Hosts that are counted at once, for a minute.
const MAX_HOSTS: usize = 2_048;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flood {
    /// Connections that are opened.
    Syn,
    /// Packets that are not answered.
    Udp,
    Icmp,
    Arp,
}

impl Flood {
    fn what(self) -> (&'static str, &'static str) {
        match self {
            Flood::Syn => ("syn", "connections are opened"),
            Flood::Udp => ("udp", "unanswered packets of UDP are sent"),
            Flood::Icmp => ("icmp", "packets of ICMP are sent"),
            Flood::Arp => ("arp", "frames of ARP are sent"),
        }
    }
}

/// Packets of each host in one minute. Half of what makes a flood is counted coarsely,
/// the rest for each host by itself, which few come to.
pub struct Floods {
    coarse: Coarse,
    exact: Table<(Flood, u64), (Time, u64), 1>,
}

impl Default for Floods {
    fn default() -> Floods {
        Floods { coarse: Coarse::default(), exact: Table::new(MAX_HOSTS, [MINUTE]) }
    }
}

impl Floods {
    /// Counts `packets` for the host `id` in the minute of `now`; how many it has
    /// then, where that is at least `rate` a second.
    fn count(&mut self, key: (Flood, u64), packets: u64, rate: u32, now: Time) -> Option<u64> {
        if rate == 0 {
            return None;
        }
        let (minute, flood) = (now.minute(), u64::from(rate) * 60);
        let (half, (kind, id)) = (flood / 2, key);
        let over = self.coarse.count(id.wrapping_add(kind as u64), packets, minute).checked_sub(half + 1)?;
        let slot = match self.exact.find(&key) {
            Some(slot) => slot,
            None => self.exact.insert(key, 0, now, (minute, half)).0,
        };
        let (_, (counted, count)) = self.exact.get_mut(slot)?;
        if *counted != minute {
            (*counted, *count) = (minute, half);
        }
        *count += packets.min(over + 1);
        let count = *count;
        self.exact.touch(slot, 0, now);
        (count >= flood).then_some(count)
    }
}

impl Alerts {
    /// `packets` went to `to`, in the session of `device` with `from`.
    pub fn sent(
        &mut self,
        flood: Flood,
        packets: u64,
        (from, to): (IpAddr, IpAddr),
        device: Device,
        now: Time,
        out: &mut Vec<Record>,
    ) {
        if !self.options.enabled {
            return;
        }
        let rate = match flood {
            Flood::Syn => self.options.syn_rate,
            Flood::Udp => self.options.udp_rate,
            Flood::Icmp => self.options.icmp_rate,
            Flood::Arp => self.options.arp_rate,
        };
        let Some(count) = self.flood.count((flood, id_of(to)), packets, rate, now) else { return };
        let (what, words) = flood.what();
        let draft = || Draft {
            severity: severity::GRAVE,
            src: Some(from),
            dst: Some(to),
            what: name(what),
            text: format!("{count} {words} to {to} within a minute, the latest from {from}"),
            ..Draft::default()
        };
        let about = seed([what.as_bytes(), &octets(to)]);
        self.raise(Subject { kind: Kind::Flood, device: Some(device), about }, now, draft, out);
    }

    /// A frame of ARP came from `mac`.
    pub fn arp(&mut self, mac: RawMac, now: Time, out: &mut Vec<Record>) {
        if !self.options.enabled {
            return;
        }
        let about = seed([&mac[..]]);
        let Some(count) = self.flood.count((Flood::Arp, about), 1, self.options.arp_rate, now) else {
            return;
        };
        let (mac, (what, words)) = (Mac(mac), Flood::Arp.what());
        let draft = || Draft {
            severity: severity::LOOK,
            what: name(what),
            text: format!("{count} {words} by {mac} within a minute"),
            ..Draft::default()
        };
        let device = Some(Device::Mac(mac));
        self.raise(Subject { kind: Kind::Flood, device, about }, now, draft, out);
    }
}
