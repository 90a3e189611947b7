//! Before the plan: what holds a customer back, or what the plan is made from.

use evenkeel_schemas::events::{Decision, SessionState, TriggerKind};
use evenkeel_schemas::{Epoch, Money, Quantity, Rate, Value};

use super::decision::{hold, review_later, review_of_prices, trigger_ids};
use super::{CustomerState, Refusal};
use crate::plans::{PlanRequest, reason_kind};
use crate::policy::Policy;
use crate::snapshot::{OpenTrigger, Snapshot};

/// What comes of looking at a customer.
#[derive(Clone, Debug, PartialEq)]
pub enum Prepared {
    /// No trigger is open, or the last decision still answers those that are: nothing is to be logged.
    Quiet,
    /// Nothing is traded; the reason is to be logged.
    Hold(Box<Decision>),
    /// A plan is to be made.
    Solve(Box<PlanRequest>),
}

/// Looks at a customer. `session` is the market's last known state; `None`, when none was seen, is open.
pub fn prepare(
    state: &CustomerState,
    snapshot: &Snapshot,
    session: Option<SessionState>,
    policy: &Policy,
) -> Prepared {
    let triggers = trigger_ids(snapshot);
    if triggers.is_empty() || state.answers(&triggers, snapshot.epoch, session) {
        return Prepared::Quiet;
    }
    match refuse(state, snapshot, session, policy) {
        Some((refusal, reason, review)) => {
            Prepared::Hold(Box::new(hold(state, snapshot, refusal, reason, review)))
        }
        None => Prepared::Solve(Box::new(PlanRequest::of(snapshot, policy))),
    }
}
type Refused = (Refusal, String, Option<Epoch>);

/// The first reason not to trade that needs no plan.
fn refuse(
    state: &CustomerState,
    snapshot: &Snapshot,
    session: Option<SessionState>,
    policy: &Policy,
) -> Option<Refused> {
    let later = || Some(review_later(state, snapshot, policy));
    if !state.outstanding.is_empty() {
        let open = state.outstanding.len();
        let reason = format!("{open} order(s) of an earlier decision have not ended");
        // The end of the last order wakes the customer; the time only says that the triggers stay open.
        let review = snapshot.epoch.saturating_add(policy.rebalance_ms_max());
        return Some((Refusal::OpenRebalance, reason, Some(review)));
    }
    if let Some(proposal) = proposal(snapshot) {
        return Some((Refusal::Proposed, proposal, None));
    }
    if let Some(closed) = session.filter(|state| *state != SessionState::Open) {
        return Some((Refusal::SessionClosed, format!("the market {} is {closed}", policy.market), later()));
    }
    if !snapshot.targeted {
        let reason = "no targets are set: there is nothing to plan towards".to_owned();
        return Some((Refusal::NoTargets, reason, None));
    }
    if let Some(reason) = unpriced(snapshot) {
        return Some((Refusal::NoPrice, reason, later()));
    }
    let nav = snapshot.nav?;
    if nav <= Money::ZERO {
        let reason = format!("net asset value is {nav} {}: weights are undefined", snapshot.base);
        return Some((Refusal::NoNav, reason, later()));
    }
    if let Some(until) = cool_down(state, snapshot, policy) {
        let reason = format!(
            "the last trade was {} ms ago; drift alone waits {} ms",
            snapshot.epoch.saturating_sub(state.traded.unwrap_or(0)),
            policy.customer.cool_down_ms
        );
        return Some((Refusal::CoolDown, reason, Some(until)));
    }
    let largest = largest_step(snapshot, nav)?;
    let least = policy.customer.trade_min;
    let duty = snapshot.triggers.iter().any(|open| reason_kind(open.trigger.kind).is_duty());
    if !duty && snapshot.cash >= policy.customer.cash_min && largest < Value::of_cash(least, Rate::PAR)? {
        let largest = largest.to_money().unwrap_or_default();
        let reason =
            format!("the largest step to target is {largest} {}; orders start at {least}", snapshot.base);
        let review = review_of_prices(state, snapshot, policy);
        return Some((Refusal::TradeMin, reason, review));
    }
    None
}

/// What is proposed when losses worth harvesting are all there is to act on: what takes the place of what is sold is
/// not in the targets, so a person has to agree.
fn proposal(snapshot: &Snapshot) -> Option<String> {
    let harvest = |open: &OpenTrigger| open.trigger.kind == TriggerKind::TaxOpportunity;
    if !snapshot.triggers.iter().all(harvest) {
        return None;
    }
    let base = snapshot.base;
    let one = |open: &OpenTrigger| {
        let (subject, left, least) = (&open.trigger.subject, open.measure, open.limit);
        format!(
            "the loss of {subject}, which leaves {left} {base} after costs and has to leave more than {least}"
        )
    };
    let all: Vec<String> = snapshot.triggers.iter().map(one).collect();
    Some(format!(
        "proposed to harvest {}; replacement and wash sale score are in harvest_candidates",
        all.join(", ")
    ))
}

/// What is held and cannot be valued.
fn unpriced(snapshot: &Snapshot) -> Option<String> {
    let held = snapshot.holdings.iter().filter(|holding| holding.quantity != Quantity::ZERO);
    let missing: Vec<&str> =
        held.filter(|holding| holding.value().is_none()).map(|holding| holding.name.as_str()).collect();
    if !missing.is_empty() {
        return Some(format!("no usable price or exchange rate for {}", missing.join(", ")));
    }
    if snapshot.nav.is_none() {
        return Some("net asset value is not known: a price or an exchange rate is missing".to_owned());
    }
    let wanted = snapshot.holdings.iter().any(|holding| holding.mark().is_some());
    (!wanted && !snapshot.holdings.is_empty()).then(|| "nothing targeted has a price yet".to_owned())
}

/// The end of the cool-down, when nothing asks but prices that can wait, and it has not come.
fn cool_down(state: &CustomerState, snapshot: &Snapshot, policy: &Policy) -> Option<Epoch> {
    let until = state.traded?.saturating_add(policy.customer.cool_down_ms);
    let can_wait = |kind: TriggerKind| kind.is_of_prices() && !reason_kind(kind).is_duty();
    let can_wait = snapshot.triggers.iter().all(|open| can_wait(open.trigger.kind));
    (can_wait && snapshot.epoch < until).then_some(until)
}

/// The largest distance of a priced holding from its target; `None` when out of range.
fn largest_step(snapshot: &Snapshot, nav: Money) -> Option<Value> {
    let mut largest = Value::ZERO;
    for holding in snapshot.holdings.iter().filter(|holding| holding.mark().is_some()) {
        let target = i128::from(nav.raw()).checked_mul(i128::from(holding.target.raw()))?;
        // Money (10⁻⁶) × ratio (10⁻⁹) is 10⁻¹⁵; a value is 10⁻²¹.
        let distance = holding.value()?.raw().checked_sub(target.checked_mul(1_000_000)?)?;
        largest = largest.max(Value::from_raw(distance.checked_abs()?));
    }
    Some(largest)
}
