//! `[export]`: packets in files of pcapng, of which the daemon keeps the newest.

mod extract;
mod ring;
mod waiting;

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Exit;
use crate::config::{self, Config};
use crate::engine::{Engine, Handled};
use crate::record::Device;
use crate::source::{Filter, Frame};
use crate::time::Time;
pub use extract::{MAX_ANSWER, Wanted, export, extract};
use ring::Ring;
use waiting::Waiting;

/// See the module's text.
pub struct Export {
    settings: config::Export,
    filter: Filter,
    ring: Ring,
    waiting: Waiting,
    /// Devices of which somebody wants less written than all.
    left_out: HashSet<Device>,
    /// Frames that were written, and that should have been.
    written: u64,
    dropped: u64,
}

impl Export {
    /// As `config` asks for it; none where it does not. Fails where its filter is
    /// none.
    pub fn open(config: &Config) -> Result<Option<Export>, Exit> {
        let settings = &config.export;
        if !settings.enabled {
            return Ok(None);
        }
        let megabytes = |number: u32| u64::from(number) << 20;
        Ok(Some(Export {
            filter: Filter::new(&settings.filter)?,
            ring: Ring::new(&settings.folder, megabytes(*settings.max_mb), megabytes(*settings.file_mb)),
            waiting: Waiting::new(*settings.first_packets as usize, *settings.max_waiting as usize),
            settings: settings.clone(),
            left_out: HashSet::new(),
            written: 0,
            dropped: 0,
        }))
    }

    /// Whether it is what `config` asks for.
    pub fn fits(&self, config: &Config) -> bool {
        self.settings == config.export
    }

    /// Writes `frame`, which `engine` was given just now, if it is one that is wanted.
    pub fn frame(&mut self, engine: &Engine, frame: &Frame<'_>, now: Time) {
        if !self.filter.has(frame.kind, frame.bytes) {
            return;
        }
        let handled = engine.handled();
        if !self.is_of_device(handled.as_ref()) {
            return;
        }
        let snaplen = *self.settings.snaplen as usize;
        if !self.settings.apps.is_empty() {
            let Some(handled) = handled else { return };
            match handled.app {
                Some(app) if self.settings.apps.iter().any(|wanted| **wanted == *app) => {
                    let Export { waiting, ring, written, dropped, .. } = self;
                    waiting.take(handled.session, &mut |held| {
                        *(if ring.write(held, snaplen, now) { &mut *written } else { &mut *dropped }) += 1;
                    });
                }
                // A session may be known by a better name later.
                _ if handled.packets <= u64::from(*self.settings.first_packets) => {
                    return self.waiting.hold(handled.session, frame, snaplen);
                }
                _ => return,
            }
        }
        let is_done = self.ring.write(frame, snaplen, now);
        *(if is_done { &mut self.written } else { &mut self.dropped }) += 1;
    }

    fn is_of_device(&self, handled: Option<&Handled<'_>>) -> bool {
        if handled.is_some_and(|of| self.left_out.contains(&of.device)) {
            return false;
        }
        let wanted = &self.settings.devices;
        wanted.is_empty()
            || handled.is_some_and(|of| wanted.iter().any(|whose| whose.has(of.device, of.address)))
    }

    /// Writes nothing of `devices` from here on.
    pub fn leave_out(&mut self, devices: impl Iterator<Item = Device>) {
        self.left_out = devices.collect();
    }

    /// Lets others read what was written so far.
    pub fn flush(&mut self, now: Time) {
        self.ring.flush(now);
    }

    /// Where its files are.
    pub fn folder(&self) -> PathBuf {
        self.settings.folder.clone()
    }

    /// For `weir status`.
    pub fn status(&self) -> Value {
        json!({"written": self.written, "dropped": self.dropped, "dropped_waiting": self.waiting.dropped(),
            "files": self.ring.count(), "bytes": self.ring.size(), "trouble": self.ring.trouble()})
    }
}

#[cfg(test)]
mod tests;
