//! Expected returns: what history says, drawn together; what the market implies.
//!
//! A mean of daily returns is known badly: at a volatility of 16% a year, ten years tell it to ±5 points.
//! Shrinkage draws means towards one point; equilibrium takes them from risk and market weights alone. Units
//! are those of the input: daily in, daily out; annual ones are daily ones times the sessions of a year.

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::EstimateError;
use crate::linear::{Cholesky, apply, dot, finite, in_range, symmetric, vector};

/// The point that means are drawn towards.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Towards {
    /// The mean of the means, estimated from the same returns.
    #[default]
    GrandMean,
    /// A return chosen beforehand.
    Return(f64),
}

/// Means drawn together.
#[derive(Clone, Debug, PartialEq)]
pub struct ShrunkMeans {
    /// Per instrument.
    pub means: Array1<f64>,
    /// The point that they were drawn towards.
    pub towards: f64,
    /// How far: 0 leaves the means, 1 is the point.
    pub intensity: f64,
}

/// James and Stein's estimator, positive part: `(1 − w) μ + w μ₀`, with `w = min(1, (c / T) / d)` and
/// `d = (μ − μ₀)ᵀ Σ⁻¹ (μ − μ₀)`; c is n − 2 for a chosen point, n − 3 for the mean of the means. With as few
/// instruments as c there is nothing to gain: w is 0.
///
/// Source: Jorion, "Bayes-Stein estimation for portfolio analysis", Journal of Financial and Quantitative
/// Analysis 21 (1986); for the mean of means Efron, Morris, "Stein's estimation rule and its competitors",
/// Journal of the American Statistical Association 68 (1973), after Lindley.
///
/// # Errors
/// [`EstimateError::Singular`] if the covariance has no inverse, [`EstimateError::Shape`],
/// [`EstimateError::TooFew`].
pub fn james_stein(
    means: &Array1<f64>,
    covariance: ArrayView2<'_, f64>,
    days: usize,
    towards: Towards,
) -> Result<ShrunkMeans, EstimateError> {
    instruments(means, covariance)?;
    let solver = |gap: &Array1<f64>| Ok(dot(gap, &Cholesky::new("the covariance", covariance)?.solve(gap)));
    drawn_together(means, days, towards, solver)
}

/// The same with `distance` for `gᵀ Σ⁻¹ g`.
pub(crate) fn drawn_together(
    means: &Array1<f64>,
    days: usize,
    towards: Towards,
    distance: impl FnOnce(&Array1<f64>) -> Result<f64, EstimateError>,
) -> Result<ShrunkMeans, EstimateError> {
    if days == 0 {
        return Err(EstimateError::TooFew { what: "days", needed: 1, got: 0 });
    }
    let n = means.len();
    let (towards, known) = match towards {
        Towards::Return(chosen) if chosen.is_finite() => (chosen, 2.0),
        Towards::Return(_) => return Err(EstimateError::NotFinite("the point to shrink towards")),
        Towards::GrandMean => (means.iter().fold(0.0, |sum, mean| sum + mean) / n as f64, 3.0),
    };
    let distance = distance(&(means - towards))?;
    let gain = (n as f64 - known).max(0.0) / days as f64;
    let intensity = if gain <= 0.0 { 0.0 } else { ratio_capped(gain, distance) };
    drawn(means, towards, intensity)
}

/// What Bayes and Stein give for the next day.
#[derive(Clone, Debug, PartialEq)]
pub struct BayesStein {
    /// Means, drawn towards that of the portfolio of least variance.
    pub shrunk: ShrunkMeans,
    /// The covariance of the next day's returns, with the means' own uncertainty in it.
    pub covariance: Array2<f64>,
}

/// Jorion's Bayes-Stein estimator, from means and the sample covariance S of T days.
///
/// With `Σ = (T − 1) / (T − n − 2) S`: μ₀ is the mean of the portfolio of least variance `1ᵀΣ⁻¹μ / 1ᵀΣ⁻¹1`,
/// `λ = (n + 2) / ((μ − μ₀)ᵀ Σ⁻¹ (μ − μ₀))`, the intensity `λ / (T + λ)`, and the covariance
/// `Σ (1 + 1/(T + λ)) + λ / (T (T + 1 + λ)) · 1 1ᵀ / (1ᵀΣ⁻¹1)`.
///
/// Source: Jorion (1986), as above.
///
/// # Errors
/// [`EstimateError::TooFew`] for T <= n + 2, [`EstimateError::Singular`] if S has no inverse,
/// [`EstimateError::Shape`].
pub fn bayes_stein(
    means: &Array1<f64>,
    sample: ArrayView2<'_, f64>,
    days: usize,
) -> Result<BayesStein, EstimateError> {
    let n = instruments(means, sample)?;
    if days < n + 3 {
        return Err(EstimateError::TooFew { what: "days", needed: n + 3, got: days });
    }
    let (t, count) = (days as f64, n as f64);
    let scaled = sample.mapv(|entry| entry * ((t - 1.0) / (t - count - 2.0)));
    let solver = Cholesky::new("the covariance", scaled.view())?;
    let ones = Array1::ones(n);
    let inverse_ones = solver.solve(&ones);
    let precision = dot(&inverse_ones, &ones);
    let towards = dot(&inverse_ones, means) / precision;
    let gap = means - towards;
    let distance = dot(&gap, &solver.solve(&gap));
    // w = λ / (T + λ) without dividing by a distance of nothing, where λ has no bound.
    let intensity = (count + 2.0) / (count + 2.0 + t * distance.max(0.0));
    // 1/(T + λ) = (1 − w) / T, and λ / (T (T + 1 + λ)) = w / (T + 1 − w).
    let (more, common) = ((1.0 - intensity) / t, intensity / (t + 1.0 - intensity) / precision);
    let covariance = scaled.mapv(|entry| entry * (1.0 + more) + common);
    let covariance = in_range("a covariance", covariance)?;
    Ok(BayesStein { shrunk: drawn(means, towards, intensity)?, covariance })
}

/// Returns in excess of the risk-free one for which these market weights are optimal (reverse optimisation):
/// `Π = δ Σ w`.
///
/// Source: Black, Litterman, "Global portfolio optimization", Financial Analysts Journal 48 (1992).
///
/// # Errors
/// [`EstimateError::Setting`] for a risk aversion of nothing or below, [`EstimateError::Shape`].
pub fn equilibrium_returns(
    covariance: ArrayView2<'_, f64>,
    market_weights: &Array1<f64>,
    risk_aversion: f64,
) -> Result<Array1<f64>, EstimateError> {
    instruments(market_weights, covariance)?;
    averse(risk_aversion)?;
    in_range("a return", apply(covariance, market_weights) * risk_aversion)
}

/// The weights that are optimal for returns in excess of the risk-free one: `w = (δΣ)⁻¹ μ`, the reverse of
/// [`equilibrium_returns`]. They need not sum to 1: the rest is cash.
///
/// # Errors
/// [`EstimateError::Singular`] if the covariance has no inverse, [`EstimateError::Setting`],
/// [`EstimateError::Shape`].
pub fn implied_weights(
    covariance: ArrayView2<'_, f64>,
    excess_returns: &Array1<f64>,
    risk_aversion: f64,
) -> Result<Array1<f64>, EstimateError> {
    instruments(excess_returns, covariance)?;
    averse(risk_aversion)?;
    let solved = Cholesky::new("the covariance", covariance)?.solve(excess_returns);
    in_range("a weight", solved / risk_aversion)
}

/// The market's risk aversion δ: its return in excess of the risk-free one per unit of variance.
///
/// # Errors
/// [`EstimateError::Setting`] for a market without variance.
pub fn risk_aversion(
    covariance: ArrayView2<'_, f64>,
    market_weights: &Array1<f64>,
    market_excess_return: f64,
) -> Result<f64, EstimateError> {
    let variance = market_variance(covariance, market_weights)?.1;
    finite("the market's return", [&market_excess_return])?;
    in_range("a risk aversion", [market_excess_return / variance]).map(|[aversion]| aversion)
}

/// Returns by the capital asset pricing model: `r_f + β (r_m − r_f)`, `β = Σw / wᵀΣw` against the market of
/// these weights.
///
/// # Errors
/// [`EstimateError::Setting`] for a market without variance, [`EstimateError::Shape`].
pub fn capm_returns(
    covariance: ArrayView2<'_, f64>,
    market_weights: &Array1<f64>,
    risk_free: f64,
    market_excess_return: f64,
) -> Result<Array1<f64>, EstimateError> {
    finite("the market's return", [&risk_free, &market_excess_return])?;
    let (with_market, variance) = market_variance(covariance, market_weights)?;
    let returns = with_market.mapv(|entry| risk_free + entry / variance * market_excess_return);
    in_range("a return", returns)
}

/// Covariances with the market, and its variance.
fn market_variance(
    covariance: ArrayView2<'_, f64>,
    weights: &Array1<f64>,
) -> Result<(Array1<f64>, f64), EstimateError> {
    instruments(weights, covariance)?;
    let with_market = apply(covariance, weights);
    match dot(&with_market, weights) {
        variance if variance > 0.0 => Ok((with_market, variance)),
        variance => Err(EstimateError::setting("the market's variance", "more than zero", variance)),
    }
}

pub(crate) fn averse(risk_aversion: f64) -> Result<(), EstimateError> {
    match risk_aversion > 0.0 && risk_aversion.is_finite() {
        true => Ok(()),
        false => Err(EstimateError::setting("a risk aversion", "a number above zero", risk_aversion)),
    }
}

/// The size of a vector and a covariance that fit each other.
pub(crate) fn instruments(
    per_instrument: &Array1<f64>,
    covariance: ArrayView2<'_, f64>,
) -> Result<usize, EstimateError> {
    match symmetric("a covariance", covariance)? {
        0 => Err(EstimateError::TooFew { what: "instruments", needed: 1, got: 0 }),
        n => vector("numbers per instrument", per_instrument, n).map(|()| n),
    }
}

/// `min(1, part / whole)` of numbers not negative; 1 where the whole is nothing.
fn ratio_capped(part: f64, whole: f64) -> f64 {
    if part < whole { part / whole } else { 1.0 }
}

fn drawn(means: &Array1<f64>, towards: f64, intensity: f64) -> Result<ShrunkMeans, EstimateError> {
    let means = means.mapv(|mean| (1.0 - intensity) * mean + intensity * towards);
    in_range("a mean", [towards, intensity])?;
    Ok(ShrunkMeans { means: in_range("a mean", means)?, towards, intensity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn near(one: &Array1<f64>, other: &Array1<f64>) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-14)
    }

    /// n = 3, T = 8 and S = 3/7 of the identity, so Σ is the identity: μ₀ = 2, d = 2, λ = 5/2, w = 5/21; the
    /// covariance is 1 + 2/21 and 5/2 / (8 · 23/2) / 3 = 5/552.
    #[test]
    fn bayes_and_stein_by_pencil() {
        let sample = Array2::eye(3) * (3.0 / 7.0);
        let found = bayes_stein(&array![1.0, 2.0, 3.0], sample.view(), 8).unwrap();
        assert!((found.shrunk.intensity - 5.0 / 21.0).abs() < 1e-14);
        assert!(near(&found.shrunk.means, &array![2.0 - 16.0 / 21.0, 2.0, 2.0 + 16.0 / 21.0]));
        let (own, common) = (1.0 + 2.0 / 21.0, 5.0 / 552.0);
        assert!((found.covariance[[0, 0]] - own - common).abs() < 1e-14);
        assert!((found.covariance[[0, 1]] - common).abs() < 1e-14);
        let equal = bayes_stein(&array![2.0, 2.0, 2.0], sample.view(), 8).unwrap();
        assert!(near(&equal.shrunk.means, &array![2.0, 2.0, 2.0]) && equal.shrunk.intensity == 1.0);
        let few = bayes_stein(&array![1.0, 2.0, 3.0], sample.view(), 5);
        assert_eq!(few, Err(EstimateError::TooFew { what: "days", needed: 6, got: 5 }));
    }

    /// Towards 0 with n = 4, T = 10 and the identity: d = 30 / 10, w = (2/10) / 30. Towards the mean 5/2: d =
    /// 5, w = (1/10) / 5.
    #[test]
    fn james_and_stein_by_pencil() {
        let (means, identity) = (array![1.0, 2.0, 3.0, 4.0], Array2::eye(4));
        let found = james_stein(&means, identity.view(), 10, Towards::Return(0.0)).unwrap();
        assert!((found.intensity - 0.2 / 30.0).abs() < 1e-16, "{}", found.intensity);
        let found = james_stein(&means, identity.view(), 10, Towards::GrandMean).unwrap();
        assert!((found.intensity - 0.02).abs() < 1e-16 && found.towards == 2.5);
        assert!(near(&found.means, &array![1.03, 2.01, 2.99, 3.97]));
        let equal = james_stein(&Array1::ones(4), identity.view(), 10, Towards::GrandMean).unwrap();
        assert!(equal.intensity == 1.0 && equal.means.iter().all(|&mean| mean == 1.0));
        let two = james_stein(&array![1.0, 2.0], Array2::eye(2).view(), 10, Towards::Return(0.0)).unwrap();
        assert_eq!(two.intensity, 0.0);
    }

    /// Variances 4 and 1, correlation 1/2, weights 1/2: Σw = (5/2, 1), variance 7/4, betas 10/7 and 4/7.
    #[test]
    fn equilibrium_by_pencil() {
        let (covariance, weights) = (array![[4.0, 1.0], [1.0, 1.0]], array![0.5, 0.5]);
        let implied = equilibrium_returns(covariance.view(), &weights, 2.0).unwrap();
        assert!(near(&implied, &array![5.0, 2.0]));
        assert!(near(&implied_weights(covariance.view(), &implied, 2.0).unwrap(), &weights));
        assert!((risk_aversion(covariance.view(), &weights, 3.5).unwrap() - 2.0).abs() < 1e-15);
        let capm = capm_returns(covariance.view(), &weights, 0.5, 3.5).unwrap();
        assert!(near(&capm, &array![5.5, 2.5]));
        let flat = Array2::zeros((2, 2));
        assert!(matches!(capm_returns(flat.view(), &weights, 0.0, 1.0), Err(EstimateError::Setting { .. })));
        assert!(matches!(implied_weights(flat.view(), &weights, 1.0), Err(EstimateError::Singular(_))));
        assert!(matches!(
            equilibrium_returns(covariance.view(), &array![1.0], 1.0),
            Err(EstimateError::Shape { .. })
        ));
        assert!(matches!(
            equilibrium_returns(covariance.view(), &weights, 0.0),
            Err(EstimateError::Setting { .. })
        ));
    }
}
