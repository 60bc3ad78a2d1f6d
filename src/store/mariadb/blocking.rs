//! A connection as [`rollup`] uses it: one statement after the other.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Value};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{Failure, STATEMENT};
use crate::record::Dialect;
use crate::store::rollup::Sql;

pub struct Blocking<'a> {
    pub runtime: &'a Runtime,
    pub connection: &'a mut Conn,
}

impl Blocking<'_> {
    /// Does `work`, and gives up when it takes too long.
    pub fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Conn) -> Result<T, Failure>) -> Result<T, Failure> {
        let Blocking { runtime, connection } = self;
        runtime.block_on(async { timeout(STATEMENT, work(connection)).await }).unwrap_or(Err(Failure::Slow))
    }
}

fn positional(params: &[i64]) -> Params {
    Params::Positional(params.iter().map(|&number| Value::Int(number)).collect())
}

impl Sql for Blocking<'_> {
    type Error = Failure;

    fn dialect(&self) -> Dialect {
        Dialect::Mariadb
    }

    fn run(&mut self, sql: &str, params: &[i64]) -> Result<u64, Failure> {
        self.wait(async |connection| {
            // What begins and ends a transaction can't be prepared everywhere.
            match params {
                [] => connection.query_drop(sql).await?,
                _ => connection.exec_drop(sql, positional(params)).await?,
            }
            Ok(connection.affected_rows())
        })
    }

    fn number(&mut self, sql: &str, params: &[i64]) -> Result<Option<i64>, Failure> {
        self.wait(async |connection| {
            let found: Option<Option<i64>> = connection.exec_first(sql, positional(params)).await?;
            Ok(found.flatten())
        })
    }

    fn texts(&mut self, sql: &str, params: &[i64]) -> Result<Vec<String>, Failure> {
        self.wait(async |connection| Ok(connection.exec(sql, positional(params)).await?))
    }

    fn add_name(&mut self, id: i64, name: &str) -> Result<(), Failure> {
        self.wait(async |connection| {
            Ok(connection.exec_drop("INSERT INTO rollup_name (id, name) VALUES (?, ?)", (id, name)).await?)
        })
    }
}
