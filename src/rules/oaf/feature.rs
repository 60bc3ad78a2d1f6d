//! One of their features, field by field.

use super::{dict, host};

/// A feature of theirs as one of ours, with remarks on what is not the same.
pub fn convert(text: &str, remarks: &mut Vec<String>) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    let fields: Vec<_> = text.split(';').map(str::trim).collect();
    let ([proto, sport, dport, host, request, dict], search, ignore) = match fields[..] {
        [a, b, c, d, e, f] => ([a, b, c, d, e, f], "", ""),
        [a, b, c, d, e, f, search, ignore] => ([a, b, c, d, e, f], search, ignore),
        _ => return Err(format!("it has {} fields, not 6 or 8", fields.len())),
    };
    if !matches!(proto, "" | "tcp" | "udp") {
        return Err(format!("there is no protocol {proto}"));
    }
    let sport = if sport.is_empty() { String::new() } else { port(sport)?.to_string() };
    let dport = ports(dport)?;
    let is_named = !host.is_empty() || !request.is_empty();
    if host.is_empty() && is_named {
        return Err(format!("the request {request} is looked at nowhere here"));
    }
    if !request.is_empty() {
        remarks.push(format!("the request {request} is looked at nowhere here; its host stays"));
    }
    let host = if is_named { host::convert(host, remarks)? } else { String::new() };
    if is_named && !dict.is_empty() {
        remarks.push(format!("the bytes {dict} were not looked at beside a host: left out"));
    }
    let (payload, bytes) = if is_named { Default::default() } else { dict::convert(dict, remarks)? };
    match (search.is_empty(), bytes) {
        (true, _) => {}
        (false, 0) => remarks.push(format!("search {search} was not looked at without bytes: left out")),
        (false, _) => return Err(format!("search {search} is looked for nowhere here")),
    }
    if !ignore.is_empty() {
        remarks.push(format!("ignore {ignore} has no meaning here"));
    }
    let any_port = sport.is_empty() && dport.is_empty();
    match (is_named, bytes) {
        (false, 0) if any_port => return Err("it would match everything, or all of a protocol".into()),
        (false, 0) if matches!(&*dport, "80" | "443" | "80|443") => {
            remarks.push("a web port alone takes every session without a name".into());
        }
        (false, 1 | 2) if any_port => {
            remarks.push(format!("{bytes} of its bytes without a port are there by chance"));
        }
        _ => {}
    }
    Ok(format!("{proto};{sport};{dport};{host};{payload}"))
}

fn port(text: &str) -> Result<u16, String> {
    text.trim().parse().map_err(|_| format!("{text} is no port"))
}

/// `80|443|8000-9000|!8443`, with any blanks taken out.
fn ports(text: &str) -> Result<String, String> {
    let mut items = Vec::new();
    for item in text.split('|').map(str::trim).filter(|item| !item.is_empty()) {
        let (not, range) = item.strip_prefix('!').map_or(("", item), |range| ("!", range));
        items.push(match range.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (port(first)?, port(last)?);
                if last < first {
                    return Err(format!("{item} holds no port"));
                }
                format!("{not}{first}-{last}")
            }
            None => format!("{not}{}", port(range)?),
        });
    }
    Ok(items.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_tidied() {
        assert_eq!(ports(" 80 |!90-99||7 ").as_deref(), Ok("80|!90-99|7"));
        assert!(
            ports("x").is_err() && ports("9-5").is_err() && ports("70000").is_err() && ports("1-").is_err()
        );
    }

    #[test]
    fn the_number_of_fields_is_exact() {
        let told = |text| convert(text, &mut Vec::new());
        assert_eq!(told("tcp;;5;;;;;").as_deref(), Ok("tcp;;5;;"));
        assert_eq!(told("tcp;;5;;;").as_deref(), Ok("tcp;;5;;"));
        for text in ["", "tcp", "tcp;;5;;", "tcp;;5;;;;", "tcp;;5;;;;;;", "sctp;;5;;;", ";x;5;;;", ";;;;;"] {
            assert!(told(text).is_err(), "{text}");
        }
    }
}
