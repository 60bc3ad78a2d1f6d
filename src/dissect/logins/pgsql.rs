//! PostgreSQL (its documentation, "Frontend/Backend Protocol"): the beginning of a
//! session, up to the first query.

use super::messages::{self, Length, Messages, Next, Talk};
use crate::dissect::lines::is_tls;
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::tls::Fields;
use crate::dissect::{Dissector, Product, Side, Sink, Step};
use crate::wire::bytes::{u8_at, u32_at};

/// What stands where a version would: requests before the first message.
const TLS_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// The mechanisms of SASL that there are. Of a client's message nothing else is
/// taken for one: it may have a password in it.
const MECHANISMS: [(&[u8], &str); 3] = [
    (b"SCRAM-SHA-256", "scram-sha-256"),
    (b"SCRAM-SHA-256-PLUS", "scram-sha-256-plus"),
    (b"OAUTHBEARER", "oauthbearer"),
];

/// Reads one session.
#[derive(Default)]
pub struct Pgsql {
    talk: Talk,
    /// Whether the server's next byte answers a request for encryption.
    negotiates: bool,
    /// Whether the client's first message was seen; messages have a type then.
    began: bool,
    /// Whether a client's next message names a mechanism of SASL.
    chooses: bool,
    /// What waits for its outcome, or for the server's version.
    login: Option<Login>,
}

impl Dissector for Pgsql {
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

impl Messages for Pgsql {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, side: Side, bytes: &[u8]) -> Length {
        // No message begins with that byte.
        if side == Side::Client && is_tls(bytes) {
            return Length::Other;
        }
        if side == Side::Server && self.negotiates {
            return Length::Is(1);
        }
        let typed = usize::from(self.began || side == Side::Server);
        let length = u32_at(bytes, typed).and_then(|length| usize::try_from(length).ok());
        Length::of(length.and_then(|length| length.checked_add(typed)), 4 + typed)
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        match side {
            Side::Client if self.began => {
                self.prove(message);
                Next::Message
            }
            Side::Client => self.begin(message).unwrap_or(Next::Nothing),
            Side::Server if self.negotiates => {
                self.negotiates = false;
                // `S` and `N`: TLS or the first message follow. `G`: what no one can read.
                if matches!(message, b"S" | b"N") { Next::Message } else { Next::Nothing }
            }
            Side::Server => self.tell(message, sink).unwrap_or(Next::Nothing),
        }
    }
}

impl Pgsql {
    /// Takes a client's first message, or a request before it.
    fn begin(&mut self, message: &[u8]) -> Option<Next> {
        match u32_at(message, 4)? {
            TLS_REQUEST | GSS_REQUEST => self.negotiates = true,
            0x0003_0000..=0x0003_ffff => {
                let mut login = Login { service: "pgsql", method: Some("none".into()), ..Login::default() };
                let mut fields = Fields(message.get(8..)?);
                while let Some(key) = fields.text().filter(|key| !key.is_empty()) {
                    let value = fields.text()?;
                    match key {
                        b"user" => login.user = login::name(value),
                        b"application_name" => login.client_version = login::name(value),
                        _ => {}
                    }
                }
                self.login = Some(login);
                self.began = true;
            }
            // To cancel what another session does, and what is too old.
            _ => return None,
        }
        Some(Next::Message)
    }

    /// Takes the mechanism from a client's first message of SASL.
    fn prove(&mut self, message: &[u8]) {
        if !std::mem::take(&mut self.chooses) {
            return;
        }
        let chosen = message.strip_prefix(b"p").and_then(|rest| Fields(rest.get(4..)?).text());
        let known = MECHANISMS.iter().find(|(name, _)| chosen == Some(*name));
        if let (Some(login), Some((_, name))) = (&mut self.login, known) {
            login.method = Some((*name).into());
        }
    }

    /// Takes a message of the server's.
    fn tell(&mut self, message: &[u8], sink: &mut dyn Sink) -> Option<Next> {
        let login = self.login.as_mut()?;
        let content = message.get(5..)?;
        match u8_at(message, 0)? {
            b'R' => match u32_at(content, 0)? {
                0 => login.outcome = Outcome::Accepted,
                code => {
                    self.chooses = code == 10;
                    if let Some(method) = method(code) {
                        login.method = Some(method.into());
                    }
                }
            },
            b'S' => {
                let mut fields = Fields(content);
                if fields.text()? == b"server_version" {
                    login.server_version = fields.text().and_then(login::name);
                    sink.product(Product {
                        name: Some("PostgreSQL".into()),
                        version: login.server_version.clone(),
                        ..Product::default()
                    });
                    return None;
                }
            }
            b'E' => {
                if login.outcome == Outcome::Unknown && is_refusal(content) {
                    login.outcome = Outcome::Refused;
                }
                return None;
            }
            // Ready for a query.
            b'Z' => return None,
            _ => {}
        }
        Some(Next::Message)
    }
}

/// What a server wants a client to prove itself by.
fn method(code: u32) -> Option<&'static str> {
    Some(match code {
        2 => "kerberos",
        3 => "password",
        4 => "crypt",
        5 => "md5",
        6 => "scm",
        7 => "gss",
        9 => "sspi",
        10 => "sasl",
        _ => return None,
    })
}

/// Whether an error is about who asks: a SQLSTATE of class 28.
fn is_refusal(error: &[u8]) -> bool {
    error.split(|&byte| byte == 0).any(|field| field.starts_with(b"C28"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    const START: &[u8] = b"\0\0\0\x28\0\x03\0\0user\0ann\0application_name\0psql\0\0";
    const OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
    const VERSION: &[u8] = b"S\0\0\0\x18server_version\x0016.3\0";

    fn read(said: &[(Side, &[u8])]) -> Found {
        Found::of::<Pgsql>(said)
    }

    /// User, method and outcome of the only log-in.
    fn only(found: &Found) -> (Option<&str>, Option<&str>, Outcome) {
        let [login] = &found.logins[..] else { panic!("{found:?}") };
        (login.user.as_deref(), login.method.as_deref(), login.outcome)
    }

    #[test]
    fn a_log_in_has_its_method_and_what_both_sides_are() {
        let found = read(&[
            (C, b"\0\0\0\x08\x04\xd2\x16\x2f"),
            (S, b"N"),
            (C, START),
            (S, b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"),
            (C, b"p\0\0\0\x22SCRAM-SHA-256\0\0\0\0\x0cn,,n=,r=abcd"),
            (S, b"R\0\0\0\x0c\0\0\0\x0br=ab"),
            (C, b"p\0\0\0\x0dp=hunter2"),
            (S, OK),
            (S, VERSION),
            (C, b"Q\0\0\0\x0dhunter3;\0"),
        ]);
        assert_eq!(only(&found), (Some("ann"), Some("scram-sha-256"), Outcome::Accepted));
        let login = &found.logins[0];
        assert_eq!(
            (login.client_version.as_deref(), login.server_version.as_deref()),
            (Some("psql"), Some("16.3"))
        );
        assert_eq!(found.products[0].version.as_deref(), Some("16.3"));
        assert!(!format!("{found:?}").contains("hunter"));
    }

    #[test]
    fn only_an_error_about_the_user_is_a_refusal() {
        for (error, outcome) in [
            (&b"E\0\0\0\x13SFATAL\0C28P01\0\0"[..], Outcome::Refused),
            (b"E\0\0\0\x13SFATAL\0C53300\0\0", Outcome::Unknown),
        ] {
            let found = read(&[
                (C, START),
                (S, b"R\0\0\0\x0c\0\0\0\x05salt"),
                (C, b"p\0\0\0\x0fmd5hunter2\0"),
                (S, error),
            ]);
            assert_eq!(only(&found), (Some("ann"), Some("md5"), outcome));
            assert!(!format!("{found:?}").contains("hunter"));
        }
        let found = read(&[(C, START), (S, OK)]);
        assert_eq!(only(&found), (Some("ann"), Some("none"), Outcome::Accepted));
    }

    #[test]
    fn a_password_is_no_mechanism() {
        let found =
            read(&[(C, START), (S, b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"), (C, b"p\0\0\0\x0chunter2\0")]);
        assert_eq!(only(&found), (Some("ann"), Some("sasl"), Outcome::Unknown));
    }

    #[test]
    fn tls_follows_where_it_is_asked_for() {
        let mut reader = Pgsql::default();
        let mut found = Found::default();
        reader.data(C, b"\0\0\0\x08\x04\xd2\x16\x2f", &mut found);
        reader.data(S, b"S", &mut found);
        assert_eq!(reader.data(C, b"\x16\x03\x01", &mut found), Step::Again(0));
        assert_eq!(found, Found::default());
    }
}
