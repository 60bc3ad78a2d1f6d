//! DHCP (RFC 2131, 2132).

use std::net::Ipv4Addr;

use super::about::{Clue, NameSource};
use super::login::{MAX_NAME, text};
use super::{Protocol, Side, Sink, Verdict, dns};
use crate::record::Mac;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};
use crate::wire::proto;

/// BOOTP with the cookie (RFC 2131, 3).
pub static DHCP: Protocol = Protocol {
    over: &[proto::UDP],
    name: "dhcp",
    probe: |opening| {
        let is_home = opening.has_port(67) || opening.has_port(68);
        if is_home && u32_at(opening.bytes, COOKIE_AT) == Some(COOKIE) { Verdict::Yes } else { Verdict::No }
    },
    datagram: Some(datagram),
    stream: None,
};

/// RFC 8415, 8 and 9
pub static DHCPV6: Protocol = Protocol {
    over: &[proto::UDP],
    name: "dhcp",
    probe: |opening| {
        let is_home = opening.has_port(546) || opening.has_port(547);
        if is_home && matches!(u8_at(opening.bytes, 0), Some(1..=36)) { Verdict::Yes } else { Verdict::No }
    },
    datagram: Some(|_, bytes, sink| {
        if let (mac, Some(name)) = client_of_dhcpv6(bytes) {
            sink.clue(mac, Clue::Name(NameSource::Dhcp, name));
        }
    }),
    stream: None,
};

/// The cookie before the options (RFC 2131, 3), and where it lies.
const COOKIE: u32 = 0x6382_5363;
const COOKIE_AT: usize = 236;

/// Hardware type of Ethernet (RFC 1700, "Number Hardware Type").
const ETHERNET: u8 = 1;

/// Options that a client asks for that are kept; the longest lists have some 30.
const MAX_PARAMETERS: usize = 64;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// discover, offer, request, decline, ack, nak, release or inform.
    pub kind: &'static str,
    pub txid: u32,
    /// The client's.
    pub mac: Option<Mac>,
    /// The address that is given or confirmed.
    pub assigned: Option<Ipv4Addr>,
    /// The address that the client asks for, or has.
    pub requested: Option<Ipv4Addr>,
    pub hostname: Option<String>,
    pub vendor_class: Option<String>,
    /// Numbers of the options that the client asks for.
    pub parameters: Vec<u8>,
    /// Seconds.
    pub lease: Option<u32>,
}

impl Message {
    /// Whether the server says it.
    pub fn is_reply(&self) -> bool {
        matches!(self.kind, "offer" | "ack" | "nak")
    }

    /// The message in `bytes`; `None` where its type is missing or unknown. What
    /// is cut is read as far as it goes (RFC 2131, 2; RFC 2132).
    pub fn read(bytes: &[u8]) -> Option<Message> {
        let address =
            |at| array_at::<4>(bytes, at).map(Ipv4Addr::from).filter(|address| !address.is_unspecified());
        let mut message = Message {
            txid: u32_at(bytes, 4)?,
            mac: hardware_address(u8_at(bytes, 1)?, u8_at(bytes, 2)?, bytes.get(28..)?),
            requested: address(12),
            assigned: address(16),
            ..Message::default()
        };
        (u32_at(bytes, COOKIE_AT)? == COOKIE).then_some(())?;
        each_option(bytes.get(COOKIE_AT + 4..)?, |code, value| message.option(code, value));
        (!message.kind.is_empty()).then_some(message)
    }

    fn option(&mut self, code: u8, value: &[u8]) {
        match code {
            12 => self.hostname = printed(value).or(self.hostname.take()),
            50 => self.requested = array_at::<4>(value, 0).map(Ipv4Addr::from).or(self.requested),
            51 => self.lease = u32_at(value, 0),
            53 => self.kind = u8_at(value, 0).and_then(kind).unwrap_or_default(),
            55 => self.parameters = value.get(..MAX_PARAMETERS).unwrap_or(value).to_vec(),
            60 => self.vendor_class = printed(value),
            // The client's identifier, where its header has no address (RFC 2132, 9.14).
            61 => self.mac = self.mac.or_else(|| hardware_address(u8_at(value, 0)?, 6, value.get(1..)?)),
            81 if self.hostname.is_none() => self.hostname = full_name(value),
            _ => {}
        }
    }
}

fn datagram(_: Side, bytes: &[u8], sink: &mut dyn Sink) {
    if let Some(message) = Message::read(bytes) {
        sink.dhcp(message);
    }
}

/// A text to its first zero, which some clients end theirs with.
fn printed(value: &[u8]) -> Option<String> {
    text(value.split(|&byte| byte == 0).next()?, MAX_NAME)
}

/// Calls `each` with code and value of every option that is whole (RFC 2132, 2).
fn each_option(mut options: &[u8], mut each: impl FnMut(u8, &[u8])) {
    const PAD: u8 = 0;
    const END: u8 = 255;
    while let Some((&code, rest)) = options.split_first() {
        match code {
            PAD => options = rest,
            END => return,
            _ => {
                let Some((&length, rest)) = rest.split_first() else { return };
                let Some((value, rest)) = rest.split_at_checked(length.into()) else { return };
                each(code, value);
                options = rest;
            }
        }
    }
}

/// RFC 2132, 9.6
fn kind(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "discover",
        2 => "offer",
        3 => "request",
        4 => "decline",
        5 => "ack",
        6 => "nak",
        7 => "release",
        8 => "inform",
        _ => return None,
    })
}

fn hardware_address(kind: u8, length: u8, bytes: &[u8]) -> Option<Mac> {
    (kind == ETHERNET && length == 6).then_some(())?;
    array_at(bytes, 0).filter(|mac| *mac != [0; 6]).map(Mac)
}

/// The first label of a client's full name: behind flags and two bytes of no use,
/// in DNS's form or in plain letters (RFC 4702, 2).
fn full_name(value: &[u8]) -> Option<String> {
    const IN_DNS_FORM: u8 = 0x04;
    let name = value.get(3..)?;
    if u8_at(value, 0)? & IN_DNS_FORM != 0 { first_label(name) } else { text(until_dot(name), MAX_NAME) }
}

/// The first label of a name in DNS's form, that need not have an end.
fn first_label(name: &[u8]) -> Option<String> {
    let length = usize::from(u8_at(name, 0)?);
    let label = name.get(1..1 + length).filter(|_| length <= 63)?;
    let mut shown = String::new();
    dns::push_text(&mut shown, label, |_| false);
    text(shown.as_bytes(), MAX_NAME)
}

fn until_dot(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'.').next().unwrap_or(name)
}

/// A client's message of DHCPv6, as far as it says who it is: its MAC address, if
/// its identifier has one, and its name (RFC 8415, 11.2, 11.4 and 21.2; RFC 4704, 4).
fn client_of_dhcpv6(bytes: &[u8]) -> (Option<Mac>, Option<String>) {
    const SOLICIT_TO_REBIND: [u8; 5] = [1, 3, 4, 5, 6];
    let (mut mac, mut name) = (None, None);
    if !u8_at(bytes, 0).is_some_and(|kind| SOLICIT_TO_REBIND.contains(&kind)) {
        return (mac, name);
    }
    let mut options = bytes.get(4..).unwrap_or_default();
    while let (Some(code), Some(length)) = (u16_at(options, 0), u16_at(options, 2)) {
        let Some(value) = options.get(4..4 + usize::from(length)) else { break };
        match code {
            1 => mac = mac_in_duid(value),
            39 => name = value.get(1..).and_then(first_label),
            _ => {}
        }
        options = options.get(4 + value.len()..).unwrap_or_default();
    }
    (mac, name)
}

fn mac_in_duid(duid: &[u8]) -> Option<Mac> {
    let at = match (u16_at(duid, 0)?, u16_at(duid, 2)?) {
        (1, 1) => 8,
        (3, 1) => 4,
        _ => return None,
    };
    array_at(duid, at).map(Mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; COOKIE_AT];
        bytes[..8].copy_from_slice(&[1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 5]);
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend(options);
        bytes
    }

    #[test]
    fn a_request_says_who_asks_for_what() {
        let bytes = message(
            b"\x35\x01\x03\x32\x04\xc0\xa8\x01\x05\0\0\x0c\x07Ann's-Q\x3c\x08MSFT 5.0\x37\x04\x01\x03\x06\x0f\xff\x0c\x01x",
        );
        let read = Message::read(&bytes).unwrap();
        let expected = Message {
            kind: "request",
            txid: 0x1234_5678,
            mac: Some(Mac([2, 0, 0, 0, 0, 5])),
            requested: Some([192, 168, 1, 5].into()),
            hostname: Some("Ann's-Q".into()),
            vendor_class: Some("MSFT 5.0".into()),
            parameters: vec![1, 3, 6, 15],
            ..Message::default()
        };
        assert_eq!(read, expected);
        assert!(!read.is_reply());
    }

    #[test]
    fn an_acknowledgement_says_what_is_given_for_how_long() {
        let mut bytes = message(b"\x35\x01\x05\x33\x04\0\0\x0e\x10\x36\x04\xc0\xa8\x01\x01\xff");
        bytes[16..20].copy_from_slice(&[192, 168, 1, 5]);
        let read = Message::read(&bytes).unwrap();
        assert_eq!(
            (read.kind, read.assigned, read.lease),
            ("ack", Some([192, 168, 1, 5].into()), Some(3600))
        );
        assert!(read.is_reply());
    }

    #[test]
    fn a_full_name_is_taken_to_its_first_dot_where_there_is_no_other() {
        let name = |options: &[u8]| Message::read(&message(options)).unwrap().hostname;
        assert_eq!(name(b"\x35\x01\x03\x51\x0d\x00\0\0pc.home.me").as_deref(), Some("pc"));
        assert_eq!(name(b"\x35\x01\x03\x51\x0b\x04\0\0\x02pc\x04home").as_deref(), Some("pc"));
        assert_eq!(name(b"\x35\x01\x03\x0c\x01a\x51\x05\x00\0\0pc").as_deref(), Some("a"));
        assert_eq!(name(b"\x35\x01\x03\x51\x05\x04\0\0\x3fpc"), None, "a label longer than there are bytes");
    }

    #[test]
    fn what_is_cut_gives_what_came_and_what_is_not_dhcp_nothing() {
        let whole = message(b"\x35\x01\x03\x0c\x03abc\xff");
        for end in 0..whole.len() {
            let read = Message::read(&whole[..end]);
            assert_eq!(read.is_some(), end >= COOKIE_AT + 7, "{end}");
        }
        assert_eq!(Message::read(&message(b"\x0c\x03abc\xff")), None, "BOOTP has no types");
        assert_eq!(Message::read(&message(b"\x35\x01\x63\xff")), None);
        let mut many = b"\x35\x01\x03\x37\xff".to_vec();
        many.extend([7; 255]);
        assert_eq!(Message::read(&message(&many)).unwrap().parameters.len(), MAX_PARAMETERS);
    }

    #[test]
    fn a_name_has_no_control_characters() {
        let read = Message::read(&message(b"\x35\x01\x03\x0c\x06a\x1b[2Jb")).unwrap();
        assert_eq!(read.hostname.as_deref(), Some("a [2Jb"));
        let read = Message::read(&message(b"\x35\x01\x03\x0c\x04nas\0")).unwrap();
        assert_eq!(read.hostname.as_deref(), Some("nas"));
    }

    #[test]
    fn a_client_of_dhcpv6_is_known_by_its_identifier_and_name() {
        let duid = b"\0\x01\0\x0e\0\x01\0\x01\x20\x20\x20\x20\x02\0\0\0\0\x05";
        let name = b"\0\x27\0\x08\x01\x02pc\x03lan";
        let bytes = [&b"\x01abc"[..], duid, name].concat();
        let expected = (Some(Mac([2, 0, 0, 0, 0, 5])), Some("pc".into()));
        assert_eq!(client_of_dhcpv6(&bytes), expected);
        assert_eq!(client_of_dhcpv6(b"\x02abc\0\x27\0\x04\x01\x02pc"), (None, None), "an advertisement");
        for end in 0..bytes.len() {
            let _ = client_of_dhcpv6(&bytes[..end]);
        }
    }
}
