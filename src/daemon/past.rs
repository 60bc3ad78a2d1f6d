//! What the store has of earlier runs, for those who ask at the start.

use super::{AnyStore, Exit, has_database, open_database};
use crate::config::Config;

/// The store beside the one that is written to; opened once, and only if somebody asks.
pub struct Past<'a> {
    config: &'a Config,
    store: Option<AnyStore>,
}

impl Past<'_> {
    pub fn of(config: &Config) -> Past<'_> {
        Past { config, store: None }
    }

    /// None where there is no database yet.
    pub fn store(&mut self) -> Result<Option<&mut AnyStore>, Exit> {
        if self.store.is_none() && has_database(self.config) {
            self.store = Some(open_database(self.config)?);
        }
        Ok(self.store.as_mut())
    }
}
