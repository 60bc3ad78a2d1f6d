//! Which app a session gets, and by what.

use super::*;

/// A STUN binding request (RFC 8489, 5) without attributes.
const STUN: &[u8] = b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl";

#[test]
fn an_address_names_what_neither_name_nor_bytes_do() {
    let features = "Net:[;;;192.0.2.0/24;]\nCalls:[udp;;3478;192.0.2.0/24;]\nBytes:[udp;;;;0:01]\n";
    let mut rig = Rig::new(options(), features);
    rig.udp((CLIENT, 5000), (SERVER, 3478), STUN);
    rig.udp((CLIENT, 5001), (SERVER, 6000), b"\x01");
    rig.udp((CLIENT, 5002), (SERVER, 6000), b"\x02");
    rig.udp((CLIENT, 5003), (RESOLVER, 6000), b"\x02").finish();
    let mut seen: Vec<_> = rig.sessions().iter().map(|s| (s.client_port, s.app.as_deref())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [(5000, Some("Calls")), (5001, Some("Bytes")), (5002, Some("Net")), (5003, None)]);
    let call = rig.sessions().into_iter().find(|s| s.client_port == 5000);
    assert_eq!(call.and_then(|s| s.app_proto), Some("stun"), "the protocol is known beside the app");
}

#[test]
fn a_session_of_dns_has_the_app_that_it_asks_for() {
    let features = "# x\nVideo:[;;;video.example;]\nOther:[tcp;;443;other.example;]\nPort:[;;53;;]\n";
    let mut rig = Rig::new(options(), features);
    for (id, name) in [(1, "www.Unknown.example"), (2, "m.VIDEO.example"), (3, "www.other.example")] {
        rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(id, name)).wait(2_000);
    }
    let message = asking(4, "www.other.example");
    let stream = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let builder = ethernet(false).ipv4(CLIENT, RESOLVER, 64).tcp(5001, 53, 9, 1000);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &stream).unwrap();
    rig.frame(&bytes);
    rig.udp((CLIENT, 5002), (RESOLVER, 53), &asking(5, "nobody.example")).finish();
    let mut seen: Vec<_> =
        rig.sessions().iter().map(|s| (s.client_port, s.app.as_deref(), s.app_line)).collect();
    seen.sort_unstable();
    let port = (5002, Some("Port"), Some(4));
    assert_eq!(seen, [(5000, Some("Video"), Some(2)), (5001, Some("Other"), Some(3)), port]);
    // Nobody used what was only asked for.
    assert!(apps(&rig).iter().all(|(app, ..)| app == "Port"), "{:?}", apps(&rig));
}

#[test]
fn what_the_client_asked_for_outweighs_what_dns_let_expect() {
    // DNS gave one address for both names, and the longer one last.
    let features = "Long:[;;;www.example.com;]\nShort:[;;;b.io;]\n";
    let mut rig = Rig::new(options(), features);
    rig.udp((CLIENT, 5353), (RESOLVER, 53), &question(1));
    rig.udp((RESOLVER, 53), (CLIENT, 5353), &answer(1, SERVER));
    rig.tcp(false, SYN, 9, b"").tcp(true, SYN | ACK, 99, b"");
    rig.tcp(false, ACK, 10, b"GET / HTTP/1.1\r\nHost: a.b.io\r\n\r\n").finish();
    let web = rig.sessions().into_iter().find(|s| s.server_port == 80).unwrap();
    assert_eq!(
        (web.host.as_deref(), web.app.as_deref(), web.app_line),
        (Some("a.b.io"), Some("Short"), Some(2))
    );
}

/// A ClientHello that shows `name`, encrypted with configuration `number`.
fn encrypted_hello(number: u8, name: &str) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let sni = long(&[&[0][..], &long(name.as_bytes())].concat());
    let ech = [0, 0, 1, 0, 1, number, 0, 0, 0, 0];
    let extensions = [&[0, 0][..], &long(&sni), &[0xfe, 0x0d], &long(&ech)].concat();
    let body = [&[3, 3][..], &[7; 32], b"\0\0\x02\x13\x01\x01\0", &long(&extensions)].concat();
    let message = [&[1, 0][..], &long(&body)].concat();
    [&[22, 3, 1][..], &long(&message)].concat()
}

#[test]
fn behind_an_encrypted_hello_the_name_is_the_one_that_dns_told() {
    // www.example.com has an encrypted hello, whose public name is a.com.
    let config = b"\xfe\x0d\0\x16\x07\0\x20\0\x02kk\0\x04\0\x01\0\x01\0\x05a.com\0\0";
    let value = [&[0, config.len() as u8][..], config].concat();
    let data = [&[0, 1, 0, 0, 5, 0, value.len() as u8][..], &value].concat();
    let mut https = question(2);
    https[2] = 0x81;
    https[7] = 1;
    let kind = https.len() - 3;
    https[kind] = 65;
    https.extend([&b"\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0"[..], &[data.len() as u8], &data].concat());
    let see = |number: u8, name: &str| {
        let mut rig = Rig::new(options(), "Real:[;;;example.com;]\nFront:[;;;a.com;]\n");
        rig.udp((CLIENT, 5353), (RESOLVER, 53), &question(1));
        rig.udp((RESOLVER, 53), (CLIENT, 5353), &answer(1, SERVER));
        rig.udp((RESOLVER, 53), (CLIENT, 5353), &https);
        rig.tcp(false, SYN, 9, b"").tcp(true, SYN | ACK, 99, b"");
        rig.tcp(false, ACK, 10, &encrypted_hello(number, name)).finish();
        let web = rig.sessions().into_iter().find(|s| s.server_port == 80).unwrap().clone();
        (web.host.unwrap().to_string(), web.host_source, web.app.unwrap().to_string(), web.note)
    };
    let real = ("www.example.com".into(), Some("dns"), "Real".into(), Some("ech"));
    assert_eq!(see(7, "a.com"), real);
    let front = ("a.com".into(), Some("sni"), "Front".into(), Some("unasked"));
    assert_eq!(see(8, "a.com"), front, "made with no configuration that is known");
}

#[test]
fn first_bytes_may_come_in_pieces() {
    let mut rig = Rig::new(options(), "Bytes:[tcp;;;;0:61626364]\n");
    rig.tcp(false, SYN, 9, b"");
    for (at, byte) in (10..).zip(b"abcd") {
        rig.tcp(false, ACK, at, &[*byte]);
    }
    rig.finish();
    assert_eq!(rig.sessions()[0].app.as_deref(), Some("Bytes"));
}
