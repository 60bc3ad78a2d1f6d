//! The options of `weir export`.

use std::path::PathBuf;

use lexopt::Parser;
use lexopt::prelude::*;

use super::Command;

/// Reads what comes behind `export`.
pub fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Command, lexopt::Error> {
    let (mut session, mut filter, mut since) = (None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('c') | Long("config") => config = Some(parser.value()?.into()),
            Long("session") => session = Some(parser.value()?.parse()?),
            Long("filter") => filter = Some(parser.value()?.string()?),
            Long("since") => since = Some(parser.value()?.string()?),
            other => return Err(other.unexpected()),
        }
    }
    if session.is_none() && filter.is_none() && since.is_none() {
        return Err("export needs --session, --filter or --since".into());
    }
    Ok(Command::Export { config, session, filter: filter.unwrap_or_default(), since })
}
