//! A customer: whether to trade, and what.
//!
//! Three pure steps. [`prepare`] looks at what the log knows of the customer and at a snapshot: nothing to
//! say, a hold with its reason, or what a plan is made from. The plan is made elsewhere, by
//! `evenkeel_rebalancing::plan`, as a dry run is. [`conclude`] turns it into a decision, after the gate has worked
//! it out a second time. Only the logged decision is acted on; its id derives from the triggers and from how many
//! logged decisions answered them before.

mod conclude;
mod decision;
mod prepare;
mod state;
#[cfg(test)]
mod tests;

pub use conclude::{SolverAnswer, conclude};
pub use decision::Refusal;
pub use prepare::{Prepared, prepare};
pub use state::{Answered, CustomerState};

pub(crate) use conclude::lost;
