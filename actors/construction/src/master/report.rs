//! From the optimizer's weights to the portfolio as published: every figure is of the rounded weights.

use std::collections::BTreeMap;

use evenkeel_advice::{PodId, PodObjective};
use evenkeel_optimizer::portfolio::{Division, Portfolio, PortfolioError, divide};
use evenkeel_schemas::{Money, Name, Ratio};

use super::answer::{MasterError, MasterHolding, MasterPortfolio, MasterTerm, PodKept, SoldLot, TermKind};
use super::problem::Plan;
use super::sleeves::variance;
use crate::pod::{Figures, LimitKind, title};
use crate::shares::{money_by_weight, whole_weights};
use crate::words::{listed, percent};

/// How far a sleeve may be outside a limit, for the solver's accuracy.
const LIMIT_KEPT: f64 = 1e-6;
/// The least objective that a gap is relative to: a thousandth of what its terms can come to.
const OBJECTIVE_LEAST: f64 = 1e-3;
/// A part of a lot, or of a pod, below this is the solver's rounding.
const PART_LEAST: f64 = 1e-6;

/// # Errors
/// [`MasterError::Optimizer`] when the weights cannot be rounded or divided.
pub(super) fn report(plan: &Plan<'_>, found: &Portfolio) -> Result<MasterPortfolio, MasterError> {
    let (least, most) = (plan.rules.weight_least.raw(), plan.rules.weight_most.raw());
    let units = whole_weights(&found.weights, plan.invested, least, most)
        .ok_or_else(|| PortfolioError::Invalid("its weights do not add up to what is invested".to_owned()))?;
    let weights: Vec<f64> = units.iter().map(|units| Ratio::from_raw(*units).to_f64()).collect();
    let formulated = plan.formulate();
    let division = divide(&formulated, &plan.sleeves, &weights)?;
    let kept: Vec<PodKept> = (0..plan.pods.len()).map(|at| pod_kept(plan, at, &division)).collect();
    let terms = terms(plan, found, &weights, &division);
    let objective = terms.iter().map(|term| term.weight.to_f64() * term.value).sum();
    let (values, cash) = money_by_weight(plan.capital, &units);
    let holdings = holdings(plan, &units, &values, &division);
    let turnover = turnover(plan, &weights);
    let traded = 2.0 * turnover * plan.capital.to_f64() * plan.problem.cost_rate.to_f64();
    let mut portfolio = MasterPortfolio {
        cash,
        cash_reasons: plan.cash_reasons.clone(),
        objective,
        duplicates_merged: holdings.iter().filter(|holding| holding.consolidated).count(),
        left_out: left_out(plan, &units, holdings.len()),
        holdings,
        terms,
        kept,
        turnover,
        transaction_cost: cents(traded),
        sold: sold(plan, found),
        standing: found.standing,
        gap: (found.objective - found.bound).max(0.0) / f64::max(objective, OBJECTIVE_LEAST),
        active: found.active.clone(),
        residuals: found.residuals,
        search: found.search,
        explanation: String::new(),
    };
    portfolio.explanation = explain(&portfolio);
    Ok(portfolio)
}

/// Whole cents, half-even; a figure of the portfolio's size.
fn cents(amount: f64) -> Money {
    let raw = (amount * 100.0).round_ties_even();
    Money::from_wide(raw as i128 * i128::from(Money::ONE / 100)).unwrap_or(Money::ZERO)
}

fn ratio(value: f64) -> Ratio {
    // Of figures that are ratios of the portfolio.
    Ratio::from_wide((value * Ratio::ONE as f64).round_ties_even() as i128).unwrap_or(Ratio::ZERO)
}

fn turnover(plan: &Plan<'_>, weights: &[f64]) -> f64 {
    let current = &plan.candidates.current;
    0.5 * weights.iter().zip(current).map(|(weight, held)| (weight - held).abs()).sum::<f64>()
}

/// The sleeve of a pod, its figures and its members' weights.
fn sleeve_figures(plan: &Plan<'_>, at: usize, weights: &[f64]) -> Figures {
    let places = &plan.candidates.reach[at];
    let members: Vec<_> = places.iter().map(|place| plan.candidates.members[*place]).collect();
    Figures::of(&members, weights, variance(&plan.covariance, places, weights))
}

fn pod_kept(plan: &Plan<'_>, at: usize, division: &Division) -> PodKept {
    let (pod, aim, share) = (&plan.pods[at], &plan.aims[at], plan.shares[at]);
    let weights = &division.weights[at];
    let figures = sleeve_figures(plan, at, weights);
    let mut limits = pod.solution.limits.clone();
    let mut within_limits = true;
    let held: f64 = weights.iter().sum();
    for limit in &mut limits {
        limit.value = match limit.limit {
            LimitKind::Volatility => figures.volatility / share,
            LimitKind::Liquidity => figures.liquidity,
            LimitKind::Yield => figures.distribution_yield / if held > 0.0 { held } else { 1.0 },
        };
        within_limits &= match limit.limit {
            LimitKind::Volatility => limit.value <= limit.in_force + LIMIT_KEPT,
            LimitKind::Liquidity | LimitKind::Yield => limit.value >= limit.in_force - LIMIT_KEPT,
        };
    }
    let given_up = aim.given_up(&figures, weights, share);
    let preserved = within_limits && given_up <= plan.rules.given_up_most.to_f64();
    let together = aim.value(&figures, weights, share);
    let said = |value: f64| match aim.objective {
        PodObjective::MaximiseSharpe => format!("{value:.3}"),
        _ => percent(value),
    };
    let what = match aim.objective {
        PodObjective::MinimiseVolatility => "volatility",
        PodObjective::MaximiseAfterTaxYield => "yield after tax",
        PodObjective::MaximiseSharpe => "Sharpe ratio",
        PodObjective::MaximiseReturn => "expected return",
    };
    let words = format!(
        "{}: {what} {} alone, {} here: {} of what it had to lose is given up; its limits {}; its objective is \
         {}preserved.",
        title(pod.terms.pod),
        said(aim.alone),
        said(together),
        percent(given_up),
        if within_limits { "hold" } else { "do not hold" },
        if preserved { "" } else { "not " },
    );
    PodKept {
        pod: pod.terms.pod,
        alone: aim.alone,
        together,
        given_up,
        limits,
        within_limits,
        preserved,
        words,
    }
}

/// The consolidated pods as weights.
fn consolidated(plan: &Plan<'_>) -> Vec<f64> {
    let mut wanted = vec![0.0; plan.candidates.len()];
    for (pod, share) in plan.pods.iter().zip(&plan.shares) {
        for (name, weight) in &pod.solution.weights {
            if let Some(at) = plan.candidates.place(name) {
                wanted[at] += share * weight.to_f64();
            }
        }
    }
    wanted
}

fn terms(plan: &Plan<'_>, found: &Portfolio, weights: &[f64], division: &Division) -> Vec<MasterTerm> {
    let wanted = consolidated(plan);
    let gains_tax = found.trades.as_ref().map_or(0.0, |trades| trades.tax);
    let duplication = |weights: &[f64]| {
        plan.duplicates.iter().zip(weights).map(|(rate, weight)| rate * weight * weight).sum::<f64>()
    };
    let income_tax = |weights: &[f64], least: f64| {
        plan.income_tax.iter().zip(weights).map(|(tax, weight)| (tax - least) * weight).sum::<f64>()
    };
    let beyond = |weights: &[f64]| income_tax(weights, plan.tax_least);
    let term = |term: TermKind, value: f64, consolidated: f64, words: String| MasterTerm {
        term,
        weight: plan.rules.weight(term),
        value,
        consolidated,
        words,
    };
    // The division's rounding may be a little below nothing.
    let lost = if division.loss.abs() < LIMIT_KEPT { division.loss.max(0.0) } else { division.loss };
    let duplicated = duplication(weights);
    let moved = turnover(plan, weights);
    let taxed = income_tax(weights, 0.0);
    vec![
        term(TermKind::Pods, lost, 0.0, format!("pods give up {} of what they had to lose", percent(lost))),
        term(
            TermKind::Duplication,
            duplicated,
            duplication(&wanted),
            format!(
                "{} is the chance that two dollars are in one instrument for different pods",
                percent(duplicated)
            ),
        ),
        term(
            TermKind::Cost,
            moved,
            turnover(plan, &wanted),
            format!("half of all that is bought and sold is {} of the capital", percent(moved)),
        ),
        term(
            TermKind::Tax,
            (beyond(weights) + gains_tax) / plan.tax_scale,
            beyond(&wanted) / plan.tax_scale,
            format!(
                "tax on a year's income, less credits, is {} of the capital, tax on gains of these trades {}",
                percent(taxed),
                percent(gains_tax)
            ),
        ),
    ]
}

fn holdings(plan: &Plan<'_>, units: &[i64], values: &[Money], division: &Division) -> Vec<MasterHolding> {
    let mut pods: Vec<BTreeMap<PodId, Ratio>> = vec![BTreeMap::new(); units.len()];
    for (at, weights) in division.weights.iter().enumerate() {
        for (place, weight) in plan.candidates.reach[at].iter().zip(weights) {
            // The room between pods is not theirs.
            let part = (weight / plan.shares[at]).min(1.0);
            if part > PART_LEAST {
                pods[*place].insert(plan.pods[at].terms.pod, ratio(part));
            }
        }
    }
    let wanted = consolidated(plan);
    let held = (0..plan.candidates.members.len()).filter(|at| units[*at] > 0);
    let holding = |at: usize| MasterHolding {
        instrument: plan.candidates.members[at].name().clone(),
        weight: Ratio::from_raw(units[at]),
        value: values[at],
        consolidated: pods[at].len() > 1,
        pods: std::mem::take(&mut pods[at]),
        wanted: ratio(wanted[at]),
        current: ratio(plan.candidates.current[at]),
    };
    held.map(holding).collect()
}

fn left_out(plan: &Plan<'_>, units: &[i64], held: usize) -> BTreeMap<Name, String> {
    let wanted = consolidated(plan);
    let (least, most) = (plan.rules.weight_least.to_f64(), plan.rules.names_most);
    let out = (0..plan.candidates.members.len()).filter(|at| units[*at] == 0 && wanted[*at] > 0.0);
    let reason = |at: usize| {
        let part = percent(wanted[at]);
        if wanted[at] < least {
            format!("{part} of the capital is less than the {} that is the least to hold", percent(least))
        } else if held >= most {
            format!("its {part} serve the pods less than the {most} that may be held")
        } else {
            format!("its {part} are better held in others, for duplication, trades and tax")
        }
    };
    out.map(|at| (plan.candidates.members[at].name().clone(), reason(at))).collect()
}

/// Parts of lots, as the optimizer sells them; among those at a loss, which are alike to it, the largest loss by unit of
/// value first.
fn sold(plan: &Plan<'_>, found: &Portfolio) -> Vec<SoldLot> {
    let Some(trades) = &found.trades else { return Vec::new() };
    let (lots, held) = (&plan.candidates.lots, plan.problem.held);
    let capital = plan.capital.to_f64();
    let gain = |at: usize| 1.0 - held[at].cost_base.to_f64() / capital / lots[at].1;
    let mut amounts: Vec<f64> = trades.sold_by_lot.clone();
    for instrument in 0..plan.candidates.len() {
        let mut losing: Vec<usize> =
            (0..lots.len()).filter(|at| lots[*at].0 == instrument && gain(*at) < 0.0).collect();
        losing.sort_by(|a, b| gain(*a).total_cmp(&gain(*b)).then(a.cmp(b)));
        let mut left: f64 = losing.iter().map(|at| amounts[*at]).sum();
        for at in losing {
            amounts[at] = left.min(lots[at].1);
            left -= amounts[at];
        }
    }
    let part = |((lot, (_, value)), sold): ((&crate::HeldLot, &(usize, f64)), &f64)| {
        let part = (sold / value).clamp(0.0, 1.0);
        let part = if part > 1.0 - PART_LEAST { 1.0 } else { part };
        (part > PART_LEAST).then(|| SoldLot {
            lot: lot.lot.clone(),
            instrument: lot.instrument.clone(),
            part: ratio(part),
        })
    };
    held.iter().zip(lots).zip(&amounts).filter_map(part).collect()
}

fn explain(portfolio: &MasterPortfolio) -> String {
    let mut lines: Vec<&MasterHolding> = portfolio.holdings.iter().collect();
    lines.sort_by(|a, b| b.weight.cmp(&a.weight).then(a.instrument.cmp(&b.instrument)));
    let lines: Vec<String> =
        lines.iter().map(|line| format!("{} {}", percent(line.weight.to_f64()), line.instrument)).collect();
    let (kept, all) = (portfolio.kept.iter().filter(|kept| kept.preserved).count(), portfolio.kept.len());
    let mut text = format!(
        "{} instruments hold all pods: {}. {kept} of {all} pods keep their objective.",
        lines.len(),
        listed(&lines)
    );
    for reason in &portfolio.cash_reasons {
        text.push_str(&format!(" Some stays cash: {reason}."));
    }
    for (name, reason) in &portfolio.left_out {
        text.push_str(&format!(" {name} is left out: {reason}."));
    }
    text
}
