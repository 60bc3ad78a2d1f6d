//! One feature: conditions that all have to hold.

use std::net::IpAddr;

use crate::prefix::Prefix;

/// Where DNS is asked (RFC 1035, 4.2).
pub const DNS_PORT: u16 = 53;

/// What is known of a session when it is asked which app it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Transport protocol number.
    pub proto: u8,
    /// Ports in the direction of the packet that carries `payload`; from
    /// client to server where there is none.
    pub sport: u16,
    pub dport: u16,
    /// The server's name, lower case.
    pub host: Option<&'a str>,
    /// The server's address.
    pub server: Option<IpAddr>,
    /// The first bytes that one side sent.
    pub payload: Option<&'a [u8]>,
}

/// The parts are joined by "and"; an empty part matches anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Feature {
    /// Transport protocol number.
    pub proto: Option<u8>,
    pub sport: Ports,
    pub dport: Ports,
    /// The file has one place for both: a name, or an address.
    pub host: Option<Host>,
    pub address: Option<Prefix>,
    pub payload: Vec<Test>,
}

impl Feature {
    pub fn matches(&self, evidence: &Evidence<'_>) -> bool {
        self.proto.is_none_or(|proto| proto == evidence.proto)
            && self.sport.contains(evidence.sport)
            && self.dport.contains(evidence.dport)
            && self.host.as_ref().is_none_or(|host| evidence.host.is_some_and(|name| host.matches(name)))
            && self.address.is_none_or(|prefix| {
                // Who asks a service's name server does not use the service.
                let says_enough =
                    evidence.dport != DNS_PORT || !self.dport.is_any() || !self.payload.is_empty();
                says_enough && evidence.server.is_some_and(|server| prefix.contains(server))
            })
            && (self.payload.is_empty()
                || evidence.payload.is_some_and(|bytes| self.payload.iter().all(|test| test.matches(bytes))))
    }

    /// How much a match says; the greatest wins. A name says more than bytes,
    /// bytes more than an address, that more than a port; within a kind, the
    /// longer and the narrower.
    pub fn rank(&self) -> u32 {
        let host = self.host.as_ref().map_or(0, |host| host.literal_length().min(255) as u32);
        let bytes: usize = self.payload.iter().map(|test| test.bytes.len()).sum();
        let bytes = bytes.min(255) as u32;
        // Any address says more than none.
        let address = self.address.map_or(0, |prefix| u32::from(prefix.length()) + 1);
        let narrow = self.dport.narrowness() + self.sport.narrowness() + u32::from(self.proto.is_some());
        host << 24 | bytes << 16 | address << 8 | narrow
    }
}

/// A set of ports. Empty means any.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ports {
    /// Ranges that are meant, with their last port.
    wanted: Vec<(u16, u16)>,
    /// Ranges that are left out; alone they mean all others.
    excluded: Vec<(u16, u16)>,
}

impl Ports {
    pub fn push(&mut self, not: bool, first: u16, last: u16) {
        let list = if not { &mut self.excluded } else { &mut self.wanted };
        list.push((first, last));
    }

    pub fn is_any(&self) -> bool {
        self.wanted.is_empty() && self.excluded.is_empty()
    }

    pub fn contains(&self, port: u16) -> bool {
        let within = |list: &[(u16, u16)]| list.iter().any(|&(first, last)| (first..=last).contains(&port));
        (self.wanted.is_empty() || within(&self.wanted)) && !within(&self.excluded)
    }

    /// The ranges that are wanted; all ports when only some are excluded.
    pub fn ranges(&self) -> &[(u16, u16)] {
        if self.wanted.is_empty() { &[(0, u16::MAX)] } else { &self.wanted }
    }

    /// Every range, wanted or excluded.
    pub fn all_ranges(&self) -> impl Iterator<Item = &(u16, u16)> {
        self.wanted.iter().chain(&self.excluded)
    }

    /// 0 for any port to 17 for a single one: 17 less the bits of their number.
    fn narrowness(&self) -> u32 {
        if self.is_any() {
            return 0;
        }
        let count: u32 = self.ranges().iter().map(|&(first, last)| u32::from(last - first) + 1).sum();
        17 - count.ilog2().min(16)
    }
}

/// A pattern for names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// `qq.com`: this name and all below it.
    Suffix(Box<str>),
    /// `x19.*.netease.com`: pieces between stars; may begin at any label.
    Glob(Vec<Box<str>>),
    /// `~qqcdn`: anywhere in the name.
    Part(Box<str>),
}

impl Host {
    /// `pattern` in lower case, with no dots around it.
    pub fn new(loose: bool, pattern: &str) -> Host {
        match (loose, pattern.contains('*')) {
            (true, _) => Host::Part(pattern.into()),
            (false, true) => Host::Glob(pattern.split('*').map(Box::from).collect()),
            (false, false) => Host::Suffix(pattern.into()),
        }
    }

    pub fn matches(&self, name: &str) -> bool {
        match self {
            Host::Suffix(suffix) => {
                name.strip_suffix(&**suffix).is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            Host::Part(part) => name.contains(&**part),
            Host::Glob(pieces) => starts_of_labels(name).any(|tail| glob(pieces, tail)),
        }
    }

    /// The characters that are not stars.
    pub fn literal_length(&self) -> usize {
        match self {
            Host::Suffix(text) | Host::Part(text) => text.len(),
            Host::Glob(pieces) => pieces.iter().map(|piece| piece.len()).sum(),
        }
    }
}

/// `a.b.c`, `b.c`, `c`.
pub fn starts_of_labels(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.match_indices('.').map(|(at, _)| at + 1);
    std::iter::once(0).chain(dots).map(|at| &name[at..])
}

/// Whether `pieces`, with anything between them, make up the whole of `name`.
/// Each piece is taken where it first fits, which is right for stars alone:
/// the cost is linear.
fn glob(pieces: &[Box<str>], name: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return false };
    let Some(mut rest) = name.strip_prefix(&**first) else { return false };
    for piece in middle {
        let Some(at) = rest.find(&**piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(&**last)
}

/// Bytes at a place in a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// From the start, or from the end if negative.
    pub offset: i32,
    pub bytes: Vec<u8>,
}

impl Test {
    pub fn matches(&self, payload: &[u8]) -> bool {
        let start = start_of(self.offset, payload.len());
        start.and_then(|start| payload.get(start..)).is_some_and(|rest| rest.starts_with(&self.bytes))
    }
}

/// Where `offset` is in a payload of `length` bytes.
pub fn start_of(offset: i32, length: usize) -> Option<usize> {
    let distance = offset.unsigned_abs() as usize;
    if offset < 0 { length.checked_sub(distance) } else { Some(distance) }
}

/// `N` bytes at `offset` as one number, for an index.
pub fn number_at(payload: &[u8], offset: i32, length: u8) -> Option<u32> {
    let start = start_of(offset, payload.len())?;
    let bytes = payload.get(start..start.checked_add(length.into())?)?;
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_matches_on_label_boundaries() {
        let qq = Host::new(false, "qq.com");
        assert!(qq.matches("qq.com") && qq.matches("a.qq.com"));
        assert!(!qq.matches("myqq.com") && !qq.matches("qq.com.evil.net") && !qq.matches(""));
        let part = Host::new(true, "qqcdn");
        assert!(part.matches("myqqcdn.example") && !part.matches("qq.cdn"));
    }

    #[test]
    fn stars_stand_for_anything() {
        let game = Host::new(false, "x19.*.netease.com");
        assert!(game.matches("x19.update.netease.com") && game.matches("eu.x19.a.b.netease.com"));
        assert!(!game.matches("ax19.update.netease.com") && !game.matches("x19.netease.com.cn"));
        let video = Host::new(false, "r*---sn-*.googlevideo.com");
        assert!(video.matches("r4---sn-abc.googlevideo.com") && !video.matches("xr4--sn.googlevideo.com"));
        assert!(Host::new(false, "*cdn*").matches("a.mycdn.net"));
        assert!(!Host::new(false, "ab*ba").matches("aba"), "a character serves one piece only");
    }

    #[test]
    fn ports_are_wanted_or_excluded() {
        let mut ports = Ports::default();
        assert!(ports.contains(7) && ports.is_any());
        ports.push(true, 100, 200);
        assert!(ports.contains(7) && !ports.contains(150));
        ports.push(false, 0, 150);
        assert!(ports.contains(99) && !ports.contains(120) && !ports.contains(201));
    }

    #[test]
    fn an_address_alone_says_nothing_of_dns() {
        let net = Feature { address: Prefix::parse("192.0.2.0/24").ok(), ..Feature::default() };
        let mut port = net.clone();
        port.dport.push(false, DNS_PORT, DNS_PORT);
        let server = Some([192, 0, 2, 1].into());
        let at = |dport| Evidence { dport, server, ..Evidence::default() };
        assert!(net.matches(&at(443)) && !net.matches(&at(DNS_PORT)) && port.matches(&at(DNS_PORT)));
    }

    #[test]
    fn a_test_counts_from_either_end() {
        let test = |offset, bytes: &[u8]| Test { offset, bytes: bytes.to_vec() };
        assert!(test(1, b"bc").matches(b"abc") && test(-2, b"bc").matches(b"abc"));
        assert!(!test(2, b"bc").matches(b"abc") && !test(-4, b"a").matches(b"abc"));
        assert_eq!(number_at(b"abc", -2, 2), Some(0x6263));
        assert_eq!(number_at(b"abc", 2, 2), None);
        assert_eq!(number_at(b"abc", i32::MIN, 1), None);
    }

    #[test]
    fn a_name_outranks_bytes_those_an_address_and_that_a_port() {
        let host = Feature { host: Some(Host::new(false, "a.io")), ..Feature::default() };
        let longer = Feature { host: Some(Host::new(false, "b.a.io")), ..Feature::default() };
        let bytes = Feature { payload: vec![Test { offset: 0, bytes: vec![1] }], ..Feature::default() };
        let bytes_at = |text| Feature { address: Prefix::parse(text).ok(), ..bytes.clone() };
        let at = |text| Feature { address: Prefix::parse(text).ok(), ..Feature::default() };
        let mut port = Feature { proto: Some(6), ..Feature::default() };
        let proto_only = port.rank();
        port.dport.push(false, 80, 80);
        let mut range = port.clone();
        range.dport.push(false, 100, 900);
        let (one, net) = (at("192.0.2.1"), at("192.0.2.0/24"));
        let port_at = Feature { address: net.address, ..port.clone() };
        let all = at("0.0.0.0/0");
        let with_bytes = bytes_at("192.0.2.0/24");
        let falling = [&longer, &host, &with_bytes, &bytes, &one, &port_at, &net, &all, &port, &range];
        let ranks = falling.map(Feature::rank);
        assert!(ranks.is_sorted_by(|a, b| a > b) && ranks[9] > proto_only, "{ranks:x?}");
    }
}
