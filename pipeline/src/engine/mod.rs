//! The dataflow, running: inputs by epoch in, complete epochs of output rows out.
//!
//! [`Engine::start`] builds the same dataflow on every worker thread, of this process or of several. Epochs are fed in
//! order; a [`Closed`] epoch comes out once every worker has finished it, with its rows consolidated.

mod across;
mod assemble;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::thread::Thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use evenkeel_operators::dataflow::{Timing, Watching};
use evenkeel_schemas::{Epoch, Row};
use timely::WorkerConfig;
use timely::communication::WorkerGuards;

use crate::admission::Inputs;
use crate::cluster::{Cluster, Ties, Work};

pub(crate) use assemble::consolidate;

/// Epochs that may wait for a worker before the feeder has to: bounds memory, keeps workers busy.
const EPOCHS_IN_FLIGHT: usize = 64;

/// What is built, and how.
#[derive(Clone)]
pub struct Plan {
    /// Epochs and marks.
    pub timing: Timing,
    /// How portfolios are watched.
    pub watching: Watching,
    /// What is derived from ticks up to this epoch comes out together, at this epoch; 0 for every epoch by
    /// itself.
    pub opening: Epoch,
}

/// Who works.
pub enum Workers {
    /// As many threads of this process.
    Threads(usize),
    /// Those of several processes, of which this one leads.
    Across(Cluster),
}

/// What the feeder tells the workers.
pub(crate) enum Command {
    /// Changes at an epoch.
    Feed(Epoch, Arc<Inputs>),
    /// Nothing before this epoch follows.
    Advance(Epoch),
}

/// A complete epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The epoch.
    pub epoch: Epoch,
    /// Its changes, consolidated, in no particular order.
    pub changes: Vec<(Row, isize)>,
}

impl Closed {
    /// Hands over its single rows with their differences.
    pub fn each_single(&self, mut each: impl FnMut(&Row, isize)) {
        self.changes.iter().for_each(|(row, diff)| row.each_single(*diff, &mut each));
    }
}

/// What comes out of the engine, in order of epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An epoch with changes is complete.
    Closed(Closed),
    /// Everything before this epoch is complete, and has come out.
    Complete(Epoch),
}

/// What workers send to be assembled.
pub(crate) struct Report {
    worker: usize,
    rows: Vec<(Row, Epoch, isize)>,
    frontier: Epoch,
}

/// The feeding end of a running dataflow. Dropping it, or [`Engine::finish`], ends the inputs.
pub struct Engine {
    senders: Vec<Sender<Command>>,
    threads: Vec<Thread>,
    guards: WorkerGuards<()>,
    ties: Ties,
}

impl Engine {
    /// Starts the workers.
    ///
    /// # Errors
    /// In words, when threads cannot be started.
    pub fn start(workers: Workers, plan: Plan) -> Result<(Engine, Receiver<Output>), String> {
        let Plan { timing, watching, opening } = plan;
        let (workers, builders, ties) = match workers {
            Workers::Threads(threads) => {
                let threads = threads.max(1);
                let (builders, _) = timely::CommunicationConfig::Process(threads).try_build()?;
                (threads, builders, Ties::none())
            }
            Workers::Across(cluster) => {
                let threads = cluster.workers;
                let (builders, ties) = cluster.allocators()?;
                (threads, builders, ties)
            }
        };
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| bounded(EPOCHS_IN_FLIGHT)).unzip();
        let (reports, assembled) = bounded(EPOCHS_IN_FLIGHT * 4);
        let (started, threads) = bounded(workers);
        worker::exit_on_panic();
        let config = WorkerConfig::default();
        let guards = timely::execute::execute_from(builders, Box::new(()), config, move |worker| {
            let _ = started.send((worker.index(), std::thread::current()));
            let commands = receivers[worker.index()].clone();
            worker::run(worker, workers, commands, reports.clone(), timing, watching.clone());
        })?;
        let mut threads: Vec<(usize, Thread)> = threads.iter().take(workers).collect();
        threads.sort_by_key(|(index, _)| *index);
        let outputs = assemble::start(workers, assembled, opening)?;
        let threads = threads.into_iter().map(|(_, thread)| thread).collect();
        Ok((Engine { senders, threads, guards, ties }, outputs))
    }

    /// Feeds changes at an epoch not before the last [`Engine::advance`]. Blocks while workers are behind.
    pub fn feed(&self, epoch: Epoch, inputs: Arc<Inputs>) {
        if !inputs.is_empty() {
            self.send(|| Command::Feed(epoch, inputs.clone()));
        }
    }

    /// Declares every epoch before `epoch` complete.
    pub fn advance(&self, epoch: Epoch) {
        self.send(|| Command::Advance(epoch));
    }

    fn send(&self, command: impl Fn() -> Command) {
        for (sender, thread) in self.senders.iter().zip(&self.threads) {
            // A worker that is gone has ended the process: there is nobody to tell.
            let _ = sender.send(command());
            thread.unpark();
        }
    }

    /// Ends the inputs and waits for the workers.
    pub fn finish(self) {
        drop(self.senders);
        self.threads.iter().for_each(Thread::unpark);
        for result in self.guards.join() {
            if let Err(error) = result {
                tracing::error!(%error, "a worker ended early");
            }
        }
        self.ties.release();
    }
}

/// Lends this process's workers to the leader of a cluster until the dataflow has ended.
///
/// # Errors
/// In words, when threads cannot be started.
pub fn lend(cluster: Cluster, work: Work) -> Result<(), String> {
    let (builders, ties) = cluster.allocators()?;
    worker::exit_on_panic();
    let watching = work.drift_engine.watching();
    let config = WorkerConfig::default();
    let guards = timely::execute::execute_from(builders, Box::new(()), config, move |worker| {
        worker::lend(worker, work.workers, work.timing, watching.clone());
    })?;
    // A worker that panics ends the process.
    drop(guards.join());
    ties.release();
    Ok(())
}
