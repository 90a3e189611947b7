//! Covariances of daily returns.

use evenkeel_estimates::{
    LAMBDA_DAILY, Target, correlation, ewma_covariance, ledoit_wolf, sample_covariance,
};

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;
use crate::matrices::{matrix, rows};

/// Inputs `names`, `returns` (day by name): covariances per day, with λ = 0.94 and shrinkage towards a
/// multiple of the identity.
pub(super) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let at = inputs.get("returns")?;
    let (names, returns) = (inputs.get("names")?.list()?.len(), matrix(&at)?);
    if names != returns.ncols() {
        return Err(at.fault(format_args!("expected rows of {names} numbers, one a name")));
    }
    let wrong = |error| at.fault(error);
    let sample = sample_covariance(returns.view()).map_err(wrong)?;
    let shrunk = ledoit_wolf(returns.view(), Target::ScaledIdentity).map_err(wrong)?;
    let ewma = ewma_covariance(returns.view(), LAMBDA_DAILY).map_err(wrong)?;
    let correlation = correlation(sample.view()).map_err(wrong)?;
    Ok(Answer::fields([
        ("sample", rows(sample.view())),
        ("ledoit_wolf", rows(shrunk.covariance.view())),
        ("shrinkage", shrunk.intensity.into()),
        ("ewma", rows(ewma.view())),
        ("correlation", rows(correlation.view())),
    ]))
}
