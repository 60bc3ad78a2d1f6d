//! Desks, servers and routers, besides the most common.

use super::{first_line_has, holds, le_length_at, le16_at, le32_at, length_at, starts_with_any};
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

named! {
    /// RTMP: version 3 and the first chunk, with its zeros.
    RTMP = "rtmp", TCP, |o| u8_at(o.bytes, 0)? == 3 && u32_at(o.bytes, 5)? == 0 && o.bytes.len() >= 1_300
        && (o.has_port(1_935) || o.bytes.get(9..64)?.iter().any(|&byte| byte != 0));
    /// ICAP (RFC 3507, 4.3): as HTTP, but it says so.
    ICAP = "icap", TCP, |o| o.bytes.starts_with(b"ICAP/1.0 ")
        || starts_with_any(o.bytes, &[b"OPTIONS ", b"REQMOD ", b"RESPMOD "]) && first_line_has(o.bytes, b" ICAP/1.0");
    /// X11: an order of bytes, version 11.0, as long as its words are (X Window System Protocol, 8).
    X11 = "x11", TCP, |o| match array_at(o.bytes, 0)? {
        [b'l', _, 11, 0, 0, 0] => words(le16_at(o.bytes, 6)?) + words(le16_at(o.bytes, 8)?) + 12 == o.bytes.len(),
        [b'B', _, 0, 11, 0, 0] => words(u16_at(o.bytes, 6)?) + words(u16_at(o.bytes, 8)?) + 12 == o.bytes.len(),
        _ => false,
    };
    /// Citrix: ICA's greeting, or CGP's.
    CITRIX = "citrix", TCP, |o| starts_with_any(o.bytes, &[b"\x7f\x7fICA\0", b"\x1aCGP/01"]);
    /// NoMachine's NX.
    NOMACHINE = "nomachine", TCP, |o| starts_with_any(o.bytes, &[b"NXSH-", b"NXD-"]);
    /// SPICE: its mark and version 1 or 2.
    SPICE = "spice", TCP, |o| o.bytes.starts_with(b"REDQ") && matches!(le32_at(o.bytes, 4)?, 1 | 2);
    /// Radmin's first request, where it is at home.
    RADMIN = "radmin", TCP, |o| o.has_port(4_899) && o.bytes.starts_with(&[1, 0, 0, 0, 1, 0, 0, 0, 8, 8]);
    /// Remote desktop over UDP: SYN, which nothing was before (MS-RDPEUDP, 3.1.5.1.1).
    RDP_UDP = "rdp", UDP, |o| o.has_port(3_389) && u32_at(o.bytes, 0)? == 0xffff_ffff && u16_at(o.bytes, 6)? & 1 == 1;
    /// iSCSI: a log-in with who does it, or the answer (RFC 7143, 11.12).
    ISCSI = "iscsi", TCP, |o| u8_at(o.bytes, 0)? == 0x43 && holds(o.bytes.get(48..)?, b"InitiatorName=")
        || u8_at(o.bytes, 0)? == 0x23 && holds(o.bytes.get(48..)?, b"TargetPortalGroupTag=");
    /// SQL Server, where are your instances (MC-SQLR, 2.2)?
    MSSQL_BROWSER = "mssql", UDP, |o| o.has_port(1_434) && match u8_at(o.bytes, 0)? {
        2 | 3 => o.bytes.len() == 1,
        4 => o.bytes.ends_with(&[0]) && o.bytes.len() > 2,
        5 => usize::from(le16_at(o.bytes, 1)?) + 3 == o.bytes.len(),
        _ => false,
    };
    /// Cassandra's nodes among each other.
    CASSANDRA_NODES = "cassandra", TCP, |o| u32_at(o.bytes, 0)? == 0xca55_2dfa;
    /// Elasticsearch's nodes: its mark and a length that fits.
    ELASTICSEARCH = "elasticsearch", TCP, |o| o.bytes.starts_with(b"ES") && length_at(o.bytes, 2)? + 6 == o.bytes.len()
        && o.bytes.len() >= 19;
    /// ClickHouse's own protocol: hello with a client's name.
    CLICKHOUSE = "clickhouse", TCP, |o| u8_at(o.bytes, 0)? == 0 && o.bytes.get(2..)?.starts_with(b"ClickHouse");
    /// ZeroMQ's signature (RFC 37 of ZeroMQ).
    ZEROMQ = "zeromq", TCP, |o| array_at(o.bytes, 0)? == [0xff, 0, 0, 0, 0, 0, 0, 0] && matches!(array_at(o.bytes, 8)?, [0 | 1, 0x7f]);
    /// Java's remote calls.
    JRMI = "jrmi", TCP, |o| o.bytes.starts_with(b"JRMI\0") && matches!(u8_at(o.bytes, 6)?, 0x4b..=0x4d);
    /// Apache's 1.3: from the web server, a length that fits, a kind of packet.
    AJP = "ajp", TCP, |o| array_at(o.bytes, 0)? == [0x12, 0x34] && usize::from(u16_at(o.bytes, 2)?) + 4 == o.bytes.len()
        && matches!(u8_at(o.bytes, 4)?, 2 | 7 | 8 | 10);
    /// Short messages: who binds, or the answer, as long as it says (SMPP 3.4, 4.1).
    SMPP = "smpp", TCP, |o| length_at(o.bytes, 0)? == o.bytes.len() && o.bytes.len() >= 16
        && matches!(u32_at(o.bytes, 4)?, 1 | 2 | 9 | 0x8000_0001 | 0x8000_0002 | 0x8000_0009) && u32_at(o.bytes, 12)? != 0;
    /// Orders and quotes: FIX.
    FIX = "fix", TCP, |o| o.bytes.starts_with(b"8=FIX") && holds(o.bytes, b"\x019=");
    /// Subversion's server greets.
    SVN = "svn", TCP, |o| o.bytes.starts_with(b"( success ( ");
    /// TACACS+, where it is at home: version 12, a kind, a length that fits (RFC 8907, 4.1).
    TACACS = "tacacs", TCP, |o| o.has_port(49) && matches!(array_at(o.bytes, 0)?, [0xc0 | 0xc1, 1..=3])
        && length_at(o.bytes, 8)? + 12 == o.bytes.len();
    /// The remote shell: a port for errors, in digits, from a port that only root has.
    RSH = "rsh", TCP, |o| o.server_port == 514 && o.client_port < 1_024 && is_rsh(o.bytes)?;
    /// rlogin (RFC 1282): 0, two names, a terminal and its speed.
    RLOGIN = "rlogin", TCP, |o| o.server_port == 513 && u8_at(o.bytes, 0)? == 0 && o.bytes.ends_with(&[0])
        && (o.bytes.len() == 1 || o.bytes.iter().filter(|&&byte| byte == 0).count() == 4 && o.bytes.contains(&b'/'));
    /// RFC 3912: one line.
    WHOIS = "whois-das", TCP, |o| o.server_port == 43 && o.bytes.len() <= 256 && o.bytes.ends_with(b"\n")
        && o.bytes.iter().position(|&byte| byte < b' ')? + 2 >= o.bytes.len();
    /// Android's debugger: who connects, with the mark that turns its name around.
    ADB = "adb", TCP, |o| o.bytes.starts_with(b"CNXN") && u32_at(o.bytes, 20)? == 0xbcb1_a7b1;
    /// iperf 3: a cookie, 36 letters and a zero.
    IPERF = "iperf3", TCP, |o| o.bytes.len() == 37 && o.bytes.ends_with(&[0])
        && o.bytes.iter().take(36).all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    /// iperf 3's test over UDP: a number that asks for one.
    IPERF_UDP = "iperf3", UDP, |o| matches!(o.bytes, [0x39, 0x38, 0x37, 0x36] | [0x36, 0x37, 0x38, 0x39]);
    /// collectd: parts that fill the datagram, a host's name first.
    COLLECTD = "collectd", UDP, |o| u16_at(o.bytes, 0)? == 0 && is_collectd(o.bytes)?;
    /// Bidirectional forwarding: version 1, a length that fits (RFC 5880, 4.1; RFC 5881, 4).
    BFD = "bfd", UDP, |o| matches!(o.server_port, 3_784 | 4_784) && u8_at(o.bytes, 0)? >> 5 == 1
        && usize::from(u8_at(o.bytes, 3)?) == o.bytes.len() && o.bytes.len() >= 24;
    /// Babel: 42, version 2, a length (RFC 8966, 4.2).
    BABEL = "babel", UDP, |o| o.has_port(6_696) && array_at(o.bytes, 0)? == [42, 2]
        && usize::from(u16_at(o.bytes, 2)?) + 4 <= o.bytes.len();
    /// OLSR: a length that fits, a message that does (RFC 3626, 3.3).
    OLSR = "olsr", UDP, |o| o.has_port(698) && usize::from(u16_at(o.bytes, 0)?) == o.bytes.len()
        && (12..=o.bytes.len() - 4).contains(&usize::from(u16_at(o.bytes, 6)?));
    /// RIPng: version 1, routes that fill it (RFC 2080, 2.1).
    RIPNG = "ripng", UDP, |o| o.has_port(521) && matches!(array_at(o.bytes, 0)?, [1 | 2, 1, 0, 0]) && o.bytes.len() % 20 == 4;
    /// Access points and their controller: a header that fits, or DTLS behind its mark (RFC 5415, 4.3).
    CAPWAP = "capwap", UDP, |o| (o.has_port(5_246) || o.has_port(5_247)) && match array_at(o.bytes, 0)? {
        [0, length] => usize::from(length >> 3) >= 2 && usize::from(length >> 3) * 4 <= o.bytes.len(),
        [1, 0] => matches!(array_at(o.bytes, 2)?, [0, 0, 20..=25, 0xfe, 0xff | 0xfd]),
        _ => false,
    };
    /// Network block devices: the greeting (NBD's protocol, Newstyle negotiation).
    NBD = "nbd", TCP, |o| o.bytes.starts_with(b"NBDMAGIC");
    /// 9P: a version is proposed, or agreed on, as long as it says (Plan 9, version(5)).
    NINEP = "9p", TCP, |o| le_length_at(o.bytes, 0)? == o.bytes.len() && matches!(u8_at(o.bytes, 4)?, 100 | 101)
        && o.bytes.get(13..)?.starts_with(b"9P2000");
    /// distcc.
    DISTCC = "distcc", TCP, |o| starts_with_any(o.bytes, &[b"DIST0000000", b"DONE0000000"]);
    /// Asterisk's manager greets.
    ASTERISK = "asterisk-manager", TCP, |o| o.bytes.starts_with(b"Asterisk Call Manager/");
    /// ManageSieve: what the server can (RFC 5804, 1.7).
    MANAGESIEVE = "managesieve", TCP, |o| o.bytes.starts_with(b"\"IMPLEMENTATION\" \"");
    /// LISP, where it is at home: a kind of control message, or IP behind the header (RFC 9301, 5.1; RFC 9300, 5.1).
    LISP = "lisp", UDP, |o| o.has_port(4_342) && matches!(u8_at(o.bytes, 0)? >> 4, 1..=4 | 8) && o.bytes.len() >= 12
        || o.has_port(4_341) && matches!(u8_at(o.bytes, 8)?, 0x45 | 0x60..=0x6f) && o.bytes.len() >= 28;
    /// OpenFlow: hello of a version that exists, as long as it says (OpenFlow 1.3, 7.1).
    OPENFLOW = "openflow", TCP, |o| (o.has_port(6_633) || o.has_port(6_653)) && matches!(array_at(o.bytes, 0)?, [1..=6, 0])
        && usize::from(u16_at(o.bytes, 2)?) <= o.bytes.len() && u16_at(o.bytes, 2)? >= 8;
    /// ActiveMQ's own protocol: who it is.
    OPENWIRE = "openwire", TCP, |o| o.bytes.get(4..)?.starts_with(b"\x01ActiveMQ");
    /// STOMP 1.0 to 1.2: who connects, or the answer, and a header.
    STOMP = "stomp", TCP, |o| starts_with_any(o.bytes, &[b"CONNECT\n", b"CONNECT\r\n", b"STOMP\n", b"STOMP\r\n", b"CONNECTED\n", b"CONNECTED\r\n"])
        && o.bytes.contains(&b':');
    /// Gearman: a request or an answer, a kind of packet, a length that fits.
    GEARMAN = "gearman", TCP, |o| starts_with_any(o.bytes, &[b"\0REQ", b"\0RES"]) && u32_at(o.bytes, 4)? <= 42
        && length_at(o.bytes, 8)? + 12 <= o.bytes.len();
    /// Couchbase, where it is at home: the header of memcached's binary protocol, as long as it says.
    COUCHBASE = "couchbase", TCP, |o| (o.has_port(11_210) || o.has_port(11_207)) && matches!(u8_at(o.bytes, 0)?, 0x80 | 0x81)
        && length_at(o.bytes, 8)? + 24 <= o.bytes.len();
    /// Checkmk's agent.
    CHECKMK = "checkmk", TCP, |o| o.bytes.starts_with(b"<<<check_mk>>>");
    /// Kismet's server.
    KISMET = "kismet", TCP, |o| o.bytes.starts_with(b"*KISMET: ");
    /// VMware's daemon for consoles.
    VMWARE = "vmware", TCP, |o| o.bytes.starts_with(b"220 VMware Authentication Daemon");
    /// Notes and Domino, where they are at home.
    HCLNOTES = "hcl-notes", TCP, |o| o.has_port(1_352) && array_at(o.bytes, 6)? == [0, 0, 2, 0, 0, 0x40, 2, 0x0f];
    /// Lustre's network: who connects, in one order of bytes or the other.
    LUSTRE = "lustre", TCP, |o| matches!(u32_at(o.bytes, 0)?, 0xacce_7100 | 0x0071_ceac) && (o.has_port(988) || o.bytes.len() >= 16);
    /// Speedtest: who begins, and the server's version.
    OOKLA = "ookla", TCP, |o| o.bytes == b"HI\n" || o.bytes.starts_with(b"HI ") && o.has_port(8_080) || o.bytes.starts_with(b"HELLO 2.");
    /// Cisco Meraki's devices and the cloud that they belong to.
    MERAKI = "meraki-cloud", UDP, |o| o.has_port(7_351) && u32_at(o.bytes, 0)? == 0xfef7_2891;
    /// Alibaba's cloud on Android's devices.
    ALICLOUD = "alicloud", TCP, |o| u32_at(o.bytes, 0)? == 0xcefa_beba;
}

/// A text of so many bytes, with what fills the last word.
fn words(length: u16) -> usize {
    usize::from(length).next_multiple_of(4)
}

fn is_rsh(bytes: &[u8]) -> Option<bool> {
    let end = bytes.iter().take(6).position(|&byte| byte == 0)?;
    Some(bytes.get(..end)?.iter().all(u8::is_ascii_digit) && (end > 0 || bytes.len() == 1))
}

fn is_collectd(bytes: &[u8]) -> Option<bool> {
    let host = bytes.get(4..usize::from(u16_at(bytes, 2)?))?;
    let [name @ .., 0] = host else { return Some(false) };
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return Some(false);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 2)?);
        if length < 5 {
            return Some(false);
        }
        rest = rest.get(length..)?;
    }
    Some(true)
}
