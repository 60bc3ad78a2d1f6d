//! `weir policy test`: what the policies would have stopped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use super::clock::{Clock, local};
use super::features::{parse_since, since_expected};
use super::{Exit, load_config, open_store, rules_of};
use crate::config::StoreKind;
use crate::policy::{Subject, Trial, Whose};
use crate::record::Device;
use crate::store;
use crate::time::Time;

/// Looks at the sessions in the store since `since`, a date or a span.
pub fn test(config: Option<&Path>, since: &str) -> Result<String, Exit> {
    let since = parse_since(since, Clock::new().read().0).ok_or_else(|| since_expected(since))?;
    let (config, path) = load_config(config)?;
    if config.policies.is_empty() {
        return Err(Exit::Input(vec!["there is no [[policy]] in the configuration".into()]));
    }
    let rules = rules_of(&config, path.as_deref())?;
    // Opening would make a database that is not there.
    if config.store.kind.0 == StoreKind::Sqlite && !config.sqlite.path.exists() {
        return Err(Exit::Input(vec![format!("{}: there is no database", config.sqlite.path.display())]));
    }
    let failed = |error: store::Error| Exit::Failed(error.to_string());
    let classes: HashMap<&str, &str> =
        rules.apps().iter().filter_map(|app| Some((&*app.name, &*rules.class_of(app)?.id))).collect();
    let mut trial = Trial::new(&config.policies);
    // Nothing is named anew: it is only the way to look at each row once.
    let mut look = |row: &store::Labelled| {
        let address: IpAddr = row.client.parse().ok()?;
        let device = match row.device.parse() {
            Ok(Whose::Mac(mac)) => Device::Mac(mac),
            _ => Device::Ip(row.device.parse().unwrap_or(address)),
        };
        let app = row.app.as_deref();
        let class = app.and_then(|app| classes.get(app).copied());
        let subject = Subject { device, address, app, class, host: row.host.as_deref() };
        trial.session(&subject, row.start, row.last, row.bytes, &|time: Time| local(time));
        None
    };
    open_store(&config).map_err(failed)?.relabel(since, &mut look).map_err(failed)?;
    Ok(trial.report())
}
