//! Cases that one can check with a pencil.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{candidate, free, n, solved};
use evenkeel_optimizer::{
    Cause, Costs, Infeasible, Limit, Limits, RebalanceError, RebalanceProblem, RebalanceSolution, Side,
    Status, check_rebalance, rebalance,
};
use evenkeel_schemas::{Money, Rate, Ratio, Value};

/// (instrument, side, quantity, limit) of each order.
fn orders(solution: &RebalanceSolution) -> Vec<(u32, Side, String, String)> {
    let order = |o: &evenkeel_optimizer::ProposedOrder| {
        (o.instrument.0, o.side, o.quantity.to_string(), o.limit.to_string())
    };
    solution.orders.iter().map(order).collect()
}

fn order(instrument: u32, side: Side, quantity: &str, limit: &str) -> (u32, Side, String, String) {
    (instrument, side, quantity.to_owned(), limit.to_owned())
}

#[test]
fn sixty_forty_comes_back_to_fifty_fifty() {
    // 60 × 10 and 40 × 10, NAV 1,000: ten units of the first become ten of the second.
    let problem = free(vec![candidate(1, "60", "10", "0.5"), candidate(2, "40", "10", "0.5")], "0");
    let solution = solved(&problem);
    assert_eq!(orders(&solution), [order(1, Side::Sell, "10", "10"), order(2, Side::Buy, "10", "10")]);
    assert_eq!(solution.terms.turnover, n("0.1"));
    assert_eq!(solution.after.cash, Money::ZERO);
    assert!((solution.before.distance - 0.02).abs() < 1e-12 && solution.after.distance == 0.0);
    assert_eq!(solution.gap, 0.0);
}

#[test]
fn a_deposit_is_invested_in_what_is_under_target() {
    // NAV 1,000: 400 + 400 + cash 200; targets 50%, 40%, cash 10%: five units of the first, at 20.
    let problem = free(vec![candidate(1, "20", "20", "0.5"), candidate(2, "40", "10", "0.4")], "200");
    let solution = solved(&problem);
    assert_eq!(orders(&solution), [order(1, Side::Buy, "5", "20")]);
    assert_eq!(solution.after.cash, n("100"));
    assert_eq!(solution.after.cash_weight, n("0.1"));
}

#[test]
fn a_greatest_buy_limits_buys_and_leaves_sells_alone() {
    // As sixty to forty, but at most 40 of the second may be bought; then nothing: only the sell is left.
    let mut problem = free(vec![candidate(1, "60", "10", "0.5"), candidate(2, "40", "10", "0.5")], "0");
    problem.candidates[1].buy_max = Some(n("40"));
    let solution = solved(&problem);
    assert!(orders(&solution).contains(&order(2, Side::Buy, "4", "10")));
    problem.candidates[1].buy_max = Some(Money::ZERO);
    // Half of what the first is over: its own distance falls as that of cash grows.
    assert_eq!(orders(&solved(&problem)), [order(1, Side::Sell, "5", "10")]);
    // A mandate that only a buy could keep is out of reach.
    problem.candidates[1].weight_min = n("0.45");
    assert!(reasons(&problem).contains("whatever is bought"), "{}", reasons(&problem));
    let mut tampered = solved(&free(vec![candidate(1, "0", "10", "0.5")], "1000"));
    let mut strict = free(vec![candidate(1, "0", "10", "0.5")], "1000");
    strict.candidates[0].buy_max = Some(n("499.99"));
    assert_eq!(check_rebalance(&strict, &tampered), ["instrument 1: the buy is above its maximum of 499.99"]);
    tampered.orders.clear();
    assert!(!check_rebalance(&strict, &tampered).is_empty());
}

#[test]
fn commission_spread_and_tick_come_out_to_the_millionth() {
    // A buy at 33.33 with a half spread of 0.1%: 33.36333, up to 33.37. Three units, 100.11; 0.5% is 0.50055,
    // below the minimum of 1.20. Cash 101.31 is just enough for it, 101.309999 is not.
    let mut problem = free(vec![candidate(1, "0", "33.33", "1")], "101.31");
    problem.costs = Costs { half_spread: n("0.001"), commission: n("0.005"), commission_min: n("1.2") };
    let solution = solved(&problem);
    assert_eq!(orders(&solution), [order(1, Side::Buy, "3", "33.37")]);
    assert_eq!(solution.after.cash, Money::ZERO);
    // 3 × 0.04 of tick and spread, and the commission.
    assert_eq!(solution.terms.cost_estimate, n("1.32"));
    problem.cash = n("101.309999");
    let solution = solved(&problem);
    assert_eq!(orders(&solution), [order(1, Side::Buy, "2", "33.37")]);
    // The same against a minimum of cash, where no weight limit stands in the way.
    (problem.cash, problem.cash_min) = (n("111.31"), n("10"));
    assert_eq!(orders(&solved(&problem)), [order(1, Side::Buy, "3", "33.37")]);
    problem.cash = n("111.309999");
    assert_eq!(orders(&solved(&problem)), [order(1, Side::Buy, "2", "33.37")]);
}

#[test]
fn nothing_worth_trading_says_so() {
    let problem = free(vec![candidate(1, "50", "10", "0.5"), candidate(2, "50", "10", "0.5")], "0");
    let solution = solved(&problem);
    assert_eq!(solution.status, Status::NothingWorthTrading);
    assert_eq!(solution.before, solution.after);
    // One point off, inside its band, and a minimum fee of 5% of the NAV: not worth it either.
    let mut problem = free(vec![candidate(1, "51", "10", "0.5"), candidate(2, "49", "10", "0.5")], "0");
    problem.costs.commission_min = n("50");
    assert_eq!(solved(&problem).status, Status::NothingWorthTrading);
}

#[test]
fn foreign_positions_and_foreign_cash_count_in_base_currency() {
    // 10 × 20 USD at 1.5 is 300; foreign cash 100 is not spendable; cash 600. NAV 1,000, target 50%: the 200
    // missing are 6.67 units of 30; six leave 20 missing, seven are 10 too many and closer.
    let mut abroad = candidate(1, "10", "20", "0.5");
    abroad.rate = n::<Rate>("1.5");
    let mut problem = free(vec![abroad], "600");
    problem.foreign_cash = Value::of_cash(n("100"), Rate::PAR).unwrap();
    let solution = solved(&problem);
    assert_eq!(solution.before.nav, n("1000"));
    assert_eq!(orders(&solution), [order(1, Side::Buy, "7", "20")]);
    problem.cash = n("0");
    problem.foreign_cash = Value::of_cash(n("700"), Rate::PAR).unwrap();
    let solution = solved(&problem);
    assert_eq!(solution.status, Status::NothingWorthTrading);
    assert_eq!(solution.remaining[0].cause, Cause::Cash);
}

#[test]
fn what_stays_outside_says_why() {
    let lower = |solution: &RebalanceSolution| {
        let left = solution.remaining.iter().find(|r| r.outside.limit == Limit::BandLower);
        left.map(|r| r.cause)
    };
    let base = || free(vec![candidate(1, "0", "100", "0.5"), candidate(2, "5", "100", "0.5")], "500");
    assert_eq!(lower(&solved(&base())), None);
    let mut problem = base();
    problem.candidates[0].tradable = false;
    assert_eq!(lower(&solved(&problem)), Some(Cause::NotTradable));
    let mut problem = base();
    problem.turnover_max = Some(n("0.1"));
    assert_eq!(lower(&solved(&problem)), Some(Cause::Turnover));
    let mut problem = base();
    problem.candidates[0].weight_max = n("0.3");
    assert_eq!(lower(&solved(&problem)), Some(Cause::Mandate));
    let mut problem = base();
    problem.cash_min = n("350");
    problem.candidates[1].sellable = n("0");
    assert_eq!(lower(&solved(&problem)), Some(Cause::Cash));
    let mut problem = base();
    problem.candidates[0].trade_max = Some(n("250"));
    assert_eq!(lower(&solved(&problem)), Some(Cause::OrderSize));
    // One lot of four is 40%, further from a band of 15% to 25% than nothing at all.
    let mut problem = base();
    (problem.candidates[0].lot, problem.candidates[0].target) = (n("4"), n("0.2"));
    assert_eq!(lower(&solved(&problem)), Some(Cause::LotSize));
}

#[test]
fn small_orders_are_dropped_unless_they_close() {
    let mut problem = free(vec![candidate(1, "3", "10", "0"), candidate(2, "96", "10", "1")], "10");
    problem.trade_min = n("100");
    // Closing for 30 is allowed; the buy of 40 it pays for is not.
    assert_eq!(orders(&solved(&problem)), [order(1, Side::Sell, "3", "10")]);
    // A first buy of 400 is not sent; what is held takes cash as far as its band goes, 65%.
    let mut problem = free(vec![candidate(1, "0", "10", "0.4"), candidate(2, "60", "10", "0.6")], "400");
    problem.first_parcel_min = n("500");
    assert_eq!(orders(&solved(&problem)), [order(2, Side::Buy, "5", "10")]);
    problem.first_parcel_min = n("400");
    assert_eq!(orders(&solved(&problem)), [order(1, Side::Buy, "40", "10")]);
}

/// What makes a problem contradict itself.
type Change = fn(&mut RebalanceProblem);

fn reasons(problem: &RebalanceProblem) -> String {
    match rebalance(problem, &Limits::default()) {
        Err(RebalanceError::Infeasible(Infeasible { reasons })) => {
            assert!(!reasons.is_empty());
            Infeasible { reasons }.to_string()
        }
        other => panic!("expected reasons, got {other:?}"),
    }
}

#[test]
fn contradictions_are_named_in_words() {
    let base = || free(vec![candidate(1, "50", "10", "0.5"), candidate(2, "50", "10", "0.5")], "0");
    let with = |change: fn(&mut RebalanceProblem)| {
        let mut problem = base();
        change(&mut problem);
        reasons(&problem)
    };
    let cases: [(Change, &str); 15] = [
        (|p| p.candidates[0].price = n("0"), "instrument 1 has no usable price (got 0)"),
        (|p| p.candidates[0].rate = n("-1"), "instrument 1 has no usable exchange rate (got -1)"),
        (|p| p.candidates[1].instrument = p.candidates[0].instrument, "instrument 1 is listed twice"),
        (|p| p.candidates[0].target = n("0.625"), "the targets sum to 112.5%"),
        (
            |p| (p.candidates[0].weight_min, p.candidates[1].weight_min) = (n("0.6"), n("0.6")),
            "the minimum weights sum to 120%",
        ),
        (
            |p| (p.candidates[0].weight_min, p.candidates[0].weight_max) = (n("0.3"), n("0.2")),
            "instrument 1 must weigh between 30% and 20%, which is not a range inside 0% to 100%",
        ),
        (
            |p| (p.candidates[0].weight_max, p.candidates[0].tradable) = (n("0.25"), false),
            "instrument 1 may not be traded and weighs 50%, above its maximum of 25%",
        ),
        (|p| p.cash = n("-1000"), "net asset value is 0: weights are undefined"),
        (|p| p.candidates.clear(), "there is nothing to hold or buy"),
        (|p| p.candidates[0].sellable = n("51"), "instrument 1: 51 sellable of 50 held is not possible"),
        (|p| p.costs.half_spread = n("1"), "half spread is 1; expected 0 or more, below 1"),
        (|p| p.cost_aversion = f64::NAN, "cost aversion is NaN; expected 0.001 to 10,000"),
        (
            |p| p.cash_min = n("1001"),
            "cash is 0; selling all that can be sold raises 1000, which does not reach the minimum of 1001",
        ),
        (
            |p| (p.candidates[0].weight_max, p.candidates[0].sellable) = (n("0.4"), n("5")),
            "instrument 1 would stay 5% above its maximum of 40% whatever is sold",
        ),
        (
            |p| (p.cash, p.turnover_max) = (n("-500"), Some(n("0.25"))),
            "the other limits need 25% more turnover than the 25% allowed",
        ),
    ];
    for (at, (change, expected)) in cases.into_iter().enumerate() {
        let words = with(change);
        assert!(words.contains(expected), "{at}: {words}");
    }
    // Everything wrong is said at once.
    let mut problem = base();
    problem.candidates[0].price = n("0");
    problem.candidates[1].lot = n("0");
    assert_eq!(reasons(&problem).matches(';').count(), 2, "{}", reasons(&problem));
}

#[test]
fn the_second_opinion_sees_each_tampering() {
    let mut problem = free(vec![candidate(1, "60", "10", "0.5"), candidate(2, "40", "10", "0.5")], "0");
    problem.costs = Costs { half_spread: n("0.001"), commission: n("0.001"), commission_min: n("1") };
    let good = solved(&problem);
    assert_eq!(good.orders.len(), 2);
    let tampered: [fn(&mut RebalanceSolution); 11] = [
        |s| s.orders[0].quantity = n("61"),
        |s| s.orders[0].quantity = n("0.5"),
        |s| s.orders[1].quantity = n("20"),
        |s| s.orders[1].limit = n("10.005"),
        |s| s.orders[1].limit = n("10.02"),
        |s| s.orders.swap(0, 1),
        |s| s.orders.push(s.orders[0].clone()),
        |s| s.terms.cost_estimate = Money::ZERO,
        |s| s.after.cash = n("1000"),
        |s| s.after.standings[0].weight = Ratio::ZERO,
        |s| s.status = Status::NothingWorthTrading,
    ];
    for (at, tamper) in tampered.into_iter().enumerate() {
        let mut bad = good.clone();
        tamper(&mut bad);
        assert_ne!(check_rebalance(&problem, &bad), Vec::<String>::new(), "tampering {at}");
    }
}
