//! Live capture by libpcap.

use std::fs;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::Duration;

use pcap::{Active, Capture};

use super::{Error, Frame, Loss, Source, State};
use crate::time::Time;
use crate::wire::{LinkType, RawMac};

/// How long the kernel may gather frames before it hands them over: longer
/// means fewer wake-ups, and later records.
pub const GATHER: Duration = Duration::from_millis(200);

/// The same where segments are to be answered, before their ends move on. Not
/// libpcap's immediate mode: that has a place of the snap length for each frame,
/// so that the kernel's buffer holds a few hundred of them only.
pub const GATHER_TO_ANSWER: Duration = Duration::from_millis(10);

/// After this the kernel has handed over every frame that it had: it looks at
/// what it gathers that often, and hands over what was there the time before.
pub const HANDED_OVER: Duration = Duration::from_millis(2 * GATHER.as_millis() as u64 + 50);

/// A filter that nothing matches (pcap-filter(7)): no frame has no bytes.
const NOTHING: &str = "less 0";

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveOptions {
    pub filter: String,
    /// Bytes of each frame.
    pub snaplen: u32,
    /// Bytes of the kernel's buffer.
    pub buffer: u32,
    pub promiscuous: bool,
    /// How long the kernel may gather frames.
    pub gather: Duration,
}

impl LiveOptions {
    /// For an interface that is only sent by.
    pub fn send_only() -> LiveOptions {
        let (filter, gather) = (NOTHING.into(), GATHER);
        LiveOptions { filter, snaplen: 96, buffer: 64 << 10, promiscuous: false, gather }
    }
}

/// One interface.
pub struct Live {
    name: String,
    capture: Capture<Active>,
    kind: LinkType,
    mac: Option<RawMac>,
    /// Frames read, and frames lost.
    read: u64,
    lost: u64,
    /// libpcap counts what was lost with 32 bits; this is where it was.
    last: u32,
}

impl Live {
    /// Begins to capture on the interface called `name`.
    pub fn open(name: &str, options: &LiveOptions) -> Result<Live, Error> {
        let failed = |error: pcap::Error| Error::Failed(explain(name, &error));
        let capture = Capture::from_device(name)
            .map_err(failed)?
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer).unwrap_or(i32::MAX))
            .promisc(options.promiscuous)
            .timeout(i32::try_from(options.gather.as_millis()).unwrap_or(i32::MAX))
            .open()
            .map_err(failed)?;
        let mut capture = capture.setnonblock().map_err(failed)?;
        let number = capture.get_datalink().0;
        let Some(kind) = LinkType::from_number(number) else {
            return Err(Error::Input(format!("{name}: frames of link type {number}, which Weir can't read")));
        };
        if !options.filter.is_empty() {
            capture
                .filter(&options.filter, true)
                .map_err(|error| Error::Input(format!("filter \"{}\": {}", options.filter, plain(&error))))?;
        }
        let mac = (kind == LinkType::Ethernet).then(|| mac_of(name)).flatten();
        Ok(Live { name: name.to_owned(), capture, kind, mac, read: 0, lost: 0, last: 0 })
    }

    /// Sends `frame`, which has to be of its kind. Fails where the kernel does
    /// not take it: the interface is down, or can't send what was captured so.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.capture.sendpacket(frame).map_err(|error| Error::Failed(explain(&self.name, &error)))
    }

    /// The kind of its frames.
    pub fn kind(&self) -> LinkType {
        self.kind
    }

    /// Its own MAC address, where it has one.
    pub fn mac(&self) -> Option<RawMac> {
        self.mac
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Source for Live {
    fn read(&mut self, limit: usize, each: &mut dyn FnMut(Frame<'_>)) -> Result<State, Error> {
        let (kind, iface_name, read) = (self.kind, &*self.name, &mut self.read);
        let seen = self.capture.dispatch(Some(limit), |packet| {
            let stamp = packet.header.ts;
            let secs = u64::try_from(stamp.tv_sec).unwrap_or(0);
            let micros = u64::try_from(stamp.tv_usec).unwrap_or(0);
            let time = Time::from_micros(secs.saturating_mul(1_000_000).saturating_add(micros));
            let (bytes, on_wire) = (packet.data, packet.header.len);
            *read += 1;
            each(Frame { time, iface: 0, iface_name, kind, bytes, on_wire });
        });
        match seen {
            Ok(0) | Err(pcap::Error::TimeoutExpired) => Ok(State::Idle),
            Ok(_) => Ok(State::More),
            Err(error) => Err(Error::Failed(explain(&self.name, &error))),
        }
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.capture.as_raw_fd())
    }

    fn loss(&mut self) -> Loss {
        if let Ok(now) = self.capture.stats() {
            let lost = now.dropped.wrapping_add(now.if_dropped);
            self.lost += u64::from(lost.wrapping_sub(self.last));
            self.last = lost;
        }
        // Not what the kernel counts as received: some of that it still holds.
        Loss { offered: self.read + self.lost, lost: self.lost }
    }
}

/// The MAC address of the interface called `name`; none for loopback.
fn mac_of(name: &str) -> Option<RawMac> {
    let text = fs::read_to_string(Path::new("/sys/class/net").join(name).join("address")).ok()?;
    parse_mac(text.trim()).filter(|mac| *mac != [0; 6])
}

fn parse_mac(text: &str) -> Option<RawMac> {
    let bytes: Vec<u8> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// The interface to watch when none is named: the bridge of OpenWrt's LAN,
/// otherwise that of the default route.
pub fn default_interface() -> Result<String, Error> {
    if Path::new("/sys/class/net/br-lan").exists() {
        return Ok("br-lan".into());
    }
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let routes6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    default_route(&routes).or_else(|| default_route6(&routes6)).map(str::to_owned).ok_or_else(|| {
        Error::Failed(
            "no interface has a default route; name one in config.toml, [capture] interfaces".into(),
        )
    })
}

/// The interface of the default route with the lowest metric, as
/// /proc/net/route lists it: name, destination, gateway, flags, …, metric, mask.
fn default_route(routes: &str) -> Option<&str> {
    let lines = routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [name, "00000000", _, flags, _, _, metric, "00000000", ..] = fields[..] else { return None };
        // Up, and not a route that rejects.
        let flags = u32::from_str_radix(flags, 16).ok()?;
        (flags & 1 != 0 && flags & 0x200 == 0).then(|| (metric.parse().unwrap_or(u32::MAX), name))
    });
    lines.min().map(|(_, name)| name)
}

/// The same for IPv6: destination, its prefix length, …, metric, …, flags, name.
fn default_route6(routes: &str) -> Option<&str> {
    let lines = routes.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [target, "00", _, _, _, metric, _, _, flags, name] = fields[..] else { return None };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let usable =
            target.bytes().all(|b| b == b'0') && flags & 1 != 0 && flags & 0x200 == 0 && name != "lo";
        usable.then(|| (u32::from_str_radix(metric, 16).unwrap_or(u32::MAX), name))
    });
    lines.min().map(|(_, name)| name)
}

/// libpcap's words, with what to do about the commonest trouble.
fn explain(name: &str, error: &pcap::Error) -> String {
    let text = plain(error);
    if text.contains("permi") || text.contains("Permi") {
        return format!(
            "{name}: no permission to capture; run as root or with CAP_NET_RAW and CAP_NET_ADMIN"
        );
    }
    if text.contains("No such device") {
        return format!("{name}: no such interface; there are {}", interfaces());
    }
    if text.starts_with(name) { text } else { format!("{name}: {text}") }
}

pub(super) fn plain(error: &pcap::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("libpcap error: ").unwrap_or(&text).to_owned()
}

fn interfaces() -> String {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_six_bytes() {
        assert_eq!(parse_mac("02:00:5e:aB:00:ff"), Some([2, 0, 0x5e, 0xab, 0, 0xff]));
        for wrong in ["", "02:00:00:00:00", "02:00:00:00:00:00:00", "02:00:00:00:00:1ff", "x"] {
            assert_eq!(parse_mac(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_default_route_with_the_lowest_metric_names_the_interface() {
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                      wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
                      eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                      dead0\t00000000\t0101A8C0\t0200\t0\t0\t1\t00000000\t0\t0\t0\n\
                      eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_route(routes), Some("eth0"));
        assert_eq!(default_route("Iface\n"), None);
        let zero = "0".repeat(32);
        let routes = format!(
            "{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n\
             {zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003     eth1\n"
        );
        assert_eq!(default_route6(&routes), Some("eth1"));
    }
}
