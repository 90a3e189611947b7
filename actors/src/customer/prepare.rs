//! Before the plan: what holds a customer back, or what the plan is made from.

use evenkeel_schemas::events::{Decision, SessionState, TriggerKind};
use evenkeel_schemas::{Epoch, Money, Quantity, Rate, Value};

use super::decision::{hold, review_later, review_of_prices, trigger_ids};
use super::{CustomerState, Refusal};
use crate::plans::{PlanRequest, planned, reason_kind};
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
    let duty = planned(snapshot).any(|open| reason_kind(open.trigger.kind).is_duty());
    if !duty && snapshot.cash >= policy.customer.cash_min && largest < Value::of_cash(least, Rate::PAR)? {
        let largest = largest.to_money().unwrap_or_default();
        let reason =
            format!("the largest step to target is {largest} {}; orders start at {least}", snapshot.base);
        let review = review_of_prices(state, snapshot, policy);
        return Some((Refusal::TradeMin, reason, review));
    }
    None
}

/// What is proposed when all there is to act on is what the targets do not answer: losses worth harvesting, as what
/// takes the place of what is sold is not in them, and risk limits. A person has to agree.
fn proposal(snapshot: &Snapshot) -> Option<String> {
    let of = |wanted: fn(TriggerKind) -> bool| {
        snapshot.triggers.iter().filter(move |open| wanted(open.trigger.kind))
    };
    let losses: Vec<String> =
        of(|kind| kind == TriggerKind::TaxOpportunity).map(|open| loss(open, snapshot)).collect();
    let limits: Vec<String> = of(TriggerKind::is_of_limits).map(crossed).collect();
    if losses.len() + limits.len() < snapshot.triggers.len() {
        return None;
    }
    let harvest = |losses: String| {
        format!("proposed to harvest {losses}; replacement and wash sale score are in harvest_candidates")
    };
    let harvest = Some(losses.join(", ")).filter(|losses| !losses.is_empty()).map(harvest);
    Some(limits.into_iter().chain(harvest).collect::<Vec<_>>().join("; "))
}

fn loss(open: &OpenTrigger, snapshot: &Snapshot) -> String {
    let (subject, left, least, base) = (&open.trigger.subject, open.measure, open.limit, snapshot.base);
    format!(
        "the loss of {subject}, which leaves {left} {base} after costs and has to leave more than {least}"
    )
}

/// Which risk limit was crossed, by how much at entry, and what would cure it.
fn crossed(open: &OpenTrigger) -> String {
    let (subject, measure, limit) = (&open.trigger.subject, open.measure, open.limit);
    match open.trigger.kind {
        TriggerKind::Concentration => format!(
            "{subject} came to {measure} of net asset value and may be {limit}: proposed to sell it down to that"
        ),
        TriggerKind::StopLoss => format!(
            "{subject} fell {measure} below its cost base and may fall less than {limit}: proposed to sell it"
        ),
        TriggerKind::ValueAtRisk => format!(
            "a day may cost more than {measure} of net asset value with a probability of 5%, and it may be {limit}: \
             proposed to move the riskiest holdings to cash"
        ),
        _ => format!(
            "net asset value fell {measure} below its peak and may fall less than {limit}: proposed to move the riskiest \
             holdings to cash"
        ),
    }
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
    let can_wait = planned(snapshot).all(|open| can_wait(open.trigger.kind));
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
