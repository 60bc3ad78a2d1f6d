//! What the kernel's connection tracking counts of each flow.
//!
//! A dump every few seconds, and the entries that end (DESTROY). Events of
//! every new entry would cost more than all else (docs/MEASURED.md). Counters
//! are read and never set back, so others may read them too; what one has
//! grown by since it was seen last is what is handed on.

use std::hash::BuildHasher;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::netlink::{
    Attributes, DONE, ERROR, Message, Read, Request, Socket, attributes, be32, be64, messages,
};
use crate::engine::{Ends, Flow};

/// The kernel's numbers: linux/netfilter/nfnetlink_conntrack.h.
pub const SUBSYSTEM: u8 = 1;
const ENTRY: u16 = (SUBSYSTEM as u16) << 8;
const DESTROYED: u16 = ENTRY | 2;
pub const GET: u8 = 1;
const GROUP_DESTROY: i32 = 3;

pub mod attribute {
    pub const ORIGINAL: u16 = 1;
    pub const REPLY: u16 = 2;
    pub const COUNTED: [u16; 2] = [9, 10];
    pub const MARK: u16 = 8;
    pub const ID: u16 = 12;
    pub const MARK_MASK: u16 = 21;

    /// Within a tuple…
    pub const ADDRESSES: u16 = 1;
    pub const PROTOCOL: u16 = 2;
    /// …and within those.
    pub const V4_SRC: u16 = 1;
    pub const V4_DST: u16 = 2;
    pub const V6_SRC: u16 = 3;
    pub const V6_DST: u16 = 4;
    pub const NUMBER: u16 = 1;
    pub const SRC_PORT: u16 = 2;
    pub const DST_PORT: u16 = 3;
    pub const ICMP: [u16; 3] = [4, 5, 6];
    pub const ICMPV6: [u16; 3] = [7, 8, 9];

    /// Within counters.
    pub const PACKETS: u16 = 1;
    pub const BYTES: u16 = 2;
}

/// Dumps that an entry may be missing from before it is forgotten. Its end may
/// still wait to be read after the first.
const ABSENCES: u8 = 2;

/// The kernel fills a dump while it is read, so nothing there is an oddity.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Packets and bytes of each direction, the client's first.
type Counts = [[u64; 2]; 2];

/// One direction of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Tuple {
    src: IpAddr,
    dst: IpAddr,
    proto: u8,
    sport: u16,
    dport: u16,
    /// Type, code and identifier of ICMP.
    icmp: Option<(u8, u8, u16)>,
}

/// What the kernel tells of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    original: Tuple,
    reply: Tuple,
    id: u32,
    counts: Counts,
}

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

impl Entry {
    fn read(message: &Message<'_>) -> Option<Entry> {
        let (mut original, mut reply, mut id, mut counts) = (None, None, 0, Counts::default());
        for (kind, value) in message.attributes() {
            match kind {
                attribute::ORIGINAL => original = Tuple::read(attributes(value)),
                attribute::REPLY => reply = Tuple::read(attributes(value)),
                attribute::ID => id = be32(value)?,
                _ => {
                    if let Some(side) = attribute::COUNTED.iter().position(|counted| *counted == kind) {
                        counts[side] = count(attributes(value));
                    }
                }
            }
        }
        Some(Entry { original: original?, reply: reply?, id, counts })
    }

    /// The ends as the LAN has them: before the source was translated, and
    /// after the destination was.
    fn flow(&self, packets: [u64; 2], bytes: [u64; 2]) -> Flow {
        let Entry { original, reply, .. } = self;
        let ends = Ends {
            proto: original.proto,
            client: (original.src, original.sport),
            server: (reply.src, reply.sport),
            icmp: original.icmp,
        };
        Flow { ends, packets, bytes }
    }
}

impl Tuple {
    fn read(parts: Attributes<'_>) -> Option<Tuple> {
        let (mut src, mut dst, mut proto, mut ports) = (None, None, None, [0; 2]);
        let (mut icmp, mut is_icmp) = ([0_u16; 3], false);
        for (kind, value) in parts {
            match kind {
                attribute::ADDRESSES => {
                    for (kind, value) in attributes(value) {
                        match kind {
                            attribute::V4_SRC | attribute::V6_SRC => src = address(value),
                            attribute::V4_DST | attribute::V6_DST => dst = address(value),
                            _ => {}
                        }
                    }
                }
                attribute::PROTOCOL => {
                    for (kind, value) in attributes(value) {
                        match kind {
                            attribute::NUMBER => proto = value.first().copied(),
                            attribute::SRC_PORT => ports[0] = be16(value)?,
                            attribute::DST_PORT => ports[1] = be16(value)?,
                            _ => {
                                let names = [attribute::ICMP, attribute::ICMPV6];
                                let place = names.iter().flatten().position(|name| *name == kind);
                                let Some(place) = place.map(|place| place % 3) else { continue };
                                is_icmp = true;
                                let byte = || value.first().map(|byte| u16::from(*byte));
                                icmp[place] = if place == 0 { be16(value)? } else { byte()? };
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let [id, kind, code] = icmp;
        Some(Tuple {
            src: src?,
            dst: dst?,
            proto: proto?,
            sport: ports[0],
            dport: ports[1],
            icmp: is_icmp.then_some((kind as u8, code as u8, id)),
        })
    }
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(|bytes| Ipv4Addr::from(bytes).into());
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}

fn be16(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn count(parts: Attributes<'_>) -> [u64; 2] {
    let mut counts = [0; 2];
    for (kind, value) in parts {
        match kind {
            attribute::PACKETS => counts[0] = be64(value).unwrap_or(0),
            attribute::BYTES => counts[1] = be64(value).unwrap_or(0),
            _ => {}
        }
    }
    counts
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

/// Source and destination of the tuple among `parts`, for tests of what is sent.
#[cfg(test)]
pub fn tuple_of(parts: &[u8]) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let (_, tuple) = attributes(parts).find(|(kind, _)| *kind == attribute::ORIGINAL)?;
    let tuple = Tuple::read(attributes(tuple))?;
    Some(((tuple.src, tuple.sport), (tuple.dst, tuple.dport)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::netfilter::netlink::NESTED;

    fn nested(parts: &[(u16, &[u8])]) -> Vec<u8> {
        let request = Request::nested();
        parts.iter().fold(request, |request, (kind, value)| request.with(*kind, value)).into_attributes()
    }

    fn tuple(src: [u8; 4], dst: [u8; 4], proto: &[(u16, &[u8])]) -> Vec<u8> {
        let addresses = nested(&[(attribute::V4_SRC, &src), (attribute::V4_DST, &dst)]);
        nested(&[(attribute::ADDRESSES | NESTED, &addresses), (attribute::PROTOCOL | NESTED, &nested(proto))])
    }

    const CLIENT: [u8; 4] = [192, 168, 1, 7];
    const SERVER: [u8; 4] = [198, 51, 100, 9];
    const ROUTER: [u8; 4] = [203, 0, 113, 1];

    fn entry(id: u32, sent: [u64; 2], came: [u64; 2]) -> Entry {
        let tcp = |sport: u16, dport: u16| {
            let (sport, dport) = (sport.to_be_bytes(), dport.to_be_bytes());
            move |src, dst| tuple(src, dst, &[(1, &[6]), (2, &sport), (3, &dport)])
        };
        let counted =
            |[packets, bytes]: [u64; 2]| nested(&[(1, &packets.to_be_bytes()), (2, &bytes.to_be_bytes())]);
        let body = Request::new(SUBSYSTEM, 0, 0, libc::AF_INET, 0)
            .with(attribute::ORIGINAL | NESTED, &tcp(40_000, 443)(CLIENT, SERVER))
            .with(attribute::REPLY | NESTED, &tcp(443, 1024)(SERVER, ROUTER))
            .with(attribute::COUNTED[0] | NESTED, &counted(sent))
            .with(attribute::COUNTED[1] | NESTED, &counted(came))
            .with(attribute::ID, &id.to_be_bytes())
            .into_body();
        Entry::read(&Message { kind: ENTRY, body: &body }).unwrap()
    }

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

    #[test]
    fn an_echo_has_its_type_code_and_identifier() {
        let echo = tuple(CLIENT, SERVER, &[(1, &[1]), (4, &9_u16.to_be_bytes()), (5, &[8]), (6, &[0])]);
        assert_eq!(Tuple::read(attributes(&echo)).unwrap().icmp, Some((8, 0, 9)));
        for end in 0..echo.len() {
            let _ = Tuple::read(attributes(&echo[..end]));
        }
    }
}
