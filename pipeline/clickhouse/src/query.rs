//! Questions: SQL in, rows or text out.

use crate::client::Client;
use crate::error::{Error, Result};
use clickhouse::{RowOwned, RowRead};
use std::io::Write;

/// The format for people on a terminal, or for programs that read a pipe.
pub const fn default_format(terminal: bool) -> &'static str {
    if terminal { "PrettyCompact" } else { "TabSeparatedWithNames" }
}

/// Runs `sql` as it is and copies the answer to `out` while it arrives; returns the number of bytes. A
/// `FORMAT` clause in the statement comes before `format`.
///
/// # Errors
/// [`Error::ClickHouse`] with ClickHouse's own words, also when it fails half-way; [`Error::Io`] if `out`
/// does.
pub async fn query_raw(client: &Client, sql: &str, format: &str, out: &mut impl Write) -> Result<u64> {
    let mut cursor = client.query_raw(sql).fetch_bytes(format)?;
    let mut bytes = 0;
    while let Some(chunk) = cursor.next().await? {
        out.write_all(&chunk).map_err(|error| Error::io("writing the answer", error))?;
        bytes += chunk.len() as u64;
    }
    out.flush().map_err(|error| Error::io("writing the answer", error))?;
    Ok(bytes)
}

/// All rows of an answer. `sql` is taken as it is, except that question marks are not placeholders.
///
/// # Errors
/// [`Error::ClickHouse`] if the statement is refused or its columns are not those of `T`.
pub async fn fetch<T: RowOwned + RowRead>(client: &Client, sql: &str) -> Result<Vec<T>> {
    Ok(client.query_raw(sql).fetch_all().await?)
}
