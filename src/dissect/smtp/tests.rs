use super::super::tests::Found;
use super::*;
use Side::{Client as C, Server as S};

fn read(said: &[(Side, &[u8])]) -> Found {
    let found = Found::of::<Smtp>(said);
    assert!(!format!("{found:?}").contains("hunter2"));
    found
}

/// From, receivers, subject, bytes and code of each.
fn brief(found: &Found) -> Vec<String> {
    let brief = |mail: &Mail| {
        let bytes = mail.bytes.map_or("-".into(), |bytes| bytes.to_string());
        let code = mail.code.unwrap_or(0);
        let from = mail.from.as_deref().unwrap_or("-");
        format!("{from} {} {} {bytes} {code}", mail.to.join(","), mail.subject.as_deref().unwrap_or("-"))
    };
    found.mails.iter().map(brief).collect()
}

#[test]
fn a_mail_by_lines() {
    let found = read(&[
        (S, b"220-a.example ESMTP Exim 4.69\r\n220 go on\r\n"),
        (C, b"EHLO pc.example.org\r\n"),
        (S, b"250-a.example\r\n250 PIPELINING\r\n"),
        (C, b"MAIL FROM: <ann@example.org> SIZE=99\r\n"),
        (S, b"250 ok\r\n"),
        (C, b"RCPT TO:<bob@example.org>\r\nrcpt to:\"a b\"@c\r\n"),
        (S, b"250 ok\r\n250 ok\r\n"),
        (C, b"DATA\r\n"),
        (S, b"354 go\r\n"),
        (C, b"Subject: Hi\r\n\r\n..\r\nMAIL FROM:<x>\r\n.\r\nQUIT\r\n"),
        (S, b"250 queued\r\n221 bye\r\n"),
    ]);
    assert_eq!(brief(&found), ["<ann@example.org> <bob@example.org>,\"a b\"@c Hi 33 250"]);
    assert_eq!(found.mails[0].helo.as_deref(), Some("pc.example.org"));
    assert_eq!((found.products.len(), found.products[0].name.as_deref()), (1, Some("Exim")));
}

#[test]
fn all_at_once() {
    let found = read(&[
        (S, b"220 a\r\n"),
        (C, b"EHLO a\r\nMAIL FROM:<b>\r\nRCPT TO:<c>\r\nRCPT TO:<d>\r\nDATA\r\nhello\r\n.\r\nMAIL FROM:<e>\r\n"),
        (S, b"250 a\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n552 too big\r\n250 ok\r\n"),
    ]);
    assert_eq!(brief(&found), ["<b> <c>,<d> - 7 552", "<e>  - - 0"]);
}

#[test]
fn chunks_and_what_lies_on_their_edges() {
    let found = read(&[
        (S, b"220 a\r\n"),
        (C, b"MAIL FROM:<a>\r\n"),
        (S, b"250 ok\r\n"),
        (C, b"BDAT 11\r\nSubject: twBDAT 10 LAST\r\no\r\n\r\nQUIT\nMAIL FROM:<b>\r\nBDAT 0 last\r\n"),
        (S, b"250 ok\r\n250 queued\r\n250 ok\r\n250 empty\r\n"),
    ]);
    assert_eq!(brief(&found), ["<a>  two 21 250", "<b>  - 0 250"]);
}

#[test]
fn an_envelope_that_is_given_up_is_a_mail_without_bytes() {
    let found = read(&[
        (C, b"EHLO a\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nRSET\r\nMAIL FROM:<c>\r\nHELO d\r\n"),
        (S, b"250 a\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n250 d\r\n"),
    ]);
    assert_eq!(brief(&found), ["<a> <b> - - 0", "<c>  - - 0"]);
    let refused = [(C, &b"EHLO a\r\nMAIL FROM:<a>\r\n"[..]), (S, b"250 a\r\n550 no\r\n"), (C, b"QUIT\r\n")];
    assert_eq!(brief(&read(&refused)), ["<a>  - - 550"]);
}

#[test]
fn where_data_is_refused_commands_go_on() {
    let found = read(&[
        (C, b"EHLO a\r\nMAIL FROM:<a>\r\nDATA\r\n"),
        (S, b"250 a\r\n250 ok\r\n503 whom\r\n"),
        (C, b"MAIL FROM:<b>\r\n"),
        (S, b"250 ok\r\n"),
    ]);
    assert_eq!(brief(&found), ["<a>  - - 503", "<b>  - - 0"]);
}

#[test]
fn a_session_without_a_mail_is_told_once() {
    assert_eq!(
        brief(&read(&[(C, b"ehlo\n"), (S, b"250\n"), (C, b"rset\nstaRttLs\n"), (S, b"250\n220\n")])).len(),
        1
    );
    assert_eq!(read(&[(S, b"220 a\r\n")]).mails.len(), 0);
    let mut smtp = Smtp::default();
    let mut found = Found::default();
    smtp.data(C, b"EHLO a\r\nSTARTTLS\r\n", &mut found);
    smtp.data(S, b"250 a\r\n220 go\r\n", &mut found);
    assert_eq!(smtp.data(C, b"\x16\x03\x01\0\x50", &mut found), Step::Again(0));
    assert_eq!(found.mails.len(), 1);
}

#[test]
fn who_logs_in_is_told_with_the_outcome_and_without_the_password() {
    let found = read(&[
        (S, b"220 a\r\n"),
        (C, b"EHLO pc\r\n"),
        (S, b"250 AUTH LOGIN PLAIN\r\n"),
        (C, b"AUTH LOGIN\r\n"),
        (S, b"334 VXNlcm5hbWU6\r\n"),
        (C, b"YW5u\r\n"),
        (S, b"334 UGFzc3dvcmQ6\r\n"),
        (C, b"aHVudGVyMg==\r\n"),
        (S, b"535 no\r\n"),
        (C, b"AUTH PLAIN AGFubgBodW50ZXIy\r\n"),
        (S, b"235 yes\r\n"),
        (C, b"AUTH FROB\r\n"),
        (S, b"504 what\r\n"),
        (C, b"AUTH CRAM-MD5\r\n"),
        (S, b"334 PGFAYj4=\r\n"),
        (C, b"*\r\n"),
        (S, b"501 given up\r\n"),
        (C, b"AUTH XOAUTH2\r\n"),
        (S, b"334 \r\n"),
        (C, b"dXNlcj1hbm4BYXV0aD1CZWFyZXIgaHVudGVyMgEB\r\n"),
    ]);
    let told: Vec<_> =
        found.logins.iter().map(|it| (it.user.as_deref(), it.method.as_deref(), it.outcome)).collect();
    assert_eq!(
        told,
        [
            (Some("ann"), Some("login"), Outcome::Refused),
            (Some("ann"), Some("plain"), Outcome::Accepted),
            (Some("ann"), Some("xoauth2"), Outcome::Unknown),
        ]
    );
    assert_eq!(found.mails.len(), 1);
}

#[test]
fn nothing_is_kept_of_what_is_no_command() {
    let found = read(&[(S, b"220 a\r\n"), (C, b"hunter2\r\nMAIL hunter2\r\nEHLO\r\n"), (S, b"500 what\r\n")]);
    assert_eq!(brief(&found), ["-  - - 0"]);
}

#[test]
fn what_waits_is_bounded() {
    let mut smtp = Smtp::default();
    let mut found = Found::default();
    for _ in 0..1_000 {
        let said = b"MAIL FROM:<a>\r\nDATA\r\nSubject: x\r\n.\r\n";
        assert_eq!(smtp.data(C, said, &mut found), Step::Take(said.len()));
    }
    assert!(smtp.held() < 64 * 1_024, "{}", smtp.held());
    smtp.end(&mut found);
    assert_eq!(found.mails.len(), 1_000);
    for argument in ["-1", "99999999999999999999", "x"] {
        let said = format!("BDAT {argument} LAST\r\n");
        assert_eq!(Smtp::default().data(C, said.as_bytes(), &mut found), Step::Done);
    }
}

#[test]
fn where_nobody_wants_mails_it_is_left_at_the_first() {
    struct Nobody;

    impl Sink for Nobody {
        fn wants_details(&self) -> bool {
            false
        }

        fn dns(&mut self, _: super::super::dns::Kind, _: Side, _: &super::super::dns::Message<'_>) {}
    }

    assert_eq!(Smtp::default().data(C, b"EHLO a\r\nMAIL FROM:<a>\r\n", &mut Nobody), Step::Done);
}
