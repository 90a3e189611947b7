//! Sums over days of returns and of their products, for every pair of instruments, exactly.
//!
//! A return is rounded once, to a multiple of 2⁻⁵⁶ (a sixteenth of the rounding that a price ratio near 1
//! already has); from there on everything is an integer. Integer addition has no order: adding, correcting
//! and taking back days along any path leaves the same bits as adding what remains once.

use ethnum::I256;
use ndarray::Array2;

use crate::error::EstimateError;

/// Returns in integers: multiples of 2⁻⁵⁶.
const QUANTUM: f64 = 1.0 / (1_u64 << 56) as f64;

/// The largest return by amount: 511 days of such returns fit into the sums, and 32,767 of ±100%.
pub(crate) const RETURN_MAX: f64 = 8.0;

/// A day's returns in integers.
pub(crate) fn integers(row: &[Option<f64>]) -> Result<Vec<Option<i64>>, EstimateError> {
    let integer = |value: f64| match value.abs() <= RETURN_MAX {
        true => Ok((value / QUANTUM).round() as i64),
        false => Err(EstimateError::setting("a daily return", "a number from -8 to 8", value)),
    };
    row.iter().map(|value| value.map(integer).transpose()).collect()
}

/// The sums. Memory is 36 bytes for each two instruments, in either order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairSums {
    /// Days on which both have a return, for j <= i.
    days: Array2<u32>,
    /// `Σ x_i` over the days on which i and j have a return.
    sums: Array2<i128>,
    /// `Σ x_i x_j` over the same days, for j <= i.
    products: Array2<i128>,
}

impl PairSums {
    pub(crate) fn new(n: usize) -> PairSums {
        let (days, sums, products) = (Array2::zeros((n, n)), Array2::zeros((n, n)), Array2::zeros((n, n)));
        PairSums { days, sums, products }
    }

    /// Adds a day. On an error nothing has changed.
    pub(crate) fn add(&mut self, row: &[Option<i64>]) -> Result<(), EstimateError> {
        // A sum grows by at most the square of a return: room is looked for before anything is written.
        let largest = row.iter().flatten().map(|x| i128::from(*x).pow(2)).max().unwrap_or(0);
        let fullest = self.products.diag().iter().copied().max().unwrap_or(0);
        let days = self.days.diag().iter().copied().max().unwrap_or(0);
        if fullest.checked_add(largest).is_none() || days == u32::MAX {
            return Err(EstimateError::Range("a sum of squared returns"));
        }
        self.change::<true>(row);
        Ok(())
    }

    /// Takes a day back that was added.
    pub(crate) fn take(&mut self, row: &[Option<i64>]) {
        self.change::<false>(row);
    }

    fn change<const ADD: bool>(&mut self, row: &[Option<i64>]) {
        let there: Vec<(usize, i128)> =
            row.iter().enumerate().filter_map(|(i, x)| x.map(|x| (i, i128::from(x)))).collect();
        let sign = if ADD { 1 } else { -1 };
        for (place, &(i, x)) in there.iter().enumerate() {
            for &(j, y) in &there[..=place] {
                let days = &mut self.days[[i, j]];
                *days = if ADD { *days + 1 } else { days.saturating_sub(1) };
                // |Σ xy| <= √(Σx² Σy²), and those were found to fit.
                self.products[[i, j]] += sign * (x * y);
                self.sums[[i, j]] += sign * x;
                if i != j {
                    self.sums[[j, i]] += sign * y;
                }
            }
        }
    }

    /// The fewest days of any pair.
    pub(crate) fn fewest(&self) -> usize {
        let n = self.days.nrows();
        (0..n).flat_map(|i| (0..=i).map(move |j| [i, j])).map(|at| self.days[at] as usize).min().unwrap_or(0)
    }

    /// The mean return of an instrument.
    pub(crate) fn mean(&self, i: usize) -> f64 {
        self.sums[[i, i]] as f64 * QUANTUM / f64::from(self.days[[i, i]])
    }

    /// The sample covariance of two over the days that they have in common, of which there are at least two.
    /// The numerator `N Σxy − Σx Σy` is exact and rounded once.
    pub(crate) fn covariance(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        let days = self.days[[i, j]];
        let both = I256::from(days) * I256::from(self.products[[i, j]]);
        let each = I256::from(self.sums[[i, j]]) * I256::from(self.sums[[j, i]]);
        let days = f64::from(days);
        (both - each).as_f64() * (QUANTUM * QUANTUM) / (days * (days - 1.0))
    }
}
