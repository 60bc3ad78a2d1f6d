//! What answers at which address and port, as it says itself.
//!
//! A service is put together from what many sessions show of it: a banner here, a
//! certificate there. Its row is written when the minute is over in which something
//! new was seen, and otherwise only now and then.

mod said;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use super::devices::is_local;
use super::key::{Key, is_group};
use super::session::Session;
use crate::dissect::login::text;
use crate::dissect::{Product, Side, http};
use crate::record::{self, Device, Name, Proto, Record, short, short_address};
use crate::table::Table;
use crate::time::Time;
use crate::wire::bytes::hex;
use crate::wire::proto;

/// Bytes of a product, a version, a type and a title that are kept, and of a banner
/// and an address.
const MAX_WORD: usize = 128;
const MAX_LINE: usize = 512;

/// Bytes of what a server greets with that are kept.
const MAX_GREETING: usize = 256;

/// Bytes of a body that are kept.
const MAX_BODY: usize = 1_024;

/// Only the bound makes the table forget.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Which services are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Which {
    /// Those in the LAN.
    #[default]
    Lan,
    All,
    Off,
}

impl Which {
    pub const ALL: [Which; 3] = [Which::Lan, Which::All, Which::Off];

    /// As config.toml has it.
    pub fn name(self) -> &'static str {
        match self {
            Which::Lan => "lan",
            Which::All => "all",
            Which::Off => "off",
        }
    }
}

/// See `[services]` in config.toml.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    pub which: Which,
    pub deep: bool,
    pub max: usize,
    pub dedup: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { which: Which::Lan, deep: false, max: 1_024, dedup: Duration::from_secs(3600) }
    }
}

/// Where a service answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    proto: u8,
    ip: IpAddr,
    port: u16,
}

impl Place {
    pub fn port(self) -> u16 {
        self.port
    }
}

/// All that are known.
pub struct Services {
    options: Options,
    table: Table<Place, State, 1>,
    /// Rows of those that had to go.
    waiting: Vec<Record>,
    forgotten: u64,
}

struct State {
    row: record::Service,
    /// When its row was written; never before it was.
    written: Time,
    /// The database does not have the row as it is.
    changed: bool,
}

impl Services {
    pub fn new(options: Options) -> Services {
        let table = Table::new(options.max, [NEVER]);
        Services { options, table, waiting: Vec::new(), forgotten: 0 }
    }

    pub fn resize(&mut self, options: Options) {
        let (waiting, forgotten) = (&mut self.waiting, &mut self.forgotten);
        self.table.resize(options.max, [NEVER], |_, state| {
            *forgotten += 1;
            waiting.extend(state.news());
        });
        self.options = options;
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many had to go because there were too many.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether how servers greet is kept.
    pub fn is_deep(&self) -> bool {
        self.options.deep
    }

    /// The service that `session` is with, where that is one to be remembered.
    pub fn place(&self, key: &Key, session: &Session) -> Option<Place> {
        if self.options.which == Which::Off || !matches!(key.proto(), proto::TCP | proto::UDP) {
            return None;
        }
        let (ip, port) = key.endpoint(session.client.other(), Side::Server);
        let is_ours = session.device_serves || is_local(ip);
        let is_wanted = self.options.which == Which::All || is_ours;
        (is_wanted && !is_group(ip)).then_some(Place { proto: key.proto(), ip, port })
    }

    /// It answered a session from `first` to `last`, in the protocol `app_proto`;
    /// `device` is its device, where the session shows that.
    pub fn answered(
        &mut self,
        place: Place,
        span: (Time, Time),
        app_proto: Option<&'static str>,
        host: Option<&str>,
        device: Option<Device>,
    ) {
        let (first, last) = span;
        self.change(place, last, |row| {
            row.first = row.first.min(first);
            row.last = row.last.max(last);
            let mut news = row.device.is_none() && put(&mut row.device, device);
            news |= row.app_proto.is_none() && put(&mut row.app_proto, app_proto);
            news | (row.host.is_none() && put(&mut row.host, host.map(name)))
        });
    }

    /// A program said what it is.
    pub fn product(&mut self, place: Place, product: Product, now: Time) {
        let clean = |said: Option<String>, limit| said.and_then(|said| text(said.as_bytes(), limit));
        let banner = clean(product.banner, MAX_LINE);
        let (program, version) = match (clean(product.name, MAX_WORD), clean(product.version, MAX_WORD)) {
            (None, None) => banner.as_deref().and_then(said::program).unzip(),
            named => named,
        };
        let title = clean(product.title, MAX_WORD);
        self.change(place, now, |row| {
            put(&mut row.product, program)
                | put(&mut row.version, version)
                | put(&mut row.banner, banner)
                | put(&mut row.title, title)
        });
    }

    /// A certificate is for the host called `host`.
    pub fn host(&mut self, place: Place, host: &str, now: Time) {
        self.change(place, now, |row| put(&mut row.host, Some(name(host))));
    }

    /// It answered a request of HTTP. The first says what is asked of it, or the
    /// first that had what was asked for; what stands behind a question mark may be
    /// a secret.
    pub fn exchange(&mut self, place: Place, exchange: &http::Exchange, now: Time) {
        let Some(status) = exchange.status else { return };
        let has_it = |code: u16| (200..300).contains(&code);
        let server = exchange.server.as_deref().and_then(|server| text(server.as_bytes(), MAX_WORD));
        let (program, version) = server.as_deref().and_then(said::program).unzip();
        let program = program.or(server);
        self.change(place, now, |row| {
            let is_first = row.code.is_none_or(|code| has_it(status) && !has_it(code));
            if is_first {
                row.code = Some(status);
                // That was another's.
                row.body = None;
                row.url = url(place, exchange);
                let kind = exchange.content_type.as_deref();
                row.content_type = kind.and_then(|kind| text(kind.as_bytes(), MAX_WORD));
            }
            is_first | put(&mut row.product, program) | put(&mut row.version, version)
        });
    }

    /// Whether the body of an answer of HTTP is wanted.
    pub fn wants_body(&self, place: Place) -> bool {
        let known = self.table.find(&place).and_then(|slot| self.table.get(slot));
        self.options.deep && known.is_none_or(|state| state.row.body.is_none())
    }

    /// The body of an answer begins with `bytes`.
    pub fn body(&mut self, place: Place, bytes: &[u8], now: Time) {
        let plain = said::inflated(bytes, http::MAX_BODY);
        let (title, body) = (said::title(&plain), text(&plain, MAX_BODY));
        let title = title.and_then(|title| text(title.as_bytes(), MAX_WORD));
        self.change(place, now, |row| put(&mut row.title, title) | put(&mut row.body, body));
    }

    /// It greets with `bytes`, before anything was asked of it.
    pub fn greeting(&mut self, place: Place, bytes: &[u8], now: Time) {
        let data = hex(bytes.get(..MAX_GREETING).unwrap_or(bytes));
        let printed = bytes.iter().all(|&byte| byte >= b' ' || byte.is_ascii_whitespace());
        let banner = text(bytes, MAX_LINE).filter(|_| printed);
        // Greetings hold the time, or a number that is another each time.
        self.change(place, now, |row| {
            let news = row.data.is_none() && put(&mut row.data, Some(data));
            news | (row.banner.is_none() && put(&mut row.banner, banner))
        });
    }

    /// Lets `work` change the row of the service at `place`, and say whether it did.
    fn change(&mut self, place: Place, now: Time, work: impl FnOnce(&mut record::Service) -> bool) {
        let slot = match self.table.find(&place) {
            Some(slot) => {
                self.table.touch(slot, 0, now);
                slot
            }
            None => {
                let state = State { row: row(place, now), written: Time::ZERO, changed: true };
                let (slot, gone) = self.table.insert(place, 0, now, state);
                self.forgotten += u64::from(gone.is_some());
                self.waiting.extend(gone.and_then(|(_, state)| state.news()));
                slot
            }
        };
        if let Some((_, state)) = self.table.get_mut(slot) {
            state.changed |= work(&mut state.row);
        }
    }

    /// The minute is over: writes what is new in it, and now and then that a
    /// service still answers. `device_at` is asked for devices that no session showed.
    pub fn report(&mut self, now: Time, device_at: impl Fn(IpAddr) -> Option<Device>, out: &mut Vec<Record>) {
        out.append(&mut self.waiting);
        let dedup = self.options.dedup;
        for (_, state) in self.table.iter_mut() {
            let again = state.row.last > state.written && now.since(state.written) >= dedup;
            if state.changed || again {
                (state.written, state.changed) = (now, false);
                state.row.device = state.row.device.or_else(|| device_at(state.row.ip));
                out.push(state.row.clone().into());
            }
        }
    }

    /// Writes every row that the database does not have as it is.
    pub fn finish(&mut self, device_at: impl Fn(IpAddr) -> Option<Device>, out: &mut Vec<Record>) {
        out.append(&mut self.waiting);
        while let Some((_, mut state)) = self.table.pop() {
            state.row.device = state.row.device.or_else(|| device_at(state.row.ip));
            out.extend(state.news());
        }
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.table.step(from, to);
    }
}

impl State {
    fn news(self) -> Option<Record> {
        (self.changed || self.row.last > self.written).then(|| self.row.into())
    }
}

/// Takes over what is known; whether that is something else.
fn put<T: PartialEq>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_other = value.is_some() && *field != value;
    if is_other {
        *field = value;
    }
    is_other
}

fn name(host: &str) -> Name {
    Name(host.into())
}

/// `http://host/path`, as it was asked for.
fn url(place: Place, exchange: &http::Exchange) -> Option<String> {
    let path = exchange.uri.split(['?', '#']).next().filter(|path| !path.is_empty())?;
    if !path.starts_with('/') {
        return text(path.as_bytes(), MAX_LINE);
    }
    let address = short_address(&place.ip);
    let host = match (&exchange.host, place.ip) {
        (Some(host), _) => host.as_str().into(),
        (None, IpAddr::V6(_)) => format!("[{address}]"),
        (None, IpAddr::V4(_)) => address.to_string(),
    };
    let port = if place.port == 80 { String::new() } else { format!(":{}", place.port) };
    text(format!("http://{host}{port}{path}").as_bytes(), MAX_LINE)
}

fn row(place: Place, now: Time) -> record::Service {
    let Place { proto, ip, port } = place;
    record::Service {
        // 48 characters at most.
        service: short(format_args!("{}{port}@{}", Proto(proto), short_address(&ip))),
        proto: Proto(proto),
        ip,
        port,
        device: None,
        app_proto: None,
        product: None,
        version: None,
        host: None,
        title: None,
        banner: None,
        url: None,
        code: None,
        content_type: None,
        body: None,
        data: None,
        first: now,
        last: now,
    }
}
