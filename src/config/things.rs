//! A list of devices.

use std::ops::Deref;

use toml::de::DeValue;

use super::{Kind, Setting};
use crate::policy::Whose;

/// MAC addresses, addresses and networks, as policies have them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Things {
    texts: Vec<String>,
    whose: Vec<Whose>,
}

impl Deref for Things {
    type Target = [Whose];

    fn deref(&self) -> &[Whose] {
        &self.whose
    }
}

impl Setting for Things {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let texts = Vec::<String>::read(value)?;
        let whose: Result<Vec<Whose>, ()> = texts.iter().map(|text| text.parse()).collect();
        let expected = "a list of MAC addresses, addresses or networks, like [\"192.168.1.64/26\"]";
        whose.map(|whose| Things { texts, whose }).map_err(|()| expected.into())
    }

    fn show(&self) -> String {
        self.texts.show()
    }

    fn kind() -> Kind {
        Kind::List
    }
}
