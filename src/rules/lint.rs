//! What is allowed in features.txt and yet hardly meant.
//!
//! The grammar has no quarrel with a feature that never wins, or with one that
//! takes other apps' sessions. Whoever edits the file wants to know.

use std::collections::HashMap;
use std::fmt;

use super::Rules;
use super::cover;
use super::feature::{Feature, Host, starts_of_labels};

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
    hostless: Vec<usize>,
    /// Every whole name with its feature.
    suffixes: Vec<(usize, Box<str>)>,
}

impl Near {
    fn new(rules: &Rules) -> Near {
        let mut near =
            Near { by_suffix: HashMap::new(), patterns: vec![], hostless: vec![], suffixes: vec![] };
        for (number, (.., feature)) in rules.features.iter().enumerate() {
            match &feature.host {
                Some(Host::Suffix(name)) => {
                    near.by_suffix.entry(name.clone()).or_default().push(number);
                    near.suffixes.push((number, name.clone()));
                }
                Some(_) => near.patterns.push(number),
                None => near.hostless.push(number),
            }
        }
        near
    }

    fn find(&self, rules: &Rules, number: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let feature = &rules.features[number].2;
        let fits = |other: &usize| *other != number && fits(*other);
        let Some(host) = &feature.host else {
            return self.hostless.iter().copied().find(|other| fits(other));
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
    /// Features without host, payload and client's port.
    ports: Vec<usize>,
}

impl PortShadows {
    fn new(rules: &Rules) -> PortShadows {
        let is_port = |feature: &Feature| {
            feature.host.is_none() && feature.payload.is_empty() && feature.sport.is_any()
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
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let rules = Rules::parse(text.as_bytes(), 1000).unwrap();
        lint(text.as_bytes(), &rules).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_feature_told_twice_is_a_duplicate() {
        assert_eq!(
            told("微:[;;;a.io;,tcp;;80-81|90;;0:010203]\n  B:[tcp;;90|80|81;;0:0102|2:03,;;;A.io.;]\n"),
            ["2:6: duplicate: the same as in 微 (line 1)", "2:33: duplicate: the same as in 微 (line 1)"]
        );
        assert_eq!(told("A:[;;;a.io;,;;;a.io;]\n"), ["1:13: duplicate: the same as in A (line 1)"]);
    }

    #[test]
    fn what_can_never_win_is_shadowed() {
        assert_eq!(
            told("A:[;;;~abcde;,udp;;1-3;;]\nB:[;;;abcde;,udp;;1-2;;]\n"),
            [
                "1:4: swallows: it also fits abcde of B (line 2); there A wins",
                "2:4: shadowed: whatever it matches is won by A (line 1)",
                "2:14: shadowed: whatever it matches is won by A (line 1)",
            ]
        );
        assert_eq!(
            told("A:[udp;;1-10;;]\nB:[udp;;1-5;;]\nC:[udp;;6-10;;]\n"),
            ["1:4: shadowed: each of its ports is won by earlier or narrower features"]
        );
        assert_eq!(told("A:[udp;;1-10;;]\nB:[udp;;1-5;;]\nC:[udp;;6-9;;]\n"), [] as [&str; 0]);
    }

    #[test]
    fn a_longer_name_of_another_app_is_no_shadow() {
        let text = "A:[;;;qq.com;]\nB:[;;;v.qq.com;]\nC:[tcp;;99;v.qq.com;]\nD:[;;;x*.qq.com;]\n";
        assert_eq!(told(text), [] as [&str; 0]);
    }

    #[test]
    fn a_pattern_that_fits_the_hosts_of_others_swallows() {
        assert_eq!(
            told("A:[;;;~leme;]\nB:[;;;element.io;,;;;shop.co.uk;]\nC:[;;;sh*.co.uk;]\n"),
            [
                "1:4: swallows: it also fits element.io of B (line 2); there B wins",
                "3:4: swallows: it also fits shop.co.uk of B (line 2); there B wins",
            ]
        );
    }

    #[test]
    fn what_says_too_little_is_broad() {
        let text = "A:[tcp;;;;0:01|5:02,tcp;;7;;0:01,tcp;;80|443;;,;;;com;,;;;~ab;,;;;co.uk;,udp;;;;]\n";
        let kinds: Vec<_> =
            told(text).iter().map(|line| line.split(": ").take(2).collect::<String>()).collect();
        assert_eq!(kinds, ["1:4broad", "1:34broad", "1:48broad", "1:56broad", "1:64broad", "1:74broad"]);
    }

    #[test]
    fn what_contradicts_itself_is_never() {
        let name = "x".repeat(254);
        let text =
            format!("A:[udp;;53|!53;;,udp;!0-65535;;;,udp;;9;;0:0102|1:03,udp;;7-8|!8;;,;;;{name};]\n");
        let kinds: Vec<_> = told(&text);
        assert_eq!(kinds.len(), 4, "{kinds:?}");
        assert_eq!(kinds[0], "1:4: never: no port is left of the server's ports");
    }

    #[test]
    fn the_shipped_file_is_clean() {
        let text = include_bytes!("../../features.txt");
        let rules = Rules::parse(text, 100_000).unwrap();
        let told: Vec<_> = lint(text, &rules).iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }
}
