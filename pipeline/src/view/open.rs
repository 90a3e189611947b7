//! What is open of customers: triggers and breaches, with their counts. Few customers have any.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{BandSide, CustomerId, InstrumentId, Measure, TriggerKey};

/// Measure and limit of a trigger.
pub type Measures = (Measure, Measure);

/// Open triggers and breaches, by customer.
#[derive(Clone, Debug, Default)]
pub struct Open {
    triggers: BTreeMap<CustomerId, BTreeMap<TriggerKey, Measures>>,
    breaches: BTreeMap<CustomerId, BTreeSet<(InstrumentId, BandSide)>>,
    by_kind: BTreeMap<TriggerKind, usize>,
    breach_count: usize,
}

impl Open {
    pub(super) fn enter(&mut self, key: TriggerKey, measures: Measures) {
        let kind = key.kind;
        if self.triggers.entry(key.customer).or_default().insert(key, measures).is_none() {
            *self.by_kind.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, key: &TriggerKey) {
        let Some(open) = self.triggers.get_mut(&key.customer) else { return };
        if open.remove(key).is_some()
            && let Some(count) = self.by_kind.get_mut(&key.kind)
        {
            *count -= 1;
        }
        if open.is_empty() {
            self.triggers.remove(&key.customer);
        }
    }

    pub(super) fn breach(&mut self, customer: CustomerId, instrument: InstrumentId, side: BandSide) {
        let new = self.breaches.entry(customer).or_default().insert((instrument, side));
        self.breach_count += usize::from(new);
    }

    pub(super) fn unbreach(&mut self, customer: CustomerId, instrument: InstrumentId, side: BandSide) {
        let Some(breaches) = self.breaches.get_mut(&customer) else { return };
        self.breach_count -= usize::from(breaches.remove(&(instrument, side)));
        if breaches.is_empty() {
            self.breaches.remove(&customer);
        }
    }

    /// Open triggers of a customer.
    pub fn triggers_of(&self, customer: CustomerId) -> impl Iterator<Item = (&TriggerKey, &Measures)> {
        self.triggers.get(&customer).into_iter().flatten()
    }

    /// All open triggers, by customer.
    pub fn triggers(&self) -> impl Iterator<Item = (&TriggerKey, &Measures)> {
        self.triggers.values().flatten()
    }

    /// Customers with an open trigger.
    pub fn triggered(&self) -> impl Iterator<Item = CustomerId> {
        self.triggers.keys().copied()
    }

    /// Whether a customer has an open trigger.
    pub fn is_triggered(&self, customer: CustomerId) -> bool {
        self.triggers.contains_key(&customer)
    }

    /// Open triggers of a kind.
    pub fn count(&self, kind: TriggerKind) -> usize {
        self.by_kind.get(&kind).copied().unwrap_or_default()
    }

    /// Open triggers.
    pub fn trigger_count(&self) -> usize {
        self.by_kind.values().sum()
    }

    /// Instruments outside their band, of a customer.
    pub fn breaches_of(&self, customer: CustomerId) -> usize {
        self.breaches.get(&customer).map_or(0, BTreeSet::len)
    }

    /// What of a customer is outside its band, and on which side.
    pub fn breached(&self, customer: CustomerId) -> impl Iterator<Item = &(InstrumentId, BandSide)> {
        self.breaches.get(&customer).into_iter().flatten()
    }

    /// Instruments outside their band.
    pub fn breach_count(&self) -> usize {
        self.breach_count
    }

    /// Customers with an instrument outside its band.
    pub fn out_of_band(&self) -> usize {
        self.breaches.len()
    }
}
