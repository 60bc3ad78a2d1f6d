//! Makes small files of MaxMind's format, for tests of who reads them.
#![allow(dead_code)]

use std::net::IpAddr;

/// A value in such a file.
#[derive(Clone)]
pub enum Value {
    Text(&'static str),
    Number(u32),
    Map(Vec<(&'static str, Value)>),
    /// The same as the value at this place of the data.
    At(u32),
}

impl Value {
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Text(text) => {
                head(2, text.len(), out);
                out.extend_from_slice(text.as_bytes());
            }
            Value::Number(number) => {
                head(6, 4, out);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Value::Map(entries) => {
                head(7, entries.len(), out);
                for (name, value) in entries {
                    Value::Text(name).write(out);
                    value.write(out);
                }
            }
            Value::At(place) => {
                out.push(1 << 5 | 3 << 3);
                out.extend_from_slice(&place.to_be_bytes());
            }
        }
    }
}

fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    match size {
        0..29 => out.push(kind << 5 | size as u8),
        _ => out.extend_from_slice(&[kind << 5 | 29, (size - 29) as u8]),
    }
}

/// A file with records of `bits` for networks, each with the length of its prefix.
/// Networks of IPv4 lie below the first 96 zeroes.
pub fn file(bits: usize, networks: &[(&str, u32, Value)]) -> Vec<u8> {
    const NOTHING: usize = usize::MAX;
    let mut nodes = vec![[NOTHING; 2]];
    let mut data = Vec::new();
    // Places of data are told apart from nodes by this.
    const DATA: usize = 1 << 30;
    for (address, length, value) in networks {
        let (address, length) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), length + 96),
            IpAddr::V6(v6) => (v6.to_bits(), *length),
        };
        let mut node = 0;
        for place in 0..length {
            let bit = (address >> (127 - place) & 1) as usize;
            if place + 1 == length {
                nodes[node][bit] = DATA + data.len();
            } else {
                if nodes[node][bit] == NOTHING {
                    nodes.push([NOTHING; 2]);
                    nodes[node][bit] = nodes.len() - 1;
                }
                node = nodes[node][bit];
            }
        }
        value.write(&mut data);
    }
    let count = nodes.len();
    let mut out = Vec::new();
    for node in &nodes {
        let [left, right] = node.map(|record| match record {
            NOTHING => count as u32,
            DATA.. => (count + 16 + record - DATA) as u32,
            record => record as u32,
        });
        let (left, right) = (left.to_be_bytes(), right.to_be_bytes());
        match bits {
            24 => out.extend_from_slice(&[&left[1..], &right[1..]].concat()),
            28 => out.extend_from_slice(&[&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
            _ => out.extend_from_slice(&[left, right].concat()),
        }
    }
    out.extend_from_slice(&[0; 16]);
    out.extend(data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = [
        ("binary_format_major_version", Value::Number(2)),
        ("database_type", Value::Text("Test")),
        ("ip_version", Value::Number(6)),
        ("node_count", Value::Number(count as u32)),
        ("record_size", Value::Number(bits as u32)),
    ];
    Value::Map(metadata.into()).write(&mut out);
    out
}

/// What MaxMind's files of countries say of one.
pub fn country(code: &'static str) -> Value {
    let names = Value::Map(vec![("en", Value::Text("A country")), ("de", Value::Text("Ein Land"))]);
    let country = vec![("geoname_id", Value::Number(7)), ("names", names), ("iso_code", Value::Text(code))];
    Value::Map(vec![("continent", Value::Text("none")), ("country", Value::Map(country))])
}

/// What MaxMind's files of autonomous systems say of one.
pub fn system(number: u32, name: &'static str) -> Value {
    let (number, name) = (Value::Number(number), Value::Text(name));
    Value::Map(vec![("autonomous_system_number", number), ("autonomous_system_organization", name)])
}
