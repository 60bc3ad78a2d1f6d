//! IMAP (RFC 9051, 3501) up to the log-in: who tried, and what came of it. TLS may
//! begin instead (STARTTLS).

use super::encoding::quoted;
use super::lines::{Line, Lines, word};
use super::login::{self, Login, Outcome};
use super::sasl::Sasl;
use super::{Dissector, Product, Side, Sink, Step, greeting};

/// Bytes of a side in which somebody has to log in.
const MAX_TALK: usize = 1 << 14;

/// Characters that a command's tag may have here.
const MAX_TAG: usize = 32;

/// Reads one connection.
#[derive(Default)]
pub struct Imap {
    lines: [Lines; 2],
    seen: [usize; 2],
    next: Next,
    was_greeted: bool,
    product: Option<Product>,
    attempt: Option<Attempt>,
}

/// What the client sends next.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Next {
    #[default]
    Command,
    /// This many bytes that stand for a word, then the rest of the line.
    Literal { left: usize, is_user: bool },
    /// The rest of a line, behind a literal.
    Rest,
}

/// A log-in without an outcome.
struct Attempt {
    tag: Vec<u8>,
    how: How,
}

enum How {
    Login { user: Option<String> },
    Sasl(Sasl),
}

impl Dissector for Imap {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = bytes;
        let mut is_over = false;
        while !is_over {
            if side == Side::Client && self.next == Next::Command && self.lines[0].is_tls(rest) {
                self.end(sink);
                return Step::Again(bytes.len() - rest.len());
            }
            if side == Side::Client
                && let Next::Literal { left, is_user } = self.next
            {
                if rest.is_empty() || !self.literal(&mut rest, left, is_user) {
                    break;
                }
                continue;
            }
            let Some(line) = self.lines[side as usize].next(&mut rest) else { break };
            is_over = match side {
                // Where a line of this length goes on can't be told.
                Side::Client => line.is_cut || self.line(line.text, sink),
                Side::Server => self.answer(line, sink),
            };
        }
        let seen = &mut self.seen[side as usize];
        *seen = seen.saturating_add(bytes.len() - rest.len());
        if is_over || *seen > MAX_TALK {
            self.end(sink);
            return Step::Done;
        }
        Step::Take(bytes.len() - rest.len())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.log_in(Outcome::Unknown, sink);
    }
}

impl Imap {
    /// Whether there is nothing more to learn.
    fn line(&mut self, text: &[u8], sink: &mut dyn Sink) -> bool {
        if self.next == Next::Rest {
            self.expect_literal(text, false);
            return false;
        }
        if let Some(Attempt { how: How::Sasl(sasl), .. }) = &mut self.attempt {
            sasl.response(text);
            return false;
        }
        let (tag, rest) = word(text);
        let (command, arguments) = word(rest);
        let mut is_user = false;
        let how = match command.to_ascii_uppercase().as_slice() {
            b"LOGIN" => {
                is_user = literal_of(arguments).is_some_and(|(_, start)| start == 0);
                Some(How::Login { user: first_string(arguments).and_then(|user| login::name(&user)) })
            }
            b"AUTHENTICATE" => {
                let (mechanism, initial) = word(arguments);
                Some(How::Sasl(Sasl::begin(mechanism, initial)))
            }
            _ => None,
        };
        if let Some(how) = how {
            self.log_in(Outcome::Unknown, sink);
            let tag = tag.get(..MAX_TAG).unwrap_or(tag).to_vec();
            self.attempt = Some(Attempt { tag, how });
        }
        self.expect_literal(text, is_user);
        false
    }

    /// Where a line ends in `{12}`, so many bytes follow, and then more of it
    /// (RFC 9051, 4.3).
    fn expect_literal(&mut self, text: &[u8], is_user: bool) {
        self.next = match literal_of(text) {
            Some((left, _)) => Next::Literal { left, is_user },
            None => Next::Command,
        };
    }

    /// Passes over a literal, or takes the user's name from it. `false` where the
    /// rest of it is still to come.
    fn literal(&mut self, rest: &mut &[u8], left: usize, is_user: bool) -> bool {
        let length = left.min(rest.len());
        if is_user && left <= login::MAX_NAME {
            if length < left {
                return false;
            }
            if let Some(Attempt { how: How::Login { user }, .. }) = &mut self.attempt {
                *user = rest.get(..length).and_then(login::name);
            }
        }
        *rest = rest.get(length..).unwrap_or_default();
        let left = left - length;
        self.next = if left > 0 { Next::Literal { left, is_user: false } } else { Next::Rest };
        true
    }

    /// Whether somebody is logged in.
    fn answer(&mut self, line: Line<'_>, sink: &mut dyn Sink) -> bool {
        let (tag, rest) = word(line.text);
        let (status, text) = word(rest);
        match tag {
            b"+" => {
                if let Some(Attempt { how: How::Sasl(sasl), .. }) = &mut self.attempt {
                    sasl.challenge(rest);
                }
                return false;
            }
            b"*" => return self.greet(status, text, sink),
            _ => {}
        }
        let is_answer = self.attempt.as_ref().is_some_and(|attempt| attempt.tag == tag);
        match status.to_ascii_uppercase().as_slice() {
            b"OK" if is_answer => {
                self.log_in(Outcome::Accepted, sink);
                true
            }
            b"NO" | b"BAD" if is_answer => {
                self.log_in(Outcome::Refused, sink);
                // A literal that was announced is not sent any more.
                self.next = Next::Command;
                false
            }
            _ => false,
        }
    }

    /// The server's first line. Whether the client is known without a log-in.
    fn greet(&mut self, status: &[u8], text: &[u8], sink: &mut dyn Sink) -> bool {
        if std::mem::replace(&mut self.was_greeted, true) {
            return false;
        }
        self.product = greeting::mail(text);
        if let Some(product) = &self.product {
            sink.product(product.clone());
        }
        status.eq_ignore_ascii_case(b"PREAUTH")
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        let Some(attempt) = self.attempt.take() else { return };
        let login = match attempt.how {
            How::Sasl(sasl) => sasl.login("imap", outcome),
            How::Login { user } => {
                let method = Some("password".to_owned());
                Some(Login { service: "imap", user, method, outcome, ..Login::default() })
            }
        };
        if let Some(login) = login {
            let server_version = self.product.as_ref().and_then(|product| product.banner.clone());
            sink.login(Login { server_version, ..login });
        }
    }
}

/// The literal that `text` ends in: its length, and where it is announced. `+` is
/// of one that waits for no go-ahead (RFC 7888).
fn literal_of(text: &[u8]) -> Option<(usize, usize)> {
    let inner = text.strip_suffix(b"}")?;
    let start = inner.iter().rposition(|&byte| byte == b'{')?;
    let digits = inner.get(start + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let length: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((usize::try_from(length).ok()?, start))
}

/// The first of the strings of a command, as a word or in quotes; what is behind
/// it is not looked at.
fn first_string(arguments: &[u8]) -> Option<Vec<u8>> {
    match arguments.strip_prefix(b"\"") {
        Some(inside) => quoted(inside).map(|(value, _)| value),
        // Alone it has no password behind it, and may be one.
        None => {
            let (user, behind) = word(arguments);
            (!behind.is_empty() && !user.starts_with(b"{")).then(|| user.to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Found;
    use super::*;
    use Side::{Client as C, Server as S};

    /// User, method and outcome of each.
    fn logins(said: &[(Side, &[u8])]) -> Vec<(Option<String>, Option<String>, Outcome)> {
        let found = Found::of::<Imap>(said);
        assert!(!format!("{found:?}").contains("hunter2"));
        found.logins.into_iter().map(|it| (it.user, it.method, it.outcome)).collect()
    }

    /// The user of one LOGIN that is accepted.
    fn user(command: &[u8]) -> Option<String> {
        let found =
            logins(&[(S, b"* OK Dovecot ready.\r\n"), (C, command), (S, b"+ go\r\n+ go\r\na1 OK in\r\n")]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].1.as_deref(), found[0].2), (Some("password"), Outcome::Accepted));
        found[0].0.clone()
    }

    #[test]
    fn a_user_is_a_word_a_quoted_string_or_a_literal() {
        for (command, expected) in [
            (&b"a1 LOGIN ann hunter2\r\n"[..], Some("ann")),
            (b"a1 login \"a\\\"n n\" \"hunter2\"\r\n", Some("a\"n n")),
            (b"a1 LOGIN {3}\r\nann {7}\r\nhunter2\r\n", Some("ann")),
            (b"a1 LOGIN {3+}\r\nann \"hunter2\"\r\n", Some("ann")),
            (b"a1 LOGIN ann {7+}\r\nhunter2\r\n", Some("ann")),
            (b"a1 LOGIN {200+}\r\n", None),
            (b"a1 LOGIN hunter2\r\n", None),
            (b"a1 LOGIN \"hunter2\r\n", None),
        ] {
            assert_eq!(user(command).as_deref(), expected, "{}", String::from_utf8_lossy(command));
        }
    }

    #[test]
    fn sasl_and_refusals() {
        let found = logins(&[
            (S, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"),
            (C, b"1 CAPABILITY\r\n"),
            (S, b"* CAPABILITY IMAP4rev1\r\n1 OK done\r\n"),
            (C, b"2 LOGIN ann {7}\r\n"),
            (S, b"2 NO no\r\n"),
            (C, b"3 AUTHENTICATE PLAIN\r\n"),
            (S, b"+ \r\n"),
            (C, b"AGJvYgBodW50ZXIy\r\n"),
            (S, b"3 NO again\r\n"),
            (C, b"4 AUTHENTICATE LOGIN YW5u\r\n"),
            (S, b"+ UGFzc3dvcmQ6\r\n"),
            (C, b"aHVudGVyMg==\r\n"),
        ]);
        let said = |user: &str, method: &str, outcome| (Some(user.into()), Some(method.into()), outcome);
        assert_eq!(
            found,
            [
                said("ann", "password", Outcome::Refused),
                said("bob", "plain", Outcome::Refused),
                said("ann", "login", Outcome::Unknown),
            ]
        );
    }

    #[test]
    fn tls_may_follow_and_talk_without_a_log_in_is_left() {
        let mut found = Found::default();
        let mut imap = Imap::default();
        imap.data(C, b"a STARTTLS\r\n", &mut found);
        assert_eq!(imap.data(C, b"\x16\x03\x01", &mut found), Step::Again(0));
        assert_eq!(Imap::default().data(S, b"* PREAUTH hi\r\n", &mut found), Step::Done);
        let noise = b"x\r\n".repeat(6_000);
        assert_eq!(Imap::default().data(S, &noise, &mut found), Step::Done);
        assert_eq!(Imap::default().data(C, &[b'x'; 5_000], &mut found), Step::Done);
        let literal = b"a APPEND x {4000000000}\r\n";
        assert_eq!(Imap::default().data(C, literal, &mut found), Step::Take(literal.len()));
    }
}
