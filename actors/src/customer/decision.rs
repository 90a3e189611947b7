//! The parts that every decision has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use evenkeel_schemas::derive::decision_id;
use evenkeel_schemas::events::{Decision, DecisionLine, EventType, Outcome, TriggerKind};
use evenkeel_schemas::{Epoch, Instant, InstrumentId, Name, Quantity, Rate, Ratio, Value};

use super::CustomerState;
use crate::policy::{Policy, RebalancingStrategy};
use crate::snapshot::Snapshot;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why a customer does not trade. A hold carries the word as `refusal` among its objective's terms.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Refusal { $($(#[$doc])* $variant,)* }

        impl Refusal {
            /// The word in decisions and metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Refusal::$variant => $text,)* }
            }

            fn from_text(text: &str) -> Option<Refusal> {
                match text { $($text => Some(Refusal::$variant),)* _ => None }
            }
        }
    };
}

refusals! {
    /// Orders of an earlier decision have not ended.
    OpenRebalance = "open_rebalance",
    /// A loss is worth harvesting, or a risk limit is crossed: that is for the adviser to approve.
    Proposed = "proposed",
    /// The market does not trade.
    SessionClosed = "session_closed",
    /// No targets are set.
    NoTargets = "no_targets",
    /// Something held has no price or exchange rate.
    NoPrice = "no_price",
    /// Net asset value is zero or below.
    NoNav = "no_nav",
    /// The last trade was too recent for drift alone.
    CoolDown = "cool_down",
    /// No step towards target is as large as the least order.
    TradeMin = "trade_min",
    /// No order in whole lots is worth placing.
    NothingToTrade = "nothing_to_trade",
    /// The plan costs more than it brings.
    CostAboveBenefit = "cost_above_benefit",
    /// Parcels wait for their discount, and nothing else is to be traded.
    Waiting = "waiting",
    /// What the plan is made from makes no sense, or its limits contradict each other.
    Infeasible = "infeasible",
    /// The optimizer gave no answer.
    Solver = "solver",
    /// The optimizer's answer came too late.
    Deadline = "deadline",
    /// The plan did not pass the second check.
    Gate = "gate",
    /// The customer's actor was lost while it decided.
    ActorLost = "actor_lost",
}

impl Refusal {
    /// Why a logged decision held; `None` for a trade.
    pub fn of(decision: &Decision) -> Option<Refusal> {
        decision.objective.get(KEY).and_then(|text| Refusal::from_text(text))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The term of the objective that names the refusal.
const KEY: &str = "refusal";

/// The ids of all open triggers.
pub(super) fn trigger_ids(snapshot: &Snapshot) -> BTreeSet<Name> {
    snapshot.triggers.iter().map(|open| open.trigger.trigger.clone()).collect()
}

/// A hold with what is known before any plan.
pub(super) fn hold(
    state: &CustomerState,
    snapshot: &Snapshot,
    refusal: Refusal,
    reason: String,
    review: Option<Epoch>,
) -> Decision {
    let mut decision = skeleton(state, snapshot);
    decision.outcome = Outcome::Hold;
    decision.reason = reason;
    decision.review = review;
    decision.objective.insert(KEY.to_owned(), refusal.as_str().to_owned());
    decision
}

/// A decision without a result: ids, triggers and where the portfolio stands.
pub(super) fn skeleton(state: &CustomerState, snapshot: &Snapshot) -> Decision {
    let triggers = trigger_ids(snapshot);
    let attempt = state.attempt(&triggers);
    let ids: Vec<&str> = triggers.iter().map(Name::as_str).collect();
    let id = decision_id(snapshot.customer.as_str(), &ids, attempt);
    let mut refs: Vec<_> = snapshot.triggers.iter().map(|open| open.trigger.clone()).collect();
    refs.sort();
    let held = snapshot.holdings.iter().map(|holding| (holding.instrument, holding.quantity)).collect();
    Decision {
        event_type: EventType::Decision,
        at: Instant::from_epoch(snapshot.epoch),
        id: Some(id.clone()),
        recorded: None,
        decision: id,
        customer: snapshot.customer.clone(),
        snapshot: snapshot.epoch,
        attempt,
        triggers: refs,
        outcome: Outcome::Trade,
        reason: String::new(),
        review: None,
        nav: snapshot.nav,
        cash: Some(snapshot.cash),
        objective: tilts(snapshot).into_iter().collect(),
        before: lines(snapshot, &held),
        after: Vec::new(),
        orders: Vec::new(),
    }
}

/// The tilts that targets have, as a term of the objective.
fn tilts(snapshot: &Snapshot) -> Option<(String, String)> {
    let tilted = snapshot.holdings.iter().filter(|holding| holding.tilt != Ratio::ZERO);
    let told: Vec<String> = tilted.map(|holding| format!("{} {}", holding.name, holding.tilt)).collect();
    (!told.is_empty()).then(|| ("tilts".to_owned(), told.join(", ")))
}

/// The priced lines of a portfolio with these quantities, weights of the snapshot's NAV; lines without
/// quantity and target are left out.
pub(super) fn lines(snapshot: &Snapshot, quantities: &BTreeMap<InstrumentId, Quantity>) -> Vec<DecisionLine> {
    let Some(nav) = snapshot.nav.and_then(|nav| Value::of_cash(nav, Rate::PAR)) else { return Vec::new() };
    let line = |holding: &crate::snapshot::Holding| {
        let quantity = quantities.get(&holding.instrument).copied().unwrap_or_default();
        if quantity == Quantity::ZERO && holding.target == Ratio::ZERO {
            return None;
        }
        let (price, rate) = holding.mark()?;
        let weight = Value::of_position(quantity, price, rate)?.share_of(nav)?;
        Some(DecisionLine {
            instrument: holding.name.clone(),
            quantity,
            price,
            weight,
            target: holding.target,
        })
    };
    snapshot.holdings.iter().filter_map(line).collect()
}

/// When to look again at something that new prices may change: after the review time, then after twice as
/// long with each attempt. `None` when only flows and requests ask: they are answered, and prices alone do
/// not ask again. Nor do they between reviews, where the strategy is `calendar`.
pub(super) fn review_of_prices(state: &CustomerState, snapshot: &Snapshot, policy: &Policy) -> Option<Epoch> {
    let asks = drifting(snapshot) && policy.rebalancing.strategy != RebalancingStrategy::Calendar;
    asks.then(|| review_later(state, snapshot, policy))
}

/// When to look again at something that passes.
pub(super) fn review_later(state: &CustomerState, snapshot: &Snapshot, policy: &Policy) -> Epoch {
    let attempt = state.attempt(&trigger_ids(snapshot)).min(30);
    let customer = &policy.customer;
    let pause = customer.review_ms.saturating_mul(1 << attempt).min(customer.review_ms_max);
    snapshot.epoch.saturating_add(pause)
}

/// Whether prices ask. A loss that could be harvested is proposed, once.
fn drifting(snapshot: &Snapshot) -> bool {
    let asks = |kind: TriggerKind| kind.is_of_prices() && kind != TriggerKind::TaxOpportunity;
    snapshot.triggers.iter().any(|open| asks(open.trigger.kind))
}
