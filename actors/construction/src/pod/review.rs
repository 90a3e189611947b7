//! When a pod is looked at again, and what stops it.

use evenkeel_advice::{Breaker, Cadence, Pod};
use evenkeel_schemas::{Ratio, TradeDate, div_half_even};

use super::solution::PodError;

/// Whether a review has come due: the first one after `last` that lies whole cadences after `anchor`, the day the
/// pod was set up, is `today` or has passed.
pub fn due(cadence: Cadence, anchor: TradeDate, last: TradeDate, today: TradeDate) -> bool {
    cadence.next_review(anchor, last).is_some_and(|review| review <= today)
}

/// Holds a pod's drawdown against its circuit breaker. `index` is the flow-adjusted index of the pod, oldest first;
/// the drawdown is its last value over the largest so far, less 1, to nine decimals, half-even.
///
/// # Errors
/// [`PodError::Field`] for an index without values, with one below 0, or that was never above 0.
pub fn breaker_tripped(terms: &Pod, index: &[Ratio]) -> Result<Breaker, PodError> {
    let wrong = |expected, got: String| PodError::Field { pod: terms.pod, field: "index", expected, got };
    if let Some(bad) = index.iter().find(|value| **value < Ratio::ZERO) {
        return Err(wrong("values of 0 or more", bad.to_string()));
    }
    let (Some(last), Some(peak)) = (index.last(), index.iter().max().filter(|peak| **peak > Ratio::ZERO))
    else {
        return Err(wrong("at least one value above 0", format!("{} values", index.len())));
    };
    let fall = i128::from(last.raw()) - i128::from(peak.raw());
    let drawdown = div_half_even(fall * i128::from(Ratio::ONE), i128::from(peak.raw()));
    // From −1 to 0.
    Ok(terms.breaker(Ratio::from_wide(drawdown).unwrap_or(Ratio::ZERO))?)
}
