//! A plan spread over days: no order above its share of an average day's value, each day's buys covered by
//! cash and by that day's sells. Every slice is an answer of the optimizer, looked at twice, to the problem
//! of that day: from where the slices before end, towards where the whole plan ends.

use std::collections::BTreeMap;

use evenkeel_optimizer::{ProposedOrder, RebalanceProblem, RebalanceSolution, Side};
use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio, Value};

use crate::attempt::{Attempt, Desk, later, trading_day};
use crate::error::PlanError;
use crate::plan::Slice;

/// An attempt by day, with its orders as they add up; nothing where not even the first slice has an order.
///
/// # Errors
/// [`PlanError`], among them a calendar that ends.
pub(crate) fn slices(desk: &Desk<'_>, attempt: &Attempt) -> Result<Option<(Attempt, Vec<Slice>)>, PlanError> {
    let mut date = trading_day(desk.snapshot.market, desk.snapshot.portfolio.date)?;
    let caps = caps(desk);
    let value = |order: &ProposedOrder| {
        let row = &desk.book.rows[desk.book.at(order.instrument)?];
        Value::of_position(order.quantity, row.price, row.rate)
    };
    let within = |order: &ProposedOrder| {
        let cap =
            caps.get(&order.instrument).and_then(|cap| Value::of_cash(*cap, evenkeel_schemas::Rate::PAR));
        cap.is_none_or(|cap| value(order).is_some_and(|value| value <= cap))
    };
    if attempt.orders.iter().all(within) {
        return Ok(Some((attempt.clone(), vec![Slice { date, orders: attempt.orders.clone() }])));
    }
    let mut left: BTreeMap<InstrumentId, (Side, i64)> =
        attempt.orders.iter().map(|order| (order.instrument, (order.side, order.quantity.raw()))).collect();
    let mut problem = attempt.problem.clone();
    problem.turnover_max = None;
    let (mut found, mut last): (Vec<Slice>, Option<RebalanceSolution>) = (Vec::new(), None);
    while left.values().any(|(_, units)| *units > 0) && found.len() < desk.policy.slices_max as usize {
        let slice = slice_problem(desk, &problem, &left, &caps);
        let solution = match desk.solved(&slice) {
            Ok(solution) if !solution.orders.is_empty() => solution,
            Ok(_) | Err(PlanError::Infeasible(_) | PlanError::Solver(_)) => break,
            Err(error) => return Err(error),
        };
        for order in &solution.orders {
            if let Some((_, units)) = left.get_mut(&order.instrument) {
                *units -= order.quantity.raw();
            }
        }
        problem.cash = solution.after.cash;
        for candidate in &mut problem.candidates {
            let after = solution.after.standings.iter().find(|s| s.instrument == candidate.instrument);
            let held = after.map_or(candidate.held, |standing| standing.quantity);
            let sold = candidate.held.checked_sub(held).unwrap_or_default().max(Quantity::ZERO);
            candidate.sellable = candidate.sellable.checked_sub(sold).unwrap_or_default().max(Quantity::ZERO);
            candidate.held = held;
        }
        found.push(Slice { date, orders: solution.orders.clone() });
        date = trading_day(desk.snapshot.market, later(date, 1))?;
        last = Some(solution);
    }
    let Some(last) = last else { return Ok(None) };
    let orders = added_up(&found);
    let problem = attempt.problem.clone();
    Ok(Some((desk.worked_out(attempt.variant, problem, orders, last)?, found)))
}

/// The largest order of a day, by instrument.
fn caps(desk: &Desk<'_>) -> BTreeMap<InstrumentId, Money> {
    let rows = desk.book.rows.iter().enumerate();
    rows.filter_map(|(place, row)| Some((row.position.instrument, desk.cap(place)?))).collect()
}

/// The problem of a day: towards what is left of each order, at most its cap; nothing else is traded. While
/// cash is short of its least, it is only raised.
fn slice_problem(
    desk: &Desk<'_>,
    problem: &RebalanceProblem,
    left: &BTreeMap<InstrumentId, (Side, i64)>,
    caps: &BTreeMap<InstrumentId, Money>,
) -> RebalanceProblem {
    let mut slice = problem.clone();
    let short = problem.cash < problem.cash_min;
    slice.cash_min = problem.cash_min.min(problem.cash);
    // Costs were weighed for the plan as a whole.
    slice.cost_aversion = 1e-3;
    let spendable = Value::from_raw(i128::from(problem.cash.raw()) * 10_i128.pow(15));
    let nav = problem.candidates.iter().fold(desk.book.aside.checked_add(spendable), |sum, candidate| {
        sum?.checked_add(Value::of_position(candidate.held, candidate.price, candidate.rate)?)
    });
    let nav = nav.unwrap_or(desk.book.nav);
    let mut sum = 0_i128;
    for (place, candidate) in slice.candidates.iter_mut().enumerate() {
        let row = &desk.book.rows[place];
        let unit = i128::from(row.price.raw()) * i128::from(row.rate.raw());
        let most =
            caps.get(&candidate.instrument).map_or(i128::MAX, |cap| i128::from(cap.raw()) * 10_i128.pow(15));
        let (side, units) = left.get(&candidate.instrument).copied().unwrap_or((Side::Sell, 0));
        let units = i128::from(units).min(most / unit.max(1)).max(0);
        let units = Quantity::from_wide(units).unwrap_or_default().whole_lots(candidate.lot);
        let signed = if side == Side::Sell { -i128::from(units.raw()) } else { i128::from(units.raw()) };
        let value = Value::from_raw((i128::from(candidate.held.raw()) + signed) * unit);
        candidate.target = value.share_of(nav).unwrap_or_default().max(Ratio::ZERO);
        candidate.band = Ratio::ZERO;
        (candidate.weight_min, candidate.weight_max) = (Ratio::ZERO, Ratio::from_raw(Ratio::ONE));
        candidate.trade_max = caps.get(&candidate.instrument).copied();
        let buys = side == Side::Buy && !short && units > Quantity::ZERO;
        candidate.buy_max = if buys { units_worth(units, unit) } else { Some(Money::ZERO) };
        candidate.sellable = if side == Side::Sell { candidate.sellable.min(units) } else { Quantity::ZERO };
        candidate.tradable &= units > Quantity::ZERO;
        sum += i128::from(candidate.target.raw());
    }
    let one = i128::from(Ratio::ONE);
    if sum > one {
        for candidate in &mut slice.candidates {
            let scaled = i128::from(candidate.target.raw()) * one / sum;
            candidate.target = Ratio::from_wide(scaled).unwrap_or_default();
        }
    }
    slice
}

/// The value of units, up to the next millionth.
fn units_worth(units: Quantity, unit: i128) -> Option<Money> {
    Money::from_wide(i128::from(units.raw()).checked_mul(unit)? / 10_i128.pow(15) + 1)
}

/// One order an instrument: sells first, then buys, each by instrument. Limits are the same on all days.
fn added_up(slices: &[Slice]) -> Vec<ProposedOrder> {
    let mut sums: BTreeMap<(Side, InstrumentId), ProposedOrder> = BTreeMap::new();
    for order in slices.iter().flat_map(|slice| &slice.orders) {
        let sum = sums
            .entry((order.side, order.instrument))
            .or_insert_with(|| ProposedOrder { quantity: Quantity::ZERO, ..order.clone() });
        sum.quantity = sum.quantity.checked_add(order.quantity).unwrap_or(sum.quantity);
    }
    sums.into_values().collect()
}
