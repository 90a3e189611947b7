//! Units held.
//!
//! Computes  q(c,i): the sum of signed quantities of live fills and transfers, on the basis of the splits
//!           whose ex date has come
//! Inputs    books: Fact::Movement, signed, several per customer and instrument, each in its customer's worker;
//!           Fact::Split, in every worker
//! Outputs   ((CustomerId, InstrumentId), Quantity), at most one per key; flat is no row
//!           out_of_range: customers with a sum that no Quantity holds
//! Units     Quantity, scale 10⁻⁶; a split truncates towards zero to the scale
//! Errors    a sum out of range gives a customer in out_of_range and no position
//! State     units by customer, instrument and trade date, in one sorted run a customer; the splits. A split visits
//!           every customer, a movement its own
//! Time      a split takes effect at the later of its record and the first instant of its ex date
//! Source    DESIGN §5

mod books;
mod calc;
#[cfg(test)]
mod tests;

use evenkeel_schemas::{CustomerId, InstrumentId, Quantity};

pub use calc::{SplitTerms, split_adjusted};

use crate::epochwise::epochwise_here;
use crate::facts::{Fact, epoch_of};
use crate::typedefs::Rows;

use books::Books;

/// A customer's units of an instrument.
pub type Held = ((CustomerId, InstrumentId), Quantity);

/// What [`positions`] maintains.
pub struct Positions<'s> {
    /// Units by customer and instrument.
    pub held: Rows<'s, Held>,
    /// Customers with a sum that no Quantity holds, once for each such sum.
    pub out_of_range: Rows<'s, CustomerId>,
}

/// Maintains positions.
pub fn positions<'s>(books: Rows<'s, Fact>, epoch_ms: u64) -> Positions<'s> {
    let mut state = Books::default();
    let totals = epochwise_here(
        books,
        "positions",
        move |fact, epoch| match fact {
            Fact::Split { ex_date, .. } => epoch.max(epoch_of(*ex_date, epoch_ms)),
            _ => epoch,
        },
        move |_, changes, out| state.step(changes, out),
    );
    let held = totals.clone().flat_map(|(key, raw)| Some((key, Quantity::from_wide(raw)?)));
    let out_of_range = totals.flat_map(|((c, _), raw)| Quantity::from_wide(raw).is_none().then_some(c));
    Positions { held, out_of_range }
}
