//! `weir check`: every mistake in the configuration and the signatures.

use std::path::Path;

use super::{Exit, load_config, load_rules};
use crate::config::Config;

/// Reads both files and returns a summary, or all mistakes of both.
pub fn check(config: Option<&Path>, features: Option<&Path>) -> Result<String, Exit> {
    let mut mistakes = Vec::new();
    let mut collect = |exit| match exit {
        Exit::Input(lines) => mistakes.extend(lines),
        Exit::Failed(line) => mistakes.push(line),
    };
    let (config, path) = load_config(config).unwrap_or_else(|exit| {
        collect(exit);
        (Config::default(), None)
    });
    let path = path.map_or("the built-in settings".into(), |path| path.display().to_string());
    let features = features.unwrap_or(&config.apps.features);
    let rules = load_rules(features, *config.apps.max_features).map_err(&mut collect).ok();
    match rules {
        Some(rules) if mistakes.is_empty() => Ok(format!(
            "{path} is right; {} has {} apps in {} categories with {} features",
            features.display(),
            rules.apps().len(),
            rules.classes().len(),
            rules.features(),
        )),
        _ => Err(Exit::Input(mistakes)),
    }
}
