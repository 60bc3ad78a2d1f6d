//! POP3 (RFC 1939, 5034) up to the log-in: who tried, and what came of it. TLS
//! may begin instead (RFC 2595).

use std::collections::VecDeque;

use super::lines::{Line, Lines, word};
use super::login::{self, Login, Outcome};
use super::sasl::Sasl;
use super::{Dissector, Product, Side, Sink, Step, greeting};

/// Commands that may wait for their answers.
const MAX_PENDING: usize = 16;

/// Bytes of a side in which somebody has to log in.
const MAX_TALK: usize = 1 << 14;

/// Reads one connection.
#[derive(Default)]
pub struct Pop3 {
    lines: [Lines; 2],
    seen: [usize; 2],
    pending: VecDeque<Asked>,
    /// Within an answer of several lines.
    is_listing: bool,
    was_greeted: bool,
    product: Option<Product>,
    user: Option<String>,
    sasl: Option<Sasl>,
}

/// What waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Other,
    /// Its answer has several lines.
    List,
    Pass,
    Apop,
    Auth,
}

impl Dissector for Pop3 {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = bytes;
        let mut is_over = false;
        while !is_over {
            if side == Side::Client && self.lines[0].is_tls(rest) {
                self.end(sink);
                return Step::Again(bytes.len() - rest.len());
            }
            let Some(line) = self.lines[side as usize].next(&mut rest) else { break };
            is_over = match side {
                Side::Client => self.command(line),
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
        let asked = std::mem::take(&mut self.pending);
        if let Some(last) = asked.into_iter().find(|asked| !matches!(asked, Asked::Other | Asked::List)) {
            self.log_in(&last, Outcome::Unknown, sink);
        }
    }
}

impl Pop3 {
    /// Whether there is no telling any more what belongs together.
    fn command(&mut self, line: Line<'_>) -> bool {
        if let Some(sasl) = &mut self.sasl {
            sasl.response(line.text);
            return false;
        }
        let (command, argument) = word(line.text.trim_ascii());
        let asked = match command.to_ascii_uppercase().as_slice() {
            // What stands behind a name is none, and may be a password.
            b"USER" => {
                self.user = login::name(word(argument).0);
                Asked::Other
            }
            b"PASS" => Asked::Pass,
            // A name, a blank, a digest.
            b"APOP" => {
                self.user = word(argument).1.first().and_then(|_| login::name(word(argument).0));
                Asked::Apop
            }
            b"AUTH" if argument.is_empty() => Asked::List,
            b"AUTH" => {
                let (mechanism, initial) = word(argument);
                self.sasl = Some(Sasl::begin(mechanism, initial));
                Asked::Auth
            }
            b"CAPA" => Asked::List,
            b"LIST" | b"UIDL" if argument.is_empty() => Asked::List,
            b"RETR" | b"TOP" => Asked::List,
            _ => Asked::Other,
        };
        self.pending.push_back(asked);
        self.pending.len() > MAX_PENDING
    }

    /// Whether somebody is logged in.
    fn answer(&mut self, line: Line<'_>, sink: &mut dyn Sink) -> bool {
        if self.is_listing {
            self.is_listing = line.text != b".";
            return false;
        }
        let (status, text) = word(line.text);
        let is_ok = match status {
            b"+OK" => true,
            b"-ERR" => false,
            b"+" => {
                if let Some(sasl) = &mut self.sasl {
                    sasl.challenge(text);
                }
                return false;
            }
            _ => return false,
        };
        let Some(asked) = self.pending.pop_front() else {
            self.greet(text, sink);
            return false;
        };
        match asked {
            Asked::Other => false,
            Asked::List => {
                self.is_listing = is_ok;
                false
            }
            Asked::Pass | Asked::Apop | Asked::Auth => {
                self.log_in(&asked, if is_ok { Outcome::Accepted } else { Outcome::Refused }, sink);
                is_ok
            }
        }
    }

    /// The server's first line, without the challenge that APOP answers.
    fn greet(&mut self, text: &[u8], sink: &mut dyn Sink) {
        if std::mem::replace(&mut self.was_greeted, true) {
            return;
        }
        let end = text.iter().position(|&byte| byte == b'<').unwrap_or(text.len());
        self.product = greeting::mail(text.get(..end).unwrap_or_default());
        if let Some(product) = &self.product {
            sink.product(product.clone());
        }
    }

    fn log_in(&mut self, asked: &Asked, outcome: Outcome, sink: &mut dyn Sink) {
        let login = match asked {
            Asked::Auth => self.sasl.take().and_then(|sasl| sasl.login("pop3", outcome)),
            asked => {
                let method = if *asked == Asked::Apop { "apop" } else { "password" };
                let user = self.user.clone();
                Some(Login {
                    service: "pop3",
                    user,
                    method: Some(method.into()),
                    outcome,
                    ..Login::default()
                })
            }
        };
        if let Some(login) = login {
            let server_version = self.product.as_ref().and_then(|product| product.banner.clone());
            sink.login(Login { server_version, ..login });
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
        let found = Found::of::<Pop3>(said);
        assert!(!format!("{found:?}").contains("hunter2"));
        found.logins.into_iter().map(|it| (it.user, it.method, it.outcome)).collect()
    }

    fn one(user: &str, method: &str, outcome: Outcome) -> (Option<String>, Option<String>, Outcome) {
        (Some(user.into()), Some(method.into()), outcome)
    }

    #[test]
    fn user_and_pass() {
        let said: [(Side, &[u8]); 8] = [
            (S, b"+OK Dovecot ready <1.2@hunter2>\r\n"),
            (C, b"CAPA\r\n"),
            (S, b"+OK\r\nUSER\r\n+OK no answer\r\n.\r\n"),
            (C, b"USER ann hunter2\r\nPASS hunter2\r\n"),
            (S, b"+OK\r\n-ERR no\r\n"),
            (C, b"user bob\r\npass hunter2\r\n"),
            (S, b"+OK\r\n+OK logged in\r\n"),
            (C, b"USER cat\r\nPASS hunter2\r\n"),
        ];
        let expected = [one("ann", "password", Outcome::Refused), one("bob", "password", Outcome::Accepted)];
        assert_eq!(logins(&said), expected);
        assert_eq!(Found::of::<Pop3>(&said).products[0].name.as_deref(), Some("Dovecot"));
    }

    #[test]
    fn apop_and_sasl() {
        let said: [(Side, &[u8]); 9] = [
            (S, b"+OK hi <1.2@a>\r\n"),
            (C, b"APOP ann c4c9334bac560ecc979e58001b3e22fb\r\n"),
            (S, b"-ERR no\r\n"),
            (C, b"AUTH\r\n"),
            (S, b"+OK\r\nPLAIN\r\n.\r\n"),
            (C, b"AUTH PLAIN\r\n"),
            (S, b"+ \r\n"),
            (C, b"AGJvYgBodW50ZXIy\r\n"),
            (S, b"+OK\r\n"),
        ];
        let expected = [one("ann", "apop", Outcome::Refused), one("bob", "plain", Outcome::Accepted)];
        assert_eq!(logins(&said), expected);
        assert_eq!(logins(&[(C, b"APOP hunter2\r\n"), (S, b"-ERR\r\n")])[0].0, None);
    }

    #[test]
    fn what_is_not_answered_is_unknown() {
        let said: [(Side, &[u8]); 2] =
            [(C, b"unter2\r\nUSER ann\r\nPASS hunter2\r\n"), (S, b"-ERR what\r\n+OK\r\n")];
        assert_eq!(logins(&said), [one("ann", "password", Outcome::Unknown)]);
        assert_eq!(logins(&[(C, b"PASS hunter2\r\n")]), [(None, Some("password".into()), Outcome::Unknown)]);
    }

    #[test]
    fn tls_may_follow_and_talk_without_a_log_in_is_left() {
        let mut found = Found::default();
        let mut pop3 = Pop3::default();
        pop3.data(C, b"STLS\r\n", &mut found);
        assert_eq!(pop3.data(C, b"\x16\x03\x01", &mut found), Step::Again(0));
        let noise = b"x\r\n".repeat(6_000);
        assert_eq!(Pop3::default().data(S, &noise, &mut found), Step::Done);
        assert_eq!(Pop3::default().data(C, &noise, &mut found), Step::Done);
    }
}
