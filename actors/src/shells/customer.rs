//! One customer's actor: takes a snapshot, has the pool make a plan, answers with a decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::{Actor, AsyncContext, Context, Handler, Message};
use crossbeam_channel::Sender;
use evenkeel_schemas::events::{Decision, SessionState};
use evenkeel_schemas::{Epoch, Name};

use super::deliver;
use crate::customer::{CustomerState, Prepared, SolverAnswer, conclude, prepare};
use crate::market::SharedMarket;
use crate::policy::Policy;
use crate::snapshot::Snapshot;
use crate::solver::SolverPool;

/// How a wake ended.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing is to be logged.
    Quiet,
    /// This is to be logged.
    Decided(Box<Decision>),
    /// The actor was lost before it answered.
    Lost,
}

/// The way back for one wake. Dropped without an answer it says that the actor was lost, so that nobody waits
/// for an answer that cannot come.
pub(crate) struct Reply {
    customer: Name,
    to: Option<Sender<(Name, Answer)>>,
}

impl Reply {
    pub fn new(customer: Name, to: Sender<(Name, Answer)>) -> Reply {
        Reply { customer, to: Some(to) }
    }

    fn send(mut self, answer: Answer) {
        self.finish(answer);
    }

    fn finish(&mut self, answer: Answer) {
        if let Some(to) = self.to.take() {
            // Nobody listens any more when the deadline has passed: the answer is then too late to matter.
            let _ = to.send((self.customer.clone(), answer));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.finish(Answer::Lost);
    }
}

/// Look at the customer: everything that a decision needs.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake {
    pub epoch: Epoch,
    pub state: CustomerState,
    pub snapshot: Arc<Snapshot>,
    pub session: Option<SessionState>,
    pub reply: Reply,
}

/// The pool's answer for the wake of an epoch.
#[derive(Message)]
#[rtype(result = "()")]
struct Solved {
    epoch: Epoch,
    answer: SolverAnswer,
}

/// Counts an actor for as long as it lives, however it ends.
pub(crate) struct Living(Arc<AtomicUsize>);

impl Living {
    pub fn new(count: Arc<AtomicUsize>) -> Living {
        count.fetch_add(1, Ordering::Relaxed);
        Living(count)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One customer's actor: what it looks at now, and the last epoch seen. All that must outlive it is in the log.
pub(crate) struct CustomerActor {
    policy: Arc<Policy>,
    pool: Arc<SolverPool>,
    market: SharedMarket,
    seen: Option<Epoch>,
    present: Option<Wake>,
    _living: Living,
}

impl CustomerActor {
    pub fn new(
        policy: Arc<Policy>,
        pool: Arc<SolverPool>,
        market: SharedMarket,
        living: Living,
    ) -> CustomerActor {
        CustomerActor { policy, pool, market, seen: None, present: None, _living: living }
    }
}

impl Actor for CustomerActor {
    type Context = Context<CustomerActor>;

    fn started(&mut self, context: &mut Context<CustomerActor>) {
        context.set_mailbox_capacity(self.policy.runtime.mailbox);
    }
}

impl Handler<Wake> for CustomerActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, context: &mut Context<CustomerActor>) {
        if self.seen.is_some_and(|seen| wake.epoch <= seen) {
            return wake.reply.send(Answer::Quiet);
        }
        self.seen = Some(wake.epoch);
        match prepare(&wake.state, &wake.snapshot, wake.session, &self.policy) {
            Prepared::Quiet => wake.reply.send(Answer::Quiet),
            Prepared::Hold(decision) => wake.reply.send(Answer::Decided(decision)),
            Prepared::Solve(mut request) => {
                request.risk = self.market.risk(&wake.snapshot);
                let (this, epoch) = (context.address(), wake.epoch);
                let reply = Box::new(move |answer| {
                    deliver(&this, Solved { epoch, answer });
                });
                if self.pool.submit(request, reply) {
                    self.present = Some(wake);
                } else {
                    // The router hands out no more than the queue holds, so that it is full only of problems
                    // whose deadline has passed.
                    let late = conclude(&wake.state, &wake.snapshot, &self.policy, &SolverAnswer::Late);
                    wake.reply.send(Answer::Decided(Box::new(late)));
                }
            }
        }
    }
}

impl Handler<Solved> for CustomerActor {
    type Result = ();

    fn handle(&mut self, solved: Solved, _context: &mut Context<CustomerActor>) {
        let Some(wake) = self.present.take_if(|wake| wake.epoch == solved.epoch) else { return };
        let decision = conclude(&wake.state, &wake.snapshot, &self.policy, &solved.answer);
        wake.reply.send(Answer::Decided(Box::new(decision)));
    }
}
