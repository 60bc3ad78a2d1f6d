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

#[test]
fn what_is_hardly_meant_in_the_signatures_is_told_by_lint() {
    let folder = place("lint");
    let (code, out, err) = output(&folder, &["features", "lint"]);
    assert_eq!((code, &*out, &*err), (0, "features.txt: nothing found in 1 features\n", ""));
    fs::write(
        folder.join("mine.txt"),
        "A:[udp;;53|!53;;,;;;~leme;]\nB:[tcp;;443;;,;;;element.io;]\nC:[;;;element.io;]\nD:[udp;;5-6;;]\nE:[udp;;4-6;;]\n\
         F:[udp;;4-5;;,udp;;6;;]\n",
    )
    .unwrap();
    let (code, out, err) = output(&folder, &["features", "lint", "mine.txt"]);
    assert_eq!((code, &*err), (1, "weir: mine.txt: 5 findings\n"));
    assert_eq!(
        out,
        "mine.txt:1:4: never: no port is left of the server's ports\n\
         mine.txt:1:18: swallows: it also fits element.io of B (line 2); there B wins\n\
         mine.txt:2:4: broad: port 443 alone takes every web session without a name\n\
         mine.txt:3:4: duplicate: the same as in B (line 2)\n\
         mine.txt:6:4: shadowed: whatever it matches is won by E (line 5)\n"
    );
    fs::write(folder.join("mine.txt"), "A:[tcp;;x;;]\n").unwrap();
    assert_eq!(
        told(&folder, &["features", "lint", "mine.txt"]),
        (1, "weir: mine.txt:1:9: expected a port from 0 to 65535".into())
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_lines_match_in_a_capture_is_counted_by_test() {
    let folder = place("try");
    let (code, out, err) = output(&folder, &["features", "test", "a.pcap"]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        out,
        "features.txt:1: Six: 1 session, 29 bytes; by port 1\n\
         without a name: 1 session, 30 bytes\n  \
         Name:[udp;;6001;;]   1 session, 30 bytes\n"
    );
    assert!(!folder.join("weir.db").exists() && !folder.join("web.json").exists());
    let (code, again, err) = output(&folder, &["features", "test", "a.pcap", "none.pcap"]);
    assert_eq!((code, again), (1, out), "what could be read is told");
    assert_eq!(err, "weir: none.pcap: No such file or directory (os error 2)\n");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn another_programs_signatures_become_lines_of_ours() {
    let folder = place("import");
    // Made up in the format of OpenAppFilter; none of it is from its file.
    let theirs =
        "#class fruit 1 Fruit\n1001 Pear:[tcp;;;pear.example.com;;,tcp;;;pear;;]  \n1002 Plum:[;;;;/plum;]";
    fs::write(folder.join("feature.cfg"), theirs).unwrap();
    let (code, out, err) = output(&folder, &["features", "import-oaf", "feature.cfg"]);
    assert_eq!((code, &*out), (0, "#class fruit Fruit\nPear:[tcp;;;pear.example.com;,tcp;;;~pear;]\n"));
    assert_eq!(
        err,
        "feature.cfg:2:37: Pear: host pear became ~pear, which may swallow names of others\n\
         feature.cfg:3:12: Plum: left out: the request /plum is looked at nowhere here\n\
         feature.cfg:3:1: Plum has no feature left: left out\n\
         feature.cfg: 1 apps with 2 features; 3 remarks\n"
    );
    fs::write(folder.join("features.txt"), out).unwrap();
    assert_eq!(output(&folder, &["check"]).0, 0);
    assert_eq!(
        told(&folder, &["features", "import-oaf", "a.pcap"]),
        (1, "weir: a.pcap: has no app in OpenAppFilter's format".into())
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_history_is_named_again_after_an_edit() {
    let folder = place("relabel");
    let relabel = |since: &str| output(&folder, &["features", "relabel", "--since", since]);
    let (code, _, err) = relabel("2023-11-14");
    assert_eq!((code, &*err), (1, "weir: weir.db: there is no database\n"));
    assert!(!folder.join("weir.db").exists());
    assert_eq!(output(&folder, &["read", "a.pcap"]).0, 0);
    fs::write(folder.join("features.txt"), "Sixth:[udp;;6000;;]\nSeventh:[udp;;6001;;]\n").unwrap();
    let rest = "The use of apps and the volume by minute stay as they were written.\n";
    let (code, out, err) = relabel("2023-11-14 22:00:00");
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        out,
        format!(
            "2 sessions since 2023-11-14T22:00:00.000000+0000, 2 named anew\n  \
             (no name) -> Seventh: 1\n  Six -> Sixth: 1\n{rest}"
        )
    );
    let apps = || {
        let database = rusqlite::Connection::open(folder.join("weir.db")).unwrap();
        let sql = "SELECT group_concat(app) FROM (SELECT app FROM session ORDER BY server_port)";
        database.query_row(sql, (), |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(apps(), "Sixth,Seventh");
    assert!(
        relabel("2023-11-14").1.contains("2 sessions since") && relabel("2023-11-14").1.contains(", 0 named")
    );
    // What is older stays, and so does what the signatures no longer speak of.
    fs::write(folder.join("features.txt"), "Eighth:[udp;;6001;;]\n").unwrap();
    assert!(relabel("1days").1.starts_with("0 sessions since "));
    assert_eq!(relabel("2023-11-14").0, 0);
    assert_eq!(apps(), "Sixth,Eighth");
    let (code, _, err) = relabel("yesterday");
    assert!(code == 1 && err.starts_with("weir: --since yesterday: expected a date"), "{err}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_policy_is_tried_on_what_is_in_the_store() {
    let folder = place("policy");
    let test = ["policy", "test", "--since", "2023-11-01"];
    assert_eq!(told(&folder, &test), (1, "weir: there is no [[policy]] in the configuration".into()));
    let policies = "[[policy]]\nname = \"six\"\napps = [\"six\"]\n[[policy]]\nname = \"other device\"\n\
        devices = [\"192.168.1.6\"]\n";
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    fs::write(folder.join("config.toml"), config + policies).unwrap();
    assert_eq!(told(&folder, &test), (1, "weir: weir.db: there is no database".into()));
    assert_eq!(output(&folder, &["read", "a.pcap"]).0, 0);
    let (code, text, err) = output(&folder, &test);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        text,
        "2 sessions looked at\nsix: would have stopped 1 sessions of 1 devices, 0 kB\n  \
         02:00:00:00:00:01 Six: 1 sessions, 0 kB\nother device: would have stopped 0 sessions of 0 devices, 0 kB\n"
    );
    assert_eq!(
        told(&folder, &["policy", "test", "--since", "monday"]).1,
        "weir: --since monday: expected a date (2026-11-01 or \"2026-11-01 12:00:00\") or a span (7days)"
    );
}

#[test]
fn threat_lists_are_checked_and_asked() {
    let folder = place("threats");
    fs::write(
        folder.join("bad.txt"),
        "# mine\n192.0.2.0/24\nwhat is this\nbad.example\r\n0.0.0.0 worse.example\n",
    )
    .unwrap();
    let (code, out, err) = output(&folder, &["threats", "check", "bad.txt"]);
    assert_eq!((code, &*err), (0, ""), "{out}");
    assert!(
        out.starts_with(
            "bad.txt:3: not understood: what is this\nbad.txt: 0 addresses, 1 networks, 2 names\n"
        ),
        "{out}"
    );
    assert_eq!(told(&folder, &["threats", "check", "nothing"]).0, 1);
    let none = "weir: there is no [[threat]] in the configuration";
    assert_eq!(told(&folder, &["threats", "test", "bad.example"]), (1, none.into()));

    let mut config = fs::read_to_string(folder.join("config.toml")).unwrap();
    config.push_str("log = \"error\"\n[[threat]]\nname = \"mine\"\npath = \"bad.txt\"\nseverity = 1\n");
    fs::write(folder.join("config.toml"), config).unwrap();
    let test = |what| output(&folder, &["threats", "test", what]).1;
    assert!(test("192.0.2.7").starts_with("192.0.2.7 is on the list mine, severity 1, as 192.0.2.0/24, of "));
    assert!(
        test("www.bad.example")
            .starts_with("www.bad.example is on the list mine, severity 1, as bad.example")
    );
    assert_eq!(test("good.example"), "good.example is on none of 1 lists with 3 entries\n");
    // The capture's server is on it.
    let (code, out, _) = output(&folder, &["read", "--json", "a.pcap"]);
    let alerts: Vec<&str> = out.lines().filter(|line| line.contains("\"event_type\":\"alert\"")).collect();
    assert_eq!((code, alerts.is_empty()), (0, false), "{out}");
    assert!(
        alerts[0].contains("\"entry\":\"192.0.2.0/24\"") && alerts[0].contains("\"severity\":1"),
        "{}",
        alerts[0]
    );
}
