//! The rows of one hour, day or month in a table of roll-ups.

use super::{COUNTS, Sql, Step, sum};
use crate::record::Dialect;

/// Rows with the same `values` in the first columns of a table, `keys`. Behind these
/// come device and app, with which a row is one alone, and the counts.
pub struct Bucket {
    pub table: &'static str,
    keys: &'static [&'static str],
    values: Vec<i64>,
}

impl Bucket {
    /// Of the table of `step`, from `time` in minutes.
    pub fn of(step: Step, time: i64) -> Bucket {
        Bucket { table: step.table(), keys: &["time"], values: vec![time] }
    }

    /// Of `traffic_sum`.
    pub fn of_sums(step: i64, kind: i64, time: i64) -> Bucket {
        Bucket { table: "traffic_sum", keys: &["step", "kind", "time"], values: vec![step, kind, time] }
    }

    /// What its rows are found by; the parameters are [`values`](Bucket::values).
    pub fn condition(&self) -> String {
        self.keys.iter().map(|key| format!("{key} = ?")).collect::<Vec<_>>().join(" AND ")
    }

    pub fn values(&self) -> &[i64] {
        &self.values
    }

    pub fn count<S: Sql>(&self, sql: &mut S) -> Result<u64, S::Error> {
        let text = format!("SELECT COUNT(*) FROM {} WHERE {}", self.table, self.condition());
        Ok(sql.number(&text, &self.values)?.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Deletes all rows; returns how many there were.
    pub fn clear<S: Sql>(&self, sql: &mut S) -> Result<u64, S::Error> {
        sql.run(&format!("DELETE FROM {} WHERE {}", self.table, self.condition()), &self.values)
    }

    /// Adds rows to those that are there: `select` gives device, app and the counts.
    pub fn add<S: Sql>(&self, sql: &mut S, select: &str, params: &[i64]) -> Result<u64, S::Error> {
        let (keys, counts) = (self.keys.join(", "), COUNTS.join(", "));
        let marks = vec!["?"; self.keys.len()].join(", ");
        let insert = format!(
            "INSERT INTO {table} ({keys}, device, app, {counts}) \
             SELECT {marks}, device, app, {counts} FROM ({select}) AS added WHERE 1 = 1 {upsert}",
            table = self.table,
            upsert = self.upsert(sql.dialect())
        );
        sql.run(&insert, &[&self.values, params].concat())
    }

    /// What makes an INSERT add to the row that is there.
    fn upsert(&self, dialect: Dialect) -> String {
        let table = self.table;
        let sums = COUNTS.map(|column| match dialect {
            Dialect::Sqlite => format!("{column} = {table}.{column} + excluded.{column}"),
            Dialect::Mariadb => format!("{column} = {table}.{column} + VALUES({column})"),
        });
        let begin = match dialect {
            Dialect::Sqlite => {
                format!("ON CONFLICT ({}, device, app) DO UPDATE SET", self.keys.join(", "))
            }
            Dialect::Mariadb => "ON DUPLICATE KEY UPDATE".to_owned(),
        };
        format!("{begin} {}", sums.join(", "))
    }

    /// The smallest rows of a bucket with more than `max` become one, which has neither
    /// a device nor an app: an attack must not fill the database, and the sums stay.
    /// Tells whether there were too many.
    pub fn merge_smallest<S: Sql>(&self, sql: &mut S, max: u32) -> Result<bool, S::Error> {
        let pairs = self.count(sql)?;
        if pairs <= u64::from(max) {
            return Ok(false);
        }
        let (table, counts) = (self.table, COUNTS.join(", "));
        let many = i64::try_from(pairs - u64::from(max)).unwrap_or(i64::MAX).saturating_add(1);
        let smallest = format!(
            "FROM {table} WHERE {} AND device > 0 ORDER BY bytes_out + bytes_in, device, app LIMIT ?",
            self.condition()
        );
        let params = [&self.values[..], &[many]].concat();
        let sums = COUNTS.map(|column| format!("{} AS {column}", sum(sql.dialect(), column))).join(", ");
        let select =
            format!("SELECT 0 AS device, 0 AS app, {sums} FROM (SELECT {counts} {smallest}) AS smallest");
        self.add(sql, &select, &params)?;
        let delete = match sql.dialect() {
            Dialect::Sqlite => {
                let keys = format!("{}, device, app", self.keys.join(", "));
                format!("DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} {smallest})")
            }
            Dialect::Mariadb => format!("DELETE {smallest}"),
        };
        sql.run(&delete, &params)?;
        Ok(true)
    }
}
