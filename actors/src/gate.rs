//! The gate: every plan is worked out again, with code that shares nothing with what made it.
//!
//! The plan's orders come from the optimizer, which brings a second opinion of its own. The gate looks at the orders as
//! they are to be logged, against the snapshot alone, in integers: whole lots, ticks, units and lots held, names that
//! may not be traded, one order an instrument, limits no further from the mark than the half spread, weights within
//! their greatest, and cash that covers all buys and commissions with nothing but what the sells bring at their
//! limits. A plan that fails is an incident, never a warning.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::{DecisionOrder, Side};
use evenkeel_schemas::{InstrumentId, Money, Name, Price, Quantity, Rate, Ratio, Value};

use crate::costs::{commission, cost_of_buy};
use crate::policy::Policy;
use crate::snapshot::{Holding, Snapshot};

/// What the desk's commission may be above the optimizer's, which is not rounded to cents.
pub(crate) const CENT: Money = Money::from_raw(10_000);

/// Everything wrong with the orders of a plan, in words; empty when they may be logged as a decision to trade.
pub fn check(snapshot: &Snapshot, policy: &Policy, orders: &[DecisionOrder]) -> Vec<String> {
    let mut violations = Vec::new();
    let holdings: BTreeMap<&Name, &Holding> =
        snapshot.holdings.iter().map(|holding| (&holding.name, holding)).collect();
    let mut units: BTreeMap<InstrumentId, Quantity> =
        snapshot.holdings.iter().map(|holding| (holding.instrument, holding.quantity)).collect();
    let (mut seen, mut bought) = (BTreeSet::new(), Vec::new());
    let mut cash = Some(snapshot.cash);
    for order in orders {
        let name = &order.instrument;
        let Some(holding) = holdings.get(name) else {
            violations.push(format!("{name} is neither held nor targeted"));
            continue;
        };
        if !seen.insert(name) {
            violations.push(format!("{name} has two orders"));
        }
        one(snapshot, policy, holding, order, &mut violations);
        at_market(policy, holding, order, &mut violations);
        lots(holding, order, &mut violations);
        if order.side == Side::Buy {
            bought.push(*holding);
        } else if !bought.is_empty() {
            violations.push(format!("the sale of {name} comes after a buy"));
        }
        let held = units.entry(holding.instrument).or_default();
        let after = match order.side {
            Side::Buy => held.checked_add(order.quantity),
            Side::Sell => held.checked_sub(order.quantity),
        };
        *held = after.unwrap_or(Quantity::MAX);
        cash = cash.and_then(|cash| cash_after(cash, policy, order));
    }
    let Some(cash) = cash else {
        violations.push("cash afterwards is out of range".to_owned());
        return violations;
    };
    let cents = i64::try_from(orders.len()).unwrap_or(i64::MAX).saturating_mul(CENT.raw());
    let least = policy.customer.cash_min;
    let tolerated = least.checked_sub(Money::from_raw(cents)).unwrap_or(least);
    if !bought.is_empty() && cash < tolerated {
        violations.push(format!("buys leave cash of {cash}, below {least}"));
    }
    weights(snapshot, policy, &bought, &units, cash, &mut violations);
    violations
}

fn one(
    snapshot: &Snapshot,
    policy: &Policy,
    holding: &Holding,
    order: &DecisionOrder,
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

/// The limit is on the tick, and at most the half spread and the rest of a tick worse than the mark.
fn at_market(policy: &Policy, holding: &Holding, order: &DecisionOrder, violations: &mut Vec<String>) {
    let (name, limit, tick) = (&holding.name, order.limit, holding.tick);
    let Some((mark, _)) = holding.mark() else {
        violations.push(format!("{name} has no price"));
        return;
    };
    if limit <= Price::ZERO || tick <= Price::ZERO || limit.raw() % tick.raw() != 0 {
        violations.push(format!("the limit of {name}, {limit}, is not a positive multiple of {tick}"));
    }
    let (one, spread) = (i128::from(Ratio::ONE), i128::from(policy.costs.half_spread.raw()));
    let (mark_raw, limit_raw, tick) =
        (i128::from(mark.raw()), i128::from(limit.raw()), i128::from(tick.raw()));
    let fits = match order.side {
        // Whole ticks: a bound is passed when the next tick on the near side of it is.
        Side::Sell => limit_raw <= mark_raw && (limit_raw + tick) * one > mark_raw * (one - spread),
        Side::Buy => limit_raw >= mark_raw && (limit_raw - tick) * one < mark_raw * (one + spread),
    };
    if !fits {
        violations.push(format!("the limit of {name}, {limit}, is too far from the price of {mark}"));
    }
}

/// Lots that a sale names are held, each once, and add up to it.
fn lots(holding: &Holding, order: &DecisionOrder, violations: &mut Vec<String>) {
    if order.lots.is_empty() {
        return;
    }
    let name = &holding.name;
    let open: BTreeMap<&Name, Quantity> =
        holding.parcels.iter().map(|parcel| (&parcel.lot, parcel.quantity)).collect();
    let (mut seen, mut sum) = (BTreeSet::new(), 0_i128);
    for choice in &order.lots {
        let there = open.get(&choice.lot).copied().unwrap_or_default();
        if choice.quantity <= Quantity::ZERO || choice.quantity > there || !seen.insert(&choice.lot) {
            violations
                .push(format!("takes {} {name} from the lot {} of {there}", choice.quantity, choice.lot));
        }
        sum += i128::from(choice.quantity.raw());
    }
    if order.side == Side::Buy || sum != i128::from(order.quantity.raw()) {
        violations.push(format!("the lots of {name} do not add up to a sale of {}", order.quantity));
    }
}

/// What is bought weighs no more afterwards than one instrument may.
fn weights(
    snapshot: &Snapshot,
    policy: &Policy,
    bought: &[&Holding],
    units: &BTreeMap<InstrumentId, Quantity>,
    cash: Money,
    violations: &mut Vec<String>,
) {
    let most = policy.customer.weight_max;
    if most.raw() >= Ratio::ONE || bought.is_empty() {
        return;
    }
    let value = |holding: &Holding| {
        let quantity = units.get(&holding.instrument).copied().unwrap_or_default();
        if quantity == Quantity::ZERO {
            return Some(Value::ZERO);
        }
        let (price, rate) = holding.mark()?;
        Value::of_position(quantity, price, rate)
    };
    let all_cash = Value::of_cash(cash, Rate::PAR).and_then(|cash| cash.checked_add(snapshot.foreign_cash));
    let nav = snapshot.holdings.iter().fold(all_cash, |sum, holding| sum?.checked_add(value(holding)?));
    for holding in bought {
        match (value(holding), nav) {
            (Some(value), Some(nav)) if value.against_band(nav, most, Ratio::ZERO).is_gt() => {
                violations.push(format!("{} would weigh more than {most}", holding.name));
            }
            (Some(_), Some(_)) => {}
            _ => violations.push(format!("the weight of {} is out of range", holding.name)),
        }
    }
}

/// Cash after an order at its limit; `None` when out of range.
fn cash_after(cash: Money, policy: &Policy, order: &DecisionOrder) -> Option<Money> {
    match order.side {
        Side::Buy => cash.checked_sub(cost_of_buy(&policy.costs, order.quantity, order.limit)?),
        Side::Sell => {
            let fee = commission(&policy.costs, order.quantity, order.limit)?;
            cash.checked_add(order.quantity.notional(order.limit)?)?.checked_sub(fee)
        }
    }
}
