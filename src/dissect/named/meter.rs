//! More of machines and buildings: meters, tanks, controllers.

use super::data::der;
use super::{le_length_at, le16_at, le32_at, length_at, starts_with_any};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// Modbus with Schneider's function.
    UMAS = "umas", TCP, |o| o.has_port(502) && u16_at(o.bytes, 2)? == 0 && (4..=1_022).contains(&u16_at(o.bytes, 4)?)
        && usize::from(u16_at(o.bytes, 4)?) + 6 <= o.bytes.len() && u8_at(o.bytes, 7)? == 0x5a;
    /// Meters (ANSI C12.22; RFC 6142): elements of ACSE that fill it, the last with what is said.
    C1222 = "ansi-c1222", UDP, |o| u8_at(o.bytes, 0)? == 0x60 && is_c1222(o.bytes)?;
    /// The same over TCP.
    C1222_TCP = "ansi-c1222", TCP, |o| u8_at(o.bytes, 0)? == 0x60 && is_c1222(o.bytes)?;
    /// Meters (DLMS/COSEM): the wrapper with a length that fits and a kind of message (IEC 62056-4-7, 62056-5-3).
    /// Or HDLC's frames (IEC 62056-46).
    DLMS = "iec62056", UDP, |o| is_dlms(o.bytes)? || is_hdlc(o.bytes)?;
    /// The same over TCP.
    DLMS_TCP = "iec62056", TCP, |o| is_dlms(o.bytes)? || is_hdlc(o.bytes)?;
    /// LonWorks over IP (EIA-852): a length that fits, version 1.
    CNPIP = "cnp-ip", UDP, |o| (o.has_port(1_628) || o.has_port(1_629)) && usize::from(u16_at(o.bytes, 0)?) == o.bytes.len()
        && u8_at(o.bytes, 2)? == 1 && o.bytes.len() >= 20;
    /// Saia's S-Bus: a length that fits, and its checksum.
    ETHERSBUS = "ether-s-bus", UDP, |o| length_at(o.bytes, 0)? == o.bytes.len() && o.bytes.len() >= 11
        && matches!(u8_at(o.bytes, 4)?, 0 | 1) && is_checked(o.bytes)?;
    /// Saia's S-I/O.
    ETHERSIO = "ether-s-io", UDP, |o| o.bytes.starts_with(b"ESIO");
    /// Gauges of tanks (Veeder-Root's TLS): a command of a letter and five digits.
    ATG = "atg", TCP, |o| u8_at(o.bytes, 0)? == 1 && is_gauge(o.bytes.get(1..)?)?;
    /// Synchronisation of Check Point's clusters: its mark, where it is at home.
    CPHA = "cpha", UDP, |o| o.has_port(8_116) && u16_at(o.bytes, 0)? == 0x1a90 && o.bytes.len() >= 16;
    /// HART-IP: version 1, a message and a length that fits.
    HARTIP = "hart-ip", UDP, |o| o.has_port(5_094) && is_hart(o.bytes)?;
    /// The same over TCP.
    HARTIP_TCP = "hart-ip", TCP, |o| o.has_port(5_094) && is_hart(o.bytes)?;
    /// Beckhoff's ADS behind the header that AMS has over TCP.
    ADS = "beckhoff-ads", TCP, |o| o.has_port(48_898) && u16_at(o.bytes, 0)? == 0
        && (32..).contains(&le32_at(o.bytes, 2)?) && le_length_at(o.bytes, 2)? + 6 == o.bytes.len();
    /// Inputs and outputs beside EtherNet/IP: the address of a connection, and its data (CIP vol. 2, 2-6).
    CIP = "cip", UDP, |o| o.bytes.starts_with(&[2, 0, 2, 0x80, 8, 0]) && array_at(o.bytes, 14)? == [0xb1, 0]
        && usize::from(le16_at(o.bytes, 16)?) + 18 == o.bytes.len();
    /// Tridium's Fox.
    FOX = "niagara-fox", TCP, |o| o.bytes.starts_with(b"fox a ");
    /// PROFINET's context: DCE/RPC without a connection, of an interface that is PROFINET's (IEC 61158-6-10).
    PROFINET = "profinet-io", UDP, |o| matches!(array_at(o.bytes, 0)?, [4, 0..=9])
        && array_at(o.bytes, 32)? == [0x82, 0x71, 0, 0xa0, 0x24, 0x42, 0xdf, 0x7d];
    /// DDS: messages of RTPS say so (DDSI-RTPS 2.5, 8.3.3).
    RTPS = "rtps", UDP, |o| o.bytes.starts_with(b"RTPS") && matches!(u8_at(o.bytes, 4)?, 1 | 2) && o.bytes.len() >= 20;
    /// Instruments (HiSLIP, IVI-6.1, 2.5): its mark, a kind of message, a length that fits.
    HISLIP = "hislip", TCP, |o| o.bytes.starts_with(b"HS") && u8_at(o.bytes, 2)? <= 26 && u32_at(o.bytes, 8)? == 0
        && length_at(o.bytes, 12)? + 16 == o.bytes.len();
    /// Gateways of LoRaWAN (Semtech's packet forwarder): a message, and as long as it is.
    LORAWAN = "lorawan", UDP, |o| o.has_port(1_700) && match (array_at(o.bytes, 0)?, o.bytes.len()) {
        ([1 | 2, _, _, 0], _) => u8_at(o.bytes, 12)? == b'{',
        ([1 | 2, _, _, 3], _) => u8_at(o.bytes, 4)? == b'{',
        ([1 | 2, _, _, 1 | 4], length) => length == 4,
        ([1 | 2, _, _, 2], length) => length == 12,
        ([1 | 2, _, _, 5], length) => length >= 12,
        _ => false,
    };
    /// Files to many (FLUTE, RFC 6726): the header of LCT with an extension that only it has.
    FLUTE = "flute", UDP, |o| u8_at(o.bytes, 0)? & 0xf0 == 0x10 && is_flute(o.bytes)?;
}

fn is_c1222(bytes: &[u8]) -> Option<bool> {
    let (start, end) = der(bytes)?;
    let mut rest = bytes.get(start..)?;
    if end != bytes.len() {
        return Some(false);
    }
    while !rest.is_empty() {
        let (content, end) = der(rest)?;
        match u8_at(rest, 0)? {
            0xbe => return Some(end == rest.len() && u8_at(rest, content)? == 0x28),
            0x80..=0x8f | 0xa0..=0xaf => rest = rest.get(end..)?,
            _ => return Some(false),
        }
    }
    Some(false)
}

fn is_dlms(bytes: &[u8]) -> Option<bool> {
    let fits = u16_at(bytes, 0)? == 1 && usize::from(u16_at(bytes, 6)?) + 8 == bytes.len();
    Some(
        fits && u16_at(bytes, 2)? != 0
            && u16_at(bytes, 4)? != 0
            && match u8_at(bytes, 8)? {
                // An association is asked for, answered or released.
                0x60..=0x63 => der(bytes.get(8..)?)?.1 + 8 == bytes.len(),
                0x0f | 0xc0..=0xc8 | 0xcb..=0xd8 | 0xdb..=0xe0 => bytes.len() >= 11,
                _ => false,
            },
    )
}

/// ISO/IEC 13239: flags, a frame of type 3 with its length, and its checksum.
fn is_hdlc(bytes: &[u8]) -> Option<bool> {
    let [0x7e, frame @ .., 0x7e] = bytes else { return Some(false) };
    let format = u16_at(frame, 0)?;
    if format >> 12 != 0x0a || usize::from(format & 0x07ff) != frame.len() || frame.len() < 7 {
        return Some(false);
    }
    // RFC 1662, C.2; with its own checksum behind it every frame gives the same.
    let sum = frame.iter().fold(0xffff_u16, |sum, &byte| {
        (0..8).fold(sum ^ u16::from(byte), |sum, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0x8408 })
    });
    Some(sum == 0xf0b8)
}

/// CRC-16 of CCITT, from 0, over all of it with the checksum: nothing is left.
fn is_checked(bytes: &[u8]) -> Option<bool> {
    let sum = bytes.iter().fold(0_u16, |sum, &byte| {
        let sum = sum ^ u16::from(byte) << 8;
        (0..8).fold(sum, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 })
    });
    Some(sum == 0 && bytes.iter().skip(4).any(|&byte| byte != 0))
}

fn is_gauge(bytes: &[u8]) -> Option<bool> {
    let command = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    Some(
        starts_with_any(command, &[b"I", b"i", b"S", b"s"])
            && command.get(1..6)?.iter().all(u8::is_ascii_digit)
            && command
                .get(6)
                .is_none_or(|&byte| byte.is_ascii_graphic() || matches!(byte, 3 | b'\r' | b'\n' | b' ')),
    )
}

fn is_hart(bytes: &[u8]) -> Option<bool> {
    Some(
        matches!(array_at(bytes, 0)?, [1, 0..=3, 0..=4])
            && usize::from(u16_at(bytes, 6)?) == bytes.len()
            && bytes.len() >= 8,
    )
}

/// RFC 5651, 5.1 and RFC 6726, 3.4.1: fields as long as the flags say, and
/// extensions that fill the header, with EXT_FDT among them.
fn is_flute(bytes: &[u8]) -> Option<bool> {
    let (first, second) = (u8_at(bytes, 0)?, u8_at(bytes, 1)?);
    let half = usize::from(second >> 4 & 1);
    let fields = 4 * (1 + usize::from(first >> 2 & 3))
        + (4 * usize::from(second >> 7) + 2 * half)
        + (4 * usize::from(second >> 5 & 3) + 2 * half);
    let header = 4 * usize::from(u8_at(bytes, 2)?);
    let mut rest = bytes.get(4 + fields..header)?;
    let mut table = false;
    while !rest.is_empty() {
        let (kind, length) = match array_at(rest, 0)? {
            [kind @ 128..=255, _] => (kind, 4),
            [kind, words] => (kind, 4 * usize::from(words)),
        };
        table |= kind == 192 && matches!(u8_at(rest, 1)? >> 4, 1 | 2);
        if length == 0 || !matches!(kind, 0..=2 | 64..=65 | 128 | 192..=194) {
            return Some(false);
        }
        rest = rest.get(length..)?;
    }
    Some(table && bytes.len() > header + 4)
}
