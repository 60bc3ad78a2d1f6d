//! What somebody else has counted of a session: conntrack, where packets are
//! not seen beyond the first.

use std::net::IpAddr;

/// The two ends of a session, for those who follow or stop it elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ends {
    /// Transport protocol number.
    pub proto: u8,
    /// Who began it: address and port.
    pub client: (IpAddr, u16),
    pub server: (IpAddr, u16),
    /// Type, code and identifier of what the client sends in ICMP.
    pub icmp: Option<(u8, u8, u16)>,
}

/// Growth of one flow since it was told last. Sides are indexed client first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow {
    pub ends: Ends,
    pub packets: [u64; 2],
    /// At the IP layer.
    pub bytes: [u64; 2],
}
