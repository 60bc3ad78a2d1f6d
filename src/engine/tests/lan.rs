//! What LANs are run by: devices, ARP, DHCP and ICMP, as the engine takes them.

use super::*;
use crate::engine::AlertOptions;
use crate::engine::Notice;
use crate::record;

fn notices(rig: &mut Rig) -> Vec<Notice> {
    rig.engine.notices().collect()
}

#[test]
fn a_device_that_was_not_known_is_noticed_once() {
    let mut rig = Rig::plain();
    rig.tcp(false, SYN, 1, b"").tcp(true, SYN | ACK, 1, b"");
    let device = Device::Mac(Mac(PHONE));
    let expected = Notice::NewDevice { time: rig.now, device, address: CLIENT.into() };
    assert_eq!(notices(&mut rig), [expected]);
    rig.wait(100).udp((CLIENT, 5000), (SERVER, 5001), b"x");
    assert_eq!(notices(&mut rig), []);
}

/// A message of ARP from `mac`, who says to have `src`, about `dst`.
pub fn arp(asks: bool, mac: [u8; 6], src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    let operation = [0, 2 - u8::from(asks)];
    let head: [&[u8]; 4] = [&[0xff; 6], &mac, &[8, 6], &[0, 1, 8, 0, 6, 4]];
    [&head.concat()[..], &operation, &mac, &src, &[0; 6], &dst, &[0; 18]].concat()
}

#[test]
fn arp_names_devices_and_makes_rows_of_what_is_new() {
    let mut rig = Rig::plain();
    for _ in 0..10 {
        rig.frame(&arp(true, PHONE, CLIENT, RESOLVER)).wait(100);
    }
    rig.frame(&arp(false, ROUTER, RESOLVER, CLIENT)).finish();
    let rows = rig.out.iter().filter_map(|record| match record {
        Record::Arp(row) => Some((row.kind, row.src_mac, row.src_ip, row.dst_ip)),
        _ => None,
    });
    let request = ("request", Mac(PHONE), CLIENT.into(), RESOLVER.into());
    let reply = ("reply", Mac(ROUTER), RESOLVER.into(), CLIENT.into());
    assert_eq!(rows.collect::<Vec<_>>(), [request, request, request, request, reply]);
    assert_eq!((rig.engine.stats().arp_left_out, rig.engine.stats().wire.arp), (6, 11));
    let things = rig.out.iter().filter_map(|record| match record {
        Record::Thing(row) => Some((row.mac, row.ipv4)),
        _ => None,
    });
    let things: Vec<_> = things.collect();
    assert!(things.contains(&(Some(Mac(PHONE)), Some(CLIENT.into()))), "{things:?}");
    assert!(things.contains(&(Some(Mac(ROUTER)), Some(RESOLVER.into()))), "{things:?}");
}

#[test]
fn two_that_claim_an_address_are_noticed_without_details_too() {
    let alerts = AlertOptions { enabled: true, ..alerts::options() };
    let mut rig = Rig::new(Options { details: false, alerts, ..options() }, "");
    rig.frame(&arp(true, PHONE, CLIENT, RESOLVER)).wait(1_000);
    rig.frame(&arp(true, ROUTER, CLIENT, RESOLVER)).finish();
    let texts = rig.out.iter().filter_map(|record| match record {
        Record::Alert(row) => Some((row.kind, &*row.text)),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    let text = "02:00:00:00:00:01 says that it has 192.168.1.5, which 02:00:00:00:00:05 has";
    assert!(texts.contains(&("arp_conflict", text)), "{texts:?}");
    assert!(!rig.out.iter().any(|record| matches!(record, Record::Arp(_))));
}

/// What the router answers to the client's packet `about`.
fn error(kind: u8, code: u8, about: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let quoted = &about[14..about.len().min(14 + 28)];
    let message = [&[kind, code, 0, 0, 0, 0, 0, 0], quoted].concat();
    let builder = ethernet(true).ipv4(RESOLVER, CLIENT, 64);
    builder.write(&mut bytes, etherparse::IpNumber::ICMP, &message).unwrap();
    bytes
}

fn icmp_rows(rig: &Rig) -> Vec<&record::Icmp> {
    let rows = rig.out.iter().filter_map(|record| match record {
        Record::Icmp(row) => Some(&**row),
        _ => None,
    });
    rows.collect()
}

#[test]
fn an_error_of_icmp_names_the_session_that_it_is_about() {
    let mut rig = Rig::plain();
    let asked = udp((CLIENT, 5_000), (SERVER, 5_001), b"anyone?");
    rig.frame(&asked).wait(10).frame(&error(3, 3, &asked)).wait(10).frame(&error(3, 3, &asked)).finish();
    let session = rig.sessions().into_iter().find(|session| session.server_port == 5_001).unwrap().clone();
    let rows = icmp_rows(&rig);
    let [row] = rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.meaning, row.count, row.session), ("port unreachable", 2, Some(session.id)));
    assert_eq!((row.about_client, row.about_client_port), (Some(CLIENT.into()), Some(5_000)));
    assert_eq!((row.about_server, row.about_server_port), (Some(SERVER.into()), Some(5_001)));
    assert_eq!((row.src, row.device), (RESOLVER.into(), session.device));
}

#[test]
fn an_error_about_a_session_that_nobody_saw_has_its_ends_and_no_session() {
    let mut rig = Rig::plain();
    rig.frame(&error(11, 0, &udp((CLIENT, 5_000), (SERVER, 33_434), b""))).finish();
    let rows = icmp_rows(&rig);
    let [row] = rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.meaning, row.session), ("time to live exceeded", None));
    assert_eq!((row.about_client, row.about_server_port), (Some(CLIENT.into()), Some(33_434)));
    assert_eq!(row.device, Device::Mac(Mac(PHONE)));
}

#[test]
fn neighbour_discovery_tells_of_devices_and_routers() {
    let mut rig = Rig::plain();
    let router: std::net::Ipv6Addr = "fe80::1".parse().unwrap();
    let phone: std::net::Ipv6Addr = "2001:db8::5".parse().unwrap();
    let mut send = |hops: u8, kind: u8, body: &[u8]| {
        let mut bytes = Vec::new();
        let builder = ethernet(true).ipv6(router.octets(), [0xff; 16], hops);
        let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], body].concat();
        builder.write(&mut bytes, etherparse::IpNumber::IPV6_ICMP, &message).unwrap();
        rig.frame(&bytes);
    };
    let speaks_for = [&phone.octets()[..], &[2, 1], &PHONE].concat();
    send(64, 136, &speaks_for);
    send(255, 134, &[0; 8]);
    send(255, 136, &speaks_for);
    rig.finish();
    let things = rig.out.iter().filter_map(|record| match record {
        Record::Thing(row) => Some((row.mac, row.ipv6, row.kind)),
        _ => None,
    });
    let last: Vec<_> = things.collect();
    assert!(last.contains(&(Some(Mac(ROUTER)), Some(router.into()), Some("router"))), "{last:?}");
    assert!(last.contains(&(Some(Mac(PHONE)), Some(phone.into()), None)), "{last:?}");
}

#[test]
fn a_redirect_is_told_to_who_sent_what_it_is_about() {
    let mut rig = Rig::plain();
    let (router, phone) = ([0xfe; 16], [0xfd; 16]);
    let mut bytes = Vec::new();
    let message = [&[137, 0, 0, 0, 0, 0, 0, 0], &[7; 32][..]].concat();
    let builder = ethernet(true).ipv6(router, phone, 255);
    builder.write(&mut bytes, etherparse::IpNumber::IPV6_ICMP, &message).unwrap();
    rig.frame(&bytes).finish();
    let rows = icmp_rows(&rig);
    let [row] = rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.meaning, row.about_proto), ("another way to the host", None));
    assert_eq!(row.device, Device::Mac(Mac(PHONE)));
}

/// What a client asks DHCP, with `options`.
fn dhcp(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[28..34].copy_from_slice(&PHONE);
    bytes.extend([0x63, 0x82, 0x53, 0x63]);
    bytes.extend(options);
    bytes
}

/// The last row of the client's device.
fn thing(rig: &Rig) -> record::Thing {
    let mut things = rig.out.iter().filter_map(|record| match record {
        Record::Thing(row) if row.mac == Some(Mac(PHONE)) => Some((**row).clone()),
        _ => None,
    });
    things.next_back().unwrap()
}

#[test]
fn who_asks_dhcp_is_named_by_what_it_says_and_has_no_address_yet() {
    let mut rig = Rig::plain();
    let mut frame = Vec::new();
    let builder = ethernet(false).ipv4([0; 4], [255; 4], 64).udp(68, 67);
    let said = dhcp(b"\x35\x01\x01\x0c\x07Pixel-7\x3c\x0fandroid-dhcp-14\xff");
    builder.write(&mut frame, &said).unwrap();
    rig.frame(&frame).finish();
    let row = thing(&rig);
    assert_eq!((row.name.as_deref(), row.name_source, row.ipv4), (Some("Pixel-7"), Some("dhcp"), None));
    assert_eq!((row.os.as_deref(), row.os_source), (Some("Android 14"), Some("dhcp class")));
    assert_eq!(row.is_random, Some(1));
    let rows = rig.out.iter().filter_map(|record| match record {
        Record::Dhcp(row) => Some((row.kind, row.mac, row.hostname.as_deref(), row.vendor_class.as_deref())),
        _ => None,
    });
    let expected = ("discover", Some(Mac(PHONE)), Some("Pixel-7"), Some("android-dhcp-14"));
    assert_eq!(rows.collect::<Vec<_>>(), [expected]);
}

#[test]
fn mdns_names_its_sender_and_a_browser_says_what_it_runs_on() {
    let mut rig = Rig::plain();
    let answer =
        b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x05Ann-P\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\xa8\x01\x05";
    rig.udp((CLIENT, 5353), ([224, 0, 0, 251], 5353), answer);
    rig.tcp(false, SYN, 1, b"").tcp(true, SYN | ACK, 1, b"");
    let agent = "User-Agent: Mozilla/5.0 (Linux; Android 13; Pixel 7)";
    rig.tcp(false, ACK, 2, format!("GET / HTTP/1.1\r\nHost: a.b\r\n{agent}\r\n\r\n").as_bytes());
    rig.tcp(true, ACK, 2, b"HTTP/1.1 204 No\r\n\r\n").finish();
    let row = thing(&rig);
    assert_eq!((row.name.as_deref(), row.name_source), (Some("Ann-P"), Some("mdns")));
    assert_eq!((row.os.as_deref(), row.os_source), (Some("Android 13"), Some("user agent")));
}
