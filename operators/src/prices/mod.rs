//! The current price of each instrument and rate of each pair.
//!
//! Computes  the observation with the greatest effective time (ties: the later record) among those not
//!           busted, per feed; only the last of an epoch counts. A price of before a split's ex date is restated to its
//!           basis from that date on, until the first price of the new basis
//! Inputs    observations: Observation, several per feed; a bust is a retraction. actions: Fact::Corporate, of which
//!           splits count, in every worker
//! Outputs   Known::Price, Known::Rate, at most one per instrument and pair;
//!           stale: instruments without an observation for the set time
//! Units     Price 10⁻⁶ in the instrument's currency, restated half-even; Rate 10⁻⁹
//! Errors    none: prices of zero or less are refused before the log
//! State     per feed the observations from the newest that cannot be corrected (any more) upwards: what lies below
//!           it can never become current again, so it is forgotten
//! Time      conflated per epoch; a split counts at the later of its record and its ex date; staleness needs time to pass, not data
//! Source    DESIGN §2, §5

mod calc;
mod stale;
#[cfg(test)]
mod tests;

use evenkeel_schemas::{InstrumentId, Price, Rate};

pub use calc::{Ladder, SplitTerms};
pub use stale::stale;

use crate::facts::{Corporate, Fact, Feed, Observation, epoch_of};
use crate::known::Known;
use crate::tally::{Tally, tally_from};
use crate::typedefs::Rows;

/// What changes a price.
#[derive(Clone)]
enum Said {
    Observation(Observation),
    Split(InstrumentId, SplitTerms),
}

impl Tally<Said> for Ladder {
    /// Raw units of `Price` or `Rate`.
    type Held = i64;

    fn add(&mut self, said: Said, times: isize) {
        match said {
            Said::Observation(observation) => self.update(&observation, times),
            Said::Split(_, split) => self.split(split, times),
        }
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

/// Maintains prices and rates, in each worker for itself: every worker is told all observations and actions.
pub fn prices<'s>(
    observations: Rows<'s, Observation>,
    actions: Rows<'s, Fact>,
    epoch_ms: u64,
) -> Rows<'s, Known> {
    let said = observations.map(Said::Observation).concat(actions.flat_map(split));
    tally_from::<Ladder, _, _, _, _>(
        said,
        "prices",
        move |said, epoch| match said {
            Said::Observation(_) => epoch,
            Said::Split(_, split) => epoch.max(epoch_of(split.ex_date, epoch_ms)),
        },
        |said| match &said {
            Said::Observation(observation) => Some((observation.feed, said)),
            Said::Split(instrument, _) => Some((Feed::Instrument(*instrument), said)),
        },
        |feed, raw| {
            Some(match feed {
                Feed::Instrument(instrument) => Known::Price(*instrument, Price::from_raw(raw)),
                Feed::Pair(pair) => Known::Rate(*pair, Rate::from_raw(raw)),
            })
        },
    )
}

fn split(fact: Fact) -> Option<Said> {
    let Fact::Corporate(instrument, action) = fact else { return None };
    let Corporate::Split { new, old, .. } = action.what else { return None };
    let split = SplitTerms { ex_date: action.date, number: action.number, new, old };
    Some(Said::Split(instrument, split))
}
