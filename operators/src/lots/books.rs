use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use evenkeel_lots::{
    Anomaly, Entry, EventId, Ledger, LotId, OpenLot, RealisedGain, Row as Told, Trouble, What,
};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{AnomalyKind, CustomerId, InstrumentId, LotRow, LotTrouble, RealisedGainRow, Row};

use super::Outcome;
use crate::epochwise::Changes;
use crate::facts::{Fact, LotEntry};

/// The ledgers of a worker's customers, and what instruments did.
#[derive(Default)]
pub(super) struct Books {
    ledgers: BTreeMap<CustomerId, Ledger>,
    /// How many own entries a customer has of an instrument: actions of an instrument are in the ledgers of those
    /// who have any.
    own: BTreeMap<(InstrumentId, CustomerId), u32>,
    actions: BTreeMap<InstrumentId, Vec<Entry>>,
    names: Names,
    told: Vec<(Told, i8)>,
}

impl Books {
    /// Takes in the changes of an epoch; gives out what changed of rows and of what does not add up.
    pub fn step(&mut self, mut changes: Changes<Fact>, out: &mut Changes<Outcome>) {
        // What comes and goes at once was never there.
        consolidate(&mut changes);
        let mut touched = BTreeSet::new();
        for (fact, times) in changes {
            match fact {
                Fact::Lot(customer, entry) => {
                    self.names.learn(&entry);
                    touched.insert(customer);
                    for _ in 0..times.unsigned_abs() {
                        self.change(customer, &entry.entry, times > 0);
                    }
                }
                Fact::Action(instrument, action) => {
                    self.names.learn(&action);
                    for _ in 0..times.unsigned_abs() {
                        self.act(instrument, &action.entry, times > 0, &mut touched);
                    }
                }
                _ => {}
            }
        }
        for customer in touched {
            self.settle(customer, out);
        }
    }

    /// An entry of a customer's own comes or goes.
    fn change(&mut self, customer: CustomerId, entry: &Entry, comes: bool) {
        let ledger = self.ledgers.entry(customer).or_default();
        if comes {
            ledger.insert(entry.clone());
        } else {
            ledger.remove(entry);
        }
        let Some(instrument) = entry.instrument() else { return };
        let own = self.own.entry((instrument, customer)).or_default();
        let had = *own > 0;
        *own = if comes { own.saturating_add(1) } else { own.saturating_sub(1) };
        let has = *own > 0;
        if !has {
            self.own.remove(&(instrument, customer));
        }
        if had == has {
            return;
        }
        for action in self.actions.get(&instrument).into_iter().flatten() {
            if has {
                ledger.insert(action.clone());
            } else {
                ledger.remove(action);
            }
        }
    }

    /// An action of an instrument comes or goes, for everybody who ever had it.
    fn act(
        &mut self,
        instrument: InstrumentId,
        action: &Entry,
        comes: bool,
        touched: &mut BTreeSet<CustomerId>,
    ) {
        let actions = self.actions.entry(instrument).or_default();
        if comes {
            actions.push(action.clone());
        } else if let Some(at) = actions.iter().position(|known| known == action) {
            actions.swap_remove(at);
        }
        let everybody = (instrument, CustomerId(0))..=(instrument, CustomerId(u32::MAX));
        for ((_, customer), _) in self.own.range(everybody) {
            let Some(ledger) = self.ledgers.get_mut(customer) else { continue };
            touched.insert(*customer);
            if comes {
                ledger.insert(action.clone());
            } else {
                ledger.remove(action);
            }
        }
    }

    fn settle(&mut self, customer: CustomerId, out: &mut Changes<Outcome>) {
        let Some(ledger) = self.ledgers.get_mut(&customer) else { return };
        ledger.settle(&mut self.told);
        if ledger.is_empty() {
            self.ledgers.remove(&customer);
        }
        let names = &self.names;
        let outcome = |told: Told| match told {
            Told::Lot(lot) => Outcome::Row(names.lot(customer, &lot)),
            Told::Gain(gain) => Outcome::Row(names.gain(customer, &gain)),
            Told::Anomaly(anomaly) => Outcome::Fault(customer, names.trouble(&anomaly)),
        };
        out.extend(self.told.drain(..).map(|(told, diff)| (outcome(told), isize::from(diff))));
    }
}

/// Names of events that have an id.
#[derive(Default)]
struct Names {
    /// By running number.
    events: BTreeMap<u64, Arc<str>>,
    /// By the number of the lot that they opened, or that was named at a sale.
    lots: BTreeMap<u64, Arc<str>>,
}

impl Names {
    fn learn(&mut self, entry: &LotEntry) {
        for lot in &entry.named {
            self.lots.entry(lot_number(lot)).or_insert_with(|| lot.clone());
        }
        let Some(name) = &entry.name else { return };
        self.events.insert(entry.entry.number, name.clone());
        if let What::Acquire { lot, .. } = entry.entry.what {
            self.lots.insert(lot.0, name.clone());
        }
    }

    fn event(&self, number: u64) -> Arc<str> {
        name_of(number, &self.events)
    }

    fn lot(&self, customer: CustomerId, lot: &OpenLot) -> Row {
        let OpenLot { instrument, acquired, lot: LotId(number), quantity, cost_base } = *lot;
        let lot = name_of(number, &self.lots);
        Row::Lot(Box::new(LotRow { customer, instrument, lot, acquired, quantity, cost_base }))
    }

    fn gain(&self, customer: CustomerId, gain: &RealisedGain) -> Row {
        let (LotId(lot), EventId(disposal)) = (gain.lot, gain.disposal);
        Row::RealisedGain(Box::new(RealisedGainRow {
            customer,
            instrument: gain.instrument,
            lot: name_of(lot, &self.lots),
            acquired: gain.acquired,
            disposed: gain.disposed,
            quantity: gain.quantity,
            proceeds: gain.proceeds,
            cost_base: gain.cost_base,
            gain: gain.gain,
            days_held: gain.days_held,
            fee: gain.fee,
            kind: gain.kind,
            disposal: self.event(disposal),
        }))
    }

    fn trouble(&self, anomaly: &Anomaly) -> AnomalyKind {
        let trouble = match anomaly.trouble {
            Trouble::Oversold { missing } => LotTrouble::Oversold(missing),
            Trouble::LotShort { lot: LotId(lot), missing } => {
                LotTrouble::NotOpen(name_of(lot, &self.lots), missing)
            }
            Trouble::SelectionMismatch { named } => LotTrouble::SelectionMismatch(named),
            Trouble::Invalid => LotTrouble::Invalid,
            Trouble::OutOfRange => LotTrouble::OutOfRange,
        };
        AnomalyKind::Lots(anomaly.instrument, anomaly.date, self.event(anomaly.number), trouble)
    }
}

fn name_of(number: u64, names: &BTreeMap<u64, Arc<str>>) -> Arc<str> {
    names.get(&number).cloned().unwrap_or_else(|| format!("seq:{number}").into())
}
