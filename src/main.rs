//! Options and exit codes; the work is in the library.

use std::process::ExitCode;

use log::LevelFilter;
use simple_logger::SimpleLogger;
use weir::cli::{self, Command};
use weir::daemon::{self, Exit};

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(mistake) => {
            eprintln!("weir: {mistake}; see weir --help");
            return ExitCode::from(2);
        }
    };
    // The messages of libraries are for their developers.
    let logger =
        SimpleLogger::new().with_level(LevelFilter::Warn).with_module_level("weir", LevelFilter::Trace);
    if logger.init().is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
    match obey(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            for line in exit.to_string().lines() {
                eprintln!("weir: {line}");
            }
            ExitCode::from(exit.code())
        }
    }
}

fn obey(command: Command) -> Result<(), Exit> {
    match command {
        Command::Run { config } => daemon::run(config.as_deref())?,
        Command::Read { config, json, paths } => daemon::read(config.as_deref(), &paths, json)?,
        Command::Check { config, features } => {
            println!("{}", daemon::check(config.as_deref(), features.as_deref())?);
        }
        Command::Status { config, json } => println!("{}", daemon::status(config.as_deref(), json)?),
        Command::Help => print!("{}", cli::HELP),
        Command::Version => println!("weir {}", env!("CARGO_PKG_VERSION")),
    }
    Ok(())
}
