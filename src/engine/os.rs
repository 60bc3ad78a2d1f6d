//! Guesses at what a device runs, each by what gives it away.
//!
//! The lists of options were seen with the systems named, on any network; nothing
//! stops a device from saying something else. So a guess has its evidence with it.

use crate::record::{Short, short};

/// What a guess is made by, the surest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum By {
    /// The time to live of its packets.
    Ttl,
    /// The options that it asks DHCP for, in their order.
    Parameters,
    /// What its programs tell web servers.
    UserAgent,
    /// What it tells DHCP that it is.
    VendorClass,
    /// The model that it announces.
    Model,
}

impl By {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            By::Ttl => "ttl",
            By::Parameters => "dhcp options",
            By::UserAgent => "user agent",
            By::VendorClass => "dhcp class",
            By::Model => "mdns",
        }
    }
}

/// By DHCP's option 60, which most systems fill in with their name.
pub fn by_vendor_class(class: &str) -> Option<Short> {
    const STARTS: [(&str, &str); 9] = [
        ("MSFT 5.0", "Windows"),
        ("MSFT 98", "Windows 98"),
        ("HUAWEI:android", "Android"),
        ("HUAWEI:harmony", "HarmonyOS"),
        ("ChromeOS", "ChromeOS"),
        ("PXEClient", "PXE"),
        ("udhcp", "Linux"),
        ("systemd", "Linux"),
        ("Linux", "Linux"),
    ];
    if let Some(version) = class.strip_prefix("android-dhcp-") {
        return Some(versioned("Android", version));
    }
    // Program, system, machine: dhcpcd-9.4.1:Linux-5.10:x86_64:GenuineIntel.
    if class.starts_with("dhcpcd") {
        let system = class.split(':').nth(1).and_then(|part| part.split('-').next());
        return ["Linux", "FreeBSD", "NetBSD", "OpenBSD"]
            .into_iter()
            .find(|known| system == Some(known))
            .map(short);
    }
    STARTS.iter().find(|(start, _)| class.starts_with(start)).map(|(_, name)| short(name))
}

/// By DHCP's option 55, where its order is one system's only.
pub fn by_parameters(parameters: &[u8]) -> Option<Short> {
    const KNOWN: [(&[u8], &str); 13] = [
        (&[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252], "Windows"),
        (&[1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43, 252], "Windows"),
        (&[1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43], "Windows"),
        (&[1, 121, 3, 6, 15, 108, 114, 119, 252, 95, 44, 46], "macOS"),
        (&[1, 121, 3, 6, 15, 114, 119, 252, 95, 44, 46], "macOS"),
        (&[1, 121, 3, 6, 15, 119, 252, 95, 44, 46], "macOS"),
        (&[1, 121, 3, 6, 15, 108, 114, 119, 252], "iOS"),
        (&[1, 121, 3, 6, 15, 114, 119, 252], "iOS"),
        (&[1, 121, 3, 6, 15, 119, 252], "iOS"),
        (&[1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108], "Android"),
        (&[1, 3, 6, 15, 26, 28, 51, 58, 59, 43], "Android"),
        (&[1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42], "Linux"),
        (&[1, 2, 6, 12, 15, 26, 28, 121, 3, 33, 40, 41, 42, 119, 249, 252, 17], "Linux"),
    ];
    KNOWN.iter().find(|(known, _)| *known == parameters).map(|(_, name)| short(name))
}

/// By what browsers say of their system in the first parentheses (RFC 9110, 10.1.5,
/// has comments there).
pub fn by_user_agent(agent: &str) -> Option<Short> {
    let comment = agent.split_once('(')?.1.split(')').next()?;
    let mut parts = comment.split(';').map(str::trim);
    let part = |start: &str| comment.split(';').map(str::trim).find_map(|part| part.strip_prefix(start));
    if comment.contains("Windows Phone") {
        return Some(short("Windows Phone"));
    }
    if part("Windows NT").is_some() {
        return Some(short("Windows"));
    }
    if let Some(version) = part("Android") {
        return Some(versioned("Android", version));
    }
    for (device, name) in [("iPhone", "iOS"), ("iPad", "iPadOS"), ("iPod", "iOS")] {
        if comment.starts_with(device) {
            let version = comment.split_once(" OS ").map_or("", |(_, rest)| rest);
            return Some(versioned(name, version));
        }
    }
    let is = |name: &str| comment.contains(name);
    const HOLDS: [(&str, &str); 6] = [
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Tizen", "Tizen"),
        ("Web0S", "webOS"),
        ("FreeBSD", "FreeBSD"),
        ("OpenBSD", "OpenBSD"),
    ];
    let known = HOLDS.iter().find(|(word, _)| is(word)).map(|(_, name)| *name);
    known.or_else(|| parts.any(|part| part.starts_with("Linux")).then_some("Linux")).map(short)
}

/// By the model that mDNS tells; Apple's only, whose names say the system.
pub fn by_model(model: &str) -> Option<Short> {
    const STARTS: [(&str, &str); 9] = [
        ("MacBook", "macOS"),
        ("iMac", "macOS"),
        ("Macmini", "macOS"),
        ("MacPro", "macOS"),
        ("Mac1", "macOS"),
        ("iPhone", "iOS"),
        ("iPad", "iPadOS"),
        ("AppleTV", "tvOS"),
        ("AudioAccessory", "HomePod"),
    ];
    STARTS.iter().find(|(start, _)| model.starts_with(start)).map(|(_, name)| short(name))
}

/// By the time to live of packets that no router has counted down: Windows alone
/// among the common systems begins with 128.
pub fn by_ttl(ttl: u8) -> Option<Short> {
    (ttl == 128).then(|| short("Windows"))
}

/// `name` with the number that `version` begins with, of at most two parts.
fn versioned(name: &str, version: &str) -> Short {
    let is_number =
        |part: &&str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let end = version.trim().find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
    let version = version.trim().get(..end.unwrap_or(version.trim().len())).unwrap_or_default();
    let parts: Vec<_> = version.split(['.', '_']).take_while(is_number).take(2).collect();
    if parts.is_empty() { short(name) } else { short(format_args!("{name} {}", parts.join("."))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(guess: Option<Short>) -> String {
        guess.map_or("-".into(), |guess| guess.to_string())
    }

    #[test]
    fn what_dhcp_is_told_names_the_system() {
        let cases = [
            ("MSFT 5.0", "Windows"),
            ("android-dhcp-14", "Android 14"),
            ("android-dhcp-8.1.0", "Android 8.1"),
            ("dhcpcd-9.4.1:Linux-5.10.0:x86_64:GenuineIntel", "Linux"),
            ("dhcpcd-6.8.2:Plan9:x", "-"),
            ("udhcp 1.36.1", "Linux"),
            ("android-dhcp-", "Android"),
            ("", "-"),
            ("\u{130}MSFT", "-"),
        ];
        for (class, expected) in cases {
            assert_eq!(text(by_vendor_class(class)), expected, "{class}");
        }
    }

    #[test]
    fn the_order_of_options_is_one_systems() {
        assert_eq!(text(by_parameters(&[1, 121, 3, 6, 15, 119, 252])), "iOS");
        assert_eq!(text(by_parameters(&[1, 121, 3, 6, 15, 119])), "-");
        assert_eq!(text(by_parameters(&[])), "-");
    }

    #[test]
    fn browsers_say_what_they_run_on() {
        let cases = [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "Windows"),
            ("Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36", "Android 13"),
            ("Dalvik/2.1.0 (Linux; U; Android 8.1.0; SM-J530F)", "Android 8.1"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X)", "iOS 17.1"),
            ("Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X)", "iPadOS 16.5"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macOS"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:109.0)", "Linux"),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", "ChromeOS"),
            ("Mozilla/5.0 (Web0S; Linux/SmartTV)", "webOS"),
            ("curl/8.0", "-"),
            ("x (", "-"),
            ("x (Android 99999999999999999999", "Android"),
        ];
        for (agent, expected) in cases {
            assert_eq!(text(by_user_agent(agent)), expected, "{agent}");
        }
    }

    #[test]
    fn a_model_and_a_time_to_live_say_less() {
        assert_eq!((text(by_model("MacBookPro18,1")), text(by_model("X"))), ("macOS".into(), "-".into()));
        assert_eq!(
            (text(by_ttl(128)), text(by_ttl(64)), text(by_ttl(127))),
            ("Windows".into(), "-".into(), "-".into())
        );
        assert!(By::Model > By::VendorClass && By::VendorClass > By::UserAgent && By::Parameters > By::Ttl);
    }
}
