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
use flow::CLIENT_HELLO;
pub use flow::{Flow, Found};
pub use google::Hello;
use google::{Q050, T050, T051};

use super::dns::push_text;
use super::tls::{ClientHello, Handshake, ServerHello, Transport};
use super::{Dissector, Opening, Protocol, Side, Sink, Step, Verdict};
use crate::wire::bytes::{u8_at, u32_at};
use crate::wire::proto;

/// QUIC, from Google's first versions to version 2.
pub static QUIC: Protocol = Protocol {
    over: &[proto::UDP],
    name: "quic",
    probe,
    datagram: None,
    stream: Some(|| Box::new(Session::default())),
};

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
        let more = self.flow.datagram(side, bytes, &mut |found| hellos.hear(found, sink));
        if more && (sink.wants_details() || self.hellos.handshake.client.is_none()) {
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

/// What of a session's hellos goes to the sink.
#[derive(Default)]
struct Hellos {
    handshake: Handshake,
}

impl Hellos {
    /// Takes one hello; each comes once.
    fn hear(&mut self, found: Found<'_>, sink: &mut dyn Sink) {
        match found {
            Found::Message { side: _, version, kind: CLIENT_HELLO, body } => {
                if let Some(hello) = ClientHello::read(body, Transport::Quic, sink.wants_details()) {
                    self.ask(version, hello, sink);
                }
            }
            Found::Message { version, body, .. } => {
                self.handshake.quic = Some(version);
                self.handshake.server = ServerHello::read(body);
                self.handshake.resumed =
                    self.handshake.server.as_ref().is_some_and(|hello| hello.accepts_psk);
            }
            // Google's own has a name and none of the rest.
            Found::Google { version, hello, .. } => {
                let sni = hello.name.map(|name| {
                    let mut text = String::new();
                    push_text(&mut text, name.as_bytes(), |_| false);
                    text.make_ascii_lowercase();
                    text
                });
                self.ask(version, ClientHello { sni, ..ClientHello::default() }, sink);
            }
        }
    }

    fn ask(&mut self, version: u32, hello: ClientHello, sink: &mut dyn Sink) {
        sink.tls_hello(&hello);
        self.handshake.quic = Some(version);
        self.handshake.client = Some(hello);
    }

    /// Tells what was heard, once: there will be no more.
    fn tell(&mut self, sink: &mut dyn Sink) {
        let handshake = std::mem::take(&mut self.handshake);
        if handshake.quic.is_some() {
            sink.tls(&handshake);
        }
    }
}

#[cfg(test)]
mod tests;
