//! Frames of Wi-Fi (IEEE 802.11) with data in the clear: from a capture in
//! monitor mode, or inside the GRE of access points that a controller manages.

use super::bytes::{array_at, u8_at};
use super::link::RawMac;

/// A frame's sender, its receiver, and what follows its header: LLC and SNAP.
pub type Data<'a> = (Option<RawMac>, Option<RawMac>, &'a [u8]);

/// What the header says: data in the clear, or anything else.
///
/// `None` for a frame that ends before its header does, `Some(None)` for beacons,
/// acknowledgements, what is encrypted, and frames that hold several (A-MSDU).
/// Fields by IEEE 802.11-2020, 9.2.4.1 and 9.3.2.1.
pub fn data(frame: &[u8]) -> Option<Option<Data<'_>>> {
    const TO_DS: u8 = 0x01;
    const FROM_DS: u8 = 0x02;
    const FRAGMENT_FOLLOWS: u8 = 0x04;
    const PROTECTED: u8 = 0x40;
    const HT_CONTROL: u8 = 0x80;
    let (control, flags) = (u8_at(frame, 0)?, u8_at(frame, 1)?);
    let (quality, empty) = (control & 0x80 != 0, control & 0x40 != 0);
    if control & 0x0f != 0x08 || empty || flags & (PROTECTED | FRAGMENT_FOLLOWS) != 0 {
        return Some(None);
    }
    let address = |at: usize| array_at(frame, at);
    let mut header = 24;
    let (receiver, sender) = match flags & (TO_DS | FROM_DS) {
        0 => (address(4), address(10)),
        TO_DS => (address(16), address(10)),
        FROM_DS => (address(4), address(16)),
        _ => {
            header += 6;
            (address(16), address(24))
        }
    };
    if u8_at(frame, 22)? & 0x0f != 0 {
        return Some(None);
    }
    if quality {
        let several = u8_at(frame, header)? & 0x80 != 0;
        header += if flags & HT_CONTROL != 0 { 6 } else { 2 };
        if several {
            return Some(None);
        }
    }
    Some(Some((sender, receiver, frame.get(header..)?)))
}

/// The frame behind a radiotap header, whose length is in bytes 2 and 3
/// (radiotap.org). A check sum at the frame's end is left: the IP header counts.
pub fn behind_radiotap(frame: &[u8]) -> Option<&[u8]> {
    frame.get(usize::from(u16::from_le_bytes(array_at(frame, 2)?)).max(8)..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RawMac = [2, 0, 0, 0, 0, 1];
    const B: RawMac = [2, 0, 0, 0, 0, 2];
    const C: RawMac = [2, 0, 0, 0, 0, 3];
    const D: RawMac = [2, 0, 0, 0, 0, 4];

    fn frame(control: [u8; 2], more: &[u8]) -> Vec<u8> {
        [&control[..], &[0, 0], &A, &B, &C, &[0x10, 0], more].concat()
    }

    #[test]
    fn the_two_direction_bits_say_which_address_is_whose() {
        let cases: [([u8; 2], &[u8], RawMac, RawMac); 5] = [
            ([0x08, 0], b"llc", B, A),
            ([0x08, 1], b"llc", B, C),
            ([0x08, 2], b"llc", C, A),
            ([0x88, 1], b"\0\0llc", B, C),
            ([0x88, 0x81], b"\0\0\0\0\0\0llc", B, C),
        ];
        for (control, more, sender, receiver) in cases {
            let whole = frame(control, more);
            assert_eq!(data(&whole), Some(Some((Some(sender), Some(receiver), &b"llc"[..]))), "{control:?}");
        }
        let bridge = frame([0x08, 3], &[&D[..], b"llc"].concat());
        assert_eq!(data(&bridge), Some(Some((Some(D), Some(C), &b"llc"[..]))));
    }

    #[test]
    fn what_holds_no_readable_data_is_told_from_what_is_cut() {
        for control in [[0x80, 0], [0x48, 0], [0xc8, 0], [0x08, 0x40], [0x08, 0x04], [0xd4, 0]] {
            assert_eq!(data(&frame(control, b"llc")), Some(None), "{control:?}");
        }
        assert_eq!(data(&frame([0x88, 1], &[0x80, 0, 9])), Some(None), "several in one");
        let whole = frame([0x88, 0x81], &[0; 6]);
        for end in 0..whole.len() {
            assert_eq!(data(&whole[..end]), None, "{end}");
        }
        assert_eq!(behind_radiotap(&[0, 0, 9, 0, 0, 0, 0, 0, 0, 7]), Some(&[7][..]));
        assert_eq!(behind_radiotap(&[0, 0, 99, 0, 0]), None);
    }
}
