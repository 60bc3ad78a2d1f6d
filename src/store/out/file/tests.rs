use super::super::Types;
use super::*;
use crate::record::{Health, Ids};
use crate::store::rollup::utc;
use flate2::read::GzDecoder;
use std::time::Duration;

/// A folder of a test's own with a file of at most 450 bytes in it, which
/// two lines have.
fn small(name: &str) -> EveFile {
    let folder = std::env::temp_dir().join(format!("weir-lines-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    EveFile {
        path: folder.join("log/eve.json"),
        types: Types::default(),
        rotate_size: 450,
        rotate_every: Duration::ZERO,
        keep: 2,
        compress: true,
    }
}

fn health(secs: u64) -> Record {
    let time = Time::from_secs(secs);
    let (id, stage) = (Ids::default().next(time, 0), "x".into());
    Health { id, time, stage, offered: secs, lost: 0, flash_bytes: 0, flash_held: 0 }.into()
}

/// The seconds in the lines of a file of gzip, or of one that is none.
fn seconds(path: &Path) -> Vec<u64> {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut text = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
        bytes = text;
    }
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let line: serde_json::Value = serde_json::from_slice(line).unwrap();
            line["health"]["offered"].as_u64().unwrap()
        })
        .collect()
}

fn names(options: &EveFile) -> Vec<String> {
    let entries = fs::read_dir(options.path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_full_file_is_compressed_and_only_so_many_stay() {
    let options = small("size");
    let mut lines = Lines::open(options.clone(), utc).unwrap();
    for secs in 1..=7 {
        lines.write(&[health(secs)]).unwrap();
    }
    assert_eq!(names(&options), ["eve.json", "eve.json.1.gz", "eve.json.2.gz"]);
    let at = |ending: &str| seconds(&with(&options.path, ending));
    assert_eq!((at(""), at(".1.gz"), at(".2.gz")), (vec![7], vec![5, 6], vec![3, 4]));
}

#[test]
fn another_day_is_another_file_also_after_a_restart() {
    let mut options = small("time");
    (options.rotate_every, options.rotate_size) = (Duration::from_secs(86_400), 0);
    let mut lines = Lines::open(options.clone(), utc).unwrap();
    lines.write(&[health(86_399)]).unwrap();
    lines.write(&[health(86_400)]).unwrap();
    assert_eq!(seconds(&with(&options.path, ".1.gz")), [86_399]);
    // What lies there was written now, which is later than these.
    let mut again = Lines::open(options.clone(), utc).unwrap();
    again.write(&[health(86_401)]).unwrap();
    assert_eq!(seconds(&options.path), [86_400, 86_401]);
    let much_later = 4_000_000_000;
    Lines::open(options.clone(), utc).unwrap().write(&[health(much_later)]).unwrap();
    assert_eq!(seconds(&options.path), [much_later]);
    assert_eq!(seconds(&with(&options.path, ".1.gz")), [86_400, 86_401]);
}

#[test]
fn who_moves_the_file_away_gets_another_in_its_place() {
    let options = small("moved");
    let mut lines = Lines::open(options.clone(), utc).unwrap();
    lines.write(&[health(1)]).unwrap();
    fs::rename(&options.path, with(&options.path, ".old")).unwrap();
    lines.write(&[health(2)]).unwrap();
    assert_eq!((seconds(&options.path), seconds(&with(&options.path, ".old"))), (vec![2], vec![1]));
}

#[test]
fn a_line_that_a_crash_cut_off_does_not_spoil_the_next() {
    let options = small("cut");
    fs::create_dir_all(options.path.parent().unwrap()).unwrap();
    fs::write(&options.path, "{\"timest").unwrap();
    let mut lines = Lines::open(options.clone(), utc).unwrap();
    lines.write(&[health(1)]).unwrap();
    let text = fs::read_to_string(&options.path).unwrap();
    let (cut, line) = text.split_once('\n').unwrap();
    assert_eq!((cut, line.ends_with("}\n")), ("{\"timest", true));
}

#[test]
fn a_full_disk_takes_whole_lines_or_none() {
    // Its every write fails as that of a full disk does.
    let mut options = small("full");
    options.path = "/dev/full".into();
    let mut lines = Lines::open(options, utc).unwrap();
    let answer = lines.write(&[health(1)]);
    assert!(matches!(&answer, Err(Error::Retry(text)) if text.contains("/dev/full")), "{answer:?}");
}

#[test]
fn a_path_below_a_file_is_waited_for() {
    let mut options = small("below");
    let file = options.path.parent().unwrap().with_extension("file");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "").unwrap();
    options.path = file.join("eve.json");
    let mut lines = Lines::open(options, utc).unwrap();
    assert!(matches!(lines.write(&[health(1)]), Err(Error::Retry(_))));
    fs::remove_file(&file).unwrap();
    assert_eq!(lines.write(&[health(1)]), Ok(()));
}
