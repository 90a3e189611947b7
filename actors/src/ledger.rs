//! What the log knows of every customer, kept compact so that an actor can be put away at any time.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{Event, Outcome, SessionState};
use evenkeel_schemas::{Epoch, Name};

use crate::customer::{CustomerState, Refusal};
use crate::schedule::Schedule;
use crate::urgency::Urgency;

/// The states of all customers that ever decided, and who is to be woken: a function of the applied events
/// and of the wakes asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    market: Name,
    session: Option<SessionState>,
    customers: BTreeMap<Name, CustomerState>,
    /// Customer by order that has not ended.
    orders: BTreeMap<Name, Name>,
    /// Customers with orders that have not ended.
    rebalancing: usize,
    /// Who is woken when.
    pub schedule: Schedule,
}

impl Ledger {
    /// A ledger that has seen nothing; `market` is the one whose sessions count.
    pub fn new(market: Name) -> Ledger {
        Ledger {
            market,
            session: None,
            customers: BTreeMap::new(),
            orders: BTreeMap::new(),
            rebalancing: 0,
            schedule: Schedule::default(),
        }
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, epoch: Epoch, event: &Event) {
        match event {
            Event::Decision(decision) => {
                let state = self.customers.entry(decision.customer.clone()).or_default();
                let before = state.outstanding.is_empty();
                state.apply_decision(epoch, decision);
                self.rebalancing += usize::from(before && !state.outstanding.is_empty());
                if decision.outcome == Outcome::Trade {
                    for order in &decision.orders {
                        self.orders.insert(order.order.clone(), decision.customer.clone());
                    }
                }
                let closed = Refusal::of(decision) == Some(Refusal::SessionClosed);
                self.schedule.decided(&decision.customer, decision.review, closed);
            }
            Event::OrderState(end) if end.state.terminal() => {
                let Some(customer) = self.orders.remove(&end.order) else { return };
                let state = self.customers.get_mut(&customer);
                if state.is_some_and(|state| state.apply_order_end(&end.order)) {
                    self.rebalancing = self.rebalancing.saturating_sub(1);
                    self.schedule.wake(&customer, Urgency::REVIEW);
                }
            }
            Event::Session(session) if session.market == self.market => {
                self.session = Some(session.state);
                if session.state == SessionState::Open {
                    self.schedule.market_opened();
                }
            }
            _ => {}
        }
    }

    /// What the log knows of a customer.
    pub fn state(&self, customer: &Name) -> CustomerState {
        self.customers.get(customer).cloned().unwrap_or_default()
    }

    /// The market's last known state.
    pub fn session(&self) -> Option<SessionState> {
        self.session
    }

    /// Customers with orders that have not ended.
    pub fn rebalancing(&self) -> usize {
        self.rebalancing
    }
}
