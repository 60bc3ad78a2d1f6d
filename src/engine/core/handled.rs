//! What became of the frame that was handed in last.

use std::net::IpAddr;

use super::Core;
use crate::dissect::Side;
use crate::record::Device;

/// The session that a frame belongs to, as far as it is known by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handled<'a> {
    /// Tells it from all others of this run.
    pub session: u32,
    pub device: Device,
    /// The device's address.
    pub address: IpAddr,
    pub app: Option<&'a str>,
    /// Packets of it so far, both ways.
    pub packets: u64,
}

impl Core {
    /// A frame comes, of which no packet was seen yet.
    #[inline]
    pub fn begin_frame(&mut self) {
        self.latest = None;
    }

    /// The session of the frame's last packet; none where it has none.
    pub fn handled(&self) -> Option<Handled<'_>> {
        let (key, session) = self.sessions.entry(self.latest?)?;
        let (end, side) = match session.device_serves {
            true => (session.client.other(), Side::Server),
            false => (session.client, Side::Client),
        };
        Some(Handled {
            session: session.number,
            device: session.device,
            address: key.endpoint(end, side).0,
            app: self.apps.text(session.app),
            packets: session.packets[0] + session.packets[1],
        })
    }
}
