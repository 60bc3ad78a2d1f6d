//! Every folder in tests/cases is a capture that the project's own script
//! makes, and what must and must not be found in it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// The value at `path` in `record`: `dns.queries[0].rrname`. Dots are between
/// fields.
fn lookup<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(record, |node, part| {
        let (name, indexes) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        let node = node.get(name)?;
        let indexes = indexes.split(']').filter(|index| !index.is_empty());
        indexes
            .map(|index| index.trim_start_matches('[').parse::<usize>().unwrap())
            .try_fold(node, Value::get)
    })
}

fn holds(record: &Value, wanted: &Value) -> bool {
    wanted.as_object().unwrap().iter().all(|(path, value)| lookup(record, path) == Some(value))
}

#[test]
fn every_case_holds() {
    let folder = common::folder("cases");
    fs::write(folder.join("config.toml"), "").unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    let mut entries: Vec<_> = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for case in entries.iter().filter(|path| path.join("expected.json").exists()) {
        let name = case.file_name().unwrap().to_string_lossy();
        let mut files = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
        let is_capture = |path: &PathBuf| {
            path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("capture"))
        };
        let capture = files.find(is_capture).unwrap_or_else(|| panic!("{name} has no capture"));
        let done = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["read", "--json", "-c", "config.toml"])
            .arg(&capture)
            .current_dir(&folder)
            .output()
            .unwrap();
        let code = fs::read_to_string(case.join("exit")).map_or(0, |text| text.trim().parse().unwrap());
        if done.status.code() != Some(code) {
            failures.push(format!("{name}: exit {:?}, not {code}", done.status.code()));
        }
        let text = String::from_utf8(done.stdout).unwrap();
        let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let checks: Vec<Value> =
            serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
        assert!(!checks.is_empty(), "{name} expects nothing");
        for check in checks {
            let found = records.iter().filter(|record| holds(record, &check["match"])).count() as u64;
            count += 1;
            if Some(found) != check["count"].as_u64() {
                failures.push(format!("{name}: {found}, not {}: {}", check["count"], check["match"]));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 200, "{count}");
    fs::remove_dir_all(folder).unwrap();
}

/// The captures are what the script makes, so nobody has to trust them.
#[test]
fn the_script_makes_these_captures() {
    let folder = common::folder("make-cases");
    let scripts = ["make", "packets", "database_cases", "dns_cases", "lan_cases", "login_cases", "web_cases"];
    for script in scripts.map(|name| format!("{name}.py")) {
        fs::copy(cases().join(&script), folder.join(&script)).unwrap();
    }
    let done = Command::new("python3").arg("make.py").current_dir(&folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for entry in fs::read_dir(cases()).unwrap() {
        let case = entry.unwrap().path();
        for file in fs::read_dir(&case).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let is_capture =
                file.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng");
            if is_capture {
                let made = folder.join(case.file_name().unwrap()).join(file.file_name().unwrap());
                assert!(fs::read(&made).unwrap() == fs::read(&file).unwrap(), "{}", file.display());
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}
