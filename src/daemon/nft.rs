//! `weir nft`: the rules that heads need.

use std::path::Path;

use super::stopper::way;
use super::{Exit, intake, load_config};
use crate::config::{SourceKind, StopWay};
use crate::source::netfilter;

/// The table as the daemon would install it.
pub fn print(config: Option<&Path>) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    let heads = config.capture.source.0 != SourceKind::Tap || way(&config) != Some(StopWay::Rules);
    let plan = intake::plan(&config, heads)?;
    plan.check()?;
    Ok(plan.text())
}

/// Takes the table away, if it is there.
pub fn remove() -> Result<(), Exit> {
    Ok(netfilter::remove()?)
}
