//! Counters for Prometheus (text format 0.0.4): a small server that answers GET
//! /metrics and nothing else.

mod page;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Exit;
use super::answers::Board;
use super::clock::Clock;
use crate::config::Config;
use crate::record::{Device, Record};

/// Who does not ask or take the answer in this time is hung up on. One is served
/// at a time.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request's head is not longer.
const MAX_HEAD: usize = 4096;

/// Where what has no counter of its own is counted.
const OTHERS: &str = "others";

/// Volumes since the daemon began.
#[derive(Clone, Default)]
struct Totals(Arc<Mutex<Counters>>);

#[derive(Default)]
struct Counters {
    max: usize,
    devices: BTreeMap<String, Volume>,
    apps: BTreeMap<String, Volume>,
}

#[derive(Clone, Copy, Default)]
struct Volume {
    bytes_in: u64,
    bytes_out: u64,
}

impl Totals {
    /// Devices, and apps, that have counters of their own.
    fn set_max(&self, max: u32) {
        self.with(|counters| counters.max = max as usize);
    }

    fn add(&self, records: &[Record]) {
        let rows = records.iter().filter_map(|record| match record {
            Record::Traffic(row) => Some(row),
            _ => None,
        });
        self.with(|counters| {
            for row in rows {
                let volume = Volume { bytes_in: row.bytes_in, bytes_out: row.bytes_out };
                let device = Device::text(&row.device);
                count(&mut counters.devices, counters.max, &device, volume);
                count(&mut counters.apps, counters.max, row.app.as_deref().unwrap_or_default(), volume);
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counters) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn count(counters: &mut BTreeMap<String, Volume>, max: usize, name: &str, volume: Volume) {
    let has_own = counters.contains_key(name) || counters.len() < max;
    let total = counters.entry(if has_own { name } else { OTHERS }.into()).or_default();
    total.bytes_in = total.bytes_in.saturating_add(volume.bytes_in);
    total.bytes_out = total.bytes_out.saturating_add(volume.bytes_out);
}

/// What is shown of a daemon, where its settings want that.
pub struct Metrics {
    board: Board,
    totals: Totals,
    listen: Option<SocketAddr>,
    server: Option<Server>,
}

impl Metrics {
    /// As `config` has it, from what is on `board`.
    pub fn open(config: &Config, board: &Board) -> Result<Metrics, Exit> {
        let mut metrics =
            Metrics { board: board.clone(), totals: Totals::default(), listen: None, server: None };
        metrics.change(config).map(|()| metrics)
    }

    /// Takes over another configuration. After a failure there are none.
    pub fn change(&mut self, config: &Config) -> Result<(), Exit> {
        self.totals.set_max(*config.metrics.max_series);
        let listen = config.metrics.listen;
        if listen == self.listen && listen.is_some() == self.server.is_some() {
            return Ok(());
        }
        self.listen = listen;
        // The one before may be in the way.
        self.server = None;
        let Some(address) = listen else { return Ok(()) };
        let served = Server::serve(address, self.board.clone(), self.totals.clone());
        let server = served.map_err(|error| Exit::Failed(format!("metrics at {address}: {error}")))?;
        self.server = Some(server);
        Ok(())
    }

    /// Takes in what of `records` is volume.
    pub fn add(&self, records: &[Record]) {
        if self.server.is_some() {
            self.totals.add(records);
        }
    }
}

/// The listening end, which ends with this.
struct Server {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers at `address` from what is on `board` and in `totals`.
    fn serve(address: SocketAddr, board: Board, totals: Totals) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                if let Err(error) = answer(stream, || page::text(&board.status(), &totals)) {
                    log::debug!("metrics: {error}");
                }
            }
        });
        Ok(Server { address, end, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let local =
                if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
            address.set_ip(local);
        }
        // It waits for who comes next; where nobody can, its end is not waited for.
        if TcpStream::connect_timeout(&address, PATIENCE).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, text: impl FnOnce() -> String) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = head(&mut stream)?;
    let mut words = head.split_ascii_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET", "/metrics") => ("200 OK", text()),
        ("GET", _) => ("404 Not Found", "there is only /metrics\n".into()),
        _ => ("405 Method Not Allowed", "there is only GET\n".into()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The head of a request (RFC 9112, 2), within [`PATIENCE`] in all.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let clock = Clock::new();
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = PATIENCE.saturating_sub(clock.running());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut piece)?;
        if read == 0 || head.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ids, Traffic};
    use crate::time::Time;
    use serde_json::json;

    fn traffic(device: u8, app: Option<&str>) -> Record {
        let time = Time::from_secs(60);
        let row = Traffic {
            id: Ids::default().next(time, 0),
            time,
            device: Device::Ip([192, 0, 2, device].into()),
            app: app.map(Into::into),
            bytes_out: 1,
            bytes_in: 10,
            packets: 1,
            sessions: 1,
            active_seconds: 1,
        };
        row.into()
    }

    fn server() -> (Server, Board, Totals) {
        let (board, totals) = (Board::default(), Totals::default());
        totals.set_max(2);
        let address = "127.0.0.1:0".parse().unwrap();
        (Server::serve(address, board.clone(), totals.clone()).unwrap(), board, totals)
    }

    fn ask(server: &Server, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn metrics_are_served_and_nothing_else() {
        let (server, board, totals) = server();
        board.set_status(json!({"version": "1", "engine": {"packets": 7, "names": 3},
            "store": {"offered": 5, "lost": 0, "written": 4, "waiting": 1},
            "outs": [{"name": "a \"b\"", "offered": 2, "lost": 1, "written": 1, "waiting": 0}],
            "coverage": [{"name": "br-lan", "bytes_line": 9}]}));
        totals.add(&[traffic(1, Some("Tube")), traffic(2, None), traffic(3, Some("Chat")), traffic(3, None)]);
        let answer = ask(&server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        for line in [
            "HTTP/1.1 200 OK",
            "# TYPE weir_engine_packets_total counter",
            "weir_engine_packets_total 7",
            "# TYPE weir_engine_names gauge",
            "weir_engine_names 3",
            "weir_stage_lost_total{stage=\"out a \\\"b\\\"\"} 1",
            "weir_stage_waiting{stage=\"store\"} 1",
            "weir_coverage_bytes_line_total{iface=\"br-lan\"} 9",
            "weir_device_bytes_total{device=\"192.0.2.1\",direction=\"in\"} 10",
            "weir_device_bytes_total{device=\"others\",direction=\"in\"} 20",
            "weir_app_bytes_total{app=\"\",direction=\"out\"} 2",
            "weir_app_bytes_total{app=\"others\",direction=\"out\"} 1",
        ] {
            assert!(answer.lines().any(|found| found.trim() == line), "{line} is not in\n{answer}");
        }
        assert!(ask(&server, b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(&server, b"POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert_eq!(ask(&server, &[b'x'; 20_000]), "");
    }

    #[test]
    fn who_says_nothing_does_not_stay() {
        let (server, ..) = server();
        let silent = TcpStream::connect(server.address).unwrap();
        assert!(ask(&server, b"GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
        drop(silent);
    }

    #[test]
    fn its_port_is_free_once_it_ends() {
        let (server, board, totals) = server();
        let address = server.address;
        drop(server);
        assert_eq!(Server::serve(address, board, totals).unwrap().address, address);
    }
}
