//! Monte Carlo of money on its way to a goal.
//!
//! Monthly steps of lognormal growth, antithetic pairs, seeded ChaCha8 streams. Bit for bit the same on any
//! machine: elementary functions come from `libm` (pinned by the lock file), sums run in a fixed order, and
//! no multiplication is fused with an addition.

mod draws;
mod normal;
mod outcome;
mod problem;
mod purse;
mod shared;
#[cfg(test)]
mod tests;

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

pub use draws::Chance;
pub(crate) use draws::{Monthly, Streams, each_path};
pub use outcome::{Percentile, Probability, Spread};
pub(crate) use outcome::{Tally, spread};
pub use problem::{Funding, GoalPlan, MONTHS_MOST, Mix, PATHS_MOST, PlanError, Savings, Timing};
pub(crate) use problem::{check_months, to_money, to_ratio};
pub(crate) use purse::Course;
pub use shared::{Claim, ClaimOutcome, SharedOutcome, SharedPlan, simulate_shared};

/// What a simulation of one goal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Months simulated.
    pub months: u32,
    /// The goal's amount at its date, prices risen.
    pub target_at_date: Money,
    /// How probable it is that as much is there, taxed.
    pub probability: Probability,
    /// What is there at the date, after fees and tax.
    pub end: Spread,
}

/// Simulates one goal.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn simulate(plan: &GoalPlan, chance: Chance) -> Result<Outcome, PlanError> {
    run(plan, chance, Streams::Search)
}

/// Simulates one goal on the streams asked for.
pub(crate) fn run(plan: &GoalPlan, chance: Chance, streams: Streams) -> Result<Outcome, PlanError> {
    plan.check()?;
    chance.check()?;
    let course = Course::of(&plan.funding, plan.months);
    let target = plan.target.to_f64() * course.prices(plan.months);
    let saved = plan.funding.savings.amount.to_f64();
    let (mut tally, mut ends) = (Tally::default(), Vec::with_capacity(chance.paths as usize));
    each_path(chance, streams, Monthly::of(&plan.funding.mix), plan.months, |growth| {
        let end = course.end(saved, growth);
        tally.add(end >= target);
        ends.push(end);
    });
    Ok(Outcome {
        months: plan.months,
        target_at_date: to_money("the target at its date", target)?,
        probability: tally.probability()?,
        end: spread(&mut ends)?,
    })
}
