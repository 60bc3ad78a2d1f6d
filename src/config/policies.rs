//! `[[policy]]`: any number of them, each a table of its own.

use std::ops::Range;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::lists::{Complaint, Several, text};
use crate::policy::{MAX_POLICIES, Policy};

const SECTION: Several = Several { name: "policy", plural: "policies", most: MAX_POLICIES };

/// What can be set in one, for whoever wrote something else.
pub const SETTINGS: [&str; 8] = ["name", "devices", "apps", "classes", "hosts", "times", "quota", "dry_run"];

/// As config.toml shows it.
pub const EXAMPLE: &str = "
# What shall be stopped, as often as there are such rules of the house. Each
# needs a name; what is left out means all devices, everything, always.
# [[policy]]
# name = \"no games at night\"
# devices = [\"aa:bb:cc:dd:ee:ff\", \"192.168.1.64/26\"]
# apps = [\"Roblox\"]
# classes = [\"game\"]
# hosts = [\"example.com\"]
# times = [\"sun-thu 21:00-07:00\", \"fri,sat 23:00-08:00\"]
# For each device and day: minutes in which it moves anything, or \"500MB\".
# quota = \"2h\"
# Only written down, not stopped; `weir policy test` looks at the past.
# dry_run = true
";

/// Reads the list of policies; `at` is where its name stands.
pub fn read(at: Range<usize>, value: &DeValue<'_>, complain: &mut dyn FnMut(Complaint)) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for (span, table) in SECTION.tables(at, value, complain) {
        let policy = one(table, complain);
        if policy.name.is_empty() {
            complain((span, "a [[policy]] needs a name".into()));
        } else if policies.iter().any(|other| other.name == policy.name) {
            complain((span, format!("there is another policy {:?}", policy.name)));
        }
        policies.push(policy);
    }
    policies
}

fn one(table: &DeTable<'_>, complain: &mut dyn FnMut(Complaint)) -> Policy {
    let mut policy = Policy::default();
    for (key, value) in table {
        let wrong = match &**key.get_ref() {
            "name" => text(value.get_ref()).map(|name| policy.name = name.into()),
            "devices" => list(value.get_ref(), |text| text.parse().ok())
                .map(|devices| policy.devices = devices)
                .ok_or("a list of MAC addresses, addresses or networks like 192.168.2.0/24"),
            "apps" => names(value.get_ref()).map(|apps| policy.apps = apps).ok_or(NAMES),
            "classes" => names(value.get_ref()).map(|classes| policy.classes = classes).ok_or(NAMES),
            "hosts" => list(value.get_ref(), |text| {
                let host = text.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
                (!host.is_empty() && !host.contains('*')).then_some(host)
            })
            .map(|hosts| policy.hosts = hosts)
            .ok_or("a list of host names, each for all below it too"),
            "times" => list(value.get_ref(), |text| text.parse().ok())
                .map(|times| policy.times = times)
                .ok_or("a list of times like \"mon-fri 21:00-07:00\""),
            "quota" => parsed(value.get_ref())
                .map(|quota| policy.quota = Some(quota))
                .ok_or("a time of a day like \"2h\" or a volume like \"500MB\""),
            "dry_run" => {
                value.get_ref().as_bool().map(|dry_run| policy.dry_run = dry_run).ok_or("true or false")
            }
            other => {
                let known = SETTINGS.join(", ");
                complain((key.span(), format!("unknown setting {other} in [[policy]]; there are {known}")));
                continue;
            }
        };
        if let Err(expected) = wrong {
            complain((value.span(), format!("expected {expected} for {}", key.get_ref())));
        }
    }
    policy
}

const NAMES: &str = "a list of names as in features.txt";

fn parsed<T: FromStr>(value: &DeValue<'_>) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn names(value: &DeValue<'_>) -> Option<Vec<String>> {
    list(value, |name| (!name.trim().is_empty()).then(|| name.trim().to_owned()))
}

/// An empty list would mean all; who writes one hardly means that.
fn list<T>(value: &DeValue<'_>, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let items = value.as_array()?.iter().map(|item| item.get_ref().as_str().and_then(&read));
    items.collect::<Option<Vec<T>>>().filter(|list| !list.is_empty())
}
