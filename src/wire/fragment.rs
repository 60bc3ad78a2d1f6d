//! Datagrams that came in pieces, put together within a bound.
//!
//! Every piece counts for the session it belongs to, the ones that never
//! found their fellows too; only the first piece says which session that is.

use std::net::IpAddr;
use std::time::Duration;

use super::ip::{Fragment, Ip};
use super::{Frame, Span};
use crate::table::Table;
use crate::time::Time;

/// RFC 8200, 4.5 gives up on a datagram after 60 s, Linux after 30.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A piece that comes this soon after its datagram was whole is a copy. Later
/// it is of another datagram: identifiers have 16 bits and come round.
const COPIES: Duration = Duration::from_secs(1);

/// The most pieces one datagram may have; at the smallest MTU of IPv4 that
/// anyone uses (576 bytes) the largest datagram has 119.
const MAX_PIECES: usize = 256;

/// Bytes of a whole datagram that are kept to know its copies' ports.
const HEAD: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// IPv4 only: in IPv6 the pieces of one datagram may name different
    /// protocols, and the first one is right (RFC 8200, 4.5).
    proto: u8,
}

/// A piece's place in its datagram, with the length it had on the wire.
struct Part {
    offset: usize,
    length: usize,
    bytes: Box<[u8]>,
}

/// A datagram while its pieces come in.
#[derive(Default)]
struct Pieces {
    /// In order of offset.
    parts: Vec<Part>,
    /// The payload's length in bytes, known from the last piece.
    total: Option<usize>,
    packets: u32,
    bytes: u32,
    span: Span,
    /// Of the first piece: its protocol, time to live and frame.
    proto: u8,
    ttl: u8,
    at: Frame,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Gathering,
    /// Pieces that differ lie over one another: whoever receives it throws it
    /// away (RFC 5722), so its content is nobody's.
    Overlapping,
    /// It was whole at this time and has gone on its way.
    Gone(Time),
}

/// A datagram put together as far as it goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The frame its first piece came in.
    pub at: Frame,
    /// When its pieces came.
    pub span: Span,
    pub src: IpAddr,
    pub dst: IpAddr,
    /// What the payload begins with; in IPv6 maybe another extension header.
    pub proto: u8,
    pub ttl: u8,
    /// How many packets it came in.
    pub packets: u32,
    /// IP-layer bytes of all of them.
    pub bytes: u32,
    /// From the first byte to the first that is missing.
    pub payload: Vec<u8>,
    /// Bytes of the payload that are missing at its end.
    pub cut: u32,
    /// Its payload is for the ports only: it was read before, or by nobody.
    pub is_spent: bool,
}

/// What became of pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This datagram goes on its way, whole or not.
    Done(Datagram),
    /// This many packets belong to no session: their first piece never came.
    Orphans(u32),
}

/// Holds pieces until their datagrams are whole.
pub struct Reassembler {
    datagrams: Table<Key, Pieces, 1>,
    held: usize,
    max_bytes: usize,
}

impl Reassembler {
    /// At most `max_datagrams` at once, and `max_bytes` bytes of pieces.
    pub fn new(max_datagrams: usize, max_bytes: usize) -> Reassembler {
        Reassembler { datagrams: Table::new(max_datagrams, [TIMEOUT]), held: 0, max_bytes }
    }

    /// Takes in one piece. Calls `each` with what is done now: the datagram it
    /// completes, or others that it pushed out.
    pub fn piece(
        &mut self,
        now: Time,
        at: Frame,
        ip: &Ip<'_>,
        fragment: Fragment,
        mut each: impl FnMut(Outcome),
    ) {
        self.expire(now, &mut each);
        let proto = if ip.src.is_ipv4() { ip.proto } else { 0 };
        let key = Key { src: ip.src, dst: ip.dst, id: fragment.id, proto };
        let slot = match self.datagrams.find(&key) {
            Some(slot) => slot,
            None => {
                let (slot, gone) = self.datagrams.insert(key, 0, now, Pieces::default());
                if let Some((key, pieces)) = gone {
                    self.give_up(key, pieces, &mut each);
                }
                slot
            }
        };
        let Some((key, pieces)) = self.datagrams.get_mut(slot) else { return };
        let key = *key;
        let before = pieces.held();
        if let State::Gone(whole) = pieces.state {
            if now.since(whole) <= COPIES {
                return each(Outcome::Done(pieces.copy(key, at, ip)));
            }
            *pieces = Pieces::default();
        }
        pieces.add(at, ip, fragment);
        if pieces.is_whole() {
            each(pieces.join(key));
            pieces.forget(now);
        }
        self.held = self.held + pieces.held() - before;
        while self.held > self.max_bytes {
            let Some((key, pieces)) = self.datagrams.pop() else { break };
            self.give_up(key, pieces, &mut each);
        }
    }

    /// Gives up datagrams that waited too long.
    pub fn expire(&mut self, now: Time, mut each: impl FnMut(Outcome)) {
        while let Some((key, pieces)) = self.datagrams.expire(now) {
            self.give_up(key, pieces, &mut each);
        }
    }

    /// Gives up all of them: the capture is at its end.
    pub fn finish(&mut self, mut each: impl FnMut(Outcome)) {
        while let Some((key, pieces)) = self.datagrams.pop() {
            self.give_up(key, pieces, &mut each);
        }
    }

    /// When something expires next.
    pub fn deadline(&self) -> Option<Time> {
        self.datagrams.deadline()
    }

    /// The clock was set.
    pub fn step(&mut self, from: Time, to: Time) {
        self.datagrams.step(from, to);
    }

    fn give_up(&mut self, key: Key, pieces: Pieces, each: &mut impl FnMut(Outcome)) {
        self.held -= pieces.held();
        if !matches!(pieces.state, State::Gone(_)) {
            each(pieces.join(key));
        }
    }
}

impl Pieces {
    /// Memory that the pieces take, in bytes.
    fn held(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.len() + size_of::<Part>()).sum()
    }

    fn add(&mut self, at: Frame, ip: &Ip<'_>, fragment: Fragment) {
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(ip.bytes);
        self.span = if self.packets == 1 { at.span } else { self.span.with(at.span) };
        let length = ip.payload.len() + ip.cut as usize;
        if !fragment.more {
            self.total.get_or_insert(fragment.offset + length);
        }
        if fragment.offset == 0 {
            (self.proto, self.ttl, self.at) = (ip.proto, ip.ttl, at);
        }
        let place = self.parts.partition_point(|part| part.offset < fragment.offset);
        let same = |part: &Part| part.offset == fragment.offset && part.length == length;
        if self.parts.get(place).is_some_and(same) {
            return;
        }
        let before =
            place.checked_sub(1).map_or(0, |before| self.parts[before].offset + self.parts[before].length);
        let behind = self.parts.get(place).map_or(usize::MAX, |part| part.offset);
        if before > fragment.offset || behind < fragment.offset + length || self.parts.len() >= MAX_PIECES {
            self.state = State::Overlapping;
        } else {
            self.parts.insert(place, Part { offset: fragment.offset, length, bytes: ip.payload.into() });
        }
    }

    fn is_whole(&self) -> bool {
        let mut end = 0;
        let gapless = self.parts.iter().all(|part| {
            let fits = part.offset == end;
            end = part.offset + part.length;
            fits
        });
        gapless && self.total == Some(end) && self.state == State::Gathering
    }

    /// The datagram as far as its pieces go, and how many there were.
    fn join(&self, key: Key) -> Outcome {
        if self.parts.first().is_none_or(|part| part.offset != 0) {
            return Outcome::Orphans(self.packets);
        }
        let mut payload = Vec::new();
        for part in &self.parts {
            if part.offset != payload.len() {
                break;
            }
            payload.extend_from_slice(&part.bytes);
        }
        let end = self.parts.last().map_or(0, |part| part.offset + part.length);
        let cut = self.total.unwrap_or(end).saturating_sub(payload.len());
        Outcome::Done(Datagram {
            at: self.at,
            span: self.span,
            src: key.src,
            dst: key.dst,
            proto: self.proto,
            ttl: self.ttl,
            packets: self.packets,
            bytes: self.bytes,
            payload,
            cut: cut as u32,
            is_spent: self.state != State::Gathering,
        })
    }

    /// Keeps of a datagram that has gone on its way what its copies need.
    fn forget(&mut self, now: Time) {
        self.state = State::Gone(now);
        let head = self.parts.first_mut().map(|first| {
            let kept = first.bytes.len().min(HEAD);
            Part { offset: 0, length: kept, bytes: first.bytes[..kept].into() }
        });
        self.parts = head.into_iter().collect();
    }

    /// A copy of a piece of a datagram that has gone on its way.
    fn copy(&self, key: Key, at: Frame, ip: &Ip<'_>) -> Datagram {
        Datagram {
            at,
            span: at.span,
            src: key.src,
            dst: key.dst,
            proto: self.proto,
            ttl: ip.ttl,
            packets: 1,
            bytes: ip.bytes,
            payload: self.parts.first().map_or(Vec::new(), |part| part.bytes.to_vec()),
            cut: 0,
            is_spent: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(
        reassembler: &mut Reassembler,
        secs: u64,
        id: u32,
        offset: usize,
        more: bool,
        payload: &[u8],
    ) -> Vec<Outcome> {
        let fragment = Fragment { id, offset, more };
        let ip = Ip {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            proto: 17,
            ttl: 64,
            bytes: 20 + payload.len() as u32,
            fragment: Some(fragment),
            payload,
            cut: 0,
        };
        let mut seen = Vec::new();
        reassembler
            .piece(Time::from_secs(secs), Frame::default(), &ip, fragment, |outcome| seen.push(outcome));
        seen
    }

    fn done(outcomes: &[Outcome]) -> Option<(u32, u32, &[u8], u32)> {
        match outcomes {
            [Outcome::Done(d)] => Some((d.packets, d.bytes, &d.payload, d.cut)),
            _ => None,
        }
    }

    #[test]
    fn pieces_in_any_order_make_the_datagram() {
        let mut r = Reassembler::new(4, 10_000);
        assert_eq!(piece(&mut r, 0, 1, 16, false, b"end"), []);
        assert_eq!(piece(&mut r, 0, 1, 0, true, b"01234567"), []);
        let whole = piece(&mut r, 0, 1, 8, true, b"89abcdef");
        assert_eq!(done(&whole), Some((3, 79, b"0123456789abcdefend".as_slice(), 0)));
        assert!(r.held < 100);
    }

    #[test]
    fn a_repeated_piece_counts_and_changes_nothing() {
        let mut r = Reassembler::new(4, 10_000);
        piece(&mut r, 0, 1, 0, true, b"01234567");
        piece(&mut r, 0, 1, 0, true, b"XXXXXXXX");
        let whole = piece(&mut r, 0, 1, 8, false, b"end");
        assert_eq!(done(&whole), Some((3, 79, b"01234567end".as_slice(), 0)));
        let copy = piece(&mut r, 1, 1, 0, true, b"01234567");
        assert!(matches!(&copy[..], [Outcome::Done(d)] if d.is_spent && d.packets == 1 && d.bytes == 28));
        assert_eq!(
            piece(&mut r, 3, 1, 0, true, b"another!"),
            [],
            "by now the identifier is another datagram's"
        );
    }

    #[test]
    fn pieces_that_differ_and_overlap_are_counted_but_not_read() {
        let mut r = Reassembler::new(4, 10_000);
        piece(&mut r, 0, 1, 0, true, b"01234567");
        piece(&mut r, 0, 1, 0, true, b"XXXXXXXXXXXXXXXX");
        assert_eq!(piece(&mut r, 0, 1, 8, false, b"end"), []);
        let late = piece(&mut r, 30, 2, 8, true, b"x");
        assert!(matches!(&late[..], [Outcome::Done(d)] if d.is_spent && d.packets == 3), "{late:?}");
    }

    #[test]
    fn what_never_became_whole_goes_on_as_far_as_it_came() {
        let mut r = Reassembler::new(4, 10_000);
        piece(&mut r, 0, 1, 0, true, b"01234567");
        piece(&mut r, 0, 1, 24, false, b"end");
        piece(&mut r, 1, 2, 8, true, b"89abcdef");
        let late = piece(&mut r, 31, 3, 8, true, b"x");
        assert_eq!(late.len(), 2);
        assert_eq!(done(&late[..1]), Some((2, 51, b"01234567".as_slice(), 19)));
        assert_eq!(late[1], Outcome::Orphans(1));
    }

    #[test]
    fn memory_is_bounded_by_number_and_by_bytes() {
        let mut r = Reassembler::new(2, 3_000);
        piece(&mut r, 0, 1, 0, true, &[0; 800]);
        piece(&mut r, 0, 2, 0, true, &[0; 800]);
        assert_eq!(piece(&mut r, 0, 3, 0, true, &[0; 800]).len(), 1);
        assert_eq!(piece(&mut r, 0, 3, 800, true, &[0; 1600]).len(), 1);
        assert!(r.held <= 3_000);
        let mut r = Reassembler::new(2, 1 << 30);
        for n in 0..5_000 {
            piece(&mut r, 0, 9, n * 16, true, b"01234567");
        }
        assert!(r.held <= MAX_PIECES * 64, "{}", r.held);
    }
}
