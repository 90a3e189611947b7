//! Equal contributions to the risk for each covariance, and risk budgets on the last.

use std::collections::BTreeMap;

use evenkeel_optimizer::portfolio::{Objective, PortfolioProblem};

use super::read::{covariance, names, numbers, percentages, solved, vector};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let weights = |node: &Node<'_>, objective: Objective| {
        let covariance = covariance(node)?;
        let mut problem = PortfolioProblem::long_only(names(inputs, covariance.size())?, objective);
        problem.covariance = Some(covariance);
        Ok(solved(&problem, node)?.weights)
    };
    let nodes = inputs.get("covariances")?.list()?;
    let mut answers = BTreeMap::new();
    for (place, node) in (1..).zip(&nodes) {
        let weights = weights(node, Objective::EqualRiskContribution)?;
        answers.insert(format!("erc_{place}"), numbers(&weights));
        answers.insert(format!("published_percent_{place}"), percentages(&weights));
    }
    let budgets = inputs.get("budgets")?;
    let second = nodes.get(1).ok_or_else(|| budgets.fault("there is no second covariance to budget"))?;
    let budgeted = weights(second, Objective::RiskBudgets { budgets: vector(&budgets)? })?;
    answers.insert("budgeted_on_second".to_owned(), numbers(&budgeted));
    Ok(Answer::Fields(answers))
}
