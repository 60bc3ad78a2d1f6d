//! What the lines of features.txt matched, and what stayed without a name.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};

use super::{App, By, Evidence, Rules, grammar};
use crate::record::{Proto, Session};
use crate::wire::bytes::hex;

/// How many of each kind without a name are shown.
const TOP: usize = 20;

/// Fewer first bytes than this are there by chance.
const MIN_BYTES: usize = 3;

/// What decided, by the numbers of [`By`], and the question of a session of DNS.
const KINDS: [&str; QUESTION + 1] = ["host", "payload", "address", "port", "question"];
const QUESTION: usize = By::Port as usize + 1;

/// Hosts that are counted; a capture of more than that is a flood.
const MAX_HOSTS: usize = 200_000;

/// What counts: sessions, and their bytes both ways.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Volume {
    bytes: u64,
    sessions: u64,
}

impl Volume {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.sessions += 1;
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.sessions == 1 { "" } else { "s" };
        write!(f, "{} session{s}, {} bytes", self.sessions, self.bytes)
    }
}

/// Collects sessions.
pub struct Trial<'a> {
    rules: &'a Rules,
    apps: HashMap<&'a str, &'a App>,
    /// By the app's line.
    named: BTreeMap<u32, (&'a str, Volume, [u64; 5])>,
    unnamed: Volume,
    hosts: HashMap<String, Volume>,
    /// Of sessions without a host.
    ports: HashMap<(Proto, u16), Volume>,
    /// By the client's first bytes, of sessions without a host.
    bytes: HashMap<(Proto, Vec<u8>), Volume>,
}

impl<'a> Trial<'a> {
    pub fn new(rules: &'a Rules) -> Trial<'a> {
        let (named, hosts, ports, bytes) = Default::default();
        let apps = rules.apps.iter().map(|app| (&*app.name, app)).collect();
        Trial { rules, apps, named, unnamed: Volume::default(), hosts, ports, bytes }
    }

    /// Takes in a session that is over; one that goes on comes again. `first`
    /// is the begin of what its client sent.
    pub fn session(&mut self, row: &Session, first: Option<&[u8]>) {
        if row.reason.is_none() {
            return;
        }
        let bytes = row.bytes_out.saturating_add(row.bytes_in);
        let app = row.app.as_ref().and_then(|name| self.apps.get(&**name));
        if let Some(app) = app {
            let (_, volume, by) =
                self.named.entry(app.line).or_insert((&app.name, Volume::default(), [0; 5]));
            volume.add(bytes);
            // The row has no payload: what the rest does not explain, it did, or
            // the name that DNS was asked for.
            let evidence = Evidence {
                proto: row.proto.0,
                sport: row.client_port,
                dport: row.server_port,
                host: row.host.as_deref(),
                server: Some(row.server),
                payload: None,
            };
            let found = self.rules.classify(&evidence);
            let found = found.filter(|found| self.rules.apps[found.app as usize].line == app.line);
            let by_what = match found.map(|found| found.by() as usize) {
                Some(by) => by,
                None if row.app_proto == Some("dns") => QUESTION,
                None => By::Payload as usize,
            };
            by[by_what] += 1;
            return;
        }
        self.unnamed.add(bytes);
        match row.host.as_deref() {
            Some(host) => {
                if let Some(volume) = self.hosts.get_mut(host) {
                    volume.add(bytes);
                } else if self.hosts.len() < MAX_HOSTS {
                    self.hosts.insert(host.to_owned(), Volume { bytes, sessions: 1 });
                }
            }
            None => {
                self.ports.entry((row.proto, row.server_port)).or_default().add(bytes);
                if let Some(first) = first.filter(|first| first.len() >= MIN_BYTES) {
                    self.bytes.entry((row.proto, first.to_vec())).or_default().add(bytes);
                }
            }
        }
    }

    /// The report; `file` is what the lines' numbers are of.
    pub fn report(&self, file: &str) -> String {
        let mut out = String::new();
        for (line, (name, volume, by)) in &self.named {
            let _ = write!(out, "{file}:{line}: {name}: {volume}; by");
            let kinds = KINDS.into_iter().zip(by).filter(|(_, count)| **count > 0);
            for (n, (kind, count)) in kinds.enumerate() {
                let _ = write!(out, "{} {kind} {count}", if n > 0 { "," } else { "" });
            }
            out.push('\n');
        }
        let _ = writeln!(out, "without a name: {}", self.unnamed);
        for (host, volume) in top(&self.hosts, |host| host) {
            let line = format!("Name:[;;;{host};]");
            let line = if grammar::app_line(&line).is_ok() {
                line
            } else {
                format!("# no host of features.txt: {}", host.escape_debug())
            };
            let _ = writeln!(out, "  {line}   {volume}");
        }
        for ((proto, port), volume) in top(&self.ports, |(proto, port)| (proto.0, *port)) {
            let _ = match *proto {
                Proto::TCP if matches!(port, 80 | 443) => {
                    writeln!(out, "  # tcp port {port} alone would take all of the web   {volume}")
                }
                Proto::TCP | Proto::UDP => writeln!(out, "  Name:[{proto};;{port};;]   {volume}"),
                _ => writeln!(out, "  # {proto}, type or port {port}   {volume}"),
            };
        }
        for ((proto, bytes), volume) in top(&self.bytes, |(proto, bytes)| (proto.0, bytes)) {
            let hex = hex(bytes);
            let _ = writeln!(out, "  Name:[{proto};;;;0:{hex}]   {volume}");
        }
        out
    }
}

/// The greatest, in an order that does not depend on the hash.
fn top<'m, K, O: Ord>(map: &'m HashMap<K, Volume>, order: impl Fn(&'m K) -> O) -> Vec<(&'m K, &'m Volume)> {
    let mut all: Vec<_> = map.iter().collect();
    all.sort_by(|(one, a), (other, b)| b.cmp(a).then_with(|| order(one).cmp(&order(other))));
    all.truncate(TOP);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Device, Ids, Name};
    use crate::time::Time;

    fn session(proto: u8, server_port: u16, host: Option<&str>, app: Option<&str>) -> Session {
        let client = [192, 0, 2, 1].into();
        Session {
            id: Ids::default().next(Time::ZERO, 0),
            start: Time::ZERO,
            last: Time::ZERO,
            proto: Proto(proto),
            client,
            client_port: 50_000,
            server: client,
            server_port,
            client_mac: None,
            device: Device::Ip(client),
            iface: "".into(),
            vlan: None,
            packets_out: 1,
            packets_in: 1,
            bytes_out: 60,
            bytes_in: 40,
            tcp_flags_out: 0,
            tcp_flags_in: 0,
            state: "closed",
            rtt_us: None,
            retransmissions: 0,
            host: host.map(|host| Name(host.into())),
            host_source: None,
            host_confidence: None,
            names: None,
            app_line: None,
            note: None,
            app: app.map(Into::into),
            app_proto: None,
            reason: Some("end"),
            country: None,
            asn: None,
        }
    }

    #[test]
    fn matches_are_counted_by_line_and_the_rest_becomes_lines() {
        let rules = Rules::parse(
            b"# x\nA:[;;;a.io;,udp;;9;;,udp;;;;0:010203,;;;198.51.100.0/24;]\nB:[;;;b.io;]\n",
            9,
        )
        .unwrap();
        let mut trial = Trial::new(&rules);
        for row in [
            session(6, 443, Some("x.a.io"), Some("A")),
            session(17, 9, None, Some("A")),
            session(17, 10, None, Some("A")),
            session(6, 443, Some("c.io"), None),
            session(6, 443, Some("c.io"), None),
            session(6, 443, Some("b\u{1b}[2J"), None),
            session(17, 6001, None, None),
            session(1, 2048, None, None),
            Session { server: [198, 51, 100, 7].into(), ..session(6, 443, Some("c.io"), Some("A")) },
            Session { app_proto: Some("dns"), ..session(17, 53, None, Some("A")) },
            Session { reason: None, ..session(6, 443, Some("x.a.io"), Some("A")) },
        ] {
            trial.session(&row, (row.server_port == 6001).then_some(&[1, 2, 0xff]));
        }
        assert_eq!(
            trial.report("f.txt"),
            "f.txt:2: A: 5 sessions, 500 bytes; by host 1, payload 1, address 1, port 1, question 1\n\
             without a name: 5 sessions, 500 bytes\n  \
             Name:[;;;c.io;]   2 sessions, 200 bytes\n  \
             # no host of features.txt: b\\u{1b}[2J   1 session, 100 bytes\n  \
             # icmp, type or port 2048   1 session, 100 bytes\n  \
             Name:[udp;;6001;;]   1 session, 100 bytes\n  \
             Name:[udp;;;;0:0102ff]   1 session, 100 bytes\n"
        );
    }
}
