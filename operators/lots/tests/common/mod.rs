//! Entries in a line, and what a ledger tells added up.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

pub mod drawn;

use std::collections::BTreeMap;

use evenkeel_lots::{
    Anomaly, Choice, Entry, EventId, Ledger, LotId, OpenLot, RealisedGain, Replacement, Row, Trouble, What,
};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, TradeDate};

pub const VAS: InstrumentId = InstrumentId(3);
pub const VGS: InstrumentId = InstrumentId(5);

pub fn day(text: &str) -> TradeDate {
    text.parse().unwrap()
}

pub fn units(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn entry(date: &str, number: u64, what: What) -> Entry {
    Entry { date: day(date), at: day(date).start(), number, what }
}

pub fn elect(date: &str, number: u64, method: CostBasis) -> Entry {
    entry(date, number, What::Election { method })
}

/// A buy; the lot has the number of the entry.
pub fn buy(date: &str, number: u64, quantity: &str, cost_base: &str) -> Entry {
    let (quantity, cost_base) = (units(quantity), money(cost_base));
    let what =
        What::Acquire { instrument: VAS, lot: LotId(number), quantity, cost_base, acquired: day(date) };
    entry(date, number, what)
}

/// A sale without fee; the disposal has the number of the entry.
pub fn sale(date: &str, number: u64, quantity: &str, proceeds: &str, named: &[(u64, &str)]) -> Entry {
    let lots = named.iter().map(|(lot, quantity)| Choice { lot: LotId(*lot), quantity: units(quantity) });
    let what = What::Dispose {
        instrument: VAS,
        disposal: EventId(number),
        quantity: units(quantity),
        proceeds: money(proceeds),
        fee: Money::ZERO,
        lots: lots.collect(),
    };
    entry(date, number, what)
}

pub fn split(date: &str, number: u64, new: &str, old: &str, in_lieu: Option<&str>) -> Entry {
    let (new, old, in_lieu) = (units(new), units(old), in_lieu.map(price));
    entry(date, number, What::Split { instrument: VAS, event: EventId(number), new, old, in_lieu })
}

pub fn cost_base(date: &str, number: u64, per_unit: &str) -> Entry {
    let per_unit = price(per_unit);
    entry(date, number, What::CostBase { instrument: VAS, event: EventId(number), per_unit })
}

pub fn delist(date: &str, number: u64, per_unit: &str) -> Entry {
    let per_unit = price(per_unit);
    entry(date, number, What::Delist { instrument: VAS, event: EventId(number), per_unit })
}

/// VAS becomes VGS.
pub fn replace(date: &str, number: u64, terms: (&str, &str), cash: &str, value: &str) -> Entry {
    let (event, new, old) = (EventId(number), units(terms.0), units(terms.1));
    let (cash, value) = (price(cash), price(value));
    let terms = Replacement { from: VAS, into: VGS, event, new, old, cash, value };
    entry(date, number, What::Replace(Box::new(terms)))
}

/// A ledger and the sum of what it told.
#[derive(Default)]
pub struct Told {
    pub ledger: Ledger,
    pub rows: BTreeMap<Row, i64>,
}

impl Told {
    pub fn of(entries: &[Entry]) -> Told {
        let mut told = Told::default();
        entries.iter().for_each(|entry| told.ledger.insert(entry.clone()));
        told.settle();
        told
    }

    pub fn settle(&mut self) {
        let mut changes = Vec::new();
        self.ledger.settle(&mut changes);
        assert!(changes.iter().all(|(_, times)| *times != 0), "no empty changes");
        let once = |pair: &[(Row, i8)]| pair[0].0 < pair[1].0 || pair[0].1.unsigned_abs() == 127;
        assert!(changes.windows(2).all(once), "sorted, each row once");
        for (row, times) in changes {
            let count = self.rows.entry(row).or_default();
            *count += i64::from(times);
            assert!(*count >= 0, "a row is taken back that was never told");
            if *count == 0 {
                self.rows.remove(&row);
            }
        }
        let mut open: Vec<OpenLot> = self.ledger.lots().to_vec();
        open.sort();
        assert_eq!(open, self.lots(), "the ledger's lots are those it told");
    }

    pub fn lots(&self) -> Vec<OpenLot> {
        self.all(|row| if let Row::Lot(lot) = row { Some(lot) } else { None })
    }

    pub fn gains(&self) -> Vec<RealisedGain> {
        self.all(|row| if let Row::Gain(gain) = row { Some(gain) } else { None })
    }

    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.all(|row| if let Row::Anomaly(anomaly) = row { Some(anomaly) } else { None })
    }

    /// Lot, units, cost base.
    pub fn open(&self) -> Vec<(u64, String, String)> {
        let lots = self.lots().into_iter();
        lots.map(|lot| (lot.lot.0, lot.quantity.to_string(), lot.cost_base.to_string())).collect()
    }

    /// Disposal, lot, units, proceeds, cost base.
    pub fn realised(&self) -> Vec<(u64, u64, String, String, String)> {
        let text = |gain: RealisedGain| {
            let (quantity, proceeds) = (gain.quantity.to_string(), gain.proceeds.to_string());
            (gain.disposal.0, gain.lot.0, quantity, proceeds, gain.cost_base.to_string())
        };
        self.gains().into_iter().map(text).collect()
    }

    /// Number of the entry, and its trouble.
    pub fn troubles(&self) -> Vec<(u64, Trouble)> {
        self.anomalies().into_iter().map(|anomaly| (anomaly.number, anomaly.trouble)).collect()
    }

    fn all<T>(&self, pick: impl Fn(Row) -> Option<T>) -> Vec<T> {
        let repeated = self.rows.iter().flat_map(|(row, count)| (0..*count).map(|_| *row));
        repeated.filter_map(pick).collect()
    }
}

/// As `open` gives it.
pub fn open(lots: &[(u64, &str, &str)]) -> Vec<(u64, String, String)> {
    lots.iter().map(|(lot, units, cost)| (*lot, (*units).into(), (*cost).into())).collect()
}

/// As `realised` gives it.
pub fn realised(gains: &[(u64, u64, &str, &str, &str)]) -> Vec<(u64, u64, String, String, String)> {
    let text =
        |gain: &(u64, u64, &str, &str, &str)| (gain.0, gain.1, gain.2.into(), gain.3.into(), gain.4.into());
    gains.iter().map(text).collect()
}
