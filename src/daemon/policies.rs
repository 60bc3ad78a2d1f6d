//! `weir policy test`: what the policies would have stopped; and what was used
//! of their quotas.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::clock::{Clock, local};
use super::features::{parse_since, since_expected};
use super::past::Past;
use super::{AnyStore, Exit, load_config, open_database, rules_of};
use crate::config::Config;
use crate::policy::{Spent, Subject, Trial};
use crate::record::Device;
use crate::rules::Rules;
use crate::store::{Labelled, Store};
use crate::time::Time;

/// Looks at the sessions in the store since `since`, a date or a span.
pub fn test(config: Option<&Path>, since: &str) -> Result<String, Exit> {
    let since = parse_since(since, Clock::new().read().0).ok_or_else(|| since_expected(since))?;
    let (config, path) = load_config(config)?;
    if config.policies.is_empty() {
        return Err(Exit::Input(vec!["there is no [[policy]] in the configuration".into()]));
    }
    let rules = rules_of(&config, path.as_deref())?;
    let mut trial = Trial::new(&config.policies);
    look(&mut open_database(&config)?, &rules, since, &mut trial)?;
    Ok(trial.report())
}

/// What was used of quotas since midnight, by the rows of sessions: a restart
/// must not give anybody another day.
pub fn spent_today(
    config: &Config,
    rules: &Rules,
    past: &mut Past<'_>,
    now: Time,
) -> Result<Vec<Spent>, Exit> {
    if config.policies.iter().all(|policy| policy.quota.is_none()) {
        return Ok(Vec::new());
    }
    let Some(store) = past.store()? else { return Ok(Vec::new()) };
    let today = local(now);
    let midnight = now.minute().back(Duration::from_secs(u64::from(today.minute) * 60));
    let mut counter = Trial::counter(&config.policies);
    look(store, rules, midnight, &mut counter)?;
    Ok(counter.used(today.day).collect())
}

/// Shows `trial` the sessions in `store` since `since`.
fn look(store: &mut AnyStore, rules: &Rules, since: Time, trial: &mut Trial<'_>) -> Result<(), Exit> {
    let classes = classes(rules);
    let mut each = |row: &Labelled| show(trial, &classes, row);
    Ok(store.sessions(since, &mut each)?)
}

/// The category of each app.
pub(super) fn classes(rules: &Rules) -> HashMap<&str, &str> {
    rules.apps().iter().filter_map(|app| Some((&*app.name, &*rules.class_of(app)?.id))).collect()
}

/// Shows `trial` a session.
pub(super) fn show(trial: &mut Trial<'_>, classes: &HashMap<&str, &str>, row: &Labelled) {
    let Ok(address) = row.client.parse::<IpAddr>() else { return };
    let device = row.device.parse().unwrap_or(Device::Ip(address));
    let app = row.app.as_deref();
    let class = app.and_then(|app| classes.get(app).copied());
    let subject = Subject { device, address, app, class, host: row.host.as_deref() };
    trial.session(&subject, row.start, row.last, row.bytes, &|time: Time| local(time));
}
