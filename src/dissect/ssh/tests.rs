//! How sessions begin, and how they seem to end.

use super::*;
use crate::dissect::tests::Found;

const C: Side = Side::Client;
const S: Side = Side::Server;

fn packet(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32 + 5;
    [&length.to_be_bytes()[..], &[4], payload, &[0; 4]].concat()
}

/// A KEXINIT whose lists are `names` in their order.
fn kexinit(names: [&str; 8]) -> Vec<u8> {
    let lists =
        names.iter().flat_map(|name| [&(name.len() as u32).to_be_bytes()[..], name.as_bytes()].concat());
    let lists: Vec<u8> = lists.collect();
    packet(&[&[KEXINIT][..], &[7; 16], &lists, &[0; 8 + 1 + 4]].concat())
}

const LISTS: [&str; 8] = ["kex", "key", "c>s", "s>c", "mac c>s", "mac s>c", "none", "any"];

/// Versions, lists and new keys of both sides.
fn begin() -> Vec<(Side, Vec<u8>)> {
    let keys = packet(&[NEWKEYS]);
    vec![
        (S, b"Welcome\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
        (C, b"SSH-2.0-PuTTY_Release_0.78\r\n".to_vec()),
        (C, kexinit(LISTS)),
        (S, kexinit(LISTS)),
        (C, packet(&[30; 40])),
        (S, [packet(&[31; 90]), keys.clone(), vec![0xee; 300]].concat()),
        (C, keys),
    ]
}

/// What a log-in seems to come to whose encrypted segments have these sizes; the
/// client's are negative.
fn outcomes(sizes: &[i32]) -> Vec<Outcome> {
    let mut said = begin();
    said.extend(
        sizes.iter().map(|&size| (if size < 0 { C } else { S }, vec![0xee; size.unsigned_abs() as usize])),
    );
    let said: Vec<_> = said.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
    Found::of::<Ssh>(&said).logins.iter().map(|login| login.outcome).collect()
}

#[test]
fn both_sides_tell_what_they_are_and_offer() {
    let said = begin();
    let said: Vec<_> = said.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
    let found = Found::of::<Ssh>(&said);
    let [Hello { sides: [client, server] }] = &found.ssh[..] else { panic!("{found:?}") };
    assert_eq!(client.software.as_deref(), Some("PuTTY_Release_0.78"));
    assert_eq!((server.proto.as_deref(), server.software.as_deref()), (Some("2.0"), Some("OpenSSH_9.2p1")));
    let md5 = |text: &str| Some(hex(&Md5::digest(text)));
    assert_eq!(client.hassh, md5("kex;c>s;mac c>s;none"));
    assert_eq!(server.hassh, md5("kex;s>c;mac s>c;any"));
    let [product] = &found.products[..] else { panic!("{found:?}") };
    assert_eq!((product.name.as_deref(), product.version.as_deref()), (Some("OpenSSH"), Some("9.2p1")));
    assert_eq!(found.logins, [], "nobody asked for anything");
}

#[test]
fn names_and_versions_of_servers_are_cut_where_a_number_begins() {
    for (software, name, version) in [
        ("dropbear_2022.83", "dropbear", Some("2022.83")),
        ("Cisco-1.25", "Cisco", Some("1.25")),
        ("OpenSSH_for_Windows_7.7", "OpenSSH_for_Windows", Some("7.7")),
        ("ROSSSH", "ROSSSH", None),
    ] {
        let product = product(software, b"");
        assert_eq!((product.name.as_deref(), product.version.as_deref()), (Some(name), version));
    }
}

#[test]
fn a_short_answer_is_a_success_and_one_that_comes_again_a_refusal() {
    use Outcome::{SeemsAccepted as Yes, SeemsRefused as No, Unknown};
    for (sizes, expected) in [
        // chacha20-poly1305: asked which ways there are, then a key.
        (&[-44, 44, -68, 60, -500, 28, -100][..], &[Yes][..]),
        (&[-44, 44, -68, 60, -148, 60, -148, 60, -500], &[No, No]),
        (&[-44, 44, -68, 60, -148, 60, -500, 28], &[No, Yes]),
        // Without being asked, with a question, with a banner before the first.
        (&[-44, 44, -148, 28], &[Yes]),
        (&[-44, 44, -68, 60, -148, 140, -500, 28], &[Yes]),
        (&[-44, 44, -68, 400, -148, 60], &[No]),
        (&[-44, 44, -68, 60, -148, 140], &[Unknown]),
        (&[-44, 44, -68, 60], &[Unknown]),
        (&[-44, 44], &[Unknown]),
        (&[-44], &[Unknown]),
        // Not what can accept anything.
        (&[-44, 500, -68, 484, -1], &[Unknown]),
    ] {
        assert_eq!(outcomes(sizes), expected, "{sizes:?}");
    }
}

/// The sizes of a log-in to Dropbear by OpenSSH.
#[test]
fn a_success_of_dropbear_is_longer_with_chacha20() {
    use Outcome::{SeemsAccepted as Yes, SeemsRefused as No};
    let mut lists = LISTS;
    for (ciphers, expected) in
        [("chacha20-poly1305@openssh.com,aes128-ctr", Yes), ("aes128-ctr,chacha20-poly1305@openssh.com", No)]
    {
        lists[3] = ciphers;
        let mut said = begin();
        said[2].1 = kexinit(lists);
        said[3].1 = kexinit(lists);
        let sizes = [(C, 44), (S, 44), (C, 60), (S, 44), (C, 140), (S, 100), (C, 228), (S, 36), (C, 52)];
        said.extend(sizes.map(|(side, size)| (side, vec![0xee; size])));
        let said: Vec<_> = said.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
        assert_eq!(Found::of::<Ssh>(&said).logins[0].outcome, expected);
    }
}

#[test]
fn sizes_of_what_is_packed_tell_nothing() {
    let mut said = begin();
    let mut lists = LISTS;
    lists[7] = "zlib,none";
    said[2].1 = kexinit(lists);
    said[3].1 = kexinit(lists);
    said.extend(
        [44, 44, 148, 28, 100]
            .iter()
            .enumerate()
            .map(|(at, &size)| (if at % 2 == 0 { C } else { S }, vec![0xee; size])),
    );
    let said: Vec<_> = said.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
    let outcomes: Vec<_> = Found::of::<Ssh>(&said).logins.iter().map(|login| login.outcome).collect();
    assert_eq!(outcomes, [Outcome::Unknown]);
}

#[test]
fn behind_a_success_the_server_may_go_on() {
    let mut found = Found::default();
    let mut ssh = Ssh::default();
    let mut said = begin();
    let sizes = [(C, 44), (S, 44), (C, 148), (S, 28), (S, 500), (C, 100)];
    said.extend(sizes.map(|(side, size)| (side, vec![0xee; size])));
    let steps: Vec<_> = said.iter().map(|(side, bytes)| ssh.data(*side, bytes, &mut found)).collect();
    assert_eq!(steps.last(), Some(&Step::Done));
    assert_eq!(found.logins[0].outcome, Outcome::SeemsAccepted);
}

#[test]
fn version_1_has_no_lists() {
    let found = Found::of::<Ssh>(&[(S, b"SSH-1.99-Cisco-1.25\n"), (C, b"SSH-1.5-old\n"), (C, &[0; 40])]);
    assert_eq!(found.ssh[0].sides[0].proto.as_deref(), Some("1.5"));
    assert_eq!(found.logins, []);
}

#[test]
fn what_is_too_long_or_too_much_is_left() {
    let mut found = Found::default();
    let mut reader = Ssh::default();
    reader.data(C, b"SSH-2.0-x\r\n", &mut found);
    assert_eq!(reader.data(C, &[0, 1, 0, 0, 4, KEXINIT], &mut found), Step::Done);
    let lines = b"no\n".repeat(usize::from(MAX_LINES) + 1);
    assert_eq!(Ssh::default().data(S, &lines, &mut found), Step::Done);
}
