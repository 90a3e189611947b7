//! After the plan: it becomes a decision.

use std::collections::BTreeMap;

use evenkeel_optimizer::{ProposedOrder, Side as Way};
use evenkeel_rebalancing::{BenefitRule, Held, Outcome as Planned, Plan, PlanError, PlannedOrder, Slice};
use evenkeel_schemas::derive::{lot_number, order_id};
use evenkeel_schemas::events::{CostBasis, Decision, DecisionOrder, LotChoice, Outcome, Side};
use evenkeel_schemas::{Epoch, Instant, Name, Quantity, TradeDate};
use evenkeel_tax::FinancialYear;

use super::decision::{hold, lines, review_later, review_of_prices, skeleton};
use super::{CustomerState, Refusal};
use crate::gate;
use crate::plans::weighed;
use crate::policy::Policy;
use crate::snapshot::{Holding, Snapshot};

/// What came back from the pool.
#[derive(Clone, Debug, PartialEq)]
pub enum SolverAnswer {
    /// A plan, to trade or to hold.
    Planned(Box<Plan>),
    /// No plan: what it was made from makes no sense, limits contradict each other, or a solver gave up.
    Failed(PlanError),
    /// The deadline passed first.
    Late,
    /// Planning panicked.
    Broken,
}

/// The decision that an answer leads to.
pub fn conclude(
    state: &CustomerState,
    snapshot: &Snapshot,
    policy: &Policy,
    answer: &SolverAnswer,
) -> Decision {
    let later = Some(review_later(state, snapshot, policy));
    let held = |refusal, reason, review| hold(state, snapshot, refusal, reason, review);
    match answer {
        SolverAnswer::Planned(plan) if plan.outcome == Planned::Hold => {
            let refusal = match plan.held {
                Some(Held::CostAboveBenefit) => Refusal::CostAboveBenefit,
                Some(Held::Waiting) => Refusal::Waiting,
                Some(Held::NotAsked | Held::NothingToTrade) | None => Refusal::NothingToTrade,
            };
            let prices = review_of_prices(state, snapshot, policy);
            let review = prices.into_iter().chain(plan.review.map(start)).min();
            let mut decision = held(refusal, plan.words.join("; "), review);
            decision.objective.extend(terms(snapshot, plan));
            decision
        }
        SolverAnswer::Planned(plan) => trade(state, snapshot, policy, plan),
        SolverAnswer::Failed(error) => {
            let (refusal, reason) = match error {
                PlanError::Infeasible(_) => (Refusal::Infeasible, error.to_string()),
                PlanError::Solver(_) => (Refusal::Solver, error.to_string()),
                PlanError::Refused(_) => (Refusal::Gate, error.to_string()),
                PlanError::Invalid(_) | PlanError::Tax(_) | PlanError::Calendar(_) => {
                    (Refusal::Infeasible, format!("no plan is possible: {error}"))
                }
            };
            if refusal == Refusal::Gate {
                tracing::error!(customer = %snapshot.customer, epoch = snapshot.epoch, %error, "a plan was refused");
            }
            held(refusal, reason, later)
        }
        SolverAnswer::Late => {
            let reason = format!("the optimizer gave no answer within {} ms", policy.solver.deadline_ms);
            held(Refusal::Deadline, reason, later)
        }
        SolverAnswer::Broken => held(
            Refusal::Solver,
            "the optimizer gave no answer: it stopped on an internal error".to_owned(),
            later,
        ),
    }
}

/// The hold for a customer whose actor was lost while it decided.
pub(crate) fn lost(state: &CustomerState, snapshot: &Snapshot, policy: &Policy) -> Decision {
    let reason = "the customer's actor was lost while it decided".to_owned();
    hold(state, snapshot, Refusal::ActorLost, reason, Some(review_later(state, snapshot, policy)))
}

/// The beginning of a day.
fn start(date: TradeDate) -> Epoch {
    u64::try_from(date.start().micros() / 1_000).unwrap_or(0)
}

/// The first day's orders. What follows on later days is planned anew then: until the last of them, what asked
/// stays open.
fn trade(state: &CustomerState, snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Decision {
    let mut decision = skeleton(state, snapshot);
    let (first, next) = (plan.slices.first(), plan.slices.get(1));
    decision.orders = orders(&decision.decision, snapshot, plan, first);
    let mut violations = gate::check(snapshot, policy, &decision.orders);
    if decision.orders.is_empty() || Some(decision.orders.len()) != first.map(|slice| slice.orders.len()) {
        violations.push("the plan trades and its orders are not there".to_owned());
    }
    if !violations.is_empty() {
        tracing::error!(customer = %snapshot.customer, epoch = snapshot.epoch, ?violations, "the gate refused a plan");
        let reason = format!("the plan did not pass the gate: {}", violations.join("; "));
        let later = Some(review_later(state, snapshot, policy));
        let mut refused = hold(state, snapshot, Refusal::Gate, reason, later);
        refused.objective.extend(terms(snapshot, plan));
        return refused;
    }
    decision.outcome = Outcome::Trade;
    // Never at once: what was traded has to count as a day's.
    decision.review = next.map(|slice| start(slice.date).max(snapshot.epoch + 1));
    decision.reason = plan.words.join("; ");
    decision.objective.extend(terms(snapshot, plan));
    let mut after: BTreeMap<_, Quantity> =
        snapshot.holdings.iter().map(|holding| (holding.instrument, holding.quantity)).collect();
    for order in first.into_iter().flat_map(|slice| &slice.orders) {
        let held = after.entry(order.instrument).or_default();
        let units = match order.side {
            Way::Sell => held.checked_sub(order.quantity),
            Way::Buy => held.checked_add(order.quantity),
        };
        *held = units.unwrap_or(*held);
    }
    decision.after = lines(snapshot, &after);
    decision
}

/// The orders of a day, sells first, each sale with the lots that the plan takes first, where it may name them.
fn orders(decision: &Name, snapshot: &Snapshot, plan: &Plan, slice: Option<&Slice>) -> Vec<DecisionOrder> {
    let order = |proposed: &ProposedOrder| {
        let holding = snapshot.holdings.iter().find(|holding| holding.instrument == proposed.instrument)?;
        let of =
            |whole: &&PlannedOrder| whole.instrument == proposed.instrument && whole.side == proposed.side;
        let whole = plan.orders.iter().find(of);
        Some(DecisionOrder {
            order: order_id(decision.as_str(), holding.name.as_str()),
            instrument: holding.name.clone(),
            side: if proposed.side == Way::Sell { Side::Sell } else { Side::Buy },
            quantity: proposed.quantity,
            limit: proposed.limit,
            lots: match whole.filter(|_| snapshot.method == CostBasis::Specific) {
                Some(whole) => lots(holding, whole, proposed.quantity),
                None => Vec::new(),
            },
        })
    };
    let mut found: Vec<DecisionOrder> =
        slice.into_iter().flat_map(|slice| &slice.orders).filter_map(order).collect();
    found.sort_by_key(|order| order.side == Side::Buy);
    found
}

/// The first units of the parcels that a sale takes, by the names of their lots.
fn lots(holding: &Holding, whole: &PlannedOrder, units: Quantity) -> Vec<LotChoice> {
    let mut left = units;
    let mut taken = Vec::new();
    for sold in &whole.parcels {
        let quantity = sold.quantity.min(left);
        let named = holding.parcels.iter().find(|held| lot_number(held.lot.as_str()) == sold.lot.0);
        let (Some(named), true) = (named, quantity > Quantity::ZERO) else { continue };
        left = left.checked_sub(quantity).unwrap_or_default();
        taken.push(LotChoice { lot: named.lot.clone(), quantity });
    }
    taken
}

/// What was weighed, by name.
fn terms(snapshot: &Snapshot, plan: &Plan) -> BTreeMap<String, String> {
    let (cost, benefit) = (&plan.cost, &plan.benefit);
    let rule = match benefit.rule {
        BenefitRule::TrackingVariance => "tracking_variance",
        BenefitRule::SquaredDistance => "squared_distance",
    };
    let mut terms: BTreeMap<String, String> = [
        ("benefit", benefit.amount.to_string()),
        ("benefit_rule", rule.to_owned()),
        ("cost_estimate", cost.total.to_string()),
        ("cost_impact", cost.impact.to_string()),
        ("cost_tax", cost.tax.to_string()),
        ("cost_trading", cost.trading.to_string()),
        ("distance_after", benefit.after.to_string()),
        ("distance_before", benefit.before.to_string()),
        ("drift_after", plan.after.drift.to_string()),
        ("drift_before", plan.before.drift.to_string()),
    ]
    .into_iter()
    .map(|(term, value)| (term.to_owned(), value))
    .collect();
    if let Some(solved) = plan.solved {
        terms.insert("gap".to_owned(), solved.gap.to_string());
        terms.insert("iterations".to_owned(), solved.iterations.to_string());
        terms.insert("repairs".to_owned(), solved.repairs.to_string());
    }
    if weighed(snapshot).is_some() {
        let year = FinancialYear::of(Instant::from_epoch(snapshot.epoch).date());
        terms.insert("tax_year".to_owned(), year.to_string());
    }
    if plan.slices.len() > 1 {
        terms.insert("days".to_owned(), plan.slices.len().to_string());
    }
    for (place, tried) in plan.tried.iter().enumerate() {
        let weighed =
            format!("{}: benefit {}, cost {}, net {}", tried.variant, tried.benefit, tried.cost, tried.net);
        terms.insert(format!("tried_{}", place + 1), weighed);
    }
    terms
}
