//! Handshakes as servers and clients write them.

use super::*;
use crate::dissect::tests::Found;

const C: Side = Side::Client;
const S: Side = Side::Server;

fn packet(number: u8, content: &[u8]) -> Vec<u8> {
    let [low, middle, ..] = (content.len() as u32).to_le_bytes();
    [&[low, middle, 0, number], content].concat()
}

fn greeting(version: &str) -> Vec<u8> {
    let fixed = [&[1; 4][..], &[2; 8], &[0], &[0xff, 0xf7, 8, 2, 0, 0xff, 0x81, 21], &[0; 10]].concat();
    let content =
        [&[10], version.as_bytes(), &[0], &fixed, &[3; 12], &[0], b"mysql_native_password\0"].concat();
    packet(0, &content)
}

/// `hunter2` is the proof, for a test to look for.
fn response(flags: u32, behind: &[u8]) -> Vec<u8> {
    let flags = flags | can::PROTOCOL_41 | can::SECURE_CONNECTION;
    packet(1, &[&flags.to_le_bytes()[..], &[0; 28], b"ann\0\x07hunter2", behind].concat())
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const ERR: &[u8] = b"\xff\x15\x04#28000Access denied";

fn told(found: &Found) -> Vec<(Option<&str>, Option<&str>, Outcome)> {
    found.logins.iter().map(|it| (it.user.as_deref(), it.method.as_deref(), it.outcome)).collect()
}

#[test]
fn a_log_in_has_its_outcome_and_no_proof() {
    for (answer, outcome) in [(OK, Outcome::Accepted), (ERR, Outcome::Refused)] {
        let found = Found::of::<Mysql>(&[
            (S, &greeting("5.5.5-10.11.6-MariaDB-0+deb12u1")),
            (C, &response(0, b"")),
            (S, &packet(2, answer)),
        ]);
        assert_eq!(told(&found), [(Some("ann"), Some("mysql_native_password"), outcome)]);
        let product = &found.products[0];
        assert_eq!(product.name.as_deref(), Some("MariaDB"));
        assert_eq!(product.version.as_deref(), Some("10.11.6-MariaDB-0+deb12u1"));
        assert!(!format!("{found:?}").contains("hunter"));
    }
}

#[test]
fn the_client_says_what_it_is_and_the_method_may_change() {
    let attributes = b"\x2e\x0c_client_name\x0alibmariadb\x0f_client_version\x053.3.8";
    let behind = [&b"shop\0caching_sha2_password\0"[..], attributes].concat();
    let found = Found::of::<Mysql>(&[
        (S, &greeting("8.0.36")),
        (C, &response(can::PLUGIN_AUTH | can::ATTRIBUTES | can::WITH_DATABASE, &behind)),
        (S, &packet(2, b"\xfemysql_clear_password\0salt")),
        (C, &packet(3, b"hunter3\0")),
        (S, &packet(4, &[1, 3])),
        (S, &packet(5, OK)),
    ]);
    assert_eq!(told(&found), [(Some("ann"), Some("mysql_clear_password"), Outcome::Accepted)]);
    assert_eq!(found.logins[0].client_version.as_deref(), Some("libmariadb 3.3.8"));
    assert!(!format!("{found:?}").contains("hunter"));
}

#[test]
fn a_client_may_become_another_user() {
    let change = b"\x11bob\0\x07hunter3\0\x21\0mysql_native_password\0";
    let found = Found::of::<Mysql>(&[
        (S, &greeting("8.0.36")),
        (C, &response(0, b"")),
        (S, &packet(2, OK)),
        (C, &packet(0, b"\x03SELECT 1")),
        (S, b"rows of any kind, \xff\xff\xff"),
        // Within what is written to the server no command begins.
        (C, &packet(4, b"\x11eve\0")),
        (C, &packet(0, change)),
        (S, &packet(1, ERR)),
    ]);
    let native = Some("mysql_native_password");
    assert_eq!(
        told(&found),
        [(Some("ann"), native, Outcome::Accepted), (Some("bob"), native, Outcome::Refused)]
    );
    assert!(!format!("{found:?}").contains("hunter"));
}

#[test]
fn behind_a_request_for_tls_it_follows() {
    let (mut reader, mut found) = (Mysql::default(), Found::default());
    reader.data(S, &greeting("8.0.36"), &mut found);
    let flags = can::TLS | can::PROTOCOL_41;
    let request = packet(1, &[&flags.to_le_bytes()[..], &[0; 28]].concat());
    assert_eq!(reader.data(C, &[&request[..], b"\x16\x03\x01"].concat(), &mut found), Step::Again(36));
    assert_eq!(found.logins, []);
}
