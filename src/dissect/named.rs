//! Protocols that are recognised and not read: a name for the session.

use super::{Protocol, Verdict};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};
use crate::wire::proto;

/// Each with the test that knows it by one side's first bytes.
macro_rules! named {
    ($($(#[doc = $doc:literal])+ $NAME:ident = $name:literal, $transport:ident, |$opening:ident| $test:expr;)+) => {
        $($(#[doc = $doc])+
        pub static $NAME: Protocol = Protocol {
            name: $name,
            probe: |$opening| {
                let test = || -> Option<bool> { Some($opening.proto == proto::$transport && $test) };
                if test().unwrap_or(false) { Verdict::Yes } else { Verdict::No }
            },
            datagram: None,
            stream: None,
        };)+
    };
}

named! {
    /// RFC 4253, 4.2
    SSH = "ssh", TCP, |o| o.bytes.starts_with(b"SSH-");
    /// RFC 959: a greeting or a log-in where FTP is at home.
    FTP = "ftp", TCP, |o| o.server_port == 21
        && starts_with_any(o.bytes, &[b"220", b"USER ", b"AUTH ", b"FEAT", b"421", b"QUIT"]);
    /// RFC 5321
    SMTP = "smtp", TCP, |o| matches!(o.server_port, 25 | 465 | 587 | 2525)
        && starts_with_any(o.bytes, &[b"220", b"EHLO ", b"HELO ", b"554", b"421"]);
    /// RFC 1939
    POP3 = "pop3", TCP, |o| o.bytes.starts_with(b"+OK")
        || o.server_port == 110 && starts_with_any(o.bytes, &[b"USER ", b"CAPA", b"APOP ", b"AUTH", b"-ERR", b"STLS"]);
    /// RFC 9051
    IMAP = "imap", TCP, |o| starts_with_any(o.bytes, &[b"* OK", b"* PREAUTH", b"* BYE"]);
    /// Server Message Block, versions 1 to 3, behind four bytes of length.
    SMB = "smb", TCP, |o| matches!(array_at(o.bytes, 4)?, [0xfd..=0xff, b'S', b'M', b'B']);
    /// The handshake of BitTorrent's peers (BEP 3).
    BITTORRENT = "bittorrent", TCP, |o| o.bytes.starts_with(b"\x13BitTorrent protocol");
    /// RTSP and SIP over TCP speak like HTTP (RFC 7826, RFC 3261).
    RTSP = "rtsp", TCP, |o| o.bytes.starts_with(b"RTSP/1.0 ") || first_line_has(o.bytes, b" RTSP/1.0");
    /// RFC 3261 over TCP.
    SIP_TCP = "sip", TCP, |o| is_sip(o.bytes);
    /// RFC 3261
    SIP = "sip", UDP, |o| is_sip(o.bytes);
    /// NetBIOS names look like DNS, but their names are encoded (RFC 1002, 4.2).
    NBNS = "netbios", UDP, |o| o.has_port(137) && o.bytes.len() >= 12;
    /// NetBIOS datagrams (RFC 1002, 4.4).
    NBDGM = "netbios", UDP, |o| o.has_port(138) && matches!(u8_at(o.bytes, 0)?, 0x10..=0x16);
    /// DHCP: BOOTP with the cookie (RFC 2131, 3).
    DHCP = "dhcp", UDP, |o| (o.has_port(67) || o.has_port(68)) && u32_at(o.bytes, 236)? == 0x6382_5363;
    /// RFC 8415, 8 and 9
    DHCPV6 = "dhcp", UDP, |o| (o.has_port(546) || o.has_port(547)) && matches!(u8_at(o.bytes, 0)?, 1..=36);
    /// NTP: versions 1 to 4, a mode that exists (RFC 5905, 7.3).
    NTP = "ntp", UDP, |o| o.has_port(123) && o.bytes.len() >= 12
        && (1..=4).contains(&(u8_at(o.bytes, 0)? >> 3 & 7)) && u8_at(o.bytes, 0)? & 7 != 0;
    /// SNMP: a sequence that begins with version 1, 2c or 3 (RFC 3416).
    SNMP = "snmp", UDP, |o| (o.has_port(161) || o.has_port(162)) && is_snmp(o.bytes)?;
    /// SSDP: HTTP in datagrams, for UPnP.
    SSDP = "ssdp", UDP, |o| starts_with_any(o.bytes, &[b"M-SEARCH * HTTP/1.1", b"NOTIFY * HTTP/1.1"])
        || o.has_port(1900) && o.bytes.starts_with(b"HTTP/1.1 ");
    /// STUN: the cookie, and a length that fits (RFC 8489, 5).
    STUN = "stun", UDP, |o| u32_at(o.bytes, 4)? == 0x2112_a442
        && usize::from(u16_at(o.bytes, 2)?) + 20 == o.bytes.len();
    /// A handshake record of DTLS (RFC 9147, 4).
    DTLS = "dtls", UDP, |o| u8_at(o.bytes, 0)? == 22
        && matches!(u16_at(o.bytes, 1)?, 0xfeff | 0xfefd | 0x0100) && o.bytes.len() >= 13;
    /// TFTP: a request with a mode (RFC 1350, 5).
    TFTP = "tftp", UDP, |o| o.server_port == 69 && matches!(u16_at(o.bytes, 0)?, 1 | 2);
    /// Handshake messages of WireGuard, whose sizes are fixed (its paper, 5.4).
    WIREGUARD = "wireguard", UDP, |o| matches!((array_at(o.bytes, 0)?, o.bytes.len()),
        ([1, 0, 0, 0], 148) | ([2, 0, 0, 0], 92) | ([3, 0, 0, 0], 64));
}

fn starts_with_any(bytes: &[u8], starts: &[&[u8]]) -> bool {
    starts.iter().any(|start| bytes.starts_with(start))
}

fn first_line_has(bytes: &[u8], words: &[u8]) -> bool {
    let line = bytes.iter().take(512).position(|&b| b == b'\r').map_or(&[][..], |end| &bytes[..end]);
    line.ends_with(words)
}

fn is_sip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SIP/2.0 ") || first_line_has(bytes, b" SIP/2.0")
}

fn is_snmp(bytes: &[u8]) -> Option<bool> {
    // BER: a sequence, its length in the short or the long form, an integer.
    let length = usize::from(u8_at(bytes, 1)?);
    let at = if length & 0x80 == 0 { 2 } else { 2 + (length & 0x7f) };
    Some(u8_at(bytes, 0)? == 0x30 && matches!(array_at(bytes, at)?, [0x02, 0x01, 0 | 1 | 3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::{Identity, Opening, Side, identify};

    fn name(transport: u8, server_port: u16, bytes: &[u8]) -> Option<&'static str> {
        let opening =
            Opening { proto: transport, client_port: 40000, server_port, side: Side::Client, bytes };
        match identify(&opening) {
            Identity::Is(protocol) => Some(protocol.name),
            _ => None,
        }
    }

    #[test]
    fn first_bytes_tell_and_ports_only_help() {
        assert_eq!(name(proto::TCP, 4433, &[0x16, 3, 1, 2, 0, 1, 0]), Some("tls"));
        assert_eq!(name(proto::TCP, 8080, b"GET / HTTP/1.1\r\n"), Some("http"));
        assert_eq!(name(proto::TCP, 2222, b"SSH-2.0-OpenSSH_9.2\r\n"), Some("ssh"));
        assert_eq!(name(proto::TCP, 21, b"220 ready\r\n"), Some("ftp"));
        assert_eq!(name(proto::TCP, 25, b"220 mail ESMTP\r\n"), Some("smtp"));
        assert_eq!(name(proto::TCP, 80, b"220 ready\r\n"), None);
        assert_eq!(name(proto::UDP, 5060, b"INVITE sip:a@b SIP/2.0\r\n"), Some("sip"));
        assert_eq!(name(proto::UDP, 161, b"\x30\x26\x02\x01\x01\x04\x06public"), Some("snmp"));
        assert_eq!(name(proto::UDP, 123, &[[0x23].as_slice(), &[0; 47]].concat()), Some("ntp"));
        let stun = b"\0\x01\0\0\x21\x12\xa4\x42123456789012";
        assert_eq!(name(proto::UDP, 9999, stun), Some("stun"));
        assert_eq!(name(proto::UDP, 9999, &stun[..19]), None);
    }

    #[test]
    fn netbios_names_are_not_dns() {
        let query = b"\0\x01\x01\x10\0\x01\0\0\0\0\0\0\x20FIFDFEFCEFEBENFPEIFJCACACACACAAA\0\0\x20\0\x01";
        assert_eq!(name(proto::UDP, 137, query), Some("netbios"));
    }

    #[test]
    fn nothing_panics_on_short_bytes() {
        for port in [21, 25, 53, 67, 69, 110, 123, 137, 138, 161, 443, 546, 1900, 5060] {
            for first in 0..=255 {
                for length in 0..20 {
                    let bytes = vec![first; length];
                    name(proto::UDP, port, &bytes);
                    name(proto::TCP, port, &bytes);
                }
            }
        }
    }
}
