//! What is worth a mark on a session: DNS that nobody on the way can read, and
//! servers that the device had not asked DNS for.

use crate::rules::starts_of_labels;
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
    /// The hello is encrypted, with the name in it (RFC 9849).
    Ech,
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
            Note::Ech => "ech",
            Note::Unasked => "unasked",
        }
    }
}

/// The port of DNS over TLS and over QUIC.
const DNS_PORT: u16 = 853;

/// Names under which public resolvers answer by HTTPS, as they publish them; in
/// order. Those whose first label says it are not in the list.
#[rustfmt::skip]
const RESOLVERS: &[&str] = &[
    "8888.google", "a.passcloud.xyz", "ada.openbld.net", "adfree.usableprivacy.net", "adl.adfilter.net",
    "ads-doh.securedns.eu", "ahadns.net", "alekberg.net", "anycast.censurfridns.dk", "blahdns.com",
    "blitz.ahadns.com", "canadianshield.cira.ca", "chewbacca.meganerd.nl", "cloudflare-dns.com",
    "cloudflare-gateway.com", "ct1-doh.cipherdns.co.za", "d.adguard-dns.com", "dns-family.adguard.com",
    "dns-gcp.aaflalo.me", "dns-nyc.aaflalo.me", "dns-unfiltered.adguard.com", "dns.18bit.cn",
    "dns.233py.com", "dns.aa.net.uk", "dns.aaflalo.me", "dns.adguard-dns.com", "dns.adguard.com",
    "dns.alidns.com", "dns.arapurayil.com", "dns.artikel10.org", "dns.as212683.net", "dns.bebasid.com",
    "dns.bitdefender.net", "dns.brahma.world", "dns.cfiec.net", "dns.circl.lu", "dns.cloudflare.com",
    "dns.cmrg.net", "dns.comss.one", "dns.containerpi.com", "dns.controld.com", "dns.decloudus.com",
    "dns.digitale-gesellschaft.ch", "dns.digitalsize.net", "dns.dnsguard.pub", "dns.dnshome.de",
    "dns.dnswarden.com", "dns.flatuslifir.is", "dns.google", "dns.google.com", "dns.hostux.net",
    "dns.ipv4dns.com", "dns.ipv6dns.com", "dns.mullvad.net", "dns.neutopia.org", "dns.nextdns.io",
    "dns.njal.la", "dns.opendns.com", "dns.oszx.co", "dns.pumplex.com", "dns.quad9.net", "dns.rubyfish.cn",
    "dns.safesurfer.co.nz", "dns.switch.ch", "dns.t53.de", "dns.therifleman.name",
    "dns.tuna.tsinghua.edu.cn", "dns.twnic.tw", "dns.umbrella.com", "dns0.eu",
    "dns1.digitale-gesellschaft.ch", "dns1.dnscrypt.ca", "dns1.ryan-palmer.com", "dns10.quad9.net",
    "dns11.quad9.net", "dns12.quad9.net", "dns2.digitale-gesellschaft.ch", "dns2.dnscrypt.ca", "dns4all.eu",
    "dns9.quad9.net", "dnsbunker.org", "dnscache.e-utp.net", "dnscry.pt", "dnscrypt.one",
    "dnsforfamily.com", "dnsforge.de", "dnslow.me", "dnsovertls.sinodun.com", "dnsovertls1.sinodun.com",
    "dnspub.restena.lu", "dohtrial.att.net", "dope.snowstorm.love", "dot.360.cn", "dot.bortzmeyer.fr",
    "dot.ffmuc.net", "dot.libredns.gr", "dot.pub", "dot.sb", "dot.seby.io", "dot.securedns.eu",
    "dot.tiar.app", "dot.xfinity.com", "dot1.applied-privacy.net", "ea-dns.rubyfish.cn", "edns.233py.com",
    "family.adguard-dns.com", "fdns1.dismail.de", "fdns2.dismail.de", "fi.doh.dns.snopyta.org",
    "freedns.controld.com", "i.233py.com", "ibksturm.synology.me", "ibuki.cgnat.net", "jarjar.meganerd.nl",
    "jb1-doh.cipherdns.co.za", "jcdns.fun", "joindns4.eu", "jp.gridns.xyz", "jp.tiar.app", "jp.tiarap.org",
    "kaitain.restena.lu", "ndns.233py.com", "ns0.fdn.fr", "ns1.fdn.fr", "odvr.nic.cz", "one.one.one.one",
    "opennic.i2pd.xyz", "ordns.he.net", "pdns.faelix.net", "per.adfilter.net", "pi-dns.com",
    "plan9-dns.com", "plan9-ns2.com", "public.dns.iij.jp", "puredns.org", "query.hdns.io",
    "rdns.faelix.net", "resolver-eu.lelux.fi", "resolver.sunet.se", "resolver4.dns.openinternet.io",
    "rethinkdns.com", "sby-doh.limotelu.org", "sdns.233py.com", "sg.dns.grid.in.th", "sg.gridns.xyz",
    "sg.yepdns.com", "sm2.doh.pub", "snoke.meganerd.nl", "syd.adfilter.net", "uncensoreddns.org",
    "unfiltered.adguard-dns.com", "unicast.censurfridns.dk", "uw-dns.rubyfish.cn", "v.dnscrypt.uk",
    "wdns.233py.com", "wikimedia-dns.org",
];

/// The mark of a session of TLS or QUIC whose client sent `host`.
pub fn of_encrypted(transport: u8, server_port: u16, host: Option<&str>, was_asked: bool) -> Option<Note> {
    match (server_port, transport) {
        (DNS_PORT, proto::TCP) => return Some(Note::Dot),
        (DNS_PORT, proto::UDP) => return Some(Note::Doq),
        _ => {}
    }
    let host = host?;
    if is_resolver(host) {
        return Some(Note::Doh);
    }
    (!was_asked).then_some(Note::Unasked)
}

/// Whether `host` is or lies below a name in the list, or begins with `doh`, as
/// `doh.example`, `doh2.example` and `doh-eu.example` do.
fn is_resolver(host: &str) -> bool {
    let label = host.split(['.', '-']).next().unwrap_or_default();
    let word = label.trim_end_matches(|c: char| c.is_ascii_digit());
    (matches!(word, "doh" | "odoh") && host.contains('.'))
        || starts_of_labels(host).any(|name| RESOLVERS.binary_search(&name).is_ok())
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
        for host in ["doh.example", "doh2.example", "doh-eu.example", "odoh.example", "x.dnscry.pt"] {
            assert_eq!(of(proto::TCP, 443, Some(host), true), Some(Note::Doh), "{host}");
        }
        for host in ["notdns.google", "dohrn.example", "play-doh.example", "doh", "www.doh.example", ""] {
            assert_eq!(of(proto::TCP, 443, Some(host), true), None, "{host}");
        }
        assert_eq!(of(proto::TCP, 443, Some("www.example"), false), Some(Note::Unasked));
        assert_eq!(of(proto::TCP, 443, None, false), None);
    }

    #[test]
    fn resolvers_are_in_order_so_that_they_are_found() {
        assert!(RESOLVERS.is_sorted_by(|one, other| one < other));
    }
}
