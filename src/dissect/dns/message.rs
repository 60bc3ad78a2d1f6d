//! One DNS message as a view over its bytes (RFC 1035, 4.1).
//!
//! Nothing is allocated and no count field is believed: each record is read
//! when it is asked for, and reading ends where the bytes do.

use super::name::Name;
use super::types::{Rcode, Type};
use crate::wire::bytes::{u8_at, u16_at, u32_at};

const HEADER: usize = 12;

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub name: Name<'a>,
    pub kind: Type,
    /// The class, with the top bit that mDNS uses for itself (RFC 6762, 5.4).
    pub class: u16,
}

/// One resource record.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub name: Name<'a>,
    pub kind: Type,
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// Where its data lies in the message, names in it being relative to that.
    pub data: &'a [u8],
    pub data_at: usize,
}

/// What the OPT record adds (RFC 6891, 6.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edns<'a> {
    /// The largest UDP answer the sender takes, in bytes.
    pub udp_size: u16,
    /// The upper eight bits of the response code.
    pub rcode_high: u8,
    /// Wants DNSSEC records (RFC 3225).
    pub dnssec_ok: bool,
    /// Code and value pairs.
    pub options: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message in `bytes`, or `None` when not even the header is there.
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        (bytes.len() >= HEADER).then_some(Message { bytes })
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn word(&self, at: usize) -> u16 {
        u16_at(self.bytes, at).unwrap_or(0)
    }

    /// Chosen by the client, repeated by the server.
    pub fn id(&self) -> u16 {
        self.word(0)
    }

    /// The second word of the header.
    pub fn flags(&self) -> u16 {
        self.word(2)
    }

    pub fn is_response(&self) -> bool {
        self.flags() & 0x8000 != 0
    }

    /// 0 is a standard query.
    pub fn opcode(&self) -> u8 {
        (self.flags() >> 11 & 0xf) as u8
    }

    /// The four bits in the header and the eight of EDNS, if any.
    pub fn rcode(&self, edns: Option<&Edns<'_>>) -> Rcode {
        let high = edns.map_or(0, |edns| u16::from(edns.rcode_high) << 4);
        Rcode(high | self.flags() & 0xf)
    }

    /// How many questions, answers, authorities and additions it claims.
    pub fn counts(&self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| self.word(at))
    }

    /// The questions that can be read.
    pub fn questions(&self) -> impl Iterator<Item = Question<'a>> + use<'a> {
        let bytes = self.bytes;
        let mut at = HEADER;
        (0..self.counts()[0]).map_while(move |_| {
            let name = Name::at(bytes, at);
            let fixed = name.end()?;
            let question =
                Question { name, kind: Type(u16_at(bytes, fixed)?), class: u16_at(bytes, fixed + 2)? };
            at = fixed + 4;
            Some(question)
        })
    }

    fn behind_questions(&self) -> Option<usize> {
        let mut at = HEADER;
        for _ in 0..self.counts()[0] {
            at = Name::at(self.bytes, at).end()? + 4;
        }
        Some(at)
    }

    /// Records from `at` on, until one can't be read.
    fn resources(&self, mut at: usize, count: usize) -> impl Iterator<Item = Resource<'a>> + use<'a> {
        let bytes = self.bytes;
        (0..count).map_while(move |_| {
            let name = Name::at(bytes, at);
            let fixed = name.end()?;
            let data_at = fixed + 10;
            let length = usize::from(u16_at(bytes, fixed + 8)?);
            let resource = Resource {
                name,
                kind: Type(u16_at(bytes, fixed)?),
                class: u16_at(bytes, fixed + 2)?,
                ttl: u32_at(bytes, fixed + 4)?,
                data: bytes.get(data_at..data_at + length)?,
                data_at,
            };
            at = data_at + length;
            Some(resource)
        })
    }

    /// The answers that can be read; none when a question before them can't.
    pub fn answers(&self) -> impl Iterator<Item = Resource<'a>> + use<'a> {
        let count = usize::from(self.counts()[1]);
        match self.behind_questions() {
            Some(at) => self.resources(at, count),
            None => self.resources(0, 0),
        }
    }

    /// All records that can be read, each with its section: 1 for answers, 2 for
    /// authorities, 3 for additions.
    pub fn records(&self) -> impl Iterator<Item = (u8, Resource<'a>)> + use<'a> {
        let [_, answers, authorities, additions] = self.counts().map(usize::from);
        let count = answers + authorities + additions;
        let records = match self.behind_questions() {
            Some(at) => self.resources(at, count),
            None => self.resources(0, 0),
        };
        let section = move |n| if n < answers { 1 } else { 2 + u8::from(n >= answers + authorities) };
        records.enumerate().map(move |(n, record)| (section(n), record))
    }

    /// What the OPT record says, wherever among the additions it stands.
    pub fn edns(&self) -> Option<Edns<'a>> {
        let [_, answers, authorities, additions] = self.counts().map(usize::from);
        if additions == 0 {
            return None;
        }
        let before = answers + authorities;
        let opt = self.resources(self.behind_questions()?, before + additions).skip(before);
        opt.into_iter().find(|record| record.kind == Type::OPT).map(|record| Edns {
            udp_size: record.class,
            rcode_high: (record.ttl >> 24) as u8,
            dnssec_ok: record.ttl & 0x8000 != 0,
            options: record.data,
        })
    }

    /// Whether the whole message reads to its last byte, as hardly anything
    /// but DNS does.
    pub fn is_whole(&self) -> bool {
        let [questions, records @ ..] = self.counts().map(usize::from);
        let Some(mut at) = self.behind_questions() else { return false };
        let count = records.iter().sum();
        let mut seen = 0;
        for record in self.resources(at, count) {
            at = record.data_at + record.data.len();
            seen += 1;
        }
        seen == count && at == self.bytes.len() && questions + count > 0
    }
}

impl<'a> Edns<'a> {
    /// The client's subnet that a resolver passes on (RFC 7871, 6): family
    /// (1 IPv4, 2 IPv6), prefix length and the address's first bytes.
    pub fn client_subnet(&self) -> Option<(u16, u8, &'a [u8])> {
        let mut rest = self.options;
        loop {
            let (code, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
            let value = rest.get(4..4 + length)?;
            if code == 8 {
                return Some((u16_at(value, 0)?, u8_at(value, 2)?, value.get(4..)?));
            }
            rest = &rest[4 + length..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response: one question, an answer, an OPT with rcode bits and a subnet.
    const RESPONSE: &[u8] = b"\x12\x34\x81\x83\0\x01\0\x01\0\0\0\x01\
        \x01a\x02io\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\x00\x3c\0\x04\x01\x02\x03\x04\
        \0\0\x29\x04\xd0\x01\0\x80\0\0\x0b\0\x08\0\x07\0\x01\x18\0\x0a\x01\x02";

    #[test]
    fn a_message_is_read_where_it_lies() {
        let m = Message::read(RESPONSE).unwrap();
        assert_eq!((m.id(), m.is_response(), m.opcode()), (0x1234, true, 0));
        assert_eq!((m.rcode(m.edns().as_ref()), m.rcode(None)), (Rcode(0x13), Rcode(3)));
        let q = m.questions().next().unwrap();
        assert_eq!((q.kind, q.class), (Type::A, 1));
        let answers: Vec<_> = m.answers().map(|a| (a.kind, a.ttl, a.data)).collect();
        assert_eq!(answers, [(Type::A, 60, [1, 2, 3, 4].as_slice())]);
        let edns = m.edns().unwrap();
        assert_eq!((edns.udp_size, edns.dnssec_ok), (1232, true));
        assert_eq!(edns.client_subnet(), Some((1, 24, [10, 1, 2].as_slice())));
        assert!(m.is_whole());
        let records: Vec<_> = m.records().map(|(section, record)| (section, record.kind)).collect();
        assert_eq!(records, [(1, Type::A), (3, Type::OPT)]);
    }

    #[test]
    fn the_question_stays_when_the_answer_is_broken() {
        for end in 0..RESPONSE.len() {
            let Some(m) = Message::read(&RESPONSE[..end]) else {
                assert!(end < HEADER);
                continue;
            };
            assert_eq!(m.questions().count(), usize::from(end >= 22));
            assert_eq!(m.answers().count(), usize::from(end >= 38));
            assert!(!m.is_whole() && m.edns().is_none());
        }
    }

    #[test]
    fn claimed_counts_cost_nothing() {
        let mut claims = vec![0xff; HEADER];
        claims.extend_from_slice(b"\0\0\x01\0\x01");
        let m = Message::read(&claims).unwrap();
        assert_eq!((m.questions().count(), m.answers().count()), (1, 0));
        assert!(!m.is_whole());
    }
}
