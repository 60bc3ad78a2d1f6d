//! The tables as SQL, in both dialects, and as the JSON that the pages read.

use std::fmt::Write;

use super::column::{Column, Kind, Merge, Table};
use super::{ROLLUPS, TABLES};

/// The schema's version, kept in the database. A new table or column needs no
/// step of its own: the stores add what is missing and raise the number.
pub const VERSION: u32 = 2;

/// Which database the SQL is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Sqlite,
    Mariadb,
}

/// Bytes from which on a store is large. Below, pages look at the newest rows and find
/// what there is; indexes would take a third more room and write ten times as much.
pub const LARGE: u64 = 1 << 30;

/// How much a store may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    Small,
    /// With indexes for what the pages look for.
    Large,
}

impl Size {
    /// Of a store of at most so many bytes.
    pub fn of(bytes: u64) -> Size {
        if bytes < LARGE { Size::Small } else { Size::Large }
    }
}

/// Characters of a name that are in an index of MariaDB, which takes 3,072 bytes: a
/// few names may begin alike, and are told apart in their rows.
const INDEXED_CHARACTERS: u16 = 191;

impl Dialect {
    /// `column` as a part of an index.
    fn part(self, column: &Column) -> String {
        match (self, column.kind) {
            (Dialect::Mariadb, Kind::Text(length)) if length > INDEXED_CHARACTERS => {
                format!("{}({INDEXED_CHARACTERS})", self.quote(column.name))
            }
            _ => self.quote(column.name),
        }
    }

    /// `name` as an identifier: some of ours are keywords elsewhere.
    fn quote(self, name: &str) -> String {
        match self {
            Dialect::Sqlite => format!("\"{name}\""),
            Dialect::Mariadb => format!("`{name}`"),
        }
    }

    fn kind(self, kind: Kind) -> String {
        match (self, kind) {
            (Dialect::Sqlite, Kind::Int(_)) => "INTEGER".into(),
            (Dialect::Sqlite, Kind::Text(_) | Kind::Long) => "TEXT".into(),
            (Dialect::Mariadb, Kind::Int(64)) => "BIGINT".into(),
            (Dialect::Mariadb, Kind::Int(32)) => "INT UNSIGNED".into(),
            (Dialect::Mariadb, Kind::Int(16)) => "SMALLINT UNSIGNED".into(),
            (Dialect::Mariadb, Kind::Int(_)) => "TINYINT UNSIGNED".into(),
            (Dialect::Mariadb, Kind::Text(length)) => format!("VARCHAR({length})"),
            (Dialect::Mariadb, Kind::Long) => "MEDIUMTEXT".into(),
        }
    }

    fn column(self, column: &Column) -> String {
        let null = if column.null { "" } else { " NOT NULL" };
        format!("{} {}{null}", self.quote(column.name), self.kind(column.kind))
    }
}

/// Statements that make `table` with its indexes where they are not there yet.
pub fn create(table: &Table, dialect: Dialect) -> Vec<String> {
    let name = dialect.quote(table.name);
    let columns: Vec<_> = table.columns.iter().map(|column| dialect.column(column)).collect();
    let keys: Vec<_> = table.columns[..table.keys].iter().map(|key| dialect.quote(key.name)).collect();
    let keys = keys.join(", ");
    let (key_text, tail) = match dialect {
        // An integer key is SQLite's own row number: no second tree.
        Dialect::Sqlite if table.keys == 1 && matches!(table.columns[0].kind, Kind::Int(_)) => {
            (String::new(), "")
        }
        Dialect::Sqlite => (format!(", PRIMARY KEY ({keys})"), " WITHOUT ROWID"),
        Dialect::Mariadb => {
            (format!(", PRIMARY KEY ({keys})"), " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin")
        }
    };
    let mut columns = columns.join(", ");
    if key_text.is_empty() {
        columns = columns.replacen(" NOT NULL", " PRIMARY KEY", 1);
    }
    let mut statements = vec![format!("CREATE TABLE IF NOT EXISTS {name} ({columns}{key_text}){tail}")];
    for index in table.indexes {
        let (index_name, column) = (dialect.quote(&format!("{}_{index}", table.name)), dialect.quote(index));
        statements.push(format!("CREATE INDEX IF NOT EXISTS {index_name} ON {name} ({column})"));
    }
    statements
}

/// Statements that make the indexes of a large store where they are not there yet,
/// which takes a minute for ten million rows, and drop them where it is small.
pub fn search_indexes(table: &Table, dialect: Dialect, size: Size) -> Vec<String> {
    table.searched.iter().map(|column| searched(table, column, dialect, size)).collect()
}

/// The index by `column` of a large store. Behind it stands what rows are shown in
/// the order of; where that is the key, databases put it there by themselves.
fn searched(table: &Table, column: &str, dialect: Dialect, size: Size) -> String {
    let (name, of) = (dialect.quote(&format!("{}_{column}", table.name)), dialect.quote(table.name));
    let is_part = |part: &&Column| part.name == column || table.indexes.contains(&part.name);
    let mut parts: Vec<_> = table.columns.iter().filter(is_part).collect();
    parts.sort_by_key(|part| part.name != column);
    let parts: Vec<_> = parts.into_iter().map(|part| dialect.part(part)).collect();
    match (size, dialect) {
        (Size::Large, _) => format!("CREATE INDEX IF NOT EXISTS {name} ON {of} ({})", parts.join(", ")),
        (Size::Small, Dialect::Sqlite) => format!("DROP INDEX IF EXISTS {name}"),
        (Size::Small, Dialect::Mariadb) => format!("DROP INDEX IF EXISTS {name} ON {of}"),
    }
}

/// The statement that adds `column` to a `table` of an older version.
pub fn add_column(table: &Table, column: &Column, dialect: Dialect) -> String {
    let default = match (column.null, column.kind) {
        (true, _) => "",
        (false, Kind::Int(_)) => " DEFAULT 0",
        (false, _) => " DEFAULT ''",
    };
    format!("ALTER TABLE {} ADD COLUMN {}{default}", dialect.quote(table.name), dialect.column(column))
}

/// The statement that writes `rows` rows, each over the one with its key.
///
/// Where a table says when something was seen last, an older row leaves a
/// newer one alone. So a batch that is sent twice, or a capture that is read
/// again, changes nothing.
pub fn upsert(table: &Table, rows: usize, dialect: Dialect) -> String {
    let names: Vec<_> = table.columns.iter().map(|column| dialect.quote(column.name)).collect();
    let one = format!("({})", vec!["?"; names.len()].join(","));
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", dialect.quote(table.name), names.join(","));
    sql.push_str(&vec![one.as_str(); rows].join(","));
    let last = table.columns.iter().find(|column| column.name == "last");
    match dialect {
        Dialect::Sqlite => {
            let _ = write!(sql, " ON CONFLICT ({}) DO UPDATE SET ", names[0]);
        }
        Dialect::Mariadb => sql.push_str(" ON DUPLICATE KEY UPDATE "),
    }
    // MariaDB assigns from left to right: `last`, which the others look at, comes last.
    let mut columns: Vec<_> = table.columns[1..].iter().collect();
    columns.sort_by_key(|column| column.name == "last");
    for (n, column) in columns.into_iter().enumerate() {
        let name = dialect.quote(column.name);
        let (new, least) = match dialect {
            Dialect::Sqlite => (format!("excluded.{name}"), "MIN"),
            Dialect::Mariadb => (format!("VALUES({name})"), "LEAST"),
        };
        let merged = match column.merge {
            Merge::Newer => new,
            Merge::Least => format!("{least}({name},{new})"),
            Merge::Known => format!("COALESCE({new},{name})"),
        };
        let comma = if n == 0 { "" } else { "," };
        let _ = match (dialect, last) {
            (Dialect::Mariadb, Some(_)) => {
                write!(sql, "{comma}{name}=IF(VALUES(`last`)>=`last`,{merged},{name})")
            }
            _ => write!(sql, "{comma}{name}={merged}"),
        };
    }
    if let (Dialect::Sqlite, Some(_)) = (dialect, last) {
        let _ = write!(sql, " WHERE excluded.\"last\">={}.\"last\"", dialect.quote(table.name));
    }
    sql
}

/// All tables, for `web-ta/schema.json`: the pages take the version that they
/// know from it, and who uses an export finds there what a column means.
pub fn schema_json() -> serde_json::Value {
    let tables: serde_json::Map<_, _> = TABLES
        .iter()
        .chain(ROLLUPS)
        .map(|table| {
            let columns: Vec<_> = table
                .columns
                .iter()
                .map(|column| {
                    let kind = if matches!(column.kind, Kind::Int(_)) { "int" } else { "text" };
                    serde_json::json!({"name": column.name, "kind": kind, "doc": words(column.doc)})
                })
                .collect();
            (table.name.to_owned(), serde_json::json!({"doc": words(table.doc), "columns": columns}))
        })
        .collect();
    serde_json::json!({"version": VERSION, "tables": tables})
}

/// A doc comment's lines as one.
fn words(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Dns, Health, Session, Thing};

    /// A table with a few of the columns of devices, one of each merge.
    fn few() -> Table {
        const ALL: &[Column] = Thing::TABLE.columns;
        const FEW: &[Column] = &[ALL[0], ALL[1], ALL[ALL.len() - 2], ALL[ALL.len() - 1]];
        Table { columns: FEW, ..Thing::TABLE }
    }

    #[test]
    fn a_table_reads_the_same_in_both_dialects() {
        let sqlite = create(&Health::TABLE, Dialect::Sqlite);
        assert_eq!(
            sqlite,
            [
                "CREATE TABLE IF NOT EXISTS \"health\" (\"id\" INTEGER PRIMARY KEY, \"time\" INTEGER NOT NULL, \
              \"stage\" TEXT NOT NULL, \"offered\" INTEGER NOT NULL, \"lost\" INTEGER NOT NULL, \
              \"flash_bytes\" INTEGER NOT NULL, \"flash_held\" INTEGER NOT NULL)"
            ]
        );
        let mariadb = create(&few(), Dialect::Mariadb);
        assert_eq!(
            mariadb,
            ["CREATE TABLE IF NOT EXISTS `device` (`device` VARCHAR(45) NOT NULL, `mac` VARCHAR(17), \
              `first` BIGINT NOT NULL, `last` BIGINT NOT NULL, \
              PRIMARY KEY (`device`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"]
        );
        assert_eq!(
            create(&Session::TABLE, Dialect::Sqlite)[1],
            "CREATE INDEX IF NOT EXISTS \"session_last\" ON \"session\" (\"last\")"
        );
    }

    #[test]
    fn a_large_store_finds_rows_by_names() {
        let of = |dialect, size| search_indexes(&Session::TABLE, dialect, size);
        assert_eq!(
            of(Dialect::Sqlite, Size::of(LARGE))[2],
            "CREATE INDEX IF NOT EXISTS \"session_host\" ON \"session\" (\"host\", \"last\")"
        );
        assert_eq!(
            of(Dialect::Mariadb, Size::Large)[2],
            "CREATE INDEX IF NOT EXISTS `session_host` ON `session` (`host`(191), `last`)"
        );
        assert_eq!(
            search_indexes(&Dns::TABLE, Dialect::Mariadb, Size::Large)[0],
            "CREATE INDEX IF NOT EXISTS `dns_device` ON `dns` (`device`)"
        );
        assert_eq!(of(Dialect::Sqlite, Size::of(16 << 20))[0], "DROP INDEX IF EXISTS \"session_device\"");
    }

    #[test]
    fn what_is_searched_are_columns() {
        for table in TABLES {
            for name in table.searched {
                assert!(table.columns.iter().any(|column| column.name == *name), "{}.{name}", table.name);
            }
        }
    }

    #[test]
    fn the_pages_know_this_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/web-ta/schema.json");
        let expected = format!("{:#}\n", schema_json());
        if std::env::var_os("WEIR_UPDATE").is_some() {
            std::fs::write(path, expected).unwrap();
        } else {
            let known = std::fs::read_to_string(path).unwrap();
            assert!(known == expected, "run WEIR_UPDATE=1 cargo test schema");
        }
    }

    #[test]
    fn an_older_row_leaves_a_newer_one_alone() {
        let sqlite = upsert(&few(), 1, Dialect::Sqlite);
        assert_eq!(
            sqlite,
            "INSERT INTO \"device\" (\"device\",\"mac\",\"first\",\"last\") VALUES (?,?,?,?) \
             ON CONFLICT (\"device\") DO UPDATE SET \"mac\"=COALESCE(excluded.\"mac\",\"mac\"),\
             \"first\"=MIN(\"first\",excluded.\"first\"),\"last\"=excluded.\"last\" \
             WHERE excluded.\"last\">=\"device\".\"last\""
        );
        let mariadb = upsert(&few(), 2, Dialect::Mariadb);
        assert!(mariadb.contains("VALUES (?,?,?,?),(?,?,?,?) ON DUPLICATE KEY UPDATE"), "{mariadb}");
        assert!(mariadb.ends_with("`last`=IF(VALUES(`last`)>=`last`,VALUES(`last`),`last`)"), "{mariadb}");
    }
}
