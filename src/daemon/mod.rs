//! What the commands do: threads, channels, the clock and signals.

mod answers;
mod check;
mod clock;
mod coverage;
mod devices;
mod door;
mod dumps;
#[cfg(feature = "desk")]
mod edit;
pub mod export;
pub mod features;
mod files;
mod intake;
mod lists;
mod metrics;
pub mod nft;
mod openings;
mod output;
mod outs;
mod password;
mod past;
mod people;
pub mod policies;
mod ports;
pub mod print;
mod privacy;
mod pulse;
#[cfg(feature = "desk")]
pub mod query;
mod read;
mod recent;
mod resets;
mod retry;
mod run;
mod signals;
mod status;
mod stopper;
pub mod threats;
pub mod tokens;
mod watch;
mod webhook;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use check::check;
pub use dumps::forbid as forbid_dumps;
pub use password::passwd;
pub use read::read;
pub use run::{door, run};
pub use status::status;

use crate::config::{self, Config, StoreKind};
use crate::places::Places;
use crate::rules::Rules;
use crate::store::sqlite::{Copied, Sqlite};
use crate::store::{self, Bounds, Nothing, Place, Store};

/// Why a command did not do what it should. Said on stderr, in one line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// What was given is wrong: exit code 1.
    Input(Vec<String>),
    /// It failed at run time: exit code 3.
    Failed(String),
}

impl Exit {
    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Exit::Input(_) => 1,
            Exit::Failed(_) => 3,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Input(lines) => f.write_str(&lines.join("\n")),
            Exit::Failed(line) => f.write_str(line),
        }
    }
}

impl From<crate::source::Error> for Exit {
    fn from(error: crate::source::Error) -> Exit {
        match error {
            crate::source::Error::Input(text) => Exit::Input(vec![text]),
            crate::source::Error::Failed(text) => Exit::Failed(text),
        }
    }
}

impl From<store::Error> for Exit {
    fn from(error: store::Error) -> Exit {
        Exit::Failed(error.to_string())
    }
}

/// The configuration in `path`, or in one of the usual places, or the defaults.
fn load_config(path: Option<&Path>) -> Result<(Config, Option<PathBuf>), Exit> {
    let Some(path) = path.map(PathBuf::from).or_else(config::find) else {
        return Ok((Config::default(), None));
    };
    let name = path.display();
    let text = fs::read_to_string(&path).map_err(|error| Exit::Input(vec![format!("{name}: {error}")]))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    match Config::parse(&text, folder) {
        Ok(config) => Ok((config, Some(path))),
        Err(mistakes) => Err(Exit::Input(mistakes.iter().map(|m| format!("{name}:{m}")).collect())),
    }
}

/// The signatures in the file at `path`.
fn load_rules(path: &Path, max_features: u32) -> Result<Rules, Exit> {
    let name = path.display();
    let text = fs::read(path).map_err(|error| Exit::Input(vec![format!("{name}: {error}")]))?;
    Rules::parse(&text, max_features as usize)
        .map_err(|mistakes| Exit::Input(mistakes.iter().map(|m| format!("{name}:{m}")).collect()))
}

/// The signatures that `config` names. Without a configuration there need not be any.
fn rules_of(config: &Config, path: Option<&Path>) -> Result<Arc<Rules>, Exit> {
    let features = &config.apps.features;
    if path.is_none() && !features.exists() {
        return Ok(Arc::default());
    }
    load_rules(features, *config.apps.max_features).map(Arc::new)
}

/// Where servers are, by the files that `config` names; a file that can't be used
/// is left out.
fn open_places(config: &Config) -> Places {
    let Config { places, .. } = config;
    let max = *places.max_places as usize;
    let (places, wrong) = Places::open(places.country.as_deref(), places.asn.as_deref(), max);
    wrong.iter().for_each(|text| log::warn!("{text}; it is left out"));
    places
}

type AnyStore = Box<dyn Store + Send>;

/// The store that `config` names. A server that is away is no error here.
fn open_store(config: &Config) -> Result<AnyStore, store::Error> {
    let bounds = config.bounds(clock::zone);
    match config.store.kind.0 {
        StoreKind::None => Ok(Box::new(Nothing)),
        StoreKind::Sqlite => {
            let sqlite = &config.sqlite;
            Ok(match &sqlite.copy {
                None => Box::new(Sqlite::open(&sqlite.path, bounds)?),
                Some(copy) => Box::new(Copied::open(&sqlite.path, copy, *sqlite.copy_every, bounds)?),
            })
        }
        StoreKind::Mariadb => open_mariadb(config, bounds),
    }
}

/// Whether what `config` names has been written to: opening would make a
/// database that is not there.
fn has_database(config: &Config) -> bool {
    config.store.kind.0 != StoreKind::Sqlite || config.sqlite.path.exists()
}

/// The store that `config` names, for a command that looks at what is in it.
fn open_database(config: &Config) -> Result<AnyStore, Exit> {
    if !has_database(config) {
        return Err(Exit::Input(vec![format!("{}: there is no database", config.sqlite.path.display())]));
    }
    Ok(open_store(config)?)
}

#[cfg(feature = "mariadb")]
fn open_mariadb(config: &Config, bounds: Bounds) -> Result<AnyStore, store::Error> {
    let mut store = crate::store::mariadb::Mariadb::new(&account(config), bounds)?;
    match store.connect() {
        Err(store::Error::Retry(text)) => log::warn!("store: {text}; going on without it for now"),
        done => done?,
    }
    Ok(Box::new(store))
}

#[cfg(feature = "mariadb")]
fn account(config: &Config) -> store::mariadb::Account {
    let settings = &config.mariadb;
    store::mariadb::Account {
        host: settings.host.clone(),
        port: settings.port.0 as u16,
        socket: settings.socket.clone(),
        database: settings.database.clone(),
        user: settings.user.clone(),
        password: settings.password.clone(),
        ca: settings.ca.clone(),
        timeout: *settings.timeout,
    }
}

#[cfg(not(feature = "mariadb"))]
fn open_mariadb(_: &Config, _: Bounds) -> Result<AnyStore, store::Error> {
    Err(store::Error::Fatal("this weir was built without MariaDB; use kind = \"sqlite\"".into()))
}

/// Tells the pages where the data is. They read it, the daemon alone writes.
/// `place` is where the database lies, if it is a file.
fn write_web_info(config: &Config, place: Option<&Place>) -> Result<(), String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let data = match config.store.kind.0 {
        StoreKind::None => serde_json::json!({"kind": "none"}),
        StoreKind::Sqlite => {
            let path = std::path::absolute(&config.sqlite.path).unwrap_or(config.sqlite.path.clone());
            // Where there are no locks, a page would read what is half written.
            let shared = place.is_none_or(Place::is_shared);
            serde_json::json!({"kind": "sqlite", "path": path, "shared": shared})
        }
        StoreKind::Mariadb => {
            let m = &config.mariadb;
            let (user, password) =
                if m.web_user.is_empty() { (&m.user, &m.password) } else { (&m.web_user, &m.web_password) };
            serde_json::json!({"kind": "mariadb", "host": m.host, "port": m.port.0, "socket": m.socket,
                "database": m.database, "user": user, "password": password, "ca": m.ca})
        }
    };
    let control = std::path::absolute(&config.daemon.control).unwrap_or(config.daemon.control.clone());
    let password = std::path::absolute(&config.daemon.web_password).unwrap_or_default();
    let budget = u64::from(*config.store.write_budget) << 20;
    let info = serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "store": data, "control": control,
        "write_budget": budget, "password_file": password, "export": config.export.enabled});
    let path = &config.daemon.web_info;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(files::folder(path)).map_err(failed)?;
    // Written aside and moved, so that a page never reads half of it. It may
    // hold the password of the pages' account: for its group only.
    let aside = path.with_extension("new");
    let _ = fs::remove_file(&aside);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(&aside).map_err(failed)?;
    writeln!(file, "{info}").map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)
}
