//! Portfolios whose answer is known: from other methods, by enumeration, by moving a limit.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "common/universe.rs"]
mod universe;

use evenkeel_optimizer::portfolio::{
    Bounds, CapitalGainsTax, Constraint, Covariance, Distance, Hierarchy, Linkage, Measure, Objective, Paid,
    Portfolio, PortfolioError, PortfolioProblem, Priority, Rule, SearchLimits, Sleeve, SleeveLimit, Standing,
    TaxLot, TradingCosts, Uncertainty, check_portfolio, construct, divide, efficient_frontier,
    hierarchical_weights,
};
use ndarray::array;
use universe::universe;

fn problem(size: usize, seed: u64, objective: Objective) -> PortfolioProblem {
    let universe = universe(size, 3, seed);
    let mut problem = PortfolioProblem::long_only(universe.names.clone(), objective);
    problem.covariance = Some(universe.dense());
    problem.expected_returns = Some(universe.returns.clone());
    problem
}

fn named(name: &str, rule: Rule) -> Constraint {
    Constraint { name: name.to_owned(), rule }
}

fn solved(problem: &PortfolioProblem) -> Portfolio {
    let portfolio = construct(problem, &SearchLimits::default()).unwrap();
    let broken = check_portfolio(problem, &portfolio, 1e-7);
    assert!(broken.is_empty(), "{broken:?}");
    assert_eq!(portfolio.standing, Standing::Optimal);
    portfolio
}

fn utility(risk_aversion: f64) -> Objective {
    Objective::MeanVariance { risk_aversion }
}

/// Two instruments without correlation, variances 4 and 1: weights 1/5 and 4/5, variance 4/5 (in hundredths).
#[test]
fn two_instruments_by_hand() {
    let names = vec!["A".to_owned(), "B".to_owned()];
    let mut problem = PortfolioProblem::long_only(names, Objective::MinimumVariance);
    problem.covariance = Some(Covariance::diagonal(array![0.04, 0.01]).unwrap());
    problem.expected_returns = Some(vec![0.08, 0.03]);
    let portfolio = solved(&problem);
    assert!((portfolio.weights[0] - 0.2).abs() < 1e-8 && (portfolio.objective - 0.008).abs() < 1e-10);
    assert!((portfolio.risk_shares.unwrap()[0] - 0.2).abs() < 1e-7);
    // All multiples: one more unit invested adds twice the variance.
    let [budget] = &portfolio.active[..] else { panic!("{:?}", portfolio.active) };
    assert!((budget.shadow_price - 0.016).abs() < 1e-8, "{budget:?}");
    assert_eq!(
        budget.words,
        "invested: 100%, reached; one percentage point more would raise the objective by 0.00016"
    );
    // The greatest Sharpe ratio holds excess by variance: 0.07 / 0.04 to 0.02 / 0.01.
    problem.objective = Objective::MaximumSharpe { risk_free: 0.01 };
    let portfolio = solved(&problem);
    assert!((portfolio.weights[0] - 1.75 / 3.75).abs() < 1e-7, "{:?}", portfolio.weights);
    let best = (0.07 * 0.07 / 0.04 + 0.02 * 0.02 / 0.01_f64).sqrt();
    assert!((portfolio.objective - best).abs() < 1e-9 && (portfolio.bound - best).abs() < 1e-7);
    // Without correlation the most diversified holds by inverse volatility.
    problem.objective = Objective::MaximumDiversification;
    let portfolio = solved(&problem);
    assert!((portfolio.weights[0] - 1.0 / 3.0).abs() < 1e-7);
    assert!((portfolio.objective - 2.0_f64.sqrt()).abs() < 1e-9);
}

/// Dense and by factors, the same problem has the same answer.
#[test]
fn both_forms_of_a_covariance_agree() {
    let universe = universe(40, 5, 3);
    for objective in [
        Objective::MinimumVariance,
        utility(4.0),
        Objective::MaximumSharpe { risk_free: 0.01 },
        Objective::MaximumDiversification,
        Objective::EqualRiskContribution,
        Objective::TargetVolatility { most: 0.14 },
        Objective::MinimumTrackingError { benchmark: vec![0.025; 40] },
    ] {
        let answer = |covariance: Covariance| {
            let mut problem = PortfolioProblem::long_only(universe.names.clone(), objective.clone());
            problem.covariance = Some(covariance);
            problem.expected_returns = Some(universe.returns.clone());
            problem.bounds.iter_mut().for_each(|bounds| bounds.upper = 0.2);
            problem.current = Some(vec![0.025; 40]);
            problem.constraints = vec![
                named("tracking", Rule::tracking_error_at_most(vec![0.025; 40], 0.09)),
                named("volatility", Rule::volatility_at_most(0.18)),
            ];
            solved(&problem)
        };
        let (dense, factors) = (answer(universe.dense()), answer(universe.factors()));
        assert!((dense.objective - factors.objective).abs() < 1e-7, "{objective:?}");
        let apart = dense.weights.iter().zip(&factors.weights).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-4, "{objective:?}");
    }
}

/// A limit that is moved a little changes the objective by its shadow price.
#[test]
fn shadow_prices_are_slopes() {
    let step = 1e-4;
    for objective in [
        Objective::MinimumVariance,
        utility(3.0),
        Objective::MaximumSharpe { risk_free: 0.02 },
        Objective::MaximumDiversification,
        Objective::TargetVolatility { most: 0.16 },
        Objective::MinimumTrackingError { benchmark: vec![0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0] },
    ] {
        let build = |group: f64, turnover: f64, upper: f64| {
            let mut problem = problem(8, 5, objective.clone());
            problem.current = Some(vec![0.125; 8]);
            problem.bounds.iter_mut().for_each(|bounds| bounds.upper = upper);
            problem.constraints = vec![
                named("group", Rule::group(&[0, 1, 2], Some(group), None)),
                named("turnover", Rule::Turnover { most: turnover }),
            ];
            problem
        };
        let base = solved(&build(0.5, 0.3, 0.3));
        let price = |name: &str| {
            let all = base.active.iter().filter(|active| active.name.starts_with(name));
            all.map(|active| active.shadow_price).sum::<f64>()
        };
        let sign = if base.maximised { 1.0 } else { -1.0 };
        let mut priced = 0;
        for (name, plus, minus) in [
            ("group", build(0.5 - step, 0.3, 0.3), build(0.5 + step, 0.3, 0.3)),
            ("turnover", build(0.5, 0.3 + step, 0.3), build(0.5, 0.3 - step, 0.3)),
            ("greatest weight", build(0.5, 0.3, 0.3 + step), build(0.5, 0.3, 0.3 - step)),
        ] {
            let slope = sign * (solved(&plus).objective - solved(&minus).objective) / (2.0 * step);
            let price = price(name);
            assert!(
                (slope - price).abs() < 1e-4 + 0.02 * slope.abs(),
                "{objective:?} {name}: {slope} {price}"
            );
            priced += usize::from(price > 1e-5);
        }
        assert!(priced > 0, "{objective:?}: nothing had a price");
    }
}

/// All subsets that are possible, one convex problem each.
fn enumerated(
    problem: &PortfolioProblem,
    (most, least): (usize, f64),
    possible: &dyn Fn(u32) -> bool,
) -> Option<f64> {
    let n = problem.names.len();
    let mut best: Option<f64> = None;
    for set in 1_u32..1 << n {
        if set.count_ones() as usize > most || !possible(set) {
            continue;
        }
        let mut fixed = problem.clone();
        fixed.constraints.retain(|constraint| !matches!(constraint.rule, Rule::Names { .. }));
        for (at, bounds) in fixed.bounds.iter_mut().enumerate() {
            let held = set >> at & 1 == 1;
            *bounds = if held {
                Bounds { lower: bounds.lower.max(least), upper: bounds.upper }
            } else {
                Bounds { lower: bounds.lower, upper: 0.0 }
            };
        }
        match construct(&fixed, &SearchLimits::default()) {
            Ok(portfolio) => {
                let objective = if portfolio.maximised { -portfolio.objective } else { portfolio.objective };
                best = Some(best.map_or(objective, |best| best.min(objective)));
            }
            Err(PortfolioError::Infeasible(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    best
}

#[test]
fn counted_holdings_are_those_of_an_enumeration() {
    for seed in 0..6 {
        for objective in [
            utility(6.0),
            Objective::MinimumVariance,
            Objective::MaximumSharpe { risk_free: 0.01 },
            Objective::MinimumTrackingError { benchmark: vec![1.0 / 7.0; 7] },
        ] {
            let (most, least) = (3 + seed as usize % 2, 0.05 * (seed % 3) as f64);
            let mut problem = problem(7, 100 + seed, objective.clone());
            problem.bounds.iter_mut().for_each(|bounds| bounds.upper = 0.5);
            problem.bounds[6].lower = if seed == 5 { 0.1 } else { 0.0 };
            problem.constraints = vec![
                named("names", Rule::Names { most, least }),
                named("group", Rule::group(&[0, 1, 2], Some(0.3), None)),
            ];
            let portfolio = solved(&problem);
            let objective = if portfolio.maximised { -portfolio.objective } else { portfolio.objective };
            let best = enumerated(&problem, (most, least), &|_| true).unwrap();
            assert!((objective - best).abs() < 2e-6 * best.abs().max(1e-3), "{seed}: {objective} {best}");
            let bound = if portfolio.maximised { -portfolio.bound } else { portfolio.bound };
            assert!(bound <= best + 1e-8 && portfolio.gap < 1e-5, "{seed}: {bound} {best}");
            assert!(portfolio.search.is_some());
        }
    }
}

/// Sleeves, trades from what is held, tax on gains: what the search leaves out by its multipliers is not the best.
#[test]
fn counted_holdings_of_sleeves_are_those_of_an_enumeration() {
    for seed in 0..12 {
        let (most, least) = (3 + seed as usize % 2, 0.04);
        let mut problem = problem(8, 300 + seed, Objective::MinimumVariance);
        let mut random = universe::Random(seed);
        let sleeve = |name: &str, share: f64, random: &mut universe::Random, risk: f64| {
            let members: Vec<usize> = (0..8).filter(|at| at % 4 == 0 || random.uniform() < 0.6).collect();
            let linear = members.iter().map(|_| 0.3 * random.uniform()).collect();
            let limits = vec![SleeveLimit::Volatility { most: 0.2, penalty: 5.0 }];
            let name = name.to_owned();
            Sleeve { name, share, members, linear, risk, constant: -0.02, idle: 0.0, limits }
        };
        // With a little room between them, as sets of few instruments leave none.
        let sleeves =
            vec![sleeve("calm", 0.4001, &mut random, 1.0), sleeve("bold", 0.6001, &mut random, 0.0)];
        let reach: Vec<Vec<usize>> = sleeves.iter().map(|sleeve| sleeve.members.clone()).collect();
        // The least cut: what neither sleeve, one, or both together can put into a set.
        let possible = |set: u32| {
            let takes =
                |members: &[usize]| 0.5 * members.iter().filter(|at| set >> **at & 1 == 1).count() as f64;
            let mut both = [reach[0].as_slice(), reach[1].as_slice()].concat();
            both.sort_unstable();
            both.dedup();
            let one = (takes(&reach[0]) + 0.6001).min(0.4001 + takes(&reach[1]));
            one.min(takes(&both)) >= 1.0
        };
        problem.objective = Objective::Weighted(vec![
            (0.6, Measure::Divided { sleeves }),
            (0.2, Measure::Concentration { rates: (0..8).map(|at| 0.5 * f64::from(at % 2)).collect() }),
        ]);
        problem.bounds.iter_mut().for_each(|bounds| bounds.upper = 0.5);
        let current = vec![0.2, 0.0, 0.15, 0.1, 0.1, 0.25, 0.0, 0.2];
        let lot = |(instrument, value): (usize, &f64)| TaxLot {
            instrument,
            value: *value,
            cost_base: value * (0.5 + 0.5 * random.uniform()),
            discounted: instrument % 2 == 0,
        };
        let lots = current.iter().enumerate().filter(|(_, value)| **value > 0.0).map(lot).collect();
        problem.current = Some(current.clone());
        problem.tax =
            Some(CapitalGainsTax { rate: 0.3, discount: 0.5, prior_losses: 0.005, lots, weight: 0.3 });
        problem.costs = Some(TradingCosts {
            linear: vec![1.0; 8],
            quadratic: Vec::new(),
            fixed: Vec::new(),
            paid: Paid::Outside,
            weight: 0.05,
        });
        problem.constraints = vec![named("names", Rule::Names { most, least })];
        let limits = SearchLimits { gap: 9e-4, ..SearchLimits::default() };
        let portfolio = construct(&problem, &limits).unwrap();
        let best = enumerated(&problem, (most, least), &possible).unwrap();
        assert!(portfolio.standing == Standing::Optimal && portfolio.gap <= 1e-3, "{seed}: {portfolio:?}");
        assert!(portfolio.objective <= best + 1e-3 * best.abs(), "{seed}: {} {best}", portfolio.objective);
        assert!(portfolio.bound <= best + 1e-6, "{seed}: {} {best}", portfolio.bound);
    }
}

/// Fixed costs: every set of instruments that may be traded, with its costs.
#[test]
fn fixed_costs_are_paid_where_they_are_worth_it() {
    for (seed, paid) in [(1, Paid::Outside), (2, Paid::FromPortfolio), (3, Paid::Outside)] {
        let mut problem = problem(6, seed, utility(5.0));
        let current = vec![0.1, 0.2, 0.3, 0.0, 0.25, 0.15];
        problem.current = Some(current.clone());
        let fixed = 0.0008;
        let costs = |fixed: f64| {
            let (linear, quadratic) = (vec![0.001; 6], vec![0.002; 6]);
            Some(TradingCosts { linear, quadratic, fixed: vec![fixed; 6], paid, weight: 1.0 })
        };
        problem.costs = costs(fixed);
        let portfolio = solved(&problem);
        let mut best = f64::INFINITY;
        for set in 0_u32..1 << 6 {
            let mut one = problem.clone();
            one.costs = costs(0.0);
            let count = f64::from(set.count_ones());
            if paid == Paid::FromPortfolio {
                one.invested -= fixed * count;
            }
            for (at, bounds) in one.bounds.iter_mut().enumerate().filter(|(at, _)| set >> at & 1 == 0) {
                *bounds = Bounds { lower: current[at], upper: current[at] };
            }
            if let Ok(portfolio) = construct(&one, &SearchLimits::default()) {
                best = best.min(portfolio.objective + fixed * count);
            }
        }
        assert!((portfolio.objective - best).abs() < 1e-7, "{seed}: {} {best}", portfolio.objective);
        let untouched =
            portfolio.weights.iter().zip(&current).filter(|(w, v)| (*w - *v).abs() < 1e-7).count();
        assert!((1..6).contains(&untouched), "{:?}", portfolio.weights);
    }
}

/// A loss is sold to shelter the gain of a sale, and parcels with the discount go before those without.
#[test]
fn parcels_are_chosen_for_their_tax() {
    let from = vec![0.2, 0.8];
    let mut problem = problem(2, 9, Objective::Weighted(vec![(1e4, Measure::Distance { from })]));
    problem.current = Some(vec![0.6, 0.4]);
    let lot =
        |value: f64, cost_base: f64, discounted: bool| TaxLot { instrument: 0, value, cost_base, discounted };
    let lots = vec![lot(0.2, 0.1, false), lot(0.2, 0.1, true), lot(0.2, 0.25, true)];
    problem.tax = Some(CapitalGainsTax { rate: 0.4, discount: 0.5, prior_losses: 0.0, lots, weight: 1.0 });
    let portfolio = solved(&problem);
    let trades = portfolio.trades.unwrap();
    // Of gains of 10 a loss of 5 is taken and the rest halved, as long as the gains without discount are no
    // more than the loss.
    assert!((trades.sold_by_lot[2] - 0.2).abs() < 1e-4, "{trades:?}");
    assert!(trades.sold_by_lot[0] < 0.1 + 1e-4, "{trades:?}");
    assert!((trades.net_capital_gain - 0.025).abs() < 1e-4 && (trades.tax - 0.01).abs() < 1e-4);
    assert!((portfolio.weights[0] - 0.2).abs() < 1e-4);
    assert!(trades.bought[1] > 0.39 && trades.sold[1] == 0.0, "{trades:?}");
    // With the loss sold before, the tax is what it was by the prior loss.
    let mut later = problem.clone();
    later.current = Some(vec![0.4, 0.6]);
    let tax = later.tax.as_mut().unwrap();
    tax.lots.pop();
    tax.prior_losses = 0.05;
    let later = solved(&later).trades.unwrap();
    assert!((later.net_capital_gain - 0.025).abs() < 1e-4, "{later:?}");
}

#[test]
fn priorities_and_weights() {
    let aim = |measure: Measure, slack: f64| Priority { measure, slack };
    let safest = solved(&problem(8, 4, Objective::MinimumVariance));
    let aims = vec![aim(Measure::Variance, 0.1), aim(Measure::Return, 0.0)];
    let both = solved(&problem(8, 4, Objective::Priorities(aims)));
    let variance = both.volatility.unwrap().powi(2);
    assert!((variance / safest.objective - 1.1).abs() < 1e-6, "{variance}");
    assert!(both.expected_return > safest.expected_return);
    assert!(
        both.active.iter().any(|active| active.name == "priority 1: variance" && active.shadow_price > 0.0)
    );
    let weighted = vec![(2.5, Measure::Variance), (1.0, Measure::Return)];
    let (a, b) =
        (solved(&problem(8, 4, Objective::Weighted(weighted))), solved(&problem(8, 4, utility(5.0))));
    assert!((a.objective - b.objective).abs() < 1e-12 && a.weights == b.weights);
}

#[test]
fn robust_sets_cost_return() {
    let plain = solved(&problem(8, 4, utility(3.0)));
    let set = |uncertainty| {
        solved(&problem(8, 4, Objective::RobustMeanVariance { risk_aversion: 3.0, uncertainty }))
    };
    let shape = || Covariance::diagonal(ndarray::Array1::from_elem(8, 0.001)).unwrap();
    let none = set(Uncertainty::Ellipsoid { radius: 0.0, shape: shape() });
    assert!((none.objective - plain.objective).abs() < 1e-9);
    let round = set(Uncertainty::Ellipsoid { radius: 1.0, shape: shape() });
    assert!(round.objective > plain.objective);
    // The worst mean of a box is a mean: the same answer as with that mean.
    let radii = vec![0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008];
    let boxed = set(Uncertainty::Box { radii: radii.clone() });
    let mut lower = problem(8, 4, utility(3.0));
    lower.expected_returns.iter_mut().flatten().zip(&radii).for_each(|(mu, radius)| *mu -= radius);
    assert!((boxed.objective - solved(&lower).objective).abs() < 1e-9);
}

/// Hierarchical weights that a constraint forbids give way to the nearest ones.
#[test]
fn hierarchical_risk_parity_keeps_constraints() {
    let hierarchy = Hierarchy { distance: Distance::Columns, linkage: Linkage::Single };
    let mut problem = problem(8, 6, Objective::HierarchicalRiskParity(hierarchy));
    let free = solved(&problem);
    let pure = hierarchical_weights(problem.covariance.as_ref().unwrap(), hierarchy).unwrap();
    assert_eq!(free.weights, pure.weights);
    let most = pure.weights[0] - 0.03;
    problem.bounds[0].upper = most;
    let capped = solved(&problem);
    assert!((capped.weights[0] - most).abs() < 1e-7);
    // What the first gives up, the others get in equal parts.
    for at in 1..8 {
        assert!((capped.weights[at] - pure.weights[at] - 0.03 / 7.0).abs() < 1e-6);
    }
}

/// Scores, exclusions, liquidity, short positions and a benchmark all at once.
#[test]
fn constraints_hold_together() {
    let mut problem = problem(10, 8, utility(4.0));
    problem.bounds.iter_mut().for_each(|bounds| *bounds = Bounds { lower: -0.1, upper: 0.35 });
    problem.current = Some(vec![0.1; 10]);
    let scores: Vec<f64> = (0..10).map(f64::from).collect();
    problem.constraints = vec![
        named("score", Rule::average_at_least(&scores, 5.5)),
        named("none", Rule::Excluded(vec![9])),
        named("liquidity", Rule::liquidity(&[4e6; 10], 0.05, 1e6)),
        named("tracking", Rule::tracking_error_at_most(vec![0.1; 10], 0.08)),
        named("return", Rule::return_at_least(0.05)),
        named(
            "cvar",
            Rule::Limit {
                measure: Measure::Cvar { scenarios: universe(10, 3, 8).scenarios(300, 2), confidence: 0.95 },
                limit: 0.02,
            },
        ),
    ];
    let portfolio = solved(&problem);
    assert!(portfolio.weights[9].abs() < 1e-8);
    assert!(portfolio.weights.iter().any(|weight| *weight < -0.01), "{:?}", portfolio.weights);
    let score: f64 = portfolio.weights.iter().zip(&scores).map(|(w, s)| w * s).sum();
    assert!(score >= 5.5 - 1e-6);
}

#[test]
fn the_frontier_rises_and_bends() {
    let frontier = efficient_frontier(&problem(12, 2, utility(1.0)), 15, &SearchLimits::default()).unwrap();
    let variance = |at: usize| frontier[at].volatility.unwrap().powi(2);
    let returned = |at: usize| frontier[at].expected_return.unwrap();
    for at in 1..frontier.len() {
        assert!(returned(at) > returned(at - 1) && variance(at) >= variance(at - 1));
    }
    for at in 2..frontier.len() {
        let slope = |at: usize| (variance(at) - variance(at - 1)) / (returned(at) - returned(at - 1));
        assert!(slope(at) >= slope(at - 1) - 1e-6);
        let price = frontier[at - 1].active.iter().find(|active| active.name == "target return").unwrap();
        assert!(price.shadow_price >= slope(at - 1) - 1e-4 && price.shadow_price <= slope(at) + 1e-4);
    }
    assert!(efficient_frontier(&problem(3, 2, utility(1.0)), 1, &SearchLimits::default()).is_err());
}

/// Each problem that makes no sense, with the words that say so.
#[test]
fn nonsense_is_refused_with_a_reason() {
    let base = problem(3, 1, utility(2.0));
    let change = |change: &dyn Fn(&mut PortfolioProblem)| {
        let mut problem = base.clone();
        change(&mut problem);
        construct(&problem, &SearchLimits::default()).unwrap_err().to_string()
    };
    let rule = |rule: Rule| change(&|p| p.constraints.push(named("rule", rule.clone())));
    for (words, expected) in [
        (change(&|p| *p = PortfolioProblem::long_only(Vec::new(), utility(1.0))), "there are no instruments"),
        (change(&|p| p.names[1] = p.names[0].clone()), "the instrument I000 is there twice"),
        (change(&|p| p.bounds.truncate(2)), "bounds: expected 3 entries"),
        (change(&|p| p.bounds[0].lower = f64::NAN), "I000: bounds NaN to 1 are no bounds"),
        (change(&|p| p.covariance = None), "variance needs a covariance"),
        (change(&|p| p.expected_returns = None), "expected returns are missing"),
        (change(&|p| p.expected_returns = Some(vec![0.1, f64::INFINITY, 0.0])), "expected returns: entry 1"),
        (change(&|p| p.objective = utility(-1.0)), "risk aversion: expected zero or more"),
        (change(&|p| p.objective = Objective::Weighted(Vec::new())), "expected at least one measure"),
        (change(&|p| p.objective = Objective::Priorities(Vec::new())), "expected at least one priority"),
        (
            change(&|p| p.objective = Objective::RiskBudgets { budgets: vec![1.0, 0.0, 1.0] }),
            "risk budgets must be positive",
        ),
        (
            change(&|p| {
                p.objective = Objective::EqualRiskContribution;
                p.covariance = Some(Covariance::diagonal(array![0.0, 0.1, 0.1]).unwrap());
            }),
            "I000 has no variance",
        ),
        (rule(Rule::Turnover { most: 0.1 }), "rule: limits of turnover need current weights"),
        (rule(Rule::group(&[7], None, Some(0.1))), "rule: there is no instrument number 7"),
        (rule(Rule::group(&[1], None, None)), "rule: it has no limit"),
        (
            change(&|p| p.bounds[2] = Bounds { lower: 0.6, upper: 0.5 }),
            "no portfolio can satisfy these together",
        ),
        (
            change(&|p| p.objective = Objective::MaximumSharpe { risk_free: 0.5 }),
            "no portfolio can satisfy these together: weights add up to 100%; return above the risk-free rate",
        ),
        (
            change(&|p| {
                p.current = Some(vec![0.5, 0.5, 0.0]);
                let lots = vec![TaxLot { instrument: 0, value: 0.4, cost_base: 0.1, discounted: true }];
                p.tax =
                    Some(CapitalGainsTax { rate: 0.4, discount: 0.5, prior_losses: 0.0, lots, weight: 1.0 });
            }),
            "I000: its parcels do not add up",
        ),
    ] {
        assert!(words.starts_with(expected), "expected {expected:?}, got {words:?}");
    }
}

/// A search that may not look at anything answers with the best it has and says how far that is proved.
#[test]
fn a_search_that_is_stopped_says_so() {
    let mut problem = problem(30, 12, Objective::MinimumTrackingError { benchmark: vec![1.0 / 30.0; 30] });
    problem.constraints = vec![named("names", Rule::Names { most: 8, least: 0.02 })];
    let limits = SearchLimits { nodes_max: 1, ..SearchLimits::default() };
    let stopped = construct(&problem, &limits).unwrap();
    assert_eq!(stopped.standing, Standing::Stopped);
    assert!(check_portfolio(&problem, &stopped, 1e-7).is_empty());
    assert!(stopped.bound < stopped.objective && stopped.gap > 1e-6);
}

/// Two sleeves of a half each, of one instrument that is best for both and of one of their own; the best one may
/// be at most 0.6: one sleeve has all it wants of it, the other, which loses less, a fifth.
#[test]
fn sleeves_share_what_is_scarce() {
    let names = ["A", "B", "C"].map(str::to_owned).to_vec();
    let sleeve = |name: &str, own: usize, loss: f64| Sleeve {
        name: name.to_owned(),
        share: 0.5,
        members: vec![0, own],
        linear: vec![0.0, loss],
        risk: 0.0,
        constant: 0.0,
        idle: 0.0,
        limits: Vec::new(),
    };
    let sleeves = vec![sleeve("first", 1, 0.01), sleeve("second", 2, 0.03)];
    let divided = Measure::Divided { sleeves: sleeves.clone() };
    let mut problem = PortfolioProblem::long_only(names, Objective::Weighted(vec![(0.6, divided)]));
    problem.bounds.iter_mut().for_each(|bounds| bounds.upper = 0.6);
    let found = construct(&problem, &SearchLimits::default()).unwrap();
    assert!((found.objective - 0.6 * 0.01 * 0.4).abs() < 1e-8, "{found:?}");
    let parts = divide(&problem, &sleeves, &found.weights).unwrap();
    assert!((parts.weights[0][0] - 0.1).abs() < 1e-6 && (parts.weights[1][0] - 0.5).abs() < 1e-6);
    // Two of them, each at least 0.45: the first sleeve has to leave 0.45 in its own.
    problem
        .constraints
        .push(Constraint { name: "names".to_owned(), rule: Rule::Names { most: 2, least: 0.45 } });
    let counted = construct(&problem, &SearchLimits::default()).unwrap();
    assert_eq!(counted.standing, Standing::Optimal);
    assert!((counted.objective - 0.6 * 0.01 * 0.45).abs() < 1e-8 && counted.weights[2] == 0.0, "{counted:?}");
    // Without its own, the second sleeve lacks a tenth.
    problem.bounds[0].upper = 0.4;
    problem.constraints = vec![named("no C", Rule::Excluded(vec![2]))];
    let refused = construct(&problem, &SearchLimits::default()).unwrap_err().to_string();
    assert!(refused.contains("each sleeve holds no more than its share"), "{refused}");
}
