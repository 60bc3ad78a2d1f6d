//! SMTP (RFC 5321): mails that are handed over, and who logged in (RFC 4954).
//! Mails come as lines (DATA) or in chunks (BDAT, RFC 3030), commands one by one
//! or many at once (RFC 2920), and TLS may follow (RFC 3207).

mod encoded;
mod message;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::lines::{Line, Lines, is_tls, word};
use super::login::{self, Outcome};
use super::sasl::Sasl;
use super::{Dissector, Product, Side, Sink, Step, greeting};
use message::Message;

/// Commands that may wait for their answers; those in a row that are of no
/// interest count as one.
const MAX_PENDING: usize = 64;

/// Receivers of one mail that are kept, and bytes of an address (RFC 5321,
/// 4.5.3.1: 64 and 255 and what is about them).
const MAX_TO: usize = 100;
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
    /// Of the mail itself; none where there was none.
    pub bytes: Option<u64>,
    /// What the server answered at its end.
    pub code: Option<u16>,
}

/// Reads one connection.
#[derive(Default)]
pub struct Smtp {
    lines: [Lines; 2],
    next: Next,
    pending: VecDeque<Asked>,
    product: Option<Product>,
    helo: Option<String>,
    /// The mail that is being handed over, from MAIL on.
    mail: Option<Mail>,
    /// How many were begun.
    mails: u32,
    /// Its text, from DATA or the first BDAT on.
    message: Option<Message>,
    sasl: Option<Sasl>,
    /// A command was seen, and a mail.
    was_asked: bool,
    had_mail: bool,
}

/// What the client sends next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Next {
    #[default]
    Command,
    /// Lines of a mail, up to a dot alone.
    Data,
    /// This many bytes of a mail.
    Chunk { left: u64, is_last: bool },
}

/// What waits for an answer.
#[derive(Debug)]
enum Asked {
    /// So many commands of which nobody wants to know.
    Other(u32),
    /// MAIL or RCPT, so many, of the mail with this number.
    Envelope(u32, u32),
    Auth,
    Data,
    /// A mail that was handed over.
    Mail(Box<Mail>),
}

impl Dissector for Smtp {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = bytes;
        while !rest.is_empty() {
            if side == Side::Client && self.next == Next::Command && is_tls(rest) {
                self.end(sink);
                return Step::Again(bytes.len() - rest.len());
            }
            let is_on = match (side, self.next) {
                (Side::Client, Next::Chunk { left, is_last }) => self.chunk(&mut rest, left, is_last, sink),
                (Side::Client, Next::Data) => self.line_of_mail(&mut rest, sink),
                (Side::Client, Next::Command) => match self.lines[0].next(&mut rest) {
                    Some(line) => self.command(line, sink),
                    None => Some(false),
                },
                (Side::Server, _) => match self.lines[1].next(&mut rest) {
                    Some(line) => {
                        self.answer(line, sink);
                        Some(true)
                    }
                    None => Some(false),
                },
            };
            match is_on {
                Some(true) => {}
                Some(false) => break,
                None => {
                    self.end(sink);
                    return Step::Done;
                }
            }
        }
        Step::Take(bytes.len() - rest.len())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        for asked in std::mem::take(&mut self.pending) {
            self.unanswered(asked, sink);
        }
        self.log_in(Outcome::Unknown, sink);
        self.drop_mail(sink);
        if self.was_asked && !self.had_mail {
            self.tell(Mail { helo: self.helo.clone(), ..Mail::default() }, sink);
        }
    }

    fn held(&self) -> usize {
        let waiting = self.pending.iter().map(|asked| match asked {
            Asked::Mail(mail) => mail.held(),
            _ => 0,
        });
        let mail = self.mail.as_ref().map_or(0, Mail::held);
        let message = self.message.as_ref().map_or(0, Message::held);
        waiting.sum::<usize>() + self.pending.capacity() * size_of::<Asked>() + mail + message
    }
}

/// What the client says. Whether to go on comes back; none where nothing can be
/// told any more.
impl Smtp {
    fn command(&mut self, line: Line<'_>, sink: &mut dyn Sink) -> Option<bool> {
        if let Some(sasl) = &mut self.sasl {
            sasl.response(line.text);
            return Some(true);
        }
        let (command, argument) = word(line.text.trim_ascii());
        let asked = match command.to_ascii_uppercase().as_slice() {
            b"HELO" | b"EHLO" | b"LHLO" => {
                self.drop_mail(sink);
                self.helo = login::name(word(argument).0);
                Asked::Other(1)
            }
            b"MAIL" => {
                if !sink.wants_details() {
                    return None;
                }
                self.drop_mail(sink);
                let from = address(argument, b"FROM:");
                self.mail = Some(Mail { helo: self.helo.clone(), from, ..Mail::default() });
                self.mails = self.mails.wrapping_add(1);
                Asked::Envelope(1, self.mails)
            }
            b"RCPT" => {
                if let (Some(mail), Some(to)) = (&mut self.mail, address(argument, b"TO:"))
                    && mail.to.len() < MAX_TO
                {
                    mail.to.push(to);
                }
                Asked::Envelope(1, self.mails)
            }
            b"DATA" => {
                self.begin_message();
                self.next = Next::Data;
                Asked::Data
            }
            b"BDAT" => return self.begin_chunk(argument, sink),
            b"RSET" => {
                self.drop_mail(sink);
                Asked::Other(1)
            }
            b"AUTH" => {
                let (mechanism, initial) = word(argument);
                self.sasl = Some(Sasl::begin(mechanism, initial));
                Asked::Auth
            }
            b"STARTTLS" | b"QUIT" | b"NOOP" | b"VRFY" | b"EXPN" | b"HELP" | b"ETRN" | b"TURN" => {
                Asked::Other(1)
            }
            // It gets an answer, but may be anything.
            _ => {
                self.push(Asked::Other(1), sink);
                return Some(true);
            }
        };
        self.was_asked = true;
        self.push(asked, sink);
        Some(true)
    }

    fn begin_message(&mut self) -> &mut Message {
        let helo = &self.helo;
        let mail = self.mail.get_or_insert_with(|| Mail { helo: helo.clone(), ..Mail::default() });
        mail.bytes.get_or_insert(0);
        self.message.get_or_insert_default()
    }

    /// BDAT with a size, and LAST (RFC 3030, 2). Where a chunk without a size
    /// ends can't be told.
    fn begin_chunk(&mut self, argument: &[u8], sink: &mut dyn Sink) -> Option<bool> {
        let (size, behind) = word(argument);
        let left = std::str::from_utf8(size).ok()?.parse().ok()?;
        let is_last = behind.eq_ignore_ascii_case(b"LAST");
        self.was_asked = true;
        self.begin_message();
        self.next = Next::Chunk { left, is_last };
        // No byte may follow in which this would be seen.
        if left == 0 {
            self.end_chunk(is_last, sink);
        }
        Some(true)
    }

    fn chunk(&mut self, rest: &mut &[u8], left: u64, is_last: bool, sink: &mut dyn Sink) -> Option<bool> {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        *rest = behind;
        self.begin_message().chunk(piece);
        self.grow(length);
        let left = left - length as u64;
        self.next = Next::Chunk { left, is_last };
        if left == 0 {
            self.end_chunk(is_last, sink);
        }
        Some(true)
    }

    fn end_chunk(&mut self, is_last: bool, sink: &mut dyn Sink) {
        self.next = Next::Command;
        if is_last {
            self.end_message(sink);
        } else {
            self.push(Asked::Other(1), sink);
        }
    }

    fn line_of_mail(&mut self, rest: &mut &[u8], sink: &mut dyn Sink) -> Option<bool> {
        let before = *rest;
        let line = self.lines[0].next(rest);
        let taken = before.len() - rest.len();
        let Some(line) = line else {
            self.grow(taken);
            return Some(false);
        };
        if line.text == b"." {
            let is_crlf = before.get(..taken).is_some_and(|taken| taken.ends_with(b"\r\n"));
            self.grow(taken - if is_crlf { 3 } else { 2 });
            self.next = Next::Command;
            self.end_message(sink);
            return Some(true);
        }
        // A dot before a line that begins with one (RFC 5321, 4.5.2).
        let (text, dot) = line.text.strip_prefix(b".").map_or((line.text, 0), |text| (text, 1));
        self.grow(taken - dot);
        self.begin_message().line(text);
        Some(true)
    }

    fn grow(&mut self, bytes: usize) {
        if let Some(Mail { bytes: Some(sum), .. }) = &mut self.mail {
            *sum = sum.saturating_add(bytes as u64);
        }
    }

    fn end_message(&mut self, sink: &mut dyn Sink) {
        if let Some(mail) = self.take_mail() {
            self.push(Asked::Mail(Box::new(mail)), sink);
        }
    }

    fn push(&mut self, asked: Asked, sink: &mut dyn Sink) {
        match (self.pending.back_mut(), &asked) {
            (Some(Asked::Other(count)), Asked::Other(more)) => {
                *count = count.saturating_add(*more);
                return;
            }
            (Some(Asked::Envelope(count, number)), Asked::Envelope(more, of)) if number == of => {
                *count = count.saturating_add(*more);
                return;
            }
            _ => {}
        }
        if self.pending.len() >= MAX_PENDING
            && let Some(first) = self.pending.pop_front()
        {
            self.unanswered(first, sink);
        }
        self.pending.push_back(asked);
    }
}

/// What the server says.
impl Smtp {
    fn answer(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        let Some(code) = code_of(line.text) else { return };
        let text = line.text.get(4..).unwrap_or_default();
        if code == 220 && self.product.is_none() && self.helo.is_none() {
            self.product = greeting::mail(text);
            if let Some(product) = &self.product {
                sink.product(product.clone());
            }
            return;
        }
        // The last line of several has a blank where the others have a dash.
        if line.text.get(3) == Some(&b'-') {
            return;
        }
        match self.next_answered(code) {
            Some(Asked::Auth) if code == 334 => {
                if let Some(sasl) = &mut self.sasl {
                    sasl.challenge(text);
                }
            }
            Some(asked) => self.answered(asked, code, sink),
            // In the middle of a mail it is about that.
            None => self.refuse(code),
        }
    }

    /// What this is the answer to. One to AUTH may be followed by others.
    fn next_answered(&mut self, code: u16) -> Option<Asked> {
        match self.pending.front_mut() {
            Some(Asked::Other(count)) if *count > 1 => {
                *count -= 1;
                Some(Asked::Other(1))
            }
            Some(Asked::Envelope(count, number)) if *count > 1 => {
                *count -= 1;
                Some(Asked::Envelope(1, *number))
            }
            Some(Asked::Auth) if code == 334 => Some(Asked::Auth),
            _ => self.pending.pop_front(),
        }
    }

    fn answered(&mut self, asked: Asked, code: u16, sink: &mut dyn Sink) {
        match asked {
            // Of a mail before this one, the last answer tells.
            Asked::Envelope(_, number) if number == self.mails => self.refuse(code),
            Asked::Auth => {
                self.log_in(if code == 235 { Outcome::Accepted } else { Outcome::Refused }, sink);
            }
            Asked::Data if code >= 400 && self.next == Next::Data => {
                self.next = Next::Command;
                self.message = None;
                if let Some(mail) = &mut self.mail {
                    mail.bytes = None;
                }
                self.refuse(code);
            }
            Asked::Mail(mail) => self.tell(Mail { code: Some(code), ..*mail }, sink),
            Asked::Other(_) | Asked::Envelope(..) | Asked::Data => {}
        }
    }

    fn refuse(&mut self, code: u16) {
        if let Some(mail) = self.mail.as_mut().filter(|_| code >= 400) {
            mail.code = Some(code);
        }
    }
}

/// What came of it.
impl Smtp {
    fn unanswered(&mut self, asked: Asked, sink: &mut dyn Sink) {
        match asked {
            Asked::Mail(mail) => self.tell(*mail, sink),
            Asked::Auth => self.log_in(Outcome::Unknown, sink),
            _ => {}
        }
    }

    /// Ends the mail that is being handed over, as far as it came.
    fn drop_mail(&mut self, sink: &mut dyn Sink) {
        self.next = Next::Command;
        if let Some(mail) = self.take_mail() {
            self.tell(mail, sink);
        }
    }

    fn take_mail(&mut self) -> Option<Mail> {
        let message = self.message.take();
        let mut mail = self.mail.take()?;
        if let Some(message) = message {
            (mail.subject, mail.attachments) = message.end();
        }
        Some(mail)
    }

    fn tell(&mut self, mail: Mail, sink: &mut dyn Sink) {
        self.had_mail = true;
        sink.smtp(mail);
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        if let Some(mut login) = self.sasl.take().and_then(|sasl| sasl.login("smtp", outcome)) {
            login.client_version.clone_from(&self.helo);
            login.server_version = self.product.as_ref().and_then(|product| product.banner.clone());
            sink.login(login);
        }
    }
}

impl Mail {
    fn held(&self) -> usize {
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

/// The three digits that an answer begins with.
fn code_of(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let is_whole = line.get(3).is_none_or(|byte| matches!(byte, b' ' | b'-'));
    is_whole.then(|| digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}
