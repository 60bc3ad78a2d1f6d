//! Protocols that are recognised and not read: a name for the session.
//!
//! A test asks for two facts that do not hang together, or for a mark that
//! chance does not write. Where the bytes tell less, the port has to help.

use crate::wire::bytes::{array_at, u32_at};

/// Each with the test that knows it by one side's first bytes, and what reads it
/// on where another protocol may follow.
macro_rules! named {
    ($($(#[doc = $doc:literal])+ $NAME:ident = $name:literal, $transport:ident, |$opening:ident| $test:expr $(=> $begin:expr)?;)+) => {
        $($(#[doc = $doc])+
        pub static $NAME: $crate::dissect::Protocol = $crate::dissect::Protocol {
            over: &[$crate::wire::proto::$transport],
            name: $name,
            probe: |$opening| {
                let test = || -> Option<bool> { Some($test) };
                if test().unwrap_or(false) { $crate::dissect::Verdict::Yes } else { $crate::dissect::Verdict::No }
            },
            datagram: None,
            stream: named!(@stream $($begin)?),
        };)+
    };
    (@stream) => { None };
    (@stream $begin:expr) => { Some(|| Box::new($begin)) };
}

pub mod calls;
pub mod data;
pub mod home;
pub mod industry;
pub mod media;
pub mod meter;
pub mod net;
pub mod office;
pub mod peer;
pub mod play;
pub mod text;

fn starts_with_any(bytes: &[u8], starts: &[&[u8]]) -> bool {
    starts.iter().any(|start| bytes.starts_with(start))
}

/// Bytes of a beginning that are searched for a word.
const MAX_SEARCHED: usize = 512;

fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.iter().take(MAX_SEARCHED).position(|&byte| byte == b'\r' || byte == b'\n');
    bytes.get(..line.unwrap_or(bytes.len().min(MAX_SEARCHED))).unwrap_or_default()
}

fn first_line_has(bytes: &[u8], end: &[u8]) -> bool {
    first_line(bytes).ends_with(end)
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.get(..MAX_SEARCHED).unwrap_or(bytes).windows(word.len()).any(|window| window == word)
}

fn holds_any_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn le16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(array_at(bytes, at)?))
}

fn le32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(array_at(bytes, at)?))
}

/// The last four bytes.
fn end4(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, bytes.len().checked_sub(4)?)
}

/// More than any beginning holds.
const TOO_LONG: u32 = 1 << 24;

/// A length in four bytes. What is longer than anything here is just that:
/// where `usize` has 32 bits, something can be added to it.
fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at).map(|length| length.min(TOO_LONG) as usize)
}

/// The same, its lowest byte first.
fn le_length_at(bytes: &[u8], at: usize) -> Option<usize> {
    le32_at(bytes, at).map(|length| length.min(TOO_LONG) as usize)
}

#[cfg(test)]
mod tests;
