//! LDAP (RFC 4511): who binds, and how it ends.

use super::messages::{self, Length, Messages, Next, Talk, Unreadable};
use crate::dissect::lines::is_tls;
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::{Dissector, Side, Sink, Step, sasl};
use crate::wire::bytes::{u8_at, u32_at};

/// Tags of messages and of ways to prove who one is (RFC 4511, 4.2; what
/// Microsoft added is in MS-ADTS, 5.1.1.1.3).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BIND: u8 = 0x60;
const BOUND: u8 = 0x61;
const SIMPLE: u8 = 0x80;
const SASL: u8 = 0xa3;
const SICILY: std::ops::RangeInclusive<u8> = 0x89..=0x8b;

/// Codes of results (RFC 4511, A.1).
const SUCCESS: u32 = 0;
const SASL_GOES_ON: u32 = 14;

/// Reads one connection.
#[derive(Default)]
pub struct Ldap {
    talk: Talk,
    /// The bind that waits for its answer, and its message's number. While one
    /// does, a client sends nothing else (RFC 4511, 4.2.1).
    bind: Option<(u32, Login)>,
}

impl Dissector for Ldap {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((_, login)) = self.bind.take() {
            sink.login(login);
        }
    }

    fn held(&self) -> usize {
        self.bind.as_ref().map_or(0, |(_, login)| login.held())
    }
}

impl Messages for Ldap {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, side: Side, bytes: &[u8]) -> Length {
        match bytes.first() {
            Some(&SEQUENCE) => match head(bytes) {
                Ok(Some((head, content))) => Length::of(head.checked_add(content), 2),
                Ok(None) => Length::More,
                Err(Unreadable) => Length::Broken,
            },
            _ if side == Side::Client && is_tls(bytes) => Length::Other,
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        let read = || {
            let mut fields = Ber(Ber(message).any()?.1);
            let id = number(fields.value(INTEGER)?)?;
            let (operation, content) = fields.any()?;
            Some((id, operation, content))
        };
        match (side, read()) {
            (Side::Client, Some((id, BIND, content))) => self.ask(id, content, sink),
            (Side::Server, Some((id, BOUND, content))) => self.answer(id, content, sink),
            _ => {}
        }
        Next::Message
    }
}

impl Ldap {
    fn ask(&mut self, id: u32, content: &[u8], sink: &mut dyn Sink) {
        let earlier = self.bind.take();
        let Some((user, method)) = bind(content) else { return };
        // A mechanism takes several; the first one may have the name.
        let goes_on = earlier.as_ref().is_some_and(|(_, login)| login.method.as_deref() == Some(&method));
        let mut login = match earlier {
            Some((_, login)) if goes_on && login.outcome == Outcome::Unknown => login,
            Some((_, login)) => {
                sink.login(login);
                Login::default()
            }
            None => Login::default(),
        };
        login.service = "ldap";
        login.user = login.user.or(user);
        login.method = Some(method);
        self.bind = Some((id, login));
    }

    fn answer(&mut self, id: u32, content: &[u8], sink: &mut dyn Sink) {
        let Some((asked, mut login)) = self.bind.take() else { return };
        let code = Ber(content).value(ENUMERATED).and_then(number);
        login.outcome = match code {
            Some(SUCCESS) if asked == id => Outcome::Accepted,
            Some(code) if asked == id && code != SASL_GOES_ON => Outcome::Refused,
            _ => {
                self.bind = Some((asked, login));
                return;
            }
        };
        sink.login(login);
    }
}

/// The name and the way to prove it that a bind has. The proof stays where it is.
fn bind(content: &[u8]) -> Option<(Option<String>, String)> {
    let mut fields = Ber(content);
    fields.value(INTEGER)?;
    let name = fields.value(OCTETS)?;
    // A long proof may be cut.
    let (user, method) = match *fields.0.first()? {
        SIMPLE if name.is_empty() => (None, "anonymous".into()),
        SIMPLE => (login::name(name), "simple".into()),
        SASL => {
            let mut sasl = Ber(fields.start(SASL)?);
            let mechanism = sasl.value(OCTETS)?;
            let message = sasl.value(OCTETS).unwrap_or_default();
            let user = login::name(name).or_else(|| sasl::user(mechanism, message));
            (user, login::name(mechanism)?.to_lowercase())
        }
        tag if SICILY.contains(&tag) => (None, "ntlm".into()),
        _ => return None,
    };
    Some((user, method))
}

/// How long the head of the value is that `bytes` begin with, and its content
/// (X.690, 8.1.3). None where it can't be told yet.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, Unreadable> {
    let Some(first) = u8_at(bytes, 1) else { return Ok(None) };
    let digits = match first {
        0..=0x7f => return Ok(Some((2, first.into()))),
        0x81..=0x84 => usize::from(first & 0x7f),
        // To be found by its end, or beyond 4 GiB.
        _ => return Err(Unreadable),
    };
    let Some(digits) = bytes.get(2..2 + digits) else { return Ok(None) };
    let length = digits.iter().fold(0_u32, |length, &digit| length << 8 | u32::from(digit));
    let length = usize::try_from(length).map_err(|_| Unreadable)?;
    Ok(Some((2 + digits.len(), length)))
}

/// Values of BER one behind the other (X.690, 8.1).
struct Ber<'a>(&'a [u8]);

impl<'a> Ber<'a> {
    /// The next one with its tag. What is cut ends where the bytes do.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let tag = u8_at(self.0, 0)?;
        let (head, length) = head(self.0).ok().flatten()?;
        let content = self.0.get(head..)?;
        let (content, rest) = content.split_at(length.min(content.len()));
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next one, if it has this tag; none of one that is cut.
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (head, length) = head(self.0).ok().flatten()?;
        let is_whole = self.0.len().checked_sub(head)? >= length;
        if u8_at(self.0, 0) != Some(tag) || !is_whole {
            return None;
        }
        self.any().map(|(_, content)| content)
    }

    /// The same, as far as it goes.
    fn start(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|value| value.0 == tag).map(|value| value.1)
    }
}

/// A number that is not negative.
fn number(content: &[u8]) -> Option<u32> {
    match content {
        digits if (1..=4).contains(&digits.len()) => {
            let mut bytes = [0; 4];
            bytes.get_mut(4 - digits.len()..)?.copy_from_slice(digits);
            u32_at(&bytes, 0)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x82, (content.len() >> 8) as u8, content.len() as u8], content].concat()
    }

    fn message(id: u8, operation: &[u8]) -> Vec<u8> {
        value(SEQUENCE, &[&[INTEGER, 1, id], operation].concat())
    }

    fn asked(id: u8, name: &[u8], proof: &[u8]) -> Vec<u8> {
        message(id, &value(BIND, &[&[INTEGER, 1, 3], &value(OCTETS, name)[..], proof].concat()))
    }

    fn answered(id: u8, code: u8) -> Vec<u8> {
        message(id, &value(BOUND, &[ENUMERATED, 1, code, OCTETS, 0, OCTETS, 0]))
    }

    fn told(found: &Found) -> Vec<(Option<&str>, &str, Outcome)> {
        found
            .logins
            .iter()
            .map(|it| (it.user.as_deref(), it.method.as_deref().unwrap(), it.outcome))
            .collect()
    }

    #[test]
    fn each_bind_has_its_outcome_and_no_password() {
        let found = Found::of::<Ldap>(&[
            (C, &asked(1, b"cn=ann", &value(SIMPLE, b"hunter2"))),
            (S, &answered(1, 49)),
            (C, &asked(2, b"cn=ann", &value(SIMPLE, b"hunter3"))),
            (S, &answered(2, 0)),
            (C, &asked(3, b"", &value(SIMPLE, b""))),
            (S, &answered(3, 0)),
            (C, &asked(4, b"cn=bob", &value(SIMPLE, &[b'x'; 2 * messages::MAX_MESSAGE]))),
        ]);
        assert_eq!(
            told(&found),
            [
                (Some("cn=ann"), "simple", Outcome::Refused),
                (Some("cn=ann"), "simple", Outcome::Accepted),
                (None, "anonymous", Outcome::Accepted),
                (Some("cn=bob"), "simple", Outcome::Unknown),
            ]
        );
        assert!(!format!("{found:?}").contains("hunter"));
    }

    #[test]
    fn a_mechanism_takes_several_messages() {
        let proof = |text: &[u8]| value(SASL, &[value(OCTETS, b"SCRAM-SHA-1"), value(OCTETS, text)].concat());
        let found = Found::of::<Ldap>(&[
            (C, &asked(1, b"", &proof(b"n,,n=ann,r=abc"))),
            (S, &answered(1, 14)),
            (C, &asked(2, b"", &proof(b"c=biws,r=abc,p=hunter2"))),
            (S, &answered(2, 0)),
            (
                C,
                &asked(
                    3,
                    b"",
                    &value(SASL, &[value(OCTETS, b"PLAIN"), value(OCTETS, b"\0bob\0hunter2")].concat()),
                ),
            ),
            (S, &answered(3, 49)),
        ]);
        assert_eq!(
            told(&found),
            [(Some("ann"), "scram-sha-1", Outcome::Accepted), (Some("bob"), "plain", Outcome::Refused)]
        );
        assert!(!format!("{found:?}").contains("hunter"));
    }

    #[test]
    fn tls_follows_and_lengths_without_end_do_not() {
        let mut found = Found::default();
        assert_eq!(Ldap::default().data(C, b"\x16\x03\x01", &mut found), Step::Again(0));
        assert_eq!(Ldap::default().data(C, b"\x30\x80\x02\x01\x01", &mut found), Step::Reject);
        assert_eq!(Ldap::default().data(C, b"\x30\x85\x01\x01\x01", &mut found), Step::Reject);
        assert_eq!(Ldap::default().data(C, b"\x30\x84\xff\xff\xff", &mut found), Step::Take(0));
    }
}
