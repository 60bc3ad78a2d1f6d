//! `weir features`: what whoever edits features.txt wants to know.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::clock::Clock;
use super::openings::Openings;
use super::read::read_into;
use super::{Exit, load_config, load_rules, open_database};
use crate::record::{Proto, Record};
use crate::rules::{Evidence, Relabel, Rules, Trial, lint as linter, oaf};
use crate::store::{self, Labelled, Store};
use crate::time::Time;
use crate::wire::proto;

/// What to print, and how it ended: what is right is printed all the same.
pub type Told = (String, Result<(), Exit>);

/// Findings in `file`, otherwise in the configured features.txt.
pub fn lint(config: Option<&Path>, file: Option<&Path>) -> Result<Told, Exit> {
    let (config, _) = load_config(config)?;
    let path = file.unwrap_or(&config.apps.features);
    let rules = load_rules(path, *config.apps.max_features)?;
    let name = path.display();
    // Twice, because rules keep no text: it is a file of some kilobytes.
    let text = fs::read(path).map_err(|error| Exit::Input(vec![format!("{name}: {error}")]))?;
    let findings = linter::lint(&text, &rules);
    if findings.is_empty() {
        let text = format!("{name}: nothing found in {} features\n", rules.features());
        return Ok((text, Ok(())));
    }
    let lines: String = findings.iter().map(|finding| format!("{name}:{finding}\n")).collect();
    let s = if findings.len() == 1 { "" } else { "s" };
    Ok((lines, Err(Exit::Input(vec![format!("{name}: {} finding{s}", findings.len())]))))
}

/// What the configured signatures make of the captures at `paths`.
pub fn test(config: Option<&Path>, paths: &[PathBuf]) -> Result<Told, Exit> {
    let (config, _) = load_config(config)?;
    let features = &config.apps.features;
    let rules = Arc::new(load_rules(features, *config.apps.max_features)?);
    let openings = Openings::read(paths, config.engine().wire);
    let mut sessions = Sessions { trial: Trial::new(&rules), openings };
    let end = read_into(&config, rules.clone(), paths, &mut sessions);
    Ok((sessions.trial.report(&features.display().to_string()), end))
}

/// A store that only looks at sessions.
struct Sessions<'a> {
    trial: Trial<'a>,
    openings: Openings,
}

impl Store for Sessions<'_> {
    fn write(&mut self, records: &[Record]) -> Result<(), store::Error> {
        for record in records {
            if let Record::Session(row) = record {
                self.trial.session(row, self.openings.of_client(row));
            }
        }
        Ok(())
    }
}

/// OpenAppFilter's file at `path` as ours, and a report of what was odd in it.
pub fn import_oaf(path: &Path) -> Result<(String, String), Exit> {
    let name = path.display();
    let text = fs::read(path).map_err(|error| Exit::Input(vec![format!("{name}: {error}")]))?;
    let imported = oaf::import(&text);
    if imported.apps == 0 {
        return Err(Exit::Input(vec![format!("{name}: has no app in OpenAppFilter's format")]));
    }
    let mut report: String = imported.remarks.iter().map(|remark| format!("{name}:{remark}\n")).collect();
    let (apps, features, remarks) = (imported.apps, imported.features, imported.remarks.len());
    let _ = writeln!(report, "{name}: {apps} apps with {features} features; {remarks} remarks");
    Ok((imported.text, report))
}

/// Names the sessions in the store again whose latest packet is at `since` or
/// later; returns what changed.
pub fn relabel(config: Option<&Path>, since: &str) -> Result<String, Exit> {
    let since = parse_since(since, Clock::new().read().0).ok_or_else(|| since_expected(since))?;
    let (config, _) = load_config(config)?;
    let rules = load_rules(&config.apps.features, *config.apps.max_features)?;
    Ok(relabel_in(&mut *open_database(&config)?, &rules, since)?)
}

/// The same, with rules that are read already.
#[cfg(feature = "desk")]
pub(super) fn relabel_since(
    config: &crate::config::Config,
    rules: &Rules,
    since: Time,
) -> Result<String, Exit> {
    Ok(relabel_in(&mut *open_database(config)?, rules, since)?)
}

fn relabel_in(store: &mut dyn Store, rules: &Rules, since: Time) -> Result<String, store::Error> {
    let relabel = Relabel::new(rules);
    let (mut rows, mut changed) = (0_u64, 0_u64);
    let mut by_app: BTreeMap<(Option<String>, Arc<str>), u64> = BTreeMap::new();
    store.relabel(since, &mut |row| {
        rows += 1;
        let app = relabel.app(&evidence(row), row.app.as_deref())?;
        changed += 1;
        *by_app.entry((row.app.clone(), app.clone())).or_default() += 1;
        Some(app)
    })?;
    let mut out = format!("{rows} sessions since {since}, {changed} named anew\n");
    for ((old, new), count) in by_app {
        let _ = writeln!(out, "  {} -> {new}: {count}", old.as_deref().unwrap_or("(no name)"));
    }
    out.push_str("The use of apps and the volume by minute stay as they were written.\n");
    Ok(out)
}

/// The number of a transport protocol as tables have it.
pub(super) fn number_of(name: &str) -> u8 {
    match name {
        "tcp" => proto::TCP,
        "udp" => proto::UDP,
        other => (0..=u8::MAX).find(|&number| Proto(number).to_string() == other).unwrap_or(u8::MAX),
    }
}

/// What of a row tells its app.
pub(super) fn evidence(row: &Labelled) -> Evidence<'_> {
    Evidence {
        proto: number_of(&row.proto),
        sport: row.client_port,
        dport: row.server_port,
        host: row.host.as_deref(),
        server: row.server.parse().ok(),
        payload: None,
    }
}

/// What to tell whoever wrote `since`.
pub fn since_expected(since: &str) -> Exit {
    let expected = "expected a date (2026-11-01 or \"2026-11-01 12:00:00\") or a span (7days)";
    Exit::Input(vec![format!("--since {since}: {expected}")])
}

/// A date, a date with its time of day, or how long before `now`.
pub fn parse_since(text: &str, now: Time) -> Option<Time> {
    if let Ok(span) = humantime::parse_duration(text) {
        return Some(now.back(span));
    }
    // humantime looks at bytes; a date has no others.
    let text = Some(text).filter(|text| text.is_ascii())?;
    let whole = if text.len() == 10 { format!("{text} 00:00:00") } else { text.to_owned() };
    humantime::parse_rfc3339_weak(&whole).ok().map(|time: SystemTime| time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_a_span() {
        let now = Time::from_secs(1_793_534_400);
        let since = |text| parse_since(text, now).map(|time| time.to_string());
        assert_eq!(since("2026-11-01").as_deref(), Some("2026-11-01T00:00:00.000000+0000"));
        assert_eq!(since("2026-11-01 12:30:00").as_deref(), Some("2026-11-01T12:30:00.000000+0000"));
        assert_eq!(since("2026-11-01T12:30:00Z").as_deref(), Some("2026-11-01T12:30:00.000000+0000"));
        assert_eq!(parse_since("7days", now), Some(Time::from_secs(1_793_534_400 - 7 * 86_400)));
        assert_eq!(parse_since("2000years", now), Some(Time::ZERO));
        for text in ["", "yesterday", "2026-13-01", "2026-11-1", "1. Nov. 26", "七days 00:00", "0000-00-00"]
        {
            assert_eq!(since(text), None, "{text}");
        }
    }

    #[test]
    fn protocols_of_rows_are_numbers_again() {
        for number in [1, 6, 17, 58, 200] {
            let row = Labelled {
                id: 1,
                proto: Proto(number).to_string(),
                client_port: 1,
                server: "192.0.2.1".into(),
                server_port: 2,
                host: None,
                app: None,
                start: Time::ZERO,
                last: Time::ZERO,
                client: "192.0.2.2".into(),
                device: "192.0.2.2".into(),
                bytes: 0,
            };
            assert_eq!(evidence(&row).proto, number);
        }
    }
}
