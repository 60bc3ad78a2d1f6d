//! `--follow`: what is said in a conversation, the bytes of each side in order.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use super::dump;
use super::line::{end, has_ports, moment};
use crate::dissect::Side;
use crate::table::Table;
use crate::time::Time;
use crate::wire::{Body, Packet, Tcp, flag};

/// Conversations at once. Of more the one that was silent longest is let go.
const MAX_CONVERSATIONS: usize = 4_096;

/// Bytes ahead of a hole, in one direction and in all together; beyond it the hole
/// is left open.
const MAX_AHEAD: usize = 256 << 10;
const MAX_AHEAD_OF_ALL: usize = 16 << 20;

/// A conversation that was silent so long is over.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Both ends, the lower one first, and the protocol.
type Key = ((IpAddr, u16), (IpAddr, u16), u8);

/// Puts segments in order, of all conversations.
pub struct Order {
    table: Table<Key, Conversation, 1>,
    held: usize,
    count: u32,
}

struct Conversation {
    number: u32,
    /// The client's end is the lower one.
    is_low: bool,
    sides: [Half; 2],
}

#[derive(Default)]
struct Half {
    /// The number of the byte that is due.
    next: Option<u32>,
    ahead: Vec<(u32, Vec<u8>)>,
}

/// Something in a conversation.
pub struct Piece<'a> {
    /// The conversation's, which no other has.
    pub number: u32,
    pub side: Side,
    pub what: What<'a>,
}

pub enum What<'a> {
    Said(&'a [u8]),
    /// So many bytes never came.
    Missing(u32),
    /// There will be no more.
    Over,
}

impl Default for Order {
    fn default() -> Order {
        Order { table: Table::new(MAX_CONVERSATIONS, [TIMEOUT]), held: 0, count: 0 }
    }
}

impl Order {
    /// Takes in `packet`, if it is of a conversation; hands to `each` what has become
    /// due.
    pub fn packet(&mut self, packet: &Packet<'_>, now: Time, each: &mut dyn FnMut(Piece<'_>)) {
        if !has_ports(packet) {
            return;
        }
        while let Some((_, mut old)) = self.table.expire(now) {
            self.held -= old.close(each);
        }
        let (key, is_low) = key_of(packet);
        let slot = match self.table.find(&key) {
            Some(slot) => {
                self.table.touch(slot, 0, now);
                slot
            }
            None => {
                self.count = self.count.wrapping_add(1);
                let conversation = Conversation {
                    number: self.count,
                    is_low: is_low != sent_by_server(packet),
                    sides: Default::default(),
                };
                let (slot, gone) = self.table.insert(key, 0, now, conversation);
                if let Some((_, mut gone)) = gone {
                    self.held -= gone.close(each);
                }
                slot
            }
        };
        let Some((_, conversation)) = self.table.get_mut(slot) else { return };
        let number = conversation.number;
        let side = if conversation.is_low == is_low { Side::Client } else { Side::Server };
        match &packet.body {
            Body::Udp(udp) if !udp.payload.is_empty() => {
                each(Piece { number, side, what: What::Said(udp.payload) });
            }
            Body::Tcp(tcp) => {
                let before = conversation.held();
                let room = MAX_AHEAD_OF_ALL - (self.held - before).min(MAX_AHEAD_OF_ALL);
                let half = &mut conversation.sides[side as usize];
                half.segment(tcp, room, &mut |what| each(Piece { number, side, what }));
                self.held = self.held - before + conversation.held();
                if tcp.flags & flag::RST != 0 {
                    self.held -= conversation.close(each);
                    self.table.remove(slot);
                }
            }
            _ => {}
        }
    }

    /// Hands over what is left.
    pub fn finish(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        while let Some((_, mut conversation)) = self.table.pop() {
            self.held -= conversation.close(each);
        }
    }
}

impl Conversation {
    fn held(&self) -> usize {
        self.sides.iter().flat_map(|half| &half.ahead).map(|(_, bytes)| bytes.len()).sum()
    }

    /// Hands over what waits; returns how many bytes that were.
    fn close(&mut self, each: &mut dyn FnMut(Piece<'_>)) -> usize {
        let (held, number) = (self.held(), self.number);
        for side in [Side::Client, Side::Server] {
            let each = &mut |what: What<'_>| each(Piece { number, side, what });
            while self.sides[side as usize].leave_hole(each) {}
            each(What::Over);
        }
        held
    }
}

impl Half {
    fn segment(&mut self, tcp: &Tcp<'_>, room: usize, each: &mut dyn FnMut(What<'_>)) {
        let seq = tcp.seq.wrapping_add(u32::from(tcp.flags & flag::SYN != 0));
        let next = *self.next.get_or_insert(seq);
        if tcp.flags & flag::SYN != 0 && seq != next && self.ahead.is_empty() {
            // The ports are used again.
            self.next = Some(seq);
        }
        if tcp.payload.is_empty() {
            return;
        }
        self.ahead.push((seq, tcp.payload.to_vec()));
        let lost = tcp.length.saturating_sub(tcp.payload.len() as u32);
        self.deliver(each);
        let end = seq.wrapping_add(tcp.payload.len() as u32);
        if lost > 0 && self.next == Some(end) {
            // The snap length cut it off: it will never come.
            self.next = Some(end.wrapping_add(lost));
            each(What::Missing(lost));
            self.deliver(each);
        }
        let waiting = |half: &Half| half.ahead.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        while waiting(self) > MAX_AHEAD.min(room) && self.leave_hole(each) {}
    }

    /// Hands over all that is due.
    fn deliver(&mut self, each: &mut dyn FnMut(What<'_>)) {
        while let Some(next) = self.next {
            let is_due = |(seq, _): &(u32, Vec<u8>)| next.wrapping_sub(*seq) as i32 >= 0;
            let Some(at) = self.ahead.iter().position(is_due) else { return };
            let (seq, bytes) = self.ahead.swap_remove(at);
            let old = next.wrapping_sub(seq) as usize;
            if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                self.next = Some(next.wrapping_add(fresh.len() as u32));
                each(What::Said(fresh));
            }
        }
    }

    /// Goes on behind the hole before the piece that is nearest, if one waits.
    fn leave_hole(&mut self, each: &mut dyn FnMut(What<'_>)) -> bool {
        let Some(next) = self.next else { return false };
        let Some(hole) = self.ahead.iter().map(|(seq, _)| seq.wrapping_sub(next)).min() else { return false };
        each(What::Missing(hole));
        self.next = Some(next.wrapping_add(hole));
        self.deliver(each);
        true
    }
}

fn key_of(packet: &Packet<'_>) -> (Key, bool) {
    let (src, dst) = super::ports(packet);
    let (src, dst) = ((packet.src, src.unwrap_or(0)), (packet.dst, dst.unwrap_or(0)));
    if src <= dst { ((src, dst, packet.proto), true) } else { ((dst, src, packet.proto), false) }
}

/// Whether the first packet that is seen comes from the server.
fn sent_by_server(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Tcp(tcp) if tcp.flags & flag::SYN != 0 => tcp.flags & flag::ACK != 0,
        Body::Tcp(tcp) => tcp.src_port < tcp.dst_port,
        Body::Udp(udp) => udp.src_port < udp.dst_port && udp.src_port < 1024,
        _ => false,
    }
}

/// What is said, as text.
#[derive(Default)]
pub struct Talk {
    order: Order,
    /// Who spoke last, in which conversation.
    last: Option<(u32, Side)>,
}

impl Talk {
    pub fn packet(&mut self, packet: &Packet<'_>, now: Time, out: &mut String) {
        let (src, dst) = super::ports(packet);
        let (Some(src), Some(dst)) = (src, dst) else { return };
        let ends = [(packet.src, src), (packet.dst, dst)].map(|(ip, port)| end(ip, port, packet.proto));
        let last = &mut self.last;
        self.order.packet(packet, now, &mut |piece| {
            let Piece { number, side, what } = piece;
            if matches!(what, What::Over) {
                return;
            }
            if last.replace((number, side)) != Some((number, side)) {
                let arrow = if side == Side::Client { ">" } else { "<" };
                let time = moment(packet.span.last);
                // Writing into a `String` can't fail.
                let _ = writeln!(out, "--- {number} {arrow} {time} {} to {}", ends[0], ends[1]);
            }
            show(&what, out);
        });
    }

    pub fn finish(&mut self, out: &mut String) {
        let last = &mut self.last;
        self.order.finish(&mut |Piece { number, side, what }| {
            if !matches!(what, What::Over) && last.replace((number, side)) != Some((number, side)) {
                let _ = writeln!(out, "--- {number} the rest of the {side:?}");
            }
            show(&what, out);
        });
    }
}

fn show(what: &What<'_>, out: &mut String) {
    match what {
        What::Said(bytes) => dump::text(bytes, "", out),
        What::Missing(count) => {
            let _ = writeln!(out, "[{count} bytes are missing]");
        }
        What::Over => {}
    }
}
