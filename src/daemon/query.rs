//! `weir query`: rows of the database, found by a query.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::clock::{self, Clock};
use super::{Exit, has_database, load_config};
use crate::config::{Config, StoreKind};
use crate::dissect::dns::push_text;
use crate::query::{Mistake, Param, Query, Select, VIEWS, View, parse, select, view};
use crate::record::{Dialect, TABLES};
use crate::store::{self, Datum, EachRow};
use crate::time::Time;

/// The most rows that can be asked for by -n.
pub const MOST_ROWS: u64 = 10_000_000;

/// Rows of a table for people where nothing is said.
const USUAL_ROWS: u64 = 100;

/// Rows that the widths of a table's columns are made by.
const MEASURED: usize = 500;

/// Characters of a cell of a table.
const WIDEST: usize = 60;

/// Columns that are microseconds since 1970.
const TIMES: &[&str] =
    &["time", "start", "last", "first", "ended", "list_version", "not_before", "not_after"];

/// What the rows are printed as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Table,
    /// An object with all columns in each line.
    Json,
    Csv,
    /// Only how many there are.
    Count,
}

/// What is wanted of `weir query`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub view: String,
    pub query: String,
    pub format: Format,
    pub limit: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { view: "sessions".into(), query: String::new(), format: Format::Table, limit: None }
    }
}

/// Prints the rows that `options` ask for to standard output.
pub fn query(config: Option<&Path>, options: &Options) -> Result<(), Exit> {
    let view = view(&options.view).filter(|view| !view.table.is_empty()).ok_or_else(|| {
        let names: Vec<&str> =
            VIEWS.iter().filter(|view| !view.table.is_empty()).map(|view| view.name).collect();
        Exit::Input(vec![format!("{} has no rows of its own; there are {}", options.view, names.join(", "))])
    })?;
    let query = parse(&options.query, view).map_err(|mistake| told(&options.query, &mistake))?;
    let (from, to) = times(&query, Clock::new().read().0)?;
    let (config, _) = load_config(config)?;
    let dialect = match config.store.kind.0 {
        StoreKind::Mariadb => Dialect::Mariadb,
        StoreKind::Sqlite => Dialect::Sqlite,
        StoreKind::None => return Err(Exit::Input(vec!["no records are kept (store kind \"none\")".into()])),
    };
    if !has_database(&config) {
        return Err(Exit::Input(vec![format!("{}: there is no database", config.sqlite.path.display())]));
    }
    let rows = Rows { config: &config, dialect, select: select(&query, view, dialect, from, to) };
    let mut out = BufWriter::new(io::stdout().lock());
    match options.format {
        Format::Count => rows.count(&mut out),
        Format::Table => rows.table(view, options.limit.unwrap_or(USUAL_ROWS), &mut out),
        Format::Json => rows.lines(view, options.limit, &mut out, json_line),
        Format::Csv => {
            let head: Vec<String> = columns(view).iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "{}\r", head.join(","));
            rows.lines(view, options.limit, &mut out, csv_line)
        }
    }?;
    // A reader that has enough is no failure.
    let _ = out.flush();
    Ok(())
}

/// What since and until come to at `now`.
fn times(query: &Query, now: Time) -> Result<(Option<Time>, Option<Time>), Exit> {
    let (from, to) = (
        query.since.map(|edge| edge.time(now, clock::zone)),
        query.until.map(|edge| edge.time(now, clock::zone)),
    );
    if from.is_some_and(|from| from >= to.unwrap_or(now)) {
        return Err(Exit::Input(vec!["there is no time between since and until".into()]));
    }
    Ok((from, to))
}

/// A mistake with its place marked below the query.
fn told(query: &str, mistake: &Mistake) -> Exit {
    let text = format!("column {}: {}", mistake.column, mistake.text);
    // Chinese characters are as wide as two others.
    let width = |c: char| if c < '\u{1100}' { 1 } else { 2 };
    let shown: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before: usize = shown.chars().take(mistake.column - 1).map(width).sum();
    let marked: usize = shown.chars().skip(mistake.column - 1).take(mistake.length).map(width).sum();
    if shown.chars().count() > 200 {
        return Exit::Input(vec![text]);
    }
    let mark = format!("{}{}", " ".repeat(before), "^".repeat(marked.max(1)));
    Exit::Input(vec![text, format!("  {shown}"), format!("  {mark}")])
}

/// All columns of the view's table.
fn columns(view: &View) -> Vec<&'static str> {
    let table = TABLES.iter().find(|table| table.name == view.table);
    table.map(|table| table.columns.iter().map(|column| column.name).collect()).unwrap_or_default()
}

/// What finds the rows, and where.
struct Rows<'a> {
    config: &'a Config,
    dialect: Dialect,
    select: Select,
}

impl Rows<'_> {
    fn count(&self, out: &mut impl Write) -> Result<(), Exit> {
        let mut count = 0;
        self.read(&format!("SELECT COUNT(*) {}", self.select.from), &[], &mut |row| {
            if let Some(Datum::Int(number)) = row.first() {
                count = *number;
            }
            true
        })?;
        let _ = writeln!(out, "{count}");
        Ok(())
    }

    fn lines(
        &self,
        view: &View,
        limit: Option<u64>,
        out: &mut impl Write,
        line: fn(&[&str], &[Datum]) -> String,
    ) -> Result<(), Exit> {
        let columns = columns(view);
        self.each(&columns, limit.unwrap_or(u64::MAX), &mut |row| {
            out.write_all(line(&columns, row).as_bytes()).is_ok()
        })
    }

    fn table(&self, view: &View, limit: u64, out: &mut impl Write) -> Result<(), Exit> {
        let mut table = Table { out, rows: Vec::new(), widths: Vec::new() };
        let mut count = 0;
        table.add(view.shown.iter().map(|name| (*name).to_owned()).collect());
        // One more tells whether there are more.
        self.each(view.shown, limit + 1, &mut |row| {
            count += 1;
            count <= limit
                && table.add(view.shown.iter().zip(row).map(|(name, cell)| shown(name, cell)).collect())
        })?;
        table.flush();
        if count > limit {
            eprintln!("weir: these are the latest {limit}; -n shows more");
        }
        Ok(())
    }

    fn each(&self, columns: &[&str], limit: u64, each: &mut EachRow<'_>) -> Result<(), Exit> {
        let quote = if self.dialect == Dialect::Mariadb { '`' } else { '"' };
        let columns: Vec<String> = columns.iter().map(|name| format!("{quote}{name}{quote}")).collect();
        let Select { from, order, .. } = &self.select;
        let sql = format!("SELECT {} {from} ORDER BY {order} LIMIT ?", columns.join(", "));
        self.read(&sql, &[Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))], each)
    }

    fn read(&self, sql: &str, more: &[Param], each: &mut EachRow<'_>) -> Result<(), Exit> {
        let params = [&self.select.params[..], more].concat();
        Ok(match self.dialect {
            Dialect::Sqlite => store::sqlite::read_rows(&self.config.sqlite.path, sql, &params, each)?,
            Dialect::Mariadb => read_mariadb(self.config, sql, &params, each)?,
        })
    }
}

#[cfg(feature = "mariadb")]
fn read_mariadb(
    config: &Config,
    sql: &str,
    params: &[Param],
    each: &mut EachRow<'_>,
) -> Result<(), store::Error> {
    let mut store = store::mariadb::Mariadb::new(&super::account(config), config.bounds(clock::zone))?;
    store.read_rows(sql, params, each)
}

#[cfg(not(feature = "mariadb"))]
fn read_mariadb(_: &Config, _: &str, _: &[Param], _: &mut EachRow<'_>) -> Result<(), store::Error> {
    Err(store::Error::Fatal("this weir was built without MariaDB; use kind = \"sqlite\"".into()))
}

/// Rows for people, in columns.
struct Table<'a, W: Write> {
    out: &'a mut W,
    /// Those that the widths are still made by.
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl<W: Write> Table<'_, W> {
    /// Says whether anybody reads on.
    fn add(&mut self, row: Vec<String>) -> bool {
        self.rows.push(row);
        self.rows.len() < MEASURED || self.flush()
    }

    fn flush(&mut self) -> bool {
        for row in &self.rows {
            self.widths.resize(row.len(), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        self.rows.drain(..).all(|row| {
            let cells = row.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(self.out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end()).is_ok()
        })
    }
}

/// A cell for people: local time, and nothing that is an order to a terminal.
fn shown(name: &str, cell: &Datum) -> String {
    match cell {
        Datum::Null => "-".into(),
        Datum::Int(micros) if TIMES.contains(&name) => local(*micros, 19),
        Datum::Int(number) => number.to_string(),
        Datum::Text(text) => {
            let mut safe = String::new();
            push_text(&mut safe, text.as_bytes(), |_| false);
            match safe.char_indices().nth(WIDEST) {
                Some((end, _)) => format!("{}…", &safe[..end]),
                None => safe,
            }
        }
    }
}

/// `2026-11-20 18:30:05.123`, as many characters of it.
fn local(micros: i64, length: usize) -> String {
    let time = Time::from_micros(u64::try_from(micros).unwrap_or(0));
    let zone = i64::from(clock::zone(time)) * 1_000_000;
    let time = Time::from_micros(u64::try_from(micros.saturating_add(zone)).unwrap_or(0));
    time.to_string().replace('T', " ").chars().take(length).collect()
}

fn json_line(columns: &[&str], row: &[Datum]) -> String {
    let members = columns.iter().zip(row).map(|(name, cell)| {
        let value = match cell {
            Datum::Null => serde_json::Value::Null,
            Datum::Int(number) => (*number).into(),
            Datum::Text(text) => text.as_str().into(),
        };
        format!("\"{name}\":{value}")
    });
    format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
}

/// As the pages write CSV (RFC 4180).
fn csv_line(columns: &[&str], row: &[Datum]) -> String {
    let cells = columns.iter().zip(row).map(|(name, cell)| match cell {
        Datum::Null => String::new(),
        Datum::Int(micros) if TIMES.contains(name) => local(*micros, 23),
        Datum::Int(number) => number.to_string(),
        Datum::Text(text) => {
            // A spreadsheet would take it for a formula; strangers choose these names.
            let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
            if text.contains(['"', ',', '\n', '\r']) {
                format!("\"{formula}{}\"", text.replace('"', "\"\""))
            } else {
                format!("{formula}{text}")
            }
        }
    });
    format!("{}\r\n", cells.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_marked_below_the_query() {
        let lines = |query: &str| {
            let mistake = parse(query, view("sessions").unwrap()).unwrap_err();
            told(query, &mistake).to_string()
        };
        let wrong = "column 19: \"10Q\" is no size; one is like 10M";
        let query = "app:YouTube bytes>10Q";
        assert_eq!(lines(query), format!("{wrong}\n  {query}\n  {:18}^^^", ""));
        assert!(lines("视频 port:x").ends_with(&format!("\n  {:10}^", "")));
        assert_eq!(lines(&"a ".repeat(150)).lines().count(), 1);
    }

    #[test]
    fn what_strangers_chose_is_harmless_in_every_format() {
        let row = [Datum::Text("=1+\"\u{1b}[2J\n\u{202e}".into()), Datum::Null, Datum::Int(7)];
        let columns = ["host", "app", "bytes_in"];
        assert_eq!(
            json_line(&columns, &row),
            "{\"host\":\"=1+\\\"\\u001b[2J\\n\u{202e}\",\"app\":null,\"bytes_in\":7}\n"
        );
        assert_eq!(csv_line(&columns, &row), "\"'=1+\"\"\u{1b}[2J\n\u{202e}\",,7\r\n");
        assert!(!shown("host", &row[0]).chars().any(|c| c.is_control() || c == '\u{202e}'));
        assert_eq!(shown("host", &Datum::Text("a".repeat(99))).chars().count(), WIDEST + 1);
        assert_eq!(shown("app", &row[1]), "-");
    }
}
