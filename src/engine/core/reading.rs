//! What sessions say: datagrams and streams go to the dissectors, first bytes
//! and names to the signatures.

use super::Core;
use super::findings::way;
use crate::dissect::{Identity, Opening, Side, identify};
use crate::engine::questions::Way;
use crate::engine::session::Reading;
use crate::engine::stream::{Ends, Outcome};
use crate::rules::{By, Evidence};
use crate::table::Slot;
use crate::wire::{Packet, Tcp, proto};

/// Datagrams of a session that are asked which protocol they are.
const MAX_TRIES: u8 = 3;

impl Core {
    /// Looks for the app, by what is known and by `payload` from one side.
    pub(super) fn classify(&mut self, slot: Slot, payload: Option<(Side, &[u8])>) {
        let Some((key, session)) = self.sessions.get_mut(slot) else { return };
        let (_, client_port) = key.endpoint(session.client, Side::Client);
        let (server, server_port) = key.endpoint(session.client.other(), Side::Server);
        let from_server = payload.is_some_and(|(side, _)| side == Side::Server);
        let (sport, dport) =
            if from_server { (server_port, client_port) } else { (client_port, server_port) };
        let evidence = Evidence {
            proto: key.proto(),
            sport,
            dport,
            host: None,
            server: Some(server),
            payload: payload.map(|(_, bytes)| bytes),
        };
        // By each name, the surest first: the first that is known decides, and
        // what the client asked for takes the place of what DNS let expect. With
        // bytes, which few lines join with a name, by the surest only. The rest
        // of a line counts with a name as well as without.
        let count = if payload.is_some() { 1 } else { usize::MAX };
        let hosts = session.hosts.names().take(count).map(|host| Evidence { host: Some(host), ..evidence });
        let nameless = session.hosts.is_empty().then_some(evidence);
        let best = nameless.into_iter().chain(hosts).filter_map(|evidence| match payload {
            Some(_) => self.rules.classify_bytes(&evidence),
            None => self.rules.classify(&evidence),
        });
        let found = best.reduce(
            |best, other| {
                if best.by() != By::Host && other.rank > best.rank { other } else { best }
            },
        );
        let Some(found) = found else { return };
        let by_name = payload.is_none() && found.by() == By::Host;
        if session.app.is_some() && found.rank <= session.rank && !by_name {
            return;
        }
        session.rank = found.rank;
        session.app_line = self.rules.apps()[found.app as usize].line;
        let app = Some(self.apps.of_rule(found.app));
        if session.app == app {
            return;
        }
        session.app = app;
        if let Some(ticket) = session.ticket.take() {
            let (device, last) = (session.device, session.last);
            self.usage.leave(ticket);
            session.ticket = Some(self.usage.join(device, app, last, &self.apps, &mut self.out));
        }
        self.judge(slot);
    }

    /// Reads one datagram.
    pub(super) fn datagram(&mut self, slot: Slot, side: Side, payload: &[u8], packet: &Packet<'_>) {
        self.first_payload(slot, side, payload);
        let Some((key, session)) = self.sessions.get_mut(slot) else { return };
        if let Reading::Undecided { tried } = session.reading {
            let opening = Opening {
                proto: proto::UDP,
                client_port: key.endpoint(session.client, Side::Client).1,
                server_port: key.endpoint(session.client.other(), Side::Server).1,
                side,
                bytes: payload,
            };
            session.reading = match identify(&opening) {
                Identity::Is(protocol) => {
                    session.protocol = Some(protocol);
                    if protocol.datagram.is_some() || protocol.stream.is_none() {
                        Reading::Settled
                    } else {
                        let gone = self.streams.open(session.number, Some(protocol), 0, [None; 2], self.now);
                        self.stats.streams_given_up += u64::from(gone);
                        Reading::Stream
                    }
                }
                _ if tried + 1 < MAX_TRIES => Reading::Undecided { tried: tried + 1 },
                _ => Reading::Settled,
            };
        }
        if session.reading == Reading::Stream {
            return self.datagrams(slot, side, payload, packet);
        }
        let Some(read) = session.protocol.and_then(|protocol| protocol.datagram) else { return };
        let way = way(session, packet);
        self.find(slot, way, |_, findings| read(side, payload, findings));
    }

    /// Reads one datagram of a session whose datagrams are read together.
    fn datagrams(&mut self, slot: Slot, side: Side, payload: &[u8], packet: &Packet<'_>) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        let (name, way) = (session.number, way(session, packet));
        let now = self.now;
        let outcome =
            self.find(slot, way, |streams, findings| streams.datagram(name, side, payload, now, findings));
        self.read_on(slot, outcome);
    }

    /// Reads one segment with data. `starts` are the numbers that were due
    /// next on each side before it.
    pub(super) fn segment(
        &mut self,
        slot: Slot,
        side: Side,
        starts: [Option<u32>; 2],
        tcp: &Tcp<'_>,
        packet: &Packet<'_>,
    ) {
        if starts[side as usize].is_none() && tcp.length == 1 {
            // In mid-stream: a keep-alive's byte, which is not the stream's.
            return;
        }
        let greets = side == Side::Server && self.is_greeting(slot, starts[side as usize], tcp.seq);
        self.first_payload(slot, side, tcp.payload);
        if greets {
            self.greeting(slot, tcp.payload);
        }
        let Some((key, session)) = self.sessions.get_mut(slot) else { return };
        let ends = Ends {
            client_port: key.endpoint(session.client, Side::Client).1,
            server_port: key.endpoint(session.client.other(), Side::Server).1,
            side,
        };
        if let Reading::Undecided { tried } = session.reading {
            let in_order = starts[side as usize].is_none_or(|start| start == tcp.seq);
            let opening = Opening {
                proto: proto::TCP,
                client_port: ends.client_port,
                server_port: ends.server_port,
                side,
                bytes: tcp.payload,
            };
            let identity = if in_order { identify(&opening) } else { Identity::More };
            session.reading = match identity {
                Identity::Is(protocol) => {
                    session.protocol = Some(protocol);
                    if protocol.stream.is_some() { Reading::Stream } else { Reading::Settled }
                }
                Identity::More => Reading::Stream,
                // One side does not tell; the other may.
                Identity::Unknown => {
                    let tried = tried | 1 << side as u8;
                    if tried == 3 { Reading::Settled } else { Reading::Undecided { tried } }
                }
            };
            if session.reading == Reading::Stream {
                let name = session.number;
                self.stats.streams_given_up +=
                    u64::from(self.streams.open(name, session.protocol, tried, starts, self.now));
            }
        }
        if session.reading != Reading::Stream {
            return;
        }
        let (name, way) = (session.number, way(session, packet));
        let now = self.now;
        let outcome =
            self.find(slot, way, |streams, findings| streams.segment(name, ends, tcp, now, findings));
        self.read_on(slot, outcome);
    }

    /// What becomes of the reading of a session after a packet.
    fn read_on(&mut self, slot: Slot, outcome: Outcome) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        match outcome {
            Outcome::Open => return,
            Outcome::Named(protocol) => {
                // What is inside a protocol does not rename the session.
                session.protocol.get_or_insert(protocol);
                if protocol.stream.is_some() {
                    return;
                }
            }
            Outcome::Read(protocol) => {
                session.protocol.get_or_insert(protocol);
            }
            Outcome::Ended => {}
            Outcome::GivenUp => self.stats.streams_given_up += 1,
        }
        session.reading = Reading::Settled;
    }

    /// Tells the dissector of a session that is over that there is no more.
    pub(super) fn end_of_stream(&mut self, slot: Slot) {
        let Some((key, session)) = self.sessions.get_mut(slot) else { return };
        if session.reading != Reading::Stream {
            return;
        }
        session.reading = Reading::Settled;
        let number = session.number;
        let way = Way {
            time: session.last,
            session: number,
            proto: key.proto(),
            src: key.endpoint(session.client, Side::Client),
            dst: key.endpoint(session.client.other(), Side::Server),
            device: session.device,
        };
        self.find(slot, way, |streams, findings| streams.close(number, findings));
    }

    /// Shows the signatures the first bytes that each side sends.
    fn first_payload(&mut self, slot: Slot, side: Side, payload: &[u8]) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        let bit = 1 << side as u8;
        if session.payloads & bit == 0 && !payload.is_empty() {
            session.payloads |= bit;
            if self.rules.has_payloads() {
                self.classify(slot, Some((side, payload)));
            }
        }
    }
}
