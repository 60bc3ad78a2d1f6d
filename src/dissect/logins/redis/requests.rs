//! What clients of Redis ask for.

use super::DEFAULT;
use crate::dissect::lines::Lines;
use crate::dissect::login::{self, MAX_NAME};
use crate::dissect::logins::messages::Unreadable;

/// Strings in one command. Those that log in have a few.
const MAX_WORDS: usize = 1 << 20;

/// One command, as far as it matters here.
#[derive(PartialEq, Eq)]
pub enum Command {
    /// AUTH, or HELLO with it; what may be the user's name.
    Auth {
        user: Option<String>,
    },
    /// What is answered with the server's version.
    Version,
    Other,
}

/// Takes commands from what a client says.
#[derive(Default)]
pub struct Requests {
    lines: Lines,
    command: Option<Words>,
    /// Length of the string that comes.
    string: Option<usize>,
    /// Bytes to leave out.
    skip: usize,
}

/// The words of a command that came so far. No password is among them.
#[derive(Default)]
struct Words {
    name: Name,
    /// How many there are, and how many came.
    count: usize,
    came: usize,
    logs_in: bool,
    user: Option<String>,
    /// Which word is a password.
    secret: Option<usize>,
}

/// The commands that are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Name {
    Auth,
    Hello,
    Info,
    #[default]
    Other,
    /// What is answered by more or fewer replies than one.
    Unanswered,
}

impl Command {
    pub fn held(&self) -> usize {
        match self {
            Command::Auth { user } => user.as_ref().map_or(0, String::len),
            _ => 0,
        }
    }
}

impl Requests {
    /// Takes the next command from the beginning of `bytes`; none where it is not
    /// whole yet.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Command>, Unreadable> {
        loop {
            let skipped = self.skip.min(bytes.len());
            *bytes = bytes.get(skipped..).unwrap_or_default();
            self.skip -= skipped;
            if self.skip > 0 {
                return Ok(None);
            }
            if let Some(words) = self.command.take_if(|words| words.came == words.count) {
                return words.command().map(Some);
            }
            if let (Some(length), Some(words)) = (self.string, &mut self.command) {
                // Of a string that no one looks at no byte has to be there.
                let seen = if words.wants(length) { length } else { 0 };
                let Some(string) = bytes.get(..seen) else { return Ok(None) };
                words.take(string);
                self.string = None;
                self.skip = length.saturating_add(2);
                continue;
            }
            let Some(line) = self.lines.next(bytes) else { return Ok(None) };
            match (&mut self.command, line.text.split_first()) {
                (Some(_), Some((b'$', length))) => self.string = Some(number(length)?),
                (Some(_), _) => return Err(Unreadable),
                (None, Some((b'*', count))) => match number(count)? {
                    0 => {}
                    count @ 1..=MAX_WORDS => self.command = Some(Words { count, ..Words::default() }),
                    _ => return Err(Unreadable),
                },
                (None, _) => {
                    if let Some(words) = Words::of_line(line.text) {
                        return words.command().map(Some);
                    }
                }
            }
        }
    }
}

impl Words {
    /// Of a command as people type it: words with blanks between them.
    fn of_line(line: &[u8]) -> Option<Words> {
        let words = || line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let count = words().count();
        let mut taken = Words { count, ..Words::default() };
        for word in words() {
            taken.take(if taken.wants(word.len()) { word } else { b"" });
        }
        // Between quotes a password may have blanks.
        if line.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
            taken.user = None;
        }
        (count > 0).then_some(taken)
    }

    /// Whether the next word, which is so long, is looked at.
    fn wants(&self, length: usize) -> bool {
        let is_wanted = match self.name {
            Name::Auth => self.came == 1 && self.count == 3,
            Name::Hello => self.secret != Some(self.came),
            _ => self.came == 0,
        };
        is_wanted && length <= MAX_NAME
    }

    /// Takes the next word, or nothing of it.
    fn take(&mut self, word: &[u8]) {
        let at = self.came;
        self.came += 1;
        match self.name {
            _ if at == 0 => {
                self.name = Name::of(word);
                self.logs_in = self.name == Name::Auth;
            }
            Name::Auth if at == 1 => self.user = login::name(word),
            // HELLO version AUTH user password: the user comes next.
            Name::Hello if self.logs_in && self.secret.is_none() => {
                self.user = login::name(word);
                self.secret = Some(at + 1);
            }
            Name::Hello if word.eq_ignore_ascii_case(b"AUTH") => self.logs_in = true,
            _ => {}
        }
    }

    fn command(self) -> Result<Command, Unreadable> {
        match self.name {
            Name::Unanswered => Err(Unreadable),
            Name::Auth if self.count == 2 => Ok(Command::Auth { user: Some(DEFAULT.into()) }),
            _ if self.logs_in => Ok(Command::Auth { user: self.user }),
            Name::Hello | Name::Info => Ok(Command::Version),
            _ => Ok(Command::Other),
        }
    }
}

impl Name {
    fn of(word: &[u8]) -> Name {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let subscribes = word.get(word.len().saturating_sub(9)..).unwrap_or_default();
        match () {
            () if is(b"AUTH") => Name::Auth,
            () if is(b"HELLO") => Name::Hello,
            () if is(b"INFO") => Name::Info,
            () if is(b"MONITOR") || is(b"SYNC") || is(b"PSYNC") => Name::Unanswered,
            () if subscribes.eq_ignore_ascii_case(b"SUBSCRIBE") => Name::Unanswered,
            () => Name::Other,
        }
    }
}

/// A length in decimal.
fn number(digits: &[u8]) -> Result<usize, Unreadable> {
    let text = std::str::from_utf8(digits).map_err(|_| Unreadable)?;
    text.parse().map_err(|_| Unreadable)
}
