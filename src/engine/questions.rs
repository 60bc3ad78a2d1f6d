//! Joins questions to DNS with their answers, within a bound.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::names::Names;
use crate::dissect::dns::{self, Edns, Kind, Message, Type};
use crate::record::{self, Device, Ids, Proto, Record, short};
use crate::table::Table;
use crate::time::Time;

/// The same question may be open this many times: clients ask again when no
/// answer comes, with the same identifier.
const MAX_REPEATS: u8 = 4;

/// Names in a message beyond the first that are written down.
const MAX_MORE: usize = 32;

/// A message's way, as its packet had it.
#[derive(Clone, Copy)]
pub struct Way {
    /// When it came.
    pub time: Time,
    /// The session's number.
    pub session: u32,
    pub proto: u8,
    pub src: (IpAddr, u16),
    pub dst: (IpAddr, u16),
    pub device: Device,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    session: u32,
    txid: u16,
    /// Of name and type: one identifier may ask for two at once.
    question: u64,
    repeat: u8,
}

/// Open questions.
pub struct Questions {
    /// Rows in boxes: they are moved about, and come out as they are.
    table: Table<Key, Box<record::Dns>, 1>,
    hash: RandomState,
    ids: Ids,
    scratch: String,
    seen: u64,
}

impl Questions {
    /// At most `limit` at once; each waits for its answer for `timeout`.
    pub fn new(limit: usize, timeout: Duration) -> Questions {
        Questions {
            table: Table::new(limit, [timeout]),
            hash: RandomState::default(),
            ids: Ids::default(),
            scratch: String::new(),
            seen: 0,
        }
    }

    pub fn resize(&mut self, limit: usize, timeout: Duration, out: &mut Vec<Record>) {
        self.table.resize(limit, [timeout], |_, row| out.push(Record::Dns(row)));
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Messages taken in so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The name in the question that was taken in last.
    pub fn name(&self) -> &str {
        &self.scratch
    }

    /// Takes in one message at `now`: a question waits, an answer completes its
    /// row and tells `names` what is where. Returns the type that is asked for.
    pub fn message(
        &mut self,
        kind: Kind,
        way: Way,
        message: &Message<'_>,
        now: Time,
        names: &mut Names,
        out: &mut Vec<Record>,
    ) -> Option<Type> {
        self.seen += 1;
        let question = message.questions().next();
        self.scratch.clear();
        let named = question.is_some_and(|question| question.name.write(&mut self.scratch).is_some());
        let qtype = question.map(|question| question.kind);
        let question_hash = self.hash.hash_one((&*self.scratch, qtype.map(|kind| kind.0)));
        let key = Key { session: way.session, txid: message.id(), question: question_hash, repeat: 0 };
        // On the local network answers go to all, to be joined with nothing.
        let joined = kind == Kind::Dns;
        let waiting = if joined && message.is_response() { self.take(key) } else { None };
        let mut row = waiting.unwrap_or_else(|| {
            let qname = named.then(|| record::Name(Arc::from(&*self.scratch)));
            self.row(kind, way, message, qname, qtype)
        });
        if !message.is_response() {
            row.asked = 1;
            row.flags = Some(message.flags());
            row.edns = message.edns().map(|edns| edns_json(&edns));
            let free = (0..MAX_REPEATS).map(|repeat| Key { repeat, ..key });
            match free.into_iter().find(|key| self.table.find(key).is_none()) {
                Some(key) if joined => {
                    let (_, gone) = self.table.insert(key, 0, now, row);
                    out.extend(gone.map(|(_, row)| Record::Dns(row)));
                }
                _ => out.push(Record::Dns(row)),
            }
            return qtype;
        }
        if row.asked == 1 {
            let micros = way.time.since(row.time).as_micros();
            row.latency_us = Some(u32::try_from(micros).unwrap_or(u32::MAX));
        }
        row.answer_flags = Some(message.flags());
        let edns = message.edns();
        row.rcode = Some(short(message.rcode(edns.as_ref())));
        row.answer_edns = edns.map(|edns| edns_json(&edns));
        self.scratch.clear();
        // An address is remembered by what was asked for, whatever names the
        // answer went through on the way.
        row.answer_count = dns::write_answers(message, &mut self.scratch, |address| {
            if let Some(name) = &row.qname {
                names.learn(way.device, address, &name.0, now);
            }
        });
        if qtype == Some(Type::PTR)
            && let Some(address) = row.qname.as_deref().and_then(reversed_address)
            && let Some(name) = pointer(message)
        {
            names.learn_reverse(address, &name, now);
        }
        row.answers = (row.answer_count > 0).then(|| self.scratch.as_str().into());
        out.push(Record::Dns(row));
        qtype
    }

    /// The question that waited longest of those that are the same.
    fn take(&mut self, key: Key) -> Option<Box<record::Dns>> {
        let waiting = (0..MAX_REPEATS).filter_map(|repeat| self.table.find(&Key { repeat, ..key }));
        let slot = waiting.min_by_key(|&slot| self.table.get(slot).map(|row| row.time))?;
        self.table.remove(slot).map(|(_, row)| row)
    }

    fn row(
        &mut self,
        kind: Kind,
        way: Way,
        message: &Message<'_>,
        qname: Option<record::Name>,
        qtype: Option<Type>,
    ) -> Box<record::Dns> {
        // Who answers is the server, but on the local network, where a message
        // is somebody's own announcement.
        let reversed = message.is_response() && kind == Kind::Dns;
        let (client, server) = if reversed { (way.dst, way.src) } else { (way.src, way.dst) };
        let txid = message.id();
        Box::new(record::Dns {
            id: self.ids.next(way.time, record::seed_of(client, txid)),
            time: way.time,
            kind: kind.name(),
            proto: Proto(way.proto),
            client: client.0,
            client_port: client.1,
            server: server.0,
            server_port: server.1,
            device: way.device,
            txid,
            qname,
            qtype: qtype.map(short),
            more: more_json(message),
            flags: None,
            answer_flags: None,
            asked: 0,
            rcode: None,
            latency_us: None,
            answer_count: 0,
            answers: None,
            edns: None,
            answer_edns: None,
        })
    }

    /// Writes down the questions that nobody answered in time.
    pub fn expire(&mut self, now: Time, out: &mut Vec<Record>) {
        while let Some((_, row)) = self.table.expire(now) {
            out.push(Record::Dns(row));
        }
    }

    /// Writes down all that are open.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        while let Some((_, row)) = self.table.pop() {
            out.push(Record::Dns(row));
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.table.deadline()
    }

    /// The tables' clock goes from `from` to `to`; the rows keep their times.
    pub fn shift(&mut self, from: Time, to: Time) {
        self.table.step(from, to);
    }

    /// The clock that the rows were timed by was wrong.
    pub fn step_rows(&mut self, from: Time, to: Time) {
        for (_, row) in self.table.iter_mut() {
            row.time = to.back(from.since(row.time));
        }
    }
}

/// Where a question for the name of an address points.
fn pointer(message: &Message<'_>) -> Option<Arc<str>> {
    let answer = message.answers().find(|answer| answer.kind == Type::PTR)?;
    let mut text = String::new();
    dns::Name::at(message.bytes(), answer.data_at).write(&mut text)?;
    Some(text.into())
}

/// The address in `4.3.2.1.in-addr.arpa` (RFC 1035, 3.5) or in 32 reversed
/// digits below `ip6.arpa` (RFC 3596, 2.5).
fn reversed_address(name: &str) -> Option<IpAddr> {
    if let Some(octets) = name.strip_suffix(".in-addr.arpa") {
        let mut address = [0; 4];
        let mut words = octets.split('.');
        for octet in address.iter_mut().rev() {
            *octet = words.next()?.parse().ok()?;
        }
        return words.next().is_none().then(|| address.into());
    }
    let digits = name.strip_suffix(".ip6.arpa")?;
    let mut bits = 0_u128;
    let mut count = 0;
    for digit in digits.split('.').rev() {
        bits = bits << 4 | u128::from(u8::from_str_radix(digit, 16).ok().filter(|digit| *digit < 16)?);
        count += 1;
    }
    (count == 32).then(|| IpAddr::from(bits.to_be_bytes()))
}

/// Further questions, `[{"rrname":…,"rrtype":…}]`; mDNS asks many at once.
fn more_json(message: &Message<'_>) -> Option<String> {
    if message.counts()[0] < 2 {
        return None;
    }
    let mut text = String::new();
    let mut name = String::new();
    for question in message.questions().skip(1).take(MAX_MORE) {
        name.clear();
        if question.name.write(&mut name).is_none() {
            break;
        }
        text.push_str(if text.is_empty() { "[{\"rrname\":" } else { ",{\"rrname\":" });
        dns::push_json(&mut text, &name);
        text.push_str(&format!(",\"rrtype\":\"{}\"}}", question.kind));
    }
    (!text.is_empty()).then(|| text + "]")
}

/// `{"udp_size":1232,"do":true,"ecs":"192.0.2.0/24"}`
fn edns_json(edns: &Edns<'_>) -> String {
    let mut text = String::with_capacity(32);
    text.push_str("{\"udp_size\":");
    dns::push_number(&mut text, edns.udp_size.into());
    if edns.dnssec_ok {
        text.push_str(",\"do\":true");
    }
    if let Some((address, prefix)) = edns.client_subnet().and_then(subnet) {
        text.push_str(&format!(",\"ecs\":\"{address}/{prefix}\""));
    }
    text + "}"
}

/// The address is cut to the bytes that its prefix needs (RFC 7871, 6).
fn subnet((family, prefix, bytes): (u16, u8, &[u8])) -> Option<(IpAddr, u8)> {
    let mut address = [0; 16];
    address.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let [a, b, c, d, ..] = address;
    match family {
        1 => Some((IpAddr::from([a, b, c, d]), prefix)),
        2 => Some((IpAddr::from(address), prefix)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_the_name_that_asks_for_its_name() {
        let of = |name| reversed_address(name).map(|address| address.to_string());
        assert_eq!(of("4.3.2.1.in-addr.arpa").as_deref(), Some("1.2.3.4"));
        let v6 = format!("1{}8.b.d.0.1.0.0.2.ip6.arpa", ".0".repeat(23) + ".");
        assert_eq!(of(&v6).as_deref(), Some("2001:db8::1"));
        for wrong in
            ["3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa", "1.ip6.arpa", "a.b"]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
