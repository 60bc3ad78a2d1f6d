//! The certificate that a server shows before TLS 1.3 (RFC 5246, 7.4.2), as
//! far as people ask for it (RFC 5280, 4.1).
//!
//! The crate der takes the encoding apart. One level above it stand parsers
//! that refuse the certificates routers and cameras have.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{DateTime, Decode, Reader, SliceReader, Tag, Tagged};
use sha1::{Digest, Sha1};

use super::fields::Fields;
use crate::dissect::dns::push_text;
use crate::time::Time;
use crate::wire::bytes::{array_at, hex, push_hex};

/// The longest subject or issuer that is put into words.
const MAX_NAME: usize = 4_096;

/// Names in one certificate that are kept; large hosters fill hundreds.
const MAX_NAMES: usize = 256;

/// Longer serial numbers than any (RFC 5280, 4.1.2.2, says 20).
const MAX_SERIAL: usize = 64;

const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");

/// What stands for the attributes of names, as in Suricata's EVE.
#[rustfmt::skip]
static ATTRIBUTES: [(ObjectIdentifier, &str); 24] = [
    (oid("2.5.4.3"), "CN"), (oid("2.5.4.6"), "C"), (oid("2.5.4.7"), "L"), (oid("2.5.4.8"), "ST"),
    (oid("2.5.4.10"), "O"), (oid("2.5.4.11"), "OU"), (oid("0.9.2342.19200300.100.1.25"), "DC"),
    (oid("1.2.840.113549.1.9.1"), "Email"), (oid("0.9.2342.19200300.100.1.1"), "uid"),
    (oid("2.5.4.4"), "surname"), (oid("2.5.4.5"), "serialNumber"), (oid("2.5.4.9"), "streetAddress"),
    (oid("2.5.4.12"), "title"), (oid("2.5.4.13"), "description"), (oid("2.5.4.15"), "businessCategory"),
    (oid("2.5.4.16"), "postalAddress"), (oid("2.5.4.17"), "postalCode"), (oid("2.5.4.41"), "name"),
    (oid("2.5.4.42"), "givenName"), (oid("2.5.4.43"), "initials"), (oid("2.5.4.44"), "generationQualifier"),
    (oid("2.5.4.45"), "uniqueIdentifier"), (oid("2.5.4.46"), "dnQualifier"),
    (oid("2.5.4.0"), "objectClass"),
];

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// A certificate of X.509.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Certificate {
    /// `C=US, O=Example, CN=www.example.com`, in the certificate's own order.
    pub subject: String,
    pub issuer: String,
    /// Hosts and addresses that it is for, in lower case.
    pub names: Vec<String>,
    pub not_before: Time,
    pub not_after: Time,
    /// `0A:1B`
    pub serial: String,
    /// The SHA-1 of the whole, `0a:1b:…`.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads the first certificate in the body of a Certificate message.
    pub fn read(body: &[u8]) -> Option<Certificate> {
        let mut fields = Fields(body);
        fields.u24()?;
        let length = fields.u24()?;
        Certificate::from_der(fields.take(length)?)
    }

    /// Reads one certificate.
    pub fn from_der(bytes: &[u8]) -> Option<Certificate> {
        let mut certificate = Items::within(only(bytes, Tag::Sequence)?)?;
        let mut signed = Items::within(certificate.next_of(Tag::Sequence)?)?;
        let mut serial = signed.next()?;
        // The version is missing in the first.
        if context(serial.tag()) == Some(0) {
            serial = signed.next()?;
        }
        let serial = Some(serial.value()).filter(|_| serial.tag() == Tag::Integer)?;
        if serial.len() > MAX_SERIAL {
            return None;
        }
        // The algorithm of the signature.
        signed.next_of(Tag::Sequence)?;
        let issuer = name(signed.next_of(Tag::Sequence)?)?;
        let mut validity = Items::within(signed.next_of(Tag::Sequence)?)?;
        let [not_before, not_after] = [time(validity.next()?)?, time(validity.next()?)?];
        let subject = name(signed.next_of(Tag::Sequence)?)?;
        let extensions = signed.find(|item| context(item.tag()) == Some(3));
        Some(Certificate {
            subject,
            issuer,
            names: extensions.and_then(|block| alternative_names(block.value())).unwrap_or_default(),
            not_before,
            not_after,
            serial: colons(serial).to_ascii_uppercase(),
            fingerprint: colons(&Sha1::digest(bytes)),
        })
    }
}

/// The items in a sequence. They end where the encoding is broken.
struct Items<'a>(SliceReader<'a>);

impl<'a> Items<'a> {
    fn within(bytes: &'a [u8]) -> Option<Items<'a>> {
        SliceReader::new(bytes).ok().map(Items)
    }

    /// The value of the next item, if it is of this kind.
    fn next_of(&mut self, tag: Tag) -> Option<&'a [u8]> {
        self.next().filter(|item| item.tag() == tag).map(AnyRef::value)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = AnyRef<'a>;

    fn next(&mut self) -> Option<AnyRef<'a>> {
        if self.0.is_finished() {
            return None;
        }
        AnyRef::decode(&mut self.0).ok()
    }
}

/// The value of the item that `bytes` begin with.
fn only(bytes: &[u8], tag: Tag) -> Option<&[u8]> {
    Items::within(bytes)?.next_of(tag)
}

/// The number of a tag whose meaning is the context's.
fn context(tag: Tag) -> Option<u32> {
    match tag {
        Tag::ContextSpecific { number, .. } => Some(number.value()),
        _ => None,
    }
}

/// A distinguished name as people read it.
fn name(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_NAME {
        return None;
    }
    let mut text = String::new();
    for set in Items::within(bytes)? {
        // Several attributes in one set are rare.
        let mut between = ", ";
        for attribute in Items::within(set.value())? {
            let mut parts = Items::within(attribute.value())?;
            let kind = parts.next_of(Tag::ObjectIdentifier)?;
            if !text.is_empty() {
                text.push_str(between);
            }
            push_attribute(&mut text, kind);
            text.push('=');
            push_value(&mut text, parts.next()?);
            between = " + ";
        }
    }
    Some(text)
}

fn push_attribute(text: &mut String, kind: &[u8]) {
    if let Some((_, short)) = ATTRIBUTES.iter().find(|(known, _)| known.as_bytes() == kind) {
        text.push_str(short);
    } else if let Ok(kind) = ObjectIdentifier::from_bytes(kind) {
        let _ = write!(text, "{kind}");
    }
}

fn push_value(text: &mut String, value: AnyRef<'_>) {
    match value.tag() {
        Tag::BmpString => {
            let units = super::fields::numbers(value.value());
            let letters: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
            push_text(text, letters.as_bytes(), |c| c == '\\');
        }
        Tag::Utf8String
        | Tag::NumericString
        | Tag::PrintableString
        | Tag::TeletexString
        | Tag::VideotexString
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::GeneralString => push_text(text, value.value(), |c| c == '\\'),
        _ => text.push_str(&hex(value.value()).to_ascii_uppercase()),
    }
}

/// Two digits of the year or four (RFC 5280, 4.1.2.5). What is before 1970
/// is taken for 1970.
fn time(item: AnyRef<'_>) -> Option<Time> {
    let two = |at: usize| -> Option<u8> {
        let [tens, ones] = array_at(item.value(), at)?;
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
    };
    let (year, at) = match item.tag() {
        Tag::UtcTime => match u16::from(two(0)?) {
            year @ 0..50 => (2_000 + year, 2),
            year => (1_900 + year, 2),
        },
        Tag::GeneralizedTime => (u16::from(two(0)?) * 100 + u16::from(two(2)?), 4),
        _ => return None,
    };
    // Old ones leave the seconds out.
    let seconds = two(at + 8).unwrap_or(0);
    let [month, day, hour, minute] = [two(at)?, two(at + 2)?, two(at + 4)?, two(at + 6)?];
    if year < 1_970 {
        return Some(Time::ZERO);
    }
    let time = DateTime::new(year, month, day, hour, minute, seconds).ok()?;
    Some(Time::from_secs(time.unix_duration().as_secs()))
}

/// Hosts and addresses in the extension subjectAltName (RFC 5280, 4.2.1.6).
fn alternative_names(block: &[u8]) -> Option<Vec<String>> {
    const DNS: u32 = 2;
    const ADDRESS: u32 = 7;
    let wanted = SUBJECT_ALT_NAME.as_bytes();
    let value = Items::within(only(block, Tag::Sequence)?)?.find_map(|extension| {
        let mut parts = Items::within(extension.value())?;
        parts.next_of(Tag::ObjectIdentifier).filter(|kind| *kind == wanted)?;
        // Whether it is critical may stand before it.
        parts.find(|part| part.tag() == Tag::OctetString)
    })?;
    let text = |item: AnyRef<'_>| match context(item.tag())? {
        DNS => {
            let mut text = String::new();
            push_text(&mut text, item.value(), |c| c == '\\');
            text.make_ascii_lowercase();
            Some(text)
        }
        ADDRESS => match item.value().len() {
            4 => array_at(item.value(), 0).map(|bytes: [u8; 4]| Ipv4Addr::from(bytes).to_string()),
            16 => array_at(item.value(), 0).map(|bytes: [u8; 16]| Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    };
    let names = Items::within(only(value.value(), Tag::Sequence)?)?;
    Some(names.filter_map(text).take(MAX_NAMES).collect())
}

fn colons(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 {
            text.push(':');
        }
        push_hex(&mut text, *byte);
    }
    text
}

#[cfg(test)]
pub mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};

    use super::*;

    /// Made by `openssl req -x509`.
    const EXAMPLE: &str = "\
        MIICKTCCAc6gAwIBAgIDChv/MAoGCCqGSM49BAMCMFoxCzAJBgNVBAYTAkRFMRMwEQYDVQQKDApXZWhyLCBJbmMuMRgwFgYDVQQD\
        DA93d3cuZXhhbXBsZS5jb20xHDAaBgkqhkiG9w0BCQEWDWFAZXhhbXBsZS5jb20wIBcNMjYxMTIwMjA1MTQ4WhgPMjEyNjEwMjcy\
        MDUxNDhaMFoxCzAJBgNVBAYTAkRFMRMwEQYDVQQKDApXZWhyLCBJbmMuMRgwFgYDVQQDDA93d3cuZXhhbXBsZS5jb20xHDAaBgkq\
        hkiG9w0BCQEWDWFAZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXOQt49MHdacIG7DA/Q3xlQVzirn5q5X6z\
        WauQ6Z0l3Xw5LRV1iiZFxgNAjFgjFiQQthNbf9xRcDLz1fUoJd9ao4GAMH4wDAYDVR0TAQH/BAIwADBPBgNVHREBAf8ERTBDgg9X\
        V1cuZXhhbXBsZS5jb22CDSouZXhhbXBsZS5uZXSHBMAAAgGHECABDbgAAAAAAAAAAAAAAAGGCWh0dHA6Ly94LzAdBgNVHQ4EFgQU\
        us2xq67vlTAZSO3j0jW6XtFcRxwwCgYIKoZIzj0EAwIDSQAwRgIhAK6iA+i04RpLaIxN4+zxfvf6JQ0grT8ci19SozmOzoBxAiEA\
        vh2TEaHCY5QEAh98baDlCf3JQcw8Sh0T2H1bphGI4Pc=";

    /// The body of a Certificate message.
    pub fn message() -> Vec<u8> {
        let certificate = BASE64_STANDARD.decode(EXAMPLE).unwrap();
        let length = certificate.len() as u16;
        let [a, b] = length.to_be_bytes();
        let [c, d] = (length + 3).to_be_bytes();
        [&[0, c, d, 0, a, b], &certificate[..]].concat()
    }

    #[test]
    fn a_certificate_is_read() {
        let certificate = Certificate::read(&message()).unwrap();
        assert_eq!(certificate.subject, "C=DE, O=Wehr, Inc., CN=www.example.com, Email=a@example.com");
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!(certificate.names, ["www.example.com", "*.example.net", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(certificate.serial, "0A:1B:FF");
        assert_eq!(certificate.not_before.to_string(), "2026-11-20T20:51:48.000000+0000");
        assert_eq!(certificate.not_after.to_string(), "2126-10-27T20:51:48.000000+0000");
        assert_eq!(certificate.fingerprint, "2f:89:5a:1d:8d:09:76:a8:8f:13:f9:58:a8:a5:5c:70:8d:9f:f7:81");
    }

    #[test]
    fn names_of_all_kinds_are_written() {
        let attribute = |oid: &[u8], tag: u8, value: &[u8]| {
            let inner = [&[6, oid.len() as u8][..], oid, &[tag, value.len() as u8], value].concat();
            [&[0x30, inner.len() as u8][..], &inner].concat()
        };
        let parts = [
            attribute(&[85, 4, 3], 0x1e, &[0, b'a', 0x20, 0xac]),
            attribute(&[85, 4, 10], 0x14, b"Z\xfc\n"),
            attribute(&[42, 3, 4], 4, &[0xab, 1]),
        ];
        let set = [&[0x31, parts.concat().len() as u8][..], &parts.concat()].concat();
        assert_eq!(name(&set).as_deref(), Some("CN=a€ + O=Z\\252\\010 + 1.2.3.4=AB01"));
        assert_eq!(name(&[0; MAX_NAME + 1]), None);
    }

    #[test]
    fn times_of_both_kinds_are_read() {
        let read = |tag, text: &[u8]| time(AnyRef::new(tag, text).unwrap()).map(Time::secs);
        assert_eq!(read(Tag::UtcTime, b"030329005744Z"), Some(1_048_899_464));
        assert_eq!(read(Tag::UtcTime, b"0303290057Z"), Some(1_048_899_420));
        assert_eq!(read(Tag::UtcTime, b"500101000000Z"), Some(0));
        assert_eq!(read(Tag::GeneralizedTime, b"99991231235959Z"), Some(253_402_300_799));
        assert_eq!(read(Tag::UtcTime, b"030230005744Z"), None);
        assert_eq!(read(Tag::UtcTime, b"0303"), None);
    }

    #[test]
    fn broken_ones_are_none_and_nothing_panics() {
        let whole = message();
        for end in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..end]), None);
            for change in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[end] ^= change;
                Certificate::read(&changed);
            }
        }
    }
}
