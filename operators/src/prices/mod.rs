//! The current price of each instrument and rate of each pair.
//!
//! Computes  the observation with the greatest effective time (ties: the later record) among those not
//!           busted, per feed; only the last of an epoch counts
//! Inputs    observations: Observation, several per feed; a bust is a retraction
//! Outputs   Known::Price, Known::Rate, at most one per instrument and pair;
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

use evenkeel_schemas::{Price, Rate};

pub use calc::Ladder;
pub use stale::stale;

use crate::facts::{Feed, Observation};
use crate::known::Known;
use crate::tally::{Tally, tally};
use crate::typedefs::Rows;

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

/// Maintains prices and rates, in each worker for itself: every worker is told all observations.
pub fn prices(observations: Rows<'_, Observation>) -> Rows<'_, Known> {
    tally::<Ladder, _, _, _, _>(
        observations,
        "prices",
        |o| Some((o.feed, o)),
        |feed, raw| {
            Some(match feed {
                Feed::Instrument(instrument) => Known::Price(*instrument, Price::from_raw(raw)),
                Feed::Pair(pair) => Known::Rate(*pair, Rate::from_raw(raw)),
            })
        },
    )
}
