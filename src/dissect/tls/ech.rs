//! Encrypted hellos (RFC 9849): what their configurations say in DNS. From
//! outside only these tell a real one from what clients send so that all
//! hellos look alike (GREASE, section 6.2).

use super::fields::Fields;

/// The version that RFC 9849 made.
const VERSION: u16 = 0xfe0d;

/// Calls `each` with the number and the public name of every configuration in
/// a list, the value of `ech` in records of HTTPS (RFC 9849, 4). What is
/// broken ends the list.
pub fn configs<'a>(list: &'a [u8], mut each: impl FnMut(u8, &'a [u8])) -> Option<()> {
    let mut configs = Fields(Fields(list).long()?);
    while !configs.is_empty() {
        let version = configs.u16()?;
        let mut config = Fields(configs.long()?);
        if version != VERSION {
            continue;
        }
        let number = config.u8()?;
        // What encapsulates keys, the public key, the cipher suites, and how
        // long names are made to look.
        config.u16()?;
        config.long()?;
        config.long()?;
        config.u8()?;
        each(number, config.short()?);
    }
    Some(())
}

/// The number of the configuration that a hello was encrypted with, from the
/// body of the extension (RFC 9849, 5); none in the inner hello.
pub fn config_of_hello(mut body: Fields<'_>) -> Option<u8> {
    const OUTER: u8 = 0;
    let kind = body.u8()?;
    body.take(4)?;
    (kind == OUTER).then(|| body.u8())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[u8]) -> (bool, Vec<(u8, Vec<u8>)>) {
        let mut all = Vec::new();
        let whole = configs(list, |number, name| all.push((number, name.to_vec())));
        (whole.is_some(), all)
    }

    #[test]
    fn a_list_has_configurations_of_versions_that_are_known_or_not() {
        let body = b"\x07\0\x20\0\x02kk\0\x04\0\x01\0\x01\0\x05a.com\0\0";
        let one = [&[0xfe, 0x0d, 0, body.len() as u8][..], body].concat();
        let other = b"\xfe\x0a\0\x02zz";
        let inside = [&other[..], &one].concat();
        let list = [&[0, inside.len() as u8][..], &inside].concat();
        assert_eq!(read(&list), (true, vec![(7, b"a.com".to_vec())]));
        for end in 0..list.len() {
            assert_eq!(read(&list[..end]), (false, vec![]), "{end}");
        }
    }

    #[test]
    fn only_the_outer_hello_has_a_number() {
        assert_eq!(config_of_hello(Fields(&[0, 0, 1, 0, 1, 9, 0, 0])), Some(9));
        assert_eq!(config_of_hello(Fields(&[1])), None);
        assert_eq!(config_of_hello(Fields(&[0, 0, 1, 0, 1])), None);
    }
}
