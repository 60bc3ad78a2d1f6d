//! What Weir can say. One entry below is a struct, a table in both SQL
//! dialects, a line of JSON and a part of the schema that the pages read.
//!
//! No type here has a field for a password, a cookie or a key.

mod column;
mod rollup;
mod schema;
mod types;

use std::net::IpAddr;
use std::sync::Arc;

pub use column::{Cell, Column, Event, Kind, Merge, Short, Table, Value, short, short_address, short_text};
pub use rollup::ROLLUPS;
pub use schema::{Dialect, LARGE, Size, VERSION, add_column, create, schema_json, search_indexes, upsert};
pub use types::{Country, Device, Id, Ids, Mac, Name, NoAddress, Proto, registered, seed, seed_of};

use crate::time::Time;
use column::{join, tables};

tables! {
    /// One session: the packets of one TCP connection or of one pair of UDP
    /// endpoints until they fell silent. Written while it goes on, if it goes
    /// on for long, and once more when it ends.
    Session = "session", indexed ["last"] searched ["device", "app", "host"] {
        /// Begins with when the row was first written, in milliseconds: so rows
        /// come to the end of the table, and few pages of it are written again.
        id: Id,
        /// First packet, microseconds since 1970.
        start: Time,
        /// Latest packet, microseconds since 1970.
        last: Time,
        /// Transport protocol.
        proto: Proto,
        /// Address of the side that began it.
        client: IpAddr,
        /// For ICMP the echo's identifier.
        client_port: u16,
        /// Address of the side that was asked.
        server: IpAddr,
        /// For ICMP type × 256 + code, as NetFlow has it.
        server_port: u16,
        /// The client's MAC address as this network shows it.
        client_mac: Option<Mac>,
        /// Whose traffic it is: the side that is in the LAN.
        device: Device,
        /// Where the client's packets were seen.
        iface: Arc<str>,
        /// VLAN of the first packet.
        vlan: Option<u16>,
        /// Packets from the client.
        packets_out: u64,
        /// Packets from the server.
        packets_in: u64,
        /// IP-layer bytes from the client.
        bytes_out: u64,
        /// IP-layer bytes from the server.
        bytes_in: u64,
        /// All TCP flags that the client set.
        tcp_flags_out: u8,
        /// All TCP flags that the server set.
        tcp_flags_in: u8,
        /// TCP's state by name; new or established for the rest.
        state: &'static str,
        /// From SYN to the end of the handshake, microseconds.
        rtt_us: Option<u32>,
        /// TCP segments whose bytes had been seen before.
        retransmissions: u32,
        /// Name of the server.
        host: Option<Name>,
        /// How the name is known: sni, quic or http from the client, dns from an
        /// answer, cert from the server, reverse from a question about the address, ech
        /// before an encrypted hello, which hides the real one.
        host_source: Option<&'static str>,
        /// How sure that is, of 100.
        host_confidence: Option<u8>,
        /// All names of the server where there are several, as JSON.
        names: Option<String>,
        /// The app by features.txt.
        app: Option<Arc<str>>,
        /// The line of features.txt that decided it.
        app_line: Option<u32>,
        /// Protocol above the transport, as EVE names it.
        app_proto: Option<&'static str>,
        /// doh, dot or doq for encrypted DNS; ech where the hello hides the name;
        /// unasked where the client named a server that the device had not asked
        /// DNS for.
        note: Option<&'static str>,
        /// Why it ended; unknown while it goes on.
        reason: Option<&'static str>,
        /// The country that the server is in, by ISO 3166.
        country: Option<Country>,
        /// The number of the autonomous system that the server belongs to.
        asn: Option<u32>,
    }

    /// One question to DNS with its answer, or one message of mDNS or LLMNR.
    Dns = "dns", indexed [] searched ["device", "qname"] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When it was asked (answered, if the question was not seen).
        time: Time,
        /// dns, mdns or llmnr.
        kind: &'static str,
        /// Transport protocol.
        proto: Proto,
        /// Who asked.
        client: IpAddr,
        /// The port it asked from.
        client_port: u16,
        /// Who was asked.
        server: IpAddr,
        /// The port that was asked.
        server_port: u16,
        /// Whose question it was.
        device: Device,
        /// Identifier of the message.
        txid: u16,
        /// Name in the question, lower case.
        qname: Option<Name>,
        /// Type in the question, by name.
        qtype: Option<Short>,
        /// Further questions in the same message, as JSON.
        more: Option<String>,
        /// Header flags of the question.
        flags: Option<u16>,
        /// Header flags of the answer.
        answer_flags: Option<u16>,
        /// Whether the question was seen.
        asked: u8,
        /// Response code by name; unknown without an answer.
        rcode: Option<Short>,
        /// From question to answer, microseconds.
        latency_us: Option<u32>,
        /// How many answers there were.
        answer_count: u16,
        /// The answers, as EVE's JSON array.
        answers: Option<String>,
        /// What the question said by EDNS, as JSON.
        edns: Option<String>,
        /// What the answer said by EDNS, as JSON.
        answer_edns: Option<String>,
    }

    /// The handshake of one session of TLS or QUIC.
    Tls = "tls", indexed [] searched ["device", "sni"] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When it was read, microseconds since 1970.
        time: Time,
        /// tls or quic.
        kind: &'static str,
        /// Transport protocol.
        proto: Proto,
        /// Address of the client.
        client: IpAddr,
        /// Its port.
        client_port: u16,
        /// Address of the server.
        server: IpAddr,
        /// Its port.
        server_port: u16,
        /// Whose session it is.
        device: Device,
        /// The server's name as the client sent it.
        sni: Option<Name>,
        /// The protocols that the client offered above it, as JSON.
        alpn_offered: Option<String>,
        /// The protocol that the server chose.
        alpn: Option<Short>,
        /// The highest version that the client offered.
        version_offered: Option<Short>,
        /// The version that the server chose.
        version: Option<Short>,
        /// QUIC's version.
        quic_version: Option<Short>,
        /// The cipher suite that the server chose, by its number.
        cipher: Option<u16>,
        /// Fingerprint of the client's hello, JA3.
        ja3: Option<Short>,
        /// Fingerprint of the client's hello, JA4.
        ja4: Option<Short>,
        /// Fingerprint of the server's hello, JA3S.
        ja3s: Option<Short>,
        /// The extensions of the client's hello in its order, by their numbers,
        /// as JSON.
        extensions: Option<String>,
        /// Whether the hello has an encrypted one in it: 2 if it hides a name, 1
        /// if it looks like it, as all of some browsers do.
        ech: u8,
        /// Whether an earlier session was resumed.
        resumed: u8,
        /// Whom the server's certificate is for.
        subject: Option<String>,
        /// Who signed it.
        issuer: Option<String>,
        /// The names it is for, as JSON.
        names: Option<String>,
        /// From when it holds, microseconds since 1970.
        not_before: Option<Time>,
        /// Until when.
        not_after: Option<Time>,
        /// Its number.
        serial: Option<String>,
        /// SHA-1 of it.
        fingerprint: Option<String>,
    }

    /// One request of HTTP/1 with its response.
    Http = "http", indexed [] searched ["device", "host"] with event {
        /// The host that was asked for.
        host: Option<Name>,
        /// The method.
        method: Short,
        /// What was asked for, as the request line has it.
        uri: String,
        /// The version in the request line.
        version: Short,
        /// The response's code; unknown without a response.
        status: Option<u16>,
        /// What the client says it is.
        user_agent: Option<String>,
        /// Where the client came from.
        referer: Option<String>,
        /// The response's type.
        content_type: Option<String>,
        /// What the server says it is.
        server_name: Option<String>,
        /// Bytes of the request's body as declared.
        request_length: Option<u64>,
        /// Bytes of the response's body as declared.
        response_length: Option<u64>,
    }

    /// One try to log in, as far as it was seen. The secret is never read.
    Auth = "auth", indexed [] with event {
        /// What was logged in to, as EVE names protocols.
        service: &'static str,
        /// The user's name as the client sent it.
        user: Option<Name>,
        /// How the client proved to be that user: the protocol's own name for it.
        method: Option<Short>,
        /// accepted or refused; unknown where that was not seen.
        outcome: Option<&'static str>,
        /// Whether the outcome is an estimate by the sizes of what is encrypted.
        estimated: u8,
        /// Whether name and secret went through encryption.
        encrypted: u8,
        /// What the client says it is.
        client_version: Option<String>,
        /// What the server says it is.
        server_version: Option<String>,
    }

    /// How one session of SSH began.
    Ssh = "ssh", indexed [] with event {
        /// The version that the client speaks.
        client_proto: Option<Short>,
        /// What the client says it is.
        client_software: Option<String>,
        /// Fingerprint of what the client offers, HASSH.
        hassh: Option<Short>,
        /// The version that the server speaks.
        server_proto: Option<Short>,
        /// What the server says it is.
        server_software: Option<String>,
        /// Fingerprint of what the server offers.
        hassh_server: Option<Short>,
    }

    /// One command of FTP with its answer.
    Ftp = "ftp", indexed [] with event {
        /// The command, in capitals; unknown where it is none that FTP has.
        command: Option<&'static str>,
        /// What it is about; a password is left out.
        argument: Option<String>,
        /// Whether more of the command came than is kept.
        command_truncated: u8,
        /// The code of the answer.
        code: Option<u16>,
        /// Its text.
        reply: Option<String>,
        /// Whether more of the answer came than is kept.
        reply_truncated: u8,
    }

    /// One mail that a client handed over by SMTP, or a session without one.
    Smtp = "smtp", indexed [] with event {
        /// What the client calls itself.
        helo: Option<Name>,
        /// The sender.
        mail_from: Option<String>,
        /// Those who are to get it, as JSON.
        rcpt_to: Option<String>,
        /// The subject.
        subject: Option<String>,
        /// Names of files in it, as JSON.
        attachments: Option<String>,
        /// Bytes of the mail; unknown where there was none.
        bytes: Option<u64>,
        /// The code that the server answered to it with.
        code: Option<u16>,
    }

    /// A message of ICMP that is no part of an echo, with what it quotes.
    Icmp = "icmp", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When it came, microseconds since 1970.
        time: Time,
        /// Transport protocol: icmp or ipv6-icmp.
        proto: Proto,
        /// Who sent it.
        src: IpAddr,
        /// Whom to.
        dst: IpAddr,
        /// Whose session it is about, or whose message it is.
        device: Device,
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// What that means, in words.
        meaning: &'static str,
        /// The session that it is about.
        session: Option<Id>,
        /// That session's transport protocol.
        about_proto: Option<Proto>,
        /// Its client, as far as is known who that is.
        about_client: Option<IpAddr>,
        /// The client's port.
        about_client_port: Option<u16>,
        /// Its server.
        about_server: Option<IpAddr>,
        /// The server's port.
        about_server_port: Option<u16>,
        /// How many like it came within the minute.
        count: u32,
    }

    /// One message of DHCP.
    Dhcp = "dhcp", indexed [] with event {
        /// Which message, in small letters: discover, offer, request, ack…
        kind: &'static str,
        /// Of the message's exchange.
        txid: u32,
        /// The client's MAC address.
        mac: Option<Mac>,
        /// The address that is given or confirmed.
        assigned: Option<IpAddr>,
        /// The address that the client asks for.
        requested: Option<IpAddr>,
        /// What the client calls itself.
        hostname: Option<Name>,
        /// What kind of client it is, by its own word (option 60).
        vendor_class: Option<String>,
        /// The options that it asks for, by number, as JSON.
        parameters: Option<String>,
        /// For how long, seconds.
        lease_secs: Option<u32>,
    }

    /// One message of ARP that says something new.
    Arp = "arp", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When it came, microseconds since 1970.
        time: Time,
        /// request or reply.
        kind: &'static str,
        /// Who says it.
        src_mac: Mac,
        /// The address that it says it has.
        src_ip: IpAddr,
        /// Whom it is for; unknown in a request.
        dst_mac: Option<Mac>,
        /// The address that is meant.
        dst_ip: IpAddr,
    }

    /// What answers at an address and port, as it says itself.
    Service = "service", indexed ["last"] {
        /// Transport protocol, address and port in one.
        service: Short,
        /// Transport protocol.
        proto: Proto,
        /// Its address.
        ip: IpAddr,
        /// Its port.
        port: u16,
        /// The device whose it is, where that is in the LAN.
        device: Option<Device> = known,
        /// Protocol above the transport, as EVE names it.
        app_proto: Option<&'static str> = known,
        /// The program.
        product: Option<String> = known,
        /// Its version.
        version: Option<String> = known,
        /// Its name: of a certificate or a host that was asked for.
        host: Option<Name> = known,
        /// The title of its page.
        title: Option<String> = known,
        /// What it said first, as far as that is text.
        banner: Option<String> = known,
        /// What was asked of it in HTTP first, without the query.
        url: Option<String> = known,
        /// The code that it answered that with.
        code: Option<u16> = known,
        /// The type of that answer.
        content_type: Option<String> = known,
        /// How the body of that answer begins, as text; only where that is wanted.
        body: Option<String> = known,
        /// The bytes that it greeted with, in hex; only where that is wanted.
        data: Option<String> = known,
        /// When it was first seen, microseconds since 1970.
        first: Time = least,
        /// When it was seen last.
        last: Time,
    }

    /// Something that a person should know.
    Alert = "alert", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When it began, microseconds since 1970.
        time: Time,
        /// When it was seen last.
        last: Time,
        /// new_device, threat, logins, scan, flood, arp_conflict, dns_tunnel or quota.
        kind: &'static str,
        /// 1 for what is grave, 2 for what should be looked at, 3 for news.
        severity: u8,
        /// Whom it is about.
        device: Option<Device>,
        /// The address that it comes from.
        src: Option<IpAddr>,
        /// The address that it is about.
        dst: Option<IpAddr>,
        /// The port there.
        port: Option<u16>,
        /// What was found: a name, an address, a user.
        what: Option<Name>,
        /// The list that it stands on, or the policy.
        list: Option<Arc<str>>,
        /// The entry of that list.
        entry: Option<String>,
        /// The list's version: when its file was last changed, microseconds since 1970.
        list_version: Option<Time>,
        /// In words, English.
        text: String,
        /// How often.
        count: u32,
    }

    /// One device's use of one app, from the first session to the end of the
    /// last with no longer pause between them than `app_timeout`.
    App = "app", indexed ["last"] {
        /// Begins with the start in milliseconds.
        id: Id,
        /// Whose use.
        device: Device,
        /// The app by features.txt.
        app: Arc<str>,
        /// Its category.
        class: Option<Arc<str>>,
        /// First packet, microseconds since 1970.
        start: Time,
        /// Latest packet, microseconds since 1970.
        last: Time,
        /// When it was taken to be over; unknown while it goes on.
        ended: Option<Time>,
        /// IP-layer bytes from the device.
        bytes_out: u64,
        /// IP-layer bytes to the device.
        bytes_in: u64,
        /// Sessions begun.
        sessions: u32,
        /// Seconds in use: from packet to packet where the pause was at most ten.
        active_seconds: u32,
    }

    /// Volume by minute, device and app.
    Traffic = "traffic", indexed [] {
        /// Begins with the minute in milliseconds.
        id: Id,
        /// Begin of the minute, microseconds since 1970.
        time: Time,
        /// Whose traffic.
        device: Device,
        /// The app by features.txt; unknown for what has no name.
        app: Option<Arc<str>>,
        /// IP-layer bytes from the device.
        bytes_out: u64,
        /// IP-layer bytes to the device.
        bytes_in: u64,
        /// Packets both ways.
        packets: u64,
        /// Sessions begun.
        sessions: u32,
        /// Seconds in use: from packet to packet where the pause was at most ten.
        active_seconds: u32,
    }

    /// One thing in the LAN.
    Thing = "device", indexed [] {
        /// As the other tables name it.
        device: Device,
        /// Its MAC address.
        mac: Option<Mac> = known,
        /// The IPv4 address it used last.
        ipv4: Option<IpAddr> = known,
        /// The IPv6 address it used last.
        ipv6: Option<IpAddr> = known,
        /// Who made its network card, by its MAC address.
        vendor: Option<Arc<str>> = known,
        /// What it is called.
        name: Option<Name> = known,
        /// Who says so, the surest first: lease, which is dnsmasq; dhcp, mdns or netbios,
        /// where it does itself.
        name_source: Option<&'static str> = known,
        /// What it runs: a guess.
        os: Option<Short> = known,
        /// What the guess is made by, the surest first: mdns, dhcp class, user agent, dhcp
        /// options or ttl.
        os_source: Option<&'static str> = known,
        /// What it is for, where it says so: router, printer, camera…
        kind: Option<&'static str> = known,
        /// Whether its MAC address is made up, as phones do against being followed.
        is_random: Option<u8> = known,
        /// Another device that it may be, under an earlier address: it has the same name.
        merge_with: Option<Device> = known,
        /// First packet, microseconds since 1970.
        first: Time = least,
        /// Latest packet, microseconds since 1970.
        last: Time,
    }

    /// What people say of a device.
    Label = "label", indexed [] {
        /// The device, as the other tables name it.
        device: Device,
        /// What they call it.
        alias: Option<Arc<str>>,
        /// What stands for it: phone, tv…
        icon: Option<Arc<str>>,
        /// The devices that it belongs to: a person's, a room's.
        grp: Option<Arc<str>>,
        /// The device that it is too, under another address.
        part_of: Option<Device>,
        /// How much of it is written down: full, domain, app, counts or off.
        level: &'static str,
        /// When they said so last, microseconds since 1970.
        changed: Time,
    }

    /// The apps that features.txt knows, for the pages.
    Catalog = "catalog", indexed [] {
        /// The app.
        app: Arc<str>,
        /// Its name in Chinese.
        app_zh: Option<Arc<str>>,
        /// Its category.
        class: Option<Arc<str>>,
        /// The category's name in English.
        class_en: Option<Arc<str>>,
        /// The category's name in Chinese.
        class_zh: Option<Arc<str>>,
    }

    /// What each stage was offered and lost within an interval.
    Health = "health", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// End of the interval, microseconds since 1970.
        time: Time,
        /// Which stage: an interface, the engine, the store, or "out" with its name.
        stage: Arc<str>,
        /// Packets or records that came to it.
        offered: u64,
        /// Those that were lost there.
        lost: u64,
        /// Bytes that it wrote to lasting storage within the interval.
        flash_bytes: u64,
        /// Whether it puts off writing there, to stay within the day's budget.
        flash_held: u8,
    }

    /// What a policy stopped within a minute.
    Stop = "stop", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// When the first session was, microseconds since 1970.
        time: Time,
        /// …and the latest.
        last: Time,
        /// The policy's name.
        policy: Arc<str>,
        /// "stopped", "dry run" where that was only tried, or "not stopped": what is
        /// not TCP, where only resets could stop it.
        action: &'static str,
        /// "always", "schedule" or "quota".
        reason: &'static str,
        /// Whose sessions.
        device: Device,
        /// Their app.
        app: Option<Arc<str>>,
        /// Their server's name.
        host: Option<Name>,
        /// How many.
        sessions: u32,
    }

    /// Who writes into this database.
    Router = "router", indexed [] {
        /// Its name.
        name: Arc<str>,
        /// Weir's version there.
        version: &'static str,
        /// When it first wrote, microseconds since 1970.
        first: Time = least,
        /// When it wrote last, by its own clock.
        last: Time,
        /// How far that is ahead of the database server's, milliseconds; less than 0
        /// where it is behind. Unknown for a database without a server.
        ahead_ms: Option<i64> = known,
    }

    /// What passed an interface within an interval, and how much of it is known.
    Coverage = "coverage", indexed [] {
        /// Begins with the time in milliseconds.
        id: Id,
        /// End of the interval, microseconds since 1970.
        time: Time,
        /// The interface.
        iface: Arc<str>,
        /// Bytes at the IP layer, as the interface itself counts.
        bytes_line: u64,
        /// Of those, in packets that were read or flows that were counted.
        bytes_seen: u64,
        /// Of those, in sessions without an app or a host's name.
        bytes_unnamed: u64,
    }
}

impl Tls {
    /// Its first columns, among which this table has another.
    pub fn event(&self) -> Event {
        let Tls { id, time, proto, client, client_port, server, server_port, device, .. } = *self;
        Event { id, time, proto, client, client_port, server, server_port, device }
    }
}

impl Record {
    /// Whether it is written for who wants details only: what was read in a session.
    pub fn is_detail(&self) -> bool {
        use Record::{Arp, Auth, Dhcp, Ftp, Http, Icmp, Smtp, Ssh, Tls};
        matches!(self, Tls(_) | Http(_) | Auth(_) | Ssh(_) | Ftp(_) | Smtp(_) | Dhcp(_) | Icmp(_) | Arp(_))
    }

    /// The id, where the table's key is one.
    pub fn id(&self) -> Option<Id> {
        match self {
            Record::Session(row) => Some(row.id),
            Record::Dns(row) => Some(row.id),
            Record::Tls(row) => Some(row.id),
            Record::Http(row) => Some(row.event.id),
            Record::Auth(row) => Some(row.event.id),
            Record::Ssh(row) => Some(row.event.id),
            Record::Ftp(row) => Some(row.event.id),
            Record::Smtp(row) => Some(row.event.id),
            Record::Dhcp(row) => Some(row.event.id),
            Record::Icmp(row) => Some(row.id),
            Record::Arp(row) => Some(row.id),
            Record::Alert(row) => Some(row.id),
            Record::App(row) => Some(row.id),
            Record::Traffic(row) => Some(row.id),
            Record::Health(row) => Some(row.id),
            Record::Coverage(row) => Some(row.id),
            Record::Stop(row) => Some(row.id),
            Record::Thing(_) | Record::Label(_) | Record::Catalog(_) | Record::Service(_) => None,
            Record::Router(_) => None,
        }
    }

    /// The device that it is about, where it is about one.
    pub fn device(&self) -> Option<Device> {
        match self {
            Record::Session(row) => Some(row.device),
            Record::Dns(row) => Some(row.device),
            Record::Tls(row) => Some(row.device),
            Record::Http(row) => Some(row.event.device),
            Record::Auth(row) => Some(row.event.device),
            Record::Ssh(row) => Some(row.event.device),
            Record::Ftp(row) => Some(row.event.device),
            Record::Smtp(row) => Some(row.event.device),
            Record::Dhcp(row) => Some(row.event.device),
            Record::Icmp(row) => Some(row.device),
            Record::Service(row) => row.device,
            Record::Alert(row) => row.device,
            Record::App(row) => Some(row.device),
            Record::Traffic(row) => Some(row.device),
            Record::Thing(row) => Some(row.device),
            Record::Label(row) => Some(row.device),
            Record::Stop(row) => Some(row.device),
            Record::Arp(_)
            | Record::Catalog(_)
            | Record::Health(_)
            | Record::Router(_)
            | Record::Coverage(_) => None,
        }
    }
}
