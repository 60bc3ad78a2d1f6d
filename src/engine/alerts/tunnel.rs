//! Data in the names that DNS is asked for: many different ones below one domain,
//! long, and of letters that no word has.

use std::net::IpAddr;

use super::distinct::Distinct;
use super::{Alerts, Draft, Kind, Options, Subject, name, severity};
use crate::record::{Device, Record, registered, seed};
use crate::time::Time;

/// Pairs of a device and a domain that are counted at once.
const MAX_DOMAINS: usize = 512;

/// Shorter ones carry nothing worth the trouble, in characters below the domain.
const MIN_LENGTH: usize = 24;

/// Bits that each character holds at least. Hexadecimal digits have up to 4, words
/// of these lengths about 3.
const MIN_ENTROPY: f32 = 3.0;

pub struct Tunnels(Distinct<u64>);

impl Tunnels {
    pub fn new(options: &Options) -> Tunnels {
        Tunnels(Distinct::new(MAX_DOMAINS, options.tunnel_names, options.tunnel_span))
    }

    pub fn step(&mut self, from: Time, to: Time) {
        self.0.step(from, to);
    }
}

impl Alerts {
    /// `device` asked `server` for `qname`.
    pub fn asked(&mut self, qname: &str, device: Device, server: IpAddr, now: Time, out: &mut Vec<Record>) {
        if !self.options.enabled || self.options.tunnel_names == 0 || qname.len() < MIN_LENGTH {
            return;
        }
        let qname = qname.strip_suffix('.').unwrap_or(qname);
        let Some((below, domain)) = parts(qname) else { return };
        if below.len() < MIN_LENGTH || entropy(below.as_bytes()) < MIN_ENTROPY || self.is_usual(qname) {
            return;
        }
        let key = seed([device.text().as_bytes(), domain.as_bytes()]);
        let length = u32::try_from(below.len()).unwrap_or(u32::MAX);
        let Some((count, bytes)) = self.tunnel.0.add(key, seed([below.as_bytes()]), length, now) else {
            return;
        };
        if bytes < self.options.tunnel_bytes {
            return;
        }
        let draft = || Draft {
            severity: severity::LOOK,
            dst: Some(server),
            what: name(domain),
            text: format!(
                "{device} asked DNS for {count} long names below {domain}, {bytes} bytes: there may be data in them"
            ),
            count,
            ..Draft::default()
        };
        let about = seed([domain.as_bytes()]);
        self.raise(Subject { kind: Kind::DnsTunnel, device: Some(device), about }, now, draft, out);
    }

    fn is_usual(&self, qname: &str) -> bool {
        let is_below = |domain: &String| {
            qname.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.options.tunnel_except.iter().any(is_below)
    }
}

/// What stands before what somebody registered, and that.
fn parts(qname: &str) -> Option<(&str, &str)> {
    let domain = registered(qname);
    Some((qname.strip_suffix(domain)?.strip_suffix('.')?, domain))
}

/// Bits that each of `bytes` holds, by how often each is there (Shannon).
fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let whole = bytes.len() as f32;
    let part = |count: &u16| {
        let share = f32::from(*count) / whole;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_somebody_registered() {
        assert_eq!(parts("a.b.example.com"), Some(("a.b", "example.com")));
        assert_eq!(parts("a.example.co.uk"), Some(("a", "example.co.uk")));
        assert_eq!(parts("a.example.com.cn"), Some(("a", "example.com.cn")));
        assert_eq!((parts("example.com"), parts("com"), parts("")), (None, None, None));
    }

    #[test]
    fn words_hold_less_than_what_is_encoded() {
        assert!(entropy(b"aaaaaaaa") < 0.1);
        assert!(entropy(b"d2xqk5t8zv0m3h7b1c9fnjwyr4gs6pae") >= 4.9);
        assert!(entropy(b"0123456789abcdef0123456789abcdef") == 4.0);
        assert_eq!(entropy(b""), 0.0);
    }
}
