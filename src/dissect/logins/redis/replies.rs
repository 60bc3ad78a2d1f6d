//! What servers of Redis answer.

use crate::dissect::lines::Lines;
use crate::dissect::login;
use crate::dissect::logins::messages::Unreadable;

/// Bytes of a string that are looked at.
const MAX_SEEN: usize = 128;

/// Values in one reply, those in values included.
const MAX_VALUES: u64 = 1 << 32;

/// One reply, whole.
pub struct Reply {
    pub status: Status,
    /// What it says of the server's version.
    pub version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    #[default]
    Fine,
    /// Name and password do not fit.
    WrongPassword,
    /// Any other error.
    Error,
}

/// Takes replies from what a server says.
#[derive(Default)]
pub struct Replies {
    lines: Lines,
    /// Values of the reply that are to come.
    due: u64,
    status: Status,
    version: Option<String>,
    /// Whether it is no answer, but news (RESP3).
    is_push: bool,
    /// Whether the next string is a version.
    is_version: bool,
    /// Length of the string that comes.
    string: Option<usize>,
    /// Bytes to leave out.
    skip: usize,
}

impl Replies {
    /// Takes the next reply from the beginning of `bytes`; none where it is not
    /// whole yet.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Reply>, Unreadable> {
        loop {
            let skipped = self.skip.min(bytes.len());
            *bytes = bytes.get(skipped..).unwrap_or_default();
            self.skip -= skipped;
            if self.skip > 0 {
                return Ok(None);
            }
            if let Some(length) = self.string {
                let Some(string) = bytes.get(..length.min(MAX_SEEN)) else { return Ok(None) };
                self.look(string);
                self.string = None;
                self.skip = length.saturating_add(2);
                self.due = self.due.saturating_sub(1);
            } else {
                let Some(line) = self.lines.next(bytes) else { return Ok(None) };
                self.value(line.text)?;
            }
            if self.due == 0 {
                let whole = std::mem::take(self);
                (self.lines, self.skip) = (whole.lines, whole.skip);
                if !whole.is_push {
                    return Ok(Some(Reply { status: whole.status, version: whole.version }));
                }
            }
        }
    }

    /// Takes the line that a value is or begins with.
    fn value(&mut self, line: &[u8]) -> Result<(), Unreadable> {
        let (&kind, content) = line.split_first().ok_or(Unreadable)?;
        if self.due == 0 {
            self.due = 1;
            self.is_push = kind == b'>';
            self.status = match kind {
                b'-' if content.starts_with(b"WRONGPASS") => Status::WrongPassword,
                b'-' => Status::Error,
                _ => Status::Fine,
            };
        }
        let values = match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => 0,
            b'$' | b'=' | b'!' => match number(content)? {
                Some(length) => {
                    self.string = usize::try_from(length).ok();
                    return self.string.map(drop).ok_or(Unreadable);
                }
                None => 0,
            },
            b'*' | b'~' | b'>' => number(content)?.unwrap_or(0),
            b'%' => number(content)?.unwrap_or(0).saturating_mul(2),
            // Notes before the value itself.
            b'|' => number(content)?.unwrap_or(0).saturating_mul(2).saturating_add(1),
            _ => return Err(Unreadable),
        };
        self.due = (self.due - 1).saturating_add(values);
        if self.due > MAX_VALUES { Err(Unreadable) } else { Ok(()) }
    }

    /// Looks at a string: the answer to INFO, or a part of that to HELLO.
    fn look(&mut self, string: &[u8]) {
        if std::mem::take(&mut self.is_version) {
            self.version = login::name(string);
        }
        self.is_version = string == b"version";
        let mut lines = string.split(|&byte| byte == b'\n');
        // The last line may be cut.
        if let Some(line) = lines.find_map(|line| line.strip_prefix(b"redis_version:"))
            && let Some(version) = line.strip_suffix(b"\r")
        {
            self.version = login::name(version);
        }
    }
}

/// A number in decimal; none of one that is below zero: nothing is there.
fn number(digits: &[u8]) -> Result<Option<u64>, Unreadable> {
    let text = std::str::from_utf8(digits).map_err(|_| Unreadable)?;
    let number: i64 = text.parse().map_err(|_| Unreadable)?;
    Ok(u64::try_from(number).ok())
}
