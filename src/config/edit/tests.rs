use std::path::Path;

use super::*;
use crate::config::{Config, SECTIONS, default_file};

const FILE: &str = "# mine
[capture]
snaplen = 0x200  # in hex
# promiscuous = false

[mariadb]
password = 'p[1]' # do not tell
# password = \"an old one\"
web_password = \"\"

[[policy]]
# the children
name = \"night\"
times = [
  \"21:00-07:00\", # school
]
dry_run = true

[[policy]]
name = \"games\"

[[out]]
name = \"db\"
kind = \"influx\"
url = \"http://192.0.2.1\"
bucket = \"b\"
token = \"\"\"a b\"\"\"
";

#[test]
fn one_value_is_changed_and_nothing_else() {
    let changed = set(FILE, "capture", "snaplen", "96").unwrap();
    assert_eq!(changed, FILE.replace("0x200", "96"));
    let changed = set(FILE, "capture", "buffer", "\"4MiB\"").unwrap();
    assert_eq!(changed, FILE.replace("# in hex\n", "# in hex\nbuffer = \"4MiB\"\n"));
    let changed = set("[dns]", "dns", "max_names", "20").unwrap();
    assert_eq!(changed, "[dns]\nmax_names = 20\n");
    let changed = set(FILE, "store", "keep_days", "7").unwrap();
    assert_eq!(changed, format!("{FILE}\n[store]\nkeep_days = 7\n"));
    assert_eq!(Config::parse(&changed, Path::new("")).unwrap().policies.len(), 2);
}

#[test]
fn what_is_written_otherwise_is_left_to_people() {
    for text in ["capture = {}\n", "capture.filter = \"x\"\n"] {
        assert_eq!(set(text, "capture", "snaplen", "96"), Err(Stuck::Form), "{text}");
    }
    assert_eq!(set("capture.snaplen = 1", "capture", "snaplen", "96").unwrap(), "capture.snaplen = 96");
    assert_eq!(set("[capture", "capture", "snaplen", "96"), Err(Stuck::Mistakes));
    let inline = "policy = [{name = \"a\"}]";
    assert_eq!(put(inline, "policy", Some("a"), &[("quota", Some("1".into()))]), Err(Stuck::Form));
    assert_eq!(put(inline, "policy", None, &[("name", Some("\"b\"".into()))]), Err(Stuck::Form));
    assert_eq!(remove(inline, "policy", "a"), Err(Stuck::Form));
    assert_eq!(remove(FILE, "policy", "nobody's"), Err(Stuck::Gone));
    assert_eq!(remove(FILE, "threat", "night"), Err(Stuck::Gone));
}

#[test]
fn an_entry_keeps_its_comments_when_it_is_changed() {
    let fields = [
        ("name", Some(text("late \"night\""))),
        ("times", Some(list(["22:00-07:00", "sat"].into_iter()))),
        ("dry_run", None),
        ("quota", Some(text("2h"))),
        ("apps", None),
    ];
    let changed = put(FILE, "policy", Some("night"), &fields).unwrap();
    let expected = FILE
        .replace("\"night\"", "\"late \\\"night\\\"\"")
        .replace("[\n  \"21:00-07:00\", # school\n]", "[\"22:00-07:00\", \"sat\"]")
        .replace("dry_run = true\n", "quota = \"2h\"\n");
    assert_eq!(changed, expected);
    let new = put(FILE, "policy", None, &[("name", Some(text("b"))), ("quota", None)]).unwrap();
    assert_eq!(new, format!("{FILE}\n[[policy]]\nname = \"b\"\n"));
    let fewer = remove(FILE, "policy", "games").unwrap();
    assert_eq!(fewer, FILE.replace("\n[[policy]]\nname = \"games\"\n", ""));
    let fewer = remove(&fewer, "policy", "night").unwrap();
    assert!(!fewer.contains("policy") && fewer.contains("web_password = \"\"\n\n[[out]]"), "{fewer}");
}

#[test]
fn secrets_are_masked_and_come_back() {
    let shown = masked(FILE).unwrap();
    for secret in ["p[1]", "an old one", "a b"] {
        assert!(FILE.contains(secret) && !shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("web_password = \"\"\n"), "that there is none is no secret");
    assert!(!shown.contains("do not tell"), "nor what is said of one");
    assert_eq!(masked(&default_file()).unwrap(), default_file(), "what everybody has is shown");
    assert_eq!(unmasked(&shown, FILE).unwrap(), FILE);
    let edited = shown.replace("0x200", "512").replace("token = \"<kept>\"", "token = \"new\"");
    let expected = FILE.replace("0x200", "512").replace("\"\"\"a b\"\"\"", "\"new\"");
    assert_eq!(unmasked(&edited, FILE).unwrap(), expected);
    assert_eq!(unmasked("[[out]]\nname = \"other\"\ntoken = \"<kept>\"\n", FILE), Err(Stuck::Gone));
    assert_eq!(masked("[mariadb]\npassword = \"x"), Err(Stuck::Mistakes));
}

#[test]
fn whatever_is_called_a_password_is_a_secret() {
    for section in SECTIONS {
        for setting in section.settings {
            let sounds =
                ["password", "token", "secret", "key"].iter().any(|word| setting.name.contains(word));
            // The path of the file that the hash of the pages' password is in.
            let is_file = (section.name, setting.name) == ("daemon", "web_password");
            assert_eq!(
                sounds && !is_file,
                sounds && is_secret(section.name, setting.name),
                "{}",
                setting.name
            );
        }
    }
}

#[test]
fn any_text_is_a_text_of_toml() {
    for value in ["", "a\"b\\c\n\t\u{7f}\u{0}'\u{1}", "中文 \u{202e}", "\u{85}"] {
        let line = format!("[daemon]\nname = {}\n", text(value));
        let table = DeTable::parse(&line).unwrap();
        let read = table.get_ref().get("daemon").and_then(|it| it.get_ref().get("name")).unwrap();
        assert_eq!(read.get_ref().as_str(), Some(value));
    }
}
