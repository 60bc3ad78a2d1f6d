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

/// Pieces that may wait for the bytes before them, on one side.
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
    /// No protocol knows the bytes yet. The sides in `tried`, a bit for each,
    /// have said enough for all to be sure.
    Unknown {
        tried: u8,
    },
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
    /// Ahead of `next`, in order of coming. What follows one of them directly
    /// joins it.
    waiting: Vec<(u32, Vec<u8>)>,
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
    /// that recognises it; the sides in `tried` were asked before. `starts` are
    /// the numbers of each side's next byte, where they are known. When there
    /// are too many, the one that was silent longest has to go: `true`.
    pub fn open(
        &mut self,
        name: Name,
        protocol: Option<&'static Protocol>,
        tried: u8,
        starts: [Option<u32>; 2],
        now: Time,
    ) -> bool {
        let reader = match protocol.and_then(|protocol| protocol.stream) {
            Some(begin) => Reader::Known(begin()),
            None => Reader::Unknown { tried },
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

    /// The stream of session `name`, which is not silent.
    fn speaks(table: &mut Table<Name, Stream, 1>, name: Name, now: Time) -> Option<(Slot, &mut Stream)> {
        let slot = table.find(&name)?;
        table.touch(slot, 0, now);
        Some((slot, table.get_mut(slot)?.1))
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
        let Some((slot, stream)) = Self::speaks(&mut self.table, name, now) else { return Outcome::Ended };
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
        let Some((slot, stream)) = Self::speaks(&mut self.table, name, now) else { return Outcome::Ended };
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
            half.bytes.capacity() + half.waiting.iter().map(|(_, bytes)| bytes.capacity() + 32).sum::<usize>()
        };
        let dissector = match &self.reader {
            Reader::Known(dissector) => dissector.held(),
            Reader::Unknown { .. } => 0,
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
            if lost || waiting + tcp.payload.len() > max_side {
                return Outcome::GivenUp;
            }
            let ends_here =
                |piece: &&mut (u32, Vec<u8>)| piece.0.wrapping_add(piece.1.len() as u32) == tcp.seq;
            if let Some((_, bytes)) = half.waiting.iter_mut().find(ends_here) {
                bytes.extend_from_slice(tcp.payload);
            } else if half.waiting.len() < MAX_WAITING {
                half.waiting.push((tcp.seq, tcp.payload.into()));
            } else {
                return Outcome::GivenUp;
            }
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
                // What is inside a protocol does not rename it.
                (Outcome::Named(_), Outcome::Open | Outcome::Named(_)) => named,
                (Outcome::Named(protocol), Outcome::Ended | Outcome::Read(_)) => Outcome::Read(protocol),
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
            let (seq, mut bytes) = half.waiting.swap_remove(at);
            let old = next.wrapping_sub(seq) as usize;
            if old < bytes.len() {
                bytes.drain(..old);
                return Some(bytes);
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
            if let Reader::Unknown { tried } = &mut self.reader {
                let bit = 1 << ends.side as u8;
                if *tried & bit != 0 {
                    // The other side may still tell.
                    taken = whole.len();
                    break;
                }
                if !half.bytes.is_empty() && taken == 0 {
                    sink.opening(ends.side, rest);
                }
                let opening = Opening {
                    proto: proto::TCP,
                    client_port: ends.client_port,
                    server_port: ends.server_port,
                    side: ends.side,
                    bytes: rest,
                };
                match identify(&opening) {
                    Identity::Unknown => {
                        *tried |= bit;
                        if *tried == 3 {
                            return named.map_or(Outcome::Ended, Outcome::Read);
                        }
                        continue;
                    }
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
                    self.reader = Reader::Unknown { tried: 0 };
                    taken = taken.saturating_add(more);
                }
                Step::Done | Step::Reject => return named.map_or(Outcome::Ended, Outcome::Read),
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
mod tests;
