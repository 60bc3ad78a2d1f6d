//! Lines to a syslog server: RFC 5424 or RFC 3164, by UDP (RFC 5426) or TCP
//! (RFC 6587), each with a line of EVE JSON or an asset as its message.

use std::collections::VecDeque;

use super::link::{Link, Outbox};
use super::{Syslog, Transport, asset, moment};
use crate::record::Record;
use crate::store::rollup::Zone;
use crate::store::{Error, Store, eve};
use crate::time::Time;

/// Names of facilities in the order of their numbers (RFC 5424, table 1).
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Severities (RFC 5424, table 2).
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
const INFO: u8 = 6;

/// What UDP over IPv4 carries at most, with a header of IP and one of UDP.
const MAX_DATAGRAM: usize = 65_535 - 20 - 8;

/// How a message begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    Rfc5424,
    Rfc3164,
}

/// How messages are told apart in a stream (RFC 6587, 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// Each has its length before it.
    Octets,
    /// Each has a newline behind it.
    Newline,
}

/// What messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Eve,
    Asset,
}

/// See the module's text.
pub struct Sender {
    options: Syslog,
    zone: Zone,
    hostname: String,
    link: Link,
    outbox: Outbox,
    left_out: u64,
}

impl Sender {
    pub fn new(options: Syslog, zone: Zone) -> Sender {
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let link = Link::new(options.peer.clone());
        Sender { options, zone, hostname: word(&hostname, 255), link, outbox: Outbox::default(), left_out: 0 }
    }
}

impl Store for Sender {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let Sender { options, zone, hostname, link, outbox, left_out } = self;
        link.open()?;
        let make = || {
            let mut messages = VecDeque::new();
            for record in records {
                let before = messages.len();
                bodies(record, options, &mut |body| {
                    let head = head(record, options, *zone, hostname);
                    messages.extend(framed(&head, body, options));
                });
                *left_out += u64::from(messages.len() == before);
            }
            messages
        };
        outbox.send(make, |message| link.send(message))
    }

    fn left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    fn forget(&mut self) {
        self.outbox.forget();
        self.left_out = 0;
    }
}

/// Calls `each` with what `record` has to say: lines of EVE, or an asset.
fn bodies(record: &Record, options: &Syslog, each: &mut dyn FnMut(&[u8])) {
    match (options.form, record) {
        (Form::Eve, record) => {
            let mut text = Vec::new();
            eve::write_lines(record, &mut text);
            text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(each);
        }
        (Form::Asset, Record::Service(service)) => {
            let message = asset::message(service, &options.tag, options.deep);
            if let Some(message) = message {
                each(message.to_string().as_bytes());
            }
        }
        (Form::Asset, _) => {}
    }
}

/// What goes before a message.
fn head(record: &Record, options: &Syslog, zone: Zone, hostname: &str) -> String {
    let severity = match record {
        Record::Alert(alert) if alert.severity <= 1 => WARNING,
        Record::Alert(_) => NOTICE,
        _ => INFO,
    };
    let priority = u16::from(options.facility) * 8 + u16::from(severity);
    let time = moment(record);
    match options.header {
        // No process and no kind of message are told, and no structured data.
        Header::Rfc5424 => {
            let time = time.to_string();
            let time = time.trim_end_matches("+0000");
            format!("<{priority}>1 {time}Z {hostname} {} - - - ", word(&options.tag, 48))
        }
        Header::Rfc3164 => {
            let tag: String = options.tag.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
            format!("<{priority}>{} {hostname} {tag}: ", old_time(time, zone))
        }
    }
}

/// The time as RFC 3164 (4.1.2) has it, by the clock on the wall: `Jan  2 15:04:05`.
fn old_time(time: Time, zone: Zone) -> String {
    let local = i64::try_from(time.secs()).unwrap_or(0) + i64::from(zone(time));
    let text = Time::from_secs(u64::try_from(local).unwrap_or(0)).to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1).clamp(1, 12);
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let day = part(8, 10).parse::<u8>().unwrap_or(1);
    format!("{} {day:>2} {}", months.get(month * 3 - 3..month * 3).unwrap_or_default(), part(11, 19))
}

/// A message as it is sent; none for one too long for a datagram.
fn framed(head: &str, body: &[u8], options: &Syslog) -> Option<Vec<u8>> {
    let length = head.len() + body.len();
    let mut message = Vec::with_capacity(length + 12);
    match (options.peer.transport, options.framing) {
        (Transport::Udp, _) if length > MAX_DATAGRAM => return None,
        (Transport::Tcp, Framing::Octets) => message.extend_from_slice(format!("{length} ").as_bytes()),
        _ => {}
    }
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(body);
    if (options.peer.transport, options.framing) == (Transport::Tcp, Framing::Newline) {
        message.push(b'\n');
    }
    Some(message)
}

/// `text` as a field of a header: visible ASCII only, at most `most` characters;
/// a dash for nothing (RFC 5424, 6).
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".into() } else { word }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::asset::tests::service;
    use super::super::{Peer, Types};
    use super::*;
    use crate::store::rollup::utc;

    fn options(server: &str, header: Header, form: Form) -> Syslog {
        Syslog {
            peer: Peer { server: server.into(), transport: Transport::Udp },
            types: Types::default(),
            header,
            framing: Framing::Octets,
            facility: 3,
            tag: "we ir".into(),
            form,
            deep: false,
            answers: Default::default(),
        }
    }

    /// What a server gets of a service.
    fn sent(header: Header, form: Form) -> String {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let name = server.local_addr().unwrap().to_string();
        let mut sender = Sender::new(options(&name, header, form), utc);
        sender.hostname = "router".into();
        sender.write(&[service(22, "ssh").into()]).unwrap();
        let mut bytes = [0; 2000];
        let length = server.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_message_has_its_head_and_its_record() {
        let line = sent(Header::Rfc5424, Form::Eve);
        let head = "<30>1 2023-11-14T22:14:20.000000Z router weir - - - ";
        assert!(line.starts_with(&format!("{head}{{\"event_type\":\"service\"")), "{line}");
        let line = sent(Header::Rfc3164, Form::Asset);
        assert!(line.starts_with("<30>Nov 14 22:14:20 router weir: {\"data\":\"5353"), "{line}");
    }

    #[test]
    fn frames_tell_messages_apart() {
        let mut options = options("", Header::Rfc5424, Form::Eve);
        let long = vec![b'x'; MAX_DATAGRAM];
        assert_eq!(framed("h ", &long, &options), None);
        assert_eq!(framed("h ", b"body", &options).unwrap(), b"h body");
        options.peer.transport = Transport::Tcp;
        assert_eq!(framed("h ", b"body", &options).unwrap(), b"6 h body");
        options.framing = Framing::Newline;
        assert_eq!(framed("h ", b"body", &options).unwrap(), b"h body\n");
        assert!(framed("h ", &long, &options).is_some());
    }

    #[test]
    fn days_of_one_digit_have_a_blank_before_them() {
        assert_eq!(old_time(Time::from_secs(1_780_000_000), utc), "May 28 20:26:40");
        assert_eq!(old_time(Time::ZERO, utc), "Jan  1 00:00:00");
        assert_eq!(old_time(Time::ZERO, |_| 86_399), "Jan  1 23:59:59");
        assert_eq!(old_time(Time::ZERO, |_| -5), "Jan  1 00:00:00");
    }
}
