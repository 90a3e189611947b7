use evenkeel_schemas::events::{OrderStatus, Side};
use evenkeel_schemas::{CustomerId, InstrumentId, Quantity, Row};

use super::books::Books;
use crate::facts::{Fact, PlacedOrder};

fn placed(order: &str) -> Fact {
    let placed = PlacedOrder {
        decision: "D-1".into(),
        customer: CustomerId(0),
        instrument: InstrumentId(0),
        side: Side::Buy,
        quantity: Quantity::from_whole(5).unwrap(),
    };
    Fact::Placed(order.into(), Box::new(placed))
}

fn blocked(order: &str, block: &str) -> Fact {
    Fact::Blocked { order: order.into(), block: block.into() }
}

fn state(id: &str, number: u64, status: OrderStatus) -> Fact {
    Fact::State(id.into(), number, status)
}

/// How rows change, as `+order state block`.
fn step(books: &mut Books, changes: &[(Fact, isize)]) -> Vec<String> {
    let mut out = Vec::new();
    books.step(changes.to_vec(), &mut out);
    let told = |(row, diff): &(Row, isize)| match row {
        Row::Order(row) => format!("{diff:+} {} {} {}", row.order, row.state, row.block),
        other => panic!("{other:?}"),
    };
    out.iter().map(told).collect()
}

#[test]
fn an_order_shows_its_own_state_before_its_blocks() {
    let mut books = Books::default();
    assert_eq!(step(&mut books, &[(placed("O-1"), 1)]), ["+1 O-1 pending_new "]);
    let begun = [
        (state("B-1", 7, OrderStatus::PartiallyFilled), 1),
        (blocked("O-1", "B-1"), 1),
        (state("B-1", 3, OrderStatus::New), 1),
    ];
    let changed = step(&mut books, &begun);
    assert_eq!(changed, ["-1 O-1 pending_new ", "+1 O-1 partially_filled B-1"], "the latest of the block's");
    let canceled = (state("O-1", 9, OrderStatus::Canceled), 1);
    let changed = step(&mut books, &[canceled]);
    assert_eq!(changed, ["-1 O-1 partially_filled B-1", "+1 O-1 canceled B-1"]);
    let none: [String; 0] = [];
    assert_eq!(step(&mut books, &[(state("B-1", 11, OrderStatus::Filled), 1)]), none, "its own stands");
}

#[test]
fn a_block_is_not_an_order_and_its_state_reaches_all_of_its_orders() {
    let mut books = Books::default();
    let none: [String; 0] = [];
    assert_eq!(step(&mut books, &[(state("B-1", 1, OrderStatus::New), 1)]), none);
    let joined =
        [(placed("O-1"), 1), (placed("O-2"), 1), (blocked("O-1", "B-1"), 1), (blocked("O-2", "B-1"), 1)];
    assert_eq!(step(&mut books, &joined), ["+1 O-1 new B-1", "+1 O-2 new B-1"]);
    let filled = [(state("B-1", 2, OrderStatus::Filled), 1)];
    assert_eq!(step(&mut books, &filled).len(), 4);
    // Everything taken back leaves nothing.
    let undone: Vec<(Fact, isize)> = joined
        .iter()
        .chain(&filled)
        .chain([&(state("B-1", 1, OrderStatus::New), 1)])
        .map(|(f, n)| (f.clone(), -n))
        .collect();
    assert_eq!(step(&mut books, &undone), ["-1 O-1 filled B-1", "-1 O-2 filled B-1"]);
    assert_eq!(step(&mut books, &[(placed("O-1"), 1)]), ["+1 O-1 pending_new "]);
}
