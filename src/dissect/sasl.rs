//! SASL (RFC 4422): who wants to be somebody. Mail carries it in lines of base64,
//! which [`Sasl`] follows; databases and directories as bytes, for [`user`].
//!
//! A response has a name and a secret in it. Only the name is taken out; what
//! was decoded for that is dropped in the function that decoded it.

use super::encoding::{base64, listed};
use super::login::{self, Login, Outcome};
use super::ntlm;

/// Mechanisms in use (IANA's registry, and what Microsoft and Google added). A
/// word that is none of them may be anything, so none is kept.
#[rustfmt::skip]
const MECHANISMS: &[&str] = &[
    "plain", "login", "cram-md5", "digest-md5", "xoauth2", "oauthbearer", "scram-sha-1", "scram-sha-1-plus",
    "scram-sha-224", "scram-sha-256", "scram-sha-256-plus", "scram-sha-512", "scram-sha-512-plus", "external",
    "anonymous", "ntlm", "gssapi", "gs2-krb5", "kerberos_v4", "otp", "skey", "apop", "msn", "x-plain-submit",
];

/// A mechanism at work.
#[derive(Debug, Default)]
pub struct Sasl {
    method: Option<&'static str>,
    user: Option<String>,
    /// The client sent something that is no refusal to go on.
    has_spoken: bool,
    /// The server has asked for the secret, or it was sent.
    is_past_name: bool,
}

impl Sasl {
    /// The client chose `mechanism`, and sent its first response with it or not.
    pub fn begin(mechanism: &[u8], initial: &[u8]) -> Sasl {
        let known = |method: &&&str| mechanism.eq_ignore_ascii_case(method.as_bytes());
        let mut sasl =
            Sasl { method: MECHANISMS.iter().find(known).map(|method| &**method), ..Sasl::default() };
        if !initial.is_empty() {
            sasl.response(initial);
        }
        sasl
    }

    /// What the server asks, in base64. Only LOGIN says whether it is the name
    /// that it wants.
    pub fn challenge(&mut self, text: &[u8]) {
        if self.method == Some("login")
            && let Some(prompt) = base64(text)
        {
            self.is_past_name |= prompt.to_ascii_lowercase().windows(4).any(|word| word == b"pass");
        }
    }

    /// What the client answers, in base64; a lone `*` gives up (RFC 4954, 4).
    pub fn response(&mut self, text: &[u8]) {
        if text.trim_ascii() == b"*" {
            self.has_spoken = false;
            return;
        }
        self.has_spoken = true;
        let is_past_name = std::mem::replace(&mut self.is_past_name, true);
        if let Some(method) = self.method
            && self.user.is_none()
        {
            // NTLM's name comes last, and DIGEST-MD5's behind a challenge.
            let is_late = matches!(method, "ntlm" | "digest-md5");
            if !is_past_name || is_late {
                self.user = base64(text).and_then(|message| name_in(method, &message));
            }
            // `=` is a first response without anything in it.
            if text.trim_ascii() == b"=" {
                self.is_past_name = is_past_name;
            }
        }
    }

    /// The log-in that came of it; none if the client did not try.
    pub fn login(self, service: &'static str, outcome: Outcome) -> Option<Login> {
        let Sasl { method, user, .. } = self;
        let login = Login { service, user, method: method.map(str::to_owned), outcome, ..Login::default() };
        self.has_spoken.then_some(login)
    }
}

/// Whom a client's first message of PLAIN or SCRAM names. Nothing behind the name is
/// looked at, and who only acts for somebody has none.
pub fn user(mechanism: &[u8], message: &[u8]) -> Option<String> {
    if mechanism.eq_ignore_ascii_case(b"PLAIN") {
        let (_, who) = plain(message)?;
        return login::name(who);
    }
    let is_scram = mechanism.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"SCRAM-"));
    is_scram.then(|| scram_name(message))?
}

/// Who a first response is from.
fn name_in(method: &str, message: &[u8]) -> Option<String> {
    let name = match method {
        "plain" | "x-plain-submit" => match plain(message)? {
            (act_for, b"") => act_for,
            (_, who) => who,
        },
        "login" => message,
        // RFC 2195: a name, a blank, 32 digits.
        "cram-md5" => {
            let at = message.iter().rposition(|&byte| byte == b' ')?;
            let (name, digest) = (message.get(..at)?, message.get(at + 1..)?);
            let is_digest = digest.len() == 32 && digest.iter().all(u8::is_ascii_hexdigit);
            is_digest.then_some(name)?
        }
        "digest-md5" => return login::name(&listed(message, b"username")?),
        // Google's: user=…, auth=Bearer …, each with a control A behind it.
        "xoauth2" => until(message.strip_prefix(b"user=")?, 1)?,
        "oauthbearer" => return gs2_name(message),
        "ntlm" => return ntlm::name_in(message),
        "external" => message,
        method if method.starts_with("scram-") => {
            return scram_name(message).or_else(|| gs2_name(message));
        }
        _ => return None,
    };
    login::name(name)
}

/// Whom to act for and who it is (RFC 4616, 2): zeros stand between them and the
/// password. Without a part behind it the second may be that.
fn plain(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = message.split(|&byte| byte == 0);
    let names = (parts.next()?, parts.next()?);
    parts.next().map(|_| names)
}

/// The `n=` of a client's first message (RFC 5802, 7): a binding, whom to act
/// for, then the name.
fn scram_name(message: &[u8]) -> Option<String> {
    let name = message.splitn(4, |&byte| byte == b',').nth(2)?.strip_prefix(b"n=")?;
    login::name(&unescaped(name))
}

/// The `a=` that such messages may have (RFC 5801, 4; RFC 7628, 3.1).
fn gs2_name(message: &[u8]) -> Option<String> {
    let name = message.splitn(3, |&byte| byte == b',').nth(1)?.strip_prefix(b"a=")?;
    login::name(&unescaped(name))
}

/// Commas and equals signs of names are written as `=2C` and `=3D`.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = name;
    while let Some((&byte, behind)) = rest.split_first() {
        let (byte, behind) = match (rest.get(..3), rest.get(3..)) {
            (Some(b"=2C"), Some(behind)) => (b',', behind),
            (Some(b"=3D"), Some(behind)) => (b'=', behind),
            _ => (byte, behind),
        };
        out.push(byte);
        rest = behind;
    }
    out
}

/// What comes before the first `end`.
fn until(bytes: &[u8], end: u8) -> Option<&[u8]> {
    bytes.get(..bytes.iter().position(|&byte| byte == end)?)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn in_base64(text: &[u8]) -> Vec<u8> {
        STANDARD.encode(text).into_bytes()
    }

    /// Who logs in when these are sent one after the other.
    fn user(mechanism: &str, responses: &[&[u8]]) -> Option<String> {
        let mut sasl = Sasl::begin(mechanism.as_bytes(), b"");
        for response in responses {
            sasl.response(&in_base64(response));
        }
        let login = sasl.login("smtp", Outcome::Accepted).unwrap();
        assert!(!format!("{login:?}").contains("hunter2"));
        assert_eq!(login.method, Some(mechanism.to_ascii_lowercase()));
        login.user
    }

    #[test]
    fn every_mechanism_tells_its_name_and_not_its_secret() {
        let digest = b"ann b 0123456789abcdef0123456789abcdef";
        let oauth = b"n,a=ann@example.org,\x01host=a\x01auth=Bearer hunter2\x01\x01";
        let says: [(&str, &[&[u8]], &str); 10] = [
            ("PLAIN", &[b"\0ann\0hunter2"], "ann"),
            ("plain", &[b"bob\0ann\0hunter2"], "ann"),
            ("PLAIN", &[b"ann\0\0hunter2"], "ann"),
            ("LOGIN", &[b"ann", b"hunter2"], "ann"),
            ("CRAM-MD5", &[digest], "ann b"),
            ("XOAUTH2", &[b"user=ann@example.org\x01auth=Bearer hunter2\x01\x01"], "ann@example.org"),
            ("OAUTHBEARER", &[oauth], "ann@example.org"),
            ("SCRAM-SHA-1", &[b"n,,n=a=2Cn=3Dn,r=hunter2", b"c=biws,r=x,p=hunter2"], "a,n=n"),
            ("SCRAM-SHA-256-PLUS", &[b"p=tls-unique,a=bob,n=ann,r=hunter2"], "ann"),
            ("DIGEST-MD5", &[b"charset=utf-8,username=\"an\\\"n\",response=hunter2"], "an\"n"),
        ];
        for (mechanism, responses, expected) in says {
            assert_eq!(user(mechanism, responses).as_deref(), Some(expected), "{mechanism}");
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_has_no_name() {
        let says: [(&str, &[&[u8]]); 7] = [
            ("PLAIN", &[b"hunter2"]),
            ("PLAIN", &[b"ann\0hunter2"]),
            ("CRAM-MD5", &[b"ann hunter2"]),
            ("XOAUTH2", &[b"user=hunter2"]),
            ("SCRAM-SHA-1", &[b"hunter2"]),
            ("DIGEST-MD5", &[b"username=\"hunter2"]),
            ("GSSAPI", &[b"hunter2"]),
        ];
        for (mechanism, responses) in says {
            assert_eq!(user(mechanism, responses), None, "{mechanism}");
        }
    }

    #[test]
    fn names_stand_where_the_mechanism_puts_them() {
        let ann = Some("ann".into());
        assert_eq!(super::user(b"PLAIN", b"\0ann\0hunter2"), ann);
        assert_eq!(super::user(b"plain", b"root\0ann\0hunter2"), ann);
        assert_eq!(super::user(b"SCRAM-SHA-256", b"n,,n=ann,r=abc"), ann);
        assert_eq!(super::user(b"SCRAM-SHA-1-PLUS", b"p=tls-unique,a=root,n=ann,r=abc"), ann);
        assert_eq!(super::user(b"SCRAM-SHA-256", b"n,,n=a=2Cb=3Dc,r=abc"), Some("a,b=c".into()));
    }

    #[test]
    fn what_may_be_a_secret_is_no_name() {
        for (mechanism, message) in [
            (&b"PLAIN"[..], &b"hunter2"[..]),
            (b"PLAIN", b"\0hunter2"),
            (b"PLAIN", b"ann\0\0hunter2"),
            (b"EXTERNAL", b"hunter2"),
            (b"CRAM-MD5", b"ann hunter2"),
            (b"SCRAM-SHA-256", b"c=biws,r=abc,p=hunter2"),
            (b"SCRAM-SHA-256", b"n=hunter2"),
        ] {
            assert_eq!(super::user(mechanism, message), None, "{mechanism:?}");
        }
    }

    #[test]
    fn an_unknown_mechanism_has_no_method() {
        let mut sasl = Sasl::begin(b"hunter2", b"");
        sasl.response(&in_base64(b"hunter2"));
        let login = sasl.login("imap", Outcome::Refused).unwrap();
        assert_eq!((login.method, login.user), (None, None));
    }

    #[test]
    fn what_the_server_asks_for_as_a_password_is_no_name() {
        let mut sasl = Sasl::begin(b"LOGIN", b"");
        sasl.challenge(&in_base64(b"Password:"));
        sasl.response(&in_base64(b"hunter2"));
        assert_eq!(sasl.login("smtp", Outcome::Accepted).unwrap().user, None);
        let mut sasl = Sasl::begin(b"LOGIN", &in_base64(b"ann"));
        sasl.response(&in_base64(b"hunter2"));
        assert_eq!(sasl.login("smtp", Outcome::Accepted).unwrap().user.as_deref(), Some("ann"));
    }

    #[test]
    fn who_gives_up_did_not_try() {
        let mut sasl = Sasl::begin(b"LOGIN", b"");
        sasl.response(b"*");
        assert_eq!(sasl.login("smtp", Outcome::Refused), None);
        assert_eq!(Sasl::begin(b"PLAIN", b"").login("smtp", Outcome::Refused), None);
        let mut empty = Sasl::begin(b"LOGIN", b"=");
        empty.response(&in_base64(b"ann"));
        assert_eq!(empty.login("smtp", Outcome::Accepted).unwrap().user.as_deref(), Some("ann"));
    }
}
