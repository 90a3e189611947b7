use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use evenkeel_lots::{
    Anomaly, Entry, EventId, Ledger, LotId, OpenLot, RealisedGain, Row as LedgerRow, Trouble, What,
};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{AnomalyKind, CustomerId, InstrumentId, LotRow, LotTrouble, RealisedGainRow, Row};

use crate::epochwise::Changes;
use crate::facts::{Fact, LotEntry};
use crate::groups::Groups;
use crate::told::Told;

use super::costs::Costs;

/// The ledgers of a worker's customers, and what instruments did.
#[derive(Default)]
pub(super) struct Books {
    ledgers: BTreeMap<CustomerId, Ledger>,
    /// How many own entries a customer has of a group of instruments: the actions of the group are in the ledgers of
    /// those who have any.
    own: BTreeMap<(InstrumentId, CustomerId), u32>,
    actions: BTreeMap<InstrumentId, Vec<Entry>>,
    groups: Groups,
    names: Names,
    told: Vec<(LedgerRow, i8)>,
    /// Customers whose lots somebody follows, with how many harvest policies say so.
    followed: BTreeMap<CustomerId, isize>,
    costs: Costs,
}

impl Books {
    /// Takes in the changes of an epoch; gives out what changed of rows and of what does not add up.
    pub fn step(&mut self, mut changes: Changes<Fact>, out: &mut Changes<Told>) {
        // What comes and goes at once was never there.
        consolidate(&mut changes);
        let mut touched = BTreeSet::new();
        let (begun, ended) = self.follow(&changes);
        let ledgers = &self.ledgers;
        self.costs.follow(&changes, |customer| ledgers.get(&customer).map_or(&[][..], Ledger::lots));
        for customer in &ended {
            self.every_lot(*customer, -1, out);
        }
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
            let followed = self.followed.contains_key(&customer) && !begun.contains(&customer);
            self.settle(customer, followed, out);
        }
        for customer in begun {
            self.every_lot(customer, 1, out);
        }
        let ledgers = &self.ledgers;
        self.costs.tell(|customer| ledgers.get(&customer).map_or(&[][..], Ledger::lots), out);
    }

    /// Who is followed from now on, and who no longer.
    fn follow(&mut self, changes: &Changes<Fact>) -> (BTreeSet<CustomerId>, BTreeSet<CustomerId>) {
        let mut before = BTreeMap::new();
        for (fact, times) in changes {
            let Fact::Harvest(customer, ..) = fact else { continue };
            let policies = self.followed.entry(*customer).or_default();
            before.entry(*customer).or_insert(*policies > 0);
            *policies += times;
        }
        self.followed.retain(|_, policies| *policies > 0);
        let now = |customer: &CustomerId| self.followed.contains_key(customer);
        let changed = before.into_iter().filter(|(customer, before)| now(customer) != *before);
        let (ended, begun): (Vec<_>, Vec<_>) = changed.partition(|(_, before)| *before);
        let customers = |changed: Vec<(CustomerId, bool)>| changed.into_iter().map(|(c, _)| c).collect();
        (customers(begun), customers(ended))
    }

    /// Says every open lot of a customer to who follows them.
    fn every_lot(&self, customer: CustomerId, diff: isize, out: &mut Changes<Told>) {
        let lots = self.ledgers.get(&customer).map_or(&[][..], Ledger::lots);
        out.extend(lots.iter().map(|lot| (Told::Lot(Box::new(self.names.lot(customer, lot))), diff)));
    }

    /// An entry of a customer's own comes or goes.
    fn change(&mut self, customer: CustomerId, entry: &Entry, comes: bool) {
        let ledger = self.ledgers.entry(customer).or_default();
        tell(ledger, entry, comes);
        let Some(instrument) = entry.instrument() else { return };
        let group = self.groups.of(instrument);
        let own = self.own.entry((group, customer)).or_default();
        let had = *own > 0;
        *own = if comes { own.saturating_add(1) } else { own.saturating_sub(1) };
        let has = *own > 0;
        if !has {
            self.own.remove(&(group, customer));
        }
        if had != has {
            self.actions.get(&group).into_iter().flatten().for_each(|action| tell(ledger, action, has));
        }
    }

    /// An action of an instrument comes or goes, for everybody who ever had any of its group.
    fn act(
        &mut self,
        instrument: InstrumentId,
        action: &Entry,
        comes: bool,
        touched: &mut BTreeSet<CustomerId>,
    ) {
        if let What::Replace(terms) = &action.what {
            self.join(terms.from, terms.into, touched);
        }
        let group = self.groups.of(instrument);
        let actions = self.actions.entry(group).or_default();
        if comes {
            actions.push(action.clone());
        } else if let Some(at) = actions.iter().position(|known| known == action) {
            actions.swap_remove(at);
        }
        for (customer, _) in of_group(&self.own, group) {
            let Some(ledger) = self.ledgers.get_mut(&customer) else { continue };
            touched.insert(customer);
            tell(ledger, action, comes);
        }
    }

    /// Units of one instrument may be units of the other: whoever has any of either needs the actions of both.
    fn join(&mut self, one: InstrumentId, other: InstrumentId, touched: &mut BTreeSet<CustomerId>) {
        let Some((one, other)) = self.groups.join(one, other) else { return };
        let (of_one, of_other) = (of_group(&self.own, one), of_group(&self.own, other));
        let actions = [one, other].map(|group| self.actions.remove(&group).unwrap_or_default());
        for (mine, others, new) in [(&of_one, &of_other, &actions[1]), (&of_other, &of_one, &actions[0])] {
            let lacks = |customer: &CustomerId| others.binary_search_by_key(customer, |(c, _)| *c).is_err();
            for (customer, _) in mine.iter().filter(|(customer, _)| lacks(customer)) {
                let Some(ledger) = self.ledgers.get_mut(customer) else { continue };
                touched.insert(*customer);
                new.iter().for_each(|action| tell(ledger, action, true));
            }
        }
        let group = self.groups.of(one);
        self.actions.insert(group, actions.concat());
        self.own.retain(|(of, _), _| *of != one && *of != other);
        for (customer, count) in of_one.into_iter().chain(of_other) {
            let own = self.own.entry((group, customer)).or_default();
            *own = own.saturating_add(count);
        }
    }

    fn settle(&mut self, customer: CustomerId, followed: bool, out: &mut Changes<Told>) {
        let Some(ledger) = self.ledgers.get_mut(&customer) else { return };
        ledger.settle(&mut self.told);
        self.costs.settled(customer, ledger.lots(), &self.told);
        if ledger.is_empty() {
            self.ledgers.remove(&customer);
        }
        let names = &self.names;
        if followed {
            let lots = self.told.iter().filter_map(|(told, diff)| match told {
                LedgerRow::Lot(lot) => {
                    Some((Told::Lot(Box::new(names.lot(customer, lot))), isize::from(*diff)))
                }
                _ => None,
            });
            out.extend(lots);
        }
        let outcome = |told: LedgerRow| match told {
            LedgerRow::Lot(lot) => Told::Row(Row::Lot(Box::new(names.lot(customer, &lot)))),
            LedgerRow::Gain(gain) => Told::Row(names.gain(customer, &gain)),
            LedgerRow::Anomaly(anomaly) => Told::Fault(customer, names.trouble(&anomaly)),
        };
        out.extend(self.told.drain(..).map(|(told, diff)| (outcome(told), isize::from(diff))));
    }
}

fn tell(ledger: &mut Ledger, entry: &Entry, comes: bool) {
    if comes {
        ledger.insert(entry.clone());
    } else {
        ledger.remove(entry);
    }
}

/// Who has own entries of a group, and how many.
fn of_group(own: &BTreeMap<(InstrumentId, CustomerId), u32>, group: InstrumentId) -> Vec<(CustomerId, u32)> {
    let everybody = (group, CustomerId(0))..=(group, CustomerId(u32::MAX));
    own.range(everybody).map(|((_, customer), count)| (*customer, *count)).collect()
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

    fn lot(&self, customer: CustomerId, lot: &OpenLot) -> LotRow {
        let OpenLot { instrument, acquired, lot: LotId(number), quantity, cost_base } = *lot;
        let lot = name_of(number, &self.lots);
        LotRow { customer, instrument, lot, acquired, quantity, cost_base }
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
