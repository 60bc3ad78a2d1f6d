//! `weir print`: packets as a person reads them. Nothing is written anywhere but to
//! standard output, where nothing of a stranger's gets that a terminal would obey.

mod dump;
mod icmp;
mod line;
mod messages;
mod stats;
mod talk;
#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::signals::Signals;
use super::{Exit, load_config, open_places};
use crate::source::{
    CaptureFile, Filter, Frame, GATHER, Live, LiveOptions, Source, State, default_interface,
};
use crate::time::Time;
use crate::wire::{self, Body, Decoder, Packet};
use dump::Dump;
use messages::Messages;
use stats::Stats;
use talk::Talk;

/// Frames between two looks at signals.
const AT_ONCE: usize = 200;

/// The longest wait for frames.
const NAP: Duration = Duration::from_millis(500);

/// Text that is collected before it is written.
const BUFFER: usize = 64 << 10;

/// What to print, and of what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// A capture; an interface otherwise…
    pub file: Option<PathBuf>,
    /// …this one, or the one that the daemon would watch.
    pub interface: Option<String>,
    /// In libpcap's language.
    pub filter: String,
    pub select: Select,
    pub dump: Option<Dumped>,
    /// What is said, both ways put in order.
    pub follow: bool,
    pub dns: bool,
    pub http: bool,
    pub stats: bool,
}

/// Which packets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Select {
    pub port: Option<u16>,
    pub host: Option<IpAddr>,
    /// Only from that host, and to that port.
    pub one_way: bool,
}

/// How payloads are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dumped {
    Hex,
    Text,
    Both,
}

impl Select {
    fn is_all(&self) -> bool {
        self.port.is_none() && self.host.is_none()
    }

    fn has(&self, packet: &Packet<'_>) -> bool {
        let (src, dst) = ports(packet);
        let host = self.host.is_none_or(|host| packet.src == host || !self.one_way && packet.dst == host);
        let port = self.port.is_none_or(|port| dst == Some(port) || !self.one_way && src == Some(port));
        host && port
    }

    /// The same for what is no packet, between `addresses`.
    fn has_addresses(&self, addresses: &[IpAddr]) -> bool {
        self.port.is_none()
            && self.host.is_none_or(|host| {
                let of = if self.one_way { addresses.get(..1) } else { Some(addresses) };
                of.is_some_and(|of| of.contains(&host))
            })
    }
}

/// The ports of a packet, where it has some.
fn ports(packet: &Packet<'_>) -> (Option<u16>, Option<u16>) {
    match &packet.body {
        Body::Tcp(tcp) => (Some(tcp.src_port), Some(tcp.dst_port)),
        Body::Udp(udp) => (Some(udp.src_port), Some(udp.dst_port)),
        Body::Sctp { src_port, dst_port } => (Some(*src_port), Some(*dst_port)),
        _ => (None, None),
    }
}

/// Prints what `options` ask for, to the end of the file or until a signal comes.
pub fn print(config: Option<&Path>, options: Options) -> Result<(), Exit> {
    let (config, _) = load_config(config)?;
    let stats = options.stats.then(|| Stats::new(open_places(&config)));
    let mut printer = Printer::new(&options, config.engine().wire, stats);
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let done = match &options.file {
        Some(path) => from_file(path, &options.filter, &mut printer, &mut out),
        None => from_interface(&options, *config.capture.snaplen, &mut printer, &mut out),
    };
    let told = printer.finish();
    let written = done.and_then(|()| write(&mut out, &told)).and_then(|()| Ok(out.flush()?));
    match written {
        Err(Stop::Unread) | Ok(()) => Ok(()),
        Err(Stop::Exit(exit)) => Err(exit),
    }
}

/// Why printing ends.
enum Stop {
    /// Nobody reads it any longer.
    Unread,
    Exit(Exit),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::Unread,
            _ => Stop::Exit(Exit::Failed(format!("standard output: {error}"))),
        }
    }
}

impl From<crate::source::Error> for Stop {
    fn from(error: crate::source::Error) -> Stop {
        Stop::Exit(error.into())
    }
}

fn write(out: &mut impl Write, text: &str) -> Result<(), Stop> {
    Ok(out.write_all(text.as_bytes())?)
}

fn from_file(path: &Path, filter: &str, printer: &mut Printer, out: &mut impl Write) -> Result<(), Stop> {
    let mut file = CaptureFile::open(path)?;
    let mut filter = Filter::new(filter)?;
    loop {
        let mut text = String::new();
        let state = file.read(AT_ONCE, &mut |frame| {
            if filter.has(frame.kind, frame.bytes) {
                printer.frame(&frame, &mut text);
            }
        });
        write(out, &text)?;
        match state? {
            State::More => {}
            State::Idle | State::End => return Ok(()),
        }
    }
}

fn from_interface(
    options: &Options,
    snaplen: u32,
    printer: &mut Printer,
    out: &mut impl Write,
) -> Result<(), Stop> {
    let name = options.interface.clone().map_or_else(default_interface, Ok)?;
    let filter = options.filter.clone();
    let mut live = Live::open(
        &name,
        &LiveOptions { filter, snaplen, buffer: 2 << 20, promiscuous: true, gather: GATHER },
    )?;
    let signals =
        Signals::register().map_err(|error| Stop::Exit(Exit::Failed(format!("signals: {error}"))))?;
    let waits: Vec<_> = live.descriptor().into_iter().collect();
    while !signals.end.load(Ordering::Relaxed) {
        let mut text = String::new();
        let state = live.read(AT_ONCE, &mut |frame| printer.frame(&frame, &mut text));
        write(out, &text)?;
        if state? == State::Idle {
            out.flush()?;
            signals.wait(&waits, NAP);
        }
    }
    let loss = live.loss();
    if loss.lost > 0 {
        log::warn!("{name}: {} of {} frames were lost", loss.lost, loss.offered);
    }
    Ok(())
}

/// Makes text of frames.
struct Printer {
    select: Select,
    dump: Option<Dump>,
    /// A line for each frame.
    lines: bool,
    talk: Option<Talk>,
    messages: Option<Messages>,
    stats: Option<Stats>,
    decoder: Decoder,
    now: Time,
}

impl Printer {
    fn new(options: &Options, wire: wire::Options, stats: Option<Stats>) -> Printer {
        let Options { follow, dns, http, dump, .. } = options;
        Printer {
            select: options.select.clone(),
            dump: dump.map(Dump),
            lines: !(*follow || *dns || *http || stats.is_some()),
            talk: follow.then(Talk::default),
            messages: (*dns || *http).then(|| Messages::new(*dns, *http)),
            stats,
            decoder: Decoder::new(wire),
            now: Time::ZERO,
        }
    }

    /// Appends what there is to say of `frame` to `out`.
    fn frame(&mut self, frame: &Frame<'_>, out: &mut String) {
        self.now = self.now.max(frame.time);
        let (select, now) = (&self.select, self.now);
        let (talk, messages, stats) = (&mut self.talk, &mut self.messages, &mut self.stats);
        let mut text = String::new();
        let mut line = if self.lines { line::of(frame, &mut text) } else { line::Line::default() };
        let mut wanted = select.is_all() || select.has_addresses(&line.addresses);
        let (dump, lines) = (&self.dump, self.lines);
        self.decoder.frame(now, frame.time, 0, frame.kind, frame.bytes, frame.on_wire, &mut |packet| {
            // The frame's own packet has its line already; others are inside it,
            // or were put together with its help.
            let is_own = std::mem::take(&mut line.has_packet);
            if lines && !is_own {
                line::inner(&packet, &mut text);
            }
            if let (true, Some(dump)) = (lines, dump) {
                dump.packet(&packet, &mut text);
            }
            if !select.has(&packet) {
                return;
            }
            wanted = true;
            if let Some(talk) = talk {
                talk.packet(&packet, now, out);
            }
            if let Some(messages) = messages {
                messages.packet(&packet, now, out);
            }
            if let Some(stats) = stats {
                stats.packet(&packet, out);
            }
        });
        if self.lines && wanted {
            out.push_str(&text);
        }
    }

    /// What is left to say at the end.
    fn finish(&mut self) -> String {
        let mut out = String::new();
        if let Some(talk) = &mut self.talk {
            talk.finish(&mut out);
        }
        if let Some(messages) = &mut self.messages {
            messages.finish(&mut out);
        }
        if let Some(stats) = &mut self.stats {
            stats.finish(&mut out);
        }
        out
    }
}
