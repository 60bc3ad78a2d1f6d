//! Domain names as messages hold them, with their pointers (RFC 1035, 4.1.4).

use crate::wire::bytes::u8_at;

/// The longest name in bytes on the wire (RFC 1035, 2.3.4).
const MAX_BYTES: usize = 255;

/// Pointers followed in one name. Honest messages need two or three; a chain
/// of them is how a small message asks for much work.
const MAX_JUMPS: usize = 32;

/// A name somewhere in a message. Not checked until it is written.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Name<'a> {
    /// The name that begins `at` bytes into `message`.
    pub fn at(message: &'a [u8], at: usize) -> Name<'a> {
        Name { message, at }
    }

    /// Where the bytes of this name end, a pointer being their last two.
    pub fn end(self) -> Option<usize> {
        let mut at = self.at;
        loop {
            match u8_at(self.message, at)? {
                0 => return Some(at + 1),
                length @ 1..=63 => at += 1 + usize::from(length),
                192..=255 => return u8_at(self.message, at + 1).map(|_| at + 2),
                64..=191 => return None,
            }
        }
    }

    /// Calls `each` with the labels from left to right. `None` when the name
    /// breaks off, is too long or chases its own pointers.
    pub fn labels(self, mut each: impl FnMut(&'a [u8])) -> Option<()> {
        let (mut at, mut bytes, mut jumps) = (self.at, 1, 0);
        loop {
            match u8_at(self.message, at)? {
                0 => return Some(()),
                length @ 1..=63 => {
                    let length = usize::from(length);
                    bytes += 1 + length;
                    if bytes > MAX_BYTES {
                        return None;
                    }
                    each(self.message.get(at + 1..at + 1 + length)?);
                    at += 1 + length;
                }
                high @ 192..=255 => {
                    let low = u8_at(self.message, at + 1)?;
                    let target = usize::from(high & 0x3f) << 8 | usize::from(low);
                    jumps += 1;
                    // To a prior occurrence only, says the RFC; so none goes round.
                    if target >= at || jumps > MAX_JUMPS {
                        return None;
                    }
                    at = target;
                }
                64..=191 => return None,
            }
        }
    }

    /// Appends the name as people read it: lower case, labels joined by dots,
    /// `.` for the root. On `None`, `out` is as it was.
    pub fn write(self, out: &mut String) -> Option<()> {
        match self.write_plain(out) {
            Some(true) => Some(()),
            Some(false) => self.write_any(out),
            None => None,
        }
    }

    /// Most names are letters, digits, hyphens and underscores: those are
    /// written in one go. `false` when this one is not.
    fn write_plain(self, out: &mut String) -> Option<bool> {
        let mut text = [0; MAX_BYTES + 1];
        let mut length = 0;
        let mut plain = true;
        self.labels(|label| {
            for (place, &byte) in text[length..].iter_mut().zip(label) {
                *place = PLAIN[usize::from(byte)];
                plain &= *place != 0;
            }
            // A name has at most 255 bytes with the lengths of its labels.
            text[length + label.len()] = b'.';
            length += label.len() + 1;
        })?;
        if !plain {
            return Some(false);
        }
        let shown = &text[..length.max(2) - 1];
        out.push_str(if length == 0 { "." } else { std::str::from_utf8(shown).unwrap_or_default() });
        Some(true)
    }

    fn write_any(self, out: &mut String) -> Option<()> {
        let start = out.len();
        self.labels(|label| {
            if out.len() > start {
                out.push('.');
            }
            push_text(out, label, |c| matches!(c, '.' | '\\'));
        })?;
        out[start..].make_ascii_lowercase();
        Some(())
    }

    /// Whether both surely are the same name, because they lie in the same
    /// bytes; what lies elsewhere has to be compared.
    pub fn is_at(self, other: Name<'_>) -> bool {
        self.start() == other.start()
    }

    /// Where its first label lies, behind one pointer.
    fn start(self) -> usize {
        match (u8_at(self.message, self.at), u8_at(self.message, self.at + 1)) {
            (Some(high @ 192..), Some(low)) => usize::from(high & 0x3f) << 8 | usize::from(low),
            _ => self.at,
        }
    }
}

/// Plain characters in lower case; zero for all others.
const PLAIN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        if c.is_ascii_alphanumeric() || c == b'-' || c == b'_' {
            table[byte] = c.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// Appends bytes that should be UTF-8. Those that are not, those that print
/// as nothing or turn the writing round, become `\ddd` (RFC 4343, 2.1); what
/// `special` names gets a backslash before it.
pub fn push_text(out: &mut String, bytes: &[u8], special: impl Fn(char) -> bool) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if special(c) {
                out.push('\\');
                out.push(c);
            } else if is_invisible(c) {
                let mut utf8 = [0; 4];
                c.encode_utf8(&mut utf8).bytes().for_each(|b| push_escape(out, b));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&b| push_escape(out, b));
    }
}

fn push_escape(out: &mut String, byte: u8) {
    out.push('\\');
    for digit in [byte / 100, byte / 10 % 10, byte % 10] {
        out.push(char::from(b'0' + digit));
    }
}

/// Characters with which a name can pretend to be another on a page: controls,
/// zero-width characters and marks of direction.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &[u8], at: usize) -> Option<String> {
        let mut out = String::from("[");
        Name::at(message, at).write(&mut out)?;
        Some(out.split_off(1))
    }

    #[test]
    fn labels_are_joined_and_pointers_followed() {
        let message = b"\x03WwW\x07example\x03com\x00\x04mail\xc0\x04";
        assert_eq!(text(message, 0).as_deref(), Some("www.example.com"));
        assert_eq!(text(message, 17).as_deref(), Some("mail.example.com"));
        assert_eq!(Name::at(message, 17).end(), Some(24));
        assert_eq!(text(b"\0", 0).as_deref(), Some("."));
    }

    #[test]
    fn other_scripts_stay_and_tricks_are_shown() {
        assert_eq!(text("\x0c小佛專機\0".as_bytes(), 0).as_deref(), Some("小佛專機"));
        assert_eq!(text(b"\x0bLiving Room\0", 0).as_deref(), Some("living room"));
        assert_eq!(text(b"\x03a.b\0", 0).as_deref(), Some("a\\.b"));
        assert_eq!(text(b"\x03a\xffb\0", 0).as_deref(), Some("a\\255b"));
        assert_eq!(text("\x05a\u{202e}b\0".as_bytes(), 0).as_deref(), Some("a\\226\\128\\174b"));
        assert_eq!(text(b"\x02a\n\0", 0).as_deref(), Some("a\\010"));
    }

    #[test]
    fn a_crafted_name_ends_soon_and_leaves_nothing() {
        assert_eq!(text(b"\xc0\x00", 0), None);
        assert_eq!(text(b"\x01a\xc0\x00", 0), None);
        assert_eq!(text(b"\x05ab", 0), None);
        assert_eq!(text(b"\x80a\0", 0), None);
        assert_eq!(text(b"", 0), None);
        assert_eq!(text(b"\xc0\x02\0", 0), None, "a pointer forward");
        let chain: Vec<u8> = [0, 0].into_iter().chain((0..100_u8).flat_map(|n| [0xc0, n * 2])).collect();
        assert_eq!(text(&chain, 200), None);
        assert_eq!(text(&chain, 2 * 32).as_deref(), Some("."));
        let long = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(4);
        assert_eq!(text(&[&long[..], &[0]].concat(), 0), None);
        let fits = [&long[..192], b"\x3d".as_slice(), &[b'x'; 61], &[0]].concat();
        assert_eq!(text(&fits, 0).map(|t| t.len()), Some(253));
    }
}
