//! The estimates of a market: what is kept as a collection and what portfolios are constructed with, by one function.
//!
//! The rule, whole:
//! - Returns are those of the last [`SESSIONS`] days. An instrument whose last return is more than [`DAYS_STALE`] days
//!   older than the last day takes no part, nor does one with fewer than [`OBSERVATIONS_MIN`] returns.
//! - Up to a number of instruments, by default [`PAIRS_MOST`], their covariances are Ledoit and Wolf's, drawn towards a
//!   constant correlation, over the days that all have in common; beside them the exponentially weighted ones.
//! - Above it the covariance is a factor model's, see [`principal_factors`], over each instrument's own days.
//! - Both are positive semi-definite.

use evenkeel_schemas::{InstrumentId, TradeDate};
use ndarray::{Array1, Array2};

use crate::asymptotic::principal_factors;
use crate::covariance::{LAMBDA_DAILY, OBSERVATIONS_MIN, ewma_covariance};
use crate::error::EstimateError;
use crate::estimate::{CovarianceSettings, Estimator, covariance};
use crate::expected::{Towards, drawn_together};
use crate::factors::{FactorCount, FactorModel};
use crate::left_out::LeftOut;
use crate::linear::{Cholesky, apply, dot, in_range};
use crate::returns::Returns;
use crate::shrinkage::Target;

/// Returns that are looked back on: a year of sessions.
pub const SESSIONS: usize = 252;

/// What is older than the newest by more calendar days is no longer current: over the longest holidays.
pub const DAYS_STALE: i32 = 10;

/// The most instruments whose covariances are kept pair by pair: 5,050 rows, which change with every day. A year has
/// 252 days, so the covariances of more instruments are mostly noise, and n² rows would be kept of it.
pub const PAIRS_MOST: usize = 100;

/// How the instruments of a market move, per day.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// Rows and columns are in this order.
    pub instruments: Vec<InstrumentId>,
    /// Their covariance.
    pub model: RiskModel,
    /// How many returns of each took part.
    pub observations: Vec<usize>,
    /// The first and the last day of each.
    pub days: Vec<(TradeDate, TradeDate)>,
    /// Exponentially weighted variance of each.
    pub ewma: Vec<f64>,
    /// Mean return of each.
    pub means: Array1<f64>,
    /// What took no part.
    pub left_out: Vec<LeftOut>,
}

/// The form of a covariance.
#[derive(Clone, Debug, PartialEq)]
pub enum RiskModel {
    /// Pair by pair.
    LedoitWolf {
        /// Shrunk.
        covariance: Array2<f64>,
        /// Exponentially weighted, of the same days.
        ewma: Array2<f64>,
    },
    /// By factors that are uncorrelated, each of variance 1.
    Factors(FactorModel),
}

impl RiskModel {
    /// The word as files and tables write it.
    pub fn as_str(&self) -> &'static str {
        match self {
            RiskModel::LedoitWolf { .. } => "ledoit_wolf",
            RiskModel::Factors(_) => "factors",
        }
    }
}

/// The risk of a market with these returns, pair by pair for up to `pairs_most` instruments.
///
/// # Errors
/// [`EstimateError::TooFew`] if no instrument has enough days, [`EstimateError::Singular`] if returns have no factors
/// that can be told apart, [`EstimateError::Range`].
pub fn market_risk(returns: &Returns, pairs_most: usize) -> Result<Risk, EstimateError> {
    let returns = returns.last(SESSIONS).current(DAYS_STALE).long(OBSERVATIONS_MIN)?;
    if returns.instruments().len() <= pairs_most { by_pairs(&returns) } else { by_factors(&returns) }
}

fn by_pairs(returns: &Returns) -> Result<Risk, EstimateError> {
    let estimator = Estimator::LedoitWolf(Target::ConstantCorrelation);
    let found = covariance(returns, &CovarianceSettings { estimator, ..CovarianceSettings::default() })?;
    let taken = returns.common(OBSERVATIONS_MIN)?;
    let complete = taken.complete().ok_or(EstimateError::NotFinite("common returns"))?;
    let ewma = ewma_covariance(complete, LAMBDA_DAILY)?;
    Ok(Risk {
        observations: vec![found.observations; found.instruments.len()],
        days: vec![found.days; found.instruments.len()],
        ewma: ewma.diag().to_vec(),
        means: crate::covariance::mean_returns(complete)?,
        instruments: found.instruments,
        model: RiskModel::LedoitWolf { covariance: found.daily, ewma },
        left_out: found.left_out,
    })
}

fn by_factors(returns: &Returns) -> Result<Risk, EstimateError> {
    let model = principal_factors(returns, FactorCount::MarchenkoPastur)?;
    let n = returns.instruments().len();
    let (mut observations, mut days) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let (mut ewma, mut means) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for i in 0..n {
        let column = returns.column(i);
        let day = |place: Option<&(usize, f64)>| place.map(|(t, _)| returns.dates()[*t]);
        let none = EstimateError::TooFew { what: "days", needed: OBSERVATIONS_MIN, got: 0 };
        days.push(day(column.first()).zip(day(column.last())).ok_or(none)?);
        let own = Array2::from_shape_fn((column.len(), 1), |(t, _)| column[t].1);
        ewma.push(ewma_covariance(own.view(), LAMBDA_DAILY)?[[0, 0]]);
        means.push(column.iter().fold(0.0, |sum, (_, x)| sum + x) / column.len() as f64);
        observations.push(column.len());
    }
    Ok(Risk {
        instruments: returns.instruments().to_vec(),
        model: RiskModel::Factors(model),
        observations,
        days,
        ewma,
        means: in_range("a mean", Array1::from_vec(means))?,
        left_out: returns.left_out().to_vec(),
    })
}

impl Risk {
    /// The variances per day.
    pub fn variances(&self) -> Vec<f64> {
        match &self.model {
            RiskModel::LedoitWolf { covariance, .. } => covariance.diag().to_vec(),
            RiskModel::Factors(model) => {
                let (loadings, specific) = (model.loadings(), model.specific());
                loadings.rows().into_iter().zip(specific).map(|(row, own)| dot(row, row) + own).collect()
            }
        }
    }

    /// The covariance of each instrument with a portfolio of these weights.
    fn times(&self, weights: &Array1<f64>) -> Array1<f64> {
        match &self.model {
            RiskModel::LedoitWolf { covariance, .. } => apply(covariance.view(), weights),
            RiskModel::Factors(model) => {
                let factors = apply(model.loadings().t(), weights);
                let own = &model.specific() * weights;
                apply(model.loadings(), &factors) + own
            }
        }
    }

    /// β of each against the market in which each weighs what it trades on an average day; if nobody says that of any,
    /// all weigh the same. `β = Σw / wᵀΣw`. So the return that the capital asset pricing model expects is the risk-free
    /// one and β times the market's premium.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a market without variance, [`EstimateError::Range`].
    pub fn betas(&self, traded: impl Fn(InstrumentId) -> f64) -> Result<Array1<f64>, EstimateError> {
        let mut weights: Array1<f64> = self.instruments.iter().map(|id| traded(*id)).collect();
        let all = weights.iter().fold(0.0, |sum, weight| sum + weight);
        let even = 1.0 / weights.len() as f64;
        weights.mapv_inplace(|weight| if all > 0.0 { weight / all } else { even });
        let with_market = self.times(&weights);
        let variance = dot(&with_market, &weights);
        if variance.is_nan() || variance <= 0.0 {
            return Err(EstimateError::setting("the market's variance", "more than zero", variance));
        }
        in_range("a beta", with_market / variance)
    }

    /// Mean returns per day, drawn towards the mean of them as James and Stein do; as they are where the covariance has
    /// no inverse.
    ///
    /// # Errors
    /// [`EstimateError::Range`].
    pub fn shrunk_means(&self) -> Result<Array1<f64>, EstimateError> {
        let days = self.observations.iter().copied().min().unwrap_or(0).max(1);
        let drawn = drawn_together(&self.means, days, Towards::GrandMean, |gap| self.distance(gap));
        match drawn {
            Ok(shrunk) => Ok(shrunk.means),
            Err(EstimateError::Singular(_)) => Ok(self.means.clone()),
            Err(error) => Err(error),
        }
    }

    /// `gᵀ Σ⁻¹ g`, of a factor model by the identity of Woodbury: `gᵀ D⁻¹ g − hᵀ (I + Bᵀ D⁻¹ B)⁻¹ h` with `h = Bᵀ D⁻¹ g`.
    fn distance(&self, gap: &Array1<f64>) -> Result<f64, EstimateError> {
        match &self.model {
            RiskModel::LedoitWolf { covariance, .. } => {
                Ok(dot(gap, &Cholesky::new("the covariance", covariance.view())?.solve(gap)))
            }
            RiskModel::Factors(model) => {
                let own = model.specific();
                let largest = own.iter().fold(0.0_f64, |most, own| most.max(*own));
                if own.iter().any(|own| *own <= 1e-12 * largest) {
                    return Err(EstimateError::Singular("the covariance"));
                }
                let (b, scaled) = (model.loadings(), gap / &own);
                let k = b.ncols();
                let entry = |(f, g): (usize, usize)| {
                    let sum = (0..own.len()).fold(0.0, |sum, i| sum + b[[i, f]] * b[[i, g]] / own[i]);
                    sum + f64::from(u8::from(f == g))
                };
                let h = apply(b.t(), &scaled);
                let solver =
                    Cholesky::new("the covariance of factors", Array2::from_shape_fn((k, k), entry).view())?;
                Ok((dot(gap, &scaled) - dot(&h, &solver.solve(&h))).max(0.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::table;

    fn noise(t: usize, i: usize) -> f64 {
        let mut state =
            (t as u64 * 0x9E37_79B9 + i as u64 * 0x85EB_CA77 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        state ^= state >> 32;
        state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }

    fn moving(t: usize, i: usize) -> f64 {
        0.02 * noise(t, 900) * (1.0 + i as f64 / 10.0) + 0.01 * noise(t, i)
    }

    /// Both forms of the same returns: the factors leave of correlations what is common, and the figures that rest on
    /// them come near those of pairs.
    #[test]
    fn factors_come_near_the_pairs() {
        let returns = table(252, 12, |t, i| Some(moving(t, i)));
        let (pairs, factors) = (market_risk(&returns, 12).unwrap(), market_risk(&returns, 11).unwrap());
        assert_eq!((pairs.model.as_str(), factors.model.as_str()), ("ledoit_wolf", "factors"));
        for (one, other) in pairs.variances().iter().zip(factors.variances()) {
            assert!((one / other - 1.0).abs() < 0.02, "{one} {other}");
        }
        let traded = |id: InstrumentId| f64::from(id.0 % 3);
        let (one, other) = (pairs.betas(traded).unwrap(), factors.betas(traded).unwrap());
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 0.06), "{one} {other}");
        let weights: Vec<f64> = (0..12).map(|i| f64::from(i % 3)).collect();
        let market = dot(&other, &weights) / weights.iter().sum::<f64>();
        assert!((market - 1.0).abs() < 1e-12, "the market's own beta is 1");
        for risk in [&pairs, &factors] {
            let (means, shrunk) = (&risk.means, risk.shrunk_means().unwrap());
            let spread = |of: &Array1<f64>| of.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let mean = means.sum() / 12.0;
            assert!(spread(&(&shrunk - mean)) < spread(&(means - mean)));
        }
    }

    /// By the identity the distance is the one by the written-out matrix.
    #[test]
    fn the_distance_by_factors_is_that_of_the_matrix() {
        let risk = market_risk(&table(100, 8, |t, i| Some(moving(t, i))), 1).unwrap();
        let RiskModel::Factors(model) = &risk.model else { panic!("eight are more than one") };
        let gap: Array1<f64> = (0..8).map(|i| noise(i, 77) / 100.0).collect();
        let dense = Cholesky::new("it", model.covariance().view()).unwrap();
        let expected = dot(&gap, &dense.solve(&gap));
        assert!((risk.distance(&gap).unwrap() / expected - 1.0).abs() < 1e-9);
    }

    /// The last one has ended 30 days ago, the one before is 59 days old, the one before that 60.
    #[test]
    fn what_is_old_or_short_takes_no_part() {
        let there = |t: usize, i: usize| match i {
            7 => t < 122,
            6 => t >= 93,
            5 => t >= 92,
            _ => true,
        };
        for pairs_most in [10, 1] {
            let returns = table(152, 8, |t, i| there(t, i).then(|| moving(t, i)));
            let risk = market_risk(&returns, pairs_most).unwrap();
            assert_eq!(risk.instruments, (0..6).map(InstrumentId).collect::<Vec<_>>());
            let own = if pairs_most == 1 { 152 } else { 60 };
            assert_eq!((risk.observations[0], risk.observations[5]), (own, 60));
            assert!(
                risk.left_out
                    .iter()
                    .any(|left| matches!(left, LeftOut::Stale { instrument: InstrumentId(7), .. }))
            );
            let short = |left: &LeftOut| matches!(left, LeftOut::Short { instrument: InstrumentId(6), .. });
            assert!(risk.left_out.iter().any(short));
        }
        let none = market_risk(&table(59, 3, |t, i| Some(moving(t, i))), 10);
        assert!(matches!(none, Err(EstimateError::TooFew { .. })));
    }

    /// Whatever is missing, the covariance has no negative eigenvalue.
    #[test]
    fn always_positive_semi_definite() {
        for seed in 0..12 {
            let returns = table(90 + seed, 15, |t, i| {
                (noise(t + 1000 * seed, i + 50) > -0.5 + 0.03 * i as f64).then(|| moving(t + seed, i))
            });
            for pairs_most in [100, 2] {
                let matrix = match market_risk(&returns, pairs_most) {
                    Ok(Risk { model: RiskModel::LedoitWolf { covariance, ewma }, .. }) => {
                        assert!(crate::positive_semi_definite(ewma.view()).unwrap().1);
                        covariance
                    }
                    Ok(Risk { model: RiskModel::Factors(model), .. }) => model.covariance(),
                    Err(error) => panic!("{error}"),
                };
                let (least, fine) = crate::positive_semi_definite(matrix.view()).unwrap();
                assert!(fine, "{least}");
            }
        }
    }

    #[test]
    fn a_market_that_does_not_move_has_no_beta() {
        let still = market_risk(&table(80, 3, |_, _| Some(0.0)), 10).unwrap();
        assert!(matches!(still.betas(|_| 1.0), Err(EstimateError::Setting { .. })));
        assert_eq!(still.shrunk_means().unwrap(), Array1::<f64>::zeros(3));
    }
}
