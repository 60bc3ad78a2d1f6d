//! Which pages an out tells of, as lists of codes and types.

use toml::de::DeValue;

use super::Reader;
use crate::store::out::{Answers, media_type, status};

/// What the lists of assets have in them.
const STATUS: &str = "codes like 200, \"4xx\" or \"!304\"";
const TYPES: &str = "media types like \"text/html\", \"image/*\" or \"!video/*\"";

impl Reader<'_> {
    /// Which pages become assets.
    pub(super) fn answers(&mut self) -> Answers {
        let answers = Answers {
            status: self.listed("status", STATUS, status),
            types: self.listed("types", TYPES, media_type),
        };
        for (name, is_empty) in [("status", answers.has_no_status()), ("types", answers.has_no_types())] {
            if is_empty && let Some(value) = self.table.get(name) {
                self.wrong.push((value.span(), format!("the list of {name} lets nothing through")));
            }
        }
        answers
    }

    /// A list of which each item stands for itself, as text or as a number.
    fn listed<T>(&mut self, name: &'static str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.asked.push(name);
        let Some(value) = self.table.get(name) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong.push((value.span(), format!("expected a list of {expected} for {name}")));
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in items.iter() {
            let text = match item.get_ref() {
                DeValue::Integer(number) => Some(number.as_str()).filter(|_| number.radix() == 10),
                other => other.as_str(),
            };
            match text.and_then(&read) {
                Some(it) => all.push(it),
                None => self.wrong.push((item.span(), format!("expected {expected} for {name}"))),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::store::out::Way;

    /// An out for assets with these settings too.
    fn answers(lines: &str) -> Result<Answers, Vec<String>> {
        let text = format!(
            "[[out]]\nname = \"a\"\nkind = \"syslog\"\nserver = \"a:1\"\nform = \"asset\"\n{lines}\n"
        );
        match Config::parse(&text, Path::new("/etc/weir")) {
            Ok(config) => match &config.outs[0].way {
                Way::Syslog(syslog) => Ok(syslog.answers.clone()),
                way => panic!("{way:?}"),
            },
            Err(wrong) => Err(wrong.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn codes_are_numbers_or_text() {
        let read =
            answers("status = [200, \"401\", \"!5xx\"]\ntypes = [\"text/html\", \"image/*\"]").unwrap();
        let codes: Vec<_> = read.status.iter().map(|it| (it.is_wanted, it.what.clone())).collect();
        assert_eq!(codes, [(true, 200..=200), (true, 401..=401), (false, 500..=599)]);
        assert_eq!(read.types.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["text/html", "image/"]);
        assert_eq!(answers(""), Ok(Answers::default()));
    }

    #[test]
    fn each_item_that_makes_no_sense_is_told_with_its_place() {
        let wrong =
            answers("status = [200, 20, 1e3, 0x200, true]\ntypes = [\"flow\", \"text/html\"]").unwrap_err();
        let places: Vec<_> = wrong.iter().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["6:16", "6:20", "6:25", "6:32", "7:10"], "{wrong:?}");
        assert!(
            wrong[0].contains("expected codes like 200") && wrong[4].contains("media types like"),
            "{wrong:?}"
        );
        let wrong = answers("status = 200\ntypes = \"text/html\"").unwrap_err();
        assert!(wrong[0].starts_with("6:10: expected a list of codes") && wrong.len() == 2, "{wrong:?}");
        let wrong = answers("status = [404, \"!4xx\"]\ntypes = [\"image/png\", \"!image/*\"]").unwrap_err();
        assert!(wrong[0].starts_with("6:10: the list of status lets nothing through"), "{wrong:?}");
        assert!(wrong[1].starts_with("7:9: the list of types lets nothing through"), "{wrong:?}");
    }

    #[test]
    fn lines_of_eve_have_no_answers_to_choose_from() {
        let text = "[[out]]\nname = \"a\"\nkind = \"syslog\"\nserver = \"a:1\"\nstatus = [200]\n";
        let wrong = Config::parse(text, Path::new("/etc/weir")).unwrap_err();
        assert!(wrong[0].to_string().starts_with("5:1: unknown setting status"), "{wrong:?}");
    }
}
