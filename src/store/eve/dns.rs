//! DNS in EVE's words: a joined question and answer are two messages there.

use serde_json::{Map, Value as Json, json};

use super::{head, insert_ends};
use crate::record::Dns;

/// One message of DNS, in EVE's version 3.
pub fn message(dns: &Dns, response: bool) -> Json {
    let delay = std::time::Duration::from_micros(dns.latency_us.unwrap_or(0).into());
    let time = if response { dns.time + delay } else { dns.time };
    let mut line = head(dns.kind, time, dns.id.number(), dns.proto);
    insert_ends(&mut line, (dns.client, dns.client_port), (dns.server, dns.server_port), false);
    line.insert("device".into(), dns.device.to_string().into());
    let mut body = Map::new();
    body.insert("version".into(), 3.into());
    body.insert("type".into(), if response { "response" } else { "request" }.into());
    body.insert("id".into(), dns.txid.into());
    let flags = if response { dns.answer_flags } else { dns.flags }.unwrap_or(0);
    body.insert("flags".into(), format!("{flags:x}").into());
    for (bit, name) in [(0x8000, "qr"), (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra")] {
        if flags & bit != 0 {
            body.insert(name.into(), true.into());
        }
    }
    body.insert("opcode".into(), (flags >> 11 & 0xf).into());
    if let (true, Some(rcode)) = (response, &dns.rcode) {
        body.insert("rcode".into(), rcode.as_str().into());
    }
    let mut queries = Vec::new();
    if let (Some(name), Some(kind)) = (&dns.qname, &dns.qtype) {
        queries.push(json!({"rrname": unescaped(name), "rrtype": kind.as_str()}));
        queries.extend(dns.more.as_deref().and_then(array).unwrap_or_default());
    }
    body.insert("queries".into(), queries.into());
    if let (true, Some(mut answers)) = (response, dns.answers.as_deref().and_then(array)) {
        complete_answers(&mut answers, dns.qname.as_deref().unwrap_or_default());
        body.insert("answers".into(), answers.into());
    }
    let edns = if response { &dns.answer_edns } else { &dns.edns };
    if let Some(edns) = edns.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok()) {
        body.insert("edns".into(), edns);
    }
    if let (true, Some(latency)) = (response, dns.latency_us) {
        body.insert("latency_us".into(), latency.into());
    }
    line.insert(dns.kind.into(), body.into());
    line.into()
}

/// A JSON array of questions or answers, with their names as EVE has them.
fn array(text: &str) -> Option<Vec<Json>> {
    let mut items: Vec<Json> = serde_json::from_str(text).ok()?;
    for item in &mut items {
        if let Some(Json::String(name)) = item.get_mut("rrname") {
            *name = unescaped(name);
        }
    }
    Some(items)
}

/// Gives each answer what EVE has beyond the row: the name, which is left out
/// where it is the one asked for or behind a CNAME its target, and the fields
/// of the types that EVE takes apart.
fn complete_answers(answers: &mut [Json], qname: &str) {
    let mut due = unescaped(qname);
    for answer in answers {
        let Some(fields) = answer.as_object_mut() else { continue };
        take_apart(fields);
        if fields.contains_key("rrname") {
            continue;
        }
        fields.insert("rrname".into(), due.as_str().into());
        if fields.get("rrtype").is_some_and(|kind| kind == "CNAME")
            && let Some(target) = fields.get("rdata").and_then(Json::as_str)
        {
            due = unescaped(target);
        }
    }
}

/// EVE's objects for SRV, SOA and SSHFP, from the data as text.
fn take_apart(fields: &mut Map<String, Json>) {
    let text = |name: &str| fields.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (kind, data) = (text("rrtype"), text("rdata"));
    let words: Vec<_> = data.split(' ').collect();
    let number = |word: &str| word.parse::<u64>().unwrap_or(0);
    let object = match (kind.as_str(), &words[..]) {
        ("SRV", [priority, weight, port, name]) => {
            let [priority, weight, port] = [priority, weight, port].map(|word| number(word));
            ("srv", json!({"priority": priority, "weight": weight, "port": port, "name": unescaped(name)}))
        }
        ("SOA", [mname, rname, numbers @ ..]) if numbers.len() == 5 => {
            let mut soa = json!({"mname": unescaped(mname), "rname": unescaped(rname)});
            for (field, word) in ["serial", "refresh", "retry", "expire", "minimum"].into_iter().zip(numbers)
            {
                soa[field] = number(word).into();
            }
            ("soa", soa)
        }
        ("SSHFP", [algorithm, kind, digest]) => {
            let pairs: Vec<_> = digest.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
            let fingerprint = pairs.join(":");
            ("sshfp", json!({"fingerprint": fingerprint, "algo": number(algorithm), "type": number(kind)}))
        }
        _ => return,
    };
    fields.insert(object.0.into(), object.1);
}

/// A name as EVE's readers compare it: bytes that are no UTF-8, which the
/// database keeps as `\\ddd`, are the replacement character there, and a dot or
/// a backslash within a label is just that.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail) {
            (b'\\', [a @ b'1'..=b'2', b @ b'0'..=b'9', c @ b'0'..=b'9', after @ ..])
                if (*a, *b, *c) >= (b'1', b'2', b'8') =>
            {
                let number = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
                bytes.push(number as u8);
                rest = after;
            }
            (b'\\', [literal @ (b'.' | b'\\'), after @ ..]) => {
                bytes.push(*literal);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::lines;
    use super::*;
    use crate::record::{Device, Ids, Proto, short};
    use crate::time::Time;

    const CLIENT: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 40000);
    const SERVER: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 53)), 53);

    fn dns() -> Dns {
        let time = Time::from_micros(1_445_495_344_123_456);
        Dns {
            id: Ids::default().next(time, 0),
            time,
            kind: "dns",
            proto: Proto::UDP,
            client: CLIENT.0,
            client_port: CLIENT.1,
            server: SERVER.0,
            server_port: SERVER.1,
            device: Device::Ip(CLIENT.0),
            txid: 7,
            qname: Some(crate::record::Name("a\\255.example".into())),
            qtype: Some(short("A")),
            more: None,
            flags: Some(0x0120),
            answer_flags: Some(0x8180),
            asked: 1,
            rcode: Some(short("NOERROR")),
            latency_us: Some(1_500_000),
            answer_count: 2,
            answers: Some(
                r#"[{"rrtype":"CNAME","ttl":1,"rdata":"b.example"},{"rrtype":"A","ttl":1,"rdata":"192.0.2.9"}]"#.into(),
            ),
            edns: Some(r#"{"udp_size":4096}"#.into()),
            answer_edns: Some(r#"{"udp_size":1232}"#.into()),
        }
    }

    #[test]
    fn a_joined_row_is_a_request_and_a_response() {
        let lines = lines(&dns().into());
        let [request, response] = &lines[..] else { panic!() };
        assert_eq!(request["timestamp"], "2015-10-22T06:29:04.123456+0000");
        assert_eq!(request["dns"]["type"], "request");
        assert_eq!(
            (&request["dns"]["flags"], &request["dns"]["edns"]["udp_size"]),
            (&json!("120"), &json!(4096))
        );
        assert_eq!(request["dns"]["queries"][0]["rrname"], "a\u{fffd}.example");
        assert!(request["dns"]["answers"].is_null() && request["dns"]["rcode"].is_null());
        assert_eq!(response["timestamp"], "2015-10-22T06:29:05.623456+0000");
        assert_eq!(
            (&response["dns"]["flags"], &response["dns"]["rcode"]),
            (&json!("8180"), &json!("NOERROR"))
        );
        assert_eq!(response["dns"]["answers"][1]["rrname"], "b.example");
        assert_eq!(response["dns"]["edns"]["udp_size"], 1232);
        assert_eq!(request["community_id"], response["community_id"]);
    }

    #[test]
    fn a_question_alone_has_one_line() {
        let unanswered = Dns { rcode: None, answers: None, latency_us: None, ..dns() };
        assert_eq!(lines(&unanswered.into()).len(), 1);
        let unasked = Dns { asked: 0, ..dns() };
        assert_eq!(lines(&unasked.into())[0]["dns"]["type"], "response");
    }

    #[test]
    fn types_that_eve_takes_apart_have_an_object() {
        let text = r#"[{"rrtype":"SRV","ttl":1,"rdata":"20 1 5060 sip.example"},
            {"rrtype":"SOA","ttl":1,"rdata":"a.example b.example 1 2 3 4 5"},
            {"rrtype":"SSHFP","ttl":1,"rdata":"1 2 abcd"},{"rrtype":"SRV","ttl":1,"rdata":"\\# 1 00"}]"#;
        let lines = lines(&Dns { answers: Some(text.into()), ..dns() }.into());
        let answers = &lines[1]["dns"]["answers"];
        assert_eq!(
            answers[0]["srv"],
            json!({"priority": 20, "weight": 1, "port": 5060, "name": "sip.example"})
        );
        assert_eq!(
            (&answers[1]["soa"]["rname"], &answers[1]["soa"]["minimum"]),
            (&json!("b.example"), &json!(5))
        );
        assert_eq!(answers[2]["sshfp"]["fingerprint"], "ab:cd");
        assert!(answers[3]["srv"].is_null());
    }
}
