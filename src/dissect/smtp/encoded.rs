//! Words of mails' headers that are encoded (RFC 2047), and parameters that are,
//! or come in pieces (RFC 2231).

use super::super::encoding::{base64, quoted};

/// Characters of one encoded word that are looked at (RFC 2047, 2 allows 75).
const MAX_WORD: usize = 512;

/// Parameters of a field that are read, the pieces of one among them.
const MAX_PARAMETERS: usize = 32;

/// The character sets that are read; what is in others stays encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Latin1,
}

impl Charset {
    fn named(name: &[u8]) -> Option<Charset> {
        // A language may stand behind it (RFC 2231, 5).
        let name = name.split(|&byte| byte == b'*').next()?.to_ascii_lowercase();
        match name.as_slice() {
            b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" => Some(Charset::Utf8),
            b"iso-8859-1" | b"iso8859-1" | b"latin1" | b"windows-1252" | b"cp1252" => Some(Charset::Latin1),
            _ => None,
        }
    }

    fn text(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        }
    }
}

/// `value` with its encoded words decoded.
pub fn text(value: &[u8]) -> String {
    let mut out = String::new();
    // A letter may be cut between two words: they are put together first.
    let mut run: Option<(Charset, Vec<u8>)> = None;
    let mut rest = value;
    loop {
        let found = next_word(rest);
        let before = found.as_ref().map_or(rest, |found| found.before);
        let goes_on =
            found.as_ref().zip(run.as_ref()).is_some_and(|(found, (charset, _))| found.charset == *charset);
        // Blanks between two encoded words are none (RFC 2047, 6.2).
        if !(goes_on && before.trim_ascii().is_empty()) {
            let is_between = run.is_some() && found.is_some() && before.trim_ascii().is_empty();
            if let Some((charset, bytes)) = run.take() {
                out.push_str(&charset.text(&bytes));
            }
            if !is_between {
                out.push_str(&String::from_utf8_lossy(before));
            }
        }
        let Some(found) = found else { return out };
        run.get_or_insert_with(|| (found.charset, Vec::new())).1.extend(found.bytes);
        rest = found.behind;
    }
}

/// An encoded word among others.
struct Word<'a> {
    before: &'a [u8],
    charset: Charset,
    bytes: Vec<u8>,
    behind: &'a [u8],
}

fn next_word(text: &[u8]) -> Option<Word<'_>> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.windows(2).position(|two| two == b"=?")?;
        if let Some((charset, bytes, length)) = word(text.get(at + 2..)?) {
            let (before, behind) = (text.get(..at)?, text.get(at + 2 + length..)?);
            return Some(Word { before, charset, bytes, behind });
        }
        from = at + 2;
    }
}

/// `charset?encoding?text?=`, and how long it is.
fn word(text: &[u8]) -> Option<(Charset, Vec<u8>, usize)> {
    let text = text.get(..MAX_WORD).unwrap_or(text);
    let mut parts = text.splitn(3, |&byte| byte == b'?');
    let (name, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let end = rest.windows(2).position(|two| two == b"?=")?;
    let encoded = rest.get(..end)?;
    let bytes = match encoding {
        b"B" | b"b" => base64(encoded)?,
        b"Q" | b"q" => escaped(encoded, b'=', true),
        _ => return None,
    };
    Some((Charset::named(name)?, bytes, name.len() + encoding.len() + 2 + end + 2))
}

/// Bytes of which some are `mark` and two digits; an underscore may be a blank.
fn escaped(text: &[u8], mark: u8, has_blanks: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        let (byte, behind) = match (byte, digit(0), digit(1)) {
            (byte, Some(high), Some(low)) if byte == mark => {
                ((high * 16 + low) as u8, behind.get(2..).unwrap_or_default())
            }
            (b'_', ..) if has_blanks => (b' ', behind),
            _ => (byte, behind),
        };
        out.push(byte);
        rest = behind;
    }
    out
}

/// The parameter `key` of a field: its pieces put together, decoded.
pub fn parameter(value: &[u8], key: &str) -> Option<String> {
    let mut pieces: Vec<Piece> = Parameters(value)
        .take(MAX_PARAMETERS)
        .filter_map(|(name, value)| Piece::of(&name, value, key.as_bytes()))
        .collect();
    // The encoded one is the better one (RFC 2231, 4; RFC 6266, 4.3 says so).
    if let Some(at) = pieces.iter().position(|piece| piece.number.is_none() && piece.is_encoded) {
        let piece = pieces.swap_remove(at);
        return Some(decoded(&[piece]));
    }
    if let Some(piece) = pieces.iter().find(|piece| piece.number.is_none()) {
        return Some(text(&piece.value));
    }
    pieces.sort_by_key(|piece| piece.number);
    pieces.dedup_by_key(|piece| piece.number);
    (!pieces.is_empty()).then(|| decoded(&pieces))
}

/// One parameter, or a piece of it: `key*3*=value`.
struct Piece {
    number: Option<u8>,
    is_encoded: bool,
    value: Vec<u8>,
}

impl Piece {
    fn of(name: &[u8], value: Vec<u8>, key: &[u8]) -> Option<Piece> {
        let (start, rest) = name.split_at_checked(key.len())?;
        let (rest, is_encoded) = rest.strip_suffix(b"*").map_or((rest, false), |rest| (rest, true));
        let number = match rest.strip_prefix(b"*") {
            Some(digits) => Some(std::str::from_utf8(digits).ok()?.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        start.eq_ignore_ascii_case(key).then_some(Piece { number, is_encoded, value })
    }
}

/// The first piece names the character set: `utf-8'en'text`.
fn decoded(pieces: &[Piece]) -> String {
    let mut charset = Charset::Utf8;
    let mut bytes = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let mut value = piece.value.as_slice();
        if place == 0 && piece.is_encoded {
            let mut parts = value.splitn(3, |&byte| byte == b'\'');
            if let (Some(name), Some(_), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
                charset = Charset::named(name).unwrap_or(Charset::Utf8);
                value = rest;
            }
        }
        match piece.is_encoded {
            true => bytes.extend(escaped(value, b'%', false)),
            false => bytes.extend(value),
        }
    }
    charset.text(&bytes)
}

/// The parameters behind a field's value: `; name=value; name="value"`.
struct Parameters<'a>(&'a [u8]);

impl Iterator for Parameters<'_> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.0.iter().position(|&byte| byte == b';')? + 1;
            let rest = self.0.get(from..)?;
            self.0 = rest;
            let end = rest.iter().position(|&byte| matches!(byte, b'=' | b';'))?;
            if rest.get(end) != Some(&b'=') {
                continue;
            }
            let name = rest.get(..end)?.trim_ascii().to_ascii_lowercase();
            let value = rest.get(end + 1..)?.trim_ascii_start();
            self.0 = value;
            if let Some((value, behind)) = value.strip_prefix(b"\"").and_then(quoted) {
                self.0 = behind;
                return Some((name, value));
            }
            let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
            return Some((name, value.get(..end)?.trim_ascii().to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_decoded_and_others_left() {
        for (encoded, expected) in [
            ("plain, =?no word", "plain, =?no word"),
            ("=?UTF-8?B?R3LDvMOfZQ==?= an =?utf-8?q?alle_=3D?=", "Grüße an alle ="),
            ("=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
            // A letter in two words, and two character sets.
            ("=?utf-8?B?w7w=?= =?utf-8?Q?=C3?= =?utf-8?Q?=A4!?=", "üä!"),
            ("=?utf-8?Q?a?=\t=?latin1*de?Q?=E4?= b", "aä b"),
            ("=?gb2312?B?xOO6ww==?= =?=?utf-8?X?a?=", "=?gb2312?B?xOO6ww==?= =?=?utf-8?X?a?="),
            ("Grüße", "Grüße"),
        ] {
            assert_eq!(text(encoded.as_bytes()), expected);
        }
    }

    #[test]
    fn parameters_come_quoted_encoded_and_in_pieces() {
        let name = |value: &str| parameter(value.as_bytes(), "name");
        for (value, expected) in [
            ("a/b; name=c.txt", Some("c.txt")),
            ("a/b; x; Name=\"c;\\\"d\" ; name=e", Some("c;\"d")),
            ("a/b; name=\"=?utf-8?q?=C3=A4?=\"", Some("ä")),
            ("a/b; name=x; name*=UTF-8'de'%C3%A4%zz", Some("ä%zz")),
            ("a/b; name*=iso-8859-1''%E4", Some("ä")),
            ("a/b; name*1=b; name*0=a; name*2*=%63", Some("abc")),
            ("a/b; name*0*=utf-8''%C3; name*1*=%A4", Some("ä")),
            ("a/b; filename=x; name*x=y; name*999=y", None),
            ("a/b; name=\"no end", Some("\"no end")),
            ("a/b", None),
        ] {
            assert_eq!(name(value).as_deref(), expected, "{value}");
        }
    }
}
