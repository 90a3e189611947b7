//! The four pod problems: each by itself, from a market state to weights.

mod limits;
mod problem;
mod review;
mod solution;

pub use problem::{PodProblem, solve_pod};
pub use review::{breaker_tripped, due};
pub use solution::{Figures, LimitKept, LimitKind, PodError, PodSolution};

pub(crate) use problem::{Universe, second_look, sharpe, taxed, title};
