use super::*;
use crate::dissect::dns::{Kind, Message};
use crate::dissect::login::{Login, Outcome};
use crate::dissect::{Dissector, Identity, Side, Sink, Step, identify};

#[derive(Default)]
struct Found {
    exchanges: Vec<Exchange>,
    hosts: Vec<String>,
    logins: Vec<Login>,
    bodies: Vec<Vec<u8>>,
}

impl Sink for Found {
    fn dns(&mut self, _: Kind, _: Side, _: &Message<'_>) {}

    fn http(&mut self, exchange: Exchange) {
        self.exchanges.push(exchange);
    }

    fn login(&mut self, login: Login) {
        self.logins.push(login);
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn body(&mut self, bytes: &[u8]) {
        self.bodies.push(bytes.to_vec());
    }

    fn http_host(&mut self, host: &str) {
        self.hosts.push(host.to_owned());
    }
}

use Side::{Client as C, Server as S};

/// Reads what the sides say, `step` bytes at a time, as the engine does.
fn read(said: &[(Side, &[u8])], step: usize) -> (Found, Option<Step>) {
    let mut found = Found::default();
    let mut stream = stream::Stream::default();
    let (mut waiting, mut skip) = ([const { Vec::new() }; 2], [0_usize; 2]);
    for &(side, bytes) in said {
        for part in bytes.chunks(step) {
            let at = side as usize;
            let skipped = skip[at].min(part.len());
            skip[at] -= skipped;
            waiting[at].extend_from_slice(&part[skipped..]);
            if waiting[at].is_empty() {
                continue;
            }
            match stream.data(side, &waiting[at], &mut found) {
                Step::Take(taken) => {
                    let there = taken.min(waiting[at].len());
                    waiting[at].drain(..there);
                    skip[at] = taken - there;
                }
                step => return (found, Some(step)),
            }
        }
    }
    stream.end(&mut found);
    assert_eq!(stream.held(), 0);
    (found, None)
}

/// The same whole and cut into pieces of any size.
fn exchanges(said: &[(Side, &[u8])]) -> Vec<Exchange> {
    let (whole, _) = read(said, usize::MAX);
    for step in 1..40 {
        let (found, _) = read(said, step);
        assert_eq!(found.exchanges, whole.exchanges, "{step} bytes at a time");
        assert_eq!(found.hosts, whole.hosts);
        assert_eq!(found.logins, whole.logins);
        assert_eq!(found.bodies, whole.bodies);
    }
    whole.exchanges
}

/// Method, target and status of each.
fn brief(said: &[(Side, &[u8])]) -> Vec<String> {
    let brief = |e: Exchange| format!("{} {} {}", e.method, e.uri, e.status.unwrap_or(0));
    exchanges(said).into_iter().map(brief).collect()
}

const REQUEST: &[u8] = b"POST /a?b=c HTTP/1.1\r\nHost: WWW.Example.com.:8080\r\nUser-Agent: curl/8\r\n\
    Referer: http://me:secret@example.org/x\r\nCookie: secret\r\nAuthorization: Basic secret\r\n\
    Content-Length: 5\r\n\r\nabcde";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\ncontent-type:text/html;\r\n charset=utf-8\r\n\
    Set-Cookie: secret\r\nContent-Length: 3\r\n\r\nxyz";

#[test]
fn an_exchange_says_what_was_said_and_no_secrets() {
    let expected = Exchange {
        host: Some("www.example.com".to_owned()),
        method: "POST".to_owned(),
        uri: "/a?b=c".to_owned(),
        version: "HTTP/1.1".to_owned(),
        status: Some(200),
        user_agent: Some("curl/8".to_owned()),
        referer: Some("http://example.org/x".to_owned()),
        content_type: Some("text/html; charset=utf-8".to_owned()),
        server: Some("nginx".to_owned()),
        request_length: Some(5),
        response_length: Some(3),
    };
    let found = exchanges(&[(C, REQUEST), (S, RESPONSE)]);
    assert_eq!(found, [expected]);
    assert!(!format!("{found:?}").contains("secret"));
    // Whichever was taken for the client.
    assert_eq!(exchanges(&[(S, REQUEST), (C, RESPONSE)]), found);
}

#[test]
fn who_asks_is_told_once_for_each_outcome() {
    let ask =
        |authorization: &str| format!("GET / HTTP/1.1\r\nUser-Agent: curl/8\r\n{authorization}\r\n\r\n");
    let ann = ask("Authorization: Basic YW5uOmh1bnRlcjI=");
    let bob = ask("Proxy-Authorization: Basic Ym9iOmh1bnRlcjI=");
    let asked = [ask("X: y"), ann.clone(), ann.clone(), ann.clone(), bob, ann].concat();
    let answer = |status| format!("HTTP/1.1 {status} It\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n");
    let answers = [401, 401, 200, 204, 407].map(answer).concat();
    let said = [(C, asked.as_bytes()), (S, answers.as_bytes())];
    assert_eq!(exchanges(&said).len(), 6);
    let (found, _) = read(&said, usize::MAX);
    assert!(!format!("{:?}", found.logins).contains("hunter2"));
    let told: Vec<_> = found.logins.iter().map(|it| (it.user.as_deref(), it.outcome)).collect();
    assert_eq!(
        told,
        [(Some("ann"), Outcome::Refused), (Some("ann"), Outcome::Accepted), (Some("bob"), Outcome::Refused)]
    );
    let first = &found.logins[0];
    assert_eq!((first.service, first.method.as_deref()), ("http", Some("basic")));
    assert_eq!(
        (first.client_version.as_deref(), first.server_version.as_deref()),
        (Some("curl/8"), Some("nginx"))
    );
}

#[test]
fn kept_alive_and_pipelined() {
    let (get, head) = (b"GET /1 HTTP/1.1\r\n\r\n".as_slice(), b"HEAD /2 HTTP/1.1\r\n\r\n".as_slice());
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".as_slice();
    let two = [(C, get), (S, answer), (S, b"ab"), (C, head), (S, answer), (C, get), (S, answer), (S, b"H")];
    assert_eq!(brief(&two), ["GET /1 200", "HEAD /2 200", "GET /1 200"]);
    let requests = [REQUEST, head, b"\r\n", get].concat();
    let answers = [
        RESPONSE,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        b"HTTP/1.0 404 Not Found\nServer: x\n\nuntil HTTP/1.1 200 the end",
    ];
    let answers = answers.concat();
    assert_eq!(brief(&[(C, &requests), (S, &answers)]), ["POST /a?b=c 200", "HEAD /2 304", "GET /1 404"]);
}

#[test]
fn chunks_are_walked_over() {
    let request = b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n\
        5;name=value\r\nGET /\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\nGET /2 HTTP/1.1\n\n";
    let response =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
    assert_eq!(brief(&[(C, request), (S, response)]), ["PUT / 200", "GET /2 204"]);
    // Broken ones: the next head is found all the same.
    let broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcHTTP/1.1 204 No\r\n\r\n";
    assert_eq!(brief(&[(C, request), (S, broken)]), ["PUT / 200", "GET /2 204"]);
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHTTP/1.1 204 No\r\n\r\n";
    assert_eq!(brief(&[(C, request), (S, endless)]), ["PUT / 200", "GET /2 204"]);
}

#[test]
fn what_is_not_the_last_word() {
    let request = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n".as_slice();
    let said = [(C, request), (S, b"HTTP/1.1 100 Continue\r\n\r\n"), (C, b"x"), (S, RESPONSE)];
    assert_eq!(brief(&said), ["POST / 200"]);
}

#[test]
fn another_protocol_ends_it() {
    let connect = b"CONNECT Example.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01".as_slice();
    let (found, step) =
        read(&[(C, connect), (S, b"HTTP/1.1 200 Yes\r\n\r\n\x16\x03"), (C, b"?")], usize::MAX);
    assert_eq!((found.hosts, step), (vec!["example.com".to_owned()], Some(Step::Again(20))));
    assert_eq!(found.exchanges.len(), 1);
    let refused = b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n".as_slice();
    let said = [(C, &connect[..connect.len() - 3]), (S, refused), (C, REQUEST), (S, RESPONSE)];
    assert_eq!(brief(&said), ["CONNECT Example.com:443 407", "POST /a?b=c 200"]);
    let upgrade =
        [(C, REQUEST), (S, b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n".as_slice()), (C, REQUEST)];
    assert_eq!(brief(&upgrade), ["POST /a?b=c 101"]);
}

#[test]
fn halves_of_exchanges() {
    assert_eq!(brief(&[(C, REQUEST), (C, REQUEST)]), ["POST /a?b=c 0", "POST /a?b=c 0"]);
    let late = [b"late</html>".as_slice(), RESPONSE].concat();
    assert_eq!(brief(&[(S, &late), (C, REQUEST), (S, RESPONSE)]), ["  200", "POST /a?b=c 200"]);
    // More at once than may wait: nothing is paired wrongly.
    let many = REQUEST.repeat(MAX_TEST);
    let found = exchanges(&[(C, &many), (S, &RESPONSE.repeat(MAX_TEST)), (C, REQUEST), (S, RESPONSE)]);
    assert_eq!(found.len(), MAX_TEST + 1);
    assert_eq!(found.iter().filter(|exchange| exchange.status.is_some()).count(), 33);
    assert!(found.last().unwrap().status.is_some());
}

const MAX_TEST: usize = 40;

#[test]
fn odd_requests() {
    let target = |line: &str| {
        let request = format!("{line}\r\nHost : Other\r\nno field\r\n\r\n");
        let exchange = exchanges(&[(C, request.as_bytes())]).remove(0);
        (exchange.uri, exchange.host.unwrap_or_default(), exchange.version)
    };
    let all = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(target("GET  /a b  HTTP/1.0 "), all("/a b", "other", "HTTP/1.0"));
    assert_eq!(target("GET http://u:p@A.b:80/c@d HTTP/1.1"), all("http://A.b:80/c@d", "a.b", "HTTP/1.1"));
    assert_eq!(target("GET http://[::1]:80?x HTTP/1.1"), all("http://[::1]:80?x", "[::1]", "HTTP/1.1"));
    assert_eq!(target("GET /old"), all("/old", "other", ""));
    assert_eq!(target("X-ODD * HTTP/1.1"), all("*", "other", "HTTP/1.1"));
}

#[test]
fn garbage_is_passed_over_and_bounded() {
    let more = b"HEAD /x HTTP/1.1\r\nContent-Length: 1\r\n\r\nabc\xff\r\nmore\nGET /y HTTP/1.1\r\n\r\n";
    assert_eq!(brief(&[(C, more)]), ["HEAD /x 0", "GET /y 0"]);
    let (found, step) = read(&[(C, &[0xff; 20_000]), (S, &vec![b'H'; 2_000_000])], 1_460);
    assert!(found.exchanges.is_empty());
    assert_eq!(step, Some(Step::Reject));
    let long =
        [b"GET /long HTTP/1.1\r\nHost: a\r\nX: ".as_slice(), &[b'x'; 20_000], b"\r\n\r\n", REQUEST].concat();
    assert_eq!(brief(&[(C, &long)]), ["GET /long 0", "POST /a?b=c 0"]);
    let text = [b"GET /".as_slice(), "é".repeat(4_000).as_bytes(), b" HTTP/1.1\r\n\r\n"].concat();
    let (found, _) = read(&[(C, &text)], usize::MAX);
    assert!((MAX_TEXT - 4..=MAX_TEXT).contains(&found.exchanges[0].uri.len()));
}

#[test]
fn nothing_panics_on_any_end_or_change() {
    let all =
        [REQUEST, b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", RESPONSE]
            .concat();
    for end in 0..all.len() {
        for side in [C, S] {
            read(&[(side, &all[..end])], usize::MAX);
            read(&[(side, &all[end..])], 7);
            for byte in [0, b'\n', b' ', b':', 0xff] {
                let mut spoilt = all.clone();
                spoilt[end] = byte;
                let (whole, _) = read(&[(side, &spoilt), (S, RESPONSE)], usize::MAX);
                let (parts, _) = read(&[(side, &spoilt), (S, RESPONSE)], 11);
                assert_eq!(whole.exchanges, parts.exchanges);
            }
        }
    }
}

#[test]
fn a_body_is_left_out_however_long() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n";
    let mut stream = stream::Stream::default();
    let mut found = Found::default();
    let mut left = match stream.data(S, head, &mut found) {
        Step::Take(taken) => 5_000_000_000 - (taken - head.len()) as u64,
        other => panic!("{other:?}"),
    };
    while left > 0 {
        match stream.data(S, b"x", &mut found) {
            Step::Take(taken) => left -= taken as u64,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stream.data(S, b"HTTP/1.1 204 No\r\n\r\n", &mut found), Step::Take(19));
    assert_eq!(found.exchanges.len(), 2);
}

#[test]
fn probes_by_the_first_line() {
    let name = |bytes: &[u8]| {
        let opening = Opening { proto: proto::TCP, client_port: 40000, server_port: 9, side: C, bytes };
        match identify(&opening) {
            Identity::Is(protocol) => protocol.name,
            Identity::More => "?",
            Identity::Unknown => "",
        }
    };
    for method in METHODS {
        assert_eq!(name(&[*method, b" /x HTTP/1.1\r\n"].concat()), "http");
    }
    assert_eq!(name(b"FROB /x HTTP/1.0\r\n"), "http");
    assert_eq!(name(b"HTTP/1.1 200 OK\r\n"), "http");
    assert_eq!(name(b"\r\nGET / HTTP/1.1\r\n"), "http");
    assert_eq!(name(b"GET /very"), "http");
    assert_eq!(name(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2");
    assert_eq!(name(b"OPTIONS * "), "?");
    assert_eq!(name(b"HTTP/1.1 2"), "?");
    assert_ne!(name(b"OPTIONS * RTSP/1.0\r\n"), "http");
    assert_ne!(name(b"OPTIONS sip:a@b SIP/2.0\r\n"), "http");
    assert_ne!(name(b"GETTING /x"), "http");
    assert_ne!(name(b"Get / HTTP/1.1\r\n"), "http");
}

#[test]
fn the_first_body_is_opened_however_it_comes() {
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.io\r\n\r\n";
    let body = |answer: &[u8]| {
        let said = [(C, GET), (S, answer), (C, GET), (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")];
        exchanges(&said);
        let (found, _) = read(&said, usize::MAX);
        found.bodies.into_iter().map(|body| String::from_utf8(body).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), ["hello"]);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    assert_eq!(body(chunked), ["hello"]);
    assert_eq!(body(b"HTTP/1.1 304 Not Modified\r\n\r\n"), ["no"]);
    assert!(body(b"HTTP/1.0 200 OK\r\n\r\nhello ")[0].starts_with("hello HTTP/1.1"), "to the close");
    let long = [&b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"[..], &[b'x'; 5_000]].concat();
    assert_eq!(body(&long), ["x".repeat(MAX_BODY)]);
}
