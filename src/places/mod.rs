//! Where addresses are: country and autonomous system, by files that the user
//! brings. None is shipped, as their makers want them fetched anew.

mod mmdb;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mmdb::{Field, Mmdb};

use crate::record::{Country, Record};
use crate::table::Table;
use crate::time::Time;

/// An address that nobody asked about for so long is looked up anew.
const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Bytes of the name of an autonomous system that are kept.
const MAX_NAME: usize = 64;

/// Where an address is, as far as the files know.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub country: Option<Country>,
    /// The number of its autonomous system…
    pub asn: Option<u32>,
    /// …and whose that is.
    pub owner: Option<Arc<str>>,
}

/// The files, and what was looked up in them lately.
pub struct Places {
    country: Option<Mmdb>,
    asn: Option<Mmdb>,
    known: Table<IpAddr, Place, 1>,
    counts: Counts,
}

/// For `weir status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Addresses that were looked up in the files.
    pub looked_up: u64,
    /// Files that could not be read where the address should be.
    pub failed: u64,
}

impl Places {
    /// Opens the files at `country` and `asn`, remembering `max` addresses. A file
    /// that can't be used is left out; what is wrong with it comes back.
    pub fn open(country: Option<&Path>, asn: Option<&Path>, max: usize) -> (Places, Vec<String>) {
        let mut wrong = Vec::new();
        let mut open = |path: Option<&Path>| {
            let path = path?;
            Mmdb::open(path).map_err(|error| wrong.push(format!("{}: {error}", path.display()))).ok()
        };
        let (country, asn) = (open(country), open(asn));
        (Places { country, asn, known: Table::new(max, [TIMEOUT]), counts: Counts::default() }, wrong)
    }

    /// Whether there is anything to look up in.
    pub fn is_empty(&self) -> bool {
        self.country.is_none() && self.asn.is_none()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Where `address` is.
    pub fn of(&mut self, address: IpAddr, now: Time) -> Place {
        if self.is_empty() {
            return Place::default();
        }
        if let Some(slot) = self.known.find(&address).filter(|slot| !self.known.is_due(*slot, now)) {
            self.known.touch(slot, 0, now);
            return self.known.get(slot).cloned().unwrap_or_default();
        }
        if let Some(slot) = self.known.find(&address) {
            self.known.remove(slot);
        }
        self.counts.looked_up += 1;
        let place = self.look_up(address).unwrap_or_else(|_| {
            self.counts.failed += 1;
            Place::default()
        });
        self.known.insert(address, 0, now, place.clone());
        place
    }

    fn look_up(&mut self, address: IpAddr) -> std::io::Result<Place> {
        let mut place = Place::default();
        if let Some(file) = &self.country
            && let Some(entry) = file.entry(address)?
        {
            // As MaxMind and DB-IP have it, and as IPinfo does.
            for path in [&["country", "iso_code"][..], &["country_code"], &["country"]] {
                if let Some(Field::Text(code)) = file.field(entry, path)? {
                    place.country = place.country.or(Country::new(&code));
                }
            }
        }
        if let Some(file) = &self.asn
            && let Some(entry) = file.entry(address)?
        {
            place.asn = match file.field(entry, &["autonomous_system_number"])? {
                Some(Field::Number(number)) => u32::try_from(number).ok(),
                _ => match file.field(entry, &["asn"])? {
                    Some(Field::Text(text)) => text.trim_start_matches("AS").parse().ok(),
                    Some(Field::Number(number)) => u32::try_from(number).ok(),
                    None => None,
                },
            };
            for path in [["autonomous_system_organization"], ["as_name"]] {
                if let Some(Field::Text(name)) = file.field(entry, &path)? {
                    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
                    place.owner = place.owner.or(Some(name.into()));
                }
            }
        }
        Ok(place)
    }

    /// Tells each session in `records` where its server is.
    pub fn fill(&mut self, records: &mut [Record], now: Time) {
        if self.is_empty() {
            return;
        }
        for record in records {
            if let Record::Session(row) = record {
                let place = self.of(row.server, now);
                (row.country, row.asn) = (place.country, place.asn);
            }
        }
    }
}
