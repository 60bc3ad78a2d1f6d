//! Watching a router by the first packets of each session and what conntrack
//! counts. The work grows with sessions, not with packets, and volumes stay
//! right where the kernel passes packets on by itself (software flow offload).

mod conntrack;
mod lan;
mod netlink;
mod nflog;
mod rules;

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

pub use conntrack::Counters;
pub use rules::{Plan, remove};

use self::conntrack::Conntrack;
use self::lan::Lan;
use self::netlink::{Read, Socket, messages};
use self::nflog::Nflog;
use super::{Error, Loss, State};
use crate::engine::Flow;
use crate::time::Time;
use crate::wire::RawMac;

/// After a batch came, the next may gather for this long: a wake-up costs as
/// much as some twenty packets.
const REST: Duration = Duration::from_millis(25);

/// Bytes of the longest datagram of netlink that is asked for.
const BUFFER: usize = 64 << 10;

/// Batches read before others have their turn.
const AT_ONCE: usize = 64;

/// How to watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadsOptions {
    pub plan: Plan,
    /// Bytes that may wait in the kernel, on each of the sockets.
    pub buffer: u32,
    pub dump_every: Duration,
    pub max_flows: usize,
}

/// What comes by. Interfaces are places in the plan's list.
pub enum Seen<'a> {
    /// One of the first packets of a session.
    Head { time: Time, iface: usize, src_mac: Option<RawMac>, bytes: &'a [u8] },
    /// What a flow has grown by, and the interface that one of its ends is behind.
    Flow { flow: &'a Flow, iface: Option<usize> },
}

/// See the module's text. The table of nftables goes when this does.
pub struct Heads {
    options: HeadsOptions,
    lans: Vec<Lan>,
    nflog: Nflog,
    conntrack: Conntrack,
    /// Tells when somebody takes the table away, as a firewall does that is stopped.
    watch: Socket,
    has_table: bool,
    /// When it was put there.
    rules_at: Time,
    dump_at: Time,
    /// A batch came just now.
    resting: bool,
    buffer: Vec<u8>,
}

impl Heads {
    /// Begins to watch; `Failed` says what the kernel or the system lacks.
    pub fn open(options: HeadsOptions, now: Time) -> Result<Heads, Error> {
        let needs = |what: &str, error: io::Error| Error::Failed(format!("{what}: {error}"));
        let HeadsOptions { plan, buffer, .. } = &options;
        let mut lans: Vec<Lan> = plan.interfaces.iter().map(|name| Lan::new(name)).collect();
        lan::refresh(&mut lans);
        if lans.iter().all(|lan| lan.index == 0) {
            return Err(Error::Failed(format!("{}: no such interface", plan.interfaces.join(", "))));
        }
        // Without accounting there are no volumes. With events left to
        // themselves (2), flows begun before now would never tell their end.
        switch_on("nf_conntrack_acct")?;
        switch_on("nf_conntrack_events")?;
        let conntrack = Conntrack::open(options.max_flows, *buffer)
            .map_err(|error| needs("conntrack (kmod-nf-conntrack-netlink)", error))?;
        let nflog =
            Nflog::open(plan.group, plan.snaplen, *buffer).map_err(|error| match error.raw_os_error() {
                Some(libc::EBUSY) => {
                    Error::Failed(format!("NFLOG's group {} is another program's", plan.group))
                }
                _ => needs("NFLOG (kmod-nfnetlink-log)", error),
            })?;
        let watch = table_watch().map_err(|error| needs("nftables", error))?;
        let mut heads = Heads {
            lans,
            nflog,
            conntrack,
            watch,
            has_table: true,
            rules_at: now,
            dump_at: now + options.dump_every,
            resting: false,
            buffer: vec![0; BUFFER],
            options,
        };
        // What there is already counts from now on.
        heads.dump_all(&mut |_| {})?;
        heads.options.plan.install()?;
        Ok(heads)
    }

    pub fn options(&self) -> &HeadsOptions {
        &self.options
    }

    /// What to wait on; nothing while packets gather.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        let all = [self.nflog.socket(), self.conntrack.socket(), &self.watch];
        let count = if self.resting { 0 } else { all.len() };
        all.into_iter().take(count).map(Socket::descriptor)
    }

    /// How long to wait on those at most.
    pub fn patience(&self, now: Time) -> Duration {
        if self.resting { REST } else { self.dump_at.since(now) }
    }

    /// Hands what is there to `each`.
    pub fn read(&mut self, now: Time, each: &mut dyn FnMut(Seen<'_>)) -> Result<State, Error> {
        let failed = |error: io::Error| Error::Failed(format!("netlink: {error}"));
        let mut more = false;
        self.resting = false;
        let (lans, buffer) = (&self.lans, &mut self.buffer);
        for turn in 0..AT_ONCE {
            let came = self.nflog.read(buffer, &mut |head| {
                // Its own traffic has no time; a clock set back is none either.
                let time = head.time.filter(|time| *time <= now).unwrap_or(now);
                let place = |index| lans.iter().position(|lan| lan.index == index && index != 0);
                let (from, to) = (place(head.indev), place(head.outdev));
                // Beyond a LAN's interface the sender is the next router.
                let src_mac = head.src_mac.filter(|_| from.is_some());
                if let Some(iface) = from.or(to) {
                    each(Seen::Head { time, iface, src_mac, bytes: head.bytes });
                }
            });
            if !came.map_err(failed)? {
                break;
            }
            self.resting = true;
            more = turn + 1 == AT_ONCE;
        }
        if now >= self.dump_at || self.dump_at > now + self.options.dump_every {
            self.dump_at = now + self.options.dump_every;
            lan::refresh(&mut self.lans);
            self.conntrack.dump().map_err(failed)?;
        }
        for turn in 0..AT_ONCE {
            let lans = &self.lans;
            let came = self.conntrack.read(&mut self.buffer, &mut |flow| each(flow_of(flow, lans)));
            if !came.map_err(failed)? {
                break;
            }
            more |= turn + 1 == AT_ONCE;
        }
        more |= self.conntrack.is_dumping();
        self.keep_table(now)?;
        Ok(if more { State::More } else { State::Idle })
    }

    /// All that flows have grown by, to the last: before the end.
    pub fn finish(&mut self, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), Error> {
        self.dump_all(each)
    }

    /// Picked packets, and those of them that got lost before they came here.
    pub fn loss(&self) -> Loss {
        self.nflog.loss()
    }

    /// Counters by name, for `weir status`.
    pub fn counters(&self) -> [(&'static str, u64); 7] {
        let Counters { flows, ended, overruns, unfollowed, zeroed, uncounted } = self.conntrack.counters();
        [
            ("flows", flows),
            ("flows_ended", ended),
            ("flows_overruns", overruns),
            ("flows_unfollowed", unfollowed),
            ("flows_zeroed", zeroed),
            ("flows_uncounted", uncounted),
            ("heads_overruns", self.nflog.overruns),
        ]
    }

    /// What makes the numbers doubtful, if anything does.
    pub fn trouble(&self) -> Option<String> {
        let counters = self.conntrack.counters();
        if self.lans.iter().any(|lan| lan.index == 0) {
            let away: Vec<_> = self.lans.iter().filter(|lan| lan.index == 0).map(|lan| &*lan.name).collect();
            return Some(format!("{}: no such interface", away.join(", ")));
        }
        (counters.zeroed > 0).then(|| {
            "another program (nlbwmon?) sets conntrack's counters to zero: volumes are too low".into()
        })
    }

    /// Follows another number of flows.
    pub fn set_max_flows(&mut self, limit: usize) {
        self.options.max_flows = limit;
        self.conntrack.set_limit(limit);
    }

    /// Puts the table back when somebody took it away.
    fn keep_table(&mut self, now: Time) -> Result<(), Error> {
        let failed = |error: io::Error| Error::Failed(format!("netlink: {error}"));
        loop {
            match self.watch.read(&mut self.buffer).map_err(failed)? {
                Read::Empty => break,
                Read::Overrun => self.has_table = false,
                Read::Bytes(length) => {
                    for message in messages(&self.buffer[..length]) {
                        self.has_table = table_change(&message).unwrap_or(self.has_table);
                    }
                }
            }
        }
        // Whoever takes it away again and again is not fought.
        if !self.has_table && now.since(self.rules_at) >= Duration::from_secs(1) {
            (self.rules_at, self.has_table) = (now, true);
            log::warn!("nftables: the table {} was taken away; it is put back", rules::TABLE);
            self.options.plan.install()?;
        }
        Ok(())
    }

    /// Reads a whole dump, and the ends that wait.
    fn dump_all(&mut self, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), Error> {
        let failed = |error: io::Error| Error::Failed(format!("conntrack: {error}"));
        while self.conntrack.is_dumping() {
            let lans = &self.lans;
            self.conntrack.read(&mut self.buffer, &mut |flow| each(flow_of(flow, lans))).map_err(failed)?;
        }
        self.conntrack.dump().map_err(failed)?;
        loop {
            let lans = &self.lans;
            let read = self.conntrack.read(&mut self.buffer, &mut |flow| each(flow_of(flow, lans)));
            let came = read.map_err(failed)?;
            if !came && !self.conntrack.is_dumping() {
                return Ok(());
            }
            if !came {
                // The kernel fills a dump while it is read; nothing there is an oddity.
                self.conntrack.dumps().wait(Duration::from_secs(1));
            }
        }
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        if let Err(error) = remove() {
            log::warn!("{error}; the table {} may still be there", rules::TABLE);
        }
    }
}

fn flow_of<'a>(flow: &'a Flow, lans: &[Lan]) -> Seen<'a> {
    let behind = |address| lans.iter().position(|lan| lan.holds(address));
    Seen::Flow { flow, iface: behind(flow.client.0).or_else(|| behind(flow.server.0)) }
}

/// Turns on one of conntrack's switches.
fn switch_on(name: &str) -> Result<(), Error> {
    let path = format!("/proc/sys/net/netfilter/{name}");
    let state = fs::read_to_string(&path)
        .map_err(|error| Error::Failed(format!("{path}: {error}; is connection tracking there?")))?;
    if state.trim() == "1" {
        return Ok(());
    }
    fs::write(&path, "1")
        .map_err(|error| Error::Failed(format!("{path} is {}, and can't be set to 1: {error}", state.trim())))
}

/// A socket that is told of changes to nftables.
fn table_watch() -> io::Result<Socket> {
    const GROUP_NFTABLES: i32 = 7;
    let socket = Socket::open(BUFFER as u32)?;
    socket.join(GROUP_NFTABLES)?;
    Ok(socket)
}

/// Whether our table is there after the change that `message` tells of.
fn table_change(message: &netlink::Message<'_>) -> Option<bool> {
    /// linux/netfilter/nf_tables.h: a table is new, or is deleted; its name.
    const NEW: u16 = 10 << 8;
    const DELETED: u16 = NEW | 2;
    const NAME: u16 = 1;
    if message.kind != NEW && message.kind != DELETED {
        return None;
    }
    let (_, name) = message.attributes().find(|(kind, _)| *kind == NAME)?;
    let is_ours = name.strip_suffix(b"\0").unwrap_or(name) == rules::TABLE.as_bytes();
    is_ours.then_some(message.kind == NEW)
}
