//! Units held.
//!
//! Computes  q(c,i): the sum of signed quantities of live fills and transfers, on the basis of the splits
//!           whose ex date has come
//! Inputs    movements: (CustomerId, InstrumentId, TradeDate, Quantity), signed, several per key
//!           splits: ((InstrumentId, ex date, number), (new, old))
//! Outputs   ((CustomerId, InstrumentId), Quantity), at most one per key; flat is no row
//!           out_of_range: keys whose sum no Quantity holds
//! Units     Quantity, scale 10⁻⁶; a split truncates towards zero to the scale
//! Errors    a sum out of range gives a key in out_of_range and no position
//! State     sums in the difference: 1 arrangement by key; for instruments with splits also their
//!           movements by instrument and by key
//! Time      a split takes effect at the later of its record and the first instant of its ex date
//! Source    DESIGN §5

mod calc;
#[cfg(test)]
mod tests;

use differential_dataflow::operators::CountTotal;
use differential_dataflow::{AsCollection, VecCollection};
use evenkeel_schemas::{CustomerId, Epoch, InstrumentId, Quantity, TradeDate};
use timely::dataflow::operators::vec::Map;

pub use calc::{Moved, SplitTerms, split_adjusted};

use crate::facts::epoch_of;
use crate::typedefs::{Rows, Sum, present};

/// A customer's units of an instrument.
pub type Held = ((CustomerId, InstrumentId), Quantity);

/// What [`positions`] maintains.
pub struct Positions<'s> {
    /// Units by customer and instrument.
    pub held: Rows<'s, Held>,
    /// Sums that no Quantity holds.
    pub out_of_range: Rows<'s, (CustomerId, InstrumentId)>,
}

/// Maintains positions.
pub fn positions<'s>(
    movements: Rows<'s, (CustomerId, InstrumentId, TradeDate, Quantity)>,
    splits: Rows<'s, (InstrumentId, SplitTerms)>,
    epoch_ms: u64,
) -> Positions<'s> {
    let effective = splits
        .inner
        .map(move |((i, split), t, r)| ((i, split), t.max(epoch_of(split.ex_date, epoch_ms)), r))
        .as_collection();
    let sums = movements.clone().explode(|(c, i, _, q)| Some(((c, i), Sum(q.raw().into()))));
    let adjustments = adjustments(movements, effective);
    let totals = sums.concat(adjustments).count_total();
    let held = totals.clone().flat_map(|(key, Sum(raw))| Some((key, Quantity::from_wide(raw)?)));
    let out_of_range = totals.filter(|(_, Sum(raw))| Quantity::from_wide(*raw).is_none()).map(|(key, _)| key);
    Positions { held, out_of_range }
}

/// What splits add to the plain sums. Only instruments that ever split are looked at.
fn adjustments<'s>(
    movements: Rows<'s, (CustomerId, InstrumentId, TradeDate, Quantity)>,
    splits: Rows<'s, (InstrumentId, SplitTerms)>,
) -> VecCollection<'s, Epoch, (CustomerId, InstrumentId), Sum> {
    let split_instruments = present(splits.clone().map(|(i, _)| i));
    let moved = movements
        .map(|(c, i, date, q)| (i, (c, date, q)))
        .semijoin(split_instruments)
        .map(|(i, (c, date, q))| ((c, i), Moved::Units(date, q)));
    let holders = present(moved.clone().map(|((c, i), _)| (i, c)));
    let applied = splits.join_map(holders, |i, split, c| ((*c, *i), Moved::Split(*split)));
    moved
        .concat(applied)
        .reduce_named("split adjustments", |_, rows, out: &mut Vec<(i64, isize)>| {
            let change = calc::adjustment(rows);
            if change != 0 {
                out.push((change, 1));
            }
        })
        .explode(|(key, change)| Some((key, Sum(change.into()))))
}
