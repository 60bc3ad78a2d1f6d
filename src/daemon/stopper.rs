//! Lets the kernel stop what policies say: marks on conntrack's entries, and
//! the rules that refuse what is marked.

use super::intake::plan;
use crate::config::Config;
use crate::engine::Order;
use crate::source::Error;
use crate::source::netfilter::{Marks, Table};
use crate::time::Time;

/// See the module's text. The rules go with it.
pub struct Stopper {
    marks: Marks,
    mark: u32,
    /// The rules, where heads have not brought them already.
    table: Option<Table>,
    /// Orders carried out, those that came too late, and those that failed.
    pub done: u64,
    pub late: u64,
    pub failed: u64,
}

impl Stopper {
    /// What `config` asks for; none where nothing shall be stopped.
    pub fn open(config: &Config, has_heads: bool, now: Time) -> Result<Option<Stopper>, Error> {
        if !is_asked(config) {
            return Ok(None);
        }
        let mark = *config.blocking.mark;
        let failed =
            |error| Error::Failed(format!("blocking: conntrack (kmod-nf-conntrack-netlink): {error}"));
        let marks = Marks::open(mark).map_err(failed)?;
        // One that was killed left its marks, and they would count again.
        marks.clear().map_err(failed)?;
        let table = if has_heads { None } else { Some(Table::put(plan(config, false)?, now)?) };
        log::info!("blocking: {} policies", config.policies.len());
        Ok(Some(Stopper { marks, mark, table, done: 0, late: 0, failed: 0 }))
    }

    /// Whether it does what `config` asks for.
    pub fn fits(&self, config: &Config, has_heads: bool) -> bool {
        is_asked(config) && self.mark == *config.blocking.mark && self.table.is_none() == has_heads
    }

    /// Carries out `orders`, and looks after the rules.
    pub fn obey(&mut self, orders: &[Order], now: Time) {
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
}

/// Whether something may have to be stopped.
pub fn is_asked(config: &Config) -> bool {
    config.blocking.enabled && config.policies.iter().any(|policy| !policy.dry_run)
}

impl Drop for Stopper {
    fn drop(&mut self) {
        // What goes on without rules shall not meet the next ones.
        if let Err(error) = self.marks.clear() {
            log::warn!("blocking: {error}; marks stay on what was stopped");
        }
    }
}
