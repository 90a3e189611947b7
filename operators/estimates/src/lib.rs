//! From closing marks to statistics.
#![warn(missing_docs)]

mod covariance;
mod decayed;
mod error;
mod history;
mod linear;
mod pair_sums;
mod psd;
mod returns;
mod shrinkage;

pub use covariance::{
    DAYS_PER_YEAR, LAMBDA_DAILY, OBSERVATIONS_MIN, annualised, correlation, ewma_covariance, mean_returns,
    sample_covariance,
};
pub use error::EstimateError;
pub use history::History;
pub use psd::{Repair, Repaired, nearest, positive_semi_definite};
pub use returns::{Action, Adjustment, Calendar, LeftOut, Mark, ReturnRule, Returns, daily_returns};
pub use shrinkage::{Shrunk, Target, ledoit_wolf};
