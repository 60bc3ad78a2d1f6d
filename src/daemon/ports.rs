//! The interfaces that the daemon watches. One that goes away is waited for.

use std::os::fd::RawFd;

use super::Exit;
use super::export::Export;
use super::resets::Resets;
use super::retry::{self, Retry};
use crate::engine::Engine;
use crate::source::{Error, Live, LiveOptions, Loss, Source, State, default_interface};
use crate::time::Time;

/// Frames taken from one interface before the next has its turn.
const AT_ONCE: usize = 2_000;

/// All of them.
pub struct Ports {
    ports: Vec<Port>,
    options: LiveOptions,
}

struct Port {
    name: String,
    live: Option<Live>,
    /// Of captures on this interface that have ended.
    before: Loss,
    retry: Retry,
    /// Why it is away.
    trouble: Option<String>,
}

impl Ports {
    /// Opens the interfaces called `names`, or the default one. Fails when
    /// none of them can be opened, or when what is asked for is wrong.
    pub fn open(names: &[String], options: LiveOptions, now: Time) -> Result<Ports, Exit> {
        let mut ports: Vec<Port> = wanted(names)?.into_iter().map(|name| Port::new(name, now)).collect();
        let mut failure = None;
        for port in &mut ports {
            match port.open(&options, now) {
                Err(Error::Input(text)) => return Err(Exit::Input(vec![text])),
                Err(Error::Failed(text)) => failure = failure.or(Some(text)),
                Ok(()) => {}
            }
        }
        if let Some(text) = failure.filter(|_| ports.iter().all(|port| port.live.is_none())) {
            return Err(Exit::Failed(text));
        }
        ports.iter().for_each(Port::warn);
        Ok(Ports { ports, options })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.iter().map(|port| &*port.name)
    }

    /// What to wait on.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.ports.iter().filter_map(|port| port.live.as_ref()?.descriptor())
    }

    /// Hands frames that are there to `engine`, and by `resets`, where there are
    /// some, and after it to `export`; `true` when there may be more.
    pub fn read(
        &mut self,
        engine: &mut Engine,
        mut resets: Option<&mut Resets>,
        mut export: Option<&mut Export>,
        now: Time,
    ) -> bool {
        let mut more = false;
        for port in &mut self.ports {
            let Some(live) = &mut port.live else { continue };
            let iface = engine.interface(&port.name);
            let mac = live.mac();
            let result = live.read(AT_ONCE, &mut |frame| {
                match &mut resets {
                    None => engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire),
                    Some(resets) => resets.frame(engine, iface, mac, &frame, now),
                }
                if let Some(export) = &mut export {
                    export.frame(engine, &frame, now);
                }
            });
            if let Some(resets) = &mut resets {
                resets.send(live, now);
            }
            match result {
                Ok(state) => more |= state == State::More,
                Err(error) => {
                    port.lose(error.to_string(), now);
                    port.warn();
                }
            }
        }
        more
    }

    /// Tries again the interfaces that are away, when it is time.
    pub fn retry(&mut self, now: Time) {
        for port in &mut self.ports {
            if port.live.is_none() && port.retry.is_due(now) {
                let before = port.trouble.clone();
                // Said once, however often it is tried.
                if port.open(&self.options, now).is_err() && port.trouble != before {
                    port.warn();
                }
            }
        }
    }

    /// Name, loss so far and what is wrong, of each.
    pub fn status(&mut self) -> Vec<(String, Loss, Option<String>)> {
        let status = |port: &mut Port| (port.name.clone(), port.loss(), port.trouble.clone());
        self.ports.iter_mut().map(status).collect()
    }

    /// Whether these are the interfaces and options of another configuration.
    pub fn are(&self, names: &[String], options: &LiveOptions) -> bool {
        // Without a default route the one that there was stays.
        let same = |names: Vec<String>| self.ports.iter().map(|port| &port.name).eq(&names);
        self.options == *options && wanted(names).map_or(true, same)
    }
}

/// The interfaces that are meant by `names`, of which there may be none.
pub fn wanted(names: &[String]) -> Result<Vec<String>, Error> {
    if names.is_empty() { Ok(vec![default_interface()?]) } else { Ok(names.to_vec()) }
}

impl Port {
    fn new(name: String, now: Time) -> Port {
        Port { name, live: None, before: Loss::default(), retry: Retry::new(now), trouble: None }
    }

    fn open(&mut self, options: &LiveOptions, now: Time) -> Result<(), Error> {
        match Live::open(&self.name, options) {
            Ok(live) => {
                log::info!("{}: capturing", self.name);
                self.live = Some(live);
                self.trouble = None;
                self.retry.went_well();
                Ok(())
            }
            Err(error) => {
                self.lose(error.to_string(), now);
                Err(error)
            }
        }
    }

    /// The capture has ended; it is tried again after a pause.
    fn lose(&mut self, why: String, now: Time) {
        if let Some(mut live) = self.live.take() {
            let loss = live.loss();
            self.before.offered += loss.offered;
            self.before.lost += loss.lost;
        }
        self.trouble = Some(why);
        self.retry.failed(now);
    }

    fn warn(&self) {
        if let Some(why) = &self.trouble {
            log::warn!("{why}; trying again every {} s", retry::LONGEST.as_secs());
        }
    }

    fn loss(&mut self) -> Loss {
        let now = self.live.as_mut().map(Source::loss).unwrap_or_default();
        Loss { offered: self.before.offered + now.offered, lost: self.before.lost + now.lost }
    }
}
