//! Orders, the blocks that they are in, and the states of both.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::OrderStatus;
use evenkeel_schemas::{OrderRow, Row};

use super::OrderId;
use crate::counted::{Counted, CountedFew};
use crate::epochwise::Changes;
use crate::facts::{Fact, PlacedOrder};

/// What is said of one order.
#[derive(Default)]
struct Order {
    placed: CountedFew<Box<PlacedOrder>>,
    blocks: CountedFew<OrderId>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Books {
    orders: BTreeMap<OrderId, Order>,
    /// States of orders and of blocks, by running number.
    states: BTreeMap<OrderId, CountedFew<(u64, OrderStatus)>>,
    /// The orders of a block, which may be many.
    members: BTreeMap<OrderId, Counted<OrderId>>,
}

impl Books {
    /// Takes an epoch's changes in, and appends how the rows of orders change.
    pub fn step(&mut self, changes: Changes<Fact>, out: &mut Changes<Row>) {
        let mut touched: BTreeSet<OrderId> = BTreeSet::new();
        for (fact, _) in &changes {
            match fact {
                Fact::Placed(order, _) | Fact::Blocked { order, .. } => drop(touched.insert(order.clone())),
                Fact::State(id, ..) => {
                    touched.insert(id.clone());
                    // Whoever joins the block in this epoch is touched by that.
                    touched.extend(self.members.get(id).into_iter().flat_map(Counted::standing).cloned());
                }
                _ => {}
            }
        }
        let before: Vec<Option<OrderRow>> = touched.iter().map(|order| self.row(order)).collect();
        for (fact, times) in changes {
            self.apply(fact, times);
        }
        for (order, before) in touched.iter().zip(before) {
            let now = self.row(order);
            if before != now {
                out.extend(before.map(|row| (Row::Order(Box::new(row)), -1)));
                out.extend(now.map(|row| (Row::Order(Box::new(row)), 1)));
            }
        }
    }

    fn apply(&mut self, fact: Fact, times: isize) {
        match fact {
            Fact::Placed(order, placed) => {
                self.with(order, |order| order.placed.add(placed, times));
            }
            Fact::Blocked { order, block } => {
                let members = self.members.entry(block.clone()).or_default();
                members.add(order.clone(), times);
                if members.is_empty() {
                    self.members.remove(&block);
                }
                self.with(order, |order| order.blocks.add(block, times));
            }
            Fact::State(id, number, status) => {
                let states = self.states.entry(id.clone()).or_default();
                states.add((number, status), times);
                if states.is_empty() {
                    self.states.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, id: OrderId, change: impl FnOnce(&mut Order)) {
        let order = self.orders.entry(id.clone()).or_default();
        change(order);
        if order.placed.is_empty() && order.blocks.is_empty() {
            self.orders.remove(&id);
        }
    }

    /// The row of one order; `None` for ids that are not an order's (blocks have states too).
    fn row(&self, id: &OrderId) -> Option<OrderRow> {
        let order = self.orders.get(id)?;
        let placed = order.placed.standing().next_back()?;
        let last = |id: &OrderId| self.states.get(id)?.standing().next_back().copied();
        let of_block = || order.blocks.standing().filter_map(last).max();
        let state = last(id).or_else(of_block).map_or(OrderStatus::PendingNew, |(_, status)| status);
        Some(OrderRow {
            order: id.clone(),
            block: order.blocks.standing().next_back().cloned().unwrap_or_else(|| "".into()),
            decision: placed.decision.clone(),
            customer: placed.customer,
            instrument: placed.instrument,
            side: placed.side,
            quantity: placed.quantity,
            state,
        })
    }
}
