//! What ICMP says of packets that did not arrive: messages in words, those that
//! are the same within a minute in one row.

use std::net::IpAddr;
use std::time::Duration;

use super::key::{End, Key};
use super::pace::Pace;
use crate::dissect::Side;
use crate::record::{self, Device, Id, Ids, Proto, Record, seed_of};
use crate::table::Table;
use crate::time::Time;
use crate::wire::{Icmp, proto};

/// Messages that are the same within this time are one row, written at its end.
const SAME: Duration = Duration::from_secs(60);

/// Rows that wait for that.
const MAX_WAITING: usize = 256;

/// Rows that a minute may have: a scan gets an answer for each port.
const MAX_ROWS: u32 = 300;

/// A session that a message speaks of: with its client, and its row's id.
#[derive(Clone, Copy)]
pub struct About {
    pub key: Key,
    pub client: End,
    pub session: Option<Id>,
}

/// One message, on its way to a row.
pub struct Message<'a> {
    pub time: Time,
    pub proto: u8,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub device: Device,
    pub icmp: &'a Icmp<'a>,
    pub about: Option<About>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Same {
    src: IpAddr,
    dst: IpAddr,
    kind: u8,
    code: u8,
    about: Option<Key>,
}

/// Messages of the last minute.
pub struct Messages {
    waiting: Table<Same, Box<record::Icmp>, 1>,
    ids: Ids,
    pace: Pace,
}

impl Messages {
    pub fn new() -> Messages {
        Messages { waiting: Table::new(MAX_WAITING, [SAME]), ids: Ids::default(), pace: Pace::new(MAX_ROWS) }
    }

    /// Messages that no row counts, as there were too many.
    pub fn left_out(&self) -> u64 {
        self.pace.left_out()
    }

    /// Takes in `message`, whose type has a meaning.
    pub fn add(&mut self, message: &Message<'_>, meaning: &'static str, now: Time, out: &mut Vec<Record>) {
        let Message { src, dst, icmp, about, .. } = *message;
        self.expire(now, out);
        let same = Same { src, dst, kind: icmp.kind, code: icmp.code, about: about.map(|about| about.key) };
        if let Some((_, row)) = self.waiting.find(&same).and_then(|slot| self.waiting.get_mut(slot)) {
            row.count = row.count.saturating_add(1);
            return;
        }
        if !self.pace.allows(true, now) {
            return;
        }
        let row = Box::new(self.row(message, meaning));
        // Not touched again, so that it is written when its minute is over.
        let (_, gone) = self.waiting.insert(same, 0, now, row);
        out.extend(gone.map(|(_, row)| Record::Icmp(row)));
    }

    fn row(&mut self, message: &Message<'_>, meaning: &'static str) -> record::Icmp {
        let Message { time, src, dst, device, icmp, about, .. } = *message;
        let ends = about.map(|about| {
            (
                about.key.endpoint(about.client, Side::Client),
                about.key.endpoint(about.client.other(), Side::Server),
            )
        });
        let number = u16::from_be_bytes([icmp.kind, icmp.code]);
        record::Icmp {
            id: self.ids.next(time, seed_of((src, number), 0)),
            time,
            proto: Proto(message.proto),
            src,
            dst,
            device,
            kind: icmp.kind,
            code: icmp.code,
            meaning,
            session: about.and_then(|about| about.session),
            about_proto: about.map(|about| Proto(about.key.proto())),
            about_client: ends.map(|(client, _)| client.0),
            about_client_port: ends.map(|(client, _)| client.1),
            about_server: ends.map(|(_, server)| server.0),
            about_server_port: ends.map(|(_, server)| server.1),
            count: 1,
        }
    }

    /// Writes down what a minute was collected for.
    pub fn expire(&mut self, now: Time, out: &mut Vec<Record>) {
        while let Some((_, row)) = self.waiting.expire(now) {
            out.push(Record::Icmp(row));
        }
    }

    /// Writes down all that waits.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        while let Some((_, row)) = self.waiting.pop() {
            out.push(Record::Icmp(row));
        }
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.waiting.step(from, to);
        self.pace.step(to);
    }
}

/// What a message of `number` (1 for ICMP, 58 for ICMPv6) says, in at most 32
/// characters. `None` for what tells of no packet: echoes and the like (RFC 792,
/// 1122, 1812; RFC 4443; RFC 4861, 4.5; IANA, ICMP Parameters).
pub fn meaning(number: u8, kind: u8, code: u8) -> Option<&'static str> {
    Some(match (number, kind, code) {
        (proto::ICMP, 3, 0) => "network unreachable",
        (proto::ICMP, 3, 1) => "host unreachable",
        (proto::ICMP, 3, 2) => "protocol unreachable",
        (proto::ICMP, 3, 3) => "port unreachable",
        (proto::ICMP, 3, 4) => "packet too big",
        (proto::ICMP, 3, 5) => "source route failed",
        (proto::ICMP, 3, 6 | 11) => "network unknown",
        (proto::ICMP, 3, 7 | 12) => "host unknown",
        (proto::ICMP, 3, 9) => "network prohibited",
        (proto::ICMP, 3, 10) => "host prohibited",
        (proto::ICMP, 3, 13) => "prohibited by a filter",
        (proto::ICMP, 3, _) => "unreachable",
        (proto::ICMP, 4, _) => "sent too fast",
        (proto::ICMP, 5, 0 | 2) => "another way to the network",
        (proto::ICMP, 5, _) => "another way to the host",
        (proto::ICMP, 11, 1) => "pieces did not all come in time",
        (proto::ICMP, 11, _) => "time to live exceeded",
        (proto::ICMP, 12, _) => "bad header",
        (proto::ICMPV6, 1, 0) => "no route",
        (proto::ICMPV6, 1, 1) => "prohibited by a filter",
        (proto::ICMPV6, 1, 2) => "beyond the source's scope",
        (proto::ICMPV6, 1, 3) => "host unreachable",
        (proto::ICMPV6, 1, 4) => "port unreachable",
        (proto::ICMPV6, 1, 5) => "source address prohibited",
        (proto::ICMPV6, 1, 6) => "route rejected",
        (proto::ICMPV6, 1, _) => "unreachable",
        (proto::ICMPV6, 2, _) => "packet too big",
        (proto::ICMPV6, 3, 1) => "pieces did not all come in time",
        (proto::ICMPV6, 3, _) => "hop limit exceeded",
        (proto::ICMPV6, 4, 1) => "unknown next header",
        (proto::ICMPV6, 4, 2) => "unknown option",
        (proto::ICMPV6, 4, _) => "bad header",
        (proto::ICMPV6, 137, _) => "another way to the host",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(icmp: &Icmp<'_>, about: Option<About>, secs: u64, messages: &mut Messages) -> Vec<Record> {
        let mut out = Vec::new();
        let (src, dst) = ([192, 0, 2, 1].into(), [192, 168, 1, 5].into());
        let time = Time::from_secs(secs);
        let message = Message { time, proto: 1, src, dst, device: Device::Ip(dst), icmp, about };
        messages.add(&message, "port unreachable", time, &mut out);
        out
    }

    const UNREACHABLE: Icmp<'static> = Icmp { kind: 3, code: 3, id: 0, payload: &[] };

    #[test]
    fn the_same_within_a_minute_is_one_row() {
        let mut messages = Messages::new();
        for secs in [100, 101, 159] {
            assert_eq!(message(&UNREACHABLE, None, secs, &mut messages), []);
        }
        let [Record::Icmp(row)] = &message(&UNREACHABLE, None, 160, &mut messages)[..] else { panic!() };
        assert_eq!((row.count, row.time, row.session), (3, Time::from_secs(100), None));
        let mut out = Vec::new();
        messages.finish(&mut out);
        assert!(matches!(&out[..], [Record::Icmp(row)] if row.count == 1));
    }

    #[test]
    fn a_flood_of_different_messages_has_its_limit() {
        let mut messages = Messages::new();
        let mut rows = 0;
        for code in 0..=255 {
            for kind in 0..10 {
                rows += message(&Icmp { kind, code, ..UNREACHABLE }, None, 120, &mut messages).len();
            }
        }
        let mut out = Vec::new();
        messages.finish(&mut out);
        assert_eq!(rows + out.len(), MAX_ROWS as usize);
        assert_eq!(messages.left_out(), 2_560 - u64::from(MAX_ROWS));
    }

    #[test]
    fn every_meaning_fits_its_column_and_echoes_have_none() {
        for number in [1, 58] {
            for kind in 0..=255 {
                for code in 0..=255 {
                    assert!(meaning(number, kind, code).is_none_or(|text| text.len() <= 32));
                }
            }
        }
        assert_eq!(
            (meaning(1, 8, 0), meaning(1, 0, 0), meaning(58, 128, 0), meaning(58, 135, 0)),
            (None, None, None, None)
        );
        assert_eq!(meaning(1, 3, 4), Some("packet too big"));
    }
}
