//! Ledoit and Wolf's shrinkage: the sample covariance drawn towards a structured target, by an intensity that
//! is estimated from the same returns.
//!
//! `Σ = (1 − δ) S + δ F`, S with the T-denominator, 0 <= δ <= 1. Both targets are positive semi-definite (a
//! mean correlation is never below −1/(n − 1)), so Σ is.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::covariance::{centred, days, deviations};
use crate::error::EstimateError;
use crate::linear::{in_range, squares};

/// What the sample is drawn towards.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The mean variance times the identity.
    ScaledIdentity,
    /// The sample's variances with the mean correlation between all.
    ConstantCorrelation,
}

/// A shrunk covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// Per day.
    pub covariance: Array2<f64>,
    /// δ: 0 is the sample, 1 the target.
    pub intensity: f64,
}

/// The shrunk covariance of complete returns (day by instrument), per day.
///
/// Source: scaled identity: Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance
/// matrices", Journal of Multivariate Analysis 88 (2004); constant correlation: Ledoit, Wolf, "Honey, I
/// shrunk the sample covariance matrix", Journal of Portfolio Management 30 (2004), appendix A and B.
/// Instruments that do not vary have no correlation: they take no part in the mean one and have none in the
/// target.
///
/// # Errors
/// [`EstimateError::TooFew`] for fewer than two days, [`EstimateError::NotFinite`].
pub fn ledoit_wolf(returns: ArrayView2<'_, f64>, target: Target) -> Result<Shrunk, EstimateError> {
    let days = days(returns, 2)?;
    let x = centred(returns);
    let mut sample = squares(x.view(), |_| 1.0);
    sample /= days as f64;
    let (target, intensity) = match target {
        Target::ScaledIdentity => scaled_identity(&x, &sample),
        Target::ConstantCorrelation => constant_correlation(&x, &sample)?,
    };
    let covariance = &sample * (1.0 - intensity) + &target * intensity;
    Ok(Shrunk { covariance: in_range("a covariance", covariance)?, intensity })
}

/// In the paper's words: m the mean variance, d² = ‖S − mI‖², b̄² = 1/T² Σ ‖x_t x_tᵀ − S‖², b² = min(b̄²,
/// d²), δ = b²/d².
fn scaled_identity(x: &Array2<f64>, sample: &Array2<f64>) -> (Array2<f64>, f64) {
    let (n, days) = (sample.nrows(), x.nrows() as f64);
    let mean = if n == 0 { 0.0 } else { sum(sample.diag().iter().copied()) / n as f64 };
    let target = Array2::from_diag_elem(n, mean);
    let dispersion = sum((sample - &target).iter().map(|entry| entry * entry));
    // Σ ‖x_t x_tᵀ − S‖² = Σ ‖x_t‖⁴ − T ‖S‖².
    let fourth = sum(x.rows().into_iter().map(|row| {
        let square = sum(row.iter().map(|entry| entry * entry));
        square * square
    }));
    let error = (fourth / days - sum(sample.iter().map(|entry| entry * entry))) / days;
    (target, ratio(error.min(dispersion), dispersion))
}

/// In the paper's words: δ = (π − ρ) / γ / T.
fn constant_correlation(x: &Array2<f64>, sample: &Array2<f64>) -> Result<(Array2<f64>, f64), EstimateError> {
    let (n, days) = (sample.nrows(), x.nrows() as f64);
    let deviations = deviations(sample.view())?;
    let varies: Vec<usize> = (0..n).filter(|&i| deviations[i] > 0.0).collect();
    let pairs = || varies.iter().flat_map(|&i| varies.iter().map(move |&j| (i, j))).filter(|(i, j)| i != j);
    let count = varies.len() as f64 * (varies.len() as f64 - 1.0);
    let correlations = sum(pairs().map(|(i, j)| sample[[i, j]] / (deviations[i] * deviations[j])));
    let mean = if count > 0.0 { correlations / count } else { 0.0 };
    let mut target = Array2::from_diag(&sample.diag());
    pairs().for_each(|(i, j)| target[[i, j]] = mean * (deviations[i] * deviations[j]));

    // π_ij, the asymptotic variance of s_ij, and θ_ij = the asymptotic covariance of s_ii with s_ij.
    let mut variance = squares(x.mapv(|entry| entry * entry).view(), |_| 1.0);
    variance /= days;
    variance.zip_mut_with(sample, |entry, s| *entry -= s * s);
    let cubes = cubes(x) / days;
    let theta = |i: usize, j: usize| cubes[[i, j]] - sample[[i, i]] * sample[[i, j]];
    let pi = sum(variance.iter().copied());
    let diagonal = sum(variance.diag().iter().copied());
    let rho = diagonal + mean * sum(pairs().map(|(i, j)| deviations[j] / deviations[i] * theta(i, j)));
    let gamma = sum((&target - sample).iter().map(|entry| entry * entry));
    let intensity = ratio(pi - rho, gamma) / days;
    Ok((target, intensity.clamp(0.0, 1.0)))
}

/// `Σ_t x_ti³ x_tj`.
fn cubes(x: &Array2<f64>) -> Array2<f64> {
    let n = x.ncols();
    let mut sums: Array2<f64> = Array2::zeros((n, n));
    for row in x.rows() {
        for (i, mut sums) in sums.rows_mut().into_iter().enumerate() {
            let cube = row[i] * row[i] * row[i];
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += cube * x);
        }
    }
    sums
}

/// A ratio of what cannot be negative; where there is nothing to shrink, none.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 && part > 0.0 { part / whole } else { 0.0 }
}

fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |sum, number| sum + number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Four days (±2, 0), (0, ±1): S = diag(2, 1/2), m = 5/4, d² = 2 · (3/4)² = 9/8. ‖x‖⁴ are 16, 16, 1, 1,
    /// so b̄² = (34/4 − 17/4) / 4 = 17/16 and δ = (17/16) / (9/8) = 17/18.
    #[test]
    fn towards_the_identity_by_pencil() {
        let x = array![[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let shrunk = ledoit_wolf(x.view(), Target::ScaledIdentity).unwrap();
        assert!((shrunk.intensity - 17.0 / 18.0).abs() < 1e-15, "{}", shrunk.intensity);
        let expected = array![[(2.0 + 17.0 * 1.25) / 18.0, 0.0], [0.0, (0.5 + 17.0 * 1.25) / 18.0]];
        assert!((&shrunk.covariance - &expected).iter().all(|d| d.abs() < 1e-15), "{}", shrunk.covariance);
    }

    /// The printed algorithm again, entry by entry over triples of loops, of three instruments and six days.
    #[test]
    fn towards_the_mean_correlation_as_the_paper_has_it() {
        let x = array![
            [0.0, -0.5, 1.0],
            [2.0, 1.5, -1.5],
            [1.5, 2.0, -1.0],
            [-1.0, -0.5, -0.5],
            [-1.0, -0.5, -1.0],
            [-1.5, -2.0, 3.0],
        ];
        let t = 6.0;
        let s = |i: usize, j: usize| (0..6).map(|k| x[[k, i]] * x[[k, j]]).sum::<f64>() / t;
        let sd = |i: usize| s(i, i).sqrt();
        let places: Vec<(usize, usize)> = (0..9).map(|k| (k / 3, k % 3)).collect();
        let beside = || places.iter().copied().filter(|(i, j)| i != j);
        let mean = beside().map(|(i, j)| s(i, j) / sd(i) / sd(j)).sum::<f64>() / 6.0;
        let f = |i: usize, j: usize| if i == j { s(i, i) } else { mean * sd(i) * sd(j) };
        let over = |g: &dyn Fn(usize) -> f64| (0..6).map(g).sum::<f64>() / t;
        let pi_ij = |i: usize, j: usize| over(&|k| (x[[k, i]] * x[[k, j]] - s(i, j)).powi(2));
        let theta = |d: usize, i: usize, j: usize| {
            over(&|k| (x[[k, d]].powi(2) - s(d, d)) * (x[[k, i]] * x[[k, j]] - s(i, j)))
        };
        let pi: f64 = places.iter().map(|&(i, j)| pi_ij(i, j)).sum();
        let rho = (0..3).map(|i| pi_ij(i, i)).sum::<f64>()
            + beside()
                .map(|(i, j)| {
                    let (up, down) = (sd(j) / sd(i), sd(i) / sd(j));
                    mean / 2.0 * (up * theta(i, i, j) + down * theta(j, i, j))
                })
                .sum::<f64>();
        let gamma: f64 = places.iter().map(|&(i, j)| (f(i, j) - s(i, j)).powi(2)).sum();
        let expected = (pi - rho) / gamma / t;
        assert!((0.2..0.3).contains(&expected), "neither end: {expected}");
        let shrunk = ledoit_wolf(x.view(), Target::ConstantCorrelation).unwrap();
        assert!((shrunk.intensity - expected).abs() < 1e-13, "{} {expected}", shrunk.intensity);
        for (i, j) in places {
            let entry = (1.0 - expected) * s(i, j) + expected * f(i, j);
            assert!((shrunk.covariance[[i, j]] - entry).abs() < 1e-13);
        }
    }

    #[test]
    fn what_does_not_vary_is_left_as_it_is() {
        let x = array![[1.0, 3.0, 0.5], [-1.0, 3.0, 1.0], [0.5, 3.0, -1.0], [0.0, 3.0, 2.0]];
        let shrunk = ledoit_wolf(x.view(), Target::ConstantCorrelation).unwrap();
        assert!(shrunk.covariance.row(1).iter().chain(shrunk.covariance.column(1)).all(|&c| c == 0.0));
        let still = Array2::from_elem((4, 2), 0.01);
        for target in [Target::ScaledIdentity, Target::ConstantCorrelation] {
            let shrunk = ledoit_wolf(still.view(), target).unwrap();
            assert!(shrunk.intensity == 0.0 && shrunk.covariance.iter().all(|&c| c == 0.0));
            let alone = ledoit_wolf(array![[1.0], [2.0]].view(), target).unwrap();
            assert_eq!((alone.covariance[[0, 0]], alone.intensity), (0.25, 0.0));
        }
    }
}
