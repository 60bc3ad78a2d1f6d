//! Their bytes: `pos:hex|pos:hex`, one byte each.

use crate::wire::bytes::hex;

/// Longest run of bytes in one of our tests, and the largest place.
const MAX_RUN: usize = 64;
const MAX_PLACE: u32 = 65_535;

/// The tests as features.txt has them, and how many bytes they compare.
pub fn convert(text: &str, remarks: &mut Vec<String>) -> Result<(String, usize), String> {
    let mut runs: Vec<(i32, Vec<u8>)> = Vec::new();
    for item in text.split('|').map(str::trim).filter(|item| !item.is_empty()) {
        let mut pieces = item.split(':').map(str::trim);
        let place = pieces.next().and_then(|place| place.parse::<i32>().ok());
        let byte = pieces.next().and_then(byte);
        let (Some(place), Some(byte)) = (place, byte) else {
            return Err(format!("{item} is no place and byte"));
        };
        if place.unsigned_abs() > MAX_PLACE {
            return Err(format!("{item} lies behind every packet's end"));
        }
        if pieces.next().is_some() {
            remarks.push(format!("{item} became {place}:{byte:02x}, all that was looked at there"));
        }
        match runs.last_mut() {
            // Places from the end stop at -1; 0 is another packet's side.
            Some((start, bytes))
                if place != 0 && *start + bytes.len() as i32 == place && bytes.len() < MAX_RUN =>
            {
                bytes.push(byte);
            }
            _ => runs.push((place, vec![byte])),
        }
    }
    let count = runs.iter().map(|(_, bytes)| bytes.len()).sum();
    let tests: Vec<_> = runs
        .iter()
        .map(|(place, bytes)| {
            let hex = hex(bytes);
            format!("{place}:{hex}")
        })
        .collect();
    Ok((tests.join("|"), count))
}

fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_come_together() {
        let mut remarks = Vec::new();
        let mut told = |text| convert(text, &mut remarks).map(|(text, _)| text);
        assert_eq!(told("00:47|01:45|2:54|09:0a").as_deref(), Ok("0:474554|9:0a"));
        assert_eq!(told("-2:2f|-1:00|0:1").as_deref(), Ok("-2:2f00|0:01"));
        assert_eq!(told("1:66").as_deref(), Ok("1:66"));
        assert_eq!(told("").as_deref(), Ok(""));
        assert_eq!(told("0:123"), Err("0:123 is no place and byte".into()));
        assert!(told("99999:01").is_err() && told("x").is_err() && told("0:+1").is_err());
        assert!(told("-2147483648:01").is_err());
        assert_eq!(told("00:73:01:00").as_deref(), Ok("0:73"));
        assert_eq!(remarks, ["00:73:01:00 became 0:73, all that was looked at there"]);
    }
}
