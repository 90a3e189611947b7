//! The actor system as plain threads see it.
//!
//! Committed events go in with [`ActorSystem::apply`], in log order; [`ActorSystem::run_epoch`] returns what
//! customers, desk and broker want appended. The caller appends it and hands it back with `apply` once it is
//! committed, before the next epoch if it can. After a restart the whole log goes through `apply` first; then
//! every customer with an open trigger is named as entered once, and those that the log already answers stay
//! quiet.
//!
//! **Invariant:** what `run_epoch` returns is a function of the applied events, the epoch, the snapshots and
//! the books, in replay mode whatever the timing and the number of threads.
//!
//! Ordering: customers decide in parallel, their decisions are sorted by customer; then the desk, then the
//! broker, which see what was committed, not what was just proposed. A customer's actor that is lost costs a
//! hold with a review; the desk's or the broker's cannot be done without, and the process must restart.

mod core;
mod flight;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use actix::prelude::{Actor, Addr};
use actix::{ArbiterHandle, System};
use crossbeam_channel::{Sender, bounded};
use evenkeel_schemas::events::Event;
use evenkeel_schemas::{Epoch, Name};
use evenkeel_tax::Law;

use self::core::{Core, Crew};
use crate::books::Books;
use crate::broker::{Broker, PaperBroker};
use crate::desk::{BlockRow, Desk};
use crate::market::SharedMarket;
use crate::onboarding::Onboarding;
use crate::policy::{Policy, PolicyError};
use crate::shells::{ActorLost, BrokerActor, Committed, DeskActor, Due, Rows, Step, ask};
use crate::solver::{Mode, SolverPool};
use crate::urgency::Urgency;

pub use self::core::Snapshots;

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of range.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The operating system gave no thread.
    #[error("no thread for the actors: {0}")]
    Thread(#[from] std::io::Error),
    /// The tax law that comes with the program cannot be read.
    #[error("tax law: {0}")]
    Law(#[from] evenkeel_tax::TaxError),
    /// The actors' thread ended before it was ready.
    #[error("the actors' thread ended before it was ready")]
    Runtime,
}

/// How the open triggers changed at an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerChanges {
    /// Customers with a trigger that entered, with the most urgent of their open ones; after a restart, all with an open
    /// one.
    pub entered: Vec<(Name, Urgency)>,
    /// Customers whose last open trigger left.
    pub cleared: Vec<Name>,
}

/// Figures for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Customers' actors alive.
    pub customers_live: usize,
    /// Customers waiting to be woken.
    pub customers_waiting: usize,
    /// Customers with orders that have not ended.
    pub customers_rebalancing: usize,
    /// Reviews set.
    pub reviews: usize,
    /// Customers' actors lost while they decided, since the start.
    pub actors_lost: u64,
    /// Problems waiting for a thread of the optimizer's pool.
    pub solver_queued: usize,
    /// Proposed events that have not come back.
    pub in_flight: usize,
    /// Orders at the desk that wait for their window or for cash.
    pub desk_waiting: usize,
    /// Blocks at the broker that have not ended.
    pub blocks_working: usize,
    /// Logged decisions by outcome and refusal (empty for a trade).
    pub decisions: BTreeMap<(&'static str, &'static str), u64>,
}

/// The actors, on a thread of their own.
pub struct ActorSystem {
    crew: Crew,
    core: Mutex<Core>,
    /// The figures of `core`, for readers that must not wait for a running epoch.
    stats: Mutex<Stats>,
    desk: Addr<DeskActor>,
    broker: Addr<BrokerActor>,
    system: System,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A poisoned lock guards plain data that is whole between statements; the panic itself was reported.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ActorSystem {
    /// Starts the actors with the built-in paper exchange.
    ///
    /// # Errors
    /// [`StartError`] when a setting is out of range or there is no thread.
    pub fn start(policy: Policy, mode: Mode) -> Result<ActorSystem, StartError> {
        let broker = Box::new(PaperBroker::new(policy.clone()));
        ActorSystem::start_with(policy, mode, broker)
    }

    /// Starts the actors with a broker.
    ///
    /// # Errors
    /// [`StartError`] when a setting is out of range or there is no thread.
    pub fn start_with(
        policy: Policy,
        mode: Mode,
        broker: Box<dyn Broker>,
    ) -> Result<ActorSystem, StartError> {
        policy.check()?;
        let policy = Arc::new(policy);
        let pool = Arc::new(SolverPool::start(&policy.solver, mode)?);
        let (ready, started) = bounded(1);
        let thread = std::thread::Builder::new().name("actors".to_owned()).spawn(move || serve(&ready))?;
        let (system, arbiter) = started.recv().map_err(|_| StartError::Runtime)?;
        let mailbox = policy.runtime.mailbox;
        let desk = Desk::new((*policy).clone());
        let desk = DeskActor::start_in_arbiter(&arbiter, move |_| DeskActor::new(desk, mailbox));
        let broker = BrokerActor::start_in_arbiter(&arbiter, move |_| BrokerActor::new(broker, mailbox));
        let law = Arc::new(Law::built_in()?);
        let onboarding = Onboarding::new(&policy, mode, law);
        let market = onboarding.shared_market();
        let core = Mutex::new(Core::new(&policy, onboarding));
        let living = Arc::new(AtomicUsize::new(0));
        let crew = Crew { policy, mode, pool, market, arbiter, living };
        let (stats, thread) = (Mutex::new(Stats::default()), Mutex::new(Some(thread)));
        Ok(ActorSystem { crew, core, stats, desk, broker, system, thread })
    }

    /// Takes note of committed events, in log order: at recovery the whole log, then whatever is committed.
    ///
    /// # Errors
    /// [`ActorLost`] when desk or broker have stopped.
    pub fn apply(&self, epoch: Epoch, events: Arc<[Event]>) -> Result<(), ActorLost> {
        let mut core = locked(&self.core);
        let whole = self.crew.market.epoch();
        for event in events.iter() {
            core.apply(epoch, event);
        }
        drop(whole);
        let committed = |reply| Committed { epoch, events: Arc::clone(&events), reply };
        core.desk = ask("desk", &self.desk, committed)?;
        core.broker = ask("broker", &self.broker, committed)?;
        self.publish(&core);
        Ok(())
    }

    /// Lets everybody act who is due at an epoch, the most urgent first and in live mode as many as there is time for,
    /// and returns what is to be appended: decisions by customer,
    /// then the desk's events, then the broker's, then closing marks, then what onboarding concludes, then reviews. Waits for the optimizer; in live mode not beyond its deadline
    /// (and once more that long, should its threads be stuck).
    ///
    /// `snapshots` and `books` are of this epoch and include everything applied.
    ///
    /// # Errors
    /// [`ActorLost`] when desk or broker have stopped. What customers decided is then proposed again after the
    /// restart, under the same ids.
    pub fn run_epoch(
        &self,
        epoch: Epoch,
        changes: &TriggerChanges,
        snapshots: &Snapshots,
        books: &Arc<dyn Books>,
    ) -> Result<Vec<Event>, ActorLost> {
        let mut core = locked(&self.core);
        core.last = core.last.max(epoch);
        let since = epoch.saturating_sub(self.crew.policy.runtime.in_flight_ms);
        for customer in core.flight.expire(since) {
            core.ledger.schedule.wake(&customer, Urgency::REVIEW);
        }
        for customer in &changes.cleared {
            core.ledger.schedule.clear(customer);
        }
        for (customer, urgency) in &changes.entered {
            core.ledger.schedule.wake(customer, *urgency);
        }
        let mut events = core.decide(epoch, &self.crew, snapshots);
        let step = |reply| Step { epoch, books: Arc::clone(books), reply };
        if !core.flight.desk_waits() {
            let proposed = ask("desk", &self.desk, step)?;
            core.flight.desk(&proposed, epoch);
            events.extend(proposed);
        }
        if !core.flight.broker_waits() {
            let proposed = ask("broker", &self.broker, step)?;
            core.flight.broker(&proposed, epoch);
            events.extend(proposed);
        }
        events.extend(core.closing.on_epoch(epoch, since, books.as_ref()));
        events.extend(core.onboarding.on_epoch(epoch, since, books.as_ref(), &self.crew.pool));
        events.extend(core.reviews.on_epoch(epoch, since));
        core.put_away(epoch, &self.crew.policy);
        self.publish(&core);
        Ok(events)
    }

    /// The market as it is estimated, for others to look at.
    pub fn market(&self) -> SharedMarket {
        self.crew.market.clone()
    }

    /// Whether anything is under way that comes to an end by itself: wakes not served, proposals not committed,
    /// orders and blocks not ended. Reviews do not count: a market that stands still would be reviewed for ever.
    pub fn pending(&self) -> bool {
        let core = locked(&self.core);
        let waiting = core.ledger.schedule.waiting() > 0;
        waiting
            || core.flight.len() > 0
            || core.desk.pending > 0
            || core.broker.pending > 0
            || core.closing.pending()
            || core.onboarding.pending()
            || core.reviews.pending()
    }

    /// The first epoch after the last one run at which something is due without any new event, reviews
    /// included; to be rounded up to the epoch length.
    ///
    /// # Errors
    /// [`ActorLost`] when desk or broker have stopped.
    pub fn next_due(&self) -> Result<Option<Epoch>, ActorLost> {
        let core = locked(&self.core);
        let after = core.last;
        let expiry = |epoch: Epoch| epoch.saturating_add(self.crew.policy.runtime.in_flight_ms) + 1;
        let mut due = vec![
            core.ledger.schedule.next_due(after, |customer| core.flight.deciding(customer)),
            core.flight.oldest().map(|epoch| expiry(epoch).max(after + 1)),
            core.closing.oldest().map(|epoch| expiry(epoch).max(after + 1)),
            core.onboarding.oldest().map(|epoch| expiry(epoch).max(after + 1)),
            core.reviews.oldest().map(|epoch| expiry(epoch).max(after + 1)),
            core.reviews.next_due(after),
        ];
        let ask_due = |reply| Due { after, reply };
        if !core.flight.desk_waits() {
            due.push(ask("desk", &self.desk, ask_due)?);
        }
        if !core.flight.broker_waits() {
            due.push(ask("broker", &self.broker, ask_due)?);
        }
        Ok(due.into_iter().flatten().min())
    }

    /// The desk's blocks for views: those that are done, as far as they are kept, then those that are not.
    ///
    /// # Errors
    /// [`ActorLost`] when the desk has stopped.
    pub fn blocks(&self) -> Result<Vec<BlockRow>, ActorLost> {
        ask("desk", &self.desk, |reply| Rows { reply })
    }

    /// Figures for metrics, as of the last call that changed them. Never waits for a running epoch.
    pub fn stats(&self) -> Stats {
        let mut stats = locked(&self.stats).clone();
        stats.customers_live = self.crew.living.load(Ordering::Relaxed);
        stats.solver_queued = self.crew.pool.queued();
        stats
    }

    /// Stops all actors and waits for their thread. What was not committed is proposed again after a start.
    pub fn stop(&self) {
        locked(&self.core).put_all_away();
        self.system.stop();
        let Some(thread) = locked(&self.thread).take() else { return };
        if thread.join().is_err() {
            tracing::error!("the actors' thread panicked");
        }
    }

    fn publish(&self, core: &Core) {
        let schedule = &core.ledger.schedule;
        *locked(&self.stats) = Stats {
            customers_waiting: schedule.waiting(),
            customers_rebalancing: core.ledger.rebalancing(),
            reviews: schedule.reviews(),
            actors_lost: core.lost,
            in_flight: core.flight.len(),
            desk_waiting: core.desk.waiting,
            blocks_working: core.broker.pending,
            decisions: core.decisions.clone(),
            ..Stats::default()
        };
    }
}

impl Drop for ActorSystem {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The actors' thread.
fn serve(ready: &Sender<(System, ArbiterHandle)>) {
    let runner = System::new();
    let system = System::current();
    let arbiter = system.arbiter().clone();
    if ready.send((system, arbiter)).is_err() {
        return;
    }
    if let Err(error) = runner.run() {
        tracing::error!(%error, "the actor system ended with an error");
    }
}
