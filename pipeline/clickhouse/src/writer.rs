//! Writing: whole epochs, one atomic block each time, never twice.
//!
//! **Invariant:** a table has one writer at a time; it writes epochs in order, each batch holds whole epochs
//! and becomes one part or nothing. Hence the newest epoch in a table says exactly what is there, and a
//! restart goes on after it. Within a run, a batch whose answer was lost is sent again under the same token
//! and is dropped by the server if it had arrived. There are no materialized views behind the tables: they
//! would need deduplication of their own.

use crate::client::{Client, Settings};
use crate::error::{Error, Result};
use crate::retry::Retry;
use crate::rows::LogRow;
use clickhouse::{RowOwned, RowWrite};
use std::borrow::Borrow;
use std::time::{Duration, Instant};

/// Blocks are cut at whichever of the server's limits is met first; this many rows never are.
const UNLIMITED_ROWS: &str = "4294967296";
/// For a chunk to leave our socket.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// For the server to have written a batch, a slow disk and a busy server included.
const END_TIMEOUT: Duration = Duration::from_secs(180);
/// For an insert of an earlier run to end.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(200);

/// Writes batches of rows. Clones share their connections.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    settings: Settings,
    retry: Retry,
}

impl Writer {
    /// A writer into the database of `settings`.
    pub fn new(client: Client, settings: &Settings) -> Self {
        Self { client, settings: settings.clone(), retry: Retry::default() }
    }

    /// The same with another patience.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Writes `rows` as one block, under `token`: the server drops a second block with the same token (among
    /// the last 10,000 of the table), whatever it holds. No rows, no request.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the server stayed away or overloaded: the batch may or may not be there, send it
    /// again with the same token. [`Error::ClickHouse`] if it was refused for good.
    pub async fn insert<T: RowOwned + RowWrite>(&self, table: &str, token: &str, rows: &[T]) -> Result<()> {
        self.insert_each::<T, _>(table, token, rows.iter()).await
    }

    /// As [`Writer::insert`], of rows that are made one by one: again for each attempt.
    ///
    /// # Errors
    /// As [`Writer::insert`].
    pub async fn insert_each<T: RowOwned + RowWrite, R: Borrow<T>>(
        &self,
        table: &str,
        token: &str,
        rows: impl Iterator<Item = R> + Clone,
    ) -> Result<()> {
        if rows.clone().next().is_none() {
            return Ok(());
        }
        let mut failures = 0;
        loop {
            match self.attempt(table, token, rows.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => self.retry.pause(table, &mut failures, error).await?,
            }
        }
    }

    /// Writes rows of whole epochs, ascending, into their table; the token is the span of epochs.
    ///
    /// # Errors
    /// As [`Writer::insert`].
    ///
    /// # Panics
    /// If the epochs descend: a part would then hide a gap from [`Writer::watermark`].
    pub async fn insert_epochs<T: LogRow>(&self, rows: &[T]) -> Result<()> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        assert!(
            rows.windows(2).all(|pair| pair[0].epoch() <= pair[1].epoch()),
            "Invariant: a batch holds ascending epochs ({})",
            T::TABLE
        );
        let token = format!("{}-{}", first.epoch(), last.epoch());
        self.insert(T::TABLE, &token, rows).await
    }

    /// The newest epoch in a table; everything up to it is there. Waits for an insert that an earlier run may
    /// have left on its way, since it would move the mark after we read it.
    ///
    /// # Errors
    /// [`Error::StillWriting`] if that insert does not end; otherwise as [`Writer::insert`].
    pub async fn watermark(&self, table: &str) -> Result<Option<u64>> {
        let mut failures = 0;
        loop {
            match self.read_watermark(table).await {
                Ok(newest) => return Ok(newest),
                Err(error) => self.retry.pause(table, &mut failures, error).await?,
            }
        }
    }

    async fn attempt<T: RowOwned + RowWrite, R: Borrow<T>>(
        &self,
        table: &str,
        token: &str,
        rows: impl Iterator<Item = R>,
    ) -> Result<()> {
        let mut insert = self
            .client
            .insert::<T>(table)
            .await?
            .with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token)
            .with_setting("max_insert_block_size", UNLIMITED_ROWS)
            .with_setting("min_insert_block_size_rows", UNLIMITED_ROWS)
            .with_setting("min_insert_block_size_bytes", "0")
            .with_setting("log_comment", self.comment(table));
        for row in rows {
            insert.write(row.borrow()).await?;
        }
        Ok(insert.end().await?)
    }

    /// Marks our inserts among the server's running queries.
    fn comment(&self, table: &str) -> String {
        format!("evenkeel insert {}.{table}", self.settings.database)
    }

    async fn read_watermark(&self, table: &str) -> Result<Option<u64>> {
        self.settle(table).await?;
        // Not max(epoch): sorted this way the minmax index leaves a few granules to read instead of the
        // column.
        let sql =
            format!("SELECT epoch FROM `{}`.`{table}` ORDER BY epoch DESC LIMIT 1", self.settings.database);
        Ok(self.client.query_raw(&sql).fetch_optional::<u64>().await?)
    }

    async fn settle(&self, table: &str) -> Result<()> {
        let processes = match &self.settings.cluster {
            Some(cluster) => format!("clusterAllReplicas('{cluster}', system.processes)"),
            None => "system.processes".to_owned(),
        };
        let sql =
            format!("SELECT count() FROM {processes} WHERE Settings['log_comment'] = {{comment:String}}");
        let start = Instant::now();
        loop {
            let query = self.client.query_raw(&sql).param("comment", self.comment(table));
            if query.fetch_one::<u64>().await? == 0 {
                return Ok(());
            }
            if start.elapsed() > SETTLE_TIMEOUT {
                let seconds = SETTLE_TIMEOUT.as_secs();
                return Err(Error::StillWriting { table: table.to_owned(), seconds });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
