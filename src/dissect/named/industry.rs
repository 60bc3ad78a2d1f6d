//! Machines, buildings, vehicles and things.

use super::{end4, le_length_at, length_at};
use crate::dissect::{Opening, Protocol, Verdict};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};
use crate::wire::proto;

named! {
    /// CoAP: version 1, a token's length and a code that exist, where it is at home (RFC 7252, 3).
    COAP = "coap", UDP, |o| matches!(u8_at(o.bytes, 0)?, 0x40..=0x78) && u8_at(o.bytes, 0)? & 0x0f <= 8
        && (5_683..=5_688).any(|port| o.has_port(port)) && matches!(u8_at(o.bytes, 1)?, 0..=7 | 0x40..=0x5f | 0x80..=0x9f | 0xa0..=0xbf);
    /// Modbus over TCP: protocol 0, a length that fits, a function.
    MODBUS = "modbus", TCP, |o| o.has_port(502) && u16_at(o.bytes, 2)? == 0 && u16_at(o.bytes, 4)? <= 254
        && usize::from(u16_at(o.bytes, 4)?) + 6 <= o.bytes.len() && u8_at(o.bytes, 7)? != 0;
    /// DNP3 (IEEE 1815): its start, and a frame that is here with its checksums.
    DNP3 = "dnp3", TCP, |o| array_at(o.bytes, 0)? == [5, 0x64] && is_dnp3(o.bytes)?;
    /// The same in datagrams.
    DNP3_UDP = "dnp3", UDP, |o| array_at(o.bytes, 0)? == [5, 0x64] && is_dnp3(o.bytes)?;
    /// IEC 60870-5-104: units that fill the segment.
    IEC104 = "iec60870", TCP, |o| u8_at(o.bytes, 0)? == 0x68 && is_iec104(o.bytes)?;
    /// BACnet over IP: a function and a length that fits (ASHRAE 135, J.2).
    BACNET = "bacnet", UDP, |o| matches!(array_at(o.bytes, 0)?, [0x81, 0..=0x0c]) && usize::from(u16_at(o.bytes, 2)?) == o.bytes.len();
    /// EtherNet/IP: a command, a length that fits, no error.
    ENIP = "enip", TCP, |o| matches!(array_at(o.bytes, 0)?, [4 | 0x63..=0x66 | 0x6f | 0x70, 0]) && o.has_port(44818)
        && u32_at(o.bytes, 8)? == 0;
    /// The same in datagrams.
    ENIP_UDP = "enip", UDP, |o| matches!(array_at(o.bytes, 0)?, [4 | 0x63..=0x66 | 0x6f | 0x70, 0]) && o.has_port(44818);
    /// OPC UA: a kind of message and a length that fits.
    OPCUA = "opc-ua", TCP, |o| matches!(o.bytes.first_chunk()?, b"HELF" | b"ACKF" | b"OPNF" | b"ERRF")
        && le_length_at(o.bytes, 4)? == o.bytes.len();
    /// Omron's FINS: its header over TCP.
    FINS = "fins", TCP, |o| o.bytes.starts_with(b"FINS\0\0");
    /// FINS itself: flags, 0, two gateways or seven.
    FINS_UDP = "fins", UDP, |o| o.has_port(9600) && matches!(array_at(o.bytes, 0)?, [0x80 | 0x81 | 0xc0 | 0xc1, 0, 2 | 7]);
    /// Trains (IEC 61375-2-3): version 1 and a message's two letters.
    TRDP = "trdp", UDP, |o| u8_at(o.bytes, 4)? == 1 && is_trdp(o.bytes)?;
    /// The same over TCP.
    TRDP_TCP = "trdp", TCP, |o| u8_at(o.bytes, 4)? == 1 && is_trdp(o.bytes)?;
    /// SOME/IP: a length that fits, version 1, a kind of message.
    SOMEIP = "someip", UDP, |o| is_someip(o.bytes)?;
    /// The same over TCP.
    SOMEIP_TCP = "someip", TCP, |o| is_someip(o.bytes)?;
    /// Synchrophasors (IEEE C37.118): a kind of frame, a version, a size that fits.
    C37118 = "ieee-c37118", TCP, |o| is_phasor(o.bytes)?;
    /// The same in datagrams.
    C37118_UDP = "ieee-c37118", UDP, |o| is_phasor(o.bytes)?;
    /// Tuya's things: between their marks.
    TUYA = "tuya-lp", UDP, |o| matches!((u32_at(o.bytes, 0)?, end4(o.bytes)?), (0x55aa, 0xaa55) | (0x6699, 0x9966));
    /// Ethernet Global Data: production data, version 1.
    EGD = "ethernet-global-data", UDP, |o| o.has_port(18246) && array_at(o.bytes, 0)? == [13, 1];
    /// DICOM: somebody wants to associate, of version 1 (PS3.8, 9.3.2).
    DICOM = "dicom", TCP, |o| array_at(o.bytes, 0)? == [1, 0] && length_at(o.bytes, 2)? + 6 == o.bytes.len()
        && array_at(o.bytes, 6)? == [0, 1, 0, 0];
    /// HL7, framed as it should be.
    HL7 = "hl7", TCP, |o| o.bytes.starts_with(b"\x0bMSH|");
}

/// S7 behind TPKT and COTP (RFC 1006). Its connection is like any other.
pub static S7COMM: Protocol = Protocol {
    over: &[proto::TCP],
    name: "s7comm",
    probe: |o| behind_cotp(o, &[0x32, 0x72]),
    datagram: None,
    stream: None,
};

/// MMS (ISO 9506) behind a session's CONNECT or ACCEPT (X.225).
pub static MMS: Protocol = Protocol {
    over: &[proto::TCP],
    name: "iso9506-1-mms",
    probe: |o| behind_cotp(o, &[0x0d, 0x0e]),
    datagram: None,
    stream: None,
};

/// Whether the first data that COTP brings begins with one of these.
fn behind_cotp(o: &Opening<'_>, firsts: &[u8]) -> Verdict {
    let unit = |bytes: &[u8]| -> Option<Verdict> {
        if bytes.first() != Some(&3) || o.proto != proto::TCP || !o.has_port(102) {
            return Some(Verdict::No);
        }
        let first = usize::from(u16_at(bytes, 2)?);
        let data = match u8_at(bytes, 5)? {
            0xe0 | 0xd0 => bytes.get(first.max(7)..)?,
            _ => bytes,
        };
        let [3, 0, _, _, 2, 0xf0, 0x80, begin] = array_at(data, 0)? else { return Some(Verdict::No) };
        Some(if firsts.contains(&begin) { Verdict::Yes } else { Verdict::No })
    };
    unit(o.bytes).unwrap_or(Verdict::More)
}

fn is_dnp3(bytes: &[u8]) -> Option<bool> {
    let user = usize::from(u8_at(bytes, 2)?.checked_sub(5)?);
    Some(10 + user + 2 * user.div_ceil(16) <= bytes.len())
}

fn is_iec104(mut bytes: &[u8]) -> Option<bool> {
    while !bytes.is_empty() {
        let [0x68, length @ 4..=253, control, second] = array_at(bytes, 0)? else { return Some(false) };
        let unit = bytes.get(..2 + usize::from(length))?;
        let good = match control & 3 {
            // One of six functions, and nothing else.
            3 => matches!(control, 7 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83) && unit.len() == 6 && second == 0,
            1 => control == 1 && unit.len() == 6 && second == 0,
            _ => unit.len() >= 12 && matches!(u8_at(unit, 6)?, 1..=127) && u8_at(unit, 8)? & 0x3f != 0,
        };
        if !good {
            return Some(false);
        }
        bytes = bytes.get(unit.len()..)?;
    }
    Some(true)
}

fn is_trdp(bytes: &[u8]) -> Option<bool> {
    Some(
        matches!(
            array_at(bytes, 6)?,
            [b'P', b'd' | b'p' | b'r' | b'e'] | [b'M', b'n' | b'r' | b'p' | b'q' | b'c' | b'e']
        ) && length_at(bytes, 20)? <= bytes.len(),
    )
}

fn is_someip(bytes: &[u8]) -> Option<bool> {
    let length = length_at(bytes, 4)?;
    Some(
        matches!(array_at(bytes, 12)?, [1, _, 0..=2 | 0x80 | 0x81 | 0x20..=0x22 | 0xa0 | 0xa1, 0..=10])
            && length >= 8
            && length.checked_add(8)? == bytes.len()
            && u32_at(bytes, 0)? != 0,
    )
}

fn is_phasor(bytes: &[u8]) -> Option<bool> {
    Some(
        matches!(array_at(bytes, 0)?, [0xaa, kind] if kind & 0x80 == 0 && kind >> 4 <= 5 && matches!(kind & 0x0f, 1 | 2))
            && usize::from(u16_at(bytes, 2)?) == bytes.len()
            && bytes.len() >= 16,
    )
}
