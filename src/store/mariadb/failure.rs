//! What went wrong, and whether waiting helps.

use super::STATEMENT;
use crate::record::VERSION;
use crate::store::Error;

pub enum Failure {
    Sql(mysql_async::Error),
    /// A database that we do not write to.
    Newer(u32),
    Slow,
}

impl From<mysql_async::Error> for Failure {
    fn from(error: mysql_async::Error) -> Failure {
        Failure::Sql(error)
    }
}

impl Failure {
    pub fn is_lost_connection(&self) -> bool {
        matches!(self, Failure::Sql(mysql_async::Error::Io(_) | mysql_async::Error::Driver(_)))
    }

    /// As an error of the store called `name`.
    pub fn told(self, name: &str) -> Error {
        match self {
            Failure::Sql(mysql_async::Error::Server(error)) => {
                let text = format!("{name}: {} ({})", error.message, error.code);
                if will_pass(error.code) { Error::Retry(text) } else { Error::Fatal(text) }
            }
            Failure::Sql(mysql_async::Error::Io(error)) => Error::Retry(format!("{name}: {error}")),
            Failure::Sql(error) => Error::Retry(format!("{name}: {error}")),
            Failure::Slow => Error::Retry(format!("{name}: no answer in {STATEMENT:?}")),
            Failure::Newer(version) => Error::Fatal(format!(
                "{name}: was made by a newer Weir (schema {version}, this one knows {VERSION})"
            )),
        }
    }
}

/// Errors of the server that are not about what was sent: it is busy, full,
/// read-only or going down.
fn will_pass(code: u16) -> bool {
    matches!(
        code,
        1021 | 1030 | 1037 | 1038 | 1040 | 1041 | 1053 | 1080 | 1114 | 1135 | 1152 | 1158
            ..=1161
                | 1180
                | 1181
                | 1194
                | 1197
                | 1203
                | 1205
                | 1206
                | 1213
                | 1226
                | 1290
                | 1317
                | 1836
                | 1877
                | 1927
    )
}
