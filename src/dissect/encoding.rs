//! Text as protocols write it: base64, UTF-16, quoted strings.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Characters of base64 that are decoded at once.
const MAX_BASE64: usize = 2_048;

/// Padding may be missing, and the last bits may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that `text` is in base64 (RFC 4648, 4), nothing if it is none. Of
/// one that is long or cut its beginning counts.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = match text.get(..MAX_BASE64) {
        Some(start) => start,
        // One character alone is no byte.
        None if text.len() % 4 == 1 => text.get(..text.len() - 1)?,
        None => text,
    };
    BASE64.decode(text).ok()
}

/// At most `limit` bytes of UTF-16, the lowest byte of each two first, as text.
pub fn utf16(bytes: &[u8], limit: usize) -> String {
    let (units, _) = bytes.get(..limit).unwrap_or(bytes).as_chunks::<2>();
    let letters = char::decode_utf16(units.iter().map(|&unit| u16::from_le_bytes(unit)));
    letters.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// What stands before the quote that ends it, and what is behind; nothing if no
/// quote does. A backslash takes its meaning from what follows (RFC 9110, 5.6.4;
/// RFC 9051, 4.3; RFC 5322, 3.2.4).
pub fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, text.get(at + 1..).unwrap_or_default())),
            b'\\' => value.push(bytes.next()?.1),
            _ => value.push(byte),
        }
    }
    None
}

/// Members of a list that are read.
const MAX_LISTED: usize = 32;

/// The value of `key` in a list of `key=value, key="value"` (RFC 9110, 11.2; RFC
/// 2831, 7.1). One in quotes that do not end is none.
pub fn listed(text: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    for _ in 0..MAX_LISTED {
        let start = rest.iter().position(|&byte| byte != b',' && !byte.is_ascii_whitespace())?;
        rest = rest.get(start..)?;
        let sign = rest.iter().position(|&byte| byte == b'=')?;
        let name = rest.get(..sign)?.trim_ascii_end();
        let value = rest.get(sign + 1..)?.trim_ascii_start();
        let (value, behind) = match value.strip_prefix(b"\"") {
            Some(inside) => quoted(inside)?,
            None => {
                let end = value.iter().position(|&byte| byte == b',').unwrap_or(value.len());
                (value.get(..end)?.trim_ascii_end().to_vec(), value.get(end..)?)
            }
        };
        if name.eq_ignore_ascii_case(key) {
            return Some(value);
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_that_is_cut_gives_its_whole_bytes() {
        assert_eq!(base64(b" YW5u "), Some(b"ann".to_vec()));
        assert_eq!(base64(b"YW5uYg"), Some(b"annb".to_vec()));
        assert_eq!(base64(b"YW5uYg=="), Some(b"annb".to_vec()));
        assert_eq!(base64(b"YW5uY"), Some(b"ann".to_vec()));
        assert_eq!(base64(b"no base64!"), None);
        assert_eq!(base64(&b"YW5u".repeat(5_000)).map(|bytes| bytes.len()), Some(MAX_BASE64 / 4 * 3));
    }

    #[test]
    fn half_a_letter_is_none() {
        assert_eq!(utf16(b"a\0\xe4\0\x3d\xd8\0", 99), "aä\u{fffd}");
        assert_eq!(utf16(b"a\0b\0", 2), "a");
    }

    #[test]
    fn a_quote_ends_what_is_quoted_and_a_backslash_is_none() {
        assert_eq!(quoted(br#"a\"b\\" c"#), Some((br#"a"b\"#.to_vec(), &b" c"[..])));
        assert_eq!(quoted(b"no end"), None);
        assert_eq!(quoted(b"no end\\"), None);
    }

    #[test]
    fn a_list_is_read_member_by_member() {
        let list = br#" a="x, b=1" , B = 2,c="no end"#;
        assert_eq!(listed(list, b"b"), Some(b"2".to_vec()));
        assert_eq!(listed(list, b"a"), Some(b"x, b=1".to_vec()));
        assert_eq!(listed(list, b"c"), None);
        assert_eq!(listed(&b"a=1,".repeat(1_000), b"b"), None);
        assert_eq!(listed(b"", b"b"), None);
    }
}
