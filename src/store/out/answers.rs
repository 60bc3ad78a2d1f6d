//! Which answers of HTTP an out for assets tells of, by their code and type.

use std::ops::RangeInclusive;

use crate::record::Service;

/// Two lists of what is wanted and of what is not; one without anything wanted
/// in it lets through whatever it does not name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answers {
    pub status: Vec<Entry<Status>>,
    pub types: Vec<Entry<MediaType>>,
}

/// What a list names, with or without `!` before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<T> {
    pub is_wanted: bool,
    pub what: T,
}

/// A code such as 404, or all of `4xx`.
pub type Status = RangeInclusive<u16>;

/// A media type in small letters, or the beginning of one: `image/`.
pub type MediaType = String;

/// Codes that there are (RFC 9110, 15).
const CODES: Status = 100..=599;

impl Answers {
    /// Whether `service` is told of. Lists are about HTTP: whatever else answers
    /// goes by them. An answer without a type has an empty one.
    pub fn have(&self, service: &Service) -> bool {
        if service.app_proto != Some("http") {
            return true;
        }
        let code = service.code.unwrap_or_default();
        let kind = media_type(service.content_type.as_deref().unwrap_or_default());
        passes(&self.status, |codes| codes.contains(&code))
            && passes(&self.types, |known| begins(&kind, known))
    }

    /// Whether no code can pass the list.
    pub fn has_no_status(&self) -> bool {
        !CODES.into_iter().any(|code| passes(&self.status, |codes| codes.contains(&code)))
    }

    /// Whether all types that are wanted are unwanted too.
    pub fn has_no_types(&self) -> bool {
        let mut wanted = self.types.iter().filter(|entry| entry.is_wanted).peekable();
        wanted.peek().is_some()
            && wanted.all(|entry| !passes(&self.types, |known| begins(&entry.what, known)))
    }
}

/// `200`, `4xx`, `!304`.
pub fn status(text: &str) -> Option<Entry<Status>> {
    entry(text, |text| match text.strip_suffix("xx") {
        Some(first) => {
            let first: u16 = first.parse().ok().filter(|first| (1..=5).contains(first))?;
            Some(100 * first..=100 * first + 99)
        }
        None => {
            let code = text.parse().ok().filter(|code| CODES.contains(code) && text.len() == 3)?;
            Some(code..=code)
        }
    })
}

/// `text/html`, `image/*`, `!video/*`.
pub fn kind(text: &str) -> Option<Entry<MediaType>> {
    // RFC 9110, 5.6.2 and 8.3.1.
    let is_token = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    entry(text, |text| {
        let (kind, sub) = text.split_once('/')?;
        let sub = if sub == "*" { "" } else { sub };
        (is_token(kind) && (sub.is_empty() || is_token(sub)))
            .then(|| format!("{kind}/{sub}").to_ascii_lowercase())
    })
}

fn entry<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Entry<T>> {
    let what = text.strip_prefix('!');
    Some(Entry { is_wanted: what.is_none(), what: read(what.unwrap_or(text))? })
}

fn passes<T>(list: &[Entry<T>], is_it: impl Fn(&T) -> bool) -> bool {
    let names = |wanted| list.iter().any(|entry| entry.is_wanted == wanted && is_it(&entry.what));
    !names(false) && (names(true) || list.iter().all(|entry| !entry.is_wanted))
}

/// Without parameters.
fn media_type(field: &str) -> String {
    field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn begins(kind: &str, known: &str) -> bool {
    if known.ends_with('/') { kind.starts_with(known) } else { kind == known }
}

#[cfg(test)]
mod tests {
    use super::super::asset::tests::service;
    use super::*;

    fn answers(codes: &[&str], types: &[&str]) -> Answers {
        Answers {
            status: codes.iter().map(|text| status(text).unwrap()).collect(),
            types: types.iter().map(|text| kind(text).unwrap()).collect(),
        }
    }

    /// Whether a page with this code and type is told of.
    fn has(answers: &Answers, code: u16, kind: Option<&str>) -> bool {
        let page = service(80, "http");
        answers.have(&Service { code: Some(code), content_type: kind.map(Into::into), ..page })
    }

    #[test]
    fn without_lists_every_answer_is_told() {
        assert!(has(&answers(&[], &[]), 404, None));
        assert!(answers(&["200"], &["text/html"]).have(&service(22, "ssh")), "which is no answer of HTTP");
    }

    #[test]
    fn what_is_named_is_told_and_nothing_else() {
        let pages = answers(&["200", "4xx"], &["text/html", "Application/*"]);
        for (code, kind, is_told) in [
            (200, "text/html", true),
            (404, "TEXT/HTML; charset=utf-8", true),
            (499, "application/json", true),
            (500, "text/html", false),
            (200, "text/htmlx", false),
            (200, "text/css", false),
        ] {
            assert_eq!(has(&pages, code, Some(kind)), is_told, "{code} {kind}");
        }
        assert!(!has(&pages, 200, None), "a type that nobody knows is not among them");
    }

    #[test]
    fn what_is_ruled_out_is_not_told_and_all_else_is() {
        let most = answers(&["!304", "!4xx"], &["!image/*", "!text/css"]);
        for (code, kind, is_told) in [
            (200, Some("text/html"), true),
            (200, None, true),
            (304, None, false),
            (404, Some("text/html"), false),
            (200, Some("image/png"), false),
            (200, Some("text/css"), false),
        ] {
            assert_eq!(has(&most, code, kind), is_told, "{code} {kind:?}");
        }
        let both = answers(&["4xx", "!404"], &[]);
        assert!(has(&both, 401, None) && !has(&both, 404, None) && !has(&both, 200, None));
    }

    #[test]
    fn what_is_no_code_and_no_type_is_not_read() {
        for text in ["", "!", "20", "099", "600", "6xx", "0xx", "+200", "xx", "2XX", "!!200", "200 "] {
            assert_eq!(status(text), None, "{text}");
        }
        for text in ["", "!", "html", "/html", "text/ht ml", "text/html; charset=utf-8", "*/*", "a/b/c"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn lists_that_let_nothing_through_are_known() {
        assert!(answers(&["404", "!4xx"], &[]).has_no_status());
        assert!(!answers(&["!4xx"], &[]).has_no_status() && !answers(&[], &[]).has_no_status());
        assert!(answers(&[], &["image/png", "!image/*"]).has_no_types());
        assert!(!answers(&[], &["image/*", "!image/png"]).has_no_types());
        assert!(!answers(&[], &["!image/*"]).has_no_types());
    }
}
