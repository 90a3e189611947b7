//! What lots and events are called.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_lots::{Anomaly, EventId, LotId, OpenLot, RealisedGain, Trouble, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{AnomalyKind, CustomerId, LotRow, LotTrouble, RealisedGainRow, Row};

use crate::facts::LotEntry;

/// Names by number, sorted.
type Sorted = Vec<(u64, Arc<str>)>;

/// Names of a customer's events that have an id.
#[derive(Default)]
pub(super) struct Names {
    /// By running number.
    events: Sorted,
    /// By the number of the lot that they opened, or that was named at a sale.
    lots: Sorted,
}

impl Names {
    pub fn learn(&mut self, entry: &LotEntry) {
        for lot in &entry.named {
            put(&mut self.lots, lot_number(lot), lot);
        }
        let Some(name) = &entry.name else { return };
        put(&mut self.events, entry.entry.number, name);
        if let What::Acquire { lot, .. } = entry.entry.what {
            put(&mut self.lots, lot.0, name);
        }
    }
}

/// A number has one name for ever: that of an event, or the text that it is a hash of.
fn put(names: &mut Sorted, number: u64, name: &Arc<str>) {
    let at = names.partition_point(|(known, _)| *known < number);
    if names.get(at).is_some_and(|(known, _)| *known == number) {
        return;
    }
    // Grows by a quarter: there are many customers, and most have few events.
    if names.len() == names.capacity() {
        names.reserve_exact(names.len() / 4 + 4);
    }
    names.insert(at, (number, name.clone()));
}

fn find(names: &Sorted, number: u64) -> Option<Arc<str>> {
    let at = names.binary_search_by_key(&number, |(known, _)| *known).ok()?;
    Some(names[at].1.clone())
}

fn unnamed(number: u64) -> Arc<str> {
    format!("seq:{number}").into()
}

/// What is known of names where rows of one customer are said.
#[derive(Copy, Clone)]
pub(super) struct Known<'a> {
    pub names: &'a Names,
    /// Of actions, by running number.
    pub acts: &'a BTreeMap<u64, Arc<str>>,
}

impl Known<'_> {
    fn event(&self, number: u64) -> Arc<str> {
        let own = find(&self.names.events, number);
        own.or_else(|| self.acts.get(&number).cloned()).unwrap_or_else(|| unnamed(number))
    }

    fn lot_name(&self, LotId(number): LotId) -> Arc<str> {
        find(&self.names.lots, number).unwrap_or_else(|| unnamed(number))
    }

    pub fn lot(&self, customer: CustomerId, lot: &OpenLot) -> LotRow {
        let OpenLot { instrument, acquired, lot, quantity, cost_base } = *lot;
        LotRow { customer, instrument, lot: self.lot_name(lot), acquired, quantity, cost_base }
    }

    pub fn gain(&self, customer: CustomerId, gain: &RealisedGain) -> Row {
        let EventId(disposal) = gain.disposal;
        Row::RealisedGain(Box::new(RealisedGainRow {
            customer,
            instrument: gain.instrument,
            lot: self.lot_name(gain.lot),
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

    pub fn trouble(&self, anomaly: &Anomaly) -> AnomalyKind {
        let trouble = match anomaly.trouble {
            Trouble::Oversold { missing } => LotTrouble::Oversold(missing),
            Trouble::LotShort { lot, missing } => LotTrouble::NotOpen(self.lot_name(lot), missing),
            Trouble::SelectionMismatch { named } => LotTrouble::SelectionMismatch(named),
            Trouble::Invalid => LotTrouble::Invalid,
            Trouble::OutOfRange => LotTrouble::OutOfRange,
        };
        AnomalyKind::Lots(anomaly.instrument, anomaly.date, self.event(anomaly.number), trouble)
    }
}
