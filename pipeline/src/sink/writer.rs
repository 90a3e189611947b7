//! The sink's thread: gathers batches, writes them table by table, waits out outages.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use evenkeel_clickhouse::{
    Engine, EngineOptions, LogRow, ProgressRow, Retry, Settings, ValuationRow, Writer, connect, install,
    migrate, running_engine,
};

use super::tables::each_table;
use super::{Batch, Held, Server, SinkState, Tables};
use crate::error::Error;
use crate::machine::step_back;
use crate::names::SharedNames;

/// Rows that make a batch worth writing without waiting for more.
const ROWS_ENOUGH: usize = 100_000;

/// How long to gather before writing what there is.
const GATHER: Duration = Duration::from_millis(200);

/// How long to wait before an outage is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// How long an attempt may take: an engine that hangs is an outage too.
const ATTEMPT: Duration = Duration::from_secs(30);

/// How long an engine may take to end by itself.
const STOP: Duration = Duration::from_secs(5);

/// How long the end of the program waits for ClickHouse: the log has it all.
const LAST: Duration = Duration::from_secs(8);

/// A server, and the engine when it is our own.
pub(crate) struct Connected {
    engine: Option<Engine>,
    settings: Settings,
}

fn failed(error: evenkeel_clickhouse::Error) -> Error {
    Error::ClickHouse(error.to_string())
}

impl Connected {
    /// Starts the embedded engine, installing it first if need be; an external server is only named.
    pub(crate) fn open(server: Server) -> Result<Connected, Error> {
        let (data, memory_bytes, database) = match server {
            Server::External(settings) => return Ok(Connected { engine: None, settings }),
            Server::Embedded { data, memory_bytes, database } => (data, memory_bytes, database),
        };
        let library = install(&mut |line| eprintln!("evenkeel: {line}")).map_err(failed)?;
        let exe = std::env::current_exe()
            .map_err(|error| Error::Start(format!("cannot find the evenkeel executable itself: {error}")))?;
        let mut options = EngineOptions::new(library, data);
        options.memory_limit_bytes = memory_bytes;
        options.stop_timeout = STOP;
        let engine = Engine::start(&exe, &[OsString::from("engine-child")], options).map_err(failed)?;
        let mut settings = Settings::new(engine.url());
        settings.database = database;
        Ok(Connected { engine: Some(engine), settings })
    }

    /// As [`Connected::open`], or the engine that a running program has on the folder.
    pub(crate) fn open_or_join(server: Server) -> Result<Connected, Error> {
        if let Server::Embedded { data, database, .. } = &server
            && let Some(url) = running_engine(data)
        {
            let mut settings = Settings::new(url);
            settings.database.clone_from(database);
            return Ok(Connected { engine: None, settings });
        }
        Connected::open(server)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Brings a dead engine of our own back.
    fn revive(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        if engine.alive() {
            return;
        }
        tracing::warn!("the embedded ClickHouse has ended; starting it again");
        match engine.restart() {
            Ok(()) => self.settings.url = engine.url(),
            Err(error) => tracing::error!(%error, "the embedded ClickHouse does not start"),
        }
    }

    /// Stops an engine of our own.
    pub(crate) fn close(self) -> Result<(), Error> {
        self.engine.map_or(Ok(()), |engine| engine.stop().map_err(failed))
    }
}

/// How long the start waits to learn what ClickHouse holds.
const LOOK: Duration = Duration::from_secs(5);

/// Up to which epoch everything is written.
pub(super) fn held(settings: &Settings) -> Result<Held, Error> {
    let look = async { Session::open(settings).await.map(|session| session.held) };
    match block_on(async { tokio::time::timeout(LOOK, look).await })? {
        Ok(Ok(upto)) => Ok(Held::Upto(upto)),
        Ok(Err(error)) if !error.retryable() => Err(failed(error)),
        Ok(Err(_)) | Err(_) => Ok(Held::Unknown),
    }
}

/// A connection with what each table holds already.
struct Session {
    writer: Writer,
    /// Every table holds everything up to here, whatever its own newest epoch.
    held: Option<u64>,
    watermarks: BTreeMap<&'static str, Option<u64>>,
}

impl Session {
    async fn open(settings: &Settings) -> evenkeel_clickhouse::Result<Session> {
        let client = connect(settings)?;
        migrate(&client, settings).await?;
        // Outages are waited out here, where a dead engine is brought back and the end is heard of.
        let writer = Writer::new(client, settings).with_retry(Retry::NEVER);
        let held = writer.watermark(<ProgressRow as LogRow>::TABLE).await?;
        Ok(Session { writer, held, watermarks: BTreeMap::new() })
    }

    /// Writes the rows of one table that it does not hold yet. Batches arrive in order of epochs, so what an
    /// earlier run or attempt wrote is a prefix.
    async fn write<T: LogRow>(&mut self, rows: &[T]) -> evenkeel_clickhouse::Result<u64> {
        let Some(last) = rows.last().map(LogRow::epoch) else { return Ok(0) };
        let known = self.known(T::TABLE).await?;
        let fresh = known.map_or(0, |known| rows.partition_point(|row| row.epoch() <= known));
        let rows = &rows[fresh..];
        if !rows.is_empty() {
            self.writer.insert_epochs(rows).await?;
            self.watermarks.insert(T::TABLE, Some(last));
        }
        Ok(rows.len() as u64)
    }

    /// As [`Session::write`], of valuations that stand for many.
    async fn write_folded(
        &mut self,
        tables: &Tables,
        names: &SharedNames,
    ) -> evenkeel_clickhouse::Result<u64> {
        if !tables.is_folded() {
            return Ok(0);
        }
        let known = self.known(ValuationRow::TABLE).await?;
        let Some((first, last, rows)) = tables.folded(known) else { return Ok(0) };
        let singles = tables.unfolded(known, names);
        let token = format!("{first}-{last}");
        self.writer.insert_each::<ValuationRow, _>(ValuationRow::TABLE, &token, singles).await?;
        self.watermarks.insert(ValuationRow::TABLE, Some(last));
        Ok(rows as u64)
    }

    /// The newest epoch in a table.
    async fn known(&mut self, table: &'static str) -> evenkeel_clickhouse::Result<Option<u64>> {
        let known = match self.watermarks.get(table) {
            Some(known) => *known,
            None => self.writer.watermark(table).await?.max(self.held),
        };
        self.watermarks.insert(table, known);
        Ok(known)
    }

    async fn write_all(
        &mut self,
        tables: &Tables,
        names: &SharedNames,
        upto: u64,
    ) -> evenkeel_clickhouse::Result<u64> {
        let mut written = self.write_folded(tables, names).await?;
        each_table!(tables, rows => written += self.write(rows.as_slice()).await?);
        self.write(&[ProgressRow { epoch: upto }]).await?;
        Ok(written)
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Start(format!("cannot start a runtime: {error}")))?;
    Ok(runtime.block_on(future))
}

pub(super) fn run(
    mut server: Connected,
    batches: &Receiver<Batch>,
    state: &SinkState,
    stopping: &AtomicBool,
) -> Result<(), Error> {
    step_back();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Start(format!("cannot start the sink's runtime: {error}")))?;
    let mut session = None;
    let mut ended = false;
    while !ended {
        let (batch, last) = gather(batches);
        ended = last;
        let Some(Batch { mut tables, names, upto, share }) = batch else { continue };
        if !tables.is_folded() {
            tables.unfold(&names);
        }
        let mut tried = None;
        let written = loop {
            let work = attempt(&mut session, &server, (&tables, &names), upto, state);
            let failure = match runtime.block_on(limited(work, stopping)) {
                Some(Ok(Some(written))) => break Some(written),
                Some(Ok(None)) => {
                    return Err(Error::ClickHouse(format!(
                        "it holds less than everything up to epoch {}, from where this start went on: start again while it answers, and the rest is written from the log",
                        state.needed.load(Ordering::Relaxed)
                    )));
                }
                Some(Err(error)) if !error.retryable() => return Err(failed(error)),
                Some(Err(error)) => error.to_string(),
                None => "no answer in time".to_owned(),
            };
            if state.up.swap(false, Ordering::Relaxed) || tried.is_none() {
                tracing::warn!(failure, "ClickHouse does not take rows; they wait, and the line goes on");
            }
            state.failures.fetch_add(1, Ordering::Relaxed);
            session = None;
            let since = *tried.get_or_insert_with(Instant::now);
            // The program may end during an outage, whatever waits.
            if !stopping.load(Ordering::Relaxed) {
                server.revive();
            } else if since.elapsed() > LAST {
                break None;
            }
            std::thread::sleep(AGAIN);
        };
        let Some(written) = written else {
            return Err(Error::ClickHouse(
                "ClickHouse is away and the program is ending: the rest is written from the log at the next start".to_owned(),
            ));
        };
        state.rows.fetch_add(written, Ordering::Relaxed);
        state.written.fetch_max(upto, Ordering::Relaxed);
        drop((tables, share));
    }
    // An engine waits for idle connections before it ends.
    drop(session);
    drop(runtime);
    server.close()
}

/// An attempt's outcome; `None` when it takes too long, or the program is ending and has waited enough.
async fn limited<T>(work: impl Future<Output = T>, stopping: &AtomicBool) -> Option<T> {
    let started = Instant::now();
    let mut ending = None;
    tokio::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return Some(outcome),
            () = tokio::time::sleep(GATHER) => {}
        }
        if stopping.load(Ordering::Relaxed) {
            ending.get_or_insert_with(Instant::now);
        }
        if started.elapsed() > ATTEMPT || ending.is_some_and(|since| since.elapsed() > LAST) {
            return None;
        }
    }
}

async fn attempt(
    session: &mut Option<Session>,
    server: &Connected,
    (tables, names): (&Tables, &SharedNames),
    upto: u64,
    state: &SinkState,
) -> evenkeel_clickhouse::Result<Option<u64>> {
    let open = match session {
        Some(open) => open,
        None => {
            let open = Session::open(&server.settings).await?;
            if open.held.unwrap_or(0) < state.needed.load(Ordering::Relaxed) {
                return Ok(None);
            }
            session.insert(open)
        }
    };
    server.settings.url.clone_into(&mut state.url.lock().unwrap_or_else(PoisonError::into_inner));
    state.up.store(true, Ordering::Relaxed);
    open.write_all(tables, names, upto).await.map(Some)
}

/// What has been handed in, up to a good size, and whether that is all there will be.
fn gather(batches: &Receiver<Batch>) -> (Option<Batch>, bool) {
    let Ok(mut all) = batches.recv() else { return (None, true) };
    let until = std::time::Instant::now() + GATHER;
    while all.tables.len() < ROWS_ENOUGH {
        match batches.recv_deadline(until) {
            Ok(later) => {
                all.tables.extend(later.tables);
                all.share.join(later.share);
                all.upto = all.upto.max(later.upto);
            }
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return (Some(all), true),
        }
    }
    (Some(all), false)
}
