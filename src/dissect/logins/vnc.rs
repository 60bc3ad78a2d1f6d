//! VNC's remote frame buffer (RFC 6143, 7.1): how a client proves itself, and the
//! outcome. It has no users.

use super::messages::{self, Length, Messages, Next, Talk};
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::{Dissector, Product, Side, Sink, Step};
use crate::wire::bytes::{u8_at, u16_at, u32_at};

/// `RFB 003.008` and the line's end.
const VERSION: usize = 12;

/// Bytes of a challenge, and of what answers it (7.2.2).
const CHALLENGE: usize = 16;

/// Bytes of name and password, encrypted, in Apple's way; two keys go before
/// (rfbproto.rst of the project rfbproto, "Diffie-Hellman Authentication").
const CREDENTIALS: usize = 128;

/// Ways of security (7.2).
const NONE: u8 = 1;
const VNC: u8 = 2;
const APPLE: u8 = 30;

/// Reads one connection, up to the end of its log-in.
#[derive(Default)]
pub struct Vnc {
    talk: Talk,
    next: [Part; 2],
    /// The last digits of the client's version; older ones leave the choice to the
    /// server.
    minor: u8,
    /// Bytes of a key in Apple's way.
    key: usize,
    /// The way that was taken.
    security: Option<u8>,
    version: Option<String>,
}

/// What a side says next.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Version,
    Security,
    Challenge,
    Keys,
    Result,
}

impl Dissector for Vnc {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        if !sink.wants_details() {
            return Step::Done;
        }
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.log_in(Outcome::Unknown, sink);
    }

    fn held(&self) -> usize {
        self.version.as_ref().map_or(0, String::len)
    }
}

impl Messages for Vnc {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, side: Side, bytes: &[u8]) -> Length {
        Length::Is(match (self.next[side as usize], side) {
            (Part::Version, _) => VERSION,
            (Part::Security, Side::Client) => 1,
            (Part::Security, Side::Server) if self.minor < 7 => 4,
            (Part::Security, Side::Server) => 1 + usize::from(u8_at(bytes, 0).unwrap_or_default()),
            (Part::Challenge, _) => CHALLENGE,
            // A number, the keys' length, two keys; one of them with the answer.
            (Part::Keys, Side::Server) => match u16_at(bytes, 2) {
                Some(key) => 4 + 2 * usize::from(key),
                None => return Length::More,
            },
            (Part::Keys, Side::Client) => CREDENTIALS + self.key,
            (Part::Result, _) => 4,
        })
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        let part = &mut self.next[side as usize];
        match (*part, side) {
            (Part::Version, _) => {
                let Some(minor) = minor(message) else { return Next::Nothing };
                *part = Part::Security;
                if side == Side::Client {
                    self.minor = minor;
                } else {
                    self.version = login::name(message);
                    let banner = self.version.clone();
                    sink.product(Product { banner, ..Product::default() });
                }
                Next::Message
            }
            (Part::Security, Side::Server) if self.minor < 7 => {
                let security = u32_at(message, 0).and_then(|number| u8::try_from(number).ok());
                self.choose(security.unwrap_or_default(), sink)
            }
            // What there is to choose from. Of nothing: the server says why.
            (Part::Security, Side::Server) if message.len() > 1 => Next::Message,
            (Part::Security, Side::Client) => self.choose(u8_at(message, 0).unwrap_or_default(), sink),
            (Part::Challenge, Side::Server) => {
                *part = Part::Result;
                Next::Message
            }
            (Part::Keys, Side::Server) => {
                *part = Part::Result;
                self.key = u16_at(message, 2).unwrap_or_default().into();
                Next::Message
            }
            (Part::Result, Side::Server) => {
                let is_accepted = u32_at(message, 0) == Some(0);
                self.log_in(if is_accepted { Outcome::Accepted } else { Outcome::Refused }, sink);
                Next::Nothing
            }
            // The answer.
            (Part::Challenge | Part::Keys, Side::Client) => Next::Message,
            _ => Next::Nothing,
        }
    }
}

impl Vnc {
    fn choose(&mut self, security: u8, sink: &mut dyn Sink) -> Next {
        // None, because the server wants nobody.
        if security == 0 {
            return Next::Nothing;
        }
        self.security = Some(security);
        self.next = match security {
            VNC => [Part::Challenge; 2],
            APPLE => [Part::Keys; 2],
            // Only later versions have a result there (7.1.3).
            NONE if self.minor >= 8 => [Part::Result; 2],
            NONE => {
                self.log_in(Outcome::Accepted, sink);
                return Next::Nothing;
            }
            _ => return Next::Nothing,
        };
        Next::Message
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        let Some(security) = self.security.take() else { return };
        let method = match security {
            NONE => "none",
            VNC => "vnc",
            16 => "tight",
            17 => "ultra",
            18 => "tls",
            19 => "vencrypt",
            APPLE => "ard",
            5..=15 | 128.. => "realvnc",
            _ => "other",
        };
        sink.login(Login {
            service: "vnc",
            method: Some(method.into()),
            outcome,
            server_version: self.version.clone(),
            ..Login::default()
        });
    }
}

/// The last digits of a version.
fn minor(message: &[u8]) -> Option<u8> {
    let (major, minor) = message.strip_prefix(b"RFB ")?.strip_suffix(b"\n")?.split_at_checked(4)?;
    let number: u16 = std::str::from_utf8(minor).ok()?.parse().ok()?;
    // RealVNC's 004 and Apple's 003.889 go by 3.8.
    Some(if major == b"003." { u8::try_from(number).unwrap_or(8) } else { 8 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn told(said: &[(Side, &[u8])]) -> Vec<(String, Outcome)> {
        let found = Found::of::<Vnc>(said);
        assert!(!format!("{found:?}").contains("hunter"));
        found.logins.into_iter().map(|it| (it.method.unwrap(), it.outcome)).collect()
    }

    #[test]
    fn a_challenge_has_its_result_and_no_answer_is_kept() {
        for (result, outcome) in [(0, Outcome::Accepted), (1, Outcome::Refused)] {
            for (version, asked, chosen) in
                [(&b"RFB 003.008\n"[..], &[2, 1, 2][..], &[2][..]), (b"RFB 003.003\n", &[0, 0, 0, 2], &[])]
            {
                let said: [(Side, &[u8]); 7] = [
                    (S, b"RFB 003.008\n"),
                    (C, version),
                    (S, asked),
                    (C, chosen),
                    (S, &[7; CHALLENGE]),
                    (C, b"hunter2hunter3!!"),
                    (S, &[0, 0, 0, result]),
                ];
                let said: Vec<_> = said.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
                assert_eq!(told(&said), [("vnc".to_string(), outcome)]);
            }
        }
    }

    #[test]
    fn apple_has_keys_in_it() {
        let keys = [&[0, 2, 0, 3][..], &[9; 6]].concat();
        let said: [(Side, &[u8]); 7] = [
            (S, b"RFB 003.889\n"),
            (C, b"RFB 003.889\n"),
            (S, &[2, 30, 35]),
            (C, &[30]),
            (S, &keys),
            (C, &[0xee; CREDENTIALS + 3]),
            (S, &[0, 0, 0, 1]),
        ];
        assert_eq!(told(&said), [("ard".to_string(), Outcome::Refused)]);
    }

    #[test]
    fn who_asks_for_nothing_lets_in() {
        let versions: [(Side, &[u8]); 2] = [(S, b"RFB 003.007\n"), (C, b"RFB 003.007\n")];
        let said = [versions[0], versions[1], (S, &[1, 1]), (C, &[1]), (C, &[1])];
        assert_eq!(told(&said), [("none".to_string(), Outcome::Accepted)]);
        // RealVNC's own way goes on where nobody can read.
        let said = [(S, &b"RFB 004.001\n"[..]), (C, b"RFB 004.001\n"), (S, &[2, 13, 5]), (C, &[13])];
        assert_eq!(told(&said), [("realvnc".to_string(), Outcome::Unknown)]);
        let said = [versions[0], versions[1], (S, &[0, 0, 0, 0, 3, b'b', b'y', b'e'])];
        assert_eq!(told(&said), []);
    }
}
