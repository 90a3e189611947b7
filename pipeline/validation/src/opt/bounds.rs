//! The least variance under several bounds, and with a target return.

use evenkeel_optimizer::portfolio::Objective;

use super::read::{bound_all, float, number, numbers, problem, solved, vector};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let mut problem = problem(inputs, Objective::MinimumVariance)?;
    let mut rows = Vec::new();
    for pair in inputs.get("bounds")?.list()? {
        let [lower, upper] = vector(&pair)?[..] else {
            return Err(pair.fault("expected a pair of least and greatest weight"));
        };
        bound_all(&mut problem, lower, upper);
        let portfolio = solved(&problem, &pair)?;
        rows.push(Answer::fields([
            ("lower", number(lower)),
            ("upper", number(upper)),
            ("weights", numbers(&portfolio.weights)),
            ("published", numbers(&portfolio.weights)),
            ("sigma", portfolio.volatility.map_or(Answer::Nothing, number)),
        ]));
    }
    let target = inputs.get("target_return")?;
    bound_all(&mut problem, 0.0, float(&inputs.get("target_upper")?)?);
    problem.objective = Objective::TargetReturn { least: float(&target)? };
    let weights = solved(&problem, &target)?.weights;
    Ok(Answer::fields([
        ("gmv", Answer::List(rows)),
        ("target_return_weights", numbers(&weights)),
        ("target_return_published", numbers(&weights)),
    ]))
}
