//! Names of services by their ports: those of IANA's registry that are met, and what
//! else is usual at a port. A hint for the eye, never evidence.

use super::proto;

/// Which transports a name is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Tcp,
    Udp,
    Both,
}
use Over::{Both, Tcp, Udp};

/// By port, in order.
#[rustfmt::skip]
const NAMES: &[(u16, Over, &str)] = &[
    (1, Tcp, "tcpmux"), (7, Both, "echo"), (9, Both, "discard"), (13, Both, "daytime"), (17, Both, "qotd"),
    (19, Both, "chargen"), (20, Tcp, "ftp-data"), (21, Tcp, "ftp"), (22, Tcp, "ssh"), (23, Tcp, "telnet"),
    (25, Tcp, "smtp"), (37, Both, "time"), (43, Tcp, "whois"), (49, Both, "tacacs"), (53, Both, "domain"),
    (67, Udp, "dhcp-server"), (68, Udp, "dhcp-client"), (69, Udp, "tftp"), (70, Tcp, "gopher"),
    (79, Tcp, "finger"), (80, Both, "http"), (81, Tcp, "http-alt"), (88, Both, "kerberos"),
    (102, Tcp, "iso-tsap"), (110, Tcp, "pop3"), (111, Both, "sunrpc"), (113, Tcp, "ident"),
    (119, Tcp, "nntp"), (123, Udp, "ntp"), (135, Both, "msrpc"), (137, Udp, "netbios-ns"),
    (138, Udp, "netbios-dgm"), (139, Tcp, "netbios-ssn"), (143, Tcp, "imap"), (161, Udp, "snmp"),
    (162, Udp, "snmp-trap"), (177, Udp, "xdmcp"), (179, Tcp, "bgp"), (194, Tcp, "irc"), (389, Both, "ldap"),
    (427, Both, "slp"), (443, Both, "https"), (445, Tcp, "microsoft-ds"), (464, Both, "kpasswd"),
    (465, Tcp, "submissions"), (500, Udp, "isakmp"), (502, Tcp, "modbus"), (512, Tcp, "exec"),
    (513, Tcp, "login"), (514, Udp, "syslog"), (515, Tcp, "printer"), (520, Udp, "rip"), (521, Udp, "ripng"),
    (523, Both, "ibm-db2"), (543, Tcp, "klogin"), (544, Tcp, "kshell"), (546, Udp, "dhcpv6-client"),
    (547, Udp, "dhcpv6-server"), (548, Tcp, "afp"), (554, Both, "rtsp"), (563, Tcp, "nntps"),
    (587, Tcp, "submission"), (593, Tcp, "http-rpc"), (623, Udp, "ipmi"), (631, Both, "ipp"),
    (636, Tcp, "ldaps"), (646, Both, "ldp"), (666, Both, "doom"), (853, Both, "domain-s"),
    (860, Tcp, "iscsi"), (873, Tcp, "rsync"), (902, Tcp, "vmware"), (989, Tcp, "ftps-data"),
    (990, Tcp, "ftps"), (992, Tcp, "telnets"), (993, Tcp, "imaps"), (995, Tcp, "pop3s"), (1080, Tcp, "socks"),
    (1194, Both, "openvpn"), (1352, Tcp, "lotusnotes"), (1433, Tcp, "ms-sql-s"), (1434, Udp, "ms-sql-m"),
    (1521, Tcp, "oracle"), (1645, Udp, "radius-old"), (1646, Udp, "radius-acct-old"), (1701, Udp, "l2tp"),
    (1720, Tcp, "h323"), (1723, Tcp, "pptp"), (1812, Udp, "radius"), (1813, Udp, "radius-acct"),
    (1883, Tcp, "mqtt"), (1900, Udp, "ssdp"), (1935, Tcp, "rtmp"), (2000, Tcp, "sccp"), (2049, Both, "nfs"),
    (2055, Udp, "netflow"), (2082, Tcp, "cpanel"), (2083, Tcp, "cpanels"), (2086, Both, "gnunet"),
    (2123, Udp, "gtp-c"), (2152, Udp, "gtp-u"), (2181, Tcp, "zookeeper"), (2222, Tcp, "ssh-alt"),
    (2375, Tcp, "docker"), (2376, Tcp, "docker-s"), (2404, Tcp, "iec-104"), (2427, Udp, "mgcp"),
    (2483, Tcp, "oracle-alt"), (2628, Tcp, "dict"), (2775, Tcp, "smpp"), (3000, Tcp, "http-dev"),
    (3050, Tcp, "firebird"), (3128, Tcp, "proxy"), (3260, Tcp, "iscsi-target"), (3268, Tcp, "ldap-gc"),
    (3269, Tcp, "ldaps-gc"), (3306, Tcp, "mysql"), (3389, Both, "rdp"), (3478, Both, "stun"),
    (3690, Tcp, "svn"), (3702, Udp, "ws-discovery"), (3784, Udp, "bfd"), (4369, Tcp, "epmd"),
    (4443, Tcp, "https-alt"), (4500, Udp, "ipsec-nat-t"), (4662, Tcp, "edonkey"), (4672, Udp, "edonkey"),
    (4739, Both, "ipfix"), (4789, Udp, "vxlan"), (4840, Tcp, "opc-ua"), (5000, Tcp, "upnp"),
    (5004, Udp, "rtp"), (5005, Udp, "rtcp"), (5037, Tcp, "adb"), (5060, Both, "sip"), (5061, Tcp, "sips"),
    (5222, Tcp, "xmpp"), (5223, Tcp, "xmpps"), (5228, Tcp, "google-push"), (5269, Tcp, "xmpp-server"),
    (5349, Both, "stuns"), (5351, Udp, "nat-pmp"), (5353, Udp, "mdns"), (5355, Both, "llmnr"),
    (5432, Tcp, "postgresql"), (5555, Tcp, "adb-net"), (5601, Tcp, "kibana"), (5671, Tcp, "amqps"),
    (5672, Tcp, "amqp"), (5683, Udp, "coap"), (5684, Udp, "coaps"), (5900, Tcp, "vnc"),
    (5938, Both, "teamviewer"), (5984, Tcp, "couchdb"), (5985, Tcp, "winrm"), (5986, Tcp, "winrms"),
    (6000, Tcp, "x11"), (6081, Udp, "geneve"), (6343, Udp, "sflow"), (6379, Tcp, "redis"),
    (6443, Tcp, "kubernetes"), (6514, Tcp, "syslog-tls"), (6667, Tcp, "irc"), (6697, Tcp, "ircs"),
    (6881, Both, "bittorrent"), (7000, Tcp, "airplay"), (7547, Tcp, "cwmp"), (8000, Tcp, "http-alt"),
    (8006, Tcp, "proxmox"), (8008, Tcp, "http-alt"), (8009, Tcp, "cast"), (8080, Tcp, "http-proxy"),
    (8081, Tcp, "http-alt"), (8086, Tcp, "influxdb"), (8123, Tcp, "home-assistant"), (8291, Tcp, "winbox"),
    (8333, Tcp, "bitcoin"), (8443, Tcp, "https-alt"), (8554, Tcp, "rtsp-alt"), (8728, Tcp, "routeros"),
    (8883, Tcp, "mqtts"), (8888, Tcp, "http-alt"), (9000, Tcp, "http-alt"), (9042, Tcp, "cassandra"),
    (9090, Tcp, "prometheus"), (9092, Tcp, "kafka"), (9100, Tcp, "jetdirect"), (9200, Tcp, "elasticsearch"),
    (9418, Tcp, "git"), (9993, Udp, "zerotier"), (10000, Tcp, "webmin"), (10050, Tcp, "zabbix-agent"),
    (10051, Tcp, "zabbix-trapper"), (11211, Both, "memcached"), (17500, Both, "dropbox"),
    (19302, Udp, "stun-google"), (20000, Both, "dnp3"), (22000, Tcp, "syncthing"), (25565, Tcp, "minecraft"),
    (27015, Both, "steam"), (27017, Tcp, "mongodb"), (32400, Tcp, "plex"), (37777, Tcp, "dahua"),
    (41641, Udp, "tailscale"), (44818, Both, "ethernet-ip"), (47808, Udp, "bacnet"),
    (51413, Both, "transmission"), (51820, Udp, "wireguard"), (62078, Tcp, "iphone-sync"),
];

/// What is usually behind `port` of the transport protocol `number`.
pub fn name(number: u8, port: u16) -> Option<&'static str> {
    let at = NAMES.binary_search_by_key(&port, |(port, ..)| *port).ok()?;
    let (_, over, name) = NAMES[at];
    match number {
        proto::TCP => over != Udp,
        proto::UDP => over != Tcp,
        _ => false,
    }
    .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_the_name_of_its_transport() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((name(proto::TCP, 22), name(proto::UDP, 22)), (Some("ssh"), None));
        assert_eq!((name(proto::TCP, 53), name(proto::UDP, 53)), (Some("domain"), Some("domain")));
        assert_eq!(
            (name(proto::UDP, 51820), name(proto::UDP, 51821), name(proto::ICMP, 80)),
            (Some("wireguard"), None, None)
        );
    }
}
