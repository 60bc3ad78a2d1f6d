//! Protocols that are recognised and not read: a name for the session.
//!
//! A test asks for two facts that do not hang together, or for a mark that
//! chance does not write. Where the bytes tell less, the port has to help.

use crate::wire::bytes::array_at;

/// Each with the test that knows it by one side's first bytes.
macro_rules! named {
    ($($(#[doc = $doc:literal])+ $NAME:ident = $name:literal, $transport:ident, |$opening:ident| $test:expr;)+) => {
        $($(#[doc = $doc])+
        pub static $NAME: $crate::dissect::Protocol = $crate::dissect::Protocol {
            over: &[$crate::wire::proto::$transport],
            name: $name,
            probe: |$opening| {
                let test = || -> Option<bool> { Some($test) };
                if test().unwrap_or(false) { $crate::dissect::Verdict::Yes } else { $crate::dissect::Verdict::No }
            },
            datagram: None,
            stream: None,
        };)+
    };
}

pub mod data;
pub mod industry;
pub mod media;
pub mod net;
pub mod text;

fn starts_with_any(bytes: &[u8], starts: &[&[u8]]) -> bool {
    starts.iter().any(|start| bytes.starts_with(start))
}

/// Bytes of a beginning that are searched for a word.
const MAX_SEARCHED: usize = 512;

fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.iter().take(MAX_SEARCHED).position(|&byte| byte == b'\r' || byte == b'\n');
    bytes.get(..line.unwrap_or(bytes.len().min(MAX_SEARCHED))).unwrap_or_default()
}

fn first_line_has(bytes: &[u8], end: &[u8]) -> bool {
    first_line(bytes).ends_with(end)
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.get(..MAX_SEARCHED).unwrap_or(bytes).windows(word.len()).any(|window| window == word)
}

fn holds_any_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn le16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(array_at(bytes, at)?))
}

fn le32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(array_at(bytes, at)?))
}

#[cfg(test)]
mod tests {
    use crate::dissect::{Identity, Opening, Side, identify};
    use crate::wire::proto;

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
        let initial = [&[0xc3, 0, 0, 0, 1][..], &[0; 1_195]].concat();
        assert_eq!(name(proto::UDP, 443, &initial), Some("quic"));
        assert_eq!(name(proto::UDP, 443, &initial[..100]), None);
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
