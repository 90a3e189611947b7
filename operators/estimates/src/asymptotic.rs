//! A factor model from the returns themselves, for more instruments than there are days, with short and gappy histories.
//!
//! Returns of each instrument are standardised over its own days. Of two days `Ω_ts` is the mean product over the
//! instruments that have a return on both. The largest eigenvectors of Ω are the factors' returns, up to scale, and an
//! instrument's loadings come from a regression of its own returns on them, over its own days. So an instrument
//! without a day costs no other instrument that day, and the covariance `B Bᵀ + diag(D)` is positive semi-definite
//! whatever is missing.
//!
//! Work: T² n / 2 for Ω and its eigenvectors of T × T, whatever the number of instruments.
//!
//! Source: Connor, Korajczyk, "Performance measurement with the arbitrage pricing theory", Journal of Financial
//! Economics 15 (1986); for missing returns their "A test for the number of factors in an approximate factor model",
//! Journal of Finance 48 (1993), section II.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::covariance::sample_covariance;
use crate::error::EstimateError;
use crate::factors::{FactorCount, FactorModel, factors, regressed_factors};
use crate::linear::{Cholesky, eigen, product, squares};
use crate::returns::Returns;

/// Days of the shortest history that each factor needs, so that loadings are not the noise of few days.
const DAYS_PER_FACTOR: usize = 4;

/// Factors found in returns, each of variance 1 and without correlation, so that `Σ = B Bᵀ + diag(D)` per day. A
/// factor's sign makes its largest loading positive. Instruments that do not vary, and those on whose days the factors
/// cannot be told apart, have no loadings: their variance is their own.
///
/// # Errors
/// [`EstimateError::TooFew`] for an instrument with fewer than eight returns, [`EstimateError::Setting`] for a count
/// out of range, [`EstimateError::Singular`] if returns have no factors that can be told apart.
pub fn principal_factors(returns: &Returns, count: FactorCount) -> Result<FactorModel, EstimateError> {
    let (n, days) = (returns.instruments().len(), returns.dates().len());
    let columns: Vec<Vec<(usize, f64)>> = (0..n).map(|i| returns.column(i)).collect();
    let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
    let needed = 2 * DAYS_PER_FACTOR;
    if shortest < needed {
        return Err(EstimateError::TooFew { what: "observations of an instrument", needed, got: shortest });
    }
    let found = eigen("products of days", products(&columns, days).view())?;
    // With all days of all instruments these are the eigenvalues of their correlations.
    let scale = n as f64 / (days - 1) as f64;
    let values: Vec<f64> = found.values.iter().map(|value| value * scale).collect();
    let k = factors(&values, n, days, count)?.min(shortest / DAYS_PER_FACTOR);
    let root = ((days - 1) as f64).sqrt();
    let moves = Array2::from_shape_fn((days, k), |(t, f)| found.vectors[[t, f]] * root);
    let (slopes, specific) = regressions(&columns, days, &moves)?;
    // B F Bᵀ = (B L) (B L)ᵀ.
    let scaling = Cholesky::new("the covariance of factors", sample_covariance(moves.view())?.view())?.root();
    let mut loadings = product(slopes.view(), scaling.view());
    for mut column in loadings.columns_mut() {
        let largest = column.iter().fold(0.0_f64, |most, &x| if x.abs() > most.abs() { x } else { most });
        if largest < 0.0 {
            column.mapv_inplace(|x| -x);
        }
    }
    Ok(FactorModel::uncorrelated(loadings, specific))
}

/// Ω.
fn products(columns: &[Vec<(usize, f64)>], days: usize) -> Array2<f64> {
    let (mut scaled, mut there) =
        (Array2::zeros((columns.len(), days)), Array2::zeros((columns.len(), days)));
    for (i, column) in columns.iter().enumerate() {
        let (mean, deviation) = moments(column);
        if deviation > 0.0 {
            for &(t, x) in column {
                scaled[[i, t]] = (x - mean) / deviation;
                there[[i, t]] = 1.0;
            }
        }
    }
    let mut products = squares(scaled.view(), |_| 1.0);
    let counts = squares(there.view(), |_| 1.0);
    products
        .zip_mut_with(&counts, |product, count| *product = if *count > 0.0 { *product / count } else { 0.0 });
    products
}

/// Mean and sample deviation.
fn moments(column: &[(usize, f64)]) -> (f64, f64) {
    let count = column.len() as f64;
    let mean = column.iter().fold(0.0, |sum, (_, x)| sum + x) / count;
    let squares = column.iter().fold(0.0, |sum, (_, x)| sum + (x - mean) * (x - mean));
    (mean, (squares / (count - 1.0)).sqrt())
}

/// Slopes, instrument by factor, and the variances that they do not explain.
fn regressions(
    columns: &[Vec<(usize, f64)>],
    days: usize,
    moves: &Array2<f64>,
) -> Result<(Array2<f64>, Array1<f64>), EstimateError> {
    let mut slopes = Array2::zeros((columns.len(), moves.ncols()));
    let mut specific = Array1::zeros(columns.len());
    let mut put = |places: &[usize], returns: ArrayView2<'_, f64>, moves: ArrayView2<'_, f64>| {
        let fitted = match regressed_factors(returns, moves) {
            Err(EstimateError::Singular(_)) => None,
            fitted => Some(fitted?),
        };
        for (at, &place) in places.iter().enumerate() {
            match &fitted {
                Some(fitted) => {
                    slopes.row_mut(place).assign(&fitted.model.loadings().row(at));
                    specific[place] = fitted.model.specific()[at];
                }
                None => specific[place] = moments(&columns[place]).1.powi(2),
            }
        }
        Ok::<(), EstimateError>(())
    };
    // Most have all days, and share one decomposition.
    let whole: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].len() == days).collect();
    if !whole.is_empty() {
        let returns = Array2::from_shape_fn((days, whole.len()), |(t, at)| columns[whole[at]][t].1);
        put(&whole, returns.view(), moves.view())?;
    }
    for (i, column) in columns.iter().enumerate().filter(|(_, column)| column.len() < days) {
        let own: Vec<usize> = column.iter().map(|(t, _)| *t).collect();
        let returns = Array2::from_shape_fn((column.len(), 1), |(at, _)| column[at].1);
        put(&[i], returns.view(), moves.select(Axis(0), &own).view())?;
    }
    Ok((slopes, specific))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::table;

    /// One factor of ±1 in turn, loadings 1, 2 and −1/2 per cent and nothing else: the covariance is the product of
    /// loadings times the factor's variance, 8/7.
    #[test]
    fn one_factor_by_pencil() {
        let loadings = [0.01, 0.02, -0.005];
        let returns = table(8, 3, |t, i| Some(if t % 2 == 0 { loadings[i] } else { -loadings[i] }));
        let model = principal_factors(&returns, FactorCount::Fixed(1)).unwrap();
        let covariance = model.covariance();
        for i in 0..3 {
            for j in 0..3 {
                let expected = loadings[i] * loadings[j] * 8.0 / 7.0;
                assert!((covariance[[i, j]] - expected).abs() < 1e-15, "{covariance}");
            }
        }
        assert!(model.loadings()[[1, 0]] > 0.0 && model.specific().iter().all(|own| own.abs() < 1e-18));
    }

    /// What an instrument lacks of days leaves the others as they are, nearly, and its own loading too.
    #[test]
    fn gaps_cost_nobody_else_a_day() {
        let noise = |t: usize, i: usize| ((t * 37 + i * 101) * 7919 % 1009) as f64 / 1009.0 - 0.5;
        let whole = |t: usize, i: usize| 0.01 * noise(t, 500) + 0.002 * noise(t, i);
        let full =
            principal_factors(&table(120, 20, |t, i| Some(whole(t, i))), FactorCount::Fixed(1)).unwrap();
        let gappy =
            |t: usize, i: usize| (!(t + 3 * i).is_multiple_of(11) && (i > 0 || t > 50)).then(|| whole(t, i));
        let gappy = principal_factors(&table(120, 20, gappy), FactorCount::Fixed(1)).unwrap();
        let (full, gappy) = (full.covariance(), gappy.covariance());
        for i in 0..20 {
            for j in 1..20 {
                let scale = (full[[i, i]] * full[[j, j]]).sqrt();
                let limit = if i == 0 { 0.25 } else { 0.12 };
                assert!((full[[i, j]] - gappy[[i, j]]).abs() < limit * scale, "{i} {j}");
            }
        }
    }

    #[test]
    fn what_does_not_vary_has_no_loading() {
        let returns =
            table(20, 4, |t, i| Some(if i == 2 { 0.001 } else { (t * (i + 3) % 7) as f64 / 100.0 }));
        let model = principal_factors(&returns, FactorCount::MarchenkoPastur).unwrap();
        assert!(model.loadings().row(2).iter().all(|loading| loading.abs() < 1e-15));
        assert!(model.specific()[2].abs() < 1e-30 && model.specific().iter().all(|own| *own >= 0.0));
        let few = table(7, 2, |t, i| Some((t + i) as f64));
        assert!(matches!(principal_factors(&few, FactorCount::default()), Err(EstimateError::TooFew { .. })));
    }
}
