//! Steps 1 to 3 of the flow in one function: from a questionnaire and goals to pod weights.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{Goal, Profile};
use evenkeel_schemas::{Instant, Money, Name, TradeDate};
use serde::{Deserialize, Serialize};

use crate::dates::age_on;
use crate::goals::{GoalError, GoalMapping, map_goals};
use crate::questionnaire::{AnswerError, Answers, Known, Note, RiskProfile, consistency, risk_profile};
use crate::weights::{AllocationError, PodAllocation, allocate, check_capital};

/// The oldest age believed.
const AGE_MOST: u32 = 120;

/// What is known of a new customer. The fields are those of `customer_onboarded`, `questionnaire_completed`
/// and `goals_defined`.
#[derive(Copy, Clone, Debug)]
pub struct Intake<'a> {
    /// When it is looked at; ages and days to goals count from its UTC date.
    pub at: Instant,
    /// The customer's profile.
    pub profile: &'a Profile,
    /// By question, the option's key.
    pub answers: &'a BTreeMap<Name, String>,
    /// The goals.
    pub goals: &'a [Goal],
    /// What is divided between the pods: the profile's capital for a new customer, the NAV later.
    pub capital: Money,
}

/// Everything wrong with one part of an intake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// An answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A goal.
    #[error(transparent)]
    Goal(#[from] GoalError),
    /// The date of birth.
    #[error("profile.birth_date: expected an age of 0 to {AGE_MOST} on {on}, got {birth_date}")]
    BirthDate {
        /// The day it is looked at.
        on: TradeDate,
        /// What was given.
        birth_date: TradeDate,
    },
    /// The capital.
    #[error(transparent)]
    Capital(#[from] AllocationError),
}

/// The advice of steps 1 to 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// Step 1.
    pub risk_profile: RiskProfile,
    /// What to ask the customer about; moves nothing.
    pub notes: Vec<Note>,
    /// Step 2.
    pub goal_mappings: Vec<GoalMapping>,
    /// Step 3.
    pub pod_allocation: PodAllocation,
}

/// Scores, maps and allocates.
///
/// # Errors
/// Everything that is wrong with the intake, all at once: answers, goals, date of birth, capital.
pub fn advise(intake: &Intake<'_>) -> Result<Advice, Vec<IntakeError>> {
    let on = intake.at.date();
    let mut errors = Vec::new();
    let answers = Answers::read(intake.answers);
    let goals = map_goals(on, intake.goals);
    let birth_date = intake.profile.birth_date;
    let age = age_on(birth_date, on).filter(|age| *age <= AGE_MOST);
    if age.is_none() {
        errors.push(IntakeError::BirthDate { on, birth_date });
    }
    errors.extend(check_capital(intake.capital).err().map(IntakeError::from));
    let (answers, goal_mappings, age) = match (answers, goals, age) {
        (Ok(answers), Ok(goals), Some(age)) if errors.is_empty() => (answers, goals, age),
        (answers, goals, _) => {
            errors.extend(answers.err().into_iter().flatten().map(IntakeError::from));
            errors.extend(goals.err().into_iter().flatten().map(IntakeError::from));
            return Err(errors);
        }
    };
    let known = Known {
        on,
        birth_date: Some(birth_date),
        experience: Some(&intake.profile.experience),
        goals: &goal_mappings,
    };
    let notes = consistency(&answers, &known);
    let risk_profile = risk_profile(&answers);
    let pod_allocation = allocate(risk_profile.risk_category, age, &goal_mappings, intake.capital)
        .map_err(|error| vec![IntakeError::from(error)])?;
    Ok(Advice { risk_profile, notes, goal_mappings, pod_allocation })
}
