//! OpenAppFilter's feature.cfg, versions 2 and 3, as a features.txt.
//!
//! ```text
//! #class key number label
//! id name:[proto;sport;dport;host;request;dict{;search;ignore},…]
//! ```
//!
//! An app's class is its id / 1000. There the last line that fits wins, here
//! the first of those that say as much: so the apps come out in reverse. What
//! can't be said here is left out and told, never said wider than it was.

mod dict;
mod feature;
mod host;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::grammar;

/// What became of the file.
#[derive(Debug, Default)]
pub struct Imported {
    /// As features.txt has it.
    pub text: String,
    /// What each odd place became: `line:column: text`.
    pub remarks: Vec<String>,
    pub apps: usize,
    pub features: usize,
}

/// Reads the text of a feature.cfg.
pub fn import(text: &[u8]) -> Imported {
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        match std::str::from_utf8(line) {
            Ok(line) => reader.line(number, line),
            Err(_) => reader.remark(number, 1, "is no UTF-8: left out".into()),
        }
    }
    reader.write()
}

#[derive(Default)]
struct Reader {
    /// By number: key and label.
    classes: HashMap<u64, (String, String)>,
    apps: Vec<App>,
    /// Place in `apps` by the name in small letters.
    names: HashMap<String, usize>,
    remarks: Vec<String>,
}

struct App {
    class: u64,
    name: String,
    features: Vec<String>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let line = line.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(line);
        let line = line.trim_end();
        if let Some(class) = line.strip_prefix("#class") {
            return self.class(number, class);
        }
        if !line.is_empty() && !line.starts_with('#') {
            self.app(number, line);
        }
    }

    fn class(&mut self, number: usize, rest: &str) {
        let mut words = rest.split_whitespace();
        let (key, id) = (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse().ok()));
        let Some(id) = id else {
            return self.remark(number, 1, "class without a number: its apps get one of their own".into());
        };
        let plain: String = (key.to_lowercase().chars())
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .take(32)
            .collect();
        if plain != key {
            self.remark(number, 1, format!("class {key} became {}", class_key(&plain, id)));
        }
        let label: Vec<_> = words.collect();
        let label: String = label.join(" ").chars().filter(|c| !c.is_control()).take(80).collect();
        self.classes.insert(id, (class_key(&plain, id), label));
    }

    fn app(&mut self, number: usize, line: &str) {
        let head = line.split_once(":[").filter(|(_, inside)| inside.ends_with(']'));
        let Some((head, inside)) = head else {
            return self.remark(number, 1, "is no line of an app: left out".into());
        };
        let Some((id, given)) = head.trim_start().split_once(char::is_whitespace) else {
            return self.remark(number, 1, "has no id or no name: left out".into());
        };
        let Ok(id) = id.parse::<u64>() else {
            return self.remark(number, 1, "has an id that is no number: left out".into());
        };
        let allowed = given.chars().filter(|c| grammar::is_of_name(*c)).collect::<String>();
        let name: String = allowed.trim().chars().take(grammar::MAX_NAME).collect();
        let name = name.trim().to_owned();
        if name.is_empty() {
            return self.remark(number, 1, "has no name: left out".into());
        }
        if name != given.trim() {
            self.remark(number, 1, format!("{} is called {name}", given.trim()));
        }
        let mut features = Vec::new();
        let mut column = head.chars().count() + 3;
        for part in inside[..inside.len() - 1].split(',') {
            if let Some(feature) = self.feature(number, column, part.trim(), &name) {
                features.push(feature);
            }
            column += part.chars().count() + 1;
        }
        if features.is_empty() {
            return self.remark(number, 1, format!("{name} has no feature left: left out"));
        }
        if let Some(&place) = self.names.get(&name.to_lowercase()) {
            self.remark(number, 1, format!("{name} was there before: its features went together"));
            // Where the name stood last it counts.
            let mut earlier = std::mem::take(&mut self.apps[place].features);
            earlier.retain(|feature| !features.contains(feature));
            features.extend(earlier);
        }
        self.names.insert(name.to_lowercase(), self.apps.len());
        self.apps.push(App { class: id / 1000, name, features });
    }

    /// One feature as ours; none if it has to be left out.
    fn feature(&mut self, line: usize, column: usize, text: &str, app: &str) -> Option<String> {
        let mut remarks = Vec::new();
        let feature = feature::convert(text, &mut remarks);
        // The grammar has the last word on what is right here.
        let feature = feature.and_then(|feature| match grammar::app_line(&format!("x:[{feature}]")) {
            Ok(_) => Ok(feature),
            Err(complaints) => Err(format!("{feature} has no {}", complaints[0].expected)),
        });
        let result = match feature {
            Ok(feature) => Some(feature),
            Err(why) => {
                remarks = vec![format!("left out: {why}")];
                None
            }
        };
        for remark in remarks {
            self.remark(line, column, format!("{app}: {remark}"));
        }
        result
    }

    fn remark(&mut self, line: usize, column: usize, text: String) {
        // What comes from the file goes to a terminal.
        let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.remarks.push(format!("{line}:{column}: {text}"));
    }

    fn write(self) -> Imported {
        let mut imported = Imported { remarks: self.remarks, ..Imported::default() };
        let (mut open, mut titled) = (None, HashSet::new());
        for app in self.apps.iter().rev().filter(|app| !app.features.is_empty()) {
            if open != Some(app.class) {
                let (key, label) = match self.classes.get(&app.class) {
                    Some((key, label)) => (key.clone(), label.as_str()),
                    None => (class_key("", app.class), ""),
                };
                let label = if titled.insert(app.class) { label } else { "" };
                let _ = writeln!(imported.text, "{}", format!("#class {key} {label}").trim_end());
                open = Some(app.class);
            }
            let _ = writeln!(imported.text, "{}:[{}]", app.name, app.features.join(","));
            imported.apps += 1;
            imported.features += app.features.len();
        }
        imported
    }
}

fn class_key(key: &str, id: u64) -> String {
    if key.is_empty() { format!("class-{id}") } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Evidence, Rules};

    // Made up in their format; none of it is from their file.
    const FILE: &str = "\
#version 25.1.1
#class fruit 1 水果
#class Root_Veg 2 Root vegetables
1001 Pear:[tcp;;;pear.example.com;;,udp;;;;;00:70|01:65|02:61|09:0a]
1002 苹果:[tcp;;443;g7.*.apple.example.net;;,tcp;;;;;1:66,tcp;;;]   
1003 Plum:[;;;plum;;,tcp;;3333;;;00:73:01:00:02:00,tcp;;;plumline;;-2:2f|-1:00]
2001 Carrot:[tcp;;80|8000-8010|!8005;;/carrot;,tcp;9; 99 |100;;;,;;;;;]
2002 Beet:[udp;;;;;0:01|1:02|2:03;bee;1,udp;;77;;;0:01;;1,tcp;;443;;;,]
2003 Leek:[]
9001 Pear:[tcp;;7777;;;]
1:66
1004 Fig:[tcp;;;fig.example.com;/fig;]";

    #[test]
    fn a_file_becomes_one_of_ours() {
        let imported = import(FILE.as_bytes());
        assert_eq!(
            imported.text,
            "\
#class fruit 水果
Fig:[tcp;;;fig.example.com;]
#class class-9
Pear:[tcp;;7777;;,tcp;;;pear.example.com;,udp;;;;0:706561|9:0a]
#class rootveg Root vegetables
Beet:[udp;;77;;0:01,tcp;;443;;]
Carrot:[tcp;9;99|100;;]
#class fruit
Plum:[;;;~plum;,tcp;;3333;;0:73,tcp;;;~plumline;]
苹果:[tcp;;443;g7*.apple.example.net;,tcp;;;;1:66]
"
        );
        assert_eq!((imported.apps, imported.features), (6, 12));
        let rules = Rules::parse(imported.text.as_bytes(), 1000).unwrap();
        assert_eq!((rules.apps().len(), rules.features()), (6, 12));
        assert_eq!(
            imported.remarks,
            [
                "3:1: class Root_Veg became rootveg",
                "5:10: 苹果: host g7.*.apple.example.net became g7*.apple.example.net, from the begin of a label on",
                "5:44: 苹果: 1 of its bytes without a port are there by chance",
                "5:57: 苹果: left out: it has 4 fields, not 6 or 8",
                "6:12: Plum: host plum became ~plum, which may swallow names of others",
                "6:22: Plum: 00:73:01:00:02:00 became 0:73, all that was looked at there",
                "6:52: Plum: host plumline became ~plumline, which may swallow names of others",
                "6:52: Plum: the bytes -2:2f|-1:00 were not looked at beside a host: left out",
                "7:14: Carrot: left out: the request /carrot is looked at nowhere here",
                "7:66: Carrot: left out: it would match everything, or all of a protocol",
                "8:12: Beet: left out: search bee is looked for nowhere here",
                "8:41: Beet: ignore 1 has no meaning here",
                "8:59: Beet: a web port alone takes every session without a name",
                "8:71: Beet: left out: it is empty",
                "9:12: Leek: left out: it is empty",
                "9:1: Leek has no feature left: left out",
                "10:1: Pear was there before: its features went together",
                "11:1: is no line of an app: left out",
                "12:11: Fig: the request /fig is looked at nowhere here; its host stays",
            ]
        );
    }

    #[test]
    fn the_last_line_wins_as_there() {
        let text = import(b"1001 A:[tcp;;99;;;]\n1002 B:[tcp;;99;;;]").text;
        let rules = Rules::parse(text.as_bytes(), 9).unwrap();
        let found = rules.classify(&Evidence { proto: 6, dport: 99, ..Evidence::default() }).unwrap();
        assert_eq!(&*rules.apps()[found.app as usize].name, "B");
    }

    /// Whatever stands in the file, what comes out is a features.txt.
    #[test]
    fn any_file_gives_lines_that_parse() {
        let mut random = 7_u64;
        let mut pick = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % below
        };
        let pieces = [
            "1001 A:[",
            "2002 B#c:[",
            "]",
            ";",
            ";;",
            ",",
            "tcp",
            "udp",
            "80",
            "!9",
            "7-5",
            "a.com",
            "~",
            "*",
            ".*",
            "^",
            "$",
            "-1:00",
            "0:ff",
            "0:12:34",
            "|",
            "\n",
            "#class x 1 y",
            "#class É 2 \u{7}",
            " ",
            "é",
            "99999999999",
            "1001 b:[;;1;;;]\n",
            "1001 B:[;;2;;;]\n",
            "\u{feff}",
            "\r\n",
            "\0",
        ];
        for _ in 0..3_000 {
            let text: String = (0..pick(60)).map(|_| pieces[pick(pieces.len())]).collect();
            let imported = import(text.as_bytes());
            let rules = Rules::parse(imported.text.as_bytes(), 100_000);
            let rules = rules.unwrap_or_else(|mistakes| panic!("{text:?}\n{}\n{mistakes:?}", imported.text));
            assert_eq!((rules.apps().len(), rules.features()), (imported.apps, imported.features));
        }
    }
}
