//! Corners: sizes, prices and lots that a real book throws up once a year.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::time::Duration;

use common::{candidate, drifted, free, n, solved};
use evenkeel_optimizer::{Limits, RebalanceError, Side, SolverFailure, Status, rebalance};
use evenkeel_schemas::{Money, Quantity};

#[test]
fn one_lot_is_the_whole_nav() {
    let mut problem = free(vec![candidate(1, "0", "1000000", "1")], "1000000");
    let solution = solved(&problem);
    assert_eq!(solution.orders[0].quantity, n("1"));
    assert_eq!(solution.after.cash, Money::ZERO);
    problem.cash = n("999999.999999");
    assert_eq!(solved(&problem).status, Status::NothingWorthTrading);
}

#[test]
fn lots_of_a_hundred_are_kept_whole() {
    let mut problem = free(vec![candidate(1, "250", "3.21", "0"), candidate(2, "0", "1.99", "0.9")], "77");
    for candidate in &mut problem.candidates {
        candidate.lot = n("100");
    }
    let solution = solved(&problem);
    assert_eq!((solution.orders[0].side, solution.orders[0].quantity), (Side::Sell, n("200")));
    // 77 + 642 buys three lots at 199, the odd 50 stay.
    assert_eq!((solution.orders[1].side, solution.orders[1].quantity), (Side::Buy, n("300")));
    assert_eq!(solution.after.standings[0].quantity, n("50"));
}

#[test]
fn an_overdraft_forces_sells_and_costs_are_covered() {
    let mut problem =
        free(vec![candidate(1, "100", "10", "0.5"), candidate(2, "100", "10", "0.5")], "-333.33");
    problem.costs.commission_min = n("9.99");
    problem.cash_min = n("25");
    let solution = solved(&problem);
    assert!(solution.after.cash >= n("25"), "{}", solution.after.cash);
    assert!(solution.orders.iter().all(|order| order.side == Side::Sell));
}

#[test]
fn targets_of_zero_sell_everything() {
    let mut problem = drifted(20, 7);
    for candidate in &mut problem.candidates {
        candidate.target = n("0");
    }
    let solution = solved(&problem);
    assert_eq!(solution.orders.len(), 20);
    assert!(solution.after.standings.iter().all(|standing| standing.quantity == Quantity::ZERO));
    assert_eq!(solution.after.cash, solution.after.nav);
}

#[test]
fn no_cash_and_nothing_held_is_no_nav() {
    let problem = free(vec![candidate(1, "0", "10", "1")], "0");
    assert!(matches!(rebalance(&problem, &Limits::default()), Err(RebalanceError::Infeasible(_))));
}

#[test]
fn five_hundred_instruments() {
    let solution = solved(&drifted(500, 1));
    assert!(solution.terms.distance_after < solution.terms.distance_before);
    assert!(solution.after.cash >= n("1000"));
}

#[test]
fn lots_of_a_millionth_need_few_repairs() {
    let mut problem = drifted(30, 3);
    for candidate in &mut problem.candidates {
        candidate.lot = Quantity::from_raw(1);
    }
    let solution = solved(&problem);
    assert!(solution.repairs < 1_000, "{}", solution.repairs);
    assert_eq!(solution.remaining, []);
}

#[test]
fn portfolios_of_a_trillion() {
    let mut problem = drifted(13, 5);
    problem.cash = n("1000000000000");
    let solution = solved(&problem);
    assert_eq!(solution.remaining, []);
}

#[test]
fn limits_end_in_words() {
    let problem = drifted(50, 2);
    let few = Limits { iterations_max: 2, ..Limits::default() };
    let failure = rebalance(&problem, &few).unwrap_err();
    assert_eq!(failure, RebalanceError::Solver(SolverFailure::IterationLimit(2)));
    assert_eq!(failure.to_string(), "the solver used its 2 iterations without reaching the optimum");
    let now = Limits { time_max: Duration::ZERO, ..Limits::default() };
    assert!(matches!(
        rebalance(&problem, &now),
        Err(RebalanceError::Solver(SolverFailure::TimeLimit(Duration::ZERO)))
    ));
    // Out of repairs, the plan is still a whole one.
    let none = Limits { repairs_max: 0, ..Limits::default() };
    match rebalance(&problem, &none) {
        Ok(solution) => {
            assert_eq!(evenkeel_optimizer::check_rebalance(&problem, &solution), Vec::<String>::new())
        }
        Err(error) => assert_eq!(error, RebalanceError::Solver(SolverFailure::RepairLimit(0))),
    }
}
