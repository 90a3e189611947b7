//! Whole-program benches: what Evenkeel claims about its speed, measured from outside.
//!
//! Each bench checks its own output before it gives a number, and gives a [`Report`]: commit, machine, load,
//! date, data, seed, and every figure as the median of its runs with the least and the most. How to run them,
//! what each figure should cost and why it does not, stands in `docs/speed.md`.
#![warn(missing_docs)]

pub mod append;
mod catch_up;
mod failure;
pub mod latency;
mod machine;
mod program;
pub mod replay;
mod report;
pub mod sink;
mod threads;

pub use failure::{Failure, check};
pub use program::Program;
pub use report::{Figure, Report, Scale};
