//! The grammar of features.txt, by nom.
//!
//! ```text
//! line     = name ":" "[" feature *( "," feature ) "]"
//! feature  = proto ";" sport ";" dport ";" host ";" payload
//! proto    = "" | "tcp" | "udp"
//! sport    = "" | port *( "|" port )          dport the same
//! port     = [ "!" ] number [ "-" number ]
//! host     = "" | [ "~" ] 1*( letter | digit | "-" | "_" | "." | "*" ) | address [ "/" number ]
//! payload  = "" | test *( "|" test )
//! test     = [ "-" ] number ":" 1*( two hexadecimal digits )
//! ```
//!
//! A line is taken apart at its brackets, commas, semicolons and bars first,
//! and each part is parsed by itself. So one mistake does not hide the next.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{all_consuming, opt, recognize, value};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::pair;
use nom::{IResult, Parser};

use super::address;
use super::feature::{Feature, Host, Ports, Test};
use crate::prefix::Prefix;
use crate::wire::proto;

/// The most bytes one payload test may compare.
const MAX_TEST_BYTES: usize = 64;

/// The largest offset into a payload: the most bytes a datagram can have.
const MAX_OFFSET: i32 = 65_535;

/// Longest name of an app, in characters.
pub const MAX_NAME: usize = 64;

/// Something in a line that is not as the grammar wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// In characters, from 1.
    pub column: usize,
    /// What should be there.
    pub expected: String,
}

/// nom's error here: where a part stopped fitting, and what would have fitted.
#[derive(Debug)]
struct Misfit<'a> {
    rest: &'a str,
    expected: &'static str,
}

impl<'a> ParseError<&'a str> for Misfit<'a> {
    fn from_error_kind(rest: &'a str, _: ErrorKind) -> Self {
        Misfit { rest, expected: "nothing more here" }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Misfit<'a>>;

/// `parser`, whose failure is told as `expected`.
fn or<'a, T>(
    expected: &'static str,
    mut parser: impl Parser<&'a str, Output = T, Error = Misfit<'a>>,
) -> impl Parser<&'a str, Output = T, Error = Misfit<'a>> {
    move |input: &'a str| {
        parser
            .parse(input)
            .map_err(|error| error.map(|misfit: Misfit<'a>| Misfit { rest: misfit.rest, expected }))
    }
}

/// Reads a line of an app: its name and features.
pub fn app_line(line: &str) -> Result<(&str, Vec<Feature>), Vec<Complaint>> {
    let mut reader = Reader { line, complaints: Vec::new() };
    let found = reader.app();
    match found {
        Some(app) if reader.complaints.is_empty() => Ok(app),
        _ => Err(reader.complaints),
    }
}

struct Reader<'a> {
    line: &'a str,
    complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    fn app(&mut self) -> Option<(&'a str, Vec<Feature>)> {
        let line = self.line.trim_end();
        let (rest, name) = self.parse(line, name)?;
        let (rest, _) = self.parse(rest, or("a colon after the app's name", char(':')))?;
        let (rest, _) = self.parse(rest, or("[ before the first feature", char('[')))?;
        let inside = match rest.strip_suffix(']') {
            Some(inside) => inside,
            None => {
                self.complain(&rest[rest.len()..], "] after the last feature");
                rest
            }
        };
        if let Some(at) = inside.find([']', '[']) {
            self.complain(&inside[at..], "a feature without brackets in it");
            return None;
        }
        let features = inside.split(',').filter_map(|part| self.feature(part)).collect();
        Some((name, features))
    }

    fn feature(&mut self, text: &'a str) -> Option<Feature> {
        let parts: Vec<_> = text.split(';').collect();
        let &[proto, sport, dport, host, payload] = &parts[..] else {
            let at = parts.get(5).copied().unwrap_or(&text[text.len()..]);
            self.complain(at, "five parts divided by ; (protocol;sport;dport;host;payload)");
            return None;
        };
        let proto = self.whole(
            proto,
            alt((value(Some(proto::TCP), tag("tcp")), value(Some(proto::UDP), tag("udp")))),
            None,
            "tcp, udp or nothing",
        );
        let sport = self.ports(sport);
        let dport = self.ports(dport);
        let (host, address) = if address::is_meant(host) {
            (Some(None), self.address(host).map(Some))
        } else {
            (self.host(host), Some(None))
        };
        let payload = self.payload(payload);
        let (proto, sport, dport) = (proto?, sport?, dport?);
        Some(Feature { proto, sport, dport, host: host?, address: address?, payload: payload? })
    }

    fn ports(&mut self, text: &'a str) -> Option<Ports> {
        let mut ports = Ports::default();
        if text.is_empty() {
            return Some(ports);
        }
        let mut good = true;
        for item in text.split('|') {
            match self.parse(item, all_consuming(port_item)) {
                Some((_, (_, first, Some(last)))) if last < first => {
                    self.complain(item, "a range that begins with its lower port");
                    good = false;
                }
                Some((_, (not, first, last))) => ports.push(not, first, last.unwrap_or(first)),
                None => good = false,
            }
        }
        good.then_some(ports)
    }

    fn host(&mut self, text: &'a str) -> Option<Option<Host>> {
        if text.is_empty() {
            return Some(None);
        }
        let (_, (loose, pattern)) = self.parse(text, all_consuming(host_pattern))?;
        let pattern = pattern.trim_matches('.').to_lowercase();
        if pattern.chars().all(|c| matches!(c, '*' | '.')) {
            self.complain(text, "a host with at least one letter or digit");
            return None;
        }
        if loose && pattern.contains('*') {
            self.complain(text, "either ~ before a part of the host or * in it, not both");
            return None;
        }
        Some(Some(Host::new(loose, &pattern)))
    }

    fn address(&mut self, text: &'a str) -> Option<Prefix> {
        Prefix::parse(text).map_err(|wrong| self.complain(&text[wrong.at(text)..], &wrong.to_string())).ok()
    }

    fn payload(&mut self, text: &'a str) -> Option<Vec<Test>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let mut tests = Vec::new();
        let mut good = true;
        for item in text.split('|') {
            let Some((_, (offset, bytes))) = self.parse(item, all_consuming(payload_test)) else {
                good = false;
                continue;
            };
            let behind = item.find(':').map_or(item, |colon| &item[colon + 1..]);
            if bytes.len() > MAX_TEST_BYTES {
                self.complain(behind, "at most 64 bytes in one test");
                good = false;
            } else if offset < 0 && bytes.len() > offset.unsigned_abs() as usize {
                self.complain(behind, "no more bytes than there are from that offset to the end");
                good = false;
            } else {
                tests.push(Test { offset, bytes });
            }
        }
        good.then_some(tests)
    }

    /// `text` as a whole by `parser`, or `empty` when there is nothing.
    fn whole<T: Clone>(
        &mut self,
        text: &'a str,
        parser: impl Parser<&'a str, Output = T, Error = Misfit<'a>>,
        empty: T,
        expected: &'static str,
    ) -> Option<T> {
        if text.is_empty() {
            return Some(empty);
        }
        self.parse(text, or(expected, all_consuming(parser))).map(|(_, value)| value)
    }

    fn parse<T>(
        &mut self,
        text: &'a str,
        mut parser: impl Parser<&'a str, Output = T, Error = Misfit<'a>>,
    ) -> Option<(&'a str, T)> {
        match parser.parse(text) {
            Ok(parsed) => Some(parsed),
            Err(nom::Err::Error(misfit) | nom::Err::Failure(misfit)) => {
                self.complain(misfit.rest, misfit.expected);
                None
            }
            // Only streaming parsers ask for more; these are complete.
            Err(nom::Err::Incomplete(_)) => None,
        }
    }

    /// Notes what was expected at `at`, a part of the line.
    fn complain(&mut self, at: &str, expected: &str) {
        let bytes = at.as_ptr() as usize - self.line.as_ptr() as usize;
        let column = self.line[..bytes].chars().count() + 1;
        self.complaints.push(Complaint { column, expected: expected.into() });
    }
}

fn name(input: &str) -> Parsed<'_, &str> {
    let (rest, name) = or("an app's name", take_while1(is_of_name)).parse(input)?;
    let fits = name.trim() == name && name.chars().count() <= MAX_NAME;
    let expected = "a name of at most 64 characters without spaces around it";
    if fits { Ok((rest, name)) } else { Err(nom::Err::Error(Misfit { rest: input, expected })) }
}

/// What may stand in an app's name.
pub fn is_of_name(c: char) -> bool {
    !is_invisible(c) && !matches!(c, ':' | '[' | ']' | ';' | ',' | '#')
}

/// Characters that a page would not show, or that turn round what follows.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether it is excluded, the first port and the last if it is a range.
fn port_item(input: &str) -> Parsed<'_, (bool, u16, Option<u16>)> {
    let (rest, not) = opt(char('!')).parse(input)?;
    let (rest, first) = port(rest)?;
    let (rest, last) = match rest.strip_prefix('-') {
        Some(behind) => port(behind).map(|(rest, last)| (rest, Some(last)))?,
        None => (rest, None),
    };
    Ok((rest, (not.is_some(), first, last)))
}

fn port(input: &str) -> Parsed<'_, u16> {
    let expected = "a port from 0 to 65535";
    let (rest, digits) = or(expected, digit1).parse(input)?;
    digits.parse().map(|port| (rest, port)).map_err(|_| nom::Err::Error(Misfit { rest: input, expected }))
}

/// Whether it may stand anywhere in the name, and the pattern.
fn host_pattern(input: &str) -> Parsed<'_, (bool, &str)> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    let (rest, loose) = opt(char('~')).parse(input)?;
    let (rest, pattern) =
        or("a host (letters, digits, - _ . and *) or an address", take_while1(allowed)).parse(rest)?;
    match rest {
        "" => Ok((rest, (loose.is_some(), pattern))),
        _ => Err(nom::Err::Error(Misfit { rest, expected: "only letters, digits, - _ . and * in a host" })),
    }
}

/// Offset and bytes.
fn payload_test(input: &str) -> Parsed<'_, (i32, Vec<u8>)> {
    let expected = "an offset from -65535 to 65535";
    let (rest, digits) = or(expected, recognize(pair(opt(char('-')), digit1))).parse(input)?;
    let offset = digits.parse().ok().filter(|offset: &i32| offset.abs() <= MAX_OFFSET && digits != "-0");
    let Some(offset) = offset else { return Err(nom::Err::Error(Misfit { rest: input, expected })) };
    let (rest, _) = or("a colon after the offset", char(':')).parse(rest)?;
    let (after, hex) = take_while(|c: char| c.is_ascii_hexdigit()).parse(rest)?;
    let expected = "bytes as pairs of hexadecimal digits";
    if hex.is_empty() || hex.len() % 2 == 1 || !after.is_empty() {
        return Err(nom::Err::Error(Misfit { rest: after, expected }));
    }
    let bytes = hex.as_bytes().chunks_exact(2).map(|pair| hex_value(pair[0]) << 4 | hex_value(pair[1]));
    Ok((after, (offset, bytes.collect())))
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests;
