//! The current price of each instrument and rate of each pair.
//!
//! Computes  the observation with the greatest effective time (ties: the later record) among those not
//!           busted, per feed; only the last of an epoch counts
//! Inputs    observations: Observation, several per feed; a bust is a retraction
//! Outputs   prices: (InstrumentId, Price), rates: (Pair, Rate), at most one per key;
//!           stale: instruments without an observation for the set time
//! Units     Price 10⁻⁶ in the instrument's currency; Rate 10⁻⁹
//! Errors    none: prices of zero or less are refused before the log
//! State     per feed the observations from the newest that cannot be corrected (any more) upwards: what lies below
//!           it can never become current again, so it is forgotten
//! Time      conflated per epoch; staleness needs time to pass, not data
//! Source    DESIGN §2, §5

mod calc;
mod stale;
#[cfg(test)]
mod tests;

use evenkeel_schemas::{InstrumentId, Pair, Price, Rate};

pub use calc::Ladder;

use crate::facts::{Feed, Observation};
use crate::tally::{Tally, tally};
use crate::typedefs::Rows;

/// What [`prices`] maintains.
pub struct Prices<'s> {
    /// Current price by instrument.
    pub prices: Rows<'s, (InstrumentId, Price)>,
    /// Current rate by pair.
    pub rates: Rows<'s, (Pair, Rate)>,
    /// Instruments whose last observation is too old.
    pub stale: Rows<'s, InstrumentId>,
}

impl Tally<Observation> for Ladder {
    /// Raw units of `Price` or `Rate`.
    type Held = i64;

    fn add(&mut self, observation: Observation, times: isize) {
        self.update(&observation, times);
    }

    fn settle(&mut self) {
        self.prune();
    }

    fn held(&self) -> Option<i64> {
        self.current()
    }

    fn is_empty(&self) -> bool {
        Ladder::is_empty(self)
    }
}

/// Maintains prices and rates, in each worker for itself: every worker is told all observations. `stale_ms` of 0
/// never calls a price stale; staleness is told by the worker that speaks of the `market`.
pub fn prices<'s>(observations: Rows<'s, Observation>, stale_ms: u64, market: bool) -> Prices<'s> {
    let stale = stale::stale(observations.clone(), if market { stale_ms } else { 0 });
    let current = tally::<_, _, _, Ladder>(observations, "prices", |o| Some((o.feed, o)));
    let prices = current.clone().flat_map(|(feed, raw)| match feed {
        Feed::Instrument(instrument) => Some((instrument, Price::from_raw(raw))),
        Feed::Pair(_) => None,
    });
    let rates = current.flat_map(|(feed, raw)| match feed {
        Feed::Pair(pair) => Some((pair, Rate::from_raw(raw))),
        Feed::Instrument(_) => None,
    });
    Prices { prices, rates, stale }
}
