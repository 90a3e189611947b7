//! Rebalance to target: from positions, prices, targets and limits to whole-lot orders.
//!
//! Computes  the orders that bring a portfolio back to its targets at least distance plus cost
//! Inputs    [`RebalanceProblem`]: exact numbers, base currency; one candidate an instrument
//! Outputs   [`RebalanceSolution`]: orders, standings before and after, what stays outside, optimality gap
//! Units     weights are shares of the NAV; the objective is in squared weights (see [`RebalanceProblem`])
//! Errors    [`Infeasible`] with every reason found; [`SolverFailure`] in words
//! Cost      one sparse QP of 3 columns an instrument, then about one pass over all instruments a repair
//! Source    mean-variance-free tracking with linear costs: Boyd et al., "Multi-Period Trading via Convex
//!           Optimization" (2017), sections 4.2 and 4.5 (holding and trading constraints); rounding: DESIGN.md 14.7

mod book;
mod problem;
mod reason;
mod relaxed;
mod report;
mod round;
mod solution;
#[cfg(test)]
mod tests;
mod validate;

pub use problem::{Candidate, Costs, RebalanceProblem};
pub use reason::{Infeasible, Reason, RebalanceError};
pub use solution::{
    Cause, Limit, ObjectiveTerms, Outside, ProposedOrder, RebalanceSolution, Remaining, Side, Standing,
    Status, Summary,
};

use evenkeel_schemas::Money;

use crate::conic::{Limits, SolverFailure};
use book::Book;
use relaxed::NoOptimum;
use round::Plan;

/// The plan that brings a portfolio back to target.
///
/// Cash after all orders at their limits and all commissions is never below `cash_min`; sells are never more
/// than sellable; every order is a whole number of lots. A plan is returned only when it is better than doing
/// nothing, or when doing nothing leaves cash, turnover or a mandate bound broken.
///
/// # Errors
/// [`RebalanceError::Infeasible`] with the constraints that cannot hold together, [`RebalanceError::Solver`]
/// when the solver ended without an answer at full accuracy.
pub fn rebalance(problem: &RebalanceProblem, limits: &Limits) -> Result<RebalanceSolution, RebalanceError> {
    let infeasible = |reasons| RebalanceError::Infeasible(Infeasible { reasons });
    let book = Book::new(problem).map_err(infeasible)?;
    let relaxed = match relaxed::relax(&book, limits) {
        Ok(relaxed) => relaxed,
        Err(NoOptimum::Infeasible(reasons)) => return Err(infeasible(reasons)),
        Err(NoOptimum::Failed(failure)) => return Err(failure.into()),
    };
    let before = Plan::empty(&book);
    let mut plan = Plan::rounded(&book, &relaxed.traded);
    if !plan.raise_cash(limits.repairs_max) {
        if plan.repairs >= limits.repairs_max {
            return Err(SolverFailure::RepairLimit(limits.repairs_max).into());
        }
        let money = |raw| Money::from_wide(raw).unwrap_or(Money::MAX);
        let (cash, cash_min) = (money(plan.cash()), problem.cash_min);
        return Err(infeasible(vec![Reason::CashBetweenLots { cash, cash_min }]));
    }
    plan.improve(limits.repairs_max);
    let better = !before.feasible() || plan.score().better_than(before.score());
    let chosen = if better { &plan } else { &before };
    report::report(&book, &relaxed, chosen, &before).map_err(|reason| infeasible(vec![reason]))
}
