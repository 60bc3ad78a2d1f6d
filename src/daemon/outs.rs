//! The further ways out: each with its queue and its thread, and what each of
//! them lost.

use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::clock::zone;
use crate::record::Record;
use crate::source::Loss;
use crate::store::out::{Out, Way};
use crate::store::{Meter, Queue, named_queue};
use crate::time::Time;

/// One that is open.
struct Open {
    out: Out,
    queue: Queue,
    thread: JoinHandle<()>,
}

/// All that are open.
#[derive(Default)]
pub struct Outs {
    open: Vec<Open>,
}

impl Outs {
    /// Opens those in `wanted`. One that can't be opened is said in the log and
    /// left: nothing else has to wait for it.
    pub fn open(wanted: &[Out]) -> Outs {
        let mut outs = Outs::default();
        outs.change(wanted);
        outs
    }

    /// Opens what is new in `wanted` and closes what is no longer there; those
    /// that are the same go on.
    pub fn change(&mut self, wanted: &[Out]) {
        let before = std::mem::take(&mut self.open);
        let (stay, go): (Vec<_>, Vec<_>) = before.into_iter().partition(|open| wanted.contains(&open.out));
        self.open = stay;
        go.into_iter().for_each(Open::leave);
        for out in wanted {
            if !self.open.iter().any(|open| open.out == *out) {
                self.open.extend(Open::new(out));
            }
        }
    }

    /// Hands to each what it has a use for.
    pub fn send(&self, now: Time, records: &[Record]) {
        for Open { out, queue, .. } in &self.open {
            let wanted: Vec<Record> = records.iter().filter(|record| out.wants(record)).cloned().collect();
            if !wanted.is_empty() {
                queue.send(now, wanted);
            }
        }
    }

    /// Each as a stage.
    pub fn stages(&self) -> impl Iterator<Item = (String, Loss)> {
        self.open.iter().map(|open| {
            let Meter { offered, lost, .. } = open.queue.meter();
            (format!("out {}", open.out.name), Loss { offered, lost })
        })
    }

    /// For `weir status`.
    pub fn status(&self) -> Vec<Value> {
        let told = self.open.iter().map(|open| {
            let Meter { offered, written, lost, waiting, trouble, .. } = open.queue.meter();
            let state = if trouble.is_some() { "away" } else { "up" };
            json!({"name": *open.out.name, "state": state, "offered": offered, "written": written,
                "lost": lost, "waiting": waiting, "trouble": trouble})
        });
        told.collect()
    }

    /// Lets all of them finish what they have, at the same time.
    pub fn close(self) {
        let threads: Vec<_> =
            self.open.into_iter().map(|Open { queue, thread, .. }| (drop(queue), thread)).collect();
        for ((), thread) in threads {
            if thread.join().is_err() {
                log::error!("the thread of an out panicked");
            }
        }
    }
}

impl Open {
    fn new(out: &Out) -> Option<Open> {
        let name = format!("out {}", out.name);
        let store = out.open(zone).map_err(|error| log::error!("{name}: {error}; left out")).ok()?;
        let (queue, writer) = named_queue(&name, store, out.max_queue);
        let thread = thread::spawn(move || drop(writer.hasty().run()));
        Some(Open { out: out.clone(), queue, thread })
    }

    /// Lets it finish. Only a file is waited for: who comes next may be at the
    /// same one, and a server may be slow.
    fn leave(self) {
        drop(self.queue);
        if matches!(self.out.way, Way::Eve(_)) && self.thread.join().is_err() {
            log::error!("out {}: its thread panicked", self.out.name);
        }
    }
}
