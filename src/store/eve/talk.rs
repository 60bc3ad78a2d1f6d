//! Log-ins, mail, files, shells and what LANs are run by, in EVE's words.

use serde_json::{Map, Value as Json, json};

use super::web::{Body, json_of, of_event};
use super::{columns, head};
use crate::record::{Arp, Auth, Dhcp, Ftp, Icmp, Record, Smtp, Ssh};

/// EVE has no word for a log-in: the columns under a type of their own.
pub fn auth(row: &Auth, record: &Record) -> Json {
    let mut line = of_event("auth", &row.event);
    line.insert("auth".into(), without_event(record).into());
    line.into()
}

/// What the two sides of SSH say of themselves.
pub fn ssh(row: &Ssh) -> Json {
    let mut line = of_event("ssh", &row.event);
    let side = |proto: Option<&str>, software: Option<&str>, hassh: Option<&str>| {
        let mut body = Body::default();
        body.add("proto_version", proto);
        body.add("software_version", software);
        body.add("hassh", hassh.map(|hash| json!({"hash": hash})));
        (!body.0.is_empty()).then_some(body.0)
    };
    let mut body = Body::default();
    let Ssh { client_proto, client_software, hassh, server_proto, server_software, hassh_server, .. } = row;
    body.add("client", side(client_proto.as_deref(), client_software.as_deref(), hassh.as_deref()));
    body.add("server", side(server_proto.as_deref(), server_software.as_deref(), hassh_server.as_deref()));
    line.insert("ssh".into(), body.0.into());
    line.into()
}

/// One command of FTP.
pub fn ftp(row: &Ftp) -> Json {
    let mut line = of_event("ftp", &row.event);
    let mut body = Body::default();
    body.add("command", row.command);
    body.add("command_data", row.argument.as_deref());
    body.add("command_truncated", (row.command_truncated == 1).then_some(true));
    body.add("completion_code", row.code.map(|code| json!([format!("{code:03}")])));
    body.add("reply", row.reply.as_deref().map(|reply| json!([reply])));
    body.add("reply_truncated", (row.reply_truncated == 1).then_some(true));
    line.insert("ftp".into(), body.0.into());
    line.into()
}

/// One mail.
pub fn smtp(row: &Smtp) -> Json {
    let mut line = of_event("smtp", &row.event);
    let mut body = Body::default();
    body.add("helo", row.helo.as_deref());
    body.add("mail_from", row.mail_from.as_deref());
    body.add("rcpt_to", row.rcpt_to.as_deref().and_then(json_of));
    body.add("reply_code", row.code);
    line.insert("smtp".into(), body.0.into());
    if let Some(bytes) = row.bytes {
        let mut email = Body::default();
        email.add("status", Some("PARSE_DONE"));
        email.add("subject", row.subject.as_deref());
        email.add("attachment", row.attachments.as_deref().and_then(json_of));
        email.add("bytes", Some(bytes));
        line.insert("email".into(), email.0.into());
    }
    line.into()
}

/// A message of ICMP with what it quotes.
pub fn icmp(row: &Icmp, record: &Record) -> Json {
    let mut line = head("icmp", row.time, row.id.number(), row.proto);
    line.insert("src_ip".into(), row.src.to_string().into());
    line.insert("dest_ip".into(), row.dst.to_string().into());
    line.insert("icmp_type".into(), row.kind.into());
    line.insert("icmp_code".into(), row.code.into());
    line.insert("icmp".into(), columns(record).into());
    line.into()
}

/// One message of DHCP.
pub fn dhcp(row: &Dhcp) -> Json {
    let mut line = of_event("dhcp", &row.event);
    let is_reply = matches!(row.kind, "offer" | "ack" | "nak");
    let mut body = Body::default();
    body.add("type", Some(if is_reply { "reply" } else { "request" }));
    body.add("id", Some(row.txid));
    body.add("client_mac", row.mac.map(|mac| mac.to_string()));
    body.add("dhcp_type", Some(row.kind));
    body.add("assigned_ip", row.assigned.map(|address| address.to_string()));
    body.add("requested_ip", row.requested.map(|address| address.to_string()));
    body.add("hostname", row.hostname.as_deref());
    body.add("vendor_class_identifier", row.vendor_class.as_deref());
    body.add("params", row.parameters.as_deref().and_then(json_of));
    body.add("lease_time", row.lease_secs);
    line.insert("dhcp".into(), body.0.into());
    line.into()
}

/// One message of ARP.
pub fn arp(row: &Arp) -> Json {
    let body = json!({
        "hw_type": "ethernet",
        "proto_type": "ipv4",
        "opcode": row.kind,
        "src_mac": row.src_mac.to_string(),
        "src_ip": row.src_ip.to_string(),
        "dest_mac": row.dst_mac.map_or("00:00:00:00:00:00".into(), |mac| mac.to_string()),
        "dest_ip": row.dst_ip.to_string(),
    });
    json!({"timestamp": row.time.to_string(), "event_type": "arp", "arp": body})
}

/// The columns behind those that the line begins with.
fn without_event(record: &Record) -> Map<String, Json> {
    let mut all = columns(record);
    for key in ["id", "time", "proto", "client", "client_port", "server", "server_port", "device"] {
        all.remove(key);
    }
    all
}
