//! Family `risk`: risk measures and what they are estimated from. Which kind of problem a case asks for is told
//! by its inputs; each kind has a file.

mod covariance;

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::case::{Answers, Case, Fault};
use crate::kind::{self, Kind};

const KINDS: [Kind; 1] =
    [Kind { mark: "returns", inputs: &["names", "returns"], answer: covariance::answer }];

/// What answers a case of these inputs, or what the product does not have yet.
pub(crate) fn answers(inputs: Option<&Map<String, Value>>) -> Result<Answers, &'static str> {
    if kind::known(&KINDS, inputs) { Ok(answer) } else { Err("risk measures") }
}

/// What production gives.
fn answer(case: &Case<'_>) -> Result<Answer, Fault> {
    kind::answer(&KINDS, case)
}
