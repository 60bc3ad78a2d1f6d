//! As much of HTTP/1.1 as a POST takes (RFC 9112), without TLS.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::link::Link;
use super::{Error, Peer, Transport};

/// Bytes of an answer's first line that are looked at.
const MAX_LINE: usize = 512;

/// …in as many pieces.
const MAX_PIECES: usize = 8;

/// `http://host:port/path`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// As in the URL: with brackets around an address of IPv6.
    host: String,
    port: u16,
    /// What stands before the paths asked for; without a slash at its end.
    prefix: String,
}

impl FromStr for Url {
    type Err = ();

    fn from_str(text: &str) -> Result<Url, ()> {
        let rest = text.strip_prefix("http://").ok_or(())?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_address = place.ends_with(']');
        let (host, port) = match place.rsplit_once(':').filter(|_| !is_address) {
            Some((host, port)) => (host, port.parse().map_err(drop)?),
            None => (place, 80),
        };
        let is_plain = |text: &str| text.chars().all(|char| char.is_ascii_graphic());
        // An account has settings of its own, where it can come from a file.
        if host.is_empty() || rest.contains(['@', '?', '#']) || !is_plain(rest) {
            return Err(());
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Url { host: host.into(), port, prefix })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.prefix)
    }
}

/// Posts `body` to `path`, which has its query with it, below `url`. Returns the
/// answer's status.
pub fn post(url: &Url, path: &str, authorization: Option<&str>, body: &[u8]) -> Result<u16, Error> {
    let Url { host, port, prefix } = url;
    let mut head = format!(
        "POST {prefix}{path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: weir/{}\r\nConnection: close\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n",
        env!("CARGO_PKG_VERSION"),
        body.len()
    );
    if let Some(value) = authorization.filter(|value| !value.contains(char::is_control)) {
        head.push_str(&format!("Authorization: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut link = Link::new(Peer { server: format!("{host}:{port}"), transport: Transport::Tcp });
    link.open()?;
    link.send(head.as_bytes())?;
    link.send(body)?;
    status(&mut link).map_err(|error| match error {
        Error::Fatal(text) => Error::Retry(format!("{url}: {text}")),
        other => other,
    })
}

/// The status in an answer's first line (RFC 9112, 4), which has to come in few
/// pieces: who sends it byte by byte is not waited for.
fn status(link: &mut Link) -> Result<u16, Error> {
    let mut bytes = [0; MAX_LINE];
    let mut length = 0;
    for _ in 0..MAX_PIECES {
        let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) else { break };
        length += link.read_some(room)?;
        if bytes.contains(&b'\n') {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut words = text.split_ascii_whitespace();
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().and_then(|code| code.parse().ok()).filter(|_| is_http);
    status.ok_or_else(|| Error::Fatal("no answer of HTTP".into()))
}

/// `user` and `password` as a header has them (RFC 7617).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// `text` as a value in a query (RFC 3986, 2.1).
pub fn quoted(text: &str) -> String {
    let quote = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(quote).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn a_url_has_a_host_and_no_account() {
        let shown = |text: &str| text.parse::<Url>().map(|url| url.to_string());
        assert_eq!(shown("http://influx.lan:8086"), Ok("http://influx.lan:8086".into()));
        assert_eq!(shown("http://[::1]:8086/x/"), Ok("http://[::1]:8086/x".into()));
        assert_eq!(shown("http://[::1]"), Ok("http://[::1]:80".into()));
        for wrong in
            ["https://a", "a:8086", "http://", "http://u:p@a", "http://a:x", "http://a/?b", "http://a b"]
        {
            assert_eq!(shown(wrong), Err(()), "{wrong}");
        }
    }

    /// What a server gets that answers by `answer`, and what that is taken for.
    fn exchange(answer: &'static [u8]) -> (String, Result<u16, Error>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            let mut piece = [0; 1000];
            while !got.ends_with(b"body") {
                let read = stream.read(&mut piece).unwrap();
                got.extend_from_slice(&piece[..read]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8(got).unwrap()
        });
        let status = post(&url, "/write?db=a", Some(&basic("a", "b")), b"body");
        (server.join().unwrap(), status)
    }

    #[test]
    fn a_post_is_answered_by_a_status() {
        let (got, status) = exchange(b"HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(status, Ok(204));
        assert!(got.starts_with("POST /x/write?db=a HTTP/1.1\r\nHost: 127.0.0.1:"), "{got}");
        assert!(got.contains("\r\nContent-Length: 4\r\nAuthorization: Basic YTpi\r\n\r\nbody"), "{got}");
    }

    #[test]
    fn an_answer_that_is_none_is_tried_again() {
        for answer in [&b"SSH-2.0-x\r\n"[..], b"HTTP/1.1 abc\r\n", b"", &[b'x'; 4000]] {
            assert!(matches!(exchange(answer).1, Err(Error::Retry(_))));
        }
    }

    #[test]
    fn a_value_is_quoted() {
        assert_eq!(quoted("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
