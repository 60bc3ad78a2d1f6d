//! Log-ins as programs and people write them.

use super::*;
use crate::dissect::tests::Found;

const C: Side = Side::Client;
const S: Side = Side::Server;

fn command(words: &[&str]) -> Vec<u8> {
    let strings = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), strings.collect::<String>()).into_bytes()
}

fn told(found: &Found) -> Vec<(Option<&str>, Outcome)> {
    found.logins.iter().map(|it| (it.user.as_deref(), it.outcome)).collect()
}

fn read(said: &[(Side, &[u8])]) -> Found {
    let found = Found::of::<Redis>(said);
    assert!(!format!("{found:?}").contains("hunter"));
    found
}

#[test]
fn each_log_in_has_its_reply_and_no_password() {
    let found = read(&[
        (C, &command(&["GET", "hunter1"])),
        (C, &command(&["AUTH", "hunter2"])),
        (C, &command(&["AUTH", "ann", "hunter3"])),
        (C, &command(&["auth", "bob", "hunter4"])),
        (S, b"*2\r\n$7\r\nAUTH\r\nx\r\n*1\r\n:1\r\n-ERR invalid password\r\n"),
        (S, b"-WRONGPASS invalid username-password pair\r\n+OK\r\n"),
    ]);
    assert_eq!(
        told(&found),
        [
            (Some("default"), Outcome::Refused),
            (Some("ann"), Outcome::Refused),
            (Some("bob"), Outcome::Accepted)
        ]
    );
}

#[test]
fn hello_logs_in_too_and_tells_the_version() {
    let found = read(&[
        (C, &command(&["HELLO", "3", "AUTH", "ann", "hunter2", "SETNAME", "x"])),
        (S, b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n"),
        (C, &command(&["HELLO", "3", "AUTH", "AUTH", "hunter2"])),
        (S, b"-WRONGPASS no\r\n"),
        (C, &command(&["HELLO"])),
        (S, b"*0\r\n"),
    ]);
    assert_eq!(told(&found), [(Some("ann"), Outcome::Accepted), (Some("AUTH"), Outcome::Refused)]);
    assert_eq!(found.products[0].version.as_deref(), Some("7.0.15"));
    let found = read(&[(C, b"INFO\r\n"), (S, b"$39\r\n# Server\r\nredis_version:7.0.15\r\nother:1\r\n\r\n")]);
    assert_eq!(found.products[0].version.as_deref(), Some("7.0.15"));
}

#[test]
fn news_are_no_replies() {
    let found = read(&[
        (C, &command(&["AUTH", "ann", "hunter2"])),
        (S, b">2\r\n+a\r\n$-1\r\n|1\r\n+ttl\r\n:1\r\n+OK\r\n"),
    ]);
    assert_eq!(told(&found), [(Some("ann"), Outcome::Accepted)]);
}

#[test]
fn a_blank_in_a_password_makes_no_name() {
    for (line, answer, expected) in [
        (&b"AUTH hunter2\r\n"[..], &b"+OK\r\n"[..], (Some("default"), Outcome::Accepted)),
        (b"AUTH ann hunter2\r\n", b"+OK\r\n", (Some("ann"), Outcome::Accepted)),
        (b"AUTH \"hunter 2\"\r\n", b"+OK\r\n", (None, Outcome::Accepted)),
        (b"AUTH hunter 2\r\n", b"-ERR wrong number of arguments\r\n", (None, Outcome::Refused)),
        (b"AUTH hunter 2\r\n", b"", (None, Outcome::Unknown)),
    ] {
        assert_eq!(told(&read(&[(C, line), (S, answer)])), [expected], "{line:?}");
    }
}

#[test]
fn where_replies_do_not_match_commands_nothing_is_read() {
    for words in [&["SUBSCRIBE", "a"][..], &["PSUBSCRIBE", "a"], &["MONITOR"]] {
        let found = read(&[(C, &command(words)), (C, &command(&["AUTH", "hunter2"])), (S, b"+OK\r\n")]);
        assert_eq!(found.logins, []);
    }
    let mut found = Found::default();
    for bytes in [&b"*99999999\r\n"[..], b"*1\r\n$x\r\n", b"*1\r\nx\r\n"] {
        assert_eq!(Redis::default().data(C, bytes, &mut found), Step::Done);
    }
    for bytes in [&b"*-1\r\n+OK\r\nHTTP\r\n"[..], b"$99999999999999999999\r\n", b"*9223372036854775807\r\n"] {
        assert_eq!(Redis::default().data(S, bytes, &mut found), Step::Done);
    }
    assert_eq!(found, Found::default());
}

#[test]
fn the_end_of_a_password_is_not_kept() {
    let found = read(&[(C, b"hunter2\r\n"), (C, &command(&["GET", "a"])), (S, b"-ERR unknown\r\n$-1\r\n")]);
    assert_eq!(found, Found::default());
}

#[test]
fn what_waits_has_a_limit() {
    let mut reader = Redis::default();
    let command = command(&["AUTH", "hunter2"]);
    let mut found = Found::default();
    let steps = (0..).map(|_| reader.data(C, &command, &mut found));
    assert_eq!(steps.take_while(|&step| step != Step::Done).count(), MAX_PENDING);
    assert_eq!(found.logins.len(), MAX_PENDING);
}
