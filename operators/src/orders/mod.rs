//! Orders in their current state.
//!
//! Computes  per order: its block and the latest state, its own or else its block's
//! Inputs    trading: Fact::Placed, one per order; Fact::Blocked, at most one per order; Fact::State, several per
//!           order or block; other facts are passed over
//! Outputs   Row::Order, one per order
//! Units     none
//! Errors    none
//! State     orders, blocks and states by id, in one worker: they are few beside ticks
//! Time      follows the input epoch
//! Source    FIX order states (tag 39); DESIGN §6

mod books;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use evenkeel_schemas::Row;

use crate::epochwise::epochwise;
use crate::facts::Fact;
use crate::typedefs::Rows;
use books::Books;

/// An order's or a block's id.
pub type OrderId = Arc<str>;

/// Maintains order rows.
pub fn orders(trading: Rows<'_, Fact>) -> Rows<'_, Row> {
    let mut books = Books::default();
    epochwise(trading, "orders", |_| 0, move |_, changes, out| books.step(changes, out))
}
