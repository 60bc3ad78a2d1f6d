//! `--dns` and `--http`: messages in full, by the dissectors that the daemon has.
//! What these do not read, as cookies and passwords, is not shown here either.

use std::collections::HashMap;
use std::fmt::Write;

use super::line::{end, moment};
use super::talk::{Order, Piece, What};
use crate::dissect::dns::{self, Kind, Message};
use crate::dissect::{Dissector, Opening, Side, Sink, Step, Verdict, http};
use crate::time::Time;
use crate::wire::{Body, Packet, proto};

/// Bytes that may wait on one side until a message is whole.
const MAX_WAITING: usize = 80 << 10;

/// Conversations that are read at once, and the bytes that wait in them together.
const MAX_READERS: usize = 1_024;
const MAX_HELD: usize = 8 << 20;

pub struct Messages {
    order: Order,
    shown: Shown,
    readers: HashMap<u32, Reader>,
}

#[derive(Clone, Copy)]
struct Shown {
    dns: bool,
    http: bool,
}

/// Reads one conversation of TCP.
#[derive(Default)]
struct Reader {
    dissector: Option<Box<dyn Dissector>>,
    /// What nobody took yet, and bytes to come that nobody wants.
    waiting: [Vec<u8>; 2],
    skip: [usize; 2],
    /// It is none of these protocols.
    is_other: bool,
}

/// Writes down what dissectors find.
struct Pen<'a> {
    shown: Shown,
    /// Time and ends of the packet.
    head: &'a str,
    out: &'a mut String,
}

impl Messages {
    pub fn new(dns: bool, http: bool) -> Messages {
        let shown = Shown { dns, http };
        Messages { order: Order::default(), shown, readers: HashMap::new() }
    }

    pub fn packet(&mut self, packet: &Packet<'_>, now: Time, out: &mut String) {
        let (src, dst) = super::ports(packet);
        let (Some(src), Some(dst)) = (src, dst) else { return };
        let [from, to] = [(packet.src, src), (packet.dst, dst)].map(|(ip, port)| end(ip, port, packet.proto));
        let head = format!("{} {from} > {to}", moment(packet.span.last));
        let mut pen = Pen { shown: self.shown, head: &head, out };
        if let Body::Udp(udp) = &packet.body {
            return datagram(src, dst, udp.payload, &mut pen);
        }
        let readers = &mut self.readers;
        self.order.packet(packet, now, &mut |piece| take(readers, &piece, (src, dst), &mut pen));
    }

    pub fn finish(&mut self, out: &mut String) {
        let mut pen = Pen { shown: self.shown, head: "at the end", out };
        let readers = &mut self.readers;
        self.order.finish(&mut |piece| take(readers, &piece, (0, 0), &mut pen));
    }
}

fn datagram(src: u16, dst: u16, bytes: &[u8], pen: &mut Pen<'_>) {
    let opening = opening(proto::UDP, (src, dst), Side::Client, bytes);
    let found =
        [&dns::MDNS, &dns::LLMNR, &dns::DNS].into_iter().find(|it| (it.probe)(&opening) == Verdict::Yes);
    if let Some(read) = found.and_then(|protocol| protocol.datagram) {
        read(Side::Client, bytes, pen);
    }
}

/// `ports` are those of a packet's source and destination; a probe only looks
/// whether one is its own.
fn opening(number: u8, ports: (u16, u16), side: Side, bytes: &[u8]) -> Opening<'_> {
    Opening { proto: number, client_port: ports.0, server_port: ports.1, side, bytes }
}

fn take(readers: &mut HashMap<u32, Reader>, piece: &Piece<'_>, ports: (u16, u16), pen: &mut Pen<'_>) {
    match piece.what {
        What::Over => {
            if let Some(mut reader) = readers.remove(&piece.number) {
                reader.end(pen);
            }
        }
        What::Missing(_) => {
            if let Some(reader) = readers.get_mut(&piece.number) {
                reader.end(pen);
                *reader = Reader::default();
            }
        }
        What::Said(bytes) => {
            if !readers.contains_key(&piece.number) {
                let held: usize = readers.values().map(Reader::held).sum();
                if readers.len() >= MAX_READERS || held > MAX_HELD {
                    return;
                }
            }
            let reader = readers.entry(piece.number).or_default();
            reader.said(piece.side, bytes, ports, pen);
        }
    }
}

impl Reader {
    fn held(&self) -> usize {
        self.waiting.iter().map(Vec::len).sum::<usize>() + self.dissector.as_ref().map_or(0, |it| it.held())
    }

    fn end(&mut self, pen: &mut Pen<'_>) {
        if let Some(dissector) = &mut self.dissector {
            dissector.end(pen);
        }
    }

    fn said(&mut self, side: Side, bytes: &[u8], ports: (u16, u16), pen: &mut Pen<'_>) {
        if self.is_other {
            return;
        }
        let (waiting, skip) = (&mut self.waiting[side as usize], &mut self.skip[side as usize]);
        let skipped = (*skip).min(bytes.len());
        *skip -= skipped;
        waiting.extend_from_slice(&bytes[skipped..]);
        if waiting.is_empty() {
            return;
        }
        if self.dissector.is_none() {
            let opening = opening(proto::TCP, ports, side, waiting);
            let verdicts =
                [&http::HTTP, &dns::DNS].map(|protocol| ((protocol.probe)(&opening), protocol.stream));
            match verdicts.iter().find(|(verdict, _)| *verdict == Verdict::Yes) {
                Some((_, Some(begin))) => self.dissector = Some(begin()),
                _ if verdicts.iter().any(|(verdict, _)| *verdict == Verdict::More) => {}
                _ => self.give_up(),
            }
        }
        let waiting = &mut self.waiting[side as usize];
        if let Some(dissector) = &mut self.dissector {
            match dissector.data(side, waiting, pen) {
                Step::Take(count) => {
                    let there = count.min(waiting.len());
                    self.skip[side as usize] = count - there;
                    waiting.drain(..there);
                }
                Step::Done | Step::Again(_) | Step::Reject => self.give_up(),
            }
        }
        if self.waiting[side as usize].len() > MAX_WAITING {
            self.end(pen);
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        *self = Reader { is_other: true, ..Reader::default() };
    }
}

impl Sink for Pen<'_> {
    fn dns(&mut self, kind: Kind, _: Side, message: &Message<'_>) {
        if !self.shown.dns {
            return;
        }
        // Writing into a `String` can't fail.
        let _ = writeln!(self.out, "{}", self.head);
        write_dns(kind, message, self.out);
    }

    fn http(&mut self, exchange: http::Exchange) {
        if !self.shown.http {
            return;
        }
        let _ = writeln!(self.out, "{}", self.head);
        write_http(&exchange, self.out);
    }
}

fn write_dns(kind: Kind, message: &Message<'_>, out: &mut String) {
    const FLAGS: [(u16, &str); 6] =
        [(0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"), (0x0020, "ad"), (0x0010, "cd")];
    let edns = message.edns();
    let what = if message.is_response() { "answer" } else { "question" };
    let _ = write!(out, "  {} {what} id {} opcode {}", kind.name(), message.id(), message.opcode());
    if message.is_response() {
        let _ = write!(out, " {}", message.rcode(edns.as_ref()));
    }
    for (bit, name) in FLAGS {
        if message.flags() & bit != 0 {
            let _ = write!(out, " {name}");
        }
    }
    out.push('\n');
    let mut name = String::new();
    for question in message.questions() {
        name.clear();
        let _ = question.name.write(&mut name);
        let _ = writeln!(out, "    asked      {name} {} {}", class(question.class), question.kind);
    }
    for (section, record) in message.records() {
        let section = ["answer", "authority", "additional"][usize::from(section.clamp(1, 3)) - 1];
        if record.kind == dns::Type::OPT {
            continue;
        }
        name.clear();
        let _ = record.name.write(&mut name);
        let _ =
            write!(out, "    {section:10} {name} {} {} {} ", record.ttl, class(record.class), record.kind);
        dns::write_data(message, &record, out);
        out.push('\n');
    }
    if let Some(edns) = edns {
        let dnssec = if edns.dnssec_ok { ", wants DNSSEC" } else { "" };
        let _ = writeln!(out, "    edns       answers of up to {} bytes{dnssec}", edns.udp_size);
    }
    let [_, claimed @ ..] = message.counts().map(usize::from);
    let (claimed, read) = (claimed.iter().sum::<usize>(), message.records().count());
    if read < claimed {
        let _ = writeln!(out, "    {} records can't be read", claimed - read);
    }
}

/// mDNS has a bit of its own in it (RFC 6762, 10.2).
fn class(number: u16) -> String {
    match number & 0x7fff {
        1 => "IN".into(),
        3 => "CH".into(),
        255 => "ANY".into(),
        other => format!("CLASS{other}"),
    }
}

fn write_http(exchange: &http::Exchange, out: &mut String) {
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(out, "    {name:14} ");
            dns::push_text(out, value.as_bytes(), |_| false);
            out.push('\n');
        }
    };
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let request = format!("{} {} {}", exchange.method, exchange.uri, exchange.version);
    line("http", Some(request.trim()));
    line("host", exchange.host.as_deref());
    line("user agent", exchange.user_agent.as_deref());
    line("referer", exchange.referer.as_deref());
    line("sent", number(exchange.request_length).as_deref());
    line("status", number(exchange.status.map(u64::from)).as_deref());
    line("server", exchange.server.as_deref());
    line("content type", exchange.content_type.as_deref());
    line("received", number(exchange.response_length).as_deref());
}
