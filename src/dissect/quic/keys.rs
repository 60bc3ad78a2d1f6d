//! Keys of Initial packets. They come from the destination id that the client
//! made up and a constant of the version, so whoever sees the first datagram
//! can read them (RFC 9001, 5.2).

use std::ops::Range;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::wire::bytes::{array_at, u8_at};

/// Length of the tag behind what AES-GCM encrypted.
const TAG: usize = 16;

/// What the keys of a version are made with.
pub struct Family {
    salt: [u8; 20],
    /// Of key, initialization vector and header protection.
    labels: [&'static [u8]; 3],
}

const LABELS: [&[u8]; 3] = [b"tls13 quic key", b"tls13 quic iv", b"tls13 quic hp"];

/// RFC 9001, 5.2; drafts 33 and 34 too.
static V1: Family = Family { salt: salt(0x38762cf7, 0xf55934b34d179ae6a4c80cadccbb7f0a), labels: LABELS };
/// RFC 9369, 3.3.1 and 3.3.2
static V2: Family = Family {
    salt: salt(0x0dede3de, 0xf700a6db819381be6e269dcbf9bd2ed9),
    labels: [b"tls13 quicv2 key", b"tls13 quicv2 iv", b"tls13 quicv2 hp"],
};
/// Drafts 29 to 32 of RFC 9001.
static DRAFT_29: Family =
    Family { salt: salt(0xafbfec28, 0x9993d24c9e9786f19c6111e04390a899), labels: LABELS };
/// Drafts 23 to 28, and Facebook's mvfst.
static DRAFT_23: Family =
    Family { salt: salt(0xc3eef712, 0xc72ebb5a11a7d2432bb46365bef9f502), labels: LABELS };
/// Drafts 21 and 22.
static DRAFT_21: Family =
    Family { salt: salt(0x7fbcdb0e, 0x7c66bbe9193a96cd21519ebd7a02644a), labels: LABELS };
/// Google's last version with its own handshake, and its first two with TLS.
static Q050: Family = Family { salt: salt(0x504574ef, 0xd066fe2f9d945cfcdbd3a7f0d3b56b45), labels: LABELS };
static T050: Family = Family { salt: salt(0x7ff579e5, 0xacd072915580304c43a2367c60488310), labels: LABELS };
static T051: Family = Family { salt: salt(0x7a4edef4, 0xe7ccee5fa4506c19124fc8ccda6e033d), labels: LABELS };

/// The twenty bytes of a salt, from how documents write it.
const fn salt(first: u32, rest: u128) -> [u8; 20] {
    let mut bytes = [0; 20];
    let (first, rest) = (first.to_be_bytes(), rest.to_be_bytes());
    let mut at = 0;
    while at < 20 {
        bytes[at] = if at < 4 { first[at] } else { rest[at - 4] };
        at += 1;
    }
    bytes
}

/// The constants of `version`, if Weir can read its Initial packets.
pub fn family(version: u32) -> Option<&'static Family> {
    Some(match version {
        1 | 0xff00_0021..=0xff00_0022 => &V1,
        0x6b33_43cf => &V2,
        0xff00_001d..=0xff00_0020 => &DRAFT_29,
        0xff00_0017..=0xff00_001c | 0xface_b002..=0xface_b0ff => &DRAFT_23,
        0xff00_0015..=0xff00_0016 | 0xface_b000..=0xface_b001 => &DRAFT_21,
        super::Q050 => &Q050,
        super::T050 => &T050,
        super::T051 => &T051,
        // Nobody's version, to make a server say which ones it speaks (RFC
        // 9000, 15). Those that send it take the constants of their day.
        version if version & 0x0f0f_0f0f == 0x0a0a_0a0a => &DRAFT_29,
        _ => return None,
    })
}

/// Keys of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    hp: [u8; 16],
}

impl Keys {
    /// Those of one side, when the client first wrote to `id`.
    pub fn initial(family: &Family, id: &[u8], of_client: bool) -> Option<Keys> {
        let (_, secret) = Hkdf::<Sha256>::extract(Some(&family.salt), id);
        let label = if of_client { b"tls13 client in" } else { b"tls13 server in" };
        let side = Hkdf::<Sha256>::from_prk(&expand::<32>(&secret, label)?).ok()?;
        let [key, iv, hp] = family.labels;
        Some(Keys { key: expand(&side, key)?, iv: expand(&side, iv)?, hp: expand(&side, hp)? })
    }

    /// Those of client and server.
    #[cfg(test)]
    pub fn both(family: &Family, id: &[u8]) -> Option<[Keys; 2]> {
        Some([Keys::initial(family, id, true)?, Keys::initial(family, id, false)?])
    }

    /// Reads `packet`, whose number begins at `number_at`, into `room`, and
    /// says where its text is; `None` if these are not its keys (RFC 9001, 5.3
    /// and 5.4).
    pub fn open(&self, packet: &[u8], number_at: usize, room: &mut Vec<u8>) -> Option<Range<usize>> {
        let mask = self.mask(array_at(packet, number_at.checked_add(4)?)?);
        let first = u8_at(packet, 0)? ^ mask[0] & 0x0f;
        let text_at = number_at + usize::from(first & 3) + 1;
        room.clear();
        room.extend_from_slice(packet);
        let (header, text) = room.split_at_mut_checked(text_at)?;
        *header.first_mut()? = first;
        // Initial packets are few: their number is in the packet whole.
        let mut nonce = self.iv;
        let number = header.get_mut(number_at..)?;
        let places = nonce.len() - number.len().min(4);
        for ((byte, mask), place) in number.iter_mut().zip(&mask[1..]).zip(nonce.iter_mut().skip(places)) {
            *byte ^= mask;
            *place ^= *byte;
        }
        let (text, tag) = text.split_at_mut_checked(text.len().checked_sub(TAG)?)?;
        let tag: &[u8; TAG] = tag.first_chunk()?;
        let cipher = Aes128Gcm::new(&self.key.into());
        cipher.decrypt_inout_detached(&nonce.into(), header, InOutBuf::from(&mut *text), tag.into()).ok()?;
        Some(text_at..text_at + text.len())
    }

    /// RFC 9001, 5.4.3
    fn mask(&self, sample: [u8; 16]) -> [u8; 16] {
        let mut block = sample.into();
        Aes128::new(&self.hp.into()).encrypt_block(&mut block);
        block.into()
    }

    /// The packet with `header`, which ends with the number, around `text`:
    /// what [`Keys::open`] opens.
    #[cfg(test)]
    pub fn seal(&self, header: &[u8], text: &[u8]) -> Vec<u8> {
        let length = usize::from(header[0] & 3) + 1;
        let number_at = header.len() - length;
        let mut nonce = self.iv;
        for (place, byte) in nonce[12 - length..].iter_mut().zip(&header[number_at..]) {
            *place ^= byte;
        }
        let mut packet = [header, text].concat();
        let text = InOutBuf::from(&mut packet[header.len()..]);
        let cipher = Aes128Gcm::new(&self.key.into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), header, text).unwrap();
        packet.extend_from_slice(&tag);
        let mask = self.mask(array_at(&packet, number_at + 4).unwrap());
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_at..number_at + length].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        packet
    }
}

/// HKDF-Expand-Label without a context; `label` has its prefix (RFC 8446, 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    let mut info = arrayvec::ArrayVec::<u8, 32>::new();
    info.extend((N as u16).to_be_bytes());
    info.push(label.len() as u8);
    info.try_extend_from_slice(label).ok()?;
    info.try_push(0).ok()?;
    let mut output = [0; N];
    secret.expand(&info, &mut output).ok()?;
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    fn keys(key: u128, iv: u128, hp: u128) -> Keys {
        Keys { key: key.to_be_bytes(), iv: array_at(&iv.to_be_bytes(), 4).unwrap(), hp: hp.to_be_bytes() }
    }

    #[test]
    fn keys_are_those_of_the_documents() {
        // RFC 9001, A.1
        let expected = [
            keys(
                0x1f369613dd76d5467730efcbe3b1a22d,
                0xfa044b2f42a3fd3b46fb255c,
                0x9f50449e04a0e810283a1e9933adedd2,
            ),
            keys(
                0xcf3a5331653c364c88f0f379b6067e37,
                0x0ac1493ca1905853b0bba03e,
                0xc206b8d9b9f0f37644430b490eeaa314,
            ),
        ];
        assert_eq!(Keys::both(family(1).unwrap(), &ID), Some(expected));
        // RFC 9369, A.1
        let expected = [
            keys(
                0x8b1a0bc121284290a29e0971b5cd045d,
                0x91f73e2351d8fa91660e909f,
                0x45b95e15235d6f45a6b19cbcb0294ba9,
            ),
            keys(
                0x82db637861d55e1d011f19ea71d5d2a7,
                0xdd13c276499c0249d3310652,
                0xedf6d05c83121201b436e16877593c3a,
            ),
        ];
        assert_eq!(Keys::both(family(0x6b33_43cf).unwrap(), &ID), Some(expected));
    }

    #[test]
    fn versions_that_can_be_read() {
        for version in [1, 0x6b33_43cf, 0xff00_0015, 0xff00_0022, 0xface_b00e, 0x1a2a_3a4a] {
            assert!(family(version).is_some(), "{version:x}");
        }
        for version in [0, 2, 0xff00_0014, 0xff00_0023, u32::from_be_bytes(*b"Q046")] {
            assert!(family(version).is_none(), "{version:x}");
        }
    }

    #[test]
    fn opens_what_was_sealed_and_nothing_else() {
        let [client, server] = Keys::both(&V1, &ID).unwrap();
        for length in 1..=4_u8 {
            let header =
                [&[0xc0 | (length - 1)][..], b"\0\0\0\x01\0\0\0\x40\x40", &[7, 8, 9, 10][..length.into()]]
                    .concat();
            let number_at = header.len() - usize::from(length);
            let sealed = client.seal(&header, b"some text that is long enough");
            let mut room = Vec::new();
            let text = client.open(&sealed, number_at, &mut room).unwrap();
            assert_eq!(&room[text], b"some text that is long enough");
            assert_eq!(server.open(&sealed, number_at, &mut room), None);
            for at in 0..sealed.len() {
                let mut spoilt = sealed.clone();
                spoilt[at] ^= 0x20;
                assert_eq!(client.open(&spoilt, number_at, &mut room), None);
                assert_eq!(client.open(&sealed[..at], number_at, &mut room), None);
            }
            for at in (0..sealed.len() + 30).chain([usize::MAX - 3, usize::MAX]) {
                assert!(at == number_at || client.open(&sealed, at, &mut room).is_none());
            }
        }
    }
}
