//! What is worth a mark on a session: DNS that nobody on the way can read, and
//! servers that the device had not asked DNS for.

use crate::wire::proto;

/// A mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// DNS over HTTPS (RFC 8484), to a server that is known for it.
    Doh,
    /// DNS over TLS (RFC 7858).
    Dot,
    /// DNS over QUIC (RFC 9250).
    Doq,
    /// The client named a server that this device had not asked DNS for.
    Unasked,
}

impl Note {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            Note::Doh => "doh",
            Note::Dot => "dot",
            Note::Doq => "doq",
            Note::Unasked => "unasked",
        }
    }
}

/// The port of DNS over TLS and over QUIC.
const DNS_PORT: u16 = 853;

/// Names under which public resolvers answer by HTTPS, as they publish them.
const RESOLVERS: &[&str] = &[
    "dns.google",
    "dns64.dns.google",
    "cloudflare-dns.com",
    "one.one.one.one",
    "dns.quad9.net",
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "doh.opendns.com",
    "doh.familyshield.opendns.com",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "doh.cleanbrowsing.org",
    "dns.nextdns.io",
    "doh.dns.apple.com",
    "doh.xfinity.com",
    "dns.alidns.com",
    "doh.pub",
    "dot.pub",
    "doh.360.cn",
    "dot.360.cn",
    "dns.mullvad.net",
    "dns0.eu",
    "freedns.controld.com",
    "dns.controld.com",
    "doh.dns.sb",
    "dns.twnic.tw",
    "doh.libredns.gr",
    "dns.switch.ch",
    "odvr.nic.cz",
];

/// The mark of a session of TLS or QUIC whose client sent `host`.
pub fn of_encrypted(transport: u8, server_port: u16, host: Option<&str>, was_asked: bool) -> Option<Note> {
    match (server_port, transport) {
        (DNS_PORT, proto::TCP) => return Some(Note::Dot),
        (DNS_PORT, proto::UDP) => return Some(Note::Doq),
        _ => {}
    }
    let host = host?;
    if RESOLVERS.iter().any(|resolver| is_below(host, resolver)) {
        return Some(Note::Doh);
    }
    (!was_asked).then_some(Note::Unasked)
}

/// Whether `host` is `domain` or ends with a dot and `domain`.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_dns_is_told_by_port_and_by_name() {
        let of = of_encrypted;
        assert_eq!(of(proto::TCP, 853, None, false), Some(Note::Dot));
        assert_eq!(of(proto::UDP, 853, Some("x.example"), true), Some(Note::Doq));
        assert_eq!(of(proto::TCP, 443, Some("dns.google"), true), Some(Note::Doh));
        assert_eq!(of(proto::UDP, 443, Some("mozilla.cloudflare-dns.com"), true), Some(Note::Doh));
        assert_eq!(of(proto::TCP, 443, Some("notdns.google"), true), None);
        assert_eq!(of(proto::TCP, 443, Some("www.example"), false), Some(Note::Unasked));
        assert_eq!(of(proto::TCP, 443, None, false), None);
    }
}
