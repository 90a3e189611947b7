//! Factor models for large universes: `Σ = B F Bᵀ + diag(D)`.
//!
//! k factors leave n·k + k² + n numbers in place of n², and an optimizer a problem that is sparse. The
//! covariance is positive semi-definite by construction.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::covariance::{centred, correlation, days, deviations, means, sample_covariance};
use crate::error::EstimateError;
use crate::linear::{Cholesky, dot, eigen, finite, in_range, product};

/// `Σ = B F Bᵀ + diag(D)`, per day.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorModel {
    loadings: Array2<f64>,
    factor_covariance: Array2<f64>,
    specific: Array1<f64>,
}

impl FactorModel {
    /// A model of factors that are uncorrelated, each of variance 1: F is the identity.
    pub(crate) fn uncorrelated(loadings: Array2<f64>, specific: Array1<f64>) -> FactorModel {
        FactorModel { factor_covariance: Array2::eye(loadings.ncols()), loadings, specific }
    }

    /// B, instrument by factor: what an instrument's return does per unit of the factor's.
    pub fn loadings(&self) -> ArrayView2<'_, f64> {
        self.loadings.view()
    }

    /// F, factor by factor.
    pub fn factor_covariance(&self) -> ArrayView2<'_, f64> {
        self.factor_covariance.view()
    }

    /// D: variances that are the instruments' own, none negative.
    pub fn specific(&self) -> ArrayView1<'_, f64> {
        self.specific.view()
    }

    /// The covariance written out, symmetric to the bit.
    pub fn covariance(&self) -> Array2<f64> {
        let n = self.loadings.nrows();
        let left = product(self.loadings.view(), self.factor_covariance.view());
        let mut out = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..=i {
                let entry = dot(left.row(i), self.loadings.row(j));
                out[[i, j]] = entry;
                out[[j, i]] = entry;
            }
            out[[i, i]] += self.specific[i];
        }
        out
    }
}

/// How many statistical factors there are. At least one, and at most `min(n, T − 1)`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorCount {
    /// As many as correlations have eigenvalues above `(1 + √(n/T))²`, the most that independent returns
    /// have.
    ///
    /// Source: Marčenko, Pastur (1967); Laloux, Cizeau, Bouchaud, Potters, "Noise dressing of financial
    /// correlation matrices", Physical Review Letters 83 (1999).
    #[default]
    MarchenkoPastur,
    /// The fewest that explain this share of the correlations' trace, 0 to 1.
    VarianceShare(f64),
    /// This many.
    Fixed(usize),
}

/// A model with factors found in the covariance itself.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticalFactors {
    /// F is the identity; the covariance's diagonal is that of the input.
    pub model: FactorModel,
    /// Eigenvalues of the correlations, from the largest to the smallest; their sum is n.
    pub eigenvalues: Vec<f64>,
    /// The share of their sum that the factors explain.
    pub explained: f64,
}

/// Principal components of the correlations of a covariance estimated from T days.
///
/// With correlations `V Λ Vᵀ` and deviations σ the loadings are `B = diag(σ) V_k √Λ_k`, F is the identity and
/// `D_i = σ_i² − Σ_k B_ik²`. A factor's sign makes its largest loading on correlations positive. Instruments
/// that do not vary have no loadings. With all n factors the covariance is the input again.
///
/// # Errors
/// [`EstimateError::Setting`] for a count or share outside its range, [`EstimateError::TooFew`] for fewer
/// than two days, [`EstimateError::Indefinite`] for a negative variance.
pub fn statistical_factors(
    covariance: ArrayView2<'_, f64>,
    days: usize,
    count: FactorCount,
) -> Result<StatisticalFactors, EstimateError> {
    if days < 2 {
        return Err(EstimateError::TooFew { what: "days", needed: 2, got: days });
    }
    let correlations = correlation(covariance)?;
    let deviations = deviations(covariance)?;
    let eigen = eigen("a covariance", correlations.view())?;
    let n = deviations.len();
    let k = factors(&eigen.values, n, days, count)?;
    let root: Vec<f64> = eigen.values[..k].iter().map(|value| value.max(0.0).sqrt()).collect();
    let loadings = Array2::from_shape_fn((n, k), |(i, f)| deviations[i] * eigen.vectors[[i, f]] * root[f]);
    // An instrument that does not vary has an eigenvalue of its own, with a loading of nothing.
    let own = |(i, row): (usize, ArrayView1<'_, f64>)| (covariance[[i, i]] - dot(row, row)).max(0.0);
    let specific = loadings.rows().into_iter().enumerate().map(own).collect();
    let explained = eigen.values[..k].iter().fold(0.0, |sum, value| sum + value);
    Ok(StatisticalFactors {
        model: FactorModel { loadings, factor_covariance: Array2::eye(k), specific },
        explained: if n == 0 { 1.0 } else { (explained / n as f64).clamp(0.0, 1.0) },
        eigenvalues: eigen.values,
    })
}

pub(crate) fn factors(
    values: &[f64],
    n: usize,
    days: usize,
    count: FactorCount,
) -> Result<usize, EstimateError> {
    let most = n.min(days - 1);
    let wanted = match count {
        FactorCount::Fixed(k) if k == 0 || k > most => {
            let expected = "1 to the number of instruments, and fewer than days";
            return Err(EstimateError::setting("the number of factors", expected, k));
        }
        FactorCount::Fixed(k) => k,
        FactorCount::VarianceShare(share) if share > 0.0 && share <= 1.0 => {
            let mut sum = 0.0;
            // Rounding must not ask for a factor more than there are.
            let enough = share * n as f64 * (1.0 - 1e-12);
            values.iter().take_while(|value| (sum < enough, sum += *value).0).count()
        }
        FactorCount::VarianceShare(share) => {
            return Err(EstimateError::setting("a share of variance", "a number from 0 to 1", share));
        }
        FactorCount::MarchenkoPastur => {
            let edge = (1.0 + (n as f64 / days as f64).sqrt()).powi(2);
            values.iter().filter(|value| **value > edge).count()
        }
    };
    Ok(wanted.clamp(most.min(1), most))
}

/// A model with factors whose returns are given.
#[derive(Clone, Debug, PartialEq)]
pub struct RegressedFactors {
    /// F is the sample covariance of the factors.
    pub model: FactorModel,
    /// α: mean daily returns that the factors do not explain.
    pub intercepts: Array1<f64>,
    /// The share of each instrument's variance that they explain, 0 to 1; 0 for what does not vary.
    pub r_squared: Array1<f64>,
}

/// Least squares with an intercept, of every instrument's returns (day by instrument) on the factors' returns
/// (day by factor) of the same days. D are the residual variances with the denominator T − k − 1.
///
/// # Errors
/// [`EstimateError::Shape`] for different days, [`EstimateError::TooFew`] for fewer than k + 2 days,
/// [`EstimateError::Singular`] if factors repeat each other.
pub fn regressed_factors(
    returns: ArrayView2<'_, f64>,
    factors: ArrayView2<'_, f64>,
) -> Result<RegressedFactors, EstimateError> {
    let k = factors.ncols();
    let days = days(factors, k + 2)?;
    if returns.nrows() != days {
        let (expected, got) = (format!("{days} days"), returns.nrows().to_string());
        return Err(EstimateError::Shape { what: "returns beside factors", expected, got });
    }
    finite("returns", returns.iter())?;
    let (x, y) = (centred(factors), centred(returns));
    let solver = Cholesky::new("the covariance of factors", product(x.t(), x.view()).view())?;
    // k by instrument.
    let slopes = solver.solve_columns(&product(x.t(), y.view()));
    let residuals = &y - &product(x.view(), slopes.view());
    let squares = |rows: &Array2<f64>| -> Array1<f64> {
        rows.map_axis(Axis(0), |column| dot(column.iter(), column.iter()))
    };
    let (unexplained, total) = (squares(&residuals), squares(&y));
    let r_squared = unexplained
        .iter()
        .zip(&total)
        .map(|(rest, total)| if *total > 0.0 { (1.0 - rest / total).clamp(0.0, 1.0) } else { 0.0 })
        .collect();
    let mean_factors = means(factors);
    let intercepts = means(returns) - product(mean_factors.insert_axis(Axis(0)).view(), slopes.view()).row(0);
    let model = FactorModel {
        loadings: slopes.t().as_standard_layout().into_owned(),
        factor_covariance: sample_covariance(factors)?,
        specific: unexplained / (days - k - 1) as f64,
    };
    in_range("a loading", model.loadings.view())?;
    in_range("a residual variance", model.specific.view())?;
    Ok(RegressedFactors {
        model,
        intercepts: in_range("an intercept", intercepts)?,
        r_squared: in_range("a share of variance", r_squared)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn near(one: &Array2<f64>, other: &Array2<f64>, limit: f64) -> bool {
        one.dim() == other.dim() && one.iter().zip(other).all(|(a, b)| (a - b).abs() <= limit)
    }

    /// Correlation 1/2 between deviations 2 and 4: eigenvalues 3/2 and 1/2; the first factor's loadings are
    /// 2 √(3/4) and 4 √(3/4), own variances 1 and 4.
    #[test]
    fn principal_components_by_pencil() {
        let covariance = array![[4.0, 4.0], [4.0, 16.0]];
        let found = statistical_factors(covariance.view(), 100, FactorCount::Fixed(1)).unwrap();
        let root = 0.75_f64.sqrt();
        assert!(near(&found.model.loadings, &array![[2.0 * root], [4.0 * root]], 1e-14));
        assert!(
            (found.model.specific[0] - 1.0).abs() < 1e-13 && (found.model.specific[1] - 4.0).abs() < 1e-13
        );
        assert!((found.explained - 0.75).abs() < 1e-14);
        assert!(near(&found.model.covariance(), &array![[4.0, 6.0], [6.0, 16.0]], 1e-13));
        let all = statistical_factors(covariance.view(), 100, FactorCount::Fixed(2)).unwrap();
        assert!(near(&all.model.covariance(), &covariance, 1e-13));
    }

    /// One common factor behind ten instruments: an eigenvalue of 1 + 9/2 and nine of 1/2. The edge at T =
    /// 250 is (1 + √0.04)² = 1.44. At T = 10 it is 4, and still one is above.
    #[test]
    fn the_count_follows_its_rule() {
        let covariance = Array2::from_shape_fn((10, 10), |(i, j)| if i == j { 1.0 } else { 0.5 });
        let count = |days, rule| {
            let found = statistical_factors(covariance.view(), days, rule)?;
            Ok::<_, EstimateError>(found.model.loadings.ncols())
        };
        assert_eq!(count(250, FactorCount::MarchenkoPastur), Ok(1));
        assert_eq!(count(10, FactorCount::MarchenkoPastur), Ok(1));
        assert_eq!(count(250, FactorCount::VarianceShare(0.55)), Ok(1));
        assert_eq!(count(250, FactorCount::VarianceShare(0.56)), Ok(2));
        assert_eq!(count(250, FactorCount::VarianceShare(1.0)), Ok(10));
        assert_eq!(count(5, FactorCount::VarianceShare(1.0)), Ok(4));
        for rule in [
            FactorCount::Fixed(0),
            FactorCount::Fixed(11),
            FactorCount::VarianceShare(0.0),
            FactorCount::VarianceShare(f64::NAN),
        ] {
            assert!(matches!(count(250, rule), Err(EstimateError::Setting { .. })), "{rule:?}");
        }
        let alone = statistical_factors(Array2::eye(3).view(), 250, FactorCount::MarchenkoPastur).unwrap();
        assert_eq!(alone.model.loadings.ncols(), 1, "at least one, though none stands out");
    }

    #[test]
    fn what_does_not_vary_loads_on_nothing() {
        let covariance = array![[1.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.5, 0.0, 1.0]];
        let found = statistical_factors(covariance.view(), 100, FactorCount::Fixed(3)).unwrap();
        assert!(found.model.loadings.row(1).iter().all(|&loading| loading == 0.0));
        assert!(near(&found.model.covariance(), &covariance, 1e-14) && found.model.specific[1] == 0.0);
    }

    /// y = 1 + 2f at f = (−3, −1, 1, 3) and residuals (1, −1, −1, 1), which are orthogonal to f and to 1.
    #[test]
    fn a_regression_by_pencil() {
        let factors = array![[-3.0], [-1.0], [1.0], [3.0]];
        let returns = array![[-4.0, 5.0], [-2.0, 5.0], [2.0, 5.0], [8.0, 5.0]];
        let found = regressed_factors(returns.view(), factors.view()).unwrap();
        assert!(near(&found.model.loadings, &array![[2.0], [0.0]], 1e-14));
        assert!((found.intercepts[0] - 1.0).abs() < 1e-14 && (found.intercepts[1] - 5.0).abs() < 1e-14);
        // Residual squares 4 over T − k − 1 = 2; explained squares 4 · 20 of 84; factor variance 20/3.
        assert!((found.model.specific[0] - 2.0).abs() < 1e-13 && found.model.specific[1] == 0.0);
        assert!((found.r_squared[0] - 80.0 / 84.0).abs() < 1e-14 && found.r_squared[1] == 0.0);
        let expected = array![[4.0 * 20.0 / 3.0 + 2.0, 0.0], [0.0, 0.0]];
        assert!(near(&found.model.covariance(), &expected, 1e-13));
    }

    #[test]
    fn factors_that_repeat_each_other_are_refused() {
        let factors = array![[-3.0, -6.0], [-1.0, -2.0], [1.0, 2.0], [3.0, 6.0]];
        let returns = array![[1.0], [2.0], [0.0], [1.0]];
        assert!(matches!(
            regressed_factors(returns.view(), factors.view()),
            Err(EstimateError::Singular("the covariance of factors"))
        ));
        let fewer = factors.slice(ndarray::s![..3, ..]);
        assert!(matches!(regressed_factors(returns.view(), fewer), Err(EstimateError::TooFew { .. })));
        let one = factors.slice(ndarray::s![..3, ..1]);
        assert!(matches!(regressed_factors(returns.view(), one), Err(EstimateError::Shape { .. })));
    }
}
