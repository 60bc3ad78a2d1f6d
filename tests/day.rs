//! A day of a household through the engine and the store, with time as an
//! argument: how large the database is and what is written to lasting storage.
//! Prints both; the budgets are those of config.toml.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::Chance;
use etherparse::PacketBuilder;
use weir::config::Config;
use weir::engine::Engine;
use weir::rules::Rules;
use weir::store::rollup::utc;
use weir::store::sqlite::{Copied, Sqlite};
use weir::store::{Store, Wear, queue};
use weir::time::Time;
use weir::wire::LinkType;

/// 2026-11-20, 00:00 UTC.
const BEGIN: u64 = 1_795_132_800;
const DEVICES: u8 = 14;
const ROUTER: [u8; 4] = [192, 168, 1, 1];

/// Connections that a device begins within an hour, by the hour.
const PER_HOUR: [usize; 24] =
    [8, 4, 3, 3, 3, 5, 20, 60, 70, 60, 55, 60, 70, 60, 55, 60, 70, 90, 120, 140, 150, 130, 80, 30];

struct House {
    engine: Engine,
    iface: u16,
    chance: Chance,
    hosts: Vec<String>,
    packets: u64,
}

impl House {
    fn new(config: &Config) -> House {
        let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("features.txt")).unwrap();
        let rules = Rules::parse(&text, 100_000).unwrap();
        // Names that the file knows, and as many that it does not.
        let text = String::from_utf8(text).unwrap();
        let known = text.lines().filter(|line| line.contains(":[;;;")).step_by(25).filter_map(|line| {
            let host = line.split(";;;").nth(1)?.split([';', ',', ']']).next()?;
            (!host.is_empty() && !host.contains(['~', '*'])).then(|| format!("www.{host}"))
        });
        let mut hosts: Vec<_> = known.take(60).collect();
        assert!(hosts.len() > 40, "{}", hosts.len());
        hosts.extend((0..hosts.len()).map(|n| format!("h{n}.unknown.example")));
        let mut engine = Engine::new(config.engine(), Arc::new(rules));
        let iface = engine.interface("br-lan");
        House { engine, iface, chance: Chance(7), hosts, packets: 0 }
    }

    fn frame(&mut self, time: Time, bytes: &[u8]) {
        self.packets += 1;
        self.engine.packet(time, self.iface, LinkType::Ethernet, bytes, bytes.len() as u32);
    }

    fn udp(&mut self, time: Time, from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) {
        let builder =
            PacketBuilder::ethernet2(mac(from.0), mac(to.0)).ipv4(from.0, to.0, 64).udp(from.1, to.1);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        self.frame(time, &bytes);
    }

    fn tcp(
        &mut self,
        time: Time,
        from: ([u8; 4], u16),
        to: ([u8; 4], u16),
        flags: &str,
        seq: &mut u32,
        length: usize,
    ) {
        let mut builder = PacketBuilder::ethernet2(mac(from.0), mac(to.0))
            .ipv4(from.0, to.0, 64)
            .tcp(from.1, to.1, *seq, 65_000);
        for flag in flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'F' => builder.fin(),
                _ => builder.ack(1),
            };
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![0x17; length]).unwrap();
        *seq = seq.wrapping_add(length as u32 + u32::from(flags.contains(['S', 'F'])));
        self.frame(time, &bytes);
    }

    /// A device asks for a name and fetches something from there.
    fn connection(&mut self, begin: Time, device: u8) {
        let one = self.chance.below(self.hosts.len());
        let host = self.hosts[one].clone();
        let client = [192, 168, 1, 10 + device];
        let server = [203, 0, 113, one as u8];
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let port = 20_000 + self.chance.below(40_000) as u16;
        let id = self.chance.next() as u16;
        self.udp(begin, (client, port), (ROUTER, 53), &question(id, &host, None));
        self.udp(at(9), (ROUTER, 53), (client, port), &question(id, &host, Some(server)));
        let (mut out, mut back) = (self.chance.next() as u32, self.chance.next() as u32);
        let (from, to) = ((client, port), (server, 443));
        self.tcp(at(10), from, to, "S", &mut out, 0);
        self.tcp(at(30), to, from, "SA", &mut back, 0);
        self.tcp(at(31), from, to, "A", &mut out, 0);
        self.tcp(at(32), from, to, "A", &mut out, 400);
        for n in 0..2 + self.chance.below(12) as u64 {
            self.tcp(at(60 + n * 150), to, from, "A", &mut back, 1_400);
        }
        self.tcp(at(1_900), from, to, "FA", &mut out, 0);
        self.tcp(at(1_930), to, from, "FA", &mut back, 0);
        self.tcp(at(1_931), from, to, "A", &mut out, 0);
    }
}

/// The router's for what is outside.
fn mac(address: [u8; 4]) -> [u8; 6] {
    [2, 0, 0, 0, 0, if address[0] == 192 { address[3] } else { 1 }]
}

/// A question for an address, or its answer.
fn question(id: u16, host: &str, answer: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(if answer.is_some() { [0x81, 0x80] } else { [1, 0] });
    bytes.extend([0, 1, 0, u8::from(answer.is_some()), 0, 0, 0, 0]);
    for label in host.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    if let Some(address) = answer {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4]);
        bytes.extend(address);
    }
    bytes
}

/// Lets the day pass; returns what was written to lasting storage, and how
/// often writing was seen to be put off.
fn day<S: Store + Send + 'static>(config: &Config, store: S) -> (Wear, u64) {
    let mut house = House::new(config);
    let (queue, writer) = queue(store, *config.store.max_queue as usize);
    let thread = std::thread::spawn(move || writer.run());
    let mut sent = 0;
    let mut held = 0;
    for second in (0..86_400).step_by(2) {
        let now = Time::from_secs(BEGIN + second);
        for device in 0..DEVICES {
            let per_hour = PER_HOUR[second as usize / 3_600];
            if house.chance.below(1_800) < per_hour {
                house.connection(now, device);
            }
        }
        house.engine.tick(now + *config.store.delay);
        let records: Vec<_> = house.engine.drain().collect();
        sent += records.len() as u64;
        if records.is_empty() {
            continue;
        }
        queue.send(now, records);
        // As slow as time would be: the store is never behind by more than it wants.
        let half = u64::from(*config.store.max_queue) / 2;
        common::until("records are taken", || queue.meter().waiting < half);
        held += u64::from(queue.meter().wear.held);
    }
    while house.engine.finish() {}
    let records: Vec<_> = house.engine.drain().collect();
    sent += records.len() as u64;
    queue.send(Time::from_secs(BEGIN + 86_399), records);
    common::until("nothing is lost", || {
        let meter = queue.meter();
        assert_eq!((meter.lost, meter.offered), (0, sent), "{:?}", meter.trouble);
        meter.written + meter.waiting == sent
    });
    drop(queue);
    let store = thread.join().unwrap();
    println!("{} packets, {sent} records", house.packets);
    (store.wear(), held)
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// The most memory that this process had, in kB.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().into()
}

/// A folder in memory, where there is one.
fn in_memory() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find(|line| line.split(' ').nth(1) == Some("/dev/shm") && line.starts_with("tmpfs"))?;
    let folder = PathBuf::from(format!("/dev/shm/weir-day-{}", std::process::id()));
    fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

#[test]
fn a_day_in_memory_with_its_copy_is_within_the_budgets() {
    let Some(memory) = in_memory() else {
        println!("there is no memory at /dev/shm: this test goes on without it");
        return;
    };
    let folder = common::folder("day-copy");
    let config = Config::default();
    let copy = folder.join("w.db");
    let store =
        Copied::open(&memory.join("w.db"), &copy, *config.sqlite.copy_every, config.bounds(utc)).unwrap();
    let (wear, held) = day(&config, store);
    let (database, copied) = (size(&memory), fs::metadata(&copy).unwrap().len());
    println!(
        "in memory: {database} bytes; its copy {copied}; written to lasting storage {wear:?}; peak {}",
        peak()
    );
    assert!(database <= u64::from(*config.store.max_mb) << 20, "{database}");
    // What the day wrote, and the copy at its end.
    assert!(wear.today > 0 && wear.today + copied <= wear.budget && held == 0, "{wear:?}");
    fs::remove_dir_all(memory).unwrap();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_day_on_lasting_storage_is_stretched_and_nothing_is_lost() {
    let folder = common::folder("day-flash");
    let config = Config::default();
    let store = Sqlite::open(&folder.join("w.db"), config.bounds(utc)).unwrap();
    if !store.place().unwrap().is_lasting {
        println!("the temporary folder is memory: this test goes on without it");
        return;
    }
    let (wear, held) = day(&config, store);
    println!("on lasting storage: {} bytes; written {wear:?}; peak {}", size(&folder), peak());
    assert!(size(&folder) <= u64::from(*config.store.max_mb) << 20);
    // Without a budget it would be ten times that.
    assert!(held > 0 && wear.today <= wear.budget, "{wear:?}");
    fs::remove_dir_all(folder).unwrap();
}
