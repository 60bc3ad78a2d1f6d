//! From text to terms.
//!
//! ```text
//! query  = *( term )                             divided by spaces, joined by "and"
//! term   = [ "-" ] ( word | field ":" values | field compare value )
//! values = value *( "," value )
//! value  = quoted | 1*( any but space and comma ) quoted = '"' *( any | "\"" | "\\" ) '"'
//! word   = quoted | 1*( any but space )
//! compare = ">" | ">=" | "<" | "<="
//! ```

use super::fields::{Field, Kind, PROTOCOLS, View};
use super::value::{self, Edge};
use super::{LONGEST, MOST, Mistake, Query, Term, Value, What};

/// Where something stands: the first character and the one behind the last.
type Place = (usize, usize);

/// How a value is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Is,
    More,
    AtLeast,
    Less,
    AtMost,
}

/// Something between spaces or commas.
struct Piece {
    text: String,
    is_quoted: bool,
    place: Place,
}

/// Reads `text` as a query in `view`; fails by its first mistake.
pub fn parse(text: &str, view: &View) -> Result<Query, Mistake> {
    let chars: Vec<char> = text.chars().take(LONGEST + 1).collect();
    let mut reader = Reader { at: 0, view, query: Query::default(), values: 0, edges: [None, None], chars };
    if text.len() > LONGEST {
        return Err(mistake(format!("the query is longer than {LONGEST} bytes"), (0, reader.chars.len())));
    }
    while reader.skip_spaces() {
        reader.term()?;
    }
    Ok(reader.query)
}

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    view: &'a View,
    query: Query,
    /// How many terms and values there were.
    values: usize,
    /// Where since and until stand.
    edges: [Option<Place>; 2],
}

fn mistake(text: String, (begin, end): Place) -> Mistake {
    Mistake { text, column: begin + 1, length: end.saturating_sub(begin).max(1) }
}

/// Also the wide space that Chinese keyboards write.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{3000}'
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Whether anything follows.
    fn skip_spaces(&mut self) -> bool {
        while self.peek(0).is_some_and(is_space) {
            self.at += 1;
        }
        self.at < self.chars.len()
    }

    fn term(&mut self) -> Result<(), Mistake> {
        let begin = self.at;
        let not = self.peek(0) == Some('-') && self.peek(1).is_some_and(|c| !is_space(c));
        self.at += usize::from(not);
        let what = match self.field_name() {
            Some((name, place)) => self.field(&name, place, (begin, not))?,
            None => Some(self.word()?),
        };
        self.query.terms.extend(what.map(|what| Term { not, what }));
        Ok(())
    }

    /// The name before a sign of comparison, unless all of it is an address.
    fn field_name(&mut self) -> Option<(String, Place)> {
        let rest = self.chars.get(self.at..)?;
        let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
        let is_field = rest.first()?.is_ascii_alphabetic() && matches!(rest.get(length)?, ':' | '<' | '>');
        let word: String = rest.iter().take_while(|c| !is_space(**c)).collect();
        if !is_field || value::net(&word).is_some() || value::is_mac(&word) {
            return None;
        }
        let name: String = rest.iter().take(length).map(char::to_ascii_lowercase).collect();
        let place = (self.at, self.at + length);
        self.at += length;
        Some((name, place))
    }

    fn sign(&mut self) -> Sign {
        let equal = self.peek(1) == Some('=');
        let (sign, length) = match (self.peek(0), equal) {
            (Some('>'), true) => (Sign::AtLeast, 2),
            (Some('>'), false) => (Sign::More, 1),
            (Some('<'), true) => (Sign::AtMost, 2),
            (Some('<'), false) => (Sign::Less, 1),
            _ => (Sign::Is, 1),
        };
        self.at += length;
        sign
    }

    fn word(&mut self) -> Result<What, Mistake> {
        let piece = self.piece(false)?;
        self.count(piece.place)?;
        let name = piece.text.to_ascii_lowercase();
        let field = |field: &str| self.view.field(field).filter(|_| !piece.is_quoted);
        if let Some(protocol) = field("protocol").filter(|_| PROTOCOLS.contains(&&*name)) {
            return Ok(What::Field(protocol, vec![Value::Text(name)]));
        }
        // One address is searched as text too; a prefix would be found nowhere.
        match (field("ip"), value::net(&piece.text).filter(|_| name.contains('/'))) {
            (Some(ip), Some(net)) => Ok(What::Field(ip, vec![Value::Net(net)])),
            _ => Ok(What::Word(value::text(piece.text, piece.is_quoted))),
        }
    }

    /// What is behind a field's name; nothing for since and until, which are no conditions.
    fn field(
        &mut self,
        name: &str,
        place: Place,
        (begin, not): (usize, bool),
    ) -> Result<Option<What>, Mistake> {
        let sign = self.sign();
        let signed = (place.0, self.at);
        if matches!(name, "since" | "until") {
            if not {
                return Err(mistake(format!("\"{name}\" can not be excluded"), (begin, place.1)));
            }
            self.edge(name, sign, place, signed)?;
            return Ok(None);
        }
        let Some(field) = self.view.field(name) else {
            let names: Vec<&str> =
                self.view.fields.iter().filter_map(|field| field.names.first().copied()).collect();
            let names = [&names[..], &["since", "until"]].concat().join(", ");
            return Err(mistake(format!("there is no field \"{name}\" here; there are {names}"), place));
        };
        if sign != Sign::Is && !field.kind.is_ordered() {
            return Err(mistake(format!("\"{name}\" can not be compared; write {name}:"), signed));
        }
        let mut values = Vec::new();
        for piece in self.values(sign, name, signed)? {
            values.push(read(field, &piece, sign)?);
        }
        Ok(Some(What::Field(field, values)))
    }

    fn edge(&mut self, name: &str, sign: Sign, place: Place, signed: Place) -> Result<(), Mistake> {
        if sign != Sign::Is {
            return Err(mistake(format!("\"{name}\" can not be compared; write {name}:"), signed));
        }
        let is_until = name == "until";
        let pieces = self.values(sign, name, signed)?;
        let [piece] = &pieces[..] else {
            return Err(mistake(format!("\"{name}\" takes one value"), signed));
        };
        if self.edges[usize::from(is_until)].replace(place).is_some() {
            return Err(mistake(format!("\"{name}\" is there twice"), place));
        }
        let edge = Edge::parse(&piece.text, is_until).ok_or_else(|| {
            let text = &piece.text;
            mistake(
                format!("\"{text}\" is no time; one is like 2d, 2026-11-20 or 2026-11-20T18:30"),
                piece.place,
            )
        })?;
        *(if is_until { &mut self.query.until } else { &mut self.query.since }) = Some(edge);
        Ok(())
    }

    /// The values behind the sign of the field that stands at `signed`.
    fn values(&mut self, sign: Sign, name: &str, signed: Place) -> Result<Vec<Piece>, Mistake> {
        let mut pieces = Vec::new();
        loop {
            if self.peek(0).is_none_or(|c| is_space(c) || c == ',') {
                let (text, place) = match pieces.is_empty() {
                    true => (format!("a value is missing after \"{name}\""), signed),
                    false => ("a value is missing after the comma".to_owned(), (self.at - 1, self.at)),
                };
                return Err(mistake(text, place));
            }
            let piece = self.piece(true)?;
            self.count(piece.place)?;
            pieces.push(piece);
            if self.peek(0) != Some(',') {
                break;
            }
            self.at += 1;
        }
        if sign != Sign::Is && pieces.len() > 1 {
            return Err(mistake(format!("\"{name}\" takes one value"), signed));
        }
        Ok(pieces)
    }

    fn count(&mut self, place: Place) -> Result<(), Mistake> {
        self.values += 1;
        if self.values > MOST {
            Err(mistake(format!("there are more than {MOST} terms and values"), place))
        } else {
            Ok(())
        }
    }

    /// All up to the next space, or `in_list` also comma, or what is quoted.
    fn piece(&mut self, in_list: bool) -> Result<Piece, Mistake> {
        let begin = self.at;
        if self.peek(0) == Some('"') {
            return self.quoted(begin, in_list);
        }
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| !(is_space(*c) || in_list && *c == ',')) {
            text.push(c);
            self.at += 1;
        }
        Ok(Piece { text, is_quoted: false, place: (begin, self.at) })
    }

    fn quoted(&mut self, begin: usize, in_list: bool) -> Result<Piece, Mistake> {
        let mut text = String::new();
        loop {
            self.at += 1;
            match (self.peek(0), self.peek(1)) {
                (None, _) => {
                    return Err(mistake("the quote is not closed".into(), (begin, self.chars.len())));
                }
                (Some('"'), _) => break,
                (Some('\\'), Some(c @ ('"' | '\\'))) => {
                    text.push(c);
                    self.at += 1;
                }
                (Some(c), _) => text.push(c),
            }
        }
        self.at += 1;
        match self.peek(0) {
            Some(c) if !(is_space(c) || in_list && c == ',') => {
                Err(mistake("a space is missing after the quote".into(), (self.at, self.at + 1)))
            }
            _ if text.is_empty() => Err(mistake("there is nothing in the quotes".into(), (begin, self.at))),
            _ => Ok(Piece { text, is_quoted: true, place: (begin, self.at) }),
        }
    }
}

/// The value that `piece` is for `field`.
fn read(field: &Field, piece: &Piece, sign: Sign) -> Result<Value, Mistake> {
    let text = &*piece.text;
    if text == "-" && !piece.is_quoted && sign == Sign::Is {
        return Ok(Value::Unknown);
    }
    let wrong = |what: &str| mistake(format!("\"{text}\" is no {what}"), piece.place);
    let range = |read: fn(&str) -> Option<u64>, what: &str| {
        let (least, most) = value::range(text, read).ok_or_else(|| wrong(what))?;
        if least > most {
            return Err(mistake("the range ends before it begins".into(), piece.place));
        }
        Ok(match sign {
            Sign::Is => Value::Range(least, most),
            _ if least != most => return Err(wrong(what)),
            Sign::More => Value::Range(least + 1, u64::MAX),
            Sign::AtLeast => Value::Range(least, u64::MAX),
            Sign::Less if least == 0 => return Err(mistake("nothing is less than 0".into(), piece.place)),
            Sign::Less => Value::Range(0, least - 1),
            Sign::AtMost => Value::Range(0, least),
        })
    };
    match field.kind {
        Kind::Number => range(value::number, "number; one is like 443 or 8000-8999"),
        Kind::Size => range(value::size, "size; one is like 10M"),
        Kind::Duration => range(value::duration, "length of time; one is like 5min"),
        Kind::Address => value::net(text)
            .map(Value::Net)
            .ok_or_else(|| wrong("address; one is like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")),
        Kind::Lower => Ok(value::text(text.to_ascii_lowercase(), piece.is_quoted)),
        Kind::Upper => Ok(value::text(text.to_ascii_uppercase(), piece.is_quoted)),
        Kind::Device | Kind::App | Kind::Class | Kind::Text => {
            Ok(value::text(text.to_owned(), piece.is_quoted))
        }
    }
}
