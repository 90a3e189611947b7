//! From a plan in lots to what people read: orders, standings, what stays outside and why.

use evenkeel_schemas::{Money, Ratio, Value};

use super::book::{Book, Row};
use super::reason::Reason;
use super::relaxed::Relaxed;
use super::round::{Obstacle, Plan};
use super::solution::{
    Cause, Limit, ObjectiveTerms, Outside, ProposedOrder, RebalanceSolution, Remaining, Side, Standing,
    Status, Summary,
};

/// Objectives below this are zero for the gap: a thousandth of a squared basis point is 1e-11.
const OBJECTIVE_ZERO: f64 = 1e-12;

/// The answer for a plan; `None` when an amount does not fit, or the costs leave no NAV.
fn answer(book: &Book, relaxed: &Relaxed, plan: &Plan, before: &Plan) -> Option<RebalanceSolution> {
    let orders = orders(book, plan);
    let status = if orders.is_empty() { Status::NothingWorthTrading } else { Status::Rebalanced };
    let after = summary(book, plan)?;
    let score = plan.score();
    let gap = if score.broken > 0.0 {
        1.0
    } else if score.objective <= OBJECTIVE_ZERO {
        0.0
    } else {
        ((score.objective - relaxed.bound) / score.objective).clamp(0.0, 1.0)
    };
    Some(RebalanceSolution {
        remaining: remaining(book, plan, &after),
        orders,
        before: summary(book, before)?,
        after,
        terms: ObjectiveTerms {
            distance_before: before.distance(),
            distance_after: plan.distance(),
            cost_estimate: Value::from_raw(plan.cost()).to_money()?,
            turnover: Value::from_raw(plan.gross() / 2).share_of(book.nav)?,
            objective_before: before.score().objective,
            objective_after: score.objective,
            objective_bound: relaxed.bound,
        },
        gap,
        status,
        iterations: relaxed.iterations,
        repairs: plan.repairs,
    })
}

/// The answer for a plan.
///
/// # Errors
/// [`Reason::OutOfRange`] when an amount does not fit or the costs leave no NAV.
pub(crate) fn report(
    book: &Book,
    relaxed: &Relaxed,
    plan: &Plan,
    before: &Plan,
) -> Result<RebalanceSolution, Reason> {
    answer(book, relaxed, plan, before).ok_or(Reason::OutOfRange { instrument: None })
}

fn orders(book: &Book, plan: &Plan) -> Vec<ProposedOrder> {
    let traded = book.rows.iter().zip(&plan.lots).filter(|(_, lots)| **lots != 0);
    let mut orders: Vec<ProposedOrder> = traded
        .map(|(row, lots)| {
            let side = if *lots < 0 { Side::Sell } else { Side::Buy };
            let (quantity, limit) = row.order(*lots);
            ProposedOrder { instrument: row.instrument, side, quantity, limit }
        })
        .collect();
    orders.sort_by_key(|order| (order.side, order.instrument));
    orders
}

fn summary(book: &Book, plan: &Plan) -> Option<Summary> {
    let nav = Value::from_raw(book.nav.raw().checked_sub(plan.cost())?);
    let cash = Money::from_wide(plan.cash())?;
    let all_cash = Value::from_raw(plan.cash() * 10_i128.pow(15)).checked_add(book.foreign_cash)?;
    let mut standings = Vec::with_capacity(book.rows.len());
    let mut outside = Vec::new();
    let (mut distance, mut targets) = (0.0, 0.0);
    for (at, row) in book.rows.iter().enumerate() {
        let value = Value::from_raw(plan.value(at));
        standings.push(Standing {
            instrument: row.instrument,
            quantity: row.quantity_after(plan.lots[at]),
            weight: value.share_of(nav)?,
        });
        let limits = limits_left(row, value, nav);
        outside.extend(limits.into_iter().map(|limit| Outside { instrument: row.instrument, limit }));
        let apart = plan.value(at) as f64 / nav.raw() as f64 - row.target.to_f64();
        distance += apart * apart;
        targets += row.target.to_f64();
    }
    let apart = all_cash.raw() as f64 / nav.raw() as f64 - (1.0 - targets);
    distance += apart * apart;
    Some(Summary {
        nav: nav.to_money()?,
        cash,
        cash_weight: all_cash.share_of(nav)?,
        standings,
        distance,
        outside,
    })
}

/// The limits that a value is outside of, exactly.
fn limits_left(row: &Row, value: Value, nav: Value) -> Vec<Limit> {
    let banded = value.against_band(nav, row.target, row.band);
    let checks = [
        (Limit::BandUpper, banded.is_gt()),
        (Limit::BandLower, banded.is_lt()),
        (Limit::WeightMax, value.against_band(nav, row.weight_max, Ratio::ZERO).is_gt()),
        (Limit::WeightMin, value.against_band(nav, row.weight_min, Ratio::ZERO).is_lt()),
    ];
    checks.into_iter().filter(|(_, outside)| *outside).map(|(limit, _)| limit).collect()
}

fn remaining(book: &Book, plan: &Plan, after: &Summary) -> Vec<Remaining> {
    let place = |outside: &Outside| {
        book.rows
            .binary_search_by_key(&outside.instrument, |row| row.instrument)
            .ok()
            .map(|at| Remaining { outside: outside.clone(), cause: cause(book, plan, at, outside.limit) })
    };
    after.outside.iter().filter_map(place).collect()
}

fn cause(book: &Book, plan: &Plan, at: usize, limit: Limit) -> Cause {
    let row = &book.rows[at];
    if !row.tradable {
        return Cause::NotTradable;
    }
    let (up, edge) = match limit {
        Limit::BandUpper => (false, row.target.to_f64() + row.band.to_f64()),
        Limit::BandLower => (true, row.target.to_f64() - row.band.to_f64()),
        Limit::WeightMax => (false, row.weight_max.to_f64()),
        Limit::WeightMin => (true, row.weight_min.to_f64()),
    };
    match plan.obstacle(at, up, edge) {
        Obstacle::NoMove => Cause::OrderSize,
        Obstacle::Cash => Cause::Cash,
        Obstacle::Turnover => Cause::Turnover,
        Obstacle::Mandate => Cause::Mandate,
        Obstacle::Overshoot => Cause::LotSize,
        Obstacle::Objective => Cause::CostAboveBenefit,
    }
}
