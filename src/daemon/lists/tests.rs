//! Lists in files, and sessions that were stored before they came.

use super::*;

/// A folder with a configuration, and a database with the session of a capture that
/// was made by `tests/cases`.
fn place(name: &str, capture: &str) -> (PathBuf, Config) {
    let folder = std::env::temp_dir().join(format!("weir-lists-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("lists")).unwrap();
    let path = folder.join("config.toml");
    let text = "[sqlite]\npath = \"weir.db\"\n[daemon]\nweb_info = \"web.json\"\n\
        [[threat]]\nname = \"mine\"\npath = \"lists\"\nseverity = 1\n";
    fs::write(&path, text).unwrap();
    fs::write(folder.join("features.txt"), "").unwrap();
    let capture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(capture).join("capture.pcap");
    crate::daemon::read(Some(&path), &[capture], false).unwrap();
    let config = Config::parse(text, &folder).unwrap();
    (folder, config)
}

/// Shortly after the captures of the cases.
const NOW: Time = Time::from_secs(1_700_001_000);

impl Lists {
    /// The next that the thread brings, however long that takes.
    fn wait(&mut self) -> News {
        let news = self.news.recv_timeout(Duration::from_secs(60)).unwrap();
        if let News::Lists(threats) = &news {
            self.threats = threats.clone();
        }
        news
    }

    fn lists(&mut self) -> usize {
        match self.wait() {
            News::Lists(threats) => threats.entries(),
            News::Past(alert) => panic!("{}", alert.text),
        }
    }
}

#[test]
fn a_file_that_changes_is_read_anew_once_a_minute() {
    let (folder, config) = place("changes", "tcp-whole");
    fs::write(folder.join("lists/a.txt"), "bad.example\n").unwrap();
    fs::write(folder.join("lists/.hidden"), "hidden.example\n").unwrap();
    let mut lists = Lists::open(&config, true, NOW);
    assert_eq!(lists.lists(), 1);
    lists.tick(NOW + Duration::from_secs(60));
    fs::write(folder.join("lists/b.txt"), "192.0.2.1\n192.0.2.2\nworse.example\n").unwrap();
    lists.tick(NOW + Duration::from_secs(61));
    lists.tick(NOW + Duration::from_secs(120));
    assert_eq!(lists.lists(), 4, "the first look may have come before the change, the next has not");
    let status = lists.status();
    assert_eq!((&status["entries"], &status["lists"][0]["addresses"]), (&json!(4), &json!(2)));
    fs::remove_file(folder.join("lists/a.txt")).unwrap();
    lists.tick(NOW + Duration::from_secs(240));
    assert_eq!(lists.lists(), 3);
    lists.close();
}

#[test]
fn past_sessions_are_looked_at_by_what_is_new() {
    let (folder, config) = place("past", "tcp-whole");
    let list = folder.join("lists/a.txt");
    fs::write(&list, "192.0.2.0/24\n").unwrap();
    let mut lists = Lists::open(&config, true, NOW);
    lists.lists();
    fs::write(&list, "192.0.2.0/24\n198.51.100.0/24\n").unwrap();
    lists.tick(NOW + Duration::from_secs(60));
    assert_eq!(lists.lists(), 2);
    let News::Past(alert) = lists.wait() else { panic!("an alert was to come") };
    assert_eq!((alert.kind, alert.severity, alert.count), ("threat", 1, 1));
    assert_eq!(alert.entry.as_deref(), Some("198.51.100.0/24"));
    assert!(alert.text.contains("had had a session with 198.51.100.80"), "{}", alert.text);
    assert_eq!(alert.time.to_string(), "2023-11-14T22:13:20.071000+0000");
    // What was known before is not told again.
    fs::write(&list, "198.51.100.0/24\n").unwrap();
    lists.tick(NOW + Duration::from_secs(180));
    assert_eq!(lists.lists(), 1);
    fs::write(&list, "198.51.100.0/24\n203.0.113.1\n").unwrap();
    lists.tick(NOW + Duration::from_secs(300));
    assert_eq!(lists.lists(), 2);
    lists.close();
}

#[test]
fn names_of_past_sessions_are_looked_at_too_and_the_span_is_kept() {
    let (folder, config) = place("names", "tls-hello");
    let mut late = config.clone();
    fs::write(folder.join("lists/a.txt"), "example.com\n").unwrap();
    let mut lists = Lists::open(&config, false, NOW);
    lists.lists();
    let News::Past(alert) = lists.wait() else { panic!("an alert was to come") };
    assert_eq!(
        (alert.what.as_deref(), alert.entry.as_deref()),
        (Some("www.example.com"), Some("example.com"))
    );
    lists.close();
    late.threats.look_back.0 = Duration::from_secs(60);
    let mut lists = Lists::open(&late, false, NOW);
    lists.lists();
    let news = lists.news;
    drop(lists.orders);
    assert!(news.recv().is_err(), "the thread ended without an alert");
}

#[test]
fn a_list_that_is_not_there_costs_only_itself() {
    let (folder, mut config) = place("absent", "tcp-whole");
    fs::write(folder.join("lists/a.txt"), "bad.example\n").unwrap();
    let absent = crate::threats::Source { name: "absent".into(), path: folder.join("nothing"), severity: 2 };
    config.threat_lists.insert(0, absent);
    let threats = load(&config);
    assert_eq!((threats.entries(), threats.lists().len()), (1, 2));
    assert_eq!(&*threats.name("bad.example").unwrap().list.name, "mine");
}
