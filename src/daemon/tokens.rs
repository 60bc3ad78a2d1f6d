//! `weir token`: what programs read the API by, without the daemon's help.

use std::fmt::Write as _;
use std::path::Path;

use super::clock::Clock;
use super::door::No;
use super::door::keys::{Keys, MAX_KEYS};
use super::{Exit, load_config};
use crate::time::Time;

/// What `weir token` is to do, with the name of the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenDo {
    Add(String),
    List,
    Remove(String),
}

/// Does it, and returns what to print.
pub fn token(config: Option<&Path>, what: &TokenDo) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    let mut keys = Keys::beside(&config.daemon.web_password);
    match what {
        TokenDo::Add(name) => keys.add(name, Clock::new().read().0).map(|token| token + "\n"),
        TokenDo::List => keys.list().map(|keys| {
            keys.iter().fold(String::new(), |mut out, key| {
                let used = key.used.map_or("never".into(), date);
                let _ = writeln!(out, "{}  made {}, last used {used}", key.name, date(key.made));
                out
            })
        }),
        TokenDo::Remove(name) => keys.remove(name).map(|()| String::new()),
    }
    .map_err(words)
}

/// A day since 1970 as 2026-11-21.
fn date(day: u64) -> String {
    let time = Time::from_micros(day.saturating_mul(86_400_000_000));
    time.to_string().chars().take(10).collect()
}

fn words(no: No) -> Exit {
    let text = match no {
        No::File(text) => return Exit::Failed(text),
        No::Poor("taken") => "there is one of that name already".into(),
        No::Poor("many") => format!("there are {MAX_KEYS}, and no more can be"),
        No::Wrong => "there is none of that name".into(),
        _ => "a name has up to 40 characters, none of them control, and no space around it".into(),
    };
    Exit::Input(vec![format!("token: {text}")])
}
