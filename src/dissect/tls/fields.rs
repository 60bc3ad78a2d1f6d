//! The fields that messages of TLS are made of (RFC 8446, 3).

use crate::wire::bytes::{array_at, u8_at, u16_at};

/// What is left of a message. A read that fails takes nothing.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).and_then(|bytes| u8_at(bytes, 0))
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| u16_at(bytes, 0))
    }

    /// A number of three bytes, as lengths of messages and certificates are.
    pub fn u24(&mut self) -> Option<usize> {
        self.take(3).and_then(|bytes| array_at(bytes, 0)).map(number24)
    }

    /// Bytes behind their length, which has one byte.
    pub fn short(&mut self) -> Option<&'a [u8]> {
        let mut rest = *self;
        let length = rest.u8()?;
        let taken = rest.take(length.into())?;
        *self = rest;
        Some(taken)
    }

    /// Bytes behind their length, which has two bytes.
    pub fn long(&mut self) -> Option<&'a [u8]> {
        let mut rest = *self;
        let length = rest.u16()?;
        let taken = rest.take(length.into())?;
        *self = rest;
        Some(taken)
    }

    /// Bytes before a zero, which is taken too.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Some(taken)
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

pub fn number24([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// The 16-bit numbers in `bytes`.
pub fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).filter_map(|pair| u16_at(pair, 0))
}
