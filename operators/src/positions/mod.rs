//! Units held.
//!
//! Computes  q(c,i): the sum of signed quantities of live fills and transfers, on the basis of the splits
//!           whose ex date has come
//! Inputs    books: Fact::Movement, signed, several per customer and instrument, each in its customer's worker;
//!           Fact::Split, in every worker
//! Outputs   Known::Position, at most one per customer and instrument; flat is no row; Known::OutOfRange
//! Units     Quantity, scale 10⁻⁶; a split truncates towards zero to the scale
//! Errors    a sum out of range gives a row out of range and no position
//! State     units by customer, instrument and trade date, in one sorted run a customer; the splits. A split visits
//!           every customer, a movement its own
//! Time      a split takes effect at the later of its record and the first instant of its ex date
//! Source    DESIGN §5

mod books;
mod calc;
#[cfg(test)]
mod tests;

use evenkeel_schemas::Quantity;

pub use calc::{SplitTerms, split_adjusted};

use crate::epochwise::{Changes, epochwise_here};
use crate::facts::{Fact, epoch_of};
use crate::known::Known;
use crate::typedefs::Rows;

use books::Books;

/// Maintains positions.
pub fn positions(books: Rows<'_, Fact>, epoch_ms: u64) -> Rows<'_, Known> {
    let mut state = Books::default();
    let mut held = Changes::new();
    epochwise_here(
        books,
        "positions",
        move |fact, epoch| match fact {
            Fact::Split { ex_date, .. } => epoch.max(epoch_of(*ex_date, epoch_ms)),
            _ => epoch,
        },
        move |_, changes, out| {
            state.step(changes, &mut held);
            out.extend(held.drain(..).map(|(((customer, instrument), raw), diff)| {
                let quantity = Quantity::from_wide(raw);
                let row = quantity.map_or(Known::OutOfRange(customer), |quantity| {
                    Known::Position(customer, instrument, quantity)
                });
                (row, diff)
            }));
        },
    )
}
