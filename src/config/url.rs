//! Where something is sent by HTTP, as a setting.

use toml::de::DeValue;

use super::setting::Setting;
use crate::http::Url;

/// None is an empty text.
impl Setting for Option<Url> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let wrong = || "an address like \"http://192.168.1.9:8080/alert\", without https".to_owned();
        match value.as_str().ok_or_else(wrong)? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|()| wrong()),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default().show()
    }
}
