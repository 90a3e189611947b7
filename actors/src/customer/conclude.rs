//! After the optimizer: its answer becomes a decision.

use std::collections::BTreeMap;

use evenkeel_optimizer::{RebalanceError, RebalanceSolution, Side as Way};
use evenkeel_schemas::derive::order_id;
use evenkeel_schemas::events::{Decision, DecisionOrder, Outcome, Side};
use evenkeel_schemas::{Epoch, InstrumentId, Money, Name, Quantity};

use super::decision::{hold, lines, review_later, review_of_prices, skeleton};
use super::prepare::problem;
use super::{CustomerState, Refusal};
use crate::gate;
use crate::policy::Policy;
use crate::snapshot::Snapshot;

/// What came back from the optimizer's pool.
#[derive(Clone, Debug, PartialEq)]
pub enum SolverAnswer {
    /// A plan.
    Solved(Box<RebalanceSolution>),
    /// No plan: contradicting constraints, or a solver that gave up.
    Failed(RebalanceError),
    /// The deadline passed first.
    Late,
    /// The solver panicked.
    Broken,
}

/// The decision that an answer leads to. The problem is rebuilt from the snapshot, so that the gate does not
/// depend on what travelled.
pub fn conclude(
    state: &CustomerState,
    snapshot: &Snapshot,
    policy: &Policy,
    answer: &SolverAnswer,
) -> Decision {
    let later = Some(review_later(state, snapshot, policy));
    let held = |refusal, reason, review| hold(state, snapshot, refusal, reason, review);
    match answer {
        SolverAnswer::Solved(solution) => plan(state, snapshot, policy, solution),
        SolverAnswer::Failed(RebalanceError::Infeasible(infeasible)) => {
            let name = |instrument| name_of(snapshot, instrument);
            let reasons: Vec<String> =
                infeasible.reasons.iter().map(|reason| reason.in_words(&name)).collect();
            held(Refusal::Infeasible, format!("no plan is possible: {}", reasons.join("; ")), later)
        }
        SolverAnswer::Failed(RebalanceError::Solver(failure)) => {
            held(Refusal::Solver, format!("the optimizer gave no answer: {failure}"), later)
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

fn plan(
    state: &CustomerState,
    snapshot: &Snapshot,
    policy: &Policy,
    solution: &RebalanceSolution,
) -> Decision {
    let benefit = benefit(snapshot, policy, solution);
    let refused = |refusal, reason, review: Option<Epoch>| {
        let mut decision = hold(state, snapshot, refusal, reason, review);
        decision.objective.extend(terms(solution, benefit));
        decision
    };
    let prices = review_of_prices(state, snapshot, policy);
    let problem = problem(snapshot, policy);
    let violations = gate::check(snapshot, policy, &problem, solution);
    if !violations.is_empty() {
        tracing::error!(customer = %snapshot.customer, epoch = snapshot.epoch, ?violations, "the gate refused a plan");
        let reason = format!("the plan did not pass the gate: {}", violations.join("; "));
        return refused(Refusal::Gate, reason, Some(review_later(state, snapshot, policy)));
    }
    if solution.orders.is_empty() {
        return refused(Refusal::NothingToTrade, nothing(snapshot, solution), prices);
    }
    // Cash below its least is a duty, not a benefit to weigh.
    let cost = solution.terms.cost_estimate;
    let forced = snapshot.cash < policy.customer.cash_min;
    if !forced && cost.to_f64() > benefit {
        let reason = format!("the plan would cost {cost} {} and bring {benefit:.2}", snapshot.base);
        return refused(Refusal::CostAboveBenefit, reason, prices);
    }
    let mut decision = skeleton(state, snapshot);
    decision.outcome = Outcome::Trade;
    decision.orders = orders(&decision.decision, snapshot, solution);
    decision.reason = traded(snapshot, &decision.orders, solution);
    decision.objective = terms(solution, benefit);
    let after: BTreeMap<InstrumentId, Quantity> =
        solution.after.standings.iter().map(|standing| (standing.instrument, standing.quantity)).collect();
    decision.after = lines(snapshot, &after);
    decision
}

/// What the plan brings, base currency: the squared distance it takes away × NAV × the benefit rate.
fn benefit(snapshot: &Snapshot, policy: &Policy, solution: &RebalanceSolution) -> f64 {
    let reduction = solution.terms.distance_before - solution.terms.distance_after;
    let nav = snapshot.nav.unwrap_or(Money::ZERO).to_f64();
    reduction.max(0.0) * nav * policy.customer.benefit_rate
}

fn orders(decision: &Name, snapshot: &Snapshot, solution: &RebalanceSolution) -> Vec<DecisionOrder> {
    let order = |proposed: &evenkeel_optimizer::ProposedOrder| {
        let holding = snapshot.holdings.iter().find(|holding| holding.instrument == proposed.instrument)?;
        Some(DecisionOrder {
            order: order_id(decision.as_str(), holding.name.as_str()),
            instrument: holding.name.clone(),
            side: if proposed.side == Way::Sell { Side::Sell } else { Side::Buy },
            quantity: proposed.quantity,
            limit: proposed.limit,
        })
    };
    solution.orders.iter().filter_map(order).collect()
}

fn traded(snapshot: &Snapshot, orders: &[DecisionOrder], solution: &RebalanceSolution) -> String {
    let kinds: std::collections::BTreeSet<&str> =
        snapshot.triggers.iter().map(|open| open.trigger.kind.as_str()).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let sells = orders.iter().filter(|order| order.side == Side::Sell).count();
    let text =
        format!("back to target for {}: {sells} sell(s), {} buy(s)", kinds.join(", "), orders.len() - sells);
    match remaining(snapshot, solution) {
        Some(rest) => format!("{text}; still outside afterwards: {rest}"),
        None => text,
    }
}

fn nothing(snapshot: &Snapshot, solution: &RebalanceSolution) -> String {
    match remaining(snapshot, solution) {
        Some(rest) => format!("no order in whole lots is worth placing: {rest}"),
        None => "no order in whole lots is worth placing: nothing is outside its band".to_owned(),
    }
}

fn remaining(snapshot: &Snapshot, solution: &RebalanceSolution) -> Option<String> {
    let words: Vec<String> = solution
        .remaining
        .iter()
        .map(|rest| format!("{}: {}", name_of(snapshot, rest.outside.instrument), rest.cause.in_words()))
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn name_of(snapshot: &Snapshot, instrument: InstrumentId) -> String {
    let holding = snapshot.holdings.iter().find(|holding| holding.instrument == instrument);
    holding.map_or_else(|| format!("instrument {}", instrument.0), |holding| holding.name.to_string())
}

fn terms(solution: &RebalanceSolution, benefit: f64) -> BTreeMap<String, String> {
    let terms = &solution.terms;
    [
        ("benefit", format!("{benefit:.6}")),
        ("cost_estimate", terms.cost_estimate.to_string()),
        ("distance_after", terms.distance_after.to_string()),
        ("distance_before", terms.distance_before.to_string()),
        ("gap", solution.gap.to_string()),
        ("iterations", solution.iterations.to_string()),
        ("objective_after", terms.objective_after.to_string()),
        ("objective_before", terms.objective_before.to_string()),
        ("objective_bound", terms.objective_bound.to_string()),
        ("repairs", solution.repairs.to_string()),
        ("turnover", terms.turnover.to_string()),
    ]
    .into_iter()
    .map(|(term, value)| (term.to_owned(), value))
    .collect()
}
