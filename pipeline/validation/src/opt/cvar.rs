//! The least conditional value at risk over given scenarios.

use evenkeel_optimizer::portfolio::{Constraint, Objective, PortfolioProblem, Rule, value_at_risk};

use super::read::{bound_all, float, matrix, names, number, numbers, solved};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let scenarios = matrix(&inputs.get("returns")?)?;
    let confidence = float(&inputs.get("beta")?)?;
    let names = names(inputs, scenarios.ncols())?;
    let objective = Objective::MinimumCvar { scenarios: scenarios.clone(), confidence };
    let mut problem = PortfolioProblem::long_only(names, objective);
    let count = scenarios.nrows().max(1) as f64;
    problem.expected_returns = Some(scenarios.columns().into_iter().map(|c| c.sum() / count).collect());
    bound_all(&mut problem, 0.0, float(&inputs.get("upper")?)?);
    if let Some(target) = inputs.find("target_return")? {
        let rule = Rule::return_at_least(float(&target)?);
        problem.constraints.push(Constraint { name: "target return".to_owned(), rule });
    }
    let portfolio = solved(&problem, inputs)?;
    let var = value_at_risk(&scenarios, confidence, &portfolio.weights);
    Ok(Answer::fields([
        ("cvar", number(portfolio.objective)),
        ("var", var.map_or(Answer::Nothing, number)),
        ("weights", numbers(&portfolio.weights)),
        ("mean_return", portfolio.expected_return.map_or(Answer::Nothing, number)),
    ]))
}
