//! Protocols: what the bytes of a session say. One file or folder each, and
//! one line in [`PROTOCOLS`].
//!
//! A port is a hint; a protocol's `probe` decides from the first bytes. A
//! dissector owns no buffer: what it does not take comes back with more
//! behind it, however TCP had cut it. The engine reassembles, within a bound.

pub mod about;
pub mod dhcp;
pub mod dns;
mod encoding;
pub mod ftp;
mod greeting;
pub mod http;
mod imap;
mod lines;
pub mod login;
mod logins;
mod named;
mod nbns;
pub mod ntlm;
mod pieces;
mod pop3;
pub mod quic;
mod sasl;
pub mod smtp;
pub mod ssh;
mod telnet;
#[cfg(test)]
mod tests;
pub mod tls;
mod words;

use std::sync::LazyLock;

use crate::record::Mac;
use crate::wire::proto;
use named::{calls, data, home, industry, media, meter, net, office, peer, play, text};

/// Every protocol that Weir knows by its bytes, the likeliest first; one whose
/// bytes look like another's stands before it.
#[rustfmt::skip]
pub static PROTOCOLS: &[&Protocol] = &[
    &tls::TLS, &http::HTTP, &http::HTTP2, &nbns::NBNS, &dns::MDNS, &dns::LLMNR, &dns::DNS, &quic::QUIC, &net::NTP,
    &calls::WHATSAPP_CALL, &calls::TEAMS_CALL, &calls::ZOOM_STUN, &media::STUN, &dhcp::DHCP, &dhcp::DHCPV6, &net::SSDP,
    &tls::DTLS, &media::WIREGUARD, &media::BITTORRENT_UDP, &text::SSH, &text::FTP, &text::SMTP, &text::POP3,
    &text::IMAP, &data::SMB, &net::SMBDGM, &net::NBDGM, &net::NBSS, &net::SNMP, &media::SIP, &media::SIP_TCP,
    &media::RTSP, &media::BITTORRENT, &net::TFTP, &media::OPENVPN, &media::IKE, &media::WHATSAPP, &text::XMPP,
    &data::MQTT, &data::RDP, &data::MYSQL, &data::PGSQL, &data::REDIS, &data::MONGODB, &data::MSSQL, &data::KERBEROS,
    &data::KERBEROS_UDP, &data::LDAP, &data::LDAP_UDP, &data::DCERPC, &media::STUN_TCP, &text::TELNET, &text::VNC,
    &media::SOCKS, &text::IRC, &data::AMQP, &data::MEMCACHED, &data::MEMCACHED_UDP, &industry::COAP, &net::RADIUS,
    &text::SYSLOG, &text::SYSLOG_TCP, &data::RPC, &data::RPC_UDP, &net::BGP, &media::OPENVPN_TCP, &media::L2TP,
    &media::PPTP, &media::GTPC, &media::GTPU, &media::GTPP, &media::PFCP, &meter::UMAS, &industry::MODBUS,
    &industry::S7COMM, &industry::MMS, &industry::DNP3, &industry::DNP3_UDP, &industry::IEC104, &industry::BACNET,
    &industry::ENIP, &industry::ENIP_UDP, &industry::OPCUA, &industry::FINS, &industry::FINS_UDP, &industry::TRDP,
    &industry::TRDP_TCP, &industry::SOMEIP, &industry::SOMEIP_TCP, &industry::C37118, &industry::C37118_UDP,
    &industry::TUYA, &industry::EGD, &industry::DICOM, &industry::HL7, &media::H323, &text::MGCP, &text::MEGACO,
    &media::SKINNY, &media::BFCP, &media::BFCP_TCP, &text::RSYNC, &text::GIT, &text::MUNIN, &text::NNTP, &text::PROXY,
    &text::GNUTELLA, &text::MINING, &text::WSD, &data::ORACLE, &data::DRDA, &data::CASSANDRA, &data::KAFKA,
    &data::NATS, &data::AFP, &data::FASTCGI, &data::CEPH, &data::GIOP, &data::THRIFT, &data::THRIFT_UDP, &data::ZABBIX,
    &data::Z3950, &net::DIAMETER, &net::LDP, &net::LDP_UDP, &net::HSRP, &net::RIP, &net::DLEP, &net::DLEP_TCP,
    &net::NATPMP, &net::PCP, &net::SLP, &net::RMCP, &net::NETFLOW, &net::SFLOW, &net::PTP, &net::XDMCP,
    &net::ROUGHTIME, &net::RX, &media::EDONKEY, &media::BITCOIN, &media::STEAM, &media::SPOTIFY, &media::DISCORD,
    &media::TAILSCALE, &media::OICQ, &media::TEAMVIEWER, &media::TEAMVIEWER_UDP, &play::SOURCE, &play::HALFLIFE2,
    &play::QUAKE, &play::RAKNET, &play::ENET, &play::MINECRAFT, &play::GENSHIN, &play::NINTENDO,
    &play::STEAM_TCP, &play::TEAMSPEAK, &play::TEAMSPEAK_TCP, &play::CRYNETWORK, &play::YOJIMBO, &play::WOW,
    &play::MUMBLE, &home::TUYA_TCP, &home::KASA, &home::KASA_TCP, &home::MIIO, &home::LIFX, &home::WIZ,
    &home::YEELIGHT, &home::PJLINK, &home::MPD, &home::BROADLINK, &home::KNX, &home::KNX_TCP, &home::MATTER,
    &home::ARTNET, &home::SACN, &home::DHIP, &home::DHIP_UDP, &home::BAICHUAN, &home::BJNP, &home::JETDIRECT,
    &home::LPD, &home::WOL, &home::UBIQUITI, &home::MNDP, &home::SYNCTHING, &home::SYNCTHING_TCP, &home::DROPBOX,
    &home::SPOTIFY_TCP, &home::TIVO, &home::ANYDESK, &meter::C1222, &meter::C1222_TCP, &meter::DLMS, &meter::DLMS_TCP,
    &meter::CNPIP, &meter::ETHERSBUS, &meter::ETHERSIO, &meter::ATG, &meter::CPHA, &meter::HARTIP, &meter::HARTIP_TCP,
    &meter::ADS, &meter::CIP, &meter::FOX, &meter::PROFINET, &meter::RTPS, &meter::HISLIP, &meter::LORAWAN,
    &meter::FLUTE, &office::RTMP, &office::ICAP, &office::X11, &office::CITRIX, &office::NOMACHINE, &office::SPICE,
    &office::RADMIN, &office::RDP_UDP, &office::ISCSI, &office::MSSQL_BROWSER, &office::CASSANDRA_NODES,
    &office::ELASTICSEARCH, &office::CLICKHOUSE, &office::ZEROMQ, &office::JRMI, &office::AJP, &office::SMPP,
    &office::FIX, &office::SVN, &office::TACACS, &office::RSH, &office::RLOGIN, &office::WHOIS, &office::ADB,
    &office::IPERF, &office::IPERF_UDP, &office::COLLECTD, &office::BFD, &office::BABEL, &office::OLSR, &office::RIPNG,
    &office::CAPWAP, &office::NBD, &office::NINEP, &office::DISTCC, &office::ASTERISK, &office::MANAGESIEVE,
    &office::LISP, &office::OPENFLOW, &office::OPENWIRE, &office::STOMP, &office::GEARMAN, &office::COUCHBASE,
    &office::CHECKMK, &office::KISMET, &office::VMWARE, &office::HCLNOTES, &office::LUSTRE, &office::OOKLA,
    &office::MERAKI, &office::ALICLOUD, &peer::BITTORRENT_LATER, &peer::GNUTELLA_UDP, &peer::KAD, &peer::SOULSEEK,
    &peer::DIRECTCONNECT, &peer::ETHEREUM, &peer::MONERO, &peer::CRYPTONOTE, &peer::JSONRPC, &peer::ZEROTIER,
    &peer::NEBULA, &peer::TINC, &peer::DNSCRYPT, &peer::TEREDO, &peer::ZOOM, &peer::TELEGRAM, &peer::TELEGRAM_UDP,
    &peer::WECHAT, &peer::THREEMA, &peer::WEBSOCKET, &peer::SIP_ALIVE, &peer::MQTT_LATER, &peer::IAX, &peer::SRT,
    &peer::TLS_LATER, &media::KCP, &media::MPEGTS, &media::RTCP, &media::RTP,
];

/// Who sent something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Side {
    Client = 0,
    Server = 1,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
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
    /// The transport protocols that carry it.
    pub over: &'static [u8],
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
    /// Behind this many bytes another protocol begins (streams only).
    Again(usize),
    /// Not this protocol after all, or broken.
    Reject,
}

/// Takes what dissectors found out. The engine is one; tests have theirs.
pub trait Sink {
    /// Whether anybody wants `tls` and `http`. The names of a session are
    /// wanted always, and what is read for them only can be left at that.
    fn wants_details(&self) -> bool {
        true
    }

    /// The beginning of a stream that came in several segments, as far as it
    /// did; `side` sent it (streams only).
    fn opening(&mut self, _side: Side, _bytes: &[u8]) {}

    /// A DNS message.
    fn dns(&mut self, kind: dns::Kind, side: Side, message: &dns::Message<'_>);

    /// What a client offers in TLS, as soon as it is read.
    fn tls_hello(&mut self, _hello: &tls::ClientHello) {}

    /// All that was read of a TLS handshake, once, when it is over.
    fn tls(&mut self, _handshake: &tls::Handshake) {}

    /// An HTTP request with its response, or what was seen of the two.
    fn http(&mut self, _exchange: http::Exchange) {}

    /// Whether anybody wants [`Sink::body`].
    fn wants_body(&self) -> bool {
        false
    }

    /// How the body of the first answer of HTTP in a session begins: at most
    /// [`http::MAX_BODY`] bytes, as they came.
    fn body(&mut self, _bytes: &[u8]) {}

    /// A try to log in, when its outcome is known or can't be.
    fn login(&mut self, _login: login::Login) {}

    /// What the server says it is, each time that more is known.
    fn product(&mut self, _product: Product) {}

    /// How a session of SSH began, once.
    fn ssh(&mut self, _hello: ssh::Hello) {}

    /// A command of FTP with its answer.
    fn ftp(&mut self, _exchange: ftp::Exchange) {}

    /// A mail that was handed over.
    fn smtp(&mut self, _mail: smtp::Mail) {}

    /// A message of DHCP.
    fn dhcp(&mut self, _message: dhcp::Message) {}

    /// What the device with address `mac`, or else the sender, says of itself.
    fn clue(&mut self, _mac: Option<Mac>, _clue: about::Clue) {}

    /// Whom the first HTTP request of a session is for.
    fn http_host(&mut self, _host: &str) {}
}

/// What a server says it is. None holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Product {
    /// The program.
    pub name: Option<String>,
    pub version: Option<String>,
    /// What it said first, where that is text.
    pub banner: Option<String>,
    /// The title of its page.
    pub title: Option<String>,
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

type Probe = fn(&Opening<'_>) -> Verdict;

/// Bytes of a stream in which each protocol is to be known. With fewer none is
/// ruled out, however TCP cut them; the calls of miners have the longest
const ENOUGH: usize = 256;

/// The probes of the protocols over TCP and over UDP. Apart and together with
/// nothing else, because each session's first bytes are shown to most of them.
static PROBES: LazyLock<[Vec<(Probe, &'static Protocol)>; 2]> = LazyLock::new(|| {
    [proto::TCP, proto::UDP].map(|transport| {
        let carried = PROTOCOLS.iter().filter(|protocol| protocol.over.contains(&transport));
        carried.map(|&protocol| (protocol.probe, protocol)).collect()
    })
});

/// Asks the protocols in order.
pub fn identify(opening: &Opening<'_>) -> Identity {
    let mut more = false;
    for (probe, protocol) in &PROBES[usize::from(opening.proto == proto::UDP)] {
        match probe(opening) {
            Verdict::Yes => return Identity::Is(protocol),
            Verdict::More => more = true,
            Verdict::No => {}
        }
    }
    // A datagram is all there is of it.
    let more = more || opening.bytes.len() < ENOUGH;
    if more && opening.proto == proto::TCP { Identity::More } else { Identity::Unknown }
}
