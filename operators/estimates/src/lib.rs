//! From closing marks to statistics: what risk and the optimizer estimate their inputs with.
//!
//! ```text
//! marks, splits, distributions ── daily_returns ──► Returns
//! Returns ── covariance ──► Σ, mended where it has to be, with what was left out
//! Returns ── History ──► the same kept up: a day is added, corrected or taken back in O(n²)
//! Returns ── market_risk ──► pairs, or factors where there are many; betas, means drawn together
//! Σ ── statistical_factors, or returns of factors ── regressed_factors ──► B, F, D
//! means, Σ ── james_stein, bayes_stein ──► expected returns
//! Σ, market weights ── capm_returns, equilibrium_returns ── black_litterman with views ──► expected returns
//! distributions, price ── trailing_income ──► yield, franking, what is left after tax
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `returns` | simple daily returns on a common calendar; the rule for gaps |
//! | `left_out` | what was left out on the way, and why |
//! | `estimate` | which days and instruments take part, by which estimator |
//! | `covariance`, `shrinkage` | sample, exponentially weighted, Ledoit-Wolf |
//! | `pairs` | how two instruments move together |
//! | `psd` | whether a matrix is positive semi-definite, and the nearest that is |
//! | `history` | rows that are kept up; its sums are exact (`pair_sums`) or by block (`decayed`) |
//! | `factors` | `B F Bᵀ + D` by principal components or from factors given |
//! | `asymptotic` | the same from returns with gaps, of more instruments than days |
//! | `market` | the estimates of a market, as collections and constructions have them |
//! | `expected`, `black_litterman` | expected returns |
//! | `yields` | trailing income, exact |
//! | `linear` | nalgebra behind two functions, products in a fixed order |
//!
//! Units: returns are simple and daily, covariances per day unless a name says annual, [`DAYS_PER_YEAR`]
//! sessions a year. Statistics are f64 in ndarray; what is money is exact. Matrices are instrument by
//! instrument, returns day by instrument. The same input gives the same bits on every machine, and no result
//! is ever NaN: what cannot be estimated is an [`EstimateError`].
//!
//! ```
//! use evenkeel_estimates::{
//!     CovarianceSettings, DAYS_PER_YEAR, Mark, ReturnRule, covariance, daily_returns,
//! };
//! use evenkeel_schemas::InstrumentId;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Up 1% and down 1% in turn, for two months and a half.
//! let mut marks = Vec::new();
//! for day in 0..75 {
//!     let date = format!("2026-{:02}-{:02}", 1 + day / 25, 1 + day % 25).parse()?;
//!     let price = if day % 2 == 0 { "100" } else { "101" }.parse()?;
//!     marks.push(Mark { instrument: InstrumentId(0), date, price });
//! }
//! let returns = daily_returns(&marks, &[], &ReturnRule::default())?;
//! let found = covariance(&returns, &CovarianceSettings::default())?;
//! assert_eq!((found.observations, found.left_out.len()), (74, 0));
//! let volatility = found.volatilities(DAYS_PER_YEAR)?[0];
//! assert!((volatility - 0.01 * 252_f64.sqrt()).abs() < 0.001);
//! # Ok(())
//! # }
//! ```
//!
//! Pure: no dataflow, no I/O, no clock, no threads, no random source.
#![warn(missing_docs)]

mod asymptotic;
mod black_litterman;
mod covariance;
mod decayed;
mod error;
mod estimate;
mod expected;
mod factors;
mod history;
mod left_out;
mod linear;
#[cfg(test)]
mod made_up;
mod market;
mod pair_sums;
mod pairs;
mod psd;
mod returns;
mod shrinkage;
mod yields;

pub use asymptotic::principal_factors;
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
pub use left_out::LeftOut;
pub use market::{DAYS_STALE, PAIRS_MOST, Risk, RiskModel, SESSIONS, market_risk};
pub use pairs::PairMoments;
pub use psd::{Repair, Repaired, nearest, positive_semi_definite};
pub use returns::{
    Action, Adjustment, Calendar, DayMarks, Mark, ReturnRule, Returns, close_to_close, daily_returns,
    majority,
};
pub use shrinkage::{Shrunk, Target, ledoit_wolf};
pub use yields::{Income, Payment, SplitRatio, trailing_income, yield_and_franked};
