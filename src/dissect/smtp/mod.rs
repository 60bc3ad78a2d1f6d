//! SMTP (RFC 5321): mails that are handed over, and who logged in (RFC 4954).
//! Mails come as lines (DATA) or in chunks (BDAT, RFC 3030), commands one by one
//! or many at once (RFC 2920), and TLS may follow (RFC 3207).

mod encoded;
mod mail;
mod message;
mod pending;
#[cfg(test)]
mod tests;

use super::lines::{Line, Lines, reply_code, word};
use super::login::{self, Outcome};
use super::sasl::Sasl;
use super::{Dissector, Product, Side, Sink, Step, greeting};
pub use mail::Mail;
use message::Message;
use pending::{Asked, Pending};

/// Reads one connection.
#[derive(Default)]
pub struct Smtp {
    lines: [Lines; 2],
    next: Next,
    pending: Pending,
    was_greeted: bool,
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

impl Dissector for Smtp {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = bytes;
        while !rest.is_empty() {
            if side == Side::Client && self.next == Next::Command && self.lines[0].is_tls(rest) {
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
        for asked in self.pending.take() {
            self.unanswered(asked, sink);
        }
        self.log_in(Outcome::Unknown, sink);
        self.drop_mail(sink);
        if self.was_asked && !self.had_mail {
            self.tell(Mail { helo: self.helo.clone(), ..Mail::default() }, sink);
        }
    }

    fn held(&self) -> usize {
        let mail = self.mail.as_ref().map_or(0, Mail::held);
        let message = self.message.as_ref().map_or(0, Message::held);
        self.pending.held() + mail + message
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
                self.mail = Some(Mail::begin(self.helo.clone(), argument));
                self.mails = self.mails.wrapping_add(1);
                Asked::Envelope(1, self.mails)
            }
            b"RCPT" => {
                if let Some(mail) = &mut self.mail {
                    mail.add_to(argument);
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
        self.grow(0);
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

    /// The mail itself has so many bytes more. Where its beginning was not seen it
    /// has no sender.
    fn grow(&mut self, bytes: usize) {
        let helo = &self.helo;
        let mail = self.mail.get_or_insert_with(|| Mail { helo: helo.clone(), ..Mail::default() });
        mail.grow(bytes);
    }

    fn end_message(&mut self, sink: &mut dyn Sink) {
        if let Some(mail) = self.take_mail() {
            self.push(Asked::Mail(Box::new(mail)), sink);
        }
    }

    fn push(&mut self, asked: Asked, sink: &mut dyn Sink) {
        if let Some(first) = self.pending.push(asked) {
            self.unanswered(first, sink);
        }
    }
}

/// What the server says.
impl Smtp {
    fn answer(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        let Some(code) = reply_code(line.text) else { return };
        let text = line.text.get(4..).unwrap_or_default();
        // The last line of several has a blank where the others have a dash.
        let is_last = line.text.get(3) != Some(&b'-');
        if !self.was_greeted {
            self.was_greeted = is_last;
            if code == 220 {
                return self.greet(text, sink);
            }
        }
        if !is_last {
            return;
        }
        match self.pending.answered(code) {
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

    /// The first line of a greeting; the answer to STARTTLS has the same code, and
    /// one of RFC 3463 behind it.
    fn greet(&mut self, text: &[u8], sink: &mut dyn Sink) {
        if self.product.is_none() && !text.starts_with(b"2.") {
            self.product = greeting::mail(text);
            if let Some(product) = &self.product {
                sink.product(product.clone());
            }
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
