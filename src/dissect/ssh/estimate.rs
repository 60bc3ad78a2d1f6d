//! How a log-in to SSH seems to end, by the sizes of what is encrypted.
//!
//! A log-in is a game of questions and answers (RFC 4252): the client asks for the
//! service, which the server accepts; then for each way to prove who it is comes a
//! SUCCESS, a FAILURE, or a question. ACCEPT has 17 bytes and SUCCESS has one:
//! padded for any cipher and MAC that is 16 bytes less. FAILURE lists the ways that
//! are left, and is the same each time; most clients ask for it first. The rule is
//! Zeek's (`src/analyzer/protocol/ssh/SSH.cc`), by answers and not by segments.
//! Where the client packs what it sends, sizes tell nothing.

use crate::dissect::Side;
use crate::dissect::login::Outcome;

/// Bytes that SUCCESS is shorter than ACCEPT.
const LESS: usize = 16;

/// Bytes that ACCEPT can have, with padding and the longest MAC.
const ACCEPT: std::ops::RangeInclusive<usize> = 28..=112;

/// Answers in which a log-in comes to an end. Servers hang up after some six.
const MAX_ANSWERS: u8 = 64;

#[derive(Default)]
pub struct Estimate {
    /// Whether the client began to send what is encrypted. What the server says
    /// before are its extensions (RFC 8308).
    asked: bool,
    /// What the server answers now: its first segment, and all of it.
    answer: Option<(usize, usize)>,
    /// Size of the answer that accepts the service.
    accept: Option<usize>,
    /// Size of what seems to be FAILURE.
    failure: Option<usize>,
    /// Answers to a client that proves who it is.
    answers: u8,
    was_told: bool,
}

impl Estimate {
    /// Takes in `length` encrypted bytes of `side`, which came together. An outcome
    /// if a try ended there; none where there will be none.
    pub fn segment(&mut self, side: Side, length: usize) -> Option<Option<Outcome>> {
        match side {
            Side::Client => {
                self.asked = true;
                let outcome = self.judge();
                let is_over =
                    self.answers >= MAX_ANSWERS || self.accept.is_some_and(|size| !ACCEPT.contains(&size));
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

    /// What the last answer seems to be, and if none seemed anything, all of them:
    /// who goes after a first answer may have asked only which ways there are.
    pub fn end(&mut self) -> Option<Outcome> {
        if !self.asked || self.accept.is_some_and(|size| !ACCEPT.contains(&size)) {
            return (self.asked && !self.was_told).then_some(Outcome::Unknown);
        }
        let last = self.judge();
        let all = if self.answers >= 2 { Outcome::SeemsRefused } else { Outcome::Unknown };
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
        // Behind a SUCCESS a server may tell its keys.
        let success = accept.checked_sub(LESS);
        if success == Some(first) || success == Some(all) {
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
