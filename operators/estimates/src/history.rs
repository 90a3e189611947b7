//! Daily returns that are kept up: a day's row is added, corrected or taken back in O(n²).
//!
//! Computes  means, sample and exponentially weighted covariances by days in common with pairs, shrunk ones
//! Inputs    one row a day: a return per instrument, or none
//! Units     simple daily returns; results per day
//! Errors    a return beyond ±8 or no number; fewer days than an estimate needs
//! State     rows; exact integer sums of every pair (36 n² bytes); decayed sums by block of 32 calendar
//!           days (16 n² bytes each)
//! Cost      a change: about 2 n² additions for the sums and 22 n² / 2 for its block. An answer: n²
//!           divisions, and one pass over the blocks if it is weighted
//! Order     results are functions of the rows that there are, to the bit, whatever the path to them: sums
//!           are integers, and blocks are summed newest day first
//!
//! With complete rows the covariances are those of `sample_covariance` and `ewma_covariance` to 1e-12 of the
//! instruments' deviations, and positive semi-definite. With missing ones each entry is over the days that
//! the two have in common; such a matrix may have to be mended (`nearest`).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::TradeDate;
use ndarray::{Array1, Array2};

use crate::covariance::decay;
use crate::decayed::Decayed;
use crate::error::EstimateError;
use crate::pair_sums::{PairSums, integers};
use crate::returns::Returns;
use crate::shrinkage::{Shrunk, Target, ledoit_wolf};

/// Rows of returns by day, and the sums behind their covariances; see the head of this module.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    instruments: usize,
    rows: BTreeMap<TradeDate, Vec<Option<f64>>>,
    sums: PairSums,
    decayed: Decayed,
}

impl History {
    /// Without any day.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a decay outside 0 to 1.
    pub fn new(instruments: usize, lambda: f64) -> Result<History, EstimateError> {
        decay(lambda)?;
        let (sums, decayed) = (PairSums::new(instruments), Decayed::new(lambda));
        Ok(History { instruments, rows: BTreeMap::new(), sums, decayed })
    }

    /// All days of a table, its instruments in their order.
    ///
    /// # Errors
    /// As [`History::new`] and [`History::set`].
    pub fn of(returns: &Returns, lambda: f64) -> Result<History, EstimateError> {
        let mut history = History::new(returns.instruments().len(), lambda)?;
        for (t, &date) in returns.dates().iter().enumerate() {
            history.put(date, &returns.row(t))?;
        }
        history.decayed.refresh_all(&history.rows);
        Ok(history)
    }

    /// Adds the row of a day, in place of the one that there may be.
    ///
    /// # Errors
    /// [`EstimateError::Shape`] for a row of another length, [`EstimateError::Setting`] for a return beyond
    /// ±8, [`EstimateError::Range`] when no more fit into the sums; then nothing has changed.
    pub fn set(&mut self, date: TradeDate, row: &[Option<f64>]) -> Result<(), EstimateError> {
        self.put(date, row)?;
        self.decayed.refresh(date, &self.rows);
        Ok(())
    }

    /// All but the decayed sums.
    fn put(&mut self, date: TradeDate, row: &[Option<f64>]) -> Result<(), EstimateError> {
        if row.len() != self.instruments {
            let (expected, got) = (format!("{} returns", self.instruments), row.len().to_string());
            return Err(EstimateError::Shape { what: "a day's row", expected, got });
        }
        let new = integers(row)?;
        let old = self.rows.get(&date).map(|old| integers(old)).transpose()?;
        if let Some(old) = &old {
            self.sums.take(old);
        }
        if let Err(error) = self.sums.add(&new) {
            // What was there a moment ago fits again.
            if let Some(old) = &old {
                self.sums.add(old)?;
            }
            return Err(error);
        }
        self.rows.insert(date, row.to_vec());
        Ok(())
    }

    /// Takes over a table of the same instruments: rows that differ are set, days that it does not have are
    /// taken back. Gives the days that changed, from first to last. Comparing costs T n, a change n².
    ///
    /// # Errors
    /// As [`History::set`]; the days before the one that fails have changed.
    pub fn restate(&mut self, returns: &Returns) -> Result<Vec<TradeDate>, EstimateError> {
        let given: BTreeMap<TradeDate, usize> =
            returns.dates().iter().enumerate().map(|(t, &date)| (date, t)).collect();
        let days: BTreeSet<TradeDate> = self.rows.keys().chain(given.keys()).copied().collect();
        let mut changed = Vec::new();
        for date in days {
            let row = given.get(&date).map(|&t| returns.row(t));
            if self.rows.get(&date) == row.as_ref() {
                continue;
            }
            match row {
                Some(row) => self.set(date, &row)?,
                None => drop(self.remove(date)),
            }
            changed.push(date);
        }
        Ok(changed)
    }

    /// Takes a day back; false if there was none.
    pub fn remove(&mut self, date: TradeDate) -> bool {
        let Some(row) = self.rows.remove(&date) else { return false };
        if let Ok(row) = integers(&row) {
            self.sums.take(&row);
        }
        self.decayed.refresh(date, &self.rows);
        true
    }

    /// The days that there are, with their rows, from first to last.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (TradeDate, &[Option<f64>])> {
        self.rows.iter().map(|(&date, row)| (date, row.as_slice()))
    }

    /// The fewest days that any two instruments have in common, or one has alone.
    pub fn observations(&self) -> usize {
        self.sums.fewest()
    }

    fn enough(&self, needed: usize) -> Result<(), EstimateError> {
        match self.observations() {
            got if got < needed && self.instruments > 0 => {
                Err(EstimateError::TooFew { what: "days in common", needed, got })
            }
            _ => Ok(()),
        }
    }

    /// Mean daily returns, each over its own days.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] if an instrument has none.
    pub fn means(&self) -> Result<Array1<f64>, EstimateError> {
        self.enough(1)?;
        Ok((0..self.instruments).map(|i| self.sums.mean(i)).collect())
    }

    /// The sample covariance, (N − 1)-denominator, each entry about the means over the days in common.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] if two instruments have fewer than two days in common.
    pub fn sample(&self) -> Result<Array2<f64>, EstimateError> {
        self.enough(2)?;
        let shape = (self.instruments, self.instruments);
        Ok(Array2::from_shape_fn(shape, |(i, j)| self.sums.covariance(i, j)))
    }

    /// The exponentially weighted covariance about zero; a day's age is the number of days after it.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] if two instruments have no day in common that carries weight.
    pub fn ewma(&self) -> Result<Array2<f64>, EstimateError> {
        self.enough(1)?;
        self.decayed.covariance(self.instruments)
    }

    /// The shrunk covariance of the days on which every instrument has a return. Of its cost of O(T n²)
    /// nothing is kept between days.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] for fewer than two such days.
    pub fn ledoit_wolf(&self, target: Target) -> Result<Shrunk, EstimateError> {
        let rows: Vec<Vec<f64>> =
            self.rows.values().filter_map(|row| row.iter().copied().collect::<Option<_>>()).collect();
        ledoit_wolf(Array2::from_shape_fn((rows.len(), self.instruments), |(t, i)| rows[t][i]).view(), target)
    }
}
