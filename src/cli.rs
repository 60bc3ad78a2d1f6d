//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

/// What `weir --help` prints.
pub const HELP: &str = "\
weir: who on the network talks to whom, through which app

  weir run    [-c FILE]                     watch the network until SIGTERM or SIGINT
  weir read   [-c FILE] [--json] PCAP...    read captures into the store, or as EVE JSON on stdout
  weir check  [-c FILE] [--features FILE]   tell every mistake in config.toml and features.txt
  weir status [-c FILE] [--json]            what the running daemon counts

  -c, --config FILE   otherwise ./config.toml, /etc/weir/config.toml or the built-in defaults
  -h, --help          this text
  -V, --version       the version

Signals to weir run: HUP reloads both files and keeps the old ones when there is a
mistake in the new; TERM and INT write what goes on and end.
Exit codes: 0 done, 1 the input is wrong, 2 usage, 3 it failed at run time.
";

/// A command with its options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Run { config: Option<PathBuf> },
    Read { config: Option<PathBuf>, json: bool, paths: Vec<PathBuf> },
    Check { config: Option<PathBuf>, features: Option<PathBuf> },
    Status { config: Option<PathBuf>, json: bool },
    Help,
    Version,
}

/// Reads the arguments behind the program's name, or says what is wrong.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    parse_with(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
}

fn parse_with(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut name = None;
    let (mut config, mut features, mut json, mut paths) = (None, None, false, Vec::new());
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Short('c') | Long("config") => config = Some(parser.value()?.into()),
            Long("features") if name.as_deref() == Some("check") => features = Some(parser.value()?.into()),
            Long("json") if matches!(name.as_deref(), Some("read" | "status")) => json = true,
            Value(value) if name.is_none() => name = Some(value.string()?),
            Value(value) if name.as_deref() == Some("read") => paths.push(value.into()),
            other => return Err(other.unexpected()),
        }
    }
    match name.as_deref() {
        Some("run") => Ok(Command::Run { config }),
        Some("read") if paths.is_empty() => Err("read needs a capture file".into()),
        Some("read") => Ok(Command::Read { config, json, paths }),
        Some("check") => Ok(Command::Check { config, features }),
        Some("status") => Ok(Command::Status { config, json }),
        Some(other) => Err(format!("unknown command {other}").into()),
        None => Err("a command is missing".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn commands_take_their_options() {
        assert_eq!(words("run -c a.toml"), Ok(Command::Run { config: Some("a.toml".into()) }));
        let paths = vec!["a.pcap".into(), "b.pcap".into()];
        assert_eq!(words("read --json a.pcap b.pcap"), Ok(Command::Read { config: None, json: true, paths }));
        let features = Some("f.txt".into());
        assert_eq!(words("check --features f.txt"), Ok(Command::Check { config: None, features }));
        assert_eq!(words("status --json"), Ok(Command::Status { config: None, json: true }));
        assert_eq!(words("--version"), Ok(Command::Version));
        assert_eq!(words("run --help"), Ok(Command::Help));
    }

    #[test]
    fn a_slip_is_named() {
        for (line, says) in [
            ("", "a command is missing"),
            ("fly", "unknown command fly"),
            ("read", "read needs a capture file"),
            ("run --json", "invalid option '--json'"),
            ("run eth0", "unexpected argument \"eth0\""),
            ("run -c", "missing argument for option '-c'"),
        ] {
            assert_eq!(words(line), Err(says.to_owned()), "{line}");
        }
    }
}
