//! Planning for a goal: how far it is, how probable, and what would make it more so.

mod change;
mod gap;
#[cfg(test)]
mod tests;

use evenkeel_schemas::Ratio;
use serde::{Deserialize, Serialize};

pub use change::{Checked, Found, Save, Switch, Wait, calmest_mix, first_date, least_savings};
pub use gap::{Gap, RequiredReturn, gap, projection};

use crate::simulate::{Chance, GoalPlan, Mix, Outcome, PlanError, simulate};

/// What is to be found out about a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The probability to reach, above 0 and below 1.
    pub probability: Ratio,
    /// How many months later it may become.
    pub later_most: u32,
    /// The mixes that the customer may be put in: those that fit the risk category.
    pub mixes: &'a [Mix],
}

/// All that is said of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalAnalysis {
    /// The paths it was judged by.
    pub chance: Chance,
    /// How far it is from being funded.
    pub gap: Gap,
    /// How probable it is as planned.
    pub outcome: Outcome,
    /// The probability wanted.
    pub wanted: Ratio,
    /// Whether it is as probable as wanted.
    pub on_track: bool,
    /// Savings that reach it.
    pub save: Found<Save>,
    /// A date that reaches it.
    pub wait: Found<Wait>,
    /// A mix that reaches it.
    pub switch: Found<Switch>,
    /// In words.
    pub explanation: String,
}

/// Analyses a goal and looks for each change alone that reaches it with the probability wanted.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn analyse(plan: &GoalPlan, wanted: &Wanted<'_>, chance: Chance) -> Result<GoalAnalysis, PlanError> {
    let gap = gap(plan)?;
    let outcome = simulate(plan, chance)?;
    let save = least_savings(plan, wanted.probability, chance)?;
    let wait = first_date(plan, wanted.probability, wanted.later_most, chance)?;
    let switch = calmest_mix(plan, wanted.probability, wanted.mixes, chance)?;
    let probability = &outcome.probability;
    let on_track = probability.probability >= wanted.probability;
    let stands = if on_track { "as wanted" } else { "less than wanted" };
    let explanation = format!(
        "As planned, the goal is reached with a probability of {} (standard error {}), {stands} ({}). What \
         one change would do: {} {} {}",
        probability.probability,
        probability.standard_error,
        wanted.probability,
        save.explanation,
        wait.explanation,
        switch.explanation
    );
    Ok(GoalAnalysis {
        chance,
        gap,
        outcome,
        wanted: wanted.probability,
        on_track,
        save,
        wait,
        switch,
        explanation,
    })
}
