//! Volumes by minute become those by hour, these by day, these by month.
//!
//! A row is always in one table only: folding moves it. So what all tables
//! hold together is what was counted, whenever the power goes, and a page adds
//! them up, or reads the [`sums`] that are made of them. The statements are the same for both databases, but for a few words.

mod bucket;
mod calendar;
pub mod sums;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use bucket::Bucket;
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
    whole(sql, |sql| {
        sums::deleted(sql, Step::Month, (0, oldest))?;
        Ok(moved + sql.run("DELETE FROM traffic_month WHERE time < ?", &[oldest])?)
    })
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
/// many left, sums among them, and how many there are now in their place.
fn fold_bucket<S: Sql>(sql: &mut S, plan: &Plan, from: Step, oldest: Time) -> Result<(u64, u64), S::Error> {
    let to = from.upper();
    let begin = to.begin(oldest, plan.zone);
    let end = to.next(begin, plan.zone).max(oldest + Duration::from_secs(60));
    let bucket = Bucket::of(to, minutes(begin));
    // Names that come with it can be nowhere else.
    let known = sql.number("SELECT MAX(id) FROM rollup_name", &[])?.unwrap_or(0);
    let (mut moved, mut sums) = (0, 0);
    loop {
        let part = whole(sql, |sql| {
            let part = move_part(sql, plan, from, &bucket, end, known)?;
            if part > 0 && self::oldest(sql, from)?.is_none_or(|oldest| oldest >= end) {
                sums += sums::folded(sql, plan, to, (begin, end))?;
            }
            Ok(part)
        })?;
        moved += part;
        if part == 0 {
            break;
        }
    }
    whole(sql, |sql| {
        if bucket.merge_smallest(sql, plan.max_pairs)? {
            drop_names(sql)?;
        }
        Ok(())
    })?;
    Ok((moved + sums, bucket.count(sql)?))
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

/// Moves some of the rows before `end` to `bucket`: of the minutes a number, of hours
/// and days those of one. Names above `known` came with this bucket.
fn move_part<S: Sql>(
    sql: &mut S,
    plan: &Plan,
    from: Step,
    bucket: &Bucket,
    end: Time,
    known: i64,
) -> Result<u64, S::Error> {
    if from != Step::Minute {
        let source = from.table();
        let oldest =
            sql.number(&format!("SELECT MIN(time) FROM {source} WHERE time < ?"), &[minutes(end)])?;
        let Some(oldest) = oldest else { return Ok(0) };
        let counts = COUNTS.join(", ");
        bucket.add(sql, &format!("SELECT device, app, {counts} FROM {source} WHERE time = ?"), &[oldest])?;
        return sql.run(&format!("DELETE FROM {source} WHERE time = ?"), &[oldest]);
    }
    let end = Id::first_at(end).number();
    // A network under attack has more in an hour than there is memory for.
    let next =
        sql.number("SELECT id FROM traffic WHERE id < ? ORDER BY id LIMIT 1 OFFSET ?", &[end, AT_ONCE])?;
    let end = next.unwrap_or(end);
    add_minutes(sql, plan, bucket, (0, end), known)?;
    sql.run("DELETE FROM traffic WHERE id < ?", &[end])
}

/// Adds the minutes whose ids are within `ids` to `bucket`. Names above `known` came
/// with this bucket.
fn add_minutes<S: Sql>(
    sql: &mut S,
    plan: &Plan,
    bucket: &Bucket,
    ids: (i64, i64),
    known: i64,
) -> Result<(), S::Error> {
    for column in ["device", "app"] {
        add_names(sql, column, ids)?;
    }
    let sums = COUNTS.map(|column| format!("{} AS {column}", sum(sql.dialect(), &format!("t.{column}"))));
    // Grouped by the numbers alone: the names are looked up once for each pair.
    let select = format!(
        "SELECT d.id AS device, COALESCE(a.id, 0) AS app, {} FROM traffic t \
         JOIN rollup_name d ON d.name = t.device LEFT JOIN rollup_name a ON a.name = t.app \
         WHERE t.id >= ? AND t.id < ? GROUP BY d.id, COALESCE(a.id, 0)",
        sums.join(", ")
    );
    bucket.add(sql, &select, &[ids.0, ids.1])?;
    if bucket.merge_smallest(sql, plan.max_pairs)? {
        let used = ["device", "app"]
            .map(|column| format!("SELECT {column} FROM {} WHERE {}", bucket.table, bucket.condition()));
        let drop = format!("DELETE FROM rollup_name WHERE id > ? AND id NOT IN ({})", used.join(" UNION "));
        sql.run(&drop, &[&[known], bucket.values(), bucket.values()].concat())?;
    }
    Ok(())
}

/// MariaDB's sums are decimals.
fn sum(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("SUM({column})"),
        Dialect::Mariadb => format!("CAST(SUM({column}) AS SIGNED)"),
    }
}

/// Gives numbers to the names of rows within `ids` that have none, in an order
/// that does not depend on the database.
fn add_names<S: Sql>(sql: &mut S, column: &str, ids: (i64, i64)) -> Result<(), S::Error> {
    let select = format!(
        "SELECT DISTINCT {column} FROM traffic WHERE id >= ? AND id < ? AND {column} IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM rollup_name WHERE name = {column}) ORDER BY {column}"
    );
    let names = sql.texts(&select, &[ids.0, ids.1])?;
    if names.is_empty() {
        return Ok(());
    }
    let last = sql.number("SELECT MAX(id) FROM rollup_name", &[])?.unwrap_or(0);
    for (name, id) in names.iter().zip(last + 1..) {
        sql.add_name(id, name)?;
    }
    Ok(())
}

/// Forgets names that no row has.
fn drop_names<S: Sql>(sql: &mut S) -> Result<(), S::Error> {
    let tables = ["traffic_hour", "traffic_day", "traffic_month", "traffic_sum"];
    let used = ["device", "app"]
        .map(|column| tables.map(|table| format!("SELECT {column} FROM {table}")).join(" UNION "));
    sql.run(&format!("DELETE FROM rollup_name WHERE id NOT IN ({})", used.join(" UNION ")), &[])?;
    Ok(())
}

/// Rows of all roll-ups.
pub fn rows<S: Sql>(sql: &mut S) -> Result<u64, S::Error> {
    let mut rows = 0;
    for table in ["traffic_hour", "traffic_day", "traffic_month", "traffic_sum"] {
        let count = sql.number(&format!("SELECT COUNT(*) FROM {table}"), &[])?.unwrap_or(0);
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
            let oldest = minutes(oldest);
            let left = whole(sql, |sql| {
                sums::deleted(sql, step, (oldest, oldest + 1))?;
                Bucket::of(step, oldest).clear(sql)
            })?;
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
        if Bucket::of(step, minutes(step.begin(hour, zone))).count(sql)? > 0 {
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
