//! What holds for every portfolio problem.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "common/universe.rs"]
mod universe;

use evenkeel_optimizer::portfolio::{
    Bounds, Constraint, Covariance, Measure, Objective, PortfolioError, PortfolioProblem, Priority, Rule,
    SearchLimits, check_portfolio, construct, efficient_frontier,
};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use universe::{Random, universe};

fn named(name: &str, rule: Rule) -> Constraint {
    Constraint { name: name.to_owned(), rule }
}

/// The least variance, and of that plus some the most return.
fn calmest(slack: f64) -> Objective {
    let aims = [(Measure::Variance, slack), (Measure::Return, 0.0)];
    Objective::Priorities(aims.map(|(measure, slack)| Priority { measure, slack }).to_vec())
}

fn any_objective() -> impl Strategy<Value = Objective> {
    prop_oneof![
        Just(Objective::MinimumVariance),
        (0.5..20.0_f64).prop_map(|risk_aversion| Objective::MeanVariance { risk_aversion }),
        Just(Objective::MaximumSharpe { risk_free: 0.0 }),
        Just(Objective::MaximumDiversification),
        Just(Objective::EqualRiskContribution),
        (0.01..0.2_f64).prop_map(calmest),
    ]
}

/// Sizes, limits that may be tight or impossible, by chance.
fn any_problem() -> impl Strategy<Value = PortfolioProblem> {
    let limits = (0.1..1.0_f64, 0.0..0.1_f64, 0.0..0.6_f64, 0.05..0.6_f64, 0.08..0.3_f64);
    (2_usize..12, 0_u64..10_000, any_objective(), limits, 0_u8..64).prop_map(
        |(size, seed, objective, (upper, lower, group, turnover, volatility), kinds)| {
            let universe = universe(size, 3, seed);
            let mut random = Random(seed ^ 0x55);
            let mut problem = PortfolioProblem::long_only(universe.names.clone(), objective);
            problem.covariance = Some(if kinds & 1 == 0 { universe.dense() } else { universe.factors() });
            problem.expected_returns = Some(universe.returns.iter().map(|mu| mu.abs() + 0.001).collect());
            let draws: Vec<f64> = (0..size).map(|_| random.uniform() + 0.01).collect();
            let total: f64 = draws.iter().sum();
            problem.current = Some(draws.iter().map(|draw| draw / total).collect());
            if kinds & 2 != 0 {
                problem.bounds.iter_mut().for_each(|bounds| *bounds = Bounds { lower, upper });
            }
            let members: Vec<usize> = (0..size).filter(|_| random.uniform() < 0.4).collect();
            let rules = [
                (4, named("group", Rule::group(&members, Some(group), Some(group + 0.2)))),
                (8, named("turnover", Rule::Turnover { most: turnover })),
                (16, named("volatility", Rule::volatility_at_most(volatility))),
                (32, named("other", Rule::group(&[0], None, Some(0.3 * group)))),
            ];
            let chosen = rules.into_iter().filter(|(kind, _)| kinds & kind != 0).map(|(_, rule)| rule);
            problem.constraints = chosen.collect();
            problem
        },
    )
}

/// The problem without one named constraint; nothing where that cannot be said.
fn without(problem: &PortfolioProblem, name: &str) -> Option<PortfolioProblem> {
    let mut rest = problem.clone();
    if let Some(of) = name.strip_prefix("least weight of ") {
        let at = problem.names.iter().position(|name| name == of)?;
        rest.bounds[at].lower = 0.0;
    } else if let Some(of) = name.strip_prefix("greatest weight of ") {
        let at = problem.names.iter().position(|name| name == of)?;
        rest.bounds[at].upper = f64::INFINITY;
    } else {
        rest.constraints.retain(|constraint| constraint.name != name);
        if rest.constraints.len() == problem.constraints.len() {
            return None;
        }
    }
    Some(rest)
}

/// The problem with only some named constraints.
fn only(problem: &PortfolioProblem, kept: &[&str]) -> PortfolioProblem {
    let mut rest = problem.clone();
    for (name, bounds) in problem.names.iter().zip(&mut rest.bounds) {
        if !kept.contains(&format!("least weight of {name}").as_str()) {
            bounds.lower = 0.0;
        }
        if !kept.contains(&format!("greatest weight of {name}").as_str()) {
            bounds.upper = f64::INFINITY;
        }
    }
    rest.constraints.retain(|constraint| kept.contains(&constraint.name.as_str()));
    rest
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 250,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// An answer keeps every constraint and is no worse than its bound; no answer names constraints that do
    /// conflict, each of which is needed for that.
    #[test]
    fn answers_are_feasible_and_conflicts_minimal(problem in any_problem()) {
        let limits = SearchLimits::default();
        match construct(&problem, &limits) {
            Ok(portfolio) => {
                let broken = check_portfolio(&problem, &portfolio, 1e-7);
                prop_assert!(broken.is_empty(), "{:?}", broken);
                prop_assert!(portfolio.gap < 1e-6, "gap {}", portfolio.gap);
                let residuals = portfolio.residuals.map_or(0.0, |residuals| residuals.largest());
                prop_assert!(residuals < 1e-6, "{:?}", portfolio.residuals);
                let shares: f64 = portfolio.risk_shares.unwrap().iter().sum();
                prop_assert!((shares - 1.0).abs() < 1e-9);
            }
            Err(PortfolioError::Infeasible(conflict)) => {
                prop_assert!(conflict.minimal);
                let kept: Vec<&str> = conflict.constraints.iter().map(|c| c.name.as_str()).collect();
                // Without a say in the objective, so that infeasible is all that it can be.
                let mut alone = only(&problem, &kept);
                alone.objective = Objective::MinimumVariance;
                let again = construct(&alone, &limits);
                prop_assert!(matches!(again, Err(PortfolioError::Infeasible(_))), "{:?}", again);
                for name in kept {
                    if let Some(rest) = without(&alone, name) {
                        prop_assert!(construct(&rest, &limits).is_ok(), "{} is not needed", name);
                    }
                }
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    /// The order of the instruments does not matter.
    #[test]
    fn instruments_may_come_in_any_order(problem in any_problem(), seed in 0_u64..1_000) {
        let n = problem.names.len();
        let mut random = Random(seed);
        let mut order: Vec<usize> = (0..n).collect();
        for at in (1..n).rev() {
            order.swap(at, (random.uniform() * (at + 1) as f64) as usize);
        }
        let covariance = problem.covariance.as_ref().unwrap();
        let matrix = Array2::from_shape_fn((n, n), |(a, b)| covariance.at(order[a], order[b]));
        let mut other = problem.clone();
        other.covariance = Some(Covariance::dense(matrix).unwrap());
        for (at, from) in order.iter().enumerate() {
            other.names[at] = problem.names[*from].clone();
            other.bounds[at] = problem.bounds[*from];
            other.current.as_mut().unwrap()[at] = problem.current.as_ref().unwrap()[*from];
            other.expected_returns.as_mut().unwrap()[at] = problem.expected_returns.as_ref().unwrap()[*from];
        }
        let place = |from: usize| order.iter().position(|at| *at == from).unwrap();
        for constraint in &mut other.constraints {
            if let Rule::Linear { coefficients, .. } = &mut constraint.rule {
                coefficients.iter_mut().for_each(|(at, _)| *at = place(*at));
            }
        }
        let limits = SearchLimits::default();
        match (construct(&problem, &limits), construct(&other, &limits)) {
            (Ok(one), Ok(two)) => {
                let apart = (one.objective - two.objective).abs();
                prop_assert!(apart < 1e-7 * one.objective.abs().max(1.0), "{apart}");
                for (at, from) in order.iter().enumerate() {
                    prop_assert!((one.weights[*from] - two.weights[at]).abs() < 1e-3);
                }
            }
            (Err(PortfolioError::Infeasible(_)), Err(PortfolioError::Infeasible(_))) => {}
            (one, two) => prop_assert!(false, "{one:?} {two:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..config() })]

    /// More return never comes with less risk, and costs ever more of it.
    #[test]
    fn frontiers_rise_and_bend(mut problem in any_problem()) {
        problem.constraints.clear();
        problem.bounds.iter_mut().for_each(|bounds| bounds.lower = 0.0);
        problem.bounds.iter_mut().for_each(|bounds| bounds.upper = bounds.upper.max(0.6));
        let frontier = efficient_frontier(&problem, 9, &SearchLimits::default()).unwrap();
        let points: Vec<(f64, f64)> = frontier
            .iter()
            .map(|point| (point.expected_return.unwrap(), point.volatility.unwrap().powi(2)))
            .collect();
        // Without any slack, what comes second hardly moves what came first.
        problem.objective = calmest(0.0);
        let calmest = construct(&problem, &SearchLimits::default()).unwrap();
        let variance = calmest.volatility.unwrap().powi(2);
        prop_assert!((variance / points[0].1 - 1.0).abs() < 2e-5);
        for pair in points.windows(2) {
            prop_assert!(pair[1].0 >= pair[0].0 - 1e-9 && pair[1].1 >= pair[0].1 - 1e-9, "{points:?}");
        }
        for three in points.windows(3) {
            let [(a, u), (b, v), (c, w)] = three else { unreachable!() };
            prop_assert!((v - u) * (c - b) <= (w - v) * (b - a) + 1e-10, "{points:?}");
        }
    }
}
