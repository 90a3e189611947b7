//! Mean-variance with at most some instruments held, each within limits if it is held.

use evenkeel_optimizer::portfolio::{Constraint, Objective, Rule, Standing};

use super::read::{bound_all, float, number, numbers, problem, solved};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let risk_aversion = float(&inputs.get("gamma")?)?;
    let mut problem = problem(inputs, Objective::MeanVariance { risk_aversion })?;
    let mut rows = Vec::new();
    for node in inputs.get("problems")?.list()? {
        node.only(&["max_names", "lower", "upper"])?;
        let most: usize = node.get("max_names")?.number()?;
        let (least, upper) = (float(&node.get("lower")?)?, float(&node.get("upper")?)?);
        bound_all(&mut problem, 0.0, upper);
        problem.constraints =
            vec![Constraint { name: "names".to_owned(), rule: Rule::Names { most, least } }];
        let portfolio = solved(&problem, &node)?;
        let unproved = || node.fault("the search met its limit before a proof");
        let search = portfolio.search.filter(|_| portfolio.standing == Standing::Optimal);
        let search = search.ok_or_else(unproved)?;
        let held = problem.names.iter().zip(&portfolio.weights).filter(|(_, weight)| **weight > 0.0);
        rows.push(Answer::fields([
            ("max_names", most.into()),
            ("lower", number(least)),
            ("upper", number(upper)),
            ("objective", number(portfolio.objective)),
            ("weights", numbers(&portfolio.weights)),
            ("names_held", Answer::List(held.map(|(name, _)| Answer::Text(name.clone())).collect())),
            ("relaxation_objective", number(search.relaxed)),
            ("subsets_enumerated", number(search.holdings_admitted)),
        ]));
    }
    Ok(Answer::fields([("problems", Answer::List(rows))]))
}
