//! Whether one feature matches all that another matches.
//!
//! An answer of "no" may be too careful, one of "yes" is certain.

use super::feature::{Feature, Host, Ports, Test};

/// The longest name that DNS allows, in characters (RFC 1035, 2.3.4).
const MAX_HOST: usize = 253;

/// Whether `one` matches whatever `other` matches.
pub fn covers(one: &Feature, other: &Feature) -> bool {
    (one.proto.is_none() || one.proto == other.proto)
        && ports_cover(&one.sport, &other.sport)
        && ports_cover(&one.dport, &other.dport)
        && match (&one.host, &other.host) {
            (None, _) => true,
            (Some(one), Some(other)) => host_covers(one, other),
            (Some(_), None) => false,
        }
        && one.address.is_none_or(|one| other.address.is_some_and(|other| one.covers(other)))
        && one.payload.iter().all(|test| is_implied(test, &other.payload))
}

/// Why no session can fulfil `feature`.
pub fn contradiction(feature: &Feature) -> Option<String> {
    let is_empty = |ports: &Ports| !samples(ports, []).any(|port| ports.contains(port));
    if is_empty(&feature.sport) {
        return Some("no port is left of the client's ports".into());
    }
    if is_empty(&feature.dport) {
        return Some("no port is left of the server's ports".into());
    }
    if feature.host.as_ref().is_some_and(|host| host.literal_length() > MAX_HOST) {
        return Some(format!("a name has at most {MAX_HOST} characters"));
    }
    let tests = &feature.payload;
    let clash = |n: usize| {
        tests[..n]
            .iter()
            .flat_map(bytes)
            .find(|&(place, value)| bytes(&tests[n]).any(|(other, wanted)| other == place && wanted != value))
    };
    let (place, _) = (0..tests.len()).find_map(clash)?;
    Some(format!("two different bytes are wanted at {place}"))
}

/// Ports that stand for all: the ends of every range and their neighbours.
/// Between two of them nothing changes for any of the sets.
pub fn samples<'a>(ports: &Ports, others: impl IntoIterator<Item = &'a Ports>) -> std::vec::IntoIter<u16> {
    let mut all = vec![0, u16::MAX];
    let mut take = |ports: &Ports| {
        for &(first, last) in ports.all_ranges() {
            all.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
        }
    };
    take(ports);
    others.into_iter().for_each(take);
    all.sort_unstable();
    all.dedup();
    all.into_iter()
}

fn ports_cover(one: &Ports, other: &Ports) -> bool {
    one.is_any() || samples(one, [other]).all(|port| one.contains(port) || !other.contains(port))
}

fn host_covers(one: &Host, other: &Host) -> bool {
    match (one, other) {
        // What matches the name matches those below it too: a pattern is
        // looked for at the begin of any label, and up to the end.
        (_, Host::Suffix(name)) => one.matches(name),
        (Host::Suffix(suffix), Host::Glob(pieces)) => {
            let tail = pieces.last().and_then(|last| last.strip_suffix(&**suffix));
            tail.is_some_and(|before| before.ends_with('.'))
        }
        (Host::Part(part), Host::Glob(pieces)) => pieces.iter().any(|piece| piece.contains(&**part)),
        (Host::Part(part), Host::Part(other)) => other.contains(&**part),
        (Host::Glob(_), Host::Glob(_)) => one == other,
        (_, Host::Part(_)) => false,
    }
}

/// Each byte that `test` wants, with its place.
fn bytes(test: &Test) -> impl Iterator<Item = (i32, u8)> {
    // Places from the end count up to -1; they never run into those from the begin.
    (test.offset..).zip(test.bytes.iter().copied())
}

fn is_implied(test: &Test, by: &[Test]) -> bool {
    bytes(test).all(|byte| by.iter().flat_map(bytes).any(|known| known == byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::grammar::app_line;

    fn feature(text: &str) -> Feature {
        app_line(&format!("x:[{text}]")).unwrap().1.remove(0)
    }

    #[test]
    fn less_conditions_cover_more() {
        let covers = |one, other| covers(&feature(one), &feature(other));
        for (one, other) in [
            ("tcp;;;;", "tcp;;80;;"),
            (";;1-5|7;;", "tcp;;7|2-3;;"),
            (";;!53;;", ";;54-70;;"),
            (";;1-2|3;;", ";;1-3;;"),
            (";;;qq.com;", ";;;a.qq.com;"),
            (";;;qq.com;", ";;;a*.qq.com;"),
            (";;;~qq;", ";;;a.qq.com;"),
            (";;;~qq;", ";;;~aqqb;"),
            (";;;a*.com;", ";;;ab.com;"),
            (";;;;", ";;;10.0.0.0/8;"),
            (";;;10.0.0.0/8;", "udp;;9;10.1.0.0/16;"),
            (";;;2001:db8::/32;", ";;;2001:db8::1;"),
            (";;;;0:01", ";;;;0:0102"),
            (";;;;0:01|1:02", ";;;;0:0102"),
            (";;;;-1:02", ";;;;-2:0102"),
        ] {
            assert!(covers(one, other), "{one} {other}");
            assert!(one == ";;1-2|3;;" || one == ";;;;0:01|1:02" || !covers(other, one), "{other} {one}");
        }
        assert!(!covers(";;;qq.com;", ";;;a*qq.com;") && !covers(";;;;1:02", ";;;;-1:02"));
        assert!(!covers(";;;10.0.0.0/8;", ";;;a.io;") && !covers(";;;::/0;", ";;;10.0.0.0/8;"));
    }

    #[test]
    fn a_set_of_ports_may_be_empty() {
        assert!(contradiction(&feature(";;5|!1-9;;")).is_some());
        assert!(contradiction(&feature(";;5-10|!1-9;;")).is_none());
        assert!(contradiction(&feature(";!0-99|!100-65535;;;")).is_some());
        assert!(contradiction(&feature(";;;;-2:0102|-1:03")).is_some());
        assert!(contradiction(&feature(";;;;0:0102|1:0203")).is_none());
    }
}
