//! The first frames of sessions whose app is not known yet.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::source::Frame;
use crate::time::Time;
use crate::wire::LinkType;

/// After this an app is known or never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory that a frame takes beside its bytes.
const OVERHEAD: usize = 64;

/// Held back, up to a bound.
pub struct Waiting {
    sessions: HashMap<u32, Vec<Held>>,
    /// Sessions by their first frame.
    order: VecDeque<(Time, u32)>,
    /// Frames of one session, and bytes of all.
    max_frames: usize,
    max_bytes: usize,
    held: usize,
    /// Frames that had to go because there were too many.
    dropped: u64,
}

struct Held {
    time: Time,
    kind: LinkType,
    iface_name: String,
    bytes: Box<[u8]>,
    on_wire: u32,
}

impl Waiting {
    pub fn new(max_frames: usize, max_bytes: usize) -> Waiting {
        let (sessions, order) = (HashMap::new(), VecDeque::new());
        Waiting { sessions, order, max_frames, max_bytes, held: 0, dropped: 0 }
    }

    /// Holds back `frame` of a session, unless there are enough of it.
    pub fn hold(&mut self, session: u32, frame: &Frame<'_>, snaplen: usize) {
        let bytes = frame.bytes.get(..snaplen).unwrap_or(frame.bytes);
        self.forget(frame.time);
        if OVERHEAD + bytes.len() > self.max_bytes {
            self.dropped += 1;
            return;
        }
        let frames = self.sessions.entry(session).or_default();
        if frames.len() >= self.max_frames {
            return;
        }
        if frames.is_empty() {
            self.order.push_back((frame.time, session));
        }
        self.held += OVERHEAD + bytes.len();
        frames.push(Held {
            time: frame.time,
            kind: frame.kind,
            iface_name: frame.iface_name.into(),
            bytes: bytes.into(),
            on_wire: frame.on_wire,
        });
        while self.held > self.max_bytes
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.dropped += self.remove(oldest).len() as u64;
        }
    }

    /// Hands what is held of a session to `each`: its app is one that is wanted.
    pub fn take(&mut self, session: u32, each: &mut dyn FnMut(&Frame<'_>)) {
        if !self.sessions.contains_key(&session) {
            return;
        }
        self.order.retain(|(_, other)| *other != session);
        for held in self.remove(session) {
            let Held { time, kind, iface_name, bytes, on_wire } = &held;
            let (iface_name, bytes) = (iface_name.as_str(), &**bytes);
            each(&Frame { time: *time, iface: 0, iface_name, kind: *kind, bytes, on_wire: *on_wire });
        }
    }

    /// Lets go of those that began too long before `now`.
    fn forget(&mut self, now: Time) {
        while let Some(&(begun, session)) = self.order.front()
            && now.since(begun) > PATIENCE
        {
            self.order.pop_front();
            self.remove(session);
        }
    }

    fn remove(&mut self, session: u32) -> Vec<Held> {
        let frames = self.sessions.remove(&session).unwrap_or_default();
        self.held -= frames.iter().map(|held| OVERHEAD + held.bytes.len()).sum::<usize>();
        frames
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(secs: u64) -> Frame<'static> {
        let (time, bytes) = (Time::from_secs(secs), &[7; 936]);
        Frame { time, iface: 0, iface_name: "lan", kind: LinkType::Ethernet, bytes, on_wire: 1_000 }
    }

    fn taken(waiting: &mut Waiting, session: u32) -> Vec<u64> {
        let mut times = Vec::new();
        waiting.take(session, &mut |frame| times.push(frame.time.secs()));
        times
    }

    #[test]
    fn the_first_frames_of_a_session_come_out_once() {
        let mut waiting = Waiting::new(3, 100_000);
        for n in 1..6 {
            waiting.hold(7, &frame(n), 4096);
            waiting.hold(8, &frame(n), 4096);
        }
        assert_eq!(taken(&mut waiting, 7), [1, 2, 3]);
        assert!(taken(&mut waiting, 7).is_empty());
        assert_eq!((waiting.held, waiting.dropped()), (3_000, 0));
    }

    #[test]
    fn the_oldest_session_makes_room_and_is_counted() {
        let mut waiting = Waiting::new(3, 4_500);
        for n in 0..6 {
            waiting.hold(n, &frame(1), 4096);
        }
        assert!(taken(&mut waiting, 1).is_empty());
        assert_eq!(taken(&mut waiting, 2), [1]);
        assert_eq!((waiting.held, waiting.dropped(), waiting.order.len()), (3_000, 2, 3));
        waiting.hold(9, &Frame { bytes: &[0; 9_000], ..frame(1) }, 9_000);
        assert_eq!((waiting.held, waiting.dropped()), (3_000, 3), "too large for all of it");
    }

    #[test]
    fn what_has_no_app_after_a_minute_has_none() {
        let mut waiting = Waiting::new(3, 100_000);
        waiting.hold(1, &frame(100), 4096);
        waiting.hold(2, &frame(161), 4096);
        assert_eq!((waiting.held, waiting.dropped(), waiting.sessions.len()), (1_000, 0, 1));
    }
}
