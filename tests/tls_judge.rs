//! tshark judges what we read of TLS: hosts, JA3, versions, ciphers and
//! certificates are its own, JA4 was made from its fields.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;
use weir::dissect::dns::{Kind, Message};
use weir::dissect::tls::{Handshake, TLS};
use weir::dissect::{Identity, Opening, Side, Sink, Step, identify};
use weir::wire::{Body, proto};

type End = (IpAddr, u16);

/// One direction of a connection: its segments in the order of their bytes.
#[derive(Default)]
struct Half {
    first: Option<u32>,
    segments: BTreeMap<u32, Vec<u8>>,
}

impl Half {
    fn add(&mut self, seq: u32, syn: bool, payload: &[u8]) {
        let first = *self.first.get_or_insert(seq.wrapping_add(syn.into()));
        let at = seq.wrapping_add(syn.into()).wrapping_sub(first);
        // What is before the first is of another connection between the same.
        if !payload.is_empty() && at < 1 << 20 {
            let old = self.segments.entry(at).or_default();
            if old.len() < payload.len() {
                *old = payload.to_vec();
            }
        }
    }

    /// Its bytes up to the first that is missing.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, segment) in &self.segments {
            let Some(fresh) = bytes.len().checked_sub(*at as usize) else { break };
            bytes.extend(segment.get(fresh..).unwrap_or_default());
        }
        bytes
    }
}

#[derive(Default)]
struct Found(Option<Handshake>);

impl Sink for Found {
    fn dns(&mut self, _: Kind, _: Side, _: &Message<'_>) {}

    fn tls(&mut self, handshake: &Handshake) {
        self.0 = Some(handshake.clone());
    }
}

/// The handshakes in a capture, by the ends of their first hello.
fn handshakes(path: &Path) -> BTreeMap<(End, End), Handshake> {
    let mut halves: BTreeMap<(End, End), Half> = BTreeMap::new();
    common::packets(path, |packet| {
        let Body::Tcp(tcp) = packet.body else { return };
        let way = ((packet.src, tcp.src_port), (packet.dst, tcp.dst_port));
        halves.entry(way).or_default().add(tcp.seq, tcp.flags & 2 != 0, tcp.payload);
    });
    let begins = |bytes: &[u8]| {
        let opening =
            Opening { proto: proto::TCP, client_port: 40_000, server_port: 443, side: Side::Client, bytes };
        let known = matches!(identify(&opening), Identity::Is(protocol) if protocol.name == "tls");
        known.then(|| if bytes.starts_with(&[22]) && bytes[5] == 2 { Side::Server } else { Side::Client })
    };
    let mut all = BTreeMap::new();
    for (way, half) in &halves {
        let (bytes, back) = (half.bytes(), (way.1, way.0));
        let answer = halves.get(&back).map(Half::bytes).unwrap_or_default();
        let Some(side) = begins(&bytes) else { continue };
        let ends = if side == Side::Client { *way } else { back };
        // A server is read with its client, if that is there.
        if side == Side::Server && !answer.is_empty() {
            continue;
        }
        let mut found = Found::default();
        let mut dissector = TLS.stream.unwrap()();
        let mut step = dissector.data(side, &bytes, &mut found);
        if matches!(step, Step::Take(_)) && !answer.is_empty() {
            step = dissector.data(Side::Server, &answer, &mut found);
        }
        if matches!(step, Step::Take(_)) {
            dissector.end(&mut found);
        }
        all.extend(found.0.map(|handshake| (ends, handshake)));
    }
    all
}

/// What tshark says of the same: the first of each kind between two ends.
fn judged(capture: &Path) -> BTreeMap<(End, End, String), Value> {
    let truth = capture.to_string_lossy().replace("/corpus/", "/corpus/truth/") + ".tls.jsonl";
    let mut all = BTreeMap::new();
    for line in fs::read_to_string(truth).unwrap_or_default().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let port = |key: &str| event[key].as_u64().unwrap_or_default() as u16;
        if text("l4") != "tcp" || text("over") != "tls" || event["malformed"] == true {
            continue;
        }
        let ends = ((text("src").parse().unwrap(), port("sp")), (text("dst").parse().unwrap(), port("dp")));
        let (client, server) = if text("kind") == "ch" { ends } else { (ends.1, ends.0) };
        // What a client certifies is not read.
        if text("kind") == "cert" && all.contains_key(&(server, client, "ch".into())) {
            continue;
        }
        all.entry((client, server, text("kind"))).or_insert(event);
    }
    all
}

/// Pairs of ours and theirs by what they are about.
#[derive(Default)]
struct Score(BTreeMap<&'static str, (usize, usize)>);

impl Score {
    fn compare(&mut self, what: &'static str, ours: Value, theirs: &Value, about: &str) {
        let (same, all) = self.0.entry(what).or_default();
        *all += 1;
        if ours == *theirs {
            *same += 1;
        } else {
            println!("{what}: {ours}, judged {theirs}: {about}");
        }
    }
}

#[test]
fn hellos_and_certificates_are_as_tshark_has_them() {
    let Some(captures) = common::corpus() else { return };
    // How many of tshark's names were written down.
    const NAMES: usize = 40;
    let mut score = Score::default();
    for capture in captures {
        let judged = judged(&capture);
        if judged.is_empty() {
            continue;
        }
        let ours = handshakes(&capture);
        for ((client, server, kind), event) in judged {
            let about = format!("{} frame {}", capture.display(), event["frame"]);
            let handshake = ours.get(&(client, server));
            match kind.as_str() {
                "ch" => {
                    let hello = handshake.and_then(|handshake| handshake.client.clone());
                    score.compare("hello", hello.is_some().into(), &true.into(), &about);
                    let Some(hello) = hello else { continue };
                    let sni = event["sni"].as_str().map(str::to_lowercase);
                    score.compare("sni", hello.sni.into(), &sni.into(), &about);
                    score.compare("ja3", hello.ja3.into(), &event["ja3"], &about);
                    score.compare("ja4", hello.ja4.into(), &event["ja4"], &about);
                    score.compare("alpn", hello.alpn.into(), &event["alpn"], &about);
                    score.compare("ech", hello.ech.is_some().into(), &event["ech"], &about);
                }
                "sh" => {
                    let hello = handshake.and_then(|handshake| handshake.server.clone());
                    score.compare("answer", hello.is_some().into(), &true.into(), &about);
                    let Some(hello) = hello else { continue };
                    let version =
                        if event["selected"].is_null() { &event["ver"] } else { &event["selected"] };
                    score.compare("version", format!("{:04x}", hello.version).into(), version, &about);
                    score.compare("cipher", format!("{:04x}", hello.cipher).into(), &event["cipher"], &about);
                    score.compare("ja3s", hello.ja3s.into(), &event["ja3s"], &about);
                }
                "cert" if event["sha1"].is_string() => {
                    let certificate = handshake.and_then(|handshake| handshake.certificate.clone());
                    score.compare("certificate", certificate.is_some().into(), &true.into(), &about);
                    let Some(certificate) = certificate else { continue };
                    let print = certificate.fingerprint.replace(':', "");
                    score.compare("sha1", print.into(), &event["sha1"], &about);
                    let names = event["dns"].to_string().to_lowercase();
                    let theirs = serde_json::from_str(&names).unwrap();
                    let hosts = certificate.names.into_iter().filter(|name| name.parse::<IpAddr>().is_err());
                    let ours: Value = hosts.take(NAMES).collect::<Vec<_>>().into();
                    let ours = if theirs == Value::Null && ours == Value::Array(vec![]) {
                        Value::Null
                    } else {
                        ours
                    };
                    score.compare("names", ours, &theirs, &about);
                }
                _ => {}
            }
        }
    }
    println!("same, of all: {:?}", score.0);
    for (what, (same, all)) in score.0 {
        match what {
            // The others begin inside something else: STARTTLS, SOCKS, CONNECT.
            "hello" | "answer" | "certificate" => assert!(same * 100 >= all * 85, "{what}: {same} of {all}"),
            _ => assert_eq!(same, all, "{what}"),
        }
    }
}
