//! Lines that are right, and where those that are wrong are told to be.

use super::*;

fn complaints(line: &str) -> Vec<(usize, String)> {
    app_line(line).unwrap_err().into_iter().map(|c| (c.column, c.expected)).collect()
}

#[test]
fn a_line_holds_a_name_and_features() {
    let (name, features) = app_line("QQ:[udp;;;;00:02|-1:03,tcp;;14000;;]  ").unwrap();
    assert_eq!((name, features.len()), ("QQ", 2));
    assert_eq!(features[0].proto, Some(17));
    assert_eq!(
        features[0].payload,
        [Test { offset: 0, bytes: vec![2] }, Test { offset: -1, bytes: vec![3] }]
    );
    assert!(features[1].dport.contains(14000) && !features[1].dport.contains(14001));
    let (name, features) = app_line("微信:[;;80|443|!8080;*.WeiXin.qq.com;0:474554]").unwrap();
    assert_eq!((name, features[0].proto), ("微信", None));
    assert_eq!(features[0].payload[0].bytes, b"GET");
}

#[test]
fn every_mistake_is_told_with_its_place() {
    assert_eq!(
        complaints("WeChat:[tpc;;99999|80-;a b.com;,udp;;;;0:1|x:00|-1:0203]"),
        [
            (1 + "WeChat:[".len(), "tcp, udp or nothing".to_owned()),
            (1 + "WeChat:[tpc;;".len(), "a port from 0 to 65535".to_owned()),
            (1 + "WeChat:[tpc;;99999|80-".len(), "a port from 0 to 65535".to_owned()),
            (1 + "WeChat:[tpc;;99999|80-;a".len(), "only letters, digits, - _ . and * in a host".to_owned()),
            (
                1 + "WeChat:[tpc;;99999|80-;a b.com;,udp;;;;0:1".len(),
                "bytes as pairs of hexadecimal digits".to_owned()
            ),
            (
                1 + "WeChat:[tpc;;99999|80-;a b.com;,udp;;;;0:1|".len(),
                "an offset from -65535 to 65535".to_owned()
            ),
            (
                1 + "WeChat:[tpc;;99999|80-;a b.com;,udp;;;;0:1|x:00|-1:".len(),
                "no more bytes than there are from that offset to the end".to_owned()
            ),
        ]
    );
}

#[test]
fn a_host_may_be_an_address() {
    let (_, features) =
        app_line("T:[;;;91.108.4.0/22;,udp;;1400;2001:DB8::1;,;;;cafe.be;,;;;163.com;]").unwrap();
    let shown: Vec<_> = features.iter().map(|f| f.address.map(|prefix| prefix.to_string())).collect();
    let wanted = [Some("91.108.4.0/22".to_owned()), Some("2001:db8::1/128".to_owned()), None, None];
    assert_eq!(shown, wanted);
    assert!(features.iter().all(|feature| feature.host.is_some() != feature.address.is_some()));
    assert_eq!(
        complaints("微:[;;;1.2.3;,;;;10.1.0.0/8;,;;;10.0.0.0/99;,;;;a.io:80;,;;;2001:db8::g;]"),
        [
            (7, "an address like 192.0.2.1 or 2001:db8::1".to_owned()),
            (17, "10.0.0.0/8, with no bits set behind the prefix".to_owned()),
            (41, "a prefix's length from 0 to 32".to_owned()),
            (52, "only letters, digits, - _ . and * in a host".to_owned()),
            (64, "only letters, digits, - _ . and * in a host".to_owned()),
        ]
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(complaints("微信:[tcp;;x;;]"), [(10, "a port from 0 to 65535".to_owned())]);
}

#[test]
fn the_frame_of_a_line_is_checked() {
    assert_eq!(complaints("WeChat"), [(7, "a colon after the app's name".to_owned())]);
    assert_eq!(complaints("WeChat:tcp"), [(8, "[ before the first feature".to_owned())]);
    assert_eq!(complaints("WeChat:[tcp;;80;;"), [(18, "] after the last feature".to_owned())]);
    let parts = "five parts divided by ; (protocol;sport;dport;host;payload)";
    assert_eq!(complaints("W:[tcp;;80;]"), [(12, parts.to_owned())]);
    assert_eq!(complaints("W:[]"), [(4, parts.to_owned())]);
    assert_eq!(complaints("W:[tcp;;80;;;]"), [(14, parts.to_owned())]);
    assert_eq!(complaints(":[tcp;;80;;]"), [(1, "an app's name".to_owned())]);
    assert_eq!(complaints("W:[tcp;;90-80;;]"), [(9, "a range that begins with its lower port".to_owned())]);
    assert_eq!(complaints("W:[tcp;;80;*.;]"), [(12, "a host with at least one letter or digit".to_owned())]);
    assert_eq!(complaints("W:[tcp;;80;;][]")[0].0, 13);
    assert_eq!(complaints(&format!("{}:[tcp;;80;;]", "x".repeat(65)))[0].0, 1);
}
