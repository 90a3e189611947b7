//! Family `risk`: risk measures and what they are estimated from. Which kind of problem a case asks for is told
//! by its inputs; each kind has a file.

mod covariance;

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::case::{Answers, Case, Fault};
use crate::inputs::Node;

/// A kind of case: the input by which it is known, all that it may have, and what answers it.
struct Kind {
    mark: &'static str,
    inputs: &'static [&'static str],
    answer: fn(&Node<'_>) -> Result<Answer, Fault>,
}

const KINDS: [Kind; 1] =
    [Kind { mark: "returns", inputs: &["names", "returns"], answer: covariance::answer }];

/// What answers a case of these inputs, or what the product does not have yet.
pub(crate) fn answers(inputs: Option<&Map<String, Value>>) -> Result<Answers, &'static str> {
    let known = inputs.is_some_and(|given| KINDS.iter().any(|kind| given.contains_key(kind.mark)));
    if known { Ok(answer) } else { Err("risk measures") }
}

/// What production gives.
fn answer(case: &Case<'_>) -> Result<Answer, Fault> {
    let given = case.inputs.fields()?;
    let kind = KINDS.iter().find(|kind| given.contains_key(kind.mark)).ok_or_else(|| {
        let known = KINDS.map(|kind| kind.inputs.join(", ")).join("; or ");
        case.inputs.fault(format_args!("expected one of these sets of inputs: {known}"))
    })?;
    case.inputs.only(kind.inputs)?;
    (kind.answer)(&case.inputs)
}
