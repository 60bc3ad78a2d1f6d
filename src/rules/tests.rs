//! A file as a whole: what it gives, what is wrong in it, and who wins.

use super::*;

const FILE: &str = "\
#class chat Chat and calls 聊天
# a comment
#app WeChat 微信
WeChat:[tcp;;;weixin.qq.com;,udp;;8000;;0:a3]
QQ:[;;;qq.com;,tcp;;14000;;]

#class video
YouTube:[;;;googlevideo.com;,;;;youtube.com;]
";

fn name(rules: &Rules, evidence: Evidence<'_>) -> Option<String> {
    rules.classify(&evidence).map(|found| rules.apps()[found.app as usize].name.to_string())
}

#[test]
fn a_file_gives_apps_with_categories_and_names() {
    let rules = Rules::parse(FILE.as_bytes(), 100).unwrap();
    let chat = &rules.classes()[0];
    assert_eq!((&*chat.id, &*chat.english), ("chat", "Chat and calls"));
    assert_eq!(chat.chinese.as_deref(), Some("聊天"));
    assert_eq!(rules.apps()[0].chinese.as_deref(), Some("微信"));
    assert_eq!((rules.apps()[1].class, rules.apps()[1].line), (Some(0), 5));
    assert_eq!(rules.class_of(&rules.apps()[2]).map(|class| &*class.english), Some("video"));
    assert_eq!(rules.features(), 6);
}

#[test]
fn the_most_specific_feature_decides() {
    let rules = Rules::parse(FILE.as_bytes(), 100).unwrap();
    let host = |host| Evidence { proto: 6, dport: 443, host: Some(host), ..Evidence::default() };
    assert_eq!(name(&rules, host("szshort.weixin.qq.com")).as_deref(), Some("WeChat"));
    assert_eq!(name(&rules, host("www.qq.com")).as_deref(), Some("QQ"));
    assert_eq!(name(&rules, host("myqq.com")), None);
    let bytes = Evidence { proto: 17, dport: 8000, payload: Some(&[0xa3, 1]), ..Evidence::default() };
    assert_eq!(name(&rules, bytes).as_deref(), Some("WeChat"));
    let port = Evidence { proto: 6, dport: 14000, ..Evidence::default() };
    assert_eq!(name(&rules, port).as_deref(), Some("QQ"));
}

#[test]
fn of_equals_the_earlier_line_wins() {
    let rules = Rules::parse(b"A:[;;;a.io;]\nB:[;;;a.io;]\n", 9).unwrap();
    let evidence = Evidence { host: Some("a.io"), ..Evidence::default() };
    assert_eq!(name(&rules, evidence).as_deref(), Some("A"));
}

#[test]
fn all_mistakes_are_told() {
    let text = b"#class Chat\nA:[tcp;;x;;]\nA:[tcp;;1;;]\na:[tcp;;1;;]\n\xe5\xbe\xae\xff\n#app B \xe5\xbe\xae\nC:[;;1;;]\n#app D\n  E:[tcp;;80]";
    let told: Vec<_> = Rules::parse(text, 100).err().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "1:8: expected a category's name in small letters",
            "2:9: expected a port from 0 to 65535",
            "4:1: expected each app once; a is on line 3 already",
            "5:2: expected text in UTF-8",
            "6:6: expected C and its Chinese name, for the app on the line below",
            "9:13: expected five parts divided by ; (protocol;sport;dport;host;payload)",
        ]
    );
}

#[test]
fn the_number_of_features_is_bounded() {
    let text: String = (0..20).map(|n| format!("A{n}:[tcp;;{n};;]\n")).collect();
    assert!(Rules::parse(text.as_bytes(), 20).is_ok());
    let told = Rules::parse(text.as_bytes(), 19).err().unwrap();
    assert_eq!(told[0].to_string(), "20:1: expected at most 19 features (max_features in config.toml)");
}

#[test]
fn an_empty_file_knows_nothing() {
    let rules = Rules::parse(b"", 1).unwrap();
    assert_eq!(rules.classify(&Evidence::default()), None);
}

/// What the index finds is what trying every feature in turn finds.
#[test]
fn the_index_agrees_with_trying_each() {
    let mut random = 1_u64;
    let mut pick = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let hosts = ["a.io", "b.a.io", "~ab", "x*y.a.io", "c*", "~q", "ab.cd", "*.io"];
    let addresses = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "::/0"];
    let payloads = ["0:01", "1:0203", "-1:04", "0:01|2:03", "0:0102030405"];
    let mut text = String::new();
    for n in 0..300 {
        let host = match pick(4) {
            0 | 1 => hosts[pick(hosts.len())],
            2 => addresses[pick(addresses.len())],
            _ => "",
        };
        let payload = if pick(2) == 0 { payloads[pick(payloads.len())] } else { "" };
        let dport = ["", "80", "70-90", "!80", "443|80"][pick(5)];
        let proto = ["", "tcp", "udp"][pick(3)];
        text.push_str(&format!("N{n}:[{proto};;{dport};{host};{payload}]\n"));
    }
    let rules = Rules::parse(text.as_bytes(), 1000).unwrap();
    for _ in 0..5_000 {
        let names = ["a.io", "z.b.a.io", "xaby.a.io", "cab", "ab.cd", "q.net", "x.io"];
        let servers = ["10.1.2.3", "10.1.2.4", "10.2.0.0", "192.0.2.1", "2001:db8::1", "::1", ""];
        let bytes = [1, 2, 3, 4, 5, 4].map(|b| if pick(4) == 0 { 0 } else { b });
        let evidence = Evidence {
            proto: [6, 17][pick(2)],
            sport: 5,
            dport: [80, 443, 75, 53][pick(4)],
            host: (pick(3) > 0).then(|| names[pick(names.len())]),
            server: servers[pick(servers.len())].parse().ok(),
            payload: (pick(3) > 0).then_some(&bytes[..pick(7)]),
        };
        let slow = rules
            .features
            .iter()
            .filter(|(.., feature)| feature.matches(&evidence))
            .map(|&(app, rank, _)| (rank, app))
            .max_by_key(|&(rank, app)| (rank, u32::MAX - app));
        let fast = rules.classify(&evidence).map(|found| (found.rank, found.app));
        assert_eq!(fast, slow, "{evidence:?}");
    }
}
