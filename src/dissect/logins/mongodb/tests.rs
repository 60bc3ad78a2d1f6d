//! Log-ins that begin by themselves and along with a greeting.

use super::*;
use crate::dissect::tests::Found;

const C: Side = Side::Client;
const S: Side = Side::Server;

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn number(name: &str, number: u32) -> Vec<u8> {
    element(kind::INT32, name, &number.to_le_bytes())
}

fn text(name: &str, text: &str) -> Vec<u8> {
    let length = text.len() as u32 + 1;
    element(kind::TEXT, name, &[&length.to_le_bytes(), text.as_bytes(), &[0]].concat())
}

fn binary(name: &str, bytes: &[u8]) -> Vec<u8> {
    element(kind::BINARY, name, &[&(bytes.len() as u32).to_le_bytes()[..], &[0], bytes].concat())
}

fn done(is_done: bool) -> Vec<u8> {
    element(kind::BOOLEAN, "done", &[is_done.into()])
}

fn ok(is_ok: bool) -> Vec<u8> {
    element(kind::DOUBLE, "ok", &f64::from(u8::from(is_ok)).to_le_bytes())
}

fn whole(elements: &[Vec<u8>]) -> Vec<u8> {
    let elements = elements.concat();
    [&(elements.len() as u32 + 5).to_le_bytes()[..], &elements, &[0]].concat()
}

fn message(id: u32, answers: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let body = [&[0; 5][..], &whole(elements)].concat();
    let head = [HEAD as u32 + body.len() as u32, id, answers, OP_MSG];
    [head.map(u32::to_le_bytes).concat(), body].concat()
}

fn start(mechanism: &str, payload: &[u8]) -> Vec<Vec<u8>> {
    vec![number("saslStart", 1), text("mechanism", mechanism), binary("payload", payload)]
}

fn told(found: &Found) -> Vec<(Option<&str>, &str, Outcome)> {
    found.logins.iter().map(|it| (it.user.as_deref(), it.method.as_deref().unwrap(), it.outcome)).collect()
}

#[test]
fn a_log_in_has_its_outcome_and_no_proof() {
    let proof = [number("saslContinue", 1), binary("payload", b"c=biws,r=abc,p=hunter2")];
    for (answer, outcome) in [
        (message(9, 2, &[done(true), ok(true)]), Outcome::Accepted),
        (message(9, 2, &[ok(false), number("code", 18)]), Outcome::Refused),
        (message(9, 7, &[done(true), ok(true)]), Outcome::Unknown),
    ] {
        let found = Found::of::<Mongo>(&[
            (C, &message(1, 0, &start("SCRAM-SHA-256", b"n,,n=ann,r=abc"))),
            (S, &message(8, 1, &[done(false), binary("payload", b"r=abcd"), ok(true)])),
            (C, &message(2, 0, &proof)),
            (S, &answer),
        ]);
        assert_eq!(told(&found), [(Some("ann"), "scram-sha-256", outcome)]);
        assert!(!format!("{found:?}").contains("hunter"));
    }
}

#[test]
fn one_step_is_enough_for_some() {
    let found = Found::of::<Mongo>(&[
        (C, &message(1, 0, &start("PLAIN", b"\0ann\0hunter2"))),
        (S, &message(8, 1, &[ok(false)])),
        (
            C,
            &message(
                2,
                0,
                &[number("authenticate", 1), text("mechanism", "MONGODB-X509"), text("user", "CN=ann")],
            ),
        ),
        (S, &message(9, 2, &[ok(true)])),
    ]);
    assert_eq!(
        told(&found),
        [(Some("ann"), "plain", Outcome::Refused), (Some("CN=ann"), "mongodb-x509", Outcome::Accepted)]
    );
    assert!(!format!("{found:?}").contains("hunter"));
}

#[test]
fn a_log_in_may_begin_along_with_a_greeting() {
    let driver = whole(&[text("name", "PyMongo"), text("version", "4.6")]);
    let client = element(kind::DOCUMENT, "client", &whole(&[element(kind::DOCUMENT, "driver", &driver)]));
    let begun = whole(&start("SCRAM-SHA-256", b"n,,n=ann,r=abc"));
    let begun = element(kind::DOCUMENT, "speculativeAuthenticate", &begun);
    let went = element(kind::DOCUMENT, "speculativeAuthenticate", &whole(&[done(false)]));
    let found = Found::of::<Mongo>(&[
        (C, &message(1, 0, &[number("hello", 1), client, begun])),
        (S, &message(8, 1, &[number("maxWireVersion", 21), went, ok(true)])),
        (C, &message(2, 0, &[number("saslContinue", 1)])),
        (S, &message(9, 2, &[done(true), ok(true)])),
        (C, &message(3, 0, &[number("buildInfo", 1)])),
        (S, &message(9, 3, &[text("version", "7.0.5"), text("gitVersion", "abc"), ok(true)])),
    ]);
    assert_eq!(told(&found), [(Some("ann"), "scram-sha-256", Outcome::Accepted)]);
    assert_eq!(found.logins[0].client_version.as_deref(), Some("PyMongo 4.6"));
    assert_eq!(found.products[0].version.as_deref(), Some("7.0.5"));
}

#[test]
fn lengths_in_documents_are_not_believed() {
    let long = element(kind::TEXT, "saslStart", &u32::MAX.to_le_bytes());
    let empty = element(kind::DOCUMENT, "saslStart", &[0; 4]);
    for elements in [[long], [empty]] {
        assert_eq!(Found::of::<Mongo>(&[(C, &message(1, 0, &elements))]).products, []);
    }
    assert_eq!(Mongo::default().data(C, &[0; 16], &mut Found::default()), Step::Reject);
}
