//! Lines as the lists that people use have them.

use super::*;

/// What `text` names, line by line; `-` for nothing, `~` for what is left out, `?`
/// for what is not understood.
fn read(text: &str) -> Vec<String> {
    let mut reader = Reader::default();
    let line = |line: &str| {
        let mut out = Vec::new();
        let verdict = reader.line(line, &mut |entry| {
            out.push(match entry {
                Entry::Prefix(prefix) => super::super::written(prefix),
                Entry::Name { name, exact } => format!("{}{name}", if exact { "=" } else { "" }),
            });
        });
        assert_eq!(verdict == Verdict::Entries, !out.is_empty(), "{line}");
        match verdict {
            Verdict::Entries => out.join(" "),
            Verdict::Blank => "-".into(),
            Verdict::Left => "~".into(),
            Verdict::Unread => "?".into(),
        }
    };
    text.split('\n').map(line).collect()
}

#[test]
fn addresses_and_networks_are_read() {
    assert_eq!(
        read(
            "\u{feff}192.0.2.1\r\n192.0.2.0/24\n192.0.2.77/24 # with bits behind\n2001:db8::1\n2001:db8::/32\n192.0.2.1:443\n[2001:db8::1]:443"
        ),
        [
            "192.0.2.1",
            "192.0.2.0/24",
            "192.0.2.0/24",
            "2001:db8::1",
            "2001:db8::/32",
            "192.0.2.1",
            "2001:db8::1"
        ]
    );
    assert_eq!(
        read("192.0.2.0-192.0.2.5\n192.0.2.8 - 192.0.2.9"),
        ["192.0.2.0/30 192.0.2.4/31", "192.0.2.8/31"]
    );
    // FireHOL's netsets, Spamhaus's DROP as text, ipsum, AlienVault.
    assert_eq!(
        read(
            "# firehol_level1\n# Maintainer: x\n1.10.16.0/20 ; SBL256894\n192.0.2.7\t9\n192.0.2.8#4#2#Malicious Host"
        ),
        ["-", "-", "1.10.16.0/20", "192.0.2.7", "192.0.2.8"]
    );
}

#[test]
fn hosts_files_name_hosts() {
    let text = "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\nfe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n\
        0.0.0.0 ads.example # why\n127.0.0.1\tA.Example b.example.\n:: c.example\n192.0.2.1 d.example";
    assert_eq!(
        read(text),
        ["~", "~", "~", "~", "ads.example", "A.Example b.example", "c.example", "?"],
        "the last may be where a good name is"
    );
}

#[test]
fn filters_name_hosts_where_they_mean_all_of_one() {
    let text = "[Adblock Plus 2.0]\n! Title: x\n||bad.example^\n||bad.example^$all\n||192.0.2.1^\n\
        ||bad.example^$script,domain=a.example\n||bad.example/page^\n||bad.*^\n@@||good.example^\nbad.example##.ad";
    assert_eq!(
        read(text),
        ["-", "-", "bad.example", "bad.example", "192.0.2.1", "~", "?", "?", "~", "bad.example"]
    );
}

#[test]
fn names_are_read_as_lists_and_dnsmasq_have_them() {
    assert_eq!(
        read(
            "bad.example\n*.bad.example\n.bad.example\nxn--bcher-kva.example\n_x.bad.example\nbad.example:8080"
        ),
        [
            "bad.example",
            "bad.example",
            "bad.example",
            "xn--bcher-kva.example",
            "_x.bad.example",
            "bad.example"
        ]
    );
    assert_eq!(
        read(
            "address=/bad.example/0.0.0.0\naddress=/a.example/b.example/#\nserver=/c.example/\nlocal=/d.example/\nserver=/work.example/10.0.0.1"
        ),
        ["bad.example", "a.example b.example", "c.example", "d.example", "~"]
    );
}

#[test]
fn ipset_saves_are_read() {
    let text = "create bad hash:net family inet hashsize 1024 maxelem 65536\nadd bad 192.0.2.0/24\n\
        add bad 192.0.2.9 timeout 60\nadd bad 198.51.100.1,tcp:80\nadd bad 192.0.2.5 nomatch\nCOMMIT";
    assert_eq!(read(text), ["-", "192.0.2.0/24", "192.0.2.9", "198.51.100.1", "~", "-"]);
}

#[test]
fn tables_of_abuse_ch_have_their_column() {
    // URLhaus, Feodo Tracker and ThreatFox.
    let urlhaus = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\
        \"1\",\"2026-11-20 10:00:01\",\"http://192.0.2.5:8080/a.sh\",\"online\",\"\",\"malware\",\"elf,mirai\",\"https://urlhaus.abuse.ch/url/1/\",\"x\"\n\
        \"2\",\"2026-11-20 10:00:01\",\"https://files.example/a,b\",\"online\",\"\",\"malware\",\"\",\"https://urlhaus.abuse.ch/url/2/\",\"x\"";
    assert_eq!(read(urlhaus), ["-", "192.0.2.5", "=files.example"]);
    let feodo = "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
        \"2026-01-17 19:23:10\",\"198.51.100.9\",\"443\",\"online\",\"2026-11-20\",\"QakBot\"";
    assert_eq!(read(feodo), ["-", "198.51.100.9"]);
    let threatfox = "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\"\n\
        \"2026-11-20\", \"1\", \"198.51.100.7:4444\", \"ip:port\", \"botnet_cc\"\n\
        \"2026-11-20\", \"2\", \"c2.example\", \"domain\", \"botnet_cc\"\n\
        \"2026-11-20\", \"3\", \"http://evil.example/x\", \"url\", \"payload\"\n\
        \"2026-11-20\", \"4\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", \"payload\"";
    assert_eq!(read(threatfox), ["-", "198.51.100.7", "c2.example", "=evil.example", "~"]);
    assert_eq!(read("\"x\",\"192.0.2.1\",\"y\""), ["192.0.2.1"], "without a header");
}

#[test]
fn drop_is_lines_of_json() {
    let text = "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n\
        {\"cidr\":\"2001:db8::/32\",\"sblid\":\"SBL1\"}\n\
        {\"type\":\"metadata\",\"timestamp\":1742169127,\"records\":2}\n{\"cidr\":7}\n{\"cidr\"";
    assert_eq!(read(text), ["1.10.16.0/20", "2001:db8::/32", "-", "?", "?"]);
}

#[test]
fn nonsense_is_told_and_none_of_it_stands_for_much() {
    for line in [
        "0.0.0.0/0",
        "::/0",
        "2000::/3",
        "0.0.0.0-255.255.255.255",
        "192.0.2.9-192.0.2.1",
        "192.0.2.1/33",
        "com",
        "a..example",
        "-",
        "192.0.2",
        "1.2.3.4.5",
        "bad example text",
        "http://",
        "http:///x",
        "||^",
        "address=/",
        "add",
        "add x",
        "名.example",
        "\u{0}",
        "address=//0.0.0.0",
    ] {
        assert_eq!(read(line), ["?"], "{line:?}");
    }
    let long = format!("{}.example", "a".repeat(64));
    assert_eq!(read(&long), ["?"]);
    assert_eq!(read("\n   \n# x\n; x\n// x\n!"), ["-"; 6]);
}
