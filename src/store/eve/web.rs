//! TLS, QUIC and HTTP in EVE's words.

use serde_json::{Map, Value as Json, json};

use super::{head, insert_ends};
use crate::record::{Event, Http, Tls};
use crate::time::Time;

/// Adds what is known; EVE leaves out what is not.
#[derive(Default)]
pub struct Body(pub Map<String, Json>);

impl Body {
    pub fn add(&mut self, key: &str, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.0.insert(key.into(), value.into());
        }
    }
}

/// The head of a line about what happened in a session.
pub fn of_event(kind: &str, event: &Event) -> Map<String, Json> {
    let mut line = head(kind, event.time, event.id.number(), event.proto);
    insert_ends(&mut line, (event.client, event.client_port), (event.server, event.server_port), false);
    line.insert("device".into(), event.device.to_string().into());
    line
}

/// A handshake: `tls`, or `quic` with the same fields.
pub fn tls(row: &Tls) -> Json {
    let mut line = of_event(row.kind, &row.event());
    let mut body = Body::default();
    body.add("sni", row.sni.as_deref());
    // Of QUIC, EVE's version is that of QUIC itself.
    let version = if row.kind == "quic" { &row.quic_version } else { &row.version };
    body.add("version", version.as_deref());
    if row.kind == "quic" {
        body.add("tls_version", row.version.as_deref());
    }
    body.add("version_offered", row.version_offered.as_deref());
    body.add("client_alpns", row.alpn_offered.as_deref().and_then(json_of));
    body.add("server_alpn", row.alpn.as_deref());
    body.add("cipher", row.cipher.map(|cipher| format!("{cipher:04x}")));
    body.add("ja3", row.ja3.as_deref().map(|hash| json!({"hash": hash})));
    body.add("ja3s", row.ja3s.as_deref().map(|hash| json!({"hash": hash})));
    body.add("ja4", row.ja4.as_deref());
    if row.kind == "quic" {
        body.add("extensions", row.extensions.as_deref().and_then(|numbers| extensions(numbers, row)));
    }
    body.add("ech", [None, Some("grease"), Some("real")].get(usize::from(row.ech)).copied().flatten());
    body.add("session_resumed", (row.resumed == 1).then_some(true));
    body.add("subject", row.subject.as_deref());
    body.add("issuerdn", row.issuer.as_deref());
    body.add("subjectaltname", row.names.as_deref().and_then(json_of));
    body.add("serial", row.serial.as_deref());
    body.add("fingerprint", row.fingerprint.as_deref());
    body.add("notbefore", row.not_before.map(date));
    body.add("notafter", row.not_after.map(date));
    line.insert(row.kind.into(), body.0.into());
    line.into()
}

/// One request with its response.
pub fn http(row: &Http) -> Json {
    let mut line = of_event("http", &row.event);
    let mut body = Body::default();
    body.add("hostname", row.host.as_deref());
    body.add("url", Some(row.uri.as_str()));
    body.add("http_user_agent", row.user_agent.as_deref());
    body.add("http_content_type", row.content_type.as_deref());
    body.add("http_refer", row.referer.as_deref());
    body.add("http_method", Some(row.method.as_str()));
    body.add("protocol", Some(row.version.as_str()));
    body.add("status", row.status);
    body.add("length", row.response_length);
    body.add("request_length", row.request_length);
    body.add("server", row.server_name.as_deref());
    line.insert("http".into(), body.0.into());
    line.into()
}

/// The extensions of a hello, each with its name and what is known of its
/// values, as EVE tells them of QUIC.
fn extensions(numbers: &str, row: &Tls) -> Option<Json> {
    let numbers: Vec<u16> = serde_json::from_str(numbers).ok()?;
    let all = numbers.into_iter().map(|number| {
        let mut one = Body::default();
        one.add("name", extension_name(number));
        one.add("type", Some(number));
        match number {
            0 => one.add("values", row.sni.as_deref().map(|sni| json!([sni]))),
            16 => one.add("values", row.alpn_offered.as_deref().and_then(json_of)),
            _ => {}
        }
        Json::from(one.0)
    });
    Some(all.collect())
}

/// By the registry of TLS ExtensionType values (RFC 8447); none for those that
/// have no name there or that hellos of QUIC do not have.
fn extension_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0 => "server_name",
        1 => "max_fragment_length",
        5 => "status_request",
        10 => "supported_groups",
        11 => "ec_point_formats",
        13 => "signature_algorithms",
        14 => "use_srtp",
        15 => "heartbeat",
        16 => "alpn",
        17 => "status_request_v2",
        18 => "signed_certificate_timestamp",
        21 => "padding",
        22 => "encrypt_then_mac",
        23 => "extended_master_secret",
        24 => "token_binding",
        27 => "compress_certificate",
        28 => "record_size_limit",
        34 => "delegated_credentials",
        35 => "session_ticket",
        41 => "pre_shared_key",
        42 => "early_data",
        43 => "supported_versions",
        44 => "cookie",
        45 => "psk_key_exchange_modes",
        47 => "certificate_authorities",
        49 => "post_handshake_auth",
        50 => "signature_algorithms_cert",
        51 => "key_share",
        57 => "quic_transport_parameters",
        17_513 | 17_613 => "application_settings",
        65_037 => "encrypted_client_hello",
        65_281 => "renegotiation_info",
        _ => return None,
    })
}

pub fn json_of(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
}

/// To the second and without a zone, as EVE writes the dates of certificates.
fn date(time: Time) -> String {
    time.to_string().chars().take("2026-01-01T00:00:00".len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Device, Ids, Name, Proto, short};

    fn handshake() -> Tls {
        let time = Time::from_secs(1_700_000_000);
        Tls {
            id: Ids::default().next(time, 0),
            time,
            kind: "tls",
            proto: Proto::TCP,
            client: [10, 0, 0, 1].into(),
            client_port: 40_000,
            server: [192, 0, 2, 1].into(),
            server_port: 443,
            device: Device::Ip([10, 0, 0, 1].into()),
            sni: Some(Name("www.example".into())),
            alpn_offered: Some(r#"["h2","http/1.1"]"#.into()),
            alpn: Some(short("h2")),
            version_offered: Some(short("TLS 1.3")),
            version: Some(short("TLS 1.2")),
            quic_version: None,
            cipher: Some(0xc02f),
            ja3: Some(short("aa")),
            ja4: None,
            ja3s: None,
            extensions: Some("[0,16,43,9999]".into()),
            ech: 0,
            resumed: 1,
            subject: Some("CN=www.example".into()),
            issuer: None,
            names: Some(r#"["www.example"]"#.into()),
            not_before: Some(time),
            not_after: None,
            serial: None,
            fingerprint: None,
        }
    }

    #[test]
    fn a_handshake_has_the_fields_that_readers_of_eve_know() {
        let line = tls(&handshake());
        assert_eq!((&line["event_type"], &line["dest_port"]), (&json!("tls"), &json!(443)));
        let body = &line["tls"];
        assert_eq!((&body["sni"], &body["version"]), (&json!("www.example"), &json!("TLS 1.2")));
        assert_eq!((&body["ja3"]["hash"], &body["cipher"]), (&json!("aa"), &json!("c02f")));
        assert_eq!((&body["client_alpns"][1], &body["session_resumed"]), (&json!("http/1.1"), &json!(true)));
        assert_eq!(body["notbefore"], "2023-11-14T22:13:20");
        assert!(body["ech"].is_null() && body["ja4"].is_null());
    }

    #[test]
    fn quic_has_a_type_and_a_version_of_its_own() {
        let line = tls(&Tls { kind: "quic", quic_version: Some(short("1")), ..handshake() });
        assert_eq!((&line["event_type"], &line["quic"]["version"]), (&json!("quic"), &json!("1")));
        assert_eq!(line["quic"]["tls_version"], "TLS 1.2");
        let extensions = json!([
            {"name": "server_name", "type": 0, "values": ["www.example"]},
            {"name": "alpn", "type": 16, "values": ["h2", "http/1.1"]},
            {"name": "supported_versions", "type": 43},
            {"type": 9999},
        ]);
        assert_eq!(line["quic"]["extensions"], extensions);
    }
}
