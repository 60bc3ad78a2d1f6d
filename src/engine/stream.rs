//! The bytes of TCP connections in order, for the dissectors.
//!
//! Only a connection whose bytes somebody reads has a stream. Whatever
//! happens to segments on the way (sent twice, overlapping, swapped, with the
//! SYN), a dissector sees each byte once and in order. What can't be had ends
//! the reading: a hole that nothing fills, or more bytes than the bound.

use std::time::Duration;

use crate::dissect::{Dissector, Identity, Opening, Protocol, Side, Sink, Step, identify};
use crate::table::{Slot, Table};
use crate::time::Time;
use crate::wire::{Tcp, proto};

/// Segments that may wait for the one before them, on one side.
const MAX_WAITING: usize = 64;

/// Names a stream: the session's number.
pub type Name = u32;

/// Streams are closed by their sessions; the table only bounds their number.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// All streams.
pub struct Streams {
    table: Table<Name, Stream, 1>,
    /// Bytes that all of them hold, and may hold.
    held: usize,
    max_bytes: usize,
    /// Bytes that one side of one stream may hold.
    max_side: usize,
}

/// What became of a stream when a segment came.
#[derive(Clone, Copy)]
pub enum Outcome {
    /// Goes on.
    Open,
    /// The protocol is known from here on; one that has a name only is not
    /// read any further.
    Named(&'static Protocol),
    /// The protocol is known, and there is nothing more to read of it.
    Read(&'static Protocol),
    /// Nobody reads it any longer.
    Ended,
    /// It ended because bytes were missing or there were too many.
    GivenUp,
}

struct Stream {
    sides: [Half; 2],
    reader: Reader,
}

enum Reader {
    /// The protocols that were asked want to see more bytes.
    Unknown,
    Known(Box<dyn Dissector>),
}

#[derive(Default)]
struct Half {
    /// Sequence number of the byte behind `bytes`.
    next: Option<u32>,
    /// In order, not taken yet.
    bytes: Vec<u8>,
    /// Bytes to come that nobody wants to see.
    skip: usize,
    /// Ahead of `next`, in order of coming.
    waiting: Vec<(u32, Box<[u8]>)>,
}

/// A session as its stream needs to know it.
#[derive(Clone, Copy)]
pub struct Ends {
    pub client_port: u16,
    pub server_port: u16,
    pub side: Side,
}

impl Streams {
    pub fn new(max_streams: usize, max_bytes: usize, max_side: usize) -> Streams {
        Streams { table: Table::new(max_streams, [NEVER]), held: 0, max_bytes, max_side }
    }

    /// Other bounds; streams beyond the new number are given up.
    pub fn resize(&mut self, max_streams: usize, max_bytes: usize, max_side: usize) {
        (self.max_bytes, self.max_side) = (max_bytes, max_side);
        let held = &mut self.held;
        self.table.resize(max_streams, [NEVER], |_, stream| *held -= stream.held());
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Begins the stream of session `name`, read by `protocol`, or by the one
    /// that recognises it. `starts` are the numbers of each side's next byte,
    /// where they are known. When there are too many, the one that was silent
    /// longest has to go: `true`.
    pub fn open(
        &mut self,
        name: Name,
        protocol: Option<&'static Protocol>,
        starts: [Option<u32>; 2],
        now: Time,
    ) -> bool {
        let reader = match protocol.and_then(|protocol| protocol.stream) {
            Some(begin) => Reader::Known(begin()),
            None => Reader::Unknown,
        };
        let sides = starts.map(|next| Half { next, ..Half::default() });
        let (_, gone) = self.table.insert(name, 0, now, Stream { sides, reader });
        if let Some((_, stream)) = &gone {
            self.held -= stream.held();
        }
        gone.is_some()
    }

    /// Ends the stream of a session that is over.
    pub fn close(&mut self, name: Name, sink: &mut dyn Sink) {
        if let Some(slot) = self.table.find(&name) {
            self.end(slot, sink);
        }
    }

    /// There will be no more of a stream: its dissector hears of it.
    fn end(&mut self, slot: Slot, sink: &mut dyn Sink) {
        if let Some((_, stream)) = self.table.get_mut(slot) {
            stream.end(sink);
        }
        self.remove(slot);
    }

    fn remove(&mut self, slot: Slot) {
        if let Some((_, stream)) = self.table.remove(slot) {
            self.held -= stream.held();
        }
    }

    /// Takes in one segment. What the dissector finds goes to `sink`.
    pub fn segment(
        &mut self,
        name: Name,
        ends: Ends,
        tcp: &Tcp<'_>,
        now: Time,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let Some(slot) = self.table.find(&name) else { return Outcome::Ended };
        self.table.touch(slot, 0, now);
        let Some((_, stream)) = self.table.get_mut(slot) else { return Outcome::Ended };
        let before = stream.held();
        let mut outcome = stream.segment(ends, tcp, self.max_side, sink);
        self.held = self.held - before + stream.held();
        if self.held > self.max_bytes && matches!(outcome, Outcome::Open | Outcome::Named(_)) {
            outcome = Outcome::GivenUp;
        }
        self.settle(slot, outcome, sink);
        outcome
    }

    /// Takes in one datagram of a session whose datagrams are read together.
    pub fn datagram(
        &mut self,
        name: Name,
        side: Side,
        bytes: &[u8],
        now: Time,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let Some(slot) = self.table.find(&name) else { return Outcome::Ended };
        self.table.touch(slot, 0, now);
        let Some((_, stream)) = self.table.get_mut(slot) else { return Outcome::Ended };
        let Reader::Known(dissector) = &mut stream.reader else { return Outcome::Ended };
        let before = dissector.held();
        let step = dissector.data(side, bytes, sink);
        self.held = self.held - before + dissector.held();
        let outcome = match step {
            Step::Take(_) if self.held > self.max_bytes => Outcome::GivenUp,
            Step::Take(_) => Outcome::Open,
            Step::Done | Step::Reject | Step::Again(_) => Outcome::Ended,
        };
        self.settle(slot, outcome, sink);
        outcome
    }

    /// Does away with a stream that nobody reads any longer.
    fn settle(&mut self, slot: Slot, outcome: Outcome, sink: &mut dyn Sink) {
        match outcome {
            Outcome::GivenUp => self.end(slot, sink),
            Outcome::Ended | Outcome::Read(_) => self.remove(slot),
            Outcome::Named(protocol) if protocol.stream.is_none() => self.remove(slot),
            Outcome::Open | Outcome::Named(_) => {}
        }
    }
}

impl Stream {
    /// Memory that it takes, in bytes.
    fn held(&self) -> usize {
        let side = |half: &Half| {
            half.bytes.capacity() + half.waiting.iter().map(|(_, bytes)| bytes.len() + 32).sum::<usize>()
        };
        let dissector = match &self.reader {
            Reader::Known(dissector) => dissector.held(),
            Reader::Unknown => 0,
        };
        self.sides.iter().map(side).sum::<usize>() + dissector
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Reader::Known(dissector) = &mut self.reader {
            dissector.end(sink);
        }
    }

    fn segment(&mut self, ends: Ends, tcp: &Tcp<'_>, max_side: usize, sink: &mut dyn Sink) -> Outcome {
        let half = &mut self.sides[ends.side as usize];
        let next = *half.next.get_or_insert(tcp.seq);
        // Cut off by the snap length: the bytes behind are lost for good.
        let lost = (tcp.payload.len() as u32) < tcp.length;
        let mut ahead = tcp.seq.wrapping_sub(next) as i32;
        // A hole in what nobody wants to see is none.
        if ahead > 0 && half.bytes.is_empty() && ahead as usize <= half.skip {
            half.skip -= ahead as usize;
            half.next = Some(tcp.seq);
            ahead = 0;
        }
        if ahead > 0 {
            let waiting: usize = half.waiting.iter().map(|(_, bytes)| bytes.len()).sum();
            if lost || half.waiting.len() >= MAX_WAITING || waiting + tcp.payload.len() > max_side {
                return Outcome::GivenUp;
            }
            half.waiting.push((tcp.seq, tcp.payload.into()));
            return Outcome::Open;
        }
        let old = ahead.unsigned_abs() as usize;
        let Some(fresh) = tcp.payload.get(old..).filter(|fresh| !fresh.is_empty()) else {
            return Outcome::Open;
        };
        let mut outcome = self.deliver(ends, fresh, max_side, sink);
        while let (Outcome::Open | Outcome::Named(_), Some(bytes)) = (outcome, self.fitting(ends.side)) {
            let named = outcome;
            outcome = self.deliver(ends, &bytes, max_side, sink);
            outcome = match (named, outcome) {
                (Outcome::Named(_), Outcome::Open) => named,
                (Outcome::Named(protocol), Outcome::Ended) => Outcome::Read(protocol),
                (_, outcome) => outcome,
            }
        }
        match outcome {
            Outcome::Open | Outcome::Named(_) if lost && !self.leaves_out(ends.side, tcp) => Outcome::GivenUp,
            outcome => outcome,
        }
    }

    /// Whether what the snap length cut off `tcp` is to be left out anyway.
    fn leaves_out(&mut self, side: Side, tcp: &Tcp<'_>) -> bool {
        let half = &mut self.sides[side as usize];
        let end = tcp.seq.wrapping_add(tcp.length);
        let lost = half.next.map_or(0, |next| end.wrapping_sub(next)) as usize;
        let fits = half.bytes.is_empty() && lost <= half.skip;
        if fits {
            half.skip -= lost;
            half.next = Some(end);
        }
        fits
    }

    /// The part of a waiting segment that has become due.
    fn fitting(&mut self, side: Side) -> Option<Vec<u8>> {
        let half = &mut self.sides[side as usize];
        let next = half.next?;
        while let Some(at) = half.waiting.iter().position(|(seq, _)| next.wrapping_sub(*seq) as i32 >= 0) {
            let (seq, bytes) = half.waiting.swap_remove(at);
            let old = next.wrapping_sub(seq) as usize;
            if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                return Some(fresh.to_vec());
            }
        }
        None
    }

    /// Hands on bytes that are next in order.
    fn deliver(&mut self, ends: Ends, fresh: &[u8], max_side: usize, sink: &mut dyn Sink) -> Outcome {
        let half = &mut self.sides[ends.side as usize];
        half.next = half.next.map(|next| next.wrapping_add(fresh.len() as u32));
        let skipped = half.skip.min(fresh.len());
        half.skip -= skipped;
        let fresh = &fresh[skipped..];
        if fresh.is_empty() {
            return Outcome::Open;
        }
        if half.bytes.len() + fresh.len() > max_side {
            return Outcome::GivenUp;
        }
        // Without a rest from before, the segment is read where it lies.
        let whole = if half.bytes.is_empty() {
            fresh
        } else {
            half.bytes.extend_from_slice(fresh);
            &half.bytes
        };
        let mut named = None;
        let mut taken = 0;
        // Once more for each protocol inside another.
        while let Some(rest) = whole.get(taken..).filter(|rest| !rest.is_empty()) {
            if let Reader::Unknown = self.reader {
                let opening = Opening {
                    proto: proto::TCP,
                    client_port: ends.client_port,
                    server_port: ends.server_port,
                    side: ends.side,
                    bytes: rest,
                };
                match identify(&opening) {
                    Identity::Unknown => return Outcome::Ended,
                    Identity::Is(protocol) => match protocol.stream {
                        Some(begin) => {
                            self.reader = Reader::Known(begin());
                            named = named.or(Some(protocol));
                        }
                        None => return named.map_or(Outcome::Named(protocol), Outcome::Read),
                    },
                    Identity::More => break,
                }
            }
            let Reader::Known(dissector) = &mut self.reader else { break };
            match dissector.data(ends.side, rest, sink) {
                Step::Take(more) => {
                    taken = taken.saturating_add(more);
                    break;
                }
                Step::Again(more) => {
                    self.reader = Reader::Unknown;
                    taken = taken.saturating_add(more);
                }
                Step::Done => return named.map_or(Outcome::Ended, Outcome::Read),
                Step::Reject => return Outcome::Ended,
            }
        }
        let half = &mut self.sides[ends.side as usize];
        let there = taken.min(half.bytes.len().max(fresh.len()));
        half.skip = taken - there;
        if half.bytes.is_empty() {
            half.bytes.extend_from_slice(&fresh[there..]);
        } else {
            half.bytes.drain(..there);
            if half.bytes.is_empty() {
                half.bytes = Vec::new();
            }
        }
        named.map_or(Outcome::Open, Outcome::Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::dns::{DNS, Kind, Message};
    use crate::wire::flag;

    #[derive(Default)]
    struct Ids(Vec<u16>);

    impl Sink for Ids {
        fn dns(&mut self, _: Kind, _: Side, message: &Message<'_>) {
            self.0.push(message.id());
        }
    }

    const ENDS: Ends = Ends { client_port: 40000, server_port: 53, side: Side::Client };

    /// Three queries, each with its length before it; their ids are 1, 2, 3.
    fn queries() -> Vec<u8> {
        (1..=3)
            .flat_map(|id| [&[0, 22, 0, id][..], b"\x01\0\0\x01\0\0\0\0\0\0\x03abc\0\0\x01\0\x01\0"].concat())
            .collect()
    }

    /// Sends pieces of the queries, given as ranges, and returns the ids read.
    fn read(pieces: &[(usize, usize)]) -> (Vec<u16>, bool) {
        let bytes = queries();
        let mut streams = Streams::new(4, 100_000, 10_000);
        let base = u32::MAX - 20;
        streams.open(1, None, [Some(base), None], Time::ZERO);
        let mut ids = Ids::default();
        let mut open = true;
        for &(from, to) in pieces {
            let payload = &bytes[from..to];
            let tcp = Tcp {
                src_port: 40000,
                dst_port: 53,
                seq: base.wrapping_add(from as u32),
                ack: 0,
                flags: flag::ACK,
                payload,
                length: payload.len() as u32,
            };
            let outcome = streams.segment(1, ENDS, &tcp, Time::ZERO, &mut ids);
            open &= matches!(outcome, Outcome::Open | Outcome::Named(_));
        }
        assert_eq!(streams.held == 0, ids.0.len() == 3 || !open, "nothing is held for what was read");
        (ids.0, open)
    }

    #[test]
    fn every_way_to_cut_gives_the_same_messages() {
        let length = queries().len();
        assert_eq!(read(&[(0, length)]), (vec![1, 2, 3], true));
        for cut in 1..length {
            assert_eq!(read(&[(0, cut), (cut, length)]).0, [1, 2, 3], "{cut}");
            assert_eq!(read(&[(cut, length), (0, cut)]).0, [1, 2, 3], "swapped at {cut}");
            assert_eq!(read(&[(0, cut), (0, cut), (cut / 2, length)]).0, [1, 2, 3], "overlapping at {cut}");
        }
        let bytewise: Vec<_> = (0..length).map(|n| (n, n + 1)).collect();
        assert_eq!(read(&bytewise).0, [1, 2, 3]);
        let backwards: Vec<_> = (0..length).rev().step_by(2).map(|n| (n.saturating_sub(1), n + 1)).collect();
        assert_eq!(read(&backwards).0, [1, 2, 3]);
    }

    #[test]
    fn a_hole_that_stays_holds_back_what_is_behind() {
        assert_eq!(read(&[(0, 24), (30, 72)]), (vec![1], true));
    }

    #[test]
    fn a_snapped_segment_is_read_as_far_as_it_goes() {
        let bytes = queries();
        let mut streams = Streams::new(4, 100_000, 10_000);
        streams.open(1, Some(&DNS), [Some(0), None], Time::ZERO);
        let mut ids = Ids::default();
        let tcp = Tcp {
            src_port: 1,
            dst_port: 53,
            seq: 0,
            ack: 0,
            flags: 0,
            payload: &bytes[..40],
            length: bytes.len() as u32,
        };
        assert!(matches!(streams.segment(1, ENDS, &tcp, Time::ZERO, &mut ids), Outcome::GivenUp));
        assert_eq!((ids.0, streams.len()), (vec![1], 0));
    }

    #[test]
    fn memory_is_bounded_by_side_by_sum_and_by_number() {
        let mut streams = Streams::new(2, 3_000, 2_000);
        let mut ids = Ids::default();
        let mut send = |streams: &mut Streams, name, seq, payload: &[u8]| {
            let tcp = Tcp {
                src_port: 1,
                dst_port: 53,
                seq,
                ack: 0,
                flags: 0,
                payload,
                length: payload.len() as u32,
            };
            streams.segment(name, ENDS, &tcp, Time::ZERO, &mut ids)
        };
        for name in [1, 2] {
            assert!(!streams.open(name, Some(&DNS), [Some(0), None], Time::ZERO));
        }
        let begun = [&[0xff, 0xff][..], &[0; 1_400]].concat();
        assert!(matches!(send(&mut streams, 1, 0, &begun), Outcome::Open));
        assert!(
            matches!(send(&mut streams, 1, 1_402, &[0; 700]), Outcome::GivenUp),
            "one side has its bound"
        );
        assert_eq!(streams.held, 0);
        assert!(matches!(send(&mut streams, 2, 5_000, &[0; 1_500]), Outcome::Open));
        assert!(!streams.open(3, Some(&DNS), [Some(0), None], Time::ZERO));
        assert!(matches!(send(&mut streams, 3, 5_000, &[0; 1_500]), Outcome::GivenUp), "so has the sum");
        assert!(!streams.open(4, Some(&DNS), [Some(0), None], Time::ZERO));
        assert!(streams.open(5, Some(&DNS), [Some(0), None], Time::ZERO));
        assert_eq!((streams.len(), streams.held), (2, 0));
    }
}
