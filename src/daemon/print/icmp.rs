//! Messages of ICMP in words (IANA's registries of types and codes).

use std::net::Ipv6Addr;

use crate::record::Proto;
use crate::wire::bytes::array_at;
use crate::wire::{Icmp, Ip, proto};

/// What `message` of the protocol `number` says, and of an error which packet it is
/// about.
pub fn words(number: u8, message: &Icmp<'_>) -> String {
    let Icmp { kind, code, .. } = *message;
    let is_v6 = number == proto::ICMPV6;
    let words = if is_v6 { of_v6(kind, code) } else { of_v4(kind, code) };
    let is_echo = if is_v6 { matches!(kind, 128 | 129) } else { matches!(kind, 0 | 8 | 13..=18) };
    let is_error = if is_v6 { kind < 128 } else { matches!(kind, 3 | 4 | 5 | 11 | 12) };
    match words {
        "" => format!("type {kind} code {code}"),
        _ if is_echo => format!("{words} id {}", message.id),
        _ if is_error => format!("{words}{}", about(message.payload)),
        _ if is_v6 && matches!(kind, 135 | 136) => match array_at::<16>(message.payload, 0) {
            Some(target) => format!("{words} {}", Ipv6Addr::from(target)),
            None => words.into(),
        },
        _ => words.into(),
    }
}

/// The packet that an error quotes.
fn about(quoted: &[u8]) -> String {
    let length = u32::try_from(quoted.len()).unwrap_or(u32::MAX);
    match Ip::read(quoted, length) {
        Some(ip) => format!(", of {} > {} {}", ip.src, ip.dst, Proto(ip.proto)),
        None => String::new(),
    }
}

fn of_v4(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "too large, and may not be cut",
        (3, 5) => "source route failed",
        (3, 6) => "network unknown",
        (3, 7) => "host unknown",
        (3, 9) => "network forbidden",
        (3, 10) => "host forbidden",
        (3, 13) => "forbidden by a filter",
        (3, _) => "unreachable",
        (4, _) => "source quench",
        (5, 0 | 2) => "redirect for the network",
        (5, _) => "redirect for the host",
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, 1) => "pieces did not come in time",
        (11, _) => "time to live is over",
        (12, _) => "parameter problem",
        (13, _) => "timestamp request",
        (14, _) => "timestamp reply",
        (17, _) => "address mask request",
        (18, _) => "address mask reply",
        _ => "",
    }
}

fn of_v6(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "forbidden by a filter",
        (1, 2) => "beyond the scope of the source",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 5) => "source address failed a policy",
        (1, 6) => "route is rejected",
        (1, _) => "unreachable",
        (2, _) => "packet too large",
        (3, 1) => "pieces did not come in time",
        (3, _) => "hop limit is over",
        (4, _) => "parameter problem",
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (130, _) => "who listens to groups?",
        (131 | 143, _) => "listens to groups",
        (132, _) => "listens no more",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => "who has",
        (136, _) => "has",
        (137, _) => "redirect",
        _ => "",
    }
}
