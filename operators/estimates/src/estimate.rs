//! From a table of returns to the covariance that production uses: which days and instruments take part, by
//! which estimator, mended where it has to be, with what was left out.

use evenkeel_schemas::{InstrumentId, TradeDate};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::covariance::{
    LAMBDA_DAILY, OBSERVATIONS_MIN, annualised, deviations, ewma_covariance, sample_covariance,
};
use crate::error::EstimateError;
use crate::history::History;
use crate::left_out::LeftOut;
use crate::psd::{Repair, nearest};
use crate::returns::Returns;
use crate::shrinkage::{Target, ledoit_wolf};

/// How a covariance is estimated.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// The sample covariance, (T − 1)-denominator.
    Sample,
    /// Exponentially weighted about zero, with this daily decay.
    Ewma(f64),
    /// The sample drawn towards a target.
    LedoitWolf(Target),
}

/// Which days take part when histories differ.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Those on which every instrument has a return, see [`Returns::common`].
    #[default]
    Common,
    /// For each two instruments those on which both have one, see [`Returns::pairwise`].
    Pairwise,
}

/// What is asked.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CovarianceSettings {
    /// How.
    pub estimator: Estimator,
    /// From which days.
    pub overlap: Overlap,
    /// The least days in common, at least 2.
    pub observations_min: usize,
    /// How a matrix that is not positive semi-definite is mended.
    pub repair: Repair,
}

impl Default for CovarianceSettings {
    /// Exponentially weighted with λ = 0.94, over common days, of which at least 60.
    fn default() -> CovarianceSettings {
        CovarianceSettings {
            estimator: Estimator::Ewma(LAMBDA_DAILY),
            overlap: Overlap::Common,
            observations_min: OBSERVATIONS_MIN,
            repair: Repair::Higham,
        }
    }
}

/// A covariance and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    /// Rows and columns are in this order.
    pub instruments: Vec<InstrumentId>,
    /// Per day; positive semi-definite up to rounding, symmetric to the bit.
    pub daily: Array2<f64>,
    /// The fewest days that any entry is from.
    pub observations: usize,
    /// The first and the last day.
    pub days: (TradeDate, TradeDate),
    /// How far the sample was drawn towards the target, of Ledoit and Wolf.
    pub shrinkage: Option<f64>,
    /// The least eigenvalue before it was mended, if it had to be.
    pub mended: Option<f64>,
    /// What did not take part.
    pub left_out: Vec<LeftOut>,
}

impl Covariance {
    /// Per year of this many sessions.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for sessions of nothing or below.
    pub fn annual(&self, days_per_year: f64) -> Result<Array2<f64>, EstimateError> {
        annualised(self.daily.view(), days_per_year)
    }

    /// Volatilities per year of this many sessions.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for sessions of nothing or below.
    pub fn volatilities(&self, days_per_year: f64) -> Result<Vec<f64>, EstimateError> {
        deviations(self.annual(days_per_year)?.view())
    }
}

/// The covariance of a table's returns.
///
/// # Errors
/// [`EstimateError::TooFew`] if no instrument has enough days; [`EstimateError::Setting`] for fewer than two
/// days, a decay outside 0 to 1, or shrinkage from days that differ by pair, which its theory does not have.
pub fn covariance(returns: &Returns, settings: &CovarianceSettings) -> Result<Covariance, EstimateError> {
    let needed = settings.observations_min;
    if needed < 2 {
        return Err(EstimateError::setting("the least observations", "2 or more", needed));
    }
    let (taken, matrix, observations, shrinkage) = match settings.overlap {
        Overlap::Common => {
            let taken = returns.common(needed)?;
            let complete = taken.complete().ok_or(EstimateError::NotFinite("common returns"))?;
            let (matrix, shrinkage) = of_complete(complete, settings.estimator)?;
            let observations = taken.dates().len();
            (taken, matrix, observations, shrinkage)
        }
        Overlap::Pairwise => {
            let taken = returns.pairwise(needed)?;
            let (matrix, observations) = of_pairs(&taken, settings.estimator)?;
            (taken, matrix, observations, None)
        }
    };
    let repaired = nearest(matrix.view(), settings.repair)?;
    let days = taken.dates().first().copied().zip(taken.dates().last().copied());
    Ok(Covariance {
        instruments: taken.instruments().to_vec(),
        daily: repaired.matrix,
        observations,
        days: days.ok_or(EstimateError::TooFew { what: "days", needed, got: 0 })?,
        shrinkage,
        mended: repaired.mended.then_some(repaired.least),
        left_out: taken.left_out().to_vec(),
    })
}

fn of_complete(
    returns: ArrayView2<'_, f64>,
    estimator: Estimator,
) -> Result<(Array2<f64>, Option<f64>), EstimateError> {
    match estimator {
        Estimator::Sample => Ok((sample_covariance(returns)?, None)),
        Estimator::Ewma(lambda) => Ok((ewma_covariance(returns, lambda)?, None)),
        Estimator::LedoitWolf(target) => {
            let shrunk = ledoit_wolf(returns, target)?;
            Ok((shrunk.covariance, Some(shrunk.intensity)))
        }
    }
}

fn of_pairs(returns: &Returns, estimator: Estimator) -> Result<(Array2<f64>, usize), EstimateError> {
    let lambda = match estimator {
        Estimator::Sample => LAMBDA_DAILY,
        Estimator::Ewma(lambda) => lambda,
        Estimator::LedoitWolf(_) => {
            let expected = "days that all instruments have in common";
            return Err(EstimateError::setting("days of Ledoit and Wolf", expected, "days by pair"));
        }
    };
    let history = History::of(returns, lambda)?;
    let matrix = match estimator {
        Estimator::Ewma(_) => history.ewma()?,
        _ => history.sample()?,
    };
    Ok((matrix, history.observations()))
}
