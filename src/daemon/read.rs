//! `weir read`: capture files through the same engine, into the configured
//! store or as lines of JSON.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::devices::vendors_of;
use super::lists::load;
use super::people::People;
use super::privacy::{self, Level};
use super::{Exit, load_config, open_places, open_store, rules_of, write_web_info};
use crate::config::Config;
use crate::engine::Engine;
use crate::places::Places;
use crate::record::Device;
use crate::rules::Rules;
use crate::source::{CaptureFile, Source, State};
use crate::store::eve::Eve;
use crate::store::{Error, Store};

/// Frames between two looks at the records.
const AT_ONCE: usize = 1_000;

/// From this size on, in bytes, a file has a progress bar.
const LARGE: u64 = 16 << 20;

/// Reads `paths` in order, as one capture in parts. What a damaged file gives
/// is kept; the damage is told at the end.
pub fn read(config: Option<&Path>, paths: &[PathBuf], json: bool) -> Result<(), Exit> {
    let (mut config, config_path) = load_config(config)?;
    let rules = rules_of(&config, config_path.as_deref())?;
    let mut store: Box<dyn Store> = if json {
        Box::new(Eve::new(io::stdout().lock()))
    } else {
        // A budget is for what comes day by day, not for what somebody brings.
        let mut once = config.clone();
        once.store.write_budget.0 = 0;
        let store = open_store(&once)?;
        if let Err(text) = write_web_info(&config, store.place().as_ref()) {
            log::warn!("{text}; the pages will not find the data");
        }
        store
    };
    // Lines of JSON wear out nothing.
    config.store.details |= json;
    read_into(&config, rules, paths, &mut *store)
}

/// Reads `paths` into `store`, as `config` has it.
pub(super) fn read_into(
    config: &Config,
    rules: Arc<Rules>,
    paths: &[PathBuf],
    store: &mut dyn Store,
) -> Result<(), Exit> {
    let mut engine = Engine::new(config.engine(), rules);
    engine.set_vendors(vendors_of(config));
    if config.alerts.enabled && !config.threat_lists.is_empty() {
        engine.set_threats(Arc::new(load(config)));
    }
    let (places, batch) = (open_places(config), *config.store.batch as usize);
    let (mut people, wrong) = People::open(config.devices.labels.clone(), Clock::new().read().0);
    if let Some(wrong) = wrong {
        return Err(Exit::Input(vec![wrong]));
    }
    store.write(&people.take_fresh()).map_err(Exit::from)?;
    let mut reader = Reader { engine, places, store, batch, levels: people.levels() };
    let mut trouble = Vec::new();
    for path in paths {
        match reader.file(path) {
            Err(Stop::Input(text)) => trouble.push(text),
            Err(Stop::Exit(exit)) => return exit.map_or(Ok(()), Err),
            Ok(()) => {}
        }
    }
    if let Err(Stop::Exit(exit)) = reader.finish() {
        return exit.map_or(Ok(()), Err);
    }
    reader.store.sum_up(Clock::new().read().0)?;
    if trouble.is_empty() { Ok(()) } else { Err(Exit::Input(trouble)) }
}

/// Why a file was left.
enum Stop {
    /// It is damaged; others may follow.
    Input(String),
    /// Nothing can follow; without a reason when nobody reads what we write.
    Exit(Option<Exit>),
}

struct Reader<'a> {
    engine: Engine,
    places: Places,
    store: &'a mut dyn Store,
    batch: usize,
    levels: HashMap<Device, Level>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Stop> {
        let mut file = CaptureFile::open(path).map_err(|error| Stop::Input(error.to_string()))?;
        let mut progress = Progress::new(&file);
        // The source's number of the interface of the last frame, and the engine's.
        let mut last = (usize::MAX, 0);
        loop {
            let engine = &mut self.engine;
            let state = file.read(AT_ONCE, &mut |frame| {
                if frame.iface != last.0 {
                    last = (frame.iface, engine.interface(frame.iface_name));
                }
                engine.packet(frame.time, last.1, frame.kind, frame.bytes, frame.on_wire);
            });
            self.write(false)?;
            progress.show(&file);
            match state {
                Ok(State::End) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(Stop::Input(error.to_string())),
            }
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        while self.engine.finish() {
            self.write(false)?;
        }
        self.write(true)
    }

    /// Hands the records on, when there are enough of them or it is the end.
    fn write(&mut self, all: bool) -> Result<(), Stop> {
        if self.engine.waiting() < self.batch && !all {
            return Ok(());
        }
        let mut records: Vec<_> = self.engine.drain().collect();
        privacy::apply(&self.levels, &mut records);
        self.places.fill(&mut records, self.engine.now());
        self.store.write(&records).map_err(|error| match error {
            Error::Closed => Stop::Exit(None),
            error => Stop::Exit(Some(error.into())),
        })
    }
}

/// How far a large file has been read, on a terminal.
struct Progress {
    shown: Option<u64>,
}

impl Progress {
    fn new(file: &CaptureFile) -> Progress {
        let (_, size) = file.progress();
        Progress { shown: (size >= LARGE && io::stderr().is_terminal()).then_some(0) }
    }

    fn show(&mut self, file: &CaptureFile) {
        let Some(shown) = self.shown else { return };
        let (read, size) = file.progress();
        let percent = read * 100 / size.max(1);
        if percent != shown {
            self.shown = Some(percent);
            let bar = "█".repeat(percent as usize / 4);
            let packets = file.packets();
            let _ = write!(io::stderr(), "\r{bar:░<25} {percent:3} %  {packets} packets ");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}
