//! SIGHUP: another configuration, other signatures, while it runs.

use serde_json::Value;

use super::door::listen_to_people;
use super::{Daemon, level, load, spent_today};
use crate::config::Config;
use crate::daemon::devices::{Leases, vendors_of};
use crate::daemon::export::Export;
use crate::daemon::intake::Intake;
use crate::daemon::past::Past;
use crate::daemon::stopper::{Stopper, way};
use crate::daemon::{open_places, rules_of, write_web_info};
use crate::time::Time;

impl Daemon {
    /// Takes over the configuration and the signatures, or keeps what
    /// it has when there is a mistake in them.
    pub(super) fn reload(&mut self, now: Time) {
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
        self.levels = self.board.people(|people| people.levels());
        self.leave_out();
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
    pub(super) fn put_stopper(&mut self, mut stopper: Option<Stopper>) {
        self.engine.set_stopper(stopper.as_mut().is_some_and(|stopper| stopper.resets().is_some()));
        self.stopper = stopper;
    }

    /// Has packets written by `export`, and the socket know where they are.
    pub(super) fn put_export(&mut self, export: Option<Export>) {
        if export.is_some() && self.intake.has_heads() {
            log::warn!("export: only with source \"tap\", nothing is written");
        }
        self.board.set_export(export.as_ref().map(Export::folder));
        self.export = export;
        self.leave_out();
    }

    /// Has no packets written of devices that not everything is written of.
    pub(super) fn leave_out(&mut self) {
        if let Some(export) = &mut self.export {
            export.leave_out(self.levels.keys().copied());
        }
    }
}
