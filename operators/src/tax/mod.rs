//! Tax reports by customer and financial year.
//!
//! Computes  the Australian tax report of each year of each customer who is known as a taxpayer: every figure with its
//!           rule and the events it comes from, losses carried from year to year
//! Inputs    said, as facts: Fact::Tax and Lot of a customer, in its worker; Fact::Corporate, Ticker, Cpi,
//!           RebasingClose, FxClose, in every worker. As rows: Row::RealisedGain and Row::Distribution, where their customer is
//! Outputs   Row::Tax, one per customer, year and line; what cannot be worked out, as anomalies of the customer
//! Units     AUD, as `evenkeel-tax` rounds
//! Errors    as data: a year without law, a foreign amount without a rate of its day, average cost of a resident. From that
//!           year on there are no rows, because losses carry over
//! State     per customer: gains, distributions, trades, statements; of taxpayers, the rows told. A change works out its
//!           customer's years anew
//! Time      at marks; an action of an instrument counts once its date has come
//! Source    DESIGN §14.5; `evenkeel-tax`

mod account;
mod books;
mod report;
#[cfg(test)]
mod tests;
mod trades;

use crate::dataflow::Timing;
use crate::epochwise::epochwise_here;
use crate::facts::{Fact, epoch_of};
use crate::told::Told;
use crate::typedefs::Rows;

use books::Books;

/// Maintains tax reports.
pub fn tax(said: Rows<'_, Told>, timing: Timing) -> Rows<'_, Told> {
    let mut state = Books::default();
    epochwise_here(
        said,
        "tax",
        move |said, epoch| {
            timing.mark(match said {
                Told::Follows(Fact::Corporate(_, action)) => {
                    epoch.max(epoch_of(action.date, timing.epoch_ms))
                }
                _ => epoch,
            })
        },
        move |_, changes, out| state.step(changes, out),
    )
}
