//! Lists of addresses and names that are known to be bad, as others keep them.
//!
//! They are read line by line, in whichever form they are ([`Verdict`]), and kept
//! in few bytes: half a million entries within 16 MB (docs/MEASURED.md). What is
//! found is on the list as it stands there; no hash decides.

mod addresses;
mod buckets;
mod hosts;
mod line;
mod names;
mod networks;
mod read;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

pub use line::{Entry, Verdict};
pub use read::{Builder, Limits, Tally, Unread};

use addresses::Addresses;
use names::Names;

use crate::time::Time;

/// Most lists that there can be; an entry remembers its list by a small number.
pub const MAX_LISTS: usize = 64;

/// Where a list is, as config.toml has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub name: Arc<str>,
    /// A file, or a folder all of whose files are one list.
    pub path: std::path::PathBuf,
    /// 1 for what is grave to 3 for news, as alerts have it.
    pub severity: u8,
}

/// A list, without its entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    pub name: Arc<str>,
    pub severity: u8,
    /// When its latest file was last changed.
    pub version: Time,
    pub tally: Tally,
}

/// What stands on a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit<'a, E> {
    pub list: &'a List,
    /// As the list has it, but that a range is the prefix of it that was met.
    pub entry: E,
}

/// All lists, to look at.
#[derive(Default)]
pub struct Threats {
    lists: Vec<List>,
    v4: Addresses<u32>,
    v6: Addresses<u128>,
    names: Names,
}

impl Threats {
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Entries on all lists; what several have counts once.
    pub fn entries(&self) -> usize {
        self.v4.len() + self.v6.len() + self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries() == 0
    }

    /// Bytes that the entries take.
    pub fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + self.names.bytes()
    }

    /// The narrowest entry that `address` is in. Addresses of a site have none: some
    /// lists name them, as on the Internet they must not be.
    #[inline]
    pub fn address(&self, address: IpAddr) -> Option<Hit<'_, crate::prefix::Prefix>> {
        let (entry, owner) = match address {
            IpAddr::V4(v4) if self.v4.len() > 0 && is_public(address) => self.v4.find(v4.to_bits()),
            IpAddr::V6(v6) if self.v6.len() > 0 && is_public(address) => self.v6.find(v6.to_bits()),
            _ => None,
        }?;
        Some(Hit { list: self.lists.get(usize::from(owner))?, entry })
    }

    /// The entry for `name`, or for the nearest above it that has one.
    #[inline]
    pub fn name(&self, name: &str) -> Option<Hit<'_, &str>> {
        let found = self.names.find(name)?;
        Some(Hit { list: self.lists.get(usize::from(found.owner))?, entry: found.name })
    }
}

/// Whether it is an address of the Internet's (RFC 1918, 3927, 4193, 4291, 5771, 6598).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && b & 0xc0 == 64;
            let is_own = v4.is_private() || v4.is_link_local() || v4.is_loopback() || is_shared;
            !is_own && a != 0 && a < 224
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            let is_own = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first >= 0xff00;
            !is_own && !v6.is_loopback() && !v6.is_unspecified()
        }
    }
}

/// A prefix as lists write it: an address is without a length.
pub fn written(prefix: crate::prefix::Prefix) -> String {
    let text = prefix.to_string();
    let whole = if prefix.is_ipv4() { "/32" } else { "/128" };
    text.strip_suffix(whole).map(str::to_owned).unwrap_or(text)
}
