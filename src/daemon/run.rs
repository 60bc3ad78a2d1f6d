//! `weir run`: the daemon.
//!
//! The engine runs in the main thread, right behind the interfaces: the
//! kernel's ring is the queue in front of it, so no frame is copied. One
//! thread writes to the store, one answers on the control socket.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers::{Answers, Board};
use super::clock::{Clock, local};
use super::coverage::{Lines, Total};
use super::devices::{Leases, vendors_of};
use super::export::Export;
use super::intake::Intake;
use super::metrics::Metrics;
use super::output::{HealthLog, Output};
use super::past::Past;
use super::people::People;
use super::privacy::{self, Level};
use super::pulse::Pulse;
use super::recent::Recent;
use super::signals::Signals;
use super::stopper::{Stopper, way};
use super::watch::{Watch, known_devices};
use super::{Exit, load_config, open_places, open_store, policies, rules_of, write_web_info};
use crate::config::{Choice, Config};
use crate::control::Server;
use crate::engine::Engine;
use crate::places::Places;
use crate::policy::Spent;
use crate::record::{Device, Record};
use crate::rules::Rules;
use crate::source::{HANDED_OVER, Loss};
use crate::store::out::Out;
use crate::store::{Meter, Store};
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
    let signals = Signals::register().map_err(|error| Exit::Failed(format!("signals: {error}")))?;
    let mut clock = Clock::new();
    let (now, _) = clock.read();
    let control = &config.daemon.control;
    let server =
        Server::bind(control).map_err(|error| Exit::Failed(format!("{}: {error}", control.display())))?;
    let output = Output::open(&config)?;
    let intake = Intake::open(&config, now)?;
    if let Err(text) = write_web_info(&config, output.queue.meter().place.as_ref()) {
        log::warn!("{text}; the pages will not find the data");
    }
    let board = Board::default();
    board.set_max_features(*config.apps.max_features);
    listen_to_people(&board, &config, now);
    let answers = Answers::new(board.clone(), config.daemon.web_password.clone());
    let mut answers = answers.editing(path.as_deref(), &config);
    let guard = server.spawn(move |question| answers.answer(question));
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

/// `weir door`: lets people in to the pages of what was read from a file, where
/// no daemon runs.
pub fn door(path: Option<&Path>) -> Result<(), Exit> {
    let (config, path) = load_config(path)?;
    let signals = Signals::register().map_err(|error| Exit::Failed(format!("signals: {error}")))?;
    let control = &config.daemon.control;
    let server =
        Server::bind(control).map_err(|error| Exit::Failed(format!("{}: {error}", control.display())))?;
    let board = Board::default();
    board.set_max_features(*config.apps.max_features);
    let mut clock = Clock::new();
    listen_to_people(&board, &config, clock.read().0);
    let answers = Answers::new(board.clone(), config.daemon.web_password.clone());
    let mut answers = answers.editing(path.as_deref(), &config);
    let guard = server.spawn(move |question| answers.answer(question));
    while !signals.end.load(Ordering::Relaxed) {
        write_what_people_want(&board, &config);
        signals.wait(&[], NAP);
    }
    drop(guard);
    Ok(())
}

/// Writes to the store, which nobody else writes to, what people said of devices.
fn write_what_people_want(board: &Board, config: &Config) {
    let (said, purges) = (board.people(People::take_fresh), board.take_purges());
    if said.is_empty() && purges.is_empty() {
        return;
    }
    let done = open_store(config).and_then(|mut store| {
        store.write(&said)?;
        purges.iter().try_for_each(|device| store.purge(device).map(drop))
    });
    if let Err(error) = done {
        log::error!("what was said of devices is not in the store: {error}");
    }
}

/// Takes over what the file says of devices.
fn listen_to_people(board: &Board, config: &Config, now: Time) {
    let (people, wrong) = People::open(config.devices.labels.clone(), now);
    board.people(|place| *place = people);
    if let Some(wrong) = wrong {
        log::warn!("{wrong}; nothing is said of devices");
    }
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
            if let Some(export) = &mut self.export {
                export.leave_out(levels.keys().copied());
            }
            self.levels = levels;
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

    /// Each stage with what came to it and what it lost.
    fn stages(&mut self) -> Vec<(String, Loss)> {
        let mut stages: Vec<_> =
            self.intake.status().into_iter().map(|(name, loss, _)| (name, loss)).collect();
        let stats = self.engine.stats();
        let unread = stats.wire.malformed + stats.wire.orphans;
        stages.push(("engine".into(), Loss { offered: stats.wire.frames, lost: unread }));
        stages.extend(self.output.stages());
        stages
    }

    fn tell(&mut self, now: Time) {
        self.told_at = now;
        if let Some(export) = &mut self.export {
            export.flush(now);
        }
        let ports: Vec<_> = self.intake.status().into_iter().map(|(name, loss, trouble)| {
            let state = if trouble.is_some() { "away" } else { "up" };
            json!({"name": name, "state": state, "offered": loss.offered, "lost": loss.lost, "trouble": trouble})
        }).collect();
        self.lines.look(self.intake.interfaces().into_iter(), &self.engine);
        let coverage: Vec<_> = self.lines.totals(&self.engine).map(|(name, total)| {
            let Total { line, seen, unnamed } = total;
            // To a tenth; more where what was counted just now was not yet when the interface was asked.
            let percent = |part: u64, whole: u64| (part * 1000).checked_div(whole).map(|tenths| tenths as f64 / 10.0);
            json!({"name": name, "bytes_line": line, "bytes_seen": seen, "bytes_unseen": line.saturating_sub(seen),
                "bytes_unnamed": unnamed, "percent_seen": percent(seen.min(line), line),
                "percent_named": percent(seen.saturating_sub(unnamed), seen)})
        }).collect();
        let Meter { offered, written, lost, waiting, deleted, trouble, wear, place, .. } =
            self.output.queue.meter();
        let mut engine = serde_json::Map::new();
        self.engine.stats().each(&mut |name, value| {
            engine.insert(name.into(), value.into());
        });
        self.recent.forget(now);
        self.feel(now);
        let title = |app: &str| {
            let mut apps = self.rules.apps().iter();
            apps.find(|known| &*known.name == app).and_then(|known| known.chinese.clone())
        };
        self.board.set_recent(|| self.recent.told(now, title), || self.pulse.told());
        self.board.set_status(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.to_string(),
            "now": now.to_string(),
            "config": self.path.as_ref().map(|path| path.display().to_string()),
            "interfaces": ports,
            "source": self.intake.details(),
            "coverage": coverage,
            "blocking": self.stopper.as_ref().map(|stopper| stopper.status(self.config.policies.len())),
            "export": self.export.as_ref().map(Export::status),
            "engine": engine,
            "places": {"looked_up": self.places.counts().looked_up, "failed": self.places.counts().failed},
            "watch": self.watch.status(),
            "features": {"apps": self.rules.apps().len(), "features": self.rules.features()},
            "store": {"kind": self.config.store.kind.0.name(), "offered": offered, "written": written,
                "lost": lost, "waiting": waiting, "deleted": deleted, "trouble": trouble, "place": place.map(|place| place.to_string()),
                "flash_bytes": {"today": wear.today, "yesterday": wear.yesterday, "since_start": wear.total,
                    "budget": wear.budget, "held": wear.held}},
            "outs": self.output.outs.status(),
        }));
    }

    /// Counts what passed since the last look.
    fn feel(&mut self, now: Time) {
        let step = match self.intake.has_heads() {
            true => Pulse::step_of_dumps(*self.config.capture.dump_every),
            false => STATUS_EVERY,
        };
        self.pulse.set_step(step);
        let stats = self.engine.stats();
        self.pulse.count(now, [stats.bytes_in, stats.bytes_out]);
    }

    /// SIGHUP: takes over the configuration and the signatures, or keeps what
    /// it has when there is a mistake in them.
    fn reload(&mut self, now: Time) {
        self.board.set_trouble(Value::Null);
        let loaded = load(self.path.as_deref(), self.json)
            .and_then(|(config, path)| Ok((rules_of(&config, path.as_deref())?, config)));
        let (rules, config) = match loaded {
            Ok(loaded) => loaded,
            Err(exit) => {
                for line in exit.to_string().lines() {
                    log::error!("{line}");
                }
                return self.complain(format!("nothing was changed because of these mistakes: {exit}"));
            }
        };
        if !self.intake.is(&config) {
            // There is one table: that of one before must not go after this one's came.
            self.stopper = None;
            self.intake.release(&mut self.engine, now);
            match Intake::open(&config, now) {
                Ok(intake) => self.intake = intake,
                Err(exit) => {
                    let stopper = self.new_stopper(&self.config, now);
                    self.put_stopper(stopper);
                    return self.complain(format!("nothing was changed: {exit}"));
                }
            }
        }
        let has_heads = self.intake.has_heads();
        if !self.stopper.as_ref().map_or(way(&config).is_none(), |it| it.fits(&config, has_heads)) {
            self.stopper = None;
            let stopper = self.new_stopper(&config, now);
            self.put_stopper(stopper);
        }
        if !self.export.as_ref().map_or(!config.export.enabled, |export| export.fits(&config)) {
            // Its last file is closed before another goes on in the folder.
            self.put_export(None);
            match Export::open(&config) {
                Ok(export) => self.put_export(export),
                Err(exit) => self.complain(format!("{exit}; no packets are exported")),
            }
        }
        if self.output.differs(&self.config, &config)
            && let Err(error) = self.output.change_store(&config)
        {
            return self.complain(format!("the store stays as it was: {error}"));
        }
        self.output.configure(&config);
        if let Err(error) = self.metrics.change(&config) {
            self.complain(format!("{error}; there are no metrics"));
        }
        self.engine.configure(self.intake.engine(&config));
        self.engine.set_rules(rules.clone());
        self.engine.set_vendors(vendors_of(&config));
        self.leases = Leases::new(&config);
        if self.config.devices.labels != config.devices.labels {
            listen_to_people(&self.board, &config, now);
        } else if let Some(wrong) = self.board.people(|people| people.read(now)) {
            log::error!("reload: {wrong}; what is said of devices stays as it was");
        }
        log::set_max_level(level(&config));
        let rules_of_the_house = |config: &Config| config.blocking.enabled.then(|| config.policies.clone());
        let are_others = rules_of_the_house(&self.config) != rules_of_the_house(&config);
        self.rules = rules;
        self.config = config;
        self.places = open_places(&self.config);
        self.board.set_max_features(*self.config.apps.max_features);
        self.watch.configure(&self.config, now);
        self.take_policies(now);
        if are_others {
            let spent = spent_today(&self.config, &self.rules, &mut Past::of(&self.config), now);
            self.engine.set_spent(spent.into_iter());
        }
        if let Err(text) = write_web_info(&self.config, self.output.queue.meter().place.as_ref()) {
            log::warn!("{text}; the pages will not find the data");
        }
        log::info!("reload: done, {} apps", self.rules.apps().len());
    }

    /// Says what of a reload was not done, in the log and to who asked for it.
    fn complain(&self, text: String) {
        log::error!("reload: {text}");
        self.board.set_trouble(text.into());
    }

    fn new_stopper(&self, config: &Config, now: Time) -> Option<Stopper> {
        Stopper::open(config, self.intake.has_heads(), now).unwrap_or_else(|error| {
            self.complain(format!("{error}; nothing is stopped"));
            None
        })
    }

    /// Lets `stopper` stop what is stopped, from its beginning.
    fn put_stopper(&mut self, mut stopper: Option<Stopper>) {
        self.engine.set_stopper(stopper.as_mut().is_some_and(|stopper| stopper.resets().is_some()));
        self.stopper = stopper;
    }

    /// Has packets written by `export`, and the socket know where they are.
    fn put_export(&mut self, export: Option<Export>) {
        if export.is_some() && self.intake.has_heads() {
            log::warn!("export: only with source \"tap\", nothing is written");
        }
        self.board.set_export(export.as_ref().map(Export::folder));
        self.export = export;
        if let Some(export) = &mut self.export {
            export.leave_out(self.levels.keys().copied());
        }
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
