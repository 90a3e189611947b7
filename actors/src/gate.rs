//! The gate: every plan is worked out again, with code that shares nothing with what made it.
//!
//! The optimizer brings a second opinion of its own on the problem ([`check_rebalance`]); the gate adds what
//! the problem cannot know, from the snapshot: names on the restricted list, units held, lots, and that cash
//! covers all buys and commissions with nothing but what the sells bring at their limits. A plan that fails is
//! an incident, never a warning.

use std::collections::BTreeMap;

use evenkeel_optimizer::{ProposedOrder, RebalanceProblem, RebalanceSolution, Side, check_rebalance};
use evenkeel_schemas::{Money, Quantity};

use crate::costs::{commission, cost_of_buy};
use crate::policy::Policy;
use crate::snapshot::{Holding, Snapshot};

/// What the desk's commission may be above the optimizer's, which is not rounded to cents.
pub(crate) const CENT: Money = Money::from_raw(10_000);

/// Everything wrong with a plan, in words; empty when it may be logged as a decision to trade.
pub fn check(
    snapshot: &Snapshot,
    policy: &Policy,
    problem: &RebalanceProblem,
    solution: &RebalanceSolution,
) -> Vec<String> {
    let mut violations = check_rebalance(problem, solution);
    let holdings: BTreeMap<_, _> =
        snapshot.holdings.iter().map(|holding| (holding.instrument, holding)).collect();
    let mut cash = Some(snapshot.cash);
    let mut buys = false;
    for order in &solution.orders {
        let Some(holding) = holdings.get(&order.instrument) else {
            violations.push(format!("instrument {} is neither held nor targeted", order.instrument.0));
            continue;
        };
        one(snapshot, policy, holding, order, &mut violations);
        buys |= order.side == Side::Buy;
        cash = cash.and_then(|cash| after(cash, policy, order));
    }
    let cents = i64::try_from(solution.orders.len()).unwrap_or(i64::MAX).saturating_mul(CENT.raw());
    let least = policy.customer.cash_min;
    let tolerated = least.checked_sub(Money::from_raw(cents)).unwrap_or(least);
    match cash {
        Some(cash) if buys && cash < tolerated => {
            violations.push(format!("buys leave cash of {cash}, below {least}"));
        }
        Some(_) => {}
        None => violations.push("cash afterwards is out of range".to_owned()),
    }
    violations
}

fn one(
    snapshot: &Snapshot,
    policy: &Policy,
    holding: &Holding,
    order: &ProposedOrder,
    violations: &mut Vec<String>,
) {
    let (name, quantity) = (&holding.name, order.quantity);
    if policy.restricted.contains(name) {
        violations.push(format!("{name} is on the restricted list"));
    }
    if holding.currency != snapshot.base {
        violations.push(format!("{name} is priced in {}, which is not traded", holding.currency));
    }
    if quantity <= Quantity::ZERO || quantity.whole_lots(holding.lot) != quantity {
        violations.push(format!("{quantity} {name} is not a positive multiple of {}", holding.lot));
    }
    if order.side == Side::Sell && quantity > holding.quantity {
        violations.push(format!("sells {quantity} {name} with {} held", holding.quantity));
    }
}

/// Cash after an order at its limit; `None` when out of range.
fn after(cash: Money, policy: &Policy, order: &ProposedOrder) -> Option<Money> {
    match order.side {
        Side::Buy => cash.checked_sub(cost_of_buy(&policy.costs, order.quantity, order.limit)?),
        Side::Sell => {
            let fee = commission(&policy.costs, order.quantity, order.limit)?;
            cash.checked_add(order.quantity.notional(order.limit)?)?.checked_sub(fee)
        }
    }
}
