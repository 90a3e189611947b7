//! Entries through the ledger of production.

use std::collections::BTreeMap;

use evenkeel_lots::{Anomaly, Entry, Ledger, LotId, OpenLot, RealisedGain, Row, What};
use evenkeel_schemas::{InstrumentId, Money, TradeDate};
use rust_decimal::Decimal;

/// A case is about one instrument.
pub(crate) const INSTRUMENT: InstrumentId = InstrumentId(0);

/// An entry that counts from the start of its day, in the order of the numbers.
pub(crate) fn entry(date: TradeDate, number: usize, what: What) -> Entry {
    Entry { date, at: date.start(), number: number as u64, what }
}

/// What a ledger tells of some entries.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) lots: Vec<OpenLot>,
    pub(crate) gains: Vec<RealisedGain>,
    pub(crate) anomalies: Vec<Anomaly>,
}

impl Outcome {
    pub(crate) fn of(entries: impl IntoIterator<Item = Entry>) -> Outcome {
        let mut ledger = Ledger::default();
        entries.into_iter().for_each(|entry| ledger.insert(entry));
        let (mut changes, mut outcome) = (Vec::new(), Outcome::default());
        ledger.settle(&mut changes);
        for (row, times) in changes {
            // Nothing was told before, so that nothing can be taken back.
            for _ in 0..times {
                match row {
                    Row::Lot(lot) => outcome.lots.push(lot),
                    Row::Gain(gain) => outcome.gains.push(gain),
                    Row::Anomaly(anomaly) => outcome.anomalies.push(anomaly),
                }
            }
        }
        outcome
    }
}

/// A sum of money, however large.
pub(crate) fn total(amounts: impl Iterator<Item = Money>) -> Decimal {
    amounts.map(Money::to_decimal).sum()
}

/// Units by the name of their lot.
pub(crate) fn by_lot<'a>(
    units: impl Iterator<Item = (LotId, Decimal)>,
    name: impl Fn(LotId) -> &'a str,
) -> BTreeMap<String, Decimal> {
    let mut sums = BTreeMap::new();
    for (lot, quantity) in units {
        *sums.entry(name(lot).to_owned()).or_default() += quantity;
    }
    sums
}
