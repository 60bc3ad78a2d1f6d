//! Games, and who talks in them.

use super::{le16_at, le32_at, starts_with_any};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// Questions to a server of Valve's Source engine and its answers, without a connection (Valve's wiki, Server queries).
    SOURCE = "source-engine", UDP, |o| u32_at(o.bytes, 0)? == 0xffff_ffff && match u8_at(o.bytes, 4)? {
        b'T' => o.bytes.get(5..)?.starts_with(b"Source Engine Query\0"),
        b'A' | b'U' | b'V' => o.bytes.len() == 9 && is_source_port(o.server_port),
        b'I' => u8_at(o.bytes, 5)? == 17 && o.bytes.get(6..)?.iter().filter(|&&byte| byte == 0).count() >= 4,
        b'D' | b'E' => is_source_port(o.server_port),
        _ => false,
    };
    /// Who would join such a game asks for a challenge, ten zeros at the end (Source SDK, A2S_GETCHALLENGE).
    HALFLIFE2 = "halflife2", UDP, |o| u32_at(o.bytes, 0)? == 0xffff_ffff && u8_at(o.bytes, 4)? == b'q'
        && o.bytes.ends_with(b"0000000000\0");
    /// Quake III and what was built on it, without a connection.
    QUAKE = "quake", UDP, |o| u32_at(o.bytes, 0)? == 0xffff_ffff && starts_with_any(o.bytes.get(4..)?, &[b"getinfo", b"getstatus",
        b"getchallenge", b"getservers", b"infoResponse", b"statusResponse", b"challengeResponse", b"connectResponse"]);
    /// RakNet, by the mark in messages outside of a connection. Roblox has bytes of its own before it.
    RAKNET = "raknet", UDP, |o| o.bytes.len() > 16 && has_raknet_mark(o.bytes);
    /// ENet: a peer without a number asks to connect, with sizes that ENet allows (enet/protocol.h).
    ENET = "enet", UDP, |o| u16_at(o.bytes, 0)? & 0x0fff == 0x0fff && matches!(array_at(o.bytes, 4)?, [0x82, 0xff, 0, 1])
        && o.bytes.len() >= 48 && (576..=4_096).contains(&u32_at(o.bytes, 12)?)
        && (4_096..=65_536).contains(&u32_at(o.bytes, 16)?) && (1..=255).contains(&u32_at(o.bytes, 20)?);
    /// Minecraft, Java's edition: a handshake as it is written (Minecraft's protocol, Handshaking).
    MINECRAFT = "minecraft", TCP, |o| u8_at(o.bytes, 1)? == 0 && is_minecraft(o.bytes)?;
    /// The handshake of HoYoverse's games: connect, connected or gone, each with two marks.
    GENSHIN = "genshin-impact", UDP, |o| o.bytes.len() == 20 && matches!((u32_at(o.bytes, 0)?, u32_at(o.bytes, 16)?),
        (0xff, 0xffff_ffff) | (0x145, 0x1451_4545) | (0x194, 0x1941_9494));
    /// Nintendo's consoles among each other: the mark of Pia.
    NINTENDO = "nintendo", UDP, |o| u32_at(o.bytes, 0)? == 0x32ab_9864 && o.bytes.len() >= 16;
    /// Steam's own connections.
    STEAM_TCP = "steam", TCP, |o| o.bytes.get(4..)?.starts_with(b"VT01") && le32_at(o.bytes, 0)? < 0x10_0000;
    /// TeamSpeak 3, and 2 with what begins each of its packets. The list of servers has both its ports.
    TEAMSPEAK = "teamspeak", UDP, |o| o.bytes.starts_with(b"TS3INIT1")
        || matches!(array_at(o.bytes, 0)?, [0xf4, 0xbe, 3 | 4, 0])
        || matches!((o.client_port, o.server_port), (2_011..=2_110, 2_010) | (2_010, 2_011..=2_110));
    /// TeamSpeak's query, which greets.
    TEAMSPEAK_TCP = "teamspeak", TCP, |o| o.bytes.starts_with(b"TS3\n\r");
    /// CryEngine: who connects says four numbers of its build, the protocol's version and what its sockets can (NetNub).
    CRYNETWORK = "crynetwork", UDP, |o| matches!(u8_at(o.bytes, 0)?, b'<' | b'>') && (1..=32).contains(&u32_at(o.bytes, 17)?)
        && u32_at(o.bytes, 21)? <= 0xff && [1, 5, 9, 13].iter().all(|&at| u32_at(o.bytes, at).is_some_and(|part| part < 0x1_0000));
    /// netcode.io, and Yojimbo upon it: who asks to connect says which version (its standard, Connection Request Packet).
    YOJIMBO = "yojimbo", UDP, |o| o.bytes.starts_with(b"\0NETCODE 1.0") && o.bytes.len() >= 1_000;
    /// World of Warcraft: who logs in at the realm's list says which game.
    WOW = "world-of-warcraft", TCP, |o| u8_at(o.bytes, 0)? == 0 && o.bytes.get(4..)?.starts_with(b"WoW\0")
        && usize::from(le16_at(o.bytes, 2)?) + 4 == o.bytes.len();
    /// Mumble: a ping in the old form, or the answer with a version.
    MUMBLE = "mumble", UDP, |o| o.has_port(64_738) && match o.bytes.len() {
        12 => u32_at(o.bytes, 0)? == 0,
        24 => array_at(o.bytes, 0)? == [0, 1],
        _ => false,
    };
}

const RAKNET_MARK: [u8; 16] =
    [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];

fn has_raknet_mark(bytes: &[u8]) -> bool {
    let firsts = bytes.iter().take(64).enumerate().filter(|&(_, &byte)| byte == RAKNET_MARK[4]);
    let mut starts = firsts.filter_map(|(at, _)| bytes.get(at.checked_sub(4)?..));
    starts.any(|start| start.starts_with(&RAKNET_MARK))
}

fn is_source_port(port: u16) -> bool {
    (27_000..=27_050).contains(&port)
}

/// The number at the beginning, seven bits in a byte, and what is behind it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let size = 1 + bytes.iter().take(3).position(|&byte| byte < 0x80)?;
    let (number, rest) = bytes.split_at_checked(size)?;
    Some((number.iter().rev().fold(0, |sum, &byte| sum << 7 | usize::from(byte & 0x7f)), rest))
}

fn is_minecraft(bytes: &[u8]) -> Option<bool> {
    let (length, packet) = varint(bytes)?;
    let (_, rest) = varint(packet.get(..length)?.strip_prefix(&[0])?)?;
    let (host, rest) = varint(rest)?;
    let name = rest.get(..host)?;
    Some(
        host > 0
            && name.iter().all(|&byte| byte >= b' ' || byte == 0)
            && matches!(rest.get(host..)?, [_, _, 1..=3]),
    )
}
