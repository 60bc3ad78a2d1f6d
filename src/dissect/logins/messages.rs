//! Protocols in messages that tell their own length.

use crate::dissect::{Dissector, Side, Sink, Step};

/// Bytes of a message that are looked at; what is behind them is left out.
pub const MAX_MESSAGE: usize = 8_192;

/// Bytes of each side in which a log-in is looked for. Most come first, but a
/// connection that is kept may change its user.
const MAX_TALK: usize = 1 << 20;

/// The same where only TLS may follow that anybody wants to know of.
const MAX_WORDS: usize = 1 << 14;

/// What a message begins with says of its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// So many bytes, those that say it included.
    Is(usize),
    /// Too few bytes to tell.
    More,
    /// Another protocol begins here.
    Other,
    /// This is no message.
    Broken,
}

impl Length {
    /// Of a message that is at least `least` bytes long; `More` for none.
    pub fn of(length: Option<usize>, least: usize) -> Length {
        match length {
            Some(length) if length >= least.max(1) => Length::Is(length),
            Some(_) => Length::Broken,
            None => Length::More,
        }
    }
}

/// What no message of the protocol is, or nothing that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// What follows a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    Message,
    /// Another protocol.
    Other,
    /// Nothing that tells more.
    Nothing,
}

/// How much each side said.
#[derive(Default)]
pub struct Talk {
    said: [usize; 2],
}

impl Talk {
    fn is_over(&mut self, side: Side, bytes: usize, bound: usize) -> bool {
        let said = &mut self.said[side as usize];
        *said = said.saturating_add(bytes);
        *said > bound
    }
}

/// A protocol in messages. Its `data` is [`read`].
pub trait Messages: Dissector {
    fn talk(&mut self) -> &mut Talk;

    /// How long the message is that `bytes` of `side` begin with. Asked when
    /// those before it were read.
    fn length(&self, side: Side, bytes: &[u8]) -> Length;

    /// Takes in a message, of a long one the first [`MAX_MESSAGE`] bytes.
    fn message(&mut self, side: Side, message: &[u8], sink: &mut dyn Sink) -> Next;
}

/// Reads what came whole, and tells the dissector when that was all.
pub fn read<M: Messages>(reader: &mut M, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
    let bound = if sink.wants_details() { MAX_TALK } else { MAX_WORDS };
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match reader.length(side, rest) {
            Length::Is(length) => length,
            Length::More => break,
            Length::Other => {
                reader.end(sink);
                return Step::Again(at);
            }
            Length::Broken => {
                reader.end(sink);
                return if at == 0 { Step::Reject } else { Step::Done };
            }
        };
        let Some(message) = rest.get(..length.min(MAX_MESSAGE)) else { break };
        let next = reader.message(side, message, sink);
        at = at.saturating_add(length);
        match next {
            Next::Message if !reader.talk().is_over(side, length, bound) => {}
            Next::Other => {
                reader.end(sink);
                return Step::Again(at);
            }
            Next::Message | Next::Nothing => {
                reader.end(sink);
                return Step::Done;
            }
        }
    }
    Step::Take(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tests::Found;

    /// Messages behind one byte of length in hundreds; notes what it was given.
    #[derive(Default)]
    struct Hundreds {
        talk: Talk,
        given: Vec<usize>,
        ended: bool,
    }

    impl Dissector for Hundreds {
        fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
            read(self, side, bytes, sink)
        }

        fn end(&mut self, _: &mut dyn Sink) {
            self.ended = true;
        }
    }

    impl Messages for Hundreds {
        fn talk(&mut self) -> &mut Talk {
            &mut self.talk
        }

        fn length(&self, _: Side, bytes: &[u8]) -> Length {
            if bytes.starts_with(b"?") {
                return Length::Other;
            }
            Length::of(bytes.first().map(|&hundreds| usize::from(hundreds) * 100), 1)
        }

        fn message(&mut self, _: Side, message: &[u8], _: &mut dyn Sink) -> Next {
            self.given.push(message.len());
            if message.first() == Some(&9) { Next::Other } else { Next::Message }
        }
    }

    #[test]
    fn messages_come_whole_and_long_ones_cut() {
        let (mut reader, mut found) = (Hundreds::default(), Found::default());
        let whole = [1; 250];
        assert_eq!(reader.data(Side::Server, &whole, &mut found), Step::Take(200));
        let long = [200; MAX_MESSAGE];
        assert_eq!(reader.data(Side::Server, &long[1..], &mut found), Step::Take(0));
        assert_eq!(reader.data(Side::Server, &long, &mut found), Step::Take(20_000));
        assert_eq!(reader.given, [100, 100, MAX_MESSAGE]);
    }

    #[test]
    fn what_is_no_message_or_is_followed_by_another_protocol_ends_it() {
        for (side, bytes, step) in [
            (Side::Server, [0; 1_000], Step::Reject),
            (Side::Server, [9; 1_000], Step::Again(900)),
            (Side::Client, [b'?'; 1_000], Step::Again(0)),
        ] {
            let mut reader = Hundreds::default();
            assert_eq!(reader.data(side, &bytes, &mut Found::default()), step);
            assert!(reader.ended);
        }
    }

    #[test]
    fn a_long_talk_is_left() {
        let mut reader = Hundreds::default();
        let message = [10; 1_000];
        let steps = (0..).map(|_| reader.data(Side::Server, &message, &mut Found::default()));
        assert_eq!(steps.take_while(|&step| step == Step::Take(1_000)).count(), MAX_TALK / 1_000);
        assert!(reader.ended);
    }
}
