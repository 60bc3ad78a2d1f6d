//! What the engine notices of the LAN and makes no row of: alerts are made of it.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::record::{Device, Mac};
use crate::time::Time;

/// Notices that wait to be taken; of more the oldest are lost.
const MAX_WAITING: usize = 256;

/// One thing that was noticed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A device in the LAN that the engine did not know: not seen since it began,
    /// nor within the last day.
    NewDevice {
        /// When it was seen first.
        time: Time,
        device: Device,
        /// Where it was seen.
        address: IpAddr,
    },
    /// Two MAC addresses say within a short time that they have the same address.
    ArpConflict {
        /// When the second one said so.
        time: Time,
        address: IpAddr,
        /// Who had it before.
        known: Mac,
        /// Who claims it now.
        claims: Mac,
    },
}

/// Notices until somebody takes them.
#[derive(Default)]
pub struct Notices {
    waiting: VecDeque<Notice>,
    lost: u64,
}

impl Notices {
    pub fn push(&mut self, notice: Notice) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back(notice);
    }

    /// All that wait, the oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.waiting.drain(..)
    }

    /// How many were lost so far because nobody took them in time.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(secs: u64) -> Notice {
        let address = [192, 168, 1, 5].into();
        Notice::NewDevice { time: Time::from_secs(secs), device: Device::Ip(address), address }
    }

    #[test]
    fn the_newest_notices_wait_and_the_others_are_counted() {
        let mut notices = Notices::default();
        (0..300).for_each(|secs| notices.push(notice(secs)));
        let taken: Vec<_> = notices.drain().collect();
        assert_eq!((taken.len(), notices.lost()), (MAX_WAITING, 44));
        assert_eq!((taken.first(), taken.last()), (Some(&notice(44)), Some(&notice(299))));
        assert_eq!(notices.drain().count(), 0);
    }
}
