//! Tries that come to nothing: log-ins that are refused, and sessions that nobody
//! answers, as a scan makes them.

use std::net::IpAddr;
use std::time::Duration;

use super::coarse::{Coarse, id_of};
use super::distinct::Distinct;
use super::{Alerts, Draft, Kind, Options, Subject, name, severity};
use crate::record::{Device, Record, seed};
use crate::time::Time;
use crate::wire::proto;

/// Pairs of hosts that are counted at once; each takes up to 500 bytes.
const MAX_PAIRS: usize = 512;

/// What came of nothing. `client` did it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub time: Time,
    pub proto: u8,
    pub client: (IpAddr, u16),
    pub server: (IpAddr, u16),
    pub device: Device,
}

pub struct Attempts {
    /// Log-ins of a client at a server; each is another.
    logins: Distinct<(IpAddr, IpAddr)>,
    logins_seen: u64,
    /// What nobody answered each client, in a span from the first of all. Half of what
    /// makes a scan is only counted here: most sources never have more.
    coarse: Coarse,
    coarse_since: Time,
    scan_span: Duration,
    usual: u64,
    /// Ports, by client, server and protocol.
    ports: Distinct<(IpAddr, IpAddr, u8)>,
    /// Servers, by client, port and protocol.
    hosts: Distinct<(IpAddr, u16, u8)>,
}

impl Attempts {
    pub fn new(options: &Options) -> Attempts {
        let Options { logins, logins_span, scan_ports, scan_hosts, scan_span, .. } = *options;
        Attempts {
            logins: Distinct::new(MAX_PAIRS, logins, logins_span),
            logins_seen: 0,
            coarse: Coarse::default(),
            coarse_since: Time::ZERO,
            scan_span,
            usual: u64::from(scan_ports.min(scan_hosts) / 2),
            ports: Distinct::new(MAX_PAIRS, scan_ports, scan_span),
            hosts: Distinct::new(MAX_PAIRS, scan_hosts, scan_span),
        }
    }

    /// Whether `client` has so much unanswered at `now` that it is looked at closely.
    fn is_unusual(&mut self, client: IpAddr, now: Time) -> bool {
        if now.since(self.coarse_since) > self.scan_span || now < self.coarse_since {
            self.coarse_since = now;
        }
        self.coarse.count(id_of(client), 1, self.coarse_since) > self.usual
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.logins.step(from, to);
        self.ports.step(from, to);
        self.hosts.step(from, to);
    }
}

/// Bytes for [`seed`].
pub fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

impl Alerts {
    /// A server refused a log-in to `service`.
    pub fn refused(&mut self, attempt: &Attempt, service: &str, out: &mut Vec<Record>) {
        let Attempt { time, client: (client, _), server: (server, port), device, .. } = *attempt;
        self.attempts.logins_seen += 1;
        let number = self.attempts.logins_seen;
        let Some((count, _)) = self.attempts.logins.add((client, server), number, 0, time) else { return };
        let about = seed([&octets(client)[..], &octets(server)]);
        let draft = || Draft {
            severity: severity::LOOK,
            src: Some(client),
            dst: Some(server),
            port: Some(port),
            what: name(service),
            text: format!("{server} refused {client} {count} log-ins to {service}"),
            count,
            ..Draft::default()
        };
        self.raise(Subject { kind: Kind::Logins, device: Some(device), about }, time, draft, out);
    }

    /// A session had no answer, or only that there is nothing.
    pub fn unanswered(&mut self, attempt: &Attempt, out: &mut Vec<Record>) {
        let Attempt { time, proto: number, client: (client, client_port), server: (server, port), device } =
            *attempt;
        if !self.options.enabled || !self.attempts.is_unusual(client, time) {
            return;
        }
        let protocol = crate::record::Proto(number);
        // What looks like tries of UDP from a server's port are answers of whose
        // questions nothing was seen.
        let may_be_answer = number == proto::UDP && client_port < 1024;
        if number != proto::ICMP && number != proto::ICMPV6 && !may_be_answer {
            let thing = seed([&port.to_be_bytes()[..]]);
            if let Some((count, _)) = self.attempts.ports.add((client, server, number), thing, 0, time) {
                let about = seed([&octets(client)[..], &octets(server), b"ports"]);
                let draft = || Draft {
                    severity: severity::LOOK,
                    src: Some(client),
                    dst: Some(server),
                    what: name("ports"),
                    text: format!(
                        "{client} tried {count} ports of {server} by {protocol} that did not answer"
                    ),
                    count,
                    ..Draft::default()
                };
                self.raise(Subject { kind: Kind::Scan, device: Some(device), about }, time, draft, out);
            }
        }
        // Programs that share files ask many peers by UDP that are gone.
        if number == proto::UDP && !crate::engine::devices::is_local(server) {
            return;
        }
        let thing = seed([&octets(server)[..]]);
        if let Some((count, _)) = self.attempts.hosts.add((client, port, number), thing, 0, time) {
            let about = seed([&octets(client)[..], &port.to_be_bytes(), &[number], b"hosts"]);
            let is_icmp = number != proto::TCP && number != proto::UDP;
            let at = if is_icmp { String::new() } else { format!(" port {port}") };
            let draft = || Draft {
                severity: severity::LOOK,
                src: Some(client),
                port: (!is_icmp).then_some(port),
                what: name("hosts"),
                text: format!("{client} tried {count} hosts by {protocol}{at} that did not answer"),
                count,
                ..Draft::default()
            };
            self.raise(Subject { kind: Kind::Scan, device: Some(device), about }, time, draft, out);
        }
    }
}
