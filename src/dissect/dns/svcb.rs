//! The parameters of SVCB and HTTPS records (RFC 9460).

use super::message::{Message, Resource};
use super::types::Type;
use crate::record::{Short, short};
use crate::wire::bytes::{u8_at, u16_at};

/// Configurations for encrypted hellos (RFC 9848).
pub const ECH: u16 = 5;

/// The parameter at `at`: its key, its value, and where the next one is
/// (RFC 9460, 2.2).
pub fn parameter_at(data: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let next = at + 4 + usize::from(u16_at(data, at + 2)?);
    Some((u16_at(data, at)?, data.get(at + 4..next)?, next))
}

/// A key by its registered name (RFC 9460, 14.3.2).
pub fn name_of(key: u16) -> Short {
    const NAMES: [&str; 8] =
        ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"];
    match NAMES.get(usize::from(key)) {
        Some(name) => short(name),
        None => short(format_args!("key{key}")),
    }
}

/// The configurations for encrypted hellos in an answer: a list as TLS has it.
pub fn ech<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message.answers().filter(|record| record.kind == Type::HTTPS).find_map(|record| ech_in(&record))
}

fn ech_in<'a>(record: &Resource<'a>) -> Option<&'a [u8]> {
    // Its target is not compressed (RFC 9460, 2.2).
    let mut at = 2;
    loop {
        let length = usize::from(u8_at(record.data, at)?);
        at += 1 + length;
        if length == 0 {
            break;
        }
    }
    loop {
        let (key, value, next) = parameter_at(record.data, at)?;
        if key == ECH {
            return Some(value);
        }
        at = next;
    }
}
