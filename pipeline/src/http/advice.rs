//! Advice, worked out and not recorded: from a questionnaire and goals to pod weights, and what a goal needs.

use std::collections::BTreeMap;

use actix_web::web::{self, Json};
use evenkeel_advice::{
    Advice, Chance, GoalAnalysis, GoalPlan, Intake, IntakeError, Mix, PlanError, Wanted, advise, analyse,
};
use evenkeel_schemas::events::{Goal, Profile};
use evenkeel_schemas::{Instant, Money, Name, Ratio};
use serde::Deserialize;

use super::problem::Problem;
use super::read::{Body, body};

/// The most paths that a request may ask for: one takes a tenth of a second for each ten thousand and search.
pub(super) const PATHS_MOST: u32 = 100_000;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/advice/onboarding", web::post().to(onboarding))
        .route("/advice/goal", web::post().to(goal));
}

/// A customer as the questionnaire shows them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Customer {
    /// When it is looked at: now where not given.
    at: Option<Instant>,
    profile: Profile,
    answers: BTreeMap<Name, String>,
    #[serde(default)]
    goals: Vec<Goal>,
    /// What is divided between the pods: the profile's investment_capital where not given.
    capital: Option<Money>,
}

/// `POST /advice/onboarding`.
async fn onboarding(bytes: Body) -> Result<Json<Advice>, Problem> {
    let customer: Customer = body(bytes)?;
    let at = customer.at.unwrap_or_else(now);
    let capital = customer.capital.unwrap_or(customer.profile.investment_capital);
    let Customer { profile, answers, goals, .. } = &customer;
    advise(&Intake { at, profile, answers, goals, capital }).map(Json).map_err(|errors| refused(&errors))
}

/// Everything that is wrong with an intake; the first names its field.
pub(super) fn refused(errors: &[IntakeError]) -> Problem {
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let field = all.first().and_then(|error| error.split(':').next()).unwrap_or("body").to_owned();
    let reason = all.join("; ");
    let reason = reason.strip_prefix(&format!("{field}: ")).unwrap_or(&reason).to_owned();
    Problem::unprocessable(field, reason)
}

/// A goal and what is to be found out about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    plan: GoalPlan,
    /// The probability wanted.
    probability: Ratio,
    /// How many months later it may become.
    #[serde(default)]
    later_months: u32,
    /// The mixes that the customer may be put in.
    #[serde(default)]
    mixes: Vec<Mix>,
    #[serde(default = "paths")]
    paths: u32,
    #[serde(default)]
    seed: u64,
}

fn paths() -> u32 {
    Chance::PATHS
}

/// `POST /advice/goal`.
async fn goal(bytes: Body) -> Result<Json<GoalAnalysis>, Problem> {
    let planned: Planned = body(bytes)?;
    if planned.paths > PATHS_MOST {
        let reason = format!("expected at most {PATHS_MOST}, got {}", planned.paths);
        return Err(Problem::unprocessable("paths", reason));
    }
    let analysed = web::block(move || {
        let Planned { plan, probability, later_months, mixes, paths, seed } = &planned;
        let wanted = Wanted { probability: *probability, later_most: *later_months, mixes };
        analyse(plan, &wanted, Chance { paths: *paths, seed: *seed })
    });
    let analysed = analysed.await.map_err(|error| Problem::unavailable(error.to_string()))?;
    analysed.map(Json).map_err(|error| match error {
        PlanError::Input { field, expected, got } => {
            Problem::unprocessable(field, format!("expected {expected}, got {got}"))
        }
        PlanError::Range(_) => Problem::unprocessable("plan", error),
    })
}

pub(super) fn now() -> Instant {
    Instant::from_micros(jiff::Timestamp::now().as_microsecond())
}
