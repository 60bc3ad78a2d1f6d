//! As much of HTTP/1.1 as a POST takes (RFC 9112), for alerts and for InfluxDB.
//!
//! There is no TLS: rustls would add a megabyte to a program of three. Who needs it
//! sends to a proxy of the same machine, and that on.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of an answer's first line that are looked at.
const MAX_LINE: usize = 512;

/// …in as many pieces: who sends it byte by byte is not waited for.
const MAX_PIECES: usize = 8;

/// `http://host:port/path?query`, without an account: that has settings of its own,
/// where it can come from a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// A name or an address, that of IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// From the first slash on, with the query.
    pub path: String,
}

impl FromStr for Url {
    type Err = ();

    fn from_str(text: &str) -> Result<Url, ()> {
        parse(text).ok_or(())
    }
}

fn parse(text: &str) -> Option<Url> {
    let rest = text.strip_prefix("http://")?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let slash = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, behind) = inner.split_once(']')?;
            (host, if behind.is_empty() { Some("80") } else { behind.strip_prefix(':') })
        }
        None => authority.split_once(':').map_or((authority, Some("80")), |(host, port)| (host, Some(port))),
    };
    let is_number = port?.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port?.parse().ok().filter(|port| is_number && *port > 0)?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(is_host) || !is_plain || path.contains('#') {
        return None;
    }
    let path = if path.starts_with('/') { path.into() } else { format!("/{path}") };
    Some(Url { host: host.into(), port, path })
}

impl Url {
    /// Host and port, as a request names them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// The URL of `path`, with its query, below this one's.
    pub fn below(&self, path: &str) -> Url {
        Url { path: format!("{}{path}", self.path.trim_end_matches('/')), ..self.clone() }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

/// What is sent with a POST.
pub struct Body<'a> {
    pub bytes: &'a [u8],
    /// As the header Content-Type has it.
    pub kind: &'a str,
    /// As the header Authorization has it.
    pub authorization: Option<&'a str>,
}

/// Posts `body`, and returns the status of the answer. Connecting, and each piece of
/// writing or reading, may take as long as `patience`.
///
/// # Errors
///
/// The server is away or slow, or what it answers is not HTTP.
pub fn post(url: &Url, body: &Body<'_>, patience: Duration) -> io::Result<u16> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address by that name");
    for address in (&*url.host, url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                stream.write_all(head(url, body).as_bytes())?;
                stream.write_all(body.bytes)?;
                return status(&mut stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn head(url: &Url, body: &Body<'_>) -> String {
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir/{}\r\nConnection: close\r\nContent-Length: {}\r\n",
        url.path,
        url.authority(),
        env!("CARGO_PKG_VERSION"),
        body.bytes.len()
    );
    // A line break would be the begin of another header.
    let headers = [("Content-Type", Some(body.kind)), ("Authorization", body.authorization)];
    for (name, value) in headers {
        if let Some(value) = value.filter(|value| !value.contains(char::is_control)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head + "\r\n"
}

/// The status in an answer's first line (RFC 9112, 4).
fn status(stream: &mut impl Read) -> io::Result<u16> {
    let mut bytes = [0; MAX_LINE];
    let mut length = 0;
    for _ in 0..MAX_PIECES {
        let room = bytes.get_mut(length..).unwrap_or_default();
        match stream.read(room)? {
            0 => break,
            read => length += read,
        }
        if bytes.contains(&b'\n') {
            break;
        }
    }
    let line = bytes.get(..length).unwrap_or_default().split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let text = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = text.split_ascii_whitespace();
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().and_then(|code| code.parse().ok()).filter(|_| is_http);
    let said = || text.chars().filter(|char| !char.is_control()).take(80).collect::<String>();
    status.ok_or_else(|| io::Error::other(format!("no answer of HTTP: {:?}", said())))
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
    use std::net::TcpListener;

    #[test]
    fn a_url_is_host_port_and_path() {
        for (text, host, port, path) in [
            ("http://192.168.1.9:8080/a?b=c", "192.168.1.9", 8080, "/a?b=c"),
            ("http://home.example", "home.example", 80, "/"),
            ("http://home.example?x", "home.example", 80, "/?x"),
            ("http://[fd00::9]:81/", "fd00::9", 81, "/"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((&*url.host, url.port, &*url.path), (host, port, path), "{text}");
        }
        let url: Url = "http://[fd00::9]:81/x/".parse().unwrap();
        assert_eq!(url.to_string(), "http://[fd00::9]:81/x/");
        assert_eq!(url.below("/write?db=a").to_string(), "http://[fd00::9]:81/x/write?db=a");
        for wrong in [
            "https://a/",
            "a.example",
            "http://",
            "http://:80/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:+1/",
            "http://u:p@a/",
            "http://a/\r\nX: y",
            "http://a b/",
            "http://[::1/",
            "http://[::1]x/",
            "http://a/#b",
        ] {
            assert_eq!(wrong.parse::<Url>(), Err(()), "{wrong}");
        }
    }

    /// What a server gets that answers by `answer`, and what that is taken for.
    fn exchange(answer: &'static [u8], kind: &str) -> (String, io::Result<u16>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("http://{}/x?db=a", listener.local_addr().unwrap()).parse().unwrap();
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
        let body = Body { bytes: b"body", kind, authorization: Some(&basic("a", "b")) };
        let status = post(&url, &body, Duration::from_secs(30));
        (server.join().unwrap(), status)
    }

    #[test]
    fn a_post_is_answered_by_a_status() {
        let (got, status) = exchange(b"HTTP/1.1 204 No Content\r\n\r\n", "text/plain");
        assert_eq!(status.unwrap(), 204);
        assert!(got.starts_with("POST /x?db=a HTTP/1.1\r\nHost: 127.0.0.1:"), "{got}");
        let end =
            "\r\nContent-Length: 4\r\nContent-Type: text/plain\r\nAuthorization: Basic YTpi\r\n\r\nbody";
        assert!(got.ends_with(end), "{got}");
        let (got, _) = exchange(b"HTTP/1.1 204\r\n", "a\r\nX: y");
        assert!(!got.contains("X: y"), "{got}");
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        for answer in [&b"SSH-2.0-x\r\n"[..], b"HTTP/1.1 abc\r\n", b"", &[b'x'; 4000]] {
            let error = exchange(answer, "text/plain").1.unwrap_err();
            // What is left unread resets the connection.
            assert!(error.to_string().contains("no answer of HTTP") || answer.len() > MAX_LINE, "{error}");
        }
    }

    #[test]
    fn a_value_is_quoted() {
        assert_eq!(quoted("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
