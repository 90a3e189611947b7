//! What every output collection contains at every epoch, computed plainly from a file of events.
//!
//! This is the other side of the comparison with the program: it sorts, loops and sums, knows no dataflow
//! and shares only the vocabulary (`evenkeel-schemas`: numbers, events, the text of a row), the ledger of lots
//! and the statistics of a market. It reads the file once, keeps all facts that are live, and after each epoch
//! works out again what that epoch's events touch. What it writes is byte for byte what `evenkeel replay` writes without `--act`.
//!
//! - [`ledger`] reads events in file order: epochs, ids, corrections, what is refused;
//! - [`facts`] keeps what is live: movements, postings, observations, terms, targets, splits;
//! - [`accruals`] adds up fees and interest, day by day;
//! - [`income`] walks one customer's days: units, what actions pay;
//! - [`tax`] works out reports at marks;
//! - [`customer`] derives one customer's rows from the facts;
//! - [`estimates`] works out returns and estimates at marks;
//! - [`at_risk`] says at marks whose value at risk is beyond its limit;
//! - [`peaks`] keeps from where falls of NAV are measured;
//! - [`lines`] turns changes of rows into lines.
//!
//! Definitions where a choice was open:
//! - a transfer moves units on the UTC date of its `at`; `acquired` is about lots;
//! - anomalies are exact at every epoch, like breaches, also `no_nav`;
//! - a held instrument without a price and one without a rate are told apart and both told;
//! - splits whose ex date lies after the last event still take effect, at their epoch;
//! - a price is stale from the epoch `stale_ms` after that of its last record until the next one.

pub mod accruals;
pub mod at_risk;
pub mod customer;
pub mod estimates;
pub mod exposures;
pub mod facts;
pub mod income;
pub mod ledger;
pub mod lines;
pub mod lots;
pub mod peaks;
pub mod targets;
pub mod tax;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};

use evenkeel_schemas::{AnomalyKind, AnomalySource, Collection, CustomerId, Epoch, InstrumentId, Row};

use accruals::{Accruals, Changed};
use at_risk::AtRisk;
use customer::{at_every_epoch, at_marks};
use estimates::Estimates;
use exposures::exposures;
use facts::{Fact, Facts};
use ledger::{Ledger, Recorded};
use lines::Lines;
use lots::Lots;
use peaks::Peaks;
use tax::Taxes;

/// How time is cut.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Epoch length in milliseconds.
    pub epoch_ms: u64,
    /// Distance of marks in milliseconds.
    pub mark_ms: u64,
    /// After how long without a price an instrument is stale; 0 is never.
    pub stale_ms: u64,
}

/// What became of the lines.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that count.
    pub accepted: u64,
    /// Events with an id that was there already.
    pub duplicates: u64,
    /// Lines that are no event, or one about something unknown.
    pub refused: u64,
    /// Epochs at which anything happened.
    pub epochs: u64,
    /// Changes written.
    pub changes: u64,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A sum left the range of its type: the plain computation does not cover that.
    #[error("{0} leaves the range of its type")]
    OutOfRange(String),
}

/// Reads events and writes each collection into what `open` gives for it.
///
/// # Errors
/// [`BatchError`] when reading or writing fails or a number leaves its range.
pub fn run<W: Write>(
    events: impl BufRead,
    options: Options,
    open: impl FnMut(Collection) -> io::Result<W>,
) -> Result<(Counts, BTreeMap<Collection, W>), BatchError> {
    let mut batch = Batch::new(options, Lines::new(open)?);
    let mut ledger = Ledger::new(options.epoch_ms);
    for line in events.split(b'\n') {
        let line = line?;
        if let Some(recorded) = ledger.read(&line) {
            batch.reach(recorded.epoch, &ledger)?;
            batch.apply(&recorded)?;
        }
    }
    batch.reach(Epoch::MAX, &ledger)?;
    let epochs = batch.epochs;
    let (changes, files) = batch.lines.finish()?;
    Ok((Counts { epochs, changes, ..ledger.counts() }, files))
}

/// Reads an event file and writes `out/<collection>.ndjson` for each collection.
///
/// # Errors
/// As [`run`].
pub fn run_files(
    events: &std::path::Path,
    options: Options,
    out: &std::path::Path,
) -> Result<Counts, BatchError> {
    let input = io::BufReader::with_capacity(1 << 20, std::fs::File::open(events)?);
    std::fs::create_dir_all(out)?;
    let open = |collection: Collection| {
        let file = std::fs::File::create(out.join(format!("{}.ndjson", collection.as_str())))?;
        Ok(io::BufWriter::with_capacity(1 << 20, file))
    };
    Ok(run(input, options, open)?.0)
}

/// The state while the file goes by.
struct Batch<W: Write> {
    options: Options,
    facts: Facts,
    lots: Lots,
    taxes: Taxes,
    accruals: Accruals,
    peaks: Peaks,
    estimates: Estimates,
    at_risk: AtRisk,
    lines: Lines<W>,
    /// The epoch whose events are being applied.
    now: Option<Epoch>,
    /// Rows by customer that hold at the epoch last closed.
    standing: BTreeMap<CustomerId, BTreeSet<Row>>,
    /// Rows by customer that were reported at the last mark.
    reported: BTreeMap<CustomerId, BTreeSet<Row>>,
    /// Customers touched since the last mark.
    unreported: BTreeSet<CustomerId>,
    stale: BTreeSet<InstrumentId>,
    exposed: BTreeSet<Row>,
    epochs: u64,
}

impl<W: Write> Batch<W> {
    fn new(options: Options, lines: Lines<W>) -> Self {
        let (facts, lots, now, epochs) = (Facts::new(options), Lots::default(), None, 0);
        let (taxes, accruals, peaks) = (Taxes::default(), Accruals::default(), Peaks::default());
        let (standing, reported) = (BTreeMap::new(), BTreeMap::new());
        let (unreported, stale, exposed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Batch {
            options,
            facts,
            lots,
            taxes,
            accruals,
            peaks,
            estimates: Estimates::default(),
            at_risk: AtRisk::default(),
            lines,
            now,
            standing,
            reported,
            unreported,
            stale,
            exposed,
            epochs,
        }
    }

    fn mark(&self, epoch: Epoch) -> Epoch {
        epoch.div_ceil(self.options.mark_ms).saturating_mul(self.options.mark_ms)
    }

    /// Closes all epochs before this one: the current one, and those at which time alone changes things.
    fn reach(&mut self, epoch: Epoch, ledger: &Ledger) -> Result<(), BatchError> {
        while let Some(current) = self.now.filter(|current| *current < epoch) {
            if self.mark(current) == current {
                self.accrue(current, ledger)?;
            }
            self.close(current, ledger)?;
            let marked = self.accruals.next_due(current, self.options.epoch_ms);
            let due = self.facts.next_due().into_iter().chain(self.lots.next_due()).chain(marked);
            let next = due.min().filter(|due| *due < epoch);
            let upcoming = next.unwrap_or(epoch);
            if self.mark(upcoming) > self.mark(current) || upcoming == Epoch::MAX {
                let mark = self.mark(current);
                if mark > current && self.accrue(mark, ledger)? {
                    self.close(mark, ledger)?;
                }
                self.report(mark, ledger)?;
            }
            self.now = Some(upcoming);
        }
        Ok(())
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), BatchError> {
        self.now = Some(recorded.epoch);
        for (fact, live) in &recorded.facts {
            match fact {
                Fact::Lot(fact) => self.lots.apply(fact, *live, recorded.epoch),
                Fact::Tax(said) => self.taxes.apply(said, *live),
                Fact::Market(fact) => self.estimates.apply(fact, *live),
                Fact::Day(fact) => self.accruals.apply(fact, *live),
                _ => self.facts.apply(fact, *live, recorded.epoch)?,
            }
        }
        Ok(())
    }

    /// Fees and interest at a mark; whether any changed.
    fn accrue(&mut self, mark: Epoch, ledger: &Ledger) -> Result<bool, BatchError> {
        let changed = self.accruals.at_mark(&self.facts, mark)?;
        for Changed { customer, before, now } in &changed {
            self.lines.difference(&before.rows, &now.rows, ledger.names());
            for (paid, sign) in [(&before.paid, -1), (&now.paid, 1)] {
                paid.iter().for_each(|(_, currency, raw)| self.facts.pay(*customer, *currency, sign * raw));
            }
        }
        Ok(!changed.is_empty())
    }

    /// Works out what the epoch's events touch, and writes what changed.
    fn close(&mut self, epoch: Epoch, ledger: &Ledger) -> Result<(), BatchError> {
        self.epochs += 1;
        let changes = self.facts.settle(epoch)?;
        for (row, diff) in changes.rows {
            self.lines.change(&row, diff, ledger.names());
        }
        for (lot, live) in changes.lots {
            self.lots.apply(&lot, live, epoch);
        }
        let mut customers = changes.customers;
        for (before, after) in self.lots.settle(epoch) {
            self.lines.difference(&before, &after, ledger.names());
            customers.extend(before.iter().chain(&after).filter_map(Row::customer));
        }
        for customer in customers {
            let before = self.standing.remove(&customer).unwrap_or_default();
            let costs = self.lots.costs(customer);
            self.peaks.settle(&self.facts, customer, changes.flows.get(&customer))?;
            let peak = self.peaks.of(customer);
            let after = at_every_epoch(&self.facts, customer, epoch, (&costs, peak), &before)?;
            self.lines.difference(&before, &after, ledger.names());
            self.standing.insert(customer, after);
            self.unreported.insert(customer);
        }
        let stale = self.facts.stale_at(epoch);
        let rows = |instruments: &BTreeSet<InstrumentId>| instruments.iter().map(stale_row).collect();
        self.lines.difference(&rows(&self.stale), &rows(&stale), ledger.names());
        self.stale = stale;
        self.lines.end_epoch(epoch)?;
        Ok(())
    }

    /// Writes how valuations and drift differ from the mark before.
    fn report(&mut self, mark: Epoch, ledger: &Ledger) -> Result<(), BatchError> {
        for customer in std::mem::take(&mut self.unreported) {
            let before = self.reported.remove(&customer).unwrap_or_default();
            let mut after = at_marks(&self.facts, customer)?;
            after.extend(self.peaks.mark(&self.facts, customer)?);
            self.lines.difference(&before, &after, ledger.names());
            self.reported.insert(customer, after);
        }
        let (facts, lots, accruals) = (&self.facts, &self.lots, &self.accruals);
        let books = |customer| [lots.gains(customer), facts.distributions(customer)].concat();
        let averaged = |customer, day| lots.averaged(customer, day);
        for (before, after) in self.taxes.report((facts, accruals), ledger.names(), books, averaged) {
            self.lines.difference(&before, &after, ledger.names());
        }
        let (before, after) = self.estimates.report();
        self.lines.difference(&before, &after, ledger.names());
        let (before, after) = self.at_risk.report(&self.facts, &self.estimates, mark)?;
        self.lines.difference(&before, &after, ledger.names());
        let exposed = exposures(&self.facts);
        self.lines.difference(&self.exposed, &exposed, ledger.names());
        self.exposed = exposed;
        self.lines.end_epoch(mark)?;
        Ok(())
    }
}

fn stale_row(instrument: &InstrumentId) -> Row {
    Row::Anomaly { source: AnomalySource::Instrument(*instrument), kind: AnomalyKind::Stale }
}
