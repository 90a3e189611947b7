//! The optimizer on the market as it is estimated, worked out and not recorded: estimates, one portfolio, a frontier.

mod ask;
mod objective;

use std::time::{Duration, Instant as Clock};

use actix_web::web::{self, Json};
use evenkeel_actors::MarketLook;
use evenkeel_optimizer::portfolio::{Portfolio, PortfolioError, SearchLimits, construct, efficient_frontier};
use evenkeel_schemas::{Currency, Name};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use self::ask::{Asked, Question};
use super::Context;
use super::problem::Problem;
use super::read::{Body, Query, body, query, value};

/// The most time that a search may take.
const SEARCH_MS_MOST: u64 = 30_000;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/estimates", web::get().to(estimates))
        .route("/optimise", web::post().to(optimise))
        .route("/frontier", web::post().to(frontier));
}

type Answer = Result<Json<Json_>, Problem>;

/// What to estimate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// AUD where not given.
    currency: Option<String>,
    /// Separated by commas; everything that is listed in the currency where not given.
    instruments: Option<String>,
}

/// `GET /estimates`.
async fn estimates(context: web::Data<Context>, wanted: Query<Wanted>) -> Answer {
    let Wanted { currency, instruments } = query(wanted)?;
    let currency: Option<Currency> = currency.as_deref().map(|text| value("currency", text)).transpose()?;
    let names = instruments.map(|list| {
        list.split(',').map(|name| value("instruments", name)).collect::<Result<Vec<Name>, Problem>>()
    });
    let names = names.transpose()?;
    worked_out(move || {
        let look = look(&context, currency, names.as_deref())?;
        Ok(told_estimates(&look))
    })
    .await
}

fn look(
    context: &Context,
    currency: Option<Currency>,
    names: Option<&[Name]>,
) -> Result<MarketLook, Problem> {
    let currency = currency.unwrap_or(Currency::AUD);
    context.estimates.look(currency, names).map_err(|why| {
        let unlisted = why.ends_with("is not listed");
        if unlisted { Problem::unprocessable("instruments", why) } else { Problem::conflict(why) }
    })
}

/// Off the threads that answer requests.
async fn worked_out(work: impl FnOnce() -> Result<Json_, Problem> + Send + 'static) -> Answer {
    web::block(work).await.map_err(|error| Problem::unavailable(error.to_string()))?.map(Json)
}

fn told_estimates(look: &MarketLook) -> Json_ {
    let state = &look.state;
    let estimated = state.estimated();
    let covariance = state.covariance(estimated);
    let deviations: Vec<f64> = covariance
        .as_ref()
        .map(|all| all.variances().into_iter().map(|variance| variance.max(0.0).sqrt()).collect())
        .unwrap_or_default();
    let listing = |listed: &evenkeel_schemas::events::InstrumentListed| {
        let listing = state.listing(&listed.instrument);
        let at = estimated.iter().position(|name| *name == listed.instrument);
        json!({
            "instrument": listed.instrument,
            "price": listing.and_then(|listing| listing.price).map(|price| price.to_string()),
            "expected_return": listing.and_then(|listing| listing.expected_return),
            "volatility": at.and_then(|at| deviations.get(at)),
            "distribution_yield": listing.map(|listing| listing.distribution_yield.to_string()),
            "franked_fraction": listing.map(|listing| listing.franked_fraction.to_string()),
        })
    };
    let correlation = |a: usize, b: usize| {
        let both = deviations[a] * deviations[b];
        let shared = covariance.as_ref().map_or(0.0, |all| all.at(a, b));
        match both > 0.0 && a != b {
            true => (shared / both).clamp(-1.0, 1.0),
            false => f64::from(u8::from(a == b)),
        }
    };
    let row = |a: usize| (0..deviations.len()).map(|b| correlation(a, b)).collect::<Vec<f64>>();
    json!({
        "as_of": state.as_of(),
        "epoch": state.epoch(),
        "risk_free": state.risk_free(),
        "model": look.model,
        "observations": look.observations,
        "from": look.days.0,
        "to": look.days.1,
        "instruments": look.listings.iter().map(listing).collect::<Vec<_>>(),
        "estimated": estimated,
        "correlations": (0..deviations.len()).map(row).collect::<Vec<_>>(),
    })
}

/// `POST /optimise`.
async fn optimise(context: web::Data<Context>, bytes: Body) -> Answer {
    let question: Question = body(bytes)?;
    worked_out(move || {
        let asked = asked(&context, &question)?;
        let begun = Clock::now();
        let found = construct(&asked.problem, &limits(&question)?).map_err(|error| refused(&error))?;
        let mut told = told(&asked, &found);
        told["time_ms"] = json!(begun.elapsed().as_secs_f64() * 1000.0);
        Ok(told)
    })
    .await
}

/// A frontier: a question and how many points of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frontier {
    /// The objective does not matter.
    problem: Question,
    #[serde(default = "points")]
    points: usize,
}

fn points() -> usize {
    20
}

/// `POST /frontier`.
async fn frontier(context: web::Data<Context>, bytes: Body) -> Answer {
    let wanted: Frontier = body(bytes)?;
    if !(2..=200).contains(&wanted.points) {
        return Err(Problem::unprocessable("points", format!("expected 2 to 200, got {}", wanted.points)));
    }
    worked_out(move || {
        let asked = asked(&context, &wanted.problem)?;
        let begun = Clock::now();
        let found = efficient_frontier(&asked.problem, wanted.points, &limits(&wanted.problem)?);
        let found = found.map_err(|error| refused(&error))?;
        let points: Vec<Json_> = found.iter().map(|portfolio| told(&asked, portfolio)).collect();
        let time = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(json!({ "as_of": asked.as_of, "points": points, "time_ms": time }))
    })
    .await
}

fn asked(context: &Context, question: &Question) -> Result<Asked, Problem> {
    let look = look(context, question.currency, question.instruments.as_deref())?;
    question.asked(&look)
}

fn limits(question: &Question) -> Result<SearchLimits, Problem> {
    let most = question.time_ms.unwrap_or(2_000);
    if !(1..=SEARCH_MS_MOST).contains(&most) {
        return Err(Problem::unprocessable("time_ms", format!("expected 1 to {SEARCH_MS_MOST}, got {most}")));
    }
    Ok(SearchLimits { time_max: Duration::from_millis(most), gap: 1e-4, ..SearchLimits::default() })
}

fn refused(error: &PortfolioError) -> Problem {
    match error {
        PortfolioError::Invalid(_) => Problem::unprocessable("problem", error),
        PortfolioError::Infeasible(_) => Problem::conflict(error.to_string()),
        PortfolioError::Solver(_) => Problem::unavailable(error.to_string()),
    }
}

/// What is not held is left out.
fn told(asked: &Asked, found: &Portfolio) -> Json_ {
    const HELD: f64 = 1e-7;
    let names = &asked.problem.names;
    let by_name = |values: &[f64]| -> Json_ {
        let held = names.iter().zip(values).filter(|(_, value)| value.abs() > HELD);
        held.map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "as_of": asked.as_of,
        "status": found.standing,
        "objective": found.objective,
        "maximised": found.maximised,
        "bound": found.bound,
        "gap": found.gap,
        "weights": by_name(&found.weights),
        "terms": found.terms,
        "expected_return": found.expected_return,
        "volatility": found.volatility,
        "risk_shares": found.risk_shares.as_deref().map(by_name),
        "active": found.active,
        "turnover": found.trades.as_ref().map(|trades| trades.turnover),
        "cost": found.trades.as_ref().map(|trades| trades.cost),
        "residual": found.residuals.map(|residuals| residuals.largest()),
        "iterations": found.iterations,
        "left_out": asked.left_out,
    })
}
