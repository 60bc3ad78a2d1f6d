//! The options of `weir query`.

use std::path::PathBuf;

use lexopt::Parser;
use lexopt::prelude::*;

use super::Command;
use crate::daemon::query::{Format, MOST_ROWS, Options};
use crate::query;

/// Reads what comes behind `query`. Not by the parser's own rules: `-dns` is a part
/// of a query and no options.
pub fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    let (mut words, mut view, mut is_text) = (Vec::new(), None, false);
    let mut args = parser.raw_args()?;
    while let Some(arg) = args.next() {
        let mut value =
            || args.next().ok_or_else(|| format!("missing argument for option '{}'", arg.display()));
        let text = arg.clone().string()?;
        match &*text {
            _ if is_text => words.push(text),
            "--" => is_text = true,
            "-h" | "--help" => return Ok(Command::Help),
            "-c" | "--config" => config = Some(value()?.into()),
            "-n" => options.limit = Some(rows(&value()?.string()?)?),
            "--json" => options.format = Format::Json,
            "--csv" => options.format = Format::Csv,
            "--count" => options.format = Format::Count,
            _ if text.starts_with("--") => return Err(format!("invalid option '{text}'").into()),
            _ if view.is_none() && words.is_empty() && query::view(&text).is_some() => view = Some(text),
            _ => words.push(text),
        }
    }
    options.view = view.unwrap_or(options.view);
    options.query = words.join(" ");
    Ok(Command::Query { config, options: Box::new(options) })
}

fn rows(text: &str) -> Result<u64, lexopt::Error> {
    let number = text.parse().ok().filter(|number| (1..=MOST_ROWS).contains(number));
    number.ok_or_else(|| format!("-n {text}: expected a number from 1 to {MOST_ROWS}").into())
}
