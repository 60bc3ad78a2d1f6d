//! What the kernel's netfilter offers: logs of the first packets of sessions,
//! connection tracking with its counters and marks, and rules for both.

mod conntrack;
mod ends;
mod entry;
mod heads;
mod lan;
mod marks;
mod netlink;
mod nflog;
mod rules;
mod table;

pub use conntrack::Counters;
pub use heads::{Heads, HeadsOptions, Seen};
pub use marks::Marks;
pub use rules::{Logging, Plan};
pub use table::{Table, remove};
