//! NTLM ([MS-NLMP]): who logs in, by the last message of the client. HTTP, mail
//! and RDP carry it, in SPNEGO's wrapping or without.

use super::{encoding, login};
use crate::wire::bytes::array_at;

/// What each message begins with ([MS-NLMP] 2.2.1).
const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Bytes of SPNEGO that may stand before it.
const MAX_BEFORE: usize = 256;

/// The strings are in UTF-16 ([MS-NLMP] 2.2.2.5).
const NEGOTIATE_UNICODE: u32 = 1;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// The client's first one.
    Negotiate,
    /// The server's.
    Challenge,
    /// The client's last one: who it is.
    Authenticate(Identity),
}

/// Who logs in; the proof stays where it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    pub user: Option<String>,
    pub domain: Option<String>,
    pub workstation: Option<String>,
}

impl Identity {
    /// `DOMAIN\user`; none of somebody without a name.
    pub fn name(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        Some(match &self.domain {
            Some(domain) => format!("{domain}\\{user}"),
            None => user.to_owned(),
        })
    }
}

/// The name in an AUTHENTICATE_MESSAGE.
pub fn name_in(bytes: &[u8]) -> Option<String> {
    match read(bytes)? {
        Message::Authenticate(identity) => identity.name(),
        _ => None,
    }
}

/// Reads a message, perhaps in SPNEGO's wrapping.
pub fn read(bytes: &[u8]) -> Option<Message> {
    let start = bytes.get(..MAX_BEFORE + SIGNATURE.len()).unwrap_or(bytes);
    let at = start.windows(SIGNATURE.len()).position(|word| word == SIGNATURE)?;
    let message = bytes.get(at..)?;
    Some(match u32::from_le_bytes(array_at(message, 8)?) {
        1 => Message::Negotiate,
        2 => Message::Challenge,
        3 => Message::Authenticate(identity(message)?),
        _ => return None,
    })
}

/// Where a payload lies in its message: from, to.
type Span = (usize, usize);

/// [MS-NLMP] 2.2.1.3. Each payload is a length, a maximum, and an offset.
fn identity(message: &[u8]) -> Option<Identity> {
    let [lm, nt, domain, user, workstation] = [12, 20, 28, 36, 44].map(|at| span(message, at));
    let (lm, nt, domain, user, workstation) = (lm?, nt?, domain?, user?, workstation?);
    // Old clients end the header before the flags, and write no UTF-16.
    let is_flagged = [lm, nt, domain, user, workstation].iter().all(|span| span.0 >= 64 || span.0 == span.1);
    let flags = array_at(message, 60).filter(|_| is_flagged).map_or(0, u32::from_le_bytes);
    let key = span(message, 52).filter(|_| is_flagged).unwrap_or_default();
    // A name that lies about in a proof would be a part of that.
    let touches = |a: Span, b: Span| a.0 < b.1 && b.0 < a.1;
    let text = |name: Span| {
        let is_apart = ![lm, nt, key].iter().any(|&secret| touches(name, secret));
        let bytes = message.get(name.0..name.1).filter(|_| is_apart)?;
        if flags & NEGOTIATE_UNICODE == 0 {
            return login::name(bytes);
        }
        login::name(encoding::utf16(bytes, 2 * login::MAX_NAME).as_bytes())
    };
    Some(Identity { user: text(user), domain: text(domain), workstation: text(workstation) })
}

fn span(message: &[u8], at: usize) -> Option<Span> {
    let length = usize::from(u16::from_le_bytes(array_at(message, at)?));
    let from = u32::from_le_bytes(array_at(message, at + 4)?).min(1 << 24) as usize;
    Some((from, from + length))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An AUTHENTICATE_MESSAGE of `user` in `domain`, with proofs that say "hunter2".
    pub fn authenticate(domain: &str, user: &str) -> Vec<u8> {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let payloads =
            [b"hunter2".to_vec(), b"hunter2".to_vec(), wide(domain), wide(user), wide("PC"), vec![]];
        let mut head = [&SIGNATURE[..], &3_u32.to_le_bytes()].concat();
        let mut at = 64_u32;
        for payload in &payloads {
            let length = (payload.len() as u16).to_le_bytes();
            head.extend([&length[..], &length, &at.to_le_bytes()].concat());
            at += payload.len() as u32;
        }
        head.extend(1_u32.to_le_bytes());
        [head, payloads.concat()].concat()
    }

    #[test]
    fn the_last_message_tells_who() {
        let message = authenticate("HOME", "ännchen");
        assert_eq!(name_in(&message).as_deref(), Some("HOME\\ännchen"));
        assert_eq!(name_in(&[b"\x60\x82spnego", &message[..]].concat()).as_deref(), Some("HOME\\ännchen"));
        assert_eq!(name_in(&authenticate("", "ann")).as_deref(), Some("ann"));
        assert_eq!(name_in(&authenticate("HOME", "")), None);
        assert_eq!(read(b"NTLMSSP\0\x01\0\0\0"), Some(Message::Negotiate));
        assert_eq!(read(b"NTLMSSP\0\x02\0\0\0"), Some(Message::Challenge));
    }

    #[test]
    fn a_name_that_points_at_the_proof_is_none() {
        let mut message = authenticate("HOME", "ann");
        message[36..44].copy_from_slice(&[14, 0, 14, 0, 64, 0, 0, 0]);
        message[60] = 0;
        assert_eq!(name_in(&message), None);
    }

    #[test]
    fn no_end_and_no_length_is_trusted() {
        let message = authenticate("HOME", "ann");
        for end in 0..message.len() {
            let name = read(&message[..end]);
            assert!(!format!("{name:?}").contains("hunter2"));
        }
        for at in 12..64 {
            let mut message = message.clone();
            message[at] = 0xff;
            assert!(!format!("{:?}", read(&message)).contains("hunter2"), "{at}");
        }
    }
}
