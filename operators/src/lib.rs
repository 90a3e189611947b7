//! What Evenkeel maintains: one folder per collection, each a pure core and a thin dataflow shell.
//!
//! [`dataflow::build`] is the only place where operators are wired together.
#![warn(missing_docs)]

pub mod accruals;
mod by_customer;
pub mod cash;
pub mod cash_ladder;
mod counted;
pub mod dataflow;
mod dated;
pub mod drift;
mod epochwise;
pub mod estimates;
pub mod exposures;
pub mod facts;
pub mod fx;
mod groups;
pub mod harvest;
mod known;
pub mod limits;
pub mod lots;
pub mod monitoring;
pub mod orders;
pub mod positions;
pub mod prices;
mod tally;
pub mod targets;
pub mod tax;
mod told;
pub mod triggers;
mod typedefs;
pub mod valuations;

pub use told::Told;
pub use typedefs::Rows;
