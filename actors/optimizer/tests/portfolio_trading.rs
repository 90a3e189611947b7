//! What holds for every problem with costs, parcels and counted holdings.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "common/universe.rs"]
mod universe;

use evenkeel_optimizer::portfolio::{
    CapitalGainsTax, Constraint, Objective, Paid, PortfolioError, PortfolioProblem, Rule, SearchLimits,
    Standing, TaxLot, TradingCosts, check_portfolio, construct,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use universe::{Random, universe};

const AVERSION: f64 = 4.0;

/// Weights that sum to one, some of them zero.
fn weights(size: usize, random: &mut Random) -> Vec<f64> {
    let draws: Vec<f64> = (0..size).map(|_| (random.uniform() - 0.2).max(0.0) + 1e-3).collect();
    let total: f64 = draws.iter().sum();
    draws.iter().map(|draw| draw / total).collect()
}

/// Two parcels an instrument, at a gain or a loss.
fn parcels(current: &[f64], random: &mut Random) -> CapitalGainsTax {
    let mut lots = Vec::new();
    for (instrument, weight) in current.iter().enumerate() {
        let first = weight * (0.1 + 0.8 * random.uniform());
        for value in [first, weight - first] {
            let cost_base = value * (0.5 + random.uniform());
            lots.push(TaxLot { instrument, value, cost_base, discounted: random.uniform() < 0.5 });
        }
    }
    CapitalGainsTax { rate: 0.47, discount: 0.5, prior_losses: 0.002, lots, weight: 1.0 }
}

fn any_problem() -> impl Strategy<Value = PortfolioProblem> {
    let costs = (0.0..0.005_f64, 0.0..0.02_f64, 0.0..0.001_f64);
    (2_usize..8, 0_u64..10_000, costs, 0_u8..32).prop_map(
        |(size, seed, (linear, quadratic, fixed), kinds)| {
            let universe = universe(size, 3, seed);
            let mut random = Random(seed ^ 0x77);
            let objective = Objective::MeanVariance { risk_aversion: AVERSION };
            let mut problem = PortfolioProblem::long_only(universe.names.clone(), objective);
            problem.covariance = Some(universe.dense());
            problem.expected_returns = Some(universe.returns.clone());
            let current = weights(size, &mut random);
            if kinds & 1 != 0 {
                problem.tax = Some(parcels(&current, &mut random));
            }
            let of = |kind: u8, cost: f64| if kinds & kind != 0 { vec![cost; size] } else { Vec::new() };
            let paid = if kinds & 8 != 0 { Paid::FromPortfolio } else { Paid::Outside };
            let (quadratic, fixed) = (of(2, quadratic), of(4, fixed));
            problem.costs =
                Some(TradingCosts { linear: vec![linear; size], quadratic, fixed, paid, weight: 1.0 });
            problem.current = Some(current);
            if kinds & 16 != 0 {
                let rule = Rule::Names { most: 1 + size / 2, least: 0.05 };
                problem.constraints.push(Constraint { name: "names".to_owned(), rule });
            }
            problem
        },
    )
}

/// The objective of weights without parcels, by its definition; costs are paid outside.
fn objective(problem: &PortfolioProblem, weights: &[f64]) -> f64 {
    let sum = |values: &[f64], of: &dyn Fn(f64) -> f64| {
        let current = problem.current.as_ref().unwrap();
        let changes = weights.iter().zip(current).map(|(w, v)| w - v);
        values.iter().zip(changes).map(|(value, change)| value * of(change)).sum::<f64>()
    };
    let costs = problem.costs.as_ref().unwrap();
    let mean: f64 = problem.expected_returns.as_ref().unwrap().iter().zip(weights).map(|(m, w)| m * w).sum();
    0.5 * AVERSION * problem.covariance.as_ref().unwrap().variance(weights) - mean
        + sum(&costs.linear, &f64::abs)
        + sum(&costs.quadratic, &|change| change * change)
        + sum(&costs.fixed, &|change| if change == 0.0 { 0.0 } else { 1.0 })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(8),
        failure_persistence: None,
        ..Default::default()
    })]

    /// Answers are feasible, proved, the sum of their terms, and no worse than what comes to mind.
    #[test]
    fn trades_are_worth_their_costs(problem in any_problem(), seed in 0_u64..1_000) {
        let portfolio = match construct(&problem, &SearchLimits::default()) {
            Ok(portfolio) => portfolio,
            Err(PortfolioError::Infeasible(_)) if !problem.constraints.is_empty() => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let broken = check_portfolio(&problem, &portfolio, 2e-7);
        prop_assert!(broken.is_empty(), "{:?}", broken);
        prop_assert_eq!(portfolio.standing, Standing::Optimal);
        let apart = portfolio.objective - portfolio.bound;
        prop_assert!(apart.abs() < 1e-7, "gap {apart}");
        let terms: f64 = portfolio.terms.iter().map(|term| term.weight * term.value).sum();
        prop_assert!((terms - portfolio.objective).abs() < 1e-12);
        let trades = portfolio.trades.as_ref().unwrap();
        let current = problem.current.as_ref().unwrap();
        for (at, weight) in portfolio.weights.iter().enumerate() {
            let moved = current[at] + trades.bought[at] - trades.sold[at];
            prop_assert!((weight - moved).abs() < 1e-7, "{weight} {moved}");
        }
        prop_assert!(trades.tax >= 0.0 && trades.cost >= 0.0);
        if !problem.constraints.is_empty() {
            return Ok(());
        }
        // Doing nothing costs nothing, whatever the parcels.
        prop_assert!(portfolio.objective <= objective(&problem, current) + 1e-9);
        if problem.tax.is_none() && problem.costs.as_ref().unwrap().paid == Paid::Outside {
            let mut random = Random(seed);
            for _ in 0..20 {
                let other = weights(current.len(), &mut random);
                // On the way from the answer, near it and far.
                let share = random.uniform().powi(3);
                let mixed: Vec<f64> =
                    portfolio.weights.iter().zip(&other).map(|(w, v)| w + share * (v - w)).collect();
                prop_assert!(objective(&problem, &mixed) >= portfolio.objective - 1e-8);
            }
        }
    }
}
