//! Alerts, by the frames that make them.

use super::lan::arp as message;
use super::*;
use crate::engine::AlertOptions;
use crate::record::Alert;
use crate::threats::{Builder, Limits, Threats};

/// Low, so that few frames are enough; and off, as most tests are about something else.
pub fn options() -> AlertOptions {
    AlertOptions {
        enabled: false,
        per_device: 3,
        per_minute: 5,
        logins: 3,
        logins_span: Duration::from_secs(60),
        scan_ports: 5,
        scan_hosts: 5,
        scan_span: Duration::from_secs(60),
        syn_rate: 1,
        udp_rate: 1,
        icmp_rate: 1,
        arp_rate: 1,
        tunnel_names: 5,
        tunnel_bytes: 100,
        tunnel_span: Duration::from_secs(60),
        tunnel_except: vec!["usual.example".into()],
    }
}

fn threats(text: &str) -> Arc<Threats> {
    let mut builder = Builder::new(Limits { entries: 100, bytes: 10_000 });
    builder.list("bad".into(), 1);
    builder.read(text.as_bytes(), Time::from_secs(77)).unwrap();
    Arc::new(builder.finish())
}

fn alerts(rig: &Rig) -> Vec<&Alert> {
    let alerts = rig.out.iter().filter_map(|record| match record {
        Record::Alert(alert) => Some(&**alert),
        _ => None,
    });
    alerts.collect()
}

fn texts(rig: &Rig) -> Vec<&str> {
    alerts(rig).iter().map(|alert| &*alert.text).collect()
}

/// With alerts, and rates of nothing that is not meant.
fn rig(change: impl FnOnce(&mut AlertOptions)) -> Rig {
    let mut alerts =
        AlertOptions { enabled: true, syn_rate: 0, udp_rate: 0, icmp_rate: 0, arp_rate: 0, ..options() };
    change(&mut alerts);
    Rig::new(Options { alerts, ..super::options() }, "")
}

/// A segment of TCP between any two.
fn tcp(src: ([u8; 4], u16), dst: ([u8; 4], u16), flags: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = ethernet(src.0 != CLIENT).ipv4(src.0, dst.0, 64).tcp(src.1, dst.1, 1, 1000);
    builder.write(&mut bytes, b"").unwrap();
    bytes[14 + 20 + 13] = flags;
    bytes
}

#[test]
fn an_address_on_a_list_is_told_once_an_hour_and_counted() {
    let mut rig = rig(|_| {});
    rig.engine.set_threats(threats("192.0.2.0/24\n"));
    for port in 0..5 {
        rig.wait(1_000).udp((CLIENT, 5000 + port), (SERVER, 443), b"x");
    }
    let alert = alerts(&rig)[0].clone();
    assert_eq!((alert.kind, alert.severity, alert.count), ("threat", 1, 1));
    assert_eq!(
        (alert.device, alert.src, alert.dst),
        (Some(Device::Mac(Mac(PHONE))), Some(CLIENT.into()), Some(SERVER.into()))
    );
    assert_eq!(
        (alert.port, alert.list.as_deref(), alert.entry.as_deref()),
        (Some(443), Some("bad"), Some("192.0.2.0/24"))
    );
    assert_eq!(alert.list_version, Some(Time::from_secs(77)));
    assert_eq!(
        alert.text,
        "02:00:00:00:00:05 had a session with 192.0.2.1, which is on the list bad (as 192.0.2.0/24)"
    );
    assert_eq!(alerts(&rig).len(), 1);
    assert_eq!(rig.engine.alerts().count(), 1, "people are told once");
    // The count is written now and then, under the same id.
    rig.wait(600_000).tick();
    let again = alerts(&rig);
    assert_eq!((again.len(), again[1].id, again[1].count), (2, alert.id, 5));
    assert_eq!(again[1].last.since(alert.time), Duration::from_secs(4));
    rig.wait(3_600_000).udp((CLIENT, 6000), (SERVER, 443), b"x");
    assert_eq!((alerts(&rig).len(), rig.engine.alerts().count()), (3, 1), "after an hour it is news again");
}

#[test]
fn who_comes_from_a_list_is_told_as_well() {
    let mut rig = rig(|_| {});
    rig.engine.set_threats(threats("192.0.2.1\n"));
    rig.udp((SERVER, 40000), (CLIENT, 8080), b"x");
    assert_eq!(texts(&rig), ["02:00:00:00:00:05 was reached by 192.0.2.1, which is on the list bad"]);
}

#[test]
fn names_are_looked_up_wherever_they_come_from() {
    let mut rig = rig(|_| {});
    rig.engine.set_threats(threats("bad.example\nexample.com\n"));
    rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(1, "a.bad.example"));
    rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(2, "good.example"));
    rig.tcp(false, SYN, 1, b"").tcp(true, SYN | ACK, 1, b"").tcp(false, ACK, 2, b"");
    rig.tcp(false, ACK, 2, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    assert_eq!(
        texts(&rig),
        [
            "02:00:00:00:00:05 asked DNS for a.bad.example, which is on the list bad (as bad.example)",
            "02:00:00:00:00:05 had a session with www.example.com, which is on the list bad (as example.com)"
        ]
    );
    assert_eq!(alerts(&rig)[0].what.as_deref(), Some("a.bad.example"));
}

#[test]
fn sessions_that_go_on_are_looked_at_by_new_lists() {
    let mut rig = rig(|_| {});
    rig.udp((CLIENT, 5000), (SERVER, 443), b"x");
    rig.engine.set_threats(threats("192.0.2.1\n"));
    rig.tick();
    assert_eq!(alerts(&rig).len(), 1);
}

#[test]
fn no_more_alerts_come_than_somebody_reads() {
    let mut rig = rig(|_| {});
    rig.engine.set_threats(threats("192.0.2.0/24\n192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n"));
    for n in 1..=9 {
        rig.udp((CLIENT, 5000), ([192, 0, 2, n], 443), b"x");
    }
    // Three for a device; what was told is counted on.
    assert_eq!(alerts(&rig).len(), 3);
    let stats = rig.engine.stats();
    assert_eq!((stats.alerts, stats.alerts_suppressed), (3, 6));
    rig.finish();
    assert!(alerts(&rig).iter().all(|alert| alert.count == 1));
}

#[test]
fn a_minute_has_a_bound_for_all_devices() {
    let mut rig = rig(|_| {});
    rig.engine.set_threats(threats("192.0.2.1\n"));
    let from = |n: u8| {
        let mut bytes = Vec::new();
        let device = PacketBuilder::ethernet2([2, 0, 0, 0, 1, n], ROUTER);
        device.ipv4([192, 168, 1, n], SERVER, 64).udp(5000, 443).write(&mut bytes, b"x").unwrap();
        bytes
    };
    for n in 0..20 {
        rig.frame(&from(n));
    }
    assert_eq!(alerts(&rig).len(), 5);
    rig.wait(60_000).frame(&from(200));
    assert_eq!(alerts(&rig).len(), 6, "another minute");
}

#[test]
fn ports_that_do_not_answer_are_a_scan() {
    let mut rig = rig(|_| {});
    for port in 1..=10 {
        rig.wait(10).frame(&tcp((CLIENT, 40000), (SERVER, port), SYN));
        if port % 2 == 0 {
            rig.frame(&tcp((SERVER, port), (CLIENT, 40000), flag::RST | ACK));
        }
    }
    assert_eq!(texts(&rig), [""; 0], "they may answer yet");
    rig.wait(31_000).tick().finish();
    assert_eq!(texts(&rig)[0], "192.168.1.5 tried 5 ports of 192.0.2.1 by tcp that did not answer");
    let last = alerts(&rig).into_iter().last().unwrap();
    assert_eq!((last.kind, last.what.as_deref(), last.count), ("scan", Some("ports"), 8));
}

#[test]
fn hosts_that_do_not_answer_at_a_port_are_a_scan() {
    let mut rig = rig(|_| {});
    for n in 1..=7 {
        rig.frame(&tcp((CLIENT, 40000), ([192, 168, 1, 100 + n], 22), SYN));
    }
    rig.wait(31_000).tick();
    assert_eq!(texts(&rig), ["192.168.1.5 tried 5 hosts by tcp port 22 that did not answer"]);
    assert_eq!((alerts(&rig)[0].port, alerts(&rig)[0].dst), (Some(22), None));
}

#[test]
fn what_is_answered_or_was_seen_in_part_is_no_scan() {
    let mut rig = rig(|_| {});
    for port in 1..=20 {
        // Ports that answer; the client's half of what another way answered; answers to
        // questions that nobody saw; peers that are gone; groups.
        rig.frame(&tcp((CLIENT, 40000), (SERVER, port), SYN)).frame(&tcp(
            (SERVER, port),
            (CLIENT, 40000),
            SYN | ACK,
        ));
        rig.frame(&tcp((CLIENT, 40001), (SERVER, port), SYN)).frame(&tcp(
            (CLIENT, 40001),
            (SERVER, port),
            ACK,
        ));
        rig.udp((RESOLVER, 53), (CLIENT, 30000 + port), b"x");
        rig.udp((CLIENT, 6881), ([198, 51, 100, port as u8], 6881), b"x");
        rig.udp((CLIENT, 5353), ([224, 0, 0, 251], 5000 + port), b"x");
    }
    rig.wait(61_000).tick().finish();
    assert_eq!(texts(&rig), [""; 0]);
}

#[test]
fn floods_are_told_by_their_rate() {
    let mut syn = rig(|alerts| alerts.syn_rate = 1);
    for port in 0..59 {
        syn.frame(&tcp((CLIENT, 40000 + port), (SERVER, 80), SYN));
    }
    assert_eq!(texts(&syn), [""; 0]);
    syn.frame(&tcp((CLIENT, 41000), (SERVER, 80), SYN));
    let text = "60 connections are opened to 192.0.2.1 within a minute, the latest from 192.168.1.5";
    assert_eq!((texts(&syn), alerts(&syn)[0].kind), (vec![text], "flood"));

    let mut udp = rig(|alerts| alerts.udp_rate = 1);
    for _ in 0..200 {
        udp.udp((CLIENT, 40000), (SERVER, 80), b"x");
        // What is answered is no flood.
        udp.udp((CLIENT, 40001), (SERVER, 81), b"x").udp((SERVER, 81), (CLIENT, 40001), b"x");
    }
    udp.wait(60_000).tick();
    assert_eq!(
        texts(&udp),
        ["200 unanswered packets of UDP are sent to 192.0.2.1 within a minute, the latest from 192.168.1.5"]
    );

    let mut arp = rig(|alerts| alerts.arp_rate = 1);
    for _ in 0..61 {
        arp.frame(&message(true, PHONE, CLIENT, SERVER));
    }
    assert_eq!(texts(&arp), ["60 frames of ARP are sent by 02:00:00:00:00:05 within a minute"]);
}

#[test]
fn echoes_by_the_hundred_are_a_flood() {
    let mut rig = rig(|alerts| alerts.icmp_rate = 1);
    for n in 0..100 {
        let mut bytes = Vec::new();
        let builder = ethernet(false).ipv4(CLIENT, SERVER, 64).icmpv4_echo_request(7, n);
        builder.write(&mut bytes, b"abc").unwrap();
        rig.frame(&bytes);
    }
    rig.wait(60_000).tick();
    assert_eq!(
        texts(&rig),
        ["100 packets of ICMP are sent to 192.0.2.1 within a minute, the latest from 192.168.1.5"]
    );
}

#[test]
fn log_ins_that_are_refused_are_counted() {
    let mut rig = rig(|_| {});
    for n in 0..4 {
        let (client, server) = ((CLIENT, 40000 + n), (SERVER, 21));
        let mut say = |from_server: bool, seq: u32, text: &str| {
            let (src, dst) = if from_server { (server, client) } else { (client, server) };
            let mut bytes = Vec::new();
            let flags = if seq == 0 { SYN } else { ACK };
            let flags = if seq == 0 && from_server { SYN | ACK } else { flags };
            let builder = ethernet(from_server).ipv4(src.0, dst.0, 64).tcp(src.1, dst.1, seq, 1000);
            builder.write(&mut bytes, text.as_bytes()).unwrap();
            bytes[14 + 20 + 13] = flags;
            rig.wait(10).frame(&bytes);
        };
        say(false, 0, "");
        say(true, 0, "");
        say(true, 1, "220 hello\r\n");
        say(false, 1, "USER ann\r\n");
        say(true, 12, "331 go on\r\n");
        say(false, 11, "PASS x\r\n");
        say(true, 23, "530 no\r\n");
    }
    rig.finish();
    assert_eq!(texts(&rig)[0], "192.0.2.1 refused 192.168.1.5 3 log-ins to ftp");
    let last = alerts(&rig).into_iter().last().unwrap();
    assert_eq!((last.kind, last.count, last.port), ("logins", 4, Some(21)));
    let kept = rig.out.iter().filter(|record| matches!(record, Record::Auth(_))).count();
    assert_eq!(kept, 4);
}

#[test]
fn long_names_that_are_never_the_same_are_a_tunnel() {
    let mut rig = rig(|_| {});
    let encoded = |n: u32| {
        let text = "d2xqk5t8zv0m3h7b1c9fnjwyr4gs6pae";
        format!("{}{n}{}", &text[n as usize..], &text[..n as usize])
    };
    for n in 0..10 {
        rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(1, &format!("{}.usual.example", encoded(n))));
        rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(1, &format!("{}.same.example", encoded(0))));
        rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(1, &format!("host{n}.short.example")));
    }
    assert_eq!(texts(&rig), [""; 0]);
    for n in 0..10 {
        rig.udp((CLIENT, 5000), (RESOLVER, 53), &asking(1, &format!("{}.t.tunnel.example", encoded(n))));
    }
    let [alert] = alerts(&rig)[..] else { panic!("{:?}", texts(&rig)) };
    assert_eq!((alert.kind, alert.what.as_deref(), alert.count), ("dns_tunnel", Some("tunnel.example"), 5));
}

#[test]
fn a_quota_that_is_used_up_is_told_once() {
    let mut rig = rig(|_| {});
    let policy = crate::policy::Policy {
        name: "games".into(),
        quota: Some("1kB".parse().unwrap()),
        ..Default::default()
    };
    rig.engine.set_policies(vec![policy]);
    for _ in 0..3 {
        rig.udp((CLIENT, 5000), (SERVER, 7000), &[0; 600]).wait(60_000).tick();
    }
    assert_eq!(texts(&rig), ["02:00:00:00:00:05 has used up its quota of the day by games"]);
    assert_eq!((alerts(&rig)[0].kind, alerts(&rig)[0].severity), ("quota", 3));
}

#[test]
fn a_device_is_news_where_it_is_known_which_were_there() {
    let phone = Device::Mac(Mac(PHONE));
    let told = |known: Option<&[Device]>, wait| {
        let mut rig = rig(|_| {});
        rig.engine.tick(rig.now);
        if let Some(known) = known {
            rig.engine.set_known_devices(known.iter().copied());
        }
        rig.wait(wait).udp((CLIENT, 5000), (SERVER, 7000), b"x").wait(100).tick();
        texts(&rig).join("; ")
    };
    assert_eq!(told(None, 0), "", "of a capture all are new");
    assert_eq!(told(Some(&[phone]), 0), "");
    assert_eq!(told(Some(&[]), 0), "", "the first hour of all");
    assert_eq!(told(Some(&[]), 3_600_000), "02:00:00:00:00:05 is new in the network at 192.168.1.5");
    assert_eq!(
        told(Some(&[Device::Ip(SERVER.into())]), 0),
        "02:00:00:00:00:05 is new in the network at 192.168.1.5"
    );
}

#[test]
fn there_are_none_where_nobody_wants_any() {
    let mut rig = rig(|alerts| alerts.enabled = false);
    rig.engine.set_threats(threats("192.0.2.1\n"));
    rig.udp((CLIENT, 5000), (SERVER, 443), b"x").finish();
    assert_eq!((alerts(&rig).len(), rig.engine.stats().alerts), (0, 0));
}
