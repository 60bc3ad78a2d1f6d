use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::tests::{APPS, BEGIN, DAY, PLAN, memory, volume, write};
use super::super::{fold, rows, squeeze};
use super::*;
use crate::record::{Ids, Traffic};

const HOUR: u64 = 3_600;

fn keep(connection: &Connection, plan: &Plan, now: u64) {
    fold(&mut &*connection, plan, Time::from_secs(now)).unwrap();
    make(&mut &*connection, plan, Time::from_secs(now)).unwrap();
}

type Groups = BTreeMap<(String, String), [i64; 5]>;

fn groups(connection: &Connection, sql: &str, params: &[i64]) -> Groups {
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query(rusqlite::params_from_iter(params)).unwrap();
    let mut groups = Groups::new();
    while let Some(row) = rows.next().unwrap() {
        let sum = groups.entry((row.get(0).unwrap(), row.get(1).unwrap())).or_default();
        for (n, one) in sum.iter_mut().enumerate() {
            *one += row.get::<_, i64>(n + 2).unwrap();
        }
    }
    groups
}

/// What the tables have between two times, in minutes, by what a kind is by.
fn counted(connection: &Connection, kind: i64, (time, ends): (i64, i64)) -> Groups {
    let counts = COUNTS.join(", ");
    let device = if kind == BY_APP { "''" } else { "COALESCE(d.name, '')" };
    let app = if kind == BY_DEVICE { "''" } else { "COALESCE(a.name, '')" };
    let rolled = STEPS.map(|step| {
        format!(
            " UNION ALL SELECT {device}, {app}, {counts} FROM {} AS t LEFT JOIN rollup_name AS d ON d.id = device \
             LEFT JOIN rollup_name AS a ON a.id = app WHERE time >= ?1 AND time < ?2",
            step.table()
        )
    });
    let [device, app] = [device, app].map(|name| name.replace("d.name", "device").replace("a.name", "app"));
    let all = format!(
        "SELECT {device}, {app}, {counts} FROM traffic WHERE time >= ?1 * 60000000 AND time < ?2 * 60000000{}",
        rolled.concat()
    );
    groups(connection, &all, &[time, ends])
}

/// All that is made is what the tables have; returns how many hours, days and months
/// are made, and how many are to be.
fn check(connection: &Connection) -> ([i64; 3], i64) {
    let mut statement = connection.prepare("SELECT step, time, ends, kinds FROM traffic_summed").unwrap();
    let made = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    let made: Vec<(i64, i64, i64, i64)> = made.unwrap().map(Result::unwrap).collect();
    let (mut count, mut unmade) = ([0; 3], 0);
    for (step, time, ends, kinds) in &made {
        let own = made.iter().filter(|other| other.0 == *step && other.1 < *ends && other.2 > *time).count();
        assert_eq!(own, 1, "step {step}, {time}: two that overlap");
        if *kinds == 0 {
            unmade += 1;
            continue;
        }
        count[*step as usize - 1] += 1;
        let sums = format!(
            "SELECT COALESCE(d.name, ''), COALESCE(a.name, ''), {} FROM traffic_sum LEFT JOIN rollup_name AS d \
             ON d.id = device LEFT JOIN rollup_name AS a ON a.id = app WHERE step = ? AND kind = ? AND time = ?",
            COUNTS.join(", ")
        );
        for kind in [BY_DEVICE, BY_APP, BY_BOTH] {
            let found = groups(connection, &sums, &[*step, kind, *time]);
            let expected =
                if kinds & kind == 0 { Groups::new() } else { counted(connection, kind, (*time, *ends)) };
            assert_eq!(found, expected, "step {step}, {time} to {ends}, kind {kind} of {kinds}");
        }
    }
    (count, unmade)
}

/// What is older than the newest that is noted down is noted down.
fn check_whole(connection: &Connection) {
    for (step, tables) in [(1, 1), (2, 3), (3, 4)] {
        let time = ["time / 60000000", "time", "time", "time"];
        for (table, time) in
            ["traffic", "traffic_hour", "traffic_day", "traffic_month"].iter().zip(time).take(tables)
        {
            let lacking = format!(
                "SELECT COUNT(*) FROM {table} AS t WHERE {time} < (SELECT MAX(ends) FROM traffic_summed WHERE step = {step}) \
                 AND NOT EXISTS (SELECT 1 FROM traffic_summed WHERE step = {step} AND traffic_summed.time <= t.{time} \
                 AND ends > t.{time}) AND (t.{time} > (SELECT COALESCE(MAX(time), 0) FROM traffic_month) OR {step} = 3)"
            );
            let lacking: i64 = connection.query_row(&lacking, (), |row| row.get(0)).unwrap();
            assert_eq!(lacking, 0, "step {step}, {table}");
        }
    }
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn sums_are_those_of_the_tables_whatever_happens_to_them() {
    let plan = Plan { days: Duration::from_secs(60 * DAY), months: Duration::from_secs(120 * DAY), ..PLAN };
    let connection = memory();
    let (mut ids, mut state, mut most) = (Ids::default(), 1, [0; 3]);
    for n in 0..1_500_u64 {
        let now = BEGIN + n * 3 * HOUR;
        // Nobody was there for two weeks.
        if (400..512).contains(&n) {
            continue;
        }
        let mut new: Vec<Traffic> = (0..6)
            .map(|k| volume(&mut ids, now - k * 600, (k % 4) as u8, APPS[(n + k) as usize % 4], 100 * n + k))
            .collect();
        if random(&mut state).is_multiple_of(20) {
            // The database was away, or the clock was wrong.
            let ago = [2 * HOUR, 30 * HOUR, 20 * DAY, 100 * DAY][random(&mut state) as usize % 4];
            new.push(volume(&mut ids, now - ago - 13 * 60, 3, APPS[1], n));
        }
        write(&connection, &new);
        keep(&connection, &plan, now + 700);
        match random(&mut state) % 400 {
            0 => {
                let most = rows(&mut &connection).unwrap();
                squeeze(&mut &connection, &plan, Time::from_secs(now), most * 9 / 10).unwrap();
            }
            1 => {
                connection.execute_batch("DELETE FROM traffic WHERE device = '10.0.0.2'").unwrap();
                make_all_again(&mut &connection).unwrap();
            }
            _ => {}
        }
        if n % 40 == 0 || n > 1_495 {
            check_whole(&connection);
            let (count, _) = check(&connection);
            most = std::array::from_fn(|step| most[step].max(count[step]));
        }
    }
    // Two days by hour, two months by day, and what was before.
    assert!(most[0] > 15 && most[1] > 55 && most[2] > 3, "{most:?}");
    while make(&mut &connection, &plan, Time::from_secs(BEGIN + 1_500 * 3 * HOUR)).unwrap() {}
    assert_eq!(check(&connection).1, 0, "all is made in the end");
}

#[test]
fn minutes_that_come_late_are_in_the_sums_after_they_were_made_again() {
    let connection = memory();
    let mut ids = Ids::default();
    let old: Vec<_> = (0..30 * 24)
        .map(|n| volume(&mut ids, BEGIN + n * 600, (n % 3) as u8, APPS[n as usize % 4], n))
        .collect();
    write(&connection, &old);
    let now = BEGIN + 5 * DAY + 600;
    for _ in 0..4 {
        keep(&connection, &PLAN, now);
    }
    let ([hours, days, months], unmade) = check(&connection);
    assert!(hours >= 48 && days == 5 && months == 0 && unmade == 0, "{hours} {days} {months} {unmade}");
    // Of a day that is kept by minute: its hour and its day are stale until then.
    write(&connection, &[volume(&mut ids, now - 10 * HOUR, 7, Some("QQ"), 5)]);
    assert_eq!(check(&connection).1, 2);
    // What is folded is not taken any more, and changes nothing.
    write(&connection, &[volume(&mut ids, BEGIN + 60, 7, Some("QQ"), 5)]);
    assert_eq!(check(&connection).1, 2);
    keep(&connection, &PLAN, now);
    assert_eq!(check(&connection).1, 0);
    check_whole(&connection);
}

#[test]
fn pairs_are_left_to_the_tables_that_have_them() {
    let connection = memory();
    let mut ids = Ids::default();
    // On the first day few apps of many devices, then each device its own.
    let of = |n: u64| if n < 600 { Some(format!("App {}", n % 2)) } else { Some(format!("App {n}")) };
    let all: Vec<_> = (0..1_200)
        .map(|n| volume(&mut ids, BEGIN + n / 600 * DAY + n % 600 * 60, (n % 40) as u8, of(n).as_deref(), n))
        .collect();
    write(&connection, &all);
    keep(&connection, &PLAN, BEGIN + 3 * DAY);
    keep(&connection, &PLAN, BEGIN + 50 * DAY);
    check(&connection);
    let kinds = |step| {
        let sql = "SELECT kinds FROM traffic_summed WHERE step = ? ORDER BY time";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([step], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<Vec<i64>>()
    };
    // Two apps instead of 40 pairs are worth their room, 600 instead of 600 are not.
    assert_eq!((kinds(1), kinds(2), kinds(3)), (vec![], vec![3, 1], vec![7]));
    keep(&connection, &PLAN, BEGIN + 500 * DAY);
    check(&connection);
    assert_eq!((kinds(2), kinds(3)), (vec![], vec![3]));
}

#[test]
fn an_attack_does_not_fill_the_sums() {
    let plan = Plan { max_pairs: 50, ..PLAN };
    let connection = memory();
    let mut ids = Ids::default();
    let all: Vec<_> = (0..12_000_u64)
        .map(|n| {
            let mut row = volume(&mut ids, BEGIN + n / 6, 0, None, n);
            row.device = crate::record::Device::Ip([10, 1, (n >> 8) as u8, n as u8].into());
            row
        })
        .collect();
    write(&connection, &all);
    make(&mut &connection, &plan, Time::from_secs(BEGIN + DAY + HOUR)).unwrap();
    let count = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    let most = "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM traffic_sum GROUP BY step, kind, time)";
    assert!(count(most) <= 50, "{}", count(most));
    assert!(count("SELECT COUNT(*) FROM traffic_sum WHERE step = 2 AND kind = 4") > 40);
    assert!(count("SELECT COUNT(*) FROM rollup_name") <= 150);
    let expected: u64 = all.iter().map(|row| row.bytes_in).sum();
    for (step, kind) in [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4)] {
        let sum = format!("SELECT SUM(bytes_in) FROM traffic_sum WHERE step = {step} AND kind = {kind}");
        assert_eq!(count(&sum), expected as i64, "step {step}, kind {kind}");
    }
}

#[test]
fn hours_of_another_zone_are_not_counted_twice() {
    fn ahead(_: Time) -> i32 {
        8 * 3_600 + 1_800
    }
    let connection = memory();
    let mut ids = Ids::default();
    let mut write_day = |day: u64| {
        let rows: Vec<_> = (0..96)
            .map(|n| volume(&mut ids, BEGIN + day * DAY + n * 900, (n % 3) as u8, APPS[n as usize % 4], n))
            .collect();
        write(&connection, &rows);
    };
    write_day(0);
    keep(&connection, &PLAN, BEGIN + DAY + HOUR);
    for day in 1..4 {
        write_day(day);
        keep(&connection, &Plan { zone: ahead, ..PLAN }, BEGIN + (day + 1) * DAY + HOUR);
        check_whole(&connection);
    }
    assert_eq!(check(&connection).1, 0);
}
