//! `weir run`: the daemon.
//!
//! The engine runs in the main thread, right behind the interfaces: the
//! kernel's ring is the queue in front of it, so no frame is copied. One
//! thread writes to the store, one answers on the control socket.

mod door;
mod reload;
mod told;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use door::door;
use door::{bind, serve, signals};

use super::answers::Board;
use super::clock::{Clock, local};
use super::coverage::Lines;
use super::devices::{Leases, vendors_of};
use super::export::Export;
use super::intake::Intake;
use super::metrics::Metrics;
use super::output::{HealthLog, Output};
use super::past::Past;
use super::privacy::{self, Level};
use super::pulse::Pulse;
use super::recent::Recent;
use super::signals::Signals;
use super::stopper::Stopper;
use super::watch::{Watch, known_devices};
use super::{Exit, load_config, open_places, policies, rules_of, write_web_info};
use crate::config::{Choice, Config};
use crate::engine::Engine;
use crate::places::Places;
use crate::policy::Spent;
use crate::record::{Device, Record};
use crate::rules::Rules;
use crate::source::HANDED_OVER;
use crate::store::out::Out;
use crate::time::Time;

/// The longest that the daemon sleeps when nothing comes.
const NAP: Duration = Duration::from_millis(500);

/// How often the status is made anew.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT; with `json` it writes EVE JSON on standard
/// output too.
pub fn run(path: Option<&Path>, json: bool) -> Result<(), Exit> {
    let (config, path) = load(path, json)?;
    let rules = rules_of(&config, path.as_deref())?;
    let signals = signals()?;
    let mut clock = Clock::new();
    let (now, _) = clock.read();
    let server = bind(&config)?;
    let output = Output::open(&config)?;
    let intake = Intake::open(&config, now)?;
    if let Err(text) = write_web_info(&config, output.queue.meter().place.as_ref()) {
        log::warn!("{text}; the pages will not find the data");
    }
    let (board, guard) = serve(server, &config, path.as_deref(), now);
    log::info!("{} apps by {}", rules.apps().len(), config.apps.features.display());
    let metrics = Metrics::open(&config, &board)?;
    let mut past = Past::of(&config);
    let spent = spent_today(&config, &rules, &mut past, now);
    let known = known_devices(&config, &mut past);
    drop(past);
    let stopper = Stopper::open(&config, intake.has_heads(), now)?;
    let export = Export::open(&config)?;
    let mut daemon = Daemon {
        stopper: None,
        export: None,
        engine: Engine::new(intake.engine(&config), rules.clone()),
        rules,
        path,
        json,
        intake,
        output,
        board,
        metrics,
        recent: Recent::default(),
        pulse: Pulse::new(STATUS_EVERY),
        places: open_places(&config),
        started: now,
        minute: now.minute(),
        sent_at: now,
        told_at: Time::ZERO,
        health: HealthLog::new(now),
        lines: Lines::default(),
        leases: Leases::new(&config),
        watch: Watch::open(&config, now),
        past: Vec::new(),
        levels: HashMap::new(),
        config,
    };
    daemon.engine.set_vendors(vendors_of(&daemon.config));
    daemon.put_stopper(stopper);
    daemon.put_export(export);
    daemon.take_policies(now);
    daemon.engine.set_spent(spent.into_iter());
    daemon.engine.tick(now);
    if let Some(known) = known {
        daemon.engine.set_known_devices(known.into_iter());
    }
    daemon.lines.look(daemon.intake.interfaces().into_iter(), &daemon.engine);
    daemon.work(&mut clock, &signals);
    daemon.last_frames(&mut clock, &signals);
    daemon.finish(clock.read().0);
    drop(guard);
    log::info!("ended");
    Ok(())
}

/// The configuration, with standard output as one more way out if `json` says so.
fn load(path: Option<&Path>, json: bool) -> Result<(Config, Option<PathBuf>), Exit> {
    let (mut config, path) = load_config(path)?;
    config.outs.extend(json.then(Out::stdout));
    Ok((config, path))
}

struct Daemon {
    config: Config,
    path: Option<PathBuf>,
    /// Whether records go to standard output too.
    json: bool,
    rules: Arc<Rules>,
    engine: Engine,
    intake: Intake,
    stopper: Option<Stopper>,
    export: Option<Export>,
    output: Output,
    board: Board,
    metrics: Metrics,
    recent: Recent,
    pulse: Pulse,
    places: Places,
    started: Time,
    /// The minute that policies know of.
    minute: Time,
    /// When records were handed to the store.
    sent_at: Time,
    /// When the status was made.
    told_at: Time,
    health: HealthLog,
    lines: Lines,
    leases: Leases,
    watch: Watch,
    /// Alerts about past sessions, until they go to the store.
    past: Vec<Record>,
    /// How much is written of devices, where that is not everything.
    levels: HashMap<Device, Level>,
}

impl Daemon {
    fn work(&mut self, clock: &mut Clock, signals: &Signals) {
        let mut busy = false;
        while !signals.end.load(Ordering::Relaxed) {
            let nap = if busy { Duration::ZERO } else { NAP.min(self.intake.patience(clock.read().0)) };
            signals.wait(&self.intake.descriptors(), nap);
            let (now, was) = clock.read();
            if let Some(was) = was {
                log::info!("the clock was set from {was} to {now}");
                self.engine.step(was, now);
                (self.sent_at, self.told_at) = (now, now);
            }
            if signals.reload.swap(false, Ordering::Relaxed) {
                self.reload(now);
            }
            let resets = self.stopper.as_mut().and_then(Stopper::resets);
            busy = self.intake.read(&mut self.engine, resets, self.export.as_mut(), now);
            if self.intake.changes_options() {
                self.engine.configure(self.intake.engine(&self.config));
            }
            self.intake.retry(now);
            self.leases.look(&mut self.engine, now);
            self.engine.tick(now);
            self.obey(now);
            self.watch.tick(&mut self.engine, &mut self.past, now);
            self.send(now);
            if now.since(self.told_at) >= STATUS_EVERY {
                self.tell(now);
            }
        }
    }

    /// The policies that are looked at, and what the wall shows.
    fn take_policies(&mut self, now: Time) {
        let Config { blocking, policies, .. } = &self.config;
        self.engine.set_policies(if blocking.enabled { policies.clone() } else { Vec::new() });
        self.engine.set_local(local(now));
    }

    /// Has what is to be stopped stopped.
    fn obey(&mut self, now: Time) {
        if !self.config.blocking.enabled {
            return;
        }
        if now.minute() != self.minute {
            self.minute = now.minute();
            self.engine.set_local(local(now));
        }
        let orders = self.engine.orders();
        if let Some(stopper) = &mut self.stopper {
            stopper.obey(&orders, now);
        }
    }

    /// Hands records to the store when there are enough or they waited enough.
    fn send(&mut self, now: Time) {
        let health_due = self.health.is_due(now, *self.config.daemon.health_every);
        let mut said = self.said();
        let enough = self.engine.waiting() >= *self.config.store.batch as usize || !said.is_empty();
        if !enough && !health_due && now.since(self.sent_at) < *self.config.store.delay {
            return;
        }
        self.sent_at = now;
        let mut records: Vec<Record> = self.engine.drain().collect();
        privacy::apply(&self.levels, &mut records);
        records.append(&mut said);
        self.recent.add(&records);
        self.metrics.add(&records);
        records.append(&mut self.past);
        self.places.fill(&mut records, now);
        if health_due {
            self.report_health(now, &mut records);
        }
        if !records.is_empty() {
            self.output.send(now, records);
        }
    }

    /// What people said of devices since it was asked last, which holds from here on.
    fn said(&mut self) -> Vec<Record> {
        self.board.take_purges().into_iter().for_each(|device| self.output.queue.purge(device));
        let (said, levels) = self.board.people(|people| {
            let said = people.take_fresh();
            let levels = (!said.is_empty()).then(|| people.levels());
            (said, levels)
        });
        if let Some(levels) = levels {
            self.levels = levels;
            self.leave_out();
        }
        said
    }

    /// What was lost at each stage and what was seen of each interface.
    fn report_health(&mut self, now: Time, records: &mut Vec<Record>) {
        let stages = self.stages();
        let wear = self.output.queue.meter().wear;
        self.health.report(now, &self.config, &stages, wear, records);
        self.lines.look(self.intake.interfaces().into_iter(), &self.engine);
        self.lines.report(now, &self.engine, records);
    }

    /// Takes what the kernel had captured when the end was called for.
    fn last_frames(&mut self, clock: &mut Clock, signals: &Signals) {
        let (begun, _) = clock.read();
        let mut left = HANDED_OVER;
        while !left.is_zero() {
            signals.wait(&self.intake.descriptors(), left.min(self.intake.patience(clock.read().0)));
            let (now, _) = clock.read();
            self.intake.read(&mut self.engine, None, self.export.as_mut(), now);
            self.send(now);
            left = HANDED_OVER.saturating_sub(now.since(begun));
        }
        self.intake.finish(&mut self.engine, clock.read().0);
    }

    /// Writes what goes on, and waits for the store.
    fn finish(mut self, now: Time) {
        if let Some(export) = &mut self.export {
            export.flush(now);
        }
        loop {
            let more = self.engine.finish();
            let mut records: Vec<Record> = self.engine.drain().collect();
            privacy::apply(&self.levels, &mut records);
            self.watch.tick(&mut self.engine, &mut records, now);
            self.places.fill(&mut records, now);
            if !more {
                self.report_health(now, &mut records);
            }
            self.output.send(now, records);
            if !more {
                break;
            }
        }
        drop(self.metrics);
        self.output.close();
        self.watch.close();
    }
}

/// What was used of quotas before this run, or before they were changed.
fn spent_today(config: &Config, rules: &Rules, past: &mut Past<'_>, now: Time) -> Vec<Spent> {
    if !config.blocking.enabled {
        return Vec::new();
    }
    policies::spent_today(config, rules, past, now).unwrap_or_else(|exit| {
        log::warn!("quotas of this day begin anew: {exit}");
        Vec::new()
    })
}

/// How much `config` wants to be logged.
pub fn level(config: &Config) -> log::LevelFilter {
    config.daemon.log.0.name().parse().unwrap_or(log::LevelFilter::Info)
}
