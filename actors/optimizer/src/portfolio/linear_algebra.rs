//! The little linear algebra that the statistics need: a root of a covariance, and the inverse of a small one.

use ndarray::{Array1, Array2, ArrayView1};

/// Pivots below this share of the largest variance count as zero, and negative ones beyond it as the proof that
/// a matrix is not positive semi-definite. Rounding of a sample covariance of hundreds of instruments is below
/// 1e-13; a matrix printed to six decimals can be wrong by 1e-5.
pub(crate) const SEMIDEFINITE: f64 = 1e-10;

/// A direction in which a matrix is negative.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Indefinite {
    /// The negative value of the quadratic form there.
    pub value: f64,
    /// The direction.
    pub direction: Array1<f64>,
}

/// `R`, n rows and as many columns as the rank, with `C = R Rᵀ`: Cholesky's factorisation with the largest
/// pivot first (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 10.3).
pub(crate) fn root(matrix: &Array2<f64>) -> Result<Array2<f64>, Indefinite> {
    let n = matrix.nrows();
    let mut rest = matrix.clone();
    let largest = rest.diag().iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let zero = SEMIDEFINITE * largest;
    let (mut columns, mut pivots): (Vec<Array1<f64>>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut left: Vec<usize> = (0..n).collect();
    while let Some(at) = (0..left.len())
        .max_by(|a, b| rest[[left[*a], left[*a]]].total_cmp(&rest[[left[*b], left[*b]]]).then(b.cmp(a)))
    {
        let pivot = left[at];
        if rest[[pivot, pivot]] <= zero {
            break;
        }
        left.remove(at);
        let scale = rest[[pivot, pivot]].sqrt();
        let mut column = Array1::zeros(n);
        column[pivot] = scale;
        for row in &left {
            column[*row] = rest[[*row, pivot]] / scale;
        }
        for row in &left {
            let factor = column[*row];
            let mut target = rest.row_mut(*row);
            for other in &left {
                target[*other] -= factor * column[*other];
            }
        }
        columns.push(column);
        pivots.push(pivot);
    }
    if let Some(indefinite) = negative(&rest, &left, &columns, &pivots, zero) {
        return Err(indefinite);
    }
    let mut root = Array2::zeros((n, columns.len()));
    for (at, column) in columns.iter().enumerate() {
        root.column_mut(at).assign(column);
    }
    Ok(root)
}

/// A direction with a negative value among what is left when no pivot is.
fn negative(
    rest: &Array2<f64>,
    left: &[usize],
    columns: &[Array1<f64>],
    pivots: &[usize],
    zero: f64,
) -> Option<Indefinite> {
    let mut worst: Option<(f64, Vec<(usize, f64)>)> = None;
    let mut consider = |value: f64, parts: Vec<(usize, f64)>| {
        if worst.as_ref().is_none_or(|(least, _)| value < *least) {
            worst = Some((value, parts));
        }
    };
    for (at, row) in left.iter().enumerate() {
        consider(rest[[*row, *row]], vec![(*row, 1.0)]);
        for other in &left[..at] {
            let cross = rest[[*row, *other]];
            let value = rest[[*row, *row]] + rest[[*other, *other]] - 2.0 * cross.abs();
            consider(value, vec![(*row, 1.0), (*other, -cross.signum())]);
        }
    }
    let (value, parts) = worst.filter(|(value, _)| *value < -4.0 * zero.max(f64::MIN_POSITIVE))?;
    let mut direction = Array1::zeros(rest.nrows());
    parts.iter().for_each(|(row, part)| direction[*row] = *part);
    // Takes the pivots' share out, last pivot first, so that what is left is `value`.
    for (column, pivot) in columns.iter().zip(pivots).rev() {
        let along: f64 = column.dot(&direction);
        direction[*pivot] -= along / column[*pivot];
    }
    Some(Indefinite { value, direction })
}

/// The inverse of a symmetric positive definite matrix, by Cholesky's factorisation; nothing if it is not.
pub(crate) fn inverse(matrix: &Array2<f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((n, n));
    for row in 0..n {
        for column in 0..=row {
            let known: ArrayView1<'_, f64> = lower.row(column);
            let sum = lower.row(row).slice(ndarray::s![..column]).dot(&known.slice(ndarray::s![..column]));
            let rest = matrix[[row, column]] - sum;
            if row == column {
                if rest <= 0.0 || !rest.is_finite() {
                    return None;
                }
                lower[[row, row]] = rest.sqrt();
            } else {
                lower[[row, column]] = rest / lower[[column, column]];
            }
        }
    }
    // The inverse of the factor, row by row, then its square.
    let mut factor = Array2::<f64>::zeros((n, n));
    for row in 0..n {
        let scale = 1.0 / lower[[row, row]];
        for below in 0..row {
            let share = lower[[row, below]] * scale;
            for column in 0..=below {
                factor[[row, column]] -= share * factor[[below, column]];
            }
        }
        factor[[row, row]] = scale;
    }
    Some(factor.t().dot(&factor))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_root_gives_its_matrix_back() {
        let matrix = array![[4.0, 2.0, 0.6], [2.0, 2.0, 0.5], [0.6, 0.5, 1.0]];
        let root = root(&matrix).unwrap();
        let back = root.dot(&root.t());
        assert!((&back - &matrix).iter().all(|difference| difference.abs() < 1e-14), "{back}");
        let inverse = inverse(&matrix).unwrap();
        let one = inverse.dot(&matrix);
        assert!((&one - &Array2::<f64>::eye(3)).iter().all(|difference| difference.abs() < 1e-13), "{one}");
    }

    /// Two instruments that are one: rank one, and semi-definite.
    #[test]
    fn a_singular_matrix_has_a_narrow_root() {
        let root = root(&array![[0.04, 0.04], [0.04, 0.04]]).unwrap();
        assert_eq!(root.dim(), (2, 1));
        assert!(inverse(&array![[1.0, 2.0], [2.0, 1.0]]).is_none());
    }

    /// Correlations of 0.9, 0.9 and −0.9 cannot be together.
    #[test]
    fn a_negative_direction_is_found() {
        for matrix in [
            array![[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]],
            array![[0.0, 1.0], [1.0, 0.0]],
            array![[1.0, 0.0], [0.0, -0.5]],
        ] {
            let Indefinite { value, direction } = root(&matrix).unwrap_err();
            assert!(value < 0.0);
            let form = direction.dot(&matrix.dot(&direction));
            assert!((form - value).abs() < 1e-12, "{form} for {value}");
        }
    }
}
