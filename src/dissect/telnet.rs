//! Telnet (RFC 854): who logs in, by what the server asks for. That is an estimate:
//! the protocol has no log-in, a shell only prints words.
//!
//! The line that a client types at `login:` is the user's name. Whatever it types
//! otherwise goes by unread: behind `Password:` it is the secret, and where a
//! capture begins late anything may be.

use super::login::{self, Login, Outcome};
use super::{Dissector, Side, Sink, Step};

/// Bytes of a side in which somebody has to log in.
const MAX_TALK: usize = 1 << 14;

/// Bytes of the server's line that are remembered: its end.
const MAX_PROMPT: usize = 96;

/// Telnet's own bytes (RFC 854, 855).
const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// What a server says before it wants a name, in small letters.
const NAME: &[&[u8]] = &[b"login:", b"username:", b"user name:", b"user:", b"login name:"];

/// Where one of these stands in such a line, it is a secret that it wants.
const SECRET: &[&[u8]] = &[b"pass", b"secret", b"code", b"token", b"pin:", b"key", b"otp"];

/// What it says to somebody whom it does not take.
const REFUSED: &[&[u8]] =
    &[b"incorrect", b"failed", b"failure", b"denied", b"invalid", b"bad password", b"wrong", b"not correct"];

/// What shells print before they read a command.
const PROMPTS: &[u8] = b"$#>%";

/// Reads one connection.
#[derive(Default)]
pub struct Telnet {
    options: [Options; 2],
    seen: [usize; 2],
    /// The end of the server's line so far, in small letters.
    line: Vec<u8>,
    typing: Typing,
    user: Option<String>,
    /// The client ended a line that was asked for, and no outcome was seen yet.
    was_answered: bool,
    /// Among them a password.
    had_password: bool,
}

/// What the client types.
#[derive(Default, PartialEq, Eq, Debug)]
enum Typing {
    /// Nobody wants to know.
    #[default]
    Anything,
    /// A name, and how much of it the server has printed back.
    Name { typed: Vec<u8>, echoed: usize },
    /// A secret, and whether it has begun.
    Secret { has_begun: bool },
}

/// Where one side is within Telnet's commands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Options {
    #[default]
    Text,
    Command,
    Option,
    /// Parameters of an option, and an IAC among them.
    Parameters,
    ParametersCommand,
}

impl Options {
    /// The byte, if it is text.
    fn text(&mut self, byte: u8) -> Option<u8> {
        let (next, text) = match (*self, byte) {
            (Options::Text, IAC) => (Options::Command, None),
            (Options::Text, byte) => (Options::Text, Some(byte)),
            (Options::Command, IAC) => (Options::Text, Some(IAC)),
            (Options::Command, SB) => (Options::Parameters, None),
            // WILL, WON'T, DO and DON'T have an option behind them.
            (Options::Command, 251..=254) => (Options::Option, None),
            (Options::Parameters, IAC) => (Options::ParametersCommand, None),
            (Options::Parameters, _) => (Options::Parameters, None),
            (Options::ParametersCommand, SE) => (Options::Text, None),
            (Options::ParametersCommand, _) => (Options::Parameters, None),
            (Options::Command | Options::Option, _) => (Options::Text, None),
        };
        *self = next;
        text
    }
}

impl Dissector for Telnet {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut is_over = false;
        for &byte in bytes {
            let Some(byte) = self.options[side as usize].text(byte) else { continue };
            is_over |= match side {
                Side::Client => self.typed(byte, sink),
                Side::Server => self.printed(byte, sink),
            };
        }
        let seen = &mut self.seen[side as usize];
        *seen = seen.saturating_add(bytes.len());
        if is_over || *seen > MAX_TALK {
            self.end(sink);
            return Step::Done;
        }
        Step::Take(bytes.len())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let outcome = match &self.typing {
            _ if self.is_shell() => Outcome::SeemsAccepted,
            // Asked again.
            Typing::Name { .. } => Outcome::SeemsRefused,
            _ => Outcome::Unknown,
        };
        self.log_in(outcome, sink);
    }

    fn held(&self) -> usize {
        let typed = if let Typing::Name { typed, .. } = &self.typing { typed.capacity() } else { 0 };
        self.line.capacity() + typed
    }
}

impl Telnet {
    /// Whether somebody is logged in.
    fn typed(&mut self, byte: u8, sink: &mut dyn Sink) -> bool {
        // Some end lines with both, some with one, some add a zero (RFC 854).
        let is_end = matches!(byte, b'\r' | b'\n');
        let may_be_old = matches!(byte, b'\n' | 0);
        if self.typing == Typing::Anything && self.was_answered && !may_be_old && self.is_shell() {
            self.log_in(Outcome::SeemsAccepted, sink);
            return true;
        }
        match &mut self.typing {
            Typing::Anything => {}
            // The end of the line before.
            Typing::Name { typed, .. } if typed.is_empty() && may_be_old => {}
            Typing::Secret { has_begun: false } if may_be_old => {}
            Typing::Secret { .. } if is_end => {
                self.was_answered = true;
                self.had_password = true;
                self.typing = Typing::Anything;
            }
            Typing::Secret { has_begun } => *has_begun = true,
            Typing::Name { typed, .. } if is_end => {
                self.user = login::name(typed);
                self.was_answered = self.user.is_some();
                self.typing = Typing::Anything;
            }
            Typing::Name { typed, echoed } => match byte {
                8 | 127 => {
                    typed.pop();
                    *echoed = (*echoed).min(typed.len());
                }
                _ if typed.len() < login::MAX_NAME => {
                    let is_first = typed.is_empty();
                    typed.push(byte);
                    if is_first {
                        self.log_in(Outcome::SeemsRefused, sink);
                    }
                }
                _ => {}
            },
        }
        false
    }

    /// Whether somebody is logged in.
    fn printed(&mut self, byte: u8, sink: &mut dyn Sink) -> bool {
        match byte {
            b'\r' | b'\n' => return self.end_of_line(sink),
            0..=0x1f => return false,
            _ => {}
        }
        if self.line.len() >= MAX_PROMPT {
            self.line.remove(0);
        }
        self.line.push(byte.to_ascii_lowercase());
        match &mut self.typing {
            // What goes on behind its colon is no question.
            Typing::Name { typed, echoed } if byte != b' ' || *echoed < typed.len() => {
                if typed.get(*echoed) == Some(&byte) {
                    *echoed += 1;
                } else {
                    self.typing = Typing::Anything;
                }
            }
            _ => {}
        }
        if byte == b':' {
            self.ask(sink);
        }
        false
    }

    fn end_of_line(&mut self, sink: &mut dyn Sink) -> bool {
        let line = std::mem::take(&mut self.line);
        if self.was_answered && has_any(&line, REFUSED) {
            self.log_in(Outcome::SeemsRefused, sink);
        }
        let is_welcome = self.was_answered && line.trim_ascii_start().starts_with(b"last login");
        if is_welcome {
            self.log_in(Outcome::SeemsAccepted, sink);
        }
        is_welcome
    }

    /// The server's line ends in a colon.
    fn ask(&mut self, sink: &mut dyn Sink) {
        let line = self.line.trim_ascii_start();
        if has_any(line, SECRET) {
            if self.had_password {
                self.log_in(Outcome::SeemsRefused, sink);
            }
            self.typing = Typing::Secret { has_begun: false };
        } else if NAME.iter().any(|prompt| line.ends_with(prompt)) && !line.starts_with(b"last") {
            self.typing = Typing::Name { typed: Vec::new(), echoed: 0 };
        }
    }

    /// Whether a shell waits for a command.
    fn is_shell(&self) -> bool {
        let line = self.line.trim_ascii_end();
        line.last().is_some_and(|last| PROMPTS.contains(last))
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        let had_password = std::mem::take(&mut self.had_password);
        if !std::mem::take(&mut self.was_answered) {
            return;
        }
        let method = Some(if had_password { "password" } else { "none" }.into());
        let user = self.user.clone();
        sink.login(Login { service: "telnet", user, method, outcome, ..Login::default() });
    }
}

fn has_any(line: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| line.windows(word.len()).any(|window| window == *word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Found;
    use super::*;
    use Side::{Client as C, Server as S};

    /// User, method and outcome of each.
    fn logins(said: &[(Side, &[u8])]) -> Vec<(Option<String>, Option<String>, Outcome)> {
        let found = Found::of::<Telnet>(said);
        assert!(!format!("{found:?}").contains("hunter"));
        found.logins.into_iter().map(|it| (it.user, it.method, it.outcome)).collect()
    }

    fn ann(outcome: Outcome) -> (Option<String>, Option<String>, Outcome) {
        (Some("ann".into()), Some("password".into()), outcome)
    }

    const ASKED: [(Side, &[u8]); 5] = [
        (S, b"\xff\xfd\x18\xff\xfa\x18login:\xff\xf0\xff\xf9Welcome\r\nbox login: "),
        (C, b"\xff\xfb\x18an\xff\xf1n\r\0"),
        (S, b"ann\r\nPassword: "),
        (C, b"hunter2\r\n"),
        (S, b"\r\n"),
    ];

    fn asked_then(then: &[(Side, &'static [u8])]) -> Vec<(Option<String>, Option<String>, Outcome)> {
        logins(&[&ASKED[..], then].concat())
    }

    #[test]
    fn by_what_is_printed_behind_the_password_it_is_known_how_it_went() {
        assert_eq!(asked_then(&[(S, b"Login incorrect\r\nbox login: ")]), [ann(Outcome::SeemsRefused)]);
        assert_eq!(asked_then(&[(S, b"Password: ")]), [ann(Outcome::SeemsRefused)]);
        assert_eq!(asked_then(&[(S, b"box login: ")]), [ann(Outcome::SeemsRefused)]);
        assert_eq!(asked_then(&[(S, b"Last login: Mon\r\n")]), [ann(Outcome::SeemsAccepted)]);
        assert_eq!(
            asked_then(&[(S, b"Have fun\r\nann@login:~$ "), (C, b"l")]),
            [ann(Outcome::SeemsAccepted)]
        );
        assert_eq!(asked_then(&[(S, b"Router>")]), [ann(Outcome::SeemsAccepted)]);
        assert_eq!(asked_then(&[(S, b"One moment")]), [ann(Outcome::Unknown)]);
    }

    #[test]
    fn a_line_ends_however_its_client_ends_it() {
        for end in [&b"\r\0"[..], b"\r\n", b"\n", b"\r"] {
            let (name, secret) = ([b"ann", end].concat(), [b"hunter2", end].concat());
            let said: [(Side, &[u8]); 5] = [
                (S, b"login: "),
                (C, &name),
                (S, b"\r\nPassword: "),
                (C, &secret),
                (S, b"\r\nLogin incorrect\r\n"),
            ];
            assert_eq!(logins(&said), [ann(Outcome::SeemsRefused)], "{end:?}");
        }
    }

    #[test]
    fn every_try_is_told_and_what_is_typed_afterwards_is_not() {
        let again: [(Side, &[u8]); 7] = [
            (S, b"Login incorrect\r\nlogin: "),
            (C, b"b"),
            (S, b"b"),
            (C, b"obx\x7f\r"),
            (S, b"ob\r\npassword:"),
            (C, b"hunter3\r"),
            (S, b"\r\nbox# "),
        ];
        let then: [(Side, &[u8]); 2] = [(C, b"passwd\r"), (S, b"New login: ")];
        let found = asked_then(&[&again[..], &then, &[(C, b"hunter4\r")]].concat());
        assert_eq!(found[0], ann(Outcome::SeemsRefused));
        let bob = (Some("bob".into()), Some("password".into()), Outcome::SeemsAccepted);
        assert_eq!(found[1..], [bob]);
    }

    #[test]
    fn what_is_typed_without_a_question_is_not_read() {
        assert_eq!(logins(&[(C, b"hunter2\r"), (S, b"\r\n$ "), (C, b"ls\r")]), []);
        // Text that only looks like a question when TCP cuts it.
        let cut: [(Side, &[u8]); 4] = [(S, b"user:"), (C, b"hun"), (S, b" 3 here"), (C, b"ter2\r")];
        assert_eq!(logins(&cut), []);
        assert_eq!(logins(&[(S, b"Secret of the user: "), (C, b"hunter2\r")])[0].0, None);
        // Both lines at once: the second has no question.
        let ahead: [(Side, &[u8]); 3] = [(S, b"login: "), (C, b"ann\rhunter2\r"), (S, b"Password: \r\n$ ")];
        assert_eq!(logins(&ahead).len(), 1);
    }

    #[test]
    fn talk_without_a_log_in_is_left() {
        let mut found = Found::default();
        assert_eq!(Telnet::default().data(S, &[b'x'; MAX_TALK + 1], &mut found), Step::Done);
        let mut telnet = Telnet::default();
        telnet.data(S, &[b':'; 1_000], &mut found);
        telnet.data(S, b"\nlogin:", &mut found);
        telnet.data(C, &[b'x'; 1_000], &mut found);
        assert!(telnet.held() <= 2 * (MAX_PROMPT + login::MAX_NAME));
    }
}
