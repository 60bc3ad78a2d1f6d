//! What the account page asks for besides the password: guests and tokens.

use std::time::Duration;

use serde_json::{Value, json};

use super::keys::Key;
use super::{Door, No};
use crate::time::Time;

/// The commands of [`answer`].
pub const COMMANDS: [&str; 4] = ["account", "set_guest", "add_token", "remove_token"];

const DAY_SECS: u64 = 86_400;

/// Answers for a session that may change things; `now` is how long the daemon
/// runs, `time` the time of day.
pub fn answer(door: &mut Door, question: &Value, now: Duration, time: Time) -> Result<Value, No> {
    let text = |name: &str| question[name].as_str().unwrap_or_default();
    door.may_change(text("session"), text("csrf"), now)?;
    Ok(match text("command") {
        "set_guest" => {
            door.set_guest(text("password"), text("session"), text("csrf"), now)?;
            json!({"done": true})
        }
        "add_token" => json!({"made": door.keys().add(text("name"), time)?}),
        "remove_token" => {
            door.keys().remove(text("name"))?;
            json!({"done": true})
        }
        _ => json!({"guest": door.has_guest(), "tokens": listed(door.keys().list()?)}),
    })
}

/// Days as seconds since 1970.
fn listed(keys: &[Key]) -> Vec<Value> {
    let secs = |day: u64| day.saturating_mul(DAY_SECS);
    keys.iter()
        .map(|key| json!({"name": key.name, "made": secs(key.made), "used": key.used.map(secs)}))
        .collect()
}
