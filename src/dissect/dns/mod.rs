//! DNS, over UDP and TCP, and its two relatives on the local network.
//!
//! Weir reads messages with its own bounded view (`message`) because every
//! parser in the registry either refuses what phones ask today or lets one
//! packet cost megabytes; `tests/dns_judge.rs` holds it against dns-parser.

mod announced;
mod message;
mod name;
mod rdata;
mod svcb;
mod types;

pub use announced::announced;
pub use message::{Edns, Message, Question, Resource};
pub use name::{Name, push_text};
pub use rdata::{address, push_json, push_number, write_answers, write_data};
pub use svcb::ech;
pub use types::{Rcode, Type};

use super::{Dissector, Opening, Protocol, Side, Sink, Step, Verdict};
use crate::wire::bytes::u16_at;
use crate::wire::proto;

/// Unicast DNS (RFC 1035), here also on other ports when it reads to the end.
pub static DNS: Protocol = Protocol {
    over: &[proto::UDP, proto::TCP],
    name: "dns",
    probe: probe_dns,
    datagram: Some(|side, bytes, sink| datagram(Kind::Dns, side, bytes, sink)),
    stream: Some(|| Box::new(Stream)),
};

/// Multicast DNS (RFC 6762).
pub static MDNS: Protocol = Protocol {
    over: &[proto::UDP],
    name: "mdns",
    probe: |opening| probe_port(opening, 5353),
    datagram: Some(|side, bytes, sink| datagram(Kind::Mdns, side, bytes, sink)),
    stream: None,
};

/// Link-local multicast name resolution (RFC 4795).
pub static LLMNR: Protocol = Protocol {
    over: &[proto::UDP],
    name: "llmnr",
    probe: |opening| probe_port(opening, 5355),
    datagram: Some(|side, bytes, sink| datagram(Kind::Llmnr, side, bytes, sink)),
    stream: None,
};

/// Which of the three a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Dns,
    Mdns,
    Llmnr,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Dns => "dns",
            Kind::Mdns => "mdns",
            Kind::Llmnr => "llmnr",
        }
    }
}

/// On its own port a message with a plausible header is DNS, however broken
/// the rest; elsewhere it has to read to its last byte.
fn probe_dns(opening: &Opening<'_>) -> Verdict {
    let message = match opening.proto {
        proto::UDP => opening.bytes,
        proto::TCP => match u16_at(opening.bytes, 0) {
            Some(length) if length < 12 => return Verdict::No,
            Some(length) if opening.bytes.len() < 2 + usize::from(length).min(12) => return Verdict::More,
            Some(_) => &opening.bytes[2..],
            None => return Verdict::More,
        },
        _ => return Verdict::No,
    };
    let Some(message) = Message::read(message) else { return Verdict::No };
    let likely = if opening.has_port(53) { is_plausible(&message) } else { is_certain(&message) };
    if likely { Verdict::Yes } else { Verdict::No }
}

fn probe_port(opening: &Opening<'_>, port: u16) -> Verdict {
    // A client's random port may be any.
    let here = opening.proto == proto::UDP && opening.has_port(port) && !opening.has_port(53);
    let message = Message::read(opening.bytes).filter(|_| here);
    if message.is_some_and(|message| is_plausible(&message)) { Verdict::Yes } else { Verdict::No }
}

/// Some count is set, and the operation is one that exists (RFC 6895, 2.2).
fn is_plausible(message: &Message<'_>) -> bool {
    message.opcode() <= 6 && message.counts() != [0; 4]
}

fn is_certain(message: &Message<'_>) -> bool {
    // The counts first: most that is no DNS says thousands of questions.
    message.opcode() == 0
        && message.counts()[0] == 1
        && message.questions().count() == 1
        && message.questions().all(|question| question.class == 1 && question.kind.name().is_some())
        && message.is_whole()
}

fn datagram(kind: Kind, side: Side, bytes: &[u8], sink: &mut dyn Sink) {
    if let Some(message) = Message::read(bytes) {
        sink.dns(kind, side, &message);
    }
}

/// Over TCP each message has its length before it (RFC 1035, 4.2.2).
struct Stream;

impl Dissector for Stream {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut at = 0;
        while let Some(length) = u16_at(bytes, at) {
            let Some(message) = bytes.get(at + 2..at + 2 + usize::from(length)) else { break };
            let Some(message) = Message::read(message) else { return Step::Reject };
            sink.dns(Kind::Dns, side, &message);
            at += 2 + usize::from(length);
        }
        Step::Take(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\x02io\0\0\x01\0\x01";

    fn probe(proto: u8, port: u16, bytes: &[u8]) -> Verdict {
        (DNS.probe)(&Opening { proto, client_port: 40000, server_port: port, side: Side::Client, bytes })
    }

    #[derive(Default)]
    struct Ids(Vec<u16>);

    impl Sink for Ids {
        fn dns(&mut self, _: Kind, _: Side, message: &Message<'_>) {
            self.0.push(message.id());
        }
    }

    #[test]
    fn its_own_port_forgives_and_others_do_not() {
        assert_eq!(probe(proto::UDP, 53, QUERY), Verdict::Yes);
        assert_eq!(probe(proto::UDP, 53, &QUERY[..15]), Verdict::Yes);
        assert_eq!(probe(proto::UDP, 53, &[0xff; 40]), Verdict::No);
        assert_eq!(probe(proto::UDP, 53, &QUERY[..11]), Verdict::No);
        assert_eq!(probe(proto::UDP, 5300, QUERY), Verdict::Yes);
        assert_eq!(probe(proto::UDP, 5300, &QUERY[..20]), Verdict::No);
    }

    #[test]
    fn over_tcp_a_message_may_come_byte_by_byte() {
        let framed = [&[0, QUERY.len() as u8], QUERY].concat();
        for end in 0..framed.len() {
            let expected = if end < 14 { Verdict::More } else { Verdict::Yes };
            assert_eq!(probe(proto::TCP, 53, &framed[..end]), expected, "{end}");
        }
        let two = [framed.clone(), framed.clone()].concat();
        let mut ids = Ids::default();
        assert_eq!(Stream.data(Side::Client, &two[..framed.len() + 1], &mut ids), Step::Take(framed.len()));
        assert_eq!(Stream.data(Side::Client, &two, &mut ids), Step::Take(two.len()));
        assert_eq!(ids.0, [1, 1, 1]);
        assert_eq!(Stream.data(Side::Client, &[0, 1, 9, 9], &mut ids), Step::Reject);
    }
}
