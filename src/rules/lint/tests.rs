//! What is told, and what is let pass.

use super::*;

fn told(text: &str) -> Vec<String> {
    let rules = Rules::parse(text.as_bytes(), 1000).unwrap();
    lint(text.as_bytes(), &rules).iter().map(ToString::to_string).collect()
}

#[test]
fn a_feature_told_twice_is_a_duplicate() {
    assert_eq!(
        told("微:[;;;a.io;,tcp;;80-81|90;;0:010203]\n  B:[tcp;;90|80|81;;0:0102|2:03,;;;A.io.;]\n"),
        ["2:6: duplicate: the same as in 微 (line 1)", "2:33: duplicate: the same as in 微 (line 1)"]
    );
    assert_eq!(told("A:[;;;a.io;,;;;a.io;]\n"), ["1:13: duplicate: the same as in A (line 1)"]);
}

#[test]
fn what_can_never_win_is_shadowed() {
    assert_eq!(
        told("A:[;;;~abcde;,udp;;1-3;;]\nB:[;;;abcde;,udp;;1-2;;]\n"),
        [
            "1:4: swallows: it also fits abcde of B (line 2); there A wins",
            "2:4: shadowed: whatever it matches is won by A (line 1)",
            "2:14: shadowed: whatever it matches is won by A (line 1)",
        ]
    );
    assert_eq!(
        told("A:[udp;;1-10;;]\nB:[udp;;1-5;;]\nC:[udp;;6-10;;]\n"),
        ["1:4: shadowed: each of its ports is won by earlier or narrower features"]
    );
    assert_eq!(told("A:[udp;;1-10;;]\nB:[udp;;1-5;;]\nC:[udp;;6-9;;]\n"), [] as [&str; 0]);
}

#[test]
fn the_narrower_of_two_prefixes_is_no_shadow() {
    let text = "A:[;;;10.0.0.0/8;,udp;;9;10.0.0.0/8;]\nB:[;;;10.1.0.0/16;,;;;2001:db8::/32;]\n";
    assert_eq!(told(text), [] as [&str; 0]);
    assert_eq!(
        told("A:[;;;10.0.0.0/8;,;;;0.0.0.0/0;]\nB:[tcp;;9;10.0.0.0/8;,;;;10.0.0.0/8;]\n"),
        ["1:19: broad: 0.0.0.0/0 is no one's own", "2:23: duplicate: the same as in A (line 1)",]
    );
}

#[test]
fn a_longer_name_of_another_app_is_no_shadow() {
    let text = "A:[;;;qq.com;]\nB:[;;;v.qq.com;]\nC:[tcp;;99;v.qq.com;]\nD:[;;;x*.qq.com;]\n";
    assert_eq!(told(text), [] as [&str; 0]);
}

#[test]
fn a_pattern_that_fits_the_hosts_of_others_swallows() {
    assert_eq!(
        told("A:[;;;~leme;]\nB:[;;;element.io;,;;;shop.co.uk;]\nC:[;;;sh*.co.uk;]\n"),
        [
            "1:4: swallows: it also fits element.io of B (line 2); there B wins",
            "3:4: swallows: it also fits shop.co.uk of B (line 2); there B wins",
        ]
    );
}

#[test]
fn what_says_too_little_is_broad() {
    let text = "A:[tcp;;;;0:01|5:02,tcp;;7;;0:01,tcp;;80|443;;,;;;com;,;;;~ab;,;;;co.uk;,udp;;;;]\n";
    let kinds: Vec<_> = told(text).iter().map(|line| line.split(": ").take(2).collect::<String>()).collect();
    assert_eq!(kinds, ["1:4broad", "1:34broad", "1:48broad", "1:56broad", "1:64broad", "1:74broad"]);
}

#[test]
fn what_contradicts_itself_is_never() {
    let name = "x".repeat(254);
    let text = format!("A:[udp;;53|!53;;,udp;!0-65535;;;,udp;;9;;0:0102|1:03,udp;;7-8|!8;;,;;;{name};]\n");
    let kinds: Vec<_> = told(&text);
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert_eq!(kinds[0], "1:4: never: no port is left of the server's ports");
}

#[test]
fn the_shipped_file_is_clean() {
    let text = include_bytes!("../../../features.txt");
    let rules = Rules::parse(text, 100_000).unwrap();
    let told: Vec<_> = lint(text, &rules).iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
