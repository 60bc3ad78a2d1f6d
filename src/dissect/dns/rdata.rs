//! Answers as text: an array in the shape of EVE's `dns.answers`, each with
//! its data as a zone file would write it (`rdata`). `rrname` is left out where
//! it is the name that is due: the one asked for, and behind a CNAME its
//! target. Answers are most of a database, and this halves them.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arrayvec::ArrayString;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::message::{Message, Resource};
use super::name::{Name, push_text};
use super::svcb;
use super::types::Type;
use crate::record::short_address;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

/// The most bytes of text for one message's answers. What is beyond is left
/// out, whole records at a time; 100 addresses need 7 kB.
const MAX_TEXT: usize = 16 * 1024;

/// Bytes of a key, a signature or an unknown record that are shown.
const MAX_OPAQUE: usize = 64;

/// Writes all answers of `message` behind `out`; returns how many there were.
/// Nothing is written when there are none. Calls `found` with each address of
/// the name that was asked for; what else an answer holds is no answer to it
/// (RFC 1034, 3.6.2).
pub fn write_answers(message: &Message<'_>, out: &mut String, found: impl FnMut(IpAddr)) -> u16 {
    let due = message.questions().next().map(|question| question.name);
    let mut writer = Writer { message: *message, due, scratch: String::new(), found };
    let start = out.len();
    let mut count = 0_u16;
    for record in message.answers() {
        let before = out.len();
        out.push(if count == 0 { '[' } else { ',' });
        writer.record(&record, out);
        if out.len() - start > MAX_TEXT {
            out.truncate(before);
            break;
        }
        count += 1;
    }
    if out.len() > start {
        out.push(']');
    }
    count
}

struct Writer<'a, F> {
    message: Message<'a>,
    /// The name whose records are the answer.
    due: Option<Name<'a>>,
    scratch: String,
    found: F,
}

impl<'a, F: FnMut(IpAddr)> Writer<'a, F> {
    fn record(&mut self, record: &Resource<'a>, out: &mut String) {
        let is_due = self.is_due(record.name);
        out.push('{');
        if !is_due {
            self.scratch.clear();
            let _ = record.name.write(&mut self.scratch);
            out.push_str("\"rrname\":");
            push_json(out, &self.scratch);
            out.push(',');
        }
        out.push_str("\"rrtype\":\"");
        match record.kind.name() {
            Some(name) => out.push_str(name),
            None => push_shown(out, record.kind),
        }
        out.push_str("\",\"ttl\":");
        push_number(out, record.ttl);
        self.scratch.clear();
        let data = Data { message: self.message.bytes(), record };
        if data.write(&mut self.scratch).is_none() {
            self.scratch.clear();
            data.opaque(&mut self.scratch);
        } else if is_due && record.kind == Type::CNAME {
            self.due = Some(Name::at(self.message.bytes(), record.data_at));
        }
        out.push_str(",\"rdata\":");
        push_json(out, &self.scratch);
        out.push('}');
        if let (true, Some(address)) = (is_due, address(record)) {
            (self.found)(address);
        }
    }

    fn is_due(&self, name: Name<'a>) -> bool {
        let Some(due) = self.due else { return false };
        if name.is_at(due) {
            return true;
        }
        let (mut one, mut other) = (String::new(), String::new());
        name.write(&mut one).is_some() && due.write(&mut other).is_some() && one == other
    }
}

/// Appends the data of a record of `message` as a zone file would write it.
pub fn write_data(message: &Message<'_>, record: &Resource<'_>, out: &mut String) {
    let data = Data { message: message.bytes(), record };
    let before = out.len();
    if data.write(out).is_none() {
        out.truncate(before);
        data.opaque(out);
    }
}

/// Appends a number. There are some in every message, and the general
/// formatter takes four times as long.
pub fn push_number(out: &mut String, number: u32) {
    let mut digits = ArrayString::<10>::new();
    let mut power = 10_u32.pow(number.checked_ilog10().unwrap_or(0));
    while power > 0 {
        digits.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
    out.push_str(&digits);
}

fn push_shown(out: &mut String, value: impl fmt::Display) {
    // Writing into a `String` can't fail.
    let _ = write!(out, "{value}");
}

/// Appends `text` as a JSON string.
pub fn push_json(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The addresses that an answer gives for its name.
pub fn address(record: &Resource<'_>) -> Option<IpAddr> {
    match record.kind {
        Type::A => <[u8; 4]>::try_from(record.data).ok().map(IpAddr::from),
        Type::AAAA => <[u8; 16]>::try_from(record.data).ok().map(IpAddr::from),
        _ => None,
    }
}

struct Data<'a> {
    message: &'a [u8],
    record: &'a Resource<'a>,
}

impl Data<'_> {
    fn bytes(&self) -> &[u8] {
        self.record.data
    }

    /// A name `at` bytes into the data, and where it ends there.
    fn name(&self, at: usize, out: &mut String) -> Option<usize> {
        let name = Name::at(self.message, self.record.data_at + at);
        let end = name.end()? - self.record.data_at;
        (end <= self.bytes().len()).then_some(())?;
        name.write(out)?;
        Some(end)
    }

    /// The data in presentation format; `None` when it is not what its type says.
    fn write(&self, out: &mut String) -> Option<()> {
        let data = self.bytes();
        match self.record.kind {
            Type::A | Type::AAAA => {
                out.push_str(&short_address(&address(self.record)?));
                Some(())
            }
            Type::NS | Type::CNAME | Type::PTR | Type::DNAME => self.name(0, out).map(drop),
            Type::MX => {
                push(out, format_args!("{} ", u16_at(data, 0)?))?;
                self.name(2, out).map(drop)
            }
            Type::TXT | Type::SPF => strings(data, out),
            Type::SOA => {
                let at = self.name(0, out)?;
                out.push(' ');
                let at = self.name(at, out)?;
                (0..5).try_for_each(|n| push(out, format_args!(" {}", u32_at(data, at + n * 4)?)))
            }
            Type::SRV => {
                let [priority, weight, port] = self.srv()?;
                push(out, format_args!("{priority} {weight} {port} "))?;
                self.name(6, out).map(drop)
            }
            Type::NAPTR => self.naptr(out),
            Type::SVCB | Type::HTTPS => self.svcb(out),
            Type::CAA => {
                let (flags, length) = (u8_at(data, 0)?, usize::from(u8_at(data, 1)?));
                let (tag, value) = data.get(2..)?.split_at_checked(length)?;
                push(out, format_args!("{flags} "))?;
                push_text(out, tag, |_| false);
                quoted(out, value);
                Some(())
            }
            Type::DS => {
                push(out, format_args!("{} {} {} ", u16_at(data, 0)?, u8_at(data, 2)?, u8_at(data, 3)?))?;
                hex(out, &data[4..]);
                Some(())
            }
            Type::SSHFP => {
                push(out, format_args!("{} {} ", u8_at(data, 0)?, u8_at(data, 1)?))?;
                hex(out, &data[2..]);
                Some(())
            }
            Type::TLSA => {
                push(out, format_args!("{} {} {} ", u8_at(data, 0)?, u8_at(data, 1)?, u8_at(data, 2)?))?;
                hex(out, &data[3..]);
                Some(())
            }
            Type::DNSKEY => {
                push(out, format_args!("{} {} {} ", u16_at(data, 0)?, u8_at(data, 2)?, u8_at(data, 3)?))?;
                base64(out, &data[4..]);
                Some(())
            }
            Type::RRSIG => {
                let (covered, algorithm) = (Type(u16_at(data, 0)?), u8_at(data, 2)?);
                push(out, format_args!("{covered} {algorithm} {} {} ", u8_at(data, 3)?, u32_at(data, 4)?))?;
                push(out, format_args!("{} {} ", u32_at(data, 8)?, u32_at(data, 12)?))?;
                push(out, format_args!("{} ", u16_at(data, 16)?))?;
                let at = self.name(18, out)?;
                out.push(' ');
                base64(out, data.get(at..)?);
                Some(())
            }
            Type::NSEC => {
                let at = self.name(0, out)?;
                type_bits(data.get(at..)?, out)
            }
            _ => None,
        }
    }

    fn srv(&self) -> Option<[u16; 3]> {
        let data = self.bytes();
        Some([u16_at(data, 0)?, u16_at(data, 2)?, u16_at(data, 4)?])
    }

    /// RFC 3403, 4.1
    fn naptr(&self, out: &mut String) -> Option<()> {
        let data = self.bytes();
        push(out, format_args!("{} {}", u16_at(data, 0)?, u16_at(data, 2)?))?;
        let mut at = 4;
        for _ in 0..3 {
            let length = usize::from(u8_at(data, at)?);
            quoted(out, data.get(at + 1..at + 1 + length)?);
            at += 1 + length;
        }
        out.push(' ');
        self.name(at, out).map(drop)
    }

    /// RFC 9460, 2.2 and 14.3.2
    fn svcb(&self, out: &mut String) -> Option<()> {
        let data = self.bytes();
        push(out, format_args!("{} ", u16_at(data, 0)?))?;
        let mut at = self.name(2, out)?;
        while at < data.len() {
            let (key, value, next) = svcb::parameter_at(data, at)?;
            out.push(' ');
            match key {
                1 => {
                    out.push_str("alpn=");
                    let mut rest = value;
                    while let Some((&length, tail)) = rest.split_first() {
                        let (id, tail) = tail.split_at_checked(usize::from(length))?;
                        push_text(out, id, |c| matches!(c, ',' | '\\' | '"'));
                        rest = tail;
                        if !rest.is_empty() {
                            out.push(',');
                        }
                    }
                }
                2 => out.push_str("no-default-alpn"),
                3 => push(out, format_args!("port={}", u16_at(value, 0)?))?,
                4 => list(out, "ipv4hint=", hints::<4>(value).map(Ipv4Addr::from)),
                6 => list(out, "ipv6hint=", hints::<16>(value).map(Ipv6Addr::from)),
                0 => list(
                    out,
                    "mandatory=",
                    hints::<2>(value).map(|key| svcb::name_of(u16::from_be_bytes(key))),
                ),
                svcb::ECH => {
                    out.push_str("ech=");
                    base64(out, value);
                }
                _ => {
                    push(out, format_args!("{}=", svcb::name_of(key)))?;
                    push_text(out, value, |c| matches!(c, '"' | '\\' | ' '));
                }
            }
            at = next;
        }
        Some(())
    }

    /// RFC 3597, 5: what no one knows is a length and hexadecimal digits.
    fn opaque(&self, out: &mut String) {
        let _ = write!(out, "\\# {}", self.bytes().len());
        if !self.bytes().is_empty() {
            out.push(' ');
            hex(out, self.bytes());
        }
    }
}

/// Writing into a `String` can't fail; as an `Option` it chains with the reads.
fn push(out: &mut String, text: fmt::Arguments<'_>) -> Option<()> {
    out.write_fmt(text).ok()
}

fn hex(out: &mut String, bytes: &[u8]) {
    // Signatures and keys are long: a table is five times as fast as `{:02x}`.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().take(MAX_OPAQUE).flat_map(|byte| [byte >> 4, byte & 0xf]);
    out.extend(nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])));
    if bytes.len() > MAX_OPAQUE {
        out.push('…');
    }
}

fn base64(out: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(MAX_OPAQUE)];
    STANDARD.encode_string(shown, out);
    if bytes.len() > MAX_OPAQUE {
        out.push('…');
    }
}

fn quoted(out: &mut String, bytes: &[u8]) {
    out.push_str(" \"");
    push_text(out, bytes, |c| matches!(c, '"' | '\\'));
    out.push('"');
}

/// Addresses of `N` bytes, one after another.
fn hints<const N: usize>(value: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    value.chunks_exact(N).filter_map(|address| array_at(address, 0))
}

fn list<T: fmt::Display>(out: &mut String, key: &str, items: impl Iterator<Item = T>) {
    out.push_str(key);
    for (n, item) in items.enumerate() {
        let _ = write!(out, "{}{item}", if n == 0 { "" } else { "," });
    }
}

/// Character strings, one after another (RFC 1035, 3.3.14). A single one is
/// shown as it is; of several each has its quotes.
fn strings(data: &[u8], out: &mut String) -> Option<()> {
    let mut rest = data;
    let start = out.len();
    while let Some((&length, tail)) = rest.split_first() {
        let (text, tail) = tail.split_at_checked(usize::from(length))?;
        if tail.is_empty() && out.len() == start {
            push_text(out, text, |c| c == '\\');
        } else {
            quoted(out, text);
        }
        rest = tail;
    }
    if out[start..].starts_with(' ') {
        out.remove(start);
    }
    Some(())
}

/// Windows of 256 types, each with a bitmap of up to 32 bytes (RFC 4034, 4.1.2).
fn type_bits(mut rest: &[u8], out: &mut String) -> Option<()> {
    while let [window, length, tail @ ..] = rest {
        let (bitmap, tail) = tail.split_at_checked(usize::from(*length))?;
        for (n, byte) in bitmap.iter().enumerate() {
            for bit in (0..8_usize).filter(|bit| byte & 0x80 >> bit != 0) {
                let kind = Type(u16::from(*window) << 8 | (n * 8 + bit) as u16 & 0xff);
                push(out, format_args!(" {kind}"))?;
            }
        }
        rest = tail;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of the answer in a message with one record of type `kind` and data `data`,
    /// whose names may point to `example.com` at byte 12.
    fn rdata(kind: u16, data: &[u8]) -> String {
        let mut bytes =
            b"\0\x01\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x03com\0\0\x01\0\x01\xc0\x0c".to_vec();
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(data);
        let mut text = String::new();
        assert_eq!(write_answers(&Message::read(&bytes).unwrap(), &mut text, |_| {}), 1);
        let answers: serde_json::Value = serde_json::from_str(&text).unwrap();
        answers[0]["rdata"].as_str().unwrap().to_owned()
    }

    #[test]
    fn data_is_written_as_a_zone_file_would() {
        assert_eq!(rdata(1, &[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(rdata(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "2001:db8::1");
        assert_eq!(rdata(5, b"\x03www\xc0\x0c"), "www.example.com");
        assert_eq!(rdata(15, b"\0\x0a\x04mail\xc0\x0c"), "10 mail.example.com");
        assert_eq!(rdata(16, b"\x08v=1 \"Hi\""), "v=1 \"Hi\"");
        assert_eq!(rdata(16, b"\x03a=1\x04b=\"2"), "\"a=1\" \"b=\\\"2\"");
        assert_eq!(rdata(33, b"\0\x14\0\x01\x13\xc4\x03sip\xc0\x0c"), "20 1 5060 sip.example.com");
        assert_eq!(rdata(43, &[0, 9, 13, 2, 0xab, 0xcd]), "9 13 2 abcd");
        assert_eq!(rdata(47, b"\xc0\x0c\0\x06\x40\x01\0\0\0\x03"), "example.com A MX RRSIG NSEC");
        assert_eq!(rdata(257, b"\0\x05issueca.example"), "0 issue \"ca.example\"");
        assert_eq!(
            rdata(35, b"\0\x01\0\x02\x01s\x07SIP+D2U\0\xc0\x0c"),
            "1 2 \"s\" \"SIP+D2U\" \"\" example.com"
        );
    }

    #[test]
    fn a_name_is_written_where_it_is_not_the_one_that_is_due() {
        let chain = b"\0\x01\x81\x80\0\x01\0\x03\0\0\0\0\x01a\0\0\x01\0\x01\
            \x01a\0\0\x05\0\x01\0\0\0\x3c\0\x03\x01b\0\
            \x01b\0\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04\
            \x01c\0\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x05";
        let mut text = String::new();
        let mut found = Vec::new();
        assert_eq!(write_answers(&Message::read(chain).unwrap(), &mut text, |a| found.push(a)), 3);
        assert_eq!(found, [IpAddr::from([1, 2, 3, 4])], "what was not asked for is no one's name");
        assert_eq!(
            text,
            "[{\"rrtype\":\"CNAME\",\"ttl\":60,\"rdata\":\"b\"},\
             {\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"1.2.3.4\"},\
             {\"rrname\":\"c\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"1.2.3.5\"}]"
        );
    }

    #[test]
    fn numbers_are_written_as_always() {
        for number in [0, 1, 9, 10, 99, 100, 86_400, u32::MAX] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn service_bindings_name_their_parameters() {
        let https = b"\0\x01\0\0\x01\0\x06\x02h3\x02h2\0\x04\0\x04\xc0\0\x02\x01\0\x05\0\x02\xfe\x0d";
        assert_eq!(rdata(65, https), "1 . alpn=h3,h2 ipv4hint=192.0.2.1 ech=/g0=");
        assert_eq!(rdata(64, b"\0\0\xc0\x0c"), "0 example.com");
        let others = b"\0\x01\0\0\0\0\x04\0\x01\0\x04\x02\x9b\0\x05hello";
        assert_eq!(rdata(64, others), "1 . mandatory=alpn,ipv4hint key667=hello");
    }

    #[test]
    fn data_that_breaks_its_type_is_shown_in_hex() {
        assert_eq!(rdata(1, &[1, 2, 3]), "\\# 3 010203");
        assert_eq!(rdata(65280, &[]), "\\# 0");
        assert_eq!(rdata(65280, &[0xff; 80]), format!("\\# 80 {}…", "ff".repeat(64)));
        assert_eq!(rdata(33, b"\0\x14\0\x01\x13\xc4\x03sip"), "\\# 10 0014000113c403736970");
    }

    #[test]
    fn a_name_reaching_out_of_its_data_is_refused() {
        // The label claims more than the record holds; what follows is not its own.
        assert_eq!(rdata(5, b"\x07exam"), "\\# 5 076578616d");
    }

    #[test]
    fn text_is_bounded() {
        let mut bytes = b"\0\x01\x81\x80\0\0\x10\0\0\0\0\0".to_vec();
        for _ in 0..0x1000 {
            bytes.extend_from_slice(b"\0\0\x10\0\x01\0\0\0\x3c\0\x02\x01\x01");
        }
        let mut text = String::new();
        let count = write_answers(&Message::read(&bytes).unwrap(), &mut text, |_| {});
        assert!(text.len() <= MAX_TEXT + 1 && count > 100);
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed.len(), usize::from(count));
    }
}
