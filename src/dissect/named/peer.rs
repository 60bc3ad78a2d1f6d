//! Peers that share files, coins or networks, and talk.

use super::{MAX_SEARCHED, first_line, holds, le_length_at, le32_at, starts_with_any};
use crate::dissect::Side;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// BitTorrent's messages of which the beginning was not seen: whole blocks, or who asks for one (BEP 3).
    BITTORRENT_LATER = "bittorrent", TCP, |o| match array_at(o.bytes, 0)? {
        [0, 0, 0x40, 9, 7] => u32_at(o.bytes, 9)?.is_multiple_of(0x4000),
        [0, 0, 0, 13, 6 | 8] => u32_at(o.bytes, 9)?.is_multiple_of(0x4000) && u32_at(o.bytes, 13)? == 0x4000,
        _ => false,
    };
    /// Gnutella's messages in datagrams: a number with the mark of whoever is not old, a kind, a short way and a length
    /// that fits (Gnutella 0.6, 2.2.1).
    GNUTELLA_UDP = "gnutella", UDP, |o| matches!(array_at(o.bytes, 8)?, [0xff, _, _, _, _, _, _, _, 0 | 1 | 2 | 0x30 | 0x31 | 0x40 | 0x80 | 0x81, 1..=7, 0..=7])
        && le_length_at(o.bytes, 19)? + 23 == o.bytes.len();
    /// Kademlia of eMule: who asks, who answers with contacts that fill it, and hello.
    KAD = "edonkey", UDP, |o| u8_at(o.bytes, 0)? == 0xe4 && match u8_at(o.bytes, 1)? {
        0x21 => o.bytes.len() == 35 && matches!(u8_at(o.bytes, 2)?, 2 | 4 | 11),
        0x29 => usize::from(u8_at(o.bytes, 18)?) * 25 + 19 == o.bytes.len(),
        0x11 | 0x19 => matches!(array_at(o.bytes, 18)?, [_, _, 2..=10, 0..=8]),
        _ => false,
    };
    /// Soulseek: a log-in as long as it says, with a name that does too.
    SOULSEEK = "soulseek", TCP, |o| le_length_at(o.bytes, 0)? + 4 <= o.bytes.len() && is_soulseek(o.bytes)?;
    /// Direct Connect: NMDC's lock, or a session of ADC.
    DIRECTCONNECT = "directconnect", TCP, |o| starts_with_any(o.bytes, &[b"$Lock ", b"$MyNick ", b"HSUP AD", b"CSUP AD"]);
    /// Ethereum finds nodes (devp2p, discv4): a signature's last byte, a kind, a list that fits.
    ETHEREUM = "ethereum", UDP, |o| matches!(array_at(o.bytes, 96)?, [0 | 1, 1..=6]) && is_rlp(o.bytes.get(98..)?)?;
    /// Monero's peers: Levin's signature.
    MONERO = "monero", TCP, |o| o.bytes.starts_with(&[1, 0x21, 1, 1, 1, 1, 1, 1]);
    /// Who digs for coins as CryptoNote's do: a log-in with a name and a password, or the first job.
    CRYPTONOTE = "mining", TCP, |o| u8_at(o.bytes, 0)? == b'{' && (holds(o.bytes, b"\"login\"") && holds(o.bytes, b"\"pass\"")
        && holds(o.bytes, b"\"params\"") || holds(o.bytes, b"\"blob\"") && holds(o.bytes, b"\"job_id\""));
    /// JSON-RPC 2.0 by itself, not in HTTP; whole, as what is called may say more.
    JSONRPC = "json-rpc", TCP, |o| matches!(u8_at(o.bytes, 0)?, b'{' | b'[')
        && (o.bytes.len() >= MAX_SEARCHED || matches!(o.bytes.trim_ascii_end().last()?, b'}' | b']')) && holds(o.bytes, b"\"jsonrpc\"")
        && holds(o.bytes, b"\"2.0\"") && (holds(o.bytes, b"\"method\"") || holds(o.bytes, b"\"id\""));
    /// ZeroTier, where it is at home: hello, which is not encrypted, of a version that exists.
    ZEROTIER = "zerotier", UDP, |o| o.has_port(9_993) && u8_at(o.bytes, 18)? & 0x38 == 0
        && matches!(array_at(o.bytes, 27)?, [1, 4..=20]);
    /// Nebula: the first message of a handshake, with the numbers that it has to have.
    NEBULA = "nebula", UDP, |o| array_at(o.bytes, 0)? == [0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    /// tinc: who I am, and version 17 of its protocol.
    TINC = "tinc", TCP, |o| o.bytes.starts_with(b"0 ") && is_tinc(first_line(o.bytes))?;
    /// DNSCrypt: what a server's answers begin with.
    DNSCRYPT = "dnscrypt", UDP, |o| o.bytes.starts_with(b"r6fnvWj8");
    /// Teredo: IPv6 as long as it says, or behind what authenticates it (RFC 4380, 5.1.1).
    TEREDO = "teredo", UDP, |o| o.has_port(3_544) && match u8_at(o.bytes, 0)? {
        0x60..=0x6f => usize::from(u16_at(o.bytes, 4)?) + 40 == o.bytes.len(),
        0 => matches!(u8_at(o.bytes, 1)?, 0 | 1) && o.bytes.len() >= 48,
        _ => false,
    };
    /// Zoom's media (Michel et al., Enabling passive measurement of Zoom performance, 4.2): RTP and RTCP where they have
    /// to be for each kind, behind a server's header or, between peers, without.
    ZOOM = "zoom", UDP, |o| is_zoom(o.bytes)?
        || o.has_port(8_801) && u8_at(o.bytes, 0)? == 5 && is_zoom(o.bytes.get(8..)?)?;
    /// Telegram: framed as one of three ways says, before anything is encrypted (MTProto, Transports).
    TELEGRAM = "telegram", TCP, |o| match u8_at(o.bytes, 0)? {
        0xee | 0xdd => matches!(u32_at(o.bytes, 0)?, 0xeeee_eeee | 0xdddd_dddd)
            && (16..=o.bytes.len()).contains(&(le_length_at(o.bytes, 4)? + 8)),
        0xef => usize::from(u8_at(o.bytes, 1)?) * 4 + 2 == o.bytes.len() && array_at(o.bytes, 2)? == [0; 8],
        _ => false,
    };
    /// Telegram's calls: a peer's tag, and the ping to a relay (libtgvoip); -1 alone is silence in RTP.
    TELEGRAM_UDP = "telegram", UDP, |o| o.bytes.len() == 40 && o.bytes.get(16..28)? == [0xff; 12]
        && array_at(o.bytes, 28)? == [0xfe, 0xff, 0xff, 0xff];
    /// WeChat: records of its own, almost TLS's.
    WECHAT = "wechat", TCP, |o| matches!(array_at(o.bytes, 0)?, [0x15..=0x19, 0xf1, 3 | 4]) && are_records(o.bytes, 0xf1, false)?;
    /// Threema (Cryptography Whitepaper, Chat Protocol): a client's key and a cookie, nothing else, where it is at home.
    THREEMA = "threema", TCP, |o| o.server_port == 5_222 && o.side == Side::Client && o.bytes.len() == 48
        && o.bytes.iter().filter(|&&byte| byte >= 0x80).count() >= 12;
    /// WebSocket of which the beginning was not seen: a frame of text, and text in it (RFC 6455, 5.2).
    WEBSOCKET = "websocket", TCP, |o| u8_at(o.bytes, 0)? == 0x81 && is_websocket(o.bytes)?;
    /// TLS of which the beginning was not seen: records in a row (RFC 8446, 5.1).
    TLS_LATER = "tls", TCP, |o| matches!(array_at(o.bytes, 0)?, [0x17, 3, 1..=3])
        && are_records(o.bytes, 3, has_tls(o.client_port) || has_tls(o.server_port))?;
    /// What keeps SIP's way through NAT open (RFC 5626, 4.4.1), and what others send for it.
    SIP_ALIVE = "sip", UDP, |o| o.has_port(5_060) && matches!(o.bytes, b"\r\n\r\n" | b"\r\n" | [0, 0, 0, 0] | b"hello");
    /// MQTT of which the beginning was not seen: PUBLISH with a topic, SUBSCRIBE with one that fills it (MQTT 3.1.1, 3.3 and 3.8).
    MQTT_LATER = "mqtt", TCP, |o| matches!(u8_at(o.bytes, 0)?, 0x30..=0x35 | 0x82) && is_mqtt(o.bytes)?;
    /// Inter-Asterisk exchange: a full frame of a kind that exists (RFC 5456, 8.1).
    IAX = "iax", UDP, |o| o.has_port(4_569) && u8_at(o.bytes, 0)? & 0x80 != 0 && matches!(u8_at(o.bytes, 10)?, 1..=12);
    /// Secure Reliable Transport: a handshake's control packet of version 4 or 5, to nobody yet.
    SRT = "srt", UDP, |o| array_at(o.bytes, 0)? == [0x80, 0, 0, 0, 0, 0, 0, 0] && u32_at(o.bytes, 12)? == 0
        && matches!(u32_at(o.bytes, 16)?, 4 | 5) && o.bytes.len() >= 64;
}

/// Ports where TLS is at home without asking for it.
fn has_tls(port: u16) -> bool {
    matches!(
        port,
        443 | 465 | 563 | 636 | 853 | 989 | 990 | 992..=995 | 5_061 | 5_223 | 5_671 | 8_443 | 8_883
    )
}

/// Whether one whole record and the beginning of the next are there, or, where
/// that is little (`long`), a record that is longer than the segment.
fn are_records(mut bytes: &[u8], major: u8, long: bool) -> Option<bool> {
    let mut whole = 0;
    loop {
        let [kind, version, _, high, low] = match bytes.first_chunk::<5>() {
            Some(head) => *head,
            None => return Some(whole > 0 && bytes.first().is_none_or(|kind| matches!(kind, 0x14..=0x19))),
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !matches!(kind, 0x14..=0x19) || version != major || !(1..=16_640).contains(&length) {
            return Some(false);
        }
        match bytes.get(5 + length..) {
            Some(rest) => bytes = rest,
            None => return Some(whole > 0 || long),
        }
        whole += 1;
    }
}

fn is_soulseek(bytes: &[u8]) -> Option<bool> {
    let name = le_length_at(bytes, 8)?;
    if le32_at(bytes, 4)? != 1 || !(1..=64).contains(&name) {
        return Some(false);
    }
    let word = le_length_at(bytes, 12 + name)?;
    let behind = 16_usize.checked_add(name)?.checked_add(word)?;
    let is_text = |text: &[u8]| text.iter().all(|&byte| byte >= b' ');
    // The version of the client, and 32 digits of a checksum.
    Some(
        word <= 128
            && is_text(bytes.get(12..12 + name)?)
            && is_text(bytes.get(16 + name..behind)?)
            && le32_at(bytes, behind)? < 1_000
            && le32_at(bytes, behind + 4)? == 32,
    )
}

/// A list in RLP that fills the bytes, or has a little behind it (EIP-8).
fn is_rlp(bytes: &[u8]) -> Option<bool> {
    let end = match array_at(bytes, 0)? {
        [first @ 0xc1..=0xf7, _] => 1 + usize::from(first - 0xc0),
        [0xf8, length] => 2 + usize::from(length),
        [0xf9, _] => 3 + usize::from(u16_at(bytes, 1)?),
        _ => return Some(false),
    };
    Some(end <= bytes.len() && bytes.len() - end <= 8)
}

fn is_tinc(line: &[u8]) -> Option<bool> {
    let mut words = line.split(|&byte| byte == b' ').skip(1);
    let (name, version) = (words.next()?, words.next()?);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    Some(
        !name.is_empty()
            && name.iter().all(is_name)
            && (version == b"17" || version.starts_with(b"17."))
            && words.next().is_none(),
    )
}

fn is_zoom(bytes: &[u8]) -> Option<bool> {
    let (at, control) = match u8_at(bytes, 0)? {
        13 | 30 => (20, false),
        15 => (19, false),
        16 => (24, false),
        33..=35 => (16, true),
        _ => return Some(false),
    };
    Some(match array_at(bytes, at)? {
        [0x80..=0x9f, kind] if control => {
            matches!(kind, 200..=202) && at + 4 * (usize::from(u16_at(bytes, at + 2)?) + 1) <= bytes.len()
        }
        [0x80 | 0x90, kind] => {
            matches!(kind & 0x7f, 98 | 99 | 110 | 112 | 113) && u32_at(bytes, at + 8)? != 0
        }
        _ => false,
    })
}

/// A frame that is here as a whole and holds eight letters or more, and no
/// other; a client's is masked (RFC 6455, 5.3).
fn is_websocket(bytes: &[u8]) -> Option<bool> {
    let second = u8_at(bytes, 1)?;
    let (at, length) = match second & 0x7f {
        126 => (4, usize::from(u16_at(bytes, 2)?)),
        127 => return Some(false),
        length => (2, usize::from(length)),
    };
    let (key, at) = match second & 0x80 {
        0 => ([0; 4], at),
        _ => (array_at(bytes, at)?, at + 4),
    };
    let text = bytes.get(at..)?.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    let is_text = |byte: u8| byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\r' | b'\n');
    Some(length >= 8 && at + length == bytes.len() && text.into_iter().all(is_text))
}

fn is_mqtt(bytes: &[u8]) -> Option<bool> {
    let size = 1 + bytes.get(1..5)?.iter().position(|&byte| byte < 0x80)?;
    let length = bytes.get(1..=size)?.iter().rev().fold(0, |sum, &byte| sum << 7 | usize::from(byte & 0x7f));
    let message = bytes.get(1 + size..1 + size + length)?;
    let is_topic = |topic: &[u8]| topic.len() >= 3 && topic.iter().all(u8::is_ascii_graphic);
    let topic_at = |at: usize| message.get(at + 2..at + 2 + usize::from(u16_at(message, at)?));
    Some(match u8_at(bytes, 0)? {
        0x82 => {
            let topic = topic_at(2)?;
            is_topic(topic) && message.len() == 5 + topic.len() && *message.last()? <= 2
        }
        _ => is_topic(topic_at(0)?) && message.len() > topic_at(0)?.len() + 4,
    })
}
