//! Between the engine, which must not wait, and a store, which takes its time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Error, Place, Store, Wear};
use crate::record::Record;
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

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Meter>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Meter) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The engine's end: never waits. Dropping it lets the writer finish.
pub struct Queue {
    batches: Sender<Batch>,
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
    batches: Receiver<Batch>,
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
        let _ = self.batches.send((now, records));
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
        while let Some((now, mut records)) = self.next() {
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
    fn next(&mut self) -> Option<Batch> {
        while let Some(patience) = self.store.patience() {
            match self.batches.recv_timeout(patience) {
                Ok(batch) => return Some(batch),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.store.idle(),
            }
        }
        self.batches.recv().ok()
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
mod tests {
    use super::*;
    use crate::record::{Health, Ids};

    /// Answers as it is told, and keeps what it took.
    #[derive(Default)]
    struct Script {
        answers: Vec<Result<(), Error>>,
        taken: usize,
        writes: usize,
        tries: usize,
        left_out: u64,
        pause: Duration,
    }

    impl Store for Script {
        fn write(&mut self, records: &[Record]) -> Result<(), Error> {
            self.tries += 1;
            let answer = if self.answers.is_empty() { Ok(()) } else { self.answers.remove(0) };
            if answer.is_ok() {
                self.taken += records.len();
                self.writes += 1;
            }
            answer
        }

        fn pause(&self) -> Duration {
            self.pause
        }

        fn left_out(&mut self) -> u64 {
            std::mem::take(&mut self.left_out)
        }
    }

    fn records(count: u64) -> Vec<Record> {
        let mut ids = Ids::default();
        let row = |n| Health {
            id: ids.next(Time::ZERO, n),
            time: Time::ZERO,
            stage: "x".into(),
            offered: n,
            lost: 0,
            flash_bytes: 0,
            flash_held: 0,
        };
        (0..count).map(row).map(Record::from).collect()
    }

    fn retry() -> Result<(), Error> {
        Err(Error::Retry("away".into()))
    }

    #[test]
    fn a_full_queue_loses_the_rest_and_counts_it() {
        let (queue, writer) = queue(Script::default(), 10);
        queue.send(Time::ZERO, records(7));
        queue.send(Time::ZERO, records(7));
        let meter = queue.meter();
        assert_eq!((meter.offered, meter.lost, meter.waiting), (14, 4, 10));
        drop(queue);
        let shared = writer.shared.clone();
        assert_eq!(writer.run().taken, 10);
        let meter = shared.with(|meter| meter.clone());
        assert_eq!((meter.offered, meter.written, meter.lost, meter.waiting), (14, 10, 4, 0));
    }

    #[test]
    fn a_row_that_cannot_be_written_is_not_in_the_way_of_others() {
        let answers = vec![Err(Error::Fatal("too long".into()))];
        let (queue, writer) = queue(Script { answers, ..Script::default() }, 10);
        queue.send(Time::ZERO, records(3));
        queue.send(Time::ZERO, records(4));
        drop(queue);
        assert_eq!(writer.run().taken, 4);
    }

    #[test]
    fn a_store_that_wants_to_write_rarely_gets_all_at_once() {
        let at = Time::from_secs;
        let (queue, writer) = queue(Script { pause: Duration::from_secs(60), ..Script::default() }, 1_000);
        // The first at once, then each minute…
        for secs in 1_000..1_180 {
            queue.send(at(secs), records(2));
        }
        // …but also when the clock is set back, or half of the queue is full.
        queue.send(at(500), records(1));
        queue.send(at(510), records(499));
        queue.send(at(511), records(1));
        queue.send(at(512), records(1));
        drop(queue);
        let store = writer.run();
        assert_eq!((store.taken, store.writes), (862, 3 + 1 + 1 + 1));
    }

    #[test]
    fn at_the_end_a_store_that_is_away_is_not_waited_for() {
        let (queue, writer) =
            queue(Script { answers: vec![retry(), retry(), retry(), retry()], ..Script::default() }, 100);
        queue.send(Time::ZERO, records(3));
        queue.send(Time::ZERO, records(4));
        queue.send(Time::ZERO, records(5));
        drop(queue);
        let shared = writer.shared.clone();
        // The end of the queue cuts the first pause short; each batch has a try.
        assert_eq!(writer.run().taken, 0);
        let meter = shared.with(|meter| meter.clone());
        assert_eq!((meter.lost, meter.waiting, meter.trouble.as_deref()), (12, 0, Some("away")));
    }

    #[test]
    fn a_store_that_comes_back_gets_what_it_missed() {
        let (queue, writer) = queue(Script { answers: vec![retry()], ..Script::default() }, 100);
        queue.send(Time::ZERO, records(3));
        drop(queue);
        let shared = writer.shared.clone();
        assert_eq!(writer.run().taken, 3);
        assert_eq!(shared.with(|meter| meter.trouble.clone()), None);
    }

    #[test]
    fn a_hasty_writer_tries_what_is_away_no_more_once_it_ends() {
        let (queue, writer) =
            queue(Script { answers: (0..9).map(|_| retry()).collect(), ..Script::default() }, 100);
        (0..5).for_each(|_| queue.send(Time::ZERO, records(2)));
        drop(queue);
        let shared = writer.shared.clone();
        assert_eq!(writer.hasty().run().tries, 2);
        let meter = shared.with(|meter| meter.clone());
        assert_eq!((meter.lost, meter.waiting, meter.trouble.as_deref()), (10, 0, Some("away at the end")));
    }

    #[test]
    fn what_a_store_left_out_is_lost_and_no_more() {
        let (queue, writer) = queue(Script { left_out: 2, ..Script::default() }, 100);
        queue.send(Time::ZERO, records(3));
        queue.send(Time::ZERO, records(3));
        drop(queue);
        let shared = writer.shared.clone();
        writer.run();
        let meter = shared.with(|meter| meter.clone());
        assert_eq!((meter.offered, meter.written, meter.lost, meter.waiting), (6, 4, 2, 0));
    }
}
