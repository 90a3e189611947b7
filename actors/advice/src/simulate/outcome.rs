//! What a simulation comes to: probability, standard errors, percentiles.
//!
//! The two paths of a pair are not independent, so errors are those of the pairs' means:
//! `SE = s / √n` with n pairs and s the sample standard deviation of the pairs' means.
//! Source: P. Glasserman, Monte Carlo Methods in Financial Engineering (2003), section 4.2.

use evenkeel_schemas::{Money, Ratio, div_half_even};
use serde::{Deserialize, Serialize};

use super::problem::{PlanError, to_money, to_ratio};

/// The percentiles reported.
const PERCENTS: [u32; 7] = [5, 10, 25, 50, 75, 90, 95];

/// Half the width of a normal 95% interval, in standard errors.
const Z_95: f64 = 1.959_963_984_540_054;

/// How probable something is, as far as the paths tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probability {
    /// Paths on which it happened.
    pub successes: u32,
    /// All paths.
    pub paths: u32,
    /// Their quotient, rounded half-even to nine decimals.
    pub probability: Ratio,
    /// Its standard error from pairs; 0 when all pairs agree.
    pub standard_error: Ratio,
    /// 95% interval: 1.96 standard errors to either side, within 0 and 1; when all paths agree, within 3 /
    /// pairs of that (the rule of three).
    pub low_95: Ratio,
    /// See `low_95`.
    pub high_95: Ratio,
}

/// Counts successes pair by pair.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Pairs by how many of their two paths succeeded.
    pairs: [u32; 3],
    /// Whether the pair's first path succeeded, while its second is to come.
    first: Option<bool>,
}

impl Tally {
    /// The next path's result.
    pub(crate) fn add(&mut self, success: bool) {
        match self.first.take() {
            None => self.first = Some(success),
            Some(first) => self.pairs[usize::from(first) + usize::from(success)] += 1,
        }
    }

    pub(crate) fn successes(&self) -> u32 {
        self.pairs[1] + 2 * self.pairs[2]
    }

    pub(crate) fn probability(&self) -> Result<Probability, PlanError> {
        let pairs = self.pairs.iter().sum::<u32>();
        let (paths, successes) = (2 * pairs, self.successes());
        let share = f64::from(successes) / f64::from(paths);
        // With x = 0, 1, 2 successes of a pair: Σ(x/2 − p)² = (Σx² − (Σx)² / n) / 4, in integers until the
        // end.
        let squares = f64::from(self.pairs[1]) + 4.0 * f64::from(self.pairs[2]);
        let deviation = (squares - f64::from(successes) * f64::from(successes) / f64::from(pairs)) / 4.0;
        let variance = deviation.max(0.0) / f64::from(pairs - 1);
        let error = libm::sqrt(variance / f64::from(pairs));
        let alike = successes == 0 || successes == paths;
        let reach = if alike { 3.0 / f64::from(pairs) } else { Z_95 * error };
        let exact = div_half_even(i128::from(successes) * i128::from(Ratio::ONE), i128::from(paths));
        Ok(Probability {
            successes,
            paths,
            probability: Ratio::from_wide(exact).ok_or(PlanError::Range("probability"))?,
            standard_error: to_ratio("standard error", error)?,
            low_95: to_ratio("low_95", (share - reach).max(0.0))?,
            high_95: to_ratio("high_95", (share + reach).min(1.0))?,
        })
    }
}

/// One percentile of what is left.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Percentile {
    /// Percent of paths that end at or below `amount`.
    pub percent: u32,
    /// The amount, by nearest rank, in cents.
    pub amount: Money,
}

/// How amounts are spread over the paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Their mean.
    pub mean: Money,
    /// Its standard error, from pairs.
    pub mean_standard_error: Money,
    /// 5, 10, 25, 50, 75, 90 and 95 percent.
    pub percentiles: Vec<Percentile>,
}

/// The spread of amounts, one a path, pairs side by side.
pub(crate) fn spread(amounts: &mut [f64]) -> Result<Spread, PlanError> {
    let pairs: Vec<f64> =
        amounts.as_chunks::<2>().0.iter().map(|[one, other]| one / 2.0 + other / 2.0).collect();
    let count = pairs.len() as f64;
    let mean = pairs.iter().sum::<f64>() / count;
    let variance = pairs.iter().map(|pair| (pair - mean) * (pair - mean)).sum::<f64>() / (count - 1.0);
    amounts.sort_by(f64::total_cmp);
    let percentile = |percent: u32| {
        let rank = (amounts.len() * percent as usize).div_ceil(100).max(1);
        let amount = amounts.get(rank - 1).copied().unwrap_or(f64::NAN);
        Ok(Percentile { percent, amount: to_money("a percentile", amount)? })
    };
    Ok(Spread {
        mean: to_money("the mean", mean)?,
        mean_standard_error: to_money("the mean's standard error", libm::sqrt(variance / count))?,
        percentiles: PERCENTS.into_iter().map(percentile).collect::<Result<_, PlanError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_the_pairs() {
        let mut tally = Tally::default();
        // Pairs with 2, 1, 1 and 0 successes: means 1, 0.5, 0.5, 0; mean 0.5, variance (0.25 + 0.25) / 3.
        for success in [true, true, true, false, false, true, false, false] {
            tally.add(success);
        }
        let got = tally.probability().unwrap();
        assert_eq!((got.successes, got.paths, got.probability.to_string().as_str()), (4, 8, "0.5"));
        // √(0.5 / 3 / 4) = 0.204124145...
        assert_eq!(got.standard_error.to_string(), "0.204124145");
        assert_eq!(
            (got.low_95.to_string(), got.high_95.to_string()),
            ("0.099924027".into(), "0.900075973".into())
        );
    }

    #[test]
    fn paths_that_all_agree_are_not_certain() {
        let mut tally = Tally::default();
        for _ in 0..200 {
            tally.add(true);
        }
        let got = tally.probability().unwrap();
        assert_eq!((got.probability.to_string().as_str(), got.standard_error), ("1", Ratio::ZERO));
        assert_eq!((got.low_95.to_string().as_str(), got.high_95.to_string().as_str()), ("0.97", "1"));
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut amounts: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let spread = spread(&mut amounts).unwrap();
        let got: Vec<String> = spread.percentiles.iter().map(|p| p.amount.to_string()).collect();
        assert_eq!(got, ["5", "10", "25", "50", "75", "90", "95"]);
        assert_eq!(spread.mean.to_string(), "50.5");
        // Pair means 99.5, 97.5, ..., 1.5: 50 of them, variance 4 * (50² - 1) / 12 * 50 / 49 = 850.
        assert_eq!(spread.mean_standard_error.to_string(), "4.12");
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        assert!(spread(&mut [f64::NAN, 1.0, 1.0, 1.0]).is_err());
        assert!(spread(&mut [f64::INFINITY, 1.0, 1.0, 1.0]).is_err());
    }
}
