//! Open lots in their order: by instrument, then acquisition date, then the order in which they came.

use std::ops::Range;

use evenkeel_schemas::{GainKind, InstrumentId, Money, Quantity, TradeDate};

use crate::entry::{EventId, LotId};
use crate::measure::days_held;
use crate::row::{Anomaly, OpenLot, RealisedGain, Row, Trouble};
use crate::shares::fits;

/// Where an instrument's lots lie.
pub(crate) fn range(lots: &[OpenLot], instrument: InstrumentId) -> Range<usize> {
    let from = lots.partition_point(|lot| lot.instrument < instrument);
    let count = lots[from..].partition_point(|lot| lot.instrument == instrument);
    from..from + count
}

/// Puts a lot in its place: behind those acquired on the same day.
pub(crate) fn put(lots: &mut Vec<OpenLot>, lot: OpenLot) {
    let key = (lot.instrument, lot.acquired);
    let place = lots.partition_point(|other| (other.instrument, other.acquired) <= key);
    make_room(lots);
    lots.insert(place, lot);
}

/// Drops lots without units from a range of lots.
pub(crate) fn sweep(lots: &mut Vec<OpenLot>, range: Range<usize>) {
    let mut write = range.start;
    for read in range.clone() {
        if lots[read].quantity > Quantity::ZERO {
            lots[write] = lots[read];
            write += 1;
        }
    }
    lots.drain(write..range.end);
}

/// Units and cost of some lots, raw; `None` when one of them is beyond the limit.
pub(crate) fn pool(lots: &[OpenLot]) -> Option<(i128, i128)> {
    let units: i128 = lots.iter().map(|lot| i128::from(lot.quantity.raw())).sum();
    let cost: i128 = lots.iter().map(|lot| i128::from(lot.cost_base.raw())).sum();
    (fits(units) && fits(cost)).then_some((units, cost))
}

/// Room for one more, growing by a quarter: there are many ledgers, and most are small.
pub(crate) fn make_room<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact(items.len() / 4 + 4);
    }
}

/// The entry that is being applied: what its rows have in common.
#[derive(Copy, Clone)]
pub(crate) struct Cause {
    pub instrument: InstrumentId,
    pub event: EventId,
    pub date: TradeDate,
    pub number: u64,
    pub kind: GainKind,
}

/// What one lot gives up in a disposal, raw.
#[derive(Copy, Clone, Default)]
pub(crate) struct Given {
    pub units: i64,
    pub proceeds: i64,
    pub cost: i64,
    pub fee: i64,
}

impl Given {
    /// More from the same lot; what a lot gives in one disposal is no more than it has.
    pub fn add(&mut self, more: Given) {
        self.units += more.units;
        self.proceeds += more.proceeds;
        self.cost += more.cost;
        self.fee += more.fee;
    }
}

/// Where rows go. A ledger that takes rows back applies the same entries again with the sign reversed.
pub(crate) struct Teller<'a> {
    /// Nowhere while a state is only being derived.
    pub rows: Option<&'a mut Vec<(Row, i8)>>,
    /// +1 to tell, −1 to take back.
    pub sign: i8,
}

impl Teller<'_> {
    /// A lot opens.
    pub fn opened(&mut self, lot: OpenLot) {
        self.push(Row::Lot(lot), 1);
    }

    /// A lot ends, or is about to change.
    pub fn closed(&mut self, lot: OpenLot) {
        self.push(Row::Lot(lot), -1);
    }

    /// A lot gives up units, or cost, or both.
    pub fn realised(&mut self, cause: Cause, lot: LotId, acquired: TradeDate, given: Given) {
        if self.rows.is_none() {
            return;
        }
        let row = RealisedGain {
            instrument: cause.instrument,
            disposed: cause.date,
            disposal: cause.event,
            lot,
            acquired,
            quantity: Quantity::from_raw(given.units),
            proceeds: Money::from_raw(given.proceeds),
            cost_base: Money::from_raw(given.cost),
            fee: Money::from_raw(given.fee),
            gain: Money::from_raw(given.proceeds - given.cost),
            days_held: days_held(acquired, cause.date),
            kind: cause.kind,
        };
        self.push(Row::Gain(row), 1);
    }

    /// An entry does not add up.
    pub fn trouble(&mut self, cause: Cause, trouble: Trouble) {
        let Cause { instrument, number, date, .. } = cause;
        self.push(Row::Anomaly(Anomaly { instrument, number, date, trouble }), 1);
    }

    fn push(&mut self, row: Row, times: i8) {
        if let Some(rows) = &mut self.rows {
            rows.push((row, times * self.sign));
        }
    }
}
