//! Commands that wait for their answers, which come in the same order.

use std::collections::VecDeque;

use super::Mail;

/// Commands that may wait; those in a row that are of no interest count as one.
const MAX_PENDING: usize = 64;

/// What waits for an answer.
#[derive(Debug)]
pub enum Asked {
    /// So many commands of which nobody wants to know.
    Other(u32),
    /// MAIL or RCPT, so many, of the mail with this number.
    Envelope(u32, u32),
    Auth,
    Data,
    /// A mail that was handed over.
    Mail(Box<Mail>),
}

#[derive(Default)]
pub struct Pending(VecDeque<Asked>);

impl Pending {
    /// One more waits. What can't wait any longer comes back.
    #[must_use]
    pub fn push(&mut self, asked: Asked) -> Option<Asked> {
        match (self.0.back_mut(), &asked) {
            (Some(Asked::Other(count)), Asked::Other(more)) => {
                *count = count.saturating_add(*more);
                return None;
            }
            (Some(Asked::Envelope(count, number)), Asked::Envelope(more, of)) if number == of => {
                *count = count.saturating_add(*more);
                return None;
            }
            _ => {}
        }
        let gone = if self.0.len() >= MAX_PENDING { self.0.pop_front() } else { None };
        self.0.push_back(asked);
        gone
    }

    /// What an answer is to. AUTH waits on where the server only asks for more.
    pub fn answered(&mut self, code: u16) -> Option<Asked> {
        match self.0.front_mut() {
            Some(Asked::Other(count)) if *count > 1 => {
                *count -= 1;
                Some(Asked::Other(1))
            }
            Some(Asked::Envelope(count, number)) if *count > 1 => {
                *count -= 1;
                Some(Asked::Envelope(1, *number))
            }
            Some(Asked::Auth) if code == 334 => Some(Asked::Auth),
            _ => self.0.pop_front(),
        }
    }

    /// All that still waits, which does so no more.
    pub fn take(&mut self) -> impl Iterator<Item = Asked> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }

    /// Memory that it takes beside itself, in bytes.
    pub fn held(&self) -> usize {
        let mails = self.0.iter().map(|asked| match asked {
            Asked::Mail(mail) => mail.held(),
            _ => 0,
        });
        mails.sum::<usize>() + self.0.capacity() * size_of::<Asked>()
    }
}
