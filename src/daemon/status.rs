//! `weir status`: what the running daemon counts.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::{Exit, load_config};
use crate::control;

/// Asks the daemon; `as_json` as it answered, otherwise as a list to read.
pub fn status(config: Option<&Path>, as_json: bool) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    let path = &config.daemon.control;
    let answer = control::ask(path, &json!({"command": "status"})).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => "weir is not running".into(),
            io::ErrorKind::PermissionDenied => "no permission to ask the daemon".into(),
            _ => error.to_string(),
        };
        Exit::Failed(format!("{}: {why}", path.display()))
    })?;
    if as_json {
        return Ok(answer.to_string());
    }
    let mut text = String::new();
    write_list(&answer, "", &mut text);
    Ok(text.trim_end().to_owned())
}

/// Nested names are joined by spaces: `store written  1234`.
fn write_list(value: &Value, name: &str, out: &mut String) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('_', " ");
                write_list(value, &if name.is_empty() { key } else { format!("{name} {key}") }, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let label = item["name"].as_str().unwrap_or_default();
                write_list(item, &format!("{name} {label}"), out);
            }
        }
        Value::Null => {}
        Value::String(text) => out.push_str(&format!("{name:<36} {text}\n")),
        other => out.push_str(&format!("{name:<36} {other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_as_a_list() {
        let mut text = String::new();
        write_list(&json!({"a_b": {"c": 1}, "d": [{"name": "eth0", "x": null, "y": "up"}]}), "", &mut text);
        let lines: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines,
            [vec!["a", "b", "c", "1"], vec!["d", "eth0", "name", "eth0"], vec!["d", "eth0", "y", "up"]]
        );
    }
}
