//! The interfaces to the LANs: their numbers, and the networks behind them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::prefix::Prefix;

/// One interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lan {
    pub name: String,
    /// As the kernel has it; 0 while it is not there.
    pub index: u32,
    networks: Vec<Prefix>,
}

impl Lan {
    pub fn new(name: &str) -> Lan {
        Lan { name: name.to_owned(), index: 0, networks: Vec::new() }
    }

    /// Whether `address` is behind it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// Looks at what the kernel has of each now.
pub fn refresh(lans: &mut [Lan]) {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let routes6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    for lan in lans {
        let index = fs::read_to_string(format!("/sys/class/net/{}/ifindex", lan.name));
        lan.index = index.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        lan.networks = networks(&lan.name, &routes, &routes6);
    }
}

/// Networks that are routed to the interface called `name`, but for the default.
fn networks(name: &str, routes: &str, routes6: &str) -> Vec<Prefix> {
    let v4 = routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [iface, target, _, _, _, _, _, mask, ..] = fields[..] else { return None };
        // As they lie in memory, in the network's order.
        let number = |text| u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes);
        let length = number(mask).map(|mask| u32::from_be_bytes(mask).leading_ones() as u8)?;
        let network = Prefix::new(Ipv4Addr::from(number(target)?).into(), length)?;
        (iface == name && length > 0).then_some(network)
    });
    let v6 = routes6.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [target, length, .., iface] = fields[..] else { return None };
        let network = Ipv6Addr::from(u128::from_str_radix(target, 16).ok()?);
        let length = u8::from_str_radix(length, 16).ok().filter(|length| *length > 0)?;
        let is_ours = iface == name && !network.is_multicast();
        Prefix::new(network.into(), length).filter(|_| is_ours)
    });
    v4.chain(v6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_tell_what_is_behind_an_interface() {
        let hex = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let routes = format!(
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
             wan {zero} {zero} 0003 0 0 0 {zero} 0 0 0\n\
             br-lan {lan} {zero} 0001 0 0 0 {mask} 0 0 0\n",
            zero = hex([0; 4]),
            lan = hex([192, 168, 1, 0]),
            mask = hex([255, 255, 255, 0]),
        );
        let zero = "0".repeat(32);
        let routes6 = format!(
            "fd000000000000010000000000000000 40 {zero} 00 {zero} 00000400 1 0 00000001 br-lan\n\
             {zero} 00 {zero} 00 {zero} 00000400 1 0 00000003 br-lan\n\
             ff000000000000000000000000000000 08 {zero} 00 {zero} 00000100 1 0 00000001 br-lan\n"
        );
        let networks = networks("br-lan", &routes, &routes6);
        assert_eq!(networks, ["192.168.1.0/24", "fd00:0:0:1::/64"].map(|text| Prefix::parse(text).unwrap()));
        let lan = Lan { networks, ..Lan::new("br-lan") };
        for (address, holds) in [
            ("192.168.1.7", true),
            ("192.168.2.7", false),
            ("fd00:0:0:1::9", true),
            ("fd00:0:0:2::9", false),
            ("::ffff:192.168.1.7", false),
        ] {
            assert_eq!(lan.holds(address.parse().unwrap()), holds, "{address}");
        }
    }
}
