//! Lines of text on one side of a connection.

use super::tls;

/// Bytes of a line that are read; what is behind them is left out.
pub const MAX_LINE: usize = 4_096;

/// Finds them.
#[derive(Default)]
pub struct Lines {
    /// Within a line of which enough was read.
    within: bool,
    /// Bytes of a line that were searched for its end before.
    searched: usize,
}

/// One line without its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    pub text: &'a [u8],
    /// Whether there is more of it.
    pub is_cut: bool,
}

impl Lines {
    /// Takes the next line from the beginning of `bytes`; none where its end is
    /// still to come: then these bytes have to come again, with more behind them.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Line<'a>> {
        let end = |bytes: &[u8]| bytes.iter().position(|&byte| byte == b'\n');
        if self.within {
            let Some(at) = end(bytes) else {
                *bytes = &[];
                return None;
            };
            *bytes = &bytes[at + 1..];
            self.within = false;
        }
        // However few bytes come at a time, each is searched once.
        let limit = bytes.len().min(MAX_LINE);
        let searched = std::mem::take(&mut self.searched).min(limit);
        let (length, taken) = match end(&bytes[searched..limit]) {
            Some(at) => (searched + at, searched + at + 1),
            None if limit == MAX_LINE => {
                self.within = true;
                (MAX_LINE, MAX_LINE)
            }
            None => {
                self.searched = limit;
                return None;
            }
        };
        let text = &bytes[..length];
        *bytes = &bytes[taken..];
        Some(Line { text: text.strip_suffix(b"\r").unwrap_or(text), is_cut: self.within })
    }

    /// Whether TLS begins with `bytes` instead of a line. In the middle of one that
    /// is cut any byte may stand.
    pub fn is_tls(&self, bytes: &[u8]) -> bool {
        !self.within && is_tls(bytes)
    }
}

/// The first word of a line, and what follows it.
pub fn word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b' ') {
        Some(at) => (&line[..at], line[at + 1..].trim_ascii()),
        None => (line, &[]),
    }
}

/// The three digits that a server's answer begins with (RFC 959, 4.2; RFC 5321,
/// 4.2).
pub fn reply_code(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let is_whole = line.get(3).is_none_or(|byte| matches!(byte, b' ' | b'-'));
    is_whole.then(|| digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

/// Whether a handshake of TLS begins with `bytes`, where a line could: no line
/// does with that byte.
pub fn is_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&tls::HANDSHAKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_its_end_and_not_before() {
        let mut lines = Lines::default();
        let mut bytes: &[u8] = b"one\r\ntwo\nth";
        assert_eq!(lines.next(&mut bytes).unwrap().text, b"one");
        assert_eq!(lines.next(&mut bytes).unwrap().text, b"two");
        assert_eq!((lines.next(&mut bytes), bytes), (None, &b"th"[..]));
    }

    #[test]
    fn tls_begins_where_a_line_could() {
        let mut lines = Lines::default();
        let tls = [tls::HANDSHAKE, 3, 1];
        assert!(lines.is_tls(&tls));
        lines.next(&mut &[b'x'; MAX_LINE + 1][..]);
        assert!(!lines.is_tls(&tls), "in the middle of a long line");
        lines.next(&mut &b"x\ny\n"[..]);
        assert!(lines.is_tls(&tls));
    }

    #[test]
    fn a_long_line_is_cut_once() {
        let mut lines = Lines::default();
        let long = [&[b'x'; 3 * MAX_LINE][..], b"y\nnext\n"].concat();
        let mut bytes: &[u8] = &long;
        let line = lines.next(&mut bytes).unwrap();
        assert!(line.is_cut && line.text.len() == MAX_LINE);
        let mut rest: &[u8] = &bytes[..MAX_LINE];
        assert_eq!((lines.next(&mut rest), rest.len()), (None, 0));
        let mut bytes: &[u8] = &bytes[MAX_LINE..];
        assert_eq!(lines.next(&mut bytes), Some(Line { text: b"next", is_cut: false }));
    }
}
