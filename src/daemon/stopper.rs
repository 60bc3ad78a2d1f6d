//! Stops what policies say: lets the kernel do it, by marks on conntrack's
//! entries and the rules that refuse what is marked, or by resets.

use serde_json::{Value, json};

use super::intake::plan;
use super::resets::Resets;
use crate::config::{Choice, Config, StopWay};
use crate::engine::Order;
use crate::source::Error;
use crate::source::netfilter::{Marks, Table};
use crate::time::Time;

/// What stops sessions, one way or the other.
pub enum Stopper {
    Rules(Rules),
    Resets(Resets),
}

impl Stopper {
    /// What `config` asks for; none where nothing shall be stopped.
    pub fn open(config: &Config, has_heads: bool, now: Time) -> Result<Option<Stopper>, Error> {
        Ok(match way(config) {
            None => None,
            Some(StopWay::Rules) => Some(Stopper::Rules(Rules::open(config, has_heads, now)?)),
            Some(StopWay::Resets) => Some(Stopper::Resets(Resets::open(config, now)?)),
        })
    }

    /// Whether it does what `config` asks for.
    pub fn fits(&self, config: &Config, has_heads: bool) -> bool {
        match (self, way(config)) {
            (Stopper::Rules(rules), Some(StopWay::Rules)) => rules.fit(config, has_heads),
            (Stopper::Resets(resets), Some(StopWay::Resets)) => resets.fits(config),
            _ => false,
        }
    }

    /// Carries out `orders`, and looks after the rules.
    pub fn obey(&mut self, orders: &[Order], now: Time) {
        match self {
            Stopper::Rules(rules) => rules.obey(orders, now),
            Stopper::Resets(resets) => resets.obey(orders),
        }
    }

    /// Those that have to see each frame, where it is they who stop.
    pub fn resets(&mut self) -> Option<&mut Resets> {
        match self {
            Stopper::Rules(_) => None,
            Stopper::Resets(resets) => Some(resets),
        }
    }

    /// For `weir status`.
    pub fn status(&self, policies: usize) -> Value {
        let (way, mut status) = match self {
            Stopper::Rules(rules) => (StopWay::Rules, rules.counts()),
            Stopper::Resets(resets) => (StopWay::Resets, resets.counts()),
        };
        status["way"] = way.name().into();
        status["policies"] = policies.into();
        status
    }
}

/// How `config` wants to stop what may have to be stopped; none where nothing may.
pub fn way(config: &Config) -> Option<StopWay> {
    let is_asked = config.blocking.enabled && config.policies.iter().any(|policy| !policy.dry_run);
    is_asked.then_some(config.blocking.way.0)
}

/// Marks and rules. The rules go with it.
pub struct Rules {
    marks: Marks,
    mark: u32,
    /// The rules, where heads have not brought them already.
    table: Option<Table>,
    /// Orders carried out, those that came too late, and those that failed.
    done: u64,
    late: u64,
    failed: u64,
}

impl Rules {
    fn open(config: &Config, has_heads: bool, now: Time) -> Result<Rules, Error> {
        let mark = *config.blocking.mark;
        let failed =
            |error| Error::Failed(format!("blocking: conntrack (kmod-nf-conntrack-netlink): {error}"));
        let marks = Marks::open(mark).map_err(failed)?;
        // One that was killed left its marks, and they would count again.
        marks.clear().map_err(failed)?;
        let table = if has_heads { None } else { Some(Table::put(plan(config, false)?, now)?) };
        log::info!("blocking: {} policies", config.policies.len());
        Ok(Rules { marks, mark, table, done: 0, late: 0, failed: 0 })
    }

    fn fit(&self, config: &Config, has_heads: bool) -> bool {
        self.mark == *config.blocking.mark && self.table.is_none() == has_heads
    }

    fn obey(&mut self, orders: &[Order], now: Time) {
        for order in orders {
            match self.marks.set(&order.ends, order.stop) {
                Ok(true) => self.done += 1,
                Ok(false) => self.late += 1,
                Err(error) => {
                    // The first tells what is wrong; each would fill the log.
                    if self.failed == 0 {
                        log::error!("blocking: {error}");
                    }
                    self.failed += 1;
                }
            }
        }
        if let Some(Err(error)) = self.table.as_mut().map(|table| table.keep(now)) {
            log::error!("blocking: {error}");
        }
    }

    fn counts(&self) -> Value {
        json!({"done": self.done, "late": self.late, "failed": self.failed})
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        // What goes on without rules shall not meet the next ones.
        if let Err(error) = self.marks.clear() {
            log::warn!("blocking: {error}; marks stay on what was stopped");
        }
    }
}
