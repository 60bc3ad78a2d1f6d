//! SSH (RFC 4253): versions, fingerprints, and how a log-in seems to end.

/// How a session begins, on the client's side and on the server's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    pub sides: [Greeting; 2],
}

/// What one side says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Greeting {
    /// `2.0`
    pub proto: Option<String>,
    /// `OpenSSH_9.2p1`
    pub software: Option<String>,
    /// Fingerprint of the algorithms that it offers: HASSH.
    pub hassh: Option<String>,
}
