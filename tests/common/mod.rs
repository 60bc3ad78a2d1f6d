//! What several tests need.
#![allow(dead_code)]

pub mod net;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir::source::{CaptureFile, Source, State};
use weir::store::Bounds;
use weir::store::rollup::{Plan, utc};
use weir::time::Time;
use weir::wire::{Decoder, Options, Packet, Tunnel};

/// Volumes as config.toml keeps them, in no time zone.
pub const PLAN: Plan = Plan {
    minutes: Duration::from_secs(2 * 86_400),
    hours: Duration::from_secs(30 * 86_400),
    days: Duration::from_secs(400 * 86_400),
    months: Duration::from_secs(3_650 * 86_400),
    max_pairs: 2_000,
    share: 75,
    zone: utc,
};

/// Nothing is deleted for its age or size, and nothing is held back.
pub const LOOSE: Bounds =
    Bounds { keep: Duration::from_secs(86_400 * 36_500), max_size: 1 << 40, rollup: PLAN, write_budget: 0 };

/// The public captures beside the checkout. They are no part of the project:
/// where they are absent, a test says so and goes on without them.
pub fn corpus() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let mut captures = Vec::new();
    for set in ["ndpi", "tanjiti", "zeek"] {
        let entries = fs::read_dir(folder.join(set)).into_iter().flatten().flatten();
        captures.extend(entries.map(|entry| entry.path()));
    }
    captures.sort();
    if captures.is_empty() {
        println!("no captures beside the checkout (../shared/corpus): this test goes on without them");
        return None;
    }
    Some(captures)
}

/// Calls `each` with every packet in the capture at `path`.
pub fn packets(path: &Path, mut each: impl FnMut(Packet<'_>)) {
    let tunnels = Tunnel::ALL.into_iter().collect();
    let mut decoder = Decoder::new(Options { tunnels, max_datagrams: 64, max_fragment_bytes: 1 << 18 });
    let Ok(mut file) = CaptureFile::open(path) else { return };
    loop {
        let state = file.read(1000, &mut |frame| {
            decoder.frame(frame.time, frame.time, 0, frame.kind, frame.bytes, frame.on_wire, &mut each);
        });
        if !matches!(state, Ok(State::More)) {
            break;
        }
    }
    decoder.finish(Time::MAX, &mut each);
}

/// A new folder of this process's own below the system's temporary one.
pub fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("weir-test-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Waits until `ready`, for what another process or thread does. Gives up
/// after a minute, which no machine is too slow for.
#[allow(clippy::disallowed_methods)]
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !ready() {
        assert!(begun.elapsed().as_secs() < 60, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// The captures of the cases, and the public ones where there are any.
pub fn captures() -> Vec<PathBuf> {
    let cases = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).unwrap();
    let mut all: Vec<PathBuf> = cases
        .flat_map(|case| fs::read_dir(case.unwrap().path()).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(".pcap"))
        .collect();
    assert!(all.len() > 20);
    all.extend(corpus().unwrap_or_default());
    all
}

/// Numbers that look like chance (xorshift64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Changes a few bytes, or cuts off the end.
    pub fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            if let Some(place) = (!bytes.is_empty()).then(|| self.below(bytes.len())) {
                bytes[place] = self.next() as u8;
            }
        }
        if self.below(4) == 0 {
            bytes.truncate(self.below(bytes.len() + 1));
        }
    }
}
