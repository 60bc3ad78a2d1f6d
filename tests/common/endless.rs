//! Downloads without end, for what stops them.
#![allow(dead_code)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::until;
use crate::routed::Routed;

pub const FEATURES: &str =
    "#class video Video\nTube:[;;;tube.example;]\n#class other Other\nWork:[;;;work.example;]\n";

/// Sends without end, as many bytes each tenth of a second as it takes to be no
/// load, by TCP and by UDP to whoever sent something.
pub const ENDLESS: &str = "
import socket, threading, time
def stream(to):
    try:
        to.recv(4000)
        to.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Type: video/mp4\\r\\n\\r\\n')
        while True:
            to.sendall(b'x' * 10000)
            time.sleep(0.02)
    except OSError: pass
listener = socket.create_server(('::', 80), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=stream, args=(listener.accept()[0],), daemon=True).start()
";

/// A download by curl that ends only when it is stopped.
pub fn download(net: &Routed, name: &str, address: &str, log: &str) -> Child {
    let file = fs::File::create(net.folder.join(log)).unwrap();
    let address = if address.contains(':') { format!("[{address}]") } else { address.into() };
    Command::new("ip")
        .args(["netns", "exec", &net.client, "curl", "-sS", "-m", "50", "-o"])
        .arg(net.folder.join(format!("{log}.got")))
        .args(["--resolve", &format!("{name}:80:{address}"), &format!("http://{name}/")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .unwrap()
}

pub fn got(net: &Routed, log: &str) -> u64 {
    fs::metadata(net.folder.join(format!("{log}.got"))).map_or(0, |file| file.len())
}

/// Bytes come, after those that have come already.
pub fn goes_on(net: &Routed, log: &str) {
    let before = got(net, log);
    until("bytes come", || got(net, log) > before + 30_000);
}

/// How long after `since` it took until `child` had ended.
#[allow(clippy::disallowed_methods)]
pub fn stops(child: &mut Child, since: Instant) -> Duration {
    let mut ended = false;
    until("it is stopped", || {
        ended = ended || child.try_wait().unwrap().is_some();
        ended
    });
    since.elapsed()
}
