//! The names of a session's server, each with how it is known.

use std::sync::Arc;

use crate::dissect::dns::push_json;

/// How a name is known; what comes later says more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Somebody asked DNS whose address it is.
    Reverse,
    /// The client showed it before the hello that it encrypted: its provider's.
    Ech,
    /// The server's certificate is for it.
    Cert,
    /// The device was told this address for several names, this one last.
    SharedDns,
    /// The device was told this address for the name.
    Dns,
    /// The client asked the server for it…
    Http,
    Sni,
    Quic,
}

impl Source {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Reverse => "reverse",
            Source::Ech => "ech",
            Source::Cert => "cert",
            Source::SharedDns | Source::Dns => "dns",
            Source::Http => "http",
            Source::Sni => "sni",
            Source::Quic => "quic",
        }
    }

    /// How sure a name from there is, of 100. Clients may send any name, but
    /// servers rarely answer to it.
    pub fn confidence(self) -> u8 {
        match self {
            Source::Reverse => 20,
            Source::Ech => 30,
            Source::Cert => 40,
            Source::SharedDns => 60,
            Source::Dns => 80,
            Source::Http | Source::Sni | Source::Quic => 95,
        }
    }
}

/// All of one session, the surest first. Most have one or two.
#[derive(Default)]
pub struct Hosts(Vec<(Source, Arc<str>)>);

impl Hosts {
    /// Adds a name; `false` when it says nothing new. A source has one name,
    /// the first: that is what the session began with.
    pub fn add(&mut self, source: Source, name: &Arc<str>) -> bool {
        if self.0.iter().any(|(known, _)| *known == source) {
            return false;
        }
        let place = self.0.iter().position(|(known, _)| *known < source).unwrap_or(self.0.len());
        let is_new = self.0.iter().all(|(_, known)| known != name);
        self.0.reserve_exact(1);
        self.0.insert(place, (source, name.clone()));
        is_new
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The surest.
    pub fn first(&self) -> Option<(Source, &Arc<str>)> {
        self.0.first().map(|(source, name)| (*source, name))
    }

    /// Each name, the surest first.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(_, name)| name)
    }

    /// `[{"name":…,"source":…,"confidence":…}]` where there is more than one.
    pub fn json(&self) -> Option<String> {
        let (_, first) = self.0.first()?;
        if self.0.iter().all(|(_, name)| name == first) {
            return None;
        }
        let mut text = String::new();
        for (source, name) in &self.0 {
            text.push_str(if text.is_empty() { "[{\"name\":" } else { ",{\"name\":" });
            push_json(&mut text, name);
            text.push_str(&format!(
                ",\"source\":\"{}\",\"confidence\":{}}}",
                source.name(),
                source.confidence()
            ));
        }
        Some(text + "]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_comes_before_what_dns_said() {
        let mut hosts = Hosts::default();
        assert!(hosts.first().is_none() && hosts.json().is_none());
        assert!(hosts.add(Source::Dns, &"cdn.example".into()));
        assert!(hosts.json().is_none(), "one name needs no list");
        assert!(hosts.add(Source::Sni, &"www.example".into()));
        assert!(!hosts.add(Source::Sni, &"other.example".into()), "the first holds");
        assert!(!hosts.add(Source::Cert, &"www.example".into()), "known already");
        assert_eq!(
            hosts.first().map(|(source, name)| (source.name(), &**name)),
            Some(("sni", "www.example"))
        );
        assert_eq!(
            hosts.json().as_deref(),
            Some(
                r#"[{"name":"www.example","source":"sni","confidence":95},{"name":"cdn.example","source":"dns","confidence":80},{"name":"www.example","source":"cert","confidence":40}]"#
            )
        );
    }
}
