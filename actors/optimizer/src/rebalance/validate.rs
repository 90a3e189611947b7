//! What contradicts itself is found before any arithmetic, all of it at once, so that a desk mends it in one go.

use std::collections::BTreeSet;

use evenkeel_schemas::{InstrumentId, Money, Ratio, Value};

use super::problem::{Candidate, RebalanceProblem};
use super::reason::Reason;

/// Greatest NAV that is handled, in raw units of [`Value`]: 4·10¹² of the base currency, so that sums and
/// trades of twice that still fit [`Money`].
const NAV_MAX: i128 = 4 * 10_i128.pow(12) * 10_i128.pow(21);

/// Everything wrong with the problem that can be seen without solving it; empty when it can be tried.
pub(crate) fn problems(problem: &RebalanceProblem) -> Vec<Reason> {
    let mut reasons = settings(problem);
    if problem.candidates.is_empty() {
        reasons.push(Reason::NoCandidates);
    }
    let mut seen = BTreeSet::new();
    for candidate in &problem.candidates {
        if !seen.insert(candidate.instrument) {
            reasons.push(Reason::Duplicate { instrument: candidate.instrument });
        }
        reasons.extend(of_candidate(candidate));
    }
    let sum = |weight: fn(&Candidate) -> Ratio| -> Option<Ratio> {
        Ratio::from_wide(problem.candidates.iter().map(|c| i128::from(weight(c).raw())).sum())
    };
    match sum(|c| c.target) {
        Some(sum) if sum.raw() > Ratio::ONE => reasons.push(Reason::TargetsAboveOne { sum }),
        Some(_) => {}
        None => reasons.push(Reason::OutOfRange { instrument: None }),
    }
    match sum(|c| c.weight_min) {
        Some(sum) if sum.raw() > Ratio::ONE => reasons.push(Reason::MinimaAboveOne { sum }),
        Some(_) => {}
        None => reasons.push(Reason::OutOfRange { instrument: None }),
    }
    if reasons.is_empty() {
        reasons.extend(of_values(problem));
    }
    reasons
}

fn settings(problem: &RebalanceProblem) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut expect = |fits: bool, name: &str, value: &dyn ToString, expected: &str| {
        if !fits {
            reasons.push(Reason::Setting {
                name: name.to_owned(),
                value: value.to_string(),
                expected: expected.to_owned(),
            });
        }
    };
    let share = |ratio: Ratio| (0..Ratio::ONE).contains(&ratio.raw());
    let amount = |money: Money| money.raw() >= 0;
    let costs = &problem.costs;
    expect(share(costs.half_spread), "half spread", &costs.half_spread, "0 or more, below 1");
    expect(share(costs.commission), "commission", &costs.commission, "0 or more, below 1");
    expect(amount(costs.commission_min), "minimum commission", &costs.commission_min, "0 or more");
    expect(amount(problem.trade_min), "minimum trade", &problem.trade_min, "0 or more");
    expect(amount(problem.first_parcel_min), "minimum first parcel", &problem.first_parcel_min, "0 or more");
    let aversion = problem.cost_aversion;
    // At nothing, buying and selling the same would be free and the program would have no single answer.
    expect((1e-3..=1e4).contains(&aversion), "cost aversion", &aversion, "0.001 to 10,000");
    if let Some(turnover) = problem.turnover_max {
        expect((0..=10 * Ratio::ONE).contains(&turnover.raw()), "turnover limit", &turnover, "0 to 10");
    }
    reasons
}

fn of_candidate(candidate: &Candidate) -> Vec<Reason> {
    let instrument = candidate.instrument;
    let mut reasons = Vec::new();
    let unit = 0..=Ratio::ONE;
    if candidate.price.raw() <= 0 {
        reasons.push(Reason::PriceMissing { instrument, price: candidate.price });
    }
    if candidate.rate.raw() <= 0 {
        reasons.push(Reason::RateMissing { instrument, rate: candidate.rate });
    }
    if candidate.lot.raw() <= 0 || candidate.tick.raw() <= 0 {
        reasons.push(Reason::LotOrTick { instrument, lot: candidate.lot, tick: candidate.tick });
    }
    let (held, sellable) = (candidate.held, candidate.sellable);
    if held.raw() < 0 || sellable.raw() < 0 || sellable > held {
        reasons.push(Reason::Holding { instrument, held, sellable });
    }
    let (target, band) = (candidate.target, candidate.band);
    if !unit.contains(&target.raw()) || band.raw() < 0 || band.checked_add(target).is_none() {
        reasons.push(Reason::TargetOrBand { instrument, target, band });
    }
    let (weight_min, weight_max) = (candidate.weight_min, candidate.weight_max);
    if weight_min > weight_max || !unit.contains(&weight_min.raw()) || !unit.contains(&weight_max.raw()) {
        reasons.push(Reason::Bounds { instrument, weight_min, weight_max });
    }
    for (what, most) in [("order", candidate.trade_max), ("buy", candidate.buy_max)] {
        if let Some(most) = most.filter(|most| most.raw() < 0) {
            reasons.push(Reason::Setting {
                name: format!("greatest {what} of instrument {}", instrument.0),
                value: most.to_string(),
                expected: "0 or more".to_owned(),
            });
        }
    }
    reasons
}

/// Value of all candidates and cash: the NAV; or the instrument that is out of range.
pub(crate) fn nav(problem: &RebalanceProblem) -> Result<Value, Option<InstrumentId>> {
    let cash = i128::from(problem.cash.raw()) * 10_i128.pow(15);
    let mut nav = Value::from_raw(cash).checked_add(problem.foreign_cash).ok_or(None)?;
    for candidate in &problem.candidates {
        nav = Value::of_position(candidate.held, candidate.price, candidate.rate)
            .filter(|value| value.raw() <= NAV_MAX)
            .and_then(|value| nav.checked_add(value))
            .ok_or(Some(candidate.instrument))?;
    }
    if nav.raw() > NAV_MAX || problem.foreign_cash.raw().unsigned_abs() > NAV_MAX.unsigned_abs() {
        return Err(None);
    }
    Ok(nav)
}

fn of_values(problem: &RebalanceProblem) -> Vec<Reason> {
    let nav = match nav(problem) {
        Ok(nav) => nav,
        Err(instrument) => return vec![Reason::OutOfRange { instrument }],
    };
    if nav.raw() <= 0 {
        return vec![match nav.to_money() {
            Some(nav) => Reason::NavNotPositive { nav },
            None => Reason::OutOfRange { instrument: None },
        }];
    }
    problem.candidates.iter().filter(|c| !c.tradable).filter_map(|c| frozen(c, nav)).collect()
}

/// A bound that an instrument under do-not-trade is outside of.
fn frozen(candidate: &Candidate, nav: Value) -> Option<Reason> {
    let instrument = candidate.instrument;
    let value = Value::of_position(candidate.held, candidate.price, candidate.rate)?;
    let Some(weight) = value.share_of(nav) else {
        return Some(Reason::OutOfRange { instrument: Some(instrument) });
    };
    let Candidate { weight_min, weight_max, .. } = *candidate;
    if value.against_band(nav, weight_max, Ratio::ZERO).is_gt() {
        return Some(Reason::FrozenAboveMaximum { instrument, weight, weight_max });
    }
    if value.against_band(nav, weight_min, Ratio::ZERO).is_lt() {
        return Some(Reason::FrozenBelowMinimum { instrument, weight, weight_min });
    }
    None
}
