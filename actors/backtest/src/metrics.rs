//! Returns and their measures. r_t is a day's return `nav_t / (nav_(t−1) + flow_t) − 1`, flows at the start
//! of the day; n is the number of days; Y = 252 sessions a year;
//! f = (1 + annual rate without risk)^(1/Y) − 1.

use evenkeel_estimates::DAYS_PER_YEAR;
use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

use crate::result::{Day, Trade};

/// Measures of a backtest. What cannot be measured (a volatility of one day, a ratio over nothing) is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Time-weighted return, `Π (1 + r_t) − 1`.
    pub twr: f64,
    /// Compound annual growth, `(1 + twr)^(Y / n) − 1`; none without a day, or when nothing is left.
    pub cagr: Option<f64>,
    /// Annual volatility, `√(Σ (r_t − r̄)² / (n − 1)) · √Y`.
    pub volatility: Option<f64>,
    /// Sharpe's ratio, `(r̄ − f) Y / volatility` (Sharpe, "The Sharpe Ratio", 1994).
    pub sharpe: Option<f64>,
    /// Sortino's ratio, `(r̄ − f) Y / (√(Σ min(0, r_t − f)² / n) · √Y)` (Sortino and Price, "Performance
    /// Measurement in a Downside Risk Framework", 1994).
    pub sortino: Option<f64>,
    /// The deepest fall of the index `Π (1 + r)` below its peak so far, which starts at 1: zero or negative.
    pub max_drawdown: f64,
    /// Annual turnover: half of all bought and sold, over the mean NAV and the years (n / Y).
    pub turnover: Option<f64>,
    /// Spread, ticks and commission, base currency.
    pub costs: Money,
    /// Tax paid, less refunds, base currency.
    pub taxes: Money,
}

/// The measures of some days and their trades; sums are in the order of time. `risk_free` is an annual rate.
pub fn measured(days: &[Day], trades: &[Trade], risk_free: f64) -> Metrics {
    let returns: Vec<f64> = days.iter().map(|day| day.change).collect();
    let count = returns.len() as f64;
    let (mut index, mut peak, mut max_drawdown) = (1.0_f64, 1.0_f64, 0.0_f64);
    for change in &returns {
        index *= 1.0 + change;
        peak = peak.max(index);
        max_drawdown = max_drawdown.min(index / peak - 1.0);
    }
    let free = libm::pow(1.0 + risk_free, 1.0 / DAYS_PER_YEAR) - 1.0;
    let mean = if returns.is_empty() { 0.0 } else { sum(returns.iter().copied()) / count };
    let squares = sum(returns.iter().map(|r| (r - mean) * (r - mean)));
    let volatility = (returns.len() > 1).then(|| (squares / (count - 1.0)).sqrt() * DAYS_PER_YEAR.sqrt());
    let downside = sum(returns.iter().map(|r| (r - free).min(0.0)).map(|d| d * d));
    let downside = (!returns.is_empty()).then(|| (downside / count).sqrt() * DAYS_PER_YEAR.sqrt());
    let excess = (mean - free) * DAYS_PER_YEAR;
    let over = |risk: f64| (risk > 1e-12).then(|| excess / risk).filter(|ratio| ratio.is_finite());
    let traded = sum(trades.iter().map(|trade| trade.quantity.to_f64() * trade.price.to_f64()));
    let nav = sum(days.iter().map(|day| day.nav.to_f64())) / count.max(1.0);
    Metrics {
        twr: index - 1.0,
        cagr: (count > 0.0 && index > 0.0)
            .then(|| libm::pow(index, DAYS_PER_YEAR / count) - 1.0)
            .filter(|growth| growth.is_finite()),
        volatility,
        sharpe: volatility.and_then(over),
        sortino: downside.and_then(over),
        max_drawdown,
        turnover: (nav > 0.0 && count > 0.0).then(|| traded / 2.0 / nav / (count / DAYS_PER_YEAR)),
        costs: total(days.iter().map(|day| day.cost)),
        taxes: total(days.iter().map(|day| day.tax)),
    }
}

/// At the largest when beyond it.
fn total(amounts: impl Iterator<Item = Money>) -> Money {
    Money::from_wide(amounts.map(|amount| i128::from(amount.raw())).sum()).unwrap_or(Money::MAX)
}

fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |sum, number| sum + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, change: f64) -> Day {
        Day {
            date: date.parse().unwrap(),
            nav: "1000".parse().unwrap(),
            cash: Money::ZERO,
            flow: Money::ZERO,
            cost: Money::ZERO,
            tax: Money::ZERO,
            income: Money::ZERO,
            change,
        }
    }

    #[test]
    fn by_pencil() {
        // +10%, −20%, +5%: 1.1 · 0.8 · 1.05 = 0.924; from the peak of 1.1 down to 0.88, −20%.
        let days = [day("2026-01-05", 0.1), day("2026-01-06", -0.2), day("2026-01-07", 0.05)];
        let found = measured(&days, &[], 0.0);
        assert!((found.twr + 0.076).abs() < 1e-12 && (found.max_drawdown + 0.2).abs() < 1e-12);
        // Mean −1/60; squares about it 0.0136111…, 0.0336111…, 0.0044444…: 0.0516666… / 2.
        let volatility = (0.155_f64 / 3.0 / 2.0).sqrt() * 252_f64.sqrt();
        assert!((found.volatility.unwrap() - volatility).abs() < 1e-12);
        assert!((found.sharpe.unwrap() + 252.0 / 60.0 / volatility).abs() < 1e-12);
        let downside = (0.04_f64 / 3.0).sqrt() * 252_f64.sqrt();
        assert!((found.sortino.unwrap() + 252.0 / 60.0 / downside).abs() < 1e-12);
        let growth = 0.924_f64.powf(84.0) - 1.0;
        assert!((found.cagr.unwrap() - growth).abs() < 1e-12);
        assert_eq!(measured(&[], &[], 0.0), Metrics { turnover: None, ..Metrics::default() });
        let still = measured(&[day("2026-01-05", 0.0), day("2026-01-06", 0.0)], &[], 0.0);
        assert_eq!((still.sharpe, still.sortino, still.volatility), (None, None, Some(0.0)));
    }
}
