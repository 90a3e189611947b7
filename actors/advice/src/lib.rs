//! Advice: from a questionnaire to pod weights, and what a customer's goals need.
#![warn(missing_docs)]

mod dates;
mod goals;
mod onboard;
mod pods;
mod questionnaire;
mod weights;
mod words;

pub use goals::{Flexibility, GoalError, GoalMapping, Priority, map_goals, pod_of};
pub use onboard::{Advice, Intake, IntakeError, advise};
pub use pods::{Breaker, Cadence, Pod, PodError, PodId, PodObjective, PodTable, in_force, pods_on};
pub use questionnaire::{
    AnswerEffect, AnswerError, Answers, Category, Choice, Known, Note, NoteKind, POINTS_LEAST, POINTS_MOST,
    QUESTIONS, Question, RiskProfile, consistency, risk_profile,
};
pub use weights::{AllocationError, PodAllocation, PodShare, allocate};
