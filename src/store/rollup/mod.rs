//! Volumes by minute become those by hour, these by day, these by month.
//!
//! A row is always in one table only: folding moves it. So what all tables
//! hold together is what was counted, whenever the power goes, and a page adds
//! them up. The statements are the same for both databases, but for a few words.

mod calendar;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

pub use calendar::{Step, Zone, utc};

use crate::record::{Dialect, Id, Record};
use crate::time::Time;

/// Rows moved in one transaction: the pages must be able to read in between,
/// and a router's memory is small.
const AT_ONCE: i64 = 5_000;

/// Rows of a minute come this long after it at the latest.
const WRITTEN_AFTER: Duration = Duration::from_secs(3_600);

/// How long volumes stay in which step.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub minutes: Duration,
    pub hours: Duration,
    pub days: Duration,
    pub months: Duration,
    /// Pairs of a device and an app in one hour, day or month: the smallest of
    /// more are one row.
    pub max_pairs: u32,
    /// The part of a full database that they may have, of 100.
    pub share: u32,
    /// Days and hours are those of this zone.
    pub zone: Zone,
}

/// What folding asks of a database. Parameters are whole numbers.
pub trait Sql {
    type Error;

    fn dialect(&self) -> Dialect;
    /// Runs a statement; returns how many rows it changed.
    fn run(&mut self, sql: &str, params: &[i64]) -> Result<u64, Self::Error>;
    /// The first column of the first row; none when there is no row or it is NULL.
    fn number(&mut self, sql: &str, params: &[i64]) -> Result<Option<i64>, Self::Error>;
    /// The first column of all rows.
    fn texts(&mut self, sql: &str, params: &[i64]) -> Result<Vec<String>, Self::Error>;
    fn add_name(&mut self, id: i64, name: &str) -> Result<(), Self::Error>;
}

const COUNTS: [&str; 5] = ["bytes_out", "bytes_in", "packets", "sessions", "active_seconds"];

/// The steps that rows leave, with those that they go to.
const FOLDS: [(Step, Step); 3] =
    [(Step::Minute, Step::Hour), (Step::Hour, Step::Day), (Step::Day, Step::Month)];

impl Step {
    fn table(self) -> &'static str {
        match self {
            Step::Minute => "traffic",
            Step::Hour => "traffic_hour",
            Step::Day => "traffic_day",
            Step::Month => "traffic_month",
        }
    }

    /// The step above.
    fn upper(self) -> Step {
        FOLDS.iter().find(|(from, _)| *from == self).map_or(Step::Month, |(_, to)| *to)
    }
}

/// As the tables of roll-ups have a time: minutes since 1970.
fn minutes(time: Time) -> i64 {
    (time.secs() / 60) as i64
}

fn from_minutes(minutes: i64) -> Time {
    Time::from_secs(u64::try_from(minutes).unwrap_or(0).saturating_mul(60))
}

/// Folds what is older than `plan` keeps it; returns how many rows left their step.
pub fn fold<S: Sql>(sql: &mut S, plan: &Plan, now: Time) -> Result<u64, S::Error> {
    let mut moved = 0;
    for ((from, to), keep) in FOLDS.into_iter().zip([plan.minutes, plan.hours, plan.days]) {
        // Whole hours, days and months, so that none is written a second time.
        moved += fold_before(sql, plan, from, to.begin(now.back(keep.max(WRITTEN_AFTER)), plan.zone))?;
    }
    let oldest = minutes(Step::Month.begin(now.back(plan.months), plan.zone));
    Ok(moved + sql.run("DELETE FROM traffic_month WHERE time < ?", &[oldest])?)
}

/// Minutes before `time`, but not those that are still being written at `now`.
pub fn fold_minutes<S: Sql>(sql: &mut S, plan: &Plan, time: Time, now: Time) -> Result<u64, S::Error> {
    let limit = Step::Hour.begin(time.min(now.back(WRITTEN_AFTER)), plan.zone);
    fold_before(sql, plan, Step::Minute, limit)
}

fn fold_before<S: Sql>(sql: &mut S, plan: &Plan, from: Step, limit: Time) -> Result<u64, S::Error> {
    let mut moved = 0;
    while let Some(oldest) = oldest(sql, from)?.filter(|oldest| *oldest < limit) {
        moved += fold_bucket(sql, plan, from, oldest)?.0;
    }
    Ok(moved)
}

/// The time of the oldest row of a step.
fn oldest<S: Sql>(sql: &mut S, step: Step) -> Result<Option<Time>, S::Error> {
    Ok(match step {
        Step::Minute => sql.number("SELECT MIN(id) FROM traffic", &[])?.map(|id| Id::from_number(id).time()),
        _ => {
            let text = format!("SELECT MIN(time) FROM {}", step.table());
            sql.number(&text, &[])?.map(from_minutes)
        }
    })
}

/// Moves all rows of `from` that go where its row of `oldest` goes. Returns how
/// many left, and how many there are now in their place.
fn fold_bucket<S: Sql>(sql: &mut S, plan: &Plan, from: Step, oldest: Time) -> Result<(u64, u64), S::Error> {
    let to = from.upper();
    let bucket = to.begin(oldest, plan.zone);
    let end = to.next(bucket, plan.zone).max(oldest + Duration::from_secs(60));
    // Names that come with it can be nowhere else.
    let known = sql.number("SELECT MAX(id) FROM rollup_name", &[])?.unwrap_or(0);
    let mut moved = 0;
    loop {
        let part = whole(sql, |sql| move_part(sql, plan, from, (bucket, end), known))?;
        moved += part;
        if part == 0 {
            break;
        }
    }
    whole(sql, |sql| {
        if merge_smallest(sql, to, bucket, plan.max_pairs)? {
            drop_names(sql)?;
        }
        Ok(())
    })?;
    Ok((moved, count_bucket(sql, to, bucket)?))
}

/// Does `work` as one transaction.
pub fn whole<S: Sql, T>(
    sql: &mut S,
    work: impl FnOnce(&mut S) -> Result<T, S::Error>,
) -> Result<T, S::Error> {
    let begin = match sql.dialect() {
        // For writing from the begin: one that only read so far could not wait its turn.
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Mariadb => "START TRANSACTION",
    };
    sql.run(begin, &[])?;
    let done = work(sql);
    match done {
        Ok(value) => sql.run("COMMIT", &[]).map(|_| value),
        Err(error) => {
            // What went wrong is to be told, not that this did too.
            let _ = sql.run("ROLLBACK", &[]);
            Err(error)
        }
    }
}

/// Moves some of the rows before `end` to the bucket that begins at `begin`: of the
/// minutes a number, of hours and days those of one. Names above `known` came with
/// this bucket.
fn move_part<S: Sql>(
    sql: &mut S,
    plan: &Plan,
    from: Step,
    (begin, end): (Time, Time),
    known: i64,
) -> Result<u64, S::Error> {
    let to = from.upper();
    let (table, bucket) = (to.table(), minutes(begin));
    let add = add(sql.dialect(), table);
    let counts = COUNTS.join(", ");
    if from != Step::Minute {
        let source = from.table();
        let oldest =
            sql.number(&format!("SELECT MIN(time) FROM {source} WHERE time < ?"), &[minutes(end)])?;
        let Some(oldest) = oldest else { return Ok(0) };
        let insert = format!(
            "INSERT INTO {table} (time, device, app, {counts}) \
             SELECT ?, device, app, {counts} FROM {source} WHERE time = ? {add}"
        );
        sql.run(&insert, &[bucket, oldest])?;
        return sql.run(&format!("DELETE FROM {source} WHERE time = ?"), &[oldest]);
    }
    let end = Id::first_at(end).number();
    // A network under attack has more in an hour than there is memory for.
    let next =
        sql.number("SELECT id FROM traffic WHERE id < ? ORDER BY id LIMIT 1 OFFSET ?", &[end, AT_ONCE])?;
    let end = next.unwrap_or(end);
    for column in ["device", "app"] {
        add_names(sql, column, end)?;
    }
    let sums = COUNTS.map(|column| sum(sql.dialect(), &format!("t.{column}")));
    // Grouped by the numbers alone: the names are looked up once for each pair.
    let insert = format!(
        "INSERT INTO {table} (time, device, app, {counts}) \
         SELECT ?, d.id, COALESCE(a.id, 0), {sums} FROM traffic t \
         JOIN rollup_name d ON d.name = t.device LEFT JOIN rollup_name a ON a.name = t.app \
         WHERE t.id < ? GROUP BY d.id, COALESCE(a.id, 0) {add}",
        sums = sums.join(", ")
    );
    sql.run(&insert, &[bucket, end])?;
    if merge_smallest(sql, to, begin, plan.max_pairs)? {
        let used = ["device", "app"].map(|column| format!("SELECT {column} FROM {table} WHERE time = ?"));
        let drop = format!("DELETE FROM rollup_name WHERE id > ? AND id NOT IN ({})", used.join(" UNION "));
        sql.run(&drop, &[known, bucket, bucket])?;
    }
    sql.run("DELETE FROM traffic WHERE id < ?", &[end])
}

/// MariaDB's sums are decimals.
fn sum(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("SUM({column})"),
        Dialect::Mariadb => format!("CAST(SUM({column}) AS SIGNED)"),
    }
}

/// What makes an INSERT into `table` add to the row that is there.
fn add(dialect: Dialect, table: &str) -> String {
    let sums = COUNTS.map(|column| match dialect {
        Dialect::Sqlite => format!("{column} = {table}.{column} + excluded.{column}"),
        Dialect::Mariadb => format!("{column} = {table}.{column} + VALUES({column})"),
    });
    let begin = match dialect {
        Dialect::Sqlite => "ON CONFLICT (time, device, app) DO UPDATE SET",
        Dialect::Mariadb => "ON DUPLICATE KEY UPDATE",
    };
    format!("{begin} {}", sums.join(", "))
}

/// Gives numbers to the names of rows before `end` that have none, in an order
/// that does not depend on the database.
fn add_names<S: Sql>(sql: &mut S, column: &str, end: i64) -> Result<(), S::Error> {
    let select = format!(
        "SELECT DISTINCT {column} FROM traffic WHERE id < ? AND {column} IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM rollup_name WHERE name = {column}) ORDER BY {column}"
    );
    let names = sql.texts(&select, &[end])?;
    if names.is_empty() {
        return Ok(());
    }
    let last = sql.number("SELECT MAX(id) FROM rollup_name", &[])?.unwrap_or(0);
    for (name, id) in names.iter().zip(last + 1..) {
        sql.add_name(id, name)?;
    }
    Ok(())
}

/// The smallest rows of a bucket with too many become one, which has neither
/// a device nor an app: an attack must not fill the database, and the sums stay.
/// Tells whether there were too many.
fn merge_smallest<S: Sql>(sql: &mut S, step: Step, bucket: Time, max: u32) -> Result<bool, S::Error> {
    let pairs = count_bucket(sql, step, bucket)?;
    if pairs <= u64::from(max) {
        return Ok(false);
    }
    let (table, bucket) = (step.table(), minutes(bucket));
    let many = i64::try_from(pairs - u64::from(max)).unwrap_or(i64::MAX).saturating_add(1);
    let smallest = format!(
        "FROM {table} WHERE time = ? AND device > 0 ORDER BY bytes_out + bytes_in, device, app LIMIT ?"
    );
    let sums = COUNTS.map(|column| sum(sql.dialect(), column)).join(", ");
    let counts = COUNTS.join(", ");
    let insert = format!(
        "INSERT INTO {table} (time, device, app, {counts}) \
         SELECT ?, 0, 0, {sums} FROM (SELECT {counts} {smallest}) AS smallest WHERE 1 = 1 {add}",
        add = add(sql.dialect(), table)
    );
    sql.run(&insert, &[bucket, bucket, many])?;
    let delete = match sql.dialect() {
        Dialect::Sqlite => {
            format!("DELETE FROM {table} WHERE (time, device, app) IN (SELECT time, device, app {smallest})")
        }
        Dialect::Mariadb => format!("DELETE {smallest}"),
    };
    sql.run(&delete, &[bucket, many])?;
    Ok(true)
}

/// Forgets names that no row has.
fn drop_names<S: Sql>(sql: &mut S) -> Result<(), S::Error> {
    let tables = [Step::Hour, Step::Day, Step::Month].map(Step::table);
    let used = ["device", "app"]
        .map(|column| tables.map(|table| format!("SELECT {column} FROM {table}")).join(" UNION "));
    sql.run(&format!("DELETE FROM rollup_name WHERE id NOT IN ({})", used.join(" UNION ")), &[])?;
    Ok(())
}

fn count_bucket<S: Sql>(sql: &mut S, step: Step, bucket: Time) -> Result<u64, S::Error> {
    let text = format!("SELECT COUNT(*) FROM {} WHERE time = ?", step.table());
    Ok(sql.number(&text, &[minutes(bucket)])?.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Rows of all roll-ups.
pub fn rows<S: Sql>(sql: &mut S) -> Result<u64, S::Error> {
    let mut rows = 0;
    for step in [Step::Hour, Step::Day, Step::Month] {
        let count = sql.number(&format!("SELECT COUNT(*) FROM {}", step.table()), &[])?.unwrap_or(0);
        rows += u64::try_from(count).unwrap_or(0);
    }
    Ok(rows)
}

/// Makes the roll-ups as few as `max` rows, for a database that is too large:
/// hours become days before their time, then days months, and then the oldest go.
/// Returns how many rows left their step.
pub fn squeeze<S: Sql>(sql: &mut S, plan: &Plan, now: Time, max: u64) -> Result<u64, S::Error> {
    let (mut rows, mut moved) = (rows(sql)?, 0);
    let folds = [(Step::Hour, Duration::from_secs(86_400)), (Step::Day, Duration::from_secs(31 * 86_400))];
    for (step, newest) in folds {
        let limit = step.upper().begin(now.back(newest), plan.zone);
        while rows > max {
            let Some(oldest) = oldest(sql, step)?.filter(|oldest| *oldest < limit) else { break };
            let (left, there) = fold_bucket(sql, plan, step, oldest)?;
            rows = rows.saturating_sub(left.saturating_sub(there));
            moved += left;
        }
    }
    for step in [Step::Month, Step::Day, Step::Hour] {
        while rows > max {
            let Some(oldest) = oldest(sql, step)? else { break };
            let delete = format!("DELETE FROM {} WHERE time = ?", step.table());
            let left = sql.run(&delete, &[minutes(oldest)])?;
            rows = rows.saturating_sub(left);
            moved += left;
        }
    }
    Ok(moved)
}

/// Volumes are taken once: which minutes of `records` lie in hours that are
/// folded already, as those of a batch that is sent twice or a capture that is
/// read again. To be called within the transaction that writes them.
pub fn late<S: Sql>(sql: &mut S, zone: Zone, records: &[Record]) -> Result<Late, S::Error> {
    let minutes = records.iter().filter_map(|record| match record {
        Record::Traffic(row) => Some(row.time),
        _ => None,
    });
    let mut late = Late { zone, hours: BTreeMap::new() };
    let Some(first) = minutes.clone().min() else { return Ok(late) };
    let mut newest = Time::ZERO;
    for (step, longest) in [(Step::Hour, 60), (Step::Day, 25 * 60), (Step::Month, 31 * 24 * 60 + 60)] {
        let last = sql.number(&format!("SELECT MAX(time) FROM {}", step.table()), &[])?;
        newest = newest.max(last.map_or(Time::ZERO, |last| from_minutes(last + longest)));
    }
    if first >= newest {
        return Ok(late);
    }
    for time in minutes.filter(|time| *time < newest) {
        let hour = Step::Hour.begin(time, zone);
        if let Entry::Vacant(entry) = late.hours.entry(hour) {
            entry.insert(is_folded(sql, zone, hour)?);
        }
    }
    Ok(late)
}

fn is_folded<S: Sql>(sql: &mut S, zone: Zone, hour: Time) -> Result<bool, S::Error> {
    for step in [Step::Hour, Step::Day, Step::Month] {
        if count_bucket(sql, step, step.begin(hour, zone))? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Minutes that come too late to be counted.
pub struct Late {
    zone: Zone,
    /// Hours, and whether they are folded.
    hours: BTreeMap<Time, bool>,
}

impl Late {
    /// Whether `record` is not to be written.
    pub fn has(&self, record: &Record) -> bool {
        match record {
            Record::Traffic(row) if !self.hours.is_empty() => {
                self.hours.get(&Step::Hour.begin(row.time, self.zone)).copied().unwrap_or(false)
            }
            _ => false,
        }
    }
}
