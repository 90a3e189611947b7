//! Exponentially decayed sums of products, by block of days.
//!
//! Days belong to blocks of 32 calendar days by their date alone. A block's sums are made from its rows,
//! newest first, when one of them changes; the whole is the blocks' sums, newest first, each decayed by the
//! days after it. So the order of summation is told by the dates that there are, never by the path to them.

use std::collections::BTreeMap;

use evenkeel_schemas::TradeDate;
use ndarray::Array2;

use crate::covariance::power;
use crate::error::EstimateError;
use crate::linear::mirror;

type Rows = BTreeMap<TradeDate, Vec<Option<f64>>>;

/// Calendar days of a block: about 22 sessions, which is what a change costs.
const BLOCK_DAYS: i32 = 32;

fn block(date: TradeDate) -> i32 {
    date.days().div_euclid(BLOCK_DAYS)
}

#[derive(Clone, Debug, PartialEq)]
struct Block {
    rows: usize,
    /// `Σ λ^age x_i x_j` for j <= i, ages counted from the block's newest row.
    products: Array2<f64>,
    /// `Σ λ^age` over the days on which both have a return.
    weights: Array2<f64>,
}

/// The blocks. Memory is 16 bytes a block for each two instruments, in either order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decayed {
    lambda: f64,
    blocks: BTreeMap<i32, Block>,
}

impl Decayed {
    pub(crate) fn new(lambda: f64) -> Decayed {
        Decayed { lambda, blocks: BTreeMap::new() }
    }

    /// After many rows came: every block once.
    pub(crate) fn refresh_all(&mut self, rows: &Rows) {
        self.blocks.clear();
        let mut last = None;
        for &date in rows.keys() {
            if last.replace(block(date)) != Some(block(date)) {
                self.refresh(date, rows);
            }
        }
    }

    /// After the row of a date came, went or changed.
    pub(crate) fn refresh(&mut self, date: TradeDate, rows: &Rows) {
        let number = block(date);
        // The rows of the block lie on both sides of the date.
        let after = rows.range(date..).take_while(|(date, _)| block(**date) == number);
        let before = rows.range(..date).rev().take_while(|(date, _)| block(**date) == number);
        let after: Vec<&Vec<Option<f64>>> = after.map(|(_, row)| row).collect();
        let newest_first: Vec<&Vec<Option<f64>>> =
            after.into_iter().rev().chain(before.map(|(_, row)| row)).collect();
        if newest_first.is_empty() {
            self.blocks.remove(&number);
        } else {
            self.blocks.insert(number, summed(&newest_first, self.lambda));
        }
    }

    /// `Σ w x xᵀ / Σ w` for each two over the days that they have in common.
    pub(crate) fn covariance(&self, n: usize) -> Result<Array2<f64>, EstimateError> {
        let mut products: Array2<f64> = Array2::zeros((n, n));
        let mut weights: Array2<f64> = Array2::zeros((n, n));
        let mut age = 0;
        for block in self.blocks.values().rev() {
            let decay = power(self.lambda, age);
            products.zip_mut_with(&block.products, |sum, entry| *sum += decay * entry);
            weights.zip_mut_with(&block.weights, |sum, entry| *sum += decay * entry);
            age += block.rows;
        }
        for i in 0..n {
            for j in 0..=i {
                // So long ago that nothing is left of its weight is no observation either.
                if weights[[i, j]] <= 0.0 {
                    return Err(EstimateError::TooFew { what: "days in common", needed: 1, got: 0 });
                }
                products[[i, j]] /= weights[[i, j]];
            }
        }
        mirror(&mut products);
        Ok(products)
    }
}

fn summed(newest_first: &[&Vec<Option<f64>>], lambda: f64) -> Block {
    let n = newest_first.first().map_or(0, |row| row.len());
    let (mut products, mut weights) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
    for (age, row) in newest_first.iter().enumerate() {
        let weight = power(lambda, age);
        let there: Vec<(usize, f64)> =
            row.iter().enumerate().filter_map(|(i, x)| x.map(|x| (i, x))).collect();
        for (place, &(i, x)) in there.iter().enumerate() {
            for &(j, y) in &there[..=place] {
                products[[i, j]] += weight * (x * y);
                weights[[i, j]] += weight;
            }
        }
    }
    Block { rows: newest_first.len(), products, weights }
}
