use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::{Event, LotChoice, OrderState, OrderStatus, SessionState, Side};
use evenkeel_schemas::{Epoch, Money, Name, Quantity, Ratio};
use proptest::prelude::*;

use super::Desk;
use crate::append::{Done, order_state};
use crate::books::Books;
use crate::broker::{Broker, PaperBroker};
use crate::fake::{FakeBooks, World, decision, money, name, price, ratio, session, units};
use crate::policy::Policy;

/// Windows of a second, in which the cases' orders meet.
fn wide_window() -> Policy {
    let mut policy = Policy::default();
    policy.desk.window_ms = 1_000;
    policy
}

fn books() -> FakeBooks {
    let mut books = FakeBooks::default();
    books.list("VAS", "100");
    books.list("VGS", "50");
    books.list("GOLD", "20");
    let targets = [("VAS", "0.5"), ("VGS", "0.3")];
    books.customer("c1", "10000", &[("VAS", 100), ("GOLD", 50)], &targets);
    books.customer("c2", "10000", &[("VAS", 100)], &targets);
    books
}

/// What the desk proposes at the end of the first window after these decisions.
fn propose(policy: Policy, books: &FakeBooks, before: &[Event], decisions: &[Event]) -> Vec<Event> {
    let mut desk = Desk::new(policy);
    for event in before.iter().chain(decisions) {
        desk.apply(100, event);
    }
    assert_eq!(desk.next_due(100), Some(1_000));
    assert_eq!(desk.on_epoch(900, books), Vec::new(), "the window has not ended");
    desk.on_epoch(1_000, books)
}

/// The one rejection of a desk that is given one order of c1.
fn rejection(policy: Policy, books: &FakeBooks, order: (&str, Side, i64, &str)) -> String {
    let events = propose(policy, books, &[], &[decision("D-1", "c1", &[order])]);
    let [Event::OrderState(state)] = events.as_slice() else { panic!("expected one rejection: {events:?}") };
    assert_eq!(state.state, OrderStatus::Rejected);
    state.text.clone()
}

#[test]
fn each_check_rejects_in_its_own_words() {
    let buy = |instrument, quantity, limit| (instrument, Side::Buy, quantity, limit);
    let base = || (wide_window(), books());

    let (policy, books) = base();
    assert!(rejection(policy, &books, buy("NONE", 10, "1")).starts_with("instrument: NONE"));
    let (policy, books) = base();
    assert!(rejection(policy, &books, buy("VAS", 10, "100.005")).starts_with("tick size"));
    let (policy, mut books) = base();
    books.instruments.get_mut(&name("VAS")).unwrap().0.lot = units(7);
    assert!(rejection(policy, &books, buy("VAS", 10, "100")).starts_with("lot size"));
    let (policy, books) = base();
    assert!(rejection(policy, &books, buy("GOLD", 100, "20")).starts_with("mandate: GOLD is not in"));
    let (policy, books) = base();
    let sell = rejection(policy, &books, ("GOLD", Side::Sell, 51, "20"));
    assert_eq!(sell, "mandate: sells of 51 GOLD with 50 held");
    // 9 × 50 = 450 opens a position below 500.
    let (policy, books) = base();
    let parcel = rejection(policy, &books, buy("VGS", 9, "50"));
    assert_eq!(parcel, "first parcel: 450 is below the minimum of 500 AUD");
    // NAV is 10,000 + 10,000 + 1,000; 100 + 50 VAS are 15,000, 71%.
    let (mut policy, books) = base();
    policy.desk.concentration_max = ratio("0.7");
    let concentration = rejection(policy, &books, buy("VAS", 50, "100"));
    assert_eq!(concentration, "concentration: VAS would weigh 0.714285714, above 0.7");
    let (mut policy, books) = base();
    policy.restricted.insert(name("VAS"));
    assert!(rejection(policy, &books, buy("VAS", 10, "100")).starts_with("restricted list"));
    let (mut policy, books) = base();
    policy.desk.customer_orders_max = 0;
    assert!(rejection(policy, &books, buy("VAS", 10, "100")).starts_with("order rate"));
    let (policy, mut books) = base();
    books.cash.insert(name("c1"), money("100"));
    assert!(rejection(policy, &books, buy("VAS", 10, "100")).starts_with("cash: 100 AUD free"));
}

#[test]
fn a_closed_market_rejects_and_an_open_one_does_not() {
    let order = [("VAS", Side::Buy, 10, "100")];
    for (state, rejected) in
        [(SessionState::Open, false), (SessionState::Closed, true), (SessionState::Halted, true)]
    {
        let events = propose(wide_window(), &books(), &[session(state)], &[decision("D-1", "c1", &order)]);
        let Some(Event::OrderState(last)) = events.last() else { panic!("a state comes last") };
        assert_eq!(last.state == OrderStatus::Rejected, rejected);
        assert_eq!(last.text.starts_with("session: XASX is"), rejected);
    }
}

#[test]
fn orders_of_one_instrument_and_side_form_one_block() {
    let decisions = [
        decision("D-1", "c1", &[("GOLD", Side::Sell, 50, "19.98"), ("VAS", Side::Buy, 30, "100.1")]),
        decision("D-2", "c2", &[("VAS", Side::Buy, 20, "100.2")]),
    ];
    let events = propose(wide_window(), &books(), &[], &decisions);
    let orders: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Order(order) => Some((order.order.as_str(), order.block.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(orders.iter().map(|order| order.0).collect::<Vec<_>>(), ["D-1-GOLD", "D-1-VAS", "D-2-VAS"]);
    assert_eq!(orders[1].1, orders[2].1);
    assert_ne!(orders[0].1, orders[1].1);
    let sent = events.iter().filter(|event| matches!(event, Event::OrderState(_))).count();
    assert_eq!((sent, events.len()), (2, 5), "one pending_new a block");
}

fn calm() -> Policy {
    let mut policy = wide_window();
    policy.broker.reject_bps = 0;
    policy.broker.partial_bps = 0;
    policy
}

/// A state that an outside broker might report.
fn report(block: &Name, number: u64, state: OrderStatus, filled: i64, last: Option<(i64, &str)>) -> Event {
    let last = last.map(|(quantity, at)| (units(quantity), price(at)));
    let average = last.map(|(_, at)| at);
    let done = Done { cumulative: units(filled), average, last };
    order_state(2_000, block, ("report", number), state, done, String::new())
}

fn states_of<'a>(events: &'a [Event], order: &str) -> Option<&'a OrderState> {
    events.iter().find_map(|event| match event {
        Event::OrderState(state) if state.order.as_str() == order => Some(&**state),
        _ => None,
    })
}

#[test]
fn buys_wait_for_the_sells_and_are_cut_to_what_these_brought() {
    let mut books = books();
    books.customer("c1", "100", &[("VAS", 100)], &[("VAS", "0.5"), ("VGS", "0.5")]);
    let mut desk = Desk::new(calm());
    let orders = [("VAS", Side::Sell, 50, "99.9"), ("VGS", Side::Buy, 99, "50.05")];
    desk.apply(100, &decision("D-1", "c1", &orders));
    let mut world = World::new(books);
    let events = desk.on_epoch(1_000, &world.books);
    assert_eq!(events.len(), 2, "the sell and its block: {events:?}");
    let block = match &events[0] {
        Event::Order(order) => order.block.clone(),
        other => panic!("expected the sell: {other:?}"),
    };
    for event in world.commit(1_100, events) {
        desk.apply(1_100, &event);
    }
    assert_eq!(desk.on_epoch(5_000, &world.books), Vec::new(), "nothing until the sell has ended");
    // 20 of 50 are sold at 100, then the rest is canceled.
    desk.apply(5_000, &report(&block, 0, OrderStatus::PartiallyFilled, 20, Some((20, "100"))));
    desk.apply(5_000, &report(&block, 1, OrderStatus::Canceled, 20, None));
    let settled = desk.on_epoch(5_100, &world.books);
    let end = states_of(&settled, "D-1-VAS").unwrap();
    assert_eq!((end.state, end.cumulative_quantity), (OrderStatus::Canceled, units(20)));
    assert!(end.text.starts_with("partly filled, 20 of 50"));
    for event in world.commit(5_200, settled) {
        desk.apply(5_200, &event);
    }
    // Cash is 100 + 2,000 − 1.00 commission.
    assert_eq!(world.books.cash[&name("c1")], money("2099"));
    assert_eq!(desk.next_due(5_200), Some(6_000), "the end of the window in which the sell ended");
    let events = desk.on_epoch(6_000, &world.books);
    // 41 × 50.05 = 2,052.05 and 1.03; 42 would be 2,102.10.
    let Event::Order(order) = &events[0] else { panic!("expected the buy: {events:?}") };
    assert_eq!(order.quantity, units(41));
    let cut = states_of(&events, "D-1-VGS").unwrap();
    assert_eq!(cut.text, "reduced from 99 to 41: cash, 2099 AUD free");
}

#[test]
fn buys_that_cash_covers_do_not_wait() {
    let orders = [("GOLD", Side::Sell, 50, "19.98"), ("VGS", Side::Buy, 20, "50.05")];
    let events = propose(wide_window(), &books(), &[], &[decision("D-1", "c1", &orders)]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Order(_))).count(), 2);
}

#[test]
fn everybody_gets_the_average_price_and_the_residual_is_reported() {
    let decisions = [
        decision("D-1", "c1", &[("VAS", Side::Buy, 30, "101")]),
        decision("D-2", "c2", &[("VAS", Side::Buy, 20, "101")]),
    ];
    let books = books();
    let mut desk = Desk::new(calm());
    for event in &decisions {
        desk.apply(100, event);
    }
    let events = desk.on_epoch(1_000, &books);
    let Event::Order(order) = &events[0] else { panic!("an order comes first") };
    let block = order.block.clone();
    for event in &events {
        desk.apply(1_100, event);
    }
    // 10 at 100 and 20 at 100.01: 100.0066667 on average, six decimals.
    desk.apply(2_000, &report(&block, 0, OrderStatus::PartiallyFilled, 10, Some((10, "100"))));
    let last = order_state(
        2_100,
        &block,
        ("report", 1),
        OrderStatus::PartiallyFilled,
        Done {
            cumulative: units(30),
            average: Some(price("100.006667")),
            last: Some((units(20), price("100.01"))),
        },
        String::new(),
    );
    desk.apply(2_100, &last);
    desk.apply(2_200, &report(&block, 2, OrderStatus::Canceled, 30, None));
    let settled = desk.on_epoch(2_300, &books);
    let allocated: Vec<_> = settled
        .iter()
        .filter_map(|event| match event {
            Event::Allocation(a) => Some((a.order.as_str(), a.quantity, a.price, a.fee)),
            _ => None,
        })
        .collect();
    let at = price("100.006667");
    assert_eq!(allocated[0], ("D-1-VAS", units(18), at, money("0.9")));
    assert_eq!(allocated[1], ("D-2-VAS", units(12), at, money("0.6")));
    assert_eq!(settled.len(), 6, "an allocation, a fill and an end each");
    let row = desk.books().into_iter().find(|row| row.block == block).unwrap();
    // 30 × 100.006667 − 3,000.2 = 0.00001.
    assert_eq!((row.residual, row.filled), (10_000_000, units(30)));
    // The batch again, as after a crash: the same bytes.
    assert_eq!(desk.on_epoch(2_300, &books), settled);
    for event in &settled {
        desk.apply(2_400, event);
    }
    assert_eq!((desk.open(), desk.on_epoch(2_500, &books)), (0, Vec::new()));
}

/// The fill of a sale of 50 that names two lots, of which so many were sold.
fn sold(lots: &[(&str, i64)], filled: i64) -> Vec<(String, Quantity)> {
    let Event::Decision(mut decision) = decision("D-1", "c1", &[("VAS", Side::Sell, 50, "99.9")]) else {
        panic!("a decision is one")
    };
    let choice = |(lot, quantity): &(&str, i64)| LotChoice { lot: name(lot), quantity: units(*quantity) };
    decision.orders[0].lots = lots.iter().map(choice).collect();
    let (books, mut desk) = (books(), Desk::new(calm()));
    desk.apply(100, &Event::Decision(decision));
    let events = desk.on_epoch(1_000, &books);
    let Event::Order(order) = &events[0] else { panic!("an order comes first") };
    let block = order.block.clone();
    for event in &events {
        desk.apply(1_100, event);
    }
    desk.apply(2_000, &report(&block, 0, OrderStatus::PartiallyFilled, filled, Some((filled, "100"))));
    desk.apply(2_000, &report(&block, 1, OrderStatus::Canceled, filled, None));
    let settled = desk.on_epoch(2_100, &books);
    let fill = settled.iter().find_map(|event| match event {
        Event::Fill(fill) => Some(fill),
        _ => None,
    });
    let lots = fill.unwrap().lots.iter();
    lots.map(|choice| (choice.lot.to_string(), choice.quantity)).collect()
}

#[test]
fn a_fill_takes_the_named_lots_in_order() {
    let named = [("old", 30), ("new", 20)];
    let of = |lot: &str, quantity| (lot.to_owned(), units(quantity));
    assert_eq!(sold(&named, 50), [of("old", 30), of("new", 20)]);
    assert_eq!(sold(&named, 35), [of("old", 30), of("new", 5)]);
    assert_eq!(sold(&named, 30), [of("old", 30)]);
    assert_eq!(sold(&[], 35), [], "the books choose");
    assert_eq!(sold(&[("old", 30)], 35), [], "and where the names do not reach");
}

/// A random day: decisions at random epochs, with a volatile market.
#[derive(Clone, Debug)]
struct Day {
    orders: Vec<(u8, u64, i64, i64)>,
    moves: Vec<i64>,
    partial: u32,
}

fn days() -> impl Strategy<Value = Day> {
    let order = (0_u8..6, 1_u64..40, 1_i64..150, 5_i64..400);
    let orders = proptest::collection::vec(order, 1..14);
    (orders, proptest::collection::vec(-30_i64..30, 160), 0_u32..9_000)
        .prop_map(|(orders, moves, partial)| Day { orders, moves, partial })
}

/// The decisions of a day, by the epoch at which they are logged.
fn decisions(day: &Day) -> BTreeMap<Epoch, Vec<Event>> {
    let mut decisions: BTreeMap<Epoch, Vec<Event>> = BTreeMap::new();
    for (at, (customer, tick, sell, buy)) in day.orders.iter().enumerate() {
        let orders = [("VAS", Side::Sell, *sell, "99"), ("VGS", Side::Buy, *buy, "51")];
        let event = decision(&format!("D-{at}"), &format!("c{customer}"), &orders);
        decisions.entry(tick * 100).or_default().push(event);
    }
    decisions
}

fn world() -> World {
    let mut books = FakeBooks::default();
    books.list("VAS", "100");
    books.list("VGS", "50");
    for customer in 0..6 {
        let targets = [("VAS", "0.5"), ("VGS", "0.5")];
        books.customer(&format!("c{customer}"), "1000", &[("VAS", 200)], &targets);
    }
    World::new(books)
}

fn machines(day: &Day) -> (Desk, PaperBroker) {
    let mut policy = wide_window();
    policy.broker.partial_bps = day.partial;
    policy.broker.reject_bps = 500;
    policy.broker.working_ms_max = 3_000;
    policy.desk.concentration_max = Ratio::from_raw(Ratio::ONE);
    (Desk::new(policy.clone()), PaperBroker::new(policy))
}

/// Plays a day, one epoch in flight. At `crash` (an epoch, and how many events of its batch reach the log) the
/// machines are lost and rebuilt from the log.
fn play(day: &Day, crash: Option<(Epoch, usize)>) -> World {
    let (mut desk, mut broker) = machines(day);
    let mut world = world();
    let given = decisions(day);
    for tick in 1..=160_u64 {
        let epoch = tick * 100;
        let drift: i64 = day.moves[..tick as usize].iter().sum();
        world.books.set_price("VAS", &Money::from_raw(100_000_000 + drift * 10_000).to_string());
        world.books.set_price("VGS", &Money::from_raw(50_000_000 - drift * 10_000).to_string());
        let mut batch = desk.on_epoch(epoch, &world.books);
        batch.extend(broker.on_epoch(epoch, &world.books));
        let arrived = given.get(&epoch).cloned().unwrap_or_default();
        for event in world.commit(epoch, arrived) {
            desk.apply(epoch, &event);
            broker.apply(epoch, &event);
        }
        if let Some((at, kept)) = crash
            && at == epoch
        {
            // Part of the batch reaches the log; then the machines come back and propose the rest.
            let torn = kept < batch.len();
            batch.truncate(kept);
            world.commit(epoch, batch);
            (desk, broker) = machines(day);
            for (logged, event) in &world.log {
                desk.apply(*logged, event);
                broker.apply(*logged, event);
            }
            batch = if torn { desk.on_epoch(epoch, &world.books) } else { Vec::new() };
            if torn {
                batch.extend(broker.on_epoch(epoch, &world.books));
            }
        }
        for event in world.commit(epoch, batch) {
            desk.apply(epoch, &event);
            broker.apply(epoch, &event);
        }
        for (customer, cash) in &world.books.cash {
            assert!(*cash >= Money::ZERO, "{customer} has {cash} at {epoch}");
        }
    }
    world
}

/// Fills and order ends by id: what must not depend on a crash.
fn outcome(world: &World) -> BTreeSet<String> {
    let kept =
        |event: &&(Epoch, Event)| matches!(event.1, Event::Fill(_) | Event::Order(_) | Event::OrderState(_));
    world.log.iter().filter(kept).map(|event| format!("{event:?}")).collect()
}

/// Every order is in at most one block, ends at most once, and is filled by what it was allocated.
fn check_orders(world: &World) {
    let (mut blocks, mut ends) = (BTreeMap::new(), BTreeSet::new());
    let mut executed: BTreeMap<Name, i64> = BTreeMap::new();
    let mut allocated: BTreeMap<Name, i64> = BTreeMap::new();
    let mut prices: BTreeMap<Name, BTreeSet<_>> = BTreeMap::new();
    for (_, event) in &world.log {
        match event {
            Event::Order(order) => {
                assert!(blocks.insert(order.order.clone(), order.block.clone()).is_none(), "second block");
            }
            Event::OrderState(state) => {
                if state.state.terminal() {
                    assert!(ends.insert(state.order.clone()), "{} ends twice", state.order);
                }
                let last = state.last_quantity.unwrap_or(Quantity::ZERO);
                *executed.entry(state.order.clone()).or_default() += last.raw();
            }
            Event::Allocation(part) => {
                *allocated.entry(part.block.clone()).or_default() += part.quantity.raw();
                prices.entry(part.block.clone()).or_default().insert(part.price);
            }
            _ => {}
        }
    }
    for block in blocks.values().filter(|block| ends.contains(*block)) {
        let filled = executed.get(block).copied().unwrap_or(0);
        assert_eq!(
            allocated.get(block).copied().unwrap_or(0),
            filled,
            "allocations of {block} sum to its fills"
        );
    }
    assert!(prices.values().all(|prices| prices.len() == 1), "one price a block");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_between_batches_changes_nothing(day in days(), tick in 1_u64..60, lost in any::<bool>()) {
        let whole = play(&day, None);
        check_orders(&whole);
        let crashed = play(&day, Some((tick * 100, if lost { 0 } else { usize::MAX })));
        prop_assert_eq!(outcome(&whole), outcome(&crashed));
    }

    // A batch of which a part is in the log may go on otherwise, because the machines then see that part when
    // they propose the rest; but nothing happens twice, nothing is lost and no cash is overdrawn.
    #[test]
    fn a_torn_batch_repeats_and_loses_nothing(day in days(), tick in 1_u64..60, kept in 0_usize..12) {
        let crashed = play(&day, Some((tick * 100, kept)));
        check_orders(&crashed);
        let ordered = decisions(&day).values().flatten().count() * 2;
        prop_assert_eq!(ends(&crashed), ordered, "every order comes to an end");
    }
}

/// How many of the customers' orders have ended.
fn ends(world: &World) -> usize {
    let ended = |event: &&(Epoch, Event)| match &event.1 {
        Event::OrderState(state) => state.state.terminal() && state.order.as_str().starts_with("D-"),
        _ => false,
    };
    world.log.iter().filter(ended).count()
}

#[test]
fn free_cash_is_never_below_zero() {
    let mut books = books();
    books.cash.insert(name("c1"), money("-5"));
    let claims = super::checks::Claims::default();
    assert_eq!(claims.free(&books, &name("c1"), books.base(&name("c1")).unwrap()), Money::ZERO);
}
