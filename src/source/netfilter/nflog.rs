//! NFLOG: the kernel hands over the packets that nftables' `log group` picks.
//!
//! In batches, as a wake-up for each packet costs more than the packet
//! (docs/MEASURED.md). Each message has a number, so what got lost on the way
//! is counted exactly.

use std::io;
use std::os::fd::RawFd;

use super::netlink::{Message, Read, Request, Socket, be32, be64, messages};
use crate::source::Loss;
use crate::time::Time;
use crate::wire::RawMac;

/// The kernel's numbers: linux/netfilter/nfnetlink_log.h.
const SUBSYSTEM: u8 = 4;
const PACKET: u16 = (SUBSYSTEM as u16) << 8;
const CONFIG: u8 = 1;

mod config {
    pub const COMMAND: u16 = 1;
    pub const MODE: u16 = 2;
    pub const BUFFER: u16 = 3;
    pub const TIMEOUT: u16 = 4;
    pub const THRESHOLD: u16 = 5;
    pub const FLAGS: u16 = 6;
    pub const BIND: u8 = 1;
    pub const COPY_PACKET: u8 = 2;
    pub const NUMBERED: u16 = 1;
}

mod attribute {
    pub const TIMESTAMP: u16 = 3;
    pub const INDEV: u16 = 4;
    pub const OUTDEV: u16 = 5;
    pub const MAC: u16 = 8;
    pub const PAYLOAD: u16 = 9;
    pub const NUMBER: u16 = 12;
}

/// Messages that make a batch full, bytes of a batch, and hundredths of a
/// second after which it is handed over in any case.
pub const BATCH: u32 = 32;
const BATCH_BYTES: u32 = 32 << 10;
const BATCH_TIME: u32 = 5;

/// One packet as it passed a hook of nftables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head<'a> {
    /// Absent for what the router itself sends.
    pub time: Option<Time>,
    /// Numbers of the interfaces; 0 is none.
    pub indev: u32,
    pub outdev: u32,
    /// Of the sender, on `indev`.
    pub src_mac: Option<RawMac>,
    /// From the IP header on, as much as was asked for.
    pub bytes: &'a [u8],
}

/// What comes from one group.
pub struct Nflog {
    socket: Socket,
    /// The number that the next message has.
    next: Option<u32>,
    loss: Loss,
    /// Times that the kernel's buffer was full.
    pub overruns: u64,
}

impl Nflog {
    /// Listens to `group`: `snaplen` bytes of each packet, with a buffer of
    /// `buffer` bytes. Fails where another program has that group, where the
    /// kernel lacks nfnetlink_log, and without the right to.
    pub fn open(group: u16, snaplen: u32, buffer: u32) -> io::Result<Nflog> {
        let socket = Socket::open(buffer)?;
        let request = || Request::new(SUBSYSTEM, CONFIG, libc::NLM_F_ACK, libc::AF_UNSPEC, group);
        let [a, b, c, d] = snaplen.to_be_bytes();
        socket.ask(request().with(config::COMMAND, &[config::BIND]))?;
        socket.ask(
            request()
                .with(config::MODE, &[a, b, c, d, config::COPY_PACKET, 0])
                .with(config::BUFFER, &BATCH_BYTES.to_be_bytes())
                .with(config::TIMEOUT, &BATCH_TIME.to_be_bytes())
                .with(config::THRESHOLD, &BATCH.to_be_bytes())
                .with(config::FLAGS, &config::NUMBERED.to_be_bytes()),
        )?;
        Ok(Nflog { socket, next: None, loss: Loss::default(), overruns: 0 })
    }

    pub fn descriptor(&self) -> RawFd {
        self.socket.descriptor()
    }

    /// Packets that nftables picked, and those that never came here.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Hands one batch to `each`; `false` when there was none.
    pub fn read(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(Head<'_>)) -> io::Result<bool> {
        match self.socket.read(buffer)? {
            Read::Empty => Ok(false),
            Read::Overrun => {
                self.overruns += 1;
                Ok(true)
            }
            Read::Bytes(length) => {
                for message in messages(&buffer[..length]).filter(|message| message.kind == PACKET) {
                    let (head, number) = head(&message);
                    self.count(number);
                    each(head);
                }
                Ok(true)
            }
        }
    }

    /// Numbers that are missing before this one were lost.
    fn count(&mut self, number: Option<u32>) {
        let Some(number) = number else { return };
        let lost = number.wrapping_sub(self.next.unwrap_or(number));
        // The group was begun again, when that much seems to be missing.
        let lost = if lost > u32::MAX / 2 { 0 } else { u64::from(lost) };
        self.loss.offered += 1 + lost;
        self.loss.lost += lost;
        self.next = Some(number.wrapping_add(1));
    }
}

/// What a message brings, and its number.
fn head<'a>(message: &Message<'a>) -> (Head<'a>, Option<u32>) {
    let (mut head, mut number) = (Head::default(), None);
    for (kind, value) in message.attributes() {
        match kind {
            attribute::TIMESTAMP => head.time = time(value),
            attribute::INDEV => head.indev = be32(value).unwrap_or(0),
            attribute::OUTDEV => head.outdev = be32(value).unwrap_or(0),
            attribute::MAC => head.src_mac = mac(value),
            attribute::PAYLOAD => head.bytes = value,
            attribute::NUMBER => number = be32(value),
            _ => {}
        }
    }
    (head, number)
}

/// Seconds and microseconds since 1970.
fn time(value: &[u8]) -> Option<Time> {
    let (secs, micros) = (be64(value)?, be64(value.get(8..)?)?);
    Some(Time::from_micros(secs.saturating_mul(1_000_000).saturating_add(micros))).filter(|_| secs > 0)
}

/// A length, two bytes of nothing and the address.
fn mac(value: &[u8]) -> Option<RawMac> {
    let (length, rest) = value.split_first_chunk()?;
    if u16::from_be_bytes(*length) != 6 {
        return None;
    }
    rest.get(2..8)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let request = Request::new(SUBSYSTEM, 0, 0, libc::AF_INET, 5);
        attributes.iter().fold(request, |request, (kind, value)| request.with(*kind, value)).into_body()
    }

    #[test]
    fn a_head_has_time_interfaces_sender_and_bytes() {
        let stamp = [7_u64.to_be_bytes(), 5_u64.to_be_bytes()].concat();
        let body = message(&[
            (attribute::TIMESTAMP, &stamp),
            (attribute::INDEV, &3_u32.to_be_bytes()),
            (attribute::OUTDEV, &4_u32.to_be_bytes()),
            (attribute::MAC, &[0, 6, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0]),
            (attribute::PAYLOAD, b"packet"),
            (attribute::NUMBER, &7_u32.to_be_bytes()),
        ]);
        let expected = Head {
            time: Some(Time::from_micros(7_000_005)),
            indev: 3,
            outdev: 4,
            src_mac: Some([2, 0, 0, 0, 0, 9]),
            bytes: b"packet",
        };
        assert_eq!(head(&Message { kind: PACKET, body: &body }), (expected, Some(7)));
        let body = message(&[(attribute::MAC, &[0, 6, 0, 0, 2]), (attribute::INDEV, &[1])]);
        assert_eq!(head(&Message { kind: PACKET, body: &body }).0, Head::default(), "cut values say nothing");
    }
}
