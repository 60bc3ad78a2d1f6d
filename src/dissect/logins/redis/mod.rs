//! Redis (its documentation, "Redis serialization protocol specification"): AUTH,
//! and HELLO with AUTH in it.

mod replies;
mod requests;

use std::collections::VecDeque;

use super::messages::Unreadable;
use crate::dissect::login::{Login, Outcome};
use crate::dissect::{Dissector, Product, Side, Sink, Step};
use replies::{Replies, Reply, Status};
use requests::{Command, Requests};

/// Commands that may wait for their replies. Who sends more at once has logged in.
const MAX_PENDING: usize = 256;

/// Bytes of each side in which a log-in is looked for. It comes first.
const MAX_TALK: usize = 1 << 14;

/// Who logs in without a name.
const DEFAULT: &str = "default";

/// Reads one connection.
#[derive(Default)]
pub struct Redis {
    requests: Requests,
    replies: Replies,
    pending: VecDeque<Command>,
    said: [usize; 2],
    version: Option<String>,
}

impl Dissector for Redis {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        if !sink.wants_details() {
            return Step::Done;
        }
        let mut rest = bytes;
        let mut left = bytes.len();
        loop {
            let read = match side {
                Side::Client => self.ask(&mut rest),
                Side::Server => self.answer(&mut rest, sink),
            };
            let said = &mut self.said[side as usize];
            *said = said.saturating_add(left - rest.len());
            left = rest.len();
            match read {
                Ok(true) if *said <= MAX_TALK => {}
                Ok(false) => return Step::Take(bytes.len() - left),
                _ => {
                    self.end(sink);
                    return Step::Done;
                }
            }
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        for command in std::mem::take(&mut self.pending) {
            self.log_in(command, Outcome::Unknown, false, sink);
        }
    }

    fn held(&self) -> usize {
        self.pending.capacity() * size_of::<Command>() + self.pending.iter().map(Command::held).sum::<usize>()
    }
}

impl Redis {
    /// Takes a command; whether one was there.
    fn ask(&mut self, bytes: &mut &[u8]) -> Result<bool, Unreadable> {
        let Some(command) = self.requests.next(bytes)? else { return Ok(false) };
        if self.pending.len() >= MAX_PENDING {
            return Err(Unreadable);
        }
        self.pending.push_back(command);
        Ok(true)
    }

    /// Takes a reply; whether one was there.
    fn answer(&mut self, bytes: &mut &[u8], sink: &mut dyn Sink) -> Result<bool, Unreadable> {
        let Some(Reply { status, version }) = self.replies.next(bytes)? else { return Ok(false) };
        if let Some(command) = self.pending.pop_front() {
            if version.is_some() && command != Command::Other {
                self.version.clone_from(&version);
                sink.product(Product { name: Some("Redis".into()), version, ..Product::default() });
            }
            let outcome = if status == Status::Fine { Outcome::Accepted } else { Outcome::Refused };
            self.log_in(command, outcome, status != Status::Error, sink);
        }
        Ok(true)
    }

    /// Tells of a log-in; `is_name` if the server took the first of two words for
    /// one. Those before version 6 know no names: there it may be the beginning of
    /// a password with a blank in it.
    fn log_in(&mut self, command: Command, outcome: Outcome, is_name: bool, sink: &mut dyn Sink) {
        let Command::Auth { user } = command else { return };
        sink.login(Login {
            service: "redis",
            user: user.filter(|name| is_name || name == DEFAULT),
            method: Some("password".into()),
            outcome,
            server_version: self.version.clone(),
            ..Login::default()
        });
    }
}

#[cfg(test)]
mod tests;
