//! DTLS: the hellos of TLS in datagrams, whole or in fragments.

use super::fields::{Fields, number24};
use super::{CLIENT_HELLO, ClientHello, HANDSHAKE, Handshake, SERVER_HELLO, ServerHello, Transport};
use crate::dissect::named::media;
use crate::dissect::pieces::Pieces;
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

/// Datagrams that are looked at where a call may begin with DTLS. Both ends
/// try their ways to one another first, for some seconds.
const MAX_DATAGRAMS_OF_CALL: u8 = 100;

/// Reads a session.
#[derive(Default)]
pub struct Session {
    found: Handshake,
    datagrams: u8,
    is_call: bool,
    /// Of client and server, while they send one message in fragments.
    parts: [Option<Box<Parts>>; 2],
}

/// One message of the handshake in fragments.
struct Parts {
    sequence: u16,
    kind: u8,
    length: usize,
    body: Pieces,
}

/// A fragment of a message, often all of it (RFC 6347, 4.2.2).
struct Fragment<'a> {
    kind: u8,
    length: usize,
    sequence: u16,
    offset: usize,
    body: &'a [u8],
}

/// The messages of the handshake in a datagram that anyone can read
/// (RFC 6347, 4.1).
fn fragments(datagram: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    let mut records = Fields(datagram);
    let mut messages = Fields(&[]);
    std::iter::from_fn(move || {
        loop {
            if !messages.is_empty() {
                return fragment(&mut messages);
            }
            let kind = records.u8()?;
            // Version, epoch and number.
            let numbers = records.take(10)?;
            let body = records.long()?;
            if kind == HANDSHAKE && array_at(numbers, 2)? == [0, 0] {
                messages = Fields(body);
            }
        }
    })
}

fn fragment<'a>(record: &mut Fields<'a>) -> Option<Fragment<'a>> {
    let [kind, a, b, c, s, t, x, y, z, l, m, n] = array_at(record.take(12)?, 0)?;
    let (length, offset, here) = (number24([a, b, c]), number24([x, y, z]), number24([l, m, n]));
    let body = record.take(here)?;
    let fits = offset + here <= length;
    fits.then_some(Fragment { kind, length, sequence: u16::from_be_bytes([s, t]), offset, body })
}

impl Session {
    /// Of a session that is a call by STUN, whose keys are agreed by DTLS
    /// between the same ports (RFC 5764, 5.1.2).
    pub fn of_call() -> Session {
        Session { is_call: true, ..Session::default() }
    }

    /// Takes in a fragment; the message, where it is wanted and whole with
    /// this one.
    fn put(&mut self, side: Side, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        match fragment.kind {
            CLIENT_HELLO if self.found.client.is_none() => {}
            SERVER_HELLO if self.found.server.is_none() => {}
            _ => return None,
        }
        let place = &mut self.parts[side as usize];
        let parts = place.get_or_insert_with(|| Box::new(Parts::of(fragment)));
        if (parts.sequence, parts.kind, parts.length) != (fragment.sequence, fragment.kind, fragment.length) {
            **parts = Parts::of(fragment);
        }
        parts.body.put(fragment.offset, fragment.body);
        let whole = parts.body.start().get(..fragment.length)?.to_vec();
        *place = None;
        Some(whole)
    }

    fn message(&mut self, kind: u8, body: &[u8], sink: &mut dyn Sink) {
        match kind {
            // The second, with the server's cookie, says the same.
            CLIENT_HELLO if self.found.client.is_none() => {
                if let Some(hello) = ClientHello::read(body, Transport::Dtls, sink.wants_details()) {
                    sink.tls_hello(&hello);
                    self.found.client = Some(hello);
                }
            }
            SERVER_HELLO => self.found.server = ServerHello::read(body),
            _ => {}
        }
    }
}

impl Parts {
    fn of(fragment: &Fragment<'_>) -> Parts {
        let Fragment { sequence, kind, length, .. } = *fragment;
        Parts { sequence, kind, length, body: Pieces::default() }
    }
}

impl Dissector for Session {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        self.datagrams += 1;
        for fragment in fragments(bytes) {
            if fragment.body.len() == fragment.length {
                self.message(fragment.kind, fragment.body, sink);
            } else if let Some(whole) = self.put(side, &fragment) {
                self.message(fragment.kind, &whole, sink);
            }
        }
        let is_named = self.found.client.is_some() && !sink.wants_details();
        let most = if self.is_call { MAX_DATAGRAMS_OF_CALL } else { MAX_DATAGRAMS };
        if is_named || self.found.server.is_some() || self.datagrams >= most {
            self.end(sink);
            return Step::Done;
        }
        Step::Take(bytes.len())
    }

    fn held(&self) -> usize {
        self.parts.iter().flatten().map(|parts| size_of::<Parts>() + parts.body.held()).sum()
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

    /// The hello in records of their own, each with up to `size` bytes of it.
    fn cut(size: usize) -> Vec<Vec<u8>> {
        let whole = hello();
        let (record, message) = whole.split_at(13);
        let (head, body) = message.split_at(12);
        let part = |(at, part): (usize, &[u8])| {
            let bounds = [0, 0, (at * size) as u8, 0, 0, part.len() as u8];
            let length = (12 + part.len() as u16).to_be_bytes();
            [&record[..11], &length, &head[..6], &bounds, part].concat()
        };
        body.chunks(size).enumerate().map(part).collect()
    }

    #[test]
    fn fragments_come_in_any_order_and_more_than_one_in_a_datagram() {
        for size in 1..60 {
            let mut parts = cut(size);
            for _ in 0..2 {
                parts.reverse();
                let (mut session, mut names) = (Session::of_call(), Names::default());
                for part in &parts {
                    session.data(Side::Client, &[&b"\0\x01"[..], &[7; 18]].concat(), &mut names);
                    session.data(Side::Client, part, &mut names);
                    session.data(Side::Client, part, &mut names);
                }
                if parts.len() < 30 {
                    assert_eq!(names.0, [Some("a.io".to_owned())], "{size}");
                    assert_eq!(session.held(), 0, "nothing is kept of what was read");
                }
            }
            let (mut session, mut names) = (Session::default(), Names::default());
            session.data(Side::Client, &parts.concat(), &mut names);
            assert_eq!(names.0, [Some("a.io".to_owned())], "{size}");
        }
    }

    #[test]
    fn fragments_of_another_message_begin_anew() {
        let mut parts = cut(30);
        parts.truncate(2);
        parts[0][13 + 5] = 9;
        let (mut session, mut names) = (Session::default(), Names::default());
        for part in &parts {
            session.data(Side::Client, part, &mut names);
        }
        assert!(names.0.is_empty());
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
