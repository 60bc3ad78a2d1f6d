//! The commands as a person meets them: what they print and how they exit.

mod common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The daemon's binary, run in `folder`.
fn weir(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).args(args);
    command
}

fn output(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = weir(folder, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// What a wrong input is told, and with which exit code.
fn told(folder: &Path, args: &[&str]) -> (i32, String) {
    let (code, out, err) = output(folder, args);
    assert_eq!(out, "", "nothing on stdout");
    (code, err.trim_end().to_owned())
}

/// A capture of two UDP packets, 71 and 72 bytes of file each.
fn capture() -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (n, payload) in [b"x".as_slice(), b"yz"].into_iter().enumerate() {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let builder = builder.ipv4([192, 168, 1, 5], [192, 0, 2, 1], 64).udp(50_000, 6_000 + n as u16);
        builder.write(&mut frame, payload).unwrap();
        for number in [1_700_000_000, 5, frame.len() as u32, frame.len() as u32] {
            bytes.extend_from_slice(&u32::to_le_bytes(number));
        }
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// A folder with a capture, empty signatures and a configuration that keeps
/// everything in it.
fn place(name: &str) -> std::path::PathBuf {
    let folder = common::folder(name);
    fs::write(folder.join("features.txt"), "Six:[udp;;6000;;]\n").unwrap();
    fs::write(folder.join("a.pcap"), capture()).unwrap();
    let config = "[sqlite]\npath = \"weir.db\"\n[daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\n";
    fs::write(folder.join("config.toml"), config).unwrap();
    folder
}

#[test]
fn usage_is_told_with_code_2() {
    let folder = place("usage");
    assert_eq!(told(&folder, &[]), (2, "weir: a command is missing; see weir --help".into()));
    assert_eq!(told(&folder, &["fly"]), (2, "weir: unknown command fly; see weir --help".into()));
    assert_eq!(told(&folder, &["read"]), (2, "weir: read needs a capture file; see weir --help".into()));
    let (code, out, _) = output(&folder, &["--help"]);
    assert!(code == 0 && out.contains("weir run"));
    assert_eq!(output(&folder, &["--version"]).1, format!("weir {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_capture_becomes_json_or_rows_the_same_each_time() {
    let folder = place("read");
    let (code, out, err) = output(&folder, &["read", "--json", "a.pcap"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let flows: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["event_type"] == "flow")
        .collect();
    assert_eq!(flows.len(), 2);
    assert_eq!((&flows[0]["app"], &flows[0]["flow"]["bytes_toserver"]), (&"Six".into(), &29.into()));
    assert_eq!(output(&folder, &["read", "--json", "a.pcap"]).1, out, "byte for byte");
    for _ in 0..2 {
        assert_eq!(output(&folder, &["read", "a.pcap"]).0, 0);
        let database = rusqlite::Connection::open(folder.join("weir.db")).unwrap();
        let count: i64 = database.query_row("SELECT COUNT(*) FROM session", (), |row| row.get(0)).unwrap();
        assert_eq!(count, 2);
    }
    let info: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("web.json")).unwrap()).unwrap();
    assert_eq!((&info["store"]["kind"], info["store"]["path"].is_string()), (&"sqlite".into(), true));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_a_damaged_capture_gives_is_kept() {
    let folder = place("damaged");
    let whole = capture();
    fs::write(folder.join("cut.pcap"), &whole[..whole.len() - 7]).unwrap();
    fs::write(folder.join("notes.txt"), "this is no capture, whatever its name may be\n".repeat(9)).unwrap();
    fs::write(folder.join("empty.pcap"), "").unwrap();
    let (code, out, err) =
        output(&folder, &["read", "--json", "cut.pcap", "notes.txt", "none.pcap", "empty.pcap", "."]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().filter(|line| line.contains("\"flow\"")).count(), 1);
    assert_eq!(
        err,
        "weir: cut.pcap: damaged at byte 83, after 1 packets: it ends within a packet\n\
         weir: notes.txt: is not a pcap or pcapng file\n\
         weir: none.pcap: No such file or directory (os error 2)\n\
         weir: empty.pcap: is empty, not a capture\n\
         weir: .: is a directory, not a capture\n"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_compressed_capture_reads_the_same() {
    let folder = place("gzip");
    let gzip = Command::new("gzip").current_dir(&folder).args(["-k", "a.pcap"]).status().unwrap();
    assert!(gzip.success());
    let plain = output(&folder, &["read", "--json", "a.pcap"]);
    assert_eq!(output(&folder, &["read", "--json", "a.pcap.gz"]), plain);
    let many = capture()[24..].repeat(20_000);
    fs::write(folder.join("many.pcap"), [&capture()[..24], &many].concat()).unwrap();
    assert!(Command::new("gzip").current_dir(&folder).args(["many.pcap"]).status().unwrap().success());
    let bytes = fs::read(folder.join("many.pcap.gz")).unwrap();
    fs::write(folder.join("cut.gz"), &bytes[..bytes.len() / 2]).unwrap();
    let (code, out, err) = output(&folder, &["read", "--json", "cut.gz"]);
    assert!(code == 1 && err.contains("cut.gz: damaged at byte") && err.contains("deflate"), "{err}");
    assert_eq!(out.lines().filter(|line| line.contains("\"flow\"")).count(), 2, "what it gave is kept");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_mistake_in_both_files_is_told_by_check() {
    let folder = place("check");
    let (code, out, _) = output(&folder, &["check"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "config.toml is right; features.txt has 1 apps in 0 categories with 1 features\n")
    );
    fs::write(folder.join("config.toml"), "[capture]\nsnaplenn = 1\npromiscuous = 7\n").unwrap();
    fs::write(folder.join("features.txt"), "A:[tcp;;x;;]\nB:[tcp;;1;;\n").unwrap();
    assert_eq!(
        told(&folder, &["check"]),
        (
            1,
            "weir: config.toml:2:1: unknown setting snaplenn in [capture], did you mean snaplen?\n\
             weir: config.toml:3:15: expected true or false for promiscuous\n\
             weir: features.txt:1:9: expected a port from 0 to 65535\n\
             weir: features.txt:2:12: expected ] after the last feature"
                .into()
        )
    );
    // The commands that need the files refuse them in the same words.
    let (code, text) = told(&folder, &["read", "a.pcap"]);
    assert!(code == 1 && text.contains("config.toml:2:1"), "{text}");
    assert_eq!(told(&folder, &["check", "-c", "none.toml"]).0, 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_database_that_cannot_be_is_told_and_left_alone() {
    let folder = place("database");
    let with = |path: &str| {
        fs::write(
            folder.join("config.toml"),
            format!("[sqlite]\npath = \"{path}\"\n[daemon]\nweb_info = \"web.json\"\n"),
        )
        .unwrap();
        told(&folder, &["read", "a.pcap"])
    };
    let (code, text) = with("features.txt/weir.db");
    assert!(code == 3 && text.contains("features.txt/weir.db: ") && text.lines().count() == 1, "{text}");
    let (code, text) = with("a.pcap");
    assert_eq!((code, text.as_str()), (3, "weir: a.pcap: file is not a database"));
    assert_eq!(fs::read(folder.join("a.pcap")).unwrap(), capture());
    assert_eq!(with("/proc/weir.db").0, 3);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_daemon_says_why_it_does_not_run() {
    let folder = place("run");
    let (code, text) = told(&folder, &["status"]);
    assert_eq!((code, text.as_str()), (3, "weir: socket: weir is not running"));
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    let with = |capture: &str| {
        fs::write(folder.join("config.toml"), format!("{config}[capture]\n{capture}\n")).unwrap();
        told(&folder, &["run"])
    };
    let (code, text) = with("interfaces = [\"weir-none\"]");
    let last = text.lines().last().unwrap();
    assert!(code == 3 && last.starts_with("weir: weir-none: no such interface; there are"), "{text}");
    let (code, text) = with("interfaces = [\"lo\"]\nfilter = \"port and host\"");
    assert!(
        code == 1 && text.lines().last().unwrap().starts_with("weir: filter \"port and host\": "),
        "{text}"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = place("pipe");
    let many = capture()[24..].repeat(20_000);
    fs::write(folder.join("many.pcap"), [&capture()[..24], &many].concat()).unwrap();
    let config = "[sessions]\nudp_timeout = \"1s\"\n[store]\nbatch = 1\n";
    fs::write(folder.join("config.toml"), config).unwrap();
    let mut child = weir(&folder, &["read", "--json", "many.pcap"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    fs::remove_dir_all(folder).unwrap();
}
