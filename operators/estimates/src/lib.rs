//! From closing marks to statistics.
#![warn(missing_docs)]

mod black_litterman;
mod covariance;
mod decayed;
mod error;
mod expected;
mod factors;
mod history;
mod linear;
mod pair_sums;
mod psd;
mod returns;
mod shrinkage;
mod yields;

pub use black_litterman::{Confidence, Equilibrium, Posterior, View, Weighted, black_litterman};
pub use covariance::{
    DAYS_PER_YEAR, LAMBDA_DAILY, OBSERVATIONS_MIN, annualised, correlation, ewma_covariance, mean_returns,
    sample_covariance,
};
pub use error::EstimateError;
pub use expected::{
    BayesStein, ShrunkMeans, Towards, bayes_stein, capm_returns, equilibrium_returns, implied_weights,
    james_stein, risk_aversion,
};
pub use factors::{
    FactorCount, FactorModel, RegressedFactors, StatisticalFactors, regressed_factors, statistical_factors,
};
pub use history::History;
pub use psd::{Repair, Repaired, nearest, positive_semi_definite};
pub use returns::{Action, Adjustment, Calendar, LeftOut, Mark, ReturnRule, Returns, daily_returns};
pub use shrinkage::{Shrunk, Target, ledoit_wolf};
pub use yields::{Income, Payment, SplitRatio, trailing_income};
