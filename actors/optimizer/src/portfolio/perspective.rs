//! The diagonal that a covariance can spare: d with `C − diag(d)` still positive semi-definite, as large as is
//! cheaply found. The larger it is, the nearer the perspective relaxation comes to the problem with whole
//! decisions (Frangioni and Gentile 2007, "SDP Diagonalizations and Perspective Cuts", who solve for the
//! largest; here by coordinate ascent on the same problem).

use ndarray::Array2;

use super::covariance::{Covariance, Form};
use super::linear_algebra::inverse;

/// Passes over the diagonal, and the share of what an entry can still spare that a pass takes.
const PASSES: usize = 8;
const SHARE: f64 = 0.3;
/// What is added before, and taken off after, so that a singular covariance has an inverse; of the largest
/// variance.
const RIDGE: f64 = 1e-8;

/// d, one entry an instrument; zero where nothing can be spared.
pub(crate) fn spare_diagonal(covariance: &Covariance) -> Vec<f64> {
    match covariance.form() {
        // The factors' part is semi-definite by itself.
        Form::Factors { specific, .. } => specific.to_vec(),
        Form::Dense { matrix, .. } => ascend(matrix).unwrap_or_else(|| vec![0.0; matrix.nrows()]),
    }
}

fn ascend(matrix: &Array2<f64>) -> Option<Vec<f64>> {
    let n = matrix.nrows();
    let ridge = RIDGE * matrix.diag().iter().copied().fold(0.0, f64::max);
    let mut left = matrix + &(Array2::<f64>::eye(n) * ridge);
    let mut inverted = inverse(&left)?;
    let mut spared = vec![0.0; n];
    for _ in 0..PASSES {
        for (at, spared) in spared.iter_mut().enumerate() {
            // C − t e eᵀ stays semi-definite up to t = 1 / (C⁻¹)_ii (Sherman and Morrison).
            let step = SHARE / inverted[[at, at]];
            if !(step > 0.0 && step.is_finite()) {
                return None;
            }
            *spared += step;
            left[[at, at]] -= step;
            let column = inverted.column(at).to_owned();
            let factor = step / (1.0 - SHARE);
            for (mut row, value) in inverted.rows_mut().into_iter().zip(&column) {
                row.scaled_add(factor * value, &column);
            }
        }
    }
    // A second look, because the updates gather rounding.
    for share in [1.0 - 1e-6, 0.9, 0.5] {
        let d: Vec<f64> = spared.iter().map(|spared| (share * spared - ridge).max(0.0)).collect();
        let mut rest = matrix + &(Array2::<f64>::eye(n) * ridge);
        d.iter().enumerate().for_each(|(at, d)| rest[[at, at]] -= d + ridge * 0.5);
        if inverse(&rest).is_some() {
            return Some(d);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::linear_algebra::root;
    use super::*;

    #[test]
    fn what_is_left_is_semidefinite() {
        let matrix = array![[0.04, 0.018, 0.01], [0.018, 0.09, 0.0], [0.01, 0.0, 0.0225]];
        let covariance = Covariance::dense(matrix.clone()).unwrap();
        let d = spare_diagonal(&covariance);
        let left = &matrix - &Array2::from_diag(&ndarray::Array1::from_vec(d.clone()));
        assert!(root(&left).is_ok(), "{left}");
        // Most of what can be spared is: the rest is nearly singular.
        assert!(d.iter().sum::<f64>() > 0.8 * (0.04 + 0.09 + 0.0225 - 0.06), "{d:?}");
    }

    #[test]
    fn without_correlation_all_is_spared() {
        let covariance = Covariance::dense(array![[0.04, 0.0], [0.0, 0.09]]).unwrap();
        let d = spare_diagonal(&covariance);
        assert!(d[0] > 0.037 && d[0] <= 0.04 && d[1] > 0.084 && d[1] <= 0.09, "{d:?}");
    }
}
