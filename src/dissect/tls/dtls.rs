//! DTLS: the hellos of TLS in datagrams. One that is spread over several
//! records is left alone, which is rare: it has to fit a datagram anyway.

use super::fields::{Fields, number24};
use super::{CLIENT_HELLO, ClientHello, HANDSHAKE, Handshake, SERVER_HELLO, ServerHello, Transport};
use crate::dissect::named::media;
use crate::dissect::{Dissector, Protocol, Side, Sink, Step};
use crate::wire::bytes::array_at;
use crate::wire::proto;

/// DTLS 1.0 to 1.3 (RFC 4347, RFC 6347, RFC 9147).
pub static DTLS: Protocol = Protocol {
    over: &[proto::UDP],
    name: "dtls",
    probe: |opening| (media::DTLS.probe)(opening),
    datagram: None,
    stream: Some(|| Box::<Session>::default()),
};

/// Datagrams that are looked at.
const MAX_DATAGRAMS: u8 = 16;

#[derive(Default)]
struct Session {
    found: Handshake,
    datagrams: u8,
}

/// The messages of the handshake in a datagram that are whole in one record
/// (RFC 6347, 4.1 and 4.2.2): kind and body.
fn messages(datagram: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut records = Fields(datagram);
    std::iter::from_fn(move || {
        while !records.is_empty() {
            let kind = records.u8()?;
            // Version, epoch and number.
            let numbers = records.take(10)?;
            let body = records.long()?;
            let is_plain = array_at(numbers, 2)? == [0, 0];
            if kind == HANDSHAKE && is_plain {
                return Some(message(body));
            }
        }
        None
    })
    .flatten()
}

fn message(record: &[u8]) -> Option<(u8, &[u8])> {
    let [kind, a, b, c, _, _, x, y, z, l, m, n] = array_at(record, 0)?;
    let (length, offset, here) = (number24([a, b, c]), number24([x, y, z]), number24([l, m, n]));
    let body = record.get(12..12 + here)?;
    (offset == 0 && here == length).then_some((kind, body))
}

impl Dissector for Session {
    fn data(&mut self, _: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        self.datagrams += 1;
        for (kind, body) in messages(bytes) {
            match kind {
                // The second, with the server's cookie, says the same.
                CLIENT_HELLO if self.found.client.is_none() => {
                    let Some(hello) = ClientHello::read(body, Transport::Dtls, sink.wants_details()) else {
                        continue;
                    };
                    sink.tls_hello(&hello);
                    self.found.client = Some(hello);
                }
                SERVER_HELLO => self.found.server = ServerHello::read(body),
                _ => {}
            }
        }
        let is_named = self.found.client.is_some() && !sink.wants_details();
        if is_named || self.found.server.is_some() || self.datagrams >= MAX_DATAGRAMS {
            self.end(sink);
            return Step::Done;
        }
        Step::Take(bytes.len())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let found = std::mem::take(&mut self.found);
        if found != Handshake::default() {
            sink.tls(&found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::dns;

    #[derive(Default)]
    struct Names(Vec<Option<String>>, Vec<Handshake>);

    impl Sink for Names {
        fn dns(&mut self, _: dns::Kind, _: Side, _: &dns::Message<'_>) {}

        fn tls_hello(&mut self, hello: &ClientHello) {
            self.0.push(hello.sni.clone());
        }

        fn tls(&mut self, handshake: &Handshake) {
            self.1.push(handshake.clone());
        }
    }

    /// A ClientHello for `a.io` in a record of DTLS 1.2.
    fn hello() -> Vec<u8> {
        let name = b"\0\0\0\x09\0\x07\0\0\x04a.io";
        let mut body = vec![0xfe, 0xfd];
        body.extend([7; 32]);
        // No session, no cookie, one suite, no compression.
        body.extend(b"\0\0\0\x02\xc0\x2b\x01\0");
        body.extend((name.len() as u16).to_be_bytes());
        body.extend(name);
        let length = [0, 0, body.len() as u8];
        let message = [&[1][..], &length, &[0, 0, 0, 0, 0], &length, &body].concat();
        let size = (message.len() as u16).to_be_bytes();
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &message].concat()
    }

    #[test]
    fn a_hello_gives_its_name_once() {
        let (mut session, mut names) = (Session::default(), Names::default());
        let datagram = hello();
        assert_eq!(session.data(Side::Client, &datagram, &mut names), Step::Take(datagram.len()));
        session.data(Side::Client, &datagram, &mut names);
        session.end(&mut names);
        session.end(&mut names);
        assert_eq!(names.0, [Some("a.io".to_owned())]);
        let [found] = &names.1[..] else { panic!() };
        assert!(found.client.as_ref().unwrap().ja4.starts_with("dd2d0101"), "{found:?}");
    }

    #[test]
    fn a_part_of_a_datagram_gives_nothing_and_nothing_goes_on_for_ever() {
        let datagram = hello();
        let mut names = Names::default();
        for end in 0..datagram.len() {
            Session::default().data(Side::Client, &datagram[..end], &mut names);
        }
        assert!(names.0.is_empty());
        let mut session = Session::default();
        let steps = (0..MAX_DATAGRAMS).map(|_| session.data(Side::Server, &[22; 40], &mut names));
        assert_eq!(steps.last(), Some(Step::Done));
    }
}
