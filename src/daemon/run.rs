//! `weir run`: the daemon.
//!
//! The engine runs in the main thread, right behind the interfaces: the
//! kernel's ring is the queue in front of it, so no frame is copied. One
//! thread writes to the store, one answers on the control socket.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::answers::{Answers, Board};
use super::clock::{Clock, local};
use super::coverage::{Lines, Total};
use super::intake::Intake;
use super::recent::Recent;
use super::stopper::{Stopper, is_asked};
use super::{Exit, load_config, open_store, policies, rules_of, write_web_info};
use crate::config::{Choice, Config};
use crate::control::Server;
use crate::engine::Engine;
use crate::record::{Health, Ids, Record};
use crate::rules::Rules;
use crate::source::{HANDED_OVER, Loss};
use crate::store::{self, Meter, Place, Queue, Wear};
use crate::time::Time;

/// The longest that the daemon sleeps when nothing comes.
const NAP: Duration = Duration::from_millis(500);

/// The stage that writes to lasting storage.
const STORE: &str = "store";

/// How often the status is made anew.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT.
pub fn run(path: Option<&Path>) -> Result<(), Exit> {
    let (config, path) = load_config(path)?;
    let rules = rules_of(&config, path.as_deref())?;
    let signals = Signals::register().map_err(|error| Exit::Failed(format!("signals: {error}")))?;
    let mut clock = Clock::new();
    let (now, _) = clock.read();
    let control = &config.daemon.control;
    let server =
        Server::bind(control).map_err(|error| Exit::Failed(format!("{}: {error}", control.display())))?;
    let output = Output::open(&config).map_err(|error| Exit::Failed(error.to_string()))?;
    let intake = Intake::open(&config, now)?;
    if let Err(text) = write_web_info(&config, output.queue.meter().place.as_ref()) {
        log::warn!("{text}; the pages will not find the data");
    }
    let board = Board::default();
    board.set_max_features(*config.apps.max_features);
    let mut answers = Answers::new(board.clone(), config.daemon.web_password.clone());
    let guard = server.spawn(move |question| answers.answer(question));
    log::info!("{} apps by {}", rules.apps().len(), config.apps.features.display());
    let spent = match config.blocking.enabled {
        true => policies::spent_today(&config, &rules, now).unwrap_or_else(|exit| {
            log::warn!("quotas of this day begin anew: {exit}");
            Vec::new()
        }),
        false => Vec::new(),
    };
    let stopper = Stopper::open(&config, intake.has_heads(), now)?;
    let mut daemon = Daemon {
        stopper,
        engine: Engine::new(intake.engine(&config), rules.clone()),
        rules,
        path,
        intake,
        output,
        board,
        recent: Recent::default(),
        started: now,
        minute: now.minute(),
        sent_at: now,
        told_at: Time::ZERO,
        health: HealthLog::new(now),
        lines: Lines::default(),
        config,
    };
    daemon.take_policies(now);
    daemon.engine.set_spent(spent.into_iter());
    daemon.lines.look(daemon.intake.interfaces().into_iter(), &daemon.engine);
    daemon.work(&mut clock, &signals);
    daemon.last_frames(&mut clock, &signals);
    daemon.finish(clock.read().0);
    drop(guard);
    log::info!("ended");
    Ok(())
}

/// `weir door`: lets people in to the pages of what was read from a file, where
/// no daemon runs.
pub fn door(path: Option<&Path>) -> Result<(), Exit> {
    let (config, _) = load_config(path)?;
    let signals = Signals::register().map_err(|error| Exit::Failed(format!("signals: {error}")))?;
    let control = &config.daemon.control;
    let server =
        Server::bind(control).map_err(|error| Exit::Failed(format!("{}: {error}", control.display())))?;
    let board = Board::default();
    board.set_max_features(*config.apps.max_features);
    let mut answers = Answers::new(board, config.daemon.web_password.clone());
    let guard = server.spawn(move |question| answers.answer(question));
    while !signals.end.load(Ordering::Relaxed) {
        signals.wait(&[], Duration::from_secs(3600));
    }
    drop(guard);
    Ok(())
}

struct Daemon {
    config: Config,
    path: Option<PathBuf>,
    rules: Arc<Rules>,
    engine: Engine,
    intake: Intake,
    stopper: Option<Stopper>,
    output: Output,
    board: Board,
    recent: Recent,
    started: Time,
    /// The minute that policies know of.
    minute: Time,
    /// When records were handed to the store.
    sent_at: Time,
    /// When the status was made.
    told_at: Time,
    health: HealthLog,
    lines: Lines,
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
            busy = self.intake.read(&mut self.engine, now);
            self.intake.retry(now);
            self.engine.tick(now);
            self.obey(now);
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

    /// Lets the kernel stop what is to be stopped.
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
        let enough = self.engine.waiting() >= *self.config.store.batch as usize;
        if !enough && !health_due && now.since(self.sent_at) < *self.config.store.delay {
            return;
        }
        self.sent_at = now;
        let mut records: Vec<Record> = self.engine.drain().collect();
        self.recent.add(&records);
        if health_due {
            self.report_health(now, &mut records);
        }
        if !records.is_empty() {
            self.output.queue.send(now, records);
        }
    }

    /// What was lost at each stage and what was seen of each interface.
    fn report_health(&mut self, now: Time, records: &mut Vec<Record>) {
        let stages = self.stages();
        self.health.report(now, &stages, self.output.queue.meter().wear, records);
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
        let meter = self.output.queue.meter();
        stages.push((STORE.into(), Loss { offered: meter.offered, lost: meter.lost }));
        stages
    }

    fn tell(&mut self, now: Time) {
        self.told_at = now;
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
        let title = |app: &str| {
            let mut apps = self.rules.apps().iter();
            apps.find(|known| &*known.name == app).and_then(|known| known.chinese.clone())
        };
        self.board.set_recent(|| self.recent.told(now, title));
        self.board.set_status(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.to_string(),
            "now": now.to_string(),
            "config": self.path.as_ref().map(|path| path.display().to_string()),
            "interfaces": ports,
            "source": self.intake.details(),
            "coverage": coverage,
            "blocking": self.stopper.as_ref().map(|stopper| json!({"policies": self.config.policies.len(),
                "done": stopper.done, "late": stopper.late, "failed": stopper.failed})),
            "engine": engine,
            "features": {"apps": self.rules.apps().len(), "features": self.rules.features()},
            "store": {"kind": self.config.store.kind.0.name(), "offered": offered, "written": written,
                "lost": lost, "waiting": waiting, "deleted": deleted, "trouble": trouble, "place": place.map(|place| place.to_string()),
                "flash_bytes": {"today": wear.today, "yesterday": wear.yesterday, "since_start": wear.total,
                    "budget": wear.budget, "held": wear.held}},
        }));
    }

    /// SIGHUP: takes over the configuration and the signatures, or keeps what
    /// it has when there is a mistake in them.
    fn reload(&mut self, now: Time) {
        let loaded = load_config(self.path.as_deref())
            .and_then(|(config, path)| Ok((rules_of(&config, path.as_deref())?, config)));
        let (rules, config) = match loaded {
            Ok(loaded) => loaded,
            Err(exit) => {
                for line in exit.to_string().lines() {
                    log::error!("{line}");
                }
                return log::error!("reload: nothing was changed because of these mistakes");
            }
        };
        if !self.intake.is(&config) {
            self.intake.release(&mut self.engine, now);
            match Intake::open(&config, now) {
                Ok(intake) => self.intake = intake,
                Err(exit) => return log::error!("reload: nothing was changed: {exit}"),
            }
        }
        if !self.stopper.as_ref().map_or(!is_asked(&config), |it| it.fits(&config, self.intake.has_heads())) {
            // The table of the one before must not go after this one's came.
            self.stopper = None;
            match Stopper::open(&config, self.intake.has_heads(), now) {
                Ok(stopper) => self.stopper = stopper,
                Err(error) => log::error!("reload: {error}; nothing is stopped"),
            }
        }
        if self.output.differs(&self.config, &config) {
            match Output::open(&config) {
                Ok(output) => std::mem::replace(&mut self.output, output).close(),
                Err(error) => return log::error!("reload: the store stays as it was: {error}"),
            }
        }
        self.output.queue.set_limit(*config.store.max_queue as usize);
        self.engine.configure(self.intake.engine(&config));
        self.engine.set_rules(rules.clone());
        log::set_max_level(level(&config));
        self.rules = rules;
        self.config = config;
        self.board.set_max_features(*self.config.apps.max_features);
        self.take_policies(now);
        if let Err(text) = write_web_info(&self.config, self.output.queue.meter().place.as_ref()) {
            log::warn!("{text}; the pages will not find the data");
        }
        log::info!("reload: done, {} apps", self.rules.apps().len());
    }

    /// Takes what the kernel had captured when the end was called for.
    fn last_frames(&mut self, clock: &mut Clock, signals: &Signals) {
        let (begun, _) = clock.read();
        let mut left = HANDED_OVER;
        while !left.is_zero() {
            signals.wait(&self.intake.descriptors(), left.min(self.intake.patience(clock.read().0)));
            let (now, _) = clock.read();
            self.intake.read(&mut self.engine, now);
            self.send(now);
            left = HANDED_OVER.saturating_sub(now.since(begun));
        }
        self.intake.finish(&mut self.engine, clock.read().0);
    }

    /// Writes what goes on, and waits for the store.
    fn finish(mut self, now: Time) {
        loop {
            let more = self.engine.finish();
            let mut records: Vec<Record> = self.engine.drain().collect();
            if !more {
                self.report_health(now, &mut records);
            }
            self.output.queue.send(now, records);
            if !more {
                break;
            }
        }
        self.output.close();
    }
}

/// The way to the store.
struct Output {
    queue: Queue,
    writer: JoinHandle<()>,
}

impl Output {
    fn open(config: &Config) -> Result<Output, store::Error> {
        let (queue, writer) = store::queue(open_store(config)?, *config.store.max_queue as usize);
        if let Some(place) = queue.meter().place.filter(Place::is_usual) {
            log::info!("{}: on {place}", config.sqlite.path.display());
        }
        let writer = thread::spawn(move || drop(writer.run()));
        Ok(Output { queue, writer })
    }

    /// Whether `new` asks for another store than `old`.
    fn differs(&self, old: &Config, new: &Config) -> bool {
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

    /// Lets the writer finish what it has.
    fn close(self) {
        drop(self.queue);
        if self.writer.join().is_err() {
            log::error!("the store's thread panicked");
        }
    }
}

/// What the stages were offered and lost, as rows: one each interval.
struct HealthLog {
    at: Time,
    before: Vec<(String, Loss)>,
    /// Bytes that the store had written to lasting storage.
    flash: u64,
    ids: Ids,
}

impl HealthLog {
    fn new(now: Time) -> HealthLog {
        HealthLog { at: now, before: Vec::new(), flash: 0, ids: Ids::default() }
    }

    fn is_due(&self, now: Time, every: Duration) -> bool {
        now.since(self.at) >= every
    }

    fn report(&mut self, now: Time, stages: &[(String, Loss)], wear: Wear, out: &mut Vec<Record>) {
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
        self.before = stages.to_vec();
        self.flash = wear.total;
        self.at = now;
    }
}

/// SIGTERM and SIGINT end the daemon, SIGHUP makes it reload.
struct Signals {
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    /// Becomes readable when a signal came, so that waiting ends.
    wake: UnixStream,
}

impl Signals {
    fn register() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Signals { end: Arc::default(), reload: Arc::default(), wake };
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, signals.end.clone())?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        signal_hook::flag::register(SIGHUP, signals.reload.clone())?;
        signal_hook::low_level::pipe::register(SIGHUP, waker)?;
        Ok(signals)
    }

    /// Waits until one of `descriptors` is readable, a signal comes or
    /// `timeout` is over.
    fn wait(&self, descriptors: &[RawFd], timeout: Duration) {
        let all = descriptors.iter().copied().chain([self.wake.as_raw_fd()]);
        let mut polled: Vec<libc::pollfd> =
            all.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the pointer and the length are those of a living vector, and
        // poll(2) writes to `revents` within it only.
        unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) };
        let mut bytes = [0; 64];
        while (&self.wake).read(&mut bytes).is_ok_and(|read| read > 0) {}
    }
}

/// How much `config` wants to be logged.
pub fn level(config: &Config) -> log::LevelFilter {
    config.daemon.log.0.name().parse().unwrap_or(log::LevelFilter::Info)
}
