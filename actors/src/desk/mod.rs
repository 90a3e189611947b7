//! The desk: from logged trade decisions to blocks at the broker, and from fills back to customers.
//!
//! Input     committed events in log order ([`Desk::apply`]): trade decisions, orders, order states, sessions
//! Output    events to append ([`Desk::on_epoch`]): `order`, `order_state`, `allocation`, `fill`
//! Law       what is proposed is a function of the applied events, the epoch and the books, of nothing else.
//!           Nothing proposed takes effect before it comes back through `apply`; its id derives from the order
//!           or block, so that proposing it twice appends it once
//! Windows   orders wait for the end of the window in which they became ready; those of one instrument and
//!           side that pass the checks form one block
//! Cash      sells of a decision go first; its buys wait for their end if they need the proceeds, are then cut
//!           to what cash allows in whole lots, or rejected. Cash of a currency is what buys in it may take:
//!           the desk converts nothing
//! Sharing   at the end of a block every order gets its pro rata part at the block's average price; a sale that names
//!           lots takes them in order, as far as it is filled

mod allocate;
mod block;
mod checks;
mod release;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evenkeel_schemas::events::{Decision, Event, LotChoice, Order, OrderState, Outcome, SessionState, Side};
use evenkeel_schemas::{Epoch, Name, Price, Quantity};

use crate::books::Books;
use crate::policy::Policy;
use block::{Block, Member};

pub use block::BlockRow;

/// A customer's order that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    decision: Name,
    customer: Name,
    instrument: Name,
    side: Side,
    quantity: Quantity,
    limit: Price,
    /// Lots that a sale takes, in order; empty where the books choose.
    lots: Vec<LotChoice>,
    arrived: Epoch,
    /// The block it went into.
    block: Option<Name>,
}

/// The orders of one decision that have not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plan {
    /// In the decision's order, sells first.
    orders: Vec<Name>,
    sells: BTreeSet<Name>,
    /// When the last sell so far ended.
    sells_ended: Epoch,
}

/// How many orders went out in a window.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Sent {
    window: u64,
    orders: u32,
}

impl Sent {
    fn add(&mut self, window: u64) {
        let orders = self.within(window).saturating_add(1);
        *self = Sent { window, orders };
    }

    fn within(self, window: u64) -> u32 {
        if self.window == window { self.orders } else { 0 }
    }
}

/// The desk's state: a function of the applied events.
#[derive(Clone, Debug, PartialEq)]
pub struct Desk {
    policy: Policy,
    session: Option<SessionState>,
    tickets: BTreeMap<Name, Ticket>,
    plans: BTreeMap<Name, Plan>,
    blocks: BTreeMap<Name, Block>,
    /// The last blocks that are done, for views, oldest first.
    finished: VecDeque<BlockRow>,
    sent: Sent,
    sent_by_customer: BTreeMap<Name, Sent>,
}

impl Desk {
    /// A desk that has seen nothing.
    pub fn new(policy: Policy) -> Desk {
        Desk {
            policy,
            session: None,
            tickets: BTreeMap::new(),
            plans: BTreeMap::new(),
            blocks: BTreeMap::new(),
            finished: VecDeque::new(),
            sent: Sent::default(),
            sent_by_customer: BTreeMap::new(),
        }
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, epoch: Epoch, event: &Event) {
        match event {
            Event::Decision(decision) if decision.outcome == Outcome::Trade => {
                self.take_decision(epoch, decision);
            }
            Event::Order(order) => self.take_order(epoch, order),
            Event::OrderState(state) => self.take_state(epoch, state),
            Event::Session(session) if session.market == self.policy.market => {
                self.session = Some(session.state);
            }
            _ => {}
        }
    }

    /// What the desk wants appended at this epoch: the shares of blocks that ended, then the orders whose
    /// window has ended.
    pub fn on_epoch(&self, epoch: Epoch, books: &dyn Books) -> Vec<Event> {
        let mut events = Vec::new();
        self.settle(epoch, books, &mut events);
        self.release(epoch, books, &mut events);
        events
    }

    /// The next epoch after `after` at which the desk has something to do without hearing anything new.
    pub fn next_due(&self, after: Epoch) -> Option<Epoch> {
        if self.blocks.values().any(|block| block.unsettled() || !block.sent) {
            return Some(after + 1);
        }
        let waiting = self.tickets.values().filter(|ticket| ticket.block.is_none());
        waiting.filter_map(|ticket| self.release_at(ticket)).map(|due| due.max(after + 1)).min()
    }

    /// Orders and blocks that have not come to their end.
    pub fn open(&self) -> usize {
        self.tickets.len() + self.blocks.len()
    }

    /// Orders that wait for their window or for cash.
    pub fn waiting(&self) -> usize {
        self.tickets.values().filter(|ticket| ticket.block.is_none()).count()
    }

    /// The blocks for views: those that are done, as far as they are kept, then those that are not.
    pub fn books(&self) -> Vec<BlockRow> {
        let open = self.blocks.iter().map(|(id, block)| block.row(id));
        self.finished.iter().cloned().chain(open).collect()
    }

    fn take_decision(&mut self, epoch: Epoch, decision: &Decision) {
        if self.plans.contains_key(&decision.decision) {
            return;
        }
        let mut plan = Plan::default();
        for order in &decision.orders {
            let ticket = Ticket {
                decision: decision.decision.clone(),
                customer: decision.customer.clone(),
                instrument: order.instrument.clone(),
                side: order.side,
                quantity: order.quantity,
                limit: order.limit,
                lots: order.lots.clone(),
                arrived: epoch,
                block: None,
            };
            if order.side == Side::Sell {
                plan.sells.insert(order.order.clone());
            }
            plan.orders.push(order.order.clone());
            self.tickets.insert(order.order.clone(), ticket);
        }
        if !plan.orders.is_empty() {
            self.plans.insert(decision.decision.clone(), plan);
        }
    }

    fn take_order(&mut self, epoch: Epoch, order: &Order) {
        let Some(ticket) = self.tickets.get_mut(&order.order).filter(|ticket| ticket.block.is_none()) else {
            return;
        };
        ticket.block = Some(order.block.clone());
        ticket.quantity = order.quantity;
        let block = self.blocks.entry(order.block.clone()).or_insert_with(|| Block::new(order, epoch));
        let member = Member { customer: order.customer.clone(), quantity: order.quantity, ended: false };
        block.members.insert(order.order.clone(), member);
        // The window is that of the proposal, which the event's own time tells.
        let proposed = u64::try_from(order.at.micros() / 1000).unwrap_or(0);
        let window = self.window(proposed);
        if self.sent.window != window {
            self.sent_by_customer.clear();
        }
        self.sent.add(window);
        self.sent_by_customer.entry(order.customer.clone()).or_default().add(window);
    }

    fn take_state(&mut self, epoch: Epoch, state: &OrderState) {
        if let Some(block) = self.blocks.get_mut(&state.order) {
            block.advance(state);
            let id = state.order.clone();
            self.retire(&id);
            return;
        }
        if !state.state.terminal() {
            return;
        }
        let Some(ticket) = self.tickets.remove(&state.order) else { return };
        if let Some(plan) = self.plans.get_mut(&ticket.decision) {
            plan.orders.retain(|order| *order != state.order);
            if plan.sells.remove(&state.order) {
                plan.sells_ended = epoch;
            }
            if plan.orders.is_empty() {
                self.plans.remove(&ticket.decision);
            }
        }
        if let Some(id) = ticket.block {
            if let Some(member) =
                self.blocks.get_mut(&id).and_then(|block| block.members.get_mut(&state.order))
            {
                member.ended = true;
            }
            self.retire(&id);
        }
    }

    /// Keeps the row of a block that is done and forgets the rest.
    fn retire(&mut self, id: &Name) {
        if !self.blocks.get(id).is_some_and(Block::finished) {
            return;
        }
        if let Some(block) = self.blocks.remove(id) {
            self.finished.push_back(block.row(id));
            while self.finished.len() > self.policy.desk.blocks_kept {
                self.finished.pop_front();
            }
        }
    }

    fn window(&self, epoch: Epoch) -> u64 {
        epoch / self.policy.desk.window_ms.max(1)
    }

    /// The end of the window that an epoch lies in.
    fn window_end(&self, epoch: Epoch) -> Epoch {
        match self.policy.desk.window_ms {
            0 => epoch,
            length => (epoch / length + 1).saturating_mul(length),
        }
    }
}
