//! Protocols: what the bytes of a session say. One file or folder each, and
//! one line in [`PROTOCOLS`].
//!
//! A port is a hint; a protocol's `probe` decides from the first bytes. A
//! dissector owns no buffer: what it does not take comes back with more
//! behind it, however TCP had cut it. The engine reassembles, within a bound.

pub mod dns;
pub mod http;
mod named;
pub mod quic;
pub mod tls;

use crate::wire::proto;

/// Every protocol that Weir knows by its bytes, the likeliest first; one whose
/// bytes look like another's stands before it.
#[rustfmt::skip]
pub static PROTOCOLS: &[&Protocol] = &[
    &tls::TLS, &http::HTTP, &http::HTTP2, &named::NBNS, &dns::MDNS, &dns::LLMNR, &dns::DNS, &quic::QUIC, &named::NTP,
    &named::STUN, &named::DHCP, &named::DHCPV6, &named::SSDP, &named::SSH, &named::FTP, &named::SMTP,
    &named::POP3, &named::IMAP, &named::SMB, &named::NBDGM, &named::SNMP, &named::SIP, &named::SIP_TCP,
    &named::RTSP, &named::BITTORRENT, &named::DTLS, &named::WIREGUARD, &named::TFTP,
];

/// Who sent something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Side {
    Client = 0,
    Server = 1,
}

/// The first bytes of one side of a session.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// Transport protocol number.
    pub proto: u8,
    pub client_port: u16,
    pub server_port: u16,
    pub side: Side,
    pub bytes: &'a [u8],
}

impl Opening<'_> {
    /// Whether `port` is one of the two.
    pub fn has_port(&self, port: u16) -> bool {
        self.client_port == port || self.server_port == port
    }
}

/// What a probe makes of an [`Opening`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Yes,
    No,
    /// Can't be told from so few bytes (streams only).
    More,
}

/// One protocol.
pub struct Protocol {
    /// As EVE's `app_proto` has it.
    pub name: &'static str,
    pub probe: fn(&Opening<'_>) -> Verdict,
    /// Reads one UDP datagram, whatever came before it.
    pub datagram: Option<fn(Side, &[u8], &mut dyn Sink)>,
    /// Begins to read a TCP stream, or the datagrams of a session together.
    pub stream: Option<fn() -> Box<dyn Dissector>>,
}

/// Reads one session.
pub trait Dissector: Send {
    /// `bytes` are all that `side` sent and no call took yet, in order; of UDP
    /// one datagram.
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step;

    /// The session is over, or bytes of it are missing: there will be no more.
    fn end(&mut self, _sink: &mut dyn Sink) {}

    /// Memory that it holds beside itself, in bytes. It counts with the bytes
    /// that wait in streams.
    fn held(&self) -> usize {
        0
    }
}

/// A dissector's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// This many bytes are dealt with; the rest comes again. If it is more
    /// than there are, what comes next is left out so far.
    Take(usize),
    /// Nothing more to learn here.
    Done,
    /// Not this protocol after all, or broken.
    Reject,
}

/// Takes what dissectors found out. The engine is one; tests have theirs.
pub trait Sink {
    /// A DNS message.
    fn dns(&mut self, kind: dns::Kind, side: Side, message: &dns::Message<'_>);

    /// What a client offers in TLS, as soon as it is read.
    fn tls_hello(&mut self, _hello: &tls::ClientHello) {}

    /// All that was read of a TLS handshake, once, when it is over.
    fn tls(&mut self, _handshake: &tls::Handshake) {}

    /// An HTTP request with its response, or what was seen of the two.
    fn http(&mut self, _exchange: http::Exchange) {}

    /// Whom the first HTTP request of a session is for.
    fn http_host(&mut self, _host: &str) {}
}

/// What [`identify`] says.
#[derive(Clone, Copy)]
pub enum Identity {
    /// It is this one.
    Is(&'static Protocol),
    /// One of them wants to see more bytes.
    More,
    /// None of them.
    Unknown,
}

/// Asks the protocols in order.
pub fn identify(opening: &Opening<'_>) -> Identity {
    let mut more = false;
    for protocol in PROTOCOLS {
        match (protocol.probe)(opening) {
            Verdict::Yes => return Identity::Is(protocol),
            Verdict::More => more = true,
            Verdict::No => {}
        }
    }
    // A datagram is all there is of it.
    if more && opening.proto == proto::TCP { Identity::More } else { Identity::Unknown }
}
