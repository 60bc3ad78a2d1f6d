//! ARP for IPv4 in Ethernet (RFC 826): who has which address.

use std::net::Ipv4Addr;

use super::bytes::{array_at, u16_at};
use super::link::RawMac;

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Arp {
    /// The VLAN it came in.
    pub vlan: Option<u16>,
    /// Whether it asks; otherwise it answers.
    pub asks: bool,
    /// Who says it…
    pub src_mac: RawMac,
    /// …and the address that it says it has; none of a client that tries whether
    /// an address is free (RFC 5227, 2.1.1).
    pub src_ip: Ipv4Addr,
    /// Whom it is for; in a request zeroes, or anything.
    pub dst_mac: RawMac,
    /// The address that is meant.
    pub dst_ip: Ipv4Addr,
}

impl Arp {
    /// The message at the start of `bytes`; `None` for what is cut, and for other
    /// networks, addresses and operations (RFC 826, "Packet format").
    pub fn read(bytes: &[u8], vlan: Option<u16>) -> Option<Arp> {
        const ETHERNET_AND_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
        if array_at(bytes, 0)? != ETHERNET_AND_IPV4 {
            return None;
        }
        let asks = match u16_at(bytes, 6)? {
            1 => true,
            2 => false,
            _ => return None,
        };
        let ip = |at| array_at::<4>(bytes, at).map(Ipv4Addr::from);
        Some(Arp {
            vlan,
            asks,
            src_mac: array_at(bytes, 8)?,
            src_ip: ip(14)?,
            dst_mac: array_at(bytes, 18)?,
            dst_ip: ip(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 28] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 5, 192, 168, 1, 5, 0, 0, 0, 0, 0, 0, 192, 168, 1, 1];

    #[test]
    fn a_message_says_who_has_what() {
        let arp = Arp::read(&REQUEST, Some(7)).unwrap();
        assert_eq!((arp.vlan, arp.asks, arp.src_mac), (Some(7), true, [2, 0, 0, 0, 0, 5]));
        assert_eq!((arp.src_ip, arp.dst_ip), ([192, 168, 1, 5].into(), [192, 168, 1, 1].into()));
        assert_eq!(arp.dst_mac, [0; 6]);
        let mut reply = REQUEST;
        reply[7] = 2;
        assert!(!Arp::read(&reply, None).unwrap().asks);
    }

    #[test]
    fn what_is_cut_or_of_another_kind_is_none() {
        for end in 0..REQUEST.len() {
            assert_eq!(Arp::read(&REQUEST[..end], None), None, "{end}");
        }
        for (at, byte) in [(1, 6), (2, 0x86), (4, 8), (5, 16), (7, 3), (6, 1)] {
            let mut other = REQUEST;
            other[at] = byte;
            assert_eq!(Arp::read(&other, None), None, "{at}");
        }
    }
}
