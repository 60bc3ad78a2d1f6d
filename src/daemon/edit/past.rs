//! Looks at the sessions of the past week by what somebody is about to save. In a
//! thread of its own, one at a time: the socket and the packets do not wait for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::daemon::clock::Clock;
use crate::daemon::{Exit, has_database, open_database};
use crate::store::{Labelled, Store};
use crate::time::Time;

/// How far it looks back.
const SPAN: Duration = Duration::from_secs(7 * 86_400);

/// Sessions looked at, and the time that takes; beyond either the rest is left out.
const MAX_ROWS: u32 = 1_000_000;
const MAX_TIME: Duration = Duration::from_secs(60);

/// How much less it matters than packets do, for the scheduler.
const NICE: i32 = 10;

/// What a look has come to.
#[derive(Default)]
struct Progress {
    looked: AtomicU32,
    is_over: AtomicBool,
    result: Mutex<Option<Value>>,
}

/// One look at a time; another ends the one before.
#[derive(Default)]
pub struct Past {
    /// What it is about, so that who asks again gets the same.
    key: String,
    progress: Arc<Progress>,
}

/// What the work has: the sessions.
pub struct Sessions {
    config: Config,
    progress: Arc<Progress>,
}

impl Past {
    /// What the look that `key` stands for has found, or how far it is; begins it
    /// with `work`, which gives what it found, if it is another than before.
    pub fn look(
        &mut self,
        key: String,
        config: &Config,
        work: impl FnOnce(&mut Sessions) -> Result<Value, Exit> + Send + 'static,
    ) -> Value {
        if self.key != key {
            self.progress.is_over.store(true, Ordering::Relaxed);
            self.key = key;
            self.progress = Arc::default();
            let mut sessions = Sessions { config: config.clone(), progress: self.progress.clone() };
            thread::spawn(move || {
                // SAFETY: plain numbers; on Linux 0 is the calling thread.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
                let found = work(&mut sessions)
                    .unwrap_or_else(|exit| json!({"error": "past", "text": exit.to_string()}));
                *sessions.progress.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            });
        }
        self.told()
    }

    fn told(&mut self) -> Value {
        let looked = self.progress.looked.load(Ordering::Relaxed);
        let found = self.progress.result.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match found {
            Some(mut found) => {
                // Who asks later wants to know of later sessions too.
                self.key.clear();
                found["looked"] = looked.into();
                found
            }
            None => json!({"running": true, "looked": looked}),
        }
    }
}

impl Sessions {
    /// Shows `each` the sessions of the past week; answers whether these were all.
    pub fn each(&mut self, each: &mut dyn FnMut(&Labelled)) -> Result<bool, Exit> {
        if !has_database(&self.config) {
            return Ok(true);
        }
        let mut clock = Clock::new();
        let since = clock.read().0.back(SPAN);
        let progress = &self.progress;
        let mut is_all = true;
        let mut look = |row: &Labelled| {
            let looked = progress.looked.load(Ordering::Relaxed);
            let is_late = looked.is_multiple_of(1_000) && clock.running() > MAX_TIME;
            if looked >= MAX_ROWS || is_late || progress.is_over.load(Ordering::Relaxed) {
                is_all = false;
                return false;
            }
            progress.looked.store(looked + 1, Ordering::Relaxed);
            each(row);
            true
        };
        open_database(&self.config)?.sessions_while(since, &mut look)?;
        Ok(is_all)
    }

    /// The files of packets that are kept, if any are.
    pub fn captures(&self) -> Vec<PathBuf> {
        if !self.config.export.enabled {
            return Vec::new();
        }
        let entries = std::fs::read_dir(&self.config.export.folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "pcapng"))
            .collect()
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The begin of what is looked at.
    pub fn since() -> Time {
        Clock::new().read().0.back(SPAN)
    }
}
