//! Follows a connection from head to head, over bodies that nobody reads.

use std::collections::VecDeque;

use super::authorization::{Credentials, Told};
use super::head::{self, Length};
use super::{Exchange, MAX_BODY, MAX_HEAD};
use crate::dissect::{Dissector, Side, Sink, Step, Verdict};

/// Requests that may wait for their responses (pipelining, RFC 9112, 9.3.2).
const MAX_PENDING: usize = 32;

/// Bytes of a line within a body: a chunk's size, a trailer.
const MAX_LINE: usize = 4_096;

/// Bytes that are searched for the next head where something else was: on the
/// requests' side, and on the other, where a capture may begin within a body.
const MAX_LOST: [usize; 2] = [16_384, 1 << 20];

/// Reads one connection.
#[derive(Default)]
pub struct Stream {
    halves: [Half; 2],
    /// The side that sends requests, if the bytes have told. A capture that
    /// begins late may have taken the wrong one for the client.
    requests: Option<Side>,
    pending: VecDeque<Pending>,
    /// Requests behind those that came out without their responses, because
    /// too many were waiting.
    unpaired: usize,
    /// A host was handed out.
    named: bool,
    /// The log-ins that were.
    told: Told,
    opening: Opening,
    held: usize,
}

/// A request without its response.
#[derive(Default)]
struct Pending {
    exchange: Exchange,
    credentials: Option<Box<Credentials>>,
}

impl Pending {
    fn held(&self) -> usize {
        self.exchange.held() + self.credentials.as_ref().map_or(0, |credentials| credentials.held())
    }
}

/// How the first body of an answer begins.
#[derive(Default)]
enum Opening {
    /// There was none yet.
    #[default]
    Awaited,
    /// So far, on this side.
    Growing(Side, Vec<u8>),
    /// It was handed out, or nobody wants it.
    Settled,
}

#[derive(Default)]
struct Half {
    next: Next,
    /// Bytes of a head that have been searched for its end; while one is looked
    /// for, of a line.
    searched: usize,
    /// Bytes in which no head was found.
    lost: usize,
}

/// What comes next on one side.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Head,
    /// A body or a chunk, with this many bytes left.
    Body {
        left: u64,
        chunk: bool,
    },
    /// The size of a chunk, perhaps behind the end of the one before.
    Size,
    Trailer,
    /// A request to CONNECT waits for its response.
    Tunnel,
    /// Something that should not be there.
    Lost,
    /// Whatever it is, until the connection is closed.
    Rest,
}

/// What one step made of the bytes.
enum Got {
    /// This many are dealt with; maybe more than there are.
    Took(usize),
    More,
    /// Nobody wants to know more.
    Done,
    /// Another protocol follows behind this many bytes.
    Again(usize),
}

impl Dissector for Stream {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut at: usize = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.step(side, rest, sink) {
                Got::Took(taken) => at = at.saturating_add(taken),
                Got::More => break,
                Got::Done => {
                    self.end(sink);
                    return Step::Done;
                }
                Got::Again(taken) => {
                    self.end(sink);
                    return Step::Again(at.saturating_add(taken));
                }
            }
        }
        if self.halves.iter().all(|half| half.next == Next::Rest) {
            // What is read until the close may still be wanted.
            if matches!(self.opening, Opening::Growing(..)) {
                return Step::Take(at);
            }
            self.end(sink);
            return if self.requests.is_some() { Step::Done } else { Step::Reject };
        }
        Step::Take(at)
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.held = 0;
        for side in [Side::Client, Side::Server] {
            self.opened(side, sink);
        }
        for Pending { exchange, credentials } in std::mem::take(&mut self.pending) {
            self.log_in(credentials, &exchange, sink);
            sink.http(exchange);
        }
        self.told = Told::default();
    }

    fn held(&self) -> usize {
        let opening = if let Opening::Growing(_, bytes) = &self.opening { bytes.capacity() } else { 0 };
        self.held + opening + self.pending.capacity() * size_of::<Pending>() + self.told.held()
    }
}

impl Stream {
    fn half(&mut self, side: Side) -> &mut Half {
        &mut self.halves[side as usize]
    }

    /// `bytes` are not empty.
    fn step(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Got {
        let next = self.half(side).next;
        match next {
            Next::Head => self.head(side, bytes, sink),
            Next::Body { left, chunk } => {
                let within = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let wanted = self.open(side, &bytes[..within], sink);
                let taken = if wanted { within as u64 } else { left.min(i32::MAX as u64) };
                let left = left - taken;
                self.half(side).next = match (left, chunk) {
                    (0, true) => Next::Size,
                    (0, false) => Next::Head,
                    _ => Next::Body { left, chunk },
                };
                if left == 0 && !chunk {
                    self.opened(side, sink);
                }
                Got::Took(taken as usize)
            }
            Next::Size => self.size(side, bytes, sink),
            Next::Trailer => self.trailer(side, bytes),
            Next::Tunnel => Got::Took(bytes.len()),
            Next::Lost => self.search(side, bytes),
            Next::Rest if self.open(side, bytes, sink) => Got::Took(bytes.len()),
            Next::Rest => Got::Took(u32::MAX as usize),
        }
    }

    /// Whether what follows `bytes` of a body on `side` is wanted too.
    fn open(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> bool {
        let Opening::Growing(of, opening) = &mut self.opening else { return false };
        if *of != side {
            return false;
        }
        let room = MAX_BODY.saturating_sub(opening.len());
        opening.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if opening.len() < MAX_BODY {
            return true;
        }
        self.opened(side, sink);
        false
    }

    /// The body on `side` is over, or as much of it as is wanted.
    fn opened(&mut self, side: Side, sink: &mut dyn Sink) {
        match std::mem::replace(&mut self.opening, Opening::Settled) {
            Opening::Growing(of, opening) if of == side => {
                if !opening.is_empty() {
                    sink.body(&opening);
                }
            }
            other => self.opening = other,
        }
    }

    fn head(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Got {
        // Empty lines may come before a head (RFC 9112, 2.2).
        let blank = bytes.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            return Got::Took(blank);
        }
        let requests = match self.requests {
            Some(requests) => side == requests,
            None => match sends_requests(side, bytes) {
                Some(requests) => requests,
                None => return Got::More,
            },
        };
        let half = self.half(side);
        let begins = if requests { head::may_be_request(bytes) } else { head::is_response(bytes).is_some() };
        if !begins {
            half.searched = 0;
            half.next = Next::Lost;
            return Got::Took(0);
        }
        let within = bytes.get(..MAX_HEAD).unwrap_or(bytes);
        let end = head::end(within, half.searched);
        half.searched = within.len();
        if end.is_none() && within.len() < MAX_HEAD {
            return Got::More;
        }
        half.searched = 0;
        half.next = Next::Lost;
        let head = within.get(..end.unwrap_or(MAX_HEAD)).unwrap_or(within);
        if requests {
            self.request(side, head, end.is_some(), sink)
        } else {
            self.response(side, head, end.is_some(), sink)
        }
    }

    /// A head of a request. Where the next one is can't be told if this one
    /// has no end.
    fn request(&mut self, side: Side, bytes: &[u8], whole: bool, sink: &mut dyn Sink) -> Got {
        let Some((exchange, length, credentials)) = head::request(bytes) else { return Got::Took(0) };
        self.requests.get_or_insert(side);
        if let Some(host) = exchange.host.as_deref().filter(|_| !self.named) {
            sink.http_host(host);
            self.named = true;
        }
        if self.named && exchange.method != "CONNECT" && !sink.wants_details() {
            return Got::Done;
        }
        let half = self.half(side);
        half.lost = 0;
        half.next = match length {
            _ if !whole => Next::Lost,
            _ if exchange.method == "CONNECT" => Next::Tunnel,
            length => body(length),
        };
        if self.unpaired > 0 || self.pending.len() >= MAX_PENDING {
            self.unpaired += 1;
            sink.http(exchange);
        } else {
            let pending = Pending { exchange, credentials: credentials.map(Box::new) };
            self.held += pending.held();
            self.pending.push_back(pending);
        }
        Got::Took(bytes.len())
    }

    fn response(&mut self, side: Side, bytes: &[u8], whole: bool, sink: &mut dyn Sink) -> Got {
        let status = head::line(bytes).and_then(|(line, _)| head::status(line));
        let Some(status) = status else { return Got::Took(0) };
        self.requests.get_or_insert(side.other());
        self.half(side).lost = 0;
        // Not the last word on the request (RFC 9110, 15.2).
        if whole && (100..200).contains(&status) && status != 101 {
            self.half(side).next = Next::Head;
            return Got::Took(bytes.len());
        }
        let request = self.pending.pop_front();
        let known = request.is_some() || self.unpaired == 0;
        if request.is_none() {
            self.unpaired = self.unpaired.saturating_sub(1);
        }
        let pending = request.unwrap_or_default();
        self.held = self.held.saturating_sub(pending.held());
        let Pending { mut exchange, credentials } = pending;
        let Some(length) = head::response(bytes, &mut exchange) else { return Got::Took(0) };
        let connect = exchange.method == "CONNECT";
        self.log_in(credentials, &exchange, sink);
        if known {
            sink.http(exchange);
        }
        if status == 101 {
            return Got::Done;
        }
        if connect && (200..300).contains(&status) {
            return Got::Again(bytes.len());
        }
        if connect {
            self.half(side.other()).next = Next::Head;
        }
        self.half(side).next = if whole { body(length) } else { Next::Lost };
        let has_body = !matches!(self.half(side).next, Next::Head | Next::Lost);
        if known && has_body && matches!(self.opening, Opening::Awaited) {
            let wanted = sink.wants_body();
            self.opening = if wanted { Opening::Growing(side, Vec::new()) } else { Opening::Settled };
        }
        Got::Took(bytes.len())
    }

    fn log_in(&mut self, credentials: Option<Box<Credentials>>, exchange: &Exchange, sink: &mut dyn Sink) {
        if let Some(login) = credentials.and_then(|credentials| self.told.login(*credentials, exchange)) {
            sink.login(login);
        }
    }

    fn size(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Got {
        let blank = bytes.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            return Got::Took(blank);
        }
        let Some((line, rest)) = head::line(bytes.get(..MAX_LINE).unwrap_or(bytes)) else {
            return self.without_line(side, bytes);
        };
        self.half(side).next = match head::chunk_size(line) {
            Some(0) => {
                self.opened(side, sink);
                Next::Trailer
            }
            Some(left) => Next::Body { left, chunk: true },
            None => {
                self.half(side).next = Next::Lost;
                return Got::Took(0);
            }
        };
        Got::Took(bytes.len().min(MAX_LINE) - rest.len())
    }

    fn trailer(&mut self, side: Side, bytes: &[u8]) -> Got {
        // Some leave out the last empty line.
        match head::is_response(bytes) {
            Some(Verdict::Yes) => {
                self.half(side).next = Next::Head;
                return Got::Took(0);
            }
            Some(_) => return Got::More,
            None => {}
        }
        let Some((line, rest)) = head::line(bytes.get(..MAX_LINE).unwrap_or(bytes)) else {
            return self.without_line(side, bytes);
        };
        if line.is_empty() {
            self.half(side).next = Next::Head;
        }
        Got::Took(bytes.len().min(MAX_LINE) - rest.len())
    }

    fn without_line(&mut self, side: Side, bytes: &[u8]) -> Got {
        if bytes.len() < MAX_LINE {
            return Got::More;
        }
        self.half(side).next = Next::Lost;
        Got::Took(0)
    }

    /// Looks for the next head: a request's at the beginning of a line, a
    /// response's anywhere, because bodies may end anywhere.
    fn search(&mut self, side: Side, bytes: &[u8]) -> Got {
        let requests = self.requests.unwrap_or(Side::Client) == side;
        let half = self.half(side);
        let budget = MAX_LOST[usize::from(!requests)].saturating_sub(half.lost);
        // However few bytes come at a time, each is searched once.
        let searched = std::mem::take(&mut half.searched);
        let found =
            if requests { next_request(bytes, half.lost == 0, searched) } else { next_response(bytes) };
        let (at, next) = match found {
            Found::At(at) if at < budget => (at, Next::Head),
            Found::NotBefore(at) if at < budget => (at, Next::Lost),
            _ => (budget, Next::Rest),
        };
        half.lost += at;
        half.next = next;
        if next == Next::Lost && at == 0 {
            half.searched = bytes.len();
            return Got::More;
        }
        Got::Took(at)
    }
}

/// What comes behind a head.
fn body(length: Length) -> Next {
    match length {
        Length::None | Length::Bytes(0) => Next::Head,
        Length::Bytes(left) => Next::Body { left, chunk: false },
        Length::Chunked => Next::Size,
        Length::UntilClose => Next::Rest,
    }
}

/// Whether `side` sends the requests, by its first bytes; `None` if more are
/// needed.
fn sends_requests(side: Side, bytes: &[u8]) -> Option<bool> {
    match head::is_response(bytes) {
        Some(Verdict::Yes) => return Some(false),
        Some(_) => return None,
        None if side == Side::Client => return Some(true),
        None if !head::may_be_request(bytes) => return Some(false),
        None => {}
    }
    let start = bytes.get(..MAX_LINE).unwrap_or(bytes);
    match head::line(start) {
        Some((line, _)) => Some(head::is_request_line(line)),
        None if start.len() < MAX_LINE => None,
        None => Some(false),
    }
}

enum Found {
    At(usize),
    /// Nothing begins before this.
    NotBefore(usize),
}

/// `within` is whether `bytes` begin where a line does not.
fn next_request(bytes: &[u8], within: bool, searched: usize) -> Found {
    let (mut at, mut searched) = (0, searched);
    let mut skip = within;
    while let Some(rest) = bytes.get(at..) {
        let start = rest.get(..MAX_LINE).unwrap_or(rest);
        let Some((line, behind)) = head::line_ending_behind(start, std::mem::take(&mut searched)) else {
            // A line that is too long is none; its end is a beginning.
            return Found::NotBefore(if rest.len() < MAX_LINE { at } else { at + MAX_LINE });
        };
        if !skip && head::is_request_line(line) {
            return Found::At(at);
        }
        skip = false;
        at += start.len() - behind.len();
    }
    Found::NotBefore(at)
}

fn next_response(bytes: &[u8]) -> Found {
    let mut at = 0;
    while let Some(letter) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'H')) {
        at += letter;
        match head::is_response(bytes.get(at..).unwrap_or_default()) {
            Some(Verdict::Yes) => return Found::At(at),
            Some(_) => return Found::NotBefore(at),
            None => at += 1,
        }
    }
    Found::NotBefore(bytes.len())
}
