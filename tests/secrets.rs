//! No secret that a client sends comes out again: not in a line of JSON, a
//! database, or what is logged. Captures with known ones in them are read whole,
//! from their middle on, and with packets missing.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Public captures (common::corpus) with their secrets, as they stand in them and
/// as they are decoded; and a user who has to be found.
const PUBLIC: &[(&str, &[&str], &str)] = &[
    ("emotet.pcap", &["Y3VsdHVtZXhmcjE", "cultumexfr1"], "raulparedes@wanadoo.fr"),
    ("dns__netforensics_evidence02.pcap", &["NTU4cjAwbHo", "558r00lz"], "sneakyg33k@aol.com"),
    ("imap.pcap", &["pfres"], "samir"),
    ("fuzz-2006-09-29-28586.pcap", &["bG1jX3c6VGVzdDEyMzQ", "Test1234"], "lmc_w"),
    ("http__basic-auth-with-colon.pcap", &["dGVzdDoxOjM0", "test:1:34", ":1:34\""], "test"),
];

/// What the secrets of `tests/cases/logins` have in them; in base64 at each of the
/// three places within a group, without the characters that its neighbours change.
const MADE: &[&str] = &["hunter2", "aHVudGVyM", "h1bnRlcj", "odW50ZXIy"];

/// All that comes out when `capture` is read: records, what is logged, and the
/// database with whatever lies beside it.
fn output(capture: &Path, folder: &Path) -> Vec<u8> {
    let config = "[store]\ndetails = true\n[sqlite]\npath = \"weir.db\"\n\
                  [daemon]\nweb_info = \"web.json\"\nlog = \"debug\"\n";
    fs::write(folder.join("config.toml"), config).unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let mut all = Vec::new();
    for json in [&["--json"][..], &[]] {
        let done = Command::new(env!("CARGO_BIN_EXE_weir"))
            .arg("read")
            .args(json)
            .args(["-c", "config.toml"])
            .arg(capture)
            .current_dir(folder)
            .output()
            .unwrap();
        all.extend([done.stdout, done.stderr].concat());
    }
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path != *capture {
            all.extend(fs::read(&path).unwrap());
            fs::remove_file(path).unwrap();
        }
    }
    all
}

fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len()).any(|window| window == text.as_bytes())
}

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/logins/capture.pcap")
}

/// The capture's file header, and each of its packets with its header.
fn packets(capture: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (head, mut rest) = capture.split_at(24);
    let mut packets = Vec::new();
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (packet, behind) = rest.split_at(16 + length);
        packets.push(packet);
        rest = behind;
    }
    (head, packets)
}

#[test]
fn no_secret_of_the_made_capture_comes_out() {
    let folder = common::folder("secrets");
    let all = output(&case(), &folder);
    // It has been read, and to a database too.
    assert!(holds(&all, "HOME\\\\eve") && holds(&all, "HOME\\eve") && holds(&all, "long-name.pdf"));
    for secret in MADE {
        assert!(!holds(&all, secret), "{secret}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn none_comes_out_where_a_capture_begins_late_or_has_holes() {
    let folder = common::folder("secrets-late");
    let whole = fs::read(case()).unwrap();
    // One of them is cut in two by TCP.
    assert_eq!(MADE.iter().filter(|secret| holds(&whole, secret)).count(), MADE.len() - 1);
    let (head, packets) = packets(&whole);
    assert!(packets.len() > 80);
    // Each packet is the first one of a capture, and missing in one.
    let mut found = 0;
    for at in 1..packets.len() {
        let late = packets[at..].concat();
        let holed = [packets[..at].concat(), packets[at + 1..].concat()].concat();
        for rest in [late, holed] {
            let path = folder.join("capture.pcap");
            fs::write(&path, [head, &rest].concat()).unwrap();
            let lines = json(&path, &folder);
            found += usize::from(holds(&lines, "\"event_type\":\"auth\""));
            for secret in MADE {
                assert!(!holds(&lines, secret), "{secret}, at packet {at}");
            }
        }
    }
    assert!(found > packets.len(), "{found}");
    fs::remove_dir_all(folder).unwrap();
}

/// The records in `capture`.
fn json(capture: &Path, folder: &Path) -> Vec<u8> {
    fs::write(folder.join("config.toml"), "").unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    let weir = weir.args(["read", "--json", "-c", "config.toml"]).arg(capture).current_dir(folder);
    let done = weir.output().unwrap();
    [done.stdout, done.stderr].concat()
}

#[test]
fn none_of_the_public_captures_comes_out() {
    let Some(captures) = common::corpus() else { return };
    let folder = common::folder("secrets-public");
    let mut read = 0;
    for (name, secrets, user) in PUBLIC {
        let Some(capture) = captures.iter().find(|path| path.ends_with(name)) else { continue };
        let all = output(capture, &folder);
        assert!(holds(&all, user), "{name}: no {user}");
        for secret in *secrets {
            assert!(!holds(&all, secret), "{name}: {secret}");
        }
        read += 1;
    }
    assert!(read > 0);
    fs::remove_dir_all(folder).unwrap();
}
