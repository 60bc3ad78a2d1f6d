use super::*;

const PHONE: RawMac = [2, 0, 0, 0, 0, 1];
const ROUTER: RawMac = [2, 0, 0, 0, 0, 0xfe];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn lan() -> Devices {
    let mut devices = Devices::new(16);
    for address in ["192.168.1.5", "fe80::5", "2001:db8:1::5", "fd00::5"] {
        devices.learn(Some(PHONE), ip(address), Time::ZERO);
    }
    for address in ["192.168.1.1", "192.0.2.1", "198.51.100.1"] {
        devices.learn(Some(ROUTER), ip(address), Time::ZERO);
    }
    devices
}

#[test]
fn a_thing_is_its_mac_and_a_router_is_not() {
    let devices = lan();
    assert_eq!(devices.name(Some(PHONE), ip("2001:db8:1::5")), Device::Mac(Mac(PHONE)));
    assert_eq!(devices.name(Some(ROUTER), ip("192.0.2.1")), Device::Ip(ip("192.0.2.1")));
    assert_eq!(devices.name(Some(ROUTER), ip("192.168.1.1")), Device::Mac(Mac(ROUTER)), "its own");
    assert_eq!(devices.name(None, ip("192.168.1.5")), Device::Ip(ip("192.168.1.5")));
}

#[test]
fn a_router_that_passes_on_local_addresses_is_none_of_them() {
    let mut devices = lan();
    for n in 0..10 {
        devices.learn(Some(ROUTER), IpAddr::from([10, 0, n, 5]), Time::ZERO);
    }
    assert_eq!(devices.name(Some(ROUTER), ip("10.0.7.5")), Device::Ip(ip("10.0.7.5")));
}

#[test]
fn many_networks_of_ipv6_make_a_router_too() {
    let mut devices = Devices::new(16);
    for n in 0..=MAX_NETWORKS {
        assert_eq!(devices.name(Some(ROUTER), ip("::1")), Device::Mac(Mac(ROUTER)));
        devices.learn(Some(ROUTER), ip(&format!("2001:db8:{n}::1")), Time::ZERO);
    }
    assert_eq!(devices.name(Some(ROUTER), ip("2001:db8::1")), Device::Ip(ip("2001:db8::1")));
}

#[test]
fn the_side_in_the_lan_is_ours() {
    let devices = lan();
    let phone = (Some(PHONE), ip("192.168.1.5"));
    let phone6 = (Some(PHONE), ip("2001:db8:1::5"));
    let outside = (Some(ROUTER), ip("192.0.2.1"));
    let outside6 = (Some(ROUTER), ip("2001:db8:ffff::1"));
    assert!(!devices.second_is_ours(phone, outside));
    assert!(devices.second_is_ours(outside, phone));
    assert!(devices.second_is_ours(outside6, phone6));
    assert!(!devices.second_is_ours(phone6, outside6));
    assert!(!devices.second_is_ours(outside6, (None, ip("ff02::1"))));
}

#[test]
fn a_row_is_written_when_there_is_news_and_now_and_then() {
    let mut devices = Devices::new(16);
    let mut out = Vec::new();
    let device = Device::Mac(Mac(PHONE));
    let mut minute = |address, secs| {
        let now = Time::from_secs(secs);
        devices.seen(device, Some(PHONE), ip(address), now, &mut out);
        let at_once = out.len();
        devices.report(now, &mut out);
        (at_once, out.len())
    };
    assert_eq!(minute("fe80::5", 1000), (1, 1), "a new device is written at once");
    assert_eq!(minute("fe80::5", 1060), (1, 1));
    assert_eq!(minute("192.168.1.5", 1120), (1, 2), "news waits for the minute's end");
    assert_eq!(minute("2001:db8::5", 1180), (2, 3));
    assert_eq!(minute("fe80::5", 1240), (3, 3), "a link-local address says nothing beside another");
    assert_eq!(minute("192.168.1.5", 1800), (3, 4), "still there");
    let Some(Record::Thing(row)) = out.last() else { panic!() };
    assert_eq!((row.ipv4, row.ipv6), (Some(ip("192.168.1.5")), Some(ip("2001:db8::5"))));
    assert_eq!((row.first, row.last), (Time::from_secs(1000), Time::from_secs(1800)));
}

#[test]
fn a_scan_writes_few_rows_at_once_and_loses_none() {
    let mut devices = Devices::new(50);
    let mut out = Vec::new();
    for n in 0..200_u8 {
        let address = IpAddr::from([10, 0, 0, n]);
        devices.seen(Device::Ip(address), None, address, Time::from_secs(1), &mut out);
    }
    assert_eq!(out.len(), AT_ONCE as usize);
    devices.report(Time::from_secs(60), &mut out);
    assert_eq!(out.len(), 200);
    devices.finish(&mut out);
    assert_eq!(out.len(), 200, "the end writes only what is new");
}
