//! Remote desktop (MS-RDPBCGR, 2.2.1.1 and 2.2.1.2): whom the client names, and
//! what the two agree on. The log-in itself is encrypted.

use super::messages::{self, Length, Messages, Next, Talk};
use crate::dissect::lines::is_tls;
use crate::dissect::login::{self, Login};
use crate::dissect::{Dissector, Side, Sink, Step};
use crate::wire::bytes::{array_at, u8_at, u16_at};

/// Kinds of X.224's messages (ITU-T X.224, 13.3 and 13.4).
const CONNECT: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;

/// TPKT's head and X.224's, before what RDP puts behind them.
const HEADS: usize = 4 + 7;

/// An answer to what the client offered, and one that refuses all of it.
const AGREED: u8 = 2;
const FAILED: u8 = 3;

/// Reads one connection, up to where it is encrypted.
#[derive(Default)]
pub struct Rdp {
    talk: Talk,
    login: Option<Login>,
    /// Whether the server answered.
    is_agreed: bool,
}

impl Dissector for Rdp {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(login) = self.login.take() {
            sink.login(login);
        }
    }

    fn held(&self) -> usize {
        self.login.as_ref().map_or(0, Login::held)
    }
}

impl Messages for Rdp {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, side: Side, bytes: &[u8]) -> Length {
        match bytes.first() {
            // TPKT (RFC 1006, 6).
            Some(3) => Length::of(u16_at(bytes, 2).map(usize::from), 7),
            _ if side == Side::Client && is_tls(bytes) => Length::Other,
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        match (side, u8_at(message, 5)) {
            (Side::Client, Some(CONNECT)) if self.login.is_none() && !self.is_agreed => {
                let user = user(message.get(HEADS..).unwrap_or_default());
                self.login = Some(Login { service: "rdp", user, ..Login::default() });
                Next::Message
            }
            (Side::Server, Some(CONFIRM)) if !self.is_agreed => self.agree(message, sink),
            // The old encryption's way.
            _ => Next::Nothing,
        }
    }
}

impl Rdp {
    fn agree(&mut self, message: &[u8], sink: &mut dyn Sink) -> Next {
        self.is_agreed = true;
        let Some(login) = &mut self.login else { return Next::Message };
        let answer: Option<[u8; 8]> = array_at(message, HEADS);
        if let Some([FAILED, ..]) = answer {
            // The client comes again with what the server wants.
            self.login = None;
            return Next::Nothing;
        }
        let protocol = match answer {
            Some([AGREED, _, _, _, low, ..]) => low,
            _ => 0,
        };
        login.method = Some(method(protocol).into());
        // The name in the cookie went in the clear; it counts how the log-in goes.
        login.encrypted = protocol != 0;
        self.end(sink);
        if protocol == 0 { Next::Nothing } else { Next::Message }
    }
}

/// What a server chose (MS-RDPBCGR, 2.2.1.2.1).
fn method(protocol: u8) -> &'static str {
    match protocol {
        0 => "standard",
        1 => "tls",
        2 => "hybrid",
        4 => "rdstls",
        8 => "hybrid-ex",
        16 => "rdsaad",
        _ => "other",
    }
}

/// The name in a cookie. Clients cut it at nine characters. What else a cookie can
/// be, a token of who spreads the load, is left.
fn user(variable: &[u8]) -> Option<String> {
    let name = variable.strip_prefix(b"Cookie: mstshash=")?;
    let end = name.windows(2).position(|pair| pair == b"\r\n")?;
    login::name(name.get(..end)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn message(kind: u8, variable: &[u8]) -> Vec<u8> {
        let length = HEADS + variable.len();
        [&[3, 0, 0, length as u8, length as u8 - 5, kind, 0, 0, 0, 0, 0], variable].concat()
    }

    fn offer(cookie: &[u8]) -> Vec<u8> {
        message(CONNECT, &[cookie, &[1, 0, 8, 0, 3, 0, 0, 0]].concat())
    }

    #[test]
    fn a_log_in_has_the_name_and_what_was_agreed() {
        for (variable, method, encrypted) in [
            (&[2, 0, 8, 0, 2, 0, 0, 0][..], "hybrid", true),
            (&[2, 0, 8, 0, 1, 0, 0, 0], "tls", true),
            (&[2, 0, 8, 0, 0, 0, 0, 0], "standard", false),
            (&[], "standard", false),
        ] {
            let asked = offer(b"Cookie: mstshash=LAB\\ann\r\n");
            let found = Found::of::<Rdp>(&[(C, &asked), (S, &message(CONFIRM, variable))]);
            let [login] = &found.logins[..] else { panic!("{found:?}") };
            assert_eq!(
                (login.user.as_deref(), login.method.as_deref(), login.encrypted),
                (Some("LAB\\ann"), Some(method), encrypted)
            );
        }
    }

    #[test]
    fn a_token_is_no_name_and_a_failure_no_log_in() {
        let agreed = message(CONFIRM, &[2, 0, 8, 0, 1, 0, 0, 0]);
        let failed = message(CONFIRM, &[3, 0, 8, 0, 5, 0, 0, 0]);
        let asked = offer(b"Cookie: msts=3640205228.15629.0000\r\n");
        let found = Found::of::<Rdp>(&[(C, &asked), (S, &agreed)]);
        assert_eq!(found.logins.iter().map(|login| &login.user).collect::<Vec<_>>(), [&None]);
        assert_eq!(Found::of::<Rdp>(&[(C, &asked), (S, &failed)]), Found::default());
    }

    #[test]
    fn tls_follows_what_was_agreed() {
        let (mut reader, mut found) = (Rdp::default(), Found::default());
        reader.data(C, &offer(b""), &mut found);
        reader.data(S, &message(CONFIRM, &[2, 0, 8, 0, 1, 0, 0, 0]), &mut found);
        assert_eq!(reader.data(C, b"\x16\x03\x01", &mut found), Step::Again(0));
    }
}
