//! What the kernel's connection tracking counts of each flow.
//!
//! A dump every few seconds, and the entries that end (DESTROY). Events of
//! every new entry would cost more than all else (docs/MEASURED.md). Counters
//! are read and never set back, so others may read them too; what one has
//! grown by since it was seen last is what is handed on.

use std::hash::BuildHasher;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::ends::without_expired;
use super::entry::{Counts, Entry};
use super::netlink::{DONE, ERROR, Read, Request, Socket, attach, messages};
use crate::engine::Flow;

/// The kernel's numbers: linux/netfilter/nfnetlink_conntrack.h.
pub const SUBSYSTEM: u8 = 1;
const ENTRY: u16 = (SUBSYSTEM as u16) << 8;
const DESTROYED: u16 = ENTRY | 2;
pub const GET: u8 = 1;
const GROUP_DESTROY: i32 = 3;

/// Dumps that an entry may be missing from before it is forgotten. Its end may
/// still wait to be read after the first.
const ABSENCES: u8 = 2;

/// The kernel fills a dump while it is read, so nothing there is an oddity.
pub const PATIENCE: Duration = Duration::from_secs(1);

struct Known {
    counts: Counts,
    /// Dumps since it was seen.
    absent: u8,
}

/// Counters for `weir status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Entries followed now.
    pub flows: u64,
    /// Ends that were told.
    pub ended: u64,
    /// Times that the kernel's buffer was full. Nothing is lost by it that a
    /// dump does not bring.
    pub overruns: u64,
    /// Entries beyond the limit, whose volume is known at their end only.
    pub unfollowed: u64,
    /// Counters that somebody set back to zero.
    pub zeroed: u64,
    /// Bytes of flows that belong to no session: the router's own, mostly.
    pub bytes_left: u64,
    /// Entries that have no counters, as they began before accounting did.
    pub uncounted: u64,
}

/// What was seen of every entry.
pub struct Table {
    known: HashMap<u64, Known, RandomState>,
    /// Of the names in it, so that nobody can make two the same.
    hasher: RandomState,
    limit: usize,
    counters: Counters,
}

impl Table {
    pub fn new(limit: usize) -> Table {
        Table {
            known: HashMap::default(),
            hasher: RandomState::default(),
            limit,
            counters: Counters::default(),
        }
    }

    /// What `entry` has grown by, if it is `ended` for the last time. While
    /// `first` dump runs, what there is counts as seen. With the entry's name
    /// where it is seen for the first time.
    fn growth(&mut self, entry: &Entry, ended: bool, first: bool) -> Option<(Flow, Option<u64>)> {
        if entry.counts[0][0] == 0 {
            self.counters.uncounted += 1;
            return None;
        }
        // The kernel uses an id again, but not with the same ends soon.
        let name = self.hasher.hash_one((entry.id, entry.original));
        let known = match self.known.get_mut(&name) {
            Some(known) => {
                known.absent = 0;
                Some(std::mem::replace(&mut known.counts, entry.counts))
            }
            None => None,
        };
        if ended {
            self.counters.ended += 1;
            self.known.remove(&name);
        } else if known.is_none() {
            if self.known.len() >= self.limit {
                self.counters.unfollowed += 1;
                return None;
            }
            self.known.insert(name, Known { counts: entry.counts, absent: 0 });
        }
        let before = match known {
            Some(before) => before,
            None if first => return None,
            None => Counts::default(),
        };
        let counted = before.as_flattened().iter().zip(entry.counts.as_flattened());
        let fell = counted.clone().any(|(before, now)| now < before);
        self.counters.zeroed += u64::from(fell);
        let base = if fell { Counts::default() } else { before };
        let grown = |place: usize| [0, 1].map(|side: usize| entry.counts[side][place] - base[side][place]);
        let (packets, bytes) = (grown(0), grown(1));
        let is_new = !ended && known.is_none();
        (packets != [0; 2]).then(|| (entry.flow(packets, bytes), is_new.then_some(name)))
    }

    /// Nobody knows the flow called `name` yet: it is told again, whole, by the
    /// next dump.
    fn put_back(&mut self, name: u64) {
        if let Some(known) = self.known.get_mut(&name) {
            known.counts = Counts::default();
        }
    }

    /// A dump is complete: forgets what was not in it nor in those before.
    fn sweep(&mut self) {
        self.known.retain(|_, known| {
            known.absent += 1;
            known.absent <= ABSENCES
        });
        // After a flood.
        if self.known.capacity() > 4 * self.known.len().max(256) {
            self.known.shrink_to_fit();
        }
    }
}

/// See the module's text.
pub struct Conntrack {
    events: Socket,
    dumps: Socket,
    table: Table,
    dumping: bool,
    /// The first dump tells what was there before.
    first: bool,
}

impl Conntrack {
    /// Begins to be told of ends, with `buffer` bytes in the kernel for them,
    /// and follows at most `limit` entries. Fails where the kernel lacks
    /// nf_conntrack_netlink, and without the right to.
    pub fn open(limit: usize, buffer: u32) -> io::Result<Conntrack> {
        let (events, dumps) = (Socket::open(buffer)?, Socket::open(buffer)?);
        // The kernel keeps an end that finds no room and tells it later.
        events.set(libc::SOL_NETLINK, libc::NETLINK_BROADCAST_ERROR, 1)?;
        events.join(GROUP_DESTROY)?;
        Ok(Conntrack { events, dumps, table: Table::new(limit), dumping: false, first: true })
    }

    /// Is told no more of the ends of TCP connections that a dump tells of: it
    /// is asked for at least twice while one stands in TIME_WAIT.
    pub fn leave_out_expired(&self) -> io::Result<()> {
        attach(self.events.descriptor(), &mut without_expired())
    }

    pub fn descriptor(&self) -> RawFd {
        self.events.descriptor()
    }

    pub fn is_dumping(&self) -> bool {
        self.dumping
    }

    pub fn counters(&self) -> Counters {
        Counters { flows: self.table.known.len() as u64, ..self.table.counters }
    }

    /// Asks for all entries; they come by [`Conntrack::read`].
    pub fn dump(&mut self) -> io::Result<()> {
        if !self.dumping {
            self.dumps.send(Request::new(SUBSYSTEM, GET, libc::NLM_F_DUMP, libc::AF_UNSPEC, 0))?;
            self.dumping = true;
        }
        Ok(())
    }

    /// Reads a whole dump from its beginning, and the ends that wait.
    pub fn read_all(
        &mut self,
        buffer: &mut [u8],
        each: &mut dyn FnMut(&Flow, bool) -> bool,
    ) -> io::Result<()> {
        // One that goes on may have passed what changed since.
        while self.dumping && self.read(buffer, each)? {}
        self.dump()?;
        loop {
            let came = self.read(buffer, each)?;
            if !came && !self.dumping {
                return Ok(());
            }
            if !came && !self.dumps.wait(PATIENCE) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Hands some of what flows have grown by to `each`, and whether they are
    /// seen for the first time; it says whether somebody knows them. `false`
    /// when nothing is there. Ends wait while a dump is read: an entry in it may have ended
    /// since, and must not seem to begin again.
    pub fn read(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&Flow, bool) -> bool) -> io::Result<bool> {
        let socket = if self.dumping { &self.dumps } else { &self.events };
        let length = match socket.read(buffer)? {
            Read::Bytes(length) => length,
            Read::Empty => return Ok(false),
            Read::Overrun => {
                self.table.counters.overruns += 1;
                self.dumping = false;
                self.dump()?;
                return Ok(true);
            }
        };
        for message in messages(&buffer[..length]) {
            match message.kind {
                ENTRY | DESTROYED => {
                    let ended = message.kind == DESTROYED;
                    let Some(entry) = Entry::read(&message) else { continue };
                    let Some((flow, new)) = self.table.growth(&entry, ended, self.first) else { continue };
                    let is_taken = each(&flow, new.is_some());
                    if let (false, Some(name)) = (is_taken, new) {
                        self.table.put_back(name);
                    }
                    let is_left = !is_taken && new.is_none();
                    self.table.counters.bytes_left += if is_left { flow.bytes[0] + flow.bytes[1] } else { 0 };
                }
                DONE | ERROR => {
                    self.dumping = false;
                    self.first = false;
                    self.table.sweep();
                }
                _ => {}
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::{CLIENT, SERVER, entry};
    use super::*;

    #[test]
    fn a_flow_has_the_ends_as_the_lan_has_them() {
        let (flow, _) = Table::new(9).growth(&entry(1, [3, 300], [2, 90]), false, false).unwrap();
        assert_eq!(flow.ends.client, (CLIENT.into(), 40_000));
        assert_eq!(flow.ends.server, (SERVER.into(), 443));
        assert_eq!((flow.ends.proto, flow.packets, flow.bytes), (6, [3, 2], [300, 90]));
    }

    #[test]
    fn what_it_has_grown_by_is_handed_on_once() {
        let mut table = Table::new(9);
        let mut grown = |sent, came, ended| {
            table.growth(&entry(1, sent, came), ended, false).map(|(flow, _)| (flow.packets, flow.bytes))
        };
        assert_eq!(grown([3, 300], [2, 90], false), Some(([3, 2], [300, 90])));
        assert_eq!(grown([3, 300], [2, 90], false), None);
        assert_eq!(grown([4, 400], [2, 90], false), Some(([1, 0], [100, 0])));
        assert_eq!(grown([1, 70], [0, 0], false), Some(([1, 0], [70, 0])), "somebody set it to zero");
        assert_eq!(grown([2, 80], [1, 10], true), Some(([1, 1], [10, 10])));
        assert_eq!((table.known.len(), table.counters.ended, table.counters.zeroed), (0, 1, 1));
    }

    #[test]
    fn what_was_there_before_counts_from_now_on() {
        let mut table = Table::new(9);
        assert_eq!(table.growth(&entry(1, [9, 900], [9, 900]), false, true), None);
        let (flow, _) = table.growth(&entry(1, [10, 1000], [9, 900]), false, false).unwrap();
        assert_eq!((flow.packets, flow.bytes), ([1, 0], [100, 0]));
    }

    #[test]
    fn what_nobody_knows_yet_is_told_again_whole() {
        let mut table = Table::new(9);
        let (_, new) = table.growth(&entry(1, [3, 300], [2, 90]), false, false).unwrap();
        table.put_back(new.unwrap());
        let (flow, new) = table.growth(&entry(1, [4, 400], [2, 90]), false, false).unwrap();
        assert_eq!((flow.packets, flow.bytes, new), ([4, 2], [400, 90], None));
        let (flow, new) = table.growth(&entry(2, [3, 300], [2, 90]), true, false).unwrap();
        assert_eq!((flow.packets, new), ([3, 2], None), "an end is told once");
    }

    #[test]
    fn the_table_has_a_limit_and_forgets_what_is_gone() {
        let mut table = Table::new(2);
        let mut seen = |id| table.growth(&entry(id, [1, 100], [0, 0]), false, false).is_some();
        assert!(seen(1) && seen(2) && !seen(3));
        assert_eq!(table.counters.unfollowed, 1);
        // Its volume is known at its end.
        assert!(table.growth(&entry(3, [5, 500], [0, 0]), true, false).is_some());
        table.sweep();
        table.growth(&entry(2, [1, 100], [0, 0]), false, false);
        table.sweep();
        table.sweep();
        assert_eq!(table.known.len(), 1);
    }
}
