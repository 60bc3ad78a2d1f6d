//! A client, a router with NAT (or a switch) and a server, each in a network namespace of
//! the test's own, and daemons at the router. Nothing leaves them. Needs root.
#![allow(dead_code)]

use std::fs;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

pub use super::common::net::Watcher;
use super::common::net::{Spaces, must, run};

/// Addresses: the client's LAN, and the world beyond the router.
pub const CLIENT: &str = "192.168.7.2";
pub const ROUTER: &str = "192.168.7.1";
pub const SERVER: &str = "203.0.113.9";
pub const SERVER6: &str = "2001:db8::9";

/// Whether this kernel has what heads and blocking need; says so where not.
pub fn kernel_can(test: &str) -> bool {
    let rules = "table inet t {\n chain c {\n  type filter hook forward priority 0\n  ct mark & 1 == 1 reject with tcp reset\n  \
        log group 5\n }\n}\ntable ip n {\n chain c {\n  type nat hook postrouting priority 100\n  masquerade\n }\n}\n";
    kernel_takes(test, &["conntrack -L"], rules)
}

/// Whether it has what a switch with a mirror port needs.
pub fn kernel_can_mirror(test: &str) -> bool {
    let cable = "ip link add lan type veth peer name mon";
    let rules = "table netdev t {\n chain i {\n  type filter hook ingress device lan priority 0\n  dup to mon\n }\n \
        chain e {\n  type filter hook egress device lan priority 0\n  dup to mon\n }\n}\n";
    kernel_takes(test, &["ip link add br-lan type bridge", cable], rules)
}

fn kernel_takes(test: &str, lines: &[&str], rules: &str) -> bool {
    let space = format!("weir-k{}-{test}", std::process::id());
    must(&format!("ip netns add {space}"));
    let path = std::env::temp_dir().join(format!("{space}.nft"));
    fs::write(&path, rules).unwrap();
    let table = format!("nft -f {}", path.display());
    let all = lines.iter().copied().chain([&*table]);
    let lacks: Vec<String> = all
        .map(|line| run(&format!("ip netns exec {space} {line}")))
        .filter_map(|(ok, said)| (!ok).then_some(said))
        .collect();
    must(&format!("ip netns delete {space}"));
    let _ = fs::remove_file(path);
    if !lacks.is_empty() {
        println!("{test}: this kernel lacks what it needs, and it goes on without: {lacks:?}");
    }
    lacks.is_empty()
}

/// The three of them. All that runs in them goes with it.
pub struct Routed {
    spaces: Spaces,
    pub client: String,
    pub router: String,
    pub server: String,
}

fn addresses(space: &str, link: &str, v4: &str, v6: &str) {
    must(&format!("ip -n {space} address add {v4} dev {link}"));
    must(&format!("ip -n {space} address add {v6} dev {link} nodad"));
    must(&format!("ip -n {space} link set {link} up"));
}

impl Routed {
    pub fn new(name: &str) -> Routed {
        let net = Routed::unjoined(name);
        let Routed { client, router, server, .. } = &net;
        for (space, link, v4, v6) in [
            (client, "c0", "192.168.7.2/24", "fd00:7::2/64"),
            (router, "lan", "192.168.7.1/24", "fd00:7::1/64"),
            (router, "wan", "203.0.113.1/24", "2001:db8::1/64"),
            (server, "s0", "203.0.113.9/24", "2001:db8::9/64"),
        ] {
            addresses(space, link, v4, v6);
        }
        must(&format!("ip -n {client} route add default via 192.168.7.1"));
        must(&format!("ip -n {client} -6 route add default via fd00:7::1"));
        must(&format!("ip -n {server} -6 route add fd00:7::/64 via 2001:db8::1"));
        for switch in ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] {
            must(&format!("ip netns exec {router} sysctl -qw {switch}=1"));
        }
        let rules = "table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n  \
            oifname \"wan\" masquerade\n }\n}\n";
        net.rules(rules);
        net
    }

    /// The same with a switch in the middle, the bridge `br-lan`, instead of a router.
    pub fn switched(name: &str) -> Routed {
        let net = Routed::unjoined(name);
        let Routed { client, router, server, .. } = &net;
        must(&format!("ip -n {router} link add br-lan type bridge"));
        for link in ["br-lan", "lan", "wan"] {
            must(&format!("ip -n {router} link set {link} up"));
        }
        for link in ["lan", "wan"] {
            must(&format!("ip -n {router} link set {link} master br-lan"));
        }
        addresses(client, "c0", "192.168.7.2/24", "fd00:7::2/64");
        addresses(server, "s0", "192.168.7.9/24", "fd00:7::9/64");
        net
    }

    /// Cables from the client and the server to what joins them.
    fn unjoined(name: &str) -> Routed {
        let (spaces, [client, router, server]) = Spaces::new(name, ["c", "r", "s"]);
        must(&format!("ip -n {client} link add c0 type veth peer name lan netns {router}"));
        must(&format!("ip -n {server} link add s0 type veth peer name wan netns {router}"));
        Routed { spaces, client, router, server }
    }

    /// One more place, with cables to the one in the middle: the names of their
    /// ends there, and at the middle.
    pub fn another(&mut self, part: &str, cables: &[(&str, &str)]) -> String {
        let name = self.spaces.another(self.router.replacen("-r", &format!("-{part}"), 1));
        for (here, there) in cables {
            must(&format!("ip -n {name} link add {here} type veth peer name {there} netns {}", self.router));
            must(&format!("ip -n {name} link set {here} up"));
            must(&format!("ip -n {} link set {there} up", self.router));
        }
        name
    }

    /// Rules for nftables in the middle.
    pub fn rules(&self, text: &str) {
        let path = self.folder.join("rules.nft");
        fs::write(&path, text).unwrap();
        must(&format!("ip netns exec {} nft -f {}", self.router, path.display()));
    }

    pub fn at(&self, space: &str, line: &str) -> (bool, String) {
        run(&format!("ip netns exec {space} {line}"))
    }

    pub fn at_client(&self, line: &str) -> String {
        must(&format!("ip netns exec {} {line}", self.client))
    }

    /// The tables of nftables at the router.
    pub fn tables(&self) -> String {
        must(&format!("ip netns exec {} nft list tables", self.router))
    }

    /// What the interface called `link` in `space` has counted: bytes at the IP
    /// layer that it received, and that it sent.
    pub fn counted(&self, space: &str, link: &str) -> [u64; 2] {
        let text = must(&format!("ip -n {space} -s -j link show {link}"));
        let stats = &serde_json::from_str::<Value>(&text).unwrap()[0]["stats64"];
        ["rx", "tx"].map(|way| {
            let number = |name: &str| stats[way][name].as_u64().unwrap();
            number("bytes") - 14 * number("packets")
        })
    }

    /// A daemon at the router, called `name`, with `settings` for [capture].
    pub fn daemon(&mut self, name: &str, settings: &str) -> Watcher {
        let router = self.router.clone();
        self.daemon_at(&router, "lan", name, settings)
    }

    /// The same in `space`, at its interface called `link`.
    pub fn daemon_at(&mut self, space: &str, link: &str, name: &str, settings: &str) -> Watcher {
        let config = format!(
            "[capture]\ninterfaces = [\"{link}\"]\nbuffer = \"64MiB\"\n{settings}\n[sqlite]\npath = \"{name}.db\"\n\
             [daemon]\ncontrol = \"{name}.sock\"\nweb_info = \"{name}.json\"\n\
             [store]\ndelay = \"0s\"\nmax_mb = 1000\n"
        );
        fs::write(self.folder.join(format!("{name}.toml")), config).unwrap();
        self.spaces.daemon(space, name)
    }
}

impl Deref for Routed {
    type Target = Spaces;

    fn deref(&self) -> &Spaces {
        &self.spaces
    }
}

impl DerefMut for Routed {
    fn deref_mut(&mut self) -> &mut Spaces {
        &mut self.spaces
    }
}
