//! Packets out of the export's files: those of a session, or what a filter finds.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::super::{Exit, features, load_config, open_database};
use super::ring;
use crate::record::Id;
use crate::source::{CaptureFile, Filter, Pcapng, Source, State};
use crate::time::Time;
use crate::wire::{self, Body, Decoder, Packet};

/// Bytes of packets that the daemon answers with; the rest is for `weir export`.
pub const MAX_ANSWER: u64 = 512 << 10;

/// Frames taken at once.
const AT_ONCE: usize = 1_000;

/// What the clocks of a session's row and of its packets may differ by.
const SLACK: Duration = Duration::from_secs(1);

/// A TCP session's row may be named so long after its last packet.
const LONGEST_WAIT: Duration = Duration::from_secs(8 * 86_400);

/// Which packets.
pub struct Wanted {
    /// Protocol number and both ends of a session.
    pub ends: Option<(u8, (IpAddr, u16), (IpAddr, u16))>,
    pub from: Time,
    pub to: Time,
    pub filter: Filter,
}

impl Wanted {
    /// Those of a session.
    pub fn session(ends: (u8, (IpAddr, u16), (IpAddr, u16)), start: Time, last: Time) -> Wanted {
        let filter = Filter::default();
        Wanted { ends: Some(ends), from: start.back(SLACK), to: last + SLACK, filter }
    }

    fn has(&self, packet: &Packet<'_>) -> bool {
        let Some((number, client, server)) = self.ends else { return true };
        let (src, dst) = match &packet.body {
            Body::Tcp(tcp) => (tcp.src_port, tcp.dst_port),
            Body::Udp(udp) => (udp.src_port, udp.dst_port),
            Body::Sctp { src_port, dst_port } => (*src_port, *dst_port),
            // ICMP has no ports: its rows have something else there.
            _ => {
                let pair = [packet.src, packet.dst];
                return packet.proto == number
                    && (pair == [client.0, server.0] || pair == [server.0, client.0]);
            }
        };
        let (src, dst) = ((packet.src, src), (packet.dst, dst));
        packet.proto == number && ((src, dst) == (client, server) || (src, dst) == (server, client))
    }
}

/// Writes what is `wanted` of the files in `folder` to `out`, until there are `limit`
/// bytes; returns how many packets that were, and whether there would be more.
pub fn extract(
    folder: &Path,
    mut wanted: Wanted,
    options: wire::Options,
    limit: u64,
    out: impl Write,
) -> io::Result<(u64, bool)> {
    let mut out = Pcapng::new(out)?;
    let (mut count, mut is_cut, mut failed) = (0, false, Ok(()));
    for path in ring::files(folder) {
        // What was deleted meanwhile, or is being written, has nothing more to give.
        let Ok(mut file) = CaptureFile::open(&path) else { continue };
        let mut decoder = Decoder::new(options);
        loop {
            let state = file.read(AT_ONCE, &mut |frame| {
                let in_time = (wanted.from..=wanted.to).contains(&frame.time);
                if is_cut || failed.is_err() || !in_time || !wanted.filter.has(frame.kind, frame.bytes) {
                    return;
                }
                let mut is_wanted = wanted.ends.is_none();
                let mut each = |packet: Packet<'_>| is_wanted |= wanted.has(&packet);
                decoder.frame(frame.time, frame.time, 0, frame.kind, frame.bytes, frame.on_wire, &mut each);
                if !is_wanted {
                    return;
                }
                if out.size() + frame.bytes.len() as u64 > limit {
                    is_cut = true;
                    return;
                }
                count += 1;
                failed = out.write(&frame, usize::MAX);
            });
            if !matches!(state, Ok(State::More)) || is_cut || failed.is_err() {
                break;
            }
        }
    }
    failed?;
    out.flush()?;
    Ok((count, is_cut))
}

/// `weir export`: packets of the session whose row is named `session`, or all since
/// `since`, as far as `filter` lets them pass, to standard output.
pub fn export(
    config: Option<&Path>,
    session: Option<i64>,
    filter: &str,
    since: Option<&str>,
) -> Result<(), Exit> {
    if io::stdout().is_terminal() {
        return Err(Exit::Input(vec!["what comes out is a capture: send it to a file".into()]));
    }
    let (config, _) = load_config(config)?;
    let filter = Filter::new(filter)?;
    let now = super::super::clock::Clock::new().read().0;
    let from = match since {
        Some(text) => features::parse_since(text, now).ok_or_else(|| features::since_expected(text))?,
        None => Time::ZERO,
    };
    let wanted = match session {
        Some(id) => Wanted { filter, ..of_row(&config, id)? },
        None => Wanted { ends: None, from, to: Time::MAX, filter },
    };
    let out = BufWriter::new(io::stdout().lock());
    match extract(&config.export.folder, wanted, config.engine().wire, u64::MAX, out) {
        Ok((0, _)) => Err(Exit::Input(vec!["there are no such packets in the export's files".into()])),
        Ok((count, _)) => {
            eprintln!("{count} packets");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Exit::Failed(format!("standard output: {error}"))),
    }
}

/// What the database knows of the session `id`.
fn of_row(config: &crate::config::Config, id: i64) -> Result<Wanted, Exit> {
    let since = Id::from_number(id).time().back(LONGEST_WAIT);
    let mut found = None;
    open_database(config)?.sessions(since, &mut |row| {
        if row.id == id {
            let ends = || Some((row.client.parse().ok()?, row.server.parse().ok()?));
            found = ends().map(|(client, server)| {
                let ends = ((client, row.client_port), (server, row.server_port));
                Wanted::session((features::number_of(&row.proto), ends.0, ends.1), row.start, row.last)
            });
        }
    })?;
    found.ok_or_else(|| Exit::Input(vec![format!("there is no session {id} in the database")]))
}
