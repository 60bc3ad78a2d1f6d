//! features.txt: which app a session belongs to.
//!
//! `grammar` reads a line, `feature` holds its conditions, `index` finds the
//! features that may match. The file is data that people edit: every mistake
//! in it is told with its place, and a file with mistakes changes nothing.

mod address;
mod change;
mod cover;
mod feature;
mod grammar;
mod index;
pub mod lint;
pub mod oaf;
mod relabel;
mod trial;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use change::{Change, Found, Unnamed};
pub use feature::{Evidence, Feature, starts_of_labels};
use index::Index;
pub use relabel::Relabel;
pub use trial::Trial;

/// The most mistakes that are listed; a file of another kind has one a line.
const MAX_MISTAKES: usize = 1_000;

/// A mistake in features.txt.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What should be there.
    pub expected: String,
}

/// `3:14: expected a port from 0 to 65535`; the file's name goes before it.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: expected {}", self.line, self.column, self.expected)
    }
}

/// A category of apps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// As records name it.
    pub id: Arc<str>,
    /// For people.
    pub english: Arc<str>,
    pub chinese: Option<Arc<str>>,
}

/// One app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct App {
    /// As records name it.
    pub name: Arc<str>,
    pub chinese: Option<Arc<str>>,
    /// Place of its category in [`Rules::classes`].
    pub class: Option<usize>,
    /// Its line in the file, from 1.
    pub line: u32,
}

/// Which app it is, and how sure that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// Place of the app in [`Rules::apps`].
    pub app: u32,
    /// The greater, the more it says; see [`Feature::rank`].
    pub rank: u32,
}

/// What of a feature says most, and so decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Host,
    Payload,
    Address,
    Port,
}

impl Match {
    pub fn by(&self) -> By {
        match self.rank.leading_zeros() {
            0..8 => By::Host,
            8..16 => By::Payload,
            16..24 => By::Address,
            _ => By::Port,
        }
    }
}

/// A file's apps, ready to be asked.
#[derive(Default)]
pub struct Rules {
    classes: Vec<Class>,
    apps: Vec<App>,
    /// The app each feature belongs to, its rank and its conditions.
    features: Vec<(u32, u32, Feature)>,
    index: Index,
    has_payloads: bool,
    joins_host_and_bytes: bool,
}

impl Rules {
    /// Reads the text of a file. `max_features` bounds what it may hold.
    pub fn parse(text: &[u8], max_features: usize) -> Result<Rules, Vec<Mistake>> {
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            reader.line(number, line.strip_suffix(b"\r").unwrap_or(line));
            if reader.rules.features.len() > max_features {
                reader.complain(
                    number,
                    1,
                    format!("at most {max_features} features (max_features in config.toml)"),
                );
                break;
            }
        }
        if let Some((number, _)) = reader.title {
            reader.complain(number, 1, "the app's own line below its #app line".into());
        }
        if !reader.mistakes.is_empty() {
            reader.mistakes.sort();
            return Err(reader.mistakes);
        }
        let mut rules = reader.rules;
        rules.index = Index::new(rules.features.iter().map(|(.., feature)| feature));
        rules.has_payloads = rules.features.iter().any(|(.., feature)| !feature.payload.is_empty());
        let joined = |feature: &Feature| feature.host.is_some() && !feature.payload.is_empty();
        rules.joins_host_and_bytes = rules.features.iter().any(|(.., feature)| joined(feature));
        Ok(rules)
    }

    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How many features the apps have together.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// The category of an app.
    pub fn class_of(&self, app: &App) -> Option<&Class> {
        self.classes.get(app.class?)
    }

    /// Whether any feature looks at payloads.
    pub fn has_payloads(&self) -> bool {
        self.has_payloads
    }

    /// The app that `evidence` speaks for most; of equals, the one whose line
    /// comes first.
    pub fn classify(&self, evidence: &Evidence<'_>) -> Option<Match> {
        let mut best = None;
        self.index.by_host(evidence, |number| self.consider(evidence, &mut best, number));
        self.index.by_bytes(evidence, |number| self.consider(evidence, &mut best, number));
        if best.is_none() {
            self.index.weak(evidence, |number| self.consider(evidence, &mut best, number));
        }
        self.found(best)
    }

    /// The app that the bytes in `evidence` speak for. For one that was
    /// classified without them: most lines need not be asked again.
    pub fn classify_bytes(&self, evidence: &Evidence<'_>) -> Option<Match> {
        let mut best = None;
        if self.joins_host_and_bytes {
            self.index.by_host(evidence, |number| self.consider(evidence, &mut best, number));
        }
        self.index.by_bytes(evidence, |number| self.consider(evidence, &mut best, number));
        self.found(best)
    }

    /// Puts feature `number` in the place of `best`, its rank and number, if it
    /// matches and says more.
    fn consider(&self, evidence: &Evidence<'_>, best: &mut Option<(u32, u32)>, number: u32) {
        let (_, rank, feature) = &self.features[number as usize];
        let better = best.is_none_or(|(best_rank, best_number)| (*rank, best_number) > (best_rank, number));
        if better && feature.matches(evidence) {
            *best = Some((*rank, number));
        }
    }

    fn found(&self, best: Option<(u32, u32)>) -> Option<Match> {
        best.map(|(rank, number)| Match { app: self.features[number as usize].0, rank })
    }
}

/// Takes in a file line by line.
#[derive(Default)]
struct Reader {
    rules: Rules,
    mistakes: Vec<Mistake>,
    class: Option<usize>,
    /// An #app line that waits for its app: its number and text.
    title: Option<(usize, String)>,
    /// The line of each app, to find one that comes twice.
    lines: HashMap<String, usize>,
}

impl Reader {
    fn line(&mut self, number: usize, bytes: &[u8]) {
        let text = match str_of(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(text),
            Err(column) => return self.complain(number, column, "text in UTF-8".into()),
        };
        match text.split_once(char::is_whitespace) {
            Some(("#class", rest)) => self.class(number, rest, text),
            Some(("#app", rest)) => {
                if let Some((earlier, _)) = self.title.replace((number, rest.trim().into())) {
                    self.complain(earlier, 1, "the app's own line below its #app line".into());
                }
            }
            _ if text.starts_with('#') || text.trim().is_empty() => {}
            _ => self.app(number, text),
        }
    }

    /// `#class ID English name 中文名`: the Chinese name begins with the first
    /// word that is not ASCII.
    fn class(&mut self, number: usize, rest: &str, line: &str) {
        let mut words = rest.split_whitespace();
        let id = words.next().unwrap_or_default();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            let behind = if id.is_empty() { "" } else { &rest[rest.find(id).unwrap_or(0)..] };
            let column = line.chars().count() - behind.chars().count() + 1;
            return self.complain(number, column, "a category's name in small letters".into());
        }
        if id.len() > 32 || rest.chars().count() > 128 {
            return self.complain(number, 8, "a name of at most 32 letters and titles of at most 90".into());
        }
        let (english, chinese): (Vec<_>, Vec<_>) = {
            let words: Vec<_> = words.collect();
            let split = words.iter().position(|word| !word.is_ascii()).unwrap_or(words.len());
            (words[..split].to_vec(), words[split..].to_vec())
        };
        let title = if english.is_empty() { id.to_owned() } else { english.join(" ") };
        let chinese = (!chinese.is_empty()).then(|| chinese.join(" ").into());
        let known = self.rules.classes.iter().position(|class| &*class.id == id);
        self.class = Some(known.unwrap_or_else(|| {
            self.rules.classes.push(Class { id: id.into(), english: title.into(), chinese });
            self.rules.classes.len() - 1
        }));
    }

    fn app(&mut self, number: usize, text: &str) {
        let title = self.title.take();
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        let (name, features) = match grammar::app_line(text.trim_start()) {
            Ok(parsed) => parsed,
            Err(complaints) => {
                for complaint in complaints {
                    self.complain(number, complaint.column + indent, complaint.expected);
                }
                return;
            }
        };
        if let Some(earlier) = self.lines.insert(name.to_lowercase(), number) {
            return self.complain(number, 1, format!("each app once; {name} is on line {earlier} already"));
        }
        let chinese = match title {
            None => None,
            Some((at, title)) => match title.strip_prefix(name).map(str::trim) {
                Some(chinese) if !chinese.is_empty() && chinese.chars().count() <= grammar::MAX_NAME => {
                    Some(chinese.into())
                }
                _ => {
                    let expected = format!("{name} and its Chinese name, for the app on the line below");
                    return self.complain(at, 6, expected);
                }
            },
        };
        let app = self.rules.apps.len() as u32;
        self.rules.apps.push(App { name: name.into(), chinese, class: self.class, line: number as u32 });
        let ranked = features.into_iter().map(|feature| (app, feature.rank(), feature));
        self.rules.features.extend(ranked);
    }

    fn complain(&mut self, line: usize, column: usize, expected: String) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push(Mistake { line, column, expected });
        }
    }
}

/// The text, or the column where it stops being UTF-8.
fn str_of(bytes: &[u8]) -> Result<&str, usize> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        std::str::from_utf8(good).map_or(1, |text| text.chars().count() + 1)
    })
}

#[cfg(test)]
mod tests;
