//! `weir nft`: the rules that heads need.

use std::path::Path;

use super::{Exit, intake, load_config};
use crate::source::netfilter;

/// The table as the daemon would install it.
pub fn print(config: Option<&Path>) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    Ok(intake::plan(&config, true)?.text())
}

/// Takes the table away, if it is there.
pub fn remove() -> Result<(), Exit> {
    Ok(netfilter::remove()?)
}
