//! Finds the features that may match, without trying each in turn.
//!
//! A feature stands in one index only, the most telling that it has: its host,
//! else its payload, else its address, else its ports. What an index gives is
//! then checked in full. The cost depends on the length of the name, on how many
//! different places payloads are tested at, and not on how many features there
//! are. Addresses and ports are asked only where names and bytes say nothing.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::address::Addresses;
use super::feature::{Evidence, Feature, Host, number_at, starts_of_labels};

type Map<K> = HashMap<K, Vec<u32>, RandomState>;

/// Candidates are numbers of features in the list that the index was made of.
#[derive(Default)]
pub struct Index {
    /// By the labels at the host's end.
    suffixes: Map<Box<str>>,
    /// By three bytes that the host must contain.
    grams: Map<[u8; 3]>,
    /// Which of them there may be, by `place_of`: most hosts have none.
    gram_places: [u64; 16],
    /// Hosts with no three bytes in a row to look for.
    short: Vec<u32>,
    /// Where payloads are looked at.
    shapes: Vec<Shape>,
    /// By place in `shapes` and the bytes found there.
    payloads: Map<(u16, u32)>,
    addresses: Addresses,
    /// By server port: the lists of features whose ranges cover it.
    ports: Intervals,
}

/// Bytes of a payload that features ask for.
struct Shape {
    offset: i32,
    length: u8,
    /// By `place_in_shape`, which values are asked for: most payloads have none.
    values: [u64; 4],
}

fn place_in_shape(value: u32) -> (usize, u64) {
    let mixed = value ^ value >> 8 ^ value >> 16 ^ value >> 24;
    (mixed as usize / 64 % 4, 1 << (mixed % 64))
}

impl Index {
    pub fn new<'a>(features: impl Iterator<Item = &'a Feature>) -> Index {
        let mut index = Index::default();
        let (mut ranges, mut prefixes) = (Vec::new(), Vec::new());
        for (number, feature) in (0..).zip(features) {
            if let Some(host) = &feature.host {
                index.add_host(host, number);
            } else if !feature.payload.is_empty() {
                index.add_payload(feature, number);
            } else if let Some(prefix) = feature.address {
                prefixes.push((prefix, number));
            } else {
                ranges.extend(feature.dport.ranges().iter().map(|&(first, last)| (first, last, number)));
            }
        }
        index.addresses = Addresses::new(prefixes);
        index.ports = Intervals::new(&ranges);
        index
    }

    /// Calls `each` with every feature of a host that may match `evidence`; some
    /// may come twice.
    pub fn by_host(&self, evidence: &Evidence<'_>, mut each: impl FnMut(u32)) {
        let mut all = |list: Option<&Vec<u32>>| list.into_iter().flatten().for_each(|&number| each(number));
        if let Some(host) = evidence.host {
            if !self.suffixes.is_empty() {
                starts_of_labels(host).for_each(|tail| all(self.suffixes.get(tail)));
            }
            if !self.grams.is_empty() {
                let may_be = |gram: &&[u8]| {
                    let (word, bit) = place_of(gram);
                    self.gram_places[word] & bit != 0
                };
                host.as_bytes().windows(3).filter(may_be).for_each(|gram| all(self.grams.get(gram)));
            }
            all(Some(&self.short));
        }
    }

    /// As [`Index::by_host`], those of bytes without a host.
    pub fn by_bytes(&self, evidence: &Evidence<'_>, mut each: impl FnMut(u32)) {
        let mut all = |list: Option<&Vec<u32>>| list.into_iter().flatten().for_each(|&number| each(number));
        if let Some(payload) = evidence.payload {
            for (place, shape) in (0..).zip(&self.shapes) {
                let Some(value) = number_at(payload, shape.offset, shape.length) else { continue };
                let (word, bit) = place_in_shape(value);
                if shape.values[word] & bit != 0 {
                    all(self.payloads.get(&(place, value)));
                }
            }
        }
    }

    /// As [`Index::by_host`], those of addresses and of ports alone: each of them
    /// says less than any of the others.
    pub fn weak(&self, evidence: &Evidence<'_>, mut each: impl FnMut(u32)) {
        if let Some(server) = evidence.server {
            self.addresses.at(server, &mut each);
        }
        self.ports.at(evidence.dport).iter().for_each(|&number| each(number));
    }

    fn add_host(&mut self, host: &Host, number: u32) {
        // Behind the last star stand whole labels, or else any three bytes do.
        let (labels, literals) = match host {
            Host::Suffix(suffix) => (Some(&**suffix), vec![&**suffix]),
            Host::Part(part) => (None, vec![&**part]),
            Host::Glob(pieces) => {
                let tail = pieces.last().and_then(|last| last.split_once('.')).map(|(_, labels)| labels);
                (tail.filter(|labels| !labels.is_empty()), pieces.iter().map(|piece| &**piece).collect())
            }
        };
        let longest = literals.into_iter().max_by_key(|literal| literal.len()).unwrap_or_default();
        match (labels, longest.as_bytes()) {
            (Some(labels), _) => self.suffixes.entry(labels.into()).or_default().push(number),
            // The rarest three are not known here; the middle is rarer than "www" or "com".
            (None, literal @ [_, _, _, ..]) => {
                let middle = (literal.len() - 3) / 2;
                let gram = [literal[middle], literal[middle + 1], literal[middle + 2]];
                let (word, bit) = place_of(&gram);
                self.gram_places[word] |= bit;
                self.grams.entry(gram).or_default().push(number);
            }
            (None, _) => self.short.push(number),
        }
    }

    fn add_payload(&mut self, feature: &Feature, number: u32) {
        // The longest test tells most; at the start, where most tests are,
        // it shares its place with others.
        let Some(test) = feature
            .payload
            .iter()
            .max_by_key(|test| (test.bytes.len().min(4), test.offset >= 0, -i64::from(test.offset).abs()))
        else {
            return;
        };
        let length = test.bytes.len().min(4) as u8;
        let value = test.bytes[..usize::from(length)].iter().fold(0, |n, &b| n << 8 | u32::from(b));
        let same = |known: &Shape| known.offset == test.offset && known.length == length;
        let place = self.shapes.iter().position(same).unwrap_or_else(|| {
            self.shapes.push(Shape { offset: test.offset, length, values: [0; 4] });
            self.shapes.len() - 1
        });
        let (word, bit) = place_in_shape(value);
        self.shapes[place].values[word] |= bit;
        // Offsets and lengths allow more places than 16 bits only in theory.
        self.payloads.entry((place as u16, value)).or_default().push(number);
    }
}

/// Where a few bytes have their bit among 1,024.
fn place_of(gram: &[u8]) -> (usize, u64) {
    let mixed = gram.iter().fold(0_usize, |mixed, &byte| mixed * 37 + usize::from(byte));
    (mixed / 64 % 16, 1 << (mixed % 64))
}

/// For every port the features whose ranges cover it, as intervals between
/// which nothing changes.
#[derive(Default)]
struct Intervals {
    /// First port of each interval, in order, and its list's bounds.
    starts: Vec<(u16, u32, u32)>,
    lists: Vec<u32>,
}

impl Intervals {
    fn new(ranges: &[(u16, u16, u32)]) -> Intervals {
        let mut bounds: Vec<u32> = ranges
            .iter()
            .flat_map(|&(first, last, _)| [u32::from(first), u32::from(last) + 1])
            .filter(|&bound| bound <= u32::from(u16::MAX))
            .collect();
        bounds.push(0);
        bounds.sort_unstable();
        bounds.dedup();
        // Sweep over the ports: what begins comes in, what ended goes out.
        let mut coming: Vec<_> = ranges.to_vec();
        coming.sort_unstable();
        let mut coming = coming.into_iter().peekable();
        let mut active: Vec<(u16, u32)> = Vec::new();
        let mut intervals = Intervals::default();
        for bound in bounds {
            let port = bound as u16;
            active.retain(|&(last, _)| last >= port);
            while let Some((_, last, number)) = coming.next_if(|&(first, ..)| first <= port) {
                active.push((last, number));
            }
            let begin = intervals.lists.len() as u32;
            intervals.lists.extend(active.iter().map(|&(_, number)| number));
            intervals.starts.push((port, begin, intervals.lists.len() as u32));
        }
        intervals
    }

    fn at(&self, port: u16) -> &[u32] {
        let behind = self.starts.partition_point(|&(start, ..)| start <= port);
        let Some(&(_, begin, end)) = behind.checked_sub(1).and_then(|at| self.starts.get(at)) else {
            return &[];
        };
        &self.lists[begin as usize..end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::grammar::app_line;

    /// The numbers of the features that the index offers.
    fn offered(lines: &[&str], evidence: Evidence<'_>) -> Vec<u32> {
        let features: Vec<_> =
            lines.iter().flat_map(|line| app_line(&format!("x:[{line}]")).unwrap().1).collect();
        let mut seen = Vec::new();
        let index = Index::new(features.iter());
        index.by_host(&evidence, |number| seen.push(number));
        index.by_bytes(&evidence, |number| seen.push(number));
        index.weak(&evidence, |number| seen.push(number));
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    #[test]
    fn a_name_offers_its_suffixes_parts_and_globs() {
        let lines = [
            ";;;qq.com;",
            ";;;a.qq.com;",
            ";;;baidu.com;",
            ";;;~tencent;",
            ";;;x19.*.qq.com;",
            ";;;cdn*;",
            ";;;~q;",
        ];
        let host = |name| Evidence { host: Some(name), ..Evidence::default() };
        assert_eq!(offered(&lines, host("x.a.qq.com")), [0, 1, 4, 6]);
        assert_eq!(offered(&lines, host("mytencent.net")), [3, 6]);
        assert_eq!(offered(&lines, host("cdn7.net")), [5, 6]);
    }

    #[test]
    fn bytes_offer_what_tests_them() {
        let lines = ["udp;;;;0:01020304|9:05", "udp;;;;0:0102", "udp;;;;-1:03", "udp;;80;x.com;0:01"];
        let payload = |bytes| Evidence { payload: Some(bytes), ..Evidence::default() };
        assert_eq!(offered(&lines, payload(&[1, 2, 3, 4])), [0, 1]);
        assert_eq!(offered(&lines, payload(&[1, 2, 3])), [1, 2]);
        assert_eq!(offered(&lines, payload(&[])), [] as [u32; 0]);
    }

    #[test]
    fn an_address_offers_the_prefixes_around_it() {
        let lines = [";;;10.0.0.0/8;", "udp;;9;10.1.0.0/16;", ";;;2001:db8::/32;", ";;;10.0.0.0/8;0:01"];
        let server = |text: &str| Evidence { server: text.parse().ok(), ..Evidence::default() };
        assert_eq!(offered(&lines, server("10.1.2.3")), [0, 1]);
        assert_eq!(offered(&lines, server("10.2.2.3")), [0]);
        assert_eq!(offered(&lines, server("2001:db8::1")), [2]);
        assert_eq!(offered(&lines, Evidence { payload: Some(&[1]), ..server("10.2.0.0") }), [0, 3]);
    }

    #[test]
    fn a_port_offers_the_ranges_around_it() {
        let lines = ["tcp;;80;;", "tcp;;70-90|65535;;", "udp;;!53;;", "udp;;;;"];
        let port = |dport| Evidence { dport, ..Evidence::default() };
        assert_eq!(offered(&lines, port(80)), [0, 1, 2, 3]);
        assert_eq!(offered(&lines, port(90)), [1, 2, 3]);
        assert_eq!(offered(&lines, port(91)), [2, 3]);
        assert_eq!(offered(&lines, port(65535)), [1, 2, 3]);
        assert_eq!(offered(&lines, port(0)), [2, 3]);
        assert_eq!(offered(&[], port(0)), [] as [u32; 0]);
    }
}
