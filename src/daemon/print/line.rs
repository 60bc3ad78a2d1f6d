//! One line for each frame.

use std::fmt::Write;
use std::net::IpAddr;

use super::icmp;
use crate::dissect::dns::push_text;
use crate::record::{Mac, Proto};
use crate::source::Frame;
use crate::time::Time;
use crate::wire::bytes::{array_at, u16_at};
use crate::wire::{Arp, Body, Ip, Link, LinkType, Packet, RawMac, Skip, flag, ports, proto};

/// What the line was made of.
#[derive(Default)]
pub struct Line {
    /// Of both ends, the sender's first.
    pub addresses: Vec<IpAddr>,
    /// The decoder's first packet is the one that the line tells of.
    pub has_packet: bool,
}

/// `2026-11-21 16:34:30.123456`, UTC.
pub fn moment(time: Time) -> String {
    let text = time.to_string().replace('T', " ");
    text.split('+').next().unwrap_or_default().to_owned()
}

/// Appends a line for `frame`.
pub fn of(frame: &Frame<'_>, out: &mut String) -> Line {
    // Writing into a `String` can't fail.
    let _ = write!(out, "{}", moment(frame.time));
    if !frame.iface_name.is_empty() {
        out.push(' ');
        push_text(out, frame.iface_name.as_bytes(), |c| c == ' ');
    }
    let line = match Link::read(frame.kind, frame.bytes) {
        Ok(link) => of_ip(&link, frame, out),
        Err(Skip::NotIp | Skip::Arp(_)) => of_other(frame, out),
        Err(Skip::Malformed) => {
            out.push_str(" malformed");
            Line::default()
        }
    };
    let _ = write!(out, ", {} bytes", frame.on_wire);
    if (frame.bytes.len() as u64) < u64::from(frame.on_wire) {
        let _ = write!(out, ", {} captured", frame.bytes.len());
    }
    out.push('\n');
    line
}

fn of_ip(link: &Link<'_>, frame: &Frame<'_>, out: &mut String) -> Line {
    macs(link.src_mac, link.dst_mac, out);
    if let Some(vlan) = link.vlan {
        let _ = write!(out, " vlan {vlan}");
    }
    let headers = frame.bytes.len().saturating_sub(link.ip.len());
    let on_wire = frame.on_wire.saturating_sub(u32::try_from(headers).unwrap_or(u32::MAX));
    let Some(ip) = Ip::read(link.ip, on_wire) else {
        out.push_str(" malformed IP");
        return Line::default();
    };
    let body = Body::read(ip.proto, ip.payload, ip.cut);
    let has_packet = ip.fragment.is_none();
    match ip.fragment {
        // Ports stand in the first piece only.
        Some(piece) => {
            let _ = write!(out, " {} > {} {}", ip.src, ip.dst, Proto(ip.proto));
            let end = if piece.more { "" } else { ", the last" };
            let _ = write!(out, " piece at {} of datagram {:#x}{end}", piece.offset, piece.id);
        }
        None => ends_and_body(ip.src, ip.dst, ip.proto, &body, out),
    }
    if let (Body::Tcp(_), Some(window)) = (&body, u16_at(ip.payload, 14)) {
        let _ = write!(out, " win {window}");
    }
    let _ = write!(out, " ttl {}", ip.ttl);
    Line { addresses: vec![ip.src, ip.dst], has_packet }
}

/// Appends a line for a packet inside the one before, or put together from pieces.
pub fn inner(packet: &Packet<'_>, out: &mut String) {
    out.push_str("    inside:");
    ends_and_body(packet.src, packet.dst, packet.proto, &packet.body, out);
    let _ = writeln!(out, " ttl {}, {} bytes", packet.ttl, packet.bytes);
}

fn macs(src: Option<RawMac>, dst: Option<RawMac>, out: &mut String) {
    if let Some(src) = src {
        let _ = write!(out, " {}", Mac(src));
    }
    if let Some(dst) = dst {
        let _ = write!(out, " > {}", Mac(dst));
    }
}

fn ends_and_body(src: IpAddr, dst: IpAddr, number: u8, body: &Body<'_>, out: &mut String) {
    let pair = |src_port: u16, dst_port: u16, out: &mut String| {
        let _ = write!(out, " {} > {}", end(src, src_port, number), end(dst, dst_port, number));
    };
    match body {
        Body::Tcp(tcp) => {
            pair(tcp.src_port, tcp.dst_port, out);
            let _ = write!(out, " tcp {} seq {}", flags(tcp.flags), tcp.seq);
            if tcp.flags & flag::ACK != 0 {
                let _ = write!(out, " ack {}", tcp.ack);
            }
            let _ = write!(out, " length {}", tcp.length);
        }
        Body::Udp(udp) => {
            pair(udp.src_port, udp.dst_port, out);
            let _ = write!(out, " udp length {}", udp.length);
        }
        Body::Sctp { src_port, dst_port } => {
            pair(*src_port, *dst_port, out);
            out.push_str(" sctp");
        }
        Body::Icmp(message) => {
            let _ = write!(out, " {src} > {dst} {} {}", Proto(number), icmp::words(number, message));
        }
        Body::Other => {
            let _ = write!(out, " {src} > {dst} {}", Proto(number));
        }
        Body::Broken => {
            let _ = write!(out, " {src} > {dst} {} broken", Proto(number));
        }
    }
}

/// `192.0.2.1:443(https)`, `[2001:db8::1]:443(https)`
pub fn end(address: IpAddr, port: u16, number: u8) -> String {
    let mut text = match address {
        IpAddr::V4(v4) => format!("{v4}:{port}"),
        IpAddr::V6(v6) => format!("[{v6}]:{port}"),
    };
    if let Some(name) = ports::name(number, port) {
        let _ = write!(text, "({name})");
    }
    text
}

/// `SYN,ACK`
fn flags(flags: u8) -> String {
    const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> =
        NAMES.iter().enumerate().filter(|(bit, _)| flags & 1 << bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".into() } else { set.join(",") }
}

/// What is no IP: ARP in words, anything else by its number.
fn of_other(frame: &Frame<'_>, out: &mut String) -> Line {
    let Some((kind, rest)) = behind_tags(frame) else {
        out.push_str(" not IP");
        return Line::default();
    };
    macs(array_at(frame.bytes, 6), array_at(frame.bytes, 0), out);
    const ARP: u16 = 0x0806;
    match Arp::read(rest, None).filter(|_| kind == ARP) {
        Some(arp) => {
            let _ = write!(out, " arp {}", said(&arp));
            Line { addresses: vec![arp.src_ip.into(), arp.dst_ip.into()], has_packet: false }
        }
        None => {
            let name = match kind {
                0..0x0600 => "802.3",
                ARP => "arp, of other addresses",
                0x8863 => "PPPoE discovery",
                0x888e => "EAP over LAN",
                0x88cc => "LLDP",
                0x8899 => "Realtek's loop detection",
                _ => "",
            };
            let _ = write!(out, " type {kind:#06x} {name}");
            out.truncate(out.trim_end().len());
            Line::default()
        }
    }
}

/// The type of an Ethernet frame, behind VLAN tags.
fn behind_tags<'a>(frame: &Frame<'a>) -> Option<(u16, &'a [u8])> {
    if frame.kind != LinkType::Ethernet {
        return None;
    }
    let mut at = 12;
    for _ in 0..4 {
        match u16_at(frame.bytes, at)? {
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            kind => return Some((kind, frame.bytes.get(at + 2..)?)),
        }
    }
    None
}

/// What a message of ARP says.
fn said(arp: &Arp) -> String {
    let Arp { src_ip, dst_ip, .. } = arp;
    let mac = Mac(arp.src_mac);
    match arp.asks {
        true if src_ip == dst_ip => format!("{src_ip} is at {mac}, it announces"),
        true => format!("who has {dst_ip}? tell {src_ip} at {mac}"),
        false => format!("{src_ip} is at {mac}"),
    }
}

/// Whether `packet` has ports, as a conversation needs them.
pub fn has_ports(packet: &Packet<'_>) -> bool {
    matches!(packet.proto, proto::TCP | proto::UDP) && matches!(packet.body, Body::Tcp(_) | Body::Udp(_))
}
