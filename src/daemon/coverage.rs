//! What the interfaces themselves have counted, beside what was read of it.

use std::fs;
use std::path::Path;

use crate::engine::{Engine, Line};
use crate::record::{Coverage, Ids, Record};
use crate::time::Time;

/// Bytes of the header of Ethernet, which the counters of an interface hold.
const ETHERNET: u64 = 14;

/// Counted since the daemon began, by interface.
#[derive(Default)]
pub struct Lines {
    lines: Vec<Counted>,
    ids: Ids,
}

struct Counted {
    name: String,
    /// What the interface showed last, and how much it has grown by so far.
    shown: Option<u64>,
    grown: u64,
    /// What the engine had read when this began.
    base: Line,
    /// What was reported.
    before: Total,
}

/// Bytes at the IP layer: counted by the interface, read of them, and of those
/// without a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Total {
    pub line: u64,
    pub seen: u64,
    pub unnamed: u64,
}

impl Lines {
    /// Looks at the interfaces called `names`.
    pub fn look<'a>(&mut self, names: impl Iterator<Item = &'a str>, engine: &Engine) {
        for name in names {
            if !self.lines.iter().any(|line| line.name == name) {
                let base = read(engine, name);
                let line =
                    Counted { name: name.into(), shown: None, grown: 0, base, before: Total::default() };
                self.lines.push(line);
            }
        }
        for line in &mut self.lines {
            line.grow(counter(Path::new("/sys/class/net"), &line.name));
        }
    }

    /// Name and totals of each since the daemon began.
    pub fn totals<'a>(&'a self, engine: &'a Engine) -> impl Iterator<Item = (&'a str, Total)> {
        self.lines.iter().map(|line| (&*line.name, line.total(read(engine, &line.name))))
    }

    /// What was added since the last report, as a row for each.
    pub fn report(&mut self, now: Time, engine: &Engine, out: &mut Vec<Record>) {
        for line in &mut self.lines {
            let total = line.total(read(engine, &line.name));
            let before = std::mem::replace(&mut line.before, total);
            // A name that came late takes back what was reported without one.
            if total.unnamed < before.unnamed {
                line.before.unnamed = before.unnamed;
            }
            out.push(Record::from(Coverage {
                id: self.ids.next(now, 0),
                time: now,
                iface: line.name.as_str().into(),
                bytes_line: total.line.saturating_sub(before.line),
                bytes_seen: total.seen.saturating_sub(before.seen),
                bytes_unnamed: total.unnamed.saturating_sub(before.unnamed),
            }));
        }
    }
}

impl Counted {
    /// The interface shows `now`; nothing while it is not there.
    fn grow(&mut self, now: Option<u64>) {
        if let (Some(before), Some(now)) = (self.shown, now) {
            // Less than before: it is another interface of that name.
            self.grown += if now >= before { now - before } else { now };
        }
        self.shown = now.or(self.shown);
    }

    fn total(&self, read: Line) -> Total {
        Total {
            line: self.grown,
            seen: read.seen.saturating_sub(self.base.seen),
            unnamed: read.unnamed.saturating_sub(self.base.unnamed),
        }
    }
}

fn read(engine: &Engine, name: &str) -> Line {
    engine.lines().find(|(known, _)| *known == name).map(|(_, line)| line).unwrap_or_default()
}

/// Bytes at the IP layer that the interface has received and sent so far, as
/// `folder` (sysfs) has them.
fn counter(folder: &Path, name: &str) -> Option<u64> {
    // A name from config.toml must not lead elsewhere.
    if name.contains('/') {
        return None;
    }
    let number = |file: &str| -> Option<u64> {
        fs::read_to_string(folder.join(name).join(file)).ok()?.trim().parse().ok()
    };
    const LOOPBACK: u64 = 772;
    let kind = number("type")?;
    let header = if matches!(kind, 1 | LOOPBACK) { ETHERNET } else { 0 };
    let way = |way: &str| -> Option<u64> {
        let bytes = number(&format!("statistics/{way}_bytes"))?;
        let packets = number(&format!("statistics/{way}_packets"))?;
        Some(bytes.saturating_sub(packets * header))
    };
    // What is sent to oneself is received, and seen once.
    let sent = if kind == LOOPBACK { 0 } else { way("tx")? };
    Some(way("rx")? + sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_counts_without_its_own_headers() {
        let folder = std::env::temp_dir().join(format!("weir-lines-{}", std::process::id()));
        let statistics = folder.join("eth0/statistics");
        fs::create_dir_all(&statistics).unwrap();
        for (file, value) in [("rx_bytes", 1_140), ("rx_packets", 10), ("tx_bytes", 128), ("tx_packets", 2)] {
            fs::write(statistics.join(file), format!("{value}\n")).unwrap();
        }
        let count = |kind: &str| {
            fs::write(folder.join("eth0/type"), kind).unwrap();
            counter(&folder, "eth0")
        };
        assert_eq!(count("1\n"), Some(1_100));
        assert_eq!(count("772\n"), Some(1_000));
        assert_eq!(count("512\n"), Some(1_268), "PPP has no such header");
        assert_eq!((counter(&folder, "eth1"), counter(&folder, "../eth0")), (None, None));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn one_that_begins_again_counts_from_zero() {
        let mut line = Counted {
            name: "eth0".into(),
            shown: None,
            grown: 0,
            base: Line::default(),
            before: Total::default(),
        };
        for shown in [Some(1_000), Some(1_500), None, Some(200), Some(300)] {
            line.grow(shown);
        }
        assert_eq!(line.grown, 500 + 200 + 100);
    }
}
