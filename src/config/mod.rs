//! config.toml: every setting once, with its meaning, default and bounds.
//!
//! The entries below are the struct, the checks and the file that the project
//! ships; a test compares the two. A key that is not here is a mistake, told
//! with its line, like every other mistake in the file.

#[cfg(feature = "desk")]
pub mod edit;
mod lists;
mod outs;
mod parse;
mod parts;
mod policies;
mod setting;
mod things;
mod threats;
mod url;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use parse::{Mistake, default_file, find};
pub use setting::{Choice, Described, Kind, Number, OneOf, Section, Setting, Size, SomeOf, Span};
use setting::{choices, sections};
pub use things::Things;
use toml::de::DeValue;

use crate::engine::services::Which;
use crate::http::Url;
use crate::policy::Policy;
use crate::store::out::Out;
use crate::threats::Source;
use crate::wire::Tunnel;

sections! {
    /// Where frames come from.
    capture: Capture {
        /// Interfaces to watch. None means br-lan where there is one, and
        /// otherwise the interface of the default route.
        interfaces: Vec<String> = Vec::new();
        /// How they are watched. "tap": every frame, with its exact time. "heads":
        /// the first packets of each session by a table of nftables that the
        /// daemon brings (`weir nft` shows it), and conntrack's counters; less work
        /// for a router, which has to be one. "auto": heads where the kernel has
        /// what they need, otherwise tap; the log says why.
        source: OneOf<SourceKind> = OneOf(SourceKind::Tap);
        /// For heads: packets of each session that are looked at.
        head_packets: Number<2, 1000> = Number(16);
        /// For heads: the group of NFLOG. Each program needs one of its own.
        nflog_group: Number<0, 65_535> = Number(5);
        /// For heads: how often conntrack's counters are read; more rarely, down to
        /// an eighth as often, where there are thousands of flows.
        dump_every: Span<1, 600> = Span::secs(5);
        /// For heads: flows whose counters are remembered, 56 bytes each. The
        /// volume of others is known when they end.
        max_flows: Number<64, 16_777_216> = Number(32_768);
        /// For tap: only frames that match this filter (pcap-filter(7)) are looked at.
        filter: String = String::new();
        /// Bytes of each frame that are captured. Names lie in the first
        /// packets, which offload may join to longer frames than the network
        /// carries; volumes are right whatever this is.
        snaplen: Number<96, 262_144> = Number(4096);
        /// Memory for frames that wait in the kernel, for each interface.
        buffer: Size<65_536, 1_073_741_824> = Size(2 << 20);
        /// Whether to see frames that are for others, as a mirror port needs.
        promiscuous: bool = true;
        /// Tunnels whose inner packets are sessions of their own. What they
        /// carry then counts once, for the inner sessions.
        tunnels: SomeOf<Tunnel> = SomeOf(Tunnel::ALL.to_vec());
        /// Datagrams in pieces that wait for the rest, at most this many…
        max_datagrams: Number<1, 65_536> = Number(64);
        /// …and this much of them.
        max_fragment_bytes: Size<65_536, 67_108_864> = Size(256 << 10);
    }

    /// Sessions and what is made of them.
    sessions: Sessions {
        /// Sessions at once; each takes up to 350 bytes with its name. One more
        /// pushes out the one that would expire first, which is then written
        /// with the reason "evicted".
        max_sessions: Number<64, 16_777_216> = Number(16_384);
        /// A TCP connection that was silent for this long is over.
        tcp_timeout: Span<1, 604_800> = Span::secs(3600);
        /// TCP that is only being opened, or was closed by one side.
        tcp_handshake_timeout: Span<1, 3600> = Span::secs(30);
        /// TCP that is over, until its last packets have passed.
        tcp_over_timeout: Span<1, 3600> = Span::secs(5);
        /// UDP, ICMP and all that has no connections.
        udp_timeout: Span<1, 86_400> = Span::secs(60);
        /// A session that is this old is written down while it goes on…
        report_after: Span<1, 86_400> = Span::secs(30);
        /// …and again each time this has passed.
        report_every: Span<10, 86_400> = Span::secs(120);
        /// TCP streams that are read at once, about 300 bytes each and what
        /// waits in them.
        max_streams: Number<1, 1_048_576> = Number(1024);
        /// What waits in all streams together…
        max_stream_bytes: Size<65_536, 1_073_741_824> = Size(1 << 20);
        /// …and in one direction of one stream. 65,537 bytes hold the largest
        /// message of DNS.
        max_stream_side: Size<1024, 16_777_216> = Size(80 << 10);
        /// Devices remembered; each takes about 500 bytes with its names.
        max_devices: Number<16, 1_048_576> = Number(4096);
    }

    /// What devices are called, and who made them.
    devices: Devices {
        /// The table of who made which network card, which `scripts/oui.py` makes;
        /// relative to this file. Without that file no device has a maker.
        vendors: Option<PathBuf> = Some("oui.bin".into());
        /// The file with dnsmasq's leases, whose names go before all others; it is read
        /// again when it changes. "/tmp/dhcp.leases" on OpenWrt, "" for none.
        leases: Option<PathBuf> = None;
        /// File with what people say of their devices: what they are called, and how
        /// much of each is written down; relative to this file. The pages change it.
        labels: PathBuf = "/etc/weir/web/devices.toml".into();
    }

    /// DNS and the names it gives.
    dns: Dns {
        /// Questions that wait for their answer; each takes about 400 bytes.
        max_questions: Number<16, 1_048_576> = Number(4096);
        /// A question without an answer is written down after this.
        question_timeout: Span<1, 300> = Span::secs(10);
        /// Names remembered, per device and address; each takes about 150 bytes.
        max_names: Number<16, 4_194_304> = Number(16_384);
        /// How long a name is remembered after its last answer. Connections
        /// outlive the time that DNS gives.
        name_timeout: Span<60, 604_800> = Span::secs(6 * 3600);
    }

    /// Apps and their signatures.
    apps: Apps {
        /// The file with the signatures; relative to this file.
        features: PathBuf = "features.txt".into();
        /// Features that it may hold; each takes about 400 bytes.
        max_features: Number<0, 1_048_576> = Number(50_000);
        /// An app that was silent for this long is no longer in use.
        app_timeout: Span<10, 86_400> = Span::secs(300);
        /// Pairs of a device and an app in use at once; each takes about 200 bytes.
        max_uses: Number<16, 1_048_576> = Number(8192);
    }

    /// What answers at which address and port: a row for each, with what it says
    /// it is.
    services: Services {
        /// "lan": what answers in the LAN. "all": everywhere; then the requests of
        /// all HTTP are read, not only the first. "off": no such rows.
        which: OneOf<Which> = OneOf(Which::Lan);
        /// Whether to keep how the first answer of HTTP begins, with the title of
        /// its page, and the bytes by which a server greets. There may be anything
        /// in these, private things too.
        deep: bool = false;
        /// What says nothing new is written again after this.
        dedup: Span<60, 604_800> = Span::secs(3600);
        /// Services remembered; each takes about 500 bytes, and up to 5,000 with
        /// deep. Of more the one that was silent longest is forgotten.
        max_services: Number<16, 65_536> = Number(1024);
    }

    /// Where servers are, by files of MaxMind's format (.mmdb) that you bring: the
    /// sessions then have their country and autonomous system.
    places: Places {
        /// A file of countries, "" for none; relative to this file.
        country: Option<PathBuf> = None;
        /// A file of autonomous systems, "" for none.
        asn: Option<PathBuf> = None;
        /// Addresses remembered with where they are; each takes about 120 bytes.
        max_places: Number<16, 1_048_576> = Number(2048);
    }

    /// Where records go.
    store: Store {
        /// "sqlite", "mariadb" or "none".
        kind: OneOf<StoreKind> = OneOf(StoreKind::Sqlite);
        /// Records that wait while the store is busy or away; each takes up to
        /// about 500 bytes. Beyond that they are lost and counted.
        max_queue: Number<100, 10_000_000> = Number(20_000);
        /// Records written at once.
        batch: Number<1, 100_000> = Number(1000);
        /// Also a row for each handshake of TLS and QUIC, and for each request of
        /// HTTP. The names in them are with the sessions anyway; this can double
        /// what is written.
        details: bool = false;
        /// How long records wait to be written together.
        delay: Span<0, 3600> = Span::secs(2);
        /// Older records are deleted, but for volumes.
        keep_days: Number<1, 36_500> = Number(30);
        /// The oldest records are deleted while the database is larger than
        /// this many megabytes.
        max_mb: Number<4, 1_048_576> = Number(16);
        /// Megabytes that a day may write to lasting storage, of SQLite; 0 for as
        /// many as it takes. Towards it records are collected for longer, an hour
        /// at most, or the copy waits for the next day.
        write_budget: Number<0, 1_048_576> = Number(64);
    }

    /// Volumes by device and app, which stay when what they were made of is
    /// deleted: by minute, then by hour, day and month.
    rollup: Rollup {
        /// Volumes by minute are kept for this long…
        minutes: Span<7200, 31_536_000> = Span::secs(2 * 86_400);
        /// …by hour this long…
        hours: Span<86_400, 315_360_000> = Span::secs(30 * 86_400);
        /// …by day…
        days: Span<86_400, 3_153_600_000> = Span::secs(400 * 86_400);
        /// …and by month.
        months: Span<2_678_400, 3_153_600_000> = Span::secs(3650 * 86_400);
        /// Pairs of a device and an app in one hour, day or month; each takes about
        /// 35 bytes. The smallest of more are one row together.
        max_pairs: Number<16, 65_536> = Number(2000);
        /// They have at most this part of max_mb, of 100. Beyond it hours become
        /// days before their time, and days months.
        share: Number<10, 90> = Number(75);
    }

    /// The database file, for kind = "sqlite".
    sqlite: Sqlite {
        /// Relative to this file. Flash wears out: /tmp is memory on OpenWrt.
        path: PathBuf = "/tmp/weir/weir.db".into();
        /// A copy on lasting storage, "" for none. It is read back at the start
        /// when there is no database, as after a reboot.
        copy: Option<PathBuf> = None;
        /// The copy is written as often, whole, and at the end. More rarely where
        /// write_budget asks for it, but at the end always.
        copy_every: Span<600, 2_592_000> = Span::secs(12 * 3600);
    }

    /// The database server, for kind = "mariadb".
    mariadb: Mariadb {
        /// Its name or address; not used when there is a socket.
        host: String = "127.0.0.1".into();
        /// Its port.
        port: Number<1, 65_535> = Number(3306);
        /// Path of its socket, instead of host and port.
        socket: String = String::new();
        /// The database, which must exist.
        database: String = "weir".into();
        /// The daemon's account; it creates the tables.
        user: String = "weir".into();
        /// Its password.
        password: String = String::new();
        /// File with the certificates (PEM) of who signs the server's. With it
        /// the connection is TLS, and the server has to be who it is called;
        /// "" for none. Needs a weir with the feature mariadb-tls.
        ca: Option<PathBuf> = None;
        /// How long a connection may take to come about.
        timeout: Span<1, 300> = Span::secs(10);
        /// The account for the pages, which needs SELECT only. None means the
        /// one above.
        web_user: String = String::new();
        /// Its password.
        web_password: String = String::new();
    }

    /// Whether what the policies below say is done.
    blocking: Blocking {
        /// Off: policies are not even looked at.
        enabled: bool = false;
        /// How it is done. "rules": by nftables and conntrack, on the router that
        /// forwards the traffic. "resets": connections of TCP are ended by frames in
        /// the name of both ends, from beside their way, as at a mirror port. These
        /// need every frame (source "tap" or "auto") in Ethernet or as bare IP. UDP,
        /// and so QUIC, can't be stopped by them, nor what is inside tunnels; `weir
        /// status` counts both.
        way: OneOf<StopWay> = OneOf(StopWay::Rules);
        /// For resets: the interface that they are sent by, where that which is
        /// watched only receives, as some mirror ports do. "" for the one that the
        /// segment came by.
        reset_interface: String = String::new();
        /// For resets: segments that are answered in a second, each by two frames of
        /// 54 to 90 bytes. More are counted and left; the next of their session may
        /// be answered.
        max_resets: Number<1, 100_000> = Number(1000);
        /// For rules: the bits of conntrack's mark for what is stopped (1073741824 is
        /// 0x40000000); no other program may use them.
        mark: Number<1, { u32::MAX }> = Number(0x4000_0000);
    }

    /// Counters for Prometheus, by HTTP.
    metrics: Metrics {
        /// Address and port that answer GET /metrics; "" for none. Who can reach
        /// them sees which devices use what: 127.0.0.1:9110 is for this machine only.
        listen: Option<SocketAddr> = None;
        /// Devices, and apps, that have counters of their own; the rest have one
        /// together.
        max_series: Number<0, 10_000> = Number(200);
    }

    /// Packets in capture files (pcapng), of which the newest are kept. With source
    /// "tap" only. There may be passwords in them.
    export: Export {
        /// Off: nothing is written.
        enabled: bool = false;
        /// A folder for these files alone, which only the daemon may read. Flash wears
        /// out: /tmp is memory on OpenWrt.
        folder: PathBuf = "/tmp/weir/pcap".into();
        /// Megabytes of all files together; the oldest file is deleted beyond it…
        max_mb: Number<1, 1_048_576> = Number(8);
        /// …and of one file, half of that at most.
        file_mb: Number<1, 1024> = Number(1);
        /// Bytes of each frame that are kept; no more than those of [capture].
        snaplen: Number<64, 262_144> = Number(4096);
        /// Only packets of these devices: MAC addresses, addresses or networks.
        devices: Things = Things::default();
        /// Only packets of these apps.
        apps: Vec<String> = Vec::new();
        /// Only frames that match this filter (pcap-filter(7)).
        filter: String = String::new();
        /// With apps: packets of a session that wait until its app is known…
        first_packets: Number<1, 1000> = Number(16);
        /// …and the memory for those of all sessions.
        max_waiting: Size<65_536, 1_073_741_824> = Size(1 << 20);
    }

    /// Lists of addresses and names that are known to be bad; which, is said below.
    /// They are looked at once a minute, and read anew when one has changed.
    threats: Threats {
        /// Entries of all lists together; an address takes 10 bytes (22 of IPv6), a name
        /// 10 and its length. More are counted and left.
        max_entries: Number<0, 10_000_000> = Number(500_000);
        /// Memory for them, and up to three times as much while they are read anew: for
        /// half a million names 16MiB.
        max_memory: Size<65_536, 1_073_741_824> = Size(4 << 20);
        /// Sessions of this time are looked at again when there are new entries.
        look_back: Span<0, 2_592_000> = Span::secs(86_400);
    }

    /// What a person should know. Of each thing there is one alert in an hour, with how
    /// often it was. A threshold of 0 turns that kind off.
    alerts: Alerts {
        /// Whether there are any.
        enabled: bool = true;
        /// Alerts of one kind about one device within an hour; more are counted only.
        per_device: Number<1, 10_000> = Number(10);
        /// Alerts of all kinds within a minute.
        per_minute: Number<1, 10_000> = Number(30);
        /// Log-ins that one server refuses to one client…
        logins: Number<0, 1000> = Number(10);
        /// …within this time.
        logins_span: Span<1, 86_400> = Span::secs(600);
        /// Ports of one host that do not answer one source, after half as many that are
        /// not looked at closely: a scan…
        scan_ports: Number<0, 1000> = Number(100);
        /// …or hosts that do not answer it at one port (of UDP in the LAN only)…
        scan_hosts: Number<0, 1000> = Number(64);
        /// …within this time.
        scan_span: Span<1, 86_400> = Span::secs(300);
        /// A flood: connections opened to one host, in a second on average of a minute…
        syn_rate: Number<0, 10_000_000> = Number(200);
        /// …packets of UDP that it does not answer…
        udp_rate: Number<0, 10_000_000> = Number(5000);
        /// …packets of ICMP…
        icmp_rate: Number<0, 10_000_000> = Number(100);
        /// …and frames of ARP by one device.
        arp_rate: Number<0, 10_000_000> = Number(50);
        /// Data in DNS: different long names below one domain that a device asks for…
        tunnel_names: Number<0, 1000> = Number(30);
        /// …bytes that they have together at least…
        tunnel_bytes: Number<0, 100_000_000> = Number(4000);
        /// …within this time…
        tunnel_span: Span<1, 86_400> = Span::secs(600);
        /// …but for these domains: antivirus programs ask so, and who asks for the names
        /// of addresses.
        tunnel_except: Vec<String> = usual_tunnels();
        /// Where each alert is sent by a POST of HTTP, like "http://192.168.1.9:8080/alert";
        /// "" for nowhere. There is no TLS.
        webhook: Option<Url> = None;
        /// What is sent. Each name in double braces is replaced: kind, severity, time,
        /// device, src, dst, port, what, list, entry, text, count and id, as the inside of
        /// a text of JSON.
        webhook_template: String = TEMPLATE.into();
        /// Its type.
        webhook_type: String = "application/json".into();
        /// Alerts that wait to be sent. Of more the oldest are lost and counted.
        webhook_queue: Number<1, 10_000> = Number(100);
        /// How long one try may take. There are three, with longer pauses each.
        webhook_timeout: Span<1, 60> = Span::secs(5);
    }

    /// The daemon itself.
    daemon: Daemon {
        /// Socket for `weir status`.
        control: PathBuf = "/var/run/weir/control.sock".into();
        /// File in which the daemon tells the pages where the data is.
        web_info: PathBuf = "/var/run/weir/web.json".into();
        /// What this router is called where several write to one server; "" for its
        /// host name.
        name: String = String::new();
        /// File with the hash of the password that the pages ask for; relative
        /// to this file. `weir passwd` writes it, or the pages at their first use.
        web_password: PathBuf = "/etc/weir/web/password".into();
        /// Earlier versions of this file and of features.txt that are kept beside them
        /// when the pages change them.
        backups: Number<0, 100> = Number(10);
        /// "error", "warn", "info" or "debug".
        log: OneOf<LogLevel> = OneOf(LogLevel::Info);
        /// How often the stages write what they were offered and lost.
        health_every: Span<10, 86_400> = Span::secs(60);
    }
}

choices! {
    /// How traffic is watched.
    SourceKind {
        Tap = "tap",
        Heads = "heads",
        /// Heads where that can be, otherwise tap.
        Auto = "auto",
    }

    /// How sessions are stopped.
    StopWay {
        /// Marks in conntrack, and rules of nftables.
        Rules = "rules",
        /// Segments that end connections.
        Resets = "resets",
    }

    /// Which database.
    StoreKind {
        Sqlite = "sqlite",
        Mariadb = "mariadb",
        /// Records are counted and dropped.
        None = "none",
    }

    /// How much is logged.
    LogLevel {
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
    }
}

impl Choice for Which {
    const ALL: &'static [Which] = &Which::ALL;

    fn name(self) -> &'static str {
        Which::name(self)
    }
}

impl Choice for Tunnel {
    const ALL: &'static [Tunnel] = &Tunnel::ALL;

    fn name(self) -> &'static str {
        Tunnel::name(self)
    }
}

/// The setting `name` in `[section]`.
pub fn described(section: &str, name: &str) -> Option<&'static Described> {
    let section = SECTIONS.iter().find(|known| known.name == section)?;
    section.settings.iter().find(|setting| setting.name == name)
}

/// What an alert is sent as where nobody said otherwise.
const TEMPLATE: &str = "{\"kind\":\"{{kind}}\",\"severity\":{{severity}},\"time\":\"{{time}}\",\
    \"device\":\"{{device}}\",\"text\":\"{{text}}\"}";

/// Where long names that are never the same are no tunnel.
fn usual_tunnels() -> Vec<String> {
    ["arpa", "sophosxl.net", "mcafee.com", "e5.sk", "esetcloud.com", "spamhaus.org"].map(Into::into).into()
}
