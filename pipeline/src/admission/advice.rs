//! What a customer says of risk and goals, at the door.

use std::fmt::Display;

use evenkeel_advice::{Answers, map_goals};
use evenkeel_schemas::events::{GoalsDefined, QuestionnaireCompleted, Refusal};

use super::{Admission, Inputs};

/// The first of several faults, each told as `field: reason`.
fn refusal<E: Display>(errors: &[E]) -> Refusal {
    let text = errors.first().map(ToString::to_string).unwrap_or_default();
    let (field, reason) = text.split_once(": ").unwrap_or(("line", &text));
    Refusal::new(field, reason)
}

impl Admission {
    /// All ten questions, each with one of its options.
    pub(super) fn questionnaire(&self, e: &QuestionnaireCompleted) -> Result<Inputs, Refusal> {
        self.customer(&e.customer)?;
        Answers::read(&e.answers).map_err(|errors| refusal(&errors))?;
        Ok(Inputs::new())
    }

    /// Goals that can be planned for, seen from the day of `at`.
    pub(super) fn goals(&self, e: &GoalsDefined) -> Result<Inputs, Refusal> {
        self.customer(&e.customer)?;
        map_goals(e.at.date(), &e.goals).map_err(|errors| refusal(&errors))?;
        Ok(Inputs::new())
    }
}
