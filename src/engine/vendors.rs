//! Who made a network card, by the beginning of its MAC address (IEEE 802, 8).
//!
//! The table is made by `scripts/oui.py`, which says how it lies in its file. It
//! stays deflated in memory; one block of it is inflated for one question, of
//! which there is one for each new device.

use std::io::Read;
use std::sync::Arc;

use flate2::read::DeflateDecoder;

use crate::wire::RawMac;
use crate::wire::bytes::{array_at, u8_at, u16_at, u32_at};

const MAGIC: &[u8] = b"weiroui1";

/// The largest file that is taken, in bytes; that of 2022 has 335 kB.
pub const MAX_FILE: u64 = 1 << 20;

/// The largest block, inflated.
const MAX_BLOCK: u64 = 64 << 10;

/// Shared names in a block of them.
const NAMES_IN_BLOCK: usize = 256;

/// Bytes of what says where a block lies.
const INDEX_ENTRY: usize = 10;
const NAME_INDEX_ENTRY: usize = 4;

/// Assignments are of so many bits. A prefix that is given away in parts is nobody's
/// itself, so the commonest come first.
const LENGTHS: [u8; 3] = [24, 28, 36];

/// See the module's text.
pub struct Vendors {
    file: Box<[u8]>,
    blocks: usize,
    name_blocks: usize,
}

impl Vendors {
    /// The table in `file`, or what is wrong with it.
    pub fn parse(file: Vec<u8>) -> Result<Vendors, &'static str> {
        let counts = file.strip_prefix(MAGIC).and_then(|rest| Some((u16_at(rest, 0)?, u16_at(rest, 2)?)));
        let Some((blocks, name_blocks)) = counts else { return Err("is no table of makers") };
        let vendors =
            Vendors { file: file.into_boxed_slice(), blocks: blocks.into(), name_blocks: name_blocks.into() };
        let ends = (0..vendors.blocks).map(|block| vendors.end_of_block(block));
        let name_ends = (0..vendors.name_blocks).map(|block| vendors.end_of_names(block));
        let ends: Option<Vec<_>> = ends.chain(name_ends).collect();
        let packed = vendors.file.len().checked_sub(vendors.packed_at());
        let whole = ends.is_some_and(|ends| ends.is_sorted() && ends.last().copied() == packed);
        if whole { Ok(vendors) } else { Err("is cut or broken") }
    }

    /// Who made the card with address `mac`; `None` for addresses that nobody was
    /// assigned, as those that were made up have it.
    pub fn of(&self, mac: &RawMac) -> Option<Arc<str>> {
        let [a, b, c, d, e, _] = *mac;
        let bits36 = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) >> 4;
        LENGTHS.iter().find_map(|&bits| self.assigned(bits, bits36 >> (36 - bits)))
    }

    /// Whom `prefix` of `bits` bits is assigned to.
    fn assigned(&self, bits: u8, prefix: u64) -> Option<Arc<str>> {
        let wanted = (bits, prefix);
        let (mut low, mut high) = (0, self.blocks);
        while low < high {
            let middle = low.midpoint(high);
            if self.first_of(middle)? <= wanted { low = middle + 1 } else { high = middle }
        }
        let block = low.checked_sub(1)?;
        let (found, first) = self.first_of(block)?;
        if found != bits {
            return None;
        }
        let start = block.checked_sub(1).map_or(Some(0), |before| self.end_of_block(before))?;
        let data = self.inflated(start, self.end_of_block(block)?)?;
        match find(&data, first, prefix)? {
            Found::Own(name) => Some(name.into()),
            Found::Shared(number) => self.shared(number),
        }
    }

    fn shared(&self, number: usize) -> Option<Arc<str>> {
        let (block, place) = (number / NAMES_IN_BLOCK, number % NAMES_IN_BLOCK);
        let start = match block.checked_sub(1) {
            Some(before) => self.end_of_names(before)?,
            None => self.blocks.checked_sub(1).map_or(Some(0), |last| self.end_of_block(last))?,
        };
        let data = self.inflated(start, self.end_of_names(block)?)?;
        line(&data, place).map(Into::into)
    }

    /// Bits and first prefix of a block.
    fn first_of(&self, block: usize) -> Option<(u8, u64)> {
        let at = self.index_at(block);
        let [a, b, c, d, e] = array_at(&self.file, at + 1)?;
        Some((u8_at(&self.file, at)?, u64::from_be_bytes([0, 0, 0, a, b, c, d, e])))
    }

    fn end_of_block(&self, block: usize) -> Option<usize> {
        u32_at(&self.file, self.index_at(block) + 6).map(|end| end as usize)
    }

    fn end_of_names(&self, block: usize) -> Option<usize> {
        let at = self.index_at(self.blocks) + block * NAME_INDEX_ENTRY;
        (block < self.name_blocks).then(|| u32_at(&self.file, at).map(|end| end as usize))?
    }

    fn index_at(&self, block: usize) -> usize {
        MAGIC.len() + 4 + block * INDEX_ENTRY
    }

    /// Where the blocks begin.
    fn packed_at(&self) -> usize {
        self.index_at(self.blocks) + self.name_blocks * NAME_INDEX_ENTRY
    }

    fn inflated(&self, start: usize, end: usize) -> Option<Vec<u8>> {
        let packed = self.file.get(self.packed_at()..)?.get(start..end)?;
        let mut data = Vec::new();
        DeflateDecoder::new(packed).take(MAX_BLOCK).read_to_end(&mut data).ok()?;
        Some(data)
    }
}

/// A name, or where it is.
enum Found<'a> {
    Own(&'a str),
    Shared(usize),
}

/// What the block `data`, which begins with the prefix `first`, says of `prefix`.
fn find(data: &[u8], first: u64, prefix: u64) -> Option<Found<'_>> {
    let count = usize::from(u16_at(data, 0)?);
    let mut rest = data.get(2..)?;
    let (mut here, mut place) = (first, None);
    for at in 0..count {
        here += varint(&mut rest)?;
        if here == prefix {
            place = Some(at);
        }
    }
    let place = place?;
    let (mut own, mut found) = (0, None);
    for at in 0..count {
        let number = varint(&mut rest)? as usize;
        if at == place {
            found = Some((number, own));
        }
        own += usize::from(number == 0);
    }
    match found? {
        (0, own) => line(rest, own).map(Found::Own),
        (number, _) => Some(Found::Shared(number - 1)),
    }
}

/// A number in pieces of seven bits, the lowest first; at most 35 of them.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn line(text: &[u8], place: usize) -> Option<&str> {
    let line = text.split(|&byte| byte == b'\n').nth(place)?;
    std::str::from_utf8(line).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/oui.bin")).unwrap()
    }

    fn name(vendors: &Vendors, mac: [u8; 6]) -> Option<String> {
        vendors.of(&mac).map(|name| name.to_string())
    }

    #[test]
    fn the_shipped_table_knows_assignments_of_every_length() {
        let vendors = Vendors::parse(shipped()).unwrap();
        assert_eq!(name(&vendors, [0x00, 0x1d, 0x09, 1, 2, 3]).as_deref(), Some("Dell"));
        assert_eq!(name(&vendors, [0xf0, 0x18, 0x98, 1, 2, 3]).as_deref(), Some("Apple"));
        assert_eq!(
            name(&vendors, [0x20, 0x85, 0x93, 0xb1, 2, 3]).as_deref(),
            Some("IOG Products"),
            "28 bits"
        );
        assert_eq!(
            name(&vendors, [0x70, 0xb3, 0xd5, 0xf2, 0xf1, 3]).as_deref(),
            Some("Teleplatforms"),
            "36 bits"
        );
        assert_eq!(name(&vendors, [0x02, 0, 0, 0, 0, 1]), None);
        assert_eq!(name(&vendors, [0xff; 6]), None);
        assert_eq!(name(&vendors, [0; 6]).as_deref(), Some("Xerox"));
    }

    #[test]
    fn the_shipped_table_is_small_on_disk_and_in_memory() {
        let file = shipped();
        assert!(file.len() <= 400_000, "{}", file.len());
        let vendors = Vendors::parse(file).unwrap();
        let largest = (0..vendors.blocks).map(|block| {
            let start = block.checked_sub(1).map_or(0, |before| vendors.end_of_block(before).unwrap());
            vendors.inflated(start, vendors.end_of_block(block).unwrap()).unwrap().len()
        });
        assert!(vendors.file.len() + largest.max().unwrap() < 400_000);
    }

    #[test]
    fn a_broken_table_is_refused_or_knows_less() {
        let file = shipped();
        for end in [0, 7, 8, 11, 12, 100, 500, file.len() - 1] {
            assert!(Vendors::parse(file[..end].to_vec()).is_err(), "{end}");
        }
        for at in (0..file.len()).step_by(997) {
            let mut spoilt = file.clone();
            spoilt[at] ^= 0x5a;
            if let Ok(vendors) = Vendors::parse(spoilt) {
                let _ = (vendors.of(&[0x00, 0x1d, 0x09, 1, 2, 3]), vendors.of(&[0xf0, 0x18, 0x98, 1, 2, 3]));
            }
        }
    }
}
