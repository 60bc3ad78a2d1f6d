//! Every way out with the real program at its other end, which goes away and
//! comes back.

mod common;
#[path = "common/receivers.rs"]
mod receivers;
#[path = "common/way.rs"]
mod way;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use weir::config::Config;
use weir::engine::{Engine, Options};
use weir::record::{Coverage, Ids, Name, Record, Service, Thing};
use weir::source::{CaptureFile, Source, State};
use weir::store::eve;
use weir::time::Time;

use common::net::{CONFIG, Net, run_words, write_config};
use common::{captures, folder, until};
use receivers::{Influxd, Mosquitto, Nfcapd, Rsyslog, program};
use way::{BEGIN, Way, alert, device, health, service, session, session_of_ipv6, traffic};

/// All records of the captures of the cases.
fn records_of_cases() -> Vec<Record> {
    let options = Options { details: true, ..Config::default().engine() };
    let mut engine = Engine::new(options, Default::default());
    let iface = engine.interface("");
    let mut all = Vec::new();
    for path in captures().iter().filter(|path| path.components().any(|part| part.as_os_str() == "cases")) {
        let Ok(mut file) = CaptureFile::open(path) else { continue };
        while let Ok(State::More) = file.read(1000, &mut |frame| {
            engine.packet(frame.time, iface, frame.kind, frame.bytes, frame.on_wire);
        }) {
            all.extend(engine.drain());
        }
    }
    while engine.finish() {}
    all.extend(engine.drain());
    all
}

#[test]
fn the_type_of_a_record_is_that_of_its_lines() {
    let mut seen = BTreeSet::new();
    for record in records_of_cases() {
        let mut text = Vec::new();
        eve::write_lines(&record, &mut text);
        let kind = eve::event_type(&record);
        for line in String::from_utf8(text).unwrap().lines() {
            let line = json(line);
            assert_eq!(line["event_type"].as_str(), kind, "{line}");
            seen.extend(kind);
        }
    }
    assert!(seen.iter().all(|kind| eve::TYPES.contains(kind)));
    assert!(seen.len() > 8, "{seen:?}");
}

/// What `text` is as JSON, behind the first brace.
fn json(text: &str) -> serde_json::Value {
    let body = text.find('{').map_or("", |place| &text[place..]);
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn rsyslog_takes_every_header_and_framing() {
    let folder = folder("outs-syslog");
    let rsyslog = Rsyslog::new(&folder);
    let _running = rsyslog.start();
    for transport in ["udp", "tcp"] {
        for framing in ["octets", "newline"] {
            for header in ["rfc5424", "rfc3164"] {
                let tag = format!("{transport}{framing}{header}");
                let way = Way::open(
                    &format!(
                        "kind = \"syslog\"\nserver = \"127.0.0.1:{}\"\ntransport = \"{transport}\"\nfacility = \"local3\"\n\
                         framing = \"{framing}\"\nheader = \"{header}\"\ntag = \"{tag}\"\n",
                        rsyslog.port
                    ),
                    &folder,
                );
                way.send(&[session(1), alert(), session(2)]);
                way.written();
                way.close();
                let mine =
                    || rsyslog.lines().into_iter().filter(|line| line.contains(&tag)).collect::<Vec<_>>();
                until("rsyslog wrote them", || mine().len() >= 3);
                let lines = mine();
                let fields: Vec<Vec<&str>> = lines.iter().map(|line| line.splitn(5, '|').collect()).collect();
                let priorities: Vec<&str> = fields.iter().map(|line| line[0]).collect();
                assert_eq!(priorities, ["local3.info", "local3.warning", "local3.info"], "{tag}");
                assert!(fields.iter().all(|line| line[3] == tag), "{lines:?}");
                let messages: Vec<_> = fields.iter().map(|line| json(line[4])).collect();
                assert_eq!(messages[0]["src_port"], 40_001);
                assert_eq!(messages[1]["alert"]["text"], "A device was seen for the first time — 新设备");
                assert_eq!(messages[2]["app"], "Tube");
            }
        }
    }
}

#[test]
fn assets_reach_rsyslog_in_their_two_forms() {
    let folder = folder("outs-asset");
    let rsyslog = Rsyslog::new(&folder);
    let _running = rsyslog.start();
    let way = Way::open(
        &format!(
            "kind = \"syslog\"\nserver = \"127.0.0.1:{}\"\nform = \"asset\"\ntag = \"lab\"\nheader = \"rfc3164\"\n",
            rsyslog.port
        ),
        &folder,
    );
    way.send(&[service(80, "http"), service(21, "ftp")]);
    way.written();
    until("rsyslog wrote them", || rsyslog.lines().len() >= 2);
    let assets: Vec<_> = rsyslog.lines().iter().map(|line| json(line)).collect();
    let expected = serde_json::json!({"pro": "HTTP", "tag": "lab", "ip": "192.0.2.9", "port": "80", "code": "",
        "url": "http://192.0.2.9/", "type": "", "server": "nginx", "body": ""});
    assert_eq!(assets[0], expected);
    let expected = serde_json::json!({"pro": "TCP", "tag": "lab", "ip": "192.0.2.9", "port": "21",
        "data": "3232302068656c6c6f0d0a"});
    assert_eq!(assets[1], expected);
}

#[test]
fn assets_are_made_of_the_pages_that_are_asked_for() {
    let folder = folder("outs-asset-some");
    let rsyslog = Rsyslog::new(&folder);
    let _running = rsyslog.start();
    let settings = format!(
        "[[out]]\nname = \"x\"\nkind = \"syslog\"\nserver = \"127.0.0.1:{}\"\nform = \"asset\"\nheader = \"rfc3164\"\n\
         status = [200, \"401\"]\ntypes = [\"!image/*\"]\n",
        rsyslog.port
    );
    let out = &Config::parse(&settings, &folder).unwrap().outs[0];
    let page = |port, code, kind: &str| {
        let Record::Service(row) = service(port, "http") else { panic!() };
        Record::from(Service { code, content_type: Some(kind.into()), ..*row })
    };
    let all = [
        page(81, Some(200), "text/html; charset=utf-8"),
        page(82, Some(404), "text/html"),
        page(83, Some(200), "image/png"),
        page(84, Some(401), "text/html"),
        page(85, None, "text/html"),
        service(21, "ftp"),
    ];
    // What the daemon asks before it puts a record into the queue.
    let wanted: Vec<_> = all.into_iter().filter(|record| out.wants(record)).collect();
    let way = Way::of(out);
    way.send(&wanted);
    way.written();
    until("rsyslog wrote them", || rsyslog.lines().len() >= 3);
    let ports: Vec<_> =
        rsyslog.lines().iter().map(|line| json(line)["port"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ports, ["81", "84", "21"]);
}

#[test]
fn a_syslog_server_that_is_away_gets_what_waited_and_no_line_twice() {
    let folder = folder("outs-syslog-away");
    let rsyslog = Rsyslog::new(&folder);
    let running = rsyslog.start();
    let way = Way::open(
        &format!("kind = \"syslog\"\nserver = \"127.0.0.1:{}\"\ntransport = \"tcp\"\n", rsyslog.port),
        &folder,
    );
    way.send(&[session(1)]);
    way.written();
    until("rsyslog wrote it", || rsyslog.lines().len() == 1);
    running.end();
    way.overflows(&[session(2)]);
    let running = rsyslog.start();
    way.comes_back();
    let written = way.meter().written as usize;
    // What was sent while the server went may be lost on the way (RFC 6587, 3.1).
    until("rsyslog wrote what waited", || rsyslog.lines().len() >= 101);
    way.close();
    running.end();
    assert!(rsyslog.lines().len() <= written, "a line came twice");
}

#[test]
fn mosquitto_has_states_introductions_and_a_last_will() {
    let folder = folder("outs-mqtt");
    let mosquitto = Mosquitto::new(&folder);
    let running = mosquitto.start();
    fs::write(folder.join("password"), "secret\n").unwrap();
    let settings = format!(
        "kind = \"mqtt\"\nserver = \"127.0.0.1:{}\"\nuser = \"weir\"\npassword_file = \"password\"\nqos = 1\n\
         topic = \"house/weir\"\n",
        mosquitto.port
    );
    let way = Way::open(&settings, &folder);
    let first = Time::from_secs(BEGIN);
    let thing = Thing {
        device: device(),
        mac: None,
        ipv4: Some([192, 168, 1, 7].into()),
        ipv6: None,
        vendor: Some("Maker".into()),
        name: Some(Name("tablet \"7\"".into())),
        name_source: Some("dhcp"),
        os: None,
        os_source: None,
        kind: None,
        is_random: Some(0),
        merge_with: None,
        first,
        last: first,
    };
    let _listening = mosquitto.listen();
    way.send(&[thing.into(), traffic(0, Some("Tube")), traffic(0, None), alert(), health(60)]);
    way.written();
    let heard =
        |begin: &str| mosquitto.heard().into_iter().filter(|line| line.contains(begin)).collect::<Vec<_>>();
    until("the alert is heard", || !heard("house/weir/alert").is_empty());
    until("the state is heard", || !heard("/state|").is_empty());
    let state = &heard("|house/weir/device/02_00_00_00_00_07/state|")[0];
    assert_eq!(
        json(state),
        serde_json::json!({"up": 20, "down": 200, "present": true, "address": "192.168.1.7"})
    );
    assert!(heard("house/weir/availability|online").len() == 1);
    let introduced = heard("homeassistant/");
    assert_eq!(introduced.len(), 3, "{introduced:?}");
    let down = json(&introduced[0]);
    assert_eq!(down["device"]["name"], "tablet \"7\"");
    assert_eq!(down["state_topic"], "house/weir/device/02_00_00_00_00_07/state");
    assert_eq!((&down["device_class"], &down["unit_of_measurement"]), (&"data_rate".into(), &"B/s".into()));
    assert_eq!(down["availability_topic"], "house/weir/availability");
    // Ten minutes later nothing moves, and it is away.
    way.send(&[health(700)]);
    until("its silence is heard", || heard("/state|").len() == 2);
    assert_eq!(
        (json(&heard("/state|")[1])["present"].clone(), json(&heard("/state|")[1])["down"].clone()),
        (false.into(), 0.into())
    );
    // The broker goes and comes back empty: all is told anew.
    running.end();
    way.overflows(&[health(701)]);
    let _running = mosquitto.start();
    let _listening = mosquitto.listen();
    way.comes_back();
    until("it is introduced again", || heard("homeassistant/").len() == 3 && heard("/state|").len() == 1);
    // Who ends says so.
    way.close();
    // A connection that was made twice, by a machine that is busy, has left its will before.
    let last = || heard("house/weir/availability|").pop();
    until("its end is heard", || last().is_some_and(|line| line.ends_with("offline")));
}

#[test]
fn a_broker_refuses_a_wrong_password_and_that_is_said() {
    let folder = folder("outs-mqtt-refused");
    let mosquitto = Mosquitto::new(&folder);
    let _running = mosquitto.start();
    let way = |password: &str| {
        Way::open(
            &format!(
                "kind = \"mqtt\"\nserver = \"127.0.0.1:{}\"\nuser = \"weir\"\npassword = \"{password}\"\ndiscovery = \"\"\n",
                mosquitto.port
            ),
            &folder,
        )
    };
    let wrong = way("guess");
    wrong.send(&[health(1)]);
    until("it is refused", || {
        wrong.meter().trouble.is_some_and(|why| why.contains("user or password are wrong"))
    });
    wrong.close();
    let _listening = mosquitto.listen();
    let right = way("secret");
    right.send(&[health(1)]);
    right.written();
    until("it is there", || mosquitto.heard().iter().any(|line| line.contains("weir/availability|online")));
    right.close();
}

#[test]
fn influxdb_has_volumes_by_device_and_app() {
    let folder = folder("outs-influx");
    let influxd = Influxd::new(&folder);
    let running = influxd.start();
    let made = influxd.ask("CREATE USER weir WITH PASSWORD 'secret' WITH ALL PRIVILEGES");
    assert!(!made.contains("error"), "{made}");
    let settings = |password: &str| {
        format!(
            "kind = \"influx\"\nurl = \"http://127.0.0.1:{}\"\ndb = \"weir\"\nuser = \"weir\"\npassword = \"{password}\"\n",
            influxd.port
        )
    };
    let wrong = Way::open(&settings("guess"), &folder);
    wrong.send(&[health(0)]);
    until("it is refused", || wrong.meter().trouble.is_some_and(|why| why.contains("status 401")));
    wrong.close();
    let way = Way::open(&settings("secret"), &folder);
    // There is no database yet: it waits for one.
    let time = Time::from_secs(BEGIN);
    let line = Coverage {
        id: Ids::default().next(time, 0),
        time,
        iface: "br-lan".into(),
        bytes_line: 900,
        bytes_seen: 800,
        bytes_unnamed: 7,
    };
    way.send(&[traffic(0, Some("Tube")), traffic(1, Some("Tube")), traffic(0, None), line.into(), health(3)]);
    until("it has no database", || way.meter().trouble.is_some_and(|why| why.contains("status 404")));
    influxd.ask("CREATE DATABASE weir");
    way.comes_back();
    assert_eq!(way.meter().written, 5);
    let answer = json(&influxd.ask("SELECT sum(bytes_in) FROM weir_traffic GROUP BY device, app"));
    let series = answer["results"][0]["series"].as_array().unwrap();
    let sums: Vec<_> = series
        .iter()
        .map(|one| (one["tags"]["app"].as_str().unwrap(), one["values"][0][1].as_i64().unwrap()))
        .collect();
    assert_eq!(sums, [("", 6000), ("Tube", 12_000)]);
    assert!(influxd.ask("SELECT bytes_seen FROM weir_coverage").contains("800"));
    assert!(influxd.ask("SELECT lost FROM weir_health WHERE stage = 'store'").contains(",1]"));
    running.end();
    way.overflows(&[traffic(2, None)]);
    let _running = influxd.start();
    way.comes_back();
    let answer = influxd.ask("SELECT count(bytes_in) FROM weir_traffic");
    assert!(answer.contains(",4]"), "written again, a point is the same point: {answer}");
    way.close();
}

#[test]
fn nfcapd_has_both_directions_of_sessions() {
    let folder = folder("outs-ipfix");
    let nfcapd = Nfcapd::new(&folder);
    let running = nfcapd.start("first");
    let way = Way::open(&format!("kind = \"ipfix\"\nserver = \"127.0.0.1:{}\"\n", nfcapd.port), &folder);
    way.send(&[session(1), session(2), session_of_ipv6()]);
    way.written();
    nfcapd.has_read();
    running.end();
    way.overflows(&[session(3)]);
    let running = nfcapd.start("second");
    // It begins anew, and knows the templates because they come with every batch.
    way.comes_back();
    way.close();
    nfcapd.has_read();
    running.end();
    let flows = nfcapd.flows("first", "%pr %sa %sp %da %dp %flg %ipkt %opkt %ibyt %obyt");
    let expected = [
        "6 192.168.1.7 40001 192.0.2.9 443 ...AP.SF 10 20 1001 30000",
        "6 192.168.1.7 40002 192.0.2.9 443 ...AP.SF 10 20 1002 30000",
        "17 2001:db8::7 40009 2001:db8::9 443 ........ 10 20 1009 30000",
    ];
    assert!(expected.iter().all(|flow| flows.iter().any(|found| found == flow)), "{flows:#?}");
    let waited = nfcapd.flows("second", "%sp");
    assert!((100..250).contains(&waited.len()), "{}", waited.len());
}

/// Prometheus' own tool finds nothing wrong with the page.
fn lint(page: &str, folder: &Path) {
    let file: PathBuf = folder.join("page");
    fs::write(&file, page).unwrap();
    let promtool = program("promtool").display().to_string();
    let (ok, text) = run_words(&["sh", "-c", &format!("'{promtool}' check metrics <'{}'", file.display())]);
    assert!(ok && text.is_empty(), "{text}\n{page}");
}

/// What lies in the file `name`, as lines of JSON with a type.
fn lines_of(net: &Net, name: &str, kind: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(net.folder.join(name)).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with('{')).map(json);
    lines.filter(|line| line["event_type"] == kind).collect()
}

fn browse(net: &Net) -> bool {
    net.at_client("curl -s -m 5 -o /dev/null http://10.77.0.1/").0
}

#[test]
fn a_daemon_goes_on_whoever_of_its_receivers_is_away() {
    let mut net = Net::new("outs");
    write_config(&net.folder, "Example:[;;;example.com;]\n");
    let mosquitto = Mosquitto::new(&net.folder);
    let outs = format!(
        "[daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\nhealth_every = \"10s\"\n\
         [metrics]\nlisten = \"127.0.0.1:9110\"\n\
         [[out]]\nname = \"file\"\nkind = \"eve\"\npath = \"eve.json\"\ntypes = [\"flow\", \"http\"]\n\
         [[out]]\nname = \"siem\"\nkind = \"syslog\"\nserver = \"127.0.0.1:5140\"\ntransport = \"tcp\"\n\
         [[out]]\nname = \"home\"\nkind = \"mqtt\"\nserver = \"127.0.0.1:{}\"\nuser = \"weir\"\npassword = \"secret\"\n",
        mosquitto.port
    );
    fs::write(
        net.folder.join("weir.toml"),
        CONFIG.replace("[daemon]\ncontrol = \"socket\"\nweb_info = \"web.json\"\n", "") + &outs,
    )
    .unwrap();
    net.serve("python3 -m http.server 80 --bind 10.77.0.1", "http.log");
    until("the server answers", || browse(&net));
    let broker = format!("{} -c mosquitto.conf", program("mosquitto").display());
    net.serve(&broker, "mosquitto.log");
    let daemon = net.daemon_at_server();
    net.serve(&mosquitto.listener(), "heard");
    let log = |net: &Net, name: &str| fs::read_to_string(net.folder.join(name)).unwrap_or_default();
    until("the broker heard of it", || log(&net, "heard").contains("availability|online"));
    assert!(browse(&net));
    let out = |name: &str, key: &str| {
        let status = daemon.status();
        let outs = status["outs"].as_array().cloned().unwrap_or_default();
        outs.into_iter().find(|out| out["name"] == name).unwrap()[key].clone()
    };
    until("the file has the session", || !lines_of(&net, "eve.json", "flow").is_empty());
    assert!(!lines_of(&net, "eve.json", "http").is_empty(), "the file names details");
    until("the syslog server is away", || out("siem", "state") == "away");
    assert_eq!(
        (out("file", "state"), out("home", "state"), out("siem", "written")),
        ("up".into(), "up".into(), 0.into())
    );
    until("the database has the session", || !daemon.rows::<i64>("SELECT 1 FROM session").is_empty());
    assert_eq!(daemon.rows::<i64>("SELECT COUNT(*) FROM http"), [0], "the database is to have none");
    // Who rotates the file by himself.
    fs::rename(net.folder.join("eve.json"), net.folder.join("eve.old")).unwrap();
    daemon.signal("HUP");
    assert!(browse(&net));
    until("another file begins", || !lines_of(&net, "eve.json", "flow").is_empty());
    let (_, page) = net.run_at_server("curl -s http://127.0.0.1:9110/metrics");
    lint(&page, &net.folder);
    assert!(page.contains("weir_stage_waiting{stage=\"out siem\"}"), "{page}");
    until("each out is a stage", || {
        let stages: Vec<String> =
            daemon.rows("SELECT DISTINCT stage FROM health WHERE stage LIKE 'out %' ORDER BY 1");
        stages == ["out file", "out home", "out siem"]
    });
    // Others by another configuration; those that are the same go on.
    let file = net.folder.join("weir.toml");
    let text = fs::read_to_string(&file).unwrap();
    let place = |name: &str| text.find(&format!("[[out]]\nname = {name:?}")).unwrap();
    let text = format!("{}{}", &text[..place("siem")], &text[place("home")..]);
    fs::write(&file, text.replace("127.0.0.1:9110", "127.0.0.1:9111")).unwrap();
    daemon.signal("HUP");
    until("one is gone", || daemon.status()["outs"].as_array().is_some_and(|outs| outs.len() == 2));
    until("the page moved", || net.run_at_server("curl -s http://127.0.0.1:9111/metrics").0);
    assert!(!net.run_at_server("curl -s http://127.0.0.1:9110/metrics").0);
    assert_eq!(log(&net, "heard").matches("availability|").count(), 1, "{}", log(&net, "heard"));
    daemon.signal("KILL");
    until("its last will is heard", || log(&net, "heard").contains("availability|offline"));
}

#[test]
fn standard_output_has_what_the_store_has_and_details() {
    let mut net = Net::new("outs-json");
    write_config(&net.folder, "Example:[;;;example.com;]\n");
    net.serve("python3 -m http.server 80 --bind 10.77.0.1", "http.log");
    until("the server answers", || browse(&net));
    let process = net.serve(&format!("{} run --json -c weir.toml", env!("CARGO_BIN_EXE_weir")), "json.log");
    until("it runs", || net.folder.join("socket").exists());
    until("the session is told", || browse(&net) && !lines_of(&net, "json.log", "flow").is_empty());
    run_words(&["kill", "-TERM", &process.to_string()]);
    assert_eq!(net.wait(process), Some(0));
    assert!(!lines_of(&net, "json.log", "http").is_empty());
    assert!(!lines_of(&net, "json.log", "health").is_empty());
}
