//! TLS, as far as it is in the clear: what the client offers, what the server
//! chose, and before TLS 1.3 its certificate.
//!
//! Each message is read where its bytes lie. Only one that is spread over
//! several records has to be put together.

mod certificate;
pub mod dtls;
mod ech;
mod fields;
mod fingerprint;
mod hello;

use std::borrow::Cow;
use std::mem;

pub use certificate::Certificate;
pub use dtls::DTLS;
pub use ech::configs as ech_configs;
pub use hello::{ClientHello, ServerHello, Transport};
// Other protocols are made of the same fields and have fingerprints too.
pub(super) use fields::Fields;

use super::{Dissector, Opening, Protocol, Side, Sink, Step, Verdict};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};
use crate::wire::proto;
use fields::number24;

/// TLS over TCP (RFC 8446), and SSL 3 before it.
pub static TLS: Protocol = Protocol {
    over: &[proto::TCP],
    name: "tls",
    probe,
    datagram: None,
    stream: Some(|| Box::<Stream>::default()),
};

/// What was read of one handshake.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Handshake {
    pub client: Option<ClientHello>,
    /// The last one, when the server asked for another hello first.
    pub server: Option<ServerHello>,
    pub certificate: Option<Certificate>,
    /// It goes on with an earlier session.
    pub resumed: bool,
    /// The version of QUIC that carried it.
    pub quic: Option<u32>,
}

/// The name of a version, as Suricata's EVE has it.
pub fn version_name(version: u16) -> Cow<'static, str> {
    match version {
        0x0002 => "SSLv2".into(),
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        0x7f00..=0x7fff => format!("TLS 1.3 draft-{}", version & 0xff).into(),
        0x0100 | 0xfeff => "DTLS 1.0".into(),
        0xfefd => "DTLS 1.2".into(),
        0xfefc => "DTLS 1.3".into(),
        _ => format!("0x{version:04x}").into(),
    }
}

/// Types of records (RFC 8446, 5.1; RFC 6520, 3).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// Types of messages (RFC 8446, 4; RFC 5246, 7.4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

/// The longest record (RFC 5246, 6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2_048;

/// The longest message that is read.
const MAX_MESSAGE: usize = 1 << 16;

/// The longest ClientHello in the form of SSL 2.
const MAX_OLD: usize = 4_096;

/// Bytes of a side that has said everything which are left out unseen. More
/// than them and the other side does not answer in the clear any more.
const LEFT_OUT: usize = 1 << 16;

fn probe(opening: &Opening<'_>) -> Verdict {
    if opening.proto != proto::TCP {
        return Verdict::No;
    }
    let bytes = opening.bytes;
    let fits = |at: usize, test: fn(u8) -> bool| u8_at(bytes, at).is_none_or(test);
    if fits(0, |first| first == HANDSHAKE) {
        let length = u16_at(bytes, 3).map_or(1, usize::from);
        let starts = fits(1, |major| major == 3) && fits(2, |minor| minor <= 4);
        let hello = fits(5, |kind| matches!(kind, CLIENT_HELLO | SERVER_HELLO));
        return match starts && hello && (1..=MAX_RECORD).contains(&length) {
            true if bytes.len() > 5 => Verdict::Yes,
            true => Verdict::More,
            false => Verdict::No,
        };
    }
    // In the form of SSL 2 the lengths have to add up.
    if fits(0, |first| first >= 0x80) && fits(2, |kind| kind == CLIENT_HELLO) && fits(3, |major| major == 3) {
        let (Some(length), Some(last)) = (old_length(bytes), u16_at(bytes, 9)) else { return Verdict::More };
        let [ciphers, session] = [5, 7].map(|at| u16_at(bytes, at).map_or(0, usize::from));
        let sum = 9 + ciphers + session + usize::from(last);
        return if length == sum && ciphers % 3 == 0 { Verdict::Yes } else { Verdict::No };
    }
    Verdict::No
}

/// The length of a hello in the form of SSL 2, without its two bytes.
fn old_length(bytes: &[u8]) -> Option<usize> {
    let length = u16_at(bytes, 0)?;
    (length & 0x8000 != 0).then_some(usize::from(length & 0x7fff))
}

/// Reads both sides of a connection.
#[derive(Default)]
struct Stream {
    halves: [Half; 2],
    found: Handshake,
    /// The server has said all that it says in the clear.
    answered: bool,
}

/// One side.
#[derive(Default)]
struct Half {
    /// Bytes of it were seen.
    seen: bool,
    /// Its first record has begun.
    begun: bool,
    /// There is nothing more to read on it.
    over: bool,
    /// Bytes to come in the current record of the handshake.
    left: usize,
    /// Bytes to come of a message that nobody reads.
    skip: usize,
    /// The beginning of a message that goes on in the next record.
    parts: Vec<u8>,
}

/// What comes next in a record of the handshake.
enum Next<'a> {
    /// Not whole yet.
    Wait,
    /// This many bytes are dealt with.
    Took(usize),
    /// A message, its body, and the bytes that it took.
    Message(u8, Cow<'a, [u8]>, usize),
    Broken,
}

impl Half {
    fn next<'a>(&mut self, bytes: &'a [u8]) -> Next<'a> {
        let here = bytes.get(..self.left).unwrap_or(bytes);
        if self.skip > 0 {
            let taken = self.skip.min(self.left);
            self.skip -= taken;
            self.left -= taken;
            return Next::Took(taken);
        }
        if self.parts.is_empty() {
            let Some((kind, length)) = header(here) else {
                return if here.len() < self.left { Next::Wait } else { self.gather(here) };
            };
            if length > MAX_MESSAGE {
                return Next::Broken;
            }
            let whole = 4 + length;
            if !is_read(kind) {
                self.skip = whole;
                return Next::Took(0);
            }
            if let Some(body) = here.get(4..whole) {
                self.left -= whole;
                return Next::Message(kind, Cow::Borrowed(body), whole);
            }
            if whole <= self.left {
                return Next::Wait;
            }
        }
        self.gather(here)
    }

    /// Adds what is there to a message over several records.
    fn gather<'a>(&mut self, here: &[u8]) -> Next<'a> {
        let wanted = header(&self.parts).map_or(4, |(_, length)| 4 + length) - self.parts.len();
        let part = here.get(..wanted).unwrap_or(here);
        self.parts.extend_from_slice(part);
        self.left -= part.len();
        if let Some((kind, length)) = header(&self.parts) {
            if length > MAX_MESSAGE {
                return Next::Broken;
            }
            if !is_read(kind) {
                self.skip = 4 + length - self.parts.len();
                self.parts = Vec::new();
            } else if self.parts.len() == 4 + length {
                let mut body = mem::take(&mut self.parts);
                body.drain(..4);
                return Next::Message(kind, Cow::Owned(body), part.len());
            }
        }
        Next::Took(part.len())
    }
}

/// The type and length at the beginning of a message.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    u32_at(bytes, 0)?;
    Some((u8_at(bytes, 0)?, number24(array_at(bytes, 1)?)))
}

fn is_read(kind: u8) -> bool {
    matches!(kind, CLIENT_HELLO | SERVER_HELLO | CERTIFICATE | SERVER_KEY_EXCHANGE | SERVER_HELLO_DONE)
}

impl Stream {
    /// Reads records. The number of bytes dealt with; `None` when it is no TLS.
    fn records(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let half = &mut self.halves[side as usize];
            if half.over {
                break;
            }
            if half.left > 0 {
                match half.next(rest) {
                    Next::Wait => break,
                    Next::Took(taken) => at += taken,
                    Next::Message(kind, body, taken) => {
                        at += taken;
                        self.message(side, kind, &body, sink)?;
                    }
                    Next::Broken => return None,
                }
                continue;
            }
            if !half.begun && u8_at(rest, 0)? & 0x80 != 0 {
                let Some(length) = old_length(rest) else { break };
                if length > MAX_OLD {
                    return None;
                }
                let Some(body) = rest.get(2..2 + length) else { break };
                at += 2 + length;
                self.client(side, ClientHello::read_old(body)?, sink);
                continue;
            }
            let Some(length) = u16_at(rest, 3).map(usize::from) else { break };
            if u8_at(rest, 1)? != 3 || length > MAX_RECORD {
                return None;
            }
            at += 5;
            half.begun = true;
            match u8_at(rest, 0)? {
                HANDSHAKE => half.left = length,
                CHANGE_CIPHER_SPEC => {
                    at += length;
                    self.cipher_changes(side);
                }
                ALERT | HEARTBEAT => at += length,
                APPLICATION_DATA => self.answer(side),
                _ => return None,
            }
        }
        Some(at)
    }

    /// Reads one message; `None` when it is broken.
    fn message(&mut self, side: Side, kind: u8, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
        match kind {
            CLIENT_HELLO => {
                self.client(side, ClientHello::read(body, Transport::Tcp, sink.wants_details())?, sink)
            }
            SERVER_HELLO => {
                let hello = ServerHello::read(body)?;
                self.found.resumed = hello.accepts_psk;
                if hello.is_13() && !hello.is_retry {
                    self.answer(side);
                }
                self.found.server = Some(hello);
            }
            CERTIFICATE => {
                self.found.certificate = Certificate::read(body);
                self.answer(side);
            }
            // There was no certificate.
            _ => self.answer(side),
        }
        Some(())
    }

    /// Whoever sends a ClientHello is done with it: the second, which a server
    /// may ask for, says the same.
    fn client(&mut self, side: Side, hello: ClientHello, sink: &mut dyn Sink) {
        self.halves[side as usize].over = true;
        sink.tls_hello(&hello);
        self.found.client = Some(hello);
    }

    fn answer(&mut self, side: Side) {
        self.halves[side as usize].over = true;
        self.answered = true;
    }

    /// A server that encrypts at once, without a certificate, goes on with an
    /// earlier session (RFC 5246, 7.3). In TLS 1.3 this record means nothing.
    fn cipher_changes(&mut self, side: Side) {
        if self.found.server.as_ref().is_some_and(|server| !server.is_13()) {
            self.found.resumed = true;
            self.answer(side);
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        let found = mem::take(&mut self.found);
        if found != Handshake::default() {
            sink.tls(&found);
        }
    }
}

impl Dissector for Stream {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let half = &mut self.halves[side as usize];
        half.seen = true;
        // So much of it was left out that there is no answer to wait for.
        if half.over {
            self.finish(sink);
            return Step::Done;
        }
        let Some(taken) = self.records(side, bytes, sink) else {
            self.finish(sink);
            return Step::Reject;
        };
        // The name is all that is wanted, and it is there.
        let is_named = || self.found.client.as_ref().is_some_and(|hello| hello.sni.is_some());
        if !sink.wants_details() && is_named() {
            return Step::Done;
        }
        if self.answered && self.halves.iter().all(|half| half.over || !half.seen) {
            self.finish(sink);
            return Step::Done;
        }
        let over = self.halves[side as usize].over;
        Step::Take(if over { taken + LEFT_OUT } else { taken })
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.finish(sink);
    }

    fn held(&self) -> usize {
        let parts: usize = self.halves.iter().map(|half| half.parts.capacity()).sum();
        parts + self.found.client.as_ref().map_or(0, ClientHello::held)
    }
}

#[cfg(test)]
mod tests;
