//! Covariances of daily returns: the plain estimators.
//!
//! Returns are day by instrument, days from first to last. Results are per day, not annualised. Each entry is
//! a sum over days from first to last, so permuting instruments permutes the result to the bit. Covariances
//! by days that pairs have in common are in `history`, shrinkage is in `shrinkage`.

use ndarray::{Array1, Array2, ArrayView2};

use crate::error::EstimateError;
use crate::linear::{finite, in_range, squares, symmetric};

/// The daily decay of RiskMetrics.
pub const LAMBDA_DAILY: f64 = 0.94;

/// Sessions of a year, for annualisation.
pub const DAYS_PER_YEAR: f64 = 252.0;

/// The least observations that production estimates from.
pub const OBSERVATIONS_MIN: usize = 60;

/// The sample covariance, `Σ_t (x_t − x̄)(x_t − x̄)ᵀ / (T − 1)`.
///
/// # Errors
/// [`EstimateError::TooFew`] for fewer than two days, [`EstimateError::NotFinite`].
pub fn sample_covariance(returns: ArrayView2<'_, f64>) -> Result<Array2<f64>, EstimateError> {
    let days = days(returns, 2)?;
    let centred = centred(returns);
    let mut sums = squares(centred.view(), |_| 1.0);
    sums /= days as f64 - 1.0;
    in_range("a covariance", sums)
}

/// The exponentially weighted covariance about zero: `Σ_t w_t x_t x_tᵀ`, the weights `λ^age` scaled to sum to
/// 1; the age of the last day is 0.
///
/// Source: RiskMetrics, Technical Document, 4th edition (1996), section 5.2; λ = 0.94 for daily returns.
///
/// # Errors
/// [`EstimateError::Setting`] for a λ outside 0 to 1, [`EstimateError::TooFew`] without any day.
pub fn ewma_covariance(returns: ArrayView2<'_, f64>, lambda: f64) -> Result<Array2<f64>, EstimateError> {
    let days = days(returns, 1)?;
    decay(lambda)?;
    let weights: Vec<f64> = (0..days).map(|t| power(lambda, days - 1 - t)).collect();
    let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
    let mut sums = squares(returns, |t| weights[t]);
    sums /= total;
    in_range("a covariance", sums)
}

/// Mean daily returns.
///
/// # Errors
/// [`EstimateError::TooFew`] without any day, [`EstimateError::NotFinite`].
pub fn mean_returns(returns: ArrayView2<'_, f64>) -> Result<Array1<f64>, EstimateError> {
    days(returns, 1)?;
    in_range("a mean", means(returns))
}

/// Correlations of a covariance: 1 on the diagonal, within ±1 beside it; 0 for what does not vary.
///
/// # Errors
/// [`EstimateError::Shape`] if it is not symmetric, [`EstimateError::Indefinite`] for a negative variance.
pub fn correlation(covariance: ArrayView2<'_, f64>) -> Result<Array2<f64>, EstimateError> {
    let n = symmetric("a covariance", covariance)?;
    let deviations = deviations(covariance)?;
    let entry = |(i, j): (usize, usize)| {
        let scale = deviations[i] * deviations[j];
        if i == j {
            1.0
        } else if scale > 0.0 {
            (covariance[[i, j]] / scale).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    };
    Ok(Array2::from_shape_fn((n, n), entry))
}

/// Covariances per year from those per day: times the sessions of a year, as if days were independent.
///
/// # Errors
/// [`EstimateError::Setting`] for sessions of nothing or below, [`EstimateError::Range`].
pub fn annualised(covariance: ArrayView2<'_, f64>, days_per_year: f64) -> Result<Array2<f64>, EstimateError> {
    if !(days_per_year > 0.0 && days_per_year.is_finite()) {
        return Err(EstimateError::setting("sessions of a year", "a number above zero", days_per_year));
    }
    in_range("a covariance", covariance.mapv(|entry| entry * days_per_year))
}

/// Standard deviations of a covariance's diagonal.
pub(crate) fn deviations(covariance: ArrayView2<'_, f64>) -> Result<Vec<f64>, EstimateError> {
    let variances = covariance.diag();
    match variances.iter().all(|&variance| variance >= 0.0) {
        true => Ok(variances.iter().map(|variance| variance.sqrt()).collect()),
        false => Err(EstimateError::Indefinite("a covariance")),
    }
}

pub(crate) fn decay(lambda: f64) -> Result<(), EstimateError> {
    match lambda > 0.0 && lambda < 1.0 {
        true => Ok(()),
        false => Err(EstimateError::setting("lambda", "a number between 0 and 1", lambda)),
    }
}

/// `base^exponent` by squaring: the platform's `powi` may have other bits elsewhere.
pub(crate) fn power(base: f64, mut exponent: usize) -> f64 {
    let (mut result, mut square) = (1.0, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    result
}

/// The number of days, of which at least `needed` are needed, all finite.
pub(crate) fn days(returns: ArrayView2<'_, f64>, needed: usize) -> Result<usize, EstimateError> {
    finite("returns", returns.iter())?;
    match returns.nrows() {
        got if got < needed => Err(EstimateError::TooFew { what: "days", needed, got }),
        got => Ok(got),
    }
}

pub(crate) fn means(returns: ArrayView2<'_, f64>) -> Array1<f64> {
    let mut sums = Array1::zeros(returns.ncols());
    for row in returns.rows() {
        sums += &row;
    }
    sums / returns.nrows() as f64
}

pub(crate) fn centred(returns: ArrayView2<'_, f64>) -> Array2<f64> {
    &returns - &means(returns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Deviations (−1, 0, 1) and (−2, 1, 1) percent: variances 1 and 3, covariance 3/2, each in 10⁻⁴.
    #[test]
    fn a_sample_by_pencil() {
        let returns = array![[0.01, 0.00], [0.02, 0.03], [0.03, 0.03]];
        let covariance = sample_covariance(returns.view()).unwrap();
        let expected = array![[1e-4, 1.5e-4], [1.5e-4, 3e-4]];
        assert!((&covariance - &expected).iter().all(|d| d.abs() < 1e-18), "{covariance}");
        assert_eq!(mean_returns(returns.view()).unwrap(), array![0.02, 0.02]);
        let correlation = correlation(covariance.view()).unwrap();
        assert!((correlation[[0, 1]] - 1.5 / 3.0_f64.sqrt()).abs() < 1e-14);
        assert_eq!(annualised(expected.view(), 252.0).unwrap()[[0, 0]], 1e-4 * 252.0);
        assert!(matches!(annualised(expected.view(), f64::NAN), Err(EstimateError::Setting { .. })));
    }

    /// λ = 1/2: weights 1/7, 2/7, 4/7 of squares 4, 1, 9 make 42/7 = 6; of products 2, −1, 3 make 12/7.
    #[test]
    fn decayed_by_pencil() {
        let returns = array![[2.0, 1.0], [1.0, -1.0], [3.0, 1.0]];
        let covariance = ewma_covariance(returns.view(), 0.5).unwrap();
        let expected = array![[6.0, 12.0 / 7.0], [12.0 / 7.0, 1.0]];
        assert!((&covariance - &expected).iter().all(|d| d.abs() < 1e-14), "{covariance}");
    }

    #[test]
    fn what_cannot_be_estimated_is_refused() {
        let one = array![[0.01, 0.02]];
        assert!(matches!(
            sample_covariance(one.view()),
            Err(EstimateError::TooFew { needed: 2, got: 1, .. })
        ));
        assert!(matches!(ewma_covariance(one.view(), 1.0), Err(EstimateError::Setting { .. })));
        assert!(matches!(ewma_covariance(one.view(), f64::NAN), Err(EstimateError::Setting { .. })));
        let none = array![[0.01], [f64::NAN]];
        assert_eq!(sample_covariance(none.view()), Err(EstimateError::NotFinite("returns")));
        let vast = array![[1e200], [-1e200]];
        assert_eq!(sample_covariance(vast.view()), Err(EstimateError::Range("a covariance")));
        assert_eq!(ewma_covariance(vast.view(), 0.94), Err(EstimateError::Range("a covariance")));
        let flat = array![[0.0, 0.0], [0.0, 1.0]];
        assert_eq!(correlation(flat.view()).unwrap(), array![[1.0, 0.0], [0.0, 1.0]]);
        let negative = array![[-1.0]];
        assert!(matches!(correlation(negative.view()), Err(EstimateError::Indefinite(_))));
    }
}
