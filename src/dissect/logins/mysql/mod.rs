//! MySQL and MariaDB: the handshake, and COM_CHANGE_USER (MySQL's source,
//! "Client/Server Protocol"; mariadb.com/kb "Connection").

use super::messages::{self, Length, Messages, Next, Talk};
use crate::dissect::login::{self, Login, Outcome};
use crate::dissect::tls::Fields;
use crate::dissect::{Dissector, Product, Side, Sink, Step};
use crate::wire::bytes::{array_at, u8_at};

/// What a client says it can (MySQL's source, "Capabilities Flags").
mod can {
    pub const WITH_DATABASE: u32 = 1 << 3;
    pub const COMPRESS: u32 = 1 << 5;
    pub const PROTOCOL_41: u32 = 1 << 9;
    pub const TLS: u32 = 1 << 11;
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    pub const ATTRIBUTES: u32 = 1 << 20;
    pub const LENGTH_ENCODED: u32 = 1 << 21;
    pub const COMPRESS_ZSTD: u32 = 1 << 26;
}

/// Length and number before each packet.
const HEAD: usize = 4;

/// A packet of a client that asks for TLS, without its head: as its answer to
/// the greeting, but only up to the user's name.
const TLS_REQUEST: usize = 32;

const COM_CHANGE_USER: u8 = 0x11;

/// What MariaDB puts before its version, for replicas that read one digit of it.
const REPLICATION_PREFIX: &str = "5.5.5-";

/// Reads one connection.
#[derive(Default)]
pub struct Mysql {
    talk: Talk,
    state: State,
    /// What the server called itself, and the method it would like.
    version: Option<String>,
    preferred: Option<String>,
    can: u32,
    /// What waits for its outcome.
    login: Option<Login>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Begins,
    /// The server spoke.
    Greeted,
    /// A log-in waits for its outcome.
    Asks,
    /// Commands; one side speaks at a time.
    Commands,
}

impl Dissector for Mysql {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        messages::read(self, side, bytes, sink)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(login) = self.login.take() {
            sink.login(login);
        }
    }

    fn held(&self) -> usize {
        let texts = [&self.version, &self.preferred];
        texts.into_iter().flatten().map(String::len).sum::<usize>()
            + self.login.as_ref().map_or(0, Login::held)
    }
}

impl Messages for Mysql {
    fn talk(&mut self) -> &mut Talk {
        &mut self.talk
    }

    fn length(&self, side: Side, bytes: &[u8]) -> Length {
        // Rows, as they came: when one asks to be another user, all are through.
        if side == Side::Server && self.state == State::Commands {
            return Length::Is(bytes.len());
        }
        let length = array_at(bytes, 0).map(|[low, middle, high]: [u8; 3]| {
            HEAD + (usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16)
        });
        Length::of(length, HEAD)
    }

    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next {
        let packet = message.get(HEAD..).unwrap_or_default();
        let is_first = u8_at(message, 3) == Some(0);
        match (side, self.state) {
            (Side::Server, State::Begins) => self.greet(packet, sink),
            (Side::Client, State::Greeted) => self.respond(packet),
            (Side::Server, State::Asks) => self.answer(packet, sink),
            (Side::Client, State::Commands) if is_first && u8_at(packet, 0) == Some(COM_CHANGE_USER) => {
                self.change_user(packet)
            }
            // Proofs, and rows.
            _ => Some(Next::Message),
        }
        .unwrap_or(Next::Nothing)
    }
}

impl Mysql {
    /// Takes the greeting, version 10 of the protocol.
    fn greet(&mut self, packet: &[u8], sink: &mut dyn Sink) -> Option<Next> {
        let mut fields = Fields(packet.strip_prefix(&[10])?);
        let version = fields.text()?;
        // Thread, challenge and a zero.
        fields.take(4 + 8 + 1)?;
        // Capabilities, character set, status, capabilities, the challenge's
        // length, nothing; none of them in the oldest.
        let method = fields.take(2 + 1 + 2 + 2 + 1 + 10).and_then(|fixed| {
            let challenge = usize::from(u8_at(fixed, 7)?);
            fields.take(challenge.saturating_sub(8).max(13))?;
            login::name(fields.text()?)
        });
        let text = login::name(version)?;
        let name = if text.contains("MariaDB") { "MariaDB" } else { "MySQL" };
        let version = Some(text.strip_prefix(REPLICATION_PREFIX).unwrap_or(&text).to_string());
        self.version.clone_from(&version);
        sink.product(Product { name: Some(name.into()), version, ..Product::default() });
        self.preferred = method;
        self.state = State::Greeted;
        Some(Next::Message)
    }

    /// Takes the client's answer to the greeting.
    fn respond(&mut self, packet: &[u8]) -> Option<Next> {
        let mut fields = Fields(packet);
        let low = u32::from(u16::from_le_bytes(array_at(packet, 0)?));
        if low & can::PROTOCOL_41 == 0 {
            // Capabilities, the longest packet, user (version 3.20).
            fields.take(2 + 3)?;
            self.ask(fields.text()?, Some("mysql_old_password".into()), None);
            return Some(Next::Message);
        }
        self.can = u32::from_le_bytes(array_at(packet, 0)?);
        if self.can & can::TLS != 0 && packet.len() == TLS_REQUEST {
            return Some(Next::Other);
        }
        fields.take(TLS_REQUEST)?;
        let user = fields.text()?;
        let (method, client) = self.behind_user(&mut fields).unwrap_or_default();
        self.ask(user, method, client);
        Some(Next::Message)
    }

    /// The method, and what the client says it is. The proof is passed over.
    fn behind_user(&self, fields: &mut Fields<'_>) -> Option<(Option<String>, Option<String>)> {
        let has = |flag| self.can & flag != 0;
        match (has(can::LENGTH_ENCODED), has(can::SECURE_CONNECTION)) {
            (true, _) => length_encoded(fields)?,
            (_, true) => fields.short()?,
            _ => fields.text()?,
        };
        if has(can::WITH_DATABASE) {
            fields.text()?;
        }
        let method = if has(can::PLUGIN_AUTH) { login::name(fields.text()?) } else { None };
        let client = has(can::ATTRIBUTES).then(|| client_of(length_encoded(fields)?)).flatten();
        Some((method, client))
    }

    /// COM_CHANGE_USER: user, proof, database, character set, method, attributes.
    fn change_user(&mut self, packet: &[u8]) -> Option<Next> {
        let mut fields = Fields(packet.get(1..)?);
        let user = fields.text()?;
        let mut behind = || {
            fields.short()?;
            fields.text()?;
            fields.take(2)?;
            let method = login::name(fields.text()?);
            let client = length_encoded(&mut fields).and_then(client_of);
            Some((method, client))
        };
        let (method, client) = behind().unwrap_or_default();
        self.ask(user, method, client);
        Some(Next::Message)
    }

    fn ask(&mut self, user: &[u8], method: Option<String>, client_version: Option<String>) {
        self.state = State::Asks;
        self.login = Some(Login {
            service: "mysql",
            user: login::name(user),
            method: method.or_else(|| self.preferred.clone()),
            client_version,
            server_version: self.version.clone(),
            ..Login::default()
        });
    }

    /// OK, ERR, or another step of the method.
    fn answer(&mut self, packet: &[u8], sink: &mut dyn Sink) -> Option<Next> {
        let login = self.login.as_mut()?;
        match u8_at(packet, 0)? {
            0 => login.outcome = Outcome::Accepted,
            0xff => login.outcome = Outcome::Refused,
            // Another method, by its name; without one the oldest.
            0xfe => {
                let name = Fields(packet.get(1..)?).text().and_then(login::name);
                login.method = name.or_else(|| Some("mysql_old_password".into()));
                return Some(Next::Message);
            }
            1 => return Some(Next::Message),
            _ => return None,
        }
        let is_accepted = login.outcome == Outcome::Accepted;
        self.end(sink);
        self.state = State::Commands;
        // What is compressed has other heads.
        let is_readable = self.can & (can::COMPRESS | can::COMPRESS_ZSTD) == 0;
        (is_accepted && is_readable).then_some(Next::Message)
    }
}

/// Bytes behind a length in one, three or four bytes (MySQL's source,
/// "Integer Types").
fn length_encoded<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = match fields.u8()? {
        length @ 0..=0xfa => usize::from(length),
        0xfc => usize::from(u16::from_le_bytes(array_at(fields.take(2)?, 0)?)),
        _ => return None,
    };
    fields.take(length)
}

/// What a client says it is, among what it says of itself.
fn client_of(attributes: &[u8]) -> Option<String> {
    let mut fields = Fields(attributes);
    let (mut name, mut version) = (None, None);
    while !fields.is_empty() {
        let (key, value) = (length_encoded(&mut fields)?, length_encoded(&mut fields)?);
        match key {
            b"_client_name" => name = login::name(value),
            b"_client_version" => version = login::name(value),
            _ => {}
        }
    }
    let client = [name?, version.unwrap_or_default()].join(" ");
    login::name(client.as_bytes())
}

#[cfg(test)]
mod tests;
