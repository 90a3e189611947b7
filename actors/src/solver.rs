//! The pool that plans are made on: bounded threads, a bounded queue, a deadline in live mode.
//!
//! In replay mode only the iteration limit ends a run early, so that the answer is the same on any machine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::customer::SolverAnswer;
use crate::plans::PlanRequest;
use crate::policy::SolverPolicy;

/// Whether a wall clock may end a decision.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The optimizer has a deadline.
    Live,
    /// No clock: the same log gives the same decisions.
    Replay,
}

/// Longest run of the solver in replay mode: no limit that a run can meet.
const UNLIMITED: Duration = Duration::from_secs(86_400);

type Reply = Box<dyn FnOnce(SolverAnswer) + Send>;

enum Job {
    Plan {
        request: Box<PlanRequest>,
        handed: Instant,
        reply: Reply,
    },
    /// Catches what goes wrong in it, and keeps its own time.
    Other(Box<dyn FnOnce() + Send>),
}

/// A pool of threads that run the optimizer.
pub(crate) struct SolverPool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl SolverPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(policy: &SolverPolicy, mode: Mode) -> std::io::Result<SolverPool> {
        let (jobs, queue) = bounded(policy.queue);
        let policy = Arc::new(policy.clone());
        let mut pool = SolverPool { jobs: Some(jobs), threads: Vec::with_capacity(policy.threads) };
        for at in 0..policy.threads {
            let (queue, policy) = (queue.clone(), Arc::clone(&policy));
            let name = format!("solver-{at}");
            let run = move || work(&queue, &policy, mode);
            pool.threads.push(std::thread::Builder::new().name(name).spawn(run)?);
        }
        Ok(pool)
    }

    /// Hands over what a plan is made from; `reply` is called with the answer on a thread of the pool. False when the
    /// queue is full or the pool stopped: `reply` is then dropped.
    pub fn submit(&self, request: Box<PlanRequest>, reply: Reply) -> bool {
        self.send(Job::Plan { request, handed: Instant::now(), reply })
    }

    /// Runs something else on a thread of the pool. False when the queue is full or the pool stopped.
    pub fn run(&self, job: Box<dyn FnOnce() + Send>) -> bool {
        self.send(Job::Other(job))
    }

    fn send(&self, job: Job) -> bool {
        let Some(jobs) = &self.jobs else { return false };
        match jobs.try_send(job) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Problems that wait for a thread.
    pub fn queued(&self) -> usize {
        self.jobs.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for SolverPool {
    /// Lets the threads finish what is queued and waits for them.
    fn drop(&mut self) {
        self.jobs = None;
        let this = std::thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != this) {
            if thread.join().is_err() {
                tracing::error!("a solver thread panicked outside the optimizer");
            }
        }
    }
}

fn work(queue: &Receiver<Job>, policy: &SolverPolicy, mode: Mode) {
    for job in queue {
        match job {
            Job::Plan { request, handed, reply } => reply(solve(*request, policy, mode, handed)),
            Job::Other(job) => job(),
        }
    }
}

fn solve(mut request: PlanRequest, policy: &SolverPolicy, mode: Mode, handed: Instant) -> SolverAnswer {
    let deadline = Duration::from_millis(policy.deadline_ms);
    let left = |mode| match mode {
        Mode::Live => deadline.checked_sub(handed.elapsed()).filter(|left| !left.is_zero()),
        Mode::Replay => Some(UNLIMITED),
    };
    let Some(time_max) = left(mode) else { return SolverAnswer::Late };
    request.policy.limits.time_max = time_max;
    // What is asked is only read, so that nothing half-changed survives an unwinding.
    let result = catch_unwind(AssertUnwindSafe(|| request.plan()));
    if left(mode).is_none() {
        return SolverAnswer::Late;
    }
    match result {
        Ok(Ok(plan)) => SolverAnswer::Planned(Box::new(plan)),
        Ok(Err(error)) => SolverAnswer::Failed(error),
        Err(_) => SolverAnswer::Broken,
    }
}
