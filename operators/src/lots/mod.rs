//! Tax lots: what is held since when and at what cost, and what disposals realised.
//!
//! Computes  open lots and realised gains per (customer, instrument): FIFO, LIFO, HIFO, average cost, specific,
//!           as the customer's election in force says; splits, and changes of cost bases
//! Inputs    lots: Fact::Lot, of a customer, in its worker; Fact::Action, of an instrument, in every worker
//!           Fact::Harvest, of customers whose lots are to be followed; Fact::Limits, of whom their sums are
//! Outputs   Row::Lot, Row::RealisedGain; Told::Lot, the same lots for who follows them; Known::Cost, what they cost in sum, for a
//!           stop-loss; what does not add up, as anomalies of the customer
//! Units     quantities and money in 10⁻⁶ of the instrument's currency; see `evenkeel-lots`
//! Errors    as data: a sale beyond what is held, a lot that is not open, an amount out of range. Each goes by itself
//!           when the missing fact comes
//! State     per customer its ledger, 80 bytes an entry, 32 an open lot, and the names of its events, so that a fill is
//!           one place in memory; what instruments did. A change visits its customer; an action of an instrument looks
//!           at all customers and visits those who ever had it
//! Time      a trade counts at once, under its trade date; an action, once its date has come
//! Source    DESIGN §5, §14.5; the reference cases of `tests/cases`

mod books;
mod costs;
mod names;
#[cfg(test)]
mod tests;

use crate::epochwise::epochwise_here;
use crate::facts::{Fact, epoch_of};
use crate::told::Told;
use crate::typedefs::Rows;

use books::Books;

/// Maintains lots and realised gains.
pub fn lots(facts: Rows<'_, Fact>, epoch_ms: u64) -> Rows<'_, Told> {
    let mut state = Books::default();
    epochwise_here(
        facts,
        "lots",
        move |fact, epoch| match fact {
            Fact::Action(_, action) => epoch.max(epoch_of(action.entry.date, epoch_ms)),
            _ => epoch,
        },
        move |_, changes, out| state.step(changes, out),
    )
}
