//! What is told of a mail.

use crate::dissect::login;

/// Receivers of one mail that are kept.
const MAX_TO: usize = 100;

/// Bytes of an address that are kept (RFC 5321, 4.5.3.1: 64 and 255, and what is
/// about them).
const MAX_ADDRESS: usize = 330;

/// One mail, or a session without one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mail {
    /// What the client calls itself.
    pub helo: Option<String>,
    /// As they stand in MAIL FROM and RCPT TO.
    pub from: Option<String>,
    pub to: Vec<String>,
    pub subject: Option<String>,
    /// Names of files.
    pub attachments: Vec<String>,
    /// Of the mail itself, as far as it was seen; none where there was none.
    pub bytes: Option<u64>,
    /// What the server answered at its end, or refused it with before.
    pub code: Option<u16>,
}

impl Mail {
    /// A mail by what stands behind MAIL.
    pub(super) fn begin(helo: Option<String>, argument: &[u8]) -> Mail {
        Mail { helo, from: address(argument, b"FROM:"), ..Mail::default() }
    }

    /// One receiver more, by what stands behind RCPT.
    pub(super) fn add_to(&mut self, argument: &[u8]) {
        if self.to.len() < MAX_TO {
            self.to.extend(address(argument, b"TO:"));
        }
    }

    /// The mail itself has so many bytes more.
    pub(super) fn grow(&mut self, bytes: usize) {
        self.bytes = Some(self.bytes.unwrap_or(0).saturating_add(bytes as u64));
    }

    /// Memory that it takes, in bytes.
    pub(super) fn held(&self) -> usize {
        let texts = [&self.helo, &self.from, &self.subject].into_iter().flatten();
        let texts = texts.chain(&self.to).chain(&self.attachments);
        size_of::<Mail>() + texts.map(|text| size_of::<String>() + text.capacity()).sum::<usize>()
    }
}

/// The address behind `FROM:` or `TO:`, without what a blank sets off from it
/// (RFC 5321, 4.1.2).
fn address(argument: &[u8], before: &[u8]) -> Option<String> {
    let (start, rest) = argument.split_at_checked(before.len())?;
    let rest = rest.trim_ascii_start();
    let mut is_quoted = false;
    let end = rest.iter().position(|&byte| {
        is_quoted ^= byte == b'"';
        byte == b' ' && !is_quoted
    });
    let address = rest.get(..end.unwrap_or(rest.len()))?;
    start.eq_ignore_ascii_case(before).then(|| login::text(address, MAX_ADDRESS))?
}
