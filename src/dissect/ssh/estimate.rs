//! How a log-in to SSH seems to end, by the sizes of what is encrypted.
//!
//! A log-in is a game of questions and answers (RFC 4252): the client asks for the
//! service, which the server accepts; then for each way to prove who it is comes a
//! SUCCESS, a FAILURE, or a question. ACCEPT has 17 bytes and SUCCESS has one:
//! padded for any cipher and MAC that is 16 bytes less. FAILURE lists the ways that
//! are left, and is the same each time; most clients ask for it first. The rule is
//! Zeek's (`src/analyzer/protocol/ssh/SSH.cc`), by answers and not by segments.
//!
//! No packet is shorter than 16 bytes (RFC 4253, 6). Dropbear does not count the
//! length among them; with ChaCha20, the only cipher in use that pads to 8 bytes
//! and leaves the length out, its SUCCESS is 8 bytes less than ACCEPT. There no
//! FAILURE is as short. Where packets are packed, sizes tell nothing.

use crate::dissect::Side;
use crate::dissect::login::Outcome;

/// Bytes that SUCCESS is shorter than ACCEPT, and with ChaCha20 may be.
const LESS: usize = 16;
const LESS_OF_CHACHA: usize = 8;

const CHACHA: &[u8] = b"chacha20-poly1305@openssh.com";

/// Bytes that ACCEPT can have, with padding and the longest MAC.
const ACCEPT: std::ops::RangeInclusive<usize> = 28..=112;

/// Answers in which a log-in comes to an end. Servers hang up after some six.
const MAX_ANSWERS: u8 = 64;

/// Packs what both sides say from the first encrypted byte on.
const ZLIB: &[u8] = b"zlib";

#[derive(Default)]
pub struct Estimate {
    /// What both sides would take for what the server sends.
    chacha: [bool; 2],
    zlib: [bool; 2],
    /// Whether the client began to send what is encrypted. What the server says
    /// before are its extensions (RFC 8308).
    asked: bool,
    /// What the server answers now: its first segment, and all of it.
    answer: Option<(usize, usize)>,
    /// Size of the answer that accepts the service.
    accept: Option<usize>,
    /// Size of what seems to be FAILURE, and of the last answer.
    failure: Option<usize>,
    last: usize,
    /// Answers to a client that proves who it is.
    answers: u8,
    was_told: bool,
}

impl Estimate {
    /// Takes in what `side` offers for what the server sends.
    pub fn offers(&mut self, side: Side, ciphers: &[u8], packings: &[u8]) {
        // Taken is the client's first choice that the server can do (RFC 4253, 7.1).
        let would_take = |list: &[u8], name: &[u8]| {
            let mut names = list.split(|&byte| byte == b',');
            if side == Side::Client { names.next() == Some(name) } else { names.any(|it| it == name) }
        };
        self.chacha[side as usize] = would_take(ciphers, CHACHA);
        self.zlib[side as usize] = would_take(packings, ZLIB);
    }

    /// Whether sizes tell nothing.
    fn is_blind(&self) -> bool {
        self.zlib == [true; 2] || self.accept.is_some_and(|size| !ACCEPT.contains(&size))
    }

    /// Takes in `length` encrypted bytes of `side`, which came together: an outcome,
    /// if a try ended there. None where there is no use in going on.
    pub fn segment(&mut self, side: Side, length: usize) -> Option<Option<Outcome>> {
        match side {
            Side::Client => {
                self.asked = true;
                let outcome = self.judge();
                let is_over = self.answers >= MAX_ANSWERS || self.is_blind();
                self.was_told |= outcome.is_some();
                (!is_over).then_some(outcome)
            }
            Side::Server => {
                if self.asked {
                    let (_, all) = self.answer.get_or_insert((length, 0));
                    *all = all.saturating_add(length);
                }
                Some(None)
            }
        }
    }

    /// What the last answer seems to be. If none seemed anything and the last one is
    /// the shortest, that is a FAILURE; but who goes after a first one may have
    /// asked only which ways there are.
    pub fn end(&mut self) -> Option<Outcome> {
        if !self.asked {
            return None;
        }
        let last = if self.is_blind() { None } else { self.judge() };
        let is_refused = self.answers >= 2 && self.failure == Some(self.last) && !self.is_blind();
        let all = if is_refused { Outcome::SeemsRefused } else { Outcome::Unknown };
        last.or((!self.was_told).then_some(all))
    }

    /// Judges the answer that came.
    fn judge(&mut self) -> Option<Outcome> {
        let (first, all) = self.answer.take()?;
        let Some(accept) = self.accept else {
            self.accept = Some(all);
            return None;
        };
        self.answers = self.answers.saturating_add(1);
        self.last = all;
        // Behind a SUCCESS a server may tell its keys.
        let is_chacha = self.chacha == [true; 2];
        let is_success = |size| {
            let less = accept.checked_sub(size);
            less == Some(LESS) || is_chacha && less == Some(LESS_OF_CHACHA)
        };
        if is_success(first) || is_success(all) {
            return Some(Outcome::SeemsAccepted);
        }
        match self.failure {
            Some(failure) if failure == all => return Some(Outcome::SeemsRefused),
            // The first one had extensions or a banner before it.
            Some(failure) if failure > all => self.failure = Some(all),
            None => self.failure = Some(all),
            Some(_) => {}
        }
        None
    }
}
