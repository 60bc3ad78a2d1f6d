//! What sessions tell of the device whose they are.

use super::findings::Findings;
use crate::dissect::about::{Clue, NameSource};
use crate::dissect::dhcp;
use crate::engine::key::is_group;
use crate::engine::os::{self, By};
use crate::record::{Device, Mac};

impl Findings<'_> {
    /// What the device with address `mac`, or else the packet's sender, says of itself.
    pub(super) fn clue_of(&mut self, mac: Option<Mac>, clue: Clue) {
        let sender = self.sender();
        if let Some(device) = mac.map(Device::Mac).or(sender) {
            self.devices.tell(device, clue, self.now);
        }
    }

    /// The session's device, if the packet is its own.
    fn sender(&self) -> Option<Device> {
        let (device, src) = (self.way.device, self.way.src.0);
        // Who speaks to all is no answering server.
        let is_own = is_group(self.way.dst.0) || self.devices.is_at(device, src);
        is_own.then_some(device)
    }

    /// What a client of DHCP says of itself; a server repeats it.
    pub(super) fn learn_dhcp(&mut self, message: &dhcp::Message) {
        if message.is_reply() {
            return;
        }
        let device = message.mac.map_or(self.way.device, Device::Mac);
        if let Some(name) = &message.hostname {
            self.devices.tell(device, Clue::Name(NameSource::Dhcp, name.clone()), self.now);
        }
        let class = message.vendor_class.as_deref().and_then(os::by_vendor_class);
        self.devices.guess_os(device, By::VendorClass, class);
        self.devices.guess_os(device, By::Parameters, os::by_parameters(&message.parameters));
    }

    /// What a browser says that it runs on, where the device is the client.
    pub(super) fn learn_agent(&mut self, agent: Option<&str>) {
        let [(client, _), _] = self.ends();
        if let Some(agent) = agent
            && self.devices.is_at(self.way.device, client)
        {
            self.devices.guess_os(self.way.device, By::UserAgent, os::by_user_agent(agent));
        }
    }
}
