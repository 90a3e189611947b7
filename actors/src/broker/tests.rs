use evenkeel_schemas::Name;
use evenkeel_schemas::events::{Event, EventType, Order, OrderState, OrderStatus, SessionState, Side};
use evenkeel_schemas::{Epoch, Instant, Price, Quantity};

use super::{Broker, PaperBroker};
use crate::append::{Done, order_state};
use crate::fake::{FakeBooks, World, name, price, session, units};
use crate::policy::Policy;

fn calm() -> Policy {
    let mut policy = Policy::default();
    policy.broker.reject_bps = 0;
    policy.broker.partial_bps = 0;
    policy.broker.latency_ms_min = 100;
    policy.broker.latency_ms_max = 100;
    policy
}

fn order(block: &str, id: &str, side: Side, quantity: i64, limit: &str) -> Event {
    Event::Order(Box::new(Order {
        event_type: EventType::Order,
        at: Instant::from_epoch(0),
        id: Some(name(&format!("E-{id}"))),
        recorded: None,
        order: name(id),
        block: name(block),
        decision: name("D-1"),
        customer: name("c1"),
        instrument: name("VAS"),
        side,
        quantity: units(quantity),
        limit: price(limit),
    }))
}

fn sent(block: &str) -> Event {
    let (what, state) = (("pending_new", 0), OrderStatus::PendingNew);
    order_state(0, &name(block), what, state, Done::default(), String::new())
}

fn world(last: &str) -> World {
    let mut books = FakeBooks::default();
    books.list("VAS", last);
    World::new(books)
}

/// Runs every 100 ms, committing at the next epoch, and returns the block's states.
fn run(broker: &mut PaperBroker, world: &mut World, from: Epoch, to: Epoch) -> Vec<OrderState> {
    let mut states = Vec::new();
    for epoch in (from..=to).step_by(100) {
        let proposed = broker.on_epoch(epoch, &world.books);
        for event in world.commit(epoch + 100, proposed) {
            broker.apply(epoch + 100, &event);
            let Event::OrderState(state) = event else { panic!("only states") };
            states.push(*state);
        }
    }
    states
}

fn place(broker: &mut PaperBroker, events: &[Event]) {
    for event in events {
        broker.apply(0, event);
    }
}

#[test]
fn a_block_fills_at_the_spread_on_the_tick_within_its_tightest_limit() {
    let (mut broker, mut world) = (PaperBroker::new(calm()), world("100"));
    let orders = [order("B-1", "O-1", Side::Buy, 60, "100.20"), order("B-1", "O-2", Side::Buy, 40, "100.10")];
    place(&mut broker, &orders);
    assert_eq!(broker.on_epoch(1_000, &world.books), Vec::new(), "not sent, not taken");
    place(&mut broker, &[sent("B-1")]);
    assert_eq!(broker.next_due(0), Some(100));
    let states = run(&mut broker, &mut world, 0, 1_000);
    let seen: Vec<OrderStatus> = states.iter().map(|state| state.state).collect();
    assert_eq!(seen, [OrderStatus::New, OrderStatus::Filled]);
    // 100 and 5 basis points: 100.05.
    assert_eq!(states[1].last_price, Some(price("100.05")));
    assert_eq!(states[1].cumulative_quantity, units(100));
    assert_eq!(states[1].average_price, Some(price("100.05")));
    assert_eq!(broker.working(), 0);
    // The same client order id once more: nothing.
    place(&mut broker, &[orders[0].clone(), sent("B-1")]);
    assert_eq!(run(&mut broker, &mut world, 2_000, 3_000), Vec::new());
}

#[test]
fn a_limit_is_never_breached_and_time_ends_a_block() {
    let (mut broker, mut world) = (PaperBroker::new(calm()), world("100.06"));
    place(&mut broker, &[order("B-1", "O-1", Side::Buy, 60, "100.20")]);
    place(&mut broker, &[order("B-1", "O-2", Side::Buy, 40, "100.10"), sent("B-1")]);
    // 100.06 with the spread is 100.11003, on the tick 100.12: above the tightest limit.
    let states = run(&mut broker, &mut world, 0, 5_000);
    assert_eq!(states.len(), 1, "acknowledged only");
    assert_eq!(broker.next_due(5_000), Some(200 + 30_000), "its end; prices bring their own epochs");
    let states = run(&mut broker, &mut world, 30_000, 31_000);
    assert_eq!(states[0].state, OrderStatus::Expired);

    place(&mut broker, &[order("B-2", "O-3", Side::Sell, 10, "100.00"), sent("B-2")]);
    let states = run(&mut broker, &mut world, 40_000, 41_000);
    // 100.06 less the spread is 100.00997, on the tick 100.00.
    assert_eq!(states[1].last_price, Some(price("100.00")));
}

#[test]
fn nothing_trades_while_the_market_is_closed() {
    let (mut broker, mut world) = (PaperBroker::new(calm()), world("100"));
    place(&mut broker, &[session(SessionState::Halted)]);
    place(&mut broker, &[order("B-1", "O-1", Side::Buy, 60, "101"), sent("B-1")]);
    assert_eq!(run(&mut broker, &mut world, 0, 2_000).len(), 1);
    place(&mut broker, &[session(SessionState::Open)]);
    assert_eq!(run(&mut broker, &mut world, 2_100, 3_000)[0].state, OrderStatus::Filled);
}

#[test]
fn chance_is_a_hash_and_keeps_the_books() {
    let mut policy = calm();
    policy.broker.partial_bps = 8_000;
    policy.broker.reject_bps = 2_000;
    policy.broker.latency_ms_max = 700;
    let play = || {
        let (mut broker, mut world) = (PaperBroker::new(policy.clone()), world("50"));
        for at in 0..200 {
            let block = format!("B-{at}");
            let order = order(&block, &format!("O-{at}"), Side::Buy, 100 + at, "51");
            place(&mut broker, &[order, sent(&block)]);
        }
        run(&mut broker, &mut world, 0, 60_000)
    };
    let states = play();
    assert_eq!(states, play());
    let count = |wanted| states.iter().filter(|state| state.state == wanted).count();
    let rejected = count(OrderStatus::Rejected);
    assert!((20..=60).contains(&rejected), "about a fifth of 200, got {rejected}");
    assert!(count(OrderStatus::PartiallyFilled) > 100);
    assert_eq!(count(OrderStatus::Filled), 200 - rejected);
    for at in 0..200 {
        check_block(&states, &name(&format!("B-{at}")), units(100 + at));
    }
}

/// Executions sum to the cumulative quantity, which never falls and ends at the whole.
fn check_block(states: &[OrderState], block: &Name, quantity: Quantity) {
    let mut done = Quantity::ZERO;
    for state in states.iter().filter(|state| state.order == *block) {
        let last = state.last_quantity.unwrap_or_default();
        assert_eq!(last.whole_lots(units(1)), last);
        done = done.checked_add(last).unwrap();
        assert_eq!(state.cumulative_quantity, done);
        assert!(state.last_price.is_none_or(|px| px <= price("51") && px > Price::ZERO));
    }
    assert!(done == quantity || done == Quantity::ZERO);
}
