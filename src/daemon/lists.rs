//! Lists of what is bad: read by a thread of their own, which also looks again at
//! the sessions in the store by what is new on them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::{has_database, open_database};
use crate::config::Config;
use crate::engine::{Meeting, threat};
use crate::record::{Alert, Device, Ids};
use crate::store::Labelled;
use crate::threats::{Builder, List, Threats, written};
use crate::time::Time;

/// Files of one folder that are read.
const MAX_FILES: usize = 256;

/// Alerts about the past after one change of lists.
const MAX_PAST: usize = 500;

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What the lists' files are, by which a change is known.
type Stamp = Vec<(PathBuf, u64, Time)>;

/// What the thread brings.
pub enum News {
    Lists(Arc<Threats>),
    /// An alert about a session of the past.
    Past(Box<Alert>),
}

enum Order {
    /// Reads what this names, if it is something else than before.
    Configure(Box<Config>, Time),
    Look(Time),
}

/// The daemon's end.
pub struct Lists {
    orders: Sender<Order>,
    news: Receiver<News>,
    thread: JoinHandle<()>,
    looked_at: Time,
    threats: Arc<Threats>,
}

impl Lists {
    /// Has the lists of `config` read. What past sessions met is only told where
    /// there were no lists before, and not where those before this run are unknown.
    pub fn open(config: &Config, is_start: bool, now: Time) -> Lists {
        let (orders, ordered) = channel();
        let (sender, news) = channel();
        let before = (!is_start).then(Arc::default);
        let thread = thread::spawn(move || Reader::new(sender, before).run(&ordered));
        let mut lists = Lists { orders, news, thread, looked_at: now, threats: Arc::default() };
        lists.configure(config, now);
        lists
    }

    /// Has other lists read, or the same where they have changed.
    pub fn configure(&mut self, config: &Config, now: Time) {
        self.looked_at = now;
        // Without its thread nothing changes any more, which the log has told.
        let _ = self.orders.send(Order::Configure(Box::new(config.clone()), now));
    }

    /// Has it looked whether a file has changed, once a minute.
    pub fn tick(&mut self, now: Time) {
        if now.since(self.looked_at) >= LOOK_EVERY || now < self.looked_at {
            self.looked_at = now;
            let _ = self.orders.send(Order::Look(now));
        }
    }

    /// What has come since the last call.
    pub fn news(&mut self) -> Option<News> {
        match self.news.try_recv() {
            Ok(news) => {
                if let News::Lists(threats) = &news {
                    self.threats = threats.clone();
                }
                Some(news)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// For `weir status`.
    pub fn status(&self) -> Value {
        let lists: Vec<Value> = self.threats.lists().iter().map(told).collect();
        json!({"entries": self.threats.entries(), "bytes": self.threats.bytes(), "lists": lists})
    }

    pub fn close(self) {
        drop((self.orders, self.news));
        if self.thread.join().is_err() {
            log::error!("the thread of threat lists panicked");
        }
    }
}

fn told(list: &List) -> Value {
    let tally = &list.tally;
    json!({"name": &*list.name, "severity": list.severity, "version": list.version.to_string(),
        "addresses": tally.addresses, "networks": tally.networks, "names": tally.names,
        "left": tally.left, "unread": tally.unread, "dropped": tally.dropped})
}

/// The thread's end.
struct Reader {
    news: Sender<News>,
    config: Config,
    stamp: Stamp,
    threats: Option<Arc<Threats>>,
}

impl Reader {
    fn new(news: Sender<News>, threats: Option<Arc<Threats>>) -> Reader {
        Reader { news, config: Config::default(), stamp: Stamp::new(), threats }
    }

    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            let (is_other, now) = match order {
                Order::Configure(config, now) => {
                    let part = |config: &Config| (config.threat_lists.clone(), config.list_limits());
                    let is_other = part(&self.config) != part(&config);
                    self.config = *config;
                    (is_other, now)
                }
                Order::Look(now) => (false, now),
            };
            let stamp = stamp(&self.config);
            let is_first = self.threats.is_none();
            if !is_other && stamp == self.stamp && !is_first {
                continue;
            }
            self.stamp = stamp;
            let threats = Arc::new(load(&self.config));
            let before = self.threats.replace(threats.clone());
            if self.news.send(News::Lists(threats.clone())).is_err() {
                return;
            }
            // What was on lists before has been told as it came; at the start too.
            if let Some(before) = before {
                self.look_back(&before, &threats, now);
            }
        }
    }

    /// Tells of the sessions in the store that met what only `threats` has.
    fn look_back(&self, before: &Threats, threats: &Threats, now: Time) {
        let span = *self.config.threats.look_back;
        let is_wanted = self.config.alerts.enabled && !span.is_zero() && !threats.is_empty();
        if !is_wanted || !has_database(&self.config) {
            return;
        }
        let mut past = Past { before, threats, told: HashSet::new(), ids: Ids::default(), left: 0 };
        let mut each = |row: &Labelled| {
            for alert in past.session(row) {
                let _ = self.news.send(News::Past(Box::new(alert)));
            }
        };
        let looked = open_database(&self.config)
            .and_then(|mut store| store.sessions(now.back(span), &mut each).map_err(Into::into));
        match looked {
            Ok(()) => log::info!(
                "threat lists: {} alerts about past sessions, {} more left",
                past.told.len(),
                past.left
            ),
            Err(exit) => log::warn!("threat lists: past sessions were not looked at: {exit}"),
        }
    }
}

/// Finds what past sessions met.
struct Past<'a> {
    before: &'a Threats,
    threats: &'a Threats,
    /// Device and entry.
    told: HashSet<(String, String)>,
    ids: Ids,
    /// Not told, as there were so many.
    left: u64,
}

impl Past<'_> {
    fn session(&mut self, row: &Labelled) -> Vec<Alert> {
        let (Ok(client), Ok(server)) = (row.client.parse::<IpAddr>(), row.server.parse::<IpAddr>()) else {
            return Vec::new();
        };
        let device = row.device.parse().unwrap_or(Device::Ip(client));
        let meeting = Meeting { time: row.last, device, client, server: (server, row.server_port) };
        let mut alerts = Vec::new();
        for (address, how) in [(server, "had had a session with"), (client, "was reached before by")] {
            if let Some(hit) = self.threats.address(address)
                && self.before.address(address).is_none_or(|old| old.entry != hit.entry)
            {
                let (entry, what) = (written(hit.entry), address.to_string());
                alerts.extend(self.alert(hit.list, &entry, &meeting, &what, how));
            }
        }
        if let Some(host) = &row.host
            && let Some(hit) = self.threats.name(host)
            && self.before.name(host).is_none_or(|old| old.entry != hit.entry)
        {
            alerts.extend(self.alert(hit.list, hit.entry, &meeting, host, "had had a session with"));
        }
        alerts
    }

    fn alert(&mut self, list: &List, entry: &str, meeting: &Meeting, what: &str, how: &str) -> Option<Alert> {
        let key = (meeting.device.to_string(), entry.to_owned());
        if self.told.contains(&key) {
            return None;
        }
        if self.told.len() >= MAX_PAST {
            self.left += 1;
            return None;
        }
        self.told.insert(key);
        let (subject, draft) = threat(list, entry, meeting, what, how);
        Some(draft.row(&mut self.ids, &subject, meeting.time))
    }
}

/// The files of a list, in the order of their names.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > MAX_FILES {
        log::warn!("{}: only the first {MAX_FILES} of {} files are read", path.display(), files.len());
        files.truncate(MAX_FILES);
    }
    Ok(files)
}

/// When the file at `path` was changed.
pub fn version(path: &Path) -> Time {
    let changed = fs::metadata(path).and_then(|about| about.modified());
    changed.map(Time::from).unwrap_or_default()
}

/// What the files of all lists are now.
fn stamp(config: &Config) -> Stamp {
    let lists = config.threat_lists.iter();
    let all = lists.flat_map(|list| files(&list.path).unwrap_or_default());
    all.map(|path| {
        let size = fs::metadata(&path).map_or(0, |about| about.len());
        let version = version(&path);
        (path, size, version)
    })
    .collect()
}

/// Reads all lists; what can't be read is told and left out.
pub fn load(config: &Config) -> Threats {
    let mut builder = Builder::new(config.list_limits());
    for source in &config.threat_lists {
        if !builder.list(source.name.clone(), source.severity) {
            break;
        }
        let read =
            files(&source.path).and_then(|files| files.iter().try_for_each(|path| read(&mut builder, path)));
        if let Err(error) = read {
            log::warn!("threat list {}: {}: {error}", source.name, source.path.display());
        }
    }
    let threats = builder.finish();
    for list in threats.lists() {
        let (tally, count) = (&list.tally, list.tally.addresses + list.tally.networks + list.tally.names);
        log::info!("threat list {}: {count} entries, {} lines not understood", list.name, tally.unread);
        if tally.dropped > 0 {
            log::warn!(
                "threat list {}: {} entries are left out, see max_entries and max_memory in [threats]",
                list.name,
                tally.dropped
            );
        }
    }
    threats
}

/// Reads the file at `path` for the latest list of `builder`.
pub fn read(builder: &mut Builder, path: &Path) -> io::Result<()> {
    builder.read(BufReader::new(File::open(path)?), version(path))
}

#[cfg(test)]
mod tests;
