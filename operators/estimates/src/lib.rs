//! From closing marks to statistics: what risk and the optimizer estimate their inputs with.
//!
//! ```text
//! marks, splits, distributions ──► daily_returns ──► Returns ──► covariance ──► Σ, mended, with what was left out
//!                                                       │             └───────► statistical_factors, regressed_factors
//!                                                       └──► History: a day added, corrected or taken back in O(n²)
//! μ, Σ, market weights ──► james_stein, bayes_stein, capm_returns, equilibrium_returns ──► black_litterman with views
//! distributions, price ──► trailing_income: yield, franking, what is left after tax
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `returns` | simple daily returns on a common calendar; the rule for gaps, and what was left out |
//! | `estimate` | which days and instruments take part, by which estimator |
//! | `covariance`, `shrinkage` | sample, exponentially weighted, Ledoit-Wolf |
//! | `psd` | whether a matrix is positive semi-definite, and the nearest that is |
//! | `history` | rows that are kept up; its sums are exact (`pair_sums`) or by block (`decayed`) |
//! | `factors` | `B F Bᵀ + D` by principal components or from factors given |
//! | `expected`, `black_litterman` | expected returns |
//! | `yields` | trailing income, exact |
//! | `linear` | nalgebra behind two functions, products in a fixed order |
//!
//! Units: returns are simple and daily, covariances per day unless a name says annual, [`DAYS_PER_YEAR`] sessions a year.
//! Statistics are f64 in ndarray; what is money is exact. Matrices are instrument by instrument, returns day by
//! instrument. The same input gives the same bits on every machine, and no result is ever NaN: what cannot be
//! estimated is an [`EstimateError`].
//!
//! Pure: no dataflow, no I/O, no clock, no threads, no random source.
#![warn(missing_docs)]

mod black_litterman;
mod covariance;
mod decayed;
mod error;
mod estimate;
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
pub use estimate::{Covariance, CovarianceSettings, Estimator, Overlap, covariance};
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
