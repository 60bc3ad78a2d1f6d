//! The options of `weir print`.

use std::path::PathBuf;

use lexopt::Parser;
use lexopt::prelude::*;

use super::Command;
use crate::daemon::print::{Dumped, Options};

/// Reads what comes behind `print`.
pub fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('c') | Long("config") => config = Some(parser.value()?.into()),
            Short('i') | Long("interface") => options.interface = Some(parser.value()?.string()?),
            Long("filter") => options.filter = parser.value()?.string()?,
            Long("port") => options.select.port = Some(parser.value()?.parse()?),
            Long("host") => options.select.host = Some(parser.value()?.parse()?),
            Long("one-way") => options.select.one_way = true,
            Long("hex") => options.dump = Some(Dumped::Hex),
            Long("text") => options.dump = Some(Dumped::Text),
            Long("both") => options.dump = Some(Dumped::Both),
            Long("follow") => options.follow = true,
            Long("dns") => options.dns = true,
            Long("http") => options.http = true,
            Long("stats") => options.stats = true,
            Value(value) if options.file.is_none() => options.file = Some(value.into()),
            other => return Err(other.unexpected()),
        }
    }
    if options.file.is_some() && options.interface.is_some() {
        return Err("print takes a file or an interface".into());
    }
    if options.select.one_way && options.select.host.is_none() && options.select.port.is_none() {
        return Err("--one-way needs --host or --port".into());
    }
    Ok(Command::Print { config, options: Box::new(options) })
}
