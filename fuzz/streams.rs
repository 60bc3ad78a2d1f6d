//! What must hold of connections however TCP cuts them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::Value;
use weir::config::Config;
use weir::engine::{Engine, Options};
use weir::record::Record;
use weir::rules::Rules;
use weir::store::Store;
use weir::store::eve::Eve;
use weir::time::Time;
use weir::wire::LinkType;

use super::Bytes;

/// What records say, in order: volumes, numbers and times aside.
pub fn essence(records: &[Record]) -> Vec<String> {
    let mut lines = Vec::new();
    Eve::new(&mut lines).write(records).unwrap();
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let mut told: Vec<_> = lines.filter_map(essence_of).collect();
    told.sort();
    told
}

fn essence_of(line: &[u8]) -> Option<String> {
    let mut line: Value = serde_json::from_slice(line).unwrap();
    let line = line.as_object_mut().unwrap();
    // These are volumes and times only.
    if matches!(line["event_type"].as_str(), Some("traffic" | "device" | "app" | "usage" | "catalog")) {
        return None;
    }
    for key in ["timestamp", "flow_id", "flow", "tcp"] {
        line.remove(key);
    }
    for value in line.values_mut().filter_map(Value::as_object_mut) {
        value.remove("latency_us");
    }
    Some(Value::from(line.clone()).to_string())
}

/// Conversations: what the client says, then the server.
const SAID: [[&[u8]; 2]; 8] = [
    [
        b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nPOST /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbodyGET /c HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 204 None\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
    ],
    [
        b"\x16\x03\x01\x00\x4c\x01\x00\x00\x48\x03\x03abcdefghijklmnopqrstuvwxyz012345\x00\x00\x04\x13\x01\xc0\x2b\x01\x00\x00\x1b\x00\x00\x00\x0e\x00\x0c\x00\x00\x09a.example\x00\x17\x00\x00\xff\x01\x00\x01\x00",
        b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03abcdefghijklmnopqrstuvwxyz012345\x00\xc0\x2b\x00\x16\x03\x03\x00\x04\x0e\x00\x00\x00",
    ],
    [
        b"\x00\x1b\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01\x00\x1b\x00\x08\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01b\x07example\x00\x00\x01\x00\x01",
        b"\x00\x1b\x00\x08\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00\x01b\x07example\x00\x00\x01\x00\x01",
    ],
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-dropbear_2022.83\r\n"],
    [
        b"PROXY TCP4 192.0.2.7 192.0.2.8 4000 443\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
        b"HTTP/1.0 500 Sorry\r\n\r\n",
    ],
    [
        b"EHLO a\r\nMAIL FROM:<b>\r\nRCPT TO:<c>\r\nDATA\r\nSubject: d\r\n\r\n..\r\n.\r\nBDAT 9 LAST\r\nto: you\r\nAUTH LOGIN\r\nYW5u\r\nYm9i\r\n",
        b"220 a\r\n250-a\r\n250 b\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n334 VXNlcg==\r\n334 UGFzcw==\r\n535 no\r\n",
    ],
    [
        b"a LOGIN {3+}\r\nann bob\r\nb AUTHENTICATE PLAIN AGFubgBib2I=\r\n",
        b"* OK IMAP\r\na NO no\r\nb OK yes\r\n",
    ],
    [b"USER ann\r\nPASS bob\r\nAPOP ann 0123456789abcdef\r\n", b"+OK POP3\r\n+OK\r\n-ERR no\r\n+OK yes\r\n"],
];

const SERVER_PORTS: [u16; 8] = [80, 443, 53, 22, 8080, 25, 143, 110];

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// One connection over an engine of its own.
struct Talk {
    engine: Engine,
    now: Time,
    which: usize,
    first: [u32; 2],
}

static RULES: LazyLock<Arc<Rules>> =
    LazyLock::new(|| Arc::new(Rules::parse(b"Example:[;;;a.example;]\n", 9).unwrap()));

static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let usual = Config::default().engine();
    Options { details: true, max_sessions: 8, max_questions: 16, max_names: 16, max_devices: 8, ..usual }
});

impl Talk {
    /// Up to the handshake; the first numbers are shortly before they wrap.
    fn begin(which: usize, first: [u32; 2]) -> Talk {
        let engine = Engine::new(OPTIONS.clone(), RULES.clone());
        let mut talk = Talk { engine, now: Time::from_secs(1_700_000_000), which, first };
        talk.send(0, SYN, u32::MAX, b"");
        talk.send(1, SYN | ACK, u32::MAX, b"");
        talk
    }

    /// A segment of one side, `at` bytes behind the first.
    fn send(&mut self, side: usize, flags: u8, at: u32, payload: &[u8]) {
        let hosts = [[10, 0, 0, 2], [192, 0, 2, 1]];
        let ports = [40_000, SERVER_PORTS[self.which]];
        let mut frame = vec![0x45, 0];
        frame.extend((40 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(hosts[side]);
        frame.extend(hosts[1 - side]);
        frame.extend(ports[side].to_be_bytes());
        frame.extend(ports[1 - side].to_be_bytes());
        frame.extend(self.first[side].wrapping_add(at).to_be_bytes());
        frame.extend([0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
        frame.extend(payload);
        self.now = self.now + Duration::from_millis(1);
        self.engine.packet(self.now, 0, LinkType::Raw, &frame, frame.len() as u32);
    }

    fn end(mut self) -> (Vec<String>, u64) {
        for (side, said) in SAID[self.which].iter().enumerate() {
            self.send(side, FIN | ACK, said.len() as u32, b"");
        }
        while self.engine.finish() {}
        let records: Vec<_> = self.engine.drain().collect();
        let stats = self.engine.stats();
        assert_eq!((stats.sessions_open, stats.streams_open), (0, 0));
        (essence(&records), stats.streams_given_up)
    }
}

/// A conversation in pieces that come in any order, twice and overlapping, of
/// the client and then of the server; each piece is three bytes. At last all
/// of a side comes once more, so that no hole is left. The same is found as
/// when each side sends one segment.
pub fn streams(data: &[u8]) {
    let mut bytes = Bytes(data);
    let which = usize::from(bytes.byte()) % SAID.len();
    let first =
        [u32::from(bytes.byte()), u32::from(bytes.byte())].map(|back| back.wrapping_mul(3).wrapping_neg());
    let mut plain = Talk::begin(which, first);
    let mut cut = Talk::begin(which, first);
    let mut left = bytes.byte();
    for (side, said) in SAID[which].into_iter().enumerate() {
        plain.send(side, ACK, 0, said);
        while left > 0 && !bytes.0.is_empty() {
            left -= 1;
            let [at, length, flags] = [bytes.byte(), bytes.byte(), bytes.byte()];
            let from = usize::from(at) % said.len();
            let piece = &said[from..(from + usize::from(length)).min(said.len())];
            match flags {
                // A keep-alive.
                255 => cut.send(side, ACK, u32::MAX, b"\0"),
                _ => cut.send(side, ACK, from as u32, piece),
            }
        }
        left = u8::MAX;
        cut.send(side, ACK, 0, said);
    }
    let ((plain, _), (cut, given_up)) = (plain.end(), cut.end());
    // Beyond the bounds something may be missing, but nothing is made up.
    if given_up == 0 {
        assert_eq!(cut, plain);
    }
    assert!(plain.len() > usize::from(which != 3), "{plain:?}");
}
