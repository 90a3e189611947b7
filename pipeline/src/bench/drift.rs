//! Watching for drift, epoch by epoch: the complete dataflow from accepted events to breaches and triggers, or the
//! monitor by itself.
//!
//! A simulated market ticks over a book of customers. An epoch's time runs from handing the worker its facts and
//! observations to everything of that epoch having come out; making and judging events is not in it, nor are
//! marks. Both forms get the same inputs, and what comes out is compared epoch by epoch.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use differential_dataflow::input::InputSession;
use evenkeel_operators::dataflow::{Timing, Watching, build};
use evenkeel_operators::facts::{Fact, Input, Observation};
use evenkeel_operators::monitoring::Mode;
use evenkeel_schemas::{Epoch, Row};
use hdrhistogram::Histogram;
use serde::Serialize;
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

use super::kernel::{Kernel, Valued};
use super::peers::Changes;
use super::workload::Workload;
use crate::admission::{Inputs, conflate};
use crate::config::DriftEngine;
use crate::engine::consolidate;
use crate::error::Error;
use crate::progress::Progress;

/// Length of an epoch of the simulated market.
pub(super) const EPOCH_MS: u64 = 100;
/// Customers whose first events are judged at a time.
const OPENED_AT_ONCE: u32 = 1_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the monitor is measured by itself, without the dataflow around it.
    pub kernel: bool,
    /// Customers, each with five to twelve holdings.
    pub customers: u32,
    /// Instruments.
    pub instruments: u32,
    /// Epochs measured.
    pub epochs: usize,
    /// Ticks of an epoch.
    pub epoch_ticks: usize,
    /// Seconds of a real market's movement in one second.
    pub intensity: u32,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// Whether everything falls by a fifth in the last epoch.
    pub crash: bool,
    /// Whether every customer of the simulated market has risk limits.
    pub limits: bool,
    /// What our own form is measured beside.
    pub against: DriftEngine,
    /// Epochs of the other form, the first ones; it may be slow.
    pub against_epochs: usize,
    /// A folder with the files of the comparison, instead of a simulated market.
    pub workload: Option<PathBuf>,
    /// Where our changes are written, in the form of the comparison.
    pub out: Option<PathBuf>,
}

/// How long epochs took.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// The form.
    pub engine: &'static str,
    /// Epochs measured.
    pub epochs: usize,
    /// Mean, in milliseconds.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 99 in 100 are below.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The last, which a crash is.
    pub last_ms: f64,
    /// Reading in all customers, in seconds.
    pub open_s: f64,
    /// Customers looked at one by one, in an epoch on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub woken: Option<f64>,
    /// Share of the epochs that were closed by a sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swept: Option<f64>,
}

/// What the bench found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its name.
    pub bench: &'static str,
    /// Customers.
    pub customers: u32,
    /// Holdings.
    pub holdings: u64,
    /// Ticks of an epoch.
    pub epoch_ticks: usize,
    /// Seconds of a real market's movement in one second.
    pub intensity: u32,
    /// Median of our epochs, in milliseconds.
    pub p50_ms: f64,
    /// 99 in 100 of our epochs are below.
    pub p99_ms: f64,
    /// How many times the mean of the other form is ours, over the same epochs.
    pub ratio: f64,
    /// Whether both gave the same rows at every epoch that both ran.
    pub identical: bool,
    /// Rows that came out of the epochs measured.
    pub rows: u64,
    /// How long valuations take, where that is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valued: Option<Valued>,
    /// Ours.
    pub ours: Times,
    /// The other.
    pub against: Times,
}

/// How a monitor closed epochs.
#[derive(Default)]
pub(super) struct Closed {
    woken: u64,
    swept: u64,
}

impl Closed {
    /// Counts an epoch.
    pub fn note(&mut self, woken: usize, swept: bool) {
        self.woken += woken as u64;
        self.swept += u64::from(swept);
    }
}

/// What takes in epochs and says what changed.
pub(super) trait Stage {
    /// Takes in what is known at an epoch.
    fn feed(&mut self, epoch: Epoch, inputs: Inputs);

    /// Everything of an epoch comes out.
    fn close(&mut self, epoch: Epoch);

    /// What came out at an epoch.
    fn taken(&mut self, epoch: Epoch) -> Vec<(Row, isize)>;
}

/// One form's run.
struct Ran {
    seconds: Vec<f64>,
    digests: Vec<u64>,
    rows: u64,
    holdings: u64,
    open_s: f64,
    closed: Closed,
    valued: Option<Valued>,
}

/// Runs the bench.
///
/// # Errors
/// When the simulated events are not acceptable.
pub fn run(options: &Options) -> Result<Found, Error> {
    let ours = measure(options, DriftEngine::Monitor, options.epochs, options.out.clone())?;
    let epochs = options.against_epochs.clamp(1, options.epochs);
    let theirs = measure(options, options.against, epochs, None)?;
    let identical = ours.digests.iter().zip(&theirs.digests).all(|(ours, theirs)| ours == theirs);
    let mean = |seconds: &[f64]| seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
    let ratio = mean(&theirs.seconds) / mean(&ours.seconds[..epochs.min(ours.seconds.len())]);
    let (rows, holdings, valued) = (ours.rows, ours.holdings, ours.valued);
    let (ours, against) = (times("monitor", &ours)?, times(name(options.against), &theirs)?);
    let Options { customers, epoch_ticks, intensity, .. } = *options;
    let (p50_ms, p99_ms) = (ours.p50_ms, ours.p99_ms);
    Ok(Found {
        bench: if options.kernel { "monitor" } else { "drift" },
        customers,
        holdings,
        epoch_ticks,
        intensity,
        p50_ms,
        p99_ms,
        ratio,
        identical,
        rows,
        valued,
        ours,
        against,
    })
}

fn name(engine: DriftEngine) -> &'static str {
    match engine {
        DriftEngine::Monitor => "monitor",
        DriftEngine::Sweep => "sweep",
        DriftEngine::Textbook => "textbook",
    }
}

fn times(engine: &'static str, ran: &Ran) -> Result<Times, Error> {
    let wrong = |error: hdrhistogram::CreationError| Error::Start(format!("no histogram: {error}"));
    // Nanoseconds up to ten minutes.
    let mut all: Histogram<u64> = Histogram::new_with_bounds(1, 600_000_000_000, 3).map_err(wrong)?;
    for seconds in &ran.seconds {
        all.saturating_record((seconds * 1e9) as u64);
    }
    let at = |quantile| all.value_at_quantile(quantile) as f64 / 1e6;
    let epochs = ran.seconds.len();
    let per_epoch = |count: u64| (engine != "textbook").then(|| count as f64 / epochs.max(1) as f64);
    Ok(Times {
        engine,
        epochs,
        mean_ms: ran.seconds.iter().sum::<f64>() * 1e3 / epochs.max(1) as f64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: at(1.0),
        last_ms: ran.seconds.last().copied().unwrap_or(f64::NAN) * 1e3,
        open_s: ran.open_s,
        woken: per_epoch(ran.closed.woken),
        swept: per_epoch(ran.closed.swept),
    })
}

type Captured = Rc<RefCell<Vec<(Row, Epoch, isize)>>>;

/// A worker's dataflow with its ends.
struct Dataflow<'w> {
    worker: &'w mut Worker,
    facts: InputSession<Epoch, Fact, isize>,
    observations: InputSession<Epoch, Observation, isize>,
    probe: Handle<Epoch>,
    captured: Captured,
}

impl<'w> Dataflow<'w> {
    fn build(worker: &'w mut Worker, timing: Timing, watching: Watching) -> Dataflow<'w> {
        let (mut facts, mut observations) = (InputSession::new(), InputSession::new());
        let (probe, captured) = (Handle::new(), Captured::default());
        let sink = captured.clone();
        worker.dataflow_named::<Epoch, _, _>("drift", |scope| {
            let (facts, observations) = (facts.to_collection(scope), observations.to_collection(scope));
            build(facts, observations, timing, watching)
                .inspect_batch(move |_, rows| sink.borrow_mut().extend(rows.iter().cloned()))
                .probe_with(&probe);
        });
        Dataflow { worker, facts, observations, probe, captured }
    }
}

impl Stage for Dataflow<'_> {
    fn feed(&mut self, epoch: Epoch, inputs: Inputs) {
        for (input, diff) in inputs {
            match input {
                Input::Fact(fact) => self.facts.update_at(fact, epoch, diff),
                Input::Observation(observation) => self.observations.update_at(observation, epoch, diff),
            }
        }
    }

    fn close(&mut self, epoch: Epoch) {
        self.facts.advance_to(epoch + 1);
        self.facts.flush();
        self.observations.advance_to(epoch + 1);
        self.observations.flush();
        while self.probe.less_than(&(epoch + 1)) {
            self.worker.step();
        }
    }

    /// Without what marks will report.
    fn taken(&mut self, epoch: Epoch) -> Vec<(Row, isize)> {
        let all = std::mem::take(&mut *self.captured.borrow_mut());
        let mut rows: Vec<(Row, isize)> =
            all.into_iter().filter(|(_, at, _)| *at == epoch).map(|(row, _, diff)| (row, diff)).collect();
        consolidate(&mut rows);
        rows
    }
}

fn measure(
    options: &Options,
    engine: DriftEngine,
    epochs: usize,
    out: Option<PathBuf>,
) -> Result<Ran, Error> {
    let closed = Arc::new(Mutex::new(Closed::default()));
    let form = Form { epochs, name: name(engine), out, closed: closed.clone() };
    if options.kernel {
        let Watching::Monitor { choice, .. } = engine.watching() else {
            let expected = "--against textbook: expected monitor or sweep, the textbook has no monitor";
            return Err(Error::Config(expected.to_owned()));
        };
        let mut kernel = Kernel::new(choice, closed);
        let mut ran = epoch_by_epoch(&mut kernel, options, form)?;
        ran.valued = Some(kernel.value());
        return Ok(ran);
    }
    let mut watching = engine.watching();
    if let Watching::Monitor { listener, .. } = &mut watching {
        *listener = Some(Arc::new(move |_, report| {
            let mut closed = closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.note(report.woken, report.mode != Mode::Zones);
        }));
    }
    let options = options.clone();
    // The first mark lies behind the last epoch.
    let timing = Timing { epoch_ms: EPOCH_MS, mark_ms: 1 << 40, drift_mark_ms: 0, stale_ms: 0, dated: false };
    timely::execute_directly(move |worker| {
        epoch_by_epoch(&mut Dataflow::build(worker, timing, watching), &options, form)
    })
}

/// One form, and what becomes of it.
struct Form {
    epochs: usize,
    name: &'static str,
    out: Option<PathBuf>,
    closed: Arc<Mutex<Closed>>,
}

fn epoch_by_epoch(stage: &mut dyn Stage, options: &Options, form: Form) -> Result<Ran, Error> {
    let Form { epochs, name, out, closed } = form;
    let mut progress = Progress::new("measuring", None);
    let mut workload = Workload::new(options, epochs)?;
    let warm = workload.warm();
    let mut changes = out.as_deref().map(Changes::create).transpose()?;
    let mut holdings = 0;
    let mut epoch = EPOCH_MS;
    let begun = Instant::now();
    stage.feed(epoch, workload.opening(epoch)?);
    for from in (0..options.customers).step_by(OPENED_AT_ONCE as usize) {
        let to = (from + OPENED_AT_ONCE).min(options.customers);
        let inputs = workload.customers(from, to, epoch)?;
        let moved = |(input, _): &&(Input, isize)| matches!(input, Input::Fact(Fact::Movement(..)));
        holdings += inputs.iter().filter(moved).count() as u64;
        stage.feed(epoch, inputs);
        progress.look(0, || format!("{name}: {to} of {} customers", options.customers));
    }
    stage.close(epoch);
    let mut ran = Ran {
        seconds: Vec::with_capacity(epochs),
        digests: Vec::with_capacity(epochs),
        rows: 0,
        holdings,
        open_s: begun.elapsed().as_secs_f64(),
        closed: Closed::default(),
        valued: None,
    };
    drop(stage.taken(epoch));
    for number in 0..warm + epochs {
        epoch += EPOCH_MS;
        let crash = options.crash && number + 1 == warm + options.epochs;
        let mut inputs = workload.ticks(number, options.epoch_ticks, crash, epoch)?;
        let begun = Instant::now();
        conflate(&mut inputs);
        stage.feed(epoch, inputs);
        stage.close(epoch);
        let seconds = begun.elapsed().as_secs_f64();
        let rows = stage.taken(epoch);
        if number + 1 == warm {
            *closed.lock().unwrap_or_else(PoisonError::into_inner) = Closed::default();
        }
        if number >= warm {
            ran.seconds.push(seconds);
            ran.rows += rows.len() as u64;
            if let Some(changes) = &mut changes {
                changes.write(number - warm, &rows)?;
            }
            let mut digest = DefaultHasher::new();
            rows.hash(&mut digest);
            ran.digests.push(digest.finish());
        }
        progress.look(0, || format!("{name}: {} of {} epochs", number + 1, warm + epochs));
    }
    progress.done();
    changes.map_or(Ok(()), Changes::finish)?;
    ran.closed = std::mem::take(&mut *closed.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(ran)
}
