//! Capture files: pcap and pcapng of either byte order, also compressed with
//! gzip. What a damaged file still gives is handed on before the damage is told.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use super::{Error, Frame, Source, State};
use crate::time::Time;
use crate::wire::LinkType;

/// What is read at once. Larger reads cost memory and gain nothing.
const BUFFER: usize = 256 * 1024;

/// What is read first, to tell the formats.
const HEAD: usize = 4096;

/// The largest block that is believed; libpcap itself stops at 256 KiB a packet.
const MAX_BLOCK: usize = 4 * 1024 * 1024;

/// Interfaces of one file. Hostile files could go on for ever.
const MAX_INTERFACES: usize = 1024;

/// One capture file.
pub struct CaptureFile {
    path: String,
    reader: Box<dyn PcapReaderIterator>,
    input: Shared,
    size: u64,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before this one.
    earlier: usize,
    /// Units of the classic format's fractions in one microsecond: 1 or 1000.
    nanoseconds: bool,
    link: Option<LinkType>,
    consumed: u64,
    packets: u64,
}

/// What the reader below pcap-parser keeps back from it.
#[derive(Default)]
struct Input {
    /// Bytes of the file itself, compressed or not.
    read: u64,
    error: Option<io::Error>,
}

struct Interface {
    /// Its place among those of all sections.
    number: usize,
    name: String,
    kind: Option<LinkType>,
    resolution: Resolution,
    /// Seconds to add (pcapng, if_tsoffset).
    offset: i64,
}

/// Units a second of pcapng times (if_tsresol).
#[derive(Clone, Copy)]
enum Resolution {
    Decimal(u8),
    Binary(u8),
}

impl CaptureFile {
    /// Opens the file at `path`. Fails where it is no capture or of a link
    /// type that Weir can't read.
    pub fn open(path: &Path) -> Result<CaptureFile, Error> {
        let name = path.display().to_string();
        let failed = |error: &io::Error| Error::Input(format!("{name}: {error}"));
        let file = File::open(path).map_err(|error| failed(&error))?;
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if metadata.is_dir() {
            return Err(Error::Input(format!("{name}: is a directory, not a capture")));
        }
        let input = Shared::default();
        let mut raw = Counted { inner: file, input: input.clone() };
        // Enough for pcap-parser to see which format it is.
        let mut head = vec![0; HEAD];
        let got = read_up_to(&mut raw, &mut head).map_err(|error| failed(&error))?;
        if got == 0 {
            return Err(Error::Input(format!("{name}: is empty, not a capture")));
        }
        head.truncate(got);
        let is_gzip = head.starts_with(&[0x1f, 0x8b]);
        // No buffer here: pcap-parser has one, and copying twice costs as much
        // as reading.
        let raw = Cursor::new(head).chain(raw);
        let reader: Box<dyn Read + Send> = if is_gzip {
            Box::new(Watched { inner: MultiGzDecoder::new(raw), input: input.clone() })
        } else {
            Box::new(raw)
        };
        let reader = create_reader(BUFFER, reader).map_err(|_| {
            let why = input.error().unwrap_or_else(|| "is not a pcap or pcapng file".into());
            Error::Input(format!("{name}: {why}"))
        })?;
        Ok(CaptureFile {
            path: name,
            reader,
            input,
            size: metadata.len(),
            interfaces: Vec::new(),
            earlier: 0,
            nanoseconds: false,
            link: None,
            consumed: 0,
            packets: 0,
        })
    }

    /// How much of the file was read, and how large it is, in bytes.
    pub fn progress(&self) -> (u64, u64) {
        (self.input.with(|input| input.read).min(self.size), self.size)
    }

    /// Frames handed on so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    fn damaged(&self, why: &str) -> Error {
        let packets = self.packets;
        let at = self.consumed;
        Error::Input(format!("{}: damaged at byte {at}, after {packets} packets: {why}", self.path))
    }
}

impl Source for CaptureFile {
    fn read(&mut self, limit: usize, each: &mut dyn FnMut(Frame<'_>)) -> Result<State, Error> {
        for _ in 0..limit {
            let (used, outcome) = match self.reader.next() {
                Ok((used, block)) => {
                    let file = Reading {
                        interfaces: &mut self.interfaces,
                        earlier: &mut self.earlier,
                        nanoseconds: &mut self.nanoseconds,
                        link: &mut self.link,
                    };
                    match file.block(&block) {
                        Ok(frame) => {
                            self.packets += u64::from(frame.is_some());
                            frame.into_iter().for_each(&mut *each);
                            (used, None)
                        }
                        Err(why) => (0, Some(Err(why))),
                    }
                }
                Err(PcapError::Eof) => return Ok(State::End),
                Err(PcapError::Incomplete(_)) => (0, Some(Ok(0))),
                Err(PcapError::BufferTooSmall) => {
                    let larger = self.reader.data().len().next_power_of_two() * 2;
                    if larger > MAX_BLOCK {
                        (0, Some(Err("a packet of more than 4 MiB".into())))
                    } else {
                        (0, Some(Ok(larger)))
                    }
                }
                Err(PcapError::UnexpectedEof) => (0, Some(Err("it ends within a packet".into()))),
                Err(PcapError::ReadError) => {
                    (0, Some(Err(self.input.error().unwrap_or_else(|| "can't be read".into()))))
                }
                Err(_) => (0, Some(Err("what should be a packet is none".into()))),
            };
            match outcome {
                None => {
                    self.consumed += used as u64;
                    // Moving the rest to the buffer's start for every packet
                    // would cost more than reading it.
                    self.reader.consume_noshift(used);
                }
                Some(Ok(larger)) => {
                    if larger > 0 && !self.reader.grow(larger) {
                        return Err(self.damaged("a packet too large for the memory"));
                    }
                    if self.reader.refill().is_err() {
                        let why = self.input.error().unwrap_or_else(|| "can't be read".into());
                        return Err(self.damaged(&why));
                    }
                }
                Some(Err(why)) => return Err(self.damaged(&why)),
            }
        }
        Ok(State::More)
    }
}

/// The parts of a [`CaptureFile`] that a block changes.
struct Reading<'a> {
    interfaces: &'a mut Vec<Interface>,
    earlier: &'a mut usize,
    nanoseconds: &'a mut bool,
    link: &'a mut Option<LinkType>,
}

impl<'a> Reading<'a> {
    /// The frame in `block`, if it is one.
    fn block(self, block: &'a PcapBlockOwned<'a>) -> Result<Option<Frame<'a>>, String> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                *self.nanoseconds = header.is_nanosecond_precision();
                // The upper bits tell of a frame check sequence, not of the type.
                let number = header.network.0 & 0x0fff_ffff;
                *self.link = LinkType::from_number(number);
                if self.link.is_none() {
                    return Err(format!("frames of link type {number}, which Weir can't read"));
                }
                Ok(None)
            }
            PcapBlockOwned::Legacy(packet) => {
                let Some(kind) = *self.link else { return Ok(None) };
                let fraction = packet.ts_usec / if *self.nanoseconds { 1_000 } else { 1 };
                let micros = u64::from(packet.ts_sec) * 1_000_000 + u64::from(fraction);
                let time = Time::from_micros(micros);
                let (bytes, on_wire) = (packet.data, packet.origlen);
                Ok(Some(Frame { time, iface: 0, iface_name: "", kind, bytes, on_wire }))
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                *self.earlier += self.interfaces.len();
                self.interfaces.clear();
                Ok(None)
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                if self.interfaces.len() >= MAX_INTERFACES {
                    return Err(format!("more than {MAX_INTERFACES} interfaces"));
                }
                let name = description.if_name().and_then(Result::ok).unwrap_or_default();
                let units = description.if_tsresol;
                self.interfaces.push(Interface {
                    number: *self.earlier + self.interfaces.len(),
                    name: name.chars().filter(|c| !c.is_control()).take(64).collect(),
                    kind: LinkType::from_number(description.linktype.0),
                    resolution: match units & 0x7f {
                        power if units & 0x80 != 0 => Resolution::Binary(power),
                        power => Resolution::Decimal(power),
                    },
                    offset: description.if_tsoffset,
                });
                Ok(None)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let Some(interface) = self.interfaces.get(packet.if_id as usize) else {
                    let iface = packet.if_id;
                    return Err(format!("a packet of interface {iface}, which the file does not describe"));
                };
                // Frames of a kind that can't be read lie between others.
                let Some(kind) = interface.kind else { return Ok(None) };
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let bytes = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                let time = interface.time(ticks);
                let (iface, iface_name, on_wire) = (interface.number, &*interface.name, packet.origlen);
                Ok(Some(Frame { time, iface, iface_name, kind, bytes, on_wire }))
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let Some(interface) = self.interfaces.first() else { return Ok(None) };
                let Some(kind) = interface.kind else { return Ok(None) };
                let length = (packet.origlen as usize).min(packet.data.len());
                let bytes = &packet.data[..length];
                let (iface, iface_name, on_wire) = (interface.number, &*interface.name, packet.origlen);
                Ok(Some(Frame { time: Time::ZERO, iface, iface_name, kind, bytes, on_wire }))
            }
            PcapBlockOwned::NG(_) => Ok(None),
        }
    }
}

impl Interface {
    fn time(&self, ticks: u64) -> Time {
        let ticks = u128::from(ticks) * 1_000_000;
        let micros = match self.resolution {
            Resolution::Decimal(power) => 10_u128.checked_pow(power.into()).map_or(0, |units| ticks / units),
            Resolution::Binary(power) => ticks >> power.min(127),
        };
        let micros = i128::try_from(micros).unwrap_or(i128::MAX);
        let shifted = micros.saturating_add(i128::from(self.offset) * 1_000_000);
        Time::from_micros(u64::try_from(shifted.max(0)).unwrap_or(u64::MAX))
    }
}

/// Fills `buffer` as far as there is something to read.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

/// Shared between a [`CaptureFile`] and the readers that pcap-parser owns.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Input>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Input) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps `error`, which pcap-parser would not hand on.
    fn keep(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.with(|input| input.error.get_or_insert(error).kind());
        kind.into()
    }

    /// What went wrong while reading.
    fn error(&self) -> Option<String> {
        self.with(|input| input.error.take()).map(|error| error.to_string())
    }
}

/// Counts the bytes that a file gives and keeps its error.
struct Counted<R> {
    inner: R,
    input: Shared,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| self.input.keep(error))?;
        self.input.with(|input| input.read += read as u64);
        Ok(read)
    }
}

/// Keeps the error of a decompressor, which pcap-parser would not hand on.
struct Watched<R> {
    inner: R,
    input: Shared,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| self.input.keep(error))
    }
}
