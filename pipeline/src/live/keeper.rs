//! Keeps a baseline with the log now and then, so that a restart need not read every tick, and drops ticks that
//! are older than they are to be kept.
//!
//! **Invariant:** a baseline is kept only once ClickHouse holds everything up to its epoch, and ticks are dropped
//! only if the newest baseline does without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use evenkeel_log::{Log, Topic};
use evenkeel_schemas::{Epoch, Measure, PeakRow, TriggerKey};

use super::baseline::Baseline;
use super::spawn;
use crate::config::Config;
use crate::error::Error;
use crate::machine::step_back;
use crate::sink::SinkState;

/// How often a baseline that waits for ClickHouse is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The state at an epoch, as far as a baseline needs it.
pub(super) struct Moment {
    pub epoch: Epoch,
    pub drifts: Vec<(TriggerKey, (Measure, Measure))>,
    pub peaks: Vec<PeakRow>,
}

/// The thread that keeps baselines.
pub struct Keeper {
    pub(super) moments: Sender<Moment>,
    pub(super) every_ms: u64,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) thread: JoinHandle<()>,
}

struct Keeping {
    log: Arc<Log>,
    written: Arc<SinkState>,
    newest: Option<Baseline>,
    correctable_ticks: u64,
    keep_ticks_ms: u64,
    stopping: Arc<AtomicBool>,
}

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    /// When the thread cannot be started or the log not be read.
    pub fn start(config: &Config, log: Arc<Log>, written: Arc<SinkState>) -> Result<Keeper, Error> {
        // One may wait while another is made; a third is not worth having.
        let (moments, taken) = bounded(1);
        let stopping = Arc::new(AtomicBool::new(false));
        let keeping = Keeping {
            newest: Baseline::of(&log)?,
            log,
            written,
            correctable_ticks: u64::try_from(config.correctable_ticks).unwrap_or(u64::MAX),
            keep_ticks_ms: config.log.keep_ticks_ms,
            stopping: stopping.clone(),
        };
        let thread = spawn("keeper", move || keeping.run(&taken))?;
        Ok(Keeper { moments, every_ms: config.baseline_ms(), stopping, thread })
    }
}

impl Keeping {
    fn run(mut self, moments: &Receiver<Moment>) {
        step_back();
        for moment in moments {
            let epoch = moment.epoch;
            while self.written.written.load(Ordering::Relaxed) < epoch {
                if self.stopping.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(LOOK);
            }
            // Without it a restart reads more and old ticks stay: worth a message, not an end.
            if let Err(error) = self.keep(moment) {
                tracing::error!(%error, epoch, "no baseline could be kept");
            }
        }
    }

    fn keep(&mut self, moment: Moment) -> Result<(), Error> {
        let epoch = moment.epoch;
        let started = std::time::Instant::now();
        let baseline = Baseline::at(moment, self.newest.as_ref(), &self.log, self.correctable_ticks)?;
        baseline.keep(&self.log)?;
        let ticks_after = baseline.ticks_after;
        tracing::info!(epoch, ticks_after, seconds = started.elapsed().as_secs_f64(), "baseline kept");
        self.newest = Some(baseline);
        if self.keep_ticks_ms > 0 {
            let before = epoch.saturating_sub(self.keep_ticks_ms).min(ticks_after + 1);
            self.log.retain(Topic::Market, before)?;
        }
        Ok(())
    }
}
