//! Hierarchical risk parity: distances used directly, single linkage, leaves in pre-order.

use evenkeel_optimizer::portfolio::{Distance, Hierarchy, Linkage, Objective, hierarchical_weights};

use super::read::{matrix, numbers, problem, solved};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// How far a correlation that a case gives may be from that of its covariance.
const SAME: f64 = 1e-9;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let hierarchy = Hierarchy { distance: Distance::Correlation, linkage: Linkage::Single };
    let problem = problem(inputs, Objective::HierarchicalRiskParity(hierarchy))?;
    let given = inputs.get("correlation")?;
    let correlation = matrix(&given)?;
    let no_risk = || inputs.fault("expected positive variances");
    let covariance = problem.covariance.as_ref().ok_or_else(no_risk)?;
    let own = |a: usize, b: usize| covariance.at(a, b) / (covariance.at(a, a) * covariance.at(b, b)).sqrt();
    let square = correlation.dim() == (covariance.size(), covariance.size());
    if !square || correlation.indexed_iter().any(|((a, b), value)| (value - own(a, b)).abs() > SAME) {
        return Err(given.fault("it is not that of the covariance"));
    }
    let leaves = hierarchical_weights(covariance, hierarchy).ok_or_else(no_risk)?.leaves;
    let leaves = leaves.into_iter().map(|at| Answer::Text(problem.names[at].clone())).collect();
    Ok(Answer::fields([
        ("leaf_order", Answer::List(leaves)),
        ("weights", numbers(&solved(&problem, inputs)?.weights)),
    ]))
}
