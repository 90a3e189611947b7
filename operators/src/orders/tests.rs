use super::{Line, row};
use crate::facts::PlacedOrder;
use evenkeel_schemas::events::{OrderStatus, Side};
use evenkeel_schemas::{CustomerId, InstrumentId, Quantity};

#[test]
fn an_order_shows_its_own_state_before_its_blocks() {
    let placed = PlacedOrder {
        decision: "D-1".into(),
        customer: CustomerId(0),
        instrument: InstrumentId(0),
        side: Side::Buy,
        quantity: Quantity::from_whole(5).unwrap(),
    };
    let mut lines = vec![Line::Placed(placed)];
    let state = |lines: &[Line]| row(&"O-1".into(), lines.iter()).map(|row| row.state);
    assert_eq!(state(&lines), Some(OrderStatus::PendingNew));
    lines.push(Line::OfBlock(7, OrderStatus::PartiallyFilled));
    lines.push(Line::OfBlock(3, OrderStatus::New));
    assert_eq!(state(&lines), Some(OrderStatus::PartiallyFilled), "the latest of the block's states");
    lines.push(Line::Own(9, OrderStatus::Canceled));
    assert_eq!(state(&lines), Some(OrderStatus::Canceled));
    assert_eq!(state(&lines[1..]), None, "a block is not an order");
}
