//! Where dissectors bring what they find: records go out, and what a session
//! learns about itself is taken over when the dissector has returned.

use std::net::IpAddr;
use std::sync::Arc;

use super::Core;
use crate::dissect::about::Clue;
use crate::dissect::dns::{self, Kind, Message, Type, push_json, push_number};
use crate::dissect::login::Login;
use crate::dissect::{Product, Side, Sink, dhcp, ftp, http, smtp, ssh, tls};
use crate::engine::alerts::Alerts;
use crate::engine::devices::Devices;
use crate::engine::ech::Configs;
use crate::engine::hosts::Source;
use crate::engine::key::{End, Key};
use crate::engine::names::Names;
use crate::engine::notes::{self, Note};
use crate::engine::questions::{Questions, Way};
use crate::engine::services::{Place, Services};
use crate::engine::session::Session;
use crate::engine::stream::Streams;
use crate::record::{self, Event, Ids, Mac, Name, Proto, Record, Short, short, short_text};
use crate::rules::{By, Evidence, Match, Rules};
use crate::table::Slot;
use crate::threats::Threats;
use crate::time::Time;
use crate::wire::{Body, Packet, proto};

/// Gives the rows of each table their ids.
#[derive(Default)]
pub(super) struct TableIds {
    pub tls: Ids,
    pub http: Ids,
    pub auth: Ids,
    pub ssh: Ids,
    pub ftp: Ids,
    pub smtp: Ids,
    pub dhcp: Ids,
}

/// What a session learns from its own bytes.
#[derive(Default)]
struct Learned {
    hosts: Vec<(Source, Arc<str>)>,
    note: Option<Note>,
    asked: Option<Match>,
    /// The beginning of what one side says, where the first segment had too
    /// little of it.
    opening: Option<(Side, Vec<u8>)>,
}

/// Takes what the dissector of one session finds in one packet.
pub(super) struct Findings<'a> {
    pub(super) way: Way,
    /// The session, and which of its ends is the client.
    session: Option<(Key, End)>,
    pub(super) now: Time,
    pub(super) questions: &'a mut Questions,
    names: &'a mut Names,
    ech: &'a mut Configs,
    pub(super) devices: &'a mut Devices,
    ids: &'a mut TableIds,
    details: bool,
    services: &'a mut Services,
    /// The session's server, where it is a service that is remembered.
    service: Option<Place>,
    /// Signatures ask for bytes.
    wants_openings: bool,
    /// By which the name that is asked for has an app; none where the session
    /// has that already.
    rules: Option<&'a Rules>,
    /// The client has sent nothing, or not here.
    question_unseen: bool,
    pub(super) out: &'a mut Vec<Record>,
    pub(super) threats: &'a Threats,
    pub(super) alerts: &'a mut Alerts,
    learned: Learned,
}

impl Core {
    /// Lets `read` find things in the session at `slot` on `way`, by itself or
    /// by the streams, and takes over what the session learned.
    pub(super) fn find<R>(
        &mut self,
        slot: Slot,
        way: Way,
        read: impl FnOnce(&mut Streams, &mut Findings<'_>) -> R,
    ) -> R {
        let known = self.sessions.get_mut(slot);
        let is_unasked = known.as_ref().is_some_and(|(_, session)| session.asked.is_none());
        let question_unseen =
            known.as_ref().is_some_and(|(_, session)| session.seen_on[Side::Client as usize].is_none());
        let service = known.as_ref().and_then(|(key, session)| self.services.place(key, session));
        let session = known.map(|(key, session)| (*key, session.client));
        let mut findings = Findings {
            way,
            session,
            now: self.now,
            questions: &mut self.questions,
            names: &mut self.names,
            ech: &mut self.ech,
            devices: &mut self.devices,
            ids: &mut self.found_ids,
            details: self.options.details,
            services: &mut self.services,
            service,
            wants_openings: self.rules.has_payloads(),
            rules: is_unasked.then_some(&*self.rules),
            question_unseen,
            out: &mut self.out,
            threats: &self.threats,
            alerts: &mut self.alerts,
            learned: Learned::default(),
        };
        let result = read(&mut self.streams, &mut findings);
        let learned = findings.learned;
        self.take_over(slot, learned);
        result
    }

    /// Takes over what the session at `slot` learned about itself.
    fn take_over(&mut self, slot: Slot, learned: Learned) {
        if let Some((side, bytes)) = &learned.opening {
            self.classify(slot, Some((*side, bytes)));
        }
        if learned.hosts.is_empty() && learned.note.is_none() && learned.asked.is_none() {
            return;
        }
        let Some((_, session)) = self.sessions.get_mut(slot) else { return };
        if let Some(asked) = learned.asked {
            let line = self.rules.apps()[asked.app as usize].line;
            session.asked = Some((self.apps.of_rule(asked.app), line));
        }
        session.note = session.note.or(learned.note);
        let mut is_new = false;
        for (source, name) in &learned.hosts {
            is_new |= session.hosts.add(*source, name);
        }
        if is_new {
            self.classify(slot, None);
            self.judge(slot);
            self.watch_names(slot, learned.hosts.iter().map(|(_, name)| name));
        }
    }
}

impl Sink for Findings<'_> {
    fn wants_details(&self) -> bool {
        self.details || self.service.is_some()
    }

    fn wants_body(&self) -> bool {
        self.service.is_some_and(|place| self.services.wants_body(place))
    }

    fn body(&mut self, bytes: &[u8]) {
        if let Some(place) = self.service {
            self.services.body(place, bytes, self.now);
        }
    }

    fn product(&mut self, product: Product) {
        if let Some(place) = self.service {
            self.services.product(place, product, self.now);
        }
    }

    fn opening(&mut self, side: Side, bytes: &[u8]) {
        if self.wants_openings {
            self.learned.opening = Some((side, bytes.to_vec()));
        }
    }

    fn dns(&mut self, kind: Kind, _: Side, message: &Message<'_>) {
        let qtype = self.questions.message(kind, self.way, message, self.now, self.names, self.out);
        if message.is_response()
            && qtype == Some(Type::HTTPS)
            && let Some(list) = dns::ech(message)
        {
            // A broken list is learned as far as it goes.
            let _ = tls::ech_configs(list, |number, name| self.ech.learn(number, name));
        }
        if kind == Kind::Mdns && message.is_response() {
            dns::announced(message, self.way.src.0, |clue| self.clue_of(None, clue));
        }
        if kind == Kind::Dns && !message.is_response() {
            self.watch_question();
        }
        if kind == Kind::Dns && self.learned.asked.is_none() {
            self.learned.asked = self.app_asked_for(message);
        }
    }

    fn tls_hello(&mut self, hello: &tls::ClientHello) {
        let [_, (address, port)] = self.ends();
        let sni = hello.sni.as_deref().filter(|name| is_name(name));
        if let (Some(number), Some(name)) = (hello.ech, sni)
            && self.ech.hides(number, name)
        {
            self.learned.note = Some(Note::Ech);
            self.learned.hosts.push((Source::Ech, name.into()));
            return;
        }
        let was_asked = sni.is_none_or(|name| self.names.has(self.way.device, address, name));
        self.learned.note = notes::of_encrypted(self.way.proto, port, sni, was_asked);
        if let Some(name) = sni {
            let source = if self.way.proto == proto::UDP { Source::Quic } else { Source::Sni };
            self.learned.hosts.push((source, name.into()));
        }
    }

    fn tls(&mut self, handshake: &tls::Handshake) {
        if let Some(name) = handshake.certificate.as_ref().and_then(|certificate| name_of(certificate)) {
            self.learned.hosts.push((Source::Cert, name.into()));
            if let Some(place) = self.service {
                self.services.host(place, name, self.now);
            }
        }
        self.push(|findings| findings.handshake(handshake).into());
    }

    fn http_host(&mut self, host: &str) {
        if is_name(host) {
            self.learned.hosts.push((Source::Http, host.into()));
        }
    }

    fn http(&mut self, exchange: http::Exchange) {
        if let Some(place) = self.service {
            self.services.exchange(place, &exchange, self.now);
        }
        self.learn_agent(exchange.user_agent.as_deref());
        self.push(|findings| findings.exchange(exchange).into());
    }

    fn login(&mut self, login: Login) {
        self.watch_login(&login);
        self.push(|findings| findings.login_row(login).into());
    }

    fn ssh(&mut self, hello: ssh::Hello) {
        self.push(|findings| findings.ssh_row(hello).into());
    }

    fn ftp(&mut self, exchange: ftp::Exchange) {
        self.push(|findings| findings.ftp_row(exchange).into());
    }

    fn smtp(&mut self, mail: smtp::Mail) {
        self.push(|findings| findings.smtp_row(mail).into());
    }

    fn clue(&mut self, mac: Option<Mac>, clue: Clue) {
        self.clue_of(mac, clue);
    }

    fn dhcp(&mut self, message: dhcp::Message) {
        self.learn_dhcp(&message);
        self.push(|findings| findings.dhcp_row(message).into());
    }
}

impl Findings<'_> {
    /// The app of the name that `message`, taken in just now, asks for.
    fn app_asked_for(&self, message: &Message<'_>) -> Option<Match> {
        let rules = self.rules?;
        let mut written = String::new();
        let name = match message.is_response() {
            false => self.questions.name(),
            true if self.question_unseen => {
                message.questions().next()?.name.write(&mut written)?;
                &written
            }
            true => return None,
        };
        // What will be done with the name is not known; most names are for the web.
        let evidence = Evidence { proto: proto::TCP, dport: 443, host: Some(name), ..Evidence::default() };
        rules.classify(&evidence).filter(|found| found.by() == By::Host)
    }

    /// Address and port of client and server.
    pub(super) fn ends(&self) -> [(IpAddr, u16); 2] {
        match self.session {
            Some((key, client)) => {
                [key.endpoint(client, Side::Client), key.endpoint(client.other(), Side::Server)]
            }
            None => [self.way.src, self.way.dst],
        }
    }

    /// Writes a row of details, if those are wanted.
    fn push(&mut self, row: impl FnOnce(&mut Self) -> Record) {
        if self.details {
            let row = row(self);
            self.out.push(row);
        }
    }

    /// What happened just now, in a row that gets its id from these.
    pub(super) fn event(&mut self, ids: impl FnOnce(&mut TableIds) -> &mut Ids) -> Event {
        let [client, server] = self.ends();
        let Way { time, proto, device, .. } = self.way;
        Event {
            id: ids(self.ids).next(time, record::seed_of(client, server.1)),
            time,
            proto: Proto(proto),
            client: client.0,
            client_port: client.1,
            server: server.0,
            server_port: server.1,
            device,
        }
    }

    fn ech_of(&self, hello: &tls::ClientHello) -> u8 {
        match (hello.ech, hello.sni.as_deref()) {
            (None, _) => 0,
            (Some(number), Some(name)) if self.ech.hides(number, name) => 2,
            _ => 1,
        }
    }

    fn handshake(&mut self, handshake: &tls::Handshake) -> record::Tls {
        let [client_end, server_end] = self.ends();
        let seed = record::seed_of(client_end, server_end.1);
        let (client, server) = (handshake.client.as_ref(), handshake.server.as_ref());
        let certificate = handshake.certificate.as_ref();
        record::Tls {
            id: self.ids.tls.next(self.way.time, seed),
            time: self.way.time,
            // EVE has no type for DTLS, whose handshakes are TLS's.
            kind: if handshake.quic.is_some() { "quic" } else { "tls" },
            proto: Proto(self.way.proto),
            client: client_end.0,
            client_port: client_end.1,
            server: server_end.0,
            server_port: server_end.1,
            device: self.way.device,
            sni: client.and_then(|hello| hello.sni.as_deref()).map(|name| Name(name.into())),
            alpn_offered: client.and_then(|hello| list(&hello.alpn)),
            alpn: server.and_then(|hello| hello.alpn.as_deref()).map(short_text),
            version_offered: client.and_then(|hello| version(hello.version)),
            version: server.and_then(|hello| version(hello.version)),
            quic_version: handshake.quic.map(quic_version),
            cipher: server.map(|hello| hello.cipher),
            ja3: client.map(|hello| short_text(&hello.ja3)).filter(|text| !text.is_empty()),
            ja4: client.map(|hello| short_text(&hello.ja4)).filter(|text| !text.is_empty()),
            ja3s: server.map(|hello| short_text(&hello.ja3s)),
            extensions: client
                .filter(|hello| !hello.extensions.is_empty())
                .map(|hello| numbers(&hello.extensions)),
            ech: client.map_or(0, |hello| self.ech_of(hello)),
            resumed: handshake.resumed.into(),
            subject: certificate.map(|certificate| certificate.subject.clone()),
            issuer: certificate.map(|certificate| certificate.issuer.clone()),
            names: certificate.and_then(|certificate| list(&certificate.names)),
            not_before: certificate.map(|certificate| certificate.not_before),
            not_after: certificate.map(|certificate| certificate.not_after),
            serial: certificate.map(|certificate| certificate.serial.clone()),
            fingerprint: certificate.map(|certificate| certificate.fingerprint.clone()),
        }
    }

    fn exchange(&mut self, exchange: http::Exchange) -> record::Http {
        record::Http {
            event: self.event(|ids| &mut ids.http),
            host: exchange.host.map(|host| Name(host.into())),
            method: short_text(&exchange.method),
            uri: exchange.uri,
            version: short_text(&exchange.version),
            status: exchange.status,
            user_agent: exchange.user_agent,
            referer: exchange.referer,
            content_type: exchange.content_type,
            server_name: exchange.server,
            request_length: exchange.request_length,
            response_length: exchange.response_length,
        }
    }
}

/// Whether a client that sent `host` knows the server by more than its address.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.trim_matches(['[', ']']).parse::<IpAddr>().is_err()
}

/// The first name of a certificate that is one host's.
fn name_of(certificate: &tls::Certificate) -> Option<&str> {
    let plain = |name: &&String| !name.starts_with('*') && name.contains('.') && is_name(name);
    certificate.names.iter().find(plain).map(String::as_str)
}

/// Numbers as a JSON array.
pub(super) fn numbers(numbers: &[u16]) -> String {
    let mut out = String::with_capacity(6 * numbers.len() + 2);
    out.push('[');
    for (place, &number) in numbers.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_number(&mut out, number.into());
    }
    out.push(']');
    out
}

/// Texts as a JSON array; `None` where there are none.
pub(super) fn list(texts: &[String]) -> Option<String> {
    let mut out = String::new();
    for text in texts {
        out.push(if out.is_empty() { '[' } else { ',' });
        push_json(&mut out, text);
    }
    (!out.is_empty()).then(|| out + "]")
}

/// Its name; what Google spoke before TLS has none.
fn version(number: u16) -> Option<Short> {
    (number != 0).then(|| short_text(&tls::version_name(number)))
}

/// `1`, `2`, `draft-29`, `Q050`.
fn quic_version(number: u32) -> Short {
    match (number, number.to_be_bytes()) {
        (1, _) => short_text("1"),
        (0x6b33_43cf, _) => short_text("2"),
        (0xff00_0000..=0xff00_00ff, [.., draft]) => short(format_args!("draft-{draft}")),
        (_, [family @ (b'Q' | b'T'), digits @ ..]) if digits.iter().all(u8::is_ascii_digit) => {
            let [a, b, c] = digits.map(char::from);
            short(format_args!("{}{a}{b}{c}", char::from(family)))
        }
        _ => short(format_args!("{number:#010x}")),
    }
}

/// The way of `packet`, for what a dissector finds in it.
pub(super) fn way(session: &Session, packet: &Packet<'_>) -> Way {
    let ends: [(IpAddr, u16); 2] = match packet.body {
        Body::Tcp(tcp) => [(packet.src, tcp.src_port), (packet.dst, tcp.dst_port)],
        Body::Udp(udp) => [(packet.src, udp.src_port), (packet.dst, udp.dst_port)],
        _ => [(packet.src, 0), (packet.dst, 0)],
    };
    Way {
        time: packet.span.last,
        session: session.number,
        proto: packet.proto,
        src: ends[0],
        dst: ends[1],
        device: session.device,
    }
}
