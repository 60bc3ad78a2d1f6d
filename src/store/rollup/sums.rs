//! Volumes added up by device, by app and by both, for each hour, day and month
//! that is over: a page about a month adds a few thousand rows up and not all
//! that the tables have of it.
//!
//! They are made of those tables, and again where these change, so that nothing is
//! lost with them. What changed has no kinds until then, and the pages read the
//! tables themselves. Of hours there are sums while they are kept by minute; by both
//! is kept while a table has nothing of the kind, and of a day by app only where this
//! saves much.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use super::{AT_ONCE, Bucket, COUNTS, Late, Plan, Sql, Step, add_minutes, from_minutes, minutes, sum, whole};
use crate::record::{Id, Record};
use crate::time::Time;

/// The steps, the lowest first: those above are made of those below.
const STEPS: [Step; 3] = [Step::Hour, Step::Day, Step::Month];

/// Kinds: bits of `traffic_summed.kinds`.
const BY_DEVICE: i64 = 1;
const BY_APP: i64 = 2;
const BY_BOTH: i64 = 4;

/// Rows come a little later than their time, and what is made is to stay.
const OVER_AFTER: Duration = Duration::from_secs(300);

/// Hours, days and months that are made at once: the next records wait for it.
const MADE_AT_ONCE: u32 = 64;

/// Fewer apps than this part of the pairs of a day are kept by themselves.
const WORTH: u64 = 8;

impl Step {
    /// As the column `step` has it.
    fn number(self) -> i64 {
        match self {
            Step::Minute => 0,
            Step::Hour => 1,
            Step::Day => 2,
            Step::Month => 3,
        }
    }

    fn below(self) -> Step {
        match self {
            Step::Month => Step::Day,
            Step::Day => Step::Hour,
            Step::Hour | Step::Minute => Step::Minute,
        }
    }
}

/// Makes what is over at `now`, and what changed, the newest first. Not all at once:
/// tells whether the next call has to go on.
pub fn make<S: Sql>(sql: &mut S, plan: &Plan, now: Time) -> Result<bool, S::Error> {
    for step in STEPS {
        plan_to_make(sql, plan, step, now)?;
    }
    for _ in 0..MADE_AT_ONCE {
        let Some((step, time)) = newest_to_make(sql)? else { return Ok(false) };
        let ends = "SELECT ends FROM traffic_summed WHERE step = ? AND time = ?";
        let ends = sql.number(ends, &[step.number(), time])?.unwrap_or(time);
        whole(sql, |sql| make_bucket(sql, plan, step, (time, ends)))?;
    }
    Ok(newest_to_make(sql)?.is_some())
}

/// Notes down the hours, days or months that are over since the last that was.
fn plan_to_make<S: Sql>(sql: &mut S, plan: &Plan, step: Step, now: Time) -> Result<(), S::Error> {
    let limit = minutes(now.back(OVER_AFTER));
    let last = sql.number("SELECT MAX(ends) FROM traffic_summed WHERE step = ?", &[step.number()])?;
    let mut done = last.unwrap_or(0);
    while let Some(row) = first_row(sql, step, done)? {
        // Another zone than before may have had some of it already.
        let begin = step.begin(from_minutes(row), plan.zone);
        let (time, ends) = (minutes(begin).max(done), minutes(step.next(begin, plan.zone)));
        if ends > limit || ends <= done {
            break;
        }
        let insert = "INSERT INTO traffic_summed (step, time, ends, kinds) VALUES (?, ?, ?, 0)";
        sql.run(insert, &[step.number(), time, ends])?;
        done = ends;
    }
    Ok(())
}

/// The time of the first row at `from` or later that the step is made of, in minutes.
fn first_row<S: Sql>(sql: &mut S, step: Step, from: i64) -> Result<Option<i64>, S::Error> {
    let id = Id::first_at(from_minutes(from)).number();
    let id = sql.number("SELECT MIN(id) FROM traffic WHERE id >= ?", &[id])?;
    let mut first = id.map(|id| minutes(Id::from_number(id).time()));
    for upper in STEPS.into_iter().filter(|upper| step != Step::Hour && *upper <= step) {
        let text = format!("SELECT MIN(time) FROM {} WHERE time >= ?", upper.table());
        first = [first, sql.number(&text, &[from])?].into_iter().flatten().min();
    }
    Ok(first)
}

/// All hours before any day, as days are made of them.
fn newest_to_make<S: Sql>(sql: &mut S) -> Result<Option<(Step, i64)>, S::Error> {
    for step in STEPS {
        let newest = "SELECT MAX(time) FROM traffic_summed WHERE step = ? AND kinds = 0";
        if let Some(time) = sql.number(newest, &[step.number()])? {
            return Ok(Some((step, time)));
        }
    }
    Ok(None)
}

fn make_bucket<S: Sql>(sql: &mut S, plan: &Plan, step: Step, range: (i64, i64)) -> Result<(), S::Error> {
    let (time, ends) = range;
    let [devices, apps, pairs] =
        [BY_DEVICE, BY_APP, BY_BOTH].map(|kind| Bucket::of_sums(step.number(), kind, time));
    for bucket in [&devices, &apps, &pairs] {
        bucket.clear(sql)?;
    }
    let text = format!("SELECT MIN(time) FROM {} WHERE time >= ? AND time < ?", step.table());
    let has_table = sql.number(&text, &[time, ends])?.is_some();
    match step {
        // That it has rows of hours already is told by its having none of sums.
        Step::Minute | Step::Hour if has_table => {}
        Step::Minute | Step::Hour => add_hour(sql, plan, &pairs, range)?,
        Step::Day | Step::Month => add_below(sql, step, &pairs, range)?,
    }
    pairs.merge_smallest(sql, plan.max_pairs)?;
    for (bucket, key, columns) in
        [(&devices, "device", "device, 0 AS app"), (&apps, "app", "0 AS device, app")]
    {
        let select = format!(
            "SELECT {columns}, {} FROM traffic_sum WHERE {} GROUP BY {key}",
            sums(sql),
            pairs.condition()
        );
        bucket.add(sql, &select, pairs.values())?;
    }
    if pairs.count(sql)? == 0 {
        let delete = "DELETE FROM traffic_summed WHERE step = ? AND time = ?";
        return sql.run(delete, &[step.number(), time]).map(drop);
    }
    let made = "UPDATE traffic_summed SET kinds = ? WHERE step = ? AND time = ?";
    sql.run(made, &[BY_DEVICE | BY_APP | BY_BOTH, step.number(), time])?;
    if has_table {
        leave_to_table(sql, step, time)?;
    }
    Ok(())
}

/// The counts of several rows as one.
fn sums<S: Sql>(sql: &S) -> String {
    COUNTS.map(|column| format!("{} AS {column}", sum(sql.dialect(), column))).join(", ")
}

/// An hour by its minutes.
fn add_hour<S: Sql>(
    sql: &mut S,
    plan: &Plan,
    pairs: &Bucket,
    (time, ends): (i64, i64),
) -> Result<(), S::Error> {
    let known = sql.number("SELECT MAX(id) FROM rollup_name", &[])?.unwrap_or(0);
    let [mut begin, end] = [time, ends].map(|minute| Id::first_at(from_minutes(minute)).number());
    let next = "SELECT id FROM traffic WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?";
    while begin < end {
        let part = sql.number(next, &[begin, end, AT_ONCE])?.unwrap_or(end);
        add_minutes(sql, plan, pairs, (begin, part), known)?;
        begin = part;
    }
    Ok(())
}

/// A day or month by the sums of the step below, and by what the tables alone have of it.
fn add_below<S: Sql>(
    sql: &mut S,
    step: Step,
    pairs: &Bucket,
    (time, ends): (i64, i64),
) -> Result<(), S::Error> {
    let (sums, below) = (sums(sql), step.below());
    let there = "FROM traffic_sum WHERE step = ? AND kind = ? AND time >= ? AND time < ?";
    let which = [below.number(), BY_BOTH, time, ends];
    let select = format!("SELECT device, app, {sums} {there} GROUP BY device, app");
    pairs.add(sql, &select, &which)?;
    for table in [below.table(), step.table()] {
        let mut select = format!("SELECT device, app, {sums} FROM {table} WHERE time >= ? AND time < ?");
        let mut params = vec![time, ends];
        if table == below.table() {
            // Those that are being folded have both.
            select += &format!(" AND time NOT IN (SELECT time {there})");
            params.extend(which);
        }
        pairs.add(sql, &format!("{select} GROUP BY device, app"), &params)?;
    }
    Ok(())
}

/// Leaves the pairs of a day or month to its table, and its apps where they are not
/// far fewer. Returns how many rows that were.
fn leave_to_table<S: Sql>(sql: &mut S, step: Step, time: i64) -> Result<u64, S::Error> {
    let [apps, pairs] = [BY_APP, BY_BOTH].map(|kind| Bucket::of_sums(step.number(), kind, time));
    let is_worth = step == Step::Month || apps.count(sql)? * WORTH <= pairs.count(sql)?;
    let mut gone = pairs.clear(sql)?;
    if !is_worth {
        gone += apps.clear(sql)?;
    }
    let kinds = if is_worth { BY_DEVICE | BY_APP } else { BY_DEVICE };
    let made = "UPDATE traffic_summed SET kinds = ? WHERE step = ? AND time = ? AND kinds > ?";
    sql.run(made, &[kinds, step.number(), time, kinds])?;
    Ok(gone)
}

/// All between `begin` and `end` is in the table of `to` now, and no longer in that
/// below. Returns how many rows of sums went with it.
pub fn folded<S: Sql>(sql: &mut S, plan: &Plan, to: Step, range: (Time, Time)) -> Result<u64, S::Error> {
    let (begin, end) = (minutes(range.0), minutes(range.1));
    // In another zone than now's, some of it went from one day into another.
    for step in STEPS.into_iter().filter(|step| *step > to || *step == to && to != Step::Hour) {
        let whole = if step == to { "time = ? AND ends = ?" } else { "time <= ? AND ends >= ?" };
        let torn = format!(
            "UPDATE traffic_summed SET kinds = 0 WHERE step = ? AND time < ? AND ends > ? AND NOT ({whole})"
        );
        sql.run(&torn, &[step.number(), end, begin, begin, end])?;
        let there = "SELECT 1 FROM traffic_summed WHERE step = ? AND time <= ? AND ends > ?";
        if sql.number(there, &[step.number(), begin, begin])?.is_none() {
            change(sql, plan, step, range.0)?;
        }
    }
    match to {
        Step::Minute => Ok(0),
        Step::Hour => forget(sql, Step::Hour, (begin, end)),
        Step::Day => leave_to_table(sql, to, begin),
        Step::Month => Ok(leave_to_table(sql, to, begin)? + forget(sql, Step::Day, (begin, end))?),
    }
}

/// Sums of a step between two times are no longer wanted. Returns how many rows that were.
fn forget<S: Sql>(sql: &mut S, step: Step, (begin, end): (i64, i64)) -> Result<u64, S::Error> {
    let number = step.number();
    let within = "IN (SELECT time FROM traffic_summed WHERE step = ? AND time >= ? AND ends <= ?)";
    let sums = format!("DELETE FROM traffic_sum WHERE step = ? AND kind IN (1, 2, 4) AND time {within}");
    let gone = sql.run(&sums, &[number, number, begin, end])?;
    let made = "DELETE FROM traffic_summed WHERE step = ? AND time >= ? AND ends <= ?";
    sql.run(made, &[number, begin, end])?;
    // Those of another zone than now's have a part of it left.
    stale(sql, step, (begin, end))?;
    Ok(gone)
}

/// Rows of a step between two times are deleted: what has them is to be made again.
pub fn deleted<S: Sql>(sql: &mut S, step: Step, (begin, end): (i64, i64)) -> Result<(), S::Error> {
    for upper in STEPS.into_iter().filter(|upper| *upper >= step) {
        stale(sql, upper, (begin, end))?;
    }
    Ok(())
}

/// What has any of the time is to be made again.
fn stale<S: Sql>(sql: &mut S, step: Step, (begin, end): (i64, i64)) -> Result<(), S::Error> {
    let again = "UPDATE traffic_summed SET kinds = 0 WHERE step = ? AND time < ? AND ends > ?";
    sql.run(again, &[step.number(), end, begin]).map(drop)
}

/// Rows of any time are gone: all sums are to be made again.
pub fn make_all_again<S: Sql>(sql: &mut S) -> Result<(), S::Error> {
    sql.run("DELETE FROM traffic_sum", &[])?;
    sql.run("UPDATE traffic_summed SET kinds = 0", &[]).map(drop)
}

/// Minutes of `records` that are older than what is made have it made again. To be
/// called within the transaction that writes them.
pub fn changed<S: Sql>(sql: &mut S, plan: &Plan, records: &[Record], late: &Late) -> Result<(), S::Error> {
    let hours: BTreeSet<Time> = records
        .iter()
        .filter(|record| !late.has(record))
        .filter_map(|record| match record {
            Record::Traffic(row) => Some(Step::Hour.begin(row.time, plan.zone)),
            _ => None,
        })
        .collect();
    if hours.is_empty() {
        return Ok(());
    }
    let newest = sql.number("SELECT MAX(ends) FROM traffic_summed", &[])?.unwrap_or(0);
    for hour in hours.into_iter().filter(|hour| minutes(*hour) < newest) {
        for step in STEPS {
            change(sql, plan, step, hour)?;
        }
    }
    Ok(())
}

/// The bucket of `step` that has the hour is to be made again, or at all.
fn change<S: Sql>(sql: &mut S, plan: &Plan, step: Step, hour: Time) -> Result<(), S::Error> {
    let (number, minute) = (step.number(), minutes(hour));
    let newest = sql.number("SELECT MAX(ends) FROM traffic_summed WHERE step = ?", &[number])?;
    if newest.is_none_or(|newest| newest <= minute) {
        return Ok(());
    }
    let there = "SELECT MAX(ends) FROM traffic_summed WHERE step = ? AND time <= ?";
    let before = sql.number(there, &[number, minute])?.unwrap_or(0);
    if before > minute {
        return stale(sql, step, (minute, minute + 1));
    }
    let begin = step.begin(hour, plan.zone);
    let next = "SELECT MIN(time) FROM traffic_summed WHERE step = ? AND time > ?";
    let next = sql.number(next, &[number, minute])?.unwrap_or(i64::MAX);
    let (time, ends) = (minutes(begin).max(before), minutes(step.next(begin, plan.zone)).min(next));
    let insert = "INSERT INTO traffic_summed (step, time, ends, kinds) VALUES (?, ?, ?, 0)";
    sql.run(insert, &[number, time, ends]).map(drop)
}
