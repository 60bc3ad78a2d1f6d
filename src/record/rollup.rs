//! The tables that volumes are rolled up into: by hour, day and month.
//!
//! A year of them has to fit a router's memory, so nothing in a row is longer
//! than it must be: times are minutes, and devices and apps are numbers.

use super::column::{Column, Kind, Merge, Table};

/// A table of one step.
const fn step(name: &'static str, doc: &'static str) -> Table {
    Table { name, doc, columns: COLUMNS, keys: 3, indexes: &[], searched: &[] }
}

const fn number(name: &'static str, bits: u8, doc: &'static str) -> Column {
    Column { name, kind: Kind::Int(bits), null: false, merge: Merge::Newer, doc }
}

const COLUMNS: &[Column] = &[
    number("time", 32, "Begin of the local hour, day or month, in minutes since 1970."),
    number("device", 32, "Whose traffic: an id of rollup_name. 0 for the smallest of too many together."),
    number("app", 32, "The app: an id of rollup_name. 0 for what has no name."),
    number("bytes_out", 64, "IP-layer bytes from the device."),
    number("bytes_in", 64, "IP-layer bytes to the device."),
    number("packets", 64, "Packets both ways."),
    number("sessions", 64, "Sessions begun."),
    number("active_seconds", 64, "Seconds in use: from packet to packet where the pause was at most ten."),
];

pub const HOUR: Table =
    step("traffic_hour", "Volume by hour, device and app, of what is no longer in traffic.");
pub const DAY: Table =
    step("traffic_day", "Volume by day, device and app, of what is no longer in traffic_hour.");
pub const MONTH: Table =
    step("traffic_month", "Volume by month, device and app, of what is no longer in traffic_day.");

/// What the numbers in them stand for.
pub const NAME: Table = Table {
    name: "rollup_name",
    doc: "The devices and apps of traffic_hour, traffic_day and traffic_month.",
    columns: &[
        number("id", 32, "Its number there."),
        Column {
            name: "name",
            kind: Kind::Text(128),
            null: false,
            merge: Merge::Newer,
            doc: "A device or an app, as the other tables name it.",
        },
    ],
    keys: 1,
    indexes: &["name"],
    searched: &[],
};

/// Volumes added up once more, so that a page about a month need not do it.
pub const SUM: Table = Table {
    name: "traffic_sum",
    doc: "Volumes of hours, days and months that are over, added up: what the pages read instead of many \
          rows of the other tables, which it is made of.",
    columns: &SUM_COLUMNS,
    keys: 5,
    indexes: &[],
    searched: &[],
};

const SUM_COLUMNS: [Column; 10] = {
    let mut columns = [COLUMNS[0]; 10];
    columns[0] = number("step", 8, "Of an hour (1), a day (2) or a month (3).");
    columns[1] = number("kind", 8, "By device (1, app is 0), by app (2, device is 0) or by both (4).");
    let mut n = 0;
    while n < COLUMNS.len() {
        columns[n + 2] = COLUMNS[n];
        n += 1;
    }
    columns
};

/// What is in it.
pub const SUMMED: Table = Table {
    name: "traffic_summed",
    doc: "The hours, days and months that traffic_sum is to have: all with volumes, up to the newest of each.",
    columns: &[
        number("step", 8, "An hour (1), a day (2) or a month (3)."),
        number("time", 32, "Its begin, in minutes since 1970."),
        number("ends", 32, "Its end, which is no longer in it."),
        number("kinds", 8, "The kinds that are there, added. 0: it changed, and is still to be made."),
    ],
    keys: 2,
    indexes: &[],
    searched: &[],
};

/// The tables that no record is written to: the stores fill them.
pub static ROLLUPS: &[Table] = &[HOUR, DAY, MONTH, NAME, SUM, SUMMED];
