//! Writing captures: pcapng, as frames of one capture may be of several kinds
//! (draft-ietf-opsawg-pcapng, 4).

use std::io::{Result, Write};

use super::Frame;
use crate::wire::LinkType;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

/// Bytes of a packet's block beside the packet.
const OVERHEAD: usize = 32;

/// Option: an interface's name.
const IF_NAME: u16 = 2;

/// Interfaces of one file; what is of others is written as one of the same kind.
const MAX_INTERFACES: usize = 64;

/// One file that is being written.
pub struct Pcapng<W> {
    out: W,
    interfaces: Vec<(LinkType, Box<str>)>,
    /// Bytes written.
    size: u64,
}

impl<W: Write> Pcapng<W> {
    /// Begins a file.
    pub fn new(mut out: W) -> Result<Pcapng<W>> {
        let body: [u32; 4] = [0x1a2b_3c4d, 1, u32::MAX, u32::MAX];
        let body: Vec<u8> = body.iter().flat_map(|word| word.to_le_bytes()).collect();
        let size = block(&mut out, SECTION, &body)?;
        Ok(Pcapng { out, interfaces: Vec::new(), size })
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes `frame`, of its bytes at most `snaplen`.
    pub fn write(&mut self, frame: &Frame<'_>, snaplen: usize) -> Result<()> {
        let number = self.interface(frame.kind, frame.iface_name)?;
        let bytes = frame.bytes.get(..snaplen).unwrap_or(frame.bytes);
        let micros = frame.time.micros();
        let mut body = Vec::with_capacity(OVERHEAD + bytes.len());
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for word in [number, (micros >> 32) as u32, micros as u32, length, frame.on_wire.max(length)] {
            body.extend_from_slice(&word.to_le_bytes());
        }
        body.extend_from_slice(bytes);
        self.size += block(&mut self.out, PACKET, &body)?;
        Ok(())
    }

    /// The number of an interface, which is described when it comes first.
    fn interface(&mut self, kind: LinkType, name: &str) -> Result<u32> {
        let is_full = self.interfaces.len() >= MAX_INTERFACES;
        let known = |(of, called): &(LinkType, Box<str>)| *of == kind && (is_full || **called == *name);
        if let Some(at) = self.interfaces.iter().position(known) {
            return Ok(at as u32);
        }
        let name: String = name.chars().take(64).collect();
        let mut body = Vec::new();
        body.extend_from_slice(&(kind.number() as u16).to_le_bytes());
        // Reserved, and the snap length: none.
        body.extend_from_slice(&[0; 6]);
        if !name.is_empty() {
            body.extend_from_slice(&IF_NAME.to_le_bytes());
            body.extend_from_slice(&(name.len() as u16).to_le_bytes());
            body.extend_from_slice(name.as_bytes());
            body.resize(body.len().next_multiple_of(4), 0);
            body.extend_from_slice(&[0; 4]);
        }
        self.size += block(&mut self.out, INTERFACE, &body)?;
        self.interfaces.push((kind, name.into()));
        Ok(self.interfaces.len() as u32 - 1)
    }

    pub fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

/// Writes a block at one go, so that a file that is read meanwhile ends with a whole
/// one; returns its size.
fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> Result<u64> {
    let padded = body.len().next_multiple_of(4);
    let length = (padded + 12) as u32;
    let mut bytes = Vec::with_capacity(padded + 12);
    bytes.extend_from_slice(&kind.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.resize(padded + 8, 0);
    bytes.extend_from_slice(&length.to_le_bytes());
    out.write_all(&bytes)?;
    Ok(length.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{CaptureFile, Source, State};
    use crate::time::Time;

    #[test]
    fn what_is_written_is_read_back() {
        let frames = [
            (LinkType::Ethernet, "br-lan", 1_700_000_000_123_456, b"one".as_slice(), 3),
            (LinkType::Raw, "wg0", 1_700_000_001_000_000, b"second", 1_500),
            (LinkType::Ethernet, "br-lan", 5_000_000_000_000_007, b"", 60),
        ];
        let mut file = Pcapng::new(Vec::new()).unwrap();
        assert_eq!(file.size(), 28);
        for (kind, iface_name, micros, bytes, on_wire) in frames {
            let time = Time::from_micros(micros);
            file.write(&Frame { time, iface: 0, iface_name, kind, bytes, on_wire }, 4).unwrap();
        }
        assert_eq!(file.size(), file.out.len() as u64);
        let path = std::env::temp_dir().join(format!("weir-pcapng-{}", std::process::id()));
        std::fs::write(&path, &file.out).unwrap();
        let (mut back, mut source) = (Vec::new(), CaptureFile::open(&path).unwrap());
        let state = source.read(10, &mut |frame| {
            let Frame { kind, iface_name, time, bytes, on_wire, .. } = frame;
            back.push((kind, iface_name.to_owned(), time.micros(), bytes.to_vec(), on_wire));
        });
        std::fs::remove_file(&path).unwrap();
        assert_eq!(state, Ok(State::End));
        let cut = |bytes: &[u8]| bytes[..bytes.len().min(4)].to_vec();
        let expected: Vec<_> = frames
            .into_iter()
            .map(|(kind, name, micros, bytes, on_wire)| (kind, name.to_owned(), micros, cut(bytes), on_wire))
            .collect();
        assert_eq!(back, expected);
    }
}
