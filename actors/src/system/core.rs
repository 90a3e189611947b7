//! What lies between the calls: the ledger, the customers' actors, and the proposals on their way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use actix::ArbiterHandle;
use actix::prelude::{Actor, Addr};
use crossbeam_channel::{Receiver, unbounded};
use evenkeel_schemas::events::{Decision, Event};
use evenkeel_schemas::{Epoch, Name};

use super::flight::Flight;
use crate::closing::Closing;
use crate::customer::{SolverAnswer, conclude, lost};
use crate::ledger::Ledger;
use crate::market::SharedMarket;
use crate::onboarding::Onboarding;
use crate::policy::Policy;
use crate::reviews::Reviews;
use crate::shells::{Answer, CustomerActor, Living, Reply, Status, Wake, deliver};
use crate::snapshot::Snapshot;
use crate::solver::{Mode, SolverPool};

/// Takes a consistent snapshot of a customer; `None` for one that is not known.
pub type Snapshots = dyn Fn(&Name) -> Option<Snapshot> + Send + Sync;

/// Customers that decide at a time in live mode: enough for the pool's threads, few enough to look at the clock.
const AT_A_TIME: usize = 128;

/// A customer's actor that is alive.
struct Live {
    address: Addr<CustomerActor>,
    woken: Epoch,
}

/// What the actors need.
pub(super) struct Crew {
    pub policy: Arc<Policy>,
    pub mode: Mode,
    pub pool: Arc<SolverPool>,
    pub market: SharedMarket,
    pub arbiter: ArbiterHandle,
    pub living: Arc<AtomicUsize>,
}

/// What lies between the calls.
pub(super) struct Core {
    pub ledger: Ledger,
    pub closing: Closing,
    pub onboarding: Onboarding,
    pub reviews: Reviews,
    pub flight: Flight,
    /// The last epoch run.
    pub last: Epoch,
    pub desk: Status,
    pub broker: Status,
    /// Logged decisions by outcome and refusal.
    pub decisions: BTreeMap<(&'static str, &'static str), u64>,
    /// Customers' actors that were lost while they decided.
    pub lost: u64,
    actors: BTreeMap<Name, Live>,
}

impl Core {
    pub fn new(policy: &Policy, onboarding: Onboarding) -> Core {
        Core {
            ledger: Ledger::new(policy.market.clone()),
            closing: Closing::default(),
            onboarding,
            reviews: Reviews::new(&policy.rebalancing),
            flight: Flight::default(),
            last: 0,
            desk: Status::default(),
            broker: Status::default(),
            decisions: BTreeMap::new(),
            lost: 0,
            actors: BTreeMap::new(),
        }
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, epoch: Epoch, event: &Event) {
        self.ledger.apply(epoch, event);
        self.closing.apply(event);
        self.onboarding.apply(epoch, event);
        self.reviews.apply(event);
        self.flight.landed(event);
        if let Event::Decision(decision) = event {
            let refusal = crate::customer::Refusal::of(decision).map_or("", |refusal| refusal.as_str());
            *self.decisions.entry((decision.outcome.as_str(), refusal)).or_default() += 1;
        }
    }

    /// Wakes those who are due, the most urgent first, and returns what they decided, by customer. In live mode, those
    /// for whom there is no time wait for the next epoch.
    pub fn decide(&mut self, epoch: Epoch, crew: &Crew, snapshots: &Snapshots) -> Vec<Event> {
        let due = self.ledger.schedule.due(epoch);
        let due: Vec<Name> = due.into_iter().filter(|name| !self.flight.deciding(name)).collect();
        // No more at a time than the pool's queue holds, so that it never overflows; the rest waits here.
        let at_a_time = match crew.mode {
            Mode::Live => AT_A_TIME.min(crew.policy.solver.queue.max(1)),
            Mode::Replay => crew.policy.solver.queue.max(1),
        };
        let (begun, most) = (Instant::now(), Duration::from_millis(crew.policy.runtime.decide_ms));
        let mut decisions = Vec::new();
        for part in due.chunks(at_a_time) {
            for decision in self.decide_part(epoch, crew, snapshots, part) {
                self.flight.decided(&decision.customer, &decision.decision, epoch);
                decisions.push(decision);
            }
            if crew.mode == Mode::Live && begun.elapsed() >= most {
                break;
            }
        }
        decisions.sort_by(|a, b| a.customer.cmp(&b.customer));
        decisions.into_iter().map(|decision| Event::Decision(Box::new(decision))).collect()
    }

    fn decide_part(
        &mut self,
        epoch: Epoch,
        crew: &Crew,
        snapshots: &Snapshots,
        due: &[Name],
    ) -> Vec<Decision> {
        let (to, answers) = unbounded();
        let mut asked: BTreeMap<Name, Arc<Snapshot>> = BTreeMap::new();
        for customer in due {
            self.ledger.schedule.served(customer, epoch);
            let Some(snapshot) = snapshots(customer) else {
                tracing::warn!(%customer, epoch, "no snapshot of a customer that was to be woken");
                continue;
            };
            let snapshot = Arc::new(snapshot);
            asked.insert(customer.clone(), Arc::clone(&snapshot));
            let wake = Wake {
                epoch,
                state: self.ledger.state(customer),
                snapshot,
                session: self.ledger.session(),
                reply: Reply::new(customer.clone(), to.clone()),
            };
            // A wake that cannot be delivered is dropped, and its reply says so.
            deliver(self.actor(customer, epoch, crew), wake);
        }
        drop(to);
        let mut answered = gather(&answers, asked.len(), crew);
        let mut decisions = Vec::new();
        for (customer, snapshot) in asked {
            match answered.remove(&customer) {
                Some(Answer::Quiet) => {}
                Some(Answer::Decided(decision)) => decisions.push(*decision),
                Some(Answer::Lost) => {
                    tracing::error!(%customer, epoch, "a customer's actor was lost while it decided");
                    self.lost += 1;
                    self.actors.remove(&customer);
                    decisions.push(lost(&self.ledger.state(&customer), &snapshot, &crew.policy));
                }
                None => {
                    let state = self.ledger.state(&customer);
                    decisions.push(conclude(&state, &snapshot, &crew.policy, &SolverAnswer::Late));
                }
            }
        }
        decisions
    }

    /// The customer's actor, started or started anew when there is none that lives.
    fn actor(&mut self, customer: &Name, epoch: Epoch, crew: &Crew) -> &Addr<CustomerActor> {
        if self.actors.get(customer).is_some_and(|live| !live.address.connected()) {
            self.actors.remove(customer);
        }
        let live = self.actors.entry(customer.clone()).or_insert_with(|| {
            let (policy, pool) = (Arc::clone(&crew.policy), Arc::clone(&crew.pool));
            let (market, living) = (crew.market.clone(), Living::new(Arc::clone(&crew.living)));
            let start =
                move |_: &mut actix::Context<CustomerActor>| CustomerActor::new(policy, pool, market, living);
            Live { address: CustomerActor::start_in_arbiter(&crew.arbiter, start), woken: epoch }
        });
        live.woken = epoch;
        &live.address
    }

    /// Puts away the actors that were not woken for the idle time: without an address they stop.
    pub fn put_away(&mut self, epoch: Epoch, policy: &Policy) {
        let idle = policy.runtime.idle_ms;
        self.actors.retain(|_, live| live.woken.saturating_add(idle) > epoch);
    }

    /// Puts all actors away.
    pub fn put_all_away(&mut self) {
        self.actors.clear();
    }
}

/// Waits for an answer from everybody asked; in live mode not for ever.
fn gather(answers: &Receiver<(Name, Answer)>, asked: usize, crew: &Crew) -> BTreeMap<Name, Answer> {
    // The pool answers in time by itself, but for one last run of the optimizer past its deadline.
    let patience =
        Duration::from_millis(crew.policy.solver.deadline_ms.saturating_mul(2)) + Duration::from_secs(1);
    let until = Instant::now() + patience;
    let mut answered = BTreeMap::new();
    while answered.len() < asked {
        let next = match crew.mode {
            Mode::Replay => answers.recv().ok(),
            Mode::Live => answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
        };
        match next {
            Some((customer, answer)) => {
                answered.insert(customer, answer);
            }
            None => break,
        }
    }
    answered
}
