//! SSH (RFC 4253): versions, fingerprints, and how a log-in seems to end.

mod estimate;

use md5::{Digest, Md5};

use super::lines::Lines;
use super::login::{self, Login, Outcome};
use super::tls::Fields;
use super::{Dissector, Product, Side, Sink, Step};
use crate::wire::bytes::{hex, u8_at, u32_at};
use estimate::Estimate;

/// Lines that a server may say before its version (RFC 4253, 4.2), as many as
/// OpenSSH's client reads.
const MAX_LINES: u16 = 1_024;

/// Bytes of a packet that begins a key exchange; the longest have some 2 KiB.
const MAX_KEXINIT: usize = 16 * 1024;

/// Kinds of packets (RFC 4253, 12).
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;

/// How a session begins, on the client's side and on the server's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    pub sides: [Greeting; 2],
}

/// What one side says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Greeting {
    /// `2.0`
    pub proto: Option<String>,
    /// `OpenSSH_9.2p1`
    pub software: Option<String>,
    /// Fingerprint of the algorithms that it offers: HASSH.
    pub hassh: Option<String>,
}

/// Reads one session, up to the end of its log-in.
#[derive(Default)]
pub struct Ssh {
    hello: Hello,
    was_told: bool,
    lines: [Lines; 2],
    phases: [Phase; 2],
    /// How many came before a version.
    preface: u16,
    estimate: Estimate,
}

/// What comes next from one side.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Version,
    Packets,
    Encrypted,
}

impl Dissector for Ssh {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        if !sink.wants_details() {
            return Step::Done;
        }
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let step = match self.phases[side as usize] {
                Phase::Version => self.version(side, rest, sink),
                Phase::Packets => self.packet(side, rest),
                Phase::Encrypted => self.encrypted(side, rest.len(), sink),
            };
            self.tell_when_ready(sink);
            match step {
                Some(0) => break,
                Some(more) => taken = taken.saturating_add(more),
                None => {
                    self.end(sink);
                    return Step::Done;
                }
            }
        }
        Step::Take(taken)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.tell(sink);
        if let Some(outcome) = self.estimate.end() {
            self.log_in(outcome, sink);
        }
    }

    fn held(&self) -> usize {
        let texts = |it: &Greeting| -> usize {
            [&it.proto, &it.software, &it.hassh].into_iter().flatten().map(String::len).sum()
        };
        self.hello.sides.iter().map(texts).sum()
    }
}

impl Ssh {
    /// Takes a line, of which one is the version. Here and below: how many bytes
    /// are dealt with, or none if there is nothing more to learn.
    fn version(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Option<usize> {
        let mut rest = bytes;
        let Some(line) = self.lines[side as usize].next(&mut rest) else {
            return Some(bytes.len() - rest.len());
        };
        let taken = bytes.len() - rest.len();
        let Some(version) = line.text.strip_prefix(b"SSH-") else {
            self.preface += 1;
            return (self.preface <= MAX_LINES).then_some(taken);
        };
        let end = version.iter().position(|&byte| byte == b'-')?;
        let (proto, software) = (version.get(..end)?, version.get(end + 1..)?);
        let end = software.iter().position(|&byte| byte == b' ').unwrap_or(software.len());
        let greeting = &mut self.hello.sides[side as usize];
        greeting.proto = login::name(proto);
        greeting.software = login::name(software.get(..end)?);
        self.phases[side as usize] = Phase::Packets;
        if side == Side::Server {
            sink.product(product(greeting.software.as_deref().unwrap_or_default(), line.text));
        }
        // Version 1 has packets of another form.
        let others = self.hello.sides.iter().filter_map(|it| it.proto.as_deref());
        let is_old = |proto: &str| !proto.starts_with("2.") && proto != "1.99";
        (!others.clone().any(is_old) || others.count() < 2).then_some(taken)
    }

    /// Takes a packet that is not encrypted yet (RFC 4253, 6).
    fn packet(&mut self, side: Side, bytes: &[u8]) -> Option<usize> {
        let (Some(length), Some(kind)) = (u32_at(bytes, 0), u8_at(bytes, 5)) else { return Some(0) };
        let length = usize::try_from(length).ok().and_then(|length| length.checked_add(4))?;
        match kind {
            _ if length < 8 => return None,
            KEXINIT if length > MAX_KEXINIT => return None,
            KEXINIT => {
                let Some(packet) = bytes.get(..length) else { return Some(0) };
                let lists = lists(packet.get(6..)?)?;
                let [.., ciphers, _, _, _, packings] = lists;
                self.estimate.offers(side, ciphers, packings);
                self.hello.sides[side as usize].hassh.get_or_insert_with(|| hassh(side, &lists));
            }
            NEWKEYS => self.phases[side as usize] = Phase::Encrypted,
            _ => {}
        }
        Some(length)
    }

    fn encrypted(&mut self, side: Side, length: usize, sink: &mut dyn Sink) -> Option<usize> {
        if let Some(outcome) = self.estimate.segment(side, length)? {
            self.log_in(outcome, sink);
            if outcome == Outcome::SeemsAccepted {
                return None;
            }
        }
        Some(length)
    }

    fn tell_when_ready(&mut self, sink: &mut dyn Sink) {
        if self.hello.sides.iter().all(|it| it.hassh.is_some()) {
            self.tell(sink);
        }
    }

    fn tell(&mut self, sink: &mut dyn Sink) {
        let has_any = self.hello.sides.iter().any(|it| it.proto.is_some());
        if has_any && !std::mem::replace(&mut self.was_told, true) {
            sink.ssh(self.hello.clone());
        }
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        let [client, server] = &self.hello.sides;
        sink.login(Login {
            service: "ssh",
            outcome,
            encrypted: true,
            client_version: client.software.clone(),
            server_version: server.software.clone(),
            ..Login::default()
        });
    }
}

/// `OpenSSH_9.2p1` is OpenSSH, version 9.2p1.
fn product(software: &str, banner: &[u8]) -> Product {
    let is_cut = |pair: &[u8]| matches!(pair, [b'_' | b'-' | b'/', b'0'..=b'9']);
    let at = software.as_bytes().windows(2).position(is_cut);
    let (name, version) = match at.and_then(|at| Some((software.get(..at)?, software.get(at + 1..)?))) {
        Some((name, version)) => (name, Some(version.to_string())),
        None => (software, None),
    };
    let name = (!name.is_empty()).then(|| name.to_string());
    Product { name, version, banner: login::name(banner), ..Product::default() }
}

/// What a KEXINIT offers (RFC 4253, 7.1), each as names with commas between them:
/// exchanges, keys, ciphers, MACs and packings, these from the client and from the
/// server. `message` is behind the type.
fn lists(message: &[u8]) -> Option<[&[u8]; 8]> {
    let mut fields = Fields(message);
    fields.take(16)?;
    let mut lists = [&[][..]; 8];
    for list in &mut lists {
        let length = fields.take(4).and_then(|bytes| u32_at(bytes, 0))?;
        *list = fields.take(usize::try_from(length).ok()?)?;
    }
    Some(lists)
}

/// The MD5 of four lists, those for what this side sends
/// (github.com/salesforce/hassh).
fn hassh(side: Side, lists: &[&[u8]; 8]) -> String {
    let [exchanges, _, ciphers, from_server, macs, macs_from_server, packings, packings_from_server] = *lists;
    let chosen = match side {
        Side::Client => [exchanges, ciphers, macs, packings],
        Side::Server => [exchanges, from_server, macs_from_server, packings_from_server],
    };
    hex(&Md5::digest(chosen.join(&b';')))
}

#[cfg(test)]
mod tests;
