//! What a changed features.txt would have named, by sessions of the past.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Evidence, Relabel, Rules};
use crate::record::Proto;
use crate::wire::bytes::hex;

/// Hosts, ports and openings of sessions without a name that are told apart.
const MAX_UNNAMED: usize = 20_000;

/// Of each kind that many are told.
const TOP: usize = 20;

/// Fewer first bytes than this are there by chance.
const MIN_BYTES: usize = 3;

/// Sessions with the devices that had them.
#[derive(Clone, Default, Debug)]
pub struct Found {
    pub sessions: u64,
    /// In both directions.
    pub bytes: u64,
    devices: HashSet<String>,
}

impl Found {
    fn add(&mut self, device: &str, bytes: u64) {
        self.sessions += 1;
        self.bytes += bytes;
        if !self.devices.contains(device) {
            self.devices.insert(device.to_owned());
        }
    }

    pub fn devices(&self) -> usize {
        self.devices.len()
    }
}

/// Traffic without a name, by one thing that a line could name it by.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unnamed {
    Host(String),
    /// Of sessions without a host: protocol and the server's port.
    Port(Proto, u16),
    /// …and the client's first bytes.
    Bytes(Proto, Vec<u8>),
}

impl Unnamed {
    /// A line of features.txt for it; none where that would be nonsense.
    pub fn line(&self) -> Option<String> {
        let line = match self {
            Unnamed::Host(host) => format!("{host}:[;;;{host};]"),
            // These alone would take all of the web.
            Unnamed::Port(Proto::TCP, 80 | 443) | Unnamed::Port(Proto::UDP, 443) => return None,
            Unnamed::Port(proto @ (Proto::TCP | Proto::UDP), port) => {
                format!("Port {port} {proto}:[{proto};;{port};;]")
            }
            Unnamed::Port(..) => return None,
            Unnamed::Bytes(proto, bytes) => format!("Begins {0}:[{proto};;;;0:{0}]", hex(bytes)),
        };
        Rules::parse(line.as_bytes(), 1).is_ok().then_some(line)
    }
}

/// Collects sessions.
pub struct Change<'a> {
    old: &'a Rules,
    new: &'a Rules,
    relabel: Relabel<'a>,
    /// Apps whose line is new or another.
    changed: HashSet<&'a str>,
    /// What those would have, in the order of the file.
    pub apps: BTreeMap<String, Found>,
    /// All that would be called otherwise: what it was called and would be.
    pub renamed: BTreeMap<(Option<String>, Option<String>), Found>,
    unnamed: HashMap<Unnamed, Found>,
}

impl<'a> Change<'a> {
    /// From `old` with its text to `new` with its own.
    pub fn new(old: &'a Rules, old_text: &str, new: &'a Rules, new_text: &str) -> Change<'a> {
        let before: HashMap<&str, &str> = lines(old, old_text).collect();
        let changed = lines(new, new_text).filter(|(name, line)| before.get(name) != Some(line));
        let changed: HashSet<&str> = changed.map(|(name, _)| name).collect();
        let apps = changed.iter().map(|name| ((*name).to_owned(), Found::default())).collect();
        let (renamed, unnamed) = Default::default();
        Change { old, new, relabel: Relabel::new(new), changed, apps, renamed, unnamed }
    }

    /// Takes in a session that was called `app`. `first` is the begin of what its
    /// client sent, where that is known.
    pub fn session(
        &mut self,
        evidence: &Evidence<'_>,
        app: Option<&str>,
        device: &str,
        bytes: u64,
        first: Option<&[u8]>,
    ) {
        let name = self.name(evidence, app);
        if name.as_deref() != app {
            let key = (app.map(str::to_owned), name.clone());
            self.renamed.entry(key).or_default().add(device, bytes);
        }
        match name {
            Some(name) if self.changed.contains(&*name) => {
                self.apps.entry(name).or_default().add(device, bytes);
            }
            Some(_) => {}
            None => self.count_unnamed(evidence, device, bytes, first),
        }
    }

    /// What it would be called. What only its first bytes tell, which are gone, stays.
    fn name(&self, evidence: &Evidence<'_>, app: Option<&str>) -> Option<String> {
        let named = |rules: &'a Rules| {
            let found = rules.classify(evidence)?;
            Some(&*rules.apps()[found.app as usize].name)
        };
        // Where the same facts gave the name that it has, they give the other one.
        if app.is_some() && named(self.old) == app {
            return named(self.new).map(str::to_owned);
        }
        match self.relabel.app(evidence, app) {
            Some(name) => Some(name.to_string()),
            None => app.map(str::to_owned),
        }
    }

    fn count_unnamed(&mut self, evidence: &Evidence<'_>, device: &str, bytes: u64, first: Option<&[u8]>) {
        let proto = Proto(evidence.proto);
        let mut keys = match evidence.host {
            Some(host) => vec![Unnamed::Host(host.to_owned())],
            None => vec![Unnamed::Port(proto, evidence.dport)],
        };
        if let (None, Some(first)) = (evidence.host, first.filter(|first| first.len() >= MIN_BYTES)) {
            keys.push(Unnamed::Bytes(proto, first.to_vec()));
        }
        for key in keys {
            if self.unnamed.len() < MAX_UNNAMED || self.unnamed.contains_key(&key) {
                self.unnamed.entry(key).or_default().add(device, bytes);
            }
        }
    }

    /// What stays without a name: of each kind the most, by bytes.
    pub fn unnamed(&self) -> Vec<(&Unnamed, &Found)> {
        let mut all: Vec<_> = self.unnamed.iter().collect();
        all.sort_by(|(one, a), (other, b)| b.bytes.cmp(&a.bytes).then_with(|| one.cmp(other)));
        let mut count = [0; 3];
        all.retain(|(key, _)| {
            let kind = match key {
                Unnamed::Host(_) => 0,
                Unnamed::Port(..) => 1,
                Unnamed::Bytes(..) => 2,
            };
            count[kind] += 1;
            count[kind] <= TOP
        });
        all
    }
}

/// Each app with its line.
fn lines<'a, 't>(rules: &'a Rules, text: &'t str) -> impl Iterator<Item = (&'a str, &'t str)> {
    let lines: Vec<&str> = text.split('\n').collect();
    rules.apps().iter().map(move |app| {
        let line = lines.get((app.line as usize).saturating_sub(1)).copied().unwrap_or_default();
        (&*app.name, line.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "A:[;;;a.io;]\nB:[udp;;9;;]\nC:[udp;;;;0:010203]\n";

    fn host(host: &str) -> Evidence<'_> {
        Evidence { proto: 6, dport: 443, host: Some(host), ..Evidence::default() }
    }

    #[test]
    fn it_tells_what_lines_that_changed_would_have() {
        let new = "C:[udp;;;;0:010203]\nA:[;;;a.io;,;;;b.io;]\nD:[;;;x.a.io;]\n";
        let (old, rules) =
            (Rules::parse(OLD.as_bytes(), 9).unwrap(), Rules::parse(new.as_bytes(), 9).unwrap());
        let mut change = Change::new(&old, OLD, &rules, new);
        change.session(&host("a.io"), Some("A"), "one", 10, None);
        change.session(&host("b.io"), None, "one", 10, None);
        change.session(&host("b.io"), None, "two", 10, None);
        change.session(&host("x.a.io"), Some("A"), "two", 10, None);
        let port = Evidence { proto: 17, dport: 9, ..Evidence::default() };
        change.session(&port, Some("B"), "two", 10, None);
        change.session(&port, Some("C"), "two", 10, None);
        let told: Vec<_> =
            change.apps.iter().map(|(name, found)| (&**name, found.sessions, found.devices())).collect();
        assert_eq!(told, [("A", 3, 2), ("D", 1, 1)], "C only moved, and its bytes may still name it");
        let renamed: Vec<_> = change
            .renamed
            .iter()
            .map(|((old, new), it)| (old.as_deref(), new.as_deref(), it.sessions))
            .collect();
        assert_eq!(renamed, [(None, Some("A"), 2), (Some("A"), Some("D"), 1), (Some("B"), None, 1)]);
    }

    #[test]
    fn what_has_no_name_becomes_lines_that_are_right() {
        let rules = Rules::default();
        let mut change = Change::new(&rules, "", &rules, "");
        change.session(&host("shop.example"), None, "one", 9, Some(&[1, 2, 3, 4]));
        change.session(&host("b\u{1b};]"), None, "one", 8, None);
        for (proto, port, bytes) in [(6, 443, 7), (17, 6001, 6), (1, 2048, 5)] {
            let evidence = Evidence { proto, dport: port, ..Evidence::default() };
            change.session(&evidence, None, "two", bytes, (port == 6001).then_some(&[0xff, 0, 1]));
        }
        let lines: Vec<_> = change.unnamed().iter().map(|(key, found)| (key.line(), found.bytes)).collect();
        let some = |line: &str| Some(line.to_owned());
        assert_eq!(
            lines,
            [
                (some("shop.example:[;;;shop.example;]"), 9),
                (None, 8),
                (None, 7),
                (some("Port 6001 udp:[udp;;6001;;]"), 6),
                (some("Begins ff0001:[udp;;;;0:ff0001]"), 6),
                (None, 5),
            ]
        );
        for n in 0..MAX_UNNAMED + 10 {
            change.session(&host(&format!("{n}.example")), None, "one", 1, None);
        }
        assert_eq!(change.unnamed.len(), MAX_UNNAMED);
    }
}
