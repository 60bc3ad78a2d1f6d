//! What must hold of any bytes that are taken for TLS, QUIC or HTTP.

use weir::dissect::dns::{self, Message};
use weir::dissect::http::{Exchange, HTTP};
use weir::dissect::quic::{Crypto, Flow, Found, crypto_frames};
use weir::dissect::tls::{Certificate, ClientHello, DTLS, Handshake, ServerHello, TLS, Transport};
use weir::dissect::{Side, Sink, Step};

use super::Bytes;

/// Datagrams of a session of QUIC, each with a byte of side and length (times
/// sixteen). Then the whole as the text of a packet, that no key has to
/// open: whatever the order of the frames in it, the messages are the same,
/// if no two frames disagree.
pub fn quic(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut flow = Flow::default();
    let mut dtls = DTLS.stream.unwrap()();
    while !bytes.0.is_empty() {
        let shape = bytes.byte();
        let side = if shape & 1 == 0 { Side::Client } else { Side::Server };
        let datagram = bytes.take(usize::from(shape >> 1) * 16);
        // The same as DTLS, whose handshakes come in pieces too.
        dtls.data(side, datagram, &mut Nobody);
        assert!(dtls.held() <= 4 * 17 * 1_024);
        let more = flow.datagram(side, datagram, &mut |found| match found {
            Found::Message { kind, .. } => assert!(kind == 1 || kind == 2),
            Found::Google { hello, .. } => assert!(hello.name.is_none_or(|name| name.is_ascii())),
        });
        assert!(flow.held() <= 4 * 16 * 1_024);
        if !more {
            break;
        }
    }
    for google in [false, true] {
        let mut frames = Vec::new();
        let _ = crypto_frames(data, google, |offset, bytes| frames.push((offset, bytes)));
        let forth = messages(frames.iter());
        let agree = frames.iter().all(|(offset, bytes)| {
            bytes.iter().enumerate().all(|(at, byte)| byte_at(&frames, offset + at as u64) == Some(byte))
        });
        // Beyond the bounds the order decides what is kept.
        if let (true, Some(forth), Some(back)) = (agree, forth, messages(frames.iter().rev())) {
            assert_eq!(forth, back);
        }
    }
}

struct Nobody;

impl Sink for Nobody {
    fn dns(&mut self, _: dns::Kind, _: Side, _: &Message<'_>) {}
}

fn byte_at<'a>(frames: &[(u64, &'a [u8])], place: u64) -> Option<&'a u8> {
    frames.iter().find_map(|(offset, bytes)| bytes.get(usize::try_from(place.checked_sub(*offset)?).ok()?))
}

/// The messages in frames; `None` if one did not fit.
fn messages<'a>(frames: impl Iterator<Item = &'a (u64, &'a [u8])>) -> Option<Vec<(u8, Vec<u8>)>> {
    let (mut crypto, mut all) = (Crypto::default(), Vec::new());
    for (offset, bytes) in frames {
        if !crypto.put(*offset, bytes) {
            return None;
        }
        while let Some((kind, body)) = crypto.message() {
            all.push((kind, body.to_vec()));
        }
        assert!(crypto.held() <= 2 * 16 * 1_024 && crypto.ready().len() <= 16 * 1_024);
    }
    Some(all)
}

/// A message of TLS in each of its meanings; then what both sides of a
/// connection say in turns, each turn behind a byte for the side and two of
/// length. However a turn is cut, the same is found.
pub fn tls(data: &[u8]) {
    for transport in [Transport::Tcp, Transport::Quic, Transport::Dtls] {
        if let Some(hello) = ClientHello::read(data, transport, true) {
            assert!(hello.ja3.len() == 32 && hello.ja4.len() == 36);
            assert!(!hello.sni.iter().chain(&hello.alpn).any(|text| text.contains(char::is_control)));
        }
    }
    ServerHello::read(data);
    Certificate::read(data);
    Certificate::from_der(data);
    // So few that what is left out is never used up.
    let data = &data[..data.len().min(1 << 15)];
    let mut turns = Vec::new();
    let mut bytes = Bytes(data);
    while !bytes.0.is_empty() {
        let side = if bytes.byte() & 1 == 0 { Side::Client } else { Side::Server };
        let length = usize::from(bytes.byte()) << 8 | usize::from(bytes.byte());
        turns.push((side, bytes.take(length)));
    }
    for turns in [&turns[..], &[(Side::Client, data)], &[(Side::Server, data)]] {
        assert_eq!(handshakes(turns, usize::MAX), handshakes(turns, 1));
    }
}

/// What is found when `step` bytes of a turn come at a time.
fn handshakes(turns: &[(Side, &[u8])], step: usize) -> (Vec<ClientHello>, Vec<Handshake>) {
    #[derive(Default)]
    struct Found(Vec<ClientHello>, Vec<Handshake>);

    impl Sink for Found {
        fn dns(&mut self, _: dns::Kind, _: Side, _: &Message<'_>) {}

        fn tls_hello(&mut self, hello: &ClientHello) {
            self.0.push(hello.clone());
        }

        fn tls(&mut self, handshake: &Handshake) {
            self.1.push(handshake.clone());
        }
    }

    let mut found = Found::default();
    let mut dissector = TLS.stream.expect("TLS is a stream")();
    let mut waiting: [Vec<u8>; 2] = Default::default();
    let mut left_out = [0; 2];
    'all: for (side, turn) in turns {
        let place = *side as usize;
        for part in turn.chunks(step.min(turn.len().max(1))) {
            let out = part.len().min(left_out[place]);
            left_out[place] -= out;
            if out == part.len() {
                continue;
            }
            waiting[place].extend(&part[out..]);
            match dissector.data(*side, &waiting[place], &mut found) {
                Step::Take(taken) => {
                    let there = taken.min(waiting[place].len());
                    waiting[place].drain(..there);
                    left_out[place] = taken - there;
                }
                Step::Done | Step::Reject | Step::Again(_) => break 'all,
            }
        }
    }
    dissector.end(&mut found);
    assert!(found.0.len() <= 2 && found.1.len() <= 1);
    (found.0, found.1)
}

/// What two sides say to each other: each part has a byte for its side and its
/// length before it. The same is found whole and byte by byte, and held memory
/// has a bound.
pub fn http(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut said = Vec::new();
    while !bytes.0.is_empty() {
        let shape = bytes.byte();
        let side = if shape & 1 == 0 { Side::Client } else { Side::Server };
        // Twos, so that a part may be as long as a head.
        let length = if shape >> 1 == 0x7f { data.len() } else { 1 << (shape >> 1 & 15) };
        said.push((side, bytes.take(length)));
    }
    assert_eq!(exchanges(&said, usize::MAX), exchanges(&said, 1));
}

/// The exchanges and hosts in what is said, of which `step` bytes come at a
/// time.
fn exchanges(said: &[(Side, &[u8])], step: usize) -> (Vec<Exchange>, Vec<String>) {
    #[derive(Default)]
    struct Exchanges(Vec<Exchange>, Vec<String>);

    impl Sink for Exchanges {
        fn dns(&mut self, _: dns::Kind, _: Side, _: &Message<'_>) {}

        fn http(&mut self, exchange: Exchange) {
            self.0.push(exchange);
        }

        fn http_host(&mut self, host: &str) {
            self.1.push(host.to_owned());
        }
    }

    let mut found = Exchanges::default();
    let mut dissector = HTTP.stream.expect("HTTP is read")();
    let (mut waiting, mut skip) = ([Vec::new(), Vec::new()], [0, 0]);
    'all: for &(side, bytes) in said {
        let (at, mut rest) = (side as usize, bytes);
        while !rest.is_empty() {
            let left_out = rest.len().min(skip[at]);
            skip[at] -= left_out;
            let (part, behind) = rest[left_out..].split_at(step.min(rest.len() - left_out));
            rest = behind;
            waiting[at].extend_from_slice(part);
            if waiting[at].is_empty() {
                continue;
            }
            match dissector.data(side, &waiting[at], &mut found) {
                Step::Take(taken) if taken >= waiting[at].len() => {
                    skip[at] = taken - waiting[at].len();
                    waiting[at].clear();
                }
                Step::Take(taken) => drop(waiting[at].drain(..taken)),
                Step::Done | Step::Reject | Step::Again(_) => break 'all,
            }
            assert!(waiting[at].len() <= 16_384, "no head is longer");
            assert!(dissector.held() < 1 << 20);
        }
    }
    dissector.end(&mut found);
    (found.0, found.1)
}
