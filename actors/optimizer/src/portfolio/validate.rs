//! What a problem must be before it is built: sizes that fit, numbers that are numbers, parts that it needs.

use std::collections::BTreeSet;

use super::answer::PortfolioError;
use super::measure::Measure;
use super::problem::{Constraint, Objective, PortfolioProblem, Rule, Uncertainty};
use super::sleeves::{Sleeve, SleeveLimit};

/// How far the parcels of an instrument may be from its current weight.
const PARCELS: f64 = 1e-6;

/// # Errors
/// [`PortfolioError::Invalid`] with the first thing that is wrong.
pub(crate) fn validate(problem: &PortfolioProblem) -> Result<(), PortfolioError> {
    check(problem).map_err(PortfolioError::Invalid)
}

fn check(problem: &PortfolioProblem) -> Result<(), String> {
    let n = problem.names.len();
    ensure(n > 0, || "there are no instruments to choose from".to_owned())?;
    let mut seen = BTreeSet::new();
    for name in &problem.names {
        ensure(seen.insert(name), || format!("the instrument {name} is there twice"))?;
    }
    length("bounds", problem.bounds.len(), n)?;
    for (name, bounds) in problem.names.iter().zip(&problem.bounds) {
        let sensible = bounds.lower < f64::INFINITY && bounds.upper > f64::NEG_INFINITY;
        ensure(sensible, || format!("{name}: bounds {} to {} are no bounds", bounds.lower, bounds.upper))?;
    }
    ensure(problem.invested.is_finite(), || "what is invested is not a finite number".to_owned())?;
    if let Some(covariance) = &problem.covariance {
        length("covariance", covariance.size(), n)?;
    }
    for (what, values) in
        [("expected returns", &problem.expected_returns), ("current weights", &problem.current)]
    {
        values.iter().try_for_each(|values| vector(what, values, n))?;
    }
    trading(problem)?;
    let mut names = BTreeSet::new();
    for constraint in &problem.constraints {
        ensure(names.insert(&constraint.name), || format!("two constraints are called {}", constraint.name))?;
        rule(problem, constraint).map_err(|words| format!("{}: {words}", constraint.name))?;
    }
    let counts = problem.constraints.iter().filter(|c| matches!(c.rule, Rule::Names { .. })).count();
    ensure(counts <= 1, || "more than one constraint counts the instruments held".to_owned())?;
    objective(problem)
}

fn ensure(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}

fn length(what: &str, got: usize, n: usize) -> Result<(), String> {
    ensure(got == n, || format!("{what}: expected {n} entries, one an instrument, got {got}"))
}

fn vector(what: &str, values: &[f64], n: usize) -> Result<(), String> {
    length(what, values.len(), n)?;
    let bad = values.iter().position(|value| !value.is_finite());
    bad.map_or(Ok(()), |at| Err(format!("{what}: entry {at} is not a finite number")))
}

/// A vector without negative entries.
fn amounts(what: &str, values: &[f64], n: usize) -> Result<(), String> {
    vector(what, values, n)?;
    let bad = values.iter().position(|value| *value < 0.0);
    bad.map_or(Ok(()), |at| Err(format!("{what}: entry {at} is negative")))
}

fn amount(what: &str, value: f64) -> Result<(), String> {
    ensure(value.is_finite() && value >= 0.0, || format!("{what}: expected zero or more, got {value}"))
}

fn share(what: &str, value: f64) -> Result<(), String> {
    ensure((0.0..=1.0).contains(&value), || format!("{what}: expected 0 to 1, got {value}"))
}

fn member(at: usize, n: usize) -> Result<(), String> {
    ensure(at < n, || format!("there is no instrument number {at}; there are {n}"))
}

fn current(problem: &PortfolioProblem, what: &str) -> Result<(), String> {
    ensure(problem.current.is_some(), || format!("{what} need current weights"))
}

fn trading(problem: &PortfolioProblem) -> Result<(), String> {
    let n = problem.names.len();
    if let Some(costs) = &problem.costs {
        current(problem, "trading costs")?;
        for (what, values) in [
            ("linear costs", &costs.linear),
            ("quadratic costs", &costs.quadratic),
            ("fixed costs", &costs.fixed),
        ] {
            if !values.is_empty() {
                amounts(what, values, n)?;
            }
        }
        amount("weight of the costs", costs.weight)?;
        let bounded = problem.bounds.iter().all(|b| b.lower.is_finite() && b.upper.is_finite());
        ensure(costs.fixed.iter().all(|fixed| *fixed == 0.0) || bounded, || {
            "fixed costs need finite bounds of every instrument".to_owned()
        })?;
    }
    let Some(tax) = &problem.tax else { return Ok(()) };
    current(problem, "parcels")?;
    share("tax rate", tax.rate)?;
    share("discount", tax.discount)?;
    amount("prior losses", tax.prior_losses)?;
    amount("weight of the tax", tax.weight)?;
    let mut sums = vec![None; n];
    for (number, lot) in tax.lots.iter().enumerate() {
        member(lot.instrument, n).map_err(|words| format!("parcel {number}: {words}"))?;
        let sensible = lot.value > 0.0 && lot.value.is_finite() && lot.cost_base >= 0.0;
        ensure(sensible && lot.cost_base.is_finite(), || {
            format!("parcel {number}: expected a positive value and a cost base of zero or more")
        })?;
        *sums[lot.instrument].get_or_insert(0.0) += lot.value;
    }
    let held = problem.current.as_deref().unwrap_or_default();
    for (at, (sum, held)) in sums.into_iter().zip(held).enumerate() {
        let off = sum.is_some_and(|sum: f64| (sum - held).abs() > PARCELS);
        ensure(!off, || format!("{}: its parcels do not add up to its current weight", problem.names[at]))?;
    }
    Ok(())
}

fn rule(problem: &PortfolioProblem, constraint: &Constraint) -> Result<(), String> {
    let n = problem.names.len();
    match &constraint.rule {
        Rule::Linear { coefficients, lower, upper } => {
            for (at, coefficient) in coefficients {
                member(*at, n)?;
                ensure(coefficient.is_finite(), || format!("the coefficient of {at} is no finite number"))?;
            }
            let limits = lower.iter().chain(upper);
            ensure(lower.is_some() || upper.is_some(), || "it has no limit".to_owned())?;
            limits.copied().try_for_each(|limit| {
                ensure(limit.is_finite(), || format!("expected a finite limit, got {limit}"))
            })
        }
        Rule::Excluded(instruments) => instruments.iter().try_for_each(|at| member(*at, n)),
        Rule::Limit { measure: of, limit } => {
            measure(problem, of)?;
            ensure(limit.is_finite(), || format!("expected a finite limit, got {limit}"))
        }
        Rule::Turnover { most } => {
            current(problem, "limits of turnover")?;
            amount("turnover", *most)
        }
        Rule::Liquidity { most } => {
            current(problem, "limits of liquidity")?;
            amounts("largest trades", most, n)
        }
        Rule::Names { least, .. } => {
            amount("least holding", *least)?;
            let long = problem.bounds.iter().all(|bounds| bounds.lower >= 0.0);
            ensure(long, || "instruments are counted only where none is sold short".to_owned())
        }
    }
}

fn measure(problem: &PortfolioProblem, measure: &Measure) -> Result<(), String> {
    let n = problem.names.len();
    let covariance = || {
        let words = || format!("{} needs a covariance", measure.name());
        ensure(problem.covariance.is_some(), words)
    };
    match measure {
        Measure::Variance | Measure::Volatility => covariance(),
        Measure::TrackingVariance { benchmark } | Measure::TrackingError { benchmark } => {
            covariance()?;
            vector("benchmark", benchmark, n)
        }
        Measure::Return => {
            ensure(problem.expected_returns.is_some(), || "expected returns are missing".to_owned())
        }
        Measure::Yield { yields } => vector("yields", yields, n),
        Measure::Cvar { scenarios, confidence } => {
            ensure(scenarios.nrows() > 0, || "there are no scenarios".to_owned())?;
            length("columns of the scenarios", scenarios.ncols(), n)?;
            ensure(scenarios.iter().all(|r| r.is_finite()), || {
                "a return of the scenarios is not a finite number".to_owned()
            })?;
            ensure(*confidence > 0.0 && *confidence < 1.0, || {
                format!("confidence: expected above 0 and below 1, got {confidence}")
            })
        }
        Measure::MeanError { shape } => length("covariance of the mean's error", shape.size(), n),
        Measure::WorstMean { radii } => amounts("radii", radii, n),
        Measure::Distance { from } => vector("weights to be near", from, n),
        Measure::Concentration { rates } => amounts("rates of concentration", rates, n),
        Measure::Divided { sleeves } => {
            sleeves.iter().try_for_each(|sleeve| {
                shared(sleeve, n, &covariance).map_err(|words| format!("{}: {words}", sleeve.name))
            })?;
            let shares: f64 = sleeves.iter().map(|sleeve| sleeve.share).sum();
            ensure(shares >= problem.invested - 1e-9, || {
                format!("sleeves hold at most {shares}, less than the {} that is invested", problem.invested)
            })
        }
    }
}

fn shared(sleeve: &Sleeve, n: usize, covariance: &dyn Fn() -> Result<(), String>) -> Result<(), String> {
    amount("share", sleeve.share)?;
    amount("rate of risk", sleeve.risk)?;
    ensure(sleeve.constant.is_finite() && sleeve.idle.is_finite(), || {
        "the loss without holdings is no finite number".to_owned()
    })?;
    vector("linear losses", &sleeve.linear, sleeve.members.len())?;
    let mut seen = BTreeSet::new();
    for at in &sleeve.members {
        member(*at, n)?;
        ensure(seen.insert(at), || format!("instrument number {at} is there twice"))?;
    }
    if sleeve.risk > 0.0 {
        covariance()?;
    }
    sleeve.limits.iter().try_for_each(|limit| match limit {
        SleeveLimit::Volatility { most, penalty } => {
            covariance()?;
            amount("most volatility", *most).and_then(|()| amount("penalty", *penalty))
        }
        SleeveLimit::Average { scores, least, penalty } => {
            vector("scores", scores, sleeve.members.len())?;
            ensure(least.is_finite(), || "the least average is no finite number".to_owned())?;
            amount("penalty", *penalty)
        }
    })
}

fn objective(problem: &PortfolioProblem) -> Result<(), String> {
    let n = problem.names.len();
    let variance = || measure(problem, &Measure::Variance);
    let returns = || measure(problem, &Measure::Return);
    match &problem.objective {
        Objective::MinimumVariance => variance(),
        Objective::MeanVariance { risk_aversion } => {
            amount("risk aversion", *risk_aversion)?;
            variance().and_then(|()| returns())
        }
        Objective::TargetReturn { least } => {
            ensure(least.is_finite(), || "the target return is no finite number".to_owned())?;
            variance().and_then(|()| returns())
        }
        Objective::TargetVolatility { most } => {
            amount("target volatility", *most)?;
            variance().and_then(|()| returns())
        }
        Objective::MaximumSharpe { risk_free } => {
            ensure(risk_free.is_finite(), || "the risk-free rate is no finite number".to_owned())?;
            variance().and_then(|()| returns())?;
            ratio(problem)
        }
        Objective::MaximumDiversification => variance().and_then(|()| without_costs(problem)),
        Objective::EqualRiskContribution => variance().and_then(|()| budgets(problem)),
        Objective::RiskBudgets { budgets: shares } => {
            variance()?;
            vector("risk budgets", shares, n)?;
            ensure(shares.iter().all(|share| *share > 0.0), || "risk budgets must be positive".to_owned())?;
            budgets(problem)
        }
        Objective::HierarchicalRiskParity(_) => variance(),
        Objective::MinimumCvar { scenarios, confidence } => {
            measure(problem, &Measure::Cvar { scenarios: scenarios.clone(), confidence: *confidence })
        }
        Objective::RobustMeanVariance { risk_aversion, uncertainty } => {
            amount("risk aversion", *risk_aversion)?;
            variance().and_then(|()| returns())?;
            match uncertainty {
                Uncertainty::Ellipsoid { radius, shape } => {
                    amount("radius of the uncertainty", *radius)?;
                    length("covariance of the mean's error", shape.size(), n)
                }
                Uncertainty::Box { radii } => amounts("radii", radii, n),
            }
        }
        Objective::MinimumTrackingError { benchmark } => {
            variance()?;
            vector("benchmark", benchmark, n)
        }
        Objective::MaximumAfterTaxYield { yields } => vector("yields", yields, n),
        Objective::Weighted(terms) => {
            ensure(!terms.is_empty(), || "expected at least one measure".to_owned())?;
            terms.iter().try_for_each(|(weight, of)| {
                amount("weight of a measure", *weight)?;
                measure(problem, of)
            })
        }
        Objective::Priorities(aims) => {
            ensure(!aims.is_empty(), || "expected at least one priority".to_owned())?;
            aims.iter().try_for_each(|aim| {
                amount("slack of a priority", aim.slack)?;
                measure(problem, &aim.measure)
            })
        }
    }
}

/// A ratio is scaled, and with it what is linear; what is not has no place in it.
fn ratio(problem: &PortfolioProblem) -> Result<(), String> {
    let Some(costs) = &problem.costs else { return Ok(()) };
    let none = |values: &[f64]| values.iter().all(|value| *value == 0.0);
    ensure(none(&costs.quadratic) && none(&costs.fixed), || {
        "the greatest Sharpe ratio takes linear costs only, not fixed or quadratic ones".to_owned()
    })
}

fn without_costs(problem: &PortfolioProblem) -> Result<(), String> {
    ensure(problem.costs.is_none() && problem.tax.is_none(), || {
        "costs and tax have no place in this objective; limit the turnover instead".to_owned()
    })
}

/// Risk budgets need every instrument, and none short.
fn budgets(problem: &PortfolioProblem) -> Result<(), String> {
    without_costs(problem)?;
    ensure(problem.invested > 0.0, || "risk budgets need something invested".to_owned())?;
    for (name, bounds) in problem.names.iter().zip(&problem.bounds) {
        let open = bounds.lower >= 0.0 && bounds.upper > 0.0;
        ensure(open, || format!("{name}: risk budgets need a least weight of 0 or more and room above it"))?;
    }
    for constraint in &problem.constraints {
        let fits = !matches!(constraint.rule, Rule::Excluded(_) | Rule::Names { .. });
        ensure(fits, || format!("{}: with risk budgets every instrument is held", constraint.name))?;
    }
    Ok(())
}
