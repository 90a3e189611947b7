//! Advice: from a questionnaire to pod weights, and what a customer's goals need.
//!
//! Pure: no actor, no I/O, no clock, no random source; the day and the seed are arguments. The same input
//! gives the same bytes on any machine.
//!
//! | module | what it is |
//! |---|---|
//! | `questionnaire` | ten questions, a score, a category, what does not fit together |
//! | `goals` | goals validated and mapped to pods |
//! | `pods` | the four pods as data with dates: limits, reviews, circuit breakers |
//! | `weights` | pod weights and capital, exact |
//! | `onboard` | the three steps in one: [`advise`] |
//! | `simulate` | Monte Carlo of one goal, or of several that one portfolio pays |
//! | `plan` | gap, required return, what to change: [`analyse`] |
//! | `events` | the flow's eleven event types, and how the log records them |
//!
//! Money, weights and scores are exact. Statistics are `f64` between exact edges: they come in as ratios and
//! amounts, and go out rounded half-even, so no NaN comes out. What cannot be worked out is an error that
//! names the field and what was expected.
//!
//! Source: the optimization flow, steps 1 to 3 and 8, where the rulings of the design do not decide
//! otherwise.
#![warn(missing_docs)]

mod dates;
pub mod events;
mod goals;
mod onboard;
mod plan;
mod pods;
mod questionnaire;
mod simulate;
mod weights;
mod words;

pub use dates::whole_months;
pub use evenkeel_schemas::events::{PodId, PodObjective};
pub use goals::{DAYS_NEAR, Flexibility, GoalError, GoalMapping, Priority, map_goals, pod_of};
pub use onboard::{Advice, Intake, IntakeError, advise};
pub use plan::{
    Checked, Found, Gap, GoalAnalysis, RequiredReturn, Save, Switch, Wait, Wanted, analyse, calmest_mix,
    first_date, gap, least_savings, projection,
};
pub use pods::{Breaker, Cadence, Pod, PodError, PodTable, in_force, pods_on};
pub use questionnaire::{
    AnswerEffect, AnswerError, Answers, Category, Choice, Known, Note, NoteKind, POINTS_LEAST, POINTS_MOST,
    QUESTIONS, Question, RiskProfile, consistency, risk_profile,
};
pub use simulate::{
    Chance, Claim, ClaimOutcome, Funding, GoalPlan, MONTHS_MOST, Mix, Outcome, PATHS_MOST, Percentile,
    PlanError, Probability, Savings, SharedOutcome, SharedPlan, Spread, Timing, simulate, simulate_shared,
};
pub use weights::{AllocationError, PodAllocation, PodShare, allocate};
