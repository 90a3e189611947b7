//! The optimizer: `Problem -> Solution | Infeasible(reasons)`, and nothing else.
//!
//! Pure: no actor, no I/O, no clock (the solver's time limit apart). The same problem gives the same bytes.
//! Exact numbers come in and go out; `f64` lives only between those edges, normalised by the net asset value.
//!
//! | module | what it is |
//! |---|---|
//! | `conic` | a convex program over cones in words, solved by Clarabel, every status matched |
//! | `kkt` | how nearly an optimum satisfies the conditions of optimality, by code of its own |
//! | `rebalance` | the first program: back to target in whole lots |
//! | `check` | a second opinion on a rebalance, with code of its own, for the gate |
//! | [`portfolio`] | which weights: objectives, constraints, costs, tax, cardinality |
//!
//! A further program is a further folder beside these, over the same `conic`.
#![warn(missing_docs)]

mod check;
mod conic;
mod kkt;
pub mod portfolio;
mod rebalance;

pub use check::check_rebalance;
pub use conic::{Limits, SolverFailure};
pub use kkt::Residuals;
pub use rebalance::{
    Candidate, Cause, Costs, Infeasible, Limit, ObjectiveTerms, Outside, ProposedOrder, Reason,
    RebalanceError, RebalanceProblem, RebalanceSolution, Remaining, Side, Standing, Status, Summary,
    rebalance,
};
