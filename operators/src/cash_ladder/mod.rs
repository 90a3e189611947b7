//! Money that is due, by the day on which it is: what of the cash is not settled, and what distributions will pay.
//!
//! Computes  the sum of what is due by (customer, currency, value date, kind), from the record until the first instant
//!           of the value date
//! Inputs    dues: Fact::Due, signed, several per key; other facts are passed over
//! Outputs   Row::CashLadder, at most one per key; a sum out of range
//! Units     Money, scale 10⁻⁶
//! Errors    a sum out of range gives an anomaly of the customer and no rung
//! State     one sum by key; what goes when its day comes waits under that day
//! Time      a rung goes with the first epoch of its value date; what is recorded later never stands
//! Source    DESIGN §5. Settled cash is the balance less the rungs of kind settlement

#[cfg(test)]
mod tests;

use differential_dataflow::AsCollection;
use evenkeel_schemas::{
    AnomalyKind, CashLadderRow, Currency, CustomerId, DueKind, Epoch, Money, Row, TradeDate,
};
use timely::dataflow::operators::vec::Map;

use crate::facts::{Fact, epoch_of};
use crate::tally::{Total, tally};
use crate::told::Told;
use crate::typedefs::Rows;

/// Maintains what is due.
pub fn cash_ladder(dues: Rows<'_, Fact>, epoch_ms: u64) -> Rows<'_, Told> {
    let standing = dues.inner.flat_map(move |change| until_due(change, epoch_ms)).as_collection();
    tally::<Total, _, _, _, _>(standing, "cash ladder", Some, |(date, customer, currency, kind), raw| {
        let rung = |amount| {
            let (currency, value_date, kind) = (*currency, *date, *kind);
            Told::Row(Row::CashLadder(CashLadderRow {
                customer: *customer,
                currency,
                value_date,
                kind,
                amount,
            }))
        };
        Some(Money::from_wide(raw).map_or(Told::Fault(*customer, AnomalyKind::OutOfRange), rung))
    })
}

/// What a rung is of. The day comes first: what becomes due lies together, and most of it is of a few days.
type Rung = (TradeDate, CustomerId, Currency, DueKind);

/// An amount that stands until its day, if that has not come: it goes again by itself.
fn until_due(
    (fact, epoch, diff): (Fact, Epoch, isize),
    epoch_ms: u64,
) -> impl Iterator<Item = ((Rung, i64), Epoch, isize)> {
    let rung = match fact {
        Fact::Due(customer, currency, date, kind, amount) => {
            Some(((date, customer, currency, kind), amount.raw(), epoch_of(date, epoch_ms)))
        }
        _ => None,
    };
    let standing = rung.filter(|(.., due)| *due > epoch).into_iter();
    standing.flat_map(move |(rung, raw, due)| [((rung, raw), epoch, diff), ((rung, raw), due, -diff)])
}
