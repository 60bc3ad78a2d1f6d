//! How much is written down of a device that somebody wants left alone. It is
//! applied to rows on their way out, so that nothing behind sees more.

use std::collections::HashMap;

use crate::record::{Device, Name, Record, registered};

/// From nothing to all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    /// Nothing but that it is there.
    Off,
    /// Its volumes, without what they were for, and alerts.
    Counts,
    /// Besides, which apps it used and when.
    App,
    /// Besides, its sessions and questions to DNS, with names cut to the domain.
    Domain,
    #[default]
    Full,
}

const LEVELS: [(Level, &str); 5] = [
    (Level::Off, "off"),
    (Level::Counts, "counts"),
    (Level::App, "app"),
    (Level::Domain, "domain"),
    (Level::Full, "full"),
];

impl Level {
    /// The level of that name; "" is the usual one.
    pub fn of(name: &str) -> Option<Level> {
        let found = LEVELS.iter().find(|(_, known)| *known == name).map(|(level, _)| *level);
        found.or(name.is_empty().then(Level::default))
    }

    pub fn name(self) -> &'static str {
        LEVELS.iter().find(|(level, _)| *level == self).map_or("full", |(_, name)| name)
    }
}

/// Takes out of `records` what is not to be written of devices.
pub fn apply(levels: &HashMap<Device, Level>, records: &mut Vec<Record>) {
    if levels.is_empty() {
        return;
    }
    records.retain_mut(|record| {
        let level = record.device().and_then(|device| levels.get(&device));
        level.is_none_or(|level| keep(*level, record))
    });
}

/// Whether a record stays at `level`, cut to it.
fn keep(level: Level, record: &mut Record) -> bool {
    match record {
        // What it is, and what was said of it.
        Record::Thing(_) | Record::Label(_) => true,
        _ if level == Level::Off => false,
        Record::Traffic(row) => {
            if level == Level::Counts {
                row.app = None;
            }
            true
        }
        // They are rare, and there to be seen.
        Record::Alert(_) => true,
        Record::Stop(row) => {
            row.host = None;
            if level == Level::Counts {
                row.app = None;
            }
            true
        }
        Record::App(_) => level >= Level::App,
        Record::Session(row) if level == Level::Domain => {
            row.host = row.host.as_deref().map(domain);
            row.names = None;
            true
        }
        Record::Dns(row) if level == Level::Domain => {
            row.qname = row.qname.as_deref().map(domain);
            (row.more, row.answers, row.edns, row.answer_edns) = (None, None, None, None);
            true
        }
        // A service is the device's own, not what somebody does with it.
        Record::Service(_) | Record::Dhcp(_) => level >= Level::Domain,
        _ => level == Level::Full,
    }
}

fn domain(name: &str) -> Name {
    Name(registered(name).into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::engine::{Engine, Options};
    use crate::rules::Rules;
    use crate::source::{CaptureFile, Source, State};

    /// All rows with details that the captures of the cases give.
    fn records() -> Vec<Record> {
        let rules = Rules::parse(b"Example:[;;;example.com;]\n", 10).unwrap();
        let mut engine =
            Engine::new(Options { details: true, ..Config::default().engine() }, Arc::new(rules));
        let iface = engine.interface("");
        for case in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).unwrap() {
            let capture = case.unwrap().path().join("capture.pcap");
            let Ok(mut file) = CaptureFile::open(&capture) else { continue };
            while let Ok(State::More) = file.read(1000, &mut |frame| {
                engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire);
            }) {}
        }
        while engine.finish() {}
        engine.drain().collect()
    }

    /// The tables of what is left of `records` at `level`, whatever device it is.
    fn left(level: Level, records: &[Record]) -> (Vec<Record>, Vec<&'static str>) {
        let levels = records.iter().filter_map(|record| Some((record.device()?, level))).collect();
        let mut records = records.to_vec();
        apply(&levels, &mut records);
        records.retain(|record| record.device().is_some());
        let mut tables: Vec<_> = records.iter().map(|record| record.table().name).collect();
        tables.sort_unstable();
        tables.dedup();
        (records, tables)
    }

    #[test]
    fn each_level_leaves_less() {
        let all = records();
        assert_eq!(left(Level::Full, &all).0.len(), all.iter().filter(|row| row.device().is_some()).count());
        assert_eq!(left(Level::Off, &all).1, ["device"]);
        let (rows, tables) = left(Level::Counts, &all);
        assert_eq!(tables, ["alert", "device", "traffic"]);
        let has_app = |row: &Record| matches!(row, Record::Traffic(row) if row.app.is_some());
        assert!(all.iter().any(has_app) && !rows.iter().any(has_app));
        let (rows, tables) = left(Level::App, &all);
        assert_eq!(tables, ["alert", "app", "device", "traffic"]);
        assert!(rows.iter().any(has_app));
        let (rows, tables) = left(Level::Domain, &all);
        assert_eq!(tables, ["alert", "app", "device", "dhcp", "dns", "session", "traffic"]);
        let deep = |name: &Option<Name>| name.as_deref().is_some_and(|name| name.matches('.').count() > 2);
        for row in rows {
            match row {
                Record::Session(row) => assert!(!deep(&row.host) && row.names.is_none(), "{row:?}"),
                Record::Dns(row) => assert!(!deep(&row.qname) && row.answers.is_none(), "{row:?}"),
                _ => {}
            }
        }
    }

    #[test]
    fn others_are_left_alone() {
        let all = records();
        let one = all.iter().find_map(Record::device).unwrap();
        let mut kept = all.clone();
        apply(&HashMap::from([(one, Level::Off)]), &mut kept);
        let others = |records: &[Record]| records.iter().filter(|row| row.device() != Some(one)).count();
        assert_eq!(others(&kept), others(&all));
        assert!(kept.len() < all.len());
    }

    #[test]
    fn names_are_cut_to_what_somebody_registered() {
        for (name, cut) in [
            ("www.mail.example.com", "example.com"),
            ("example.com", "example.com"),
            ("www.bbc.co.uk", "bbc.co.uk"),
            ("a.b.qq.com.cn", "qq.com.cn"),
            ("router", "router"),
            ("", ""),
            ("..", "."),
        ] {
            assert_eq!(&*domain(name), cut, "{name}");
        }
    }

    #[test]
    fn levels_have_names_and_an_order() {
        for (level, name) in LEVELS {
            assert_eq!((Level::of(name), level.name()), (Some(level), name));
        }
        assert_eq!((Level::of(""), Level::of("some")), (Some(Level::Full), None));
        assert!(LEVELS.is_sorted_by_key(|(level, _)| *level));
    }
}
