//! What a portfolio can be measured by, in an objective or in a limit.

use ndarray::Array2;

use super::covariance::Covariance;
use super::problem::PortfolioProblem;
use super::sleeves::{Sleeve, divide};

/// A convex measure of a portfolio (concave where more is better).
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// `wᵀCw`.
    Variance,
    /// `√(wᵀCw)`.
    Volatility,
    /// `(w − b)ᵀC(w − b)`.
    TrackingVariance {
        /// b.
        benchmark: Vec<f64>,
    },
    /// Its root.
    TrackingError {
        /// Weights of the benchmark.
        benchmark: Vec<f64>,
    },
    /// `μᵀw`; more is better.
    Return,
    /// `yᵀw`; more is better.
    Yield {
        /// Yield of each instrument, after whatever should be taken off.
        yields: Vec<f64>,
    },
    /// The mean of the worst losses, `min α + Σ max(0, −Rw − α) / ((1 − β) T)`.
    Cvar {
        /// Returns by scenario (row) and instrument (column), equally likely.
        scenarios: Array2<f64>,
        /// β, above 0 and below 1.
        confidence: f64,
    },
    /// `√(wᵀSw)`, S the covariance of the error of the expected returns.
    MeanError {
        /// S.
        shape: Covariance,
    },
    /// `Σ δ|w|`.
    WorstMean {
        /// δ.
        radii: Vec<f64>,
    },
    /// `Σ (w − v)²`.
    Distance {
        /// v.
        from: Vec<f64>,
    },
    /// `Σ q w²`: what it costs to have much of one instrument.
    Concentration {
        /// q, not negative.
        rates: Vec<f64>,
    },
    /// The least that sleeves lose when they share the portfolio; see [`Sleeve`].
    Divided {
        /// Who shares it.
        sleeves: Vec<Sleeve>,
    },
}

impl Measure {
    /// The name in answers.
    pub fn name(&self) -> &'static str {
        match self {
            Measure::Variance => "variance",
            Measure::Volatility => "volatility",
            Measure::TrackingVariance { .. } => "tracking variance",
            Measure::TrackingError { .. } => "tracking error",
            Measure::Return => "expected return",
            Measure::Yield { .. } => "yield",
            Measure::Cvar { .. } => "CVaR",
            Measure::MeanError { .. } => "error of the mean",
            Measure::WorstMean { .. } => "shortfall of the worst mean",
            Measure::Distance { .. } => "squared distance",
            Measure::Concentration { .. } => "concentration",
            Measure::Divided { .. } => "loss of the sleeves",
        }
    }

    /// Whether more is better.
    pub fn maximised(&self) -> bool {
        matches!(self, Measure::Return | Measure::Yield { .. })
    }

    /// Its value for weights; zero for what the problem does not have, [`f64::MAX`] for weights that sleeves
    /// cannot share.
    pub fn value(&self, problem: &PortfolioProblem, weights: &[f64]) -> f64 {
        let variance = |weights: &[f64]| problem.covariance.as_ref().map_or(0.0, |c| c.variance(weights));
        let apart = |from: &[f64]| weights.iter().zip(from).map(|(w, v)| w - v).collect::<Vec<f64>>();
        match self {
            Measure::Variance => variance(weights),
            Measure::Volatility => variance(weights).sqrt(),
            Measure::TrackingVariance { benchmark } => variance(&apart(benchmark)),
            Measure::TrackingError { benchmark } => variance(&apart(benchmark)).sqrt(),
            Measure::Return => problem.expected_returns.as_ref().map_or(0.0, |mu| dot(mu, weights)),
            Measure::Yield { yields } => dot(yields, weights),
            Measure::Cvar { scenarios, confidence } => {
                let tail = (1.0 - confidence) * scenarios.nrows() as f64;
                tail_mean(&losses(scenarios, weights), tail)
            }
            Measure::MeanError { shape } => shape.variance(weights).sqrt(),
            Measure::WorstMean { radii } => radii.iter().zip(weights).map(|(r, w)| r * w.abs()).sum(),
            Measure::Distance { from } => apart(from).iter().map(|d| d * d).sum(),
            Measure::Concentration { rates } => rates.iter().zip(weights).map(|(q, w)| q * w * w).sum(),
            Measure::Divided { sleeves } => {
                divide(problem, sleeves, weights).map_or(f64::MAX, |division| division.loss)
            }
        }
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The scenarios with the largest losses.
pub(crate) fn worst(scenarios: &Array2<f64>, weights: &[f64], count: usize) -> Vec<usize> {
    let mut by_loss: Vec<(f64, usize)> = scenarios
        .rows()
        .into_iter()
        .map(|row| row.iter().zip(weights).map(|(r, w)| r * w).sum::<f64>())
        .zip(0..)
        .collect();
    by_loss.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    by_loss.into_iter().take(count).map(|(_, at)| at).collect()
}

/// The mean of the `tail` largest losses, the one at the edge in part; `losses` are largest first.
pub(crate) fn tail_mean(losses: &[f64], tail: f64) -> f64 {
    let mut left = tail;
    let mut sum = 0.0;
    for loss in losses {
        let share = left.clamp(0.0, 1.0);
        sum += share * loss;
        left -= share;
    }
    sum / tail
}

/// Losses by scenario, largest first.
fn losses(scenarios: &Array2<f64>, weights: &[f64]) -> Vec<f64> {
    let mut losses: Vec<f64> = scenarios
        .rows()
        .into_iter()
        .map(|row| -row.iter().zip(weights).map(|(r, w)| r * w).sum::<f64>())
        .collect();
    losses.sort_by(|a, b| b.total_cmp(a));
    losses
}

/// The loss that is not exceeded with this confidence: of T equally likely scenarios the ⌈βT⌉-th smallest.
pub fn value_at_risk(scenarios: &Array2<f64>, confidence: f64, weights: &[f64]) -> Option<f64> {
    let losses = losses(scenarios, weights);
    // A product like 0.95 · 500 is a whole number but for rounding.
    let rank = (confidence * losses.len() as f64 - 1e-9).ceil() as usize;
    losses.get(losses.len().checked_sub(rank.max(1))?).copied()
}

/// What is left of a yield: cash distribution `yield_`, with the franked part grossed up by the company's tax
/// and the investor's rate taken off, `y (1 + f c / (1 − c)) (1 − r)`. The franking credit is
/// `y f c / (1 − c)`, refunded where it exceeds the tax (ITAA 1997 div 207; c = 30%).
pub fn after_tax_yield(yield_: f64, franked: f64, company_rate: f64, investor_rate: f64) -> f64 {
    yield_ * (1.0 + franked * company_rate / (1.0 - company_rate)) * (1.0 - investor_rate)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::problem::Objective;
    use super::*;

    /// Ten losses from 1 to 10: the worst quarter is 10, 9 and half of 8.
    #[test]
    fn cvar_takes_a_part_of_the_scenario_at_the_edge() {
        let scenarios = Array2::from_shape_fn((10, 1), |(row, _)| -(row as f64 + 1.0));
        let problem = PortfolioProblem::long_only(vec!["A".to_owned()], Objective::MinimumVariance);
        let value = Measure::Cvar { scenarios: scenarios.clone(), confidence: 0.75 }.value(&problem, &[1.0]);
        assert!((value - (10.0 + 9.0 + 4.0) / 2.5).abs() < 1e-12, "{value}");
        assert_eq!(value_at_risk(&scenarios, 0.75, &[1.0]), Some(8.0));
        assert_eq!(value_at_risk(&scenarios, 0.8, &[1.0]), Some(8.0));
        assert_eq!(value_at_risk(&array![[0.0]], 0.5, &[1.0]), Some(0.0));
    }

    /// A fully franked 70 carries a credit of 30: at 30% nothing is lost, at 0% the credit is refunded.
    #[test]
    fn franked_income_is_grossed_up() {
        assert!((after_tax_yield(0.07, 1.0, 0.3, 0.3) - 0.07).abs() < 1e-15);
        assert!((after_tax_yield(0.07, 1.0, 0.3, 0.0) - 0.10).abs() < 1e-15);
        assert!((after_tax_yield(0.10, 0.0, 0.3, 0.47) - 0.053).abs() < 1e-15);
    }
}
