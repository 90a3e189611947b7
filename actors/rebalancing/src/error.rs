//! Why there is no plan, in words.

use evenkeel_calendar::CalendarError;
use evenkeel_optimizer::SolverFailure;
use evenkeel_schemas::{Money, Ratio};
use evenkeel_tax::TaxError;

/// Why there is no plan. Nothing is traded, and nothing is guessed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// What was given makes no sense; everything that was found.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
    /// Limits cannot hold together; each in words.
    #[error("no plan is possible: {}", .0.join("; "))]
    Infeasible(Vec<String>),
    /// The optimizer gave no answer.
    #[error("the optimizer gave no answer: {0}")]
    Solver(#[from] SolverFailure),
    /// The tax on a sale cannot be worked out.
    #[error("tax: {0}")]
    Tax(#[from] TaxError),
    /// The market's calendar does not know the days.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// The optimizer's orders did not pass the second check: an incident.
    #[error("the orders did not pass the second check: {}", .0.join("; "))]
    Refused(Vec<String>),
}

/// One thing that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No cash and no positions.
    #[error("there is no cash and nothing is held: there is nothing to plan")]
    Empty,
    /// Net asset value of nothing or less.
    #[error("net asset value is {0} after all flows: weights are undefined")]
    NoValue(Money),
    /// Something held has no price or exchange rate.
    #[error("{0} is held and has no usable price or exchange rate")]
    NoPrice(String),
    /// Something with a target has no price or exchange rate.
    #[error("{0} has a target and no usable price or exchange rate")]
    TargetNoPrice(String),
    /// An instrument is listed twice.
    #[error("{0} is listed twice")]
    Twice(String),
    /// Targets add up to more than all, or to less than their least.
    #[error("targets sum to {sum}; expected {expected}")]
    Targets {
        /// Their sum.
        sum: Ratio,
        /// What was expected.
        expected: &'static str,
    },
    /// A number outside its range.
    #[error("{what} is {got}; expected {expected}")]
    Range {
        /// Which.
        what: String,
        /// What it is.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A setting outside its range.
    #[error("{name} is {got}; expected {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What it is.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Something named that the portfolio does not have.
    #[error("{what} names {missing}, which is not in the portfolio")]
    Unknown {
        /// Who names it.
        what: String,
        /// What is named.
        missing: String,
    },
    /// Parcels that do not add up to the position.
    #[error("parcels of {name} sum to {parcels} units, {held} are held")]
    Parcels {
        /// The instrument.
        name: String,
        /// What is held.
        held: String,
        /// The parcels' sum.
        parcels: String,
    },
    /// No reason was given.
    #[error("no reason to plan was given")]
    NoReason,
    /// Amounts beyond what can be held exactly.
    #[error("{0} is beyond what can be computed exactly")]
    TooLarge(String),
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
