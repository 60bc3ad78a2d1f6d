//! Whether an encrypted hello is one.

use std::collections::VecDeque;

/// Configurations that are remembered: a handful of providers have all.
const MAX_CONFIGS: usize = 64;

/// Names before encrypted hellos that their providers publish, for devices
/// whose DNS is encrypted too.
const PUBLIC_NAMES: [&str; 3] = ["cloudflare-ech.com", "public.tls-ech.dev", "cover.defo.ie"];

/// Configurations that DNS told of: number and public name, the latest last.
#[derive(Default)]
pub struct Configs(VecDeque<(u8, Box<str>)>);

impl Configs {
    pub fn learn(&mut self, number: u8, name: &[u8]) {
        let Ok(name) = str::from_utf8(name) else { return };
        if self.has(number, name) || name.is_empty() {
            return;
        }
        if self.0.len() >= MAX_CONFIGS {
            self.0.pop_front();
        }
        self.0.push_back((number, name.to_ascii_lowercase().into()));
    }

    /// Whether a hello with `number` that shows `name` hides another one: the
    /// name is the public one of such a configuration.
    pub fn hides(&self, number: u8, name: &str) -> bool {
        self.has(number, name) || PUBLIC_NAMES.contains(&name)
    }

    fn has(&self, number: u8, name: &str) -> bool {
        self.0.iter().any(|(known, public)| *known == number && public.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_hides_a_name_where_its_configuration_is_known() {
        let mut configs = Configs::default();
        assert!(!configs.hides(3, "public.example") && configs.hides(3, "cloudflare-ech.com"));
        configs.learn(3, b"Public.example");
        configs.learn(4, b"\xff");
        assert!(configs.hides(3, "public.example"));
        assert!(!configs.hides(4, "public.example") && !configs.hides(3, "www.example"));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut configs = Configs::default();
        for number in 0..=u8::MAX {
            configs.learn(number, b"public.example");
            configs.learn(number, b"public.example");
        }
        assert_eq!(configs.0.len(), MAX_CONFIGS);
        assert!(configs.hides(255, "public.example") && !configs.hides(0, "public.example"));
    }
}
