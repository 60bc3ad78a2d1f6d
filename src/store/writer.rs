//! Between the engine, which must not wait, and a store, which takes its time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Error, Place, Store, Wear};
use crate::record::{Device, Record};
use crate::time::Time;

/// Old rows are deleted when this much time has passed…
const KEEP_EVERY: Duration = Duration::from_secs(600);

/// …or this many records were written.
const KEEP_AFTER: usize = 20_000;

/// Pauses between attempts grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What came to the store and what became of it. At every moment
/// `offered = written + lost + waiting`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meter {
    pub offered: u64,
    pub written: u64,
    pub lost: u64,
    /// Records that wait to be written.
    pub waiting: u64,
    /// Rows deleted because they were old or too many.
    pub deleted: u64,
    /// Of those, how many may: half of them are written, however rarely the
    /// store wants to write.
    pub limit: u64,
    /// What is wrong with the store at the moment.
    pub trouble: Option<String>,
    /// What was written to lasting storage.
    pub wear: Wear,
    /// Where the database lies.
    pub place: Option<Place>,
}

type Batch = (Time, Vec<Record>);

/// What the writer is asked for.
enum Message {
    Records(Batch),
    /// Nothing is to be kept of the device.
    Purge(Device),
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Meter>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Meter) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The engine's end: never waits. Dropping it lets the writer finish.
pub struct Queue {
    batches: Sender<Message>,
    /// Never sent on: its end tells the writer not to pause any longer.
    _stop: Sender<()>,
    shared: Shared,
}

/// The store's end: runs in a thread of its own.
pub struct Writer<S> {
    /// For the log.
    name: String,
    store: S,
    /// At the end, what is left is lost at the first failure.
    hasty: bool,
    batches: Receiver<Message>,
    stop: Receiver<()>,
    shared: Shared,
    /// Records that were collected, and when the last were written.
    held: Vec<Record>,
    wrote_at: Time,
    unkept: usize,
    kept_at: Time,
}

/// A queue of at most `limit` records into `store`, which the log calls so.
pub fn queue<S: Store>(store: S, limit: usize) -> (Queue, Writer<S>) {
    named_queue("store", store, limit)
}

/// The same for one that the log calls `name`.
pub fn named_queue<S: Store>(name: &str, store: S, limit: usize) -> (Queue, Writer<S>) {
    let (batches, incoming) = channel();
    let (stop, stopped) = channel();
    let shared = Shared::default();
    shared.with(|meter| {
        meter.limit = limit as u64;
        (meter.place, meter.wear) = (store.place(), store.wear());
    });
    let queue = Queue { batches, _stop: stop, shared: shared.clone() };
    let writer = Writer {
        name: name.into(),
        store,
        hasty: false,
        batches: incoming,
        stop: stopped,
        shared,
        held: Vec::new(),
        wrote_at: Time::ZERO,
        unkept: 0,
        kept_at: Time::ZERO,
    };
    (queue, writer)
}

impl Queue {
    /// Hands over `records`, the latest of `now`, to be written at one go.
    /// What does not fit is lost and counted.
    pub fn send(&self, now: Time, mut records: Vec<Record>) {
        let kept = self.shared.with(|meter| {
            let offered = records.len() as u64;
            let kept = offered.min(meter.limit.saturating_sub(meter.waiting));
            meter.offered += offered;
            meter.lost += offered - kept;
            meter.waiting += kept;
            kept
        });
        records.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        // The writer only ends after this end is gone.
        let _ = self.batches.send(Message::Records((now, records)));
    }

    /// Has all rows of `device` deleted, those that wait among them.
    pub fn purge(&self, device: Device) {
        let _ = self.batches.send(Message::Purge(device));
    }

    pub fn meter(&self) -> Meter {
        self.shared.with(|meter| meter.clone())
    }

    /// Another bound for what waits.
    pub fn set_limit(&mut self, limit: usize) {
        self.shared.with(|meter| meter.limit = limit as u64);
    }
}

impl<S: Store> Writer<S> {
    /// At the end a store that is away is tried once, not once for each batch:
    /// one that answers nothing takes long to say so.
    pub fn hasty(mut self) -> Writer<S> {
        self.hasty = true;
        self
    }

    /// Writes what comes, until the queue is gone and empty. A store that is
    /// away by then loses what is left.
    pub fn run(mut self) -> S {
        let mut stopping = false;
        let mut latest = Time::ZERO;
        while let Some(message) = self.next() {
            let (now, mut records) = match message {
                Message::Records(batch) => batch,
                Message::Purge(device) => {
                    self.purge(&device, latest, &mut stopping);
                    continue;
                }
            };
            latest = now;
            if self.held.is_empty() {
                self.held = records;
            } else {
                self.held.append(&mut records);
            }
            // A clock that was set back is no reason to wait.
            let is_early = now >= self.wrote_at && now.since(self.wrote_at) < self.store.pause();
            let limit = self.shared.with(|meter| meter.limit);
            if !is_early || self.held.len() as u64 >= limit / 2 {
                self.flush(now, &mut stopping);
            }
        }
        if !self.held.is_empty() {
            self.flush(latest, &mut stopping);
        }
        self.store
    }

    /// What comes next; none at the end. Meanwhile the store may do what it does
    /// without records.
    fn next(&mut self) -> Option<Message> {
        while let Some(patience) = self.store.patience() {
            match self.batches.recv_timeout(patience) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.store.idle(),
            }
        }
        self.batches.recv().ok()
    }

    /// Deletes what there is of `device`, after what was collected is written.
    fn purge(&mut self, device: &Device, now: Time, stopping: &mut bool) {
        if !self.held.is_empty() {
            self.flush(now, stopping);
        }
        let mut pause = PAUSES.0;
        loop {
            match self.store.purge(device) {
                Ok(deleted) => {
                    log::info!("{}: {deleted} rows of {device} are deleted", self.name);
                    return self.shared.with(|meter| meter.deleted += deleted);
                }
                Err(Error::Retry(text)) if !*stopping => self.trouble(text, pause),
                Err(error) => return log::error!("{}: rows of {device} are not deleted: {error}", self.name),
            }
            *stopping = self.stop.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Writes what was collected.
    fn flush(&mut self, now: Time, stopping: &mut bool) {
        let records = std::mem::take(&mut self.held);
        self.deliver(&records, stopping);
        self.wrote_at = now;
        self.keep(now, records.len());
        let wear = self.store.wear();
        self.shared.with(|meter| meter.wear = wear);
    }

    fn deliver(&mut self, records: &[Record], stopping: &mut bool) {
        let count = records.len() as u64;
        let mut pause = PAUSES.0;
        if self.hasty && *stopping {
            return self.lost(count, "away at the end".into());
        }
        loop {
            match self.store.write(records) {
                Ok(()) => return self.written(count),
                Err(Error::Retry(text)) if !*stopping => self.trouble(text, pause),
                // Kept, it would stand in the way of all that come after it.
                Err(error) => {
                    self.store.forget();
                    // Who reads no longer will not begin again: once is enough.
                    let is_told = error == Error::Closed && self.shared.with(|meter| meter.trouble.is_some());
                    if !is_told {
                        log::error!("{}: {count} records are lost: {error}", self.name);
                    }
                    return self.lost(count, error.to_string());
                }
            }
            *stopping = self.stop.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn written(&mut self, count: u64) {
        let left_out = self.store.left_out().min(count);
        let name = &self.name;
        self.shared.with(|meter| {
            meter.written += count - left_out;
            meter.lost += left_out;
            meter.waiting -= count;
            if meter.trouble.take().is_some() {
                log::info!("{name}: takes records again");
            }
        });
    }

    fn lost(&self, count: u64, why: String) {
        self.shared.with(|meter| {
            meter.lost += count;
            meter.waiting -= count;
            meter.trouble = Some(why);
        });
    }

    fn trouble(&self, text: String, pause: Duration) {
        let name = &self.name;
        self.shared.with(|meter| {
            if meter.trouble.as_ref() != Some(&text) {
                let waiting = meter.waiting;
                log::warn!("{name}: {text}; {waiting} records wait, next try in {} s", pause.as_secs());
            }
            meter.trouble = Some(text);
        });
    }

    /// Lets the store delete what is too old or too much, now and then.
    fn keep(&mut self, now: Time, written: usize) {
        self.unkept += written;
        if self.unkept < KEEP_AFTER && now.since(self.kept_at) < KEEP_EVERY {
            return;
        }
        (self.unkept, self.kept_at) = (0, now);
        match self.store.keep(now) {
            Ok(deleted) => self.shared.with(|meter| meter.deleted += deleted),
            Err(error) => log::warn!("{}: old records were not deleted: {error}", self.name),
        }
    }
}

#[cfg(test)]
mod tests;
