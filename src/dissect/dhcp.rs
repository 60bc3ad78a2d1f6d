//! DHCP (RFC 2131, 2132).

use std::net::Ipv4Addr;

use crate::record::Mac;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// discover, offer, request, decline, ack, nak, release or inform.
    pub kind: &'static str,
    pub txid: u32,
    /// The client's.
    pub mac: Option<Mac>,
    /// The address that is given or confirmed.
    pub assigned: Option<Ipv4Addr>,
    /// The address that the client asks for, or has.
    pub requested: Option<Ipv4Addr>,
    pub hostname: Option<String>,
    pub vendor_class: Option<String>,
    /// Numbers of the options that the client asks for.
    pub parameters: Vec<u8>,
    /// Seconds.
    pub lease: Option<u32>,
}
