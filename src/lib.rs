//! Weir watches what a router forwards: sessions, names, apps, records.
//!
//! A frame goes one way through the layers, and a layer knows only those
//! before it (`tests/layers.rs` holds that):
//!
//! - [`time`], [`prefix`], [`http`] and [`table`]: instants, networks by their
//!   addresses, a POST, and the one hash table of fixed size.
//! - [`wire`]: frames to packets. Link headers, IP, fragments, tunnels; and the
//!   frames of resets.
//! - [`record`]: the rows that come out; their one definition makes both
//!   database schemas, the EVE JSON and what the pages know of columns.
//! - [`dissect`]: what the bytes of a session say. A protocol is one file.
//! - [`rules`]: `features.txt`, and the matcher that names apps by it.
//! - [`policy`]: what shall be stopped, and when.
//! - [`query`]: searches as people write them, and the SQL that they are.
//! - [`threats`]: lists of addresses and names that are known to be bad.
//! - [`engine`]: the pure core. Packets in, records out; it asks no clock and
//!   opens no file, so that the same capture gives the same bytes each time.
//! - [`source`] and [`store`]: where frames come from and where records go,
//!   by libpcap and files, to SQLite, MariaDB, JSON and further ways out.
//! - [`places`]: where addresses are, by files of MaxMind's format.
//! - [`config`] and [`control`]: `config.toml`, and the socket for `status`.
//! - [`daemon`] and [`cli`]: the commands, and the only place with a clock.
//!
//! What came of which choice is in `docs/DECISIONS.md`, what it costs in
//! `docs/MEASURED.md`.

pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod dissect;
pub mod engine;
pub mod http;
pub mod places;
pub mod policy;
pub mod prefix;
#[cfg(feature = "desk")]
pub mod query;
pub mod record;
pub mod rules;
pub mod source;
pub mod store;
pub mod table;
pub mod threats;
pub mod time;
pub mod wire;
