//! SMTP (RFC 5321): mails that are handed over, and who logged in.

/// One mail, or a session without one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mail {
    /// What the client calls itself.
    pub helo: Option<String>,
    /// As they stand in MAIL FROM and RCPT TO.
    pub from: Option<String>,
    pub to: Vec<String>,
    pub subject: Option<String>,
    /// Names of files.
    pub attachments: Vec<String>,
    /// Of the mail itself; none where there was none.
    pub bytes: Option<u64>,
    /// What the server answered at its end.
    pub code: Option<u16>,
}
