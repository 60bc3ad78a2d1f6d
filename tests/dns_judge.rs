//! dns-parser judges our view of DNS messages: whatever it accepts, our
//! question names, types and A, AAAA and CNAME answers must be the same.

mod common;

use std::net::IpAddr;

use dns_parser::{Builder, Packet, QueryClass, QueryType, RData};
use weir::dissect::dns::{Message, Type, address};
use weir::wire::{Body, proto};

/// dns-parser allocates by the counts that a message claims, and follows
/// pointers without a limit: this is what makes it safe to ask.
fn may_be_judged(bytes: &[u8]) -> bool {
    let count = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    bytes.len() >= 12
        && bytes.len() <= 1_500
        && count(4) * 5 + (count(6) + count(8) + count(10)) * 11 <= bytes.len() - 12
}

/// dns-parser's name as we write it: lower case, a dot for the root, control
/// characters as `\ddd`.
fn plain(name: String) -> String {
    if name.is_empty() {
        return ".".into();
    }
    let shown = |c: char| if c.is_control() { format!("\\{:03}", c as u32) } else { c.to_string() };
    name.to_ascii_lowercase().chars().map(shown).collect()
}

fn ours(name: weir::dissect::dns::Name<'_>) -> Option<String> {
    let mut text = String::new();
    name.write(&mut text)?;
    Some(text)
}

/// Compares one message; `false` when dns-parser refuses it.
fn judge(bytes: &[u8]) -> bool {
    let Some(judged) = Some(bytes).filter(|bytes| may_be_judged(bytes)).and_then(|b| Packet::parse(b).ok())
    else {
        return false;
    };
    let message = Message::read(bytes).expect("what dns-parser reads, we read");
    assert_eq!(message.id(), judged.header.id);
    assert_eq!(message.is_response(), !judged.header.query);
    let questions: Vec<_> =
        message.questions().map(|question| (ours(question.name).unwrap(), question.kind.0)).collect();
    let theirs: Vec<_> =
        judged.questions.iter().map(|q| (plain(q.qname.to_string()), q.qtype as u16)).collect();
    assert_eq!(questions, theirs);
    let mut answers = Vec::new();
    for answer in message.answers() {
        let name = ours(answer.name).unwrap();
        match answer.kind {
            Type::A | Type::AAAA => answers.push((name, address(&answer).unwrap().to_string())),
            Type::CNAME => {
                let target = weir::dissect::dns::Name::at(bytes, answer.data_at);
                answers.push((name, ours(target).unwrap()));
            }
            _ => {}
        }
    }
    let theirs: Vec<_> = judged
        .answers
        .iter()
        .filter_map(|answer| {
            let data = match answer.data {
                RData::A(a) => IpAddr::from(a.0).to_string(),
                RData::AAAA(aaaa) => IpAddr::from(aaaa.0).to_string(),
                RData::CNAME(name) => plain(name.to_string()),
                _ => return None,
            };
            Some((plain(answer.name.to_string()), data))
        })
        .collect();
    assert_eq!(answers, theirs);
    true
}

#[test]
fn over_all_captures_the_judge_finds_nothing_else() {
    let Some(captures) = common::corpus() else { return };
    let (mut judged, mut refused) = (0, 0);
    for path in captures {
        common::packets(&path, |packet| {
            let Body::Udp(udp) = packet.body else { return };
            let dns = [53, 5353, 5355].iter().any(|port| [udp.src_port, udp.dst_port].contains(port));
            if packet.proto == proto::UDP && dns && udp.payload.len() == udp.length as usize {
                if judge(udp.payload) { judged += 1 } else { refused += 1 }
            }
        });
    }
    println!("{judged} messages judged, {refused} refused by dns-parser");
    assert!(judged > 500, "{judged}");
}

/// Numbers from a seed: the same messages in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn name(&mut self) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_";
        let labels = 1 + self.below(5);
        let label = |numbers: &mut Numbers| -> String {
            let length = 1 + numbers.below(40);
            (0..length).map(|_| LETTERS[numbers.below(LETTERS.len())] as char).collect()
        };
        (0..labels).map(|_| label(self)).collect::<Vec<_>>().join(".")
    }
}

#[test]
fn messages_that_dns_parser_builds_read_as_they_were_built() {
    use QueryType::{A, AAAA, All, CNAME, MX, NS, PTR, SOA, SRV, TXT};
    let mut numbers = Numbers(7);
    for id in 0..5_000 {
        let mut builder = Builder::new_query(id, numbers.below(2) == 0);
        let mut expected = Vec::new();
        for _ in 0..1 + numbers.below(4) {
            let (name, kind) =
                (numbers.name(), [A, AAAA, All, CNAME, MX, NS, PTR, SOA, SRV, TXT][numbers.below(10)]);
            builder.add_question(&name, false, kind, QueryClass::IN);
            expected.push((name, kind as u16));
        }
        let bytes = builder.build().unwrap_or_else(|cut| cut);
        assert!(judge(&bytes) || bytes.len() > 512);
        let message = Message::read(&bytes).unwrap();
        let read: Vec<_> = message.questions().map(|q| (ours(q.name).unwrap(), q.kind.0)).collect();
        assert_eq!(read, expected[..read.len()]);
        assert!(message.is_whole() || read.len() < expected.len());
    }
}

/// Any byte of a message may be another one: nothing panics, and where the
/// judge still agrees to read it, so do we.
#[test]
fn damaged_messages_read_the_same_or_not_at_all() {
    let Some(captures) = common::corpus() else { return };
    let mut numbers = Numbers(11);
    let mut tried = 0;
    for path in captures.iter().step_by(7) {
        common::packets(path, |packet| {
            let Body::Udp(udp) = packet.body else { return };
            if ![udp.src_port, udp.dst_port].contains(&53) || udp.payload.len() < 13 {
                return;
            }
            for _ in 0..20 {
                let mut bytes = udp.payload.to_vec();
                let at = numbers.below(bytes.len());
                bytes[at] = numbers.below(256) as u8;
                bytes.truncate(12 + numbers.below(bytes.len() - 11));
                tried += 1;
                if may_be_judged(&bytes) && Packet::parse(&bytes).is_ok() {
                    let message = Message::read(&bytes).unwrap();
                    let questions = message.questions().count();
                    assert_eq!(questions, usize::from(message.counts()[0]));
                }
                let mut text = String::new();
                if let Some(message) = Message::read(&bytes) {
                    weir::dissect::dns::write_answers(&message, &mut text, |_| {});
                    let _ = (message.rcode(message.edns().as_ref()), message.is_whole());
                }
            }
        });
    }
    assert!(tried > 1_000, "{tried}");
}
