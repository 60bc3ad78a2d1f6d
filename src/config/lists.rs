//! What sections that there may be several of have in common: `[[policy]]`,
//! `[[threat]]` and `[[out]]`, each a table of its own.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A mistake: where, and what is wrong.
pub type Complaint = (Range<usize>, String);

/// Such a section.
pub struct Several {
    pub name: &'static str,
    /// What more than one are called.
    pub plural: &'static str,
    pub most: usize,
}

impl Several {
    /// The tables of the section, each with where it stands; `at` is where its name
    /// does. Too many of them are a mistake, and none is left out.
    pub fn tables<'a, 'i>(
        &self,
        at: Range<usize>,
        value: &'a DeValue<'i>,
        complain: &mut dyn FnMut(Complaint),
    ) -> Vec<(Range<usize>, &'a DeTable<'i>)> {
        let tables: Option<Vec<_>> = value.as_array().and_then(|items| {
            items.iter().map(|item| item.get_ref().as_table().map(|table| (item.span(), table))).collect()
        });
        let Some(tables) = tables else {
            complain((at, format!("expected [[{}]], with double brackets", self.name)));
            return Vec::new();
        };
        if tables.len() > self.most {
            complain((at, format!("expected at most {} {}", self.most, self.plural)));
        }
        tables
    }
}

/// A text that is not empty and has no control characters.
pub fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, &'static str> {
    let text = value.as_str().filter(|text| !text.trim().is_empty() && !text.contains(char::is_control));
    text.ok_or("text in quotes")
}
