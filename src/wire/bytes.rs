//! Reading numbers out of bytes that a stranger wrote.
//!
//! Every accessor returns an `Option`, so a short packet ends a parse with
//! `?` instead of a panic, and the caller counts it.

/// The byte at `at`.
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`, network byte order.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(array_at(bytes, at)?))
}

/// The big-endian 32-bit number at `at`, network byte order.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(array_at(bytes, at)?))
}

/// `N` bytes from `at`.
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Two small digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| push_hex(&mut text, *byte));
    text
}

/// Appends the two small digits of `byte`. Each row of a handshake has hundreds, and
/// the general formatter takes ten times as long.
pub fn push_hex(text: &mut String, byte: u8) {
    for nibble in [byte >> 4, byte & 0xf] {
        text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_two_digits() {
        assert_eq!(hex(&[0, 9, 0xaf, 0xff]), "0009afff");
    }

    #[test]
    fn numbers_end_with_the_bytes() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(u16_at(&bytes, 3), Some(0x0405));
        assert_eq!(u16_at(&bytes, 4), None);
        assert_eq!(u32_at(&bytes, 1), Some(0x0203_0405));
        assert_eq!(u32_at(&bytes, usize::MAX), None);
        assert_eq!(array_at(&bytes, 2), Some([3, 4, 5]));
    }
}
