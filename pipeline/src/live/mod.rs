//! The live line: sources → door and log → dataflow → view, actors, sink; what actors decide goes back to
//! the door.
//!
//! ```text
//! submit ──► sequencer ──► log (fsync) ──► engine ──► conductor ──► view, status
//!    ▲        (door, epochs)                            │      └──► sink (ClickHouse)
//!    └────────────── decisions, orders, fills ◄── actors ┘
//! ```
//!
//! The sequencer alone judges, stamps and appends; the conductor alone changes the view and runs actors. The
//! way back is not bounded by itself (a bounded one could close a circle of full queues); what flows there is
//! bounded by open triggers and orders.

mod baseline;
mod books;
mod conductor;
mod event_log;
mod flow;
mod keeper;
mod recover;
mod sequencer;
mod stats;
mod submit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use evenkeel_actors::SharedMarket;
use evenkeel_operators::dataflow::Watching;
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::Event;

use crate::admission::Inputs;
use crate::config::Config;
use crate::door::Rejected;
use crate::engine::{Engine, Workers};
use crate::error::Error;
use crate::room::Share;
use crate::sink::Sink;
use crate::view::{SharedView, View};

pub use baseline::Baseline;
pub use event_log::EventLog;
pub use keeper::Keeper;
pub use recover::{Recovered, recover};
pub use stats::{Latencies, Live, Quantiles};
pub use submit::{Receipt, Stopped, Submitter, UnderWay};

/// An accepted event with its place in the log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The log's offset within the event's topic.
    pub offset: u64,
    /// The event.
    pub event: Event,
    /// Its text.
    pub payload: Arc<[u8]>,
}

/// What was recorded at an epoch.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The epoch.
    pub epoch: Epoch,
    /// What it changes.
    pub inputs: Arc<Inputs>,
    /// Accepted events, in the order of the log.
    pub events: Vec<Logged>,
    /// Refused lines with their offset in the dead-letter topic.
    pub rejected: Vec<(u64, Rejected)>,
    /// When the first of its events arrived, on the monotonic clock; `None` at recovery.
    pub arrived: Option<std::time::Instant>,
}

/// What the sequencer tells the conductor.
pub(crate) enum Told {
    /// An epoch was recorded and fed; and what it takes of the room for epochs under way.
    Recorded(Box<Recorded>, Share),
    /// The log has been read to its end: from here on, act.
    Live,
    /// Nothing is recorded at or after this epoch any more, and what the end of the inputs completes beyond it
    /// has not happened.
    End(Epoch),
}

/// The running line.
pub struct Line {
    /// Where events are handed in.
    pub submitter: Submitter,
    /// The live view.
    pub view: SharedView,
    /// Where events are recorded.
    pub log: Arc<dyn EventLog>,
    /// Figures.
    pub live: Arc<Live>,
    /// The market as it is estimated.
    pub estimates: SharedMarket,
    sequencer: JoinHandle<Result<(), Error>>,
    conductor: JoinHandle<Result<(), Error>>,
    keeper: JoinHandle<()>,
    keeper_stopping: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

/// What the line is made of.
pub struct Parts {
    /// Who works on the dataflow.
    pub workers: Workers,
    /// Where events are recorded.
    pub log: Arc<dyn EventLog>,
    /// Where recovery begins; without one, at the first record.
    pub baseline: Option<Baseline>,
    /// Where rows go.
    pub sink: Sink,
    /// Who keeps baselines.
    pub keeper: Keeper,
}

/// Events, and facts because of them, that the conductor has not taken in yet.
const UNDER_WAY: usize = 1_000_000;

impl Recorded {
    /// What it takes of the room for epochs under way.
    fn size(&self) -> usize {
        self.inputs.len() + self.events.len() + self.rejected.len()
    }
}

impl Line {
    /// Recovers from the log and starts all stations.
    ///
    /// # Errors
    /// When a station does not start or the log is damaged.
    pub fn start(config: &Config, parts: Parts) -> Result<Line, Error> {
        let Parts { workers, log, baseline, sink, keeper } = parts;
        let Keeper { moments, every_ms, stopping: keeper_stopping, thread: keeper } = keeper;
        let stopping = Arc::new(AtomicBool::new(false));
        let live = Arc::new(Live::new(config));
        let mut plan = config.plan(baseline.as_ref().map_or(0, |b| b.epoch));
        if let Watching::Monitor { listener, .. } = &mut plan.watching {
            let hears = live.clone();
            *listener = Some(Arc::new(move |_, report| hears.monitored(report)));
        }
        let (engine, outputs) = Engine::start(workers, plan).map_err(Error::Start)?;
        let (told, heard) = crossbeam_channel::bounded(1024);
        let (submitter, inbox) = submit::channel(config.log.queue);
        let sequencer = sequencer::Sequencer::new(config, log.clone(), engine, told, live.clone());
        let view = SharedView::new(View::new(sequencer.names()));
        let (conductor, estimates) = conductor::Conductor::start(conductor::Stations {
            config,
            heard,
            outputs,
            view: view.clone(),
            sink,
            live: live.clone(),
            submitter: submitter.clone(),
            moments,
            baseline_ms: every_ms,
        })?;
        let stop = stopping.clone();
        let sequencer = spawn("sequencer", move || sequencer.run(baseline.as_ref(), &inbox, &stop))?;
        Ok(Line {
            submitter,
            view,
            log,
            live,
            estimates,
            sequencer,
            conductor,
            keeper,
            keeper_stopping,
            stopping,
        })
    }

    /// Whether a station has ended by itself, which means that something failed.
    pub fn failed(&self) -> bool {
        self.sequencer.is_finished() || self.conductor.is_finished()
    }

    /// Takes no more events, finishes what was accepted, writes it out and ends.
    ///
    /// # Errors
    /// What made a station end early.
    pub fn stop(self) -> Result<(), Error> {
        self.stopping.store(true, Ordering::Release);
        drop(self.submitter);
        let ended = |name: &str| Error::Start(format!("the {name} thread panicked"));
        let sequencer = self.sequencer.join().map_err(|_| ended("sequencer"))?;
        let conductor = self.conductor.join().map_err(|_| ended("conductor"))?;
        self.keeper_stopping.store(true, Ordering::Relaxed);
        self.keeper.join().map_err(|_| ended("keeper"))?;
        sequencer.and(conductor)
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Error::Start(format!("cannot start the {name} thread: {error}")))
}

/// A channel of what was recorded, for tests and verification.
pub(crate) type Heard = Receiver<Told>;
