//! `[[out]]`: any number of them, each a table of its own with the settings of
//! its kind.

mod answers;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::lists::{self, Complaint, Several};
use super::setting::{Number, Setting, Size, Span};
use crate::http::Url;
use crate::store::eve;
use crate::store::out::{
    Answers, EveFile, FACILITIES, Form, Framing, Header, Influx, Ipfix, MAX_OUTS, Mqtt, Out, Peer, Secret,
    Syslog, Transport, Types, Way,
};

const SECTION: Several = Several { name: "out", plural: "outs", most: MAX_OUTS };

/// As config.toml shows it.
pub const EXAMPLE: &str = "
# Further ways out for records, as often as wanted, each with a queue of its
# own: one that is away holds up nothing else, and what is lost is in `weir
# status`. Each needs a name and a kind. `types` are those of EVE, all if none
# is named; details such as \"tls\" are made for who names them. A password or
# token can lie in a file instead: password_file, token_file.
# A file, or \"-\" for standard output. Earlier files stay as eve.json.1.gz and so on.
# [[out]]
# name = \"log\"
# kind = \"eve\"
# path = \"/tmp/weir/eve.json\"
# types = [\"flow\", \"dns\", \"alert\"]
# rotate_size = \"10MiB\"
# rotate_every = \"1day\"
# keep = 5
# compress = true
# max_queue = 5000
# \"udp\" or \"tcp\", where messages have their length before them (\"octets\") or
# a \"newline\" behind; \"rfc5424\" or \"rfc3164\".
# [[out]]
# name = \"siem\"
# kind = \"syslog\"
# server = \"192.0.2.1:514\"
# transport = \"tcp\"
# framing = \"octets\"
# header = \"rfc5424\"
# facility = \"daemon\"
# tag = \"weir\"
# form = \"eve\"
# The form \"asset\" has services alone, as passive asset platforms read them; deep
# adds the body of pages. status and types say which pages, by the code and media
# type of what was answered: those that are named, or all but those behind a \"!\".
# [[out]]
# name = \"assets\"
# kind = \"syslog\"
# server = \"192.0.2.1:514\"
# form = \"asset\"
# deep = false
# status = [200, 401, \"5xx\"]
# types = [\"!image/*\", \"!video/*\"]
# Volumes, coverage and losses. Version 1 has db, user and password instead of
# org, bucket and token.
# [[out]]
# name = \"influx\"
# kind = \"influx\"
# url = \"http://192.0.2.1:8086\"
# org = \"home\"
# bucket = \"weir\"
# token_file = \"/etc/weir/influx.token\"
# Each device's rates and presence, by MQTT 3.1.1, as Home Assistant discovers
# them; discovery \"\" for states alone.
# [[out]]
# name = \"home\"
# kind = \"mqtt\"
# server = \"192.0.2.1:1883\"
# user = \"weir\"
# password_file = \"/etc/weir/mqtt.password\"
# client_id = \"weir\"
# topic = \"weir\"
# discovery = \"homeassistant\"
# qos = 1
# away_after = \"5min\"
# Sessions as IPFIX, by \"udp\" or \"tcp\".
# [[out]]
# name = \"flows\"
# kind = \"ipfix\"
# server = \"192.0.2.1:4739\"
# transport = \"udp\"
# domain = 1
";

/// Reads the list of outs; `at` is where its name stands.
pub fn read(at: Range<usize>, value: &DeValue<'_>, complain: &mut dyn FnMut(Complaint)) -> Vec<Out> {
    let mut outs: Vec<Out> = Vec::new();
    for (span, table) in SECTION.tables(at, value, complain) {
        let reader = Reader { table, span: span.clone(), asked: Vec::new(), wrong: Vec::new() };
        let (out, wrong) = reader.out();
        wrong.into_iter().for_each(&mut *complain);
        let Some(out) = out else { continue };
        if outs.iter().any(|other| other.name == out.name) {
            complain((span, format!("there is another out {:?}", out.name)));
        }
        outs.push(out);
    }
    outs
}

/// Takes settings out of a table. What nobody asks for is a mistake.
struct Reader<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: Vec<&'static str>,
    wrong: Vec<Complaint>,
}

/// What a value is, or what was expected.
type Read<T> = Result<T, String>;

impl Reader<'_> {
    /// The out, as far as it can be read, and all that is wrong with it.
    fn out(mut self) -> (Option<Out>, Vec<Complaint>) {
        let name = self.need("name", title);
        let kind = self.need("kind", |value| one_of(value, &KINDS));
        let max_queue = self.get("max_queue", 5000, number::<100, 1_000_000>);
        let way = match kind {
            Some("eve") => self.eve(),
            Some("syslog") => self.syslog(),
            Some("influx") => self.influx(),
            Some("mqtt") => self.mqtt(),
            Some("ipfix") => self.ipfix(),
            // Which settings it may have is not known then.
            _ => return (None, self.wrong),
        };
        for (key, _) in self.table {
            if !self.asked.iter().any(|asked| asked == key.get_ref()) {
                let known = self.asked.join(", ");
                let (key, kind) = (key.clone(), kind.unwrap_or_default());
                let text = format!(
                    "unknown setting {} in an [[out]] of kind {kind}; there are {known}",
                    key.get_ref()
                );
                self.wrong.push((key.span(), text));
            }
        }
        let out =
            name.zip(way).map(|(name, way)| Out { name: name.into(), max_queue: max_queue as usize, way });
        (out, self.wrong)
    }

    fn eve(&mut self) -> Option<Way> {
        let path = self.need("path", PathBuf::read);
        let file = EveFile {
            types: self.get("types", Types::default(), types),
            rotate_size: self.get("rotate_size", 10 << 20, |value| {
                Size::<0, { 1 << 31 }>::read(value).map(|size| u64::from(*size))
            }),
            rotate_every: self.get("rotate_every", DAY, span::<0, 31_536_000>),
            keep: self.get("keep", 5, number::<0, 1000>),
            compress: self.get("compress", true, bool::read),
            path: path?,
        };
        Some(Way::Eve(file))
    }

    fn syslog(&mut self) -> Option<Way> {
        let peer = self.peer();
        let form = self.choice("form", [("eve", Form::Eve), ("asset", Form::Asset)]);
        // What is a type, goes by the form.
        let (types, answers) = match form {
            Form::Eve => (self.get("types", Types::default(), types), Answers::default()),
            Form::Asset => (Types::default(), self.answers()),
        };
        let syslog = Syslog {
            types,
            answers,
            form,
            header: self.choice("header", [("rfc5424", Header::Rfc5424), ("rfc3164", Header::Rfc3164)]),
            framing: self.choice("framing", [("octets", Framing::Octets), ("newline", Framing::Newline)]),
            facility: self.get("facility", 3, facility),
            tag: self.get("tag", "weir".into(), text),
            deep: self.get("deep", false, bool::read),
            peer: peer?,
        };
        Some(Way::Syslog(syslog))
    }

    fn influx(&mut self) -> Option<Way> {
        let url = self.need("url", |value| {
            let url: Option<Url> = value.as_str().and_then(|text| text.parse().ok());
            // What is posted has a query of its own.
            url.filter(|url| !url.path.contains('?'))
                .ok_or_else(|| "a URL like \"http://192.0.2.1:8086\", without TLS or an account,".into())
        });
        let influx = Influx {
            org: self.get("org", String::new(), text),
            bucket: self.get("bucket", String::new(), text),
            token: self.secret("token", "token_file"),
            db: self.get("db", String::new(), text),
            user: self.get("user", String::new(), text),
            password: self.secret("password", "password_file"),
            url: url?,
        };
        if influx.bucket.is_empty() == influx.db.is_empty() {
            let text = "an [[out]] of kind influx needs a bucket (version 2) or a db (version 1)";
            self.wrong.push((self.span.clone(), text.into()));
        }
        Some(Way::Influx(influx))
    }

    fn mqtt(&mut self) -> Option<Way> {
        let peer = self.need("server", server).map(|server| Peer { server, transport: Transport::Tcp });
        let mqtt = Mqtt {
            client_id: self.get("client_id", "weir".into(), text),
            user: self.get("user", String::new(), text),
            password: self.secret("password", "password_file"),
            topic: self.get("topic", "weir".into(), topic),
            discovery: self.get("discovery", "homeassistant".into(), |value| match value.as_str() {
                Some("") => Ok(String::new()),
                _ => topic(value),
            }),
            qos: self.get("qos", 0, number::<0, 1>) as u8,
            away_after: self.get("away_after", Duration::from_secs(300), span::<60, 86_400>),
            peer: peer?,
        };
        Some(Way::Mqtt(mqtt))
    }

    fn ipfix(&mut self) -> Option<Way> {
        let domain = self.get("domain", 1, number::<0, { u32::MAX }>);
        Some(Way::Ipfix(Ipfix { peer: self.peer()?, domain }))
    }

    fn peer(&mut self) -> Option<Peer> {
        let server = self.need("server", server);
        let transport = self.choice("transport", [("udp", Transport::Udp), ("tcp", Transport::Tcp)]);
        Some(Peer { server: server?, transport })
    }

    /// A password or the file that it is in; both would be one too many.
    fn secret(&mut self, name: &'static str, file: &'static str) -> Secret {
        let here = self.get(name, Secret::None, |value| text(value).map(Secret::Text));
        let there = self.get(file, Secret::None, |value| PathBuf::read(value).map(Secret::File));
        match (here, there) {
            (here, Secret::None) => here,
            (Secret::None, there) => there,
            _ => {
                self.wrong.push((self.span.clone(), format!("expected {name} or {file}, not both")));
                Secret::None
            }
        }
    }

    /// One of a few words; the first of them when none is there.
    fn choice<T: Copy, const N: usize>(&mut self, name: &'static str, choices: [(&'static str, T); N]) -> T {
        let words = choices.map(|(word, _)| word);
        let place = self.get(name, 0, |value| {
            let word = one_of(value, &words)?;
            words.iter().position(|known| *known == word).ok_or_else(String::new)
        });
        choices[place].1
    }

    /// The setting `name`, which can't be left out.
    fn need<T>(&mut self, name: &'static str, read: impl Fn(&DeValue<'_>) -> Read<T>) -> Option<T> {
        if !self.table.contains_key(name) {
            self.asked.push(name);
            self.wrong.push((self.span.clone(), format!("this [[out]] needs a {name}")));
            return None;
        }
        self.get(name, None, |value| read(value).map(Some))
    }

    /// The setting `name`, or `usual` where it is left out or wrong.
    fn get<T>(&mut self, name: &'static str, usual: T, read: impl Fn(&DeValue<'_>) -> Read<T>) -> T {
        self.asked.push(name);
        let Some(value) = self.table.get(name) else { return usual };
        read(value.get_ref()).unwrap_or_else(|expected| {
            self.wrong.push((value.span(), format!("expected {expected} for {name}")));
            usual
        })
    }
}

const DAY: Duration = Duration::from_secs(86_400);

const KINDS: [&str; 5] = ["eve", "syslog", "influx", "mqtt", "ipfix"];

fn text(value: &DeValue<'_>) -> Read<String> {
    lists::text(value).map(Into::into).map_err(Into::into)
}

/// A name has to fit where stages are written down.
fn title(value: &DeValue<'_>) -> Read<String> {
    let name = text(value).ok().filter(|name| name.chars().count() <= 64);
    name.ok_or_else(|| "a name of at most 64 characters".into())
}

/// What a topic of MQTT may begin with: no wildcards, no empty parts.
fn topic(value: &DeValue<'_>) -> Read<String> {
    let is_topic = |text: &String| !text.contains(['+', '#']) && text.split('/').all(|part| !part.is_empty());
    text(value).ok().filter(is_topic).ok_or_else(|| "a topic like \"weir\" or \"home/weir\"".into())
}

/// `host:port`, and `[address]:port` for IPv6.
fn server(value: &DeValue<'_>) -> Read<String> {
    let is_server = |text: &String| {
        text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_whole = !host.contains(':') || host.starts_with('[') && host.ends_with(']');
            !host.is_empty() && is_whole && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    let server = text(value).ok().filter(is_server);
    server.ok_or_else(|| "a server with its port like \"192.0.2.1:514\" or \"[2001:db8::1]:514\"".into())
}

fn facility(value: &DeValue<'_>) -> Read<u8> {
    let name = one_of(value, &FACILITIES)?;
    let place = FACILITIES.iter().position(|facility| *facility == name);
    place.and_then(|place| u8::try_from(place).ok()).ok_or_else(String::new)
}

fn types(value: &DeValue<'_>) -> Read<Types> {
    let items = value.as_array().and_then(|items| {
        items.iter().map(|item| one_of(item.get_ref(), &eve::TYPES).ok()).collect::<Option<Vec<_>>>()
    });
    items.map(Types).ok_or_else(|| format!("a list of {}", quoted(&eve::TYPES)))
}

fn number<const MIN: u32, const MAX: u32>(value: &DeValue<'_>) -> Read<u32> {
    Number::<MIN, MAX>::read(value).map(|number| *number)
}

fn span<const MIN: u32, const MAX: u32>(value: &DeValue<'_>) -> Read<Duration> {
    Span::<MIN, MAX>::read(value).map(|span| *span)
}

fn one_of(value: &DeValue<'_>, words: &[&'static str]) -> Read<&'static str> {
    let word = value.as_str().and_then(|text| words.iter().find(|word| **word == text).copied());
    word.ok_or_else(|| format!("one of {}", quoted(words)))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}
