//! `[[threat]]`: any number of lists, each a table of its own.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::lists::{Complaint, Several, text};
use super::setting::Setting;
use crate::threats::{MAX_LISTS, Source};

const SECTION: Several = Several { name: "threat", plural: "lists", most: MAX_LISTS };

/// What can be set in one, for whoever wrote something else.
const SETTINGS: [&str; 3] = ["name", "path", "severity"];

/// As config.toml shows it.
pub const EXAMPLE: &str = "
# Lists of addresses and names that are known to be bad, as often as there are
# such: addresses and networks (FireHOL, Spamhaus DROP, ipset), hosts files, names
# as for adblock and dnsmasq, CSV of abuse.ch. Which it is is told line by line.
# [[threat]]
# name = \"FireHOL\"
# A file, or a folder of files; relative to this file.
# path = \"lists/firehol_level1.netset\"
# 1 for what is grave, 2 for what should be looked at, 3 for news.
# severity = 1
";

/// Reads the list of lists; `at` is where its name stands.
pub fn read(at: Range<usize>, value: &DeValue<'_>, complain: &mut dyn FnMut(Complaint)) -> Vec<Source> {
    let mut lists: Vec<Source> = Vec::new();
    for (span, table) in SECTION.tables(at, value, complain) {
        let list = one(table, complain);
        if list.name.is_empty() {
            complain((span.clone(), "a [[threat]] needs a name".into()));
        } else if lists.iter().any(|other| other.name == list.name) {
            complain((span.clone(), format!("there is another list {:?}", list.name)));
        }
        if list.path.as_os_str().is_empty() {
            complain((span, "a [[threat]] needs a path".into()));
        }
        lists.push(list);
    }
    lists
}

fn one(table: &DeTable<'_>, complain: &mut dyn FnMut(Complaint)) -> Source {
    let mut list = Source { name: "".into(), path: Default::default(), severity: 2 };
    for (key, value) in table {
        let wrong = match &**key.get_ref() {
            "name" => text(value.get_ref()).map(|name| list.name = name.into()).map_err(Into::into),
            "path" => Setting::read(value.get_ref()).map(|path| list.path = path),
            "severity" => {
                let severity = value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok());
                let severity = severity.filter(|severity| (1..=3).contains(severity));
                severity.map(|severity| list.severity = severity).ok_or_else(|| "1, 2 or 3".into())
            }
            other => {
                let known = SETTINGS.join(", ");
                complain((key.span(), format!("unknown setting {other} in [[threat]]; there are {known}")));
                continue;
            }
        };
        if let Err(expected) = wrong {
            complain((value.span(), format!("expected {expected} for {}", key.get_ref())));
        }
    }
    list
}
