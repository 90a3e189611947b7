//! The greatest Sharpe ratio.

use evenkeel_optimizer::portfolio::Objective;

use super::read::{float, number, numbers, problem, solved};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let risk_free = float(&inputs.get("rf")?)?;
    let problem = problem(inputs, Objective::MaximumSharpe { risk_free })?;
    let portfolio = solved(&problem, inputs)?;
    Ok(Answer::fields([
        ("weights", numbers(&portfolio.weights)),
        ("sharpe", number(portfolio.objective)),
        ("published_sharpe", number(portfolio.objective)),
    ]))
}
