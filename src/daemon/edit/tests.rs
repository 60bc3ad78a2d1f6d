use std::fs;
use std::path::PathBuf;

use super::*;
use crate::config::SECTIONS;

const CONFIG: &str = "# mine
[apps]
features = \"features.txt\"
[devices]
labels = \"devices.toml\"
[mariadb]
host = \"127.0.0.1\"
password = \"hunter2\" # hunter3
# password = \"hunter4\"
[sqlite]
path = \"w.db\"
[alerts]
webhook = \"http://192.0.2.9/hunter5\"
[[out]]
name = \"home\"
kind = \"mqtt\"
server = \"192.0.2.1:1883\"
user = \"me\"
password = \"hunter6\"
";

const FEATURES: &str = "A:[;;;a.io;]\n";

fn editor(name: &str) -> (Editor, PathBuf) {
    let folder = std::env::temp_dir().join(format!("weir-editor-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("lists")).unwrap();
    fs::write(folder.join("config.toml"), CONFIG).unwrap();
    fs::write(folder.join("features.txt"), FEATURES).unwrap();
    let config = Config::parse(CONFIG, &folder).unwrap();
    let mut editor = Editor::new(Some(&folder.join("config.toml")), &config);
    // The signal would end the tests' own process.
    editor.reload = || Ok(());
    (editor, folder)
}

fn ask(editor: &mut Editor, command: &str, mut question: Value) -> Value {
    question["command"] = command.into();
    editor.answer(&question)
}

fn version(editor: &mut Editor, command: &str) -> Value {
    ask(editor, command, json!({}))["version"].clone()
}

fn save(editor: &mut Editor, mut question: Value) -> Value {
    question["version"] = version(editor, "config_get");
    ask(editor, "config_save", question)
}

fn change(section: &str, name: &str, value: Value) -> Value {
    json!({"changes": [{"section": section, "name": name, "value": value}]})
}

#[test]
fn signatures_are_saved_and_taken_back() {
    let (mut editor, folder) = editor("signatures");
    let got = ask(&mut editor, "features_get", json!({}));
    assert_eq!(
        (&got["text"], &got["writable"], &got["backups"]),
        (&json!(FEATURES), &json!(true), &json!([]))
    );
    let better = "A:[;;;a.io;]\nB:[;;;b.io;]\n";
    let saved = ask(&mut editor, "features_save", json!({"text": better, "version": got["version"]}));
    assert_eq!(
        (&saved["done"], fs::read_to_string(folder.join("features.txt")).unwrap()),
        (&json!(true), better.into())
    );
    assert_eq!(ask(&mut editor, "features_get", json!({"most": 9}))["error"], "long");
    // Who read the one before is told so.
    let late = ask(&mut editor, "features_save", json!({"text": FEATURES, "version": got["version"]}));
    assert_eq!(late, json!({"error": "changed"}));
    let wrong = ask(&mut editor, "features_save", json!({"text": "A:[x]\n", "version": saved["version"]}));
    assert_eq!((&wrong["mistakes"][0]["line"], &wrong["number"]), (&json!(1), &json!(1)));
    assert_eq!(
        fs::read_to_string(folder.join("features.txt")).unwrap(),
        better,
        "a mistake leaves it as it was"
    );
    let before = ask(&mut editor, "features_backup", json!({"number": 1}));
    assert_eq!(before["text"], FEATURES);
    let undone = ask(&mut editor, "features_undo", json!({"number": 1, "version": saved["version"]}));
    assert_eq!(
        (&undone["version"], fs::read_to_string(folder.join("features.txt")).unwrap()),
        (&got["version"], FEATURES.into())
    );
    assert_eq!(ask(&mut editor, "features_backup", json!({"number": 1}))["text"], better);
    for odd in [
        json!({}),
        json!({"number": 0}),
        json!({"number": "../1"}),
        json!({"number": 4_294_967_297_u64}),
        json!({"number": 99}),
    ] {
        assert!(ask(&mut editor, "features_backup", odd.clone())["error"].is_string(), "{odd}");
        assert!(ask(&mut editor, "features_undo", odd.clone())["error"].is_string(), "{odd}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_secret_is_told() {
    let (mut editor, folder) = editor("secrets");
    for command in COMMANDS {
        let told = ask(&mut editor, command, json!({})).to_string();
        assert!(!told.contains("hunter"), "{command}: {told}");
    }
    let got = ask(&mut editor, "config_get", json!({}));
    let sections = got["sections"].as_array().unwrap();
    assert_eq!(sections.len(), SECTIONS.len());
    let mariadb = sections.iter().find(|section| section["name"] == "mariadb").unwrap();
    let of =
        |name: &str| mariadb["settings"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
    let expected =
        json!({"name": "password", "doc": "Its password.", "default": "", "changed": true, "kind": "secret"});
    assert_eq!(*of("password"), expected);
    assert_eq!(of("web_password")["changed"], false);
    // The text that was shown can be saved as it is, and nothing is lost.
    let text = got["text"].as_str().unwrap().replace("# mine", "# ours");
    assert_eq!(save(&mut editor, json!({"text": text}))["done"], true);
    let expected = CONFIG.replace("# mine", "# ours");
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), expected);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn single_settings_change_and_the_rest_stays() {
    let (mut editor, folder) = editor("settings");
    let both = json!({"changes": [
        {"section": "sqlite", "name": "copy_every", "value": "24h"},
        {"section": "store", "name": "keep_days", "value": "007"},
        {"section": "capture", "name": "promiscuous", "value": "false"},
        {"section": "capture", "name": "snaplen", "value": "4096"},
        {"section": "capture", "name": "interfaces", "value": "eth0\r\n\r\n eth1 \n"},
        {"section": "mariadb", "name": "password", "value": "new \"one\""},
    ]});
    assert_eq!(save(&mut editor, both)["done"], true);
    let expected = CONFIG
        .replace("path = \"w.db\"\n", "path = \"w.db\"\ncopy_every = \"24h\"\n")
        .replace("\"hunter2\"", "\"new \\\"one\\\"\"");
    let more =
        "\n[store]\nkeep_days = 7\n\n[capture]\npromiscuous = false\ninterfaces = [\"eth0\", \"eth1\"]\n";
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), format!("{expected}{more}"));
    assert_eq!(fs::read_to_string(folder.join("config.toml.1")).unwrap(), CONFIG);
    let wrong = save(&mut editor, change("store", "keep_days", json!("many")));
    let mistake = &wrong["mistakes"][0];
    assert_eq!((&mistake["section"], &mistake["name"]), (&json!("store"), &json!("keep_days")));
    assert!(mistake["text"].as_str().unwrap().starts_with("expected a whole number from 1 to"), "{mistake}");
    // Together they may be wrong where each is right.
    assert_eq!(save(&mut editor, change("capture", "source", json!("heads")))["done"], true);
    let wrong = save(&mut editor, change("blocking", "way", json!("resets")));
    assert!(wrong["mistakes"][0]["line"].is_u64(), "{wrong}");
    for odd in [
        change("store", "nothing", json!("1")),
        change("x]\n[store", "keep_days", json!("1")),
        change("store", "keep_days", json!({"a": 1})),
        json!({}),
        json!({"changes": 7}),
        json!({"text": 7}),
        json!({"entry": {"kind": "sqlite", "fields": {}}}),
        json!({"remove": {"kind": "out", "name": "nobody's"}}),
        json!({"remove": {"kind": "sqlite", "name": "home"}}),
    ] {
        assert!(save(&mut editor, odd.clone())["error"].is_string(), "{odd}");
    }
    let stale = ask(&mut editor, "config_save", change("store", "keep_days", json!("9")));
    assert_eq!(stale, json!({"error": "changed"}));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_path_changes_and_no_secret_goes_elsewhere() {
    let (mut editor, folder) = editor("guard");
    let mut refused = |question: Value, word: &str| {
        let told = save(&mut editor, question);
        assert!(told["mistakes"][0]["text"].as_str().is_some_and(|text| text.contains(word)), "{told}");
    };
    refused(change("apps", "features", json!("/etc/shadow")), "paths");
    refused(change("daemon", "web_password", json!("x")), "paths");
    refused(change("mariadb", "ca", json!("x")), "paths");
    refused(change("mariadb", "host", json!("192.0.2.66")), "another server");
    let text = CONFIG.replace("hunter6", "<kept>").replace("\"hunter2\" # hunter3", "\"<kept>\"");
    refused(json!({"text": text.replace("192.0.2.1:1883", "192.0.2.66:1883")}), "another server");
    refused(
        json!({"text": format!("{text}[[out]]\nname = \"x\"\nkind = \"eve\"\npath = \"/etc/passwd\"\n")}),
        "paths",
    );
    refused(
        json!({"text": format!("{text}[[threat]]\nname = \"x\"\npath = \"/etc/shadow\"\n")}),
        "folder lists",
    );
    for path in ["/etc/shadow", "lists/../x", "lists/a/b", "../lists/x", "lists/.."] {
        let entry = json!({"kind": "threat", "fields": {"name": "x", "path": path, "severity": "2"}});
        refused(json!({"entry": entry}), "folder lists");
    }
    // With its password the server may be another.
    let both = json!({"changes": [{"section": "mariadb", "name": "host", "value": "192.0.2.66"},
        {"section": "mariadb", "name": "password", "value": "of that one"}]});
    assert_eq!(save(&mut editor, both)["done"], true);
    assert_eq!(
        save(&mut editor, json!({"text": "[[out]]\nname = \"y\"\npassword = \"<kept>\"\n"})),
        json!({"error": "gone"})
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn policies_and_lists_are_entries() {
    let (mut editor, folder) = editor("entries");
    let fields = json!({"name": "night", "times": "21:00-07:00\n", "classes": ["game"], "quota": "", "dry_run": "true"});
    let entry = json!({"entry": {"kind": "policy", "fields": fields}});
    assert_eq!(save(&mut editor, entry)["done"], true);
    let list = json!({"entry": {"kind": "threat", "fields": {"name": "mine", "path": "lists/mine.txt", "severity": "1"}}});
    assert_eq!(save(&mut editor, list)["done"], true);
    let got = ask(&mut editor, "config_get", json!({}));
    let expected = json!([{"name": "night", "times": ["21:00-07:00"], "classes": ["game"], "dry_run": true}]);
    assert_eq!(got["policies"], expected);
    assert_eq!(got["threats"], json!([{"name": "mine", "path": "lists/mine.txt", "severity": 1}]));
    let wrong = json!({"entry": {"kind": "policy", "old": "night", "fields": {"name": "night", "times": ["at night"]}}});
    let told = save(&mut editor, wrong);
    assert_eq!(told["mistakes"][0]["name"], "times", "{told}");
    let other = json!({"entry": {"kind": "policy", "old": "night", "fields": {"name": "day", "times": ["07:00-21:00"]}}});
    assert_eq!(save(&mut editor, other)["done"], true);
    assert_eq!(
        ask(&mut editor, "config_get", json!({}))["policies"],
        json!([{"name": "day", "times": ["07:00-21:00"]}])
    );
    assert_eq!(save(&mut editor, json!({"remove": {"kind": "policy", "name": "day"}}))["done"], true);
    assert_eq!(
        save(&mut editor, json!({"remove": {"kind": "policy", "name": "day"}})),
        json!({"error": "gone"})
    );
    assert_eq!(save(&mut editor, json!({"remove": {"kind": "threat", "name": "mine"}}))["done"], true);
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), CONFIG);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn ways_out_are_entries_whose_secrets_stay() {
    let (mut editor, folder) = editor("outs");
    let put =
        |old: Option<&str>, fields: Value| json!({"entry": {"kind": "out", "old": old, "fields": fields}});
    let mqtt =
        |name: &str, server: &str| json!({"name": name, "kind": "mqtt", "server": server, "topic": "house"});
    let home = &ask(&mut editor, "config_get", json!({}))["outs"][0];
    assert_eq!((&home["name"], &home["server"]), (&json!("home"), &json!("192.0.2.1:1883")));
    assert!(home["password"].is_null(), "{home}");
    // What the form does not have stays, and so does the password.
    assert_eq!(save(&mut editor, put(Some("home"), mqtt("house", "192.0.2.1:1883")))["done"], true);
    let text = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(
        text.contains("name = \"house\"") && text.contains("hunter6") && text.contains("topic = \"house\""),
        "{text}"
    );
    // It goes to no other server, whatever that is called.
    for name in ["house", "other"] {
        let moved = put(Some("house"), mqtt(name, "192.0.2.66:1883"));
        let told = save(&mut editor, moved);
        assert!(
            told["mistakes"][0]["text"].as_str().is_some_and(|text| text.contains("another server")),
            "{told}"
        );
    }
    let mut with_its_own = mqtt("other", "192.0.2.66:1883");
    with_its_own["password"] = json!("of that one");
    assert_eq!(save(&mut editor, put(Some("house"), with_its_own))["done"], true);
    assert_eq!(save(&mut editor, json!({"remove": {"kind": "out", "name": "other"}}))["done"], true);
    let siem = json!({"name": "siem", "kind": "syslog", "server": "192.0.2.1:514", "types": "alert\ndns", "deep": "false"});
    assert_eq!(save(&mut editor, put(None, siem))["done"], true);
    let got = ask(&mut editor, "config_get", json!({}));
    let expected =
        json!([{"name": "siem", "kind": "syslog", "server": "192.0.2.1:514", "types": ["alert", "dns"]}]);
    assert_eq!(got["outs"], expected);
    for (field, value) in [("server", "nowhere"), ("transport", "pigeon"), ("types", "smell"), ("qos", "1")] {
        let told = save(
            &mut editor,
            put(
                Some("siem"),
                json!({"name": "siem", "kind": "syslog", "server": "192.0.2.1:514", field: value}),
            ),
        );
        assert_eq!(told["mistakes"][0]["name"], field, "{told}");
    }
    // A file is none that pages choose.
    let file = json!({"name": "f", "kind": "eve", "path": "/etc/passwd"});
    assert!(save(&mut editor, put(None, file))["mistakes"].is_array());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_another_file_makes_is_changed_there() {
    let (mut editor, folder) = editor("made");
    fs::write(folder.join("config.toml"), format!("{MADE} whenever Weir is started or reloaded.\n{CONFIG}"))
        .unwrap();
    let got = ask(&mut editor, "config_get", json!({}));
    assert_eq!((&got["made"], &got["writable"]), (&json!(true), &json!(false)));
    assert_eq!(save(&mut editor, change("store", "keep_days", json!("9"))), json!({"error": "made"}));
    let script = include_str!("../../../openwrt/weir/files/settings.sh");
    assert!(script.contains(&format!("echo \"{MADE} ")), "the script begins the file so");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_backup_brings_back_what_was_and_no_part_of_a_wrong_one() {
    let (mut editor, folder) = editor("backup");
    fs::write(
        folder.join("features.txt"),
        format!("# a\n===== part config.toml\n======\n{FEATURES}").replace("=====", "#====="),
    )
    .unwrap();
    let kept = fs::read_to_string(folder.join("features.txt")).unwrap();
    let said = "[\"02:00:00:00:00:05\"]\nalias = \"Ann's\"\n";
    fs::write(folder.join("devices.toml"), said).unwrap();
    let backup = ask(&mut editor, "backup", json!({}))["text"].as_str().unwrap().to_owned();
    assert!(!backup.contains("hunter"), "{backup}");
    assert_eq!(
        ask(&mut editor, "restore", json!({"text": backup, "check": true}))["parts"],
        json!(["features.txt", "config.toml", "devices.toml"])
    );
    let other = CONFIG.replace("# mine\n", "# mine\n[store]\nkeep_days = 9\n");
    fs::write(folder.join("config.toml"), &other).unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    fs::remove_file(folder.join("devices.toml")).unwrap();
    assert_eq!(ask(&mut editor, "restore", json!({"text": backup}))["done"], true);
    assert_eq!(fs::read_to_string(folder.join("devices.toml")).unwrap(), said);
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), CONFIG);
    assert_eq!(fs::read_to_string(folder.join("features.txt")).unwrap(), kept);
    // Paths are this machine's; a password that it has not can't be kept.
    let elsewhere = backup.replace("path = \"w.db\"", "path = \"/etc/cron.d/x\"");
    assert_eq!(ask(&mut editor, "restore", json!({"text": elsewhere}))["done"], true);
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), CONFIG);
    for (wrong, word) in [
        (String::new(), "error"),
        (backup.replace("===== weir", "===== other"), "error"),
        (backup.replace("part config.toml", "part ../../etc/passwd"), "error"),
        (backup.replace("part config.toml", "part features.txt"), "error"),
        (backup.replace("A:[;;;", "A:[;;"), "mistakes"),
        (backup.replace("alias = ", "called = "), "mistakes"),
        (backup.replace("[sqlite]", "[sqlite"), "mistakes"),
        (format!("{backup}[[out]]\nname = \"x\"\nkind = \"eve\"\npath = \"/etc/passwd\"\n"), "mistakes"),
        (backup.replace("name = \"home\"", "name = \"other\""), "error"),
        ("x".repeat(3 << 20), "error"),
    ] {
        let told = ask(&mut editor, "restore", json!({"text": wrong}));
        assert!(!told[word].is_null(), "{wrong}: {told}");
        assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), CONFIG);
        assert_eq!(fs::read_to_string(folder.join("features.txt")).unwrap(), kept, "{wrong}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn where_there_is_no_file_it_is_said() {
    let mut editor = Editor::new(None, &Config::default());
    editor.reload = || panic!("nothing has changed");
    for command in ["config_get", "config_save", "config_check", "policy_try"] {
        assert_eq!(ask(&mut editor, command, json!({})), json!({"error": "no file"}), "{command}");
    }
    let path = Path::new("/proc/version");
    let mut editor = Editor::new(Some(path), &Config::default());
    editor.config.apps.features = path.to_owned();
    let version = file::version(file::read(path).unwrap().as_bytes());
    let told = ask(&mut editor, "features_save", json!({"text": FEATURES, "version": version}));
    assert!(told["file"].as_str().unwrap().starts_with("/proc/version.new: "), "{told}");
}

#[test]
fn whatever_can_be_set_has_its_meaning_in_chinese() {
    let known = include_str!("../../../web-ta/lang/settings_zh.php");
    let docs = SECTIONS.iter().flat_map(|section| {
        std::iter::once(section.doc).chain(section.settings.iter().map(|setting| setting.doc))
    });
    let keys: std::collections::BTreeSet<String> = docs
        .map(|doc| {
            doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('\\', "\\\\").replace('\'', "\\'")
        })
        .collect();
    for key in &keys {
        assert!(known.contains(&format!("    '{key}' =>\n")), "lang/settings_zh.php lacks: {key}");
    }
    assert_eq!(known.matches("' =>\n").count(), keys.len(), "one is there that nobody needs any more");
}
