//! What of config.toml pages may not change, whoever is signed in: paths, as the
//! daemon reads and writes there, and where secrets go that are not told anew.

use std::path::Path;

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use crate::config::{Config, Kind, SECTIONS};

/// Settings of `[[out]]` that are paths.
const OUT_PATHS: [&str; 3] = ["path", "password_file", "token_file"];

/// Why `new` may not be put in the place of `old`, both right in themselves. A list
/// in `lists`, a folder, may be added.
pub fn objections(old: &str, new: &str, lists: &Path) -> Vec<Value> {
    let parse = |text: &str| Config::parse(text, Path::new("")).unwrap_or_default();
    let (before, after) = (parse(old), parse(new));
    let mut found = Vec::new();
    for section in SECTIONS {
        for setting in section.settings.iter().filter(|setting| (setting.kind)() == Kind::Path) {
            if (setting.value)(&before) != (setting.value)(&after) {
                let text = "paths are changed in the file itself, not here";
                found.push(json!({"section": section.name, "name": setting.name, "text": text}));
            }
        }
    }
    let (a, b) = (&before.mariadb, &after.mariadb);
    let is_moved = (&a.host, a.port, &a.socket) != (&b.host, b.port, &b.socket);
    let is_same = |one: &str, other: &str| one == other && !one.is_empty();
    if is_moved && (is_same(&a.password, &b.password) || is_same(&a.web_password, &b.web_password)) {
        let text = "another server has to be given with its passwords";
        found.push(json!({"section": "mariadb", "name": "host", "text": text}));
    }
    for list in &after.threat_lists {
        let is_known = before.threat_lists.iter().any(|known| known.path == list.path);
        if !is_known && !is_in(&list.path, lists) {
            let text = format!("the list {:?} has to lie in the folder {}", list.name, lists.display());
            found.push(json!({"section": "threat", "name": "path", "text": text}));
        }
    }
    outs(old, new, &mut found);
    found
}

/// Whether `path` is a file right in `folder`, by name.
fn is_in(path: &Path, folder: &Path) -> bool {
    path.parent() == Some(folder) && path.file_name().is_some()
}

fn outs(old: &str, new: &str, found: &mut Vec<Value>) {
    let (Ok(old), Ok(new)) = (DeTable::parse(old), DeTable::parse(new)) else { return };
    let before = entries(old.get_ref());
    for out in entries(new.get_ref()) {
        let get = |out: &DeTable<'_>, name: &str| out.get(name).map(|value| written(value.get_ref()));
        let name = get(out, "name").unwrap_or_default();
        let known = before.iter().find(|known| get(known, "name").as_deref() == Some(&name));
        let of_known = |setting: &str| known.and_then(|known| get(known, setting));
        if OUT_PATHS
            .iter()
            .any(|path| get(out, path).is_some_and(|path_now| of_known(path) != Some(path_now)))
        {
            let text = format!("{name}: paths are changed in the file itself, not here");
            found.push(json!({"section": "out", "name": "path", "text": text}));
        }
        // By what it is and not by whose it is: an out may be called otherwise now.
        let is_there =
            |known: &&DeTable<'_>| ["server", "url"].iter().all(|place| get(out, place) == get(known, place));
        let goes_elsewhere = ["password", "token", "password_file", "token_file"].iter().any(|secret| {
            let Some(now) = get(out, secret) else { return false };
            let mut holders =
                before.iter().filter(|known| get(known, secret).as_ref() == Some(&now)).peekable();
            holders.peek().is_some() && !holders.any(is_there)
        });
        if goes_elsewhere {
            let text = format!("{name}: another server has to be given with its password or token");
            found.push(json!({"section": "out", "name": "server", "text": text}));
        }
    }
}

fn entries<'a, 's>(table: &'a DeTable<'s>) -> Vec<&'a DeTable<'s>> {
    let outs = table.get("out").and_then(|outs| outs.get_ref().as_array());
    outs.into_iter().flat_map(|outs| outs.iter()).filter_map(|out| out.get_ref().as_table()).collect()
}

fn written(value: &DeValue<'_>) -> String {
    value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned)
}
