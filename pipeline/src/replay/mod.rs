//! `evenkeel replay`: a file of events through the same dataflow, to the end, into files.

mod act;
mod input;
mod output;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use evenkeel_operators::dataflow::Timing;
use evenkeel_schemas::Epoch;

use crate::admission::{Inputs, Origin, conflate};
use crate::cluster::Work;
use crate::config::{ClusterConfig, DriftEngine};
use crate::door::{Counts, Door, Rejected};
use crate::engine::{Closed, Engine, Output, Plan};
use crate::error::Error;
use crate::names::SharedNames;
use crate::progress::Progress;

pub use act::act;
pub use input::{EventFiles, Placed};
pub use output::OutputFiles;

/// What to replay and how.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Files of events, read one after the other.
    pub events: Vec<PathBuf>,
    /// The folder that output files are written to.
    pub out: PathBuf,
    /// Worker threads, in each process.
    pub workers: usize,
    /// Processes that the dataflow is spread over.
    pub cluster: ClusterConfig,
    /// Epoch length, marks and staleness.
    pub timing: Timing,
    /// What values and watches portfolios.
    pub drift_engine: DriftEngine,
    /// How many of the latest market events with an id can be corrected.
    pub correctable_ticks: usize,
}

impl Replay {
    /// Starts the dataflow.
    fn start(&self) -> Result<(Engine, Receiver<Output>), Error> {
        let work = Work { workers: self.workers, timing: self.timing, drift_engine: self.drift_engine };
        let workers = self.cluster.gather(work, &|| false)?;
        Engine::start(workers, self.plan()).map_err(Error::Start)
    }

    fn plan(&self) -> Plan {
        Plan { timing: self.timing, watching: self.drift_engine.watching(), opening: 0 }
    }
}

/// What a replay did.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What came in.
    pub counts: Counts,
    /// Lines written, over all collections.
    pub changes: u64,
    /// The first and last epoch, when there was any event.
    pub epochs: Option<(Epoch, Epoch)>,
}

/// Who takes in what a replay derives, epoch by epoch.
pub trait Taker: Send + 'static {
    /// Takes in a complete epoch.
    ///
    /// # Errors
    /// What makes the rest not worth taking.
    fn take(&mut self, closed: &Closed) -> Result<(), Error>;
}

/// Runs a replay that derives only, into files.
///
/// # Errors
/// When a file cannot be read or written.
pub fn derive(replay: &Replay, progress: &mut Progress) -> Result<Summary, Error> {
    let folder = replay.out.clone();
    let (passed, writer) = pass(replay, progress, |names| OutputFiles::create(&folder, names))?;
    let changes = writer.finish(&passed.rejected)?;
    Ok(Summary { counts: passed.counts, changes, epochs: passed.epochs })
}

/// What came of the events of a replay.
pub struct Passed {
    /// What came in.
    pub counts: Counts,
    /// The first and last epoch, when there was any event.
    pub epochs: Option<(Epoch, Epoch)>,
    /// What was refused, and when.
    pub rejected: Vec<(Epoch, Rejected)>,
}

/// Runs a replay that derives only, into what `open` makes of the names.
///
/// # Errors
/// When a file cannot be read, or the taker reports an error.
pub fn pass<T: Taker>(
    replay: &Replay,
    progress: &mut Progress,
    open: impl FnOnce(SharedNames) -> Result<T, Error>,
) -> Result<(Passed, T), Error> {
    let mut files = EventFiles::open(&replay.events)?;
    let mut door = Door::new(replay.correctable_ticks, true);
    let taker = open(door.admission.names().clone())?;
    let (engine, outputs) = replay.start()?;
    let taker = drain(taker, outputs)?;
    let mut feed = EpochFeed { engine: &engine, epoch: None, first: None, inputs: Vec::new() };
    let mut rejected = Vec::new();
    while let Some(placed) = files.next_event()? {
        progress.step(files.bytes_read(), || format!("{} events", door.counts.accepted));
        let recorded = feed.epoch.unwrap_or_default();
        match placed {
            Placed::Event(place, event, line) => {
                let epoch = recorded_epoch(&event, replay.timing.epoch_ms).max(recorded);
                // What is dropped or refused does not move time.
                match door.judge(&event, epoch, Origin::Program) {
                    Ok(None) => {}
                    Ok(Some(inputs)) => {
                        feed.reach(epoch);
                        feed.inputs.extend(inputs);
                    }
                    Err(refusal) => rejected.push((recorded, Rejected::new(&place, refusal, &line))),
                }
            }
            Placed::Refused(refused) => {
                door.counts.rejected += 1;
                rejected.push((recorded, refused));
            }
        }
    }
    feed.flush();
    let epochs = feed.first.zip(feed.epoch);
    engine.finish();
    let taker = taker.join().map_err(|_| Error::Start("the writer thread ended early".to_owned()))??;
    Ok((Passed { counts: door.counts, epochs, rejected }, taker))
}

/// The epoch of an event in a file: its recorded time, else its effective time.
pub fn recorded_epoch(event: &evenkeel_schemas::events::Event, epoch_ms: u64) -> Epoch {
    event.recorded().unwrap_or(event.at()).epoch(epoch_ms)
}

/// Gathers an epoch's changes and feeds them whole.
struct EpochFeed<'a> {
    engine: &'a Engine,
    epoch: Option<Epoch>,
    first: Option<Epoch>,
    inputs: Inputs,
}

impl EpochFeed<'_> {
    fn reach(&mut self, epoch: Epoch) {
        if self.epoch != Some(epoch) {
            self.flush();
            self.engine.advance(epoch);
            self.epoch = Some(epoch);
            self.first.get_or_insert(epoch);
        }
    }

    fn flush(&mut self) {
        if let Some(epoch) = self.epoch {
            let mut inputs = std::mem::take(&mut self.inputs);
            conflate(&mut inputs);
            self.engine.feed(epoch, Arc::new(inputs));
        }
    }
}

/// Takes in what comes out, on a thread of its own.
fn drain<T: Taker>(mut taker: T, outputs: Receiver<Output>) -> Result<JoinHandle<Result<T, Error>>, Error> {
    std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || {
            let mut failed = None;
            for output in outputs {
                // After a failure the rest is drained, so that the workers can end.
                if let (Output::Closed(closed), None) = (output, &failed) {
                    failed = taker.take(&closed).err();
                }
            }
            failed.map_or(Ok(taker), Err)
        })
        .map_err(|error| Error::Start(format!("cannot start the writer thread: {error}")))
}
