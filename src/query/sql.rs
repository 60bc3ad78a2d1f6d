//! Terms as SQL. `web-ta/lib/query_sql.php` makes the same of them.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::{Field, Kind, Span, View, has_labels};
use super::{Query, Term, Value, What, value};
use crate::prefix::Prefix;
use crate::record::{Dialect, Id, TABLES, short_address};
use crate::time::Time;

/// A function that SQLite has to be given: an address of IPv6 as 32 hexadecimal
/// digits, NULL for anything else.
pub const IP6_HEX: &str = "ip6_hex";

/// What [`IP6_HEX`] does.
pub fn ip6_hex(text: &str) -> Option<String> {
    text.parse::<Ipv6Addr>().ok().map(|address| format!("{:032X}", address.to_bits()))
}

/// The value of a question mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Param {
    Int(i64),
    Text(String),
}

/// All behind the columns: `FROM … WHERE …`, with its parameters, and what rows
/// are sorted by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    pub from: String,
    pub params: Vec<Param>,
    pub order: String,
}

/// What finds the rows of `view` that `query` asks for; `from` and `to` are what
/// its since and until come to.
pub fn select(query: &Query, view: &View, dialect: Dialect, from: Option<Time>, to: Option<Time>) -> Select {
    let mut sql = Sql { dialect, text: String::new(), params: Vec::new() };
    for (time, is_end) in [(from, false), (to, true)] {
        let Some(time) = time else { continue };
        sql.and();
        match view.span {
            Span::Begun => {
                sql.text.push_str(if is_end { "id < ?" } else { "id >= ?" });
                sql.params.push(Param::Int(Id::first_at(time).number()));
            }
            Span::Seen(start) => {
                let _ =
                    write!(sql.text, "{}", if is_end { format!("{start} < ?") } else { "last >= ?".into() });
                sql.params.push(int(time.micros()));
            }
        }
    }
    query.terms.iter().for_each(|term| sql.term(term, view));
    let table = TABLES.iter().find(|table| table.name == view.table);
    let key = table.and_then(|table| table.columns.first()).map_or("id", |column| column.name);
    let order = match view.span {
        Span::Begun => format!("{key} DESC"),
        // No two rows share the key, so that the same comes in the same order.
        Span::Seen(_) => format!("last DESC, {key} DESC"),
    };
    Select { from: format!("FROM {}{}", view.table, sql.text), params: sql.params, order }
}

struct Sql {
    dialect: Dialect,
    text: String,
    params: Vec<Param>,
}

fn int(number: u64) -> Param {
    Param::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Sql {
    fn and(&mut self) {
        self.text.push_str(if self.text.is_empty() { " WHERE " } else { " AND " });
    }

    fn term(&mut self, term: &Term, view: &View) {
        self.and();
        self.text.push('(');
        let mut or = "";
        match &term.what {
            What::Word(word) => {
                for column in view.words {
                    self.text.push_str(or);
                    self.like(column, &format!("%{}%", pattern(word)));
                    or = " OR ";
                }
            }
            What::Field(field, values) => {
                for column in field.columns {
                    for value in values {
                        self.text.push_str(or);
                        self.value(field, column, value);
                        or = " OR ";
                    }
                }
            }
        }
        // What is unknown is not excluded.
        self.text.push_str(if term.not { ") IS NOT TRUE" } else { ")" });
    }

    fn put(&mut self, text: &str, params: impl IntoIterator<Item = Param>) {
        self.text.push_str(text);
        self.params.extend(params);
    }

    fn value(&mut self, field: &Field, column: &str, value: &Value) {
        match (field.kind, value) {
            (Kind::Class, Value::Unknown) => {
                let classed = "SELECT app FROM catalog WHERE class IS NOT NULL";
                self.put(&format!("({column} IS NULL OR {column} NOT IN ({classed}))"), []);
            }
            (_, Value::Unknown) => self.put(&format!("{column} IS NULL"), []),
            (_, Value::Range(least, most)) => self.range(column, *least, *most),
            (_, Value::Net(net)) => self.net(column, *net),
            (Kind::Device, Value::Text(text) | Value::Like(text)) => self.device(column, text, value),
            (Kind::App, text) => self.app(column, text),
            (Kind::Class, text) => {
                self.named(column, "app", "catalog", &["class", "class_en", "class_zh"], text)
            }
            // These are kept in one case, so that an index helps.
            (Kind::Lower | Kind::Upper, Value::Text(text)) => {
                self.put(&format!("{column} = ?"), [Param::Text(text.clone())]);
            }
            (_, text) => self.like(column, &pattern(text)),
        }
    }

    fn range(&mut self, column: &str, least: u64, most: u64) {
        match (least, most) {
            (least, most) if least == most => self.put(&format!("{column} = ?"), [int(least)]),
            (0, most) => self.put(&format!("{column} <= ?"), [int(most)]),
            (least, u64::MAX) => self.put(&format!("{column} >= ?"), [int(least)]),
            (least, most) => self.put(&format!("{column} BETWEEN ? AND ?"), [int(least), int(most)]),
        }
    }

    /// Whether the case is the same does not matter.
    fn like(&mut self, column: &str, pattern: &str) {
        let sql = match self.dialect {
            Dialect::Sqlite => format!("{column} LIKE ? ESCAPE '!'"),
            // The columns compare byte by byte.
            Dialect::Mariadb => format!("LOWER({column}) LIKE LOWER(?) ESCAPE '!'"),
        };
        self.put(&sql, [Param::Text(pattern.into())]);
    }

    /// `column` is the `key` of a row of `table` where one of `names` is like `text`.
    fn named(&mut self, column: &str, key: &str, table: &str, names: &[&str], text: &Value) {
        self.put(&format!("{column} IN (SELECT {key} FROM {table} WHERE "), []);
        for (n, name) in names.iter().enumerate() {
            self.text.push_str(if n == 0 { "" } else { " OR " });
            self.like(name, &pattern(text));
        }
        self.text.push(')');
    }

    fn app(&mut self, column: &str, text: &Value) {
        self.text.push('(');
        match text {
            Value::Text(exact) => self.put(&format!("{column} = ?"), [Param::Text(exact.clone())]),
            _ => self.like(column, &pattern(text)),
        }
        self.text.push_str(" OR ");
        self.named(column, "app", "catalog", &["app", "app_zh"], text);
        self.text.push(')');
    }

    /// A device by one of its addresses, its MAC address or its name.
    fn device(&mut self, column: &str, text: &str, value: &Value) {
        self.text.push('(');
        if let Some(net) = value::net(text) {
            self.net(column, net);
            self.put(&format!(" OR {column} IN (SELECT device FROM device WHERE "), []);
            self.net("ipv4", net);
            self.text.push_str(" OR ");
            self.net("ipv6", net);
            self.text.push(')');
        } else if value::is_mac(text) {
            let mac = Param::Text(text.to_ascii_lowercase());
            let sql = format!("{column} = ? OR {column} IN (SELECT device FROM device WHERE mac = ?)");
            self.put(&sql, [mac.clone(), mac]);
        } else {
            self.put(&format!("{column} = ? OR "), [Param::Text(text.to_owned())]);
            self.named(column, "device", "device", &["name"], value);
            if has_labels() {
                self.text.push_str(" OR ");
                self.named(column, "device", "label", &["alias"], value);
            }
        }
        self.text.push(')');
    }

    /// The text in `column` is an address with this prefix. Whole parts of an
    /// address are a range of texts, which an index can find.
    fn net(&mut self, column: &str, net: Prefix) {
        let length = usize::from(net.length());
        match first_address(net) {
            IpAddr::V4(v4) if length == 32 => self.exact(column, v4.into()),
            IpAddr::V6(v6) if length == 128 => self.exact(column, v6.into()),
            IpAddr::V4(v4) => self.net4(column, v4.octets(), length),
            IpAddr::V6(v6) => self.net6(column, v6, length),
        }
    }

    fn exact(&mut self, column: &str, address: IpAddr) {
        self.put(&format!("{column} = ?"), [Param::Text(short_address(&address).to_string())]);
    }

    fn net4(&mut self, column: &str, octets: [u8; 4], length: usize) {
        let (whole, bits) = (length / 8, length % 8);
        let begin: String =
            octets.iter().take(whole).fold(String::new(), |text, octet| text + &format!("{octet}."));
        self.text.push('(');
        if whole == 0 {
            self.put(&format!("{column} LIKE '%.%' AND {column} NOT LIKE '%:%'"), []);
        } else {
            self.beginning(column, &begin);
        }
        if let Some(octet) = octets.get(whole).filter(|_| bits > 0) {
            // The rest begins with this octet, as a number: `7.255` is between 7 and 8.
            let (least, end) = (i64::from(*octet), i64::from(*octet) + (1 << (8 - bits)));
            let rest = format!("SUBSTR({column}, {}) + 0", begin.len() + 1);
            self.put(&format!(" AND {rest} >= ? AND {rest} < ?"), [Param::Int(least), Param::Int(end)]);
        }
        self.text.push(')');
    }

    fn net6(&mut self, column: &str, first: Ipv6Addr, length: usize) {
        let segments = first.segments();
        // Before the first zero no segment can hide in "::".
        let plain = segments.iter().take(length / 16).take_while(|segment| **segment != 0);
        let begin = plain.clone().fold(String::new(), |text, segment| text + &format!("{segment:x}:"));
        self.text.push('(');
        if !begin.is_empty() {
            self.beginning(column, &begin);
        }
        // A MAC address begins with two digits.
        let is_exact = plain.count() * 16 == length && segments[0] > 0xff && length > 0;
        if !is_exact {
            let hex = match self.dialect {
                Dialect::Sqlite => format!("{IP6_HEX}({column})"),
                Dialect::Mariadb => format!("{column} LIKE '%:%' AND HEX(INET6_ATON({column}))"),
            };
            let and = if begin.is_empty() { "" } else { " AND " };
            let last = first.to_bits() | u128::MAX.checked_shr(length as u32).unwrap_or(0);
            let bounds = [first.to_bits(), last].map(|bits| Param::Text(format!("{bits:032X}")));
            self.put(&format!("{and}{hex} BETWEEN ? AND ?"), bounds);
        }
        self.text.push(')');
    }

    /// The text begins with `begin`, whose last character is a sign before a digit.
    fn beginning(&mut self, column: &str, begin: &str) {
        let mut end = begin.to_owned();
        // The next character of ASCII: '/' comes after '.', ';' after ':'.
        let next = if end.pop() == Some('.') { '/' } else { ';' };
        end.push(next);
        self.put(&format!("{column} >= ? AND {column} < ?"), [Param::Text(begin.into()), Param::Text(end)]);
    }
}

fn first_address(net: Prefix) -> IpAddr {
    if net.is_ipv4() { Ipv4Addr::from(net.first() as u32).into() } else { Ipv6Addr::from(net.first()).into() }
}

/// `value` for LIKE.
fn pattern(value: &Value) -> String {
    let (text, is_like) = match value {
        Value::Like(text) => (text, true),
        Value::Text(text) => (text, false),
        _ => return String::new(),
    };
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '*' if is_like => out.push('%'),
            '!' | '%' | '_' => out.extend(['!', c]),
            c => out.push(c),
        }
    }
    out
}
