//! The efficient frontier: for returns from that of the least variance to the greatest, the least variance.

use super::answer::{Portfolio, PortfolioError};
use super::measure::Measure;
use super::problem::{Objective, PortfolioProblem, Rule, SearchLimits};
use super::solve::{construct, solve};
use super::task::{Goal, Task};

/// Portfolios with the least variance at `points` expected returns in equal steps, least return first. The
/// problem's own objective does not matter. The shadow price of `target return` is the slope of the variance.
///
/// # Errors
/// As [`construct`]; [`PortfolioError::Invalid`] for fewer than two points.
pub fn efficient_frontier(
    problem: &PortfolioProblem,
    points: usize,
    limits: &SearchLimits,
) -> Result<Vec<Portfolio>, PortfolioError> {
    if points < 2 {
        return Err(PortfolioError::Invalid(format!(
            "expected at least 2 points of a frontier, got {points}"
        )));
    }
    let with = |objective: Objective| PortfolioProblem { objective, ..problem.clone() };
    let greatest = construct(&with(Objective::Weighted(vec![(1.0, Measure::Return)])), limits)?;
    let variance = with(Objective::MinimumVariance);
    let safest = construct(&variance, limits)?;
    let (least, most) = (returned(&safest), returned(&greatest));
    let mut frontier = vec![safest];
    for point in 1..points {
        let share = point as f64 / (points - 1) as f64;
        // The greatest return itself leaves the solver no room.
        let target = (least + share * (most - least)).min(most - 1e-9 * most.abs().max(1e-3));
        let rule = Rule::return_at_least(target);
        let task = Task::new(&variance, Goal::Sum(vec![(1.0, Measure::Variance)]));
        frontier.push(solve(&task.with("target return", rule), limits)?);
    }
    Ok(frontier)
}

fn returned(portfolio: &Portfolio) -> f64 {
    portfolio.expected_return.unwrap_or(0.0)
}
