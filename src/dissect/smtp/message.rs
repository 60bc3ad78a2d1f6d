//! The mail itself (RFC 5322, 2045 to 2047): its subject and the names of the
//! files in it. Its text is passed over.

use super::super::login;
use super::encoded;

/// Bytes of a field that are kept while it goes on in further lines.
const MAX_FIELD: usize = 4_096;

/// Bytes of a subject and of a file's name that are kept.
const MAX_SUBJECT: usize = 1_024;
const MAX_FILE: usize = 255;

/// Files of a mail that are named.
const MAX_FILES: usize = 32;

/// Parts within parts, and the longest line between them (RFC 2046, 5.1.1).
const MAX_DEPTH: usize = 8;
const MAX_BOUNDARY: usize = 70;

/// Reads one mail.
#[derive(Default, Debug)]
pub struct Message {
    /// Behind the empty line that ends a head.
    in_body: bool,
    /// Of the mail, not of one of its parts.
    was_head_read: bool,
    field: Option<(Field, Vec<u8>)>,
    /// What the head says of what follows it.
    part: Part,
    /// Lines between parts, of the outermost first.
    boundaries: Vec<String>,
    subject: Option<String>,
    files: Vec<String>,
    /// A line that goes on in the next chunk.
    rest: Vec<u8>,
}

/// The fields that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Subject,
    ContentType,
    ContentDisposition,
}

#[derive(Default, Debug)]
struct Part {
    file: Option<String>,
    boundary: Option<String>,
    is_message: bool,
}

impl Message {
    /// Takes some bytes, which may end within a line (RFC 3030, 2).
    pub fn chunk(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let left = MAX_FIELD.saturating_sub(self.rest.len());
            self.rest.extend(piece.get(..left).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                self.line(text.strip_suffix(b"\r").unwrap_or(text));
                self.rest = line;
                self.rest.clear();
            }
        }
    }

    /// Takes the next line, without its end.
    pub fn line(&mut self, line: &[u8]) {
        if line.starts_with(b"--") && self.is_between(line) {
            return;
        }
        if self.in_body {
            return;
        }
        match line.first() {
            None => self.end_head(),
            Some(b' ' | b'\t') => {
                if let Some((_, value)) = &mut self.field {
                    let left = MAX_FIELD.saturating_sub(value.len());
                    value.extend(line.get(..left).unwrap_or(line));
                }
            }
            Some(_) => self.begin_field(line),
        }
    }

    /// What was found up to here: the subject, and the names of files.
    pub fn end(mut self) -> (Option<String>, Vec<String>) {
        self.end_field();
        self.end_part();
        (self.subject, self.files)
    }

    /// Memory that it takes beside itself, in bytes.
    pub fn held(&self) -> usize {
        let texts = self.subject.iter().chain(&self.files).chain(&self.boundaries);
        let field = self.field.as_ref().map_or(0, |(_, value)| value.capacity());
        texts.map(String::capacity).sum::<usize>() + field + self.rest.capacity()
    }

    fn begin_field(&mut self, line: &[u8]) {
        self.end_field();
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            // A mail without a head.
            self.in_body = true;
            return;
        };
        let (name, value) = line.split_at(colon);
        let field = match name.trim_ascii_end().to_ascii_lowercase().as_slice() {
            b"subject" if !self.was_head_read => Field::Subject,
            b"content-type" => Field::ContentType,
            b"content-disposition" => Field::ContentDisposition,
            _ => return,
        };
        let value = value.get(1..MAX_FIELD).or(value.get(1..)).unwrap_or_default();
        self.field = Some((field, value.into()));
    }

    fn end_field(&mut self) {
        let Some((field, value)) = self.field.take() else { return };
        let file = |key| encoded::parameter(&value, key);
        match field {
            Field::Subject => self.subject = login::text(encoded::text(&value).as_bytes(), MAX_SUBJECT),
            Field::ContentDisposition => self.part.file = file("filename").or(self.part.file.take()),
            Field::ContentType => {
                let kind = value.trim_ascii_start().to_ascii_lowercase();
                self.part.is_message = kind.starts_with(b"message/rfc822");
                if kind.starts_with(b"multipart/") {
                    self.part.boundary = file("boundary").filter(|it| (1..=MAX_BOUNDARY).contains(&it.len()));
                }
                // What the disposition says is the better name.
                self.part.file = self.part.file.take().or(file("name"));
            }
        }
    }

    /// The empty line behind a head.
    fn end_head(&mut self) {
        self.end_field();
        self.was_head_read = true;
        let part = self.end_part();
        if let Some(boundary) = part.boundary
            && self.boundaries.len() < MAX_DEPTH
        {
            self.boundaries.push(boundary);
        }
        // A mail within the mail has a head too.
        self.in_body = !part.is_message;
    }

    fn end_part(&mut self) -> Part {
        let mut part = std::mem::take(&mut self.part);
        if let Some(file) = part.file.take().and_then(|name| login::text(name.as_bytes(), MAX_FILE))
            && self.files.len() < MAX_FILES
        {
            self.files.push(file);
        }
        part
    }

    /// Whether `line` stands between two parts or behind the last one: then a
    /// head follows, or what nobody reads (RFC 2046, 5.1.1).
    fn is_between(&mut self, line: &[u8]) -> bool {
        let line = line.get(2..).unwrap_or_default().trim_ascii_end();
        let rests = self.boundaries.iter().map(|boundary| line.strip_prefix(boundary.as_bytes()));
        let found = rests.enumerate().filter_map(|(depth, rest)| Some((depth, rest?)));
        let Some((depth, is_last)) = found
            .filter_map(|(depth, rest)| match rest {
                b"" => Some((depth, false)),
                b"--" => Some((depth, true)),
                _ => None,
            })
            .next_back()
        else {
            return false;
        };
        self.end_field();
        self.end_part();
        self.boundaries.truncate(if is_last { depth } else { depth + 1 });
        self.in_body = is_last;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by lines and by chunks of any size.
    fn read(mail: &str) -> (Option<String>, Vec<String>) {
        let mut message = Message::default();
        mail.lines().for_each(|line| message.line(line.as_bytes()));
        let found = message.end();
        for size in [1, 2, 7, 99] {
            let mut message = Message::default();
            mail.as_bytes().chunks(size).for_each(|chunk| message.chunk(chunk));
            assert_eq!(message.end(), found, "{size}");
        }
        found
    }

    const NESTED: &str = "Received: x\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n und mehr\r\n\
        Content-Type: multipart/mixed;\r\n\tboundary=\"out\"\r\n\r\nSubject: no\r\n\
        --out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n\
        --in\r\nContent-Type: text/plain\r\n\r\nhello\r\n--in--\r\n\
        --out\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: inline\r\n\r\n--outer\r\nx\r\n\
        --out \r\nContent-Disposition: attachment; filename=b.pdf\r\nContent-Type: x/y; name=c\r\n\r\nx\r\n\
        --out\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: a/b; name=d\r\n\r\n\
        --out--\r\nContent-Type: a/b; name=behind\r\n\r\n";

    #[test]
    fn files_are_named_in_parts_within_parts() {
        let (subject, files) = read(NESTED);
        assert_eq!(subject.as_deref(), Some("Grüße und mehr"));
        assert_eq!(files, ["a.png", "b.pdf", "d"]);
    }

    #[test]
    fn a_mail_without_a_head_has_no_subject() {
        assert_eq!(read("This is a test\r\nSubject: no\r\n"), (None, vec![]));
        assert_eq!(read("Subject: yes\r\n\r\nSubject: no\r\n").0.as_deref(), Some("yes"));
    }

    #[test]
    fn what_a_mail_may_name_is_bounded() {
        let part = format!("--b\r\nContent-Type: a/b; name={}\r\n\r\n", "n".repeat(5_000));
        let mail = format!(
            "Subject: {}\r\n {}\r\nContent-Type: multipart/x; boundary=b\r\n\r\n{}",
            "s".repeat(9_000),
            "s".repeat(9_000),
            part.repeat(100)
        );
        let (subject, files) = read(&mail);
        assert!((MAX_SUBJECT - 1..=MAX_SUBJECT).contains(&subject.unwrap().len()));
        assert_eq!((files.len(), files[0].len()), (MAX_FILES, MAX_FILE));
        let mut deep = Message::default();
        for _ in 0..100 {
            deep.chunk(b"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n");
        }
        assert!(deep.boundaries.len() <= MAX_DEPTH && deep.held() < 3 * MAX_FIELD);
    }
}
