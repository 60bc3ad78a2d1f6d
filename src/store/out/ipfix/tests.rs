use super::super::Peer;
use super::*;
use crate::record::{Device, Ids, Proto};
use std::net::UdpSocket;

fn session(number: u16, bytes: u64, reason: Option<&'static str>) -> Session {
    let client = IpAddr::from([192, 168, 1, 2]);
    Session {
        id: Ids::default().next(Time::from_secs(1_700_000_000), u64::from(number) << 53),
        start: Time::from_secs(1_700_000_000),
        last: Time::from_secs(1_700_000_010),
        proto: Proto::TCP,
        client,
        client_port: 40_000 + number,
        server: [192, 0, 2, 7].into(),
        server_port: 443,
        client_mac: None,
        device: Device::Ip(client),
        iface: "br-lan".into(),
        vlan: None,
        packets_out: bytes / 100,
        packets_in: bytes / 50,
        bytes_out: bytes,
        bytes_in: 10 * bytes,
        tcp_flags_out: 0x1b,
        tcp_flags_in: 0x1a,
        state: "closed",
        rtt_us: None,
        retransmissions: 0,
        host: None,
        host_source: None,
        host_confidence: None,
        names: None,
        app: None,
        app_line: None,
        country: None,
        asn: None,
        app_proto: None,
        note: None,
        reason,
    }
}

#[test]
fn what_goes_on_is_told_in_parts() {
    let mut told = HashMap::new();
    assert_eq!(news(&session(1, 1000, None), &mut told), Some([10, 1000, 20, 10_000]));
    assert_eq!(news(&session(1, 1500, None), &mut told), Some([5, 500, 10, 5000]));
    assert_eq!(news(&session(1, 1700, Some("timeout")), &mut told), Some([2, 200, 4, 2000]));
    assert!(told.is_empty());
    for n in 0..MAX_OPEN as i64 {
        told.insert(Id::from_number(n), (Time::from_secs(1_700_000_000), [0; 4]));
    }
    assert_eq!(news(&session(2, 1000, None), &mut told), None, "there is no room");
    assert_eq!(news(&session(2, 1100, Some("timeout")), &mut told), Some([11, 1100, 22, 11_000]));
    let days_later = Time::from_secs(1_700_200_000);
    let later = Session { last: days_later, ..session(3, 1000, None) };
    assert!(news(&later, &mut told).is_some(), "those whose end was lost went");
    assert_eq!(told.len(), 1);
}

#[test]
fn messages_are_short_whole_and_numbered_by_their_records() {
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = collector.local_addr().unwrap().to_string();
    let peer = Peer { server, transport: Transport::Udp };
    let mut exporter = Exporter::new(&Ipfix { peer, domain: 7 });
    let records: Vec<Record> = (0..30).map(|n| session(n, 1000, Some("timeout")).into()).collect();
    exporter.write(&records).unwrap();
    let mut seen = 0_u32;
    let mut bytes = [0; 2000];
    let length = collector.recv(&mut bytes).unwrap();
    assert_eq!(bytes[HEADER..HEADER + 2], TEMPLATE_SET.to_be_bytes());
    assert_eq!(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), length);
    while seen < 30 {
        let length = collector.recv(&mut bytes).unwrap();
        let message = &bytes[..length];
        assert!(length <= MAX_MESSAGE && usize::from(u16::from_be_bytes([bytes[2], bytes[3]])) == length);
        assert_eq!(message[SEQUENCE], seen.to_be_bytes());
        assert_eq!((length - HEADER - 4) % size(4), 0);
        seen += records_in(message);
    }
    assert_eq!((seen, exporter.sequence), (30, 30));
}

/// The set's number and the sequence number of the next message in `stream`.
fn next_message(stream: &mut std::net::TcpStream) -> (u16, u32) {
    use std::io::Read;
    let mut head = [0; HEADER + 2];
    stream.read_exact(&mut head).unwrap();
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    stream.read_exact(&mut vec![0; length - head.len()]).unwrap();
    let number = u16::from_be_bytes([head[HEADER], head[HEADER + 1]]);
    (number, u32::from_be_bytes(head[SEQUENCE].try_into().unwrap()))
}

#[test]
fn each_connection_begins_with_the_templates_and_counts_anew() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = collector.local_addr().unwrap().to_string();
    let peer = Peer { server, transport: Transport::Tcp };
    let mut exporter = Exporter::new(&Ipfix { peer, domain: 7 });
    let records: Vec<Record> = (0..3).map(|n| session(n, 1000, Some("timeout")).into()).collect();
    for _ in 0..2 {
        exporter.write(&records).unwrap();
        let (mut stream, _) = collector.accept().unwrap();
        exporter.write(&records).unwrap();
        let messages = [(); 3].map(|()| next_message(&mut stream));
        assert_eq!(messages, [(TEMPLATE_SET, 0), (256, 0), (256, 3)]);
        drop(stream);
        // Until its end has come through.
        while exporter.link.open() == Ok(false) {}
        exporter.link.close();
        let _ = collector.accept().unwrap();
    }
}
