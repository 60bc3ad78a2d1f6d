//! Which app a session of the past gets by the rules of today.

use std::collections::HashSet;
use std::sync::Arc;

use super::feature::DNS_PORT;
use super::{By, Evidence, Rules};

/// Names sessions again, of which only the row is left.
pub struct Relabel<'a> {
    rules: &'a Rules,
    names: HashSet<&'a str>,
}

impl<'a> Relabel<'a> {
    pub fn new(rules: &'a Rules) -> Relabel<'a> {
        Relabel { rules, names: rules.apps().iter().map(|app| &*app.name).collect() }
    }

    /// The app to write over `old`; none when `old` is to stay.
    ///
    /// The first bytes are gone. So a name that they may have given stays,
    /// unless its app is gone too or a host says otherwise: a host outranks
    /// bytes, an address and a port do not. A session of DNS has its app by the
    /// name that was asked for, which is not in its row: that stays too.
    pub fn app(&self, evidence: &Evidence<'_>, old: Option<&str>) -> Option<Arc<str>> {
        let found = self.rules.classify(evidence)?;
        let name = &self.rules.apps()[found.app as usize].name;
        let changes = match old {
            None => true,
            Some(old) if old == &**name => false,
            Some(old) => !self.names.contains(old) || (found.by() == By::Host && evidence.dport != DNS_PORT),
        };
        changes.then(|| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_given_by_bytes_stays_while_its_app_is_there() {
        let rules =
            Rules::parse(b"A:[;;;a.io;]\nB:[udp;;9;;,;;;192.0.2.0/24;]\nC:[udp;;;;0:010203]\n", 9).unwrap();
        let relabel = Relabel::new(&rules);
        let app = |host, dport, old| {
            let evidence = Evidence { proto: 17, dport, host, ..Evidence::default() };
            relabel.app(&evidence, old).map(|name| name.to_string())
        };
        let a = Some("A".to_owned());
        let b = Some("B".to_owned());
        assert_eq!(app(Some("x.a.io"), 9, None), a);
        assert_eq!(app(Some("x.a.io"), 9, Some("C")), a, "the host is another app's");
        assert_eq!(app(Some("x.a.io"), 9, Some("A")), None);
        assert_eq!(app(None, 9, Some("C")), None, "bytes outrank a port");
        assert_eq!(app(None, 9, Some("Gone")), b);
        assert_eq!(app(None, 9, None), b);
        assert_eq!(app(None, 10, Some("Gone")), None, "nothing better is known");
        assert_eq!(app(Some("dns.a.io"), 53, Some("C")), None, "the question may have been for C");
        assert_eq!(app(Some("dns.a.io"), 53, Some("Gone")), a);
        let server = Some([192, 0, 2, 1].into());
        let evidence = Evidence { proto: 6, dport: 443, server, ..Evidence::default() };
        assert_eq!(relabel.app(&evidence, None).as_deref(), Some("B"));
        assert_eq!(relabel.app(&evidence, Some("C")), None, "bytes outrank an address");
    }
}
