//! What sessions show of the services that they are with.

use super::Core;
use crate::dissect::Side;
use crate::engine::services::Place;
use crate::engine::session::Session;
use crate::table::Slot;

impl Core {
    fn service(&self, slot: Slot) -> Option<(Place, &Session)> {
        let (key, session) = self.sessions.entry(slot)?;
        Some((self.services.place(key, session)?, session))
    }

    /// The service that the session at `slot` is with has answered, if it has; in a
    /// protocol that is known, as a port that is only open says nothing.
    pub(super) fn answers(&mut self, slot: Slot) {
        let Some((place, session)) = self.service(slot) else { return };
        let Some(protocol) = session.protocol.filter(|_| session.packets[Side::Server as usize] > 0) else {
            return;
        };
        let device = session.device_serves.then_some(session.device);
        let host = session.hosts.first().map(|(_, name)| name.clone());
        let span = (session.start, session.last);
        self.services.answered(place, span, Some(protocol.name), host.as_deref(), device);
    }

    /// Whether a segment of the server at `seq` is the first that anybody sends in
    /// the session at `slot`; `start` is the number that was due. What answers a
    /// question may be anybody's secret, a greeting is for all.
    pub(super) fn is_greeting(&self, slot: Slot, start: Option<u32>, seq: u32) -> bool {
        let is_first = |session: &Session| session.payloads == 0 && start == Some(seq);
        self.services.is_deep() && self.service(slot).is_some_and(|(_, session)| is_first(session))
    }

    pub(super) fn greeting(&mut self, slot: Slot, bytes: &[u8]) {
        // What greets at a port that is no service's own may be a file of FTP's.
        const RESERVED: u16 = 1_024;
        if let Some((place, _)) = self.service(slot).filter(|(place, _)| place.port() < RESERVED) {
            self.services.greeting(place, bytes, self.now);
        }
    }
}
