//! Whole sessions, with the packets of the documents.

use super::google::tests::chlo;
use super::keys::{Keys, family};
use super::packet::{Kind, Packets};
use super::*;
use crate::dissect::{Identity, dns, identify};

/// The client's first destination id in RFC 9001 and RFC 9369, appendix A.
const ID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";
const SERVER_ID: &[u8] = b"\xf0\x67\xa5\x50\x2a\x42\x62\xb5";
const V2: u32 = 0x6b33_43cf;

/// RFC 9001, A.2 and A.3: the frames of client and server.
const CLIENT_TEXT: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578\
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
    0d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
    75300901100f088394c8f03e51570806048000ffff";
const SERVER_TEXT: &str = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739\
    88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94\
    0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00\
    020304";
/// RFC 9001, A.3, and RFC 9369, A.3
const SERVER_V1: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a\
    5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3\
    dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
    022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4\
    2158407dd074ee";
const SERVER_V2: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698\
    baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17\
    f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
    c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8\
    4bed8521e2e140";
/// RFC 9001, A.4, and RFC 9369, A.4
const RETRY_V1: &str = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";
const RETRY_V2: &str = "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// An Initial packet as it goes over the wire. `origin` is what the keys come
/// from, `to` where it goes.
fn initial(side: Side, version: u32, origin: &[u8], to: &[u8], number: u32, text: &[u8]) -> Vec<u8> {
    let first = if version == V2 { 0xd3 } else { 0xc3 };
    let mut header = [&[first][..], &version.to_be_bytes(), &[to.len() as u8], to, &[0, 0]].concat();
    header.extend((0x4000 | (4 + text.len() as u16 + 16)).to_be_bytes());
    header.extend(number.to_be_bytes());
    Keys::both(family(version).unwrap(), origin).unwrap()[side as usize].seal(&header, text)
}

/// The client's packet, padded to a datagram of 1,200 bytes.
fn client(version: u32, id: &[u8]) -> Vec<u8> {
    let mut text = hex(CLIENT_TEXT);
    text.resize(1_162, 0);
    initial(Side::Client, version, id, id, 2, &text)
}

fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let number = |value: usize| (0x4000 | value as u16).to_be_bytes();
    [&[6][..], &number(offset), &number(bytes.len()), bytes].concat()
}

/// Who said what in datagrams, and whether more is wanted.
fn read(datagrams: &[(Side, &[u8])]) -> (Vec<String>, bool) {
    let (mut flow, mut all, mut more) = (Flow::default(), Vec::new(), true);
    for (side, datagram) in datagrams {
        assert!(more, "called after the end");
        more = flow.datagram(*side, datagram, &mut |found| {
            all.push(match found {
                Found::Message { side, version, kind, body } => {
                    let expected = if kind == 1 { &hex(CLIENT_TEXT)[8..] } else { &hex(SERVER_TEXT)[13..] };
                    assert_eq!(body, expected);
                    format!("{side:?} {version:x} {kind}")
                }
                Found::Google { hello, .. } => format!("{:?}", hello.name),
            });
        });
    }
    (all, more)
}

use Side::{Client, Server};

#[test]
fn packets_of_the_documents() {
    for (version, begin, tag, server) in [
        (1, "c000000001088394c8f03e5157080000449e7b9aec34", "e221af44860018ab0856972e194cd934", SERVER_V1),
        (V2, "d76b3343cf088394c8f03e5157080000449ea0c95e82", "a18b2faa745b6fe189cf772a9f84cbfc", SERVER_V2),
    ] {
        let (client, server) = (client(version, ID), hex(server));
        // The tag stands for all between.
        assert!(client.starts_with(&hex(begin)) && client.ends_with(&hex(tag)) && client.len() == 1_200);
        let (found, more) = read(&[(Client, &client), (Server, &server)]);
        assert_eq!(found, [format!("Client {version:x} 1"), format!("Server {version:x} 2")]);
        assert!(!more);
        // Twice each, and the server's alone says nothing.
        assert_eq!(read(&[(Client, &client), (Client, &client), (Server, &server)]).0.len(), 2);
        assert_eq!(read(&[(Server, &server), (Server, &server)]), (vec![], true));
        // Sides that were taken for each other.
        assert_eq!(read(&[(Server, &client), (Client, &server)]).0.len(), 2);
    }
    for retry in [RETRY_V1, RETRY_V2] {
        let retry = hex(retry);
        let packet = Packets::new(&retry).next().unwrap();
        assert_eq!((packet.kind, packet.from, packet.bytes), (Kind::Retry, SERVER_ID, &retry[..]));
    }
}

#[test]
fn a_retry_brings_other_keys() {
    let hello = hex(CLIENT_TEXT);
    let first = initial(Client, 1, ID, ID, 0, &crypto(0, &hello[4..100]));
    let (retry, again) = (hex(RETRY_V1), client(1, SERVER_ID));
    let answer = initial(Server, 1, SERVER_ID, b"", 0, &hex(SERVER_TEXT));
    let expected = (vec!["Client 1 1".to_string(), "Server 1 2".to_string()], false);
    // The hello before it whole, or in part.
    for first in [&client(1, ID), &first] {
        let datagrams = [(Client, &first[..]), (Server, &retry), (Client, &again), (Server, &answer)];
        assert_eq!(read(&datagrams), expected);
    }
}

#[test]
fn a_server_answers_in_another_version() {
    let answer = initial(Server, V2, ID, b"", 0, &hex(SERVER_TEXT));
    let (found, more) = read(&[(Client, &client(1, ID)), (Server, &answer)]);
    assert_eq!((found, more), (vec!["Client 1 1".to_string(), "Server 6b3343cf 2".to_string()], false));
}

#[test]
fn a_hello_in_pieces_with_packets_around_it() {
    let hello = &hex(CLIENT_TEXT)[4..];
    let early = b"\xd0\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\x03xyz";
    for cut in 1..hello.len() {
        let one = initial(Client, 1, ID, ID, 0, &crypto(0, &hello[..cut]));
        // Later packets go to the server's id with the same keys.
        let two = initial(Client, 1, ID, SERVER_ID, 1, &crypto(cut, &hello[cut..]));
        let expected = (vec!["Client 1 1".to_string()], true);
        assert_eq!(read(&[(Client, &one), (Client, &one), (Client, &two)]), expected);
        let together = [&early[..], &one, &two, &[0; 20]].concat();
        assert_eq!(read(&[(Client, &together)]), expected);
        let two = initial(Client, 1, ID, ID, 1, &crypto(cut, &hello[cut..]));
        assert_eq!(read(&[(Client, &two), (Client, &one)]), expected);
        let shuffled =
            [&b"\x01\0"[..], &crypto(cut, &hello[cut..]), b"\0", &crypto(0, &hello[..cut])].concat();
        assert_eq!(read(&[(Client, &initial(Client, 1, ID, ID, 0, &shuffled))]), expected);
    }
}

#[test]
fn a_server_that_asks_again_has_not_answered() {
    let again = hex("0200002603\
        03cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c00130100");
    let again = initial(Server, 1, ID, b"", 0, &crypto(0, &again));
    let mut answer = hex(SERVER_TEXT);
    // At an offset behind the first.
    answer.splice(5..9, crypto(42, &[0; 0x5a]).into_iter().take(5));
    let answer = initial(Server, 1, ID, b"", 1, &answer);
    let (found, more) = read(&[(Client, &client(1, ID)), (Server, &again), (Server, &answer)]);
    assert_eq!((found, more), (vec!["Client 1 1".to_string(), "Server 1 2".to_string()], false));
}

#[test]
fn a_session_is_left_in_the_end() {
    let short = [0x40; 60];
    let (found, more) = read(&[(Client, &short[..]); 32]);
    assert_eq!((found.len(), more), (0, false));
    assert!(read(&[(Client, &short[..]); 31]).1);
    let client = client(1, ID);
    let session =
        [(Client, &client[..]), (Server, &short), (Server, &short), (Server, &short), (Client, &short)];
    assert!(!read(&session).1 && read(&session[..4]).1);
}

#[test]
fn google_before_tls() {
    let hello = chlo(b"www.example.com");
    let clear = [b"\x09ABCDEFGHQ043\x01hashhashhash\xa0\x01\0\x04", &hello[..]].concat();
    let expected = (vec![r#"Some("www.example.com")"#.to_string()], false);
    assert_eq!(read(&[(Client, &clear)]), expected);
    assert_eq!(read(&[(Client, &clear[..40])]), (vec![], true));
    // Encrypted, over two packets.
    let frame = |from: usize, to: usize| {
        let frame = crypto(from, &hello[from..to]);
        initial(Client, Q050, ID, ID, from as u32, &[b"\x07\x08", &frame[1..]].concat())
    };
    let (one, two) = (frame(0, 200), frame(200, hello.len()));
    assert_eq!(read(&[(Client, &one), (Client, &two)]), expected);
}

#[test]
fn no_cut_or_change_is_fatal() {
    let client = client(1, ID);
    for end in 0..client.len() {
        // Whole, it is read whoever sends it.
        let expected = usize::from(end == 0);
        assert_eq!(read(&[(Client, &client[..end]), (Server, &client[end..])]).0.len(), expected);
        let mut spoilt = client.clone();
        spoilt[end] ^= 1;
        // Its tag is over the header too.
        assert_eq!(read(&[(Client, &spoilt)]).0.len(), 0, "{end}");
    }
}

#[test]
fn a_probe_wants_a_version_and_a_full_datagram() {
    let is_quic = |side, bytes: &[u8]| {
        let opening = Opening { proto: proto::UDP, client_port: 40_000, server_port: 443, side, bytes };
        matches!(identify(&opening), Identity::Is(protocol) if protocol.name == "quic")
    };
    let initial = [&[0xc3, 0, 0, 0, 1][..], &[0; 1_195]].concat();
    assert!(is_quic(Client, &initial) && is_quic(Server, &initial[..100]));
    assert!(!is_quic(Client, &initial[..100]));
    assert!(is_quic(Client, b"\x0dABCDEFGHQ039\x01") && !is_quic(Client, b"\x0dABCDEFGHX039\x01"));
}

#[test]
fn a_session_tells_what_it_holds() {
    struct Nowhere;
    impl Sink for Nowhere {
        fn dns(&mut self, _: dns::Kind, _: Side, _: &dns::Message<'_>) {}
    }
    let hello = hex(CLIENT_TEXT);
    let mut session = QUIC.stream.unwrap()();
    assert_eq!(session.held(), 0);
    let part = initial(Client, 1, ID, ID, 0, &crypto(0, &hello[4..100]));
    assert_eq!(session.data(Client, &part, &mut Nowhere), Step::Take(part.len()));
    assert!((96..400).contains(&session.held()));
    let rest = initial(Client, 1, ID, ID, 0, &crypto(96, &hello[100..]));
    session.data(Client, &rest, &mut Nowhere);
    assert_eq!(session.held(), 0);
    assert_eq!(session.data(Server, &hex(SERVER_V1), &mut Nowhere), Step::Done);
    session.end(&mut Nowhere);
}
