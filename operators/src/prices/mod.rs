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

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use evenkeel_schemas::{InstrumentId, Pair, Price, Rate};

pub use calc::Ladder;

use crate::epochwise::epochwise;
use crate::facts::{Feed, Observation};
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

fn spread(feed: Feed) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(feed)
}

/// Maintains prices and rates. `stale_ms` of 0 never calls a price stale.
pub fn prices<'s>(observations: Rows<'s, Observation>, stale_ms: u64) -> Prices<'s> {
    let stale = stale::stale(observations.clone(), stale_ms);
    let mut ladders: BTreeMap<Feed, Ladder> = BTreeMap::new();
    let current = epochwise(
        observations,
        "prices",
        |o| spread(o.feed),
        move |_, changes, out| {
            let mut before: BTreeMap<Feed, Option<i64>> = BTreeMap::new();
            for (observation, diff) in changes {
                let ladder = ladders.entry(observation.feed).or_default();
                before.entry(observation.feed).or_insert_with(|| ladder.current());
                ladder.update(&observation, diff);
            }
            for (feed, old) in before {
                let ladder = ladders.entry(feed).or_default();
                ladder.prune();
                let new = ladder.current();
                if old != new {
                    out.extend(old.map(|value| ((feed, value), -1)));
                    out.extend(new.map(|value| ((feed, value), 1)));
                }
            }
        },
    );
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
