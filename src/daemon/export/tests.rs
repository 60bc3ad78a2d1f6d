use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use etherparse::PacketBuilder;

use super::*;
use crate::rules::Rules;
use crate::source::{CaptureFile, Source};
use crate::wire::LinkType;

const A: [u8; 4] = [192, 168, 1, 5];
const B: [u8; 4] = [192, 0, 2, 1];

struct Rig {
    engine: Engine,
    export: Export,
    folder: PathBuf,
    now: Time,
}

impl Rig {
    fn new(name: &str, settings: &str) -> Rig {
        let folder = std::env::temp_dir().join(format!("weir-export-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let text = format!("[export]\nenabled = true\nfolder = \"{}\"\n{settings}", folder.display());
        let config = Config::parse(&text, Path::new("")).unwrap();
        let rules = Rules::parse(b"# x\nWeb:[;;;shop.example;]\n", 100).unwrap();
        let engine = Engine::new(config.engine(), Arc::new(rules));
        let export = Export::open(&config).ok().flatten().unwrap();
        Rig { engine, export, folder, now: Time::from_secs(1_000_000) }
    }

    fn frame(&mut self, bytes: &[u8]) {
        self.now = self.now + std::time::Duration::from_millis(10);
        let (time, on_wire) = (self.now, bytes.len() as u32);
        let frame = Frame { time, iface: 0, iface_name: "lan", kind: LinkType::Ethernet, bytes, on_wire };
        self.engine.packet(time, 0, frame.kind, bytes, on_wire);
        self.export.frame(&self.engine, &frame, self.now);
    }

    fn tcp(&mut self, back: bool, flags: u8, seq: u32, payload: &[u8]) {
        let (ends, ports) = if back { ((B, A), (80, 40_000)) } else { ((A, B), (40_000, 80)) };
        let macs = if back { ([4; 6], [2; 6]) } else { ([2; 6], [4; 6]) };
        let builder = PacketBuilder::ethernet2(macs.0, macs.1).ipv4(ends.0, ends.1, 64);
        let mut bytes = Vec::new();
        builder.tcp(ports.0, ports.1, seq, 512).write(&mut bytes, payload).unwrap();
        bytes[14 + 20 + 13] = flags;
        self.frame(&bytes);
    }

    fn udp(&mut self, from: [u8; 4], port: u16) {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([6; 6], [4; 6]).ipv4(from, B, 64);
        builder.udp(port, 9_999).write(&mut bytes, b"x").unwrap();
        self.frame(&bytes);
    }

    /// A request to the shop, whose app is known in the fourth packet.
    fn shop(&mut self) {
        self.tcp(false, 2, 9, b"");
        self.tcp(true, 18, 99, b"");
        self.tcp(false, 16, 10, b"");
        self.tcp(false, 16, 10, b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        self.tcp(true, 16, 100, b"HTTP/1.1 204 No Content\r\n\r\n");
    }

    /// Frames in the files.
    fn written(&mut self) -> usize {
        self.export.flush(self.now);
        let mut count = 0;
        for path in ring::files(&self.folder) {
            CaptureFile::open(&path).unwrap().read(10_000, &mut |_| count += 1).unwrap();
        }
        assert_eq!(self.export.status()["written"], count);
        count
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn without_filters_all_is_written() {
    let mut rig = Rig::new("all", "");
    rig.shop();
    rig.frame(&[&[2; 12][..], &[8, 6, 0, 1]].concat());
    assert_eq!(rig.written(), 6);
}

#[test]
fn an_app_has_the_packets_from_before_it_was_known() {
    let mut rig = Rig::new("app", "apps = [\"Web\"]\n");
    rig.udp(A, 5);
    rig.shop();
    rig.frame(&[&[2; 12][..], &[8, 6, 0, 1]].concat());
    assert_eq!(rig.written(), 5);
    let mut rig = Rig::new("few", "apps = [\"Web\"]\nfirst_packets = 2\n");
    rig.shop();
    assert_eq!(rig.written(), 4, "two from before, the request and its answer");
}

#[test]
fn a_device_and_a_filter_leave_out_the_others() {
    let mut rig = Rig::new("device", "devices = [\"02:02:02:02:02:02\"]\nfilter = \"tcp\"\n");
    rig.udp([192, 168, 1, 6], 5);
    rig.udp(A, 5);
    rig.shop();
    assert_eq!(rig.written(), 5);
    let mut rig = Rig::new("network", "devices = [\"192.168.1.6\"]\n");
    rig.udp([192, 168, 1, 6], 5);
    rig.udp(A, 5);
    assert_eq!(rig.written(), 1);
}

#[test]
fn a_sessions_packets_come_out_and_no_others() {
    let mut rig = Rig::new("session", "");
    let before = rig.now;
    rig.udp(A, 5);
    rig.shop();
    rig.udp(A, 40_000);
    rig.export.flush(rig.now);
    let ends = |port: u16| (6, (IpAddr::from(A), port), (IpAddr::from(B), 80));
    let extracted = |wanted: Wanted, limit: u64| {
        let mut out = Vec::new();
        let wire = Config::default().engine().wire;
        let told = extract(&rig.folder, wanted, wire, limit, &mut out).unwrap();
        assert!(out.len() as u64 <= limit.saturating_add(64));
        told
    };
    let all = |port| Wanted::session(ends(port), before, rig.now);
    assert_eq!(extracted(all(40_000), u64::MAX), (5, false));
    assert_eq!(extracted(all(40_001), u64::MAX), (0, false));
    assert_eq!(extracted(all(40_000), 400), (3, true), "as much as there is room for");
    let later = Wanted::session(ends(40_000), rig.now + std::time::Duration::from_secs(5), Time::MAX);
    assert_eq!(extracted(later, u64::MAX), (0, false));
    let udp = Wanted { ends: None, from: Time::ZERO, to: Time::MAX, filter: Filter::new("udp").unwrap() };
    assert_eq!(extracted(udp, u64::MAX), (2, false));
}
