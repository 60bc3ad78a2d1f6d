//! Tries to log in, whatever the protocol.
//!
//! No type here has room for a password, a hash, a cookie or a token. Who reads a
//! message with one in it takes what stands before and behind it, and leaves it
//! where it is.

/// Bytes of a user's name, and of what a program says it is, that are kept.
pub const MAX_NAME: usize = 128;

/// One try to log in, as far as it was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Login {
    /// What was logged in to, as EVE names protocols.
    pub service: &'static str,
    /// The user's name as the client sent it.
    pub user: Option<String>,
    /// How the client proved to be that user: the protocol's own name for it, in
    /// small letters.
    pub method: Option<String>,
    pub outcome: Outcome,
    /// Whether the name and the secret went through encryption.
    pub encrypted: bool,
    /// What the client says it is.
    pub client_version: Option<String>,
    /// What the server says it is.
    pub server_version: Option<String>,
}

impl Login {
    /// Memory beside itself, in bytes.
    pub fn held(&self) -> usize {
        let texts = [&self.user, &self.method, &self.client_version, &self.server_version];
        texts.into_iter().flatten().map(String::len).sum()
    }
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    /// The answer was not seen.
    #[default]
    Unknown,
    Accepted,
    Refused,
    /// By the sizes of what is encrypted: an estimate.
    SeemsAccepted,
    SeemsRefused,
}

impl Outcome {
    /// As records have it.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Outcome::Unknown => None,
            Outcome::Accepted | Outcome::SeemsAccepted => Some("accepted"),
            Outcome::Refused | Outcome::SeemsRefused => Some("refused"),
        }
    }

    pub fn is_estimate(self) -> bool {
        matches!(self, Outcome::SeemsAccepted | Outcome::SeemsRefused)
    }
}

/// `bytes` as a name of at most [`MAX_NAME`] bytes; none where it is empty.
pub fn name(bytes: &[u8]) -> Option<String> {
    text(bytes, MAX_NAME)
}

/// `bytes` as text of at most `limit` bytes, without what is not printed; none
/// where nothing is left.
pub fn text(bytes: &[u8], limit: usize) -> Option<String> {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes.get(..limit).unwrap_or(bytes)).trim().chars() {
        let c = if c.is_control() { ' ' } else { c };
        // A byte that is no UTF-8 takes three.
        if text.len() + c.len_utf8() > limit {
            break;
        }
        text.push(c);
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printed() {
        assert_eq!(name(b" ann\t\x1b[2Jx "), Some("ann  [2Jx".into()));
        assert_eq!(name(b""), None);
        assert_eq!(name(b" \r\n"), None);
        assert!(name(&[0xff; 500]).unwrap().len() <= MAX_NAME);
    }
}
