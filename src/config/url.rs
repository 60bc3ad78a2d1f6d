//! Where something is sent by HTTP.

use std::fmt;

use toml::de::DeValue;

use super::setting::Setting;

/// `http://host:port/path` (RFC 9110, 4.2.1), without a user, as what is written
/// here may be read by many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// A name or an address, that of IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// From the first slash on, with the query.
    pub path: String,
}

impl Url {
    pub fn parse(text: &str) -> Option<Url> {
        let rest = text.strip_prefix("http://")?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => {
                let (host, behind) = inner.split_once(']')?;
                (host, if behind.is_empty() { Some("80") } else { behind.strip_prefix(':') })
            }
            None => {
                authority.split_once(':').map_or((authority, Some("80")), |(host, port)| (host, Some(port)))
            }
        };
        let is_number = port?.bytes().all(|byte| byte.is_ascii_digit());
        let port: u16 = port?.parse().ok().filter(|port| is_number && *port > 0)?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(is_host) || !is_plain || path.contains('#') {
            return None;
        }
        let path = if path.starts_with('/') { path.into() } else { format!("/{path}") };
        Some(Url { host: host.into(), port, path })
    }

    /// Host and port, as a request names them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

/// None is an empty text.
impl Setting for Option<Url> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let wrong = || "an address like \"http://192.168.1.9:8080/alert\", without https".to_owned();
        match value.as_str().ok_or_else(wrong)? {
            "" => Ok(None),
            text => Url::parse(text).map(Some).ok_or_else(wrong),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default().show()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_host_port_and_path() {
        for (text, host, port, path) in [
            ("http://192.168.1.9:8080/a?b=c", "192.168.1.9", 8080, "/a?b=c"),
            ("http://home.example", "home.example", 80, "/"),
            ("http://home.example?x", "home.example", 80, "/?x"),
            ("http://[fd00::9]:81/", "fd00::9", 81, "/"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((&*url.host, url.port, &*url.path), (host, port, path), "{text}");
        }
        assert_eq!(Url::parse("http://[fd00::9]:81/x").unwrap().to_string(), "http://[fd00::9]:81/x");
        for wrong in [
            "https://a/",
            "a.example",
            "http://",
            "http://:80/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:+1/",
            "http://u:p@a/",
            "http://a/\r\nX: y",
            "http://a b/",
            "http://[::1/",
            "http://[::1]x/",
            "http://a/#b",
        ] {
            assert_eq!(Url::parse(wrong), None, "{wrong}");
        }
    }
}
