//! Reading problems of the optimiser, and writing its figures.

use evenkeel_optimizer::portfolio::{
    Bounds, Covariance, Objective, Portfolio, PortfolioProblem, SearchLimits, construct,
};
use ndarray::Array2;
use rust_decimal::Decimal;

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// A figure of the optimiser, in the digits that tell it from its neighbours.
pub(crate) fn number(value: f64) -> Answer {
    value.to_string().parse::<Decimal>().map_or(Answer::Nothing, Answer::Number)
}

pub(crate) fn numbers(values: &[f64]) -> Answer {
    Answer::List(values.iter().copied().map(number).collect())
}

/// Ratios as percentages.
pub(crate) fn percentages(values: &[f64]) -> Answer {
    Answer::List(values.iter().map(|value| number(value * 100.0)).collect())
}

/// A finite number.
pub(crate) fn float(node: &Node<'_>) -> Result<f64, Fault> {
    let value: f64 = node.number()?;
    if value.is_finite() { Ok(value) } else { Err(node.fault("expected a finite number")) }
}

pub(crate) fn vector(node: &Node<'_>) -> Result<Vec<f64>, Fault> {
    node.list()?.iter().map(float).collect()
}

pub(crate) fn matrix(node: &Node<'_>) -> Result<Array2<f64>, Fault> {
    let rows = node.list()?.iter().map(vector).collect::<Result<Vec<Vec<f64>>, Fault>>()?;
    let columns = rows.first().map_or(0, Vec::len);
    let entries: Vec<f64> = rows.iter().flatten().copied().collect();
    let even = rows.iter().all(|row| row.len() == columns);
    let matrix = Array2::from_shape_vec((rows.len(), columns), entries).ok().filter(|_| even);
    matrix.ok_or_else(|| node.fault("expected rows of the same length"))
}

pub(crate) fn covariance(node: &Node<'_>) -> Result<Covariance, Fault> {
    Covariance::dense(matrix(node)?).map_err(|error| node.fault(error))
}

/// Names of the instruments; numbers where a case gives none.
pub(crate) fn names(inputs: &Node<'_>, count: usize) -> Result<Vec<String>, Fault> {
    match inputs.find("names")? {
        Some(names) => names.list()?.iter().map(|name| Ok(name.text()?.to_owned())).collect(),
        None => Ok((0..count).map(|at| at.to_string()).collect()),
    }
}

/// Weights from 0 to 1 over a case's `covariance`, with its `mu` if it has one.
pub(crate) fn problem(inputs: &Node<'_>, objective: Objective) -> Result<PortfolioProblem, Fault> {
    let covariance = covariance(&inputs.get("covariance")?)?;
    let mut problem = PortfolioProblem::long_only(names(inputs, covariance.size())?, objective);
    problem.covariance = Some(covariance);
    problem.expected_returns = inputs.find("mu")?.map(|mu| vector(&mu)).transpose()?;
    Ok(problem)
}

pub(crate) fn bound_all(problem: &mut PortfolioProblem, lower: f64, upper: f64) {
    problem.bounds.iter_mut().for_each(|bounds| *bounds = Bounds { lower, upper });
}

/// The answer of production.
pub(crate) fn solved(problem: &PortfolioProblem, at: &Node<'_>) -> Result<Portfolio, Fault> {
    construct(problem, &SearchLimits::default()).map_err(|error| at.fault(error))
}
