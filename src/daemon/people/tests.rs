use std::fs;

use serde_json::json;

use super::*;
use crate::record::Mac;

const NOW: Time = Time::from_secs(1_700_000_000);
const TABLET: &str = "02:00:00:00:00:05";
const PHONE: &str = "02:00:00:00:00:06";

/// What is said in a file of its own, which goes with it.
struct Rig {
    folder: PathBuf,
    people: People,
}

impl Rig {
    fn new(name: &str) -> Rig {
        let folder = std::env::temp_dir().join(format!("weir-people-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let (people, wrong) = People::open(folder.join("devices.toml"), NOW);
        assert_eq!(wrong, None);
        Rig { folder, people }
    }

    fn say(&mut self, change: Value) -> Result<(), No> {
        self.people.say(&change, NOW)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.join("devices.toml")).unwrap()
    }

    /// What somebody else would read.
    fn again(&self) -> HashMap<Device, Said> {
        let (people, wrong) = People::open(self.folder.join("devices.toml"), NOW);
        assert_eq!(wrong, None);
        people.said
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn of(text: &str) -> Device {
    text.parse().unwrap()
}

#[test]
fn what_is_said_lies_in_the_file_and_goes_to_the_store_once() {
    let mut rig = Rig::new("said");
    rig.say(
        json!({"device": TABLET, "alias": " Ann's \"tablet\" \\ 平板 ", "icon": "tablet", "group": "Ann"}),
    )
    .unwrap();
    rig.say(json!({"device": TABLET, "level": "app", "session": "x"})).unwrap();
    let rows = rig.people.take_fresh();
    assert!(rig.people.take_fresh().is_empty());
    let Record::Label(row) = &rows[1] else { panic!("{rows:?}") };
    assert_eq!(row.device, Device::Mac(Mac([2, 0, 0, 0, 0, 5])));
    assert_eq!((row.alias.as_deref(), row.grp.as_deref()), (Some("Ann's \"tablet\" \\ 平板"), Some("Ann")));
    assert_eq!((row.icon.as_deref(), row.level, row.changed), (Some("tablet"), "app", NOW));
    assert_eq!(rig.again(), rig.people.said);
    // What is taken back is no longer there.
    rig.say(json!({"device": TABLET, "alias": "", "icon": "", "group": "", "level": ""})).unwrap();
    assert_eq!(rig.text(), HEAD);
    let Record::Label(row) = &rig.people.take_fresh()[0] else { panic!() };
    assert_eq!((&row.alias, row.level), (&None, "full"));
}

#[test]
fn nonsense_is_refused_by_its_field_and_changes_nothing() {
    let mut rig = Rig::new("nonsense");
    rig.say(json!({"device": TABLET, "alias": "Tablet"})).unwrap();
    let before = rig.text();
    for (change, field) in [
        (json!({"alias": "x"}), "device"),
        (json!({"device": "tablet", "alias": "x"}), "device"),
        (json!({"device": TABLET, "alias": "x".repeat(65)}), "alias"),
        (json!({"device": TABLET, "alias": "a\nb"}), "alias"),
        (json!({"device": TABLET, "alias": 7}), "alias"),
        (json!({"device": TABLET, "group": "\u{1b}[31m"}), "group"),
        (json!({"device": TABLET, "icon": "../x"}), "icon"),
        (json!({"device": TABLET, "level": "some"}), "level"),
        (json!({"device": TABLET, "part_of": "x"}), "part_of"),
        (json!({"device": TABLET, "part_of": TABLET}), "part_of"),
    ] {
        assert_eq!(rig.say(change.clone()), Err(No::Field(field)), "{change}");
    }
    assert_eq!(rig.text(), before);
}

#[test]
fn parts_have_one_whole_and_its_level() {
    let mut rig = Rig::new("parts");
    rig.say(json!({"device": PHONE, "part_of": TABLET})).unwrap();
    rig.say(json!({"device": TABLET, "level": "counts"})).unwrap();
    for (part, whole) in [(TABLET, PHONE), (TABLET, "192.0.2.1"), ("192.0.2.1", PHONE)] {
        let said = rig.say(json!({"device": part, "part_of": whole}));
        assert_eq!(said, Err(No::Field("part_of")), "{part} {whole}");
    }
    let counts = |device| (of(device), Level::Counts);
    assert_eq!(rig.people.levels(), HashMap::from([counts(PHONE), counts(TABLET)]));
    rig.say(json!({"device": PHONE, "part_of": ""})).unwrap();
    assert_eq!(rig.people.levels(), HashMap::from([counts(TABLET)]));
}

#[test]
fn an_edited_file_is_read_anew_and_a_mistake_has_its_line() {
    let mut rig = Rig::new("edited");
    rig.say(json!({"device": TABLET, "alias": "Tablet"})).unwrap();
    rig.people.take_fresh();
    let path = rig.folder.join("devices.toml");
    fs::write(&path, format!("[\"{PHONE}\"]\nalias = \"Phone\"\n")).unwrap();
    assert_eq!(rig.people.read(NOW), None);
    // The one that is no longer in it is told too.
    assert_eq!(rig.people.take_fresh().len(), 2);
    for (text, line, words) in [
        ("[x]\n", 1, "no MAC or IP address"),
        ("\n[\"02:00:00:00:00:05\"]\nalias = 3\n", 3, "text of at most"),
        ("[\"02:00:00:00:00:05\"]\nlevel = \"none\"\n", 2, "full, domain"),
        ("[\"02:00:00:00:00:05\"]\nname = \"x\"\n", 2, "one of alias"),
        ("[\"02:00:00:00:00:05\"\n", 1, ""),
        ("\"02:00:00:00:00:05\" = 1\n", 1, "expected [\"02:00"),
    ] {
        fs::write(&path, text).unwrap();
        let wrong = rig.people.read(NOW).unwrap();
        assert!(wrong.contains(&format!("devices.toml:{line}: ")) && wrong.contains(words), "{wrong}");
        assert!(rig.people.said.contains_key(&of(PHONE)) && rig.people.take_fresh().is_empty());
    }
    fs::write(&path, vec![b'#'; MAX_FILE as usize + 1]).unwrap();
    assert!(rig.people.read(NOW).unwrap().contains("more than"));
    fs::write(&path, [0xff]).unwrap();
    assert!(rig.people.read(NOW).is_some());
}

#[test]
fn there_is_a_bound_and_a_file_that_can_not_be_written_is_told() {
    let mut rig = Rig::new("bound");
    for n in 0..MAX_LABELS as u32 {
        let said = Said { alias: Some("x".into()), ..Said::default() };
        rig.people.said.insert(Device::Ip(std::net::Ipv4Addr::from_bits(n).into()), said);
    }
    assert_eq!(rig.say(json!({"device": TABLET, "alias": "x"})), Err(No::TooMany));
    rig.say(json!({"device": "0.0.0.1", "alias": "y"})).unwrap();
    let mut rig = Rig::new("file");
    // A folder of that name is none that a file could be moved to.
    fs::create_dir_all(rig.folder.join("devices.toml/x")).unwrap();
    let Err(No::File(text)) = rig.say(json!({"device": TABLET, "alias": "x"})) else { panic!() };
    assert!(text.contains("devices.toml") && rig.people.said.is_empty(), "{text}");
}
