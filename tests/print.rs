//! `weir print` on captures of all kinds, sound ones and damaged ones.

mod common;
#[path = "common/mmdb.rs"]
mod mmdb;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn weir(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(args);
    command
}

/// Exit code and what was printed, in which nothing may be that a terminal obeys.
fn printed(args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = weir(args).output().unwrap();
    let text = String::from_utf8(stdout).expect("UTF-8");
    let obeyed = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(obeyed, None, "{args:?}");
    assert!(!String::from_utf8_lossy(&stderr).contains("panicked"), "{args:?}");
    (status.code().expect("it ends by itself"), text)
}

const MODES: [&[&str]; 3] = [&["--both"], &["--follow", "--stats"], &["--dns", "--http", "--text"]];

#[test]
fn captures_of_all_kinds_are_printed_and_nothing_in_them_is_obeyed() {
    let mut lines = 0;
    for path in common::captures().iter().filter(|path| fs::metadata(path).is_ok_and(|it| it.len() < 300_000))
    {
        for mode in MODES {
            let args = [&["print", path.to_str().unwrap()], mode].concat();
            let (code, text) = printed(&args);
            assert!(matches!(code, 0 | 1), "{args:?}");
            lines += text.lines().count();
        }
    }
    assert!(lines > 1_000);
}

#[test]
fn damage_is_printed_as_far_as_it_can_be_read() {
    let folder = common::folder("print-damage");
    let path = folder.join("x.pcap");
    let mut chance = common::Chance(7);
    for case in ["tcp-whole", "dns-hostile", "tunnels", "http-kept"] {
        let whole = fs::read(format!("tests/cases/{case}/capture.pcap")).unwrap();
        for _ in 0..10 {
            let mut bytes = whole.clone();
            chance.spoil(&mut bytes);
            fs::write(&path, &bytes).unwrap();
            for mode in MODES {
                printed(&[&["print", path.to_str().unwrap()], mode].concat());
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn filters_and_files_that_are_wrong_are_told() {
    let capture = "tests/cases/dns-udp/capture.pcap";
    let all = printed(&["print", capture]).1.lines().count();
    let (code, text) = printed(&["print", capture, "--filter", "src host 192.168.1.1"]);
    assert!(
        code == 0 && text.lines().count() < all && text.lines().all(|line| line.contains("192.168.1.1:53"))
    );
    assert_eq!(printed(&["print", capture, "--filter", "prot 53"]).0, 1);
    assert_eq!(printed(&["print", "no.pcap"]).0, 1);
    assert_eq!(printed(&["print", capture, "--host", "x"]).0, 2);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = weir(&["print", "tests/cases/dns-udp/capture.pcap", "--both"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn places_of_a_users_files_are_in_tables_sessions_and_eve() {
    let folder = common::folder("print-places");
    let countries = mmdb::file(28, &[("198.51.100.0", 24, mmdb::country("DE"))]);
    let systems = mmdb::file(24, &[("198.51.100.0", 24, mmdb::system(64_500, "Example"))]);
    fs::write(folder.join("country.mmdb"), countries).unwrap();
    fs::write(folder.join("asn.mmdb"), systems).unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let config = folder.join("config.toml");
    fs::write(&config, "[places]\ncountry = \"country.mmdb\"\nasn = \"asn.mmdb\"\n").unwrap();
    let (config, capture) = (config.to_str().unwrap(), "tests/cases/tcp-whole/capture.pcap");
    let (_, table) = printed(&["print", "-c", config, "--stats", capture]);
    assert!(table.contains(" DE AS64500 Example\n"), "{table}");
    let (_, eve) = printed(&["read", "-c", config, "--json", capture]);
    assert!(eve.contains(r#""geoip":{"asn":64500,"country_iso_code":"DE"}"#), "{eve}");
    let other = Path::new(config).with_file_name("other.toml");
    fs::write(&other, "[places]\ncountry = \"none.mmdb\"\n").unwrap();
    let (code, table) = printed(&["print", "-c", other.to_str().unwrap(), "--stats", capture]);
    assert!(code == 0 && !table.contains("DE"), "a file that is not there is left out");
    fs::remove_dir_all(folder).unwrap();
}
