//! Family `risk`: which part answers is told by a case's inputs.

mod covariance;

use serde_json::{Map, Value};

use crate::case::Answers;

/// What answers a case of these inputs, or what the product does not have yet.
pub(crate) fn answers(inputs: Option<&Map<String, Value>>) -> Result<Answers, &'static str> {
    let has = |name: &str| inputs.is_some_and(|inputs| inputs.contains_key(name));
    if has("returns") {
        return Ok(covariance::estimators);
    }
    Err("risk measures")
}
