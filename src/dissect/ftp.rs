//! FTP's control connection (RFC 959): commands with their answers, and who
//! logged in. TLS may follow (RFC 4217).

use std::collections::VecDeque;

use super::lines::{Line, Lines, reply_code, word};
use super::login::{self, Login, Outcome};
use super::{Dissector, Product, Side, Sink, Step};

/// Commands that may wait for their answers.
const MAX_PENDING: usize = 16;

/// Bytes of an argument or an answer that are kept.
const MAX_TEXT: usize = 512;

/// The commands there are (RFC 959, 2228, 2389, 2428, 2640, 3659, 7151). Of
/// others nothing is kept: where a capture begins within a line, its first word
/// may be anything, the end of a password too.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "ABOR", "ACCT", "ADAT", "ALLO", "APPE", "AUTH", "CCC", "CDUP", "CONF", "CWD", "DELE", "ENC", "EPRT", "EPSV",
    "FEAT", "HELP", "HOST", "LANG", "LIST", "LPRT", "LPSV", "MDTM", "MIC", "MKD", "MLSD", "MLST", "MODE", "NLST",
    "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT", "PWD", "QUIT", "REIN", "REST", "RETR", "RMD", "RNFR",
    "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOR", "STOU", "STRU", "SYST", "TYPE", "USER",
    "XCUP", "XCWD", "XMKD", "XPWD", "XRMD",
];

/// Those whose argument is a secret, or may have one in it.
const SECRET: &[&str] = &["PASS", "ACCT", "ADAT", "ENC", "CONF", "MIC", "SITE"];

/// One command with its answer, or what was seen of the two. The server's
/// greeting has no command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exchange {
    /// In capitals; none that is unknown.
    pub command: Option<&'static str>,
    /// What follows it; nothing of a password.
    pub argument: Option<String>,
    pub is_command_cut: bool,
    /// The code of the last answer to it, and its text.
    pub code: Option<u16>,
    pub reply: Option<String>,
    pub is_reply_cut: bool,
}

/// Reads one connection.
#[derive(Default)]
pub struct Ftp {
    lines: [Lines; 2],
    pending: VecDeque<Exchange>,
    /// The first lines of an answer of several, and its code.
    reply: Option<(u16, Exchange)>,
    /// What the server called itself.
    greeting: Option<String>,
    user: Option<String>,
    /// A password was sent, whose answer tells the outcome.
    was_asked: bool,
}

impl Dissector for Ftp {
    fn data(&mut self, side: Side, bytes: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = bytes;
        loop {
            if side == Side::Client && self.lines[0].is_tls(rest) {
                self.end(sink);
                return Step::Again(bytes.len() - rest.len());
            }
            let Some(line) = self.lines[side as usize].next(&mut rest) else { break };
            match side {
                Side::Client => self.command(line, sink),
                Side::Server => self.answer(line, sink),
            }
        }
        Step::Take(bytes.len() - rest.len())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        for exchange in std::mem::take(&mut self.pending) {
            sink.ftp(exchange);
        }
        if std::mem::take(&mut self.was_asked) {
            self.log_in(Outcome::Unknown, sink);
        }
    }

    fn held(&self) -> usize {
        self.pending.iter().chain(self.reply.iter().map(|(_, reply)| reply)).map(Exchange::held).sum()
    }
}

impl Ftp {
    fn command(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        // Telnet's signals before an ABOR are no text (RFC 959, 4.1.3).
        let text = line.text.trim_ascii();
        let (command, argument) = word(text);
        let known = COMMANDS.iter().copied().find(|known| command.eq_ignore_ascii_case(known.as_bytes()));
        match known {
            Some("USER") => self.user = login::name(argument),
            Some("PASS") => self.was_asked = true,
            _ => {}
        }
        let argument =
            known.filter(|known| !SECRET.contains(known)).and_then(|_| login::text(argument, MAX_TEXT));
        if self.pending.len() >= MAX_PENDING
            && let Some(first) = self.pending.pop_front()
        {
            sink.ftp(first);
        }
        self.pending.push_back(Exchange {
            command: known,
            argument,
            is_command_cut: line.is_cut,
            ..Exchange::default()
        });
    }

    fn answer(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        let code = reply_code(line.text);
        // `123-` begins one of several lines, which `123 ` ends (RFC 959, 4.2).
        let is_last = line.text.get(3).is_none_or(|&byte| byte != b'-');
        let (expected, mut reply) = match (self.reply.take(), code) {
            (Some((expected, reply)), _) => (expected, reply),
            (None, Some(code)) => {
                let reply = login::text(line.text.get(4..).unwrap_or_default(), MAX_TEXT);
                (code, Exchange { reply, ..Exchange::default() })
            }
            (None, None) => return,
        };
        reply.is_reply_cut |= line.is_cut;
        if code != Some(expected) || !is_last {
            self.reply = Some((expected, reply));
            return;
        }
        self.answered(expected, reply, sink);
    }

    fn answered(&mut self, code: u16, reply: Exchange, sink: &mut dyn Sink) {
        if code == 220 && self.greeting.is_none() {
            self.greeting.clone_from(&reply.reply);
            sink.product(Product { banner: reply.reply.clone(), ..Product::default() });
        }
        let mut exchange = self.pending.pop_front().unwrap_or_default();
        exchange.code = Some(code);
        exchange.reply = reply.reply;
        exchange.is_reply_cut |= reply.is_reply_cut;
        // One before the last: the last one is still to come.
        if code < 200 {
            self.pending.push_front(exchange);
            return;
        }
        match (exchange.command, code) {
            (Some("PASS" | "USER"), 230 | 232) => self.log_in(Outcome::Accepted, sink),
            (Some("PASS"), 400..) => self.log_in(Outcome::Refused, sink),
            _ => {}
        }
        sink.ftp(exchange);
    }

    fn log_in(&mut self, outcome: Outcome, sink: &mut dyn Sink) {
        let was_asked = std::mem::take(&mut self.was_asked);
        sink.login(Login {
            service: "ftp",
            user: self.user.clone(),
            method: Some(if was_asked { "password" } else { "none" }.into()),
            outcome,
            server_version: self.greeting.clone(),
            ..Login::default()
        });
    }
}

impl Exchange {
    fn held(&self) -> usize {
        let texts = [&self.argument, &self.reply];
        size_of::<Exchange>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Found;
    use super::*;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn read(said: &[(Side, &[u8])]) -> Found {
        Found::of::<Ftp>(said)
    }

    #[test]
    fn commands_come_with_their_answers() {
        let found = read(&[
            (S, b"220-Welcome\r\n 220 no end\r\n220 vsFTPd\r\n"),
            (C, b"RETR a file\r\n"),
            (S, b"150 begins\r\n226 done\r\n"),
            (C, b"noop\r\nQUIT\r\n"),
            (S, b"200 ok\r\n221 bye\r\n"),
        ]);
        let told: Vec<_> = found
            .ftp
            .iter()
            .map(|it| (it.command, it.argument.as_deref(), it.code, it.reply.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (None, None, Some(220), Some("Welcome")),
                (Some("RETR"), Some("a file"), Some(226), Some("done")),
                (Some("NOOP"), None, Some(200), Some("ok")),
                (Some("QUIT"), None, Some(221), Some("bye")),
            ]
        );
    }

    #[test]
    fn a_log_in_has_its_outcome_and_no_password() {
        let found = read(&[
            (S, b"220 ftp\r\n"),
            (C, b"USER ann\r\n"),
            (S, b"331 go on\r\n"),
            (C, b"PASS hunter2\r\n"),
            (S, b"530 no\r\n"),
            (C, b"USER ann\r\n"),
            (S, b"331 go on\r\n"),
            (C, b"PASS hunter3\r\n"),
            (S, b"230 yes\r\n"),
        ]);
        let outcomes: Vec<_> = found.logins.iter().map(|it| (it.user.as_deref(), it.outcome)).collect();
        assert_eq!(outcomes, [(Some("ann"), Outcome::Refused), (Some("ann"), Outcome::Accepted)]);
        assert!(!format!("{found:?}").contains("hunter"));
    }

    #[test]
    fn nothing_is_kept_of_what_is_no_command() {
        let found = read(&[(C, b"unter2\r\nSITE PSWD hunter2 hunter3\r\n"), (S, b"500 what\r\n200 ok\r\n")]);
        let told: Vec<_> = found.ftp.iter().map(|it| (it.command, it.argument.as_deref())).collect();
        assert_eq!(told, [(None, None), (Some("SITE"), None)]);
    }

    #[test]
    fn nothing_begins_in_the_middle_of_a_long_line() {
        let long = [&[b'x'; 5_000][..], b"\x16\x03\x01\nNOOP\n"].concat();
        let found = read(&[(C, &long), (S, b"500 what\r\n200 ok\r\n")]);
        let told: Vec<_> = found.ftp.iter().map(|it| (it.command, it.is_command_cut, it.code)).collect();
        assert_eq!(told, [(None, true, Some(500)), (Some("NOOP"), false, Some(200))]);
    }

    #[test]
    fn tls_begins_where_the_client_begins_it() {
        let mut ftp = Ftp::default();
        let mut found = Found::default();
        ftp.data(C, b"AUTH TLS\r\n", &mut found);
        ftp.data(S, b"234 go\r\n", &mut found);
        assert_eq!(ftp.data(C, b"\x16\x03\x01\0\x50", &mut found), Step::Again(0));
    }
}
