//! `weir door`, and what people say of devices, with or without a daemon.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::NAP;
use crate::config::Config;
use crate::control::{Guard, Server};
use crate::daemon::answers::{Answers, Board};
use crate::daemon::clock::Clock;
use crate::daemon::people::People;
use crate::daemon::signals::Signals;
use crate::daemon::{Exit, load_config, open_store};
use crate::store::Store;
use crate::time::Time;

/// `weir door`: lets people in to the pages of what was read from a file, where
/// no daemon runs.
pub fn door(path: Option<&Path>) -> Result<(), Exit> {
    let (config, path) = load_config(path)?;
    let signals = signals()?;
    let (board, guard) = serve(bind(&config)?, &config, path.as_deref(), Clock::new().read().0);
    while !signals.end.load(Ordering::Relaxed) {
        write_what_people_want(&board, &config);
        signals.wait(&[], NAP);
    }
    drop(guard);
    Ok(())
}

/// The signals that end a daemon, or have it read its files again.
pub(super) fn signals() -> Result<Signals, Exit> {
    Signals::register().map_err(|error| Exit::Failed(format!("signals: {error}")))
}

/// The socket that is to be asked on.
pub(super) fn bind(config: &Config) -> Result<Server, Exit> {
    let control = &config.daemon.control;
    Server::bind(control).map_err(|error| Exit::Failed(format!("{}: {error}", control.display())))
}

/// Answers on `server`, until the guard goes, by what the board says.
pub(super) fn serve(server: Server, config: &Config, path: Option<&Path>, now: Time) -> (Board, Guard) {
    let board = Board::default();
    board.set_max_features(*config.apps.max_features);
    listen_to_people(&board, config, now);
    let answers = Answers::new(board.clone(), config.daemon.web_password.clone());
    let mut answers = answers.editing(path, config);
    (board, server.spawn(move |question| answers.answer(question)))
}

/// Writes to the store, which nobody else writes to, what people said of devices.
fn write_what_people_want(board: &Board, config: &Config) {
    let (said, purges) = (board.people(People::take_fresh), board.take_purges());
    if said.is_empty() && purges.is_empty() {
        return;
    }
    let done = open_store(config).and_then(|mut store| {
        store.write(&said)?;
        purges.iter().try_for_each(|device| store.purge(device).map(drop))
    });
    if let Err(error) = done {
        log::error!("what was said of devices is not in the store: {error}");
    }
}

/// Takes over what the file says of devices.
pub(super) fn listen_to_people(board: &Board, config: &Config, now: Time) {
    let (people, wrong) = People::open(config.devices.labels.clone(), now);
    board.people(|place| *place = people);
    if let Some(wrong) = wrong {
        log::warn!("{wrong}; nothing is said of devices");
    }
}
