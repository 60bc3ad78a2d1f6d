//! Options and exit codes; the work is in the library.

use std::io::Write;
use std::process::ExitCode;

use log::LevelFilter;
use simple_logger::SimpleLogger;
use weir::cli::{self, Command};
use weir::daemon::{self, Exit, export, features, nft, policies, print, threats, tokens};

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
    daemon::forbid_dumps();
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
        Command::Run { config, json } => daemon::run(config.as_deref(), json)?,
        Command::Read { config, json, paths } => daemon::read(config.as_deref(), &paths, json)?,
        Command::Check { config, features } => {
            println!("{}", daemon::check(config.as_deref(), features.as_deref())?);
        }
        Command::Status { config, json } => println!("{}", daemon::status(config.as_deref(), json)?),
        Command::Export { config, session, filter, since } => {
            export::export(config.as_deref(), session, &filter, since.as_deref())?;
        }
        Command::Print { config, options } => print::print(config.as_deref(), *options)?,
        #[cfg(feature = "desk")]
        Command::Query { config, options } => daemon::query::query(config.as_deref(), &options)?,
        Command::PolicyTest { config, since } => say(&policies::test(config.as_deref(), &since)?),
        Command::NftPrint { config } => say(&nft::print(config.as_deref())?),
        Command::NftRemove => nft::remove()?,
        Command::Door { config } => daemon::door(config.as_deref())?,
        Command::Passwd { config, is_guest } => println!("{}", daemon::passwd(config.as_deref(), is_guest)?),
        Command::Token { config, what } => say(&tokens::token(config.as_deref(), &what)?),
        Command::Lint { config, file } => {
            let (text, end) = features::lint(config.as_deref(), file.as_deref())?;
            say(&text);
            end?;
        }
        Command::Test { config, paths } => {
            let (text, end) = features::test(config.as_deref(), &paths)?;
            say(&text);
            end?;
        }
        Command::ImportOaf { file } => {
            let (text, report) = features::import_oaf(&file)?;
            say(&text);
            eprint!("{report}");
        }
        Command::Relabel { config, since } => say(&features::relabel(config.as_deref(), &since)?),
        Command::ThreatsCheck { config, file } => say(&threats::check(config.as_deref(), &file)?),
        Command::ThreatsTest { config, what } => say(&threats::test(config.as_deref(), &what)?),
        Command::Help => print!("{}", cli::HELP),
        Command::Version => println!("weir {}", env!("CARGO_PKG_VERSION")),
    }
    Ok(())
}

/// Much text may be cut short by a reader like `head`; that is no failure.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
