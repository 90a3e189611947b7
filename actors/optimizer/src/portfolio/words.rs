//! Constraints as people say them.

use super::answer::ConflictingConstraint;
use super::model::{Label, Side};
use super::problem::Rule;
use super::task::{Goal, Named, Task};

/// A ratio as a percentage, to a ten-thousandth of a point.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{}%", trimmed(ratio * 100.0, 4))
}

fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Six significant digits, without an exponent where that is short.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) { format!("{value:.3e}") } else { trimmed(value, 6) }
}

/// The name and the words of a constraint.
pub(crate) fn describe(task: &Task<'_>, named: Named) -> ConflictingConstraint {
    let problem = task.problem;
    let names = &problem.names;
    let (name, words) = match named {
        Named::Budget => {
            let costs = problem.costs.as_ref().is_some_and(|costs| costs.paid == super::Paid::FromPortfolio);
            let with = if costs { " with costs" } else { "" };
            let words = format!("weights{with} add up to {}", percent(problem.invested));
            ("invested".to_owned(), words)
        }
        Named::Lower(at) => {
            let words = format!("{} at least {}", names[at], percent(problem.bounds[at].lower));
            (format!("least weight of {}", names[at]), words)
        }
        Named::Upper(at) => {
            let words = format!("{} at most {}", names[at], percent(problem.bounds[at].upper));
            (format!("greatest weight of {}", names[at]), words)
        }
        Named::Rule(number) => {
            let constraint = task.rules.iter().find(|(n, _)| *n == number).map(|(_, constraint)| constraint);
            let Some(constraint) = constraint else {
                return ConflictingConstraint { name: String::new(), words: String::new() };
            };
            let asks = asks(names, &constraint.rule);
            (constraint.name.clone(), format!("{}: {asks}", constraint.name))
        }
    };
    ConflictingConstraint { name, words }
}

/// Whether a linear rule is a sum of weights, whose limits are percentages.
fn plain(coefficients: &[(usize, f64)]) -> bool {
    coefficients.iter().all(|(_, coefficient)| *coefficient == 1.0)
}

fn asks(names: &[String], rule: &Rule) -> String {
    match rule {
        Rule::Linear { coefficients, lower, upper } => {
            let say = |limit: f64| if plain(coefficients) { percent(limit) } else { number(limit) };
            let least = lower.map(|lower| format!("at least {}", say(lower)));
            let most = upper.map(|upper| format!("at most {}", say(upper)));
            let limits: Vec<String> = least.into_iter().chain(most).collect();
            limits.join(" and ")
        }
        Rule::Excluded(instruments) => {
            let listed: Vec<&str> =
                instruments.iter().filter_map(|at| names.get(*at)).map(String::as_str).collect();
            format!("none of {}", listed.join(", "))
        }
        Rule::Limit { measure, limit } => {
            let side = if measure.maximised() { "at least" } else { "at most" };
            format!("{} {side} {}", measure.name(), percent(*limit))
        }
        Rule::Turnover { most } => format!("turnover at most {}", percent(*most)),
        Rule::Liquidity { .. } => "no trade above its share of what trades on an average day".to_owned(),
        Rule::Names { most, least } if *least > 0.0 => {
            format!("at most {most} instruments held, each at least {}", percent(*least))
        }
        Rule::Names { most, .. } => format!("at most {most} instruments held"),
    }
}

/// The limit that a row stands for, and whether it is said as a percentage.
fn limit(task: &Task<'_>, label: &Label) -> (f64, bool) {
    let bounds = &task.problem.bounds;
    let rule = |number: usize| task.rules.iter().find(|(n, _)| *n == number).map(|(_, c)| &c.rule);
    match label.named {
        Named::Budget => (task.problem.invested, true),
        Named::Lower(at) => (bounds[at].lower, true),
        Named::Upper(at) => (bounds[at].upper, true),
        Named::Rule(number) => match rule(number) {
            Some(Rule::Linear { coefficients, lower, upper }) => {
                let limit = if label.side == Side::Lower { lower } else { upper };
                (limit.unwrap_or(0.0), plain(coefficients))
            }
            Some(Rule::Limit { limit, .. }) => (*limit, true),
            Some(Rule::Turnover { most }) => (*most, true),
            Some(Rule::Liquidity { most }) => {
                (label.instrument.and_then(|at| most.get(at)).copied().unwrap_or(0.0), true)
            }
            Some(Rule::Names { least, .. }) => (*least, true),
            Some(Rule::Excluded(_)) | None => (0.0, true),
        },
    }
}

/// An active constraint's name, limit and sentence.
pub(crate) fn active(task: &Task<'_>, label: &Label, price: f64) -> (String, f64, String) {
    let ConflictingConstraint { name, .. } = describe(task, label.named);
    let (limit, percentage) = limit(task, label);
    let said = if percentage { percent(limit) } else { number(limit) };
    let of = label.instrument.and_then(|at| task.problem.names.get(at));
    let of = of.map(|of| format!(" ({of})")).unwrap_or_default();
    let side = match label.side {
        Side::Lower => "at least ",
        Side::Upper => "at most ",
        Side::Equal => "",
    };
    let unit = if percentage { "one percentage point" } else { "0.01" };
    let change = number(price.abs() * 0.01);
    let better =
        if matches!(task.goal, Goal::Sharpe { .. } | Goal::Diversification) { "raise" } else { "lower" };
    let effect = match (label.named, price == 0.0) {
        (_, true) => "relaxing it would change nothing".to_owned(),
        (Named::Budget, _) => {
            let verb = if price > 0.0 { "raise" } else { "lower" };
            format!("one percentage point more would {verb} the objective by {change}")
        }
        _ => format!("relaxing it by {unit} would {better} the objective by {change}"),
    };
    (format!("{name}{of}"), limit, format!("{name}{of}: {side}{said}, reached; {effect}"))
}
