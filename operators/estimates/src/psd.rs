//! Positive semi-definite matrices: whether one is, and the nearest one that is.
//!
//! A covariance by days in common with pairs need not be positive semi-definite, and printed ones are not
//! always.

use ndarray::{Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};

use crate::covariance::{correlation, deviations};
use crate::error::EstimateError;
use crate::linear::{eigen, squares, symmetric};

/// How a matrix that is not positive semi-definite is mended.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// The nearest correlation matrix by alternating projections, with the variances that there were.
    ///
    /// Source: Higham, "Computing the nearest correlation matrix: a problem from finance", IMA Journal of
    /// Numerical Analysis 22 (2002), algorithm 3.3.
    #[default]
    Higham,
    /// Negative eigenvalues become zero, which is nearest by the sum of squares and raises variances.
    ///
    /// Source: Higham, "Computing a nearest symmetric positive semidefinite matrix", Linear Algebra and its
    /// Applications 103 (1988), theorem 2.1.
    Clip,
}

/// A matrix that is positive semi-definite up to rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The matrix given, if it was.
    pub matrix: Array2<f64>,
    /// The least eigenvalue of the matrix given.
    pub least: f64,
    /// Whether it was mended.
    pub mended: bool,
}

/// Rounding of eigenvalues, of the largest one by amount: a few units in the last place an instrument.
fn rounding(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    4.0 * f64::EPSILON * values.len() as f64 * largest
}

/// The least eigenvalue, and whether none is negative beyond rounding (`4 n ε` of the largest by amount).
///
/// # Errors
/// [`EstimateError::Shape`] if the matrix is not symmetric.
pub fn positive_semi_definite(matrix: ArrayView2<'_, f64>) -> Result<(f64, bool), EstimateError> {
    symmetric("a covariance", matrix)?;
    let values = eigen("a covariance", matrix)?.values;
    let least = values.last().copied().unwrap_or(0.0);
    Ok((least, least >= -rounding(&values)))
}

/// The matrix itself if it is positive semi-definite, else the nearest that is, symmetric to the bit.
///
/// # Errors
/// [`EstimateError::Shape`] if the matrix is not symmetric, [`EstimateError::Indefinite`] for a negative
/// variance.
pub fn nearest(covariance: ArrayView2<'_, f64>, repair: Repair) -> Result<Repaired, EstimateError> {
    let (least, fine) = positive_semi_definite(covariance)?;
    let deviations = deviations(covariance)?;
    let matrix = match (fine, repair) {
        (true, _) => covariance.to_owned(),
        (false, Repair::Clip) => clip(covariance)?,
        (false, Repair::Higham) => {
            let mended = nearest_correlation(correlation(covariance)?.view())?;
            let entry = |(i, j): (usize, usize)| match i == j {
                true => covariance[[i, i]],
                false => mended[[i, j]] * (deviations[i] * deviations[j]),
            };
            Array2::from_shape_fn(mended.dim(), entry)
        }
    };
    Ok(Repaired { matrix, least, mended: !fine })
}

/// Without the negative eigenvalues.
fn clip(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>, EstimateError> {
    let eigen = eigen("a covariance", matrix)?;
    let above = eigen.values.iter().take_while(|value| **value > 0.0).count();
    Ok(squares(eigen.vectors.slice(s![.., ..above]).t(), |k| eigen.values[k]))
}

/// The most projections, each the price of an eigendecomposition. They converge linearly; a matrix that is
/// not quite the nearest is semi-definite all the same.
const PROJECTIONS_MAX: usize = 200;

/// Where projections stop, of the norm: beyond what a correlation of a few hundred days is known to.
const CLOSE_ENOUGH: f64 = 1e-9;

/// The nearest matrix with ones on its diagonal and no negative eigenvalue.
fn nearest_correlation(given: ArrayView2<'_, f64>) -> Result<Array2<f64>, EstimateError> {
    let mut unit = given.to_owned();
    let mut correction: Array2<f64> = Array2::zeros(given.dim());
    for _ in 0..PROJECTIONS_MAX {
        let start = &unit - &correction;
        let clipped = clip(start.view())?;
        correction = &clipped - &start;
        let before = unit;
        unit = clipped;
        unit.diag_mut().fill(1.0);
        if norm(&(&unit - &before)) <= CLOSE_ENOUGH * norm(&unit) {
            break;
        }
    }
    // The last projection was that onto unit diagonals; clipped and scaled it is both.
    let clipped = clip(unit.view())?;
    let scale: Vec<f64> = clipped.diag().iter().map(|entry| entry.sqrt()).collect();
    let entry = |(i, j): (usize, usize)| match i == j {
        true => 1.0,
        false => (clipped[[i, j]] / (scale[i] * scale[j])).clamp(-1.0, 1.0),
    };
    Ok(Array2::from_shape_fn(clipped.dim(), entry))
}

fn norm(matrix: &Array2<f64>) -> f64 {
    matrix.iter().fold(0.0, |sum, entry| sum + entry * entry).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// The example of Higham (2002), section 4: (1, 1, 0; 1, 1, 1; 0, 1, 1) gives 0.7607 and 0.1573.
    #[test]
    fn the_nearest_correlation_as_printed() {
        let given = array![[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]];
        let found = nearest(given.view(), Repair::Higham).unwrap();
        let printed = array![[1.0, 0.7607, 0.1573], [0.7607, 1.0, 0.7607], [0.1573, 0.7607, 1.0]];
        assert!((&found.matrix - &printed).iter().all(|d| d.abs() < 5e-5), "{}", found.matrix);
        assert!(found.mended && (found.least - (1.0 - 2.0_f64.sqrt())).abs() < 1e-14);
        assert!(positive_semi_definite(found.matrix.view()).unwrap().1);
    }

    /// (1, 2; 2, 1) has eigenvalues 3 and −1; without the second it is 3/2 everywhere.
    #[test]
    fn clipped_by_pencil() {
        let given = array![[1.0, 2.0], [2.0, 1.0]];
        let found = nearest(given.view(), Repair::Clip).unwrap();
        assert!(found.matrix.iter().all(|entry| (entry - 1.5).abs() < 1e-14), "{}", found.matrix);
        // With the variances kept, a correlation of 1 is what is left.
        let found = nearest(given.view(), Repair::Higham).unwrap();
        assert!(found.matrix.iter().all(|entry| (entry - 1.0).abs() < 1e-12), "{}", found.matrix);
    }

    #[test]
    fn what_is_fine_stays_to_the_bit() {
        let given = array![[4e-4, 1e-4, 0.0], [1e-4, 1e-4, 0.0], [0.0, 0.0, 0.0]];
        for repair in [Repair::Higham, Repair::Clip] {
            let found = nearest(given.view(), repair).unwrap();
            assert!(found.matrix == given && !found.mended);
        }
        let negative = array![[1.0, 0.0], [0.0, -1.0]];
        assert!(matches!(nearest(negative.view(), Repair::Clip), Err(EstimateError::Indefinite(_))));
    }
}
