//! What pages change: signatures and settings. Read, tried, checked and written
//! here, by the daemon, which then takes them over as by SIGHUP.
//!
//! Who asks has a session that may change things; `answers` looks at that before
//! anything comes here. No secret goes out, and no path is changed: the daemon may
//! run as root, and who has the pages' password is not to read and write as root.

mod backup;
mod file;
mod guard;
mod lists;
mod past;
mod settings;
mod signatures;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use signal_hook::consts::SIGHUP;

use crate::config::{Config, Mistake};
use file::Fault;
use past::Past;

/// What [`Editor::answer`] answers.
pub const COMMANDS: [&str; 13] = [
    "features_get",
    "features_backup",
    "features_save",
    "features_undo",
    "features_try",
    "features_relabel",
    "config_get",
    "config_check",
    "config_save",
    "policy_try",
    "lists_get",
    "backup",
    "restore",
];

/// Mistakes told at once.
const MAX_MISTAKES: usize = 100;

/// The first words of a config.toml that is made anew from another file, as
/// openwrt/weir/files/settings.sh has it.
const MADE: &str = "# Made from /etc/config/weir";

pub struct Editor {
    /// config.toml; none where the daemon runs by what is built in.
    path: Option<PathBuf>,
    /// By what is there now, or was before somebody made a mistake in it.
    config: Config,
    past: Past,
    /// Tells the daemon that files have changed.
    reload: fn() -> std::io::Result<()>,
}

impl Editor {
    pub fn new(path: Option<&Path>, config: &Config) -> Editor {
        let reload = || signal_hook::low_level::raise(SIGHUP);
        Editor { path: path.map(Into::into), config: config.clone(), past: Past::default(), reload }
    }

    pub fn answer(&mut self, question: &Value) -> Value {
        self.look();
        let done = match question["command"].as_str().unwrap_or_default() {
            "features_get" => self.features(question),
            "features_backup" => self.features_backup(question),
            "features_save" => self.save_features(question),
            "features_undo" => self.undo_features(question),
            "features_try" => self.try_features(question),
            "features_relabel" => self.relabel(),
            "config_get" => self.settings(),
            "config_check" => self.change_settings(question, false),
            "config_save" => self.change_settings(question, true),
            "policy_try" => self.try_policy(question),
            "lists_get" => self.lists(),
            "backup" => self.backup(),
            "restore" => self.restore(question),
            _ => Err(No::Other("command")),
        };
        done.unwrap_or_else(No::told)
    }

    /// Takes over what config.toml says now, if that is right.
    fn look(&mut self) {
        if let Some(path) = &self.path
            && let Ok(text) = file::read(path)
            && let Ok(config) = Config::parse(&text, self.folder())
        {
            self.config = config;
        }
    }

    /// Where config.toml lies, to which its paths are relative.
    fn folder(&self) -> &Path {
        self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }

    fn done(&self, version: &str) -> Result<Value, No> {
        if let Err(error) = (self.reload)() {
            log::error!("reload: {error}");
        }
        Ok(json!({"done": true, "version": version}))
    }
}

/// Why something is not done.
#[derive(Debug)]
enum No {
    /// The text has mistakes.
    Mistakes(Vec<Value>),
    /// …which are not there, or not what is asked for, in one word.
    Other(&'static str),
    /// A file can't be read or written.
    File(Fault),
}

impl From<Fault> for No {
    fn from(fault: Fault) -> No {
        No::File(fault)
    }
}

impl No {
    fn told(self) -> Value {
        match self {
            No::Mistakes(mistakes) => {
                let number = mistakes.len();
                let told: Vec<_> = mistakes.into_iter().take(MAX_MISTAKES).collect();
                json!({"mistakes": told, "number": number})
            }
            No::Other(word) => json!({"error": word}),
            No::File(Fault::Changed) => json!({"error": "changed"}),
            No::File(Fault::Long) => json!({"error": "long", "most": file::MAX_TEXT}),
            No::File(Fault::NoText) => json!({"error": "no text"}),
            No::File(Fault::System(text)) => {
                log::error!("{text}");
                json!({"error": "file", "file": text})
            }
        }
    }
}

/// A mistake in config.toml as pages get it.
fn told(mistake: &Mistake) -> Value {
    json!({"line": mistake.line, "column": mistake.column, "text": mistake.text})
}

fn text<'q>(question: &'q Value, name: &str) -> &'q str {
    question[name].as_str().unwrap_or_default()
}

/// A path as people find it.
fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn backups(path: &Path) -> Value {
    let list = file::backups(path).into_iter();
    list.map(|it| json!({"number": it.number, "written": it.written.micros(), "size": it.size})).collect()
}
