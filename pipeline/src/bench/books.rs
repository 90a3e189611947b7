//! The books under account events: how many a second, and how long a correction of long ago takes.
//!
//! Customers buy and sell by chance, FIFO. Events are judged at the door and fed to the running dataflow, lots, gains,
//! cash and what is due included. Then fills from all over the history are amended one after the other, each in an epoch
//! of its own; its time runs from handing the correction to the door to the epoch having come out of the dataflow. The
//! other form works everything out from scratch, in a fresh ledger for each customer.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};
use evenkeel_lots::{Ledger, Row as LedgerRow};
use evenkeel_operators::dataflow::Timing;
use evenkeel_operators::facts::{Fact, Input};
use evenkeel_schemas::events::{Refusal, parse_event};
use evenkeel_schemas::{CustomerId, Epoch, Row};
use hdrhistogram::Histogram;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::Serialize;

use crate::admission::{Admission, Inputs, Origin, Verdict};
use crate::config::DriftEngine;
use crate::engine::{Engine, Output, Plan, Workers};
use crate::error::Error;
use crate::progress::Progress;

/// Length of an epoch.
const EPOCH_MS: u64 = 100;
/// Events judged before they are fed, in one epoch.
const EPOCH_EVENTS: usize = 10_000;
/// 2020-01-01, in milliseconds: the first epoch.
const START: Epoch = 1_577_836_800_000;

/// What is measured.
#[derive(Copy, Clone, Debug)]
pub struct Options {
    /// Customers.
    pub customers: u32,
    /// Instruments.
    pub instruments: u32,
    /// Fills, over all customers.
    pub events: u64,
    /// Fills amended afterwards.
    pub corrections: u32,
    /// Worker threads.
    pub workers: usize,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
}

/// What the bench found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its name.
    pub bench: &'static str,
    /// Customers.
    pub customers: u32,
    /// Fills.
    pub events: u64,
    /// Worker threads.
    pub workers: usize,
    /// Fills a second, from text to everything having come out.
    pub events_per_second: f64,
    /// Microseconds of reading an event, of the feeding thread.
    pub parse_us: f64,
    /// Microseconds of judging it, of the feeding thread.
    pub judge_us: f64,
    /// Resident memory after all fills, in bytes an event.
    pub bytes_per_event: f64,
    /// Lots that are open at the end.
    pub open_lots: i64,
    /// Corrections.
    pub corrections: u32,
    /// Rows that a correction changes, on average.
    pub rows_per_correction: f64,
    /// Customers that a correction speaks of, at most.
    pub customers_per_correction: usize,
    /// Median time of a correction, in milliseconds.
    pub p50_ms: f64,
    /// 99 in 100 are below.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Working everything out from scratch, in milliseconds.
    pub scratch_ms: f64,
    /// `scratch_ms` / `p50_ms`.
    pub ratio: f64,
    /// Whether both come to the same lots and gains.
    pub identical: bool,
}

/// Lots and gains, as a sum in which order does not count.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Sum {
    lots: i64,
    checked: u64,
}

impl Sum {
    fn add(&mut self, fields: impl Hash, times: i64, lot: bool) {
        let mut hasher = DefaultHasher::new();
        fields.hash(&mut hasher);
        self.checked = self.checked.wrapping_add(hasher.finish().wrapping_mul(times as u64));
        self.lots += if lot { times } else { 0 };
    }

    fn row(&mut self, row: &Row, times: i64) {
        match row {
            Row::Lot(r) => {
                let fields = (r.customer, r.instrument, r.acquired.days(), r.quantity, r.cost_base);
                self.add(fields, times, true);
            }
            Row::RealisedGain(r) => {
                self.add(
                    (r.customer, r.instrument, r.quantity, r.proceeds, r.cost_base, r.gain),
                    times,
                    false,
                );
            }
            _ => {}
        }
    }

    fn told(&mut self, customer: CustomerId, row: &LedgerRow, times: i64) {
        match row {
            LedgerRow::Lot(r) => {
                self.add((customer, r.instrument, r.acquired.days(), r.quantity, r.cost_base), times, true);
            }
            LedgerRow::Gain(r) => {
                self.add((customer, r.instrument, r.quantity, r.proceeds, r.cost_base, r.gain), times, false);
            }
            LedgerRow::Anomaly(_) => {}
        }
    }
}

/// What came out of one epoch.
struct Came {
    upto: Epoch,
    rows: usize,
    customers: usize,
}

/// Fills by chance: who holds what is known, so that no sale is refused.
struct Chance {
    rng: ChaCha8Rng,
    options: Options,
    held: BTreeMap<(u32, u32), u32>,
}

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        (self.rng.next_u64() % u64::from(end.max(1))) as u32
    }

    /// The text of a fill, without its type.
    fn fill(&mut self, number: u64) -> String {
        let (customer, instrument) =
            (self.below(self.options.customers), self.below(self.options.instruments));
        let held = self.held.get(&(customer, instrument)).copied().unwrap_or(0);
        let sells = held > 1 && self.below(5) < 2;
        let units = 1 + self.below(if sells { held } else { 100 });
        let now = if sells { held - units } else { held + units };
        self.held.insert((customer, instrument), now);
        let side = if sells { "sell" } else { "buy" };
        let cents = 1_000 + self.below(2_000);
        let day = 1 + number * 27 / self.options.events.max(1);
        format!(
            "\"customer\":\"c{customer}\",\"instrument\":\"i{instrument}\",\"side\":\"{side}\",\"quantity\":\"{units}\",\
             \"price\":\"{}.{:02}\",\"fee\":\"9.5\",\"currency\":\"AUD\",\"trade_date\":\"2020-01-{day:02}\"",
            cents / 100,
            cents % 100
        )
    }
}

fn line(kind: &str, id: &str, rest: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"at\":\"2020-01-28T00:00:00Z\",\"id\":\"{id}\",{rest}}}")
}

struct Line {
    door: Admission,
    engine: Engine,
    epoch: Epoch,
    inputs: Inputs,
    /// Everything that was said of lots, with its sign.
    said: Vec<(CustomerId, Arc<evenkeel_operators::facts::LotEntry>, isize)>,
    parse: f64,
    judge: f64,
}

impl Line {
    fn take(&mut self, text: &str) -> Result<(), Error> {
        let begun = Instant::now();
        let wrong = |refusal: Refusal| Error::Check(format!("the bench's own event was refused: {refusal}"));
        let event = parse_event(text.as_bytes()).map_err(wrong)?;
        let read = Instant::now();
        match self.door.admit(&event, self.epoch, Origin::Outside) {
            Verdict::Accepted(inputs) => self.inputs.extend(inputs),
            Verdict::Refused(refusal) => return Err(wrong(refusal)),
            Verdict::Duplicate => {
                return Err(Error::Check("the bench's own event is a duplicate".to_owned()));
            }
        }
        self.parse += (read - begun).as_secs_f64();
        self.judge += read.elapsed().as_secs_f64();
        Ok(())
    }

    /// Hands over what was taken, in an epoch of its own; gives the next epoch.
    fn close(&mut self) -> Epoch {
        let inputs = std::mem::take(&mut self.inputs);
        for (input, diff) in &inputs {
            if let Input::Fact(Fact::Lot(customer, entry)) = input {
                self.said.push((*customer, entry.clone(), *diff));
            }
        }
        self.engine.advance(self.epoch);
        self.engine.feed(self.epoch, Arc::new(inputs));
        self.epoch += EPOCH_MS;
        self.engine.advance(self.epoch);
        self.epoch
    }
}

/// Adds up what comes out, on a thread of its own; tells of each epoch.
fn adder(outputs: Receiver<Output>) -> Result<(Receiver<Came>, JoinHandle<Sum>), Error> {
    let (send, came) = bounded(1 << 16);
    let handle = std::thread::Builder::new().name("adder".to_owned()).spawn(move || {
        let mut sum = Sum::default();
        let (mut rows, mut customers) = (0, std::collections::BTreeSet::new());
        for output in outputs {
            match output {
                Output::Closed(closed) => {
                    for (row, diff) in &closed.changes {
                        sum.row(row, *diff as i64);
                        customers.extend(row.customer());
                    }
                    rows += closed.changes.len();
                }
                Output::Complete(upto) => {
                    // When nobody listens any more, what follows is settlement long after.
                    let _ = send.try_send(Came { upto, rows, customers: customers.len() });
                    (rows, customers) = (0, std::collections::BTreeSet::new());
                }
            }
        }
        sum
    });
    let handle = handle.map_err(|error| Error::Start(format!("cannot start a thread: {error}")))?;
    Ok((came, handle))
}

/// Waits for everything before an epoch; gives how much came with it.
fn wait(came: &Receiver<Came>, epoch: Epoch) -> Result<Came, Error> {
    let mut all = Came { upto: 0, rows: 0, customers: 0 };
    while all.upto < epoch {
        let next = came.recv().map_err(|_| Error::Start("the dataflow ended early".to_owned()))?;
        all = Came {
            upto: next.upto,
            rows: all.rows + next.rows,
            customers: all.customers.max(next.customers),
        };
    }
    Ok(all)
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = pages.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * 4096
}

/// Runs the bench.
///
/// # Errors
/// When the dataflow cannot be started, or an event of the bench's own is refused.
pub fn run(options: Options) -> Result<Found, Error> {
    let timing = Timing { epoch_ms: EPOCH_MS, mark_ms: 1 << 42, drift_mark_ms: 0, stale_ms: 0, dated: true };
    let plan = Plan { timing, watching: DriftEngine::default().watching(), opening: 0 };
    let (engine, outputs) = Engine::start(Workers::Threads(options.workers), plan).map_err(Error::Start)?;
    let (came, adding) = adder(outputs)?;
    let door = Admission::new(1_000_000, true);
    let (inputs, said) = (Inputs::new(), Vec::new());
    let mut all = Line { door, engine, epoch: START, inputs, said, parse: 0.0, judge: 0.0 };
    for i in 0..options.instruments {
        let terms = "\"kind\":\"etf\",\"currency\":\"AUD\",\"tick_size\":\"0.01\",\"lot_size\":\"1\"";
        let rest = format!("\"instrument\":\"i{i}\",\"name\":\"i{i}\",{terms}");
        all.take(&line("instrument_listed", &format!("l{i}"), &rest))?;
    }
    for c in 0..options.customers {
        let rest = format!("\"customer\":\"c{c}\",\"base_currency\":\"AUD\"");
        all.take(&line("customer_onboarded", &format!("o{c}"), &rest))?;
    }
    let epoch = all.close();
    wait(&came, epoch)?;
    let empty = resident();
    let mut progress = Progress::new("booking fills", Some(options.events));
    let chance = ChaCha8Rng::seed_from_u64(options.seed);
    let mut chance = Chance { rng: chance, options, held: BTreeMap::new() };
    let (mut fills, mut seconds) = (Vec::new(), 0.0);
    (all.parse, all.judge) = (0.0, 0.0);
    let stride = (options.events / u64::from(options.corrections.max(1))).max(1);
    let mut number = 0;
    while number < options.events {
        // Making the text is not in the time.
        let upto = options.events.min(number + EPOCH_EVENTS as u64);
        let texts: Vec<String> = (number..upto).map(|number| chance.fill(number)).collect();
        let begun = Instant::now();
        for (text, n) in texts.iter().zip(number..) {
            all.take(&line("fill", &format!("f{n}"), text))?;
        }
        all.close();
        seconds += begun.elapsed().as_secs_f64();
        fills.extend(texts.into_iter().zip(number..).filter(|(_, n)| n.is_multiple_of(stride)));
        number = upto;
        progress.step(number, || format!("{number} fills"));
    }
    let begun = Instant::now();
    wait(&came, all.epoch)?;
    seconds += begun.elapsed().as_secs_f64();
    progress.done();
    let events = options.events.max(1) as f64;
    let (parse_us, judge_us) = (all.parse / events * 1e6, all.judge / events * 1e6);
    let bytes_per_event = resident().saturating_sub(empty) as f64 / events;
    let amended = amend(&mut all, &came, &fills, options.corrections)?;
    let Line { engine, said, .. } = all;
    engine.finish();
    let sum = adding.join().map_err(|_| Error::Start("the adding thread ended early".to_owned()))?;
    let (scratch, scratch_ms) = from_scratch(said);
    let p50_ms = amended.times.value_at_quantile(0.5) as f64 / 1e3;
    Ok(Found {
        bench: "books",
        customers: options.customers,
        events: options.events,
        workers: options.workers,
        events_per_second: events / seconds.max(1e-9),
        parse_us,
        judge_us,
        bytes_per_event,
        open_lots: sum.lots,
        corrections: amended.times.len() as u32,
        rows_per_correction: amended.rows as f64 / amended.times.len().max(1) as f64,
        customers_per_correction: amended.customers,
        p50_ms,
        p99_ms: amended.times.value_at_quantile(0.99) as f64 / 1e3,
        max_ms: amended.times.max() as f64 / 1e3,
        scratch_ms,
        ratio: scratch_ms / p50_ms.max(1e-9),
        identical: sum == scratch,
    })
}

struct Amended {
    /// In microseconds.
    times: Histogram<u64>,
    rows: usize,
    customers: usize,
}

/// Amends fills, one an epoch: a cent more of fee.
fn amend(
    all: &mut Line,
    came: &Receiver<Came>,
    fills: &[(String, u64)],
    corrections: u32,
) -> Result<Amended, Error> {
    let times = Histogram::new(3).map_err(|error| Error::Check(error.to_string()))?;
    let mut amended = Amended { times, rows: 0, customers: 0 };
    for (text, number) in fills.iter().take(corrections as usize) {
        let with = line("fill", &format!("g{number}"), &text.replace("\"fee\":\"9.5\"", "\"fee\":\"9.51\""));
        let rest = format!("\"of\":\"f{number}\",\"with\":{with},\"reason\":\"fee\"");
        let text = line("correction", &format!("x{number}"), &rest);
        let begun = Instant::now();
        all.take(&text)?;
        let epoch = all.close();
        let came = wait(came, epoch)?;
        amended.times.saturating_record(begun.elapsed().as_micros() as u64);
        amended.rows += came.rows;
        amended.customers = amended.customers.max(came.customers);
    }
    Ok(amended)
}

/// A fresh ledger for each customer, of what stands.
fn from_scratch(said: Vec<(CustomerId, Arc<evenkeel_operators::facts::LotEntry>, isize)>) -> (Sum, f64) {
    let mut standing: BTreeMap<CustomerId, Vec<_>> = BTreeMap::new();
    for (customer, entry, diff) in said {
        let entries = standing.entry(customer).or_default();
        if diff > 0 {
            entries.push(entry);
        } else if let Some(at) = entries.iter().rposition(|known| *known == entry) {
            entries.remove(at);
        }
    }
    let begun = Instant::now();
    let (mut sum, mut told) = (Sum::default(), Vec::new());
    for (customer, entries) in standing {
        let mut ledger = Ledger::default();
        entries.iter().for_each(|entry| ledger.insert(entry.entry.clone()));
        ledger.settle(&mut told);
        for (row, times) in told.drain(..) {
            sum.told(customer, &row, times.into());
        }
    }
    (sum, begun.elapsed().as_secs_f64() * 1e3)
}
