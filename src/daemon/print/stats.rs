//! `--stats`: what each address sent and got, minute by minute.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

use super::line::moment;
use crate::dissect::dns::push_text;
use crate::places::Places;
use crate::time::Time;
use crate::wire::{Packet, ports};

/// Addresses in one minute; what others move is one line together.
const MAX_ADDRESSES: usize = 4_096;

/// Lines of one minute.
const MAX_LINES: usize = 50;

/// Services of one address that are told apart.
const MAX_SERVICES: usize = 8;

pub struct Stats {
    places: Places,
    minute: Option<Time>,
    addresses: HashMap<IpAddr, Counts>,
    others: Counts,
}

#[derive(Default)]
struct Counts {
    /// To the address, and from it.
    packets: [u64; 2],
    bytes: [u64; 2],
    /// Bytes by protocol and port.
    services: Vec<((u8, u16), u64)>,
}

impl Counts {
    fn add(&mut self, way: usize, packet: &Packet<'_>, service: Option<(u8, u16)>) {
        self.packets[way] += u64::from(packet.packets);
        self.bytes[way] += u64::from(packet.bytes);
        let Some(service) = service else { return };
        let bytes = u64::from(packet.bytes);
        if let Some((_, known)) = self.services.iter_mut().find(|(known, _)| *known == service) {
            *known += bytes;
        } else if self.services.len() < MAX_SERVICES {
            self.services.push((service, bytes));
        }
    }

    /// The service that moved most.
    fn service(&self) -> String {
        let most = self.services.iter().max_by_key(|(_, bytes)| *bytes);
        let named = |(number, port): (u8, u16)| {
            let over = if number == 6 { "tcp" } else { "udp" };
            ports::name(number, port).map_or_else(|| format!("{over} {port}"), str::to_owned)
        };
        most.map_or_else(|| "-".into(), |(service, _)| named(*service))
    }
}

/// The side of `packet` with a port that has a name, otherwise with the lower one.
fn service_of(packet: &Packet<'_>) -> Option<(u8, u16)> {
    let (Some(src), Some(dst)) = super::ports(packet) else { return None };
    let named = [dst, src].into_iter().find(|port| ports::name(packet.proto, *port).is_some());
    Some((packet.proto, named.unwrap_or(src.min(dst))))
}

impl Stats {
    pub fn new(places: Places) -> Stats {
        Stats { places, minute: None, addresses: HashMap::new(), others: Counts::default() }
    }

    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut String) {
        // What a tunnel carries is counted there.
        if packet.carries.is_some() {
            return;
        }
        let minute = packet.span.last.minute();
        if self.minute.is_some_and(|before| before != minute) {
            self.finish(out);
        }
        self.minute = Some(minute);
        let service = service_of(packet);
        for (way, address) in [(0, packet.dst), (1, packet.src)] {
            let is_known = self.addresses.len() < MAX_ADDRESSES || self.addresses.contains_key(&address);
            let counts = if is_known { self.addresses.entry(address).or_default() } else { &mut self.others };
            counts.add(way, packet, service);
        }
    }

    /// Appends the table of the minute that is over.
    pub fn finish(&mut self, out: &mut String) {
        let Some(minute) = self.minute.take() else { return };
        let mut all: Vec<_> = self.addresses.drain().collect();
        all.sort_by_key(|(address, counts)| (Reverse(counts.bytes[0] + counts.bytes[1]), *address));
        let time = moment(minute);
        // Writing into a `String` can't fail.
        let _ = writeln!(out, "{} {} addresses", time.get(..16).unwrap_or(&time), all.len());
        let heads = ["packets in", "packets out", "bytes in", "bytes out"];
        let _ = writeln!(
            out,
            "  {:39} {:>12} {:>12} {:>14} {:>14} {:16} place",
            "address", heads[0], heads[1], heads[2], heads[3], "service"
        );
        let beyond = all.split_off(all.len().min(MAX_LINES));
        for (address, counts) in &all {
            let place = self.place(*address, minute);
            row(&address.to_string(), counts, &counts.service(), &place, out);
        }
        let mut others = std::mem::take(&mut self.others);
        for (_, counts) in beyond {
            for way in [0, 1] {
                others.packets[way] += counts.packets[way];
                others.bytes[way] += counts.bytes[way];
            }
        }
        if others.packets != [0, 0] {
            row("others", &others, "-", "", out);
        }
    }

    fn place(&mut self, address: IpAddr, now: Time) -> String {
        let place = self.places.of(address, now);
        let mut text = place.country.map_or_else(String::new, |country| country.as_str().into());
        if let Some(number) = place.asn {
            let _ = write!(text, " AS{number}");
        }
        if let Some(owner) = &place.owner {
            text.push(' ');
            push_text(&mut text, owner.as_bytes(), |_| false);
        }
        text
    }
}

fn row(name: &str, counts: &Counts, service: &str, place: &str, out: &mut String) {
    let ([packets_in, packets_out], [bytes_in, bytes_out]) = (counts.packets, counts.bytes);
    let start = out.len();
    let _ = write!(
        out,
        "  {name:39} {packets_in:>12} {packets_out:>12} {bytes_in:>14} {bytes_out:>14} {service:16} {place}"
    );
    let length = out[start..].trim_end().len();
    out.truncate(start + length);
    out.push('\n');
}
