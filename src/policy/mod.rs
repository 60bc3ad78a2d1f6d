//! What shall be stopped: by device, app, category or host, at some times of
//! the week, or after a day's quota. What a policy says is here; `engine`
//! applies it to sessions, and the daemon lets the kernel stop them.

mod times;
mod trial;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use times::{Local, Times};
pub use trial::{Spent, Trial};

use crate::prefix::{self, Prefix};
use crate::record::{Device, Mac};

/// Most policies that there can be; a session remembers the one that stopped
/// it by a small number.
pub const MAX_POLICIES: usize = 64;

/// One rule of the house.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    pub name: Arc<str>,
    /// None means every device.
    pub devices: Vec<Whose>,
    /// Any of these apps, categories and hosts; none of them at all means
    /// everything that the device does.
    pub apps: Vec<String>,
    pub classes: Vec<String>,
    /// A host and all below it, in lower case.
    pub hosts: Vec<String>,
    /// None means at any time.
    pub times: Vec<Times>,
    /// It stops only when this much was used in a day; none means at once.
    pub quota: Option<Quota>,
    /// Nothing is stopped, but written down as if it had been.
    pub dry_run: bool,
}

/// A device, or the network that it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    Mac(Mac),
    Network(Prefix),
}

/// How much of what a policy is about a device may use in a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quota {
    /// Minutes in which it moved anything.
    Time(Duration),
    /// Bytes in both directions.
    Bytes(u64),
}

/// What is known of a session.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub device: Device,
    /// The device's address.
    pub address: IpAddr,
    pub app: Option<&'a str>,
    pub class: Option<&'a str>,
    /// The surest name of the server.
    pub host: Option<&'a str>,
}

impl Policy {
    /// Whether it is about this session, whatever the time.
    pub fn fits(&self, subject: &Subject<'_>) -> bool {
        let is_device = self.devices.is_empty() || self.devices.iter().any(|whose| whose.is(subject));
        is_device && self.fits_what(subject)
    }

    fn fits_what(&self, subject: &Subject<'_>) -> bool {
        let Policy { apps, classes, hosts, .. } = self;
        if apps.is_empty() && classes.is_empty() && hosts.is_empty() {
            return true;
        }
        let is = |known: Option<&str>, wanted: &[String]| {
            known.is_some_and(|known| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(known)))
        };
        let below = |host: &str, wanted: &String| {
            host.strip_suffix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        is(subject.app, apps)
            || is(subject.class, classes)
            || subject.host.is_some_and(|host| hosts.iter().any(|wanted| below(host, wanted)))
    }

    /// Whether its time is now.
    pub fn is_on(&self, now: Local) -> bool {
        self.times.is_empty() || self.times.iter().any(|times| times.hold(now))
    }

    /// Why it stops what it stops, as records have it.
    pub fn reason(&self) -> &'static str {
        match (&self.quota, self.times.is_empty()) {
            (Some(_), _) => "quota",
            (None, false) => "schedule",
            (None, true) => "always",
        }
    }
}

impl Whose {
    fn is(&self, subject: &Subject<'_>) -> bool {
        self.has(subject.device, subject.address)
    }

    /// Whether it is, or has in it, `device` at `address`.
    pub fn has(&self, device: Device, address: IpAddr) -> bool {
        match (*self, device) {
            (Whose::Mac(mac), Device::Mac(device)) => mac == device,
            (Whose::Mac(_), Device::Ip(_)) => false,
            (Whose::Network(network), _) => network.contains(address),
        }
    }
}

/// `aa:bb:cc:dd:ee:ff`, `192.168.1.7` or `192.168.2.0/24`.
impl std::str::FromStr for Whose {
    type Err = ();

    fn from_str(text: &str) -> Result<Whose, ()> {
        if let Ok(mac) = text.parse() {
            return Ok(Whose::Mac(mac));
        }
        match Prefix::parse(text) {
            // Whoever gives a device's own address and a length means its network.
            Ok(network) | Err(prefix::Wrong::Bits(network)) => Ok(Whose::Network(network)),
            Err(_) => Err(()),
        }
    }
}

impl Quota {
    /// Whether nothing is left of it after so much use.
    pub fn is_used_up(self, minutes: u64, bytes: u64) -> bool {
        match self {
            Quota::Time(span) => minutes * 60 >= span.as_secs(),
            Quota::Bytes(most) => bytes >= most,
        }
    }
}

/// `90min` or `2h` of use, `500MB` or `2GB`.
impl std::str::FromStr for Quota {
    type Err = ();

    fn from_str(text: &str) -> Result<Quota, ()> {
        const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
        for (unit, factor) in UNITS {
            if let Some(number) = text.strip_suffix(unit) {
                let number: u64 = number.trim().parse().map_err(drop)?;
                return number.checked_mul(factor).filter(|bytes| *bytes > 0).map(Quota::Bytes).ok_or(());
            }
        }
        let span = humantime::parse_duration(text).map_err(drop)?;
        let fits = span >= Duration::from_secs(60) && span <= Duration::from_secs(24 * 3600);
        if fits { Ok(Quota::Time(span)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(app: Option<&'a str>, class: Option<&'a str>, host: Option<&'a str>) -> Subject<'a> {
        let device = Device::Mac(Mac([2, 0, 0, 0, 0, 7]));
        Subject { device, address: [192, 168, 1, 7].into(), app, class, host }
    }

    #[test]
    fn it_is_about_whom_and_what_it_names() {
        let all = Policy::default();
        assert!(all.fits(&subject(None, None, None)));
        let games =
            Policy { classes: vec!["game".into()], apps: vec!["YouTube".into()], ..Policy::default() };
        assert!(games.fits(&subject(Some("Roblox"), Some("Game"), None)));
        assert!(games.fits(&subject(Some("youtube"), None, None)));
        assert!(!games.fits(&subject(None, None, Some("game"))));
        let hosts = Policy { hosts: vec!["example.com".into()], ..Policy::default() };
        for (host, fits) in [("example.com", true), ("a.example.com", true), ("badexample.com", false)] {
            assert_eq!(hosts.fits(&subject(None, None, Some(host))), fits, "{host}");
        }
    }

    #[test]
    fn a_device_is_named_by_its_mac_or_its_network() {
        let fits = |whose: &str| {
            Policy { devices: vec![whose.parse().unwrap()], ..Policy::default() }
                .fits(&subject(None, None, None))
        };
        for (whose, is) in [
            ("02:00:00:00:00:07", true),
            ("02:00:00:00:00:08", false),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("192.168.0.0/16", true),
            ("192.168.9.9/16", true),
            ("0.0.0.0/0", true),
            ("fd00::/8", false),
        ] {
            assert_eq!(fits(whose), is, "{whose}");
        }
        for wrong in ["", "tablet", "192.168.1.7/33", "02:00:00:00:00", "02:00:00:00:00:+7", "fd00::/129"] {
            assert_eq!(wrong.parse::<Whose>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_quota_is_time_or_volume() {
        assert_eq!("90min".parse(), Ok(Quota::Time(Duration::from_secs(5400))));
        assert_eq!("500MB".parse(), Ok(Quota::Bytes(500_000_000)));
        assert_eq!("2 GB".parse(), Ok(Quota::Bytes(2_000_000_000)));
        let is_used_up = |text: &str, minutes, bytes| {
            let quota: Quota = text.parse().unwrap();
            quota.is_used_up(minutes, bytes)
        };
        assert!(is_used_up("90min", 90, 0) && !is_used_up("90min", 89, u64::MAX));
        assert!(is_used_up("1kB", 0, 1_000) && !is_used_up("1kB", 1_440, 999));
        for wrong in ["", "0MB", "30s", "25h", "x", "-1GB", "99999999999999999999GB"] {
            assert_eq!(wrong.parse::<Quota>(), Err(()), "{wrong}");
        }
    }
}
