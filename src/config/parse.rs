//! Reading config.toml, and writing the one that shows every default.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Config, SECTIONS, SourceKind, StopWay, outs, policies, threats};

/// Where the daemon's configuration is when nobody says where.
const PLACES: [&str; 2] = ["config.toml", "/etc/weir/config.toml"];

/// A mistake in config.toml.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub text: String,
}

/// `3:12: expected true or false`; the file's name goes before it.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.text)
    }
}

impl Config {
    /// Reads the text of a file that lies in `folder`, to which its paths are
    /// relative. All mistakes come back, in order.
    pub fn parse(text: &str, folder: &Path) -> Result<Config, Vec<Mistake>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader { text, mistakes: Vec::new(), config: Config::default() };
        for error in errors {
            reader.complain(error.span().map_or(0, |span| span.start), error.message().into());
        }
        for (section, settings) in table.get_ref() {
            let (at, settings) = (section.span(), settings.get_ref());
            let mut wrong = Vec::new();
            let mut complain = |complaint| wrong.push(complaint);
            match &**section.get_ref() {
                "policy" => reader.config.policies = policies::read(at, settings, &mut complain),
                "threat" => reader.config.threat_lists = threats::read(at, settings, &mut complain),
                "out" => reader.config.outs = outs::read(at, settings, &mut complain),
                name => reader.section(name, at.start, settings),
            }
            wrong.into_iter().for_each(|(span, text)| reader.complain(span.start, text));
        }
        if reader.config.blocking.way.0 == StopWay::Resets
            && reader.config.capture.source.0 == SourceKind::Heads
        {
            let way = table.get_ref().get("blocking").and_then(|section| section.get_ref().get("way"));
            let text = "resets need every frame: source in [capture] has to be \"tap\" or \"auto\" with them";
            reader.complain(way.map_or(0, |way| way.span().start), text.into());
        }
        let Reader { mut mistakes, mut config, .. } = reader;
        mistakes.sort();
        mistakes.dedup();
        if mistakes.is_empty() {
            config.set_folder(folder);
            Ok(config)
        } else {
            Err(mistakes)
        }
    }

    /// Paths in the file are relative to it.
    pub fn set_folder(&mut self, folder: &Path) {
        let Config { apps, places, devices, sqlite, mariadb, export, daemon, outs, threat_lists, .. } = self;
        outs.iter_mut().for_each(|out| out.set_folder(folder));
        let daemons = [&mut daemon.control, &mut daemon.web_info, &mut daemon.web_password];
        let others = [&mut apps.features, &mut devices.labels, &mut sqlite.path, &mut export.folder];
        for path in others.into_iter().chain(daemons) {
            *path = folder.join(&path);
        }
        for list in threat_lists {
            list.path = folder.join(&list.path);
        }
        let optional = [&mut sqlite.copy, &mut mariadb.ca, &mut places.country, &mut places.asn];
        let optional = optional.into_iter().chain([&mut devices.vendors, &mut devices.leases]);
        for path in optional.flatten() {
            *path = folder.join(&path);
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
    config: Config,
}

impl Reader<'_> {
    fn section(&mut self, name: &str, at: usize, settings: &DeValue<'_>) {
        let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
            let known = SECTIONS.iter().map(|section| section.name);
            return self.complain(at, format!("unknown section [{name}]{}", suggestion(name, known)));
        };
        let Some(settings) = settings.as_table() else {
            return self.complain(at, format!("expected settings below [{name}]"));
        };
        for (key, value) in settings {
            let setting = key.get_ref();
            match self.config.set(name, setting, value.get_ref()) {
                Some(Ok(())) => {}
                Some(Err(expected)) => {
                    self.complain(value.span().start, format!("expected {expected} for {setting}"));
                }
                None => {
                    let known = section.settings.iter().map(|setting| setting.name);
                    let hint = suggestion(setting, known);
                    self.complain(key.span().start, format!("unknown setting {setting} in [{name}]{hint}"));
                }
            }
        }
    }

    fn complain(&mut self, at: usize, text: String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[begin..].chars().count() + 1;
        self.mistakes.push(Mistake { line, column, text });
    }
}

/// `, did you mean snaplen?` for a name that is nearly one of `known`.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 2 + known.len() / 4 => format!(", did you mean {known}?"),
        _ => String::new(),
    }
}

/// Letters to add, drop or change to turn one word into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.chars().take(64).enumerate() {
        let mut corner = n;
        row[0] = n + 1;
        for (m, b) in other.iter().enumerate() {
            let changed = corner + usize::from(a != *b);
            corner = row[m + 1];
            row[m + 1] = changed.min(corner + 1).min(row[m] + 1);
        }
    }
    row[other.len()]
}

/// The file that is read when none is named: the first that exists.
pub fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// config.toml with every setting, its meaning and its default.
pub fn default_file() -> String {
    let mut out = String::from(
        "# Weir's settings, each with its default and meaning. `weir check` tells every\n\
         # mistake in this file with its line. Sizes are written \"4MiB\" or \"512KiB\",\n\
         # times \"30s\", \"5min\", \"12h\" or \"30days\".\n",
    );
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, section.doc);
        out.push_str(&format!("[{}]\n", section.name));
        for (n, setting) in section.settings.iter().enumerate() {
            if n > 0 {
                out.push('\n');
            }
            comment(&mut out, setting.doc);
            out.push_str(&format!("{} = {}\n", setting.name, (setting.default)()));
        }
    }
    out.push_str(policies::EXAMPLE);
    out.push_str(threats::EXAMPLE);
    out.push_str(outs::EXAMPLE);
    out
}

fn comment(out: &mut String, doc: &str) {
    for line in doc.lines() {
        out.push_str(&format!("# {}\n", line.trim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let found = Config::parse(text, Path::new("/etc/weir")).unwrap_err();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_file_that_is_shipped_shows_every_default() {
        let shipped = include_str!("../../config.toml");
        if std::env::var_os("WEIR_UPDATE").is_some() {
            std::fs::write("config.toml", default_file()).unwrap();
        } else {
            let expected = default_file();
            let differs = shipped.lines().zip(expected.lines()).find(|(a, b)| a != b);
            assert_eq!(differs, None, "run WEIR_UPDATE=1 cargo test config");
            assert_eq!(shipped.len(), expected.len());
        }
        let mut expected = Config::default();
        expected.set_folder(Path::new("/etc/weir"));
        assert_eq!(Config::parse(&default_file(), Path::new("/etc/weir")), Ok(expected));
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let config = Config::parse("", Path::new("/etc/weir")).unwrap();
        assert_eq!(config.apps.features, Path::new("/etc/weir/features.txt"));
        assert_eq!(config.sqlite.path, Path::new("/tmp/weir/weir.db"));
    }

    #[test]
    fn values_are_written_as_people_do() {
        let text =
            "[capture]\nbuffer = \"512KiB\"\ntunnels = [\"gre\"]\n[sessions]\nudp_timeout = \"2min\"\n";
        let config = Config::parse(text, Path::new("")).unwrap();
        assert_eq!((*config.capture.buffer, config.capture.tunnels.0.len()), (512 << 10, 1));
        assert_eq!(config.sessions.udp_timeout.as_secs(), 120);
    }

    #[test]
    fn policies_are_read_as_the_example_has_them() {
        // Its last line explains; the settings stand after a sign of a comment.
        let lines = policies::EXAMPLE.lines().filter_map(|line| line.strip_prefix("# "));
        let is_setting = |line: &&str| line.starts_with('[') || line.contains(" = ");
        let text: Vec<&str> = lines.filter(is_setting).collect();
        let config = Config::parse(&text.join("\n"), Path::new("")).unwrap();
        let [policy] = &config.policies[..] else { panic!("{text:?}") };
        assert_eq!((&*policy.name, policy.devices.len(), policy.times.len()), ("no games at night", 2, 2));
        assert!(policy.dry_run && policy.quota.is_some() && policy.hosts == ["example.com"]);
    }

    #[test]
    fn lists_are_read_as_the_example_has_them() {
        let lines = threats::EXAMPLE.lines().filter_map(|line| line.strip_prefix("# "));
        let text: Vec<&str> = lines.filter(|line| line.starts_with('[') || line.contains(" = ")).collect();
        let config = Config::parse(&text.join("\n"), Path::new("/etc/weir")).unwrap();
        let [list] = &config.threat_lists[..] else { panic!("{text:?}") };
        assert_eq!((&*list.name, list.severity), ("FireHOL", 1));
        assert_eq!(list.path, Path::new("/etc/weir/lists/firehol_level1.netset"));
        assert_eq!(
            mistakes(
                "[[threat]]\nname = \"a\"\npath = 7\nseverity = 4\nurl = 1\n[[threat]]\nname = \"a\"\npath = \"x\"\n\
                 [[threat]]\npath = \"x\"\n"
            ),
            [
                "1:1: a [[threat]] needs a path",
                "3:8: expected a path in quotes for path",
                "4:12: expected 1, 2 or 3 for severity",
                "5:1: unknown setting url in [[threat]]; there are name, path, severity",
                "6:1: there is another list \"a\"",
                "9:1: a [[threat]] needs a name",
            ]
        );
        assert_eq!(mistakes("[threat]\nname = \"a\"")[0], "1:2: expected [[threat]], with double brackets");
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        assert_eq!(
            mistakes(
                "[capture]\nsnaplenn = 3\nsnaplen = 3\npromiscuous = \"yes\"\n\
                 [sesions]\nx = 1\n[store]\nkind = \"oracle\"\n  delay = 7\n[dns\n"
            ),
            [
                "2:1: unknown setting snaplenn in [capture], did you mean snaplen?",
                "3:11: expected a whole number from 96 to 262144 for snaplen",
                "4:15: expected true or false for promiscuous",
                "5:2: unknown section [sesions], did you mean sessions?",
                "8:8: expected one of \"sqlite\", \"mariadb\", \"none\" for kind",
                "9:11: expected a time from \"0s\" to \"1h\" for delay",
                "10:5: unclosed table, expected `]`",
            ]
        );
        assert_eq!(
            mistakes(
                "[[policy]]\nname = \"a\"\ntimes = [\"at night\"]\ndevices = [\"tablet\"]\nquota = 3\nwho = 1\n\
                 [[policy]]\nname = \"a\"\napps = []\n[[policy]]\n"
            ),
            [
                "3:9: expected a list of times like \"mon-fri 21:00-07:00\" for times",
                "4:11: expected a list of MAC addresses, addresses or networks like 192.168.2.0/24 for devices",
                "5:9: expected a time of a day like \"2h\" or a volume like \"500MB\" for quota",
                "6:1: unknown setting who in [[policy]]; there are name, devices, apps, classes, hosts, times, \
                 quota, dry_run",
                "7:1: there is another policy \"a\"",
                "9:8: expected a list of names as in features.txt for apps",
                "10:1: a [[policy]] needs a name",
            ]
        );
        assert_eq!(mistakes("[policy]\nname = \"a\"")[0], "1:2: expected [[policy]], with double brackets");
        let contrary = "[blocking]\nway = \"resets\"\n[capture]\nsource = ";
        assert_eq!(
            mistakes(&format!("{contrary}\"heads\"")),
            ["2:7: resets need every frame: source in [capture] has to be \"tap\" or \"auto\" with them"]
        );
        assert!(Config::parse(&format!("{contrary}\"auto\""), Path::new("")).is_ok());
        assert_eq!(mistakes("capture = 1")[0], "1:1: expected settings below [capture]");
        assert_eq!(mistakes("[zzz]")[0], "1:2: unknown section [zzz]");
    }
}
