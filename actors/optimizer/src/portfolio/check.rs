//! A second opinion on an answer: which constraints its weights break, with code that shares nothing with the
//! model.

use serde::{Deserialize, Serialize};

use super::answer::{Portfolio, Traded};
use super::problem::{Paid, PortfolioProblem, Rule};
use super::task::{Goal, Named, Task};
use super::words::describe;

/// A constraint that weights break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokenConstraint {
    /// Its name.
    pub name: String,
    /// By how much, in the units of its limit.
    pub by: f64,
}

/// The constraints of the problem, not those of its objective, that a portfolio breaks by more than a tolerance.
pub fn check_portfolio(
    problem: &PortfolioProblem,
    portfolio: &Portfolio,
    tolerance: f64,
) -> Vec<BrokenConstraint> {
    let task = Task::new(problem, Goal::Sum(Vec::new()));
    if portfolio.weights.len() != problem.names.len() {
        return vec![BrokenConstraint { name: "one weight an instrument".to_owned(), by: f64::MAX }];
    }
    broken(&task, &portfolio.weights, portfolio.trades.as_ref(), tolerance)
}

/// The constraints of a task that weights break. Without trades, those are the changes of the weights.
pub(crate) fn broken(
    task: &Task<'_>,
    weights: &[f64],
    trades: Option<&Traded>,
    tolerance: f64,
) -> Vec<BrokenConstraint> {
    let problem = task.problem;
    let current = problem.current.as_deref().unwrap_or_default();
    let change = |at: usize| (weights[at] - current.get(at).copied().unwrap_or(0.0)).abs();
    let traded: Vec<f64> = (0..weights.len())
        .map(|at| trades.map_or_else(|| change(at), |trades| trades.bought[at] + trades.sold[at]))
        .collect();
    let mut broken = Vec::new();
    let mut add = |named: Named, by: f64| {
        // Not a number is no number that keeps a limit.
        if by > tolerance || by.is_nan() {
            broken.push(BrokenConstraint { name: describe(task, named).name, by });
        }
    };
    for (at, bounds) in problem.bounds.iter().enumerate() {
        add(Named::Lower(at), bounds.lower - weights[at]);
        add(Named::Upper(at), weights[at] - bounds.upper);
    }
    let cost = match &problem.costs {
        Some(costs) if costs.paid == Paid::FromPortfolio => {
            let linear: f64 = costs.linear.iter().zip(&traded).map(|(rate, traded)| rate * traded).sum();
            let fixed = costs.fixed.iter().zip(&traded).filter(|(_, traded)| **traded > 1e-7);
            linear + fixed.map(|(fixed, _)| fixed).sum::<f64>()
        }
        _ => 0.0,
    };
    add(Named::Budget, (weights.iter().sum::<f64>() + cost - problem.invested).abs());
    for (number, constraint) in &task.rules {
        for by in excesses(problem, &constraint.rule, weights, &traded, tolerance) {
            add(Named::Rule(*number), by);
        }
    }
    broken
}

/// By how much each side of a rule is broken; negative where it is kept.
fn excesses(
    problem: &PortfolioProblem,
    rule: &Rule,
    weights: &[f64],
    traded: &[f64],
    tolerance: f64,
) -> Vec<f64> {
    match rule {
        Rule::Linear { coefficients, lower, upper } => {
            let sum: f64 = coefficients.iter().map(|(at, coefficient)| coefficient * weights[*at]).sum();
            lower.map(|lower| lower - sum).into_iter().chain(upper.map(|upper| sum - upper)).collect()
        }
        Rule::Excluded(instruments) => instruments.iter().map(|at| weights[*at].abs()).collect(),
        Rule::Limit { measure, limit } => {
            let value = measure.value(problem, weights);
            vec![if measure.maximised() { limit - value } else { value - limit }]
        }
        Rule::Turnover { most } => vec![0.5 * traded.iter().sum::<f64>() - most],
        Rule::Liquidity { most } => traded.iter().zip(most).map(|(traded, most)| traded - most).collect(),
        Rule::Names { most, least } => {
            let held: Vec<f64> = weights.iter().copied().filter(|weight| weight.abs() > tolerance).collect();
            let least = held.iter().map(|weight| least - weight);
            let count = held.len() as f64 - *most as f64;
            [count].into_iter().chain(least).collect()
        }
    }
}
