//! How two instruments move together, over the days that both have a return.

use crate::covariance::DAYS_PER_YEAR;
use crate::returns::Returns;

/// Sample moments of two instruments' daily returns, (N − 1)-denominator, over their days in common.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct PairMoments {
    /// Days in common.
    pub observations: usize,
    /// Variance per day of each.
    pub variances: [f64; 2],
    /// Covariance per day.
    pub covariance: f64,
}

impl PairMoments {
    /// Of two instruments of a table, by their places; `None` with fewer than two days in common.
    pub fn of(returns: &Returns, one: usize, other: usize) -> Option<PairMoments> {
        let days = 0..returns.dates().len();
        let both: Vec<(f64, f64)> =
            days.filter_map(|t| returns.get(t, one).zip(returns.get(t, other))).collect();
        if both.len() < 2 {
            return None;
        }
        let count = both.len() as f64;
        let (sum_x, sum_y) = both.iter().fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (x, y) in &both {
            let (x, y) = (x - mean_x, y - mean_y);
            xx += x * x;
            yy += y * y;
            xy += x * y;
        }
        let less = count - 1.0;
        let (variances, covariance) = ([xx / less, yy / less], xy / less);
        Some(PairMoments { observations: both.len(), variances, covariance })
    }

    /// ρ, within −1 and 1; `None` if one of the two never moves.
    pub fn correlation(&self) -> Option<f64> {
        let scale = (self.variances[0] * self.variances[1]).sqrt();
        (scale > 0.0).then(|| (self.covariance / scale).clamp(-1.0, 1.0))
    }

    /// The variance per year of the difference of their returns: of holding one in the place of the other.
    pub fn tracking_variance(&self) -> f64 {
        let daily = self.variances[0] + self.variances[1] - 2.0 * self.covariance;
        daily.max(0.0) * DAYS_PER_YEAR
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::InstrumentId;

    use super::*;
    use crate::returns::{Mark, ReturnRule, daily_returns};

    #[test]
    fn moments_are_those_of_the_days_in_common() {
        // Returns of the first: +10%, −10%, +10%; of the second: +20%, −20%, and none on the last day.
        let prices = [(0, ["100", "110", "99", "108.9"].as_slice()), (1, &["100", "120", "96"])];
        let mut marks = Vec::new();
        for (instrument, prices) in prices {
            for (day, price) in prices.iter().enumerate() {
                let date = format!("2026-01-0{}", day + 5).parse().unwrap();
                marks.push(Mark {
                    instrument: InstrumentId(instrument),
                    date,
                    price: price.parse().unwrap(),
                });
            }
        }
        let returns = daily_returns(&marks, &[], &ReturnRule::default()).unwrap();
        let found = PairMoments::of(&returns, 0, 1).unwrap();
        assert_eq!(found.observations, 2);
        // Deviations ±0.1 and ±0.2 about nil, over N − 1 = 1.
        assert!((found.variances[0] - 0.02).abs() < 1e-12 && (found.variances[1] - 0.08).abs() < 1e-12);
        assert!((found.covariance - 0.04).abs() < 1e-12);
        assert!((found.correlation().unwrap() - 1.0).abs() < 1e-12);
        assert!((found.tracking_variance() - 252.0 * 0.02).abs() < 1e-9);
        let alone = daily_returns(&marks[..2], &[], &ReturnRule::default()).unwrap();
        assert_eq!(PairMoments::of(&alone, 0, 0), None, "one day says nothing");
    }
}
