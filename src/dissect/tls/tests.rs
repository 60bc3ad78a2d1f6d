//! Connections cut in every way.

use super::certificate::tests::message as certificate;
use super::hello::tests::{example, server};
use super::*;
use crate::dissect::dns;
use crate::wire::bytes::u16_at;

#[derive(Default, PartialEq, Debug)]
struct Found {
    hellos: Vec<ClientHello>,
    handshakes: Vec<Handshake>,
}

impl Sink for Found {
    fn dns(&mut self, _: dns::Kind, _: Side, _: &dns::Message<'_>) {
        unreachable!("no DNS here");
    }

    fn tls_hello(&mut self, hello: &ClientHello) {
        self.hellos.push(hello.clone());
    }

    fn tls(&mut self, handshake: &Handshake) {
        self.handshakes.push(handshake.clone());
    }
}

/// Gives a dissector bytes as the engine does.
struct Wire {
    stream: Stream,
    waiting: [Vec<u8>; 2],
    skip: [usize; 2],
    ended: Option<Step>,
    found: Found,
    calls: usize,
}

impl Wire {
    fn new() -> Wire {
        Wire {
            stream: Stream::default(),
            waiting: Default::default(),
            skip: [0; 2],
            ended: None,
            found: Found::default(),
            calls: 0,
        }
    }

    fn send(&mut self, side: Side, bytes: &[u8]) {
        let place = side as usize;
        let skipped = self.skip[place].min(bytes.len());
        self.skip[place] -= skipped;
        if skipped == bytes.len() || self.ended.is_some() {
            return;
        }
        self.waiting[place].extend(&bytes[skipped..]);
        self.calls += 1;
        match self.stream.data(side, &self.waiting[place], &mut self.found) {
            Step::Take(taken) => {
                let there = taken.min(self.waiting[place].len());
                self.waiting[place].drain(..there);
                self.skip[place] = taken - there;
            }
            step => self.ended = Some(step),
        }
    }

    fn end(mut self) -> Found {
        if self.ended.is_none() {
            self.stream.end(&mut self.found);
        }
        self.found
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
}

fn client() -> Vec<u8> {
    message(CLIENT_HELLO, &example())
}

fn tls13() -> Vec<u8> {
    message(SERVER_HELLO, &server([3, 3], [1; 32], &[0, 43, 0, 2, 3, 4]))
}

fn tls12() -> Vec<u8> {
    message(SERVER_HELLO, &server([3, 3], [1; 32], &[]))
}

/// What is found when both sides say one thing each.
fn exchange(client: &[u8], server: &[u8]) -> (Found, Option<Step>) {
    let mut wire = Wire::new();
    wire.send(Side::Client, client);
    wire.send(Side::Server, server);
    let ended = wire.ended;
    (wire.end(), ended)
}

#[test]
fn tls_1_3_is_done_with_the_answer() {
    let hello = record(HANDSHAKE, &client());
    let (found, ended) = exchange(&hello, &record(HANDSHAKE, &tls13()));
    assert_eq!(ended, Some(Step::Done));
    assert_eq!(found.hellos[0].sni.as_deref(), Some("www.example.com"));
    assert_eq!(found.handshakes[0].client, Some(found.hellos[0].clone()));
    assert_eq!(found.handshakes[0].server.as_ref().unwrap().version, 0x0304);
    assert_eq!((found.hellos.len(), found.handshakes.len()), (1, 1));
}

#[test]
fn before_it_the_certificate_is_waited_for() {
    let hello = record(HANDSHAKE, &client());
    let flight = [tls12(), message(22, &[9; 9]), message(CERTIFICATE, &certificate())].concat();
    let (found, ended) = exchange(&hello, &record(HANDSHAKE, &flight));
    assert_eq!(ended, Some(Step::Done));
    assert_eq!(found.handshakes[0].certificate.as_ref().unwrap().serial, "0A:1B:FF");
    assert!(!found.handshakes[0].resumed);

    let short = [record(HANDSHAKE, &tls12()), record(CHANGE_CIPHER_SPEC, &[1])].concat();
    let (found, ended) = exchange(&hello, &short);
    assert!(ended == Some(Step::Done) && found.handshakes[0].resumed);

    let bare = record(HANDSHAKE, &[tls12(), message(SERVER_HELLO_DONE, &[])].concat());
    let (found, ended) = exchange(&hello, &bare);
    assert!(ended == Some(Step::Done) && !found.handshakes[0].resumed);
}

#[test]
fn a_server_may_ask_for_another_hello() {
    let retry = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
        0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let retry = message(SERVER_HELLO, &server([3, 3], retry, &[0, 43, 0, 2, 3, 4]));
    let first = [record(HANDSHAKE, &retry), record(CHANGE_CIPHER_SPEC, &[1])].concat();
    let mut wire = Wire::new();
    wire.send(Side::Client, &record(HANDSHAKE, &client()));
    wire.send(Side::Server, &first);
    assert_eq!(wire.ended, None);
    wire.send(Side::Client, &record(HANDSHAKE, &client()));
    wire.send(Side::Server, &record(HANDSHAKE, &tls13()));
    assert_eq!(wire.ended, Some(Step::Done));
    let found = wire.end();
    assert!(!found.handshakes[0].server.as_ref().unwrap().is_retry);
    assert_eq!(found.hellos.len(), 1);
}

#[test]
fn however_it_is_cut_the_same_is_found() {
    let flight = [tls12(), message(22, &[9; 9]), message(CERTIFICATE, &certificate())].concat();
    let answer = record(HANDSHAKE, &flight);
    let (whole, _) = exchange(&record(HANDSHAKE, &client()), &answer);
    let hello = client();
    for cut in 1..hello.len() {
        let (left, right) = hello.split_at(cut);
        let records = [record(HANDSHAKE, left), record(HANDSHAKE, right)].concat();
        // In two segments and in three, at the cut and elsewhere.
        for ends in [[cut, cut], [cut + 3, cut + 7], [records.len() / 2, records.len() - 1]] {
            let mut wire = Wire::new();
            let (mut at, ends) = (0, [ends[0], ends[1].min(records.len()), records.len()]);
            for end in ends {
                wire.send(Side::Client, &records[at..end]);
                at = end;
            }
            wire.send(Side::Server, &answer);
            assert_eq!(wire.end(), whole, "cut at {cut}");
        }
    }
    for cut in 1..flight.len() {
        let (left, right) = flight.split_at(cut);
        let records = [record(HANDSHAKE, left), record(HANDSHAKE, right)].concat();
        let mut wire = Wire::new();
        wire.send(Side::Client, &record(HANDSHAKE, &hello));
        wire.send(Side::Server, &records[..cut]);
        wire.send(Side::Server, &records[cut..]);
        assert_eq!(wire.end(), whole, "cut at {cut}");
    }
}

#[test]
fn bytes_and_records_may_be_one_byte_long() {
    let flight = [tls12(), message(22, &[9; 9]), message(CERTIFICATE, &certificate())].concat();
    let (whole, _) = exchange(&record(HANDSHAKE, &client()), &record(HANDSHAKE, &flight));
    let tiny = |message: &[u8]| message.iter().flat_map(|&b| record(HANDSHAKE, &[b])).collect::<Vec<_>>();
    for records in [tiny as fn(&[u8]) -> Vec<u8>, |message| record(HANDSHAKE, message)] {
        let mut wire = Wire::new();
        for byte in records(&client()) {
            wire.send(Side::Client, &[byte]);
        }
        assert!(wire.waiting[0].is_empty());
        for byte in records(&flight) {
            wire.send(Side::Server, &[byte]);
        }
        assert_eq!(wire.ended, Some(Step::Done));
        assert_eq!(wire.end(), whole);
    }
}

#[test]
fn what_breaks_off_is_told_at_the_end() {
    let hello = record(HANDSHAKE, &client());
    let answer = record(HANDSHAKE, &[tls12(), message(CERTIFICATE, &certificate())].concat());
    for end in 0..hello.len() {
        let (found, _) = exchange(&hello[..end], &[]);
        assert_eq!(found, Found::default());
    }
    for end in 1..answer.len() {
        let (found, ended) = exchange(&hello, &answer[..end]);
        assert_eq!((found.handshakes.len(), ended), (1, None));
        // A message is read when it is there, and not when its record is.
        assert_eq!(found.handshakes[0].server.is_some(), end >= 5 + tls12().len());
    }
}

#[test]
fn one_side_alone_is_enough() {
    let mut wire = Wire::new();
    wire.send(Side::Server, &record(HANDSHAKE, &tls13()));
    assert_eq!(wire.ended, Some(Step::Done));
    assert!(wire.end().handshakes[0].client.is_none());

    // Behind its hello a client's bytes are left out, and bytes may be missing.
    let mut wire = Wire::new();
    wire.send(Side::Client, &record(HANDSHAKE, &client()));
    let calls = wire.calls;
    wire.send(Side::Client, &[0xff; LEFT_OUT]);
    assert_eq!((wire.calls, wire.ended), (calls, None));
    wire.send(Side::Client, &[0xff]);
    assert_eq!(wire.ended, Some(Step::Done));
    assert_eq!(wire.end().handshakes.len(), 1);
}

#[test]
fn a_server_that_is_seen_first_waits_for_the_client() {
    let mut wire = Wire::new();
    let hello = record(HANDSHAKE, &client());
    wire.send(Side::Client, &hello[..9]);
    wire.send(Side::Server, &record(HANDSHAKE, &tls13()));
    wire.send(Side::Server, &record(APPLICATION_DATA, &[0; 40]));
    assert_eq!(wire.ended, None);
    wire.send(Side::Client, &hello[9..]);
    assert_eq!(wire.ended, Some(Step::Done));
    assert!(wire.end().handshakes[0].client.is_some());
}

#[test]
fn other_bytes_are_refused() {
    for bytes in [&b"GET / HTTP/1.1"[..], &[22, 3, 1, 0xff, 0xff], &[22, 2, 1, 0, 1], &[99, 3, 1, 0, 1]] {
        let (found, ended) = exchange(bytes, &[]);
        assert_eq!((found, ended), (Found::default(), Some(Step::Reject)));
    }
    let long = record(HANDSHAKE, &[CLIENT_HELLO, 1, 0, 1]);
    assert_eq!(exchange(&long, &[]).1, Some(Step::Reject), "longer than a message may be");
    let (found, ended) = exchange(&record(HANDSHAKE, &client()), b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!((found.handshakes.len(), ended), (1, Some(Step::Reject)));
    // An alert is an answer, and none that ends anything.
    assert_eq!(exchange(&record(HANDSHAKE, &client()), &record(ALERT, &[2, 40])).1, None);
}

#[test]
fn the_form_of_ssl_2_begins_a_connection_too() {
    let old = [&[0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 47][..], &[5; 16]].concat();
    let (found, _) = exchange(&old, &record(HANDSHAKE, &tls12()));
    let handshake = &found.handshakes[0];
    assert_eq!(handshake.client.as_ref().unwrap().version, 0x0301);
    assert!(handshake.server.is_some());
    for end in 0..old.len() {
        let expected = if end < 11 { Verdict::More } else { Verdict::Yes };
        assert_eq!(verdict(&old[..end]), expected, "{end}");
    }
}

fn verdict(bytes: &[u8]) -> Verdict {
    let opening =
        Opening { proto: proto::TCP, client_port: 40_000, server_port: 8_443, side: Side::Client, bytes };
    probe(&opening)
}

#[test]
fn six_bytes_tell() {
    let hello = record(HANDSHAKE, &client());
    assert_eq!(u16_at(&hello, 3).map(usize::from), Some(hello.len() - 5));
    for end in 0..hello.len() {
        assert_eq!(verdict(&hello[..end]), if end < 6 { Verdict::More } else { Verdict::Yes }, "{end}");
    }
    for other in [&[22, 3, 9][..], &[22, 3, 1, 0, 0], &[22, 3, 1, 0, 9, 4], &[23], &[0x90, 0, 3], b"GET"] {
        assert_eq!(verdict(other), Verdict::No, "{other:?}");
    }
}

#[test]
fn versions_have_names() {
    assert_eq!(version_name(0x0301), "TLSv1");
    assert_eq!(version_name(0x7f16), "TLS 1.3 draft-22");
    assert_eq!(version_name(0x1234), "0x1234");
}
