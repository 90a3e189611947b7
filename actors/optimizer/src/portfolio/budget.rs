//! Weights with given contributions to the risk: the least of `½ yᵀCy − Σ b ln y`, `w = y / Σ y` (Maillard,
//! Roncalli and Teiletche 2010; Spinu, "An Algorithm for Computing Risk Parity Weights", 2013), by cyclical
//! coordinate descent (Griveau-Billion, Richard and Roncalli, "A Fast Algorithm for Computing High-Dimensional
//! Risk Parity Portfolios", 2013), which converges because the objective is convex and smooth in each
//! coordinate and each step is exact.

use super::covariance::{Covariance, Form};

/// Sweeps after which the coordinate method is given up.
const SWEEPS_MAX: u32 = 20_000;
/// The largest relative error of a contribution.
const CONTRIBUTION: f64 = 1e-12;

/// Weights that sum to one, and the sweeps it took.
pub(crate) struct Parity {
    pub weights: Vec<f64>,
    /// `Σ b ln(b / share)`: how far the objective is above its least value at most, by its dual.
    pub gap: f64,
    pub sweeps: u32,
}

/// The weights without other constraints; nothing if the method does not settle, as when some portfolio has no
/// risk. `budgets` are positive and sum to one, variances are positive.
pub(crate) fn parity(covariance: &Covariance, budgets: &[f64]) -> Option<Parity> {
    let variances = covariance.variances();
    let mut y: Vec<f64> = budgets.iter().zip(&variances).map(|(b, v)| (b / v).sqrt()).collect();
    let mut products = Products::new(covariance, &y);
    for sweep in 1..=SWEEPS_MAX {
        for (at, variance) in variances.iter().enumerate() {
            // The positive root of `C_ii y² + β y − b = 0`, in the form that does not cancel.
            let beta = products.at(at, &y) - variance * y[at];
            let root = (beta * beta + 4.0 * variance * budgets[at]).sqrt();
            let next =
                if beta > 0.0 { 2.0 * budgets[at] / (beta + root) } else { (root - beta) / (2.0 * variance) };
            products.change(at, next - y[at]);
            y[at] = next;
        }
        // Now and then from scratch, so that rounding does not gather.
        if sweep % 50 == 0 {
            products = Products::new(covariance, &y);
        }
        let shares = (0..y.len()).map(|at| y[at] * products.at(at, &y));
        let error = shares.zip(budgets).map(|(share, b)| (share / b - 1.0).abs()).fold(0.0, f64::max);
        if !error.is_finite() {
            return None;
        }
        if error <= CONTRIBUTION {
            let total: f64 = y.iter().sum();
            let products = covariance.times(&y);
            let variance: f64 = products.iter().zip(&y).map(|(product, y)| product * y).sum();
            let shares = products.iter().zip(&y).map(|(product, y)| product * y / variance);
            let gap: f64 = shares.zip(budgets).map(|(share, b)| b * (b / share).ln()).sum();
            let weights = y.iter().map(|y| y / total).collect();
            return Some(Parity { weights, gap: gap.max(0.0), sweeps: sweep });
        }
    }
    None
}

/// `C y`, kept up as single entries of y change.
enum Products<'a> {
    Dense { matrix: &'a ndarray::Array2<f64>, products: Vec<f64> },
    Factors { exposures: &'a ndarray::Array2<f64>, specific: &'a ndarray::Array1<f64>, factors: Vec<f64> },
}

impl<'a> Products<'a> {
    fn new(covariance: &'a Covariance, y: &[f64]) -> Products<'a> {
        match covariance.form() {
            Form::Dense { matrix, .. } => Products::Dense { matrix, products: covariance.times(y) },
            Form::Factors { exposures, specific } => {
                let factors = exposures.t().dot(&ndarray::ArrayView1::from(y)).to_vec();
                Products::Factors { exposures, specific, factors }
            }
        }
    }

    fn at(&self, at: usize, y: &[f64]) -> f64 {
        match self {
            Products::Dense { products, .. } => products[at],
            Products::Factors { exposures, specific, factors } => {
                let shared: f64 = exposures.row(at).iter().zip(factors).map(|(g, f)| g * f).sum();
                shared + specific[at] * y[at]
            }
        }
    }

    fn change(&mut self, at: usize, by: f64) {
        let (row, values) = match self {
            Products::Dense { matrix, products } => (matrix.row(at), products),
            Products::Factors { exposures, factors, .. } => (exposures.row(at), factors),
        };
        values.iter_mut().zip(row).for_each(|(value, entry)| *value += by * entry);
    }
}
