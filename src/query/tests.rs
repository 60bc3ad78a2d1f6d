use std::net::IpAddr;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as Sqlite;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::record::Dialect;
use crate::time::Time;

fn value_json(value: &Value) -> Json {
    match value {
        Value::Unknown => Json::Null,
        Value::Text(text) => json!(text),
        Value::Like(text) => json!({"like": text}),
        Value::Range(least, u64::MAX) => json!([least, null]),
        Value::Range(least, most) => json!([least, most]),
        Value::Net(net) => json!({"net": net.to_string()}),
    }
}

fn edge_json(edge: Edge) -> Json {
    match edge {
        Edge::Ago(secs) => json!({"ago": secs}),
        Edge::Local(secs) => {
            let text = Time::from_secs(secs as u64).to_string();
            json!({"local": text[..16].replace('T', " ")})
        }
    }
}

fn form(query: &Query) -> Json {
    let terms = query.terms.iter().map(|term| {
        let mut form = Map::new();
        if term.not {
            form.insert("not".into(), true.into());
        }
        match &term.what {
            What::Word(word) => drop(form.insert("word".into(), value_json(word))),
            What::Field(field, values) => {
                form.insert("field".into(), field.names[0].into());
                form.insert("is".into(), values.iter().map(value_json).collect());
            }
        }
        Json::Object(form)
    });
    let mut all = Map::from_iter([("terms".to_owned(), terms.collect())]);
    for (name, edge) in [("since", query.since), ("until", query.until)] {
        all.extend(edge.map(|edge| (name.to_owned(), edge_json(edge))));
    }
    Json::Object(all)
}

#[test]
fn cases_are_read_as_the_pages_read_them() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("../../tests/query/cases.json")).unwrap();
    assert!(cases.len() > 60);
    for case in cases {
        let text = case["query"].as_str().unwrap();
        let got = match parse(text, view(case["view"].as_str().unwrap()).unwrap()) {
            Ok(query) => json!({"form": form(&query)}),
            Err(Mistake { text, column, length }) => json!({"error": [text, column, length]}),
        };
        let mut expected = case.clone();
        expected.as_object_mut().unwrap().retain(|name, _| name == "form" || name == "error");
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn what_is_much_is_refused_and_what_is_odd_is_no_panic() {
    let sessions = view("sessions").unwrap();
    let wrong = |text: &str| parse(text, sessions).unwrap_err();
    assert_eq!(wrong(&"a ".repeat(LONGEST)).text, "the query is longer than 1024 bytes");
    assert_eq!(wrong(&"视".repeat(342)).length, 342);
    assert_eq!(wrong(&"a ".repeat(MOST + 1)).column, MOST * 2 + 1);
    assert_eq!(
        wrong(&format!("app:{}a", "a,".repeat(MOST))).text,
        "there are more than 100 terms and values"
    );
    assert!(parse(&"a ".repeat(MOST), sessions).is_ok());
    let pieces = [
        "-", "\"", "app", ":", ">", "=", ",", " ", "\\", "*", "1", "M", "/", "::", "视", "\u{3000}", "since",
        "\0",
    ];
    let mut random = 1_u64;
    for _ in 0..50_000 {
        let mut text = String::new();
        for _ in 0..8 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(pieces[(random >> 33) as usize % pieces.len()]);
        }
        if let Err(Mistake { column, length, .. }) = parse(&text, sessions) {
            assert!(column >= 1 && length >= 1 && column + length <= text.chars().count() + 2, "{text:?}");
        }
    }
}

fn sql(text: &str) -> String {
    let view = view("sessions").unwrap();
    select(&parse(text, view).unwrap(), view, Dialect::Sqlite, None, None).from
}

#[test]
fn whole_parts_of_addresses_are_ranges_of_text() {
    assert_eq!(sql("dst:1.2.3.0/24"), "FROM session WHERE ((server >= ? AND server < ?))");
    assert_eq!(sql("dst:2001:db8::/32"), "FROM session WHERE ((server >= ? AND server < ?))");
    assert_eq!(sql("dst:1.2.3.4"), "FROM session WHERE (server = ?)");
    assert!(sql("dst:1.2.0.0/22").contains("SUBSTR(server, 5) + 0 >= ?"));
    assert!(sql("dst:fe80::/64").contains("ip6_hex(server) BETWEEN ? AND ?"));
}

/// A database in memory with these addresses as `session.server`.
fn database(addresses: &[String]) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE session (server TEXT)").unwrap();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function(IP6_HEX, 1, flags, |context| {
            let text: Option<String> = context.get(0)?;
            Ok(text.and_then(|text| ip6_hex(&text)))
        })
        .unwrap();
    for address in addresses {
        connection.execute("INSERT INTO session VALUES (?)", [address]).unwrap();
    }
    connection
}

#[test]
fn a_prefix_finds_exactly_the_addresses_in_it() {
    let mut addresses: Vec<String> = Vec::new();
    let nets4 = ["10.0.0.0", "1.2.3.4", "192.168.128.77", "100.64.1.1", "255.255.255.255", "9.9.9.9"];
    for net in nets4 {
        let bits = u32::from(net.parse::<std::net::Ipv4Addr>().unwrap());
        addresses.extend((0..32).map(|bit| std::net::Ipv4Addr::from(bits ^ 1 << bit).to_string()));
        addresses.push(net.into());
    }
    let nets6 = [
        "fe80::1",
        "2001:db8:5:6:7:8:9:a",
        "2001:0:1::5",
        "::1",
        "64:ff9b::808:808",
        "fd12:0:0:3::",
        "1:2::",
    ];
    for net in nets6 {
        let bits = u128::from(net.parse::<std::net::Ipv6Addr>().unwrap());
        addresses.extend((0..128).map(|bit| std::net::Ipv6Addr::from(bits ^ 1 << bit).to_string()));
        addresses.push(net.into());
    }
    addresses.extend([
        "fd:12:00:00:00:03".into(),
        "01:02:03:04:05:06".into(),
        "tablet".into(),
        String::new(),
    ]);
    let connection = database(&addresses);
    let view = view("sessions").unwrap();
    let mut tried = 0;
    for net in nets4.iter().chain(&nets6) {
        let most = if net.contains(':') { 128 } else { 32 };
        for length in 0..=most {
            let text = format!("{net}/{length}");
            let query = parse(&format!("dst:{text}"), view).unwrap();
            let Select { from, params, .. } = select(&query, view, Dialect::Sqlite, None, None);
            let params = params.into_iter().map(|param| match param {
                Param::Int(number) => Sqlite::Integer(number),
                Param::Text(text) => Sqlite::Text(text),
            });
            let mut statement = connection.prepare(&format!("SELECT server {from}")).unwrap();
            let rows = statement.query_map(rusqlite::params_from_iter(params), |row| row.get(0)).unwrap();
            let found: Vec<String> = rows.map(Result::unwrap).collect();
            let prefix = value::net(&text).unwrap();
            let is_in = |text: &&String| text.parse::<IpAddr>().is_ok_and(|address| prefix.contains(address));
            let expected: Vec<String> = addresses.iter().filter(is_in).cloned().collect();
            assert_eq!(found, expected, "{text}: {from}");
            tried += 1;
        }
    }
    assert_eq!(tried, 6 * 33 + 7 * 129);
}
