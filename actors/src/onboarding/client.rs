//! What is known of one customer on the way from a questionnaire to a portfolio that is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_schemas::events::{
    Decision, Event, Fill, Goal, OrderState, OrderStatus, PodAllocationCalculated, Profile, Side, TriggerKind,
};
use evenkeel_schemas::{Currency, Instant, Money, Name, TradeDate};

/// A statement and the event it comes from.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub id: Option<Name>,
    at: Instant,
    pub what: T,
}

impl<T> Said<T> {
    /// The later of two statements about the same thing; of two of one time, the one recorded later.
    fn keep(slot: &mut Option<Said<T>>, said: Said<T>) -> bool {
        let newer = slot.as_ref().is_none_or(|known| known.at <= said.at);
        if newer {
            *slot = Some(said);
        }
        newer
    }
}

/// How far a customer has come.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no allocation yet.
    #[default]
    Asked,
    /// Pods have weights.
    Allocated,
    /// There are targets.
    Created,
    /// The first orders have ended.
    Traded,
    /// The portfolio is watched.
    Watched,
}

/// A decision whose orders have not all ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Executing {
    /// Orders without an end.
    open: BTreeSet<Name>,
    pub filled: u32,
    pub partially_filled: u32,
    pub failed: u32,
    pub bought: Money,
    pub sold: Money,
    pub fees: Money,
}

impl Executing {
    pub fn ended(&self) -> bool {
        self.open.is_empty()
    }
}

/// One customer.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub profile: Option<Said<(Currency, Profile)>>,
    pub answers: Option<Said<BTreeMap<Name, String>>>,
    pub goals: Option<Said<Vec<Goal>>>,
    /// A new allocation is wanted, and why an earlier one is replaced.
    pub wanted: Option<Option<TriggerKind>>,
    /// Allocations so far.
    pub allocations: u64,
    pub allocation: Option<Arc<PodAllocationCalculated>>,
    pub stage: Stage,
    /// A portfolio of the customer is, or was, watched.
    pub watched: bool,
    /// The day of the market that gave no portfolio; `Some(None)` is one without any closing mark.
    pub failed: Option<Option<TradeDate>>,
    /// The solutions of the pods.
    pub solutions: Vec<Name>,
    /// Somebody else set the targets since.
    pub by_hand: bool,
    pub executing: BTreeMap<Name, Executing>,
    /// What is due when.
    pub reviews: Vec<(TradeDate, TriggerKind)>,
}

impl Client {
    /// Takes note of what is said of the customer. True if that asks for a new allocation.
    pub fn say(&mut self, event: &Event) -> bool {
        let (id, at) = (event.id().cloned(), event.at());
        let changed = match event {
            Event::CustomerOnboarded(e) => e.profile.as_ref().is_some_and(|profile| {
                let what = (e.base_currency, profile.clone());
                Said::keep(&mut self.profile, Said { id, at, what })
            }),
            Event::QuestionnaireCompleted(e) => {
                Said::keep(&mut self.answers, Said { id, at, what: e.answers.clone() })
            }
            Event::GoalsDefined(e) => Said::keep(&mut self.goals, Said { id, at, what: e.goals.clone() }),
            _ => false,
        };
        if changed {
            self.failed = None;
        }
        if changed && self.profile.is_some() && self.answers.is_some() {
            self.wanted = Some(self.allocation.is_some().then_some(TriggerKind::RiskProfileChange));
            return true;
        }
        false
    }

    /// Takes back what an event said.
    pub fn unsay(&mut self, id: &Name) {
        fn drop<T>(slot: &mut Option<Said<T>>, id: &Name) -> bool {
            slot.take_if(|said| said.id.as_ref() == Some(id)).is_some()
        }
        let answers = drop(&mut self.answers, id);
        if answers || drop(&mut self.profile, id) {
            self.wanted = None;
        } else if drop(&mut self.goals, id) && self.answers.is_some() && self.profile.is_some() {
            self.wanted = Some(self.allocation.is_some().then_some(TriggerKind::RiskProfileChange));
        }
    }

    /// An allocation is committed.
    pub fn allocated(&mut self, allocation: &PodAllocationCalculated) {
        fn id<T>(said: &Option<Said<T>>) -> Option<&Name> {
            said.as_ref()?.id.as_ref()
        }
        self.allocations += 1;
        let current = allocation.profile.as_ref() == id(&self.profile)
            && allocation.questionnaire.as_ref() == id(&self.answers)
            && allocation.goals.as_ref() == id(&self.goals);
        if current {
            self.wanted = None;
        }
        self.allocation = Some(Arc::new(allocation.clone()));
        (self.stage, self.failed, self.by_hand) = (Stage::Allocated, None, false);
    }

    /// A decision to trade is committed; its orders are followed to their end.
    pub fn decided(&mut self, decision: &Decision) {
        let open = decision.orders.iter().map(|order| order.order.clone()).collect();
        let executing = Executing { open, ..Executing::default() };
        self.executing.insert(decision.decision.clone(), executing);
    }

    /// An order of a decision was executed, in whole or in part.
    pub fn filled(&mut self, decision: &Name, fill: &Fill) {
        let Some(executing) = self.executing.get_mut(decision) else { return };
        let Some(notional) = fill.quantity.notional(fill.price) else { return };
        let sum = match fill.side {
            Side::Buy => &mut executing.bought,
            Side::Sell => &mut executing.sold,
        };
        // A sum beyond the range of money could not have been paid.
        *sum = sum.checked_add(notional).unwrap_or(*sum);
        executing.fees = executing.fees.checked_add(fill.fee).unwrap_or(executing.fees);
    }

    /// An order of a decision has ended. True if it was the last.
    pub fn order_ended(&mut self, decision: &Name, state: &OrderState) -> bool {
        let Some(executing) = self.executing.get_mut(decision) else { return false };
        if !executing.open.remove(&state.order) {
            return false;
        }
        let done = state.cumulative_quantity.raw() > 0;
        match state.state {
            OrderStatus::Filled => executing.filled += 1,
            _ if done => executing.partially_filled += 1,
            _ => executing.failed += 1,
        }
        executing.open.is_empty()
    }
}
