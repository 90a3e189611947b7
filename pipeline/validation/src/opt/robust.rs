//! Robust mean-variance with an ellipsoid around the expected returns.

use evenkeel_optimizer::portfolio::{Covariance, Objective, Uncertainty};

use super::read::{bound_all, float, number, numbers, problem, solved, vector};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let deviations = inputs.get("mean_uncertainty_std")?;
    let variances = vector(&deviations)?.iter().map(|deviation| deviation * deviation).collect();
    let shape = Covariance::diagonal(variances).map_err(|error| deviations.fault(error))?;
    let radius = inputs.get("kappa")?.amount()?;
    let objective = Objective::RobustMeanVariance {
        risk_aversion: float(&inputs.get("gamma")?)?,
        uncertainty: Uncertainty::Ellipsoid { radius, shape },
    };
    let mut problem = problem(inputs, objective)?;
    bound_all(&mut problem, 0.0, float(&inputs.get("upper")?)?);
    let portfolio = solved(&problem, inputs)?;
    Ok(Answer::fields([("objective", number(portfolio.objective)), ("weights", numbers(&portfolio.weights))]))
}
