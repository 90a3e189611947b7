use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use evenkeel_lots::{Entry, Ledger, OpenLot, Row as LedgerRow, What};
use evenkeel_schemas::{CustomerId, InstrumentId, Row};

use super::costs::Costs;
use super::names::{Known, Names};
use crate::by_customer::ByCustomer;
use crate::epochwise::Changes;
use crate::facts::{Fact, LotEntry};
use crate::groups::Groups;
use crate::told::Told;

/// A customer's ledger.
#[derive(Default)]
struct Account {
    ledger: Ledger,
    /// How many own entries there are by group of instruments: the ledger has the actions of each such group.
    own: Vec<(InstrumentId, u32)>,
    names: Names,
}

impl Account {
    /// Counts an own entry of a group in, or out; whether the account had any before, and has any now.
    fn count(&mut self, group: InstrumentId, comes: bool) -> (bool, bool) {
        let found = self.own.binary_search_by_key(&group, |(group, _)| *group);
        match (found, comes) {
            (Ok(at), true) => self.own[at].1 = self.own[at].1.saturating_add(1),
            (Ok(at), false) if self.own[at].1 > 1 => self.own[at].1 -= 1,
            (Ok(at), false) => drop(self.own.remove(at)),
            (Err(at), true) => self.own.insert(at, (group, 1)),
            (Err(_), false) => {}
        }
        (found.is_ok(), comes || self.has(group))
    }

    /// Whether it has own entries of a group.
    fn has(&self, group: InstrumentId) -> bool {
        self.own.binary_search_by_key(&group, |(group, _)| *group).is_ok()
    }

    /// Takes a group's count out.
    fn forget(&mut self, group: InstrumentId) -> u32 {
        let found = self.own.binary_search_by_key(&group, |(group, _)| *group);
        found.map_or(0, |at| self.own.remove(at).1)
    }

    fn tell(&mut self, entry: &Entry, comes: bool) {
        if comes {
            self.ledger.insert(entry.clone());
        } else {
            self.ledger.remove(entry);
        }
    }
}

/// The open lots of a customer.
fn lots_of(accounts: &ByCustomer<Account>, customer: CustomerId) -> &[OpenLot] {
    accounts.get(customer).map_or(&[], |account| account.ledger.lots())
}

/// The ledgers of a worker's customers, and what instruments did.
#[derive(Default)]
pub(super) struct Books {
    accounts: ByCustomer<Account>,
    actions: BTreeMap<InstrumentId, Vec<Entry>>,
    /// Names of actions, by running number.
    acts: BTreeMap<u64, Arc<str>>,
    groups: Groups,
    told: Vec<(LedgerRow, i8)>,
    /// Customers whose lots somebody follows, with how many harvest policies say so.
    followed: BTreeMap<CustomerId, isize>,
    costs: Costs,
}

impl Books {
    /// Takes in the changes of an epoch; gives out what changed of rows and of what does not add up.
    pub fn step(&mut self, mut changes: Changes<Fact>, out: &mut Changes<Told>) {
        // What comes and goes at once was never there. What is left is in order: by customer.
        consolidate(&mut changes);
        let (begun, ended) = self.follow(&changes);
        self.costs.follow(&changes, |customer| lots_of(&self.accounts, customer));
        for customer in &ended {
            self.every_lot(*customer, -1, out);
        }
        let mut touched = BTreeSet::new();
        for (fact, times) in &changes {
            let Fact::Action(instrument, action) = fact else { continue };
            self.acts.extend(action.name.iter().map(|name| (action.entry.number, name.clone())));
            for _ in 0..times.unsigned_abs() {
                self.act(*instrument, &action.entry, *times > 0, &mut touched);
            }
        }
        for entries in changes.chunk_by(|(one, _), (other, _)| one.spread() == other.spread()) {
            let mut customer = None;
            for (fact, times) in entries {
                let Fact::Lot(of, entry) = fact else { continue };
                customer = Some(*of);
                self.own(*of, entry, *times);
            }
            // At once, while its ledger is at hand.
            if let Some(customer) = customer {
                self.settle(customer, &begun, out);
            }
        }
        // Who has been settled has nothing more to say.
        for customer in touched {
            self.settle(customer, &begun, out);
        }
        for customer in begun {
            self.every_lot(customer, 1, out);
        }
        self.costs.tell(|customer| lots_of(&self.accounts, customer), out);
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
        let Some(account) = self.accounts.get(customer) else { return };
        let known = Known { names: &account.names, acts: &self.acts };
        let lots = account.ledger.lots().iter();
        out.extend(lots.map(|lot| (Told::Lot(Box::new(known.lot(customer, lot))), diff)));
    }

    /// An entry of a customer's own comes or goes, so many times.
    fn own(&mut self, customer: CustomerId, entry: &LotEntry, times: isize) {
        let account = self.accounts.entry(customer);
        account.names.learn(entry);
        let comes = times > 0;
        for _ in 0..times.unsigned_abs() {
            account.tell(&entry.entry, comes);
            let Some(instrument) = entry.entry.instrument() else { continue };
            let group = self.groups.of(instrument);
            let (had, has) = account.count(group, comes);
            if had != has {
                let actions = self.actions.get(&group).into_iter().flatten();
                actions.for_each(|action| account.tell(action, has));
            }
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
        for (customer, account) in self.accounts.iter_mut().filter(|(_, account)| account.has(group)) {
            touched.insert(customer);
            account.tell(action, comes);
        }
    }

    /// Units of one instrument may be units of the other: whoever has any of either needs the actions of both.
    fn join(&mut self, one: InstrumentId, other: InstrumentId, touched: &mut BTreeSet<CustomerId>) {
        let Some((one, other)) = self.groups.join(one, other) else { return };
        let [of_one, of_other] = [one, other].map(|group| self.actions.remove(&group).unwrap_or_default());
        let group = self.groups.of(one);
        for (customer, account) in self.accounts.iter_mut() {
            let (own, lacking) = match (account.forget(one), account.forget(other)) {
                (0, 0) => continue,
                (own, 0) => (own, Some(&of_other)),
                (0, own) => (own, Some(&of_one)),
                (own, more) => (own.saturating_add(more), None),
            };
            let at = account.own.partition_point(|(known, _)| *known < group);
            account.own.insert(at, (group, own));
            if let Some(actions) = lacking {
                touched.insert(customer);
                actions.iter().for_each(|action| account.tell(action, true));
            }
        }
        self.actions.insert(group, [of_one, of_other].concat());
    }

    /// Says what changed of a customer's lots.
    fn settle(&mut self, customer: CustomerId, begun: &BTreeSet<CustomerId>, out: &mut Changes<Told>) {
        let Some(account) = self.accounts.get_mut(customer) else { return };
        account.ledger.settle(&mut self.told);
        self.costs.settled(customer, account.ledger.lots(), &self.told);
        let known = Known { names: &account.names, acts: &self.acts };
        if self.followed.contains_key(&customer) && !begun.contains(&customer) {
            let lots = self.told.iter().filter_map(|(told, diff)| match told {
                LedgerRow::Lot(lot) => {
                    Some((Told::Lot(Box::new(known.lot(customer, lot))), isize::from(*diff)))
                }
                _ => None,
            });
            out.extend(lots);
        }
        let outcome = |told: LedgerRow| match told {
            LedgerRow::Lot(lot) => Told::Row(Row::Lot(known.lot(customer, &lot))),
            LedgerRow::Gain(gain) => Told::Row(known.gain(customer, &gain)),
            LedgerRow::Anomaly(anomaly) => Told::Fault(customer, known.trouble(&anomaly)),
        };
        out.extend(self.told.drain(..).map(|(told, diff)| (outcome(told), isize::from(diff))));
        if account.ledger.is_empty() {
            self.accounts.remove(customer);
        }
    }
}
