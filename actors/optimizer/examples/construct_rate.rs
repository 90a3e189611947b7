//! How long portfolio construction takes, by objective and size: `cargo run --release -p evenkeel-optimizer
//! --example construct_rate [-- WORDS]`, with words that the objective's name holds.
//!
//! Universes of 20, 137 and 500 instruments come from a ten-factor model with a fixed seed, once dense and once by
//! factors; each problem is solved again and again on one thread, every answer is checked, and the median counts.

use std::time::Instant;

use evenkeel_optimizer::portfolio::{
    Constraint, Covariance, Distance, Hierarchy, Linkage, Measure, Objective, PortfolioProblem, Priority,
    Rule, SearchLimits, Standing, Uncertainty, check_portfolio, construct, efficient_frontier,
};

#[path = "../tests/common/universe.rs"]
mod universe;

use universe::{Universe, universe};

/// Enough runs for a median, within this many seconds.
const RUNS: usize = 15;
const SECONDS: f64 = 4.0;

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!(
        "{:<34} {:>11} {:<7} {:>10} {:>10} {:>6} {:>7} {:>9}",
        "objective", "instruments", "form", "median_ms", "max_ms", "runs", "nodes", "gap"
    );
    for size in [20, 137, 500] {
        let universe = universe(size, 10, 7);
        for (form, covariance) in [("dense", universe.dense()), ("factors", universe.factors())] {
            for (name, problem) in problems(&universe, &covariance) {
                // Scenarios do not depend on the covariance.
                let once = name.contains("CVaR") && form == "factors";
                if name.contains(&wanted) && !once {
                    run(name, size, form, &problem);
                }
            }
            if "frontier of 20 points".contains(&wanted) {
                frontier(size, form, &problems(&universe, &covariance)[0].1);
            }
        }
    }
}

fn run(name: &str, size: usize, form: &str, problem: &PortfolioProblem) {
    let limits = SearchLimits::default();
    let (mut times, mut spent) = (Vec::new(), 0.0);
    let (mut nodes, mut gap, mut standing) = (0, 0.0, Standing::Optimal);
    while times.len() < RUNS && (spent < SECONDS || times.is_empty()) {
        let started = Instant::now();
        let portfolio = match construct(problem, &limits) {
            Ok(portfolio) => portfolio,
            Err(error) => return println!("{name:<34} {size:>11} {form:<7} {error}"),
        };
        let seconds = started.elapsed().as_secs_f64();
        let broken = check_portfolio(problem, &portfolio, 1e-7);
        if !broken.is_empty() {
            return println!("{name:<34} {size:>11} {form:<7} breaks {broken:?}");
        }
        spent += seconds;
        times.push(seconds * 1e3);
        nodes = portfolio.search.map_or(0, |search| search.nodes);
        (gap, standing) = (portfolio.gap, portfolio.standing);
    }
    times.sort_by(f64::total_cmp);
    let (median, most, runs) = (times[times.len() / 2], times[times.len() - 1], times.len());
    let stopped = if standing == Standing::Stopped { " stopped" } else { "" };
    println!(
        "{name:<34} {size:>11} {form:<7} {median:>10.3} {most:>10.3} {runs:>6} {nodes:>7} {gap:>9.1e}{stopped}"
    );
}

fn frontier(size: usize, form: &str, problem: &PortfolioProblem) {
    let started = Instant::now();
    match efficient_frontier(problem, 20, &SearchLimits::default()) {
        Ok(points) => {
            let (ms, name) = (started.elapsed().as_secs_f64() * 1e3, "frontier of 20 points");
            let gap = points.iter().map(|point| point.gap).fold(0.0, f64::max);
            println!("{name:<34} {size:>11} {form:<7} {ms:>10.3} {ms:>10.3} {:>6} {:>7} {gap:>9.1e}", 1, 0);
        }
        Err(error) => println!("frontier {size} {form}: {error}"),
    }
}

/// One problem an objective, long only.
fn problems(universe: &Universe, covariance: &Covariance) -> Vec<(&'static str, PortfolioProblem)> {
    let n = universe.returns.len();
    let equal = vec![1.0 / n as f64; n];
    let problem = |objective: Objective| {
        let mut problem = PortfolioProblem::long_only(universe.names.clone(), objective);
        problem.covariance = Some(covariance.clone());
        problem.expected_returns = Some(universe.returns.clone());
        problem
    };
    let with = |objective: Objective, name: &str, rule: Rule| {
        let mut problem = problem(objective);
        problem.current = Some(equal.clone());
        problem.constraints.push(Constraint { name: name.to_owned(), rule });
        problem
    };
    let aversion = Objective::MeanVariance { risk_aversion: 5.0 };
    let deviations: Vec<f64> = covariance.variances().iter().map(|variance| variance / 5.0).collect();
    let scenarios = universe.scenarios(500, 11);
    let priority = |measure: Measure, slack: f64| Priority { measure, slack };
    let mut problems = vec![
        ("mean-variance", problem(aversion.clone())),
        ("minimum variance", problem(Objective::MinimumVariance)),
        ("target return", problem(Objective::TargetReturn { least: 0.08 })),
        ("target volatility", problem(Objective::TargetVolatility { most: 0.15 })),
        ("maximum Sharpe", problem(Objective::MaximumSharpe { risk_free: 0.02 })),
        ("maximum diversification", problem(Objective::MaximumDiversification)),
        ("equal risk contribution", problem(Objective::EqualRiskContribution)),
        (
            "equal risk contribution, bounded",
            with(Objective::EqualRiskContribution, "first", Rule::group(&[0, 1], None, Some(0.5 / n as f64))),
        ),
        (
            "hierarchical risk parity",
            problem(Objective::HierarchicalRiskParity(Hierarchy {
                distance: Distance::Correlation,
                linkage: Linkage::Single,
            })),
        ),
        ("CVaR, 500 scenarios", problem(Objective::MinimumCvar { scenarios, confidence: 0.95 })),
        (
            "robust, ellipsoid",
            problem(Objective::RobustMeanVariance {
                risk_aversion: 5.0,
                uncertainty: Uncertainty::Ellipsoid {
                    radius: 1.0,
                    shape: Covariance::diagonal(deviations.clone().into()).expect("variances"),
                },
            }),
        ),
        (
            "robust, box",
            problem(Objective::RobustMeanVariance {
                risk_aversion: 5.0,
                uncertainty: Uncertainty::Box { radii: deviations.iter().map(|d| d.sqrt()).collect() },
            }),
        ),
        ("tracking error", problem(Objective::MinimumTrackingError { benchmark: equal.clone() })),
        (
            "after-tax yield, volatility capped",
            with(
                Objective::MaximumAfterTaxYield { yields: universe.returns.clone() },
                "volatility",
                Rule::volatility_at_most(0.15),
            ),
        ),
        (
            "priorities: variance, return",
            problem(Objective::Priorities(vec![
                priority(Measure::Variance, 0.1),
                priority(Measure::Return, 0.0),
            ])),
        ),
        ("mean-variance, turnover 20%", with(aversion.clone(), "turnover", Rule::Turnover { most: 0.2 })),
        ("at most 12, each at least 2%", with(aversion, "names", Rule::Names { most: 12, least: 0.02 })),
    ];
    let capped = |bound: &mut evenkeel_optimizer::portfolio::Bounds| bound.upper = 0.3;
    if let Some((_, last)) = problems.last_mut() {
        last.bounds.iter_mut().for_each(capped);
    }
    problems
}
