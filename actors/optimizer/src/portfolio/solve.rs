//! From a problem to an answer: which way each objective goes.

use super::answer::{Conflict, Portfolio, PortfolioError, Standing, Term};
use super::budget::parity;
use super::check::broken;
use super::conflict::conflict;
use super::hierarchy::hierarchical_weights;
use super::measure::Measure;
use super::model::{Choices, Model};
use super::problem::{Objective, PortfolioProblem, Priority, Rule, SearchLimits};
use super::report::{direct, from_model, report};
use super::search::{Best, Found, account, search};
use super::tail;
use super::task::{Goal, Named, Task, task};
use super::validate::validate;
use super::words;
use crate::SolverFailure;
use crate::conic::Proof;

/// Constraints broken by less than this are kept, for weights that no solver made.
const KEPT: f64 = 1e-9;
/// A gap that counts as proved however narrow a search was asked for: the solver's own.
const PROVED: f64 = 1e-5;
/// And its size, for an objective that is nearly zero.
const NOTHING: f64 = 1e-10;
/// The least weight that risk budgets need of every instrument.
const LITTLE: f64 = 1e-6;
/// What an aim gives up at least for the aims that follow, relative to it, tried in turn: without any room an
/// interior-point method has no interior.
const ROOMS: [f64; 3] = [1e-7, 1e-6, 1e-5];

/// The best portfolio for a problem.
///
/// # Errors
/// [`PortfolioError::Invalid`] for a problem that makes no sense, [`PortfolioError::Infeasible`] with a smallest
/// set of constraints that cannot hold together, [`PortfolioError::Solver`] when there is no answer at full
/// accuracy.
pub fn construct(problem: &PortfolioProblem, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
    validate(problem)?;
    if let Some(task) = task(problem) {
        return solve(&task, limits);
    }
    match &problem.objective {
        Objective::RiskBudgets { budgets } => risk_budgets(problem, budgets, limits),
        Objective::HierarchicalRiskParity(hierarchy) => {
            let weights = problem.covariance.as_ref().and_then(|c| hierarchical_weights(c, *hierarchy));
            let weights = weights.ok_or_else(|| no_risk(problem))?.weights;
            let from: Vec<f64> = weights.iter().map(|weight| weight * problem.invested).collect();
            let task = Task::new(problem, Goal::Sum(vec![(1.0, Measure::Distance { from: from.clone() })]));
            let free = problem.costs.is_none() && problem.tax.is_none();
            if free && broken(&task, &from, None, KEPT).is_empty() {
                return Ok(direct(&task, from, 0.0, 0));
            }
            solve(&task, limits)
        }
        Objective::Priorities(aims) => priorities(problem, aims, limits),
        _ => risk_budgets(problem, &vec![1.0; problem.names.len()], limits),
    }
}

fn no_risk(problem: &PortfolioProblem) -> PortfolioError {
    let variances = problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
    let riskless = variances.iter().position(|variance| *variance <= 0.0);
    let name = riskless.and_then(|at| problem.names.get(at)).map_or("an instrument", String::as_str);
    PortfolioError::Invalid(format!("{name} has no variance, so that it cannot carry a share of the risk"))
}

fn risk_budgets(
    problem: &PortfolioProblem,
    budgets: &[f64],
    limits: &SearchLimits,
) -> Result<Portfolio, PortfolioError> {
    let Some(covariance) = &problem.covariance else { return Err(no_risk(problem)) };
    if covariance.variances().iter().any(|variance| *variance <= 0.0) {
        return Err(no_risk(problem));
    }
    let total: f64 = budgets.iter().sum();
    let budgets: Vec<f64> = budgets.iter().map(|budget| budget / total).collect();
    let free = parity(covariance, &budgets);
    let task = Task::new(problem, Goal::Budgets(budgets));
    if let Some(free) = free {
        let weights: Vec<f64> = free.weights.iter().map(|weight| weight * problem.invested).collect();
        if broken(&task, &weights, None, KEPT).is_empty() {
            let objective = super::report::objective(&task, &weights, None).0;
            return Ok(direct(&task, weights, objective - free.gap, free.sweeps));
        }
    }
    // The barrier needs a little of every instrument.
    let held = (0..problem.names.len()).fold(task.clone(), |task, at| {
        let name = format!("some of {}", problem.names[at]);
        task.with(&name, Rule::group(&[at], Some(LITTLE), None))
    });
    let plain = held.feasibility();
    let model = Model::new(&plain, &Choices::root(&plain), &[]);
    match model.solve(&limits.solver, true)? {
        Ok(_) => solve(&task, limits),
        Err(proof) => Err(impossible(&plain, Some((&model, &proof)), limits)),
    }
}

fn priorities(
    problem: &PortfolioProblem,
    aims: &[Priority],
    limits: &SearchLimits,
) -> Result<Portfolio, PortfolioError> {
    let mut last = None;
    let (mut iterations, mut standing) = (0, Standing::Optimal);
    let mut values: Vec<f64> = Vec::new();
    for aim in aims {
        let mut answer = Err(SolverFailure::Numerical.into());
        for room in ROOMS {
            answer = solve(&aimed(problem, aims, &values, aim, room), limits);
            // With the least room the interior can be too thin for the solver.
            if values.is_empty() || !matches!(answer, Err(PortfolioError::Solver(_))) {
                break;
            }
        }
        let portfolio = answer?;
        values.push(aim.measure.value(problem, &portfolio.weights));
        iterations += portfolio.iterations;
        if portfolio.standing == Standing::Stopped {
            standing = Standing::Stopped;
        }
        last = Some(portfolio);
    }
    let mut portfolio =
        last.ok_or_else(|| PortfolioError::Invalid("expected at least one priority".to_owned()))?;
    let earlier = aims[..aims.len() - 1].iter().map(|aim| Term {
        name: aim.measure.name().to_owned(),
        weight: 0.0,
        value: aim.measure.value(problem, &portfolio.weights),
    });
    portfolio.terms = earlier.chain(std::mem::take(&mut portfolio.terms)).collect();
    portfolio.iterations = iterations;
    portfolio.standing = standing;
    Ok(portfolio)
}

/// The task of an aim, with the earlier ones (of these values) as limits.
fn aimed<'a>(
    problem: &'a PortfolioProblem,
    aims: &[Priority],
    values: &[f64],
    aim: &Priority,
    room: f64,
) -> Task<'a> {
    let mut task = Task::new(problem, Goal::Sum(vec![(1.0, aim.measure.clone())]));
    for (number, (Priority { measure, slack }, value)) in (1..).zip(aims.iter().zip(values)) {
        let given = slack.max(room) * value.abs().max(room);
        let limit = if measure.maximised() { value - given } else { value + given };
        let rule = Rule::Limit { measure: measure.clone(), limit };
        task = task.with(&format!("priority {number}: {}", measure.name()), rule);
    }
    task
}

/// The answer of one program, with as many scenarios as it takes.
///
/// # Errors
/// As [`construct`].
pub(crate) fn solve(task: &Task<'_>, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
    let Some(mut part) = tail::start(task) else { return solve_whole(task, limits) };
    let mut iterations = 0;
    loop {
        // Scenarios without rows only lower the measure: what they prove impossible is, and their bound holds.
        let mut portfolio = solve_whole(&part, limits)?;
        iterations += portfolio.iterations;
        if !tail::grow(&mut part, &portfolio.weights) {
            portfolio.iterations = iterations;
            return Ok(portfolio);
        }
    }
}

/// The answer of one program as it is.
fn solve_whole(task: &Task<'_>, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
    let root = Choices::root(task);
    if !root.decided() {
        return whole(task, &root, limits);
    }
    let model = Model::new(task, &root, &[]);
    match model.solve(&limits.solver, false) {
        Ok(Ok(solved)) => Ok(report(&model, &solved, solved.optimum.bound)),
        Ok(Err(proof)) => Err(impossible(task, Some((&model, &proof)), limits)),
        // An exact proof may be out of the solver's reach in one form and easy without the objective.
        Err(failure) => Err(conflict(task, None, limits).map_or(failure.into(), PortfolioError::Infeasible)),
    }
}

/// The answer of a program with whole decisions.
fn whole(task: &Task<'_>, root: &Choices, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
    let open = Model::new(task, root, &[]);
    let least = match open.solve(&limits.solver, true)? {
        Ok(solved) => solved.optimum.bound,
        Err(proof) => return Err(impossible(task, Some((&open, &proof)), limits)),
    };
    match search(task, limits, false)? {
        // The search has proved it, even if a part of its time is not enough to say by what.
        Found::Nothing => Err(match impossible(task, None, limits) {
            PortfolioError::Solver(_) => {
                let constraints = task.named().into_iter().map(|named| words::describe(task, named));
                PortfolioError::Infeasible(Conflict { constraints: constraints.collect(), minimal: false })
            }
            found => found,
        }),
        Found::Best(best) => finish(task, &Best { bound: best.bound.max(least), ..best }, limits),
    }
}

/// The best choices solved at full accuracy.
fn finish(task: &Task<'_>, best: &Best, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
    let model = Model::new(task, &best.choices, &[]);
    // Decisions may leave a single point, of which the tighter tolerance finds nothing; the search has found it at
    // the solver's own.
    let solved = match model.solve(&limits.solver, false) {
        Ok(Ok(solved)) => solved,
        _ => model.solve(&limits.solver, true)?.map_err(|_| SolverFailure::Numerical)?,
    };
    let bound = best.bound.min(solved.optimum.bound);
    let mut portfolio = report(&model, &solved, bound);
    let mut without = task.clone();
    without.rules.retain(|(_, constraint)| !matches!(constraint.rule, Rule::Names { .. }));
    let relaxed = Model::new(&without, &Choices::root(&without), &[]);
    let relaxed = match relaxed.solve(&limits.solver, false)? {
        Ok(solved) => from_model(&relaxed, solved.optimum.objective),
        Err(_) => return Err(SolverFailure::Numerical.into()),
    };
    portfolio.iterations += best.iterations;
    // The bound also counts what the solver could not decide.
    let near = portfolio.gap <= (10.0 * limits.gap).max(PROVED);
    let proved = best.proved && (near || (portfolio.objective - portfolio.bound).abs() <= NOTHING);
    portfolio.standing = if proved { Standing::Optimal } else { Standing::Stopped };
    portfolio.search = Some(account(task, best, relaxed));
    Ok(portfolio)
}

/// Why a task has no portfolio.
fn impossible(task: &Task<'_>, proof: Option<(&Model<'_>, &Proof)>, limits: &SearchLimits) -> PortfolioError {
    if let Some(conflict) = conflict(task, proof, limits) {
        return PortfolioError::Infeasible(conflict);
    }
    // The constraints hold together, but the ratio has no positive numerator there.
    if let Goal::Sharpe { risk_free } = task.goal {
        let name = "return above the risk-free rate";
        let above = task.clone().with(name, Rule::return_at_least(risk_free));
        if let Some(conflict) = conflict(&above, None, limits) {
            return PortfolioError::Infeasible(conflict);
        }
        let all: Vec<_> = task.named().into_iter().filter(|named| matches!(named, Named::Rule(_))).collect();
        let mut constraints: Vec<_> = all.into_iter().map(|named| words::describe(task, named)).collect();
        let words = format!("an expected return, after costs, above {}", words::percent(risk_free));
        constraints.push(super::ConflictingConstraint { name: name.to_owned(), words });
        return PortfolioError::Infeasible(Conflict { constraints, minimal: false });
    }
    // They hold together, but not with what sleeves may hold.
    if task.measures().any(|measure| matches!(measure, Measure::Divided { .. })) {
        let mut constraints: Vec<_> =
            task.named().into_iter().map(|named| words::describe(task, named)).collect();
        let words = "each sleeve holds no more than its share, and only what it may hold";
        constraints
            .push(super::ConflictingConstraint { name: "sleeves".to_owned(), words: words.to_owned() });
        return PortfolioError::Infeasible(Conflict { constraints, minimal: false });
    }
    SolverFailure::Numerical.into()
}
