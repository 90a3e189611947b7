//! A block: the orders of one instrument and side that go to the market together, and what became of them.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{Order, OrderState, OrderStatus, Side};
use evenkeel_schemas::{Epoch, Name, Price, Quantity};

use super::allocate::{Share, allocate};

/// One customer's order in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub customer: Name,
    pub quantity: Quantity,
    /// Its own end is in the log.
    pub ended: bool,
}

/// A block as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub instrument: Name,
    pub side: Side,
    pub opened: Epoch,
    /// By order id.
    pub members: BTreeMap<Name, Member>,
    /// Its `pending_new` is in the log: the broker has it.
    pub sent: bool,
    pub state: OrderStatus,
    pub filled: Quantity,
    pub average: Option<Price>,
    /// Σ execution quantity × price, raw units of 10⁻¹².
    pub notional: i128,
    /// Why it ended, for a reject or a cancel.
    pub text: String,
}

/// A block for views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Its id: the client order id at the broker.
    pub block: Name,
    /// Ticker.
    pub instrument: Name,
    /// Side.
    pub side: Side,
    /// Units of all its orders.
    pub quantity: Quantity,
    /// Units executed.
    pub filled: Quantity,
    /// Average price of what is executed, six decimals half-even.
    pub average_price: Option<Price>,
    /// What rounding the average price leaves over: Σ allocated × average − Σ executed × price, in raw units
    /// of 10⁻¹² of the instrument's currency.
    pub residual: i128,
    /// State at the broker.
    pub state: OrderStatus,
    /// How many customers' orders are in it.
    pub orders: usize,
    /// When it was put together.
    pub opened: Epoch,
}

impl Block {
    pub fn new(order: &Order, opened: Epoch) -> Block {
        Block {
            instrument: order.instrument.clone(),
            side: order.side,
            opened,
            members: BTreeMap::new(),
            sent: false,
            state: OrderStatus::PendingNew,
            filled: Quantity::ZERO,
            average: None,
            notional: 0,
            text: String::new(),
        }
    }

    /// A state that the log has for the block itself.
    pub fn advance(&mut self, state: &OrderState) {
        if state.state == OrderStatus::PendingNew {
            self.sent = true;
            return;
        }
        if self.state.terminal() {
            return;
        }
        self.state = state.state;
        self.filled = state.cumulative_quantity;
        self.average = state.average_price.or(self.average);
        if let (Some(quantity), Some(price)) = (state.last_quantity, state.last_price) {
            self.notional = self.notional.saturating_add(quantity.times(price));
        }
        self.text.clone_from(&state.text);
    }

    /// Units of all its orders.
    pub fn quantity(&self) -> Quantity {
        let sum = self.members.values().map(|member| i128::from(member.quantity.raw())).sum();
        Quantity::from_wide(sum).unwrap_or(Quantity::MAX)
    }

    /// Nothing more can come from the broker, and the orders do not all know it yet.
    pub fn unsettled(&self) -> bool {
        self.state.terminal() && !self.finished()
    }

    /// Nothing more can come at all.
    pub fn finished(&self) -> bool {
        self.state.terminal() && self.members.values().all(|member| member.ended)
    }

    /// What each order gets of what is filled, in order of id.
    pub fn shares(&self, lot: Quantity) -> Vec<Quantity> {
        let shares: Vec<Share<'_>> =
            self.members.iter().map(|(order, member)| Share { order, quantity: member.quantity }).collect();
        allocate(&shares, self.filled, lot)
    }

    /// Σ allocated × average − Σ executed × price. What is allocated sums to what is filled.
    pub fn residual(&self) -> i128 {
        match self.average {
            Some(average) => self.filled.times(average).saturating_sub(self.notional),
            None => 0,
        }
    }

    pub fn row(&self, block: &Name) -> BlockRow {
        BlockRow {
            block: block.clone(),
            instrument: self.instrument.clone(),
            side: self.side,
            quantity: self.quantity(),
            filled: self.filled,
            average_price: self.average,
            residual: self.residual(),
            state: self.state,
            orders: self.members.len(),
            opened: self.opened,
        }
    }
}
