//! `weir check`: every mistake in the configuration and the signatures.

use std::path::Path;

use super::{Exit, load_config, load_rules};
use crate::config::Config;

/// Reads both files and returns a summary, or all mistakes of both. Which
/// signatures a wrong configuration means is not known: then it is those in the
/// usual place beside it, if there are any.
pub fn check(config: Option<&Path>, features: Option<&Path>) -> Result<String, Exit> {
    let mut mistakes = Vec::new();
    let (config, path) = load_config(config).unwrap_or_else(|exit| {
        mistakes.extend(lines(exit));
        let mut usual = Config::default();
        usual.set_folder(config.and_then(Path::parent).unwrap_or(Path::new("")));
        (usual, None)
    });
    let is_guess = features.is_none() && !mistakes.is_empty();
    let features = features.unwrap_or(&config.apps.features);
    let rules = if is_guess && !features.exists() {
        None
    } else {
        load_rules(features, *config.apps.max_features).map_err(|exit| mistakes.extend(lines(exit))).ok()
    };
    let path = path.map_or("the built-in settings".into(), |path| path.display().to_string());
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

fn lines(exit: Exit) -> Vec<String> {
    match exit {
        Exit::Input(lines) => lines,
        Exit::Failed(line) => vec![line],
    }
}
