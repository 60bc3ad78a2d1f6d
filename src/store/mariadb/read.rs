//! Looking into a database without changing its tables.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Value as Sql};
use tokio::time::timeout;

use super::{Failure, Mariadb};
use crate::query::Param;
use crate::store::{Datum, EachRow, Error};

impl Mariadb {
    /// Shows `each` the rows that `sql` finds, until it says that it has enough. How
    /// long that takes is up to who asked.
    pub fn read_rows(&mut self, sql: &str, params: &[Param], each: &mut EachRow<'_>) -> Result<(), Error> {
        let params = params.iter().map(|param| match param {
            Param::Int(number) => Sql::Int(*number),
            Param::Text(text) => Sql::from(text.as_str()),
        });
        let params = Params::Positional(params.collect());
        let Mariadb { runtime, options, name, timeout: patience, .. } = self;
        runtime.block_on(async {
            let connecting = timeout(*patience, Conn::new(options.clone())).await;
            let slow = || Error::Retry(format!("{name}: no answer in {patience:?}"));
            let mut connection =
                connecting.map_err(|_| slow())?.map_err(|error| Failure::Sql(error).told(name))?;
            let done = rows(&mut connection, sql, params, each).await;
            // What is left of an answer that was enough goes with the connection.
            drop(connection);
            done.map_err(|error| Failure::Sql(error).told(name))
        })
    }
}

async fn rows(
    connection: &mut Conn,
    sql: &str,
    params: Params,
    each: &mut EachRow<'_>,
) -> Result<(), mysql_async::Error> {
    // With no parameters too: only a prepared statement sends numbers as numbers.
    let mut result = connection.exec_iter(sql, params).await?;
    while let Some(row) = result.next().await? {
        let cells: Vec<Datum> = row.unwrap().into_iter().map(datum).collect();
        if !each(&cells) {
            break;
        }
    }
    Ok(())
}

fn datum(value: Sql) -> Datum {
    match value {
        Sql::NULL => Datum::Null,
        Sql::Int(number) => Datum::Int(number),
        Sql::UInt(number) => Datum::Int(i64::try_from(number).unwrap_or(i64::MAX)),
        Sql::Bytes(bytes) => Datum::Text(String::from_utf8_lossy(&bytes).into()),
        other => Datum::Text(other.as_sql(true)),
    }
}
