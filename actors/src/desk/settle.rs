//! At the end of a block: shares, fills and the end of every order in it, in one batch.

use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{Allocation, Event, EventType, Fill, LotChoice, OrderStatus};
use evenkeel_schemas::{Epoch, Instant, Money, Name, Price, Quantity};

use super::Desk;
use super::block::{Block, Member};
use crate::append::{Done, order_state};
use crate::books::{Books, InstrumentTerms};
use crate::costs::commission;

/// An order's part of a block.
struct Part<'a> {
    id: &'a Name,
    block: &'a Block,
    order: &'a Name,
    member: &'a Member,
    quantity: Quantity,
    price: Price,
    fee: Money,
    lots: Vec<LotChoice>,
}

impl Desk {
    /// Appends what the ended blocks bring: first every allocation with its fill, then the ends of the orders.
    /// An order's end in the log thus says that its fill is there too, wherever a crash cut the batch.
    pub(super) fn settle(&self, epoch: Epoch, books: &dyn Books, events: &mut Vec<Event>) {
        for (id, block) in self.blocks.iter().filter(|(_, block)| block.unsettled()) {
            let Some(terms) = books.instrument(&block.instrument) else {
                tracing::error!(block = %id, instrument = %block.instrument, "ended block of an unlisted instrument");
                continue;
            };
            let shares = block.shares(terms.lot);
            for ((order, member), quantity) in block.members.iter().zip(&shares) {
                if let Some(price) = block.average.filter(|_| *quantity > Quantity::ZERO) {
                    let fee = commission(&self.policy.costs, *quantity, price).unwrap_or_default();
                    let named = self.tickets.get(order).map_or(&[][..], |ticket| &ticket.lots);
                    let lots = taken(named, *quantity);
                    let part = Part { id, block, order, member, quantity: *quantity, price, fee, lots };
                    events.push(part.allocation(epoch));
                    events.push(part.fill(epoch, &terms));
                }
            }
            for ((order, member), quantity) in block.members.iter().zip(&shares) {
                events.push(end(epoch, block, order, member, *quantity));
            }
        }
    }
}

/// The first units of the named lots; nothing where they do not reach, so that the books choose.
fn taken(named: &[LotChoice], units: Quantity) -> Vec<LotChoice> {
    let mut left = units;
    let mut taken = Vec::new();
    for choice in named {
        let quantity = choice.quantity.min(left);
        if quantity > Quantity::ZERO {
            left = left.checked_sub(quantity).unwrap_or_default();
            taken.push(LotChoice { lot: choice.lot.clone(), quantity });
        }
    }
    if left > Quantity::ZERO { Vec::new() } else { taken }
}

impl Part<'_> {
    fn allocation(&self, epoch: Epoch) -> Event {
        Event::Allocation(Box::new(Allocation {
            event_type: EventType::Allocation,
            at: Instant::from_epoch(epoch),
            id: Some(event_id(self.order.as_str(), "allocation", 0)),
            recorded: None,
            block: self.id.clone(),
            order: self.order.clone(),
            customer: self.member.customer.clone(),
            instrument: self.block.instrument.clone(),
            side: self.block.side,
            quantity: self.quantity,
            price: self.price,
            fee: self.fee,
        }))
    }

    fn fill(&self, epoch: Epoch, terms: &InstrumentTerms) -> Event {
        let at = Instant::from_epoch(epoch);
        Event::Fill(Box::new(Fill {
            event_type: EventType::Fill,
            at,
            id: Some(event_id(self.order.as_str(), "fill", 0)),
            recorded: None,
            customer: self.member.customer.clone(),
            instrument: self.block.instrument.clone(),
            side: self.block.side,
            quantity: self.quantity,
            price: self.price,
            fee: self.fee,
            currency: terms.currency,
            trade_date: at.date(),
            order: Some(self.order.clone()),
            lots: self.lots.clone(),
        }))
    }
}

fn end(epoch: Epoch, block: &Block, order: &Name, member: &Member, quantity: Quantity) -> Event {
    let because = if block.text.is_empty() { String::new() } else { format!(": {}", block.text) };
    let (state, text) = if quantity == member.quantity {
        (OrderStatus::Filled, String::new())
    } else if block.state == OrderStatus::Rejected && quantity == Quantity::ZERO {
        (OrderStatus::Rejected, format!("the broker rejected the block{because}"))
    } else if quantity == Quantity::ZERO {
        (OrderStatus::Canceled, format!("nothing filled, the block was {}{because}", block.state))
    } else {
        let part = format!("partly filled, {quantity} of {}", member.quantity);
        (OrderStatus::Canceled, format!("{part}; the block was {}{because}", block.state))
    };
    let average = block.average.filter(|_| quantity > Quantity::ZERO);
    let done = Done { cumulative: quantity, average, last: None };
    order_state(epoch, order, ("end", 0), state, done, text)
}
