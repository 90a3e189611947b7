//! A covariance that is known to be one: symmetric, finite, positive semi-definite; dense or by factors.

use ndarray::{Array1, Array2, Axis};

use super::linear_algebra::{Indefinite, root};

/// Differences between two sides of a matrix that count as rounding, of its largest entry.
const SYMMETRY: f64 = 1e-9;

/// Covariances of returns, per period of the problem (a year, as a rule), as ratios squared.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    /// n×n, and a root R of it with C = R Rᵀ.
    Dense { matrix: Array2<f64>, root: Array2<f64> },
    /// C = G Gᵀ + diag(specific) with G = B L, F = L Lᵀ; n×k.
    Factors { exposures: Array2<f64>, specific: Array1<f64> },
}

/// Why a matrix is no covariance. Instruments are told by their place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CovarianceError {
    /// Rows and columns do not fit.
    #[error("the covariance has the shape {rows}×{columns}, expected {expected}")]
    Shape {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// What was expected.
        expected: String,
    },
    /// NaN or infinite.
    #[error("entry ({row}, {column}) of the covariance is not a finite number")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
    },
    /// The two sides differ.
    #[error(
        "the covariance is not symmetric: entry ({row}, {column}) is {here}, ({column}, {row}) is {there}"
    )]
    NotSymmetric {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The entry.
        here: f64,
        /// The entry across.
        there: f64,
    },
    /// Some portfolio would have a negative variance.
    #[error(
        "the covariance is not positive semi-definite: the portfolio {portfolio} would have a variance of \
         {variance:e}; repair the estimate (shrinkage, nearest semi-definite matrix) before optimising"
    )]
    NotSemidefinite {
        /// The variance of that portfolio.
        variance: f64,
        /// The portfolio: places and weights, largest first, at most five.
        portfolio: String,
    },
}

impl Covariance {
    /// From all its entries, n×n.
    ///
    /// # Errors
    /// [`CovarianceError`]; eigenvalues that are negative by rounding alone (1e-10 of the largest variance) pass.
    pub fn dense(matrix: Array2<f64>) -> Result<Covariance, CovarianceError> {
        let matrix = symmetric(matrix)?;
        let root = root(&matrix).map_err(|indefinite| not_semidefinite(&indefinite))?;
        Ok(Covariance { form: Form::Dense { matrix, root } })
    }

    /// `B F Bᵀ + diag(D)`: loadings B (n×k), factor covariance F (k×k), specific variances D (n). The optimiser
    /// then works on k + n numbers instead of n².
    ///
    /// # Errors
    /// [`CovarianceError`] of F (portfolios are then of factors), or of a negative specific variance.
    pub fn factors(
        loadings: &Array2<f64>,
        factors: Array2<f64>,
        specific: Array1<f64>,
    ) -> Result<Covariance, CovarianceError> {
        let (rows, columns) = loadings.dim();
        if rows != specific.len() || columns != factors.nrows() {
            let expected = format!("{}×{} for the loadings", specific.len(), factors.nrows());
            return Err(CovarianceError::Shape { rows, columns, expected });
        }
        if let Some((row, column)) = first(loadings, |value| !value.is_finite()) {
            return Err(CovarianceError::NotFinite { row, column });
        }
        for (row, variance) in specific.iter().enumerate() {
            if !variance.is_finite() {
                return Err(CovarianceError::NotFinite { row, column: row });
            }
            if *variance < 0.0 {
                let portfolio = format!("(#{row}: 1, without factors)");
                return Err(CovarianceError::NotSemidefinite { variance: *variance, portfolio });
            }
        }
        let factors = symmetric(factors)?;
        let root = root(&factors).map_err(|indefinite| not_semidefinite(&indefinite))?;
        Ok(Covariance { form: Form::Factors { exposures: loadings.dot(&root), specific } })
    }

    /// Instruments without correlation, with these variances.
    ///
    /// # Errors
    /// [`CovarianceError`] of a variance that is negative or not finite.
    pub fn diagonal(variances: Array1<f64>) -> Result<Covariance, CovarianceError> {
        let loadings = Array2::zeros((variances.len(), 0));
        Covariance::factors(&loadings, Array2::zeros((0, 0)), variances)
    }

    /// The covariance of some of the instruments, by their places, in the same form.
    ///
    /// # Errors
    /// [`CovarianceError::Shape`] if a place is not there.
    pub fn part(&self, places: &[usize]) -> Result<Covariance, CovarianceError> {
        if let Some(place) = places.iter().find(|place| **place >= self.size()) {
            let (size, expected) = (self.size(), format!("more than {place}"));
            return Err(CovarianceError::Shape { rows: size, columns: size, expected });
        }
        match &self.form {
            Form::Dense { matrix, .. } => {
                Covariance::dense(matrix.select(Axis(0), places).select(Axis(1), places))
            }
            Form::Factors { exposures, specific } => {
                let (exposures, specific) =
                    (exposures.select(Axis(0), places), specific.select(Axis(0), places));
                Ok(Covariance { form: Form::Factors { exposures, specific } })
            }
        }
    }

    /// `by · C`, in the same form.
    ///
    /// # Errors
    /// [`CovarianceError`] if `by` is negative or not finite, or so great that an entry is no number.
    pub fn scaled(&self, by: f64) -> Result<Covariance, CovarianceError> {
        match &self.form {
            Form::Dense { matrix, .. } => Covariance::dense(matrix * by),
            Form::Factors { exposures, specific } => {
                let factors = Array2::from_diag(&Array1::from_elem(exposures.ncols(), by));
                Covariance::factors(exposures, factors, specific * by)
            }
        }
    }

    /// Whether it is by factors.
    pub fn by_factors(&self) -> bool {
        matches!(self.form, Form::Factors { .. })
    }

    /// How many instruments.
    pub fn size(&self) -> usize {
        match &self.form {
            Form::Dense { matrix, .. } => matrix.nrows(),
            Form::Factors { specific, .. } => specific.len(),
        }
    }

    /// The covariance of two instruments, by their places; zero outside.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        if row >= self.size() || column >= self.size() {
            return 0.0;
        }
        match &self.form {
            Form::Dense { matrix, .. } => matrix[[row, column]],
            Form::Factors { exposures, specific } => {
                let shared = exposures.row(row).dot(&exposures.row(column));
                if row == column { shared + specific[row] } else { shared }
            }
        }
    }

    /// The variances.
    pub fn variances(&self) -> Vec<f64> {
        (0..self.size()).map(|at| self.at(at, at)).collect()
    }

    /// `C w`: the covariance of each instrument with the portfolio. `weights` has one entry an instrument.
    pub fn times(&self, weights: &[f64]) -> Vec<f64> {
        let weights = Array1::from_vec(weights.to_vec());
        match &self.form {
            Form::Dense { matrix, .. } => matrix.dot(&weights).to_vec(),
            Form::Factors { exposures, specific } => {
                (exposures.dot(&exposures.t().dot(&weights)) + specific * &weights).to_vec()
            }
        }
    }

    /// `wᵀ C w`.
    pub fn variance(&self, weights: &[f64]) -> f64 {
        let products = self.times(weights);
        products.iter().zip(weights).map(|(product, weight)| product * weight).sum::<f64>().max(0.0)
    }

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    /// All its entries.
    pub(crate) fn entries(&self) -> Array2<f64> {
        match &self.form {
            Form::Dense { matrix, .. } => matrix.clone(),
            Form::Factors { exposures, specific } => {
                exposures.dot(&exposures.t()) + Array2::from_diag(specific)
            }
        }
    }
}

fn first(matrix: &Array2<f64>, wanted: impl Fn(f64) -> bool) -> Option<(usize, usize)> {
    matrix.indexed_iter().find(|(_, value)| wanted(**value)).map(|(place, _)| place)
}

/// The matrix with rounding between its two sides evened out.
fn symmetric(matrix: Array2<f64>) -> Result<Array2<f64>, CovarianceError> {
    let (rows, columns) = matrix.dim();
    if rows != columns {
        return Err(CovarianceError::Shape { rows, columns, expected: "as many rows as columns".to_owned() });
    }
    if let Some((row, column)) = first(&matrix, |value| !value.is_finite()) {
        return Err(CovarianceError::NotFinite { row, column });
    }
    let largest = matrix.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for ((row, column), here) in matrix.indexed_iter() {
        let there = matrix[[column, row]];
        if (here - there).abs() > SYMMETRY * largest {
            return Err(CovarianceError::NotSymmetric { row, column, here: *here, there });
        }
    }
    Ok((&matrix + &matrix.t()) * 0.5)
}

fn not_semidefinite(indefinite: &Indefinite) -> CovarianceError {
    let mut parts: Vec<(usize, f64)> =
        indefinite.direction.iter().copied().enumerate().filter(|(_, part)| *part != 0.0).collect();
    parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    let more = if parts.len() > 5 { ", …" } else { "" };
    let shown: Vec<String> = parts.iter().take(5).map(|(at, part)| format!("#{at}: {part:.3}")).collect();
    let portfolio = format!("({}{more})", shown.join(", "));
    CovarianceError::NotSemidefinite { variance: indefinite.value, portfolio }
}
