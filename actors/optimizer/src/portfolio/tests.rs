//! Promises of the construction that need its insides: conditions of optimality, and conflicts that are minimal.

use std::collections::BTreeSet;

use ndarray::{Array1, Array2, array};

use super::conflict::conflict;
use super::model::{Choices, Model};
use super::task::{Goal, Task, task};
use super::*;
use crate::kkt::residuals;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|at| format!("I{at}")).collect()
}

/// Five instruments with volatilities from 10% to 30%.
fn five(objective: Objective) -> PortfolioProblem {
    let mut problem = PortfolioProblem::long_only(names(5), objective);
    problem.covariance = Some(covariance());
    problem.expected_returns = Some(vec![0.03, 0.05, 0.06, 0.08, 0.09]);
    problem
}

fn matrix() -> Array2<f64> {
    let volatility = [0.10, 0.15, 0.20, 0.25, 0.30];
    Array2::from_shape_fn((5, 5), |(a, b)| {
        let correlation = if a == b { 1.0 } else { 0.3 + 0.05 * (a as f64 - b as f64).abs() };
        volatility[a] * volatility[b] * correlation
    })
}

fn covariance() -> Covariance {
    Covariance::dense(matrix()).unwrap()
}

fn scenarios() -> Array2<f64> {
    Array2::from_shape_fn((40, 5), |(t, at)| {
        0.01 * ((t * (at + 3) * 7 + at * at) % 23) as f64 - 0.1 - 0.002 * at as f64
    })
}

fn convex() -> Vec<Objective> {
    let uncertain = |uncertainty| Objective::RobustMeanVariance { risk_aversion: 4.0, uncertainty };
    vec![
        Objective::MinimumVariance,
        Objective::MeanVariance { risk_aversion: 4.0 },
        Objective::TargetReturn { least: 0.07 },
        Objective::TargetVolatility { most: 0.15 },
        Objective::MaximumSharpe { risk_free: 0.02 },
        Objective::MaximumDiversification,
        Objective::MinimumCvar { scenarios: scenarios(), confidence: 0.9 },
        uncertain(Uncertainty::Ellipsoid {
            radius: 0.5,
            shape: Covariance::diagonal(Array1::from_elem(5, 0.002)).unwrap(),
        }),
        uncertain(Uncertainty::Box { radii: vec![0.01, 0.01, 0.02, 0.03, 0.04] }),
        Objective::MinimumTrackingError { benchmark: vec![0.0, 0.0, 0.1, 0.2, 0.7] },
        Objective::MaximumAfterTaxYield { yields: vec![0.04, 0.03, 0.05, 0.02, 0.01] },
        Objective::Weighted(vec![
            (2.0, Measure::Variance),
            (0.5, Measure::Return),
            (0.1, Measure::Volatility),
            (0.2, Measure::Cvar { scenarios: scenarios(), confidence: 0.8 }),
        ]),
    ]
}

/// With a group, a cap that binds, and turnover.
fn constrained(objective: Objective) -> PortfolioProblem {
    let mut problem = five(objective);
    problem.current = Some(vec![0.2; 5]);
    let upper = |bound: &mut Bounds| bound.upper = 0.45;
    problem.bounds.iter_mut().for_each(upper);
    let constraint = |name: &str, rule: Rule| Constraint { name: name.to_owned(), rule };
    problem.constraints = vec![
        constraint("early", Rule::group(&[0, 1], Some(0.1), Some(0.5))),
        constraint("turnover", Rule::Turnover { most: 0.45 }),
        constraint("volatility", Rule::volatility_at_most(0.2)),
    ];
    problem
}

/// Residuals recomputed from the program and its multipliers are small at the optimum, and are not when the
/// answer or the multipliers are moved.
#[test]
fn answers_satisfy_the_conditions_of_optimality() {
    for objective in convex() {
        for problem in [five(objective.clone()), constrained(objective.clone())] {
            let task = task(&problem).unwrap();
            let model = Model::new(&task, &Choices::root(&task), &[]);
            let limits = SearchLimits::default();
            let solved = model.solve(&limits.solver, false).unwrap().unwrap();
            assert!(solved.residuals.largest() < 1e-8, "{objective:?}: {:?}", solved.residuals);
            let portfolio = construct(&problem, &limits).unwrap();
            let apart = (portfolio.objective - portfolio.bound).abs();
            assert!(apart < 1e-8, "{objective:?}: gap {apart}");
            assert!(check_portfolio(&problem, &portfolio, 1e-8).is_empty(), "{objective:?}");
            let mut moved = solved.optimum.clone();
            moved.dual /= model.unit;
            moved.objective /= model.unit;
            assert!(residuals(&model.program, &moved).largest() < 1e-8);
            moved.primal[model.weight[2].unwrap()] += 1e-3;
            assert!(residuals(&model.program, &moved).largest() > 1e-5, "{objective:?}");
            moved.primal[model.weight[2].unwrap()] -= 1e-3;
            moved.dual[0] += 1e-3;
            assert!(residuals(&model.program, &moved).largest() > 1e-5, "{objective:?}");
        }
    }
}

/// The barrier over the exponential cone and the coordinate method come to the same weights.
#[test]
fn risk_budgets_come_out_of_both_methods() {
    let budgets = vec![0.1, 0.2, 0.3, 0.25, 0.15];
    let problem = five(Objective::RiskBudgets { budgets: budgets.clone() });
    let limits = SearchLimits::default();
    let free = construct(&problem, &limits).unwrap();
    for (share, budget) in free.risk_shares.as_ref().unwrap().iter().zip(&budgets) {
        assert!((share - budget).abs() < 1e-12);
    }
    assert!(free.gap < 1e-12 && free.residuals.is_none());
    let task = Task::new(&problem, Goal::Budgets(budgets));
    let model = Model::new(&task, &Choices::root(&task), &[]);
    let solved = model.solve(&limits.solver, false).unwrap().unwrap();
    assert!(solved.residuals.largest() < 1e-7, "{:?}", solved.residuals);
    for (a, b) in solved.weights.iter().zip(&free.weights) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    assert!((solved.optimum.objective - free.objective).abs() < 1e-8);
    // A limit that those weights break: the others keep to it, and the barrier is worse for it.
    let mut capped = problem.clone();
    let upper = free.weights[0] - 0.05;
    capped.bounds[0].upper = upper;
    let bounded = construct(&capped, &limits).unwrap();
    assert!((bounded.weights[0] - upper).abs() < 1e-7 && bounded.objective > free.objective);
    assert!(bounded.residuals.unwrap().largest() < 1e-7 && bounded.gap < 1e-7);
}

/// Rules of a task with what they ask for; each conflict is checked by leaving one out.
#[test]
fn conflicts_are_minimal() {
    let limits = SearchLimits::default();
    let constraint = |name: &str, rule: Rule| Constraint { name: name.to_owned(), rule };
    let group = |members: &[usize], lower, upper| Rule::group(members, lower, upper);
    let names_rule = |most, least| Rule::Names { most, least };
    for (rules, uppers, expected) in [
        (vec![("return", Rule::return_at_least(0.1))], 1.0, vec!["invested", "return"]),
        (
            vec![
                ("idle", group(&[0], None, Some(0.9))),
                ("low", group(&[0, 1], None, Some(0.3))),
                ("high", group(&[2, 3, 4], None, Some(0.5))),
            ],
            1.0,
            vec!["high", "invested", "low"],
        ),
        (
            vec![("calm", Rule::volatility_at_most(0.12)), ("return", Rule::return_at_least(0.08))],
            1.0,
            // Even a part of the money cannot be had at that ratio.
            vec!["calm", "return"],
        ),
        (vec![("three", names_rule(3, 0.0))], 0.3, vec!["invested", "three"]),
        // Four at 30% each are possible, but not four of at least 28%.
        (vec![("four", names_rule(4, 0.28))], 0.3, vec!["four", "invested"]),
        (
            vec![("none", Rule::Excluded(vec![3, 4])), ("some", group(&[3, 4], Some(0.1), None))],
            1.0,
            vec!["none", "some"],
        ),
    ] {
        let mut problem = five(Objective::MinimumVariance);
        problem.bounds.iter_mut().for_each(|bounds| bounds.upper = uppers);
        problem.constraints = rules.into_iter().map(|(name, rule)| constraint(name, rule)).collect();
        let Err(PortfolioError::Infeasible(conflict)) = construct(&problem, &limits) else {
            panic!("{expected:?}: a portfolio, or another error");
        };
        assert!(conflict.minimal);
        let named: BTreeSet<&str> = conflict.constraints.iter().map(|c| c.name.as_str()).collect();
        // Greatest weights may have a part, by instrument.
        let rules: Vec<&str> = named.into_iter().filter(|name| !name.starts_with("greatest")).collect();
        assert_eq!(rules, expected);
    }
}

/// What the conflict leaves in is infeasible, and feasible without any one of it.
#[test]
fn each_constraint_of_a_conflict_is_needed() {
    let limits = SearchLimits::default();
    let mut problem = five(Objective::MinimumVariance);
    problem.bounds.iter_mut().for_each(|bounds| *bounds = Bounds { lower: 0.05, upper: 0.25 });
    let rule = Rule::group(&[3, 4], None, Some(0.15));
    problem.constraints.push(Constraint { name: "high".to_owned(), rule });
    let task = task(&problem).unwrap();
    let found = conflict(&task, None, &limits).unwrap();
    let all: BTreeSet<_> = task.named().into_iter().collect();
    let kept: BTreeSet<_> = all
        .iter()
        .copied()
        .filter(|named| found.constraints.contains(&words::describe(&task, *named)))
        .collect();
    assert_eq!(kept.len(), found.constraints.len());
    assert!(kept.len() >= 4 && kept.len() < all.len(), "{found}");
    let feasible = |kept: &BTreeSet<_>| {
        let plain = task.only(kept).feasibility();
        let model = Model::new(&plain, &Choices::root(&plain), &[]);
        model.solve(&limits.solver, false).unwrap().is_ok()
    };
    assert!(!feasible(&kept));
    for one in &kept {
        let rest = kept.iter().copied().filter(|named| named != one).collect();
        assert!(feasible(&rest), "{one:?} is not needed");
    }
}

/// A matrix of published correlations, rounded: refused with a portfolio that shows it.
#[test]
fn a_matrix_that_is_no_covariance_is_refused() {
    let error = Covariance::dense(array![[0.04, 0.06], [0.06, 0.04]]).unwrap_err();
    assert!(error.to_string().starts_with("the covariance is not positive semi-definite: the portfolio (#"));
    let error = Covariance::dense(array![[0.04, 0.01], [0.02, 0.04]]).unwrap_err();
    assert!(matches!(error, CovarianceError::NotSymmetric { .. }));
    let error = Covariance::dense(array![[f64::NAN]]).unwrap_err();
    assert!(matches!(error, CovarianceError::NotFinite { row: 0, column: 0 }));
    let loadings = array![[1.0], [0.5]];
    let error = Covariance::factors(&loadings, array![[-0.1]], array![0.1, 0.1]).unwrap_err();
    assert!(matches!(error, CovarianceError::NotSemidefinite { .. }));
    let error = Covariance::factors(&loadings, array![[0.1]], array![0.1, -0.1]).unwrap_err();
    assert!(matches!(error, CovarianceError::NotSemidefinite { .. }));
    assert!(Covariance::factors(&loadings, array![[0.1]], array![0.1]).is_err());
}

/// Scenarios that get rows as they are needed come to the same as all of them at once.
#[test]
fn few_scenarios_answer_for_all() {
    let many = Array2::from_shape_fn((400, 5), |(t, at)| {
        let wave = |k: f64| (t as f64 * k * (1.0 + 0.37 * at as f64) + at as f64).sin();
        0.01 * (wave(0.9) + wave(1.7) * 0.5 + wave(0.31) * (0.2 + 0.3 * at as f64))
    });
    let problem = five(Objective::MinimumCvar { scenarios: many, confidence: 0.95 });
    let task = task(&problem).unwrap();
    let limits = SearchLimits::default();
    let part = super::tail::start(&task).unwrap();
    assert_eq!(part.scenarios.as_ref().unwrap().len(), 40);
    let portfolio = construct(&problem, &limits).unwrap();
    let model = Model::new(&task, &Choices::root(&task), &[]);
    let all = model.solve(&limits.solver, false).unwrap().unwrap();
    assert!((all.optimum.objective - portfolio.objective).abs() < 1e-9);
    assert!(portfolio.gap < 1e-7, "{}", portfolio.gap);
}
