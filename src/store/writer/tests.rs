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
