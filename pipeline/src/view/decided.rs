//! What was decided: where each decision lies in the log, and what orders that rest may cost.
//!
//! Decisions themselves are read from the log when somebody asks: it keeps them for ever, and they are many.

use std::collections::{BTreeMap, VecDeque};

use evenkeel_schemas::events::Decision;
use evenkeel_schemas::{CustomerId, Epoch, Name, Price};

use super::{View, remember};

/// Where a decision lies in the log: its offset in the topic of decisions.
pub type Offset = u64;

/// A logged decision.
#[derive(Clone, Debug)]
pub struct LoggedDecision {
    /// Recorded at.
    pub epoch: Epoch,
    /// The decision.
    pub decision: Decision,
}

/// What was decided, for whom.
#[derive(Default)]
pub(super) struct Decided {
    by_id: BTreeMap<Box<str>, Offset>,
    by_customer: BTreeMap<CustomerId, Vec<Offset>>,
    /// Orders that have not ended, with their limits.
    resting: BTreeMap<CustomerId, Vec<(Name, Price)>>,
    latest: VecDeque<LoggedDecision>,
}

impl Decided {
    /// Takes in a decision, and where it lies.
    pub fn apply(&mut self, customer: Option<CustomerId>, offset: Offset, logged: LoggedDecision) {
        let decision = &logged.decision;
        if let Some(customer) = customer {
            self.by_customer.entry(customer).or_default().push(offset);
            if !decision.orders.is_empty() {
                let orders = decision.orders.iter().map(|order| (order.order.clone(), order.limit));
                self.resting.entry(customer).or_default().extend(orders);
            }
        }
        self.by_id.insert(decision.decision.as_str().into(), offset);
        remember(&mut self.latest, logged);
    }

    /// Takes in that an order has ended.
    pub fn end(&mut self, customer: CustomerId, order: &str) {
        let Some(resting) = self.resting.get_mut(&customer) else { return };
        resting.retain(|(name, _)| name.as_str() != order);
        if resting.is_empty() {
            self.resting.remove(&customer);
        }
    }
}

impl View {
    /// Where a decision lies.
    pub fn decision(&self, id: &str) -> Option<Offset> {
        self.decided.by_id.get(id).copied()
    }

    /// Where a customer's decisions lie, the oldest first.
    pub fn decisions_of(&self, customer: CustomerId) -> &[Offset] {
        self.decided.by_customer.get(&customer).map_or(&[], Vec::as_slice)
    }

    /// How many decisions are logged.
    pub fn decision_count(&self) -> usize {
        self.decided.by_id.len()
    }

    /// A customer's orders that have not ended, with their limits.
    pub fn resting_of(&self, customer: CustomerId) -> &[(Name, Price)] {
        self.decided.resting.get(&customer).map_or(&[], Vec::as_slice)
    }

    /// The latest decisions, the newest first.
    pub fn latest_decisions(&self) -> impl Iterator<Item = &LoggedDecision> {
        self.decided.latest.iter().rev()
    }
}
