//! The first bytes that each side sent, which no record has: captures are
//! read once more for them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::record::Session;
use crate::source::{CaptureFile, Source, State};
use crate::time::Time;
use crate::wire::{Body, Decoder, Options, Packet, proto};

/// Bytes kept of each side.
const LENGTH: usize = 4;

/// Sides that are kept; a capture of more than that is a flood.
const MAX_SIDES: usize = 200_000;

/// Protocol, from where and to where.
pub type Way = (u8, IpAddr, u16, IpAddr, u16);

/// First bytes by who sent them to whom.
#[derive(Default)]
pub struct Openings {
    sides: HashMap<Way, Vec<u8>>,
}

impl Openings {
    /// Reads `paths`. What can't be read is told by who reads it for sessions.
    pub fn read(paths: &[PathBuf], options: Options) -> Openings {
        let mut openings = Openings::default();
        let mut decoder = Decoder::new(options);
        for path in paths {
            let Ok(mut file) = CaptureFile::open(path) else { continue };
            loop {
                let state = file.read(1_000, &mut |frame| {
                    let mut take = |packet: Packet<'_>| openings.packet(&packet);
                    decoder.frame(
                        frame.time,
                        frame.time,
                        0,
                        frame.kind,
                        frame.bytes,
                        frame.on_wire,
                        &mut take,
                    );
                });
                if !matches!(state, Ok(State::More)) {
                    break;
                }
            }
        }
        decoder.finish(Time::MAX, &mut |packet: Packet<'_>| openings.packet(&packet));
        openings
    }

    /// The first bytes that the client of `row` sent.
    pub fn of_client(&self, row: &Session) -> Option<&[u8]> {
        self.of((row.proto.0, row.client, row.client_port, row.server, row.server_port))
    }

    /// The first bytes that went that way.
    pub fn of(&self, way: Way) -> Option<&[u8]> {
        self.sides.get(&way).map(Vec::as_slice)
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let (number, src, dst, payload) = match &packet.body {
            Body::Tcp(tcp) => (proto::TCP, tcp.src_port, tcp.dst_port, tcp.payload),
            Body::Udp(udp) => (proto::UDP, udp.src_port, udp.dst_port, udp.payload),
            _ => return,
        };
        if !payload.is_empty() && self.sides.len() < MAX_SIDES {
            let way = (number, packet.src, src, packet.dst, dst);
            self.sides.entry(way).or_insert_with(|| payload[..payload.len().min(LENGTH)].to_vec());
        }
    }
}
