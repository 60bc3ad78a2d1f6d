//! Which fields there are where.

use serde_json::{Map, Value as Json, json};

use crate::record::TABLES;

/// What a field's values are, which decides how they are read and compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A device by its name, address or MAC address.
    Device,
    /// An app by its name in either language.
    App,
    /// A category of apps by its name in either language.
    Class,
    /// Text that is kept in small letters.
    Lower,
    /// …in capitals.
    Upper,
    /// Text of which either is the same.
    Text,
    /// An address, or all with a prefix.
    Address,
    Number,
    /// Bytes.
    Size,
    /// A length of time in microseconds.
    Duration,
}

impl Kind {
    /// As the pages name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Device => "device",
            Kind::App => "app",
            Kind::Class => "class",
            Kind::Lower => "lower",
            Kind::Upper => "upper",
            Kind::Text => "text",
            Kind::Address => "address",
            Kind::Number => "number",
            Kind::Size => "size",
            Kind::Duration => "duration",
        }
    }

    /// Whether one value can be more than another.
    pub fn is_ordered(self) -> bool {
        matches!(self, Kind::Number | Kind::Size | Kind::Duration)
    }
}

/// A field of a view. One of its columns has to have the value.
#[derive(PartialEq, Eq, Debug)]
pub struct Field {
    /// The first is the one that is told; the others are understood too.
    pub names: &'static [&'static str],
    pub kind: Kind,
    /// As SQL.
    pub columns: &'static [&'static str],
}

/// How rows lie in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// At one time, with which their id begins.
    Begun,
    /// From one column's time to that of `last`.
    Seen(&'static str),
}

/// What can be searched as one: a page's rows.
#[derive(PartialEq, Eq, Debug)]
pub struct View {
    /// As the page is named.
    pub name: &'static str,
    /// Empty for a page that puts several tables together.
    pub table: &'static str,
    pub span: Span,
    /// Columns in which words are searched.
    pub words: &'static [&'static str],
    pub fields: &'static [Field],
    /// Columns of the table that `weir query` prints.
    pub shown: &'static [&'static str],
}

impl View {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.names.contains(&name))
    }
}

/// The view of that name.
pub fn view(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

/// Words that mean a protocol rather than a text, where a view has that field.
pub const PROTOCOLS: &[&str] = &[
    "amqp",
    "bgp",
    "bittorrent",
    "dhcp",
    "dns",
    "dtls",
    "ftp",
    "gre",
    "http",
    "icmp",
    "icmp6",
    "igmp",
    "imap",
    "ipsec",
    "irc",
    "kerberos",
    "l2tp",
    "ldap",
    "llmnr",
    "mdns",
    "mqtt",
    "mssql",
    "mysql",
    "netbios",
    "nfs",
    "ntp",
    "openvpn",
    "pgsql",
    "pop3",
    "quic",
    "rdp",
    "redis",
    "rtp",
    "rtsp",
    "sctp",
    "sip",
    "smb",
    "smtp",
    "snmp",
    "socks",
    "ssdp",
    "ssh",
    "stun",
    "syslog",
    "tcp",
    "telnet",
    "tftp",
    "tls",
    "udp",
    "vnc",
    "websocket",
    "wireguard",
    "xmpp",
];

macro_rules! fields {
    ($([$($name:literal)+] $kind:ident $($column:literal)+;)*) => {
        &[$(Field { names: &[$($name),+], kind: Kind::$kind, columns: &[$($column),+] }),*]
    };
}

/// Every view, in the order of `weir query --help`.
pub static VIEWS: &[View] = &[
    View {
        name: "sessions",
        table: "session",
        span: Span::Seen("start"),
        words: &["host", "app", "app_proto", "client", "server", "device"],
        fields: fields! {
            ["device"] Device "device";
            ["app"] App "app";
            ["class"] Class "app";
            ["host"] Lower "host";
            ["client" "src"] Address "client";
            ["server" "dst"] Address "server";
            ["ip"] Address "client" "server";
            ["port"] Number "server_port";
            ["sport"] Number "client_port";
            ["proto"] Lower "proto";
            ["protocol" "app_proto"] Lower "app_proto" "proto";
            ["country"] Upper "country";
            ["asn"] Number "asn";
            ["bytes"] Size "bytes_in + bytes_out";
            ["in"] Size "bytes_in";
            ["out"] Size "bytes_out";
            ["packets"] Number "packets_in + packets_out";
            ["duration"] Duration "last - start";
            ["rtt"] Duration "rtt_us";
            ["resent"] Number "retransmissions";
            ["state"] Lower "state";
            ["reason"] Lower "reason";
            ["note"] Lower "note";
            ["mac"] Lower "client_mac";
            ["iface"] Text "iface";
            ["vlan"] Number "vlan";
        },
        shown: &[
            "last",
            "device",
            "server",
            "server_port",
            "host",
            "app_proto",
            "app",
            "bytes_in",
            "bytes_out",
        ],
    },
    View {
        name: "dns",
        table: "dns",
        span: Span::Begun,
        words: &["qname", "client", "server", "device", "answers"],
        fields: fields! {
            ["device"] Device "device";
            ["qname" "name" "host"] Lower "qname";
            ["qtype"] Upper "qtype";
            ["rcode"] Upper "rcode";
            ["kind" "protocol"] Lower "kind";
            ["client" "src"] Address "client";
            ["server" "dst"] Address "server";
            ["ip"] Address "client" "server";
            ["port"] Number "server_port";
            ["proto"] Lower "proto";
            ["latency"] Duration "latency_us";
            ["answers"] Number "answer_count";
        },
        shown: &["time", "device", "qname", "qtype", "rcode", "latency_us", "server"],
    },
    View {
        name: "http",
        table: "http",
        span: Span::Begun,
        words: &["host", "uri", "user_agent", "server", "device"],
        fields: fields! {
            ["device"] Device "device";
            ["host"] Lower "host";
            ["method"] Upper "method";
            ["uri"] Text "uri";
            ["status"] Number "status";
            ["type"] Text "content_type";
            ["agent"] Text "user_agent";
            ["size"] Size "response_length";
            ["client" "src"] Address "client";
            ["server" "dst"] Address "server";
            ["ip"] Address "client" "server";
            ["port"] Number "server_port";
        },
        shown: &["time", "device", "method", "host", "uri", "status", "response_length"],
    },
    View {
        name: "tls",
        table: "tls",
        span: Span::Begun,
        words: &["sni", "client", "server", "device", "subject", "issuer", "ja3", "ja4"],
        fields: fields! {
            ["device"] Device "device";
            ["sni" "host"] Lower "sni";
            ["kind" "protocol"] Lower "kind";
            ["alpn"] Lower "alpn";
            ["version"] Text "version";
            ["ja3"] Lower "ja3";
            ["ja4"] Lower "ja4";
            ["subject"] Text "subject";
            ["issuer"] Text "issuer";
            ["client" "src"] Address "client";
            ["server" "dst"] Address "server";
            ["ip"] Address "client" "server";
            ["port"] Number "server_port";
        },
        shown: &["time", "device", "sni", "version", "alpn", "server", "server_port", "issuer"],
    },
    View {
        name: "logins",
        table: "auth",
        span: Span::Begun,
        words: &["user", "client", "server", "device", "service"],
        fields: fields! {
            ["device"] Device "device";
            ["service" "protocol"] Lower "service";
            ["user"] Text "user";
            ["outcome"] Lower "outcome";
            ["method"] Text "method";
            ["client" "src"] Address "client";
            ["server" "dst"] Address "server";
            ["ip"] Address "client" "server";
            ["port"] Number "server_port";
        },
        shown: &["time", "device", "service", "user", "outcome", "server", "server_port"],
    },
    View {
        name: "alerts",
        table: "alert",
        span: Span::Begun,
        words: &["text", "what", "entry", "device", "src", "dst"],
        fields: fields! {
            ["device"] Device "device";
            ["kind"] Lower "kind";
            ["severity"] Number "severity";
            ["src" "client"] Address "src";
            ["dst" "server"] Address "dst";
            ["ip"] Address "src" "dst";
            ["port"] Number "port";
            ["what"] Text "what";
            ["list"] Text "list";
            ["entry"] Text "entry";
            ["count"] Number "count";
        },
        shown: &["time", "severity", "kind", "device", "text", "count"],
    },
    View {
        name: "stops",
        table: "stop",
        span: Span::Begun,
        words: &["policy", "device", "app", "host"],
        fields: fields! {
            ["device"] Device "device";
            ["policy"] Text "policy";
            ["action"] Lower "action";
            ["reason"] Lower "reason";
            ["app"] App "app";
            ["class"] Class "app";
            ["host"] Lower "host";
            ["sessions"] Number "sessions";
        },
        shown: &["time", "policy", "action", "reason", "device", "app", "host", "sessions"],
    },
    View {
        name: "devices",
        table: "device",
        span: Span::Seen("first"),
        words: &["device", "name", "vendor", "os", "kind", "ipv4", "ipv6"],
        fields: fields! {
            ["device"] Device "device";
            ["name"] Text "name";
            ["mac"] Lower "mac";
            ["ip"] Address "ipv4" "ipv6";
            ["vendor"] Text "vendor";
            ["os"] Text "os";
            ["kind"] Lower "kind";
        },
        shown: &["last", "device", "name", "vendor", "os", "kind", "ipv4", "ipv6"],
    },
    View {
        name: "services",
        table: "service",
        span: Span::Seen("first"),
        words: &["ip", "app_proto", "product", "version", "host", "title", "banner", "device"],
        fields: fields! {
            ["device"] Device "device";
            ["ip" "server" "dst"] Address "ip";
            ["port"] Number "port";
            ["proto"] Lower "proto";
            ["protocol" "app_proto"] Lower "app_proto" "proto";
            ["product"] Text "product";
            ["version"] Text "version";
            ["host"] Text "host";
            ["title"] Text "title";
            ["status"] Number "code";
        },
        shown: &["last", "ip", "port", "app_proto", "product", "version", "host", "title"],
    },
    View {
        name: "icmp",
        table: "icmp",
        span: Span::Begun,
        words: &["src", "dst", "device", "meaning", "about_client", "about_server"],
        fields: fields! {
            ["device"] Device "device";
            ["src"] Address "src";
            ["dst"] Address "dst";
            ["ip"] Address "src" "dst";
            ["client"] Address "about_client";
            ["server"] Address "about_server";
            ["port"] Number "about_server_port";
            ["proto"] Lower "proto";
            ["type"] Number "kind";
            ["code"] Number "code";
            ["count"] Number "count";
        },
        shown: &["time", "src", "dst", "meaning", "about_server", "about_server_port", "count"],
    },
    // What the pages put together of several tables.
    View { name: "app", table: "", span: Span::Begun, words: &[], fields: ONE_APP, shown: &[] },
    View { name: "apps", table: "", span: Span::Begun, words: &[], fields: VOLUMES, shown: &[] },
    View { name: "overview", table: "", span: Span::Begun, words: &[], fields: ONE_APP, shown: &[] },
];

const ONE_APP: &[Field] = fields! { ["device"] Device "device"; };
const VOLUMES: &[Field] = fields! {
    ["device"] Device "device";
    ["app"] App "app";
    ["class"] Class "app";
};

/// Whether people's own names of devices are kept.
pub fn has_labels() -> bool {
    TABLES.iter().any(|table| table.name == "label")
}

/// All of it, for `web-ta/query.json`.
pub fn views_json() -> Json {
    let mut views = Map::new();
    for view in VIEWS {
        let fields: Vec<Json> = view
            .fields
            .iter()
            .map(|field| json!({"names": field.names, "kind": field.kind.name(), "columns": field.columns}))
            .collect();
        views.insert(view.name.into(), fields.into());
    }
    json!({"views": views, "protocols": PROTOCOLS, "labels": has_labels(), "longest": super::LONGEST, "most": super::MOST})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Table;

    fn table(view: &View) -> Option<&'static Table> {
        TABLES.iter().find(|table| table.name == view.table)
    }

    #[test]
    fn every_column_is_one_of_the_table() {
        for view in VIEWS.iter().filter(|view| !view.table.is_empty()) {
            let table = table(view).unwrap_or_else(|| panic!("{} has no table", view.name));
            let is_there = |name: &str| table.columns.iter().any(|column| column.name == name);
            let named =
                view.fields.iter().flat_map(|field| field.columns).flat_map(|sql| sql.split([' ', '+', '-']));
            for name in
                view.words.iter().chain(view.shown).copied().chain(named).filter(|name| !name.is_empty())
            {
                assert!(is_there(name), "{}.{name}", view.table);
            }
            let Span::Seen(start) = view.span else { continue };
            assert!(is_there(start) && is_there("last"), "{}", view.name);
        }
    }

    #[test]
    fn a_name_means_one_field() {
        for view in VIEWS {
            let mut names: Vec<&str> = view.fields.iter().flat_map(|field| field.names).copied().collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{}", view.name);
            assert!(names.iter().all(|name| {
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            }));
            assert!(!names.contains(&"since") && !names.contains(&"until"));
        }
    }

    #[test]
    fn the_pages_know_these_fields() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/web-ta/query.json");
        let expected = format!("{:#}\n", views_json());
        if std::env::var_os("WEIR_UPDATE").is_some() {
            std::fs::write(path, expected).unwrap();
        } else {
            let known = std::fs::read_to_string(path).unwrap();
            assert!(known == expected, "run WEIR_UPDATE=1 cargo test --lib query");
        }
    }

    #[test]
    fn the_documentation_lists_every_field() {
        let text = include_str!("../../docs/QUERIES.md");
        for view in VIEWS.iter().filter(|view| !view.table.is_empty()) {
            let fields = view.fields.iter().map(|field| {
                let names: Vec<String> = field.names.iter().map(|name| format!("`{name}`")).collect();
                let more =
                    if names.len() > 1 { format!(" ({})", names[1..].join(", ")) } else { String::new() };
                format!("{}{more}", names[0])
            });
            let line = format!("| `{}` | {} |", view.name, fields.collect::<Vec<_>>().join(", "));
            assert!(text.contains(&line), "docs/QUERIES.md lacks: {line}");
        }
    }
}
