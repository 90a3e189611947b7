//! Kinds of cases within a family: which one a case asks for is told by its inputs.

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::case::{Case, Fault};
use crate::inputs::Node;

/// A kind of case: the input by which it is known, all that it may have, and what answers it.
pub(crate) struct Kind {
    pub mark: &'static str,
    pub inputs: &'static [&'static str],
    pub answer: fn(&Node<'_>) -> Result<Answer, Fault>,
}

/// The kind of a case of these inputs, of those known.
fn of<'k>(kinds: &'k [Kind], given: &Map<String, Value>) -> Option<&'k Kind> {
    kinds.iter().find(|kind| given.contains_key(kind.mark))
}

/// Whether a case of these inputs is of a kind that is known.
pub(crate) fn known(kinds: &[Kind], inputs: Option<&Map<String, Value>>) -> bool {
    inputs.is_some_and(|given| of(kinds, given).is_some())
}

/// What production gives.
pub(crate) fn answer(kinds: &[Kind], case: &Case<'_>) -> Result<Answer, Fault> {
    let kind = of(kinds, case.inputs.fields()?).ok_or_else(|| {
        let sets: Vec<String> = kinds.iter().map(|kind| kind.inputs.join(", ")).collect();
        let known = sets.join("; or ");
        case.inputs.fault(format_args!("expected one of these sets of inputs: {known}"))
    })?;
    case.inputs.only(kind.inputs)?;
    (kind.answer)(&case.inputs)
}
