//! NetBIOS names: how Windows and Samba call themselves (RFC 1002, 4.2).
//!
//! The messages look like DNS, but a name has 15 characters and a kind, each half
//! of a byte being a letter.

use super::about::{Clue, NameSource};
use super::login::name;
use super::{Protocol, Side, Sink, Verdict};
use crate::wire::bytes::{u8_at, u16_at};
use crate::wire::proto;

/// Whatever comes by port 137.
pub static NBNS: Protocol = Protocol {
    over: &[proto::UDP],
    name: "netbios",
    probe: |opening| {
        if opening.has_port(137) && opening.bytes.len() >= 12 { Verdict::Yes } else { Verdict::No }
    },
    datagram: Some(datagram),
    stream: None,
};

fn datagram(_: Side, bytes: &[u8], sink: &mut dyn Sink) {
    if let Some(name) = registered(bytes) {
        sink.clue(None, Clue::Name(NameSource::Netbios, name));
    }
}

/// The name that the sender registers or refreshes for itself: one of a computer,
/// not of a group (RFC 1002, 4.2.2 to 4.2.4).
fn registered(bytes: &[u8]) -> Option<String> {
    const RESPONSE: u16 = 0x8000;
    const REGISTRATION: u16 = 5;
    const REFRESH: [u16; 2] = [8, 9];
    const WORKSTATION: u8 = 0x00;
    const FILE_SERVER: u8 = 0x20;
    const GROUP: u16 = 0x8000;
    let flags = u16_at(bytes, 2)?;
    let operation = flags >> 11 & 0xf;
    if flags & RESPONSE != 0 || operation != REGISTRATION && !REFRESH.contains(&operation) {
        return None;
    }
    let (name_bytes, kind) = decoded(bytes.get(12..)?)?;
    // Behind the question, a record that points to its name: its flags come behind
    // type, class, time to live and length.
    let question = 12 + 34 + 4;
    let is_group = u16_at(bytes, question + 2 + 10)? & GROUP != 0;
    if is_group || !matches!(kind, WORKSTATION | FILE_SERVER) {
        return None;
    }
    name(&name_bytes)
}

/// The 15 bytes of a name and its kind (RFC 1001, 14.1), of the name's first scope.
fn decoded(bytes: &[u8]) -> Option<([u8; 15], u8)> {
    if u8_at(bytes, 0)? != 32 || u8_at(bytes, 33)? != 0 {
        return None;
    }
    let half = |at: usize| u8_at(bytes, 1 + at)?.checked_sub(b'A').filter(|half| *half < 16);
    let mut all = [0; 16];
    for (place, byte) in all.iter_mut().enumerate() {
        *byte = half(2 * place)? << 4 | half(2 * place + 1)?;
    }
    let [name @ .., kind] = all;
    Some((name, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(operation: u8, text: &[u8; 15], kind: u8, flags: u8) -> Vec<u8> {
        let mut bytes = vec![0, 1, operation << 3 | 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 1, 32];
        for byte in text.iter().chain(&[kind]) {
            bytes.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
        }
        bytes.extend([0, 0, 0x20, 0, 1]);
        bytes.extend([0xc0, 12, 0, 0x20, 0, 1, 0, 4, 0x93, 0xe0, 0, 6, flags, 0, 192, 168, 1, 5]);
        bytes
    }

    #[test]
    fn a_computer_registers_its_name() {
        let bytes = message(5, b"ANNS-PC        ", 0, 0);
        assert_eq!(registered(&bytes).as_deref(), Some("ANNS-PC"));
        assert_eq!(registered(&message(8, b"ANNS-PC        ", 0x20, 0)).as_deref(), Some("ANNS-PC"));
        for end in 0..bytes.len() - 5 {
            assert_eq!(registered(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn groups_questions_answers_and_other_kinds_name_nobody() {
        assert_eq!(registered(&message(5, b"WORKGROUP      ", 0, 0x80)), None);
        assert_eq!(registered(&message(0, b"ANNS-PC        ", 0, 0)), None, "it asks for a name");
        assert_eq!(registered(&message(5, b"ANNS-PC        ", 0x1d, 0)), None);
        assert_eq!(registered(&message(21, b"ANNS-PC        ", 0, 0)), None, "an answer");
        let mut broken = message(5, b"ANNS-PC        ", 0, 0);
        broken[20] = b'Z';
        assert_eq!(registered(&broken), None);
    }
}
