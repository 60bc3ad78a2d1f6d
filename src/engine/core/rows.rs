//! What dissectors find, as rows.

use super::findings::{Findings, list, numbers};
use crate::dissect::login::Login;
use crate::dissect::{dhcp, ftp, smtp, ssh};
use crate::record::{self, Name, short_text};

fn name(text: String) -> Name {
    Name(text.into())
}

impl Findings<'_> {
    pub(super) fn login_row(&mut self, login: Login) -> record::Auth {
        record::Auth {
            event: self.event(|ids| &mut ids.auth),
            service: login.service,
            user: login.user.map(name),
            method: login.method.map(|text| short_text(&text)),
            outcome: login.outcome.name(),
            estimated: login.outcome.is_estimate().into(),
            encrypted: login.encrypted.into(),
            client_version: login.client_version,
            server_version: login.server_version,
        }
    }

    pub(super) fn ssh_row(&mut self, hello: ssh::Hello) -> record::Ssh {
        let [client, server] = hello.sides;
        record::Ssh {
            event: self.event(|ids| &mut ids.ssh),
            client_proto: client.proto.map(|text| short_text(&text)),
            client_software: client.software,
            hassh: client.hassh.map(|text| short_text(&text)),
            server_proto: server.proto.map(|text| short_text(&text)),
            server_software: server.software,
            hassh_server: server.hassh.map(|text| short_text(&text)),
        }
    }

    pub(super) fn ftp_row(&mut self, exchange: ftp::Exchange) -> record::Ftp {
        record::Ftp {
            event: self.event(|ids| &mut ids.ftp),
            command: exchange.command,
            argument: exchange.argument,
            command_truncated: exchange.is_command_cut.into(),
            code: exchange.code,
            reply: exchange.reply,
            reply_truncated: exchange.is_reply_cut.into(),
        }
    }

    pub(super) fn smtp_row(&mut self, mail: smtp::Mail) -> record::Smtp {
        record::Smtp {
            event: self.event(|ids| &mut ids.smtp),
            helo: mail.helo.map(name),
            mail_from: mail.from,
            rcpt_to: list(&mail.to),
            subject: mail.subject,
            attachments: list(&mail.attachments),
            bytes: mail.bytes,
            code: mail.code,
        }
    }

    pub(super) fn dhcp_row(&mut self, message: dhcp::Message) -> record::Dhcp {
        let parameters: Vec<u16> = message.parameters.iter().map(|&number| number.into()).collect();
        record::Dhcp {
            event: self.event(|ids| &mut ids.dhcp),
            kind: message.kind,
            txid: message.txid,
            mac: message.mac,
            assigned: message.assigned.map(Into::into),
            requested: message.requested.map(Into::into),
            hostname: message.hostname.map(name),
            vendor_class: message.vendor_class,
            parameters: (!parameters.is_empty()).then(|| numbers(&parameters)),
            lease_secs: message.lease,
        }
    }
}
