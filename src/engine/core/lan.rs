//! What LANs are run by: ARP, neighbour discovery, and what ICMP says of others'
//! packets.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::Core;
use crate::dissect::about::Clue;
use crate::engine::devices::is_local;
use crate::engine::icmp::{self, About, Message};
use crate::engine::key::{Key, sent_by_server};
use crate::engine::notices::Notice;
use crate::engine::os::{self, By};
use crate::engine::vendors::Vendors;
use crate::record::{Device, Mac};
use crate::table::Slot;
use crate::time::Time;
use crate::wire::bytes::array_at;
use crate::wire::{Arp, Body, Icmp, Packet, RawMac, flag, option, quoted};

/// Neighbour discovery never passes a router: who sends it is near (RFC 4861, 7.1).
const NEVER_FORWARDED: u8 = 255;

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

impl Core {
    pub fn set_vendors(&mut self, vendors: Option<Arc<Vendors>>) {
        self.devices.set_vendors(vendors);
    }

    pub fn set_leases(&mut self, leases: Vec<(Mac, Arc<str>)>) {
        self.devices.set_leases(leases);
    }

    /// `device` begins a session with `packet`, which no router has counted down if
    /// the frame is its own.
    #[inline]
    pub(super) fn guess_by_ttl(&mut self, device: Device, packet: &Packet<'_>) {
        if matches!(packet.body, Body::Tcp(tcp) if tcp.flags & (flag::SYN | flag::ACK) == flag::SYN)
            && matches!(device, Device::Mac(_))
        {
            self.devices.guess_os(device, By::Ttl, os::by_ttl(packet.ttl));
        }
    }

    /// Takes in one message of ARP, which came at `time`.
    pub fn arp(&mut self, time: Time, arp: &Arp) {
        let is_group = arp.src_mac[0] & 1 == 1;
        if !is_group && let Some(known) = self.claims.claim(arp, self.now) {
            let (address, claims) = (arp.src_ip.into(), Mac(arp.src_mac));
            self.notices.push(Notice::ArpConflict { time, address, known, claims });
        }
        self.neighbour(arp.src_mac, arp.src_ip.into(), time);
        if self.options.details {
            self.out.extend(self.claims.row(arp, time, self.now));
        }
    }

    /// `mac` says that it has `address`.
    fn neighbour(&mut self, mac: RawMac, address: IpAddr, time: Time) {
        if mac[0] & 1 == 1 || !is_near(address) {
            return;
        }
        self.devices.learn(Some(mac), address, self.now);
        let device = self.devices.name(Some(mac), address);
        // What a router answers for in another's place says nothing of that.
        if device == Device::Mac(Mac(mac)) {
            self.seen(device, Some(mac), address, time);
        }
    }

    /// Takes in a message of ICMP in the session at `slot`.
    pub(super) fn icmp(&mut self, slot: Slot, packet: &Packet<'_>, icmp: &Icmp<'_>) {
        let device = self.sessions.get(slot).map(|session| session.device);
        if let Some(device) = device {
            self.error(device, packet, icmp);
        }
    }

    /// Takes in a message of ICMP that has no session.
    pub(super) fn between_neighbours(&mut self, packet: &Packet<'_>, icmp: &Icmp<'_>) {
        if packet.ttl == NEVER_FORWARDED
            && let Some((mac, address)) = claimed(packet, icmp)
        {
            self.neighbour(mac, address.into(), packet.span.last);
            if icmp.kind == ROUTER_ADVERTISEMENT {
                self.devices.tell(Device::Mac(Mac(mac)), Clue::Kind("router"), self.now);
            }
        }
        let device = self.devices.name(packet.dst_mac, packet.dst);
        self.error(device, packet, icmp);
    }

    /// Makes a row of what `packet` says of another, to a session of which it may
    /// belong. Where that is not known it is about `device`.
    fn error(&mut self, device: Device, packet: &Packet<'_>, icmp: &Icmp<'_>) {
        if !self.options.details {
            return;
        }
        let Some(meaning) = icmp::meaning(packet.proto, icmp.kind, icmp.code) else { return };
        let about = quoted(packet.proto, icmp).and_then(|quoted| self.about(&quoted));
        let slot = about.and_then(|about| self.sessions.find(&about.key));
        // It is told to who sent what it speaks of.
        let told = is_local(packet.dst).then(|| self.devices.name(packet.dst_mac, packet.dst));
        let session = slot.and_then(|slot| self.sessions.get(slot));
        let device = session.map(|session| session.device).or(told).unwrap_or(device);
        let Packet { proto, src, dst, .. } = *packet;
        let message = Message { time: packet.span.last, proto, src, dst, device, icmp, about };
        self.errors.add(&message, meaning, self.now, &mut self.out);
    }

    /// The session that `quoted` belongs to. Its row has its id from here on.
    fn about(&mut self, quoted: &Packet<'_>) -> Option<About> {
        let (key, from) = Key::of(quoted)?;
        let client = if sent_by_server(quoted) { from.other() } else { from };
        let slot = self.sessions.find(&key);
        let Some((_, session)) = slot.and_then(|slot| self.sessions.get_mut(slot)) else {
            return Some(About { key, client, session: None });
        };
        let id = *session.id.get_or_insert_with(|| self.ids.next(self.now, key.seed()));
        Some(About { key, client: session.client, session: Some(id) })
    }
}

/// Whether an address in what neighbours say of themselves is one of this network.
fn is_near(address: IpAddr) -> bool {
    is_local(address) || address.is_ipv6() && !address.is_multicast() && !address.is_unspecified()
}

/// Who has which address by a message of neighbour discovery (RFC 4861, 4.1 to 4.4):
/// the frame's sender its own, or whom it speaks for.
fn claimed(packet: &Packet<'_>, icmp: &Icmp<'_>) -> Option<(RawMac, Ipv6Addr)> {
    const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
    let IpAddr::V6(src) = packet.src else { return None };
    match icmp.kind {
        ROUTER_SOLICITATION | ROUTER_ADVERTISEMENT | NEIGHBOUR_SOLICITATION => Some((packet.src_mac?, src)),
        NEIGHBOUR_ADVERTISEMENT => {
            let target = array_at::<16>(icmp.payload, 0)?;
            let mac = option(icmp.payload.get(16..)?, TARGET_LINK_LAYER_ADDRESS);
            Some((mac.and_then(|mac| array_at(mac, 0)).or(packet.src_mac)?, target.into()))
        }
        _ => None,
    }
}
