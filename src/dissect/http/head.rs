//! Reads heads: a first line, fields, an empty line (RFC 9112, 2 to 6).
//!
//! A bare LF ends a line too, blanks are forgiven, a line that is no field is
//! passed over, and a value may go on in the next line (5.2, obs-fold).

use super::authorization::Credentials;
use super::secrets::without_secrets;
use super::{Exchange, MAX_TEXT, METHODS};
use crate::dissect::Verdict;

/// How the body behind a head ends (RFC 9112, 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    None,
    Bytes(u64),
    Chunked,
    UntilClose,
}

/// What the first line and the fields of a head say.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    server: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    proxy_authorization: Option<&'a [u8]>,
    length: Option<u64>,
    /// The last transfer coding is "chunked"; or it is another.
    chunked: Option<bool>,
}

/// Where the head that `bytes` begin with ends. No empty line is before
/// `from`.
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == b'\n')? + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// The first line without its end, and what follows.
pub fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    line_ending_behind(bytes, 0)
}

/// The same where the first `searched` bytes are known to have no end in them.
pub fn line_ending_behind(bytes: &[u8], searched: usize) -> Option<(&[u8], &[u8])> {
    let end = searched + bytes.get(searched..)?.iter().position(|&byte| byte == b'\n')?;
    let (line, rest) = (bytes.get(..end)?, bytes.get(end + 1..)?);
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

/// Whether a response begins here; `None` if something else does.
pub fn is_response(bytes: &[u8]) -> Option<Verdict> {
    const SHAPE: &[u8; 12] = b"HTTP/1.0 000";
    let fits = bytes.iter().zip(SHAPE).enumerate().all(|(at, (byte, shape))| match at {
        7 | 9.. => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    match fits {
        true if bytes.len() >= SHAPE.len() => Some(Verdict::Yes),
        true => Some(Verdict::More),
        false => None,
    }
}

/// Characters that a method may have here.
const MAX_METHOD: usize = 32;

/// Whether a method and a blank begin here, as far as the bytes go.
pub fn may_be_request(bytes: &[u8]) -> bool {
    match bytes.iter().take(MAX_METHOD + 1).position(|&byte| !is_token(byte)) {
        Some(at) => at > 0 && matches!(bytes.get(at), Some(b' ' | b'\t')),
        None => bytes.len() <= MAX_METHOD,
    }
}

/// Whether this is a method's character (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Method, target and version; a line without a version has an empty one.
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let line = line.trim_ascii();
    let blank = line.iter().position(|&byte| byte == b' ' || byte == b'\t')?;
    let (method, rest) = (line.get(..blank)?, line.get(blank..)?.trim_ascii());
    if method.len() > MAX_METHOD || !method.iter().all(|&byte| is_token(byte)) {
        return None;
    }
    let last = rest.iter().rposition(|&byte| byte == b' ' || byte == b'\t');
    Some(match last.and_then(|last| rest.split_at_checked(last)) {
        Some((target, version)) if version.trim_ascii().starts_with(b"HTTP/") => {
            (method, target.trim_ascii(), version.trim_ascii())
        }
        _ => (method, rest, b""),
    })
}

/// Whether this line can only be HTTP's: it ends with the version.
pub fn is_request_line(line: &[u8]) -> bool {
    // Without blanks before it, and no method has small letters.
    let capital = line.iter().take_while(|&&byte| byte != b' ').all(|byte| !byte.is_ascii_lowercase());
    capital
        && may_be_request(line)
        && matches!(request_line(line), Some((_, target, version))
            if version.starts_with(b"HTTP/1.") && !target.is_empty())
}

/// Reads the head of a request, with who sends it.
pub fn request(head: &[u8]) -> Option<(Exchange, Length, Option<Credentials>)> {
    let (first, rest) = line(head)?;
    let (method, target, version) = request_line(first)?;
    // Without a version anything could be a request.
    if version.is_empty() && !METHODS.contains(&method) {
        return None;
    }
    let fields = fields(rest);
    let authority = if method == b"CONNECT" { Some(target) } else { authority(target) };
    let exchange = Exchange {
        host: authority.and_then(host).or_else(|| fields.host.and_then(host)),
        method: text(method)?,
        uri: text(&without_secrets(target)).unwrap_or_default(),
        version: text(version).unwrap_or_default(),
        user_agent: fields.user_agent.and_then(text),
        referer: fields.referer.and_then(|referer| text(&without_secrets(referer))),
        request_length: fields.length,
        ..Exchange::default()
    };
    let length = match (fields.chunked, fields.length) {
        (Some(true), _) => Length::Chunked,
        (_, Some(bytes)) => Length::Bytes(bytes),
        _ => Length::None,
    };
    let credentials = fields.authorization.or(fields.proxy_authorization).and_then(Credentials::of);
    Some((exchange, length, credentials))
}

/// Reads the head of a response into the exchange of its request.
pub fn response(head: &[u8], exchange: &mut Exchange) -> Option<Length> {
    let (first, rest) = line(head)?;
    let status = status(first)?;
    let fields = fields(rest);
    if exchange.method.is_empty() {
        exchange.version = text(first.get(..8)?).unwrap_or_default();
    }
    exchange.status = Some(status);
    exchange.content_type = fields.content_type.and_then(text);
    exchange.server = fields.server.and_then(text);
    exchange.response_length = fields.length;
    Some(match (status, fields.chunked, fields.length) {
        (100..=199 | 204 | 304, ..) => Length::None,
        _ if exchange.method == "HEAD" => Length::None,
        (_, Some(true), _) => Length::Chunked,
        (_, None, Some(bytes)) => Length::Bytes(bytes),
        _ => Length::UntilClose,
    })
}

/// The status of a response's first line.
pub fn status(line: &[u8]) -> Option<u16> {
    if is_response(line) != Some(Verdict::Yes) {
        return None;
    }
    std::str::from_utf8(line.get(9..12)?).ok()?.parse().ok()
}

/// The fields that somebody wants to know. The first of each counts.
fn fields(mut rest: &[u8]) -> Fields<'_> {
    let mut fields = Fields::default();
    while let Some((name, value, behind)) = field(rest) {
        rest = behind;
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"host" => &mut fields.host,
            b"user-agent" => &mut fields.user_agent,
            b"referer" => &mut fields.referer,
            b"content-type" => &mut fields.content_type,
            b"server" => &mut fields.server,
            b"authorization" => &mut fields.authorization,
            b"proxy-authorization" => &mut fields.proxy_authorization,
            b"content-length" => {
                fields.length = fields.length.or_else(|| number(value));
                continue;
            }
            b"transfer-encoding" => {
                let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                fields.chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
                continue;
            }
            _ => continue,
        };
        slot.get_or_insert(value);
    }
    fields
}

/// One field's name and value, and what follows. A name that is too long to
/// be wanted comes out empty.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (first, mut rest) = match line(bytes) {
        Some(found) => found,
        // The head was too long, or its end was not captured.
        None if bytes.is_empty() => return None,
        None => (bytes, &[][..]),
    };
    if first.is_empty() {
        return None;
    }
    let mut length = first.len();
    while let Some(b' ' | b'\t') = rest.first() {
        let Some((_, behind)) = line(rest) else { break };
        length = bytes.len() - behind.len();
        rest = behind;
    }
    let whole = bytes.get(..length)?;
    let Some(colon) = first.iter().position(|&byte| byte == b':') else { return Some((b"", b"", rest)) };
    let name = whole.get(..colon)?.trim_ascii();
    let name = if name.len() > 32 { &[][..] } else { name };
    Some((name, whole.get(colon + 1..)?.trim_ascii(), rest))
}

/// A Content-Length; of a list its first (RFC 9112, 6.3).
fn number(value: &[u8]) -> Option<u64> {
    let first = value.split(|&byte| byte == b',').next()?.trim_ascii();
    if first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(first).ok()?.parse().ok()
}

/// The size of a chunk (RFC 9112, 7.1).
pub fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The authority of a target in absolute form (RFC 3986, 3.2).
pub fn authority(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().take(16).position(|&byte| byte == b':')?;
    let rest = target.get(colon..)?.strip_prefix(b"://")?;
    let end = rest.iter().position(|&byte| matches!(byte, b'/' | b'?' | b'#'));
    rest.get(..end.unwrap_or(rest.len()))
}

/// The host of an authority: no user, no port, lower case. An IPv6 address
/// keeps its brackets.
fn host(authority: &[u8]) -> Option<String> {
    let host = authority.rsplit(|&byte| byte == b'@').next()?.trim_ascii();
    let end = if host.starts_with(b"[") {
        host.iter().position(|&byte| byte == b']').map(|at| at + 1)
    } else {
        host.iter().position(|&byte| byte == b':')
    };
    let host = host.get(..end.unwrap_or(host.len()))?;
    let host = host.strip_suffix(b".").unwrap_or(host);
    // A name has no more (RFC 1035, 2.3.4), and no blanks.
    if host.is_empty()
        || host.len() > 253
        || !host.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80)
    {
        return None;
    }
    Some(String::from_utf8_lossy(host).to_lowercase())
}

/// Text as it was sent, cut where it is too long; one blank for each run of
/// control characters and of blanks about it.
fn text(value: &[u8]) -> Option<String> {
    let value = value.get(..MAX_TEXT).unwrap_or(value);
    let mut out = String::with_capacity(value.len());
    let mut control = false;
    for letter in String::from_utf8_lossy(value).chars() {
        if letter.is_control() {
            control = true;
            out.truncate(out.trim_end().len());
        } else if !(control && letter == ' ') {
            if std::mem::take(&mut control) {
                out.push(' ');
            }
            out.push(letter);
        }
    }
    // What was cut within a letter became three bytes.
    while out.len() > MAX_TEXT {
        out.pop();
    }
    (!out.is_empty()).then_some(out)
}
