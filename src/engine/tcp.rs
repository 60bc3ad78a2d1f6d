//! What is followed of a TCP connection: its state, its round trip and what
//! was sent twice (RFC 9293).

use crate::dissect::Side;
use crate::time::Time;
use crate::wire::{Tcp, flag};

/// Where a connection is. Coarser than RFC 9293 has it: a tap between the two
/// ends does not know which segments arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// Seen in mid-stream only, or nothing yet.
    #[default]
    Open,
    /// The client's SYN.
    SynSent,
    /// The server's SYN and ACK.
    SynReceived,
    /// The handshake is complete, or data came.
    Established,
    /// One side has sent its FIN.
    HalfClosed,
    /// Both sides have sent their FIN, or one has and a RST came next.
    Closed,
    /// One side has sent a RST, and none a FIN before.
    Reset,
}

impl State {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            State::SynSent => "syn_sent",
            State::SynReceived => "syn_recv",
            State::Open | State::Established => "established",
            State::HalfClosed => "closing",
            State::Closed | State::Reset => "closed",
        }
    }

    pub fn is_over(self) -> bool {
        matches!(self, State::Closed | State::Reset)
    }
}

/// A segment below what was seen is not a repetition but late when it fills a
/// hole this soon, in microseconds; Wireshark draws the line in the same place.
const REORDERING: u32 = 3_000;

/// The lower bits of a time in microseconds: enough to tell spans of up to an
/// hour, in half the space.
#[derive(Clone, Copy, Default, Debug)]
struct Stamp(u32);

impl Stamp {
    fn of(time: Time) -> Stamp {
        Stamp(time.micros() as u32)
    }

    /// Microseconds from this to `now`.
    fn until(self, now: Time) -> u32 {
        Stamp::of(now).0.wrapping_sub(self.0)
    }
}

/// One direction's sequence numbers.
#[derive(Clone, Copy, Default, Debug)]
struct Half {
    /// The next sequence number; meaningless before `begun`.
    next: u32,
    /// Bytes that were skipped: first, behind the last, and when.
    hole: (u32, u32),
    hole_at: Stamp,
    flags: u8,
    begun: bool,
}

/// One connection.
#[derive(Clone, Copy, Default, Debug)]
pub struct Connection {
    state: State,
    halves: [Half; 2],
    /// The client's SYN began with this number.
    first: Option<u32>,
    /// When the latest part of the handshake came.
    mark: Stamp,
    rtt: Option<u32>,
    retransmissions: u32,
}

impl Connection {
    pub fn state(&self) -> State {
        self.state
    }

    /// All flags that `side` set.
    pub fn flags(&self, side: Side) -> u8 {
        self.halves[side as usize].flags
    }

    /// From the client's SYN to its ACK of the server's, in microseconds.
    pub fn rtt(&self) -> Option<u32> {
        self.rtt.filter(|_| !matches!(self.state, State::SynSent | State::SynReceived))
    }

    pub fn retransmissions(&self) -> u32 {
        self.retransmissions
    }

    /// The number of the next byte from `side`, once anything came from it.
    pub fn next(&self, side: Side) -> Option<u32> {
        let half = &self.halves[side as usize];
        half.begun.then_some(half.next)
    }

    /// Whether `tcp` opens another connection between the same ports: a SYN
    /// with a number that is not this one's. (Some clients send the same SYN
    /// again after it was refused.)
    pub fn is_reused_by(&self, tcp: &Tcp<'_>) -> bool {
        tcp.flags & (flag::SYN | flag::ACK | flag::RST) == flag::SYN && self.first != Some(tcp.seq)
    }

    /// Takes in one segment from `side`.
    #[inline(always)]
    pub fn segment(&mut self, side: Side, tcp: &Tcp<'_>, now: Time) {
        self.handshake(side, tcp, now);
        self.sequence(side, tcp, now);
        let half = &mut self.halves[side as usize];
        half.flags |= tcp.flags;
        if self.state.is_over() {
            return;
        }
        if tcp.flags & flag::RST != 0 {
            // Clients that have said FIN refuse what TLS says as its good-bye.
            let closing = self.state == State::HalfClosed;
            self.state = if closing { State::Closed } else { State::Reset };
        } else if self.halves.iter().all(|half| half.flags & flag::FIN != 0) {
            self.state = State::Closed;
        } else if tcp.flags & flag::FIN != 0 {
            self.state = State::HalfClosed;
        }
    }

    fn handshake(&mut self, side: Side, tcp: &Tcp<'_>, now: Time) {
        let syn = tcp.flags & flag::SYN != 0;
        let ack = tcp.flags & flag::ACK != 0;
        match (self.state, syn, ack) {
            // A SYN that is sent again: the round trip counts from the last one.
            (State::Open | State::SynSent, true, false) if side == Side::Client => {
                self.state = State::SynSent;
                self.first = Some(tcp.seq);
                self.mark = Stamp::of(now);
            }
            (State::SynSent, true, true) if side == Side::Server => {
                self.state = State::SynReceived;
                self.rtt = Some(self.mark.until(now));
                self.mark = Stamp::of(now);
            }
            (State::Open, true, true) => self.state = State::SynReceived,
            (State::SynReceived, false, true) if side == Side::Client => {
                self.state = State::Established;
                self.rtt = self.rtt.map(|rtt| rtt.saturating_add(self.mark.until(now)));
            }
            // The handshake was not seen whole.
            (State::Open | State::SynSent | State::SynReceived, false, _) if tcp.length > 0 => {
                self.state = State::Established;
                self.rtt = None;
            }
            _ => {}
        }
    }

    /// Follows the numbers and counts what comes again.
    fn sequence(&mut self, side: Side, tcp: &Tcp<'_>, now: Time) {
        let half = &mut self.halves[side as usize];
        let syn_or_fin = u32::from(tcp.flags & flag::SYN != 0) + u32::from(tcp.flags & flag::FIN != 0);
        let length = tcp.length.wrapping_add(syn_or_fin);
        let end = tcp.seq.wrapping_add(length);
        if !half.begun {
            // In mid-stream an empty segment may be a keep-alive, whose number
            // is one below the next byte's; so may one of a single byte.
            half.begun = syn_or_fin != 0 || length > 1;
            half.next = end;
            return;
        }
        if length == 0 || tcp.flags & flag::RST != 0 {
            return;
        }
        // Sequence numbers wrap: what is less than half the circle ahead is newer.
        let ahead = tcp.seq.wrapping_sub(half.next) as i32;
        if ahead >= 0 {
            if ahead > 0 {
                half.hole = (half.next, tcp.seq);
                half.hole_at = Stamp::of(now);
            }
            half.next = end;
            return;
        }
        let in_hole = tcp.seq.wrapping_sub(half.hole.0) < half.hole.1.wrapping_sub(half.hole.0);
        if in_hole && half.hole_at.until(now) <= REORDERING {
            half.hole.0 = end;
        } else if !(ahead == -1 && tcp.length <= 1 && syn_or_fin == 0) {
            // A byte just below the next one is a keep-alive (RFC 9293, 3.8.4).
            self.retransmissions = self.retransmissions.saturating_add(1);
        }
        if end.wrapping_sub(half.next) as i32 > 0 {
            half.next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Side::{Client, Server};
    use super::*;

    const SYN: u8 = flag::SYN;
    const ACK: u8 = flag::ACK;
    const FIN: u8 = flag::FIN | flag::ACK;

    fn tcp(flags: u8, seq: u32, length: u32) -> Tcp<'static> {
        Tcp { src_port: 1, dst_port: 2, seq, ack: 0, flags, payload: &[], length }
    }

    /// Plays segments at the given milliseconds.
    fn play(segments: &[(u64, Side, u8, u32, u32)]) -> Connection {
        let mut connection = Connection::default();
        for &(at, side, flags, seq, length) in segments {
            connection.segment(side, &tcp(flags, seq, length), Time::from_micros(at * 1_000));
        }
        connection
    }

    #[test]
    fn a_handshake_gives_state_and_round_trip() {
        let steps = [(0, Client, SYN, 9, 0), (20, Server, SYN | ACK, 99, 0), (25, Client, ACK, 10, 0)];
        assert_eq!(play(&steps[..1]).state(), State::SynSent);
        assert_eq!(play(&steps[..2]).state(), State::SynReceived);
        assert_eq!(play(&steps[..2]).rtt(), None);
        let whole = play(&steps);
        assert_eq!((whole.state(), whole.rtt()), (State::Established, Some(25_000)));
        assert_eq!((whole.next(Client), whole.next(Server)), (Some(10), Some(100)));
    }

    #[test]
    fn the_round_trip_counts_from_the_last_syn() {
        let whole = play(&[
            (0, Client, SYN, 9, 0),
            (1_000, Client, SYN, 9, 0),
            (1_020, Server, SYN | ACK, 99, 0),
            (1_025, Client, ACK, 10, 0),
        ]);
        assert_eq!(
            (whole.rtt(), whole.retransmissions()),
            (Some(25_000), 1),
            "a SYN is a byte in the numbering"
        );
    }

    #[test]
    fn it_is_over_with_both_fins_or_one_rst() {
        let open = [(0, Client, ACK, 10, 5), (1, Server, ACK, 100, 5)];
        let half = [&open[..], &[(2, Client, FIN, 15, 0)]].concat();
        assert_eq!(play(&open).state(), State::Established);
        assert_eq!(play(&half).state(), State::HalfClosed);
        assert_eq!(play(&[&half[..], &[(3, Server, FIN, 105, 0)]].concat()).state(), State::Closed);
        assert_eq!(play(&[&half[..], &[(3, Client, flag::RST, 16, 0)]].concat()).state(), State::Closed);
        assert_eq!(play(&[&open[..], &[(3, Server, flag::RST, 105, 0)]].concat()).state(), State::Reset);
        assert_eq!(play(&half).flags(Client), FIN);
    }

    #[test]
    fn a_syn_with_another_number_opens_another_connection() {
        let open = play(&[(0, Client, SYN, 9, 0)]);
        assert!(!open.is_reused_by(&tcp(SYN, 9, 0)), "the same SYN again");
        assert!(open.is_reused_by(&tcp(SYN, 10, 0)));
        assert!(!open.is_reused_by(&tcp(SYN | ACK, 10, 0)));
        let over = play(&[(0, Client, SYN, 9, 0), (1, Server, flag::RST, 0, 0)]);
        assert!(over.is_reused_by(&tcp(SYN, 7, 0)) && !over.is_reused_by(&tcp(SYN, 9, 0)));
        assert!(play(&[(0, Client, ACK, 9, 4)]).is_reused_by(&tcp(SYN, 9, 0)), "begun in mid-stream");
    }

    #[test]
    fn in_mid_stream_a_keep_alive_does_not_tell_the_next_number() {
        let silent = play(&[(0, Client, ACK, 9, 0), (5, Client, ACK, 9, 1), (9, Server, ACK, 70, 0)]);
        assert_eq!((silent.next(Client), silent.next(Server)), (None, None));
        let spoken = play(&[(0, Client, ACK, 9, 0), (5, Client, ACK, 10, 20)]);
        assert_eq!((spoken.next(Client), spoken.retransmissions()), (Some(30), 0));
    }

    #[test]
    fn what_comes_again_is_counted_and_what_comes_late_is_not() {
        let count = |segments: &[_]| play(segments).retransmissions();
        assert_eq!(count(&[(0, Client, ACK, 0, 100), (1, Client, ACK, 100, 100)]), 0);
        assert_eq!(count(&[(0, Client, ACK, 0, 100), (1, Client, ACK, 0, 100)]), 1);
        assert_eq!(count(&[(0, Client, ACK, 0, 100), (1, Client, ACK, 50, 100)]), 1);
        let swapped =
            |late| [(0, Client, ACK, 0, 100), (1, Client, ACK, 200, 100), (late, Client, ACK, 100, 100)];
        assert_eq!(count(&swapped(2)), 0, "out of order");
        assert_eq!(count(&swapped(200)), 1, "lost before the tap and sent again");
        assert_eq!(count(&[(0, Client, ACK, 0, 100), (1, Client, ACK, 99, 1)]), 0, "keep-alive");
        assert_eq!(count(&[(0, Client, ACK, u32::MAX - 9, 20), (1, Client, ACK, 10, 5)]), 0, "numbers wrap");
    }
}
