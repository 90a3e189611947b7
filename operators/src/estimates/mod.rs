//! What closing marks say of instruments: returns, risk, yields.
//!
//! Computes  of each instrument the price return of each day, close to close, splits taken out; of the instruments of a
//!           currency, over the last 252 days, volatilities, covariances pair by pair (Ledoit and Wolf's and exponentially
//!           weighted) or, above 100 instruments, by factors; betas against their market, mean returns drawn together;
//!           yield and franking of the last twelve months, else as listed
//! Inputs    Fact::Close, Fact::Corporate (splits and distributions) and Fact::Listed, in the worker that speaks of the
//!           market; the others pass them over
//! Outputs   Row::Return, one per instrument and day; Row::Estimate, one per instrument; Row::Covariance, one per pair of a
//!           currency; Row::FactorLoading, one per instrument and factor
//! Units     ratios, 9 decimals, half-even from f64; returns simple and daily, everything else per year of 252 sessions
//! Errors    what cannot be estimated has no row: fewer than 60 returns, a last return more than ten days old, a gap, a
//!           close over three times or under a third of the one before. A market without variance has no estimates
//! State     closing marks, corporate actions and figures of every instrument, for ever: any may be corrected; the returns;
//!           per currency its calendar and the rows told
//! Time      at marks. A mark or an action that changed works out the returns next to it, and the estimates of its currency
//!           anew, once a mark; an epoch without any costs nothing
//! Source    DESIGN §5; `evenkeel-estimates`, `market_risk`: the function that portfolios are constructed with
//!           ([decision 0013](../../../docs/decisions/0013-estimates.md))

mod books;
mod group;
mod instrument;
#[cfg(test)]
mod tests;

use evenkeel_schemas::{Ratio, Row};

use crate::dataflow::Timing;
use crate::epochwise::epochwise_here;
use crate::facts::Fact;
use crate::typedefs::Rows;

use books::Books;

/// Maintains returns and estimates in the worker that speaks of the market.
pub fn estimates<'s>(facts: Rows<'s, Fact>, market: bool, timing: Timing) -> Rows<'s, Row> {
    let mut state = Books::default();
    let read = |fact: &Fact| matches!(fact, Fact::Close(..) | Fact::Corporate(..) | Fact::Listed(..));
    epochwise_here(
        facts.filter(move |fact| market && read(fact)),
        "estimates",
        move |_, epoch| timing.mark(epoch),
        move |_, changes, out| state.step(changes, out),
    )
}

/// Rounded to the scale of a ratio, half-even; no greater than its column holds, which only the beta of a market that
/// hardly moves would be.
fn ratio(value: f64) -> Ratio {
    const MOST: i64 = 999_999_999_999_999_999;
    Ratio::from_raw(((value * Ratio::ONE as f64).round_ties_even() as i64).clamp(-MOST, MOST))
}
