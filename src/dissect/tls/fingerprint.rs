//! JA3, JA3S and JA4: short names for the way a program speaks TLS.
//!
//! Of the JA4+ family only JA4 itself is free (BSD licence); the others are
//! not and stay out.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::{ALPN, SERVER_NAME, Transport};
use crate::dissect::dns::push_number;
use crate::wire::bytes::{hex, push_hex};

/// What a ClientHello offers, in its order and without GREASE (RFC 8701).
#[derive(Default)]
pub struct Offer<'a> {
    /// `legacy_version`
    pub version: u16,
    pub ciphers: Vec<u16>,
    pub extensions: Vec<u16>,
    pub groups: Vec<u16>,
    pub points: &'a [u8],
    pub signatures: Vec<u16>,
    /// Of the extension `supported_versions`.
    pub versions: Vec<u16>,
    /// The first name in the ALPN extension.
    pub alpn: &'a [u8],
}

/// Values that mean nothing, so that nobody relies on a list (RFC 8701, 2).
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The MD5 of five lists in decimal (github.com/salesforce/ja3).
pub fn ja3(offer: &Offer<'_>) -> String {
    let mut text = String::with_capacity(256);
    push_number(&mut text, offer.version.into());
    for list in [&offer.ciphers, &offer.extensions, &offer.groups] {
        text.push(',');
        push_decimal(&mut text, list.iter().copied());
    }
    text.push(',');
    push_decimal(&mut text, offer.points.iter().copied().map(u16::from));
    hex(&Md5::digest(text.as_bytes()))
}

/// The server's: its version, its choice and its extensions.
pub fn ja3s(version: u16, cipher: u16, extensions: &[u16]) -> String {
    let mut text = String::with_capacity(64);
    for number in [version, cipher] {
        push_number(&mut text, number.into());
        text.push(',');
    }
    push_decimal(&mut text, extensions.iter().copied());
    hex(&Md5::digest(text.as_bytes()))
}

/// After github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
pub fn ja4(offer: &Offer<'_>, transport: Transport) -> String {
    let kind = match transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
        Transport::Dtls => 'd',
    };
    let highest = match transport {
        // In DTLS the versions count downwards.
        Transport::Dtls => offer.versions.iter().min(),
        Transport::Tcp | Transport::Quic => offer.versions.iter().max(),
    };
    let version = version_code(*highest.unwrap_or(&offer.version));
    // The extension counts, whatever name is in it.
    let to = if offer.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let [ciphers, extensions] = [&offer.ciphers, &offer.extensions].map(|list| list.len().min(99));
    let [first, last] = alpn_ends(offer.alpn);

    let mut sorted = offer.ciphers.clone();
    sorted.sort_unstable();
    let mut text = String::with_capacity(256);
    push_list(&mut text, &sorted);
    let cipher_hash = short_hash(&text);

    sorted.clone_from(&offer.extensions);
    sorted.retain(|&extension| extension != SERVER_NAME && extension != ALPN);
    sorted.sort_unstable();
    text.clear();
    push_list(&mut text, &sorted);
    if !text.is_empty() && !offer.signatures.is_empty() {
        text.push('_');
        push_list(&mut text, &offer.signatures);
    }
    let extension_hash = short_hash(&text);
    format!("{kind}{version}{to}{ciphers:02}{extensions:02}{first}{last}_{cipher_hash}_{extension_hash}")
}

fn version_code(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the name; of its hexadecimal form, when one of
/// them is no letter or digit.
fn alpn_ends(name: &[u8]) -> [char; 2] {
    match (name.first(), name.last()) {
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [char::from(*first), char::from(*last)]
        }
        (Some(first), Some(last)) => [digit(first >> 4), digit(last & 15)],
        _ => ['0', '0'],
    }
}

/// Twelve digits of SHA-256; zeros for nothing.
fn short_hash(text: &str) -> String {
    match text {
        "" => "0".repeat(12),
        _ => hex(&Sha256::digest(text.as_bytes())[..6]),
    }
}

fn push_decimal(text: &mut String, list: impl Iterator<Item = u16>) {
    for (place, value) in list.enumerate() {
        if place > 0 {
            text.push('-');
        }
        push_number(text, value.into());
    }
}

fn push_list(text: &mut String, list: &[u16]) {
    for (place, value) in list.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        value.to_be_bytes().into_iter().for_each(|byte| push_hex(text, byte));
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, in the order it came in.
    fn example() -> Offer<'static> {
        Offer {
            version: 0x0303,
            ciphers: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            signatures: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            versions: vec![0x0304, 0x0303],
            alpn: b"h2",
            ..Offer::default()
        }
    }

    #[test]
    fn ja4_is_as_its_specification_has_it() {
        let mut offer = example();
        assert_eq!(ja4(&offer, Transport::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(ja4(&offer, Transport::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
        offer.signatures.clear();
        assert_eq!(ja4(&offer, Transport::Tcp), "t13d1516h2_8daaf6152771_6d807ffa2a79");
        offer.extensions = vec![SERVER_NAME, ALPN];
        assert_eq!(ja4(&offer, Transport::Tcp), "t13d1502h2_8daaf6152771_000000000000");
        let nothing = Offer { version: 0x0300, ..Offer::default() };
        assert_eq!(ja4(&nothing, Transport::Tcp), "ts3i000000_000000000000_000000000000");
        let many = Offer { version: 0xfefd, ciphers: vec![1; 120], ..Offer::default() };
        assert!(ja4(&many, Transport::Dtls).starts_with("dd2i990000_"));
    }

    #[test]
    fn ends_of_alpn_are_as_the_specification_lists_them() {
        let ends = |name: &[u8]| alpn_ends(name).iter().collect::<String>();
        assert_eq!(ends(b"http/1.1"), "h1");
        assert_eq!(ends(b""), "00");
        assert_eq!(ends(b"h"), "hh");
        for (name, expected) in [
            (&[0xab][..], "ab"),
            (&[0x20], "20"),
            (&[0xab, 0xcd], "ad"),
            (&[0x20, 0x61], "21"),
            (&[0x30, 0xab], "3b"),
            (&[0x61, 0x20], "60"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ] {
            assert_eq!(ends(name), expected);
        }
    }

    #[test]
    fn ja3_is_as_its_examples_have_it() {
        // Both from the README of JA3.
        let offer = Offer {
            version: 769,
            ciphers: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            points: &[0],
            ..Offer::default()
        };
        assert_eq!(ja3(&offer), "ada70206e40642a3e4461f35503241d5");
        let bare =
            Offer { version: 769, ciphers: vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], ..Offer::default() };
        assert_eq!(ja3(&bare), "de350869b8c85de67a350c8d186f11e6");
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x0b0b));
    }
}
