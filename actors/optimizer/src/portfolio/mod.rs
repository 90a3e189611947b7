//! Portfolio construction: `PortfolioProblem -> Portfolio | PortfolioError`, weights in and out.
//!
//! All figures are `f64` ratios of the portfolio's value: statistics come in as such, and whole lots are made of
//! the weights by `rebalance`. The same problem gives the same bytes, but for the time limit of a search.
//!
//! | module | what it is |
//! |---|---|
//! | `problem`, `measure` | what is asked: objectives, constraints, costs, parcels, all data |
//! | `covariance`, `linear_algebra` | a matrix that is known to be a covariance, dense or by factors |
//! | `validate` | what makes no sense, refused with a reason |
//! | `task` | an objective as sums and ratios of measures, with its rules |
//! | `model`, `rules`, `trading`, `goal` | the conic program: columns, rules, trades with costs and tax, objective |
//! | `solve`, `tail` | which way each objective goes; which scenarios need rows |
//! | `budget`, `hierarchy` | risk budgeting by coordinate descent; hierarchical risk parity |
//! | `sleeves` | a portfolio that several aims share, divided at the least loss |
//! | `search`, `swap`, `perspective`, `tighten` | who is held and what is traded: branch and bound with a proved gap |
//! | `frontier` | the efficient frontier |
//! | `answer`, `report`, `words` | weights, terms, active constraints with shadow prices, in numbers and words |
//! | `conflict` | a smallest set of constraints that cannot hold together |
//! | `check` | which constraints given weights break, by code of its own |

mod answer;
mod budget;
mod check;
mod conflict;
mod covariance;
mod frontier;
mod goal;
mod hierarchy;
mod linear_algebra;
mod measure;
mod model;
mod perspective;
mod problem;
mod report;
mod rules;
mod search;
mod sleeves;
mod solve;
mod swap;
mod tail;
mod task;
#[cfg(test)]
mod tests;
mod tighten;
mod trading;
mod validate;
mod words;

pub use answer::{
    ActiveConstraint, Conflict, ConflictingConstraint, Portfolio, PortfolioError, Search, Standing, Term,
    Traded,
};
pub use check::{BrokenConstraint, check_portfolio};
pub use covariance::{Covariance, CovarianceError};
pub use frontier::efficient_frontier;
pub use hierarchy::{Distance, HierarchicalWeights, Hierarchy, Linkage, hierarchical_weights};
pub use measure::{Measure, after_tax_yield, value_at_risk};
pub use problem::{
    Bounds, CapitalGainsTax, Constraint, Objective, Paid, PortfolioProblem, Priority, Rule, SearchLimits,
    TaxLot, TradingCosts, Uncertainty,
};
pub use sleeves::{Division, Sleeve, SleeveLimit, divide};
pub use solve::construct;
