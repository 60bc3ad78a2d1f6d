//! What a device says of itself, whatever the protocol.

/// One thing that it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clue {
    /// What it is called.
    Name(NameSource, String),
    /// What model it is, by its maker's own name.
    Model(String),
    /// What it is for: printer, speaker…
    Kind(&'static str),
}

/// Where a name comes from, the surest last: what the router was told to call a
/// device goes before what that calls itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NameSource {
    Netbios,
    Mdns,
    Dhcp,
    Lease,
}

impl NameSource {
    /// As records have it.
    pub fn name(self) -> &'static str {
        match self {
            NameSource::Netbios => "netbios",
            NameSource::Mdns => "mdns",
            NameSource::Dhcp => "dhcp",
            NameSource::Lease => "lease",
        }
    }
}
