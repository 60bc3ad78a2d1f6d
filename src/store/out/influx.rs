//! Volumes, coverage and losses as points of InfluxDB's line protocol, by HTTP:
//! `/api/v2/write` of version 2, `/write` of version 1.

use super::link::PATIENCE;
use super::{Error, Influx};
use crate::http::{Body, basic, post, quoted};
use crate::record::{Record, Traffic};
use crate::store::Store;
use crate::time::Time;

/// Points in one request.
const AT_ONCE: usize = 2000;

/// See the module's text. Written again, a point changes nothing.
pub struct Points {
    options: Influx,
}

impl Points {
    pub fn new(options: Influx) -> Points {
        Points { options }
    }

    /// Where to post to, and what to show there.
    fn request(&self) -> Result<(String, Option<String>), Error> {
        let Influx { org, bucket, token, db, user, password, .. } = &self.options;
        if bucket.is_empty() {
            let password = password.read()?.unwrap_or_default();
            let authorization = (!user.is_empty()).then(|| basic(user, &password));
            return Ok((format!("/write?db={}&precision=ns", quoted(db)), authorization));
        }
        let path = format!("/api/v2/write?org={}&bucket={}&precision=ns", quoted(org), quoted(bucket));
        Ok((path, token.read()?.map(|token| format!("Token {token}"))))
    }
}

impl Store for Points {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let (path, authorization) = self.request()?;
        for part in records.chunks(AT_ONCE) {
            let text: String = part.iter().filter_map(point).collect();
            if text.is_empty() {
                continue;
            }
            let url = &self.options.url;
            let body = Body {
                bytes: text.as_bytes(),
                kind: "text/plain; charset=utf-8",
                authorization: authorization.as_deref(),
            };
            let status = post(&url.below(&path), &body, PATIENCE);
            match status.map_err(|error| Error::Retry(format!("{url}: {error}")))? {
                200..=299 => {}
                // What the server can't read, it never will.
                status @ (400 | 413 | 422) => {
                    return Err(Error::Fatal(format!("{url}: refused with status {status}")));
                }
                // An account or a database may be made, a server may recover.
                status => return Err(Error::Retry(format!("{url}: answered with status {status}"))),
            }
        }
        Ok(())
    }
}

/// The point that `record` makes, with its newline.
fn point(record: &Record) -> Option<String> {
    let (tags, fields, time) = match record {
        Record::Traffic(row) => {
            let app = row.app.as_deref().map(|app| format!(",app={}", tag(app))).unwrap_or_default();
            let tags = format!("weir_traffic,device={}{app}", tag(&row.device.text()));
            let fields = format!(
                "bytes_out={}i,bytes_in={}i,packets={}i,sessions={}i,active_seconds={}i",
                row.bytes_out, row.bytes_in, row.packets, row.sessions, row.active_seconds
            );
            (tags, fields, apart(row))
        }
        Record::Coverage(row) => {
            let fields = format!(
                "bytes_line={}i,bytes_seen={}i,bytes_unnamed={}i",
                row.bytes_line, row.bytes_seen, row.bytes_unnamed
            );
            (format!("weir_coverage,iface={}", tag(&row.iface)), fields, row.time)
        }
        Record::Health(row) => {
            let fields =
                format!("offered={}i,lost={}i,flash_bytes={}i", row.offered, row.lost, row.flash_bytes);
            (format!("weir_health,stage={}", tag(&row.stage)), fields, row.time)
        }
        _ => return None,
    };
    Some(format!("{tags} {fields} {}000\n", time.micros()))
}

/// The minute, and microseconds that tell two rows of it apart: points of the
/// same tags and time would be one.
fn apart(row: &Traffic) -> Time {
    let number = row.id.number() & 0x7ff;
    row.time + std::time::Duration::from_micros(u64::try_from(number).unwrap_or(0))
}

/// A tag's value: commas, blanks and equals signs with a backslash before them.
/// It has no newlines, and a backslash at its end would take the next sign.
fn tag(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().filter(|char| !char.is_control() && *char != '\\') {
        if matches!(char, ',' | ' ' | '=') {
            out.push('\\');
        }
        out.push(char);
    }
    if out.is_empty() { "-".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;
    use crate::record::{Device, Ids};

    #[test]
    fn each_version_has_its_path_and_account() {
        let password = Secret::Text("p".into());
        let one = Influx {
            url: "http://influx.lan:8086".parse().unwrap(),
            org: String::new(),
            bucket: String::new(),
            token: Secret::None,
            db: "my db".into(),
            user: "u".into(),
            password,
        };
        let (org, bucket, token) = ("at home".into(), "weir".into(), Secret::Text("t".into()));
        let two = Influx { org, bucket, token, db: String::new(), user: String::new(), ..one.clone() };
        let request = |options: Influx| Points::new(options).request().unwrap();
        assert_eq!(request(one), ("/write?db=my%20db&precision=ns".into(), Some("Basic dTpw".into())));
        let path = "/api/v2/write?org=at%20home&bucket=weir&precision=ns";
        assert_eq!(request(two), (path.into(), Some("Token t".into())));
    }

    #[test]
    fn a_point_has_its_tags_quoted() {
        let time = Time::from_secs(1_700_000_040);
        let row = Traffic {
            id: Ids::default().next(time, 5 << 53),
            time,
            device: Device::Ip([192, 0, 2, 1].into()),
            app: Some("A, b=c\\\n".into()),
            bytes_out: 1,
            bytes_in: u64::from(u32::MAX) + 1,
            packets: 3,
            sessions: 4,
            active_seconds: 5,
        };
        assert_eq!(
            point(&row.into()).unwrap(),
            "weir_traffic,device=192.0.2.1,app=A\\,\\ b\\=c bytes_out=1i,bytes_in=4294967296i,packets=3i,\
             sessions=4i,active_seconds=5i 1700000040000005000\n"
        );
        assert_eq!(tag("\\"), "-");
    }
}
