//! No secret that a client sends comes out again: not in a line of JSON, a
//! database, a way out, what is logged, or a core. Captures with known ones in them
//! are read whole, from their middle on, and with packets missing.

mod common;
#[path = "common/ears.rs"]
mod ears;
#[path = "common/way.rs"]
mod way;

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weir::config::Config;
use weir::engine::Engine;
use weir::engine::services::Which;
use weir::record::Record;
use weir::source::{CaptureFile, Source, State};

use ears::Ears;
use way::Way;

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
    let mut all = sent(capture, folder);
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
    let database = rusqlite::Connection::open(folder.join("weir.db")).unwrap();
    println!("{}: {}", capture.file_name().unwrap().display(), tables(&database).join(", "));
    drop(database);
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path != *capture {
            all.extend(fs::read(&path).unwrap());
            fs::remove_file(path).unwrap();
        }
    }
    all
}

/// Every table with how many rows it has.
fn tables(database: &rusqlite::Connection) -> Vec<String> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = database.prepare(names).unwrap();
    let names: Vec<String> = names.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |name: &String| {
        let count = format!("SELECT COUNT(*) FROM \"{name}\"");
        let rows: i64 = database.query_row(&count, (), |row| row.get(0)).unwrap();
        format!("{name} {rows}")
    };
    names.iter().map(rows).collect()
}

/// All that goes out by each of the further ways when `capture` is read.
fn sent(capture: &Path, folder: &Path) -> Vec<u8> {
    let mut options = Config::default().engine();
    options.details = true;
    options.services.which = Which::All;
    let mut engine = Engine::new(options, Default::default());
    let iface = engine.interface("");
    let mut records: Vec<Record> = Vec::new();
    let mut file = CaptureFile::open(capture).unwrap();
    while let Ok(State::More) = file.read(1_000, &mut |frame| {
        engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire);
    }) {
        records.extend(engine.drain());
    }
    while engine.finish() {}
    records.extend(engine.drain());

    let mut all = Vec::new();
    for (settings, says) in [
        ("kind = \"eve\"\npath = \"out.json\"\ncompress = false", None),
        ("kind = \"syslog\"\nserver = \"EAR\"\ntransport = \"tcp\"", Some("event_type")),
        (
            "kind = \"syslog\"\nserver = \"EAR\"\ntransport = \"tcp\"\nform = \"asset\"\ndeep = true",
            Some("\"pro\""),
        ),
        ("kind = \"influx\"\nurl = \"http://EAR\"\ndb = \"weir\"", Some("POST")),
        ("kind = \"mqtt\"\nserver = \"EAR\"", Some("MQTT")),
        ("kind = \"ipfix\"\nserver = \"EAR\"\ntransport = \"tcp\"", Some("\0\x0a")),
    ] {
        let ears = Ears::open();
        let text = format!("[[out]]\nname = \"x\"\n{}", settings.replace("EAR", &ears.address));
        let config = Config::parse(&text, folder).unwrap();
        let way = Way::of(&config.outs[0]);
        for some in records.chunks(20) {
            let wanted: Vec<Record> = some.iter().filter(|it| config.outs[0].wants(it)).cloned().collect();
            way.send(&wanted);
            way.written();
        }
        way.close();
        if says.is_some() {
            common::until("all of it was heard", || ears.is_over());
        }
        let heard = ears.heard();
        assert!(says.is_none_or(|says| holds(&heard, says)), "{settings}: {} bytes", heard.len());
        println!(
            "{}: {} bytes by {}",
            capture.file_name().unwrap().display(),
            heard.len(),
            settings.replace('\n', " ")
        );
        all.extend(heard);
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
    println!("{} bytes hold none of {} forms of a password", all.len(), MADE.len());
    fs::remove_dir_all(folder).unwrap();
}

/// Whether `line`, which may leave a core of any size, leaves one when it dies: killed
/// as soon as what it printed is `ready`, while its input has no end.
fn leaves_core(line: &str, folder: &Path, input: &[u8], ready: impl Fn(&[u8]) -> bool) -> bool {
    let printed = folder.join("printed");
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited 2>&-; exec {line}")])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&printed).unwrap())
        .spawn()
        .unwrap();
    let mut open = child.stdin.take().unwrap();
    open.write_all(input).unwrap();
    common::until(line, || ready(&fs::read(&printed).unwrap()));
    let killed = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let end = child.wait().unwrap();
    assert_eq!(end.signal(), Some(6));
    let names = || fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left = end.core_dumped() || names().any(|name| name.to_string_lossy().starts_with("core"));
    for name in names() {
        fs::remove_file(folder.join(name)).unwrap();
    }
    left
}

#[test]
fn who_dies_with_a_password_in_memory_leaves_no_core() {
    let folder = common::folder("secrets-core");
    // Where cores go is the system's to say; some have none at all.
    let others = leaves_core("cat", &folder, b"hunter2", |printed| printed == b"hunter2");
    println!("others {} a core here", if others { "leave" } else { "do not leave" });

    fs::write(folder.join("config.toml"), "[store]\nbatch = 10\n").unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let line = format!("{} read --json -c config.toml /dev/stdin", env!("CARGO_BIN_EXE_weir"));
    let whole = fs::read(case()).unwrap();
    let (head, packets) = whole.split_at(24);
    // So often that it writes lines before the end.
    let input = [head, &packets.repeat(40)].concat();
    assert!(!leaves_core(&line, &folder, &input, |printed| holds(printed, "\"event_type\":\"auth\"")));
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
        println!("{name}: {} bytes hold none of {} forms of a password", all.len(), secrets.len());
        read += 1;
    }
    assert!(read > 0);
    fs::remove_dir_all(folder).unwrap();
}
