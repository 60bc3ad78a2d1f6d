//! Calls that STUN sets up, by attributes of their own in it.

use super::media::STUN_COOKIE;
use crate::wire::bytes::{u8_at, u16_at, u32_at};

named! {
    /// WhatsApp's relays: what a client shows them.
    WHATSAPP_CALL = "whatsapp-call", UDP, |o| has_attribute(o.bytes, |kind, _| matches!(kind, 0x4000..=0x4007))?;
    /// Skype, Lync and Teams (MS-ICE2, 2.2.3; MS-TURN, 2.2.2): the candidate's identifier, and a version of Microsoft's.
    TEAMS_CALL = "skype-teams-call", UDP, |o| has_attribute(o.bytes, |kind, length| {
        matches!((kind, length), (0x8054, 4..) | (0x8055 | 0x8070, 4))
    })?;
    /// Zoom's own STUN, without the cookie.
    ZOOM_STUN = "zoom", UDP, |o| u32_at(o.bytes, 4)? != STUN_COOKIE
        && has_attribute(o.bytes, |kind, length| matches!((kind, length), (0x0101, 20) | (0x0103, 8)))?;
}

/// Whether STUN's attributes fill the datagram (RFC 8489, 5 and 14) and `is_it`
/// says so of one.
fn has_attribute(bytes: &[u8], is_it: fn(u16, u16) -> bool) -> Option<bool> {
    if u8_at(bytes, 0)? >= 0x40 || usize::from(u16_at(bytes, 2)?) + 20 != bytes.len() {
        return Some(false);
    }
    let mut rest = bytes.get(20..)?;
    let mut found = false;
    while !rest.is_empty() {
        let length = u16_at(rest, 2)?;
        found |= is_it(u16_at(rest, 0)?, length);
        let end = 4 + usize::from(length);
        // WhatsApp leaves the last as long as it is.
        rest = if end == rest.len() { &[] } else { rest.get(end.next_multiple_of(4)..)? };
    }
    Some(found)
}
