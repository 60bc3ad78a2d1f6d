//! What keeps networks running: names, addresses, clocks, routes, accounts.

use super::data::der;
use super::{holds, le_length_at, le32_at, length_at, starts_with_any};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// A mail slot in a NetBIOS datagram, with names as long as they are: SMB (MS-MAIL).
    SMBDGM = "smb", UDP, |o| o.has_port(138) && array_at(o.bytes, 82)? == *b"\xffSMB";
    /// NetBIOS datagrams (RFC 1002, 4.4).
    NBDGM = "netbios", UDP, |o| o.has_port(138) && matches!(u8_at(o.bytes, 0)?, 0x10..=0x16);
    /// NetBIOS sessions: a request with its names, or the answer (RFC 1002, 4.3).
    NBSS = "netbios", TCP, |o| matches!(u32_at(o.bytes, 0)?, 0x8100_0044) && u8_at(o.bytes, 4)? == 0x20
        || o.server_port == 139 && matches!(array_at(o.bytes, 0)?, [0x82, 0, 0, 0] | [0x83, 0, 0, 1] | [0x85, 0, 0, 0]);
    /// NTP: versions 1 to 4, a mode that exists, a stratum that exists, or a control message
    /// (RFC 5905, 7.3; RFC 9327, 2).
    NTP = "ntp", UDP, |o| o.has_port(123) && (1..=4).contains(&(u8_at(o.bytes, 0)? >> 3 & 7)) && match u8_at(o.bytes, 0)? & 7 {
        1..=5 => o.bytes.len() >= 48 && u8_at(o.bytes, 1)? <= 16,
        6 => o.bytes.len() >= 12,
        7 => o.bytes.len() >= 8,
        _ => false,
    };
    /// SNMP: a sequence, version 1, 2c or 3, and what follows each (RFC 3416, 3412).
    SNMP = "snmp", UDP, |o| u8_at(o.bytes, 0)? == 0x30 && is_snmp(o.bytes, o.has_port(161) || o.has_port(162))?;
    /// SSDP: HTTP in datagrams, for UPnP.
    SSDP = "ssdp", UDP, |o| starts_with_any(o.bytes, &[b"M-SEARCH * HTTP/1.", b"NOTIFY * HTTP/1."])
        || o.bytes.starts_with(b"HTTP/1.1 200") && (o.has_port(1900) || holds(o.bytes, b"\nST:") || holds(o.bytes, b"\nUSN:"));
    /// RADIUS: a code that exists, a length that fits, attributes that fill it (RFC 2865, 3);
    /// where it is at home they may be broken.
    RADIUS = "radius", UDP, |o| matches!(u8_at(o.bytes, 0)?, 1..=5 | 11..=13 | 40..=45) && o.bytes.len() >= 20
        && (matches!(o.server_port, 1_645 | 1_646 | 1_812 | 1_813 | 3_799)
            || usize::from(u16_at(o.bytes, 2)?) == o.bytes.len() && is_filled(o.bytes.get(20..)?)?);
    /// Diameter: version 1, a length that fits, flags that exist (RFC 6733, 3).
    DIAMETER = "diameter", TCP, |o| u8_at(o.bytes, 0)? == 1 && u8_at(o.bytes, 4)? & 0x0f == 0
        && u32_at(o.bytes, 0)? & 0xff_ffff >= 20 && u32_at(o.bytes, 0)? & 3 == 0
        && matches!(u32_at(o.bytes, 4)? & 0xff_ffff, 257 | 258 | 265 | 268 | 271 | 272 | 274 | 275 | 280 | 282 | 300..=330)
        && length_at(o.bytes, 0)? & 0xff_ffff <= o.bytes.len();
    /// TFTP: a request with a mode (RFC 1350, 5), or an answer to one from another port (RFC 2347).
    TFTP = "tftp", UDP, |o| u8_at(o.bytes, 0)? == 0 && is_tftp(o.bytes)?;
    /// BGP: the marker, a length, a type (RFC 4271, 4.1).
    BGP = "bgp", TCP, |o| array_at(o.bytes, 0)? == [0xff; 16] && u16_at(o.bytes, 16)? >= 19 && matches!(u8_at(o.bytes, 18)?, 1..=5);
    /// LDP: version 1 (RFC 5036, 3.1).
    LDP = "ldp", TCP, |o| o.has_port(646) && u16_at(o.bytes, 0)? == 1 && u16_at(o.bytes, 2)? >= 6;
    /// The same in datagrams.
    LDP_UDP = "ldp", UDP, |o| o.has_port(646) && u16_at(o.bytes, 0)? == 1
        && usize::from(u16_at(o.bytes, 2)?) + 4 == o.bytes.len();
    /// HSRP, versions 0 and 2 (RFC 2281, 5).
    HSRP = "hsrp", UDP, |o| o.has_port(1985)
        && (matches!(array_at(o.bytes, 0)?, [0, 0..=3]) && o.bytes.len() >= 20 || matches!(array_at(o.bytes, 0)?, [1..=4, 1..=64]));
    /// RIP, versions 1 and 2 (RFC 2453, 3.6).
    RIP = "rip", UDP, |o| o.has_port(520) && matches!(array_at(o.bytes, 0)?, [1 | 2, 1 | 2, 0, 0]) && o.bytes.len() % 20 == 4;
    /// DLEP: its signals say their name (RFC 8175, 11).
    DLEP = "dlep", UDP, |o| o.bytes.starts_with(b"DLEP") && matches!(u16_at(o.bytes, 4)?, 1 | 2);
    /// DLEP's messages, where it is at home.
    DLEP_TCP = "dlep", TCP, |o| o.has_port(854) && matches!(u16_at(o.bytes, 0)?, 1..=16)
        && usize::from(u16_at(o.bytes, 2)?) + 4 <= o.bytes.len();
    /// NAT port mapping (RFC 6886, 3).
    NATPMP = "nat-pmp", UDP, |o| o.has_port(5351) && matches!(array_at(o.bytes, 0)?, [0, 0..=2 | 128..=130])
        && matches!(o.bytes.len(), 2 | 8 | 12 | 16);
    /// Port control (RFC 6887, 7).
    PCP = "pcp", UDP, |o| o.has_port(5351) && matches!(array_at(o.bytes, 0)?, [2, 0..=3 | 128..=131]) && o.bytes.len() >= 24;
    /// Service location, versions 1 and 2 (RFC 2608, 8).
    SLP = "slp", UDP, |o| o.has_port(427) && match array_at(o.bytes, 0)? {
        [2, 1..=11] => (u32_at(o.bytes, 1)? & 0xff_ffff) as usize == o.bytes.len(),
        [1, 1..=10] => usize::from(u16_at(o.bytes, 2)?) == o.bytes.len(),
        _ => false,
    };
    /// Remote management: ASF or IPMI behind RMCP's header (ASF 2.0, 3.2.2).
    RMCP = "rmcp", UDP, |o| matches!(array_at(o.bytes, 0)?, [6, 0, _, 6 | 7 | 0x86 | 0x87]) && (o.has_port(623) || o.has_port(664));
    /// NetFlow 5 and 9, and IPFIX with its length (RFC 3954, 7011).
    NETFLOW = "netflow", UDP, |o| u8_at(o.bytes, 0)? == 0 && match u16_at(o.bytes, 0)? {
        5 => usize::from(u16_at(o.bytes, 2)?) * 48 + 24 == o.bytes.len(),
        9 => matches!(o.server_port, 2055 | 9555 | 9995 | 9996) && (1..60).contains(&u16_at(o.bytes, 2)?),
        10 => usize::from(u16_at(o.bytes, 2)?) == o.bytes.len() && o.bytes.len() >= 20 && u32_at(o.bytes, 4)? > 0x4000_0000,
        _ => false,
    };
    /// sFlow 5: version, family of the agent's address.
    SFLOW = "sflow", UDP, |o| u32_at(o.bytes, 0)? == 5 && matches!(u32_at(o.bytes, 4)?, 1 | 2) && o.bytes.len() >= 28
        && (o.has_port(6343) || o.bytes.len().is_multiple_of(4));
    /// Precision time, version 2 (IEEE 1588, 13.3): a length that fits.
    PTP = "ptpv2", UDP, |o| (o.has_port(319) || o.has_port(320)) && u8_at(o.bytes, 1)? & 0x0f == 2
        && usize::from(u16_at(o.bytes, 2)?) <= o.bytes.len();
    /// X display manager: version 1 and a length (XDMCP 1.1).
    XDMCP = "xdmcp", UDP, |o| o.has_port(177) && u16_at(o.bytes, 0)? == 1 && matches!(u16_at(o.bytes, 2)?, 1..=13)
        && usize::from(u16_at(o.bytes, 4)?) + 6 == o.bytes.len();
    /// Roughtime: its frames have a name; before they had, tags that all exist, in order (draft-ietf-ntp-roughtime, 5).
    ROUGHTIME = "roughtime", UDP, |o| o.bytes.starts_with(b"ROUGHTIM") || is_roughtime(o.bytes)?;
    /// AFS's Rx: a packet's kind, where it is at home.
    RX = "rx", UDP, |o| (7_000..=7_009).contains(&o.server_port) && o.bytes.len() >= 28
        && matches!(u8_at(o.bytes, 20)?, 1..=13) && u32_at(o.bytes, 0)? != 0;
}

fn is_snmp(bytes: &[u8], at_home: bool) -> Option<bool> {
    let (start, end) = der(bytes)?;
    let [0x02, 0x01, version @ (0 | 1 | 3)] = array_at(bytes, start)? else { return Some(false) };
    if at_home {
        return Some(true);
    }
    // A community and an operation, or the third version's own sequence.
    let next = start + 3;
    let (inner, behind) = der(bytes.get(next..)?)?;
    Some(
        end == bytes.len()
            && match (version, u8_at(bytes, next)?) {
                (3, 0x30) => array_at(bytes, next + inner)? == [0x02, 0x04],
                (0 | 1, 0x04) => matches!(u8_at(bytes, next.checked_add(behind)?)?, 0xa0..=0xa8),
                _ => false,
            },
    )
}

/// Whether attributes of type, length and value fill the bytes.
fn is_filled(mut bytes: &[u8]) -> Option<bool> {
    while !bytes.is_empty() {
        let length = usize::from(u8_at(bytes, 1)?);
        if length < 2 || u8_at(bytes, 0)? == 0 {
            return Some(false);
        }
        bytes = bytes.get(length..)?;
    }
    Some(true)
}

/// A count of tags, where the value of each but the first begins, the tags.
fn is_roughtime(bytes: &[u8]) -> Option<bool> {
    let count = le_length_at(bytes, 0)?;
    if !(2..=16).contains(&count) || !bytes.len().is_multiple_of(4) {
        return Some(false);
    }
    let (offsets, rest) = bytes.get(4..)?.split_at_checked(4 * (count - 1))?;
    let (tags, values) = rest.split_at_checked(4 * count)?;
    let known: [&[u8]; 16] = [
        b"NONC", b"PAD\xff", b"PAD\0", b"ZZZZ", b"SIG\0", b"SREP", b"PATH", b"INDX", b"CERT", b"ROOT",
        b"MIDP", b"RADI", b"VER\0", b"SRV\0", b"TYPE", b"VERS",
    ];
    let mut last = 0;
    let in_order = (0..count - 1).all(|at| {
        let offset = le32_at(offsets, 4 * at).map_or(usize::MAX, |offset| offset as usize);
        let good = offset >= last && offset <= values.len() && offset.is_multiple_of(4);
        last = offset;
        good
    });
    Some(in_order && tags.chunks(4).all(|tag| known.contains(&tag)))
}

fn is_tftp(bytes: &[u8]) -> Option<bool> {
    let rest = bytes.get(2..)?;
    Some(match u8_at(bytes, 1)? {
        1 | 2 => {
            let mut words = rest.split(|&byte| byte == 0);
            let (name, mode) = (words.next()?, words.next()?);
            !name.is_empty()
                && [&b"octet"[..], b"netascii", b"mail"].iter().any(|known| mode.eq_ignore_ascii_case(known))
        }
        // The first block is full; nothing is acknowledged but it, or the request.
        3 => rest.starts_with(&[0, 1]) && bytes.len() == 516,
        4 => matches!(rest, [0, 0 | 1]),
        5 => {
            rest.len() > 3
                && matches!(rest, [0, 0..=8, text @ .., 0] if text.iter().all(|byte| (b' '..=b'~').contains(byte)))
        }
        6 => [&b"blksize\0"[..], b"tsize\0", b"timeout\0", b"windowsize\0"]
            .iter()
            .any(|option| rest.get(..option.len()).is_some_and(|start| start.eq_ignore_ascii_case(option))),
        _ => false,
    })
}
