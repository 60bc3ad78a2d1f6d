//! Whole lists, read and looked at.

use super::*;

const ROOMY: Limits = Limits { entries: 10_000, bytes: 1 << 20 };

fn threats(lists: &[(&str, &str)], limits: Limits) -> Threats {
    let mut builder = Builder::new(limits);
    for (n, (name, text)) in (1..).zip(lists) {
        assert!(builder.list((*name).into(), 2));
        builder.read(text.as_bytes(), Time::from_secs(n)).unwrap();
    }
    builder.finish()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_hit_tells_its_list_and_entry() {
    let text = "192.0.2.0/24\n2001:db8:bad::/48\nbad.example\n";
    let threats = threats(&[("one", text), ("two", "198.51.100.1\n192.0.2.7\n")], ROOMY);
    let address = |text| threats.address(ip(text)).map(|hit| (&*hit.list.name, written(hit.entry)));
    assert_eq!(address("192.0.2.8"), Some(("one", "192.0.2.0/24".into())));
    assert_eq!(address("192.0.2.7"), Some(("two", "192.0.2.7".into())), "what is narrower says more");
    assert_eq!(address("2001:db8:bad::9"), Some(("one", "2001:db8:bad::/48".into())));
    assert_eq!((address("192.0.3.1"), address("2001:db8::1")), (None, None));
    let hit = threats.name("www.bad.example").unwrap();
    assert_eq!((hit.entry, &*hit.list.name, hit.list.version), ("bad.example", "one", Time::from_secs(1)));
    assert_eq!(threats.entries(), 5);
}

#[test]
fn addresses_of_a_site_are_never_bad() {
    // Lists of what must not be met on the Internet have all of these.
    let text = "10.0.0.0/8\n192.168.0.0/16\n127.0.0.0/8\n224.0.0.0/3\n100.64.0.0/10\nfc00::/7\nfe80::/10\n0.0.0.0/8\n9.0.0.0/8";
    let threats = threats(&[("bogons", text)], ROOMY);
    for address in [
        "10.1.1.1",
        "192.168.1.1",
        "127.0.0.1",
        "224.0.0.251",
        "255.255.255.255",
        "100.64.1.1",
        "fd00::1",
        "fe80::1",
        "0.0.0.0",
        "::1",
        "::",
    ] {
        assert!(threats.address(ip(address)).is_none(), "{address}");
    }
    assert!(threats.address(ip("9.9.9.9")).is_some());
}

#[test]
fn limits_hold_and_what_they_cost_is_counted() {
    let text: String = (0..100).map(|n| format!("192.0.2.{n}\nh{n}.example\n")).collect();
    let few = threats(&[("a", &text)], Limits { entries: 50, ..ROOMY });
    assert_eq!((few.entries(), few.lists()[0].tally.dropped), (50, 150));
    let small = threats(&[("a", &text)], Limits { bytes: 1_000, ..ROOMY });
    assert!(small.bytes() <= 1_100, "{}", small.bytes());
    let tally = &small.lists()[0].tally;
    assert!(tally.dropped > 100 && tally.addresses + tally.names + tally.dropped == 200, "{tally:?}");
}

#[test]
fn what_is_not_understood_has_its_place() {
    let long = "x".repeat(10_000);
    let junk = format!("192.0.2.1\r\n\x1b[2Jjunk here\n\n{long}\n{{\n192.0.2.2");
    let mut builder = Builder::new(ROOMY);
    builder.list("a".into(), 1);
    builder.read(&b"bad.example\n?\n"[..], Time::from_secs(9)).unwrap();
    builder.read(junk.as_bytes(), Time::from_secs(5)).unwrap();
    let threats = builder.finish();
    let list = &threats.lists()[0];
    let places: Vec<_> = list.tally.first_unread.iter().map(|one| (one.file, one.line)).collect();
    assert_eq!(places, [(0, 2), (1, 2), (1, 4), (1, 5)]);
    assert_eq!((list.tally.unread, list.tally.addresses, list.version), (4, 2, Time::from_secs(9)));
    assert!(list.tally.first_unread.iter().all(|one| one.text.len() <= 80 && !one.text.contains('\x1b')));
    let mut many = Builder::new(ROOMY);
    many.list("a".into(), 1);
    many.read("?\n".repeat(1_000).as_bytes(), Time::ZERO).unwrap();
    let tally = &many.finish().lists()[0].tally.clone();
    assert_eq!((tally.unread, tally.first_unread.len()), (1_000, 20));
}

#[test]
fn there_are_as_many_lists_as_a_number_tells() {
    let mut builder = Builder::new(ROOMY);
    for n in 0..MAX_LISTS {
        assert!(builder.list(format!("{n}").into(), 3));
        builder.read(format!("h{n}.example\n192.0.2.{n}\n").as_bytes(), Time::ZERO).unwrap();
    }
    assert!(!builder.list("one more".into(), 3));
    let threats = builder.finish();
    for n in 0..MAX_LISTS {
        assert_eq!(&*threats.name(&format!("h{n}.example")).unwrap().list.name, n.to_string());
        assert_eq!(&*threats.address(ip(&format!("192.0.2.{n}"))).unwrap().list.name, n.to_string());
    }
}
