//! Protocols that speak in lines of text: mail, files, chat, shells.

use super::{first_line, holds, holds_any_case, starts_with_any};
use crate::dissect::ftp::Ftp;
use crate::dissect::imap::Imap;
use crate::dissect::logins::vnc::Vnc;
use crate::dissect::pop3::Pop3;
use crate::dissect::smtp::Smtp;
use crate::dissect::ssh::Ssh;
use crate::dissect::telnet::Telnet;
use crate::dissect::words::{PREFACE_V2, Preface, Words};
use crate::wire::bytes::{array_at, u8_at};

named! {
    /// RFC 4253, 4.2
    SSH = "ssh", TCP, |o| o.bytes.starts_with(b"SSH-") => Ssh::default();
    /// RFC 959: a greeting that says so, or a greeting or a log-in where FTP is at home.
    FTP = "ftp", TCP, |o| match u8_at(o.bytes, 0)? {
        b'2' => o.bytes.starts_with(b"220") && (o.server_port == 21 || is_greeting(o.bytes, b"ftp", b"smtp")),
        b'A' | b'F' | b'Q' | b'U' | b'4' => o.server_port == 21
            && starts_with_any(o.bytes, &[b"USER ", b"AUTH ", b"FEAT", b"421", b"QUIT"]),
        _ => false,
    } => Ftp::default();
    /// RFC 5321: as FTP; only this protocol has EHLO.
    SMTP = "smtp", TCP, |o| match u8_at(o.bytes, 0)? {
        b'2' => o.bytes.starts_with(b"220") && (is_mail(o.server_port) || is_greeting(o.bytes, b"smtp", b"ftp")),
        b'E' | b'H' => starts_with_any(o.bytes, &[b"EHLO ", b"HELO "])
            || is_mail(o.server_port) && starts_with_any(o.bytes, &[b"EHLO\r", b"EHLO\n"]),
        b'4' | b'5' => is_mail(o.server_port) && starts_with_any(o.bytes, &[b"554", b"421"]),
        _ => false,
    } => Smtp::default();
    /// RFC 1939
    POP3 = "pop3", TCP, |o| match u8_at(o.bytes, 0)? {
        b'+' => o.bytes.starts_with(b"+OK ") && !o.has_port(6379) || o.server_port == 110 && o.bytes.starts_with(b"+OK"),
        b'U' | b'C' | b'A' | b'-' | b'S' => o.server_port == 110
            && starts_with_any(o.bytes, &[b"USER ", b"CAPA", b"APOP ", b"AUTH", b"-ERR", b"STLS"]),
        _ => false,
    } => Pop3::default();
    /// RFC 9051: a greeting, or a tag and a command.
    IMAP = "imap", TCP, |o| match u8_at(o.bytes, 0)? {
        b'*' => starts_with_any(o.bytes, &[b"* OK ", b"* OK\r", b"* PREAUTH", b"* BYE"]),
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => matches!(o.server_port, 143 | 220) && is_imap(o.bytes),
        _ => false,
    } => Imap::default();
    /// RFC 3977: a greeting or a command where news are at home.
    NNTP = "usenet", TCP, |o| matches!(o.server_port, 119 | 433 | 563)
        && starts_with_any(o.bytes, &[b"200 ", b"201 ", b"CAPABILITIES", b"MODE READER", b"mode reader", b"GROUP ", b"AUTHINFO "]);
    /// RFC 2812 and IRCv3: who registers, or what a server says first.
    IRC = "irc", TCP, |o| match u8_at(o.bytes, 0)? {
        b':' => holds(first_line(o.bytes), b" NOTICE ") || holds(first_line(o.bytes), b" 001 "),
        b'C' => starts_with_any(o.bytes, &[b"CAP LS", b"CAP REQ"]),
        b'N' => o.bytes.starts_with(b"NOTICE AUTH :") || o.bytes.starts_with(b"NOTICE * :")
            || o.bytes.starts_with(b"NICK ") && o.bytes.contains(&b'\n'),
        b'P' => o.bytes.starts_with(b"PASS ") && holds(o.bytes, b"\nNICK "),
        b'U' => o.bytes.starts_with(b"USER ") && holds(first_line(o.bytes), b" :")
            && first_line(o.bytes).split(|&byte| byte == b' ').count() >= 5,
        _ => false,
    };
    /// RFC 6120, 4; on its ports a stanza or the declaration alone.
    XMPP = "xmpp", TCP, |o| u8_at(o.bytes, 0)? == b'<' && (o.bytes.starts_with(b"<stream:stream")
        || o.bytes.starts_with(b"<?xml") && holds(o.bytes, b"<stream:stream")
        || matches!(o.server_port, 5_222 | 5_223 | 5_269)
            && starts_with_any(o.bytes, &[b"<?xml ", b"<iq ", b"<message ", b"<presence", b"<stream:", b"</stream:", b"<auth ", b"<starttls"])) => Words::default();
    /// RFC 854: negotiation, twice where Telnet is not at home.
    TELNET = "telnet", TCP, |o| match array_at(o.bytes, 0)? {
        [0xff, 0xfb..=0xfe, 0..=49 | 0xff] => o.server_port == 23
            || matches!(array_at(o.bytes, 3)?, [0xff, 0xfb..=0xfe, 0..=49]),
        [0xff, 0xfa, 0..=49] => o.server_port == 23,
        _ => false,
    } => Telnet::default();
    /// Remote frame buffer (RFC 6143, 7.1.1).
    VNC = "vnc", TCP, |o| o.bytes.starts_with(b"RFB 00") && u8_at(o.bytes, 7)? == b'.' => Vnc::default();
    /// rsync's daemon.
    RSYNC = "rsync", TCP, |o| o.bytes.starts_with(b"@RSYNCD: ");
    /// git's own transport: a request of so many bytes (gitprotocol-pack).
    GIT = "git", TCP, |o| o.bytes.get(4..)?.starts_with(b"git-") && o.bytes.get(..4)?.iter().all(u8::is_ascii_hexdigit);
    /// munin's node.
    MUNIN = "munin", TCP, |o| o.bytes.starts_with(b"# munin node at ");
    /// RFC 5424, and what was before it (RFC 3164): a priority up to 191.
    SYSLOG = "syslog", UDP, |o| is_syslog(o.bytes, o.has_port(514))?;
    /// RFC 6587
    SYSLOG_TCP = "syslog", TCP, |o| is_syslog(o.bytes, o.has_port(514))?;
    /// RFC 3435
    MGCP = "mgcp", UDP, |o| u8_at(o.bytes, 4)? == b' ' && o.bytes.get(..4)?.iter().all(u8::is_ascii_uppercase)
        && holds(first_line(o.bytes), b" MGCP ");
    /// Megaco in text (RFC 3525, B.2).
    MEGACO = "megaco", UDP, |o| starts_with_any(o.bytes, &[b"!/1 [", b"!/2 [", b"!/3 [", b"!/1 <", b"MEGACO/"]);
    /// Proxies' own first line or bytes, HAProxy's PROXY protocol.
    PROXY = "haproxy", TCP, |o| starts_with_any(o.bytes,
        &[b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", PREFACE_V2]) => Preface;
    /// Gnutella 0.6.
    GNUTELLA = "gnutella", TCP, |o| starts_with_any(o.bytes, &[b"GNUTELLA CONNECT/", b"GNUTELLA/0.", b"GNUTELLA OK"]);
    /// Who digs for coins together: JSON-RPC with methods of its own.
    MINING = "mining", TCP, |o| u8_at(o.bytes, 0)? == b'{' && [&b"\"mining."[..], b"\"eth_submitLogin\"", b"\"eth_getWork\"",
        b"\"eth_login\""].iter().any(|word| holds(o.bytes, word));
    /// Web services that look for each other (WS-Discovery).
    WSD = "wsd", UDP, |o| u8_at(o.bytes, 0)? == b'<' && o.has_port(3702) && holds(o.bytes, b"Envelope");
}

fn is_mail(port: u16) -> bool {
    matches!(port, 25 | 465 | 587 | 2525)
}

/// A greeting of a server that says which protocol it is, and not another.
fn is_greeting(bytes: &[u8], word: &[u8], not: &[u8]) -> bool {
    let line = first_line(bytes);
    holds_any_case(line, word) && !holds_any_case(line, not)
}

fn is_imap(bytes: &[u8]) -> bool {
    let mut words = first_line(bytes).split(|&byte| byte == b' ');
    let commands: [&[u8]; 5] = [b"CAPABILITY", b"LOGIN", b"STARTTLS", b"AUTHENTICATE", b"ID"];
    words.next().is_some_and(|tag| tag.len() <= 16)
        && words.next().is_some_and(|word| commands.iter().any(|command| word.eq_ignore_ascii_case(command)))
}

fn is_syslog(bytes: &[u8], at_home: bool) -> Option<bool> {
    if u8_at(bytes, 0)? != b'<' {
        return Some(false);
    }
    let end = bytes.iter().take(5).position(|&byte| byte == b'>')?;
    let priority: u16 = std::str::from_utf8(bytes.get(1..end)?).ok()?.parse().ok()?;
    let rest = bytes.get(end + 1..)?;
    let months = [
        &b"Jan "[..],
        b"Feb ",
        b"Mar ",
        b"Apr ",
        b"May ",
        b"Jun ",
        b"Jul ",
        b"Aug ",
        b"Sep ",
        b"Oct ",
        b"Nov ",
        b"Dec ",
        b"1 ",
    ];
    Some(priority <= 191 && (at_home || starts_with_any(rest, &months)))
}
