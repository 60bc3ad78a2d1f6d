//! Sessions to a collector of flows by IPFIX (RFC 7011), both directions in one
//! record (RFC 5103). What goes on for long is told in parts: each has what was
//! counted since the one before.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::link::{Link, Outbox};
use super::{Error, Ipfix, Transport};
use crate::record::{Id, Record, Session};
use crate::store::Store;
use crate::time::Time;

const VERSION: u16 = 10;
const HEADER: usize = 16;
const TEMPLATE_SET: u16 = 2;

/// Bytes of a message: it has to pass without being cut in pieces (RFC 7011, 10.3.3).
const MAX_MESSAGE: usize = 1400;

/// Sessions that go on and were told of; each takes about 50 bytes. Others are
/// told of at their end.
const MAX_OPEN: usize = 8192;

/// Where in a message its export time and sequence number are (RFC 7011, 3.1).
const SEQUENCE: std::ops::Range<usize> = 8..12;

/// The enterprise of information elements that run the other way (RFC 5103, 6.1).
const REVERSE: u32 = 29_305;

/// A field of a template: the element's number (IANA, IPFIX Information
/// Elements), its bytes, and whether it is that of the other direction.
struct Field(u16, u16, bool);

/// A template's number, the elements of its addresses, and their bytes.
const TEMPLATES: [(u16, [u16; 2], u16); 2] = [(256, [8, 12], 4), (257, [27, 28], 16)];

/// What a record has behind its addresses.
const FIELDS: [Field; 15] = [
    Field(7, 2, false),   // sourceTransportPort
    Field(11, 2, false),  // destinationTransportPort
    Field(4, 1, false),   // protocolIdentifier
    Field(152, 8, false), // flowStartMilliseconds
    Field(153, 8, false), // flowEndMilliseconds
    Field(2, 8, false),   // packetDeltaCount
    Field(1, 8, false),   // octetDeltaCount
    Field(2, 8, true),
    Field(1, 8, true),
    Field(6, 1, false), // tcpControlBits
    Field(6, 1, true),
    Field(136, 1, false), // flowEndReason
    Field(239, 1, false), // biflowDirection
    Field(58, 2, false),  // vlanId
    Field(56, 6, false),  // sourceMacAddress
];

/// One whose end was lost on the way is forgotten when there is no room.
const FORGET_AFTER: Duration = Duration::from_secs(86_400);

/// When a session was told of, and the counts.
type Told = (Time, [u64; 4]);

/// See the module's text.
pub struct Exporter {
    domain: u32,
    transport: Transport,
    link: Link,
    outbox: Outbox,
    /// Data records sent, modulo 2^32; of each connection where there is one.
    sequence: u32,
    /// What was told of sessions that go on.
    told: HashMap<Id, Told>,
}

impl Exporter {
    pub fn new(options: &Ipfix) -> Exporter {
        let link = Link::new(options.peer.clone());
        let (domain, transport) = (options.domain, options.peer.transport);
        Exporter { domain, transport, link, outbox: Outbox::default(), sequence: 0, told: HashMap::new() }
    }
}

impl Store for Exporter {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let Exporter { domain, transport, link, outbox, sequence, told } = self;
        let is_new = link.open()?;
        let sessions = records.iter().filter_map(|record| match record {
            // A record has room for addresses of one kind.
            Record::Session(session) if session.client.is_ipv4() == session.server.is_ipv4() => {
                Some(&**session)
            }
            _ => None,
        });
        // No clock is asked here: what is sent is some seconds old at most.
        let time = sessions.clone().map(|session| session.last.secs()).max().unwrap_or(0) as u32;
        if is_new && *transport == Transport::Tcp {
            *sequence = 0;
        }
        // A datagram may be lost, and a collector may have begun anew: by UDP they
        // are sent again and again (RFC 7011, 8.4).
        if is_new || *transport == Transport::Udp {
            let mut message = message(*domain, time, &templates());
            put_sequence(&mut message, *sequence);
            link.send(&message)?;
        }
        let make = || messages(sessions, *domain, time, told);
        outbox.send(make, |message| {
            let count = records_in(message);
            put_sequence(message, *sequence);
            link.send(message)?;
            *sequence = sequence.wrapping_add(count);
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.outbox.forget();
    }
}

fn put_sequence(message: &mut [u8], sequence: u32) {
    if let Some(place) = message.get_mut(SEQUENCE) {
        place.copy_from_slice(&sequence.to_be_bytes());
    }
}

/// Both templates as a set (RFC 7011, 3.4.1).
fn templates() -> Vec<u8> {
    let mut body = Vec::new();
    for (number, addresses, bytes) in TEMPLATES {
        let addresses = addresses.map(|element| Field(element, bytes, false));
        body.extend(number.to_be_bytes());
        body.extend(((addresses.len() + FIELDS.len()) as u16).to_be_bytes());
        for Field(element, bytes, is_reverse) in addresses.iter().chain(&FIELDS) {
            // The first bit says that an enterprise follows.
            let element = if *is_reverse { element | 0x8000 } else { *element };
            body.extend(element.to_be_bytes());
            body.extend(bytes.to_be_bytes());
            if *is_reverse {
                body.extend(REVERSE.to_be_bytes());
            }
        }
    }
    set(TEMPLATE_SET, &body)
}

fn set(number: u16, body: &[u8]) -> Vec<u8> {
    let mut set = Vec::with_capacity(body.len() + 4);
    set.extend(number.to_be_bytes());
    set.extend(((body.len() + 4) as u16).to_be_bytes());
    set.extend_from_slice(body);
    set
}

/// A message around a set; its sequence number is put in when it is sent.
fn message(domain: u32, time: u32, set: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + set.len());
    message.extend(VERSION.to_be_bytes());
    message.extend(((HEADER + set.len()) as u16).to_be_bytes());
    message.extend(time.to_be_bytes());
    message.extend([0; 4]);
    message.extend(domain.to_be_bytes());
    message.extend_from_slice(set);
    message
}

/// Bytes of a record by the template with addresses of `bytes`.
fn size(bytes: u16) -> usize {
    let fields: u16 = FIELDS.iter().map(|Field(_, bytes, _)| *bytes).sum();
    usize::from(2 * bytes + fields)
}

/// How many data records are in a message made by [`messages`].
fn records_in(message: &[u8]) -> u32 {
    let number = message.get(HEADER..HEADER + 2).map_or(0, |set| u16::from_be_bytes([set[0], set[1]]));
    let bytes = TEMPLATES.iter().find(|(template, ..)| *template == number).map_or(4, |(.., bytes)| *bytes);
    (message.len().saturating_sub(HEADER + 4) / size(bytes)) as u32
}

/// The sessions as messages, those of each version of IP apart.
fn messages<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    domain: u32,
    time: u32,
    told: &mut HashMap<Id, Told>,
) -> VecDeque<Vec<u8>> {
    let mut bodies: [Vec<u8>; 2] = Default::default();
    let mut messages = VecDeque::new();
    for session in sessions {
        let Some(counts) = news(session, told) else { continue };
        let which = usize::from(session.client.is_ipv6());
        let (template, _, bytes) = TEMPLATES[which];
        let body = &mut bodies[which];
        if HEADER + 4 + body.len() + size(bytes) > MAX_MESSAGE {
            messages.push_back(message(domain, time, &set(template, body)));
            body.clear();
        }
        record(session, counts, body);
    }
    for ((template, ..), body) in TEMPLATES.iter().zip(&bodies) {
        if !body.is_empty() {
            messages.push_back(message(domain, time, &set(*template, body)));
        }
    }
    messages
}

/// What was counted of `session` since it was told of; none where that has to
/// wait for its end.
fn news(session: &Session, told: &mut HashMap<Id, Told>) -> Option<[u64; 4]> {
    let all = [session.packets_out, session.bytes_out, session.packets_in, session.bytes_in];
    if session.reason.is_none() && told.len() >= MAX_OPEN && !told.contains_key(&session.id) {
        told.retain(|_, (time, _)| session.last.since(*time) < FORGET_AFTER);
        if told.len() >= MAX_OPEN {
            return None;
        }
    }
    let before = match session.reason {
        Some(_) => told.remove(&session.id),
        None => told.insert(session.id, (session.last, all)),
    };
    let (_, before) = before.unwrap_or_default();
    Some(std::array::from_fn(|place| all[place].saturating_sub(before[place])))
}

/// One record, in the order of a template and [`FIELDS`].
fn record(session: &Session, counts: [u64; 4], out: &mut Vec<u8>) {
    for address in [session.client, session.server] {
        match address {
            IpAddr::V4(v4) => out.extend(v4.octets()),
            IpAddr::V6(v6) => out.extend(v6.octets()),
        }
    }
    let is_icmp = matches!(session.proto.0, 1 | 58);
    // NetFlow has type and code of ICMP where the port of the server is.
    out.extend(if is_icmp { 0 } else { session.client_port }.to_be_bytes());
    out.extend(session.server_port.to_be_bytes());
    out.push(session.proto.0);
    out.extend(session.start.millis().to_be_bytes());
    out.extend(session.last.millis().to_be_bytes());
    counts.iter().for_each(|count| out.extend(count.to_be_bytes()));
    out.extend([session.tcp_flags_out, session.tcp_flags_in]);
    // RFC 5102, 5.11.3: idle, still active, ended, ended by force, no room.
    out.push(match session.reason {
        None => 2,
        Some("timeout") => 1,
        Some("shutdown" | "reused") => 3,
        Some("evicted") => 5,
        Some(_) => 4,
    });
    // The source is who began (RFC 5103, 6.3).
    out.push(1);
    out.extend(session.vlan.unwrap_or(0).to_be_bytes());
    out.extend(session.client_mac.map_or([0; 6], |mac| mac.0));
}

#[cfg(test)]
mod tests;
