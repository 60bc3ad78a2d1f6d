//! What answers where, as sessions show it.

use super::*;
use crate::engine::services::Which;
use crate::record::Service;

const GET: &[u8] = b"GET /status?key=hunter2 HTTP/1.1\r\nHost: cam.lan\r\nCookie: hunter3\r\n\r\n";
const PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: GoAhead/2.5\r\nContent-Type: text/html\r\nSet-Cookie: hunter4\r\n\
    Content-Length: 22\r\n\r\n<title>Camera</title>\r\n";

fn rig(which: Which, deep: bool, details: bool) -> Rig {
    let services = services::Options { which, deep, ..services::Options::default() };
    Rig::new(Options { details, services, ..options() }, "")
}

fn found(rig: &Rig) -> Vec<&Service> {
    let found = rig.out.iter().filter_map(|record| match record {
        Record::Service(row) => Some(&**row),
        _ => None,
    });
    found.collect()
}

/// A client outside asks a camera in the LAN.
fn camera(rig: &mut Rig) {
    let mut segment = |back: bool, flags: u8, seq: u32, payload: &[u8]| {
        let (ends, ports) =
            if back { ((CLIENT, SERVER), (80, 40_000)) } else { ((SERVER, CLIENT), (40_000, 80)) };
        let mut bytes = Vec::new();
        let builder = ethernet(!back).ipv4(ends.0, ends.1, 64).tcp(ports.0, ports.1, seq, 1000);
        builder.write(&mut bytes, payload).unwrap();
        bytes[14 + 20 + 13] = flags;
        rig.frame(&bytes);
    };
    segment(false, SYN, 9, b"");
    segment(true, SYN | ACK, 99, b"");
    segment(false, ACK, 10, GET);
    segment(true, ACK, 100, PAGE);
    rig.finish();
}

#[test]
fn a_server_in_the_lan_is_a_row_even_without_details() {
    let mut rig = rig(Which::Lan, false, false);
    camera(&mut rig);
    let [row] = found(&rig)[..] else { panic!("{:?}", rig.out) };
    assert_eq!((&*row.service, row.app_proto), ("tcp80@192.168.1.5", Some("http")));
    assert_eq!((row.product.as_deref(), row.version.as_deref()), (Some("GoAhead"), Some("2.5")));
    assert_eq!(row.url.as_deref(), Some("http://cam.lan/status"));
    assert_eq!((row.device, row.host.as_deref()), (Some(Device::Mac(Mac(PHONE))), Some("cam.lan")));
    assert_eq!((&row.title, &row.body, &row.data), (&None, &None, &None));
    assert!(!rig.out.iter().any(|record| matches!(record, Record::Http(_))), "no details were wanted");
}

#[test]
fn a_deep_look_has_the_page_and_never_a_cookie() {
    let mut rig = rig(Which::Lan, true, true);
    camera(&mut rig);
    let [row] = found(&rig)[..] else { panic!() };
    assert_eq!((row.title.as_deref(), row.body.as_deref()), (Some("Camera"), Some("<title>Camera</title>")));
    assert_eq!(row.data, None, "an answer is no greeting");
    assert!(!format!("{row:?}").contains("hunter"));
}

#[test]
fn servers_outside_are_rows_only_where_all_are_wanted() {
    for (which, count) in [(Which::Lan, 0), (Which::Off, 0), (Which::All, 1)] {
        let mut rig = rig(which, true, false);
        rig.tcp(false, SYN, 9, b"").tcp(true, SYN | ACK, 99, b"").tcp(
            true,
            ACK,
            100,
            b"220 mail ESMTP Exim 4.9\r\n",
        );
        rig.finish();
        let rows = found(&rig);
        assert_eq!(rows.len(), count, "{which:?}");
        let said = rows.first().map(|row| (row.banner.as_deref(), row.data.as_ref().map(String::len)));
        assert_eq!(said, rows.first().map(|_| (Some("mail ESMTP Exim 4.9"), Some(50))));
    }
}

#[test]
fn what_begins_in_the_middle_is_no_greeting() {
    let mut rig = rig(Which::All, true, false);
    rig.tcp(true, ACK, 100, b"hunter2 and more\r\n").finish();
    assert!(found(&rig).iter().all(|row| row.data.is_none() && row.banner.is_none()));
}

#[test]
fn a_port_that_refuses_is_no_service() {
    let mut rig = rig(Which::All, true, true);
    rig.tcp(false, SYN, 9, b"").tcp(true, flag::RST | ACK, 0, b"").finish();
    assert!(found(&rig).is_empty());
}
