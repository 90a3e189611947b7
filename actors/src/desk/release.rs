//! At the end of a window: checks, then blocks.

use std::collections::BTreeMap;

use evenkeel_schemas::derive::{block_id, event_id};
use evenkeel_schemas::events::{Event, EventType, Order, OrderStatus, Side};
use evenkeel_schemas::{Currency, Epoch, Instant, Money, Name, Quantity};

use super::checks::{Checks, Claims, Passed};
use super::{Desk, Plan, Ticket};
use crate::append::{Done, order_state};
use crate::books::Books;
use crate::costs::cost_of_buy;

/// An order that may go out now.
struct Ready<'a> {
    order: &'a Name,
    ticket: &'a Ticket,
    passed: Passed,
}

impl Desk {
    /// Appends rejections, then block by block its orders and its `pending_new`; then the `pending_new` of
    /// blocks whose orders are in the log without it, because a crash cut their batch.
    pub(super) fn release(&self, epoch: Epoch, books: &dyn Books, events: &mut Vec<Event>) {
        let mut ready: BTreeMap<(&Name, Side), Vec<Ready<'_>>> = BTreeMap::new();
        let due = self.plans.values().filter(|plan| self.due(plan, epoch));
        let mut due: Vec<&Plan> = due.collect();
        if !due.is_empty() {
            // By customer, then in the order of the log's ids: who comes first must not depend on timing.
            due.sort_by_key(|plan| {
                plan.orders.first().and_then(|order| self.tickets.get(order)).map(|t| &t.customer)
            });
            let mut claims = self.claims(epoch, books);
            let sent = self.sent.within(self.window(epoch));
            let session = self.session;
            let mut checks = Checks { policy: &self.policy, session, books, sent };
            for plan in due {
                self.release_plan(plan, epoch, &mut checks, &mut claims, &mut ready, events);
            }
        }
        let mut completed = Vec::new();
        for ((instrument, side), orders) in ready {
            completed.push(self.send(epoch, (instrument, side), orders, events));
        }
        for (id, _) in self.blocks.iter().filter(|(id, block)| !block.sent && !completed.contains(*id)) {
            events.push(sent(epoch, id));
        }
    }

    /// When an order's window ends; `None` while a buy waits for sells.
    pub(super) fn release_at(&self, ticket: &Ticket) -> Option<Epoch> {
        let plan = self.plans.get(&ticket.decision)?;
        match ticket.side {
            Side::Buy if !plan.sells.is_empty() => None,
            Side::Buy => Some(self.window_end(ticket.arrived.max(plan.sells_ended))),
            Side::Sell => Some(self.window_end(ticket.arrived)),
        }
    }

    /// Whether the window of any order that still waits has ended.
    fn due(&self, plan: &Plan, epoch: Epoch) -> bool {
        self.waiting_of(plan).any(|(_, ticket)| self.window_end(ticket.arrived) <= epoch)
    }

    fn waiting_of<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (&'a Name, &'a Ticket)> {
        let tickets = plan.orders.iter().filter_map(|order| self.tickets.get_key_value(order));
        tickets.filter(|(_, ticket)| ticket.block.is_none())
    }

    /// What orders on their way claim, by customer.
    fn claims<'a>(&'a self, epoch: Epoch, books: &dyn Books) -> BTreeMap<&'a Name, Claims> {
        let mut claims: BTreeMap<&Name, Claims> = BTreeMap::new();
        for ticket in self.tickets.values().filter(|ticket| ticket.block.is_some()) {
            if let Some(terms) = books.instrument(&ticket.instrument) {
                let entry = claims.entry(&ticket.customer).or_default();
                entry.add(&self.policy, ticket, ticket.quantity, terms.currency);
            }
        }
        let window = self.window(epoch);
        for (customer, sent) in &self.sent_by_customer {
            claims.entry(customer).or_default().sent = sent.within(window);
        }
        claims
    }

    fn release_plan<'a>(
        &'a self,
        plan: &'a Plan,
        epoch: Epoch,
        checks: &mut Checks<'_>,
        claims: &mut BTreeMap<&'a Name, Claims>,
        ready: &mut BTreeMap<(&'a Name, Side), Vec<Ready<'a>>>,
        events: &mut Vec<Event>,
    ) {
        let waits = self.buys_wait(plan, epoch, checks.books, claims);
        for (order, ticket) in self.waiting_of(plan) {
            if ticket.side == Side::Buy && waits {
                continue;
            }
            let own = claims.entry(&ticket.customer).or_default();
            match checks.order(ticket, own) {
                Ok(passed) => {
                    own.add(&self.policy, ticket, passed.quantity, passed.terms.currency);
                    own.sent = own.sent.saturating_add(1);
                    checks.sent = checks.sent.saturating_add(1);
                    let group = ready.entry((&ticket.instrument, ticket.side)).or_default();
                    group.push(Ready { order, ticket, passed });
                }
                Err(text) => {
                    let rejected = OrderStatus::Rejected;
                    events.push(order_state(epoch, order, ("end", 0), rejected, Done::default(), text));
                }
            }
        }
    }

    /// Buys wait while sells of their decision have not ended and free cash does not cover them all; and for
    /// the end of the window in which the last sell ended.
    fn buys_wait(
        &self,
        plan: &Plan,
        epoch: Epoch,
        books: &dyn Books,
        claims: &BTreeMap<&Name, Claims>,
    ) -> bool {
        if plan.sells.is_empty() {
            return self.window_end(plan.sells_ended) > epoch && plan.sells_ended > 0;
        }
        let mut need: BTreeMap<Currency, Money> = BTreeMap::new();
        let none = Claims::default();
        for (_, ticket) in self.waiting_of(plan).filter(|(_, ticket)| ticket.side == Side::Buy) {
            let Some(terms) = books.instrument(&ticket.instrument) else { continue };
            let cost = cost_of_buy(&self.policy.costs, ticket.quantity, ticket.limit).unwrap_or(Money::MAX);
            let sum = need.entry(terms.currency).or_default();
            *sum = sum.checked_add(cost).unwrap_or(Money::MAX);
            let own = claims.get(&ticket.customer).unwrap_or(&none);
            if own.free(books, &ticket.customer, terms.currency) < *sum {
                return true;
            }
        }
        false
    }

    /// One block: its orders, then its `pending_new`. Returns its id.
    fn send(
        &self,
        epoch: Epoch,
        (instrument, side): (&Name, Side),
        mut orders: Vec<Ready<'_>>,
        events: &mut Vec<Event>,
    ) -> Name {
        orders.sort_by(|a, b| a.order.cmp(b.order));
        let new: Vec<&str> = orders.iter().map(|ready| ready.order.as_str()).collect();
        let block =
            self.torn(instrument, side, &new).unwrap_or_else(|| block_id(instrument.as_str(), side, &new));
        for ready in &orders {
            events.push(order_event(epoch, &block, ready));
        }
        for ready in &orders {
            if let Some(text) = &ready.passed.reduced {
                let (what, state) = (("reduced", 0), OrderStatus::PendingNew);
                events.push(order_state(epoch, ready.order, what, state, Done::default(), text.clone()));
            }
        }
        events.push(sent(epoch, &block));
        block
    }

    /// A block that these orders complete: a crash cut its batch, so that some of its orders are in the log
    /// and these are not. Its id says which orders it was made for.
    fn torn(&self, instrument: &Name, side: Side, new: &[&str]) -> Option<Name> {
        let unsent = self
            .blocks
            .iter()
            .filter(|(_, block)| !block.sent && block.instrument == *instrument && block.side == side);
        for (id, block) in unsent {
            let members = block.members.keys().map(Name::as_str);
            let all: Vec<&str> = members.chain(new.iter().copied()).collect();
            if block_id(instrument.as_str(), side, &all) == *id {
                return Some(id.clone());
            }
        }
        None
    }
}

fn order_event(epoch: Epoch, block: &Name, ready: &Ready<'_>) -> Event {
    let ticket = ready.ticket;
    Event::Order(Box::new(Order {
        event_type: EventType::Order,
        at: Instant::from_epoch(epoch),
        id: Some(event_id(ready.order.as_str(), "order", 0)),
        recorded: None,
        order: ready.order.clone(),
        block: block.clone(),
        decision: ticket.decision.clone(),
        customer: ticket.customer.clone(),
        instrument: ticket.instrument.clone(),
        side: ticket.side,
        quantity: ready.passed.quantity,
        limit: ticket.limit,
    }))
}

fn sent(epoch: Epoch, block: &Name) -> Event {
    let done = Done { cumulative: Quantity::ZERO, ..Done::default() };
    order_state(epoch, block, ("pending_new", 0), OrderStatus::PendingNew, done, String::new())
}
