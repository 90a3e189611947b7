//! Reconciliation: the log's checksums and hash chain, what the dataflow derives from it, and what ClickHouse
//! holds, row by row.

use std::collections::BTreeMap;
use std::fmt;

use evenkeel_actors::Desk;
use evenkeel_clickhouse::{Client, LogRow, ProgressRow, TickRow, Writer, connect, fetch};
use evenkeel_log::{Log, LogConfig, Topic};
use evenkeel_schemas::events::{Event, OrderState};
use evenkeel_schemas::{Collection, Epoch};

use crate::config::{Config, Derivation};
use crate::door::Door;
use crate::engine::{Closed, Engine, Output, Workers};
use crate::error::Error;
use crate::live::{Baseline, Recorded, recover};
use crate::names::SharedNames;
use crate::progress::Progress;
use crate::sink::{Connected, Server, Tables, block_on, each_table};

/// Rows that are compared at a time: bounds memory.
const ROWS_AT_ONCE: usize = 400_000;

/// How one table compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Rows that the log derives.
    pub derived: u64,
    /// Rows that ClickHouse holds.
    pub stored: u64,
    /// The first differences, in words.
    pub differences: Vec<String>,
}

/// What verification found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Records of the log.
    pub records: u64,
    /// What is wrong with the log's chain.
    pub chain: Vec<String>,
    /// The last epoch of the log.
    pub last_epoch: Option<Epoch>,
    /// Where the history of ticks begins, when older ones were dropped: up to here the state is compared, and
    /// not each change.
    pub opening: Option<Epoch>,
    /// Everything up to this epoch is in ClickHouse, by its own account.
    pub written: Option<Epoch>,
    /// By table.
    pub tables: BTreeMap<&'static str, TableReport>,
}

impl Report {
    /// Whether log, dataflow and ClickHouse agree, and ClickHouse is not behind.
    pub fn agrees(&self) -> bool {
        self.chain.is_empty()
            && !self.behind()
            && self.tables.values().all(|table| table.differences.is_empty())
    }

    fn behind(&self) -> bool {
        self.last_epoch > self.written
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = if self.chain.is_empty() { "checksums and hash chain hold" } else { "DAMAGED" };
        writeln!(f, "log         {} records: {chain}", self.records)?;
        self.chain.iter().try_for_each(|bad| writeln!(f, "            {bad}"))?;
        if let Some(opening) = self.opening {
            writeln!(
                f,
                "ticks       older ones were dropped: up to epoch {opening} what depends on them is compared as the state it came to"
            )?;
        }
        for (name, table) in &self.tables {
            let verdict = if table.differences.is_empty() { "agrees" } else { "DIFFERS" };
            writeln!(f, "{name:<16}{:>12} derived {:>12} stored   {verdict}", table.derived, table.stored)?;
            table.differences.iter().try_for_each(|difference| writeln!(f, "            {difference}"))?;
        }
        if self.behind() {
            let (last, written) = (self.last_epoch.unwrap_or_default(), self.written.unwrap_or_default());
            writeln!(
                f,
                "ClickHouse is BEHIND the log: written up to epoch {written}, recorded up to {last}; start evenkeel on the folder and it catches up"
            )?;
        }
        let verdict = if self.agrees() { "log, dataflow and ClickHouse agree" } else { "they do NOT agree" };
        writeln!(f, "{verdict}")
    }
}

fn failed(error: evenkeel_clickhouse::Error) -> Error {
    Error::ClickHouse(error.to_string())
}

/// Verifies a folder that no program is running on.
///
/// # Errors
/// When the log or ClickHouse cannot be read; disagreement is in the report.
pub fn verify(config: &Config, progress: &mut Progress) -> Result<Report, Error> {
    let (log, _) = Log::open(LogConfig::new(config.data.join("log")))?;
    let mut config = config.clone();
    if let Some(recorded) = Derivation::of(&log)? {
        config.derive_as(recorded);
    }
    let config = &config;
    let mut report = Report { last_epoch: log.last_epoch(), ..Report::default() };
    let chain = log.verify(&mut |records| progress.look(records, || format!("log: {records} records")))?;
    report.records = chain.records;
    report.chain = chain.bad().map(ToString::to_string).collect();
    if !report.chain.is_empty() {
        return Ok(report);
    }
    let server = Connected::open_or_join(Server::of(config))?;
    let client = connect(server.settings()).map_err(failed)?;
    let writer = Writer::new(client.clone(), server.settings());
    report.written = block_on(writer.watermark(<ProgressRow as LogRow>::TABLE))?.map_err(failed)?;
    let Some(written) = report.written else {
        return Ok(report);
    };
    let ticks_dropped = log.first_offset(Topic::Market) > 0;
    let baseline = if ticks_dropped { Baseline::of(&log)? } else { None };
    report.opening = baseline.as_ref().map(|baseline| baseline.epoch);
    let mut comparison = Comparison {
        client,
        report,
        from: None,
        upto: written,
        tables: Tables::default(),
        names: SharedNames::default(),
    };
    let result = derive(config, &log, baseline.as_ref(), &mut comparison, progress);
    let Comparison { report, client, .. } = comparison;
    // An engine of our own waits for idle connections before it ends.
    drop((client, writer));
    server.close()?;
    result.map(|()| report)
}

/// Derives everything again, and compares as it goes.
fn derive(
    config: &Config,
    log: &Log,
    baseline: Option<&Baseline>,
    comparison: &mut Comparison,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut door = Door::new(config.correctable_ticks, config.lots);
    comparison.names = door.admission.names().clone();
    let mut desk = Desk::new(config.policy.clone());
    let (engine, outputs) =
        Engine::start(Workers::Threads(config.workers), config.plan(baseline.map_or(0, |b| b.epoch)))
            .map_err(Error::Start)?;
    let mut waiting: BTreeMap<Epoch, Waiting> = BTreeMap::new();
    let mut result = Ok(());
    let recovered = recover(log, &mut door, baseline, |recorded| {
        engine.feed(recorded.epoch, recorded.inputs.clone());
        engine.advance(recorded.epoch + 1);
        let epoch = recorded.epoch;
        waiting.entry(epoch).or_default().recorded = Some(recorded);
        for output in outputs.try_iter() {
            result = take(output, &mut waiting, |epoch, ready| {
                progress.look(epoch, || format!("deriving, epoch {epoch}"));
                comparison.add(epoch, ready, &mut desk)
            });
            if result.is_err() {
                return false;
            }
        }
        true
    });
    let finishing = std::thread::scope(|scope| {
        scope.spawn(|| engine.finish());
        for output in outputs {
            if result.is_ok() {
                result = take(output, &mut waiting, |epoch, ready| comparison.add(epoch, ready, &mut desk));
            }
        }
        result
    });
    recovered?;
    finishing?;
    comparison.open(Epoch::MAX)?;
    comparison.compare(comparison.upto)
}

/// What an epoch recorded and derived.
#[derive(Default)]
struct Waiting {
    recorded: Option<Recorded>,
    closed: Option<Closed>,
}

fn take(
    output: Output,
    waiting: &mut BTreeMap<Epoch, Waiting>,
    mut ready: impl FnMut(Epoch, Waiting) -> Result<(), Error>,
) -> Result<(), Error> {
    match output {
        Output::Closed(closed) => {
            let epoch = closed.epoch;
            waiting.entry(epoch).or_default().closed = Some(closed);
        }
        Output::Complete(upto) => {
            while let Some(entry) = waiting.first_entry().filter(|entry| *entry.key() < upto) {
                let (epoch, whole) = entry.remove_entry();
                ready(epoch, whole)?;
            }
        }
    }
    Ok(())
}

struct Comparison {
    client: Client,
    report: Report,
    /// Epochs up to here are compared.
    from: Option<Epoch>,
    upto: Epoch,
    tables: Tables,
    names: SharedNames,
}

impl Comparison {
    fn add(&mut self, epoch: Epoch, whole: Waiting, desk: &mut Desk) -> Result<(), Error> {
        if epoch > self.upto {
            return Ok(());
        }
        self.open(epoch)?;
        if let Some(closed) = &whole.closed {
            self.tables.add_rows(closed, &self.names.read());
        }
        if let Some(recorded) = &whole.recorded {
            let mut ended: Vec<&OrderState> = Vec::new();
            for logged in &recorded.events {
                self.tables.add_event(epoch, logged);
                desk.apply(epoch, &logged.event);
                if let Event::OrderState(state) = &logged.event {
                    ended.extend(
                        (state.state.terminal() && state.order.as_str().starts_with("B-"))
                            .then_some(&**state),
                    );
                }
            }
            for (offset, rejected) in &recorded.rejected {
                self.tables.add_rejected(epoch, *offset, rejected);
            }
            let blocks = if ended.is_empty() { Vec::new() } else { desk.books() };
            for state in ended {
                if let Some(block) = blocks.iter().find(|block| block.block == state.order) {
                    self.tables.add_block(epoch, block);
                }
            }
        }
        // The state at an opening is compared whole.
        let enough = self.tables.len() >= ROWS_AT_ONCE && self.report.opening <= self.from;
        if enough { self.compare(epoch) } else { Ok(()) }
    }

    /// Compares the state at the opening, once what comes next lies after it.
    fn open(&mut self, next: Epoch) -> Result<(), Error> {
        match self.report.opening {
            Some(opening) if self.from.is_none() && next > opening => self.compare(opening),
            _ => Ok(()),
        }
    }

    /// Compares what was gathered with what ClickHouse holds of the same epochs.
    fn compare(&mut self, upto: Epoch) -> Result<(), Error> {
        let mut tables = std::mem::take(&mut self.tables);
        tables.unfold(&self.names);
        let range = match self.from {
            Some(from) => format!("epoch > {from} AND epoch <= {upto}"),
            None => format!("epoch <= {upto}"),
        };
        let opening = self.report.opening == Some(upto) && self.from.is_none();
        each_table!(tables, rows => self.compare_table(rows.as_slice(), &range, opening.then_some(upto))?);
        self.from = Some(upto);
        Ok(())
    }

    fn compare_table<T: LogRow + clickhouse::RowRead + serde::Serialize>(
        &mut self,
        derived: &[T],
        range: &str,
        opening: Option<Epoch>,
    ) -> Result<(), Error> {
        let table = T::TABLE;
        let columns: Vec<String> = T::COLUMN_NAMES.iter().map(|name| format!("`{name}`")).collect();
        let from_ticks = |collection: &Collection| collection.as_str() == table && collection.from_ticks();
        let sql = match opening {
            // What the log does not have cannot be compared.
            Some(_) if table == TickRow::TABLE => return Ok(()),
            Some(opening) if Collection::ALL.iter().any(from_ticks) => state_at(opening, table, &columns),
            _ => format!("SELECT {} FROM {table} WHERE {range}", columns.join(", ")),
        };
        let stored: Vec<T> = block_on(fetch(&self.client, &sql))?.map_err(failed)?;
        let text = |rows: &[T]| {
            let mut lines: Vec<String> =
                rows.iter().map(|row| serde_json::to_string(row).unwrap_or_default()).collect();
            lines.sort_unstable();
            lines
        };
        let (ours, theirs) = (text(derived), text(&stored));
        let table = self.report.tables.entry(table).or_default();
        table.derived += ours.len() as u64;
        table.stored += theirs.len() as u64;
        if ours != theirs && table.differences.is_empty() {
            table.differences = differences(&ours, &theirs);
        }
        Ok(())
    }
}

/// The state that a table came to at an epoch, as rows of that epoch.
fn state_at(epoch: Epoch, table: &str, columns: &[String]) -> String {
    let keys: Vec<&str> =
        columns.iter().map(String::as_str).filter(|name| !["`epoch`", "`diff`"].contains(name)).collect();
    let keys = keys.join(", ");
    let state = format!(
        "SELECT {keys}, sum(diff) AS total FROM {table} WHERE epoch <= {epoch} GROUP BY {keys} HAVING total != 0"
    );
    let columns = columns.join(", ");
    format!(
        "SELECT {columns} FROM (SELECT toUInt64({epoch}) AS epoch, toInt8(total) AS diff, {keys} FROM ({state}))"
    )
}

/// How many differences are shown of a table.
const SHOWN: usize = 5;

fn differences(derived: &[String], stored: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for line in derived {
        *counts.entry(line).or_default() += 1;
    }
    for line in stored {
        *counts.entry(line).or_default() -= 1;
    }
    let differing = counts.into_iter().filter(|(_, count)| *count != 0);
    let word = |count: i64| if count > 0 { "missing" } else { "not derived" };
    differing.take(SHOWN).map(|(line, count)| format!("{} × {}: {line}", count.abs(), word(count))).collect()
}
