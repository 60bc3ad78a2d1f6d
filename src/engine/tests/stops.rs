//! Policies on sessions, and volumes that are told for whole flows.

use super::*;
use crate::engine::{Ends, Flow};
use crate::policy::{Local, Policy, Spent};
use crate::record::Stop;

const TUBE: &str = "#class video Video\nTube:[udp;;7000;;]\nOther:[udp;;8000;;]\n";

fn policy(text: &str) -> Policy {
    Policy { name: text.into(), apps: vec!["tube".into()], ..Policy::default() }
}

fn wall(day: i32, hours: u16) -> Local {
    Local { day, weekday: 0, minute: hours * 60 }
}

impl Rig {
    fn send(&mut self, port: u16, bytes: usize) -> &mut Rig {
        self.udp((CLIENT, 5000), (SERVER, port), &vec![0; bytes])
    }

    /// Ports of servers whose sessions are to stop or to go on.
    fn orders(&mut self) -> Vec<(u16, bool)> {
        self.engine.orders().into_iter().map(|order| (order.ends.server.1, order.stop)).collect()
    }

    fn stops(&self) -> Vec<&Stop> {
        let stops = self.out.iter().filter_map(|record| match record {
            Record::Stop(stop) => Some(&**stop),
            _ => None,
        });
        stops.collect()
    }
}

#[test]
fn what_a_policy_is_about_stops_while_its_time_is() {
    let mut rig = Rig::new(options(), TUBE);
    let night = Policy { times: vec!["21:00-07:00".parse().unwrap()], ..policy("night") };
    rig.engine.set_policies(vec![night]);
    rig.engine.set_local(wall(1, 20));
    rig.send(7000, 9).send(8000, 9);
    assert_eq!(rig.orders(), []);
    rig.engine.set_local(wall(1, 21));
    assert_eq!(rig.orders(), [(7000, true)]);
    // Said once; a new one is stopped at once.
    rig.send(7000, 9).udp((CLIENT, 5001), (SERVER, 7000), b"x");
    assert_eq!(rig.orders(), [(7000, true)]);
    rig.engine.set_local(wall(2, 7));
    assert_eq!(rig.orders(), [(7000, false), (7000, false)]);
    rig.wait(61_000).tick().finish();
    let [row] = rig.stops()[..] else { panic!("{:?}", rig.stops()) };
    assert_eq!((&*row.policy, row.action, row.reason, row.sessions), ("night", "stopped", "schedule", 2));
    assert_eq!((row.app.as_deref(), row.device), (Some("Tube"), Device::Mac(Mac(PHONE))));
}

#[test]
fn segments_of_what_is_stopped_are_handed_out_for_resets() {
    let mut rig = Rig::new(options(), "Web:[tcp;;80;;]\n");
    let web = Policy { apps: vec!["web".into()], ..policy("web") };
    rig.tcp(false, SYN, 99, b"").tcp(true, SYN | ACK, 999, b"");
    assert_eq!(rig.engine.stopped(), None);
    rig.engine.set_policies(vec![web]);
    rig.engine.set_local(wall(1, 12));
    assert_eq!(rig.orders(), [(80, true)]);
    rig.tcp(false, ACK, 100, b"by rules");
    assert_eq!(rig.engine.stopped(), None);
    // Another stops it from now on: it hears of what was stopped.
    rig.engine.set_stopper(false);
    assert_eq!(rig.orders(), [(80, true)]);
    rig.engine.set_stopper(true);
    assert_eq!(rig.orders(), [(80, true)]);
    rig.tcp(false, ACK, 108, b"four");
    let found = rig.engine.stopped().unwrap();
    assert_eq!((found.segment.seq, found.segment.length), (108, 4));
    assert_eq!((found.segment.src, found.is_first), ((CLIENT.into(), 40000), true));
    assert_eq!(rig.engine.stopped(), None, "once");
    rig.tcp(true, ACK, 1000, b"");
    assert!(!rig.engine.stopped().unwrap().is_first);
    rig.tcp(true, flag::RST | ACK, 1000, b"");
    assert_eq!(rig.engine.stopped(), None, "no RST is answered");
    rig.engine.set_policies(Vec::new());
    rig.tcp(false, ACK, 112, b"free");
    assert_eq!(rig.engine.stopped(), None);
}

#[test]
fn what_resets_can_not_stop_is_written_down_as_such() {
    let mut rig = Rig::new(options(), TUBE);
    rig.engine.set_stopper(true);
    rig.engine.set_policies(vec![policy("video")]);
    rig.engine.set_local(wall(1, 12));
    rig.send(7000, 9);
    assert_eq!((rig.engine.stopped(), rig.orders()), (None, vec![(7000, true)]));
    rig.finish();
    assert_eq!(rig.stops()[0].action, "not stopped");
}

#[test]
fn one_that_is_tried_stops_nothing_and_stands_behind_those_that_do() {
    let mut rig = Rig::new(options(), TUBE);
    let tried = Policy { dry_run: true, ..policy("tried") };
    rig.engine.set_policies(vec![tried.clone()]);
    rig.engine.set_local(wall(1, 12));
    rig.send(7000, 9);
    assert_eq!(rig.orders(), []);
    rig.engine.set_policies(vec![tried, policy("real")]);
    assert_eq!(rig.orders(), [(7000, true)]);
    rig.engine.set_policies(Vec::new());
    assert_eq!(rig.orders(), [(7000, false)]);
    rig.finish();
    let rows: Vec<_> = rig.stops().iter().map(|row| (row.policy.to_string(), row.action)).collect();
    assert_eq!(rows, [("tried".to_owned(), "dry run"), ("real".to_owned(), "stopped")]);
}

#[test]
fn a_quota_is_used_up_by_minutes_or_bytes_and_begins_anew_each_day() {
    let volume = Policy { quota: Some("10kB".parse().unwrap()), ..policy("volume") };
    let mut rig = Rig::new(options(), TUBE);
    rig.engine.set_policies(vec![volume]);
    rig.engine.set_local(wall(1, 12));
    for _ in 0..9 {
        rig.send(7000, 1000);
    }
    rig.wait(61_000).send(7000, 1000).tick();
    assert_eq!(rig.orders(), [], "not yet");
    rig.send(7000, 1000).wait(61_000).send(7000, 10).tick();
    assert_eq!(rig.orders().last(), Some(&(7000, true)));
    rig.engine.set_local(wall(2, 0));
    assert_eq!(rig.orders(), [(7000, false)]);

    let minutes = Policy { quota: Some("3min".parse().unwrap()), ..policy("minutes") };
    let mut rig = Rig::new(options(), TUBE);
    rig.engine.set_policies(vec![minutes]);
    rig.engine.set_local(wall(1, 12));
    // Two of them before this run.
    let device = Device::Mac(Mac(PHONE));
    rig.engine.set_spent([Spent { place: 0, device, minutes: 2, bytes: 9 }].into_iter());
    rig.send(8000, 10).wait(61_000).tick();
    assert_eq!(rig.orders(), []);
    rig.send(7000, 10).wait(61_000).send(7000, 10).tick();
    assert_eq!(rig.orders().last(), Some(&(7000, true)));
}

#[test]
fn heads_tell_names_and_flows_tell_volumes() {
    let mut rig = Rig::new(options(), TUBE);
    let frame = udp((CLIENT, 5000), (SERVER, 7000), b"question");
    let (now, iface) = (rig.now, rig.iface);
    rig.engine.head(now, iface, Some(PHONE), &frame[14..]);
    let ends =
        |port| Ends { proto: 17, client: (CLIENT.into(), port), server: (SERVER.into(), 7000), icmp: None };
    let later = now + Duration::from_secs(5);
    let flow = |port, packets, bytes| Flow { ends: ends(port), packets, bytes };
    rig.engine.flow(later, Some(iface), &flow(5000, [1, 0], [36, 0]));
    // The packet that was counted is the one that was seen: its time is known.
    assert!(!rig.engine.flow(later, None, &flow(5001, [9, 9], [900, 900])));
    rig.engine.flow(later, Some(iface), &flow(5002, [1, 2], [100, 200]));
    rig.engine.flow(later + Duration::from_secs(5), Some(iface), &flow(5002, [0, 1], [0, 100]));
    rig.finish();
    let seen: Vec<_> = rig
        .sessions()
        .iter()
        .map(|s| {
            (
                s.client_port,
                s.app.as_deref(),
                s.packets_out,
                s.bytes_out,
                s.bytes_in,
                s.last.since(now).as_secs(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [(5000, Some("Tube"), 1, 36, 0, 0), (5002, Some("Tube"), 1, 100, 300, 10)],
        "what passes no interface that is watched is nobody's"
    );
    let stats = rig.engine.stats();
    assert_eq!((stats.headless, stats.bytes), (1, 436));
    assert_eq!((stats.bytes_in, stats.bytes_out), (300, 136));
    let (name, line) = rig.engine.lines().next().unwrap();
    assert_eq!((name, line.seen, line.unnamed), ("lan", 436, 0));
}
