//! Who sends a request, by its Authorization (RFC 9110, 11.6.2) or the one for a
//! proxy (11.7.1). Only the user's name and the scheme are taken from it.

use super::Exchange;
use crate::dissect::encoding::{base64, listed};
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::ntlm;

/// Schemes in use (IANA's registry, and what is common beside it). Some send a
/// bare key without a scheme, so no other word is kept.
#[rustfmt::skip]
const SCHEMES: &[&str] = &[
    "basic", "digest", "bearer", "negotiate", "ntlm", "dpop", "gnap", "hoba", "mutual", "oauth", "scram-sha-1",
    "scram-sha-256", "vapid", "token", "apikey", "hawk", "aws", "aws4-hmac-sha256", "sharedkey", "googlelogin",
];

/// Log-ins of one connection that are remembered, so that each is told once.
const MAX_TOLD: usize = 8;

/// What a request proves itself with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    scheme: &'static str,
    user: Option<String>,
    /// An answer that refuses may be the next step of a handshake.
    may_go_on: bool,
}

impl Credentials {
    /// Reads a field's value. Nothing where it has no proof in it: the first of
    /// NTLM's messages asks for a challenge only.
    pub fn of(value: &[u8]) -> Option<Credentials> {
        let blank = value.iter().position(|&byte| byte == b' ' || byte == b'\t')?;
        let (word, rest) = (value.get(..blank)?, value.get(blank..)?.trim_ascii());
        let scheme = *SCHEMES.iter().find(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))?;
        let mut credentials = Credentials { scheme, user: None, may_go_on: false };
        match scheme {
            "basic" => credentials.user = basic(rest),
            "digest" => credentials.user = digest(rest),
            "negotiate" | "ntlm" => match base64(rest).as_deref().and_then(ntlm::read) {
                Some(ntlm::Message::Authenticate(identity)) => credentials.user = identity.name(),
                Some(_) => return None,
                // Kerberos in a ticket, or the beginning of SPNEGO.
                None => credentials.may_go_on = true,
            },
            _ => {}
        }
        Some(credentials)
    }

    /// Memory that it takes, in bytes.
    pub fn held(&self) -> usize {
        size_of::<Credentials>() + self.user.as_ref().map_or(0, String::capacity)
    }

    /// The log-in, by the answer in `exchange`; none where that is no outcome.
    fn login(self, exchange: &Exchange) -> Option<Login> {
        let outcome = match exchange.status {
            Some(401) if self.may_go_on => return None,
            Some(..=399) => Outcome::Accepted,
            Some(401 | 403 | 407) => Outcome::Refused,
            // Whatever is wrong, it may be something else.
            _ => Outcome::Unknown,
        };
        Some(Login {
            service: "http",
            user: self.user,
            method: Some(self.scheme.into()),
            outcome,
            encrypted: false,
            client_version: short(exchange.user_agent.as_deref()),
            server_version: short(exchange.server.as_deref()),
        })
    }
}

/// Log-ins on a connection, each of which is repeated by each request.
#[derive(Default)]
pub struct Told(Vec<Login>);

impl Told {
    /// The log-in that an exchange shows, if it is another than those before. One
    /// that was not answered says nothing new of a user who was told.
    pub fn login(&mut self, credentials: Credentials, exchange: &Exchange) -> Option<Login> {
        let login = credentials.login(exchange)?;
        let same = |told: &Login| {
            (&told.user, &told.method) == (&login.user, &login.method)
                && (told.outcome == login.outcome || exchange.status.is_none())
        };
        if self.0.iter().any(same) {
            return None;
        }
        if self.0.len() >= MAX_TOLD {
            self.0.remove(0);
        }
        self.0.push(login.clone());
        Some(login)
    }

    pub fn held(&self) -> usize {
        let texts = |login: &Login| {
            let texts = [&login.user, &login.method, &login.client_version, &login.server_version];
            texts.into_iter().flatten().map(String::capacity).sum::<usize>()
        };
        self.0.capacity() * size_of::<Login>() + self.0.iter().map(texts).sum::<usize>()
    }
}

fn short(text: Option<&str>) -> Option<String> {
    text.and_then(|text| login::name(text.as_bytes()))
}

/// A name, a colon, a password (RFC 7617, 2). Without the colon it may be either.
fn basic(text: &[u8]) -> Option<String> {
    let decoded = base64(text)?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    login::name(decoded.get(..colon)?)
}

/// The `username` (RFC 7616, 3.4), unless it is a hash (3.4.4).
fn digest(text: &[u8]) -> Option<String> {
    let is_hash = listed(text, b"userhash").is_some_and(|value| value.eq_ignore_ascii_case(b"true"));
    login::name(&listed(text, b"username").filter(|_| !is_hash)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::ntlm::tests::authenticate;
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    /// Scheme and user.
    fn who(value: &str) -> Option<(&'static str, Option<String>)> {
        let found = Credentials::of(value.as_bytes());
        assert!(!format!("{found:?}").contains("hunter2"), "{value}");
        found.map(|it| (it.scheme, it.user))
    }

    fn is(scheme: &'static str, user: &str) -> Option<(&'static str, Option<String>)> {
        Some((scheme, (!user.is_empty()).then(|| user.into())))
    }

    #[test]
    fn a_scheme_tells_its_user_and_not_its_secret() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(who(&basic("ann:hunter2:hunter2")), is("basic", "ann"));
        assert_eq!(who(&basic("hunter2")), is("basic", ""));
        assert_eq!(who("basic  no base64!"), is("basic", ""));
        assert_eq!(
            who("Digest realm=\"a, b\", username=\"an\\\"n\", response=hunter2"),
            is("digest", "an\"n")
        );
        assert_eq!(who("Digest username=hunter2, userhash=true"), is("digest", ""));
        assert_eq!(who("Digest realm=\"username=\\\"hunter2\\\"\""), is("digest", ""));
        assert_eq!(who("Digest username=\"hunter2"), is("digest", ""));
        assert_eq!(who("Bearer hunter2"), is("bearer", ""));
        assert_eq!(who("Negotiate YIIabc"), is("negotiate", ""));
    }

    #[test]
    fn what_is_no_proof_or_no_known_scheme_is_nothing() {
        for value in
            ["hunter2", "hunter2 hunter2", "Basic", "", "NTLM TlRMTVNTUAABAAAA", "Negotiate TlRMTVNTUAACAAAA"]
        {
            assert_eq!(who(value), None, "{value}");
        }
    }

    #[test]
    fn ntlm_tells_who_in_its_last_message() {
        let message = STANDARD.encode(authenticate("HOME", "ann"));
        assert_eq!(who(&format!("NTLM {message}")), is("ntlm", "HOME\\ann"));
        assert_eq!(who(&format!("Negotiate {message}")), is("negotiate", "HOME\\ann"));
    }

    #[test]
    fn a_connection_tells_each_log_in_once() {
        let mut told = Told::default();
        let mut outcome = |user: &str, status| {
            let credentials = Credentials { scheme: "basic", user: Some(user.into()), may_go_on: false };
            let exchange = Exchange { status, ..Exchange::default() };
            told.login(credentials, &exchange).map(|login| login.outcome)
        };
        assert_eq!(outcome("ann", Some(401)), Some(Outcome::Refused));
        assert_eq!(outcome("ann", Some(403)), None);
        assert_eq!(outcome("ann", Some(200)), Some(Outcome::Accepted));
        assert_eq!(outcome("ann", Some(304)), None);
        assert_eq!(outcome("ann", Some(500)), Some(Outcome::Unknown));
        assert_eq!(outcome("bob", Some(407)), Some(Outcome::Refused));
        assert_eq!(outcome("bob", None), None);
        assert_eq!(outcome("eve", None), Some(Outcome::Unknown));
        for number in 0..100 {
            assert!(outcome(&number.to_string(), Some(200)).is_some());
        }
        assert!(told.0.len() <= MAX_TOLD && told.held() > 0);
    }
}
