//! Steps 4 to 7 in one function: pod weights, market and holdings in; targets and whole-lot orders out.
//!
//! ```text
//! pod weights, capital ──► pods (shared by a cohort) ──► consolidated ──► master ──► tax ──► targets, orders
//! ```
//!
//! Each stage's output is whole and can be kept as it is; [`Construction::events`] says the same in the flow's event
//! types.

mod events;
mod orders;
mod request;

pub use events::{Origin, targets_id};
pub use orders::Trading;
pub use request::{Construction, FlowError, PodStage, Request, construct_portfolio, search_limits};
