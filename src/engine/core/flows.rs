//! Volumes that are told for whole flows, where only the first packets of
//! each session come by.

use super::Core;
use crate::dissect::Side;
use crate::engine::flow::{Ends, Flow};
use crate::engine::key::Key;
use crate::time::Time;
use crate::wire::{Body, Packet, Span, Tcp, proto};

impl Core {
    /// `flow` has grown until `time`; `iface` when it passed an interface that
    /// is watched, so that it may begin a session. `false` where it has none.
    pub fn flow(&mut self, flow: &Flow, iface: Option<u16>, time: Time) -> bool {
        let bytes = flow.bytes[0] + flow.bytes[1];
        let known = Key::between(&flow.ends).map(|(key, client)| (key, client, self.sessions.find(&key)));
        let (slot, client) = match (known, iface) {
            (Some((_, client, Some(slot))), _) => (slot, client),
            (Some((key, client, None)), Some(iface)) => {
                self.stats.headless += 1;
                let slot = self.open(key, client, false, &beginning(&flow.ends, iface, time));
                if let Some((_, session)) = self.sessions.get_mut(slot) {
                    session.seen_on[Side::Client as usize] = Some((iface, None));
                }
                (slot, client)
            }
            (None, _) | (_, None) => return false,
        };
        let Some((key, session)) = self.sessions.get_mut(slot) else { return false };
        // Who began it is known for sure here; the first packet that was seen
        // may have been an answer.
        let turned = session.client != client;
        let side = |pair: [u64; 2]| if turned { [pair[1], pair[0]] } else { pair };
        session.grow(side(flow.packets), side(flow.bytes), time);
        for (way, bytes) in [Side::Client, Side::Server].into_iter().zip(side(flow.bytes)) {
            self.stats.carried(session.volume(way, bytes));
        }
        let class = session.class(key);
        let is_over = session.tcp.state().is_over();
        self.stats.packets += flow.packets[0] + flow.packets[1];
        self.stats.bytes += bytes;
        let seen_on = session.seen_on[0].or(session.seen_on[1]);
        if !session.untold {
            session.untold = true;
            self.untold.push(0, slot);
        }
        // What is over is not prolonged by hearing of it late.
        if !is_over {
            let last = session.last;
            self.sessions.touch(slot, class, self.now);
            self.active(slot, last);
            self.goes_on(slot);
        }
        if let Some((iface, _)) = seen_on {
            self.saw(iface, bytes);
        }
        true
    }
}

/// What stands for the first packet of a flow, which nobody saw.
fn beginning(ends: &Ends, iface: u16, time: Time) -> Packet<'static> {
    let tcp = Tcp {
        src_port: ends.client.1,
        dst_port: ends.server.1,
        seq: 0,
        ack: 0,
        flags: 0,
        payload: &[],
        length: 0,
    };
    Packet {
        span: Span::at(time),
        iface,
        src: ends.client.0,
        dst: ends.server.0,
        src_mac: None,
        dst_mac: None,
        vlan: None,
        proto: ends.proto,
        ttl: 0,
        packets: 0,
        bytes: 0,
        carries: None,
        body: if ends.proto == proto::TCP { Body::Tcp(tcp) } else { Body::Other },
    }
}
