//! HTTP/1 over TCP: requests with their responses. HTTP/2 gets its name only.
//!
//! Heads are read by Weir itself (`head`): a parser that refuses what is not
//! quite right, as a server should, would miss what people really send.
//! Bodies are not looked at, but for how the first begins where somebody asks for
//! that. Cookies are not read at all, of authorizations the user's name.

mod authorization;
mod head;
mod secrets;
mod stream;
#[cfg(test)]
mod tests;

use super::{Opening, Protocol, Verdict};
use crate::wire::proto;

/// HTTP/1.0 and 1.1 (RFC 9112).
pub static HTTP: Protocol = Protocol {
    over: &[proto::TCP],
    name: "http",
    probe: probe_http,
    datagram: None,
    stream: Some(|| Box::new(stream::Stream::default())),
};

/// HTTP/2 by prior knowledge, in the clear (RFC 9113, 3.4).
pub static HTTP2: Protocol =
    Protocol { over: &[proto::TCP], name: "http2", probe: probe_http2, datagram: None, stream: None };

/// A request and the response to it. What was not said is `None`; text is cut
/// at [`MAX_TEXT`] bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exchange {
    /// Whom the request is for: lower case, without the port. Of a target in
    /// absolute form, that one (RFC 9112, 3.2.2).
    pub host: Option<String>,
    /// Empty if only the response was seen.
    pub method: String,
    /// As in the request line, but without a user's name and password.
    pub uri: String,
    /// "HTTP/1.1"; empty in a request that has none.
    pub version: String,
    /// `None` if no response was seen.
    pub status: Option<u16>,
    pub user_agent: Option<String>,
    pub referer: Option<String>,
    /// Of the response.
    pub content_type: Option<String>,
    pub server: Option<String>,
    /// Content-Length as declared.
    pub request_length: Option<u64>,
    /// Content-Length as declared.
    pub response_length: Option<u64>,
}

/// Bytes of text that are kept of one field.
pub const MAX_TEXT: usize = 2_048;

/// Bytes of the first answer's body that are kept, where somebody wants them.
pub const MAX_BODY: usize = 2_048;

/// Bytes that one head may have.
const MAX_HEAD: usize = 16_384;

impl Exchange {
    /// Memory that its text takes, in bytes.
    fn held(&self) -> usize {
        let fields = [&self.host, &self.user_agent, &self.referer, &self.content_type, &self.server];
        let fields: usize = fields.iter().map(|field| field.as_ref().map_or(0, String::capacity)).sum();
        fields + self.method.capacity() + self.uri.capacity() + self.version.capacity()
    }
}

/// Methods that are in use: RFC 9110, 9.3; RFC 5789; WebDAV and what is built
/// on it (RFC 4918, 3253, 3648, 3744, 4791, 5323, 5842); UPnP; Exchange, RPC
/// over HTTP, Icecast, caches.
#[rustfmt::skip]
const METHODS: &[&[u8]] = &[
    b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE",
    b"PROPFIND", b"PROPPATCH", b"MKCOL", b"COPY", b"MOVE", b"LOCK", b"UNLOCK", b"SEARCH", b"REPORT",
    b"VERSION-CONTROL", b"CHECKOUT", b"CHECKIN", b"UNCHECKOUT", b"MKWORKSPACE", b"UPDATE", b"LABEL",
    b"MERGE", b"BASELINE-CONTROL", b"MKACTIVITY", b"ORDERPATCH", b"ACL", b"MKCALENDAR", b"BIND",
    b"UNBIND", b"REBIND", b"MKREDIRECTREF", b"UPDATEREDIRECTREF", b"LINK", b"UNLINK", b"QUERY",
    b"SUBSCRIBE", b"UNSUBSCRIBE", b"NOTIFY", b"M-SEARCH", b"POLL", b"BPROPFIND", b"BPROPPATCH",
    b"BCOPY", b"BMOVE", b"BDELETE", b"X-MS-ENUMATTS", b"RPC_IN_DATA", b"RPC_OUT_DATA", b"CCM_POST",
    b"BITS_POST", b"SSTP_DUPLEX_POST", b"SOURCE", b"PURGE", b"BAN", b"DEBUG", b"TRACK",
];

/// Other protocols have lines like these too (RTSP, SIP, ICAP): the version
/// tells, or a target that only HTTP has.
fn probe_http(opening: &Opening<'_>) -> Verdict {
    let bytes = opening.bytes;
    if opening.proto != proto::TCP {
        return Verdict::No;
    }
    match bytes.first() {
        None => return Verdict::More,
        Some(b'A'..=b'Z' | b'\r' | b'\n') => {}
        Some(_) => return Verdict::No,
    }
    let blank = bytes.iter().take(4).take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = bytes.get(blank..).unwrap_or_default();
    if let Some(verdict) = head::is_response(bytes) {
        return verdict;
    }
    let known = METHODS.iter().any(|method| {
        bytes
            .strip_prefix(*method)
            .map_or(method.starts_with(bytes), |rest| matches!(rest.first(), None | Some(b' ')))
    });
    let line_end = bytes.iter().take(MAX_TEXT).position(|&byte| byte == b'\n');
    if let Some(line) = line_end.and_then(|end| bytes.get(..end)) {
        // HTTP/0.9 has no version, and nothing but GET.
        let yes =
            head::is_request_line(line) || known && !line.ends_with(b".0\r") && line.starts_with(b"GET /");
        return if yes { Verdict::Yes } else { Verdict::No };
    }
    let target = bytes.iter().take(24).position(|&byte| byte == b' ').and_then(|at| bytes.get(at + 1..));
    match target {
        _ if !known => Verdict::No,
        None => Verdict::More,
        Some(target) if target.starts_with(b"/") || target.starts_with(b"http") => Verdict::Yes,
        Some(target) if target.len() < MAX_TEXT / 2 => Verdict::More,
        Some(_) => Verdict::No,
    }
}

fn probe_http2(opening: &Opening<'_>) -> Verdict {
    let preface = b"PRI * HTTP/2.0\r\n";
    if opening.proto != proto::TCP {
        Verdict::No
    } else if opening.bytes.starts_with(preface) {
        Verdict::Yes
    } else if preface.starts_with(opening.bytes) {
        Verdict::More
    } else {
        Verdict::No
    }
}
