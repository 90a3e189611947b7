//! What holds for every portfolio.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{free, n};
use evenkeel_optimizer::{
    Candidate, Costs, Limits, RebalanceError, RebalanceProblem, Side, Status, check_rebalance, rebalance,
};
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Rate, Ratio, Value};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let position =
        (0_i64..2_000, 0_u32..=100, 1_i64..50_000, prop::sample::select(vec![1_i64, 1, 1, 10, 100]));
    let market = (prop::sample::select(vec!["1", "1", "1.5123", "0.0067", "1.999999999"]), 0_usize..3);
    let limits = (0_u32..100, 0_i64..80, 0_i64..300, 300_i64..=1_000, 0_u8..10, 0_u8..10);
    (position, market, limits).prop_map(|(position, (rate, tick), limits)| {
        let (held, sellable, cents, lot) = position;
        let (weight, band, least, most, freeze, cap) = limits;
        let held = if held % 5 == 0 { 0 } else { held };
        let per_mille = |value: i64| Ratio::from_raw(value * 1_000_000);
        Candidate {
            instrument: InstrumentId(0),
            held: Quantity::from_raw(held * Quantity::ONE),
            sellable: Quantity::from_raw(held * i64::from(sellable.max(20)) / 100 * Quantity::ONE),
            price: Price::from_raw(cents * 10_000 + 3_700),
            rate: n::<Rate>(rate),
            lot: Quantity::from_raw(lot * Quantity::ONE),
            tick: [n("0.01"), n("0.005"), n("0.1")][tick],
            // Scaled to a sum below one by the problem.
            target: Ratio::from_raw(i64::from(weight)),
            band: per_mille(band),
            weight_min: if least < 20 { per_mille(least) } else { Ratio::ZERO },
            weight_max: if most < 500 { per_mille(most) } else { n("1") },
            trade_max: (cap == 0).then(|| Money::from_raw(5_000_000_000)),
            buy_max: (cap == 1)
                .then(|| Money::from_raw(cents * 3_000_000))
                .or((cap == 2).then_some(Money::ZERO)),
            tradable: freeze != 0,
        }
    })
}

fn any_problem() -> impl Strategy<Value = RebalanceProblem> {
    let candidates = prop::collection::vec(any_candidate(), 1..25);
    let cash = (-20_000_i64..200_000, 0_i64..2_000, -1_000_i64..50_000);
    let costs = (0_i64..50, 0_i64..50, 0_i64..30);
    let settings = (0_i64..2_000, 0_usize..3, 0_usize..4, 0_i64..=1_000);
    (candidates, cash, costs, settings).prop_map(|(mut candidates, cash, costs, settings)| {
        let sum = candidates.iter().map(|c| c.target.raw()).sum::<i64>().max(1);
        for (at, candidate) in candidates.iter_mut().enumerate() {
            candidate.instrument = InstrumentId(at as u32);
            candidate.target = Ratio::from_raw(candidate.target.raw() * settings.3 * 1_000_000 / sum);
        }
        let cents = |value: i64| Money::from_raw(value * 10_000 + 1_234);
        let mut problem = free(candidates, "0");
        problem.cash = cents(cash.0 * 100);
        problem.cash_min = cents(cash.1 * 100);
        problem.foreign_cash = Value::of_cash(cents(cash.2), n("1.37")).unwrap();
        let bps = |bps| Ratio::from_bps(bps).unwrap();
        problem.costs = Costs {
            half_spread: bps(costs.0),
            commission: bps(costs.1),
            commission_min: cents(costs.2 * 100),
        };
        problem.trade_min = Money::from_raw(settings.0 * 100_000);
        problem.first_parcel_min = Money::from_raw(settings.0 * 250_000);
        problem.turnover_max = [None, Some(n("0.1")), Some(n("0.6"))][settings.1];
        problem.cost_aversion = [0.001, 0.5, 1.0, 10.0][settings.2];
        problem
    })
}

/// Cash at the end in millionths, plainly.
fn cash_at_end(problem: &RebalanceProblem, solution: &evenkeel_optimizer::RebalanceSolution) -> i128 {
    let mut cash = i128::from(problem.cash.raw());
    for order in &solution.orders {
        let candidate = &problem.candidates[order.instrument.0 as usize];
        let notional =
            Value::of_position(order.quantity, order.limit, candidate.rate).unwrap().to_money().unwrap();
        let fee = evenkeel_schemas::div_half_even(
            i128::from(notional.raw()) * i128::from(problem.costs.commission.raw()),
            1_000_000_000,
        )
        .max(problem.costs.commission_min.raw().into());
        let sign = if order.side == Side::Buy { -1 } else { 1 };
        cash += sign * i128::from(notional.raw()) - fee;
    }
    cash
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: RngSeed::Fixed(20), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_sound(problem in any_problem()) {
        let solution = match rebalance(&problem, &Limits::default()) {
            Ok(solution) => solution,
            Err(RebalanceError::Infeasible(infeasible)) => {
                prop_assert!(!infeasible.reasons.is_empty());
                prop_assert!(!infeasible.to_string().is_empty());
                return Ok(());
            }
            Err(RebalanceError::Solver(failure)) => return Err(TestCaseError::fail(failure.to_string())),
        };
        prop_assert_eq!(check_rebalance(&problem, &solution), Vec::<String>::new());
        prop_assert!(cash_at_end(&problem, &solution) >= i128::from(problem.cash_min.raw()));
        for order in &solution.orders {
            let candidate = &problem.candidates[order.instrument.0 as usize];
            prop_assert_eq!(order.quantity.whole_lots(candidate.lot), order.quantity);
            prop_assert!(order.side == Side::Buy || order.quantity <= candidate.sellable);
            let value = Value::of_position(order.quantity, candidate.price, candidate.rate).unwrap();
            let most = candidate.buy_max.map(|most| Value::of_cash(most, Rate::PAR).unwrap());
            prop_assert!(order.side == Side::Sell || most.is_none_or(|most| value <= most));
        }
        let terms = &solution.terms;
        prop_assert!(terms.objective_bound <= terms.objective_after + 1e-8 || solution.gap == 1.0);
        // Doing nothing is always an alternative, unless cash or a mandate bound forbids it.
        let mandate_broken = solution.before.outside.iter().any(|outside| {
            use evenkeel_optimizer::Limit::{WeightMax, WeightMin};
            matches!(outside.limit, WeightMax | WeightMin)
        });
        if problem.cash >= problem.cash_min && !mandate_broken {
            prop_assert!(terms.objective_after <= terms.objective_before + 1e-9);
        }
        if solution.status == Status::NothingWorthTrading {
            prop_assert_eq!(&solution.before, &solution.after);
        }
    }

    #[test]
    fn the_same_problem_gives_the_same_plan_in_any_order(problem in any_problem()) {
        let first = rebalance(&problem, &Limits::default());
        prop_assert_eq!(&first, &rebalance(&problem, &Limits::default()));
        let mut reversed = problem.clone();
        reversed.candidates.reverse();
        if let Ok(first) = first {
            prop_assert_eq!(Ok(first), rebalance(&reversed, &Limits::default()));
        }
    }
}
