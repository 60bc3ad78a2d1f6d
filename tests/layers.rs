//! Imports point one way. The list below is the design (see src/lib.rs); a
//! module may use those above it in the list that have a smaller number.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer; those of one layer do not know each other.
const LAYERS: &[&[&str]] = &[
    &["http", "prefix", "time"],
    &["table"],
    &["record", "wire"],
    &["dissect", "policy", "query", "rules", "threats"],
    &["engine"],
    &["places", "source", "store"],
    &["config", "control"],
    &["daemon"],
    &["cli"],
];

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("the module {module} has no layer: give it one in tests/layers.rs"))
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// The modules that `line` names as `crate::module`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn imports_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    assert!(all.len() > 30);
    let mut breaches = Vec::new();
    for path in all {
        let inside = path.strip_prefix(&root).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if matches!(module, "main" | "lib") {
            continue;
        }
        for (number, line) in (1..).zip(fs::read_to_string(&path).unwrap().lines()) {
            for used in named(line).filter(|used| *used != module) {
                if layer(used) >= layer(module) {
                    breaches.push(format!("{}:{number}: {module} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn only_the_clock_asks_what_time_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    for path in all.iter().filter(|path| !path.ends_with("daemon/clock.rs")) {
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains("::now()"), "{} asks the clock", path.display());
    }
}
