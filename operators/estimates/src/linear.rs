//! Dense linear algebra: what nalgebra does behind two functions, and products in a fixed order.
//!
//! nalgebra is built without SIMD dispatch and with its own elementary functions, products are plain loops
//! over the inner index from first to last: the same input has the same bits on every machine.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView2};

use crate::error::EstimateError;

/// Eigenvalues of a symmetric matrix from the largest to the smallest, and orthonormal eigenvectors.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    /// Column k belongs to value k; its largest entry by amount (the first of equals) is positive.
    pub(crate) vectors: Array2<f64>,
}

/// A symmetric matrix's eigenvalues and eigenvectors; of the input the lower triangle is read.
pub(crate) fn eigen(what: &'static str, matrix: ArrayView2<'_, f64>) -> Result<Eigen, EstimateError> {
    let n = square(what, matrix)?;
    if n == 0 {
        return Ok(Eigen { values: Vec::new(), vectors: Array2::zeros((0, 0)) });
    }
    let lower = |i: usize, j: usize| if i >= j { matrix[[i, j]] } else { matrix[[j, i]] };
    // QR steps converge cubically: two or three a value. The limit only keeps the loop finite.
    let found = SymmetricEigen::try_new(DMatrix::from_fn(n, n, lower), f64::EPSILON, 1000 * n);
    let found = found.ok_or(EstimateError::NotFinite(what))?;
    if found.eigenvalues.iter().chain(found.eigenvectors.iter()).any(|value| !value.is_finite()) {
        return Err(EstimateError::NotFinite(what));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&one, &other| found.eigenvalues[other].total_cmp(&found.eigenvalues[one]));
    let values = order.iter().map(|&k| found.eigenvalues[k]).collect();
    let mut vectors = Array2::from_shape_fn((n, n), |(i, k)| found.eigenvectors[(i, order[k])]);
    for mut vector in vectors.columns_mut() {
        let largest = vector.iter().fold(0.0_f64, |most, &x| if x.abs() > most.abs() { x } else { most });
        if largest < 0.0 {
            vector.mapv_inplace(|x| -x);
        }
    }
    Ok(Eigen { values, vectors })
}

/// A positive definite matrix, decomposed to solve with.
pub(crate) struct Cholesky(nalgebra::Cholesky<f64, nalgebra::Dyn>);

/// How far a pivot has to stay above zero, of the diagonal's entry: below it the solution has no digits left.
const PIVOT_MIN: f64 = 1e-12;

impl Cholesky {
    /// Decomposes; of the input the lower triangle is read.
    pub(crate) fn new(what: &'static str, matrix: ArrayView2<'_, f64>) -> Result<Cholesky, EstimateError> {
        let n = square(what, matrix)?;
        let found = nalgebra::Cholesky::new(DMatrix::from_fn(n, n, |i, j| matrix[[i, j]]));
        let found = found.ok_or(EstimateError::Singular(what))?;
        for i in 0..n {
            let pivot = found.l_dirty()[(i, i)];
            if pivot.is_nan() || pivot * pivot <= PIVOT_MIN * matrix[[i, i]] {
                return Err(EstimateError::Singular(what));
            }
        }
        Ok(Cholesky(found))
    }

    /// L of `matrix = L Lᵀ`.
    pub(crate) fn root(&self) -> Array2<f64> {
        let root = self.0.l();
        Array2::from_shape_fn((root.nrows(), root.ncols()), |(i, j)| root[(i, j)])
    }

    /// The solution of `matrix · x = right`.
    pub(crate) fn solve(&self, right: &Array1<f64>) -> Array1<f64> {
        let right = nalgebra::DVector::from_iterator(right.len(), right.iter().copied());
        self.0.solve(&right).iter().copied().collect()
    }

    /// The solutions for each column.
    pub(crate) fn solve_columns(&self, right: &Array2<f64>) -> Array2<f64> {
        let (rows, columns) = right.dim();
        let solved = self.0.solve(&DMatrix::from_fn(rows, columns, |i, j| right[[i, j]]));
        Array2::from_shape_fn((rows, columns), |(i, j)| solved[(i, j)])
    }
}

/// The size of a square matrix of finite numbers.
pub(crate) fn square(what: &'static str, matrix: ArrayView2<'_, f64>) -> Result<usize, EstimateError> {
    let (rows, columns) = matrix.dim();
    if rows != columns {
        let (expected, got) = ("a square matrix".to_owned(), format!("{rows} x {columns}"));
        return Err(EstimateError::Shape { what, expected, got });
    }
    finite(what, matrix.iter())?;
    Ok(rows)
}

/// The size of a symmetric matrix; entries may differ in the last digits of the larger of their diagonal's.
pub(crate) fn symmetric(what: &'static str, matrix: ArrayView2<'_, f64>) -> Result<usize, EstimateError> {
    let n = square(what, matrix)?;
    for i in 0..n {
        for j in 0..i {
            let scale = matrix[[i, i]].abs().max(matrix[[j, j]].abs());
            if (matrix[[i, j]] - matrix[[j, i]]).abs() > 1e-9 * scale {
                let got = format!("{} and {} at {i}, {j}", matrix[[i, j]], matrix[[j, i]]);
                return Err(EstimateError::Shape { what, expected: "a symmetric matrix".to_owned(), got });
            }
        }
    }
    Ok(n)
}

pub(crate) fn finite<'a>(
    what: &'static str,
    numbers: impl IntoIterator<Item = &'a f64>,
) -> Result<(), EstimateError> {
    match numbers.into_iter().all(|number| number.is_finite()) {
        true => Ok(()),
        false => Err(EstimateError::NotFinite(what)),
    }
}

/// A result, if its numbers are finite: those of finite inputs may still be beyond the range of f64.
pub(crate) fn in_range<T>(what: &'static str, result: T) -> Result<T, EstimateError>
where
    for<'a> &'a T: IntoIterator<Item = &'a f64>,
{
    let within = (&result).into_iter().all(|number| number.is_finite());
    if within { Ok(result) } else { Err(EstimateError::Range(what)) }
}

/// That a vector has as many finite numbers as there are instruments.
pub(crate) fn vector(what: &'static str, given: &Array1<f64>, len: usize) -> Result<(), EstimateError> {
    if given.len() != len {
        let (expected, got) = (format!("{len} numbers"), given.len().to_string());
        return Err(EstimateError::Shape { what, expected, got });
    }
    finite(what, given)
}

/// The sum of products, from first to last.
pub(crate) fn dot<'a>(
    one: impl IntoIterator<Item = &'a f64>,
    other: impl IntoIterator<Item = &'a f64>,
) -> f64 {
    one.into_iter().zip(other).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// `matrix · vector`.
pub(crate) fn apply(matrix: ArrayView2<'_, f64>, vector: &Array1<f64>) -> Array1<f64> {
    matrix.rows().into_iter().map(|row| dot(row, vector)).collect()
}

/// `one · other`.
pub(crate) fn product(one: ArrayView2<'_, f64>, other: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((one.nrows(), other.ncols()));
    for (row, mut out) in one.rows().into_iter().zip(out.rows_mut()) {
        for (&factor, other) in row.iter().zip(other.rows()) {
            out.iter_mut().zip(other).for_each(|(out, x)| *out += factor * x);
        }
    }
    out
}

/// `Σ_t w_t x_t x_tᵀ` over rows, from first to last, symmetric to the bit: row by row over the whole triangle,
/// which leaves the inner loop to the compiler's vectors without changing any sum's order.
pub(crate) fn squares(rows: ArrayView2<'_, f64>, weight: impl Fn(usize) -> f64) -> Array2<f64> {
    let n = rows.ncols();
    let rows = rows.as_standard_layout();
    let mut sums = Array2::zeros((n, n));
    for (t, row) in rows.rows().into_iter().enumerate() {
        let (weight, row) = (weight(t), row.as_slice().unwrap_or_default());
        for (i, mut sums) in sums.rows_mut().into_iter().enumerate() {
            let sums = sums.as_slice_mut().unwrap_or_default();
            // (w·a)·b differs from (w·b)·a in the last bit: the weight goes last, whatever the columns'
            // order.
            sums[..=i].iter_mut().zip(&row[..=i]).for_each(|(sum, x)| *sum += weight * (row[i] * x));
        }
    }
    mirror(&mut sums);
    sums
}

/// The lower triangle over the upper one.
pub(crate) fn mirror(matrix: &mut Array2<f64>) {
    for i in 0..matrix.nrows() {
        for j in 0..i {
            matrix[[j, i]] = matrix[[i, j]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// (2, 1; 1, 2) has the eigenvalues 3 and 1, along (1, 1) and (1, −1).
    #[test]
    fn eigenvalues_by_pencil() {
        let found = eigen("it", array![[2.0, 1.0], [1.0, 2.0]].view()).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((found.values[0] - 3.0).abs() < 1e-14 && (found.values[1] - 1.0).abs() < 1e-14);
        for (k, signs) in [(0, [1.0, 1.0]), (1, [1.0, -1.0])] {
            for i in 0..2 {
                assert!((found.vectors[[i, k]].abs() - half).abs() < 1e-14);
            }
            assert!(found.vectors[[0, k]] * found.vectors[[1, k]] * signs[1] > 0.0);
        }
        let back = squares(found.vectors.t(), |k| found.values[k]);
        assert!((&back - &array![[2.0, 1.0], [1.0, 2.0]]).iter().all(|d| d.abs() < 1e-14));
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let nan = array![[1.0, f64::NAN], [f64::NAN, 1.0]];
        assert_eq!(eigen("it", nan.view()).err(), Some(EstimateError::NotFinite("it")));
        let (wide, skew) = (array![[1.0, 2.0]], array![[1.0, 0.5], [0.4, 1.0]]);
        assert!(matches!(eigen("it", wide.view()), Err(EstimateError::Shape { .. })));
        assert!(matches!(symmetric("it", skew.view()), Err(EstimateError::Shape { .. })));
        assert!(eigen("it", Array2::zeros((0, 0)).view()).unwrap().values.is_empty());
        assert_eq!(eigen("it", Array2::zeros((3, 3)).view()).unwrap().values, [0.0; 3]);
    }

    /// 4x + 2y = 8, 2x + 3y = 8: x = 1, y = 2.
    #[test]
    fn solutions_by_pencil() {
        let solver = Cholesky::new("it", array![[4.0, 2.0], [2.0, 3.0]].view()).unwrap();
        let x = solver.solve(&array![8.0, 8.0]);
        assert!((x[0] - 1.0).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
        let twice = array![[1.0, 1.0], [1.0, 1.0]];
        assert_eq!(Cholesky::new("it", twice.view()).err(), Some(EstimateError::Singular("it")));
    }
}
