//! From a frame to the IP packet inside it: the link layers of captures.
//!
//! Written by hand because the headers are a few bytes each, and because
//! etherparse knows neither PPPoE, MPLS, SLL2, NULL nor NFLOG (see
//! `docs/DECISIONS.md`). From the IP header on, etherparse reads.

use super::arp::Arp;
use super::bytes::{array_at, u8_at, u16_at};
use super::wifi;

/// How many VLAN tags, labels and the like may lie above one another. Four is
/// the most seen in practice; the bound keeps a crafted frame from costing more.
const MAX_LAYERS: usize = 8;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const VLAN: u16 = 0x8100;
pub(super) const QINQ: u16 = 0x88a8;
pub(super) const QINQ_OLD: u16 = 0x9100;
const ARP: u16 = 0x0806;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE: u16 = 0x8864;
const NSH: u16 = 0x894f;
const VN_TAG: u16 = 0x8926;
const BACKBONE: u16 = 0x88e7;
const BRIDGED: u16 = 0x6558;
/// Below this an Ethernet type field is a length (IEEE 802.3, 3.2.6).
const FIRST_TYPE: u16 = 0x0600;

/// A MAC address as it lies in a frame.
pub type RawMac = [u8; 6];

/// The kind of frame, by its LINKTYPE_ number in the registry of tcpdump.org.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkType {
    /// 0 and 108: the address family in four bytes of either order (BSD loopback).
    Null,
    /// 1
    Ethernet,
    /// 9 and 50: PPP, with or without HDLC-like framing.
    Ppp,
    /// 51: PPPoE session without Ethernet.
    Pppoe,
    /// 104: Cisco HDLC.
    CiscoHdlc,
    /// 12, 14, 101, 228, 229: no link layer, the version is in the first four bits.
    Raw,
    /// 113: Linux `any` device.
    Sll,
    /// 276: Linux `any` device with the interface's index.
    Sll2,
    /// 239: Linux netfilter log.
    Nflog,
    /// 192: per-packet information, then a frame of another type.
    Ppi,
    /// 105: Wi-Fi.
    Wifi,
    /// 127: Wi-Fi with what the radio said before it.
    Radiotap,
}

impl LinkType {
    /// The kind with number `number`, or `None` for one that Weir can't read.
    pub fn from_number(number: i32) -> Option<LinkType> {
        Some(match number {
            0 | 108 => LinkType::Null,
            1 => LinkType::Ethernet,
            9 | 50 => LinkType::Ppp,
            12 | 14 | 101 | 228 | 229 => LinkType::Raw,
            51 => LinkType::Pppoe,
            104 => LinkType::CiscoHdlc,
            105 => LinkType::Wifi,
            113 => LinkType::Sll,
            127 => LinkType::Radiotap,
            192 => LinkType::Ppi,
            239 => LinkType::Nflog,
            276 => LinkType::Sll2,
            _ => return None,
        })
    }
}

impl LinkType {
    /// Its number, of several that mean the same the usual one.
    pub fn number(self) -> i32 {
        match self {
            LinkType::Null => 0,
            LinkType::Ethernet => 1,
            LinkType::Ppp => 9,
            LinkType::Pppoe => 51,
            LinkType::CiscoHdlc => 104,
            LinkType::Raw => 101,
            LinkType::Wifi => 105,
            LinkType::Sll => 113,
            LinkType::Radiotap => 127,
            LinkType::Ppi => 192,
            LinkType::Nflog => 239,
            LinkType::Sll2 => 276,
        }
    }
}

/// Why a frame gave no packet. Both are counters, never a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skip {
    /// Whole, but not IP: spanning tree and the like.
    NotIp,
    /// Not IP either, but it says who has which address.
    Arp(Arp),
    /// Ends before its headers do, or contradicts itself.
    Malformed,
}

/// What the link layer said, and the bytes behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link<'a> {
    /// Sender's MAC address, where the link layer has one.
    pub src_mac: Option<RawMac>,
    /// Receiver's MAC address.
    pub dst_mac: Option<RawMac>,
    /// The outermost VLAN's number.
    pub vlan: Option<u16>,
    /// What was found in place of IP.
    arp: Option<Arp>,
    /// From the IP header to the end of the frame, padding included.
    pub ip: &'a [u8],
}

impl<'a> Link<'a> {
    /// Reads the headers of `frame` down to the IP header.
    pub fn read(kind: LinkType, frame: &'a [u8]) -> Result<Link<'a>, Skip> {
        let mut link = Link::default();
        let found = match kind {
            LinkType::Ethernet => link.ethernet(frame),
            LinkType::Raw => link.behind(IPV4, frame),
            LinkType::Null => link.null(frame),
            LinkType::Ppp => link.ppp(frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame)),
            LinkType::Pppoe => link.behind(PPPOE, frame),
            LinkType::CiscoHdlc => u16_at(frame, 2).and_then(|kind| link.behind(kind, &frame[4..])),
            LinkType::Sll => link.sll(frame),
            LinkType::Sll2 => link.sll2(frame),
            LinkType::Nflog => link.nflog(frame),
            LinkType::Ppi => return Link::ppi(frame),
            LinkType::Wifi => link.wifi(frame),
            LinkType::Radiotap => wifi::behind_radiotap(frame).and_then(|frame| link.wifi(frame)),
        };
        match found {
            None => Err(Skip::Malformed),
            Some(false) => Err(link.arp.map_or(Skip::NotIp, Skip::Arp)),
            Some(true) => Ok(link),
        }
    }

    /// Version, flags, the header's length and the inner type, little-endian.
    fn ppi(frame: &'a [u8]) -> Result<Link<'a>, Skip> {
        let header = || {
            let length = u16::from_le_bytes(array_at(frame, 2)?);
            let inner = i32::from_le_bytes(array_at(frame, 4)?);
            Some((frame.get(usize::from(length).max(8)..)?, inner))
        };
        let (inner, number) = header().ok_or(Skip::Malformed)?;
        match LinkType::from_number(number) {
            Some(LinkType::Ppi) | None => Err(Skip::NotIp),
            Some(kind) => Link::read(kind, inner),
        }
    }

    // Below, `None` means too short, `false` not IP, `true` that `self.ip` is set.

    fn ethernet(&mut self, frame: &'a [u8]) -> Option<bool> {
        self.dst_mac = mac_at(frame, 0);
        self.src_mac = mac_at(frame, 6);
        self.behind(u16_at(frame, 12)?, &frame[14..])
    }

    fn wifi(&mut self, frame: &'a [u8]) -> Option<bool> {
        let Some((sender, receiver, rest)) = wifi::data(frame)? else { return Some(false) };
        self.src_mac = sender;
        self.dst_mac = receiver;
        self.behind(FIRST_TYPE - 1, rest)
    }

    /// What EtherType `kind` announces.
    fn behind(&mut self, mut kind: u16, mut rest: &'a [u8]) -> Option<bool> {
        for _ in 0..MAX_LAYERS {
            match kind {
                // The version field decides, as it does in every stack.
                IPV4 | IPV6 => {
                    self.ip = rest;
                    return Some(matches!(u8_at(rest, 0)? >> 4, 4 | 6));
                }
                ARP => {
                    self.arp = Arp::read(rest, self.vlan);
                    return Some(false);
                }
                VLAN | QINQ | QINQ_OLD => {
                    // Number 0 says a priority and no VLAN (IEEE 802.1Q, table 9-2).
                    let vlan = u16_at(rest, 0)? & 0x0fff;
                    self.vlan = self.vlan.or((vlan != 0).then_some(vlan));
                    kind = u16_at(rest, 2)?;
                    rest = &rest[4..];
                }
                PPPOE => {
                    let session = u8_at(rest, 1)? == 0;
                    rest = rest.get(6..)?;
                    return if session { self.ppp(rest) } else { Some(false) };
                }
                MPLS | MPLS_MULTICAST => {
                    let last = u8_at(rest, 2)? & 1 == 1;
                    rest = rest.get(4..)?;
                    if last {
                        return self.under_labels(rest);
                    }
                }
                // RFC 8300, 2.2: the length in 4-byte words, then the next protocol.
                NSH => {
                    let words = usize::from(u8_at(rest, 1)? & 0x3f);
                    kind = match u8_at(rest, 3)? {
                        1 => IPV4,
                        2 => IPV6,
                        3 => BRIDGED,
                        _ => return Some(false),
                    };
                    rest = rest.get(words * 4..)?;
                }
                // A tag of a virtual card (IEEE 802.1BR, 7.3): four bytes, then the type.
                VN_TAG => {
                    kind = u16_at(rest, 4)?;
                    rest = &rest[6..];
                }
                // A provider's backbone (IEEE 802.1ah): a tag, then the customer's frame.
                BACKBONE => {
                    kind = BRIDGED;
                    rest = rest.get(4..)?;
                }
                // Ethernet in Ethernet: the outer addresses are those of the LAN.
                BRIDGED => {
                    kind = u16_at(rest, 12)?;
                    rest = &rest[14..];
                }
                // LLC with SNAP (RFC 1042): the type comes after eight bytes.
                length if length < FIRST_TYPE => {
                    if rest.get(..3)? != [0xaa, 0xaa, 0x03] {
                        return Some(false);
                    }
                    kind = u16_at(rest, 6)?;
                    if kind < FIRST_TYPE {
                        return Some(false);
                    }
                    rest = &rest[8..];
                }
                _ => return Some(false),
            }
        }
        None
    }

    /// Behind the last MPLS label nothing says what follows (RFC 4928): IP has
    /// its version in the first bits, a pseudowire zeroes and then Ethernet.
    fn under_labels(&mut self, rest: &'a [u8]) -> Option<bool> {
        match u8_at(rest, 0)? >> 4 {
            4 | 6 => self.behind(IPV4, rest),
            0 => self.behind(BRIDGED, rest.get(4..)?),
            _ => Some(false),
        }
    }

    /// The protocol field may be cut to one byte when both sides agreed
    /// (RFC 1661, 6.5); the low bit of its last byte is always set.
    fn ppp(&mut self, rest: &'a [u8]) -> Option<bool> {
        let first = u8_at(rest, 0)?;
        let (protocol, rest) =
            if first & 1 == 1 { (u16::from(first), &rest[1..]) } else { (u16_at(rest, 0)?, &rest[2..]) };
        match protocol {
            0x0021 => self.behind(IPV4, rest),
            0x0057 => self.behind(IPV6, rest),
            0x0281 => self.behind(MPLS, rest),
            _ => Some(false),
        }
    }

    /// The family is in the byte order of the capturing host. Families differ
    /// between systems, so the version field behind them decides.
    fn null(&mut self, frame: &'a [u8]) -> Option<bool> {
        let family: [u8; 4] = array_at(frame, 0)?;
        match family {
            [2 | 10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 2 | 10 | 24 | 28 | 30] => {
                self.behind(IPV4, &frame[4..])
            }
            _ => Some(false),
        }
    }

    fn sll(&mut self, frame: &'a [u8]) -> Option<bool> {
        self.src_mac = sll_mac(frame, 4, u16_at(frame, 4)?);
        self.behind(u16_at(frame, 14)?, &frame[16..])
    }

    fn sll2(&mut self, frame: &'a [u8]) -> Option<bool> {
        self.src_mac = sll_mac(frame, 10, u16::from(u8_at(frame, 11)?));
        let kind = u16_at(frame, 0)?;
        self.behind(kind, frame.get(20..)?)
    }

    /// A family, a version, a group, then attributes of netfilter's log, each
    /// with its length and type in the byte order of the capturing host.
    fn nflog(&mut self, frame: &'a [u8]) -> Option<bool> {
        const HARDWARE_ADDRESS: u16 = 8;
        const PAYLOAD: u16 = 9;
        let mut rest = frame.get(4..)?;
        // A length below 256 in four bytes of attribute header tells the order.
        let number: fn([u8; 2]) -> u16 =
            if u8_at(rest, 0)? == 0 { u16::from_be_bytes } else { u16::from_le_bytes };
        while !rest.is_empty() {
            let length = usize::from(number(array_at(rest, 0)?));
            let value = rest.get(4..length)?;
            match number(array_at(rest, 2)?) & 0x7fff {
                HARDWARE_ADDRESS if u16_at(value, 0)? == 6 => self.src_mac = array_at(value, 4),
                PAYLOAD => return self.behind(IPV4, value),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..)?;
        }
        Some(false)
    }
}

/// The address in an SLL header, whose field holds eight bytes whatever the kind.
fn sll_mac(frame: &[u8], field: usize, length: u16) -> Option<RawMac> {
    mac_at(frame, field + 2).filter(|_| length == 6)
}

/// The address at `at`. Loopback says six zero bytes, which are no one's.
fn mac_at(frame: &[u8], at: usize) -> Option<RawMac> {
    array_at(frame, at).filter(|mac| *mac != [0; 6])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACS: [u8; 12] = [2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 1];

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    fn read(kind: LinkType, parts: &[&[u8]]) -> Result<(Option<RawMac>, Option<u16>, Vec<u8>), Skip> {
        let frame = parts.concat();
        Link::read(kind, &frame).map(|l| (l.src_mac, l.vlan, l.ip.to_vec()))
    }

    #[test]
    fn every_link_type_leads_to_the_ip_header() {
        let mac = Some([2, 0, 0, 0, 0, 1]);
        let ip: &[u8] = &[0x45, 1, 2, 3];
        let cases: &[(LinkType, &[&[u8]], Option<RawMac>, Option<u16>)] = &[
            (LinkType::Ethernet, &[&MACS, &[8, 0]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x81, 0, 0x20, 7, 8, 0]], mac, Some(7)),
            (LinkType::Ethernet, &[&MACS, &[0x81, 0, 0xe0, 0, 8, 0]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]], mac, Some(5)),
            (LinkType::Ethernet, &[&MACS, &[0x88, 0x64, 0x11, 0, 0, 1, 0, 6, 0, 0x21]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x88, 0x64, 0x11, 0, 0, 1, 0, 6, 0x21]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x88, 0x47, 0, 1, 0, 9, 0, 2, 1, 9]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0, 12, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x89, 0x4f, 0, 2, 1, 1, 0, 0, 0, 0]], mac, None),
            (LinkType::Ethernet, &[&MACS, &[0x89, 0x26, 0x80, 0, 0, 1, 0x81, 0, 0, 7, 8, 0]], mac, Some(7)),
            (LinkType::Ethernet, &[&MACS, &[0x88, 0xe7, 0, 1, 2, 3], &MACS, &[8, 0]], mac, None),
            (LinkType::Raw, &[], None, None),
            (LinkType::Null, &[&[2, 0, 0, 0]], None, None),
            (LinkType::Null, &[&[0, 0, 0, 30]], None, None),
            (LinkType::Ppp, &[&[0xff, 3, 0, 0x21]], None, None),
            (LinkType::Ppp, &[&[0x21]], None, None),
            (LinkType::Pppoe, &[&[0x11, 0, 0, 1, 0, 6, 0, 0x21]], None, None),
            (LinkType::CiscoHdlc, &[&[0x0f, 0, 8, 0]], None, None),
            (LinkType::Sll, &[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]], mac, None),
            (LinkType::Sll2, &[&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]], mac, None),
            (LinkType::Ppi, &[&[0, 0, 8, 0, 12, 0, 0, 0]], None, None),
            (LinkType::Wifi, &[&[8, 1, 0, 0], &MACS, &[0; 8], &SNAP], mac, None),
            (LinkType::Radiotap, &[&[0, 0, 8, 0, 0, 0, 0, 0, 8, 1, 0, 0], &MACS, &[0; 8], &SNAP], mac, None),
            (LinkType::Nflog, &[&[2, 0, 0, 5, 8, 0, 9, 0]], None, None),
            (LinkType::Nflog, &[&[2, 0, 0, 5, 0, 8, 0, 9]], None, None),
        ];
        for (kind, headers, src, vlan) in cases {
            let parts = [headers, [ip].as_slice()].concat();
            assert_eq!(read(*kind, &parts), Ok((*src, *vlan, ip.to_vec())), "{kind:?} {headers:?}");
        }
    }

    #[test]
    fn nflog_carries_the_sender_before_the_packet() {
        let header = [2, 0, 0, 5];
        let sender = [16, 0, 8, 0, 0, 6, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0];
        let packet = [8, 0, 9, 0, 0x45, 1, 2, 3];
        let found = read(LinkType::Nflog, &[&header, &sender, &packet]);
        assert_eq!(found, Ok((Some([2, 0, 0, 0, 0, 1]), None, vec![0x45, 1, 2, 3])));
    }

    #[test]
    fn what_is_not_ip_is_told_from_what_is_broken() {
        assert_eq!(read(LinkType::Ethernet, &[&MACS, &[8, 6, 0, 1]]), Err(Skip::NotIp));
        assert_eq!(read(LinkType::Ethernet, &[&MACS, &[0, 3, 0x42, 0x42, 3]]), Err(Skip::NotIp));
        assert_eq!(read(LinkType::Ethernet, &[&MACS, &[8]]), Err(Skip::Malformed));
        assert_eq!(read(LinkType::Ethernet, &[&MACS, &[8, 0]]), Err(Skip::Malformed));
    }

    #[test]
    fn no_prefix_of_a_frame_panics_and_no_tower_of_tags_goes_on_for_ever() {
        let tags = [0x81, 0, 0, 1].repeat(20);
        let frame = [&MACS[..], &tags, &[8, 0, 0x45]].concat();
        assert_eq!(Link::read(LinkType::Ethernet, &frame), Err(Skip::Malformed));
        for number in 0..300 {
            if let Some(kind) = LinkType::from_number(number) {
                for end in 0..frame.len() {
                    let _ = Link::read(kind, &frame[..end]);
                }
            }
        }
    }
}
