//! Voice, video, and what sets them up; tunnels; play.

use super::{first_line_has, holds, le_length_at, le16_at, le32_at, length_at, starts_with_any};
use crate::dissect::Opening;
use crate::dissect::tls::dtls::Session;
use crate::dissect::words::Words;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

/// What STUN has at byte 4 since RFC 5389.
pub const STUN_COOKIE: u32 = 0x2112_a442;

named! {
    /// RTSP and SIP over TCP speak like HTTP (RFC 7826, RFC 3261).
    RTSP = "rtsp", TCP, |o| starts_with_any(o.bytes, &[b"RTSP/1.0 ", b"RTSP/2.0 "])
        || u8_at(o.bytes, 0)?.is_ascii_uppercase() && first_line_has(o.bytes, b" RTSP/1.0");
    /// RFC 3261 over TCP.
    SIP_TCP = "sip", TCP, |o| u8_at(o.bytes, 0)?.is_ascii_uppercase() && is_sip(o.bytes);
    /// RFC 3261
    SIP = "sip", UDP, |o| u8_at(o.bytes, 0)?.is_ascii_uppercase() && is_sip(o.bytes);
    /// STUN: the cookie, and a length that fits (RFC 8489, 5). Before the cookie, attributes that fill it.
    STUN = "stun", UDP, |o| u8_at(o.bytes, 0)? < 0x40 && usize::from(u16_at(o.bytes, 2)?) + 20 == o.bytes.len()
        && (u32_at(o.bytes, 4)? == STUN_COOKIE || is_old_stun(o.bytes)?) => Session::of_call();
    /// STUN over TCP; Microsoft's has a length before it.
    STUN_TCP = "stun", TCP, |o| u8_at(o.bytes, 0)? < 0x40 && u32_at(o.bytes, 4)? == STUN_COOKIE
        && usize::from(u16_at(o.bytes, 2)?) + 20 <= o.bytes.len();
    /// RTCP: reports that fill the datagram (RFC 3550, 6.1).
    RTCP = "rtcp", UDP, |o| matches!(array_at(o.bytes, 0)?, [0x80..=0x9f, 200 | 201 | 205 | 206]) && is_rtcp(o.bytes)?;
    /// RTP: a payload of a size that its codec has, or an extension that is one (RFC 3550, 5.1; RFC 3551, 6; RFC 8285, 4).
    RTP = "rtp", UDP, |o| is_rtp(o)?;
    /// MPEG's transport stream: packets of 188 bytes, each with its mark.
    MPEGTS = "mpeg-ts", UDP, |o| u8_at(o.bytes, 0)? == 0x47 && o.bytes.len().is_multiple_of(188)
        && o.bytes.chunks(188).all(|packet| packet.first() == Some(&0x47));
    /// H.323's calls: Q.931 behind TPKT.
    H323 = "h323", TCP, |o| array_at(o.bytes, 0)? == [3, 0] && usize::from(u16_at(o.bytes, 2)?) <= o.bytes.len()
        && array_at(o.bytes, 4)? == [8, 2] && matches!(u8_at(o.bytes, 8)?, 1..=7 | 0x5a | 0x62 | 0x6e | 0x7d);
    /// Cisco's phones.
    SKINNY = "cisco-skinny", TCP, |o| o.has_port(2000) && le_length_at(o.bytes, 0)? + 8 <= o.bytes.len()
        && le32_at(o.bytes, 0)? >= 4 && le32_at(o.bytes, 4)? <= 0x20 && le32_at(o.bytes, 8)? <= 0x1ff;
    /// Who may speak (RFC 8855, 5.1): a length that fits.
    BFCP = "bfcp", UDP, |o| matches!(array_at(o.bytes, 0)?, [0x20 | 0x30 | 0x40 | 0x50, 1..=18])
        && usize::from(u16_at(o.bytes, 2)?) * 4 + 12 == o.bytes.len() && u32_at(o.bytes, 4)? != 0;
    /// The same over TCP.
    BFCP_TCP = "bfcp", TCP, |o| matches!(array_at(o.bytes, 0)?, [0x20 | 0x30, 1..=18])
        && usize::from(u16_at(o.bytes, 2)?) * 4 + 12 == o.bytes.len() && u32_at(o.bytes, 4)? != 0;
    /// A record of DTLS (RFC 9147, 4); 1.0 counts downwards, and Cisco's older one differs.
    DTLS = "dtls", UDP, |o| matches!(array_at(o.bytes, 0)?, [20..=25, 0xfe, 0xff | 0xfd | 0xfc] | [20..=25, 1, 0])
        && usize::from(u16_at(o.bytes, 11)?) + 13 <= o.bytes.len() && u16_at(o.bytes, 3)? < 16;
    /// Messages of WireGuard, whose sizes are fixed, or even (its paper, 5.4).
    WIREGUARD = "wireguard", UDP, |o| match (array_at(o.bytes, 0)?, o.bytes.len()) {
        ([1, 0, 0, 0], 148) | ([2, 0, 0, 0], 92) | ([3, 0, 0, 0], 64) => true,
        ([4, 0, 0, 0], length) => length >= 32 && length.is_multiple_of(16) && le32_at(o.bytes, 12)? == 0,
        _ => false,
    };
    /// OpenVPN: a reset, alone or with what authenticates it.
    OPENVPN = "openvpn", UDP, |o| is_openvpn(o.bytes)?;
    /// The same with its length before it.
    OPENVPN_TCP = "openvpn", TCP, |o| usize::from(u16_at(o.bytes, 0)?) + 2 == o.bytes.len() && is_openvpn(o.bytes.get(2..)?)?;
    /// IKE, also behind the mark that tells it from ESP (RFC 7296, 3.1; RFC 3948, 2).
    IKE = "ipsec", UDP, |o| is_ike(o.bytes)? || o.has_port(4500)
        && (o.bytes == [0xff] || is_ike(o.bytes.get(4..)?)? && u32_at(o.bytes, 0)? == 0 || is_esp(o.bytes)?);
    /// L2TP: version 2, a control message whose length fits (RFC 2661, 3.1).
    L2TP = "l2tp", UDP, |o| (o.has_port(1701) || u16_at(o.bytes, 0)? == 0xc802) && u16_at(o.bytes, 0)? & 0x000f == 2
        && (u16_at(o.bytes, 0)? & 0x4000 == 0 || usize::from(u16_at(o.bytes, 2)?) == o.bytes.len());
    /// PPTP: the cookie (RFC 2637, 2.1).
    PPTP = "pptp", TCP, |o| u32_at(o.bytes, 4)? == 0x1a2b_3c4d && u16_at(o.bytes, 2)? == 1;
    /// GTP's control messages, versions 1 and 2 (TS 29.060, 6; TS 29.274, 5).
    GTPC = "gtp-c", UDP, |o| o.has_port(2123) && match u8_at(o.bytes, 0)? {
        0x30..=0x37 => usize::from(u16_at(o.bytes, 2)?) + 8 == o.bytes.len(),
        0x40..=0x5f => usize::from(u16_at(o.bytes, 2)?) + 4 <= o.bytes.len(),
        _ => false,
    };
    /// GTP's tunnel (TS 29.281, 5.1).
    GTPU = "gtp", UDP, |o| o.has_port(2152) && matches!(u8_at(o.bytes, 0)?, 0x30..=0x37)
        && usize::from(u16_at(o.bytes, 2)?) + 8 == o.bytes.len();
    /// GTP': what is charged, in a header of 6 bytes or of 20 (TS 32.295, 6.1.1).
    GTPP = "gtp-prime", UDP, |o| o.has_port(3_386) && u8_at(o.bytes, 0)? & 0x10 == 0 && u8_at(o.bytes, 0)? >> 5 <= 2
        && matches!(o.bytes.len().checked_sub(usize::from(u16_at(o.bytes, 2)?)), Some(6 | 20));
    /// PFCP: version 1 and a length (TS 29.244, 7.2).
    PFCP = "pfcp", UDP, |o| o.has_port(8805) && matches!(u8_at(o.bytes, 0)?, 0x20..=0x27)
        && usize::from(u16_at(o.bytes, 2)?) + 4 == o.bytes.len();
    /// SOCKS 5 (RFC 1928, 3): just the methods that it counts; and 4, with a name that ends.
    SOCKS = "socks", TCP, |o| match array_at(o.bytes, 0)? {
        [5, count @ 1..=9] => o.bytes.len() == 2 + usize::from(count) && o.bytes.get(2..)?.iter().all(|&method| method <= 9),
        [4, 1 | 2] => o.bytes.len() >= 9 && o.bytes.ends_with(&[0]) && u16_at(o.bytes, 2)? != 0
            && o.bytes.get(8..)?.iter().all(|&byte| byte == 0 || byte.is_ascii_graphic()),
        _ => false,
    } => Words::of_proxy();
    /// The handshake of BitTorrent's peers (BEP 3).
    BITTORRENT = "bittorrent", TCP, |o| o.bytes.starts_with(b"\x13BitTorrent protocol");
    /// Its table (BEP 5), trackers (BEP 15), uTP (BEP 29) and search nearby (BEP 14).
    BITTORRENT_UDP = "bittorrent", UDP, |o| match u8_at(o.bytes, 0)? {
        b'd' => o.bytes.ends_with(b"e") && (holds(o.bytes, b"1:y1:q") || holds(o.bytes, b"1:y1:r") || holds(o.bytes, b"1:y1:e")),
        b'B' => o.bytes.starts_with(b"BT-SEARCH * HTTP/1.1"),
        0 => array_at(o.bytes, 0)? == [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80] && u32_at(o.bytes, 8)? == 0,
        0x41 => matches!((u8_at(o.bytes, 1)?, o.bytes.len()), (0, 20) | (2, 30)) && u32_at(o.bytes, 8)? == 0
            && u16_at(o.bytes, 16)? == 1,
        _ => false,
    };
    /// eDonkey: a length that fits, and hello.
    EDONKEY = "edonkey", TCP, |o| matches!(u8_at(o.bytes, 0)?, 0xe3 | 0xc5) && le_length_at(o.bytes, 1)? + 5 == o.bytes.len()
        && matches!(u8_at(o.bytes, 5)?, 1 | 0x4c | 0x40 | 0x46);
    /// Bitcoin's peers: the main network's mark, and a command.
    BITCOIN = "bitcoin", TCP, |o| array_at(o.bytes, 0)? == [0xf9, 0xbe, 0xb4, 0xd9] && u8_at(o.bytes, 4)?.is_ascii_lowercase();
    /// Steam: datagrams of its clients, and who would play remotely nearby.
    STEAM = "steam", UDP, |o| starts_with_any(o.bytes, &[b"VS01", b"\xff\xff\xff\xff\x21\x4c\x5f\xa0"]);
    /// Spotify, looking for itself nearby.
    SPOTIFY = "spotify", UDP, |o| o.bytes.starts_with(b"SpotUdp");
    /// Discord: a client asks for its address; or what keeps a call's way open.
    DISCORD = "discord", UDP, |o| matches!(array_at(o.bytes, 0)?, [0, 1 | 2, 0, 70]) && o.bytes.len() == 74
        || u32_at(o.bytes, 0)? == 0x1337_cafe && o.bytes.len() == 8;
    /// Tailscale's own datagrams beside WireGuard's.
    TAILSCALE = "tailscale", UDP, |o| o.bytes.starts_with(b"TS\xf0\x9f\x92\xac");
    /// WhatsApp: its mark and version, then lengths of three bytes.
    WHATSAPP = "whatsapp", TCP, |o| matches!(array_at(o.bytes, 0)?,
        [b'W', b'A', 1..=9, 0..=9, 0, _, _] | [b'E', b'D', 0, 1, 0, 0, _]);
    /// QQ: between its marks, where it is at home.
    OICQ = "oicq", UDP, |o| u8_at(o.bytes, 0)? == 2 && o.bytes.ends_with(&[3]) && o.bytes.len() >= 11 && o.has_port(8000);
    /// KCP: segments that fill the datagram.
    KCP = "kcp", UDP, |o| matches!(u8_at(o.bytes, 4)?, 81..=84) && is_kcp(o.bytes)?;
    /// TeamViewer's datagrams have the mark behind a header.
    TEAMVIEWER_UDP = "teamviewer", UDP, |o| u8_at(o.bytes, 0)? == 0 && array_at(o.bytes, 11)? == [0x17, 0x24]
        && matches!(u8_at(o.bytes, 13)?, 1..=0x3f);
    /// TeamViewer: its mark, a command, and where it is not at home a length that fits.
    TEAMVIEWER = "teamviewer", TCP, |o| array_at(o.bytes, 0)? == [0x17, 0x24] && (o.has_port(5_938)
        || matches!(u8_at(o.bytes, 2)?, 1..=0x3f) && o.bytes.get(5 + usize::from(le16_at(o.bytes, 3)?)..)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(&[0x17, 0x24])));
}

fn is_sip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SIP/2.0 ") || first_line_has(bytes, b" SIP/2.0")
}

/// RFC 3489, 11: attributes of whole words, on every one of them.
fn is_old_stun(bytes: &[u8]) -> Option<bool> {
    if !matches!(u16_at(bytes, 0)?, 1 | 0x101 | 0x111) || bytes.len() < 28 {
        return Some(false);
    }
    let mut rest = bytes.get(20..)?;
    while !rest.is_empty() {
        let known = matches!(u16_at(rest, 0)?, 1..=0x16 | 0x20 | 0x8000..=0x80ff);
        if !known {
            return Some(false);
        }
        rest = rest.get(4 + usize::from(u16_at(rest, 2)?).next_multiple_of(4)..)?;
    }
    Some(true)
}

fn is_rtcp(mut bytes: &[u8]) -> Option<bool> {
    while !bytes.is_empty() {
        // Encrypted, something that is no report stands behind (RFC 3711, 3.4).
        if !matches!(array_at(bytes, 0)?, [0x80..=0xbf, 200..=207]) {
            return Some(bytes.len() == 4 || bytes.len() == 14);
        }
        bytes = bytes.get((usize::from(u16_at(bytes, 2)?) + 1) * 4..)?;
    }
    Some(true)
}

fn is_rtp(o: &Opening<'_>) -> Option<bool> {
    let first = u8_at(o.bytes, 0)?;
    if first & 0xe0 != 0x80 || o.client_port < 1_024 || o.server_port < 1_024 {
        return Some(false);
    }
    let header = 12 + 4 * usize::from(first & 0x0f);
    let kind = u8_at(o.bytes, 1)? & 0x7f;
    if u32_at(o.bytes, 8)? == 0 || o.bytes.len() <= header {
        return Some(false);
    }
    if first & 0x10 != 0 {
        let words = usize::from(u16_at(o.bytes, header + 2)?);
        let mark = u16_at(o.bytes, header)?;
        return Some(
            (mark == 0xbede || mark & 0xfff0 == 0x1000)
                && words <= 64
                && header + 4 + words * 4 <= o.bytes.len(),
        );
    }
    let payload = o.bytes.len() - header;
    Some(
        first & 0x0f == 0
            && match kind {
                // So many milliseconds of 8,000 bytes each second.
                0 | 8 | 9 => matches!(payload, 80 | 160 | 240 | 320 | 480),
                3 => payload.is_multiple_of(33),
                4 => matches!(payload, 4 | 20 | 24 | 48),
                18 => payload % 10 <= 2 && payload <= 82,
                33 => payload.is_multiple_of(188),
                // Any codec: on the even one of two ports (11), with a beginning that chance hardly has.
                96..=127 => (o.client_port & 1 == 0 && o.server_port & 1 == 0) && payload >= 20,
                _ => false,
            },
    )
}

fn is_openvpn(bytes: &[u8]) -> Option<bool> {
    let length = bytes.len();
    // How many bytes of authentication there are (none, MD5, SHA-1, SHA-256,
    // SHA-512), with the packet's number and its time.
    let authentic = |plain: usize| matches!(length.checked_sub(plain), Some(0 | 24 | 28 | 40 | 72));
    let first = |at: usize| u32_at(bytes, at).is_some_and(|number| number == 1 || number == 0x0f00_0001);
    let zeros = |count: usize| {
        length
            .checked_sub(count)
            .and_then(|at| bytes.get(at..))
            .is_some_and(|end| end.iter().all(|&byte| byte == 0))
    };
    Some(match u8_at(bytes, 0)? {
        // Nothing to acknowledge, message 0.
        0x38 => authentic(14) && zeros(5) && (length == 14 || first(length - 13)) || length >= 54 && first(9),
        // One message acknowledged.
        0x40 => authentic(26) && zeros(4) && u8_at(bytes, length - 17)? == 1 || length >= 54 && first(9),
        0x50 => length >= 54 && first(9),
        _ => false,
    })
}

fn is_ike(bytes: &[u8]) -> Option<bool> {
    let kinds = matches!((u8_at(bytes, 17)?, u8_at(bytes, 18)?), (0x10, 1..=6 | 32 | 33) | (0x20, 34..=43));
    Some(kinds && length_at(bytes, 24)? == bytes.len() && bytes.get(..8)?.iter().any(|&byte| byte != 0))
}

/// RFC 4303, 2: an index that is none of the reserved, and no more is open.
fn is_esp(bytes: &[u8]) -> Option<bool> {
    Some(
        u32_at(bytes, 0)? > 255
            && u32_at(bytes, 4)? < 0x10_0000
            && bytes.len() >= 36
            && bytes.len().is_multiple_of(4),
    )
}

fn is_kcp(mut bytes: &[u8]) -> Option<bool> {
    while !bytes.is_empty() {
        let length = usize::try_from(le32_at(bytes, 20)?).ok()?;
        if !matches!(u8_at(bytes, 4)?, 81..=84) || le16_at(bytes, 6)? == 0 {
            return Some(false);
        }
        bytes = bytes.get(24_usize.checked_add(length)?..)?;
    }
    Some(true)
}
