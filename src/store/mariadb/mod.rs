//! MariaDB, and MySQL as far as it is the same.
//!
//! tokio lives here and nowhere else: a runtime of one thread, which is the
//! writer's own.

mod blocking;
mod failure;
#[cfg(feature = "desk")]
mod read;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use blocking::Blocking;
use failure::Failure;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts, TxOpts};
use tables::{DELETE_AT_ONCE, delete_before, index, insert_all, migrate, oldest, size};
use tokio::runtime::{Builder, Runtime};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::rollup::{self, sums};
use super::{
    Bounds, DEVICES_SELECT, Error, Labelled, Namer, RELABEL_UPDATE, SESSIONS_AT_ONCE, SESSIONS_SELECT, Store,
    before, of_device, tables,
};
use crate::record::{Device, ROLLUPS, Record, Size};
use crate::time::Time;

/// A database too large loses its oldest part, one such part of its time in
/// one go: its size as the server tells it follows only later.
const PARTS: u32 = 16;

/// So that a firewall in between does not forget an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A statement that takes longer than this is not coming back.
const STATEMENT: Duration = Duration::from_secs(60);

/// …except for indexes of tables that were large before they had them.
const INDEXING: Duration = Duration::from_secs(3600);

/// Where the server is, and who we are there.
#[derive(Clone, Debug)]
pub struct Account {
    pub host: String,
    pub port: u16,
    /// Path of a socket, instead of host and port; empty for none.
    pub socket: String,
    pub database: String,
    pub user: String,
    pub password: String,
    /// Certificates (PEM) of who signs the server's; with them it is TLS.
    pub ca: Option<PathBuf>,
    /// How long connecting may take.
    pub timeout: Duration,
}

/// What TLS asks of the server: to be who it is called, signed by those in the
/// file `ca` and nobody else.
fn tls(ca: &Path) -> Result<SslOpts, String> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if cfg!(not(feature = "mariadb-tls")) {
        return Err("this weir was built without TLS for MariaDB".into());
    }
    let certificates = std::fs::read(ca).map_err(|error| format!("{}: {error}", ca.display()))?;
    if !certificates.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Err(format!("{}: no certificate in PEM is in it", ca.display()));
    }
    Ok(SslOpts::default().with_root_certs(vec![certificates.into()]).with_disable_built_in_roots(true))
}

pub struct Mariadb {
    runtime: Runtime,
    options: Opts,
    /// For messages: the account without its password.
    name: String,
    timeout: Duration,
    bounds: Bounds,
    connection: Option<Conn>,
}

impl Mariadb {
    /// Prepares for `account`. Connects when there is something to write, or
    /// by [`Mariadb::connect`].
    pub fn new(account: &Account, bounds: Bounds) -> Result<Mariadb, Error> {
        let place = if account.socket.is_empty() {
            format!("{}:{}", account.host, account.port)
        } else {
            account.socket.clone()
        };
        let name = format!("mariadb {}@{place}/{}", account.user, account.database);
        let ssl = match &account.ca {
            None => None,
            Some(ca) => Some(tls(ca).map_err(|error| Error::Fatal(format!("{name}: {error}")))?),
        };
        let options = OptsBuilder::default()
            .ssl_opts(ssl)
            .ip_or_hostname(&account.host)
            .tcp_port(account.port)
            .socket(Some(account.socket.clone()).filter(|socket| !socket.is_empty()))
            // Only where it is asked for: the server's own hint may point elsewhere.
            .prefer_socket(false)
            .db_name(Some(&account.database))
            .user(Some(&account.user))
            .pass(Some(&account.password))
            .tcp_keepalive(Some(KEEP_ALIVE))
            .setup(vec![
                "SET NAMES utf8mb4",
                // A value that does not fit is an error, never cut in silence.
                "SET SESSION sql_mode='STRICT_ALL_TABLES'",
            ]);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Fatal(format!("{name}: {error}")))?;
        Ok(Mariadb {
            runtime,
            options: options.into(),
            name,
            timeout: account.timeout,
            bounds,
            connection: None,
        })
    }

    /// Connects, if not connected, and brings the tables up to date.
    pub fn connect(&mut self) -> Result<(), Error> {
        if self.connection.is_some() {
            return Ok(());
        }
        let connecting = async {
            let mut connection = Conn::new(self.options.clone()).await?;
            migrate(&mut connection).await?;
            Ok::<_, Failure>(connection)
        };
        let size = Size::of(self.bounds.max_size);
        let result: Result<_, Elapsed> = self.runtime.block_on(async {
            let connected = timeout(self.timeout, connecting).await?;
            let Ok(mut connection) = connected else { return Ok(connected) };
            let indexed = timeout(INDEXING, index(&mut connection, size)).await?;
            Ok(indexed.map(|()| connection))
        });
        match result {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(failure)) => Err(failure.told(&self.name)),
            Err(_) => Err(Error::Retry(format!("{}: no answer in {:?}", self.name, self.timeout))),
        }
    }

    /// Does `work` on a connection, which has to be done within the time of a statement.
    fn with<T>(&mut self, work: impl AsyncFn(&mut Conn) -> Result<T, Failure>) -> Result<T, Error> {
        self.blocking(|sql| sql.wait(&work))
    }

    /// Does `work` on a connection. One that had been idle may turn out to be
    /// dead; then `work` is done once more on a new one.
    fn blocking<T>(&mut self, work: impl Fn(&mut Blocking<'_>) -> Result<T, Failure>) -> Result<T, Error> {
        let mut fresh = self.connection.is_none();
        loop {
            self.connect()?;
            let Mariadb { runtime, connection: Some(connection), .. } = self else { continue };
            let failure = match work(&mut Blocking { runtime, connection }) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            // What a transaction had begun goes with its connection.
            self.connection = None;
            if fresh || !failure.is_lost_connection() {
                return Err(failure.told(&self.name));
            }
            fresh = true;
        }
    }

    /// Writes down how far this router's clock, which says `now`, is ahead of the
    /// server's.
    fn compare_clocks(&mut self, now: Time) -> Result<(), Error> {
        let micros = i64::try_from(now.micros()).unwrap_or(i64::MAX);
        self.with(async |connection| Ok(connection.exec_drop(COMPARE_CLOCKS, (micros,)).await?))
    }

    /// The next sessions behind (`last`, `id`), each with its own.
    fn sessions_behind(&mut self, behind: &mut (i64, i64)) -> Result<Vec<((i64, i64), Labelled)>, Error> {
        let (last, id) = *behind;
        let rows: Vec<SessionRow> = self.with(async |connection| {
            Ok(connection.exec(SESSIONS_SELECT, (last, last, id, SESSIONS_AT_ONCE as u64)).await?)
        })?;
        let rows: Vec<_> = rows.into_iter().map(labelled).collect();
        *behind = rows.last().map_or(*behind, |(place, _)| *place);
        Ok(rows)
    }
}

impl Store for Mariadb {
    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
        let plan = self.bounds.rollup;
        self.blocking(|sql| {
            rollup::whole(sql, |sql| {
                let late = rollup::late(sql, plan.zone, records)?;
                sums::changed(sql, &plan, records, &late)?;
                sql.wait(async |connection| insert_all(connection, records, &late).await)
            })
        })
    }

    fn keep(&mut self, now: Time) -> Result<u64, Error> {
        let bounds = self.bounds;
        let plan = bounds.rollup;
        let folded = self.blocking(|sql| {
            let folded = rollup::fold(sql, &plan, now)?;
            sums::make(sql, &plan, now)?;
            Ok(folded)
        })?;
        let deleted = self.with(async |connection| delete_before(connection, now.back(bounds.keep)).await)?;
        let too_large = self.blocking(|sql| {
            if sql.wait(async |connection| size(connection, tables()).await)? <= bounds.max_size {
                return Ok(0);
            }
            let rolled = sql.wait(async |connection| size(connection, ROLLUPS.iter()).await)?;
            let share = bounds.max_size / 100 * u64::from(plan.share);
            if rolled > share {
                let rows = u128::from(rollup::rows(sql)?) * u128::from(share) / u128::from(rolled);
                let moved = rollup::squeeze(sql, &plan, now, u64::try_from(rows).unwrap_or(u64::MAX))?;
                // The server's size of it follows only later; empty tables have one too.
                if moved > 0 {
                    return Ok(moved);
                }
            }
            let Some(oldest) = sql.wait(oldest)? else {
                return rollup::fold_minutes(sql, &plan, now, now);
            };
            let time = oldest + now.since(oldest) / PARTS;
            let deleted = sql.wait(async |connection| delete_before(connection, time).await)?;
            Ok(deleted + rollup::fold_minutes(sql, &plan, time, now)?)
        })?;
        self.compare_clocks(now)?;
        Ok(folded + deleted + too_large)
    }

    fn sum_up(&mut self, now: Time) -> Result<(), Error> {
        let plan = self.bounds.rollup;
        while self.blocking(|sql| sums::make(sql, &plan, now))? {}
        Ok(())
    }

    fn sessions_while(&mut self, since: Time, each: &mut dyn FnMut(&Labelled) -> bool) -> Result<(), Error> {
        let mut behind = before(since);
        loop {
            let rows = self.sessions_behind(&mut behind)?;
            let goes_on = rows.iter().all(|(_, row)| each(row));
            if rows.len() < SESSIONS_AT_ONCE || !goes_on {
                return Ok(());
            }
        }
    }

    fn devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let devices: Vec<String> =
            self.with(async |connection| Ok(connection.query(DEVICES_SELECT).await?))?;
        devices.iter().for_each(|device| each(device));
        Ok(())
    }

    fn purge(&mut self, device: &Device) -> Result<u64, Error> {
        let mut deleted = 0;
        for (table, condition) in of_device() {
            let sql = format!("DELETE FROM `{}` WHERE {condition} LIMIT {DELETE_AT_ONCE}", table.name);
            loop {
                let rows = self.with(async |connection| {
                    connection.exec_drop(&sql, (device.text().as_str(),)).await?;
                    Ok(connection.affected_rows())
                })?;
                deleted += rows;
                if rows < DELETE_AT_ONCE as u64 {
                    break;
                }
            }
        }
        if deleted > 0 {
            self.blocking(|sql| rollup::whole(sql, sums::make_all_again))?;
        }
        Ok(deleted)
    }

    fn relabel(&mut self, since: Time, namer: &mut Namer<'_>) -> Result<(), Error> {
        let mut behind = before(since);
        loop {
            let rows = self.sessions_behind(&mut behind)?;
            let named = rows.iter().filter_map(|((_, id), row)| Some((namer(row)?.to_string(), *id)));
            let changes: Vec<(String, i64)> = named.collect();
            self.with(async |connection| {
                let mut transaction = connection.start_transaction(TxOpts::default()).await?;
                transaction.exec_batch(RELABEL_UPDATE, changes.iter().cloned()).await?;
                transaction.commit().await?;
                Ok(())
            })?;
            if rows.len() < SESSIONS_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// Of those that ever wrote here, the one that did last is this one.
const COMPARE_CLOCKS: &str = "UPDATE router SET ahead_ms = \
    (? - CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)) DIV 1000 ORDER BY last DESC LIMIT 1";

/// The columns of `SESSIONS_SELECT`.
type SessionRow =
    (i64, i64, String, u16, String, u16, Option<String>, Option<String>, u64, String, String, u64);

/// Its `last` and `id`, and what it tells.
fn labelled(row: SessionRow) -> ((i64, i64), Labelled) {
    let (id, last, proto, client_port, server, server_port, host, app, start, client, device, bytes) = row;
    let labelled = Labelled {
        id,
        proto,
        client_port,
        server,
        server_port,
        host,
        app,
        start: Time::from_micros(start),
        last: Time::from_micros(last.max(0) as u64),
        client,
        device,
        bytes,
    };
    ((last, id), labelled)
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // A proper goodbye keeps a warning out of the server's log.
            let _ = self.runtime.block_on(async { timeout(self.timeout, connection.disconnect()).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_needs_is_asked_for() {
        let told = tls(Path::new("/nowhere/ca.pem")).unwrap_err();
        let built = cfg!(feature = "mariadb-tls");
        assert_eq!(told.starts_with("/nowhere/ca.pem: No such file"), built, "{told}");
        assert_eq!(told.contains("built without TLS"), !built, "{told}");
        if built {
            let told = tls(Path::new("/dev/null")).unwrap_err();
            assert_eq!(told, "/dev/null: no certificate in PEM is in it");
        }
    }
}
