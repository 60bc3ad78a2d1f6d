//! The way to the store, and what is told of losses on it.

use std::fs;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::open_store;
use super::outs::Outs;
use crate::config::Config;
use crate::record::{Health, Ids, Record, Router};
use crate::source::Loss;
use crate::store::{self, Meter, Place, Queue, Wear};
use crate::time::Time;

/// The stage that writes to lasting storage.
pub const STORE: &str = "store";

/// The way to the store, and those besides.
pub struct Output {
    pub queue: Queue,
    pub outs: Outs,
    writer: JoinHandle<()>,
    /// Whether the store gets details too, where an out is to have them.
    details: bool,
}

impl Output {
    pub fn open(config: &Config) -> Result<Output, store::Error> {
        let (queue, writer) = start(config)?;
        Ok(Output { queue, outs: Outs::open(&config.outs), writer, details: config.store.details })
    }

    /// Writes to the store of `config` from now on; if that can't be, as before.
    pub fn change_store(&mut self, config: &Config) -> Result<(), store::Error> {
        let (queue, writer) = start(config)?;
        drop(std::mem::replace(&mut self.queue, queue));
        finish(std::mem::replace(&mut self.writer, writer));
        Ok(())
    }

    /// Hands `records`, the latest of `now`, to all that are to have them.
    pub fn send(&self, now: Time, mut records: Vec<Record>) {
        self.outs.send(now, &records);
        if !self.details {
            records.retain(|record| !record.is_detail());
        }
        if !records.is_empty() {
            self.queue.send(now, records);
        }
    }

    /// Takes over what of `config` takes no other store.
    pub fn configure(&mut self, config: &Config) {
        self.queue.set_limit(*config.store.max_queue as usize);
        self.outs.change(&config.outs);
        self.details = config.store.details;
    }

    /// The stages behind the engine, with what came to them and what they lost.
    pub fn stages(&self) -> impl Iterator<Item = (String, Loss)> {
        let Meter { offered, lost, .. } = self.queue.meter();
        [(STORE.into(), Loss { offered, lost })].into_iter().chain(self.outs.stages())
    }

    /// Whether `new` asks for another store than `old`.
    pub fn differs(&self, old: &Config, new: &Config) -> bool {
        let part = |config: &Config| {
            let store = &config.store;
            (
                store.kind,
                store.keep_days,
                store.max_mb,
                store.write_budget,
                config.rollup.clone(),
                config.sqlite.clone(),
                config.mariadb.clone(),
            )
        };
        part(old) != part(new)
    }

    /// Lets all of them finish what they have.
    pub fn close(self) {
        drop(self.queue);
        self.outs.close();
        finish(self.writer);
    }
}

/// Opens the store of `config`, with a thread that writes to it.
fn start(config: &Config) -> Result<(Queue, JoinHandle<()>), store::Error> {
    let (queue, writer) = store::queue(open_store(config)?, *config.store.max_queue as usize);
    if let Some(place) = queue.meter().place.filter(Place::is_usual) {
        log::info!("{}: on {place}", config.sqlite.path.display());
    }
    Ok((queue, thread::spawn(move || drop(writer.run()))))
}

/// Waits for a writer whose queue is gone.
fn finish(writer: JoinHandle<()>) {
    if writer.join().is_err() {
        log::error!("the store's thread panicked");
    }
}

/// Each row is a page of flash.
const SIGNED_EVERY: Duration = Duration::from_secs(3600);

/// Who writes, by the name that `config` gives or the host's.
fn router(config: &Config, now: Time) -> Record {
    let host = || fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if config.daemon.name.is_empty() { host() } else { config.daemon.name.clone() };
    let name = match name.trim() {
        "" => "router",
        name => name,
    };
    let version = env!("CARGO_PKG_VERSION");
    Router { name: name.into(), version, first: now, last: now, ahead_ms: None }.into()
}

/// What the stages were offered and lost, as rows: one each interval.
pub struct HealthLog {
    at: Time,
    /// When it was last written who writes.
    signed: Option<Time>,
    before: Vec<(String, Loss)>,
    /// Bytes that the store had written to lasting storage.
    flash: u64,
    ids: Ids,
}

impl HealthLog {
    pub fn new(now: Time) -> HealthLog {
        HealthLog { at: now, signed: None, before: Vec::new(), flash: 0, ids: Ids::default() }
    }

    pub fn is_due(&self, now: Time, every: Duration) -> bool {
        now.since(self.at) >= every
    }

    /// Says who writes, at once and now and then.
    fn sign(&mut self, now: Time, config: &Config, out: &mut Vec<Record>) {
        if self.signed.is_none_or(|signed| now.since(signed) >= SIGNED_EVERY || now < signed) {
            self.signed = Some(now);
            out.push(router(config, now));
        }
    }

    pub fn report(
        &mut self,
        now: Time,
        config: &Config,
        stages: &[(String, Loss)],
        wear: Wear,
        out: &mut Vec<Record>,
    ) {
        for (name, loss) in stages {
            let before = self.before.iter().find(|(known, _)| known == name);
            let before = before.map_or(Loss::default(), |(_, loss)| *loss);
            let is_store = name == STORE;
            out.push(Record::from(Health {
                id: self.ids.next(now, 0),
                time: now,
                stage: name.as_str().into(),
                offered: loss.offered.saturating_sub(before.offered),
                lost: loss.lost.saturating_sub(before.lost),
                flash_bytes: if is_store { wear.total.saturating_sub(self.flash) } else { 0 },
                flash_held: u8::from(is_store && wear.held),
            }));
        }
        self.sign(now, config, out);
        self.before = stages.to_vec();
        self.flash = wear.total;
        self.at = now;
    }
}
