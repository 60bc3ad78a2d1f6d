use std::fs;
use std::path::PathBuf;

use super::*;
use file::{Value, country, system};

#[path = "../../tests/common/mmdb.rs"]
mod file;

const NOW: Time = Time::from_secs(1_000_000);

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("weir-places-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn countries(bits: usize) -> Vec<u8> {
    let networks = [
        ("192.0.2.0", 24, country("DE")),
        ("2001:db8::", 32, country("FR")),
        ("198.51.100.8", 32, country("xx")),
    ];
    file::file(bits, &networks)
}

fn of(places: &mut Places, address: &str) -> (Option<String>, Option<u32>, Option<String>) {
    let place = places.of(address.parse().unwrap(), NOW);
    let country = place.country.map(|country| country.as_str().to_owned());
    (country, place.asn, place.owner.map(|owner| owner.to_string()))
}

#[test]
fn an_address_has_the_country_and_the_system_of_its_network() {
    let folder = Folder::new("both");
    let asn = folder.put("asn", &file::file(24, &[("192.0.0.0", 16, system(64_500, "Example\x1b AS"))]));
    for bits in [24, 28, 32] {
        let country = folder.put("country", &countries(bits));
        let (mut places, wrong) = Places::open(Some(&country), Some(&asn), 16);
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(
            of(&mut places, "192.0.2.77"),
            (Some("DE".into()), Some(64_500), Some("Example AS".into()))
        );
        assert_eq!(of(&mut places, "192.0.3.1"), (None, Some(64_500), Some("Example AS".into())));
        assert_eq!(of(&mut places, "2001:db8::1"), (Some("FR".into()), None, None));
        for other in ["198.51.100.8", "203.0.113.1", "::", "fe80::1", "255.255.255.255"] {
            assert_eq!(of(&mut places, other), (None, None, None), "{other} at {bits} bits");
        }
        assert_eq!(places.counts(), Counts { looked_up: 8, failed: 0 });
    }
}

#[test]
fn other_makers_have_other_names() {
    let folder = Folder::new("ipinfo");
    let entry = Value::Map(vec![
        ("country", Value::Text("NL")),
        ("asn", Value::Text("AS64501")),
        ("as_name", Value::Text("Other")),
    ]);
    let path = folder.put("lite", &file::file(32, &[("192.0.2.0", 24, entry)]));
    let (mut places, _) = Places::open(Some(&path), Some(&path), 16);
    assert_eq!(of(&mut places, "192.0.2.1"), (Some("NL".into()), Some(64_501), Some("Other".into())));
}

#[test]
fn data_may_point_to_data() {
    let folder = Folder::new("pointers");
    let second = Value::Map(vec![("country", Value::At(9))]);
    // `country` and its name take nine bytes: a map, a key, then the value.
    let first = Value::Map(vec![("country", Value::Map(vec![("iso_code", Value::Text("SE"))]))]);
    let path = folder.put("x", &file::file(28, &[("192.0.2.0", 24, first), ("192.0.3.0", 24, second)]));
    let (mut places, _) = Places::open(Some(&path), None, 16);
    assert_eq!(of(&mut places, "192.0.3.1").0.as_deref(), Some("SE"));
}

#[test]
fn an_address_is_looked_up_once() {
    let folder = Folder::new("once");
    let path = folder.put("x", &countries(24));
    let (mut places, _) = Places::open(Some(&path), None, 16);
    for _ in 0..3 {
        of(&mut places, "192.0.2.1");
    }
    assert_eq!(places.counts().looked_up, 1);
    places.of([192, 0, 2, 1].into(), NOW + TIMEOUT);
    assert_eq!(places.counts().looked_up, 2, "files are replaced");
}

#[test]
fn a_file_that_is_none_is_told_and_left_out() {
    let folder = Folder::new("wrong");
    for bytes in [&b""[..], b"text", b"\xab\xcd\xefMaxMind.com", &countries(24)[..90]] {
        let path = folder.put("x", bytes);
        let (mut places, wrong) = Places::open(Some(&path), None, 16);
        assert!(wrong[0].contains("/x: "), "{wrong:?}");
        assert_eq!((places.is_empty(), of(&mut places, "192.0.2.1").0), (true, None));
    }
    let (_, wrong) = Places::open(Some(&folder.0.join("none")), None, 16);
    assert!(wrong[0].contains("No such file"), "{wrong:?}");
}

#[test]
fn damage_ends_in_an_answer() {
    let folder = Folder::new("damaged");
    let whole = countries(28);
    let mut failed = 0;
    for at in (0..whole.len()).step_by(7) {
        for value in [0, 0xff, 0x3f] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let path = folder.put("x", &bytes);
            let (mut places, _) = Places::open(Some(&path), Some(&path), 16);
            for address in ["192.0.2.1", "2001:db8::1", "0.0.0.0"] {
                of(&mut places, address);
            }
            failed += places.counts().failed;
        }
    }
    assert!(failed > 0);
    for end in (0..whole.len()).step_by(11) {
        let path = folder.put("x", &whole[..end]);
        assert!(!Places::open(Some(&path), None, 16).1.is_empty(), "{end} bytes");
    }
}
