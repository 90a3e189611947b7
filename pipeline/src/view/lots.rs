//! A customer's open lots and elections, as REST shows them: two sorted runs, as there are many customers.

use std::cmp::Ordering;
use std::sync::Arc;

use evenkeel_lots::{Entry, LotId, OpenLot, What};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Instant, InstrumentId, LotRow, Money, Quantity, TradeDate};

/// An open lot of a customer: 40 bytes; its name is shared with the row that told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLot {
    /// Of what.
    pub instrument: InstrumentId,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Its name: the event that opened it.
    pub lot: Arc<str>,
    /// Units left.
    pub quantity: Quantity,
    /// What they cost, in the instrument's currency.
    pub cost_base: Money,
}

impl HeldLot {
    fn of(row: &LotRow) -> HeldLot {
        let LotRow { instrument, acquired, quantity, cost_base, .. } = *row;
        HeldLot { instrument, acquired, lot: row.lot.clone(), quantity, cost_base }
    }

    fn order(&self, other: &HeldLot) -> Ordering {
        let key = |lot: &HeldLot| (lot.instrument, lot.acquired);
        key(self).cmp(&key(other)).then_with(|| self.lot.cmp(&other.lot))
    }

    /// As the ledger has it, under a number of the caller's.
    pub fn numbered(&self, number: u64) -> OpenLot {
        let HeldLot { instrument, acquired, quantity, cost_base, .. } = *self;
        OpenLot { instrument, acquired, lot: LotId(number), quantity, cost_base }
    }
}

/// An election: by date, then effective time, then running number.
type Elected = ((TradeDate, Instant, u64), CostBasis);

/// What is open, and what was elected.
#[derive(Clone, Debug, Default)]
pub(super) struct CustomerLots {
    /// By instrument, acquisition date and name.
    open: Vec<HeldLot>,
    /// In order.
    elections: Vec<Elected>,
}

impl CustomerLots {
    pub fn open(&mut self, row: &LotRow) {
        let lot = HeldLot::of(row);
        let place = self.open.partition_point(|other| other.order(&lot).is_le());
        if self.open.len() == self.open.capacity() {
            self.open.reserve_exact(self.open.len() / 4 + 1);
        }
        self.open.insert(place, lot);
    }

    pub fn close(&mut self, row: &LotRow) {
        let lot = HeldLot::of(row);
        let from = self.open.partition_point(|other| other.order(&lot).is_lt());
        let mut alike = self.open[from..].iter().take_while(|other| other.order(&lot).is_eq());
        if let Some(at) = alike.position(|other| *other == lot) {
            self.open.remove(from + at);
        }
    }

    /// An election comes or goes.
    pub fn elect(&mut self, entry: &Entry, diff: isize) {
        let What::Election { method } = entry.what else { return };
        let key = (entry.date, entry.at, entry.number);
        match self.elections.binary_search_by_key(&key, |(known, _)| *known) {
            Ok(at) if diff < 0 => drop(self.elections.remove(at)),
            Ok(at) => self.elections[at].1 = method,
            Err(at) if diff > 0 => self.elections.insert(at, (key, method)),
            Err(_) => {}
        }
    }

    pub fn of(&self, instrument: InstrumentId) -> &[HeldLot] {
        let from = self.open.partition_point(|lot| lot.instrument < instrument);
        let count = self.open[from..].partition_point(|lot| lot.instrument == instrument);
        &self.open[from..from + count]
    }

    /// As the ledger has it: the latest at or before the day, FIFO before the first.
    pub fn method_on(&self, date: TradeDate) -> CostBasis {
        let upto = self.elections.partition_point(|((from, _, _), _)| *from <= date);
        self.elections[..upto].last().map_or(CostBasis::Fifo, |(_, method)| *method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::CustomerId;

    fn row(instrument: u32, acquired: &str, lot: &str, quantity: &str) -> LotRow {
        let (acquired, quantity) = (acquired.parse().unwrap(), quantity.parse().unwrap());
        let (customer, instrument) = (CustomerId(0), InstrumentId(instrument));
        LotRow { customer, instrument, lot: lot.into(), acquired, quantity, cost_base: Money::ZERO }
    }

    #[test]
    fn lots_lie_by_instrument_and_date_and_go_as_they_came() {
        let mut lots = CustomerLots::default();
        let rows = [
            row(2, "2026-01-05", "b", "1"),
            row(1, "2026-01-07", "c", "2"),
            row(1, "2026-01-05", "z", "3"),
            row(1, "2026-01-05", "a", "4"),
        ];
        rows.iter().for_each(|row| lots.open(row));
        let names = |lots: &CustomerLots, i| -> Vec<String> {
            lots.of(InstrumentId(i)).iter().map(|lot| lot.lot.to_string()).collect()
        };
        assert_eq!(
            (names(&lots, 1), names(&lots, 2)),
            (vec!["a".into(), "z".into(), "c".into()], vec!["b".into()])
        );
        lots.close(&row(1, "2026-01-05", "z", "9"));
        assert_eq!(names(&lots, 1).len(), 3, "what is not there stays away");
        rows.iter().for_each(|row| lots.close(row));
        assert!(lots.open.is_empty() && names(&lots, 3).is_empty());
    }

    #[test]
    fn the_latest_election_holds_until_it_is_taken_back() {
        let mut lots = CustomerLots::default();
        let election = |date: &str, number, method| {
            let date: TradeDate = date.parse().unwrap();
            Entry { date, at: date.start(), number, what: What::Election { method } }
        };
        let on = |lots: &CustomerLots, date: &str| lots.method_on(date.parse().unwrap());
        let (early, late) =
            (election("2026-01-05", 1, CostBasis::Hifo), election("2026-07-01", 2, CostBasis::Average));
        lots.elect(&late, 1);
        lots.elect(&early, 1);
        assert_eq!(on(&lots, "2026-01-04"), CostBasis::Fifo);
        assert_eq!(on(&lots, "2026-06-30"), CostBasis::Hifo);
        assert_eq!(on(&lots, "2026-07-01"), CostBasis::Average);
        lots.elect(&late, -1);
        assert_eq!(on(&lots, "2026-07-01"), CostBasis::Hifo);
    }
}
