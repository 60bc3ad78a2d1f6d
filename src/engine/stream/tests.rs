//! Segments cut, swapped and lost in every way.

use super::*;
use crate::dissect::dns::{DNS, Kind, Message};
use crate::wire::flag;

#[derive(Default)]
struct Ids(Vec<u16>);

impl Sink for Ids {
    fn dns(&mut self, _: Kind, _: Side, message: &Message<'_>) {
        self.0.push(message.id());
    }
}

const ENDS: Ends = Ends { client_port: 40000, server_port: 53, side: Side::Client };

/// Three queries, each with its length before it; their ids are 1, 2, 3.
fn queries() -> Vec<u8> {
    (1..=3)
        .flat_map(|id| [&[0, 22, 0, id][..], b"\x01\0\0\x01\0\0\0\0\0\0\x03abc\0\0\x01\0\x01\0"].concat())
        .collect()
}

/// Sends pieces of the queries, given as ranges, and returns the ids read.
fn read(pieces: &[(usize, usize)]) -> (Vec<u16>, bool) {
    let bytes = queries();
    let mut streams = Streams::new(4, 100_000, 10_000);
    let base = u32::MAX - 20;
    streams.open(1, None, 0, [Some(base), None], Time::ZERO);
    let mut ids = Ids::default();
    let mut open = true;
    for &(from, to) in pieces {
        let payload = &bytes[from..to];
        let tcp = Tcp {
            src_port: 40000,
            dst_port: 53,
            seq: base.wrapping_add(from as u32),
            ack: 0,
            flags: flag::ACK,
            payload,
            length: payload.len() as u32,
        };
        let outcome = streams.segment(1, ENDS, &tcp, Time::ZERO, &mut ids);
        open &= matches!(outcome, Outcome::Open | Outcome::Named(_));
    }
    assert_eq!(streams.held == 0, ids.0.len() == 3 || !open, "nothing is held for what was read");
    (ids.0, open)
}

#[test]
fn every_way_to_cut_gives_the_same_messages() {
    let length = queries().len();
    assert_eq!(read(&[(0, length)]), (vec![1, 2, 3], true));
    for cut in 1..length {
        assert_eq!(read(&[(0, cut), (cut, length)]).0, [1, 2, 3], "{cut}");
        assert_eq!(read(&[(cut, length), (0, cut)]).0, [1, 2, 3], "swapped at {cut}");
        assert_eq!(read(&[(0, cut), (0, cut), (cut / 2, length)]).0, [1, 2, 3], "overlapping at {cut}");
    }
    let bytewise: Vec<_> = (0..length).map(|n| (n, n + 1)).collect();
    assert_eq!(read(&bytewise).0, [1, 2, 3]);
    let backwards: Vec<_> = (0..length).rev().step_by(2).map(|n| (n.saturating_sub(1), n + 1)).collect();
    assert_eq!(read(&backwards).0, [1, 2, 3]);
}

#[test]
fn a_hole_that_stays_holds_back_what_is_behind() {
    assert_eq!(read(&[(0, 24), (30, 72)]), (vec![1], true));
}

#[test]
fn a_snapped_segment_is_read_as_far_as_it_goes() {
    let bytes = queries();
    let mut streams = Streams::new(4, 100_000, 10_000);
    streams.open(1, Some(&DNS), 0, [Some(0), None], Time::ZERO);
    let mut ids = Ids::default();
    let tcp = Tcp {
        src_port: 1,
        dst_port: 53,
        seq: 0,
        ack: 0,
        flags: 0,
        payload: &bytes[..40],
        length: bytes.len() as u32,
    };
    assert!(matches!(streams.segment(1, ENDS, &tcp, Time::ZERO, &mut ids), Outcome::GivenUp));
    assert_eq!((ids.0, streams.len()), (vec![1], 0));
}

#[test]
fn memory_is_bounded_by_side_by_sum_and_by_number() {
    let mut streams = Streams::new(2, 3_000, 2_000);
    let mut ids = Ids::default();
    let mut send = |streams: &mut Streams, name, seq, payload: &[u8]| {
        let tcp =
            Tcp { src_port: 1, dst_port: 53, seq, ack: 0, flags: 0, payload, length: payload.len() as u32 };
        streams.segment(name, ENDS, &tcp, Time::ZERO, &mut ids)
    };
    for name in [1, 2] {
        assert!(!streams.open(name, Some(&DNS), 0, [Some(0), None], Time::ZERO));
    }
    let begun = [&[0xff, 0xff][..], &[0; 1_400]].concat();
    assert!(matches!(send(&mut streams, 1, 0, &begun), Outcome::Open));
    assert!(matches!(send(&mut streams, 1, 1_402, &[0; 700]), Outcome::GivenUp), "one side has its bound");
    assert_eq!(streams.held, 0);
    assert!(matches!(send(&mut streams, 2, 5_000, &[0; 1_500]), Outcome::Open));
    assert!(!streams.open(3, Some(&DNS), 0, [Some(0), None], Time::ZERO));
    assert!(matches!(send(&mut streams, 3, 5_000, &[0; 1_500]), Outcome::GivenUp), "so has the sum");
    assert!(!streams.open(4, Some(&DNS), 0, [Some(0), None], Time::ZERO));
    assert!(streams.open(5, Some(&DNS), 0, [Some(0), None], Time::ZERO));
    assert_eq!((streams.len(), streams.held), (2, 0));
}

/// Sends `bytes` of one side, from `seq` on.
fn send(streams: &mut Streams, side: Side, seq: u32, bytes: &[u8]) -> Outcome {
    let tcp = Tcp {
        src_port: 40000,
        dst_port: 22,
        seq,
        ack: 0,
        flags: flag::ACK,
        payload: bytes,
        length: bytes.len() as u32,
    };
    let ends = Ends { client_port: 40000, server_port: 22, side };
    streams.segment(1, ends, &tcp, Time::ZERO, &mut Ids::default())
}

#[test]
fn few_bytes_rule_nothing_out_and_one_side_does_not_end_the_other() {
    let mut streams = Streams::new(4, 100_000, 10_000);
    streams.open(1, None, 0, [Some(0), Some(0)], Time::ZERO);
    assert!(matches!(send(&mut streams, Side::Client, 0, b"\x01\x02"), Outcome::Open));
    assert!(matches!(send(&mut streams, Side::Client, 2, &[3; 400]), Outcome::Open), "the server may tell");
    assert!(matches!(send(&mut streams, Side::Client, 402, &[3; 400]), Outcome::Open));
    assert!(matches!(send(&mut streams, Side::Server, 0, b"@RS"), Outcome::Open));
    let outcome = send(&mut streams, Side::Server, 3, b"YNCD: 31.0\n");
    assert!(matches!(outcome, Outcome::Named(protocol) if protocol.name == "rsync"));

    streams.open(1, None, 1, [Some(0), Some(0)], Time::ZERO);
    assert!(matches!(send(&mut streams, Side::Server, 0, &[3; 400]), Outcome::Ended), "now both are sure");
    assert_eq!((streams.len(), streams.held), (0, 0));
}

#[test]
fn what_waits_is_joined_so_that_only_holes_count() {
    let mut streams = Streams::new(4, 100_000, 10_000);
    streams.open(1, None, 0, [Some(0), None], Time::ZERO);
    let greeting = [&b"@RSYNCD: "[..], &[b'x'; 200], b"\r\n"].concat();
    for (at, byte) in greeting.iter().enumerate().skip(1) {
        assert!(matches!(send(&mut streams, Side::Client, at as u32, &[*byte]), Outcome::Open));
    }
    assert!(matches!(send(&mut streams, Side::Client, 0, b"@"), Outcome::Named(_)));
    streams.open(1, None, 0, [Some(0), None], Time::ZERO);
    for hole in 1..=MAX_WAITING as u32 {
        assert!(matches!(send(&mut streams, Side::Client, hole * 2, b"x"), Outcome::Open));
    }
    assert!(matches!(send(&mut streams, Side::Client, 1_000, b"x"), Outcome::GivenUp));
}
