//! What half a million entries cost, in memory and time. The lists are made here.
//!
//! `cargo test --release --test threats -- --nocapture` shows the figures.
// Nothing here is decided by the clock but how long something took.
#![allow(clippy::disallowed_methods)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use weir::threats::{Builder, Limits, Threats};
use weir::time::Time;

/// Counts what is taken of the system.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system's own; counting changes nothing of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = TAKEN.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is counted is counted for all threads: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const ENTRIES: u32 = 500_000;
const LIMIT: usize = 16 << 20;
const ROUND: usize = 1_000;

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33 ^ self.0
    }
}

/// Names as long as those of such lists are, 20 characters on average.
fn name(numbers: &mut Numbers) -> String {
    let mut label = || {
        let length = 3 + numbers.next() % 10;
        (0..length).map(|_| char::from(b'a' + (numbers.next() % 26) as u8)).collect::<String>()
    };
    format!("{}.{}.com", label(), label())
}

fn address(numbers: &mut Numbers) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x6500_0000 + (numbers.next() % 0x1900_0000) as u32)
}

/// Reads `text`, and tells what that takes: at the end and at most.
fn build(what: &str, text: &str) -> Threats {
    let before = TAKEN.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let began = Instant::now();
    let mut builder = Builder::new(Limits { entries: ENTRIES as usize, bytes: LIMIT });
    assert!(builder.list("made".into(), 2));
    builder.read(text.as_bytes(), Time::from_secs(1)).unwrap();
    let threats = builder.finish();
    let taken = TAKEN.load(Ordering::Relaxed) - before;
    let most = MOST.load(Ordering::Relaxed) - before;
    println!(
        "{what}: {} entries in {taken} bytes ({} counted), {most} while they are read, {:?}",
        threats.entries(),
        threats.bytes(),
        began.elapsed()
    );
    let tally = &threats.lists()[0].tally;
    assert_eq!((tally.dropped, tally.unread), (0, 0), "{what}");
    assert!(taken <= LIMIT, "{what} take {taken} bytes");
    assert!(taken.abs_diff(threats.bytes()) < 4096, "{what}: what is counted is what is taken");
    assert!(most <= 2 * LIMIT, "{what} take {most} bytes while they are read");
    threats
}

/// Nanoseconds of each call, in the median of short rounds: others use this machine
/// too, and a round that they interrupt says nothing. Each asks for other things, so
/// that none is in the processor's cache from the round before. There is a bound where
/// the compiler makes them fast.
fn time<T>(what: &str, asked: &[T], find: impl Fn(&T) -> bool) {
    let mut hits = 0;
    let mut rounds: Vec<u128> = asked
        .chunks(ROUND)
        .map(|round| {
            let began = Instant::now();
            hits += round.iter().filter(|one| find(one)).count();
            began.elapsed().as_nanos() / round.len() as u128
        })
        .collect();
    rounds.sort_unstable();
    let (least, median) = (rounds[0], rounds[rounds.len() / 2]);
    println!("{what}: {median} ns, at least {least}; {hits} of {} are on the list", asked.len());
    if cfg!(not(debug_assertions)) {
        assert!(median < 1_000, "{what} take {median} ns");
    }
}

#[test]
fn half_a_million_addresses_fit_and_are_found_fast() {
    let _alone = ALONE.lock();
    let mut numbers = Numbers(1);
    let mut text = String::new();
    for n in 0..ENTRIES {
        let address = address(&mut numbers);
        // As in FireHOL's lists a part is networks, some of which lie in others.
        text.push_str(&if n % 10 == 0 {
            format!("{address}/{}\n", 16 + n % 16)
        } else {
            format!("{address}\n")
        });
    }
    let threats = build("addresses", &text);
    let listed: Vec<IpAddr> =
        text.lines().step_by(5).map(|line| line.split('/').next().unwrap().parse().unwrap()).collect();
    assert!(listed.iter().all(|address| threats.address(*address).is_some()));
    let others: Vec<IpAddr> =
        (0..100_000).map(|_| Ipv4Addr::from_bits(numbers.next() as u32).into()).collect();
    time("addresses on the list", &listed, |address| threats.address(*address).is_some());
    time("any addresses", &others, |address| threats.address(*address).is_some());
}

#[test]
fn half_a_million_addresses_of_ipv6_fit() {
    let _alone = ALONE.lock();
    let mut numbers = Numbers(2);
    let mut address = || Ipv6Addr::from_bits(0x2001 << 112 | u128::from(numbers.next()) << 40);
    let listed: Vec<IpAddr> = (0..ENTRIES).map(|_| address().into()).collect();
    let text: String = listed.iter().map(|address| format!("{address}\n")).collect();
    let threats = build("addresses of IPv6", &text);
    assert!(listed.iter().all(|address| threats.address(*address).is_some()));
    time("addresses of IPv6", &listed[..100_000], |address| threats.address(*address).is_some());
}

#[test]
fn half_a_million_names_fit_and_are_found_fast() {
    let _alone = ALONE.lock();
    let mut numbers = Numbers(3);
    let listed: Vec<String> = (0..ENTRIES).map(|_| name(&mut numbers)).collect();
    let text: String = listed.iter().map(|name| format!("0.0.0.0 {name}\n")).collect();
    let threats = build("names", &text);
    assert!(listed.iter().all(|name| threats.name(name).is_some_and(|hit| hit.entry == name)));
    let below: Vec<String> = listed.iter().step_by(5).map(|name| format!("www.{name}")).collect();
    let others: Vec<String> = (0..100_000).map(|_| format!("www.{}", name(&mut numbers))).collect();
    time("names below one on the list", &below, |name| threats.name(name).is_some());
    time("any names", &others, |name| threats.name(name).is_some());
}
