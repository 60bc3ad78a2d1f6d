//! What the fuzz targets hold any bytes to, with the captures of the cases,
//! the public ones where they are beside the checkout, the shipped signatures,
//! and chance that is the same each time.

mod common;

use common::Chance;

#[path = "../fuzz/checks.rs"]
mod checks;

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use weir::source::{CaptureFile, Source};

/// Frames of each capture that are tried.
const FRAMES: usize = 100;

/// Calls `each` with the first frames of each capture, of several captures at once.
/// Chance is each capture's own, so that it is the same whoever reads it.
fn frames(seed: u64, each: impl Fn(&mut Chance, &[u8]) + Sync) {
    let captures = common::captures();
    let next = AtomicUsize::new(0);
    let read = || {
        while let Some((at, path)) = take(&captures, &next) {
            let mut chance = Chance(seed.wrapping_add(at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            // One that is no capture is another test's.
            let Ok(mut file) = CaptureFile::open(path) else { continue };
            let _ = file.read(FRAMES, &mut |frame| each(&mut chance, frame.bytes));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(read);
        }
    });
}

/// The next of `all` that nobody took, with its place.
fn take<'a, T>(all: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    all.get(at).map(|it| (at, it))
}

#[test]
fn frames_whole_and_spoilt() {
    frames(1, |chance, frame| {
        for link in 0..3 {
            let mut spoilt = frame[..frame.len().min(1_020)].to_vec();
            chance.spoil(&mut spoilt);
            // A length is a multiple of four, so the last bytes are no frame's.
            checks::wire(&[&[link, 1, 0, spoilt.len().div_ceil(4) as u8], &spoilt[..]].concat());
        }
    });
}

/// A connection of which both sides say the same.
fn turns(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    [&[0], &length[..], payload, &[1], &length[..], payload].concat()
}

#[test]
fn payloads_whole_and_spoilt() {
    // Many a payload comes in several frames, and none may say another thing then.
    let seen = Mutex::new(HashSet::new());
    let is_new = |payload: &[u8]| {
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        seen.lock().unwrap().insert(hasher.finish())
    };
    frames(2, |chance, frame| {
        // Behind Ethernet, IPv4 and UDP; behind TCP; and where nothing begins.
        for start in [42, 54, 66, 7] {
            let Some(payload) = frame.get(start..) else { continue };
            let mut spoilt = payload.to_vec();
            chance.spoil(&mut spoilt);
            for payload in [payload, &spoilt[..]] {
                if is_new(payload) {
                    alike(payload);
                }
                let said = around(chance, payload);
                if is_new(&said) {
                    checks::http(&said);
                }
            }
        }
    });
}

/// What is the same each time for the same bytes.
fn alike(payload: &[u8]) {
    checks::dns(payload);
    checks::tls(payload);
    checks::tls(&turns(payload));
    checks::quic(payload);
    // As one datagram, whole if it is not too long.
    let shape = payload.len().div_ceil(16).min(127) as u8 * 2;
    checks::quic(&[&[shape], payload].concat());
}

/// A payload that may be HTTP's, behind another that is.
fn around(chance: &mut Chance, payload: &[u8]) -> Vec<u8> {
    const SAID: [&[u8]; 5] = [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
        b"HEAD http://b/ HTTP/1.0\n\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"CONNECT c:1 HTTP/1.1\r\n\r\n",
    ];
    let before = SAID[chance.below(SAID.len())];
    let mut said = vec![0x0c | u8::from(before.starts_with(b"HTTP"))];
    said.extend(before);
    said.resize(1 + 64, b' ');
    said.push(0xfe | chance.next() as u8 & 1);
    said.extend(payload);
    said
}

#[test]
fn signature_files_whole_and_spoilt() {
    let mut chance = Chance(3);
    let shipped = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("features.txt")).unwrap();
    let lines: Vec<_> = shipped.split(|&byte| byte == b'\n').collect();
    for _ in 0..2_000 {
        let from = chance.below(lines.len());
        let to = (from + 1 + chance.below(12)).min(lines.len());
        let mut text = lines[from..to].join(&b'\n');
        chance.spoil(&mut text);
        text.push(0);
        text.extend(chance.bytes(16));
        checks::rules(&text);
    }
}

#[test]
fn lists_whole_and_spoilt() {
    const LINES: &[&str] = &[
        "192.0.2.0/24",
        "192.0.2.9-192.0.2.77",
        "0.0.0.0 a.example b.example",
        "||c.example^$all",
        "2001:db8::/32",
        "add x 192.0.2.1 timeout 5",
        "address=/d.example/e.example/0.0.0.0",
        "{\"cidr\":\"198.51.100.0/24\"}",
        "# id,dateadded,url,x",
        "\"1\",\"now\",\"http://f.example:80/x\"",
        "1.2.3.4;x",
        "*.g.example",
        "h.example",
    ];
    let mut chance = Chance(5);
    for _ in 0..5_000 {
        let lines: Vec<&str> = (0..chance.below(8)).map(|_| LINES[chance.below(LINES.len())]).collect();
        let mut text = lines.join("\n").into_bytes();
        chance.spoil(&mut text);
        text.push(0);
        text.extend(match chance.below(3) {
            0 => b"www.a.example".to_vec(),
            1 => vec![192, 0, 2, 9],
            _ => chance.bytes(16),
        });
        checks::threats(&text);
    }
}

#[test]
fn operations_by_chance() {
    let mut chance = Chance(4);
    for _ in 0..3_000 {
        let length = chance.below(600);
        checks::engine(&chance.bytes(length));
        checks::streams(&chance.bytes(length));
    }
}

#[test]
fn finds_of_the_fuzzers() {
    let finds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/finds");
    for entry in fs::read_dir(finds).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        match name.split('-').next().unwrap() {
            "wire" => checks::wire(&bytes),
            "dns" => checks::dns(&bytes),
            "http" => checks::http(&bytes),
            "quic" => checks::quic(&bytes),
            "tls" => checks::tls(&bytes),
            "rules" => checks::rules(&bytes),
            "threats" => checks::threats(&bytes),
            "engine" => checks::engine(&bytes),
            "streams" => checks::streams(&bytes),
            _ => panic!("{name}: no fuzz target"),
        }
    }
}
