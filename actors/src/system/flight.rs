//! Proposals that have not come back as committed events.
//!
//! Until then the machines do not know of them and would propose the same again. The log would drop the
//! copies; but a desk that has not heard of its first block might put an order into a second one. So nobody
//! is asked again before all that he proposed is back, or so late that its append must have failed.

use std::collections::BTreeMap;

use evenkeel_schemas::events::Event;
use evenkeel_schemas::{Epoch, Name};

/// Ids on their way and the epoch they were proposed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    /// By customer: the decision.
    decisions: BTreeMap<Name, (Name, Epoch)>,
    desk: BTreeMap<Name, Epoch>,
    broker: BTreeMap<Name, Epoch>,
}

impl Flight {
    pub fn decided(&mut self, customer: &Name, id: &Name, epoch: Epoch) {
        self.decisions.insert(customer.clone(), (id.clone(), epoch));
    }

    pub fn desk(&mut self, events: &[Event], epoch: Epoch) {
        self.desk.extend(events.iter().filter_map(Event::id).map(|id| (id.clone(), epoch)));
    }

    pub fn broker(&mut self, events: &[Event], epoch: Epoch) {
        self.broker.extend(events.iter().filter_map(Event::id).map(|id| (id.clone(), epoch)));
    }

    /// An event is committed.
    pub fn landed(&mut self, event: &Event) {
        if let Event::Decision(decision) = event
            && self.decisions.get(&decision.customer).is_some_and(|(id, _)| *id == decision.decision)
        {
            self.decisions.remove(&decision.customer);
        }
        if let Some(id) = event.id() {
            self.desk.remove(id);
            self.broker.remove(id);
        }
    }

    /// Gives up on what was proposed before `since`. Returns the customers whose decision it was.
    pub fn expire(&mut self, since: Epoch) -> Vec<Name> {
        self.desk.retain(|_, epoch| *epoch >= since);
        self.broker.retain(|_, epoch| *epoch >= since);
        let late = self.decisions.iter().filter(|(_, (_, epoch))| *epoch < since);
        let late: Vec<Name> = late.map(|(customer, _)| customer.clone()).collect();
        for customer in &late {
            self.decisions.remove(customer);
        }
        late
    }

    pub fn deciding(&self, customer: &Name) -> bool {
        self.decisions.contains_key(customer)
    }

    pub fn desk_waits(&self) -> bool {
        !self.desk.is_empty()
    }

    pub fn broker_waits(&self) -> bool {
        !self.broker.is_empty()
    }

    pub fn len(&self) -> usize {
        self.decisions.len() + self.desk.len() + self.broker.len()
    }

    /// The epoch of the oldest proposal.
    pub fn oldest(&self) -> Option<Epoch> {
        let decisions = self.decisions.values().map(|(_, epoch)| *epoch);
        decisions.chain(self.desk.values().copied()).chain(self.broker.values().copied()).min()
    }
}
