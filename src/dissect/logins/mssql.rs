//! SQL Server's tabular data stream (MS-TDS): the log-in, where it is not in TLS,
//! and how it ends.

use super::messages::{self, Length, Messages, Next, Talk};
use crate::dissect::login::{self, Login, MAX_NAME, Outcome};
use crate::dissect::tls::HANDSHAKE;
use crate::dissect::{Dissector, Product, Side, Sink, Step};
use crate::wire::bytes::{array_at, u8_at, u16_at};

/// Before each packet (MS-TDS, 2.2.3.1): type, status, length and more.
const HEAD: usize = 8;

/// Types of packets.
const ANSWER: u8 = 4;
const LOGIN7: u8 = 0x10;
const PRE_LOGIN: u8 = 0x12;

/// Where LOGIN7 has the places of its texts (MS-TDS, 2.2.6.4).
const USER: usize = 40;
const PASSWORD: usize = 44;
const APP: usize = 48;
const NEW_PASSWORD: usize = 86;

/// Where LOGIN7 has its second flags, and of them: who the client is, Windows says.
const FLAGS: usize = 25;
const INTEGRATED: u8 = 0x80;

/// Tokens in an answer (MS-TDS, 2.2.7) that may stand before its end.
const ERROR: u8 = 0xaa;
const INFO: u8 = 0xab;
const LOGIN_ACK: u8 = 0xad;
const ENVIRONMENT: u8 = 0xe3;
const SSPI: u8 = 0xed;

const NAME: &str = "Microsoft SQL Server";

/// Reads one connection, up to the answer to its log-in.
#[derive(Default)]
pub struct Mssql {
    talk: Talk,
    login: Option<Login>,
    version: Option<String>,
}

impl Dissector for Mssql {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        if !sink.wants_details() {
            return Step::Done;
        }
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(login) = self.login.take() {
            sink.login(login);
        }
    }

    fn held(&self) -> usize {
        self.login.as_ref().map_or(0, Login::held) + self.version.as_ref().map_or(0, String::len)
    }
}

impl Messages for Mssql {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, _: Side, bytes: &[u8]) -> Length {
        match bytes.first() {
            Some(1..=0x1f) => Length::of(u16_at(bytes, 2).map(usize::from), HEAD),
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        let content = message.get(HEAD..).unwrap_or_default();
        match (side, u8_at(message, 0)) {
            // TLS in packets, with the log-in in it.
            (_, Some(PRE_LOGIN)) if content.first() == Some(&HANDSHAKE) => return Next::Nothing,
            (Side::Client, Some(LOGIN7)) if self.login.is_none() => {
                self.login = log_in(content);
                if let Some(login) = &mut self.login {
                    login.server_version.clone_from(&self.version);
                }
            }
            (Side::Server, Some(ANSWER)) if self.login.is_none() => self.prepare(content, sink),
            (Side::Server, Some(ANSWER)) => return self.answer(content, sink),
            _ => {}
        }
        Next::Message
    }
}

impl Mssql {
    /// Takes the version from what the server says before a log-in.
    fn prepare(&mut self, options: &[u8], sink: &mut dyn Sink) {
        // The first option is the version: its place and length.
        if !matches!(array_at(options, 0), Some([0, _, _, 0, 6])) {
            return;
        }
        let at = u16_at(options, 1).map_or(usize::MAX, usize::from);
        let Some([major, minor, high, low]) = array_at(options, at) else { return };
        let version = format!("{major}.{minor}.{}", u16::from_be_bytes([high, low]));
        self.version = Some(version.clone());
        sink.product(Product { name: Some(NAME.into()), version: Some(version), ..Product::default() });
    }

    /// Looks for what the answer says of the log-in.
    fn answer(&mut self, tokens: &[u8], sink: &mut dyn Sink) -> Next {
        let mut rest = tokens;
        let mut outcome = Outcome::Unknown;
        while let [token, behind @ ..] = rest {
            match *token {
                LOGIN_ACK => outcome = Outcome::Accepted,
                ERROR => outcome = Outcome::Refused,
                ENVIRONMENT | INFO => {}
                // Windows's own way takes several messages.
                SSPI => return Next::Message,
                _ => break,
            }
            if outcome != Outcome::Unknown {
                break;
            }
            let length = array_at(behind, 0).map_or(usize::MAX, |length| u16::from_le_bytes(length).into());
            rest = behind.get(2..).and_then(|behind| behind.get(length..)).unwrap_or_default();
        }
        if let Some(login) = &mut self.login {
            login.outcome = outcome;
        }
        self.end(sink);
        Next::Nothing
    }
}

/// What LOGIN7 says, but for its passwords.
fn log_in(packet: &[u8]) -> Option<Login> {
    let is_integrated = u8_at(packet, FLAGS)? & INTEGRATED != 0;
    Some(Login {
        service: "mssql",
        user: text(packet, USER),
        method: Some(if is_integrated { "sspi" } else { "password" }.into()),
        client_version: text(packet, APP),
        ..Login::default()
    })
}

/// The text whose place is told at `at`, unless it reaches into a password's: these
/// are hardly encrypted (MS-TDS, 2.2.6.4).
fn text(packet: &[u8], at: usize) -> Option<String> {
    let (start, end) = place(packet, at)?;
    let overlaps =
        |secret: usize| place(packet, secret).is_none_or(|(from, to)| from < to && start < to && from < end);
    // Before version 7.2 there was no new password: there the texts began.
    let begins = place(packet, 36)?.0;
    if overlaps(PASSWORD) || (begins > NEW_PASSWORD && overlaps(NEW_PASSWORD)) {
        return None;
    }
    let units = packet.get(start..end)?.get(..2 * MAX_NAME).or(packet.get(start..end))?.chunks_exact(2);
    let units: Vec<u16> = units.filter_map(|unit| array_at(unit, 0).map(u16::from_le_bytes)).collect();
    login::name(String::from_utf16_lossy(&units).as_bytes())
}

/// Where a text begins and ends: its offset, and its length in units of two bytes.
fn place(packet: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = usize::from(u16::from_le_bytes(array_at(packet, at)?));
    let length = 2 * usize::from(u16::from_le_bytes(array_at(packet, at + 2)?));
    Some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn packet(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = (HEAD + content.len()) as u16;
        [&[kind, 1][..], &length.to_be_bytes(), &[0, 0, 1, 0], content].concat()
    }

    /// A LOGIN7 whose texts are at `places`, of what lies behind its fixed part:
    /// name `ann`, password `hunter2`, program `app`.
    fn log_in(places: [(u16, u16); 3]) -> Vec<u8> {
        let mut content = vec![0; 94];
        content[36] = 94;
        for (at, (start, units)) in [USER, PASSWORD, APP].into_iter().zip(places) {
            content[at..at + 2].copy_from_slice(&(94 + start).to_le_bytes());
            content[at + 2..at + 4].copy_from_slice(&units.to_le_bytes());
        }
        content.extend("annhunter2app".encode_utf16().flat_map(u16::to_le_bytes));
        packet(LOGIN7, &content)
    }

    const PLACES: [(u16, u16); 3] = [(0, 3), (6, 7), (20, 3)];

    #[test]
    fn a_log_in_has_its_outcome_and_no_password() {
        let version = packet(ANSWER, &[0, 0, 6, 0, 6, 0xff, 16, 0, 0x10, 0x2c, 0, 0]);
        for (answer, outcome) in [
            (&[ENVIRONMENT, 1, 0, 9, INFO, 1, 0, 9, LOGIN_ACK, 1, 0, 0][..], Outcome::Accepted),
            (&[ERROR, 1, 0, 9, 0xfd], Outcome::Refused),
            (&[0xfd], Outcome::Unknown),
        ] {
            let found =
                Found::of::<Mssql>(&[(S, &version), (C, &log_in(PLACES)), (S, &packet(ANSWER, answer))]);
            let [login] = &found.logins[..] else { panic!("{found:?}") };
            assert_eq!(
                (login.user.as_deref(), login.client_version.as_deref(), login.outcome),
                (Some("ann"), Some("app"), outcome)
            );
            assert_eq!(login.server_version.as_deref(), Some("16.0.4140"));
            assert!(!format!("{found:?}").contains("hunter"));
        }
    }

    #[test]
    fn no_text_reaches_into_the_password() {
        for places in [[(0, 4), (6, 7), (20, 3)], [(6, 7), (6, 7), (0, 3)], [(12, 1), (6, 7), (18, 4)]] {
            let found = Found::of::<Mssql>(&[(C, &log_in(places))]);
            assert_eq!(found.logins[0].user, None);
            assert!(!format!("{found:?}").contains("unter"));
        }
    }

    #[test]
    fn nothing_is_read_in_tls() {
        let mut found = Found::default();
        let hello = packet(PRE_LOGIN, b"\x16\x03\x01");
        assert_eq!(Mssql::default().data(C, &hello, &mut found), Step::Done);
        assert_eq!(found, Found::default());
    }
}
