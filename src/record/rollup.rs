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

/// The tables that no record is written to: the stores fill them.
pub static ROLLUPS: &[Table] = &[HOUR, DAY, MONTH, NAME];
