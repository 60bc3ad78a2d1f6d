//! What a setting can be, and the macro that makes one entry a field, a line
//! of config.toml and a check.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::Config;

/// A type that can be set in config.toml.
pub trait Setting: Sized {
    /// Takes over `value`, or says what was expected.
    fn read(value: &DeValue<'_>) -> Result<Self, String>;

    /// As config.toml writes it.
    fn show(&self) -> String;

    /// What a form has to offer for it.
    fn kind() -> Kind {
        Kind::Text
    }
}

/// What kind of value a setting has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Bool,
    /// From and to.
    Number(u32, u32),
    /// Text, in quotes: names, paths, times and sizes too.
    Text,
    /// Of a file or folder: such are changed in the file itself, as the daemon reads
    /// and writes there.
    Path,
    List,
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// Some of these words.
    SomeOf(Vec<&'static str>),
}

/// A section of config.toml: its name, meaning and settings.
#[derive(Clone, Copy)]
pub struct Section {
    pub name: &'static str,
    pub doc: &'static str,
    pub settings: &'static [Described],
}

/// One setting: its name, meaning and default.
#[derive(Clone, Copy)]
pub struct Described {
    pub name: &'static str,
    pub doc: &'static str,
    pub default: fn() -> String,
    pub kind: fn() -> Kind,
    /// What it is in a configuration.
    pub value: fn(&Config) -> String,
}

/// Defines the sections, [`SECTIONS`] that describes them, and `Config`.
macro_rules! sections {
    ($(
        $(#[doc = $doc:literal])+
        $section:ident: $Section:ident {
            $($(#[doc = $setting_doc:literal])+ $setting:ident: $type:ty = $default:expr;)+
        }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct $Section {
                $($(#[doc = $setting_doc])+ pub $setting: $type,)+
            }

            impl Default for $Section {
                fn default() -> Self {
                    $Section { $($setting: $default,)+ }
                }
            }

            impl $Section {
                /// Sets one setting; `None` when there is none of that name.
                fn set(&mut self, name: &str, value: &DeValue<'_>) -> Option<Result<(), String>> {
                    match name {
                        $(stringify!($setting) => Some(Setting::read(value).map(|value| self.$setting = value)),)+
                        _ => None,
                    }
                }
            }
        )+

        /// Everything that can be set.
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $section: $Section,)+
            /// What shall be stopped.
            pub policies: Vec<Policy>,
            /// Where records go besides.
            pub outs: Vec<Out>,
            /// Lists of what is bad.
            pub threat_lists: Vec<Source>,
        }

        impl Config {
            /// Sets one setting; `None` when there is no such section or setting.
            fn set(&mut self, section: &str, name: &str, value: &DeValue<'_>) -> Option<Result<(), String>> {
                match section {
                    $(stringify!($section) => self.$section.set(name, value),)+
                    _ => None,
                }
            }
        }

        /// The sections in the order of config.toml.
        pub static SECTIONS: &[Section] = &[$(Section {
            name: stringify!($section),
            doc: concat!($($doc, "\n"),+),
            settings: &[$(Described {
                name: stringify!($setting),
                doc: concat!($($setting_doc, "\n"),+),
                default: || <$type as Setting>::show(&$Section::default().$setting),
                kind: <$type as Setting>::kind,
                value: |config| <$type as Setting>::show(&config.$section.$setting),
            }),+],
        }),+];
    };
}
pub(super) use sections;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> Deref for Number<MIN, MAX> {
    type Target = u32;
    fn deref(&self) -> &u32 {
        &self.0
    }
}

impl<const MIN: u32, const MAX: u32> Setting for Number<MIN, MAX> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = integer(value).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (MIN..=MAX).contains(number));
        number.map(Number).ok_or_else(|| format!("a whole number from {MIN} to {MAX}"))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }

    fn kind() -> Kind {
        Kind::Number(MIN, MAX)
    }
}

/// Bytes, from `MIN` to `MAX`: `"4MiB"`, `"512KiB"` or a whole number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size<const MIN: u32, const MAX: u32>(pub u32);

const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl<const MIN: u32, const MAX: u32> Deref for Size<MIN, MAX> {
    type Target = u32;
    fn deref(&self) -> &u32 {
        &self.0
    }
}

impl<const MIN: u32, const MAX: u32> Setting for Size<MIN, MAX> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let bytes = match value.as_str() {
            Some(text) => UNITS.iter().find_map(|(unit, factor)| {
                text.strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(*factor)
            }),
            None => integer(value).and_then(|number| u64::try_from(number).ok()),
        };
        let bytes = bytes.and_then(|bytes| u32::try_from(bytes).ok()).filter(|b| (MIN..=MAX).contains(b));
        bytes.map(Size).ok_or_else(|| format!("a size from \"{}\" to \"{}\"", size(MIN), size(MAX)))
    }

    fn show(&self) -> String {
        format!("\"{}\"", size(self.0))
    }
}

fn size(bytes: u32) -> String {
    let fits = |(_, factor): &&(&str, u64)| u64::from(bytes) % factor == 0 && bytes != 0;
    let (unit, factor) = UNITS.iter().find(fits).unwrap_or(&UNITS[2]);
    format!("{}{unit}", u64::from(bytes) / factor)
}

/// A time from `MIN` to `MAX` seconds: `"30s"`, `"5min"`, `"12h"`, `"30days"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span<const MIN: u32, const MAX: u32>(pub Duration);

impl<const MIN: u32, const MAX: u32> Span<MIN, MAX> {
    pub const fn secs(secs: u64) -> Self {
        Span(Duration::from_secs(secs))
    }
}

impl<const MIN: u32, const MAX: u32> Deref for Span<MIN, MAX> {
    type Target = Duration;
    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl<const MIN: u32, const MAX: u32> Setting for Span<MIN, MAX> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let (min, max) = (Duration::from_secs(MIN.into()), Duration::from_secs(MAX.into()));
        let span = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
        let span = span.filter(|span| (min..=max).contains(span));
        span.map(Span).ok_or_else(|| format!("a time from \"{}\" to \"{}\"", time(min), time(max)))
    }

    fn show(&self) -> String {
        format!("\"{}\"", time(self.0))
    }
}

fn time(span: Duration) -> impl Display {
    let days = span.as_secs() / 86_400;
    // Its years and months are no whole days.
    if days > 1 && span == Duration::from_secs(days * 86_400) {
        return format!("{days}days");
    }
    humantime::format_duration(span).to_string().replace(' ', "")
}

impl Setting for bool {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "true or false".into())
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn kind() -> Kind {
        Kind::Bool
    }
}

impl Setting for String {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = value.as_str().filter(|text| !text.contains('\0'));
        text.map(Into::into).ok_or_else(|| "text in quotes".into())
    }

    fn show(&self) -> String {
        // A JSON string is a TOML string too.
        serde_json::Value::from(self.as_str()).to_string()
    }
}

impl Setting for PathBuf {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = value.as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
        text.map(Into::into).ok_or_else(|| "a path in quotes".into())
    }

    fn show(&self) -> String {
        self.display().to_string().show()
    }

    fn kind() -> Kind {
        Kind::Path
    }
}

/// None is an empty text.
impl Setting for Option<PathBuf> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("") => Ok(None),
            _ => PathBuf::read(value).map(Some),
        }
    }

    fn show(&self) -> String {
        self.clone().unwrap_or_default().show()
    }

    fn kind() -> Kind {
        Kind::Path
    }
}

/// None is an empty text.
impl Setting for Option<SocketAddr> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some("") => Ok(None),
            text => {
                let address = text.and_then(|text| text.parse().ok());
                address.map(Some).ok_or_else(|| "an address with a port like \"127.0.0.1:9110\"".into())
            }
        }
    }

    fn show(&self) -> String {
        self.map(|address| address.to_string()).unwrap_or_default().show()
    }
}

impl Setting for Vec<String> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let items =
            value.as_array().map(|items| items.iter().map(|item| item.get_ref().as_str().map(Into::into)));
        items.and_then(Iterator::collect).ok_or_else(|| "a list of texts, like [\"a\", \"b\"]".into())
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Setting::show).collect::<Vec<_>>().join(", "))
    }

    fn kind() -> Kind {
        Kind::List
    }
}

/// One of a few words. The words are those of `ALL`, told by `name`.
pub trait Choice: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    fn name(self) -> &'static str;
}

/// Defines choices, each variant with its word: one that is there can be chosen.
macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])+
        $Choice:ident {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $Choice {
            $($(#[doc = $variant_doc])* $variant,)+
        }

        impl Choice for $Choice {
            const ALL: &'static [$Choice] = &[$($Choice::$variant),+];

            fn name(self) -> &'static str {
                match self {
                    $($Choice::$variant => $word,)+
                }
            }
        }
    )+};
}
pub(super) use choices;

/// What a wrong word is told.
fn words<T: Choice>() -> String {
    let quoted: Vec<_> = T::ALL.iter().map(|choice| format!("\"{}\"", choice.name())).collect();
    quoted.join(", ")
}

fn word<T: Choice>(value: &DeValue<'_>) -> Option<T> {
    let text = value.as_str()?;
    T::ALL.iter().copied().find(|choice| choice.name() == text)
}

/// One of the words of `T`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OneOf<T>(pub T);

impl<T: Choice> Setting for OneOf<T> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        word(value).map(OneOf).ok_or_else(|| format!("one of {}", words::<T>()))
    }

    fn show(&self) -> String {
        format!("\"{}\"", self.0.name())
    }

    fn kind() -> Kind {
        Kind::OneOf(T::ALL.iter().map(|choice| choice.name()).collect())
    }
}

/// Some of the words of `T`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SomeOf<T>(pub Vec<T>);

impl<T: Choice> Setting for SomeOf<T> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let items =
            value.as_array().and_then(|items| items.iter().map(|item| word(item.get_ref())).collect());
        items.map(SomeOf).ok_or_else(|| format!("a list of {}", words::<T>()))
    }

    fn show(&self) -> String {
        let quoted: Vec<_> = self.0.iter().map(|choice| format!("\"{}\"", choice.name())).collect();
        format!("[{}]", quoted.join(", "))
    }

    fn kind() -> Kind {
        Kind::SomeOf(T::ALL.iter().map(|choice| choice.name()).collect())
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
