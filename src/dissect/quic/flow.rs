//! The datagrams of one session, until both hellos are read.

use std::ops::Range;

use super::crypto::{Crypto, crypto_frames};
use super::google::{self, Hello};
use super::keys::{Family, Keys, family};
use super::packet::{Kind, Packet, Packets};
use super::{Q050, T050, T051};
use crate::dissect::Side;
use crate::dissect::tls::ServerHello;

/// Datagrams that are looked at, so that a long session costs nothing.
const MAX_DATAGRAMS: u8 = 32;

/// Datagrams from behind the hellos that may overtake the server's.
const MAX_LATE: u8 = 4;

/// Packets of one datagram that are looked at.
const MAX_PACKETS: usize = 8;

/// An id of a known version; others may be longer (RFC 9000, 17.2).
type Id = arrayvec::ArrayVec<u8, 20>;

/// Message types (RFC 8446, 4).
pub const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// What is found in a session.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A message of TLS: the first ClientHello, the ServerHello. `version` is
    /// that of the packet; the server's is the one that is spoken.
    Message { side: Side, version: u32, kind: u8, body: &'a [u8] },
    /// The hello of Google's own handshake.
    Google { side: Side, version: u32, hello: Hello<'a> },
}

/// One session.
pub struct Flow {
    /// Who turned out to be the client.
    client: Side,
    origin: Option<Origin>,
    /// Of client and server, like `heard`: whose hello is read.
    crypto: [Crypto; 2],
    heard: [bool; 2],
    datagrams: u8,
    late: u8,
}

/// What the keys come from.
struct Origin {
    version: u32,
    id: Id,
    family: &'static Family,
    /// Made when they are needed, which takes longer than to use them.
    client: Option<Keys>,
    server: Option<Keys>,
}

impl Origin {
    fn new(version: u32, family: &'static Family, id: &[u8]) -> Option<Origin> {
        Some(Origin { version, id: Id::try_from(id).ok()?, family, client: None, server: None })
    }

    fn open(&mut self, from_client: bool, packet: &Packet<'_>, room: &mut Vec<u8>) -> Option<Range<usize>> {
        let place = if from_client { &mut self.client } else { &mut self.server };
        if place.is_none() {
            *place = Keys::initial(self.family, &self.id, from_client);
        }
        place.as_ref()?.open(packet.bytes, packet.number_at, room)
    }
}

impl Default for Flow {
    fn default() -> Flow {
        let (origin, crypto, heard) = (None, Default::default(), [false; 2]);
        Flow { client: Side::Client, origin, crypto, heard, datagrams: 0, late: 0 }
    }
}

impl Flow {
    /// Reads one datagram; `false` when there is nothing more to learn.
    pub fn datagram(&mut self, side: Side, bytes: &[u8], found: &mut dyn FnMut(Found<'_>)) -> bool {
        self.datagrams = self.datagrams.saturating_add(1);
        let more = self.datagrams < MAX_DATAGRAMS;
        if let Some(version) = google::version(bytes) {
            let hello = google::find(bytes);
            if let Some(hello) = hello {
                found(Found::Google { side, version, hello });
            }
            return more && hello.is_none();
        }
        let mut room = Vec::new();
        let mut is_late = false;
        for packet in Packets::new(bytes).take(MAX_PACKETS) {
            match packet.kind {
                Kind::Initial => {
                    let text = self.open(side, &packet, &mut room).and_then(|text| room.get(text));
                    let Some(text) = text else { continue };
                    if !self.read(side, packet.version, text, found) {
                        return false;
                    }
                }
                Kind::Handshake | Kind::Short => is_late = true,
                // A Retry, or a list of versions, shows in what the client
                // sends next.
                Kind::ZeroRtt | Kind::Retry | Kind::Negotiation => {}
            }
        }
        self.late += u8::from(is_late && self.heard[0]);
        more && self.heard != [true; 2] && self.late < MAX_LATE
    }

    /// Memory beside itself.
    pub fn held(&self) -> usize {
        self.crypto.iter().map(Crypto::held).sum()
    }

    /// Reads an Initial packet into `room`, where its text then is.
    fn open(&mut self, side: Side, packet: &Packet<'_>, room: &mut Vec<u8>) -> Option<Range<usize>> {
        let family = family(packet.version)?;
        if let Some(origin) = &mut self.origin {
            // A server may answer in another version that the client knows,
            // with keys from the same id (RFC 9369, 4.1).
            if origin.version != packet.version {
                let mut other = Origin::new(packet.version, family, &origin.id)?;
                if let Some(text) = other.open(side == self.client, packet, room) {
                    *origin = other;
                    return Some(text);
                }
            } else if let Some(text) = origin.open(side == self.client, packet, room) {
                return Some(text);
            }
        }
        // The client's first packet; after a Retry its first again, with the
        // id that the server wants (RFC 9000, 17.2.5.2). Who sends it is the
        // client, whatever the capture began with.
        if side != self.client && self.heard[0] {
            return None;
        }
        let mut origin = Origin::new(packet.version, family, packet.to)?;
        let text = origin.open(true, packet, room)?;
        self.client = side;
        self.origin = Some(origin);
        self.crypto = Default::default();
        Some(text)
    }

    /// Reads the text of a packet; `false` when there is nothing more to learn.
    fn read(&mut self, side: Side, version: u32, text: &[u8], found: &mut dyn FnMut(Found<'_>)) -> bool {
        let role = usize::from(side != self.client);
        let (Some(crypto), Some(heard)) = (self.crypto.get_mut(role), self.heard.get_mut(role)) else {
            return false;
        };
        if *heard {
            return true;
        }
        let mut fits = true;
        // What is before a frame that can't be read counts.
        let _ = crypto_frames(text, matches!(version, Q050 | T050 | T051), |offset, bytes| {
            fits &= crypto.put(offset, bytes);
        });
        if version == Q050 {
            let hello = google::hello(crypto.ready());
            if let Some(hello) = hello {
                found(Found::Google { side, version, hello });
            }
            return fits && hello.is_none();
        }
        while let Some((kind, body)) = crypto.message() {
            let expected = if role == 0 { CLIENT_HELLO } else { SERVER_HELLO };
            if kind == expected && !(role == 1 && is_again(body)) {
                found(Found::Message { side, version, kind, body });
                *heard = true;
                *crypto = Crypto::default();
                break;
            }
        }
        fits
    }
}

/// Whether a server wants another ClientHello first (RFC 8446, 4.1.4).
fn is_again(body: &[u8]) -> bool {
    ServerHello::read(body).is_some_and(|hello| hello.is_retry)
}
