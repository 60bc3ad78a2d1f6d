//! QUIC (RFC 9000): the hellos of a session's handshake, which anyone who sees
//! its first datagrams can read. Nothing behind them is decrypted.
//!
//! `flow` follows a session, `packet` splits its datagrams, `keys` opens the
//! Initial packets, `crypto` puts the handshake's bytes in order, `google`
//! reads what was spoken before TLS.

mod crypto;
mod flow;
mod google;
mod keys;
mod packet;

pub use crypto::{Crypto, crypto_frames};
pub use flow::{Flow, Found};
pub use google::Hello;
use google::{Q050, T050, T051};

use super::{Dissector, Opening, Protocol, Side, Sink, Step, Verdict};
use crate::wire::bytes::{u8_at, u32_at};
use crate::wire::proto;

/// QUIC, from Google's first versions to version 2.
pub static QUIC: Protocol =
    Protocol { name: "quic", probe, datagram: None, stream: Some(|| Box::new(Session::default())) };

/// A long header of a version that is or was spoken (RFC 9000, 17.2), or
/// Google's flags with one.
fn probe(opening: &Opening<'_>) -> Verdict {
    let is_quic = opening.proto == proto::UDP && is_quic(opening).unwrap_or(false);
    if is_quic { Verdict::Yes } else { Verdict::No }
}

fn is_quic(opening: &Opening<'_>) -> Option<bool> {
    if u8_at(opening.bytes, 0)? & 0x80 == 0 {
        return Some(google::version(opening.bytes).is_some());
    }
    let version = u32_at(opening.bytes, 1)?;
    let known = matches!(version, 1 | 0x6b33_43cf | 0xff00_0000..=0xff00_0022 | 0xface_b000..=0xface_b0ff)
        || matches!(version.to_be_bytes(), [b'Q' | b'T', b'0', b'2'..=b'5', b'0'..=b'9'])
        || version & 0x0f0f_0f0f == 0x0a0a_0a0a;
    // A client's first datagram is padded (RFC 9000, 14.1).
    Some(known && (opening.side == Side::Server || opening.bytes.len() >= 1_000))
}

/// Reads a session.
#[derive(Default)]
struct Session {
    flow: Flow,
    hellos: Hellos,
}

impl Dissector for Session {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let hellos = &mut self.hellos;
        if self.flow.datagram(side, bytes, &mut |found| hellos.hear(found, sink)) {
            return Step::Take(bytes.len());
        }
        self.hellos.tell(sink);
        Step::Done
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.hellos.tell(sink);
    }

    fn held(&self) -> usize {
        self.flow.held()
    }
}

/// WIRING: what of a session goes to the sink. `hear` gets each ClientHello,
/// ServerHello or hello of Google's once; `tell` is called once, when no more
/// will come.
#[derive(Default)]
struct Hellos {}

impl Hellos {
    fn hear(&mut self, found: Found<'_>, _sink: &mut dyn Sink) {
        match found {
            // kind 1: tls::ClientHello::read(body, Transport::Quic), kind 2:
            // tls::ServerHello::read(body); version: Handshake::quic.
            Found::Message { .. } => {}
            // hello.name is the server's name.
            Found::Google { .. } => {}
        }
    }

    fn tell(&mut self, _sink: &mut dyn Sink) {
        // sink.tls(&self.handshake)
    }
}

#[cfg(test)]
mod tests;
