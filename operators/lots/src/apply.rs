//! One entry applied to the open lots.

use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{GainKind, InstrumentId, Money, Quantity};

use crate::actions::{change_cost_base, delist, replace, split};
use crate::disposal::{Sale, sell};
use crate::entry::{Entry, EventId, What};
use crate::holding::{Cause, Teller, put};
use crate::row::{OpenLot, Trouble};
use crate::shares::fits;

/// Changes `lots` by one entry and tells its rows. `method` is the one in force on its date. An entry that
/// is refused changes nothing.
pub(crate) fn apply(lots: &mut Vec<OpenLot>, entry: &Entry, method: CostBasis, teller: &mut Teller<'_>) {
    let cause = |instrument: InstrumentId, event: EventId, kind: GainKind| Cause {
        instrument,
        event,
        date: entry.date,
        number: entry.number,
        kind,
    };
    let (cause, outcome) = match &entry.what {
        // Elections are looked up by date, they do nothing of their own.
        What::Election { .. } => return,
        What::Acquire { instrument, lot, quantity, cost_base, acquired } => {
            let (instrument, acquired, lot) = (*instrument, *acquired, *lot);
            let lot = OpenLot { instrument, acquired, lot, quantity: *quantity, cost_base: *cost_base };
            (cause(instrument, EventId(lot.lot.0), GainKind::Sale), acquire(lots, lot, teller))
        }
        What::Dispose { instrument, disposal, quantity, proceeds, fee, lots: named } => {
            let cause = cause(*instrument, *disposal, GainKind::Sale);
            let sale = Sale { cause, quantity: *quantity, proceeds: *proceeds, fee: *fee, named };
            (cause, sell(lots, &sale, method, teller))
        }
        What::Split { instrument, event, new, old, in_lieu } => {
            let cause = cause(*instrument, *event, GainKind::CashInLieu);
            (cause, split(lots, cause, (*new, *old), *in_lieu, method, teller))
        }
        What::CostBase { instrument, event, per_unit } => {
            let cause = cause(*instrument, *event, GainKind::CostBaseExcess);
            (cause, change_cost_base(lots, cause, *per_unit, teller))
        }
        What::Replace(terms) => {
            let cause = cause(terms.from, terms.event, GainKind::Merger);
            (cause, replace(lots, cause, terms, teller))
        }
        What::Delist { instrument, event, per_unit } => {
            let cause = cause(*instrument, *event, GainKind::Delisting);
            (cause, delist(lots, cause, *per_unit, teller))
        }
    };
    if let Err(trouble) = outcome {
        teller.trouble(cause, trouble);
    }
}

fn acquire(lots: &mut Vec<OpenLot>, lot: OpenLot, teller: &mut Teller<'_>) -> Result<(), Trouble> {
    if lot.quantity <= Quantity::ZERO || lot.cost_base < Money::ZERO {
        return Err(Trouble::Invalid);
    }
    if !fits(lot.quantity.raw().into()) || !fits(lot.cost_base.raw().into()) {
        return Err(Trouble::OutOfRange);
    }
    put(lots, lot);
    teller.opened(lot);
    Ok(())
}
