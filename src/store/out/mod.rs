//! Further ways out for records, beside the database: each a [`Store`] of its
//! own behind a queue and a thread of its own, so that one which is away holds
//! up nothing but itself.

mod answers;
mod asset;
mod file;
mod influx;
mod ipfix;
mod link;
mod mqtt;
mod syslog;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use answers::{Answers, kind as media_type, status};
pub use link::Transport;
pub use syslog::{FACILITIES, Form, Framing, Header};

use super::eve::{self, Eve};
use super::rollup::Zone;
use super::{Error, Store};
use crate::http::Url;
use crate::record::{Proto, Record};
use crate::time::Time;

/// Ways out at once: each has a thread and a queue.
pub const MAX_OUTS: usize = 16;

/// One way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Out {
    /// What status, log and health call it.
    pub name: Arc<str>,
    /// Records that wait while it is busy or away.
    pub max_queue: usize,
    pub way: Way,
}

/// What kind of way it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    Eve(EveFile),
    Syslog(Syslog),
    Influx(Influx),
    Mqtt(Mqtt),
    Ipfix(Ipfix),
}

/// EVE JSON to a file, or to standard output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EveFile {
    /// "-" is standard output.
    pub path: PathBuf,
    pub types: Types,
    /// Bytes from which on another file is begun; 0 for never.
    pub rotate_size: u64,
    /// How long one file is written to; zero for as long as it takes.
    pub rotate_every: Duration,
    /// Earlier files that stay.
    pub keep: u32,
    /// Whether those are compressed.
    pub compress: bool,
}

/// Lines to a syslog server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syslog {
    pub peer: Peer,
    pub types: Types,
    pub header: Header,
    pub framing: Framing,
    /// As syslog numbers it (RFC 5424, 6.2.1).
    pub facility: u8,
    /// APP-NAME or TAG; in assets which sensor it is.
    pub tag: String,
    pub form: Form,
    /// Whether assets have the body of a page.
    pub deep: bool,
    /// Which pages assets are made of.
    pub answers: Answers,
}

/// Points to an InfluxDB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Influx {
    pub url: Url,
    /// Of version 2; empty for version 1.
    pub org: String,
    pub bucket: String,
    pub token: Secret,
    /// Of version 1.
    pub db: String,
    pub user: String,
    pub password: Secret,
}

/// States to a broker, for home automation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mqtt {
    pub peer: Peer,
    pub client_id: String,
    pub user: String,
    pub password: Secret,
    /// What all topics begin with.
    pub topic: String,
    /// Where Home Assistant looks for what there is; empty for nobody.
    pub discovery: String,
    /// 0 or 1.
    pub qos: u8,
    /// A device that was silent for this long is away.
    pub away_after: Duration,
}

/// Sessions to a collector of flows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ipfix {
    pub peer: Peer,
    /// Observation domain.
    pub domain: u32,
}

/// A server, as `host:port`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    pub server: String,
    pub transport: Transport,
}

/// Types of events, by EVE's names; none named means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Types(pub Vec<&'static str>);

impl Types {
    fn has(&self, record: &Record) -> bool {
        eve::event_type(record).is_some_and(|kind| self.0.is_empty() || self.0.contains(&kind))
    }
}

/// A password or a token, or the file that it is in. It is never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Secret {
    #[default]
    None,
    Text(String),
    File(PathBuf),
}

/// A longer file is none with a password.
const MAX_SECRET: u64 = 4096;

impl Secret {
    /// The secret itself; a file is read each time, so that it may change.
    fn read(&self) -> Result<Option<String>, Error> {
        let path = match self {
            Secret::None => return Ok(None),
            Secret::Text(text) => return Ok(Some(text.clone())),
            Secret::File(path) => path,
        };
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| {
            std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_SECRET), &mut text)
        });
        read.map_err(|error| Error::Retry(format!("{}: {error}", path.display())))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::None => "none",
            Secret::Text(_) => "set",
            Secret::File(_) => "in a file",
        })
    }
}

impl Out {
    /// EVE JSON of all records, details too, on standard output.
    pub fn stdout() -> Out {
        let way = EveFile {
            path: "-".into(),
            types: Types(eve::TYPES.to_vec()),
            rotate_size: 0,
            rotate_every: Duration::ZERO,
            keep: 0,
            compress: false,
        };
        Out { name: "stdout".into(), max_queue: 20_000, way: Way::Eve(way) }
    }

    /// Its paths are relative to `folder`.
    pub fn set_folder(&mut self, folder: &Path) {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        let secrets = match &mut self.way {
            Way::Eve(file) if file.path.as_os_str() != "-" => return join(&mut file.path),
            Way::Influx(influx) => vec![&mut influx.token, &mut influx.password],
            Way::Mqtt(mqtt) => vec![&mut mqtt.password],
            Way::Eve(_) | Way::Syslog(_) | Way::Ipfix(_) => Vec::new(),
        };
        for secret in secrets {
            if let Secret::File(path) = secret {
                join(path);
            }
        }
    }

    /// Opens it. What has a server is not asked for now, but when there is
    /// something to write. `zone` is for what shows the clock on the wall.
    pub fn open(&self, zone: Zone) -> Result<Box<dyn Store + Send>, Error> {
        Ok(match &self.way {
            Way::Eve(file) if file.path.as_os_str() == "-" => Box::new(Eve::new(std::io::stdout())),
            Way::Eve(file) => Box::new(file::Lines::open(file.clone(), zone)?),
            Way::Syslog(syslog) => Box::new(syslog::Sender::new(syslog.clone(), zone)),
            Way::Influx(influx) => Box::new(influx::Points::new(influx.clone())),
            Way::Mqtt(mqtt) => Box::new(mqtt::States::new(mqtt.clone())),
            Way::Ipfix(ipfix) => Box::new(ipfix::Exporter::new(ipfix)),
        })
    }

    /// Whether it has a use for `record`.
    pub fn wants(&self, record: &Record) -> bool {
        match &self.way {
            Way::Eve(file) => file.types.has(record),
            // There is no form for what is not TCP.
            Way::Syslog(Syslog { form: Form::Asset, answers, .. }) => {
                matches!(record, Record::Service(row) if row.proto == Proto::TCP && answers.have(row))
            }
            Way::Syslog(syslog) => syslog.types.has(record),
            Way::Influx(_) => matches!(record, Record::Traffic(_) | Record::Coverage(_) | Record::Health(_)),
            Way::Mqtt(_) => {
                matches!(record, Record::Traffic(_) | Record::Thing(_) | Record::Alert(_) | Record::Health(_))
            }
            Way::Ipfix(_) => matches!(record, Record::Session(_)),
        }
    }

    /// Whether it was told to have rows of details, by name.
    pub fn asks_for_details(&self) -> bool {
        const DETAILS: [&str; 10] =
            ["tls", "quic", "http", "auth", "ssh", "ftp", "smtp", "dhcp", "icmp", "arp"];
        match &self.way {
            Way::Eve(EveFile { types, .. }) | Way::Syslog(Syslog { types, .. }) => {
                types.0.iter().any(|kind| DETAILS.contains(kind))
            }
            _ => false,
        }
    }
}

/// When what `record` tells of was.
fn moment(record: &Record) -> Time {
    match record {
        Record::Session(row) => row.last,
        Record::App(row) => row.last,
        Record::Thing(row) => row.last,
        Record::Service(row) => row.last,
        Record::Health(row) => row.time,
        other => other.id().map_or(Time::ZERO, |id| id.time()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_and_never_shown() {
        let path = std::env::temp_dir().join(format!("weir-secret-{}", std::process::id()));
        std::fs::write(&path, "hidden\n").unwrap();
        let secret = Secret::File(path.clone());
        assert_eq!(secret.read(), Ok(Some("hidden".into())));
        std::fs::write(&path, "changed").unwrap();
        assert_eq!(secret.read(), Ok(Some("changed".into())));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(secret.read(), Err(Error::Retry(text)) if text.contains("weir-secret")));
        assert!(!format!("{:?}", Secret::Text("hidden".into())).contains("hidden"));
    }

    #[test]
    fn details_are_only_for_who_asks_for_them_by_name() {
        let mut out = Out::stdout();
        for (types, asks) in [(vec![], false), (vec!["flow"], false), (vec!["flow", "tls"], true)] {
            let Way::Eve(file) = &mut out.way else { panic!() };
            file.types = Types(types);
            assert_eq!(out.asks_for_details(), asks);
        }
    }
}
