//! Watching a router by the first packets of each session and what conntrack
//! counts. The work grows with sessions, not with packets, and volumes stay
//! right where the kernel passes packets on by itself (software flow offload).

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::conntrack::{Conntrack, Counters};
use super::lan::{self, Lan};
use super::nflog::Nflog;
use super::rules::{Logging, Plan};
use super::table::Table;
use crate::engine::Flow;
use crate::source::{Error, Loss, State};
use crate::time::Time;
use crate::wire::RawMac;

/// After a batch came, the next may gather for this long: a wake-up costs as
/// much as some twenty packets.
const REST: Duration = Duration::from_millis(50);

/// Bytes of the longest datagram of netlink that is asked for.
const BUFFER: usize = 64 << 10;

/// Batches read before others have their turn.
const AT_ONCE: usize = 64;

/// A dump is asked for no sooner than this for each flow that it will have: it
/// costs some 3 µs for each, which is then less than a tenth of a per cent of a
/// processor, and of a router's slow one still less than one. Most of what stands
/// in a large table has ended, and is told again by each dump until its time is up.
const PER_FLOW: Duration = Duration::from_micros(4000);

/// The longest pause between dumps, of those that were asked for.
const LONGEST: u32 = 8;

/// How to watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadsOptions {
    /// With the logging below.
    pub plan: Plan,
    pub logging: Logging,
    /// Bytes that may wait in the kernel, on each of the sockets.
    pub buffer: u32,
    pub dump_every: Duration,
    pub max_flows: usize,
}

/// What comes by. Interfaces are places in the plan's list.
pub enum Seen<'a> {
    /// One of the first packets of a session.
    Head { time: Time, iface: usize, src_mac: Option<RawMac>, bytes: &'a [u8] },
    /// What a flow has grown by, and the interface that one of its ends is behind
    /// if it may begin a session. Taken when somebody knows it.
    Flow { flow: &'a Flow, iface: Option<usize> },
}

/// See the module's text.
pub struct Heads {
    options: HeadsOptions,
    lans: Vec<Lan>,
    nflog: Nflog,
    conntrack: Conntrack,
    table: Table,
    /// The last dump, the next, and how long between them.
    dumped_at: Time,
    dump_at: Time,
    pause: Duration,
    /// A batch came just now.
    resting: bool,
    buffer: Vec<u8>,
}

impl Heads {
    /// Begins to watch; `Failed` says what the kernel or the system lacks.
    pub fn open(options: HeadsOptions, now: Time) -> Result<Heads, Error> {
        let HeadsOptions { plan, logging, buffer, .. } = &options;
        let mut lans: Vec<Lan> = plan.interfaces.iter().map(|name| Lan::new(name)).collect();
        lan::refresh(&mut lans);
        if lans.iter().all(|lan| lan.index == 0) {
            return Err(Error::Failed(format!("{}: no such interface", plan.interfaces.join(", "))));
        }
        // Without accounting there are no volumes. With events left to
        // themselves (2), flows begun before now would never tell their end.
        switch_on("nf_conntrack_acct")?;
        switch_on("nf_conntrack_events")?;
        let mut conntrack = Conntrack::open(options.max_flows, *buffer)
            .map_err(failed("conntrack (kmod-nf-conntrack-netlink)"))?;
        let longest = LONGEST * options.dump_every;
        if time_wait().is_some_and(|time_wait| time_wait > 2 * longest + Duration::from_secs(5)) {
            conntrack.leave_out_expired().map_err(failed("conntrack"))?;
        }
        let nflog = Nflog::open(logging.group, logging.snaplen, *buffer).map_err(|error| {
            match error.raw_os_error() {
                Some(libc::EBUSY) => {
                    Error::Failed(format!("NFLOG's group {} is another program's", logging.group))
                }
                _ => failed("NFLOG (kmod-nfnetlink-log)")(error),
            }
        })?;
        // What there is already counts from now on.
        let mut buffer = vec![0; BUFFER];
        conntrack.read_all(&mut buffer, &mut |_, _| true).map_err(failed("conntrack"))?;
        let table = Table::put(options.plan.clone(), now)?;
        Ok(Heads {
            lans,
            nflog,
            conntrack,
            table,
            dumped_at: now,
            dump_at: now + options.dump_every,
            pause: options.dump_every,
            resting: false,
            buffer,
            options,
        })
    }

    /// What to wait on; nothing while packets gather.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        let all = [self.nflog.descriptor(), self.conntrack.descriptor(), self.table.descriptor()];
        let count = if self.resting { 0 } else { all.len() };
        all.into_iter().take(count)
    }

    /// How long to wait on those at most.
    pub fn patience(&self, now: Time) -> Duration {
        if self.resting { REST } else { self.dump_at.since(now) }
    }

    /// Hands what is there to `each`.
    pub fn read(&mut self, now: Time, each: &mut dyn FnMut(Seen<'_>) -> bool) -> Result<State, Error> {
        let failed = failed("netlink");
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
        if self.is_dump_due(now) {
            lan::refresh(&mut self.lans);
            self.conntrack.dump().map_err(failed)?;
        }
        for turn in 0..AT_ONCE {
            let lans = &self.lans;
            let came =
                self.conntrack.read(&mut self.buffer, &mut |flow, is_new| each(flow_of(flow, is_new, lans)));
            if !came.map_err(failed)? {
                break;
            }
            more |= turn + 1 == AT_ONCE;
        }
        more |= self.conntrack.is_dumping();
        self.table.keep(now)?;
        Ok(if more { State::More } else { State::Idle })
    }

    /// Whether it is time for a dump. A large table is read more rarely.
    fn is_dump_due(&mut self, now: Time) -> bool {
        // A clock that was set back must not make it wait for years.
        if now < self.dump_at && self.dump_at <= now + self.pause {
            return false;
        }
        self.pause = pause(self.options.dump_every, flows());
        // The table has grown since the next was planned.
        let next = self.dumped_at + self.pause;
        let is_due = now >= next || now < self.dumped_at;
        if is_due {
            self.dumped_at = now;
        }
        self.dump_at = if is_due { now + self.pause } else { next };
        is_due
    }

    /// After this a flow's volume is known to its end: two dumps, as what ends
    /// during one may be missing from it.
    pub fn settles_after(&self) -> Duration {
        2 * self.pause + Duration::from_secs(1)
    }

    /// All that flows have grown by, to the last: before the end.
    pub fn finish(&mut self, each: &mut dyn FnMut(Seen<'_>) -> bool) -> Result<(), Error> {
        let lans = &self.lans;
        let read =
            self.conntrack.read_all(&mut self.buffer, &mut |flow, is_new| each(flow_of(flow, is_new, lans)));
        read.map_err(failed("conntrack"))
    }

    /// Picked packets, and those of them that got lost before they came here.
    pub fn loss(&self) -> Loss {
        self.nflog.loss()
    }

    /// Counters by name, for `weir status`.
    pub fn counters(&self) -> [(&'static str, u64); 8] {
        let Counters { flows, ended, overruns, unfollowed, zeroed, bytes_left, uncounted } =
            self.conntrack.counters();
        [
            ("flows", flows),
            ("flows_ended", ended),
            ("flows_overruns", overruns),
            ("flows_unfollowed", unfollowed),
            ("flows_zeroed", zeroed),
            ("flows_uncounted", uncounted),
            ("flows_bytes_left", bytes_left),
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
}

/// Tells what an error was about.
fn failed(what: &str) -> impl Fn(io::Error) -> Error + Copy {
    move |error| Error::Failed(format!("{what}: {error}"))
}

/// One that is new may have its first packets on their way still: it must not
/// begin a session by itself.
fn flow_of<'a>(flow: &'a Flow, is_new: bool, lans: &[Lan]) -> Seen<'a> {
    if is_new {
        return Seen::Flow { flow, iface: None };
    }
    let behind = |address| lans.iter().position(|lan| lan.holds(address));
    Seen::Flow { flow, iface: behind(flow.ends.client.0).or_else(|| behind(flow.ends.server.0)) }
}

/// How long between dumps of `flows`, doubled until it is long enough.
fn pause(every: Duration, flows: u32) -> Duration {
    let doubled = std::iter::successors(Some(1), |times| Some(2 * times)).map(|times| times * every);
    doubled
        .take_while(|pause| *pause < LONGEST * every)
        .find(|pause| *pause >= PER_FLOW * flows)
        .unwrap_or(LONGEST * every)
}

/// How many entries the kernel has.
fn flows() -> u32 {
    number("nf_conntrack_count").unwrap_or(0)
}

/// How long entries of closed connections stay.
fn time_wait() -> Option<Duration> {
    number("nf_conntrack_tcp_timeout_time_wait").map(|seconds| Duration::from_secs(seconds.into()))
}

/// One of the numbers that conntrack shows.
fn number(name: &str) -> Option<u32> {
    fs::read_to_string(format!("/proc/sys/net/netfilter/{name}")).ok()?.trim().parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_table_is_read_more_rarely() {
        let every = Duration::from_secs(5);
        let seconds = |flows| pause(every, flows).as_secs();
        assert_eq!([0, 1_250, 1_500, 4_000, 10_000, u32::MAX].map(seconds), [5, 5, 10, 20, 40, 40]);
    }
}
