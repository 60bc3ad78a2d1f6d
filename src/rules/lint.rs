//! What is allowed in features.txt and yet hardly meant.
//!
//! The grammar has no quarrel with a feature that never wins, or with one that
//! takes other apps' sessions. Whoever edits the file wants to know.

use std::collections::HashMap;
use std::fmt;

use super::Rules;
use super::cover;
use super::feature::{Feature, Host, starts_of_labels};
use crate::prefix::Prefix;

/// The most findings that are told; more than that nobody reads.
const MAX_FINDINGS: usize = 1_000;

/// Names are public in two labels below these, `co.uk` and the like.
const SECOND_LEVEL: &[&str] =
    &["ac", "co", "com", "edu", "gob", "gov", "mil", "ne", "net", "nom", "or", "org"];

/// What is wrong with a feature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// No session can fulfil its conditions.
    Never,
    /// The same feature stands in the file before.
    Duplicate,
    /// Whatever it matches, another feature wins.
    Shadowed,
    /// Its pattern fits hosts that another app names.
    Swallows,
    /// It says too little.
    Broad,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Never => "never",
            Kind::Duplicate => "duplicate",
            Kind::Shadowed => "shadowed",
            Kind::Swallows => "swallows",
            Kind::Broad => "broad",
        })
    }
}

/// One thing to look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// Where the feature begins, in characters, from 1.
    pub column: usize,
    pub kind: Kind,
    pub text: String,
}

/// `3:14: broad: …`; the file's name goes before it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.kind, self.text)
    }
}

/// Looks through `rules`, which were read from `text`.
pub fn lint(text: &[u8], rules: &Rules) -> Vec<Finding> {
    let mut linter = Linter { rules, columns: columns(text, rules), findings: Vec::new() };
    linter.look();
    linter.findings.sort();
    linter.findings
}

/// Where each feature of `rules` begins in its line. Names hold no bracket and
/// parts no comma, so these alone divide a line.
fn columns(text: &[u8], rules: &Rules) -> Vec<usize> {
    let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
    let mut all = Vec::with_capacity(rules.features.len());
    for app in &rules.apps {
        let bytes = lines.get(app.line as usize - 1).copied().unwrap_or_default();
        let line = String::from_utf8_lossy(bytes);
        let line = line.strip_prefix('\u{feff}').filter(|_| app.line == 1).unwrap_or(&line);
        let Some((before, inside)) = line.split_once('[') else { continue };
        let mut column = before.chars().count() + 2;
        for part in inside.split(',') {
            all.push(column);
            column += part.chars().count() + 1;
        }
    }
    all
}

struct Linter<'a> {
    rules: &'a Rules,
    columns: Vec<usize>,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn look(&mut self) {
        // One finding says enough of a feature; the first kind is the gravest.
        let near = Near::new(self.rules);
        let shadows = PortShadows::new(self.rules);
        for number in 0..self.rules.features.len() {
            if self.findings.len() >= MAX_FINDINGS {
                return;
            }
            let (_, _, feature) = &self.rules.features[number];
            if let Some(why) = cover::contradiction(feature) {
                self.tell(number, Kind::Never, why);
            } else if let Some(other) =
                near.find(self.rules, number, |other| other < number && self.same(other, number))
            {
                self.tell(number, Kind::Duplicate, format!("the same as in {}", self.place(other)));
            } else if let Some(other) = near.find(self.rules, number, |other| self.shadows(other, number)) {
                let text = format!("whatever it matches is won by {}", self.place(other));
                self.tell(number, Kind::Shadowed, text);
            } else if shadows.is_shadowed(self.rules, number) {
                let text = "each of its ports is won by earlier or narrower features".to_owned();
                self.tell(number, Kind::Shadowed, text);
            } else if let Some(why) = broad(feature) {
                self.tell(number, Kind::Broad, why);
            } else if let Some(why) = self.swallows(number, &near) {
                self.tell(number, Kind::Swallows, why);
            }
        }
    }

    fn same(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.rules.features[one].2, &self.rules.features[other].2);
        one == other || (cover::covers(one, other) && cover::covers(other, one) && one.host == other.host)
    }

    /// Whether `other` matches all that `number` matches, and wins; within an
    /// app it does not matter which of two features won, unless it is the same.
    fn shadows(&self, other: usize, number: usize) -> bool {
        let ((app, rank, one), (own, own_rank, feature)) =
            (&self.rules.features[other], &self.rules.features[number]);
        app != own && (*rank, number) > (*own_rank, other) && cover::covers(one, feature)
    }

    /// The first other app whose host the pattern of `number` fits.
    fn swallows(&self, number: usize, near: &Near) -> Option<String> {
        let (app, rank, feature) = &self.rules.features[number];
        let host = feature.host.as_ref()?;
        if matches!(host, Host::Suffix(suffix) if !is_public(suffix)) {
            return None;
        }
        let (taken, name) = near
            .suffixes
            .iter()
            .find(|(other, name)| self.rules.features[*other].0 != *app && host.matches(name))?;
        let &(other, other_rank, _) = &self.rules.features[*taken];
        let wins = (*rank, *taken) > (other_rank, number);
        let winner = if wins { app } else { &other };
        let winner = &self.rules.apps[*winner as usize].name;
        Some(format!("it also fits {name} of {}; there {winner} wins", self.place(*taken)))
    }

    /// `WeChat (line 28)`.
    fn place(&self, number: usize) -> String {
        let app = &self.rules.apps[self.rules.features[number].0 as usize];
        format!("{} (line {})", app.name, app.line)
    }

    fn tell(&mut self, number: usize, kind: Kind, text: String) {
        let line = self.rules.apps[self.rules.features[number].0 as usize].line as usize;
        let column = self.columns.get(number).copied().unwrap_or(1);
        self.findings.push(Finding { line, column, kind, text });
    }
}

/// Whether anyone may have a name below `suffix`.
fn is_public(suffix: &str) -> bool {
    match suffix.split_once('.') {
        None => true,
        Some((second, top)) => top.len() == 2 && SECOND_LEVEL.contains(&second),
    }
}

fn broad(feature: &Feature) -> Option<String> {
    let bytes: usize = feature.payload.iter().map(|test| test.bytes.len()).sum();
    if let Some(host) = &feature.host {
        return match host {
            Host::Suffix(name) if is_public(name) => Some(format!("{name} is no one's own name")),
            Host::Part(part) if part.len() < 4 => Some(format!("~{part} is in many names")),
            Host::Glob(_) if host.literal_length() < 4 => Some("so few letters are in many names".into()),
            _ => None,
        };
    }
    if let Some(prefix) = feature.address {
        let least = if prefix.is_ipv4() { 8 } else { 16 };
        return (prefix.length() < least).then(|| format!("{prefix} is no one's own"));
    }
    let any_port = feature.dport.is_any() && feature.sport.is_any();
    match bytes {
        0 if any_port => Some("it matches everything, or all of a protocol".into()),
        0 => [80, 443]
            .into_iter()
            .find(|&port| feature.dport.contains(port) && feature.sport.is_any())
            .map(|port| format!("port {port} alone takes every web session without a name")),
        1 | 2 if any_port => Some(format!("{bytes} bytes without a port or host are there by chance")),
        _ => None,
    }
}

/// Finds features that may cover another without trying all of them.
struct Near {
    by_suffix: HashMap<Box<str>, Vec<usize>>,
    /// Those with `*` or `~`.
    patterns: Vec<usize>,
    by_address: HashMap<Prefix, Vec<usize>>,
    /// Those with neither host nor address.
    nameless: Vec<usize>,
    /// Every whole name with its feature.
    suffixes: Vec<(usize, Box<str>)>,
}

impl Near {
    fn new(rules: &Rules) -> Near {
        let mut near = Near {
            by_suffix: HashMap::new(),
            patterns: vec![],
            by_address: HashMap::new(),
            nameless: vec![],
            suffixes: vec![],
        };
        for (number, (.., feature)) in rules.features.iter().enumerate() {
            match &feature.host {
                Some(Host::Suffix(name)) => {
                    near.by_suffix.entry(name.clone()).or_default().push(number);
                    near.suffixes.push((number, name.clone()));
                }
                Some(_) => near.patterns.push(number),
                None => match feature.address {
                    Some(prefix) => near.by_address.entry(prefix).or_default().push(number),
                    None => near.nameless.push(number),
                },
            }
        }
        near
    }

    fn find(&self, rules: &Rules, number: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let feature = &rules.features[number].2;
        let fits = |other: &usize| *other != number && fits(*other);
        let Some(host) = &feature.host else {
            let around = feature.address.into_iter().flat_map(Prefix::and_wider);
            let around = around.filter_map(|prefix| self.by_address.get(&prefix)).flatten();
            return around.chain(&self.nameless).copied().find(|other| fits(other));
        };
        let tail = match host {
            Host::Suffix(name) => &**name,
            // What stands behind the last star, or nothing that a suffix could cover.
            Host::Glob(pieces) => pieces.last().map_or("", |last| last),
            Host::Part(_) => "",
        };
        let suffixes = starts_of_labels(tail).filter_map(|name| self.by_suffix.get(name)).flatten();
        suffixes.chain(&self.patterns).copied().find(|other| fits(other))
    }
}

/// For features of a port alone: whether others, together, win every port.
struct PortShadows {
    /// Features without host, address, payload and client's port.
    ports: Vec<usize>,
}

impl PortShadows {
    fn new(rules: &Rules) -> PortShadows {
        let is_port = |feature: &Feature| {
            feature.host.is_none()
                && feature.address.is_none()
                && feature.payload.is_empty()
                && feature.sport.is_any()
        };
        let ports = (0..rules.features.len()).filter(|&number| is_port(&rules.features[number].2));
        PortShadows { ports: ports.collect() }
    }

    fn is_shadowed(&self, rules: &Rules, number: usize) -> bool {
        let (app, rank, feature) = &rules.features[number];
        if self.ports.binary_search(&number).is_err() || feature.dport.is_any() {
            return false;
        }
        let better: Vec<&Feature> = (self.ports.iter())
            .filter(|&&other| {
                let (own, other_rank, one) = &rules.features[other];
                let proto = one.proto.is_none() || one.proto == feature.proto;
                own != app && proto && (*other_rank, number) > (*rank, other)
            })
            .map(|&other| &rules.features[other].2)
            .collect();
        !better.is_empty()
            && cover::samples(&feature.dport, better.iter().map(|one| &one.dport))
                .filter(|&port| feature.dport.contains(port))
                .all(|port| better.iter().any(|one| one.dport.contains(port)))
    }
}

#[cfg(test)]
mod tests;
