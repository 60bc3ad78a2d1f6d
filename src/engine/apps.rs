//! The apps that the engine has met. Their numbers stay when features.txt is
//! replaced while sessions go on.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::record::{Catalog, Record};
use crate::rules::Rules;

/// Names an app as long as the program runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AppId(NonZeroU32);

impl AppId {
    fn at(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Every app that any features.txt of this run had.
#[derive(Default)]
pub struct Apps {
    known: Vec<Known>,
    by_name: HashMap<Arc<str>, AppId>,
    /// The app of each line of the current rules.
    of_rule: Vec<AppId>,
}

struct Known {
    name: Arc<str>,
    class: Option<Arc<str>>,
}

impl Apps {
    /// Takes over the apps of `rules`; returns the rows for the catalogue.
    pub fn take_over(&mut self, rules: &Rules) -> Vec<Record> {
        self.of_rule.clear();
        let mut rows = Vec::new();
        for app in rules.apps() {
            let class = rules.class_of(app);
            let id = *self.by_name.entry(app.name.clone()).or_insert_with(|| {
                self.known.push(Known { name: app.name.clone(), class: None });
                AppId(NonZeroU32::MIN.saturating_add(self.known.len() as u32 - 1))
            });
            self.known[id.at()].class = class.map(|class| class.id.clone());
            self.of_rule.push(id);
            rows.push(Record::from(Catalog {
                app: app.name.clone(),
                app_zh: app.chinese.clone(),
                class: class.map(|class| class.id.clone()),
                class_en: class.map(|class| class.english.clone()),
                class_zh: class.and_then(|class| class.chinese.clone()),
            }));
        }
        rows
    }

    /// The app at `place` in the current rules.
    pub fn of_rule(&self, place: u32) -> AppId {
        self.of_rule[place as usize]
    }

    pub fn name(&self, app: Option<AppId>) -> Option<Arc<str>> {
        app.map(|app| self.known[app.at()].name.clone())
    }

    /// The same, borrowed.
    pub fn text(&self, app: Option<AppId>) -> Option<&str> {
        app.map(|app| &*self.known[app.at()].name)
    }

    pub fn class(&self, app: AppId) -> Option<Arc<str>> {
        self.known[app.at()].class.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_when_the_file_changes() {
        let mut apps = Apps::default();
        apps.take_over(&Rules::parse(b"A:[;;;a.io;]\nB:[;;;b.io;]\n", 9).unwrap());
        let b = apps.of_rule(1);
        let rows =
            apps.take_over(&Rules::parse("#class x X\n#app B 乙\nB:[;;;b.io;]\n".as_bytes(), 9).unwrap());
        assert_eq!(apps.of_rule(0), b);
        assert_eq!((apps.name(Some(b)).as_deref(), apps.class(b).as_deref()), (Some("B"), Some("x")));
        let Record::Catalog(row) = &rows[0] else { panic!() };
        assert_eq!((&*row.app, row.app_zh.as_deref(), row.class_en.as_deref()), ("B", Some("乙"), Some("X")));
    }
}
