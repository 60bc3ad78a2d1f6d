//! How much of what passes an interface is read, and how much of that has a name.

use super::Core;
use crate::dissect::Side;
use crate::engine::usage::Volume;
use crate::table::Slot;

/// What became of the bytes of one interface, at the IP layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Line {
    /// That were read.
    pub seen: u64,
    /// Of those, in sessions without an app or a host's name.
    pub unnamed: u64,
}

impl Core {
    /// `bytes` passed `iface` and were read.
    #[inline]
    pub fn saw(&mut self, iface: u16, bytes: u64) {
        if let Some(line) = self.line(iface) {
            line.seen += bytes;
        }
    }

    pub fn lines(&self) -> impl Iterator<Item = (&str, Line)> {
        self.ifaces.iter().map(|name| &**name).zip(self.lines.iter().copied())
    }

    /// The session at `slot` brings `volume` to its device's use. A name that
    /// came late counts for what was told before, too.
    pub(super) fn tell_named(&mut self, slot: Slot, volume: Volume) {
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        let is_unnamed = session.app.is_none() && session.hosts.is_empty();
        if !is_unnamed && !session.unnamed {
            return;
        }
        let became_named = !is_unnamed;
        session.unnamed = is_unnamed;
        let total = session.told.bytes_in + session.told.bytes_out;
        let seen_on = session.seen_on[Side::Client as usize].or(session.seen_on[Side::Server as usize]);
        let Some(line) = seen_on.and_then(|(iface, _)| self.line(iface)) else { return };
        let grown = volume.bytes_in + volume.bytes_out;
        if became_named {
            line.unnamed = line.unnamed.saturating_sub(total - grown);
        } else {
            line.unnamed += grown;
        }
    }

    #[inline]
    fn line(&mut self, iface: u16) -> Option<&mut Line> {
        let place = usize::from(iface);
        if place >= self.lines.len() {
            // As many as there are interfaces, and no more.
            self.lines.resize(self.ifaces.len(), Line::default());
        }
        self.lines.get_mut(place)
    }
}
