//! MongoDB's log-ins: SASL in documents (its specification "Driver
//! Authentication"; mongodb.com/docs "Wire Protocol").

use super::messages::{self, Length, MAX_MESSAGE, Messages, Next, Talk};
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::tls::Fields;
use crate::dissect::{Dissector, Product, Side, Sink, Step, sasl};
use crate::wire::bytes::{array_at, u8_at};

/// Before each message: its length, its number, whom it answers, what it is.
const HEAD: usize = 16;

/// Kinds of messages.
const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_MSG: u32 = 2013;

/// Types of a document's elements (bsonspec.org, 1.1).
mod kind {
    pub const DOUBLE: u8 = 1;
    pub const TEXT: u8 = 2;
    pub const DOCUMENT: u8 = 3;
    pub const BINARY: u8 = 5;
    pub const BOOLEAN: u8 = 8;
    pub const INT32: u8 = 16;
    pub const INT64: u8 = 18;
}

/// Reads one connection.
#[derive(Default)]
pub struct Mongo {
    talk: Talk,
    /// The log-in that goes on, and the message that has to be answered next.
    login: Option<(u32, Login)>,
    client: Option<String>,
    version: Option<String>,
}

impl Dissector for Mongo {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        if !sink.wants_details() {
            return Step::Done;
        }
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((_, login)) = self.login.take() {
            sink.login(login);
        }
    }

    fn held(&self) -> usize {
        let texts = [&self.client, &self.version];
        texts.into_iter().flatten().map(String::len).sum::<usize>()
            + self.login.as_ref().map_or(0, |(_, login)| login.held())
    }
}

impl Messages for Mongo {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, _: Side, bytes: &[u8]) -> Length {
        Length::of(le32(bytes, 0).and_then(|length| usize::try_from(length).ok()), HEAD)
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        // What is longer than a log-in is none.
        let is_whole = message.len() < MAX_MESSAGE;
        if let Some(document) = document(message).filter(|_| is_whole) {
            match side {
                Side::Client => self.command(message, document, sink),
                Side::Server => self.answer(message, document, sink),
            };
        }
        Next::Message
    }
}

impl Mongo {
    /// Takes a command; its name is that of the first element.
    fn command(&mut self, message: &[u8], document: &[u8], sink: &mut dyn Sink) -> Option<()> {
        let id = le32(message, 4)?;
        match elements(document).next()?.name {
            b"saslStart" | b"authenticate" => {
                self.end(sink);
                self.ask(id, document);
            }
            b"saslContinue" => {
                if let Some((asked, _)) = &mut self.login {
                    *asked = id;
                }
            }
            b"hello" | b"isMaster" | b"ismaster" => {
                let client = find(document, b"client").and_then(|it| it.within(b"driver")).and_then(driver);
                self.client = client.or(self.client.take());
                // To save a round trip a log-in begins along with it.
                if let Some(begun) = find(document, b"speculativeAuthenticate").and_then(|it| it.document()) {
                    self.ask(id, begun);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn ask(&mut self, id: u32, document: &[u8]) {
        let text = |name: &[u8]| find(document, name).and_then(|it| it.text());
        let mechanism = text(b"mechanism").unwrap_or(b"MONGODB-CR");
        let payload = find(document, b"payload").and_then(|it| it.binary()).unwrap_or_default();
        let user = sasl::user(mechanism, payload).or_else(|| login::name(text(b"user")?));
        let method = login::name(mechanism).map(|name| name.to_lowercase());
        let client_version = self.client.clone();
        self.login =
            Some((id, Login { service: "mongodb", user, method, client_version, ..Login::default() }));
    }

    fn answer(&mut self, message: &[u8], document: &[u8], sink: &mut dyn Sink) -> Option<()> {
        // Of buildInfo, which is asked for before a log-in too.
        if self.version.is_none() && find(document, b"gitVersion").is_some() {
            self.version = find(document, b"version").and_then(|it| login::name(it.text()?));
            let (name, version) = (Some("MongoDB".into()), self.version.clone());
            sink.product(Product { name, version, ..Product::default() });
        }
        let (asked, login) = self.login.as_mut()?;
        if le32(message, 8)? != *asked {
            return None;
        }
        let is_ok = find(document, b"ok")?.is_true()?;
        let greets = find(document, b"maxWireVersion").is_some();
        let step =
            if greets { find(document, b"speculativeAuthenticate")?.document() } else { Some(document) };
        // A greeting alone: the log-in did not begin along with it.
        let done = step.map(|step| find(step, b"done").is_none_or(|done| done.is_true() == Some(true)));
        login.outcome = match (is_ok, done) {
            (true, Some(false)) => return None,
            (true, _) => Outcome::Accepted,
            (false, _) => Outcome::Refused,
        };
        login.server_version.clone_from(&self.version);
        self.end(sink);
        Some(())
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// The document of a message: a command, or its answer.
fn document(message: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(message.get(HEAD..)?);
    match le32(message, 12)? {
        OP_MSG => {
            fields.take(4)?;
            // Sections of another kind have what is to be written.
            (fields.u8()? == 0).then_some(())?;
        }
        OP_QUERY => {
            fields.take(4)?;
            fields.text()?.ends_with(b".$cmd").then_some(())?;
            fields.take(8)?;
        }
        OP_REPLY => {
            fields.take(4 + 8 + 4 + 4)?;
        }
        _ => return None,
    }
    whole(fields.0)
}

/// The elements of the document that `bytes` begin with, without what is around
/// them.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::try_from(le32(bytes, 0)?).ok()?;
    bytes.get(4..length.checked_sub(1)?)
}

/// One element of a document.
#[derive(Clone, Copy)]
struct Element<'a> {
    kind: u8,
    name: &'a [u8],
    value: &'a [u8],
}

/// The elements, as far as they can be read.
fn elements(document: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut fields = Fields(document);
    std::iter::from_fn(move || {
        let (kind, name) = (fields.u8()?, fields.text()?);
        let value = fields.take(size(kind, fields.0)?)?;
        Some(Element { kind, name, value })
    })
}

/// Bytes of a value of this type.
fn size(kind: u8, bytes: &[u8]) -> Option<usize> {
    let length = || le32(bytes, 0).and_then(|length| usize::try_from(length).ok());
    Some(match kind {
        kind::DOUBLE | 9 | 17 | kind::INT64 => 8,
        kind::TEXT | 13 | 14 => length()?.checked_add(4)?,
        kind::DOCUMENT | 4 | 15 => length()?.max(1),
        kind::BINARY => length()?.checked_add(5)?,
        7 => 12,
        kind::BOOLEAN => 1,
        kind::INT32 => 4,
        19 => 16,
        6 | 10 | 0x7f | 0xff => 0,
        _ => return None,
    })
}

fn find<'a>(document: &'a [u8], name: &[u8]) -> Option<Element<'a>> {
    elements(document).find(|element| element.name == name)
}

/// What a driver calls itself.
fn driver(element: Element<'_>) -> Option<String> {
    let text = |name: &[u8]| find(element.document()?, name)?.text().and_then(login::name);
    let client = [text(b"name")?, text(b"version").unwrap_or_default()].join(" ");
    login::name(client.as_bytes())
}

impl<'a> Element<'a> {
    fn document(self) -> Option<&'a [u8]> {
        (self.kind == kind::DOCUMENT).then(|| whole(self.value))?
    }

    fn within(self, name: &[u8]) -> Option<Element<'a>> {
        find(self.document()?, name)
    }

    fn text(self) -> Option<&'a [u8]> {
        (self.kind == kind::TEXT).then(|| self.value.get(4..)?.strip_suffix(&[0]))?
    }

    fn binary(self) -> Option<&'a [u8]> {
        (self.kind == kind::BINARY).then(|| self.value.get(5..))?
    }

    /// Whether it is true, or a number that is not zero.
    fn is_true(self) -> Option<bool> {
        match self.kind {
            kind::DOUBLE => Some(f64::from_le_bytes(array_at(self.value, 0)?) != 0.0),
            kind::BOOLEAN => u8_at(self.value, 0).map(|byte| byte != 0),
            kind::INT32 | kind::INT64 => le32(self.value, 0).map(|low| low != 0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
