//! `weir threats`: what lists are taken for, and what stands on them.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use super::lists::{files, load, read};
use super::{Exit, load_config};
use crate::threats::{Builder, List, written};

/// What is in the file or folder at `path`, read as one list.
pub fn check(config: Option<&Path>, path: &Path) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    let failed = |error: std::io::Error| Exit::Input(vec![format!("{}: {error}", path.display())]);
    let files = files(path).map_err(failed)?;
    let mut builder = Builder::new(config.list_limits());
    builder.list(path.display().to_string().into(), 2);
    for file in &files {
        read(&mut builder, file).map_err(failed)?;
    }
    let threats = builder.finish();
    let mut out = String::new();
    for List { tally, .. } in threats.lists() {
        for unread in &tally.first_unread {
            let file = files.get(unread.file).map_or(path, |file| file);
            let _ = writeln!(out, "{}:{}: not understood: {}", file.display(), unread.line, unread.text);
        }
        let told = tally.first_unread.len() as u64;
        if tally.unread > told {
            let _ = writeln!(out, "…and {} more lines", tally.unread - told);
        }
        let _ = writeln!(
            out,
            "{}: {} addresses, {} networks, {} names",
            path.display(),
            tally.addresses,
            tally.networks,
            tally.names
        );
        let _ = writeln!(
            out,
            "{} entries without those that are there twice, in {} bytes; {} lines left out on purpose, {} not understood, {} entries beyond the limits",
            threats.entries(),
            threats.bytes(),
            tally.left,
            tally.unread,
            tally.dropped
        );
    }
    Ok(out)
}

/// Whether `what`, an address or a name, is on one of the configured lists.
pub fn test(config: Option<&Path>, what: &str) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    if config.threat_lists.is_empty() {
        return Err(Exit::Input(vec!["there is no [[threat]] in the configuration".into()]));
    }
    let threats = load(&config);
    let hit = match what.parse::<IpAddr>() {
        Ok(address) => threats.address(address).map(|hit| (hit.list, written(hit.entry))),
        Err(_) => threats.name(what).map(|hit| (hit.list, hit.entry.to_owned())),
    };
    Ok(match hit {
        Some((list, entry)) => format!(
            "{what} is on the list {}, severity {}, as {entry}, of {}\n",
            list.name, list.severity, list.version
        ),
        None => format!(
            "{what} is on none of {} lists with {} entries\n",
            threats.lists().len(),
            threats.entries()
        ),
    })
}
