//! Records as lines of JSON in the shape of Suricata's EVE, wherever EVE has
//! a word for what a record says; what it lacks is a type of its own.

mod dns;
mod talk;
mod web;

use std::io::{self, Write};
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use sha1::{Digest, Sha1};

use super::{Error, Store};
use crate::record::{Country, Proto, Record, Session, Value};
use crate::time::Time;

/// Writes to anything: a file, standard output.
pub struct Eve<W> {
    out: W,
}

impl<W: Write> Eve<W> {
    pub fn new(out: W) -> Eve<W> {
        Eve { out }
    }
}

impl<W: Write> Store for Eve<W> {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let mut text = Vec::new();
        records.iter().for_each(|record| write_lines(record, &mut text));
        let written = self.out.write_all(&text).and_then(|()| self.out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::Closed,
            _ => Error::Fatal(error.to_string()),
        })
    }
}

/// Appends the lines that `record` makes, each with its newline.
pub fn write_lines(record: &Record, text: &mut Vec<u8>) {
    for line in lines(record) {
        // Writing into memory can't fail.
        let _ = serde_json::to_writer(&mut *text, &line);
        text.push(b'\n');
    }
}

/// Every type of event that there is.
pub const TYPES: [&str; 23] = [
    "flow", "carrier", "dns", "mdns", "llmnr", "tls", "quic", "http", "auth", "ssh", "ftp", "smtp", "icmp",
    "dhcp", "arp", "app", "traffic", "device", "health", "stop", "service", "alert", "coverage",
];

/// The type of the lines that `record` makes; none where it makes none.
pub fn event_type(record: &Record) -> Option<&'static str> {
    Some(match record {
        Record::Session(session) if session.reason.is_none() => return None,
        Record::Session(session) if is_flow(session) => "flow",
        Record::Session(_) => "carrier",
        Record::Dns(row) => row.kind,
        Record::Tls(row) => row.kind,
        Record::Catalog(_) | Record::Label(_) => return None,
        _ => record.table().name,
    })
}

/// EVE has flows of these protocols; what carries others has a type of its own.
fn is_flow(session: &Session) -> bool {
    matches!(session.proto.0, 1 | 6 | 17 | 50 | 58 | 132)
}

/// The lines that a record makes: a joined question and answer are two in EVE.
fn lines(record: &Record) -> Vec<Json> {
    match record {
        // EVE tells of a flow once, when it is over.
        Record::Session(session) if session.reason.is_none() => Vec::new(),
        Record::Session(session) if is_flow(session) => vec![flow(session)],
        Record::Session(session) => vec![own("carrier", session.last, record)],
        Record::Dns(row) => {
            let request = (row.asked == 1).then(|| dns::message(row, false));
            let response = row.rcode.is_some().then(|| dns::message(row, true));
            request.into_iter().chain(response).collect()
        }
        Record::Tls(row) => vec![web::tls(row)],
        Record::Http(row) => vec![web::http(row)],
        Record::Auth(row) => vec![talk::auth(row, record)],
        Record::Ssh(row) => vec![talk::ssh(row)],
        Record::Ftp(row) => vec![talk::ftp(row)],
        Record::Smtp(row) => vec![talk::smtp(row)],
        Record::Icmp(row) => vec![talk::icmp(row, record)],
        Record::Dhcp(row) => vec![talk::dhcp(row)],
        Record::Arp(row) => vec![talk::arp(row)],
        // The catalogue is the file that the reader has, who writes is known, and what
        // people call their things is for them.
        Record::Catalog(_) | Record::Router(_) | Record::Label(_) => Vec::new(),
        Record::App(row) => vec![own("app", row.last, record)],
        Record::Traffic(row) => vec![own("traffic", row.time, record)],
        Record::Thing(row) => vec![own("device", row.last, record)],
        Record::Health(row) => vec![own("health", row.time, record)],
        Record::Stop(row) => vec![own("stop", row.time, record)],
        Record::Service(row) => vec![own("service", row.last, record)],
        Record::Alert(row) => vec![own("alert", row.time, record)],
        Record::Coverage(row) => vec![own("coverage", row.time, record)],
    }
}

/// A record that EVE has no word for: its columns under its type.
fn own(kind: &'static str, time: Time, record: &Record) -> Json {
    json!({"timestamp": time.to_string(), "event_type": kind, kind: columns(record)})
}

/// The columns of a record that are known, by name.
fn columns(record: &Record) -> Map<String, Json> {
    let mut names = record.table().columns.iter();
    let mut columns = Map::new();
    record.values(&mut |value| {
        let Some(column) = names.next() else { return };
        let value = match value {
            Value::Null => return,
            Value::Int(number) if is_time(column.name) => Time::from_micros(number as u64).to_string().into(),
            Value::Int(number) => number.into(),
            Value::Text(text) => text.into(),
            Value::Short(text) => text.as_str().into(),
        };
        columns.insert(column.name.into(), value);
    });
    columns
}

fn is_time(column: &str) -> bool {
    matches!(column, "time" | "start" | "last" | "ended" | "first" | "list_version")
}

fn flow(session: &Session) -> Json {
    let mut line = head("flow", session.last, session.id.number(), session.proto);
    let icmp = matches!(session.proto.0, 1 | 58);
    insert_ends(
        &mut line,
        (session.client, session.client_port),
        (session.server, session.server_port),
        icmp,
    );
    if icmp {
        line.insert("icmp_type".into(), (session.server_port >> 8).into());
        line.insert("icmp_code".into(), (session.server_port & 0xff).into());
    }
    if !session.iface.is_empty() {
        line.insert("in_iface".into(), (*session.iface).into());
    }
    if let Some(vlan) = session.vlan {
        line.insert("vlan".into(), json!([vlan]));
    }
    if let Some(name) = session.app_proto {
        line.insert("app_proto".into(), name.into());
    }
    for (key, value) in [("app", session.app.as_deref()), ("host", session.host.as_deref())] {
        if let Some(value) = value {
            line.insert(key.into(), value.into());
        }
    }
    if let Some(source) = session.host_source {
        line.insert("host_source".into(), source.into());
        line.insert("host_confidence".into(), session.host_confidence.into());
    }
    if let Some(names) = session.names.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok()) {
        line.insert("names".into(), names);
    }
    if let Some(number) = session.app_line {
        line.insert("app_line".into(), number.into());
    }
    if let Some(note) = session.note {
        line.insert("note".into(), note.into());
    }
    if session.country.is_some() || session.asn.is_some() {
        let country = session.country.as_ref().map(Country::as_str);
        // EVE has no word for it; these are Elastic's.
        line.insert("geoip".into(), json!({"country_iso_code": country, "asn": session.asn}));
    }
    line.insert("device".into(), session.device.to_string().into());
    if let Some(mac) = session.client_mac {
        line.insert("client_mac".into(), mac.to_string().into());
    }
    let state = match session.state {
        "new" | "syn_sent" | "syn_recv" => "new",
        "closed" => "closed",
        _ => "established",
    };
    let reason = match session.reason {
        Some("shutdown") => "shutdown",
        Some("evicted") => "forced",
        Some("reused") => "tcp_reuse",
        _ => "timeout",
    };
    let mut flow = Map::new();
    flow.insert("pkts_toserver".into(), session.packets_out.into());
    flow.insert("pkts_toclient".into(), session.packets_in.into());
    flow.insert("bytes_toserver".into(), session.bytes_out.into());
    flow.insert("bytes_toclient".into(), session.bytes_in.into());
    flow.insert("start".into(), session.start.to_string().into());
    flow.insert("end".into(), session.last.to_string().into());
    flow.insert("age".into(), (session.last.secs() - session.start.secs()).into());
    flow.insert("state".into(), state.into());
    flow.insert("reason".into(), reason.into());
    // Why it ended, in Weir's own words: EVE does not tell FIN from silence.
    flow.insert("ended".into(), session.reason.into());
    line.insert("flow".into(), flow.into());
    if session.proto == Proto::TCP {
        line.insert("tcp".into(), tcp(session));
    }
    line.into()
}

fn tcp(session: &Session) -> Json {
    let (out, back) = (session.tcp_flags_out, session.tcp_flags_in);
    let both = out | back;
    let state = match session.state {
        "closing" => "fin_wait1",
        state => state,
    };
    let mut tcp = Map::new();
    tcp.insert("tcp_flags".into(), format!("{both:02x}").into());
    tcp.insert("tcp_flags_ts".into(), format!("{out:02x}").into());
    tcp.insert("tcp_flags_tc".into(), format!("{back:02x}").into());
    for (bit, name) in ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"].into_iter().enumerate() {
        if both & 1 << bit != 0 {
            tcp.insert(name.into(), true.into());
        }
    }
    tcp.insert("state".into(), state.into());
    if let Some(rtt) = session.rtt_us {
        tcp.insert("rtt_us".into(), rtt.into());
    }
    tcp.insert("retransmissions".into(), session.retransmissions.into());
    tcp.into()
}

fn head(kind: &str, time: Time, id: i64, proto: Proto) -> Map<String, Json> {
    let mut line = Map::new();
    line.insert("timestamp".into(), time.to_string().into());
    line.insert("flow_id".into(), id.into());
    line.insert("event_type".into(), kind.into());
    line.insert("proto".into(), proto_name(proto).into());
    line
}

fn proto_name(proto: Proto) -> String {
    match proto.0 {
        58 => "IPv6-ICMP".into(),
        _ => proto.to_string().to_uppercase(),
    }
}

fn insert_ends(line: &mut Map<String, Json>, client: (IpAddr, u16), server: (IpAddr, u16), icmp: bool) {
    line.insert("src_ip".into(), client.0.to_string().into());
    line.insert("dest_ip".into(), server.0.to_string().into());
    if !icmp {
        line.insert("src_port".into(), client.1.into());
        line.insert("dest_port".into(), server.1.into());
        let proto = if line["proto"] == "TCP" { 6 } else { 17 };
        if line["proto"] == "TCP" || line["proto"] == "UDP" {
            line.insert("community_id".into(), community_id(proto, client, server).into());
        }
    }
}

/// The Community ID flow hash, version 1, seed 0: the same for a session in
/// every tool that has it (its specification, "Community ID v1").
fn community_id(proto: u8, one: (IpAddr, u16), other: (IpAddr, u16)) -> String {
    let bytes = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let (one, other) = ((bytes(one.0), one.1), (bytes(other.0), other.1));
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&low.0);
    hash.update(&high.0);
    hash.update([proto, 0]);
    hash.update(low.1.to_be_bytes());
    hash.update(high.1.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first example of the Community ID specification.
    #[test]
    fn a_session_has_the_id_that_other_tools_give_it() {
        let one = ([128, 232, 110, 120].into(), 34855);
        let other = ([66, 35, 250, 204].into(), 80);
        assert_eq!(community_id(6, one, other), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(6, other, one), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
