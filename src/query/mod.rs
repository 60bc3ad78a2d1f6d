//! The language of searches: `app:YouTube bytes>10M since:2d -dns`.
//!
//! The pages' search box, their addresses, the API and `weir query` take the same
//! text; `docs/QUERIES.md` is for whoever writes one. The pages have a parser of
//! their own (`web-ta/lib/query.php`): which fields there are they read from what
//! [`views_json`] makes, and `tests/query/cases.json` holds both parsers together.

mod fields;
mod parse;
mod sql;
#[cfg(test)]
mod tests;
mod value;

pub use fields::{Field, Kind, PROTOCOLS, Span, VIEWS, View, view, views_json};
pub use parse::parse;
pub use sql::{IP6_HEX, Param, Select, ip6_hex, select};
pub use value::Edge;

use crate::prefix::Prefix;

/// Bytes that a query may have.
pub const LONGEST: usize = 1024;

/// Terms and values that it may have: each is a comparison for every row.
pub const MOST: usize = 100;

/// Why a query can't be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// What is wrong, for whoever wrote it.
    pub text: String,
    /// Where it begins, in characters from 1.
    pub column: usize,
    /// How many characters it is about.
    pub length: usize,
}

/// What a field is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing is known: `-`.
    Unknown,
    Text(String),
    /// With `*` for any characters.
    Like(String),
    /// Both ends are in it; `u64::MAX` is no end.
    Range(u64, u64),
    Net(Prefix),
}

/// One condition; all of them have to be met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// Whether it excludes what meets it.
    pub not: bool,
    pub what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Some column of text contains it.
    Word(Value),
    /// The field has one of the values.
    Field(&'static Field, Vec<Value>),
}

/// A query that makes sense in a view.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    pub terms: Vec<Term>,
    pub since: Option<Edge>,
    pub until: Option<Edge>,
}
