//! Lots, worked out again from every entry that stands: a fresh ledger for each customer that an epoch touches. What
//! a ledger itself makes of its entries is checked unit by unit in `operators/lots/tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_lots::{Entry, Ledger, Row as Told, Trouble, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{
    AnomalyKind, AnomalySource, CustomerId, Epoch, InstrumentId, LotRow, LotTrouble, Money, Quantity,
    RealisedGainRow, Row, TradeDate,
};

/// What an event says of lots.
#[derive(Clone, Debug)]
pub struct LotFact {
    /// Whose; everybody's who has any of an instrument for an action.
    pub of: Of,
    /// What it says.
    pub entry: Entry,
    /// The event's id, or `seq:` and its number.
    pub name: Arc<str>,
    /// Lots that it names.
    pub named: Vec<Arc<str>>,
}

/// Whom an entry counts for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// One customer.
    Customer(CustomerId),
    /// Everybody who has any of the instrument, from an epoch on.
    Instrument(InstrumentId, Epoch),
}

/// All entries that stand, and the rows as of the last epoch closed.
#[derive(Default)]
pub struct Lots {
    own: BTreeMap<CustomerId, Vec<Entry>>,
    actions: BTreeMap<InstrumentId, Vec<(Entry, Epoch)>>,
    events: BTreeMap<u64, Arc<str>>,
    lots: BTreeMap<u64, Arc<str>>,
    due: BTreeMap<Epoch, BTreeSet<InstrumentId>>,
    touched: BTreeSet<CustomerId>,
    standing: BTreeMap<CustomerId, BTreeSet<Row>>,
}

impl Lots {
    /// An entry begins (`live`) or ends to stand.
    pub fn apply(&mut self, fact: &LotFact, live: bool, epoch: Epoch) {
        for lot in &fact.named {
            self.lots.entry(lot_number(lot)).or_insert_with(|| lot.clone());
        }
        self.events.insert(fact.entry.number, fact.name.clone());
        if let What::Acquire { lot, .. } = fact.entry.what {
            self.lots.insert(lot.0, fact.name.clone());
        }
        match fact.of {
            Of::Customer(customer) => {
                let own = self.own.entry(customer).or_default();
                if live {
                    own.push(fact.entry.clone());
                } else {
                    own.retain(|entry| *entry != fact.entry);
                }
                self.touched.insert(customer);
            }
            Of::Instrument(instrument, due) => {
                let actions = self.actions.entry(instrument).or_default();
                if live {
                    actions.push((fact.entry.clone(), due));
                } else {
                    actions.retain(|(entry, _)| *entry != fact.entry);
                }
                self.due.entry(due.max(epoch)).or_default().insert(instrument);
            }
        }
    }

    /// The next epoch at which time alone changes something.
    pub fn next_due(&self) -> Option<Epoch> {
        self.due.keys().next().copied()
    }

    /// What holds before and after an epoch, of each customer that it touches.
    pub fn settle(&mut self, epoch: Epoch) -> Vec<(BTreeSet<Row>, BTreeSet<Row>)> {
        let mut touched = std::mem::take(&mut self.touched);
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= epoch) {
            entry.remove();
            // Whom an action reaches is not asked: everybody is looked at.
            touched.extend(self.own.keys().copied());
        }
        let mut changes = Vec::new();
        for customer in touched {
            let now = self.rows(customer, epoch);
            let before = self.standing.insert(customer, now.clone()).unwrap_or_default();
            changes.push((before, now));
        }
        changes
    }

    /// What disposals realised, of a customer, as of the last epoch closed.
    pub fn gains(&self, customer: CustomerId) -> Vec<Row> {
        let standing = self.standing.get(&customer).into_iter().flatten();
        standing.filter(|row| matches!(row, Row::RealisedGain(_))).cloned().collect()
    }

    /// What is open of each instrument, and what it cost, of a customer, as of the last epoch closed.
    pub fn costs(&self, customer: CustomerId) -> BTreeMap<InstrumentId, (Quantity, Money)> {
        let mut costs: BTreeMap<InstrumentId, (Quantity, Money)> = BTreeMap::new();
        for row in self.standing.get(&customer).into_iter().flatten() {
            let Row::Lot(lot) = row else { continue };
            let (quantity, cost_base) = costs.entry(lot.instrument).or_default();
            *quantity = Quantity::from_raw(quantity.raw() + lot.quantity.raw());
            *cost_base = Money::from_raw(cost_base.raw() + lot.cost_base.raw());
        }
        costs
    }

    /// Whether a customer's sales of a day are at average cost.
    pub fn averaged(&self, customer: CustomerId, day: TradeDate) -> bool {
        let own = self.own.get(&customer).into_iter().flatten();
        let elected = own.filter(|entry| entry.date <= day && entry.instrument().is_none()).max();
        elected.is_some_and(|entry| entry.what == What::Election { method: CostBasis::Average })
    }

    fn rows(&self, customer: CustomerId, epoch: Epoch) -> BTreeSet<Row> {
        let mut ledger = Ledger::default();
        let own = self.own.get(&customer).map_or(&[][..], Vec::as_slice);
        own.iter().for_each(|entry| ledger.insert(entry.clone()));
        for (entry, due) in self.actions.values().flatten() {
            if *due <= epoch {
                ledger.insert(entry.clone());
            }
        }
        let mut told = Vec::new();
        ledger.settle(&mut told);
        told.into_iter().map(|(row, _)| self.row(customer, &row)).collect()
    }

    fn event(&self, number: u64) -> Arc<str> {
        self.events.get(&number).cloned().unwrap_or_else(|| format!("seq:{number}").into())
    }

    fn lot(&self, number: u64) -> Arc<str> {
        self.lots.get(&number).cloned().unwrap_or_else(|| format!("seq:{number}").into())
    }

    fn row(&self, customer: CustomerId, told: &Told) -> Row {
        match told {
            Told::Lot(lot) => Row::Lot(LotRow {
                customer,
                instrument: lot.instrument,
                lot: self.lot(lot.lot.0),
                acquired: lot.acquired,
                quantity: lot.quantity,
                cost_base: lot.cost_base,
            }),
            Told::Gain(gain) => Row::RealisedGain(Box::new(RealisedGainRow {
                customer,
                instrument: gain.instrument,
                lot: self.lot(gain.lot.0),
                acquired: gain.acquired,
                disposed: gain.disposed,
                quantity: gain.quantity,
                proceeds: gain.proceeds,
                cost_base: gain.cost_base,
                gain: gain.gain,
                days_held: gain.days_held,
                fee: gain.fee,
                kind: gain.kind,
                disposal: self.event(gain.disposal.0),
            })),
            Told::Anomaly(anomaly) => {
                let trouble = match anomaly.trouble {
                    Trouble::Oversold { missing } => LotTrouble::Oversold(missing),
                    Trouble::LotShort { lot, missing } => LotTrouble::NotOpen(self.lot(lot.0), missing),
                    Trouble::SelectionMismatch { named } => LotTrouble::SelectionMismatch(named),
                    Trouble::Invalid => LotTrouble::Invalid,
                    Trouble::OutOfRange => LotTrouble::OutOfRange,
                };
                let event = self.event(anomaly.number);
                let kind = AnomalyKind::Lots(anomaly.instrument, anomaly.date, event, trouble);
                Row::Anomaly { source: AnomalySource::Customer(customer), kind }
            }
        }
    }
}
