//! Payloads, so that a person can read them and a terminal obeys none.

use std::fmt::Write;

use super::Dumped;
use crate::dissect::dns::push_text;
use crate::wire::{Body, Packet};

/// Bytes of a line of hex.
const LINE: usize = 16;

/// How payloads are shown.
pub struct Dump(pub Dumped);

impl Dump {
    /// Appends the payload of `packet`.
    pub fn packet(&self, packet: &Packet<'_>, out: &mut String) {
        let payload = match &packet.body {
            Body::Tcp(tcp) => tcp.payload,
            Body::Udp(udp) => udp.payload,
            Body::Icmp(icmp) => icmp.payload,
            _ => return,
        };
        match self.0 {
            _ if payload.is_empty() => {}
            Dumped::Text => text(payload, "    ", out),
            Dumped::Hex => hex(payload, false, out),
            Dumped::Both => hex(payload, true, out),
        }
    }
}

/// Appends lines of offset and hex, with their text where that is wanted.
fn hex(bytes: &[u8], with_text: bool, out: &mut String) {
    for (n, line) in bytes.chunks(LINE).enumerate() {
        // Writing into a `String` can't fail.
        let _ = write!(out, "    {:04x} ", n * LINE);
        for place in 0..LINE {
            match line.get(place) {
                Some(byte) => {
                    let _ = write!(out, " {byte:02x}");
                }
                None if with_text => out.push_str("   "),
                None => {}
            }
        }
        if with_text {
            out.push_str("  ");
            out.extend(line.iter().map(|&b| if matches!(b, b' '..=b'~') { char::from(b) } else { '.' }));
        }
        out.push('\n');
    }
}

/// Appends `bytes` as lines of text, each behind `indent`. Line ends and tabs stay;
/// what else does not print is `\ddd`.
pub fn text(bytes: &[u8], indent: &str, out: &mut String) {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        out.push_str(indent);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for (n, part) in line.split(|&byte| byte == b'\t').enumerate() {
            if n > 0 {
                out.push('\t');
            }
            push_text(out, part, |_| false);
        }
        out.push('\n');
    }
}
