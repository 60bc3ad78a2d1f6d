//! What files tell of devices: who made their network cards, and what dnsmasq
//! calls them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::files;
use crate::config::Config;
use crate::dissect::login::name;
use crate::engine::{Engine, MAX_VENDORS_FILE, Vendors};
use crate::record::Mac;
use crate::time::Time;

/// How often it is looked whether the leases changed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Bytes of the file of leases that are read; a lease has some 80.
const MAX_LEASES_FILE: u64 = 1 << 20;

/// The table of makers that `config` names. There need not be one.
pub fn vendors_of(config: &Config) -> Option<Arc<Vendors>> {
    let path = config.devices.vendors.as_ref()?;
    let read = files::bytes(path, MAX_VENDORS_FILE).map_err(|error| error.to_string());
    match read.transpose()?.and_then(|file| Vendors::parse(file).map_err(Into::into)) {
        Ok(vendors) => Some(Arc::new(vendors)),
        Err(text) => {
            log::warn!("{}: {text}; devices have no makers", path.display());
            None
        }
    }
}

/// The leases of dnsmasq, read when they change.
#[derive(Default)]
pub struct Leases {
    path: Option<PathBuf>,
    /// Its age and length when it was read.
    read: Option<(SystemTime, u64)>,
    looked_at: Option<Time>,
}

impl Leases {
    /// Those that `config` names.
    pub fn new(config: &Config) -> Leases {
        Leases { path: config.devices.leases.clone(), ..Leases::default() }
    }

    /// Tells `engine` of them if they changed since the last look.
    pub fn look(&mut self, engine: &mut Engine, now: Time) {
        let Some(path) = &self.path else { return };
        // A clock that was set back does not make it wait for long.
        if self.looked_at.is_some_and(|at| at <= now && now.since(at) < LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        let Ok(about) = fs::metadata(path) else { return };
        let state = about.modified().ok().map(|modified| (modified, about.len()));
        if state.is_some() && state == self.read {
            return;
        }
        match files::bytes(path, MAX_LEASES_FILE) {
            Ok(bytes) => engine.set_leases(leases(&bytes.unwrap_or_default()).collect()),
            Err(error) => log::warn!("{}: {error}; devices have no names by it", path.display()),
        }
        self.read = state;
    }
}

/// Each MAC address with the name that was given to it. A line is: until when, MAC
/// address, address, name or `*`, the client's identifier (dnsmasq(8), `--dhcp-leasefile`);
/// those of DHCPv6 have a number in place of the second.
fn leases(text: &[u8]) -> impl Iterator<Item = (Mac, Arc<str>)> + '_ {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).skip(1);
        let mac = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        let name = words.nth(1).filter(|word| *word != b"*").and_then(name)?;
        Some((mac, name.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::wire::LinkType;

    const TEXT: &[u8] = b"1700000000 02:00:00:00:00:05 192.168.1.5 anns-pc 01:02:00:00:00:00:05\n\
        1700000000 02:00:00:00:00:06 192.168.1.6 * *\n\
        duid 00:01:00:01:20:20:20:20:02:00:00:00:00:05\n\
        1700000000 12345 2001:db8::5 anns-pc 00:01:00:01\n\
        1700000000 02:00:00:00:00 192.168.1.7 short *\n\
        1700000000 02:00:00:00:00:0x 192.168.1.7 no-hex *\n\
        \xff\xfe\n1700000000 0A:00:00:00:00:08 192.168.1.8 big 1";

    #[test]
    fn a_lease_has_a_mac_address_and_a_name() {
        let found: Vec<_> = leases(TEXT).collect();
        let expected =
            [(Mac([2, 0, 0, 0, 0, 5]), "anns-pc".into()), (Mac([10, 0, 0, 0, 0, 8]), "big".into())];
        assert_eq!(found, expected);
        for end in 0..TEXT.len() {
            let _ = leases(&TEXT[..end]).count();
        }
    }

    /// What the engine calls the only device there is, after a minute.
    fn name_at(engine: &mut Engine, secs: u64) -> Option<String> {
        // ARP: 02:00:00:00:00:05 asks for 192.168.1.1.
        let head = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 5], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
        let body = [2, 0, 0, 0, 0, 5, 192, 168, 1, 5, 0, 0, 0, 0, 0, 0, 192, 168, 1, 1];
        let frame = [&head[..], &body].concat();
        engine.packet(Time::from_secs(secs), 0, LinkType::Ethernet, &frame, frame.len() as u32);
        engine.tick(Time::from_secs(secs + 60));
        let names = engine.drain().filter_map(|record| match record {
            Record::Thing(row) => Some(row.name.map(|name| name.to_string())),
            _ => None,
        });
        names.last()?
    }

    #[test]
    fn leases_are_read_at_the_start_and_when_they_change() {
        let path = std::env::temp_dir().join(format!("weir-leases-{}", std::process::id()));
        let mut config = Config::default();
        config.devices.leases = Some(path.clone());
        let mut engine = Engine::new(config.engine(), Arc::default());
        let mut leases = Leases::new(&config);
        leases.look(&mut engine, Time::from_secs(1_000));
        assert_eq!(name_at(&mut engine, 1_000), None, "there is no such file yet");
        fs::write(&path, TEXT).unwrap();
        leases.look(&mut engine, Time::from_secs(1_005));
        assert_eq!(name_at(&mut engine, 1_100), None, "not looked at again so soon");
        leases.look(&mut engine, Time::from_secs(1_200));
        assert_eq!(name_at(&mut engine, 1_200).as_deref(), Some("anns-pc"));
        fs::write(&path, "1700000000 02:00:00:00:00:05 192.168.1.5 renamed *\n").unwrap();
        leases.look(&mut engine, Time::from_secs(1_300));
        assert_eq!(name_at(&mut engine, 1_300).as_deref(), Some("renamed"));
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_table_of_makers_that_is_not_there_or_is_none_is_done_without() {
        let mut config = Config::default();
        config.devices.vendors = Some("/nowhere/oui.bin".into());
        assert!(vendors_of(&config).is_none());
        config.devices.vendors = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
        assert!(vendors_of(&config).is_none());
        config.devices.vendors = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/oui.bin").into());
        assert!(vendors_of(&config).is_some());
    }
}
