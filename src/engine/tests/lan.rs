//! What LANs are run by: devices, ARP, DHCP and ICMP, as the engine takes them.

use super::*;
use crate::engine::Notice;

fn notices(rig: &mut Rig) -> Vec<Notice> {
    rig.engine.notices().collect()
}

#[test]
fn a_device_that_was_not_known_is_noticed_once() {
    let mut rig = Rig::plain();
    rig.tcp(false, SYN, 1, b"").tcp(true, SYN | ACK, 1, b"");
    let device = Device::Mac(Mac(PHONE));
    let expected = Notice::NewDevice { time: rig.now, device, address: CLIENT.into() };
    assert_eq!(notices(&mut rig), [expected]);
    rig.wait(100).udp((CLIENT, 5000), (SERVER, 5001), b"x");
    assert_eq!(notices(&mut rig), []);
}
