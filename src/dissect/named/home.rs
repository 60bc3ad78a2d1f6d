//! What stands in a house: lamps, plugs, cameras, printers, and what finds them.

use super::{end4, holds, le16_at, le32_at, length_at, starts_with_any};
use crate::dissect::Opening;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// Tuya's things over TCP, between the marks that its datagrams have.
    TUYA_TCP = "tuya-lp", TCP, |o| matches!((u32_at(o.bytes, 0)?, end4(o.bytes)?), (0x55aa, 0xaa55) | (0x6699, 0x9966));
    /// TP-Link's smart home: JSON, each byte mixed with the one before it.
    KASA = "tplink-shp", UDP, |o| is_mixed_json(o.bytes)?;
    /// The same with its length before it.
    KASA_TCP = "tplink-shp", TCP, |o| u8_at(o.bytes, 0)? == 0 && length_at(o.bytes, 0)? + 4 >= o.bytes.len()
        && is_mixed_json(o.bytes.get(4..)?)?;
    /// Xiaomi's miIO: its mark and a length that fits.
    MIIO = "miio", UDP, |o| array_at(o.bytes, 0)? == [0x21, 0x31] && usize::from(u16_at(o.bytes, 2)?) == o.bytes.len();
    /// LIFX: a size that fits, its protocol's number with the bit that has to be set (LAN protocol, Header).
    LIFX = "lifx", UDP, |o| usize::from(le16_at(o.bytes, 0)?) == o.bytes.len() && le16_at(o.bytes, 2)? & 0x1fff == 0x1400
        && o.bytes.len() >= 36;
    /// WiZ's lamps.
    WIZ = "wiz", UDP, |o| o.has_port(38_899) && u8_at(o.bytes, 0)? == b'{' && holds(o.bytes, b"\"method\"");
    /// Yeelight's lamps, where they are at home.
    YEELIGHT = "yeelight", TCP, |o| o.has_port(55_443) && u8_at(o.bytes, 0)? == b'{' && (holds(o.bytes, b"\"method\"") || holds(o.bytes, b"\"result\""));
    /// Projectors (PJLink, 4): a greeting with whether it asks who you are.
    PJLINK = "pjlink", TCP, |o| starts_with_any(o.bytes, &[b"PJLINK 0\r", b"PJLINK 1 "]);
    /// Music Player Daemon's greeting.
    MPD = "mpd", TCP, |o| o.bytes.starts_with(b"OK MPD 0.");
    /// Broadlink: what each of its commands begins with.
    BROADLINK = "broadlink", UDP, |o| o.bytes.starts_with(&[0x5a, 0xa5, 0xaa, 0x55, 0x5a, 0xa5, 0xaa, 0x55]);
    /// KNXnet/IP: its header's size and version, a service and a length that fits (EN 13321-2).
    KNX = "knxnet-ip", UDP, |o| is_knx(o)?;
    /// The same over TCP.
    KNX_TCP = "knxnet-ip", TCP, |o| is_knx(o)?;
    /// Matter, where it is at home: a message outside of a session that belongs to the secure channel (Matter 1.0, 4.4).
    MATTER = "matter", UDP, |o| o.has_port(5_540) && u8_at(o.bytes, 0)? & 0xf8 == 0 && array_at(o.bytes, 1)? == [0; 3]
        && is_matter(o.bytes)?;
    /// Art-Net and sACN: light, and who names himself (ANSI E1.17, E1.31).
    ARTNET = "art-net", UDP, |o| o.bytes.starts_with(b"Art-Net\0");
    /// ANSI E1.31, 5
    SACN = "sacn", UDP, |o| o.bytes.starts_with(b"\0\x10\0\0ASC-E1.17\0\0\0");
    /// Dahua's cameras and recorders.
    DHIP = "dhip", TCP, |o| o.bytes.starts_with(b"\x20\0\0\0DHIP");
    /// The same in datagrams: who is there?
    DHIP_UDP = "dhip", UDP, |o| o.bytes.starts_with(b"\x20\0\0\0DHIP");
    /// Reolink's cameras.
    BAICHUAN = "baichuan", TCP, |o| u32_at(o.bytes, 0)? == 0xf0de_bc0a && le32_at(o.bytes, 4)? < 0x1_0000;
    /// Canon's printers and scanners.
    BJNP = "bjnp", UDP, |o| starts_with_any(o.bytes, &[b"BJNP", b"BNJB", b"MFNP"]) && u8_at(o.bytes, 4)? & 0x7c == 0
        && o.bytes.len() >= 16;
    /// Jobs for printers, in PJL and with the universal exit before it.
    JETDIRECT = "jetdirect", TCP, |o| o.bytes.starts_with(b"\x1b%-12345X");
    /// Line printers: a command and a queue (RFC 1179, 5).
    LPD = "lpd", TCP, |o| o.server_port == 515 && matches!(u8_at(o.bytes, 0)?, 1..=5) && o.bytes.ends_with(b"\n")
        && o.bytes.get(1..o.bytes.len() - 1)?.iter().all(|byte| (b' '..=b'~').contains(byte));
    /// Wake on LAN: six bytes of ones, an address sixteen times.
    WOL = "wol", UDP, |o| array_at(o.bytes, 0)? == [0xff; 6]
        && o.bytes.get(6..102)?.chunks(6).all(|address| o.bytes.get(6..12) == Some(address))
        && array_at(o.bytes, 6)? != [0xff; 6];
    /// Ubiquiti's discovery: version, command, a length that fits.
    UBIQUITI = "ubntac2", UDP, |o| o.has_port(10_001) && matches!(u8_at(o.bytes, 0)?, 1 | 2)
        && usize::from(u16_at(o.bytes, 2)?) + 4 == o.bytes.len();
    /// MikroTik's discovery: a question of zeros, or values that fill it.
    MNDP = "mndp", UDP, |o| o.has_port(5_678) && is_mndp(o.bytes)?;
    /// Syncthing, looking for itself nearby (Local Discovery Protocol v4).
    SYNCTHING = "syncthing", UDP, |o| u32_at(o.bytes, 0)? == 0x2ea7_d90b;
    /// Syncthing's relays.
    SYNCTHING_TCP = "syncthing", TCP, |o| u32_at(o.bytes, 0)? == 0x9e79_bc40;
    /// Dropbox, looking for itself nearby.
    DROPBOX = "dropbox", UDP, |o| o.has_port(17_500) && u8_at(o.bytes, 0)? == b'{' && holds(o.bytes, b"\"host_int\"");
    /// Spotify's own connections: a hello of just this length.
    SPOTIFY_TCP = "spotify", TCP, |o| array_at(o.bytes, 0)? == [0, 4, 0, 0] && length_at(o.bytes, 2)? == o.bytes.len()
        && u8_at(o.bytes, 6)? == 0x52;
    /// TiVo's recorders, looking for each other.
    TIVO = "tivoconnect", UDP, |o| o.bytes.starts_with(b"TiVoConnect=");
    /// AnyDesk, looking for itself nearby.
    ANYDESK = "anydesk", UDP, |o| (50_001..=50_003).contains(&o.server_port) && array_at(o.bytes, 0)? == [0x3e, 0xd1];
}

/// Whether `{"` and more text come out, where the first key is 171.
fn is_mixed_json(bytes: &[u8]) -> Option<bool> {
    if array_at(bytes, 0)? != [0xd0, 0xf2] || bytes.len() < 8 {
        return Some(false);
    }
    let plain = bytes.windows(2).take(64).map(|pair| pair.iter().fold(0, |sum, byte| sum ^ byte));
    Some(plain.into_iter().all(|byte| (b' '..=b'~').contains(&byte)))
}

fn is_knx(o: &Opening<'_>) -> Option<bool> {
    let service = u16_at(o.bytes, 2)?;
    Some(
        array_at(o.bytes, 0)? == [6, 0x10]
            && matches!(service, 0x201..=0x20c | 0x310 | 0x311 | 0x420..=0x425 | 0x530..=0x533 | 0x740..=0x743 | 0x950..=0x955)
            && usize::from(u16_at(o.bytes, 4)?) == o.bytes.len(),
    )
}

fn is_matter(bytes: &[u8]) -> Option<bool> {
    let flags = u8_at(bytes, 0)?;
    let source = if flags & 4 != 0 { 8 } else { 0 };
    let destination = match flags & 3 {
        0 => 0,
        1 => 8,
        2 => 2,
        _ => return Some(false),
    };
    let inner = bytes.get(8 + source + destination..)?;
    Some(
        u8_at(inner, 0)? & 0xe0 == 0
            && matches!(u8_at(inner, 1)?, 0x10 | 0x20..=0x24 | 0x30..=0x33 | 0x40)
            && le16_at(inner, 4)? == 0,
    )
}

fn is_mndp(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes.get(4..)?;
    if bytes.iter().all(|&byte| byte == 0) {
        return Some(bytes.len() <= 9);
    }
    while !rest.is_empty() {
        if !matches!(u16_at(rest, 0)?, 1..=32) {
            return Some(false);
        }
        rest = rest.get(4 + usize::from(u16_at(rest, 2)?)..)?;
    }
    Some(bytes.len() > 4)
}
