//! The events that the machines propose, each with an id that derives from what it is about.

use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{Event, EventType, OrderState, OrderStatus};
use evenkeel_schemas::{Epoch, Instant, Name, Price, Quantity, div_half_even};

/// What an order or block has done so far.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Units.
    pub cumulative: Quantity,
    /// Average price, six decimals half-even; `None` before the first execution.
    pub average: Option<Price>,
    /// The execution this is about, if it is about one.
    pub last: Option<(Quantity, Price)>,
}

/// An `order_state` whose id derives from the order, `what` and `number`: the same step has the same id.
pub(crate) fn order_state(
    epoch: Epoch,
    order: &Name,
    (what, number): (&str, u64),
    state: OrderStatus,
    done: Done,
    text: String,
) -> Event {
    Event::OrderState(Box::new(OrderState {
        event_type: EventType::OrderState,
        at: Instant::from_epoch(epoch),
        id: Some(event_id(order.as_str(), what, number)),
        recorded: None,
        order: order.clone(),
        state,
        cumulative_quantity: done.cumulative,
        average_price: done.average,
        last_quantity: done.last.map(|last| last.0),
        last_price: done.last.map(|last| last.1),
        text,
    }))
}

/// Σ quantity × price (raw units of 10⁻¹²) over a quantity, rounded half-even to six decimals; `None` for
/// no quantity.
pub(crate) fn average_price(notional: i128, quantity: Quantity) -> Option<Price> {
    if quantity <= Quantity::ZERO {
        return None;
    }
    Price::from_wide(div_half_even(notional, i128::from(quantity.raw())))
}
