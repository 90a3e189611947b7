//! Bugs that rebalancers have been published with, each with numbers for a pencil.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{free, n, order, orders, planned, portfolio, position};
use evenkeel_optimizer::Side::{Buy, Sell};
use evenkeel_rebalancing::{
    Destination, Group, Outcome, PlanError, Reason, ReasonKind, Side, Strategy, Taxonomy,
};
use evenkeel_schemas::{InstrumentId, Money};

const TO_TARGET: Strategy = Strategy::Threshold { to: Destination::Target };

#[test]
fn a_deposit_is_sized_on_the_total_after_it() {
    // 600 of one and 400 of the other, at target; 500 come in. Of 1,500 the targets are 900 and 600: buy 300
    // and
    // 200. Sized on the 1,000 before it, nothing would be bought, or 500 would stay idle.
    let held = vec![position(1, "60", "10", "0.6"), position(2, "40", "10", "0.4")];
    let book = portfolio(held, "500");
    let plan = planned(&book, &[Reason::cash_flow(n("500"), true)], &TO_TARGET, &free()).unwrap();
    assert_eq!(plan.before.nav, n("1500"));
    assert_eq!(orders(&plan), [order(1, Buy, "30"), order(2, Buy, "20")]);
    assert_eq!((plan.after.cash, plan.after.drift), (Money::ZERO, n("0")));
    // Announced but not there yet: counted in the total, not spent.
    let mut book = book;
    book.cash = n("0");
    let plan = planned(&book, &[Reason::cash_flow(n("500"), false)], &TO_TARGET, &free()).unwrap();
    assert_eq!(plan.before.nav, n("1500"));
    assert_eq!((plan.outcome, plan.orders.len()), (Outcome::Hold, 0), "{:?}", plan.words);
}

#[test]
fn a_deposit_never_buys_the_overweight_sleeve() {
    // 700, 200, 100 with targets of 50, 30, 20%; 250 come in: of 1,250 the targets are 625, 375, 250. Nearest
    // to them without a sale: 250 over the 175 and 150 that are missing, 75 less than both, 37.5 less each;
    // the first, still 75 over, gets nothing. In units of 10: 13 or 14 and 11 or 12.
    let held = || {
        vec![position(1, "70", "10", "0.5"), position(2, "20", "10", "0.3"), position(3, "10", "10", "0.2")]
    };
    let mut wide = held();
    wide.iter_mut().for_each(|position| position.band = n("0.1"));
    let plan =
        planned(&portfolio(wide, "250"), &[Reason::cash_flow(n("250"), true)], &TO_TARGET, &free()).unwrap();
    assert!(
        plan.orders.iter().all(|o| o.side == Buy && o.instrument != InstrumentId(1)),
        "{:?}",
        plan.orders
    );
    assert_eq!(plan.orders.iter().map(|o| o.quantity.raw()).sum::<i64>(), 25_000_000);
    // With bands of one point the deposit is not enough: now the first is sold too, and still nobody buys it.
    let mut narrow = held();
    narrow.iter_mut().for_each(|position| position.band = n("0.01"));
    let plan = planned(&portfolio(narrow, "250"), &[Reason::cash_flow(n("250"), true)], &TO_TARGET, &free())
        .unwrap();
    assert_eq!(orders(&plan)[0].1, Sell);
    assert_eq!((orders(&plan)[0].0, plan.after.outside()), (1, 0));
}

#[test]
fn a_withdrawal_sells_the_overweight_first() {
    // 700 and 300 at 60/40, 100 go out: of 900 the targets are 540 and 360. The first is 160 over: it gives
    // all 100.
    let held = || vec![position(1, "70", "10", "0.6"), position(2, "30", "10", "0.4")];
    let out = |amount: &str| Reason::cash_flow(n(amount), false);
    let mut wide = held();
    wide.iter_mut().for_each(|position| position.band = n("0.2"));
    let plan = planned(&portfolio(wide, "0"), &[out("-100")], &TO_TARGET, &free()).unwrap();
    assert_eq!((plan.before.cash, plan.before.nav), (n("-100"), n("900")));
    assert_eq!(orders(&plan), [order(1, Sell, "10")]);
    assert_eq!(plan.after.cash, Money::ZERO);
    // 500 go out: the first gives its 400 over the 300 of its target, the other its 100 over 200.
    let plan = planned(&portfolio(held(), "0"), &[out("-500")], &TO_TARGET, &free()).unwrap();
    assert_eq!(orders(&plan), [order(1, Sell, "40"), order(2, Sell, "10")]);
    // More than there is.
    let error = planned(&portfolio(held(), "0"), &[out("-1001")], &TO_TARGET, &free()).unwrap_err();
    assert!(error.to_string().contains("net asset value is -1 after all flows"), "{error}");
}

fn taxonomy(name: &str, groups: &[(&str, &[u32], &str)]) -> Taxonomy {
    let group = |(name, members, target): &(&str, &[u32], &str)| Group {
        name: (*name).to_owned(),
        members: members.iter().map(|member| InstrumentId(*member)).collect(),
        target: n(target),
        band: n("0"),
    };
    Taxonomy { name: name.to_owned(), groups: groups.iter().map(group).collect() }
}

/// Equity here (1) and abroad (2), bonds here (3) and abroad (4): 35, 35, 10 and 20 per cent of 100,000.
fn in_two_taxonomies() -> evenkeel_rebalancing::Portfolio {
    let mut held = Vec::new();
    for (instrument, units) in [(1, "3500"), (2, "3500"), (3, "1000"), (4, "2000")] {
        let mut one = position(instrument, units, "10", "0");
        one.target = None;
        held.push(one);
    }
    let mut book = portfolio(held, "0");
    book.taxonomies = vec![
        taxonomy("asset class", &[("equity", &[1, 2], "0.6"), ("bonds", &[3, 4], "0.4")]),
        taxonomy("region", &[("home", &[1, 3], "0.5"), ("abroad", &[2, 4], "0.5")]),
    ];
    book
}

#[test]
fn several_taxonomies_give_one_order_an_instrument() {
    // Asset class alone sells 10 points of equity, region alone buys 5 points at home: instrument 1 would be
    // sold for one and bought for the other. Together, least squares: rows −10 and +10, columns +5 and −5,
    // each cell half of its row and half of its column: −2.5, −7.5, +7.5, +2.5 points.
    let book = in_two_taxonomies();
    let plan = planned(&book, &[Reason::of(ReasonKind::Drift)], &TO_TARGET, &free()).unwrap();
    let targets: Vec<String> =
        plan.before.standings.iter().map(|s| format!("{:.6}", s.target.to_f64())).collect();
    assert_eq!(targets, ["0.325000", "0.275000", "0.175000", "0.225000"]);
    assert_eq!(
        orders(&plan),
        [order(1, Sell, "250"), order(2, Sell, "750"), order(3, Buy, "750"), order(4, Buy, "250")]
    );
    assert_eq!(plan.before.groups.iter().filter(|group| group.outside.is_some()).count(), 4);
    assert_eq!(plan.before.groups[0].outside, Some(Side::Over));
    assert!(plan.after.groups.iter().all(|group| group.weight == group.target), "{:?}", plan.after.groups);
}

#[test]
fn taxonomies_that_contradict_each_other_are_named() {
    let mut book = in_two_taxonomies();
    // The same two instruments are to be 60% and 50%.
    book.taxonomies.push(taxonomy("style", &[("growth", &[1, 2], "0.5")]));
    let error = planned(&book, &[Reason::of(ReasonKind::Drift)], &TO_TARGET, &free()).unwrap_err();
    assert!(matches!(error, PlanError::Infeasible(_)), "{error}");
    let words = error.to_string();
    assert!(words.contains("asset class bonds") && words.contains("style growth"), "{words}");
}
