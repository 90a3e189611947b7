//! Orders in their current state.
//!
//! Computes  per order: its block and the latest state, its own or else its block's
//! Inputs    trading: Fact::Placed, one per order; Fact::Blocked, at most one per order; Fact::State, several per
//!           order or block
//! Outputs   Row::Order, one per order
//! Units     none
//! Errors    none
//! State     orders, blocks and states by id
//! Time      follows the input epoch
//! Source    FIX order states (tag 39); DESIGN §6

#[cfg(test)]
mod tests;

use std::sync::Arc;

use evenkeel_schemas::events::OrderStatus;
use evenkeel_schemas::{OrderRow, Row};
use serde::{Deserialize, Serialize};

use crate::facts::{Fact, PlacedOrder};
use crate::typedefs::Rows;

/// An order's or a block's id.
pub type OrderId = Arc<str>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Line {
    Placed(PlacedOrder),
    Blocked(OrderId),
    OfBlock(u64, OrderStatus),
    Own(u64, OrderStatus),
}

/// Maintains order rows.
pub fn orders(trading: Rows<'_, Fact>) -> Rows<'_, Row> {
    let lines = trading.clone().flat_map(|fact| match fact {
        Fact::Placed(order, placed) => Some((order, Line::Placed(*placed))),
        Fact::Blocked { order, block } => Some((order, Line::Blocked(block))),
        Fact::State(order, number, status) => Some((order, Line::Own(number, status))),
        _ => None,
    });
    let blocked = trading.clone().flat_map(|fact| match fact {
        Fact::Blocked { order, block } => Some((block, order)),
        _ => None,
    });
    let states = trading.flat_map(|fact| match fact {
        Fact::State(order, number, status) => Some((order, (number, status))),
        _ => None,
    });
    let of_block = blocked
        .join_map(states, |_, order, (number, status)| (order.clone(), Line::OfBlock(*number, *status)));
    lines
        .concat(of_block)
        .reduce_named("order states", |order, lines, out| {
            out.extend(row(order, lines.iter().map(|(line, _)| *line)).map(|row| (row, 1)));
        })
        .map(|(_, row)| Row::Order(Box::new(row)))
}

/// The row of one order; `None` for ids that are not an order's (blocks have states too).
fn row<'a>(order: &OrderId, lines: impl Iterator<Item = &'a Line>) -> Option<OrderRow> {
    let (mut placed, mut block, mut of_block, mut own) = (None, None, None, None);
    for line in lines {
        match line {
            Line::Placed(order) => placed = Some(order),
            Line::Blocked(id) => block = Some(id.clone()),
            Line::OfBlock(number, status) => of_block = of_block.max(Some((*number, *status))),
            Line::Own(number, status) => own = own.max(Some((*number, *status))),
        }
    }
    let placed = placed?;
    let state = own.or(of_block).map_or(OrderStatus::PendingNew, |(_, status)| status);
    Some(OrderRow {
        order: order.clone(),
        block: block.unwrap_or_else(|| "".into()),
        decision: placed.decision.clone(),
        customer: placed.customer,
        instrument: placed.instrument,
        side: placed.side,
        quantity: placed.quantity,
        state,
    })
}
