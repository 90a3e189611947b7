//! Mean-variance with group limits and linear costs that somebody else pays.

use evenkeel_optimizer::portfolio::{Constraint, Objective, Paid, Rule, TradingCosts};

use super::read::{bound_all, float, number, numbers, problem, solved, vector};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let risk_aversion = float(&inputs.get("gamma")?)?;
    let mut problem = problem(inputs, Objective::MeanVariance { risk_aversion })?;
    bound_all(&mut problem, float(&inputs.get("lower")?)?, float(&inputs.get("upper")?)?);
    problem.current = Some(vector(&inputs.get("w0")?)?);
    problem.costs = Some(TradingCosts {
        linear: vec![float(&inputs.get("cost")?)?; problem.names.len()],
        quadratic: Vec::new(),
        fixed: Vec::new(),
        paid: Paid::Outside,
        weight: 1.0,
    });
    let groups = inputs.get("groups")?.list()?;
    let (lower, upper) = (vector(&inputs.get("group_lower")?)?, vector(&inputs.get("group_upper")?)?);
    let names = inputs.get("group_names")?;
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (place, name) in names.list()?.iter().enumerate() {
        let mut found = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            if group.text()? == name.text()? {
                found.push(at);
            }
        }
        let limits = lower.get(place).zip(upper.get(place));
        let (lower, upper) = limits.ok_or_else(|| name.fault("it has no limits"))?;
        let rule = Rule::group(&found, Some(*lower), Some(*upper));
        problem.constraints.push(Constraint { name: name.text()?.to_owned(), rule });
        members.push(found);
    }
    let portfolio = solved(&problem, inputs)?;
    let together = |members: &Vec<usize>| members.iter().map(|at| portfolio.weights[*at]).sum::<f64>();
    let two_sided = portfolio.trades.as_ref().map(|trades| 2.0 * trades.turnover);
    Ok(Answer::fields([
        ("objective", number(portfolio.objective)),
        ("weights", numbers(&portfolio.weights)),
        ("turnover", two_sided.map_or(Answer::Nothing, number)),
        ("group_weights", numbers(&members.iter().map(together).collect::<Vec<f64>>())),
    ]))
}
