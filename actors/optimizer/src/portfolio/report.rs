//! From an optimum to an answer: everything that is reported is recomputed from the weights and trades.

use super::answer::{ActiveConstraint, Portfolio, Standing, Term, Traded};
use super::measure::Measure;
use super::model::{Label, Model, Side, Solved};
use super::problem::PortfolioProblem;
use super::task::{Goal, Task};
use super::trading::net_capital_gain;
use super::words;
use crate::conic::{Cone, Row};

/// A slack below this is none: a hundredth of a basis point.
const REACHED: f64 = 1e-6;
/// Trades below this are the solver's rounding.
const TRADED: f64 = 1e-7;
/// The least size of an objective against which a gap is measured.
const OBJECTIVE_MIN: f64 = 1e-6;

/// The answer of a solved model; `bound` in the model's terms (see [`from_model`]).
pub(crate) fn report(model: &Model<'_>, solved: &Solved, bound: f64) -> Portfolio {
    let task = model.task;
    let weights = within(task, &solved.weights);
    let trades = traded(model, solved);
    let bound = from_model(model, bound);
    let (objective, terms) = objective(task, &weights, trades.as_ref());
    let mut portfolio = portfolio(task, weights, objective, terms, bound);
    portfolio.trades = trades;
    portfolio.active = active(model, solved);
    portfolio.residuals = Some(solved.residuals);
    portfolio.iterations = solved.optimum.iterations;
    portfolio
}

/// The answer for weights that needed no solver.
pub(crate) fn direct(task: &Task<'_>, weights: Vec<f64>, bound: f64, sweeps: u32) -> Portfolio {
    let (objective, terms) = objective(task, &weights, None);
    let mut portfolio = portfolio(task, weights, objective, terms, bound);
    portfolio.iterations = sweeps;
    portfolio
}

fn portfolio(task: &Task<'_>, weights: Vec<f64>, objective: f64, terms: Vec<Term>, bound: f64) -> Portfolio {
    let problem = task.problem;
    let maximised = matches!(task.goal, Goal::Sharpe { .. } | Goal::Diversification);
    let apart = if maximised { bound - objective } else { objective - bound };
    let has_returns = problem.expected_returns.is_some();
    Portfolio {
        standing: Standing::Optimal,
        objective,
        maximised,
        bound,
        gap: apart.max(0.0) / objective.abs().max(OBJECTIVE_MIN),
        terms,
        expected_return: has_returns.then(|| Measure::Return.value(problem, &weights)),
        volatility: problem.covariance.as_ref().map(|covariance| covariance.variance(&weights).sqrt()),
        risk_shares: risk_shares(problem, &weights),
        trades: None,
        active: Vec::new(),
        residuals: None,
        iterations: 0,
        search: None,
        weights,
    }
}

/// The solver's rounding outside the bounds is taken off.
fn within(task: &Task<'_>, weights: &[f64]) -> Vec<f64> {
    let clamp = |(at, weight): (usize, &f64)| {
        let weight = weight.max(task.lower(at)).min(task.upper(at));
        if weight == 0.0 { 0.0 } else { weight }
    };
    weights.iter().enumerate().map(clamp).collect()
}

/// A bound on the program's objective as one on what is reported.
pub(crate) fn from_model(model: &Model<'_>, bound: f64) -> f64 {
    match model.task.goal {
        Goal::Sum(_) | Goal::Budgets(_) => bound,
        Goal::Sharpe { .. } | Goal::Diversification => {
            if bound > 0.0 {
                model.numerator() / bound.sqrt()
            } else {
                f64::MAX
            }
        }
    }
}

fn risk_shares(problem: &PortfolioProblem, weights: &[f64]) -> Option<Vec<f64>> {
    let covariance = problem.covariance.as_ref()?;
    let variance = covariance.variance(weights);
    let products = covariance.times(weights);
    let shares = products.iter().zip(weights).map(|(product, weight)| product * weight / variance);
    (variance > 0.0).then(|| shares.collect())
}

/// The objective of weights and its terms, by their definitions.
pub(crate) fn objective(task: &Task<'_>, weights: &[f64], trades: Option<&Traded>) -> (f64, Vec<Term>) {
    let problem = task.problem;
    let term = |name: &str, weight: f64, value: f64| Term { name: name.to_owned(), weight, value };
    let volatility = Measure::Volatility.value(problem, weights);
    let mut terms: Vec<Term> = Vec::new();
    match &task.goal {
        Goal::Sum(measures) => {
            for (weight, measure) in measures {
                let sign = if measure.maximised() { -weight } else { *weight };
                terms.push(term(measure.name(), sign, measure.value(problem, weights)));
            }
            if let Some(costs) = &problem.costs {
                let spent = trades.map_or(0.0, |trades| trades.cost);
                terms.push(term("trading costs", costs.weight, spent));
                let current = problem.current.as_deref().unwrap_or_default();
                let apart = weights.iter().zip(current).map(|(w, v)| (w - v) * (w - v));
                let impact: f64 = costs.quadratic.iter().zip(apart).map(|(rate, square)| rate * square).sum();
                if !costs.quadratic.is_empty() {
                    terms.push(term("market impact", costs.weight, impact));
                }
            }
            if let Some(tax) = &problem.tax {
                terms.push(term("capital gains tax", tax.weight, trades.map_or(0.0, |trades| trades.tax)));
            }
        }
        Goal::Sharpe { risk_free } => {
            let off = trades.map_or(0.0, |trades| trades.cost + trades.tax);
            let excess = Measure::Return.value(problem, weights) - risk_free - off;
            terms = vec![term("excess return", 1.0, excess), term("volatility", 1.0, volatility)];
            return (if volatility > 0.0 { excess / volatility } else { 0.0 }, terms);
        }
        Goal::Diversification => {
            let variances = problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
            let average: f64 = variances.iter().zip(weights).map(|(v, w)| v.sqrt() * w).sum();
            terms = vec![term("average volatility", 1.0, average), term("volatility", 1.0, volatility)];
            return (if volatility > 0.0 { average / volatility } else { 0.0 }, terms);
        }
        Goal::Budgets(budgets) => {
            // The least over all multiples of the weights.
            let variances = problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
            let average = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
            let logs = budgets.iter().zip(weights).map(|(b, w)| b * w.max(f64::MIN_POSITIVE).ln());
            terms.push(term("half", 1.0, 0.5));
            let relative = (volatility / average.sqrt()).max(f64::MIN_POSITIVE);
            terms.push(term("logarithm of the relative volatility", 1.0, relative.ln()));
            terms.push(term("budgeted logarithms of the weights", -1.0, logs.sum()));
        }
    }
    (terms.iter().map(|term| term.weight * term.value).sum(), terms)
}

/// The trades of a solved model.
pub(crate) fn traded(model: &Model<'_>, solved: &Solved) -> Option<Traded> {
    let trades = model.trades.as_ref()?;
    let problem = model.task.problem;
    let at = |column: &Option<usize>| {
        column.map_or(0.0, |column| (solved.optimum.primal[column] / solved.scale).max(0.0))
    };
    let mut bought: Vec<f64> = trades.bought.iter().map(at).collect();
    let sold_by_lot: Vec<f64> = trades.lots.iter().map(at).collect();
    let mut sold: Vec<f64> = trades.sold.iter().map(at).collect();
    let lots = problem.tax.as_ref().map_or(&[][..], |tax| &tax.lots);
    for (lot, amount) in lots.iter().zip(&sold_by_lot) {
        sold[lot.instrument] += amount;
    }
    // What is bought and sold at once without parcels is nothing, unless the portfolio pays for it.
    let free = |at: &usize| !trades.paid && !lots.iter().any(|lot| lot.instrument == *at);
    for at in (0..sold.len()).filter(free) {
        let both = sold[at].min(bought[at]);
        sold[at] -= both;
        bought[at] -= both;
    }
    let each: Vec<f64> = bought.iter().zip(&sold).map(|(bought, sold)| bought + sold).collect();
    let costs = problem.costs.as_ref();
    let linear = costs.map_or(0.0, |costs| super::measure::dot(&costs.linear, &each));
    let fixed = costs.map_or(&[][..], |costs| &costs.fixed).iter().zip(&each);
    let fixed: f64 = fixed.filter(|(_, traded)| **traded > TRADED).map(|(fixed, _)| fixed).sum();
    let gain = problem.tax.as_ref().map_or(0.0, |tax| net_capital_gain(tax, &sold_by_lot));
    let rate = problem.tax.as_ref().map_or(0.0, |tax| tax.rate);
    Some(Traded {
        turnover: 0.5 * each.iter().sum::<f64>(),
        cost: linear + fixed,
        net_capital_gain: gain,
        tax: rate * gain,
        bought,
        sold,
        sold_by_lot,
    })
}

/// Rows that are met with equality, by their labels.
fn active(model: &Model<'_>, solved: &Solved) -> Vec<ActiveConstraint> {
    let x = &solved.optimum.primal;
    let value = |terms: &[(usize, f64)]| terms.iter().map(|(column, c)| c * x[*column]).sum::<f64>();
    let slack = |row: &Row| row.bound - value(&row.terms);
    let program = &model.program;
    let mut duals = solved.optimum.dual.iter().copied();
    let mut rows: Vec<(Option<Label>, f64, f64)> = Vec::new();
    let mut next = || duals.next().unwrap_or(0.0);
    for (row, label) in program.equalities.iter().zip(&model.labels.equal) {
        rows.push((*label, slack(row), next()));
    }
    for (row, label) in program.inequalities.iter().zip(&model.labels.most) {
        rows.push((*label, slack(row), next()));
    }
    for (cone, label) in program.cones.iter().zip(&model.labels.cones) {
        let values = cone.rows().iter().map(|row| value(&row.terms) + row.constant).collect::<Vec<f64>>();
        let first = next();
        let _rest: f64 = (1..values.len()).map(|_| next()).sum();
        if let (Cone::SecondOrder(_), [limit, rest @ ..]) = (cone, values.as_slice()) {
            rows.push((*label, limit - super::measure::dot(rest, rest).sqrt(), first));
        }
    }
    let per_unit = price_unit(model, solved);
    let reached = rows.into_iter().filter_map(|(label, slack, dual)| {
        let label = label.filter(|_| slack / solved.scale <= REACHED)?;
        // A multiplier of an equality has the sign of what relaxing takes off the objective.
        let price = match label.side {
            Side::Equal => -dual * per_unit,
            Side::Lower | Side::Upper => (dual * label.factor * per_unit).max(0.0),
        };
        let price = if price == 0.0 { 0.0 } else { price };
        let (name, limit, words) = words::active(model.task, &label, price);
        Some(ActiveConstraint { name, limit, shadow_price: price, words })
    });
    reached.collect()
}

/// Change of the objective by change of the program's objective, at the optimum. A ratio is `m / √f`.
fn price_unit(model: &Model<'_>, solved: &Solved) -> f64 {
    match model.task.goal {
        Goal::Sum(_) => 1.0,
        Goal::Budgets(_) => solved.scale,
        Goal::Sharpe { .. } | Goal::Diversification => {
            let variance = solved.optimum.objective.max(f64::MIN_POSITIVE);
            0.5 * model.numerator() * variance.powf(-1.5) * solved.scale
        }
    }
}
