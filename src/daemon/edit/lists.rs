//! The files that pages may add as lists of what is bad: those of one folder.

use std::fs;

use serde_json::{Value, json};

use super::settings::LISTS;
use super::{Editor, No, shown};

/// Files that are shown.
const MAX_FILES: usize = 200;

impl Editor {
    pub(super) fn lists(&self) -> Result<Value, No> {
        let folder = self.folder().join(LISTS);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = entries
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).take(MAX_FILES).collect();
        names.sort();
        let lists =
            self.config.threat_lists.iter().map(
                |list| json!({"name": &*list.name, "path": shown(&list.path), "there": list.path.exists()}),
            );
        Ok(json!({"folder": shown(&folder), "files": names, "lists": lists.collect::<Vec<_>>()}))
    }
}
