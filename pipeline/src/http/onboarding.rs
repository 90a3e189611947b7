//! Onboarding: a new customer's answers and goals go in, and what has become of them is told, step by step.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, Json};
use evenkeel_advice::events::FlowEvent;
use evenkeel_advice::{Advice, Intake, advise};
use evenkeel_clickhouse::fetch;
use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{
    CustomerOnboarded, DepositOrWithdrawal, Event, EventType, Goal, GoalsDefined, Profile,
    QuestionnaireCompleted, parse_event,
};
use evenkeel_schemas::{Currency, Instant, Money, Name, TradeDate};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::Context;
use super::advice::{now, refused};
use super::problem::Problem;
use super::read::{Body, body};
use super::stored::{ask, away, caught_up};
use crate::source::Incoming;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/examples/onboarding", web::get().to(example))
        .route("/onboarding", web::post().to(onboard))
        .route("/onboarding/{customer}", web::get().to(steps));
}

/// A new customer, or new answers of a known one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Newcomer {
    customer: Name,
    /// When it is true: now where not given.
    at: Option<Instant>,
    #[serde(default = "aud")]
    base_currency: Currency,
    profile: Profile,
    answers: BTreeMap<Name, String>,
    #[serde(default)]
    goals: Vec<Goal>,
    /// Money that is there already, in the base currency.
    deposit: Option<Money>,
}

fn aud() -> Currency {
    Currency::AUD
}

impl Newcomer {
    fn advice(&self, at: Instant) -> Result<Advice, Problem> {
        if self.deposit.is_some_and(|deposit| deposit <= Money::ZERO) {
            return Err(Problem::unprocessable("deposit", "expected an amount above 0, or none"));
        }
        let Newcomer { profile, answers, goals, .. } = self;
        let capital = profile.investment_capital;
        advise(&Intake { at, profile, answers, goals, capital }).map_err(|errors| refused(&errors))
    }

    /// The events, whose ids derive from the request: sent twice it is the same.
    fn events(self, at: Instant, request: &[u8]) -> Vec<Event> {
        let request = String::from_utf8_lossy(request);
        let id = |what: &str| Some(event_id(&request, what, 0));
        let (recorded, customer) = (None, self.customer);
        let mut events = vec![
            Event::CustomerOnboarded(Box::new(CustomerOnboarded {
                event_type: EventType::CustomerOnboarded,
                at,
                id: id("profile"),
                recorded,
                customer: customer.clone(),
                base_currency: self.base_currency,
                profile: Some(self.profile),
            })),
            Event::QuestionnaireCompleted(Box::new(QuestionnaireCompleted {
                event_type: EventType::QuestionnaireCompleted,
                at,
                id: id("answers"),
                recorded,
                customer: customer.clone(),
                answers: self.answers,
            })),
        ];
        if !self.goals.is_empty() {
            events.push(Event::GoalsDefined(Box::new(GoalsDefined {
                event_type: EventType::GoalsDefined,
                at,
                id: id("goals"),
                recorded,
                customer: customer.clone(),
                goals: self.goals,
            })));
        }
        if let Some(amount) = self.deposit {
            events.push(Event::Deposit(Box::new(DepositOrWithdrawal {
                event_type: EventType::Deposit,
                at,
                id: id("deposit"),
                recorded,
                customer,
                amount,
                currency: self.base_currency,
            })));
        }
        events
    }
}

/// `POST /onboarding`.
async fn onboard(context: web::Data<Context>, bytes: Body) -> Result<HttpResponse, Problem> {
    let bytes = bytes.map_err(|error| Problem::bad_request(error.to_string()))?;
    let newcomer: Newcomer = body(Ok(bytes.clone()))?;
    let at = newcomer.at.unwrap_or_else(now);
    let advice = newcomer.advice(at)?;
    let customer = newcomer.customer.clone();
    let events = newcomer.events(at, &bytes);
    for event in &events {
        let text = serde_json::to_vec(event).map_err(|error| Problem::bad_request(error.to_string()))?;
        parse_event(&text).map_err(|refusal| Problem::unprocessable(refusal.field, refusal.reason))?;
    }
    let submitted = web::block(move || context.submitter.submit(Incoming::made("onboarding", events))).await;
    let receipt = submitted
        .map_err(|error| Problem::unavailable(error.to_string()))?
        .map_err(|stopped| Problem::unavailable(stopped.to_string()))?;
    if let Some(rejected) = receipt.rejected.first() {
        return Err(Problem::unprocessable(&rejected.field, &rejected.reason));
    }
    let follow = format!("/api/v1/onboarding/{customer}");
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, follow.clone()))
        .json(json!({ "customer": customer, "advice": advice, "receipt": receipt, "follow": follow })))
}

#[derive(clickhouse::Row, Deserialize)]
struct Line {
    epoch: u64,
    #[serde(rename = "type")]
    kind: String,
    payload: String,
}

/// `GET /onboarding/{customer}`: the flow's events of a customer, from ClickHouse, and how far they have come.
async fn steps(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    let customer = Name::new(&path).map_err(|error| Problem::bad_request(error.to_string()))?;
    let missing = format!("no customer {customer:?}; POST /api/v1/onboarding takes one in");
    let known = context.view.read().names().read().customer_id(customer.as_str()).is_some();
    if !known {
        return Err(Problem::not_found(missing));
    }
    let kinds: Vec<&str> = FlowEvent::ALL.iter().map(|flow| flow.recorded_as().as_str()).collect();
    let sql = format!(
        "SELECT epoch, toString(`type`) AS type, payload FROM events WHERE customer = '{customer}' \
         AND `type` IN ('{}', 'anomaly') ORDER BY epoch, topic, `offset`",
        kinds.join("', '")
    );
    let lines = web::block(move || {
        caught_up(&context)?;
        ask(&context, async |client| fetch::<Line>(&client, &sql).await.map_err(away))
    });
    let lines: Vec<Line> = lines.await.map_err(|error| Problem::unavailable(error.to_string()))??;
    let mut told = Vec::new();
    let mut status = "asked: a profile and answers are needed".to_owned();
    let mut watched = false;
    for line in lines {
        let what: Json_ = serde_json::from_str(&line.payload).unwrap_or_default();
        let Some(name) = step(&line.kind, &what, watched) else { continue };
        watched |= name == FlowEvent::PortfolioMonitoringStarted.as_str();
        if let Some(reached) = reached(name, &what) {
            status = reached;
        }
        let at = Instant::from_epoch(line.epoch);
        told.push(json!({ "step": name, "recorded": at.to_string(), "event": what }));
    }
    Ok(Json(json!({ "customer": customer, "status": status, "steps": told })))
}

/// The flow's name of an event. A decision is one of it only if it trades on a portfolio that is watched.
fn step(kind: &str, what: &Json_, watched: bool) -> Option<&'static str> {
    if kind == EventType::Anomaly.as_str() {
        return (what["kind"] == "no_portfolio").then_some("NoPortfolio");
    }
    let flow = FlowEvent::ALL.iter().find(|flow| flow.recorded_as().as_str() == kind)?;
    let rebalanced = *flow != FlowEvent::PortfolioRebalanced || watched && what["outcome"] == "trade";
    rebalanced.then_some(flow.as_str())
}

/// How far a step brings a customer, in words.
fn reached(step: &str, what: &Json_) -> Option<String> {
    let flow = FlowEvent::ALL.iter().find(|flow| flow.as_str() == step);
    let words = match flow {
        None => format!("waiting: {}", what["detail"].as_str().unwrap_or_default()),
        Some(FlowEvent::PodAllocationCalculated) => {
            "allocated: the portfolio is being constructed".to_owned()
        }
        Some(FlowEvent::PortfolioCreated) => "created: waiting for money, or for its first orders".to_owned(),
        Some(FlowEvent::TradesExecuted) => "invested".to_owned(),
        Some(FlowEvent::PortfolioMonitoringStarted | FlowEvent::PortfolioRebalanced) => {
            "monitored".to_owned()
        }
        Some(_) => return None,
    };
    Some(words)
}

/// `GET /examples/onboarding`: the flow's own example, Sarah Johnson, with goals seen from today.
async fn example() -> Result<Json<Json_>, Problem> {
    let today: TradeDate = now().date();
    let after = |months: i32| {
        let day = today.plus_months(months).ok_or_else(|| Problem::unavailable("the clock is out of range"));
        day.map(|day| day.to_string())
    };
    let goal = |goal: &str, name: &str, amount: &str, (months, priority): (i32, &str), flexibility: &str| {
        Ok::<Json_, Problem>(json!({
            "goal": goal, "name": name, "target_amount": amount, "target_date": after(months)?,
            "priority": priority, "flexibility": flexibility,
        }))
    };
    Ok(Json(json!({
        "customer": "sarah",
        "base_currency": "AUD",
        "profile": {
            "birth_date": after(-35 * 12 - 6)?,
            "income": "120000", "net_worth": "250000", "investment_capital": "100000",
            "experience": "intermediate", "marginal_tax_rate": "0.30", "resident": true,
        },
        "answers": {
            "q1": "30_to_45", "q2": "10_years_or_more", "q3": "hold", "q4": "balanced_growth",
            "q5": "intermediate", "q6": "20_percent", "q7": "stable", "q8": "yes_definitely",
            "q9": "neutral", "q10": "7_to_10_percent",
        },
        "goals": [
            goal("GOAL_001", "Car Purchase", "50000", (12, "high"), "rigid")?,
            goal("GOAL_002", "House Deposit", "150000", (48, "high"), "flexible")?,
            goal("GOAL_003", "Retirement", "1500000", (348, "medium"), "flexible")?,
        ],
        "deposit": "100000",
    })))
}
