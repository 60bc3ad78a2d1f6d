//! The names in SASL's mechanisms.

use crate::dissect::login::{self, MAX_NAME};

/// Whom a client's first message of `mechanism` names. Nothing behind the name is
/// looked at.
pub fn user(mechanism: &[u8], message: &[u8]) -> Option<String> {
    let is_plain = mechanism.eq_ignore_ascii_case(b"PLAIN");
    let is_scram = mechanism.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"SCRAM-"));
    match (is_plain, is_scram) {
        (true, _) => plain(message),
        (_, true) => scram(message),
        _ => None,
    }
}

/// RFC 4616, 2: whom to act as, who it is and the password, with zeros between.
fn plain(message: &[u8]) -> Option<String> {
    let mut parts = message.split(|&byte| byte == 0);
    let user = parts.nth(1)?;
    // Without a part behind it this may be the password.
    parts.next()?;
    login::name(user)
}

/// RFC 5802, 7: `n,,n=user,r=…`; in names a comma is `=2C`, `=` is `=3D`.
fn scram(message: &[u8]) -> Option<String> {
    let user = message.split(|&byte| byte == b',').nth(2)?.strip_prefix(b"n=")?;
    let user = String::from_utf8_lossy(user.get(..3 * MAX_NAME).unwrap_or(user));
    login::name(user.replace("=2C", ",").replace("=3D", "=").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_where_the_mechanism_puts_them() {
        let ann = Some("ann".into());
        assert_eq!(user(b"PLAIN", b"\0ann\0hunter2"), ann);
        assert_eq!(user(b"plain", b"root\0ann\0hunter2"), ann);
        assert_eq!(user(b"SCRAM-SHA-256", b"n,,n=ann,r=abc"), ann);
        assert_eq!(user(b"SCRAM-SHA-1-PLUS", b"p=tls-unique,a=root,n=ann,r=abc"), ann);
        assert_eq!(user(b"SCRAM-SHA-256", b"n,,n=a=2Cb=3Dc,r=abc"), Some("a,b=c".into()));
    }

    #[test]
    fn what_may_be_a_secret_is_no_name() {
        for (mechanism, message) in [
            (&b"PLAIN"[..], &b"hunter2"[..]),
            (b"PLAIN", b"\0hunter2"),
            (b"CRAM-MD5", b"ann hunter2"),
            (b"SCRAM-SHA-256", b"c=biws,r=abc,p=hunter2"),
            (b"SCRAM-SHA-256", b"n=hunter2"),
        ] {
            assert_eq!(user(mechanism, message), None, "{mechanism:?}");
        }
    }
}
