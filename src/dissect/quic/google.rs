//! Google's QUIC before TLS: up to Q046 its client's hello is in the clear.
//! Old devices and apps still speak it (Google's "QUIC Wire Layout" and "QUIC
//! Crypto").

use crate::wire::bytes::{array_at, u8_at, u32_at};

pub const Q050: u32 = u32::from_be_bytes(*b"Q050");
pub const T050: u32 = u32::from_be_bytes(*b"T050");
pub const T051: u32 = u32::from_be_bytes(*b"T051");

/// Where a hello can begin: behind the header, a hash, the head of a frame.
const HELLO_WITHIN: usize = 64;

/// Tags that a hello may have; Chrome's have some thirty.
const MAX_TAGS: usize = 128;

/// Versions Q044 and later begin with a long header, earlier ones with flags
/// and an id; `None` if it is neither, or encrypted.
pub fn version(datagram: &[u8]) -> Option<u32> {
    let first = u8_at(datagram, 0)?;
    let at = match first & 0xc9 {
        // Flags: there is a version, and an id of eight bytes.
        0x09 => 9,
        long if long & 0x80 != 0 => 1,
        _ => return None,
    };
    let version = u32_at(datagram, at)?;
    matches!(version.to_be_bytes(), [b'Q', b'0', b'1'..=b'4', b'0'..=b'9']).then_some(version)
}

/// What Weir wants to know of a client's hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello<'a> {
    /// The server's name, and what the client calls itself.
    pub name: Option<&'a str>,
    pub agent: Option<&'a str>,
}

/// The hello of a datagram in the clear.
pub fn find(datagram: &[u8]) -> Option<Hello<'_>> {
    let head = datagram.get(..HELLO_WITHIN).unwrap_or(datagram);
    let at = head.windows(4).position(|word| word == b"CHLO")?;
    hello(datagram.get(at..)?)
}

/// Reads a hello: tags, each with the end of its value, then the values. Long
/// ones go over several packets; the values wanted have to be there.
pub fn hello(bytes: &[u8]) -> Option<Hello<'_>> {
    if !bytes.starts_with(b"CHLO") {
        return None;
    }
    let count = usize::from(u16::from_le_bytes(array_at(bytes, 4)?));
    let values = bytes.get(8 + 8 * count..).filter(|_| count <= MAX_TAGS)?;
    let mut hello = Hello { name: None, agent: None };
    let mut start = 0;
    for tag in 0..count {
        let end = usize::try_from(u32::from_le_bytes(array_at(bytes, 12 + 8 * tag)?)).ok()?;
        let place = match &array_at(bytes, 8 + 8 * tag)? {
            b"SNI\0" => Some(&mut hello.name),
            b"UAID" => Some(&mut hello.agent),
            _ => None,
        };
        if let Some(place) = place {
            *place = text(values.get(start..end)?);
        }
        start = end;
    }
    Some(hello)
}

/// Names and agents are plain ASCII; a stranger's bytes may be anything.
fn text(value: &[u8]) -> Option<&str> {
    let plain = !value.is_empty() && value.iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic());
    std::str::from_utf8(value).ok().filter(|_| plain)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A hello of Chrome's shape.
    pub fn chlo(name: &[u8]) -> Vec<u8> {
        let values: [(&[u8; 4], &[u8]); 4] =
            [(b"PAD\0", &[b'-'; 300]), (b"SNI\0", name), (b"VER\0", b"Q043"), (b"UAID", b"Chrome/60 Linux")];
        let mut bytes = b"CHLO\x04\0\0\0".to_vec();
        let mut end = 0_u32;
        for (tag, value) in values {
            end += value.len() as u32;
            bytes.extend_from_slice(tag);
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        values.iter().for_each(|(_, value)| bytes.extend_from_slice(value));
        bytes
    }

    #[test]
    fn a_hello_in_the_clear() {
        let expected = Some(Hello { name: Some("www.example.com"), agent: Some("Chrome/60 Linux") });
        let chlo = chlo(b"www.example.com");
        let early = [b"\x09ABCDEFGHQ043\x01hashhashhash\xa0\x01\0\x04", &chlo[..]].concat();
        let late = [b"\xc3Q046\x50ABCDEFGH\0\0\0\x01hashhashhash\xa0\x01\0\x04", &chlo[..]].concat();
        for (datagram, named) in [(&early, b"Q043"), (&late, b"Q046")] {
            assert_eq!(version(datagram), Some(u32::from_be_bytes(*named)));
            assert_eq!(find(datagram), expected);
            for end in 0..datagram.len() {
                assert_eq!(find(&datagram[..end]), None, "{end}");
                assert_eq!(version(&datagram[..end]).is_some(), end >= if datagram[0] == 9 { 13 } else { 5 });
            }
        }
    }

    #[test]
    fn what_is_no_hello() {
        assert_eq!(version(b"\xc3Q050\x50ABCDEFGH"), None);
        assert_eq!(version(b"\x08ABCDEFGHQ043\x01"), None);
        assert_eq!(hello(b"REJ\0\0\0\0\0"), None);
        assert_eq!(hello(&chlo(b"bad\nname")).map(|hello| hello.name), Some(None));
        // Ends that run backwards, and a count without tags.
        assert_eq!(hello(b"CHLO\x02\0\0\0PAD\0\x09\0\0\0SNI\0\x01\0\0\x00123456789"), None);
        assert_eq!(hello(b"CHLO\xff\xff\0\0"), None);
    }
}
