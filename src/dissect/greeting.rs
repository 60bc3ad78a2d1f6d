//! Programs by what they say first.

use super::Product;
use super::login;

/// Bytes of a greeting that are kept.
const MAX_BANNER: usize = 512;

/// Programs that hand on mail or keep it, as they write themselves. One whose
/// name begins another's stands behind it.
#[rustfmt::skip]
const MAIL: &[&str] = &[
    "Postfix", "Exim", "Sendmail", "Microsoft Exchange", "Microsoft ESMTP MAIL Service", "OpenSMTPD", "Haraka",
    "Dovecot", "Cyrus", "Courier-IMAP", "Courier", "Gimap", "Zimbra", "MDaemon", "hMailServer", "Kerio Connect",
    "IBM Domino", "Lotus Domino", "CommuniGate Pro", "MailEnable", "Stalwart", "Axigen", "XMail", "PowerMTA",
    "GroupWise", "IceWarp", "SmarterMail", "netqmail", "Qpopper", "InterMail", "iPlanet", "Mercury", "Winmail",
];

/// Words behind a program's name in which its version may be.
const WORDS: usize = 3;

/// What a mail server is, by its greeting without the code.
pub fn mail(greeting: &[u8]) -> Option<Product> {
    let banner = login::text(greeting, MAX_BANNER)?;
    let found = MAIL.iter().find_map(|&name| Some((name, banner.find(name)?)));
    let version = found.and_then(|(name, at)| version(banner.get(at + name.len()..)?));
    Some(Product { name: found.map(|(name, _)| name.to_owned()), version, banner: Some(banner), title: None })
}

/// The first of the words in `text` that is a version.
fn version(text: &str) -> Option<String> {
    let words = text.split([' ', '/', '(', ')', ',', ';']).filter(|word| !word.is_empty());
    let mut numbers = words.take(WORDS).map(|word| word.strip_prefix(['v', 'V']).unwrap_or(word));
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    numbers.find(is_version).map(|word| word.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_who_they_are_and_some_their_version() {
        for (greeting, name, version) in [
            ("mx.example.org ESMTP Postfix (Debian/GNU)", Some("Postfix"), None),
            ("a.b ESMTP Exim 4.69 #1 Mon, 05 Oct 2009 01:05:54 -0500", Some("Exim"), Some("4.69")),
            ("a.b ESMTP Sendmail 8.13.8/8.13.8; Mon, 5", Some("Sendmail"), Some("8.13.8")),
            (
                "a Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready",
                Some(MAIL[4]),
                Some("6.0.3790.3959"),
            ),
            ("a Cyrus IMAP4 v2.2.13 server ready", Some("Cyrus"), Some("2.2.13")),
            ("Dovecot ready.", Some("Dovecot"), None),
            ("mx.google.com ESMTP x - gsmtp", None, None),
        ] {
            let product = mail(greeting.as_bytes()).unwrap();
            assert_eq!((product.name.as_deref(), product.version.as_deref()), (name, version), "{greeting}");
            assert_eq!(product.banner.as_deref(), Some(greeting));
        }
        assert_eq!(mail(b" "), None);
    }
}
