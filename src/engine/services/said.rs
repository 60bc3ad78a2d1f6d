//! What a program calls itself, out of what it says.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};

/// The program and its version in `text`: `nginx/1.25.3`, `(vsFTPd 3.0.3)`,
/// `SSH-2.0-OpenSSH_9.6p1`. None where nothing in it looks like a version.
pub fn program(text: &str) -> Option<(String, String)> {
    let words: Vec<&str> =
        text.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', ';', '[', ']'])).collect();
    let joined = words.iter().find_map(|word| {
        let word = word.strip_prefix("SSH-2.0-").unwrap_or(word);
        let (name, version) = word.split_once(['/', '_'])?;
        (is_name(name) && is_version(version)).then_some((name, version))
    });
    let apart = || {
        let pair = words.windows(2).find(|pair| is_name(pair[0]) && is_version(pair[1]))?;
        Some((pair[0], pair[1].trim_start_matches(['v', 'V'])))
    };
    joined.or_else(apart).map(|(name, version)| (name.to_owned(), version.to_owned()))
}

/// Words that stand before a version of something else.
const NO_NAMES: &[&str] =
    &["version", "ready", "server", "service", "http", "esmtp", "smtp", "ftp", "at", "on"];

fn is_name(word: &str) -> bool {
    let is_plain = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'));
    is_plain && word.starts_with(char::is_alphabetic) && !NO_NAMES.contains(&&*word.to_lowercase())
}

/// `1.2`, `v3`, `9.6p1`: a digit first, and few signs.
fn is_version(word: &str) -> bool {
    let digits = word.trim_start_matches(['v', 'V']);
    let is_plain =
        digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~'));
    // `220 10 users`: a number alone is hardly a version.
    digits.starts_with(|c: char| c.is_ascii_digit()) && is_plain && (digits.contains('.') || digits != word)
}

/// `bytes`, uncompressed where they are not plain; at most `limit` of them.
pub fn inflated(bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut plain = vec![0; limit];
    let mut reader: Box<dyn Read + '_> = match bytes {
        [0x1f, 0x8b, ..] => Box::new(GzDecoder::new(bytes)),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Box::new(ZlibDecoder::new(bytes)),
        _ => Box::new(bytes),
    };
    let mut got = 0;
    // What is cut off ends in an error; what came before it counts.
    while let Some(room) = plain.get_mut(got..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) | Err(_) => break,
            Ok(more) => got += more,
        }
    }
    plain.truncate(got);
    plain
}

/// What stands between `<title>` and `</title>`, in one line.
pub fn title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(page);
    // ASCII letters only change: places stay what they are.
    let lower = page.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let begin = open + lower.get(open..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title")?;
    let words: Vec<&str> = page.get(begin..end)?.split_whitespace().collect();
    let plain = words.join(" ");
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    let title = entities.iter().fold(plain, |title, (entity, sign)| title.replace(entity, sign));
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    #[test]
    fn programs_say_their_versions_in_many_ways() {
        for (text, name, version) in [
            ("nginx/1.25.3", "nginx", "1.25.3"),
            ("Apache/2.4.41 (Ubuntu) OpenSSL/1.1.1f", "Apache", "2.4.41"),
            ("(vsFTPd 3.0.3)", "vsFTPd", "3.0.3"),
            ("SSH-2.0-OpenSSH_9.6p1 Debian-2", "OpenSSH", "9.6p1"),
            ("SSH-2.0-dropbear_2022.83", "dropbear", "2022.83"),
            ("ProFTPD 1.3.5 Server (Debian)", "ProFTPD", "1.3.5"),
            ("mail.example.com ESMTP Exim 4.94.2 Sat", "Exim", "4.94.2"),
            ("uc-httpd v1.0", "uc-httpd", "1.0"),
        ] {
            assert_eq!(program(text), Some((name.into(), version.into())), "{text}");
        }
        for text in ["", "lighttpd", "220 welcome", "HTTP/1.1 400", "mail ESMTP Postfix (Ubuntu)", "users 10"]
        {
            assert_eq!(program(text), None, "{text}");
        }
    }

    #[test]
    fn a_title_is_one_line_of_text() {
        let page = b"<html><HEAD><TITLE lang=en>\n A &amp; B\n router</title>";
        assert_eq!(title(page).as_deref(), Some("A & B router"));
        for page in [&b"<title>no end"[..], b"<title", b"<title></title>", b"\xff\xfe"] {
            assert_eq!(title(page), None);
        }
    }

    #[test]
    fn a_compressed_page_is_read_as_far_as_it_came() {
        let page = "<title>Camera</title>".to_owned() + &"0123456789".repeat(1_000);
        let mut packed = Vec::new();
        GzEncoder::new(page.as_bytes(), Compression::fast()).read_to_end(&mut packed).unwrap();
        let plain = inflated(&packed, 100);
        assert_eq!(plain, page.as_bytes()[..100]);
        packed.truncate(packed.len() - 10);
        assert_eq!(title(&inflated(&packed, 1_000)).as_deref(), Some("Camera"));
        assert_eq!(inflated(&[0x1f, 0x8b, 0xff], 100), b"");
        assert_eq!(inflated(b"plain", 3), b"pla");
    }
}
