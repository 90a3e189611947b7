//! Customers: `/api/v1/customers` and what belongs to one.

use actix_web::HttpResponse;
use actix_web::web::{self, Json};
use evenkeel_operators::valuations::Unvalued;
use evenkeel_schemas::events::{Event, EventType, RebalanceRequested};
use evenkeel_schemas::{CustomerId, Name, Names};
use serde::Deserialize;
use serde_json::{Map, Value as Json_, json};

use super::Context;
use super::api::{decision_json, logged, order_json, trigger_json};
use super::problem::Problem;
use super::read::{Body, body};
use crate::source::Incoming;
use crate::view::{Customer, LoggedDecision, Offset, View};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/customers", web::get().to(list))
        .route("/customers/{customer}", web::get().to(one))
        .route("/customers/{customer}/positions", web::get().to(positions))
        .route("/customers/{customer}/cash", web::get().to(cash))
        .route("/customers/{customer}/valuation", web::get().to(valuation))
        .route("/customers/{customer}/drift", web::get().to(drift))
        .route("/customers/{customer}/triggers", web::get().to(triggers))
        .route("/customers/{customer}/decisions", web::get().to(decisions))
        .route("/customers/{customer}/orders", web::get().to(orders))
        .route("/customers/{customer}/rebalance", web::post().to(rebalance));
}

/// A page of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Items before this many are passed over.
    #[serde(default)]
    pub offset: usize,
    /// Items at the most, 1 to 1000.
    #[serde(default = "limit_default")]
    pub limit: usize,
}

fn limit_default() -> usize {
    100
}

pub(super) type PageQuery = Result<web::Query<Page>, actix_web::Error>;

/// Checks a page's numbers.
pub(super) fn page(query: PageQuery) -> Result<Page, Problem> {
    let page = query.map_err(|error| Problem::bad_request(error.to_string()))?.into_inner();
    if (1..=1000).contains(&page.limit) {
        return Ok(page);
    }
    Err(Problem::bad_request(format!("limit = {}: expected 1 to 1000", page.limit)))
}

/// Reads from one customer.
fn of<T>(
    context: &Context,
    name: &str,
    read: impl FnOnce(&View, &Names, CustomerId, &Customer) -> T,
) -> Result<T, Problem> {
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let missing = || Problem::not_found(format!("no customer {name:?}; /api/v1/customers lists them"));
    let id = names.customer_id(name).ok_or_else(missing)?;
    let customer = view.customer(id).ok_or_else(missing)?;
    Ok(read(&view, &names, id, customer))
}

async fn list(context: web::Data<Context>, query: PageQuery) -> Result<Json<Json_>, Problem> {
    let Page { offset, limit } = page(query)?;
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let row = |(id, customer): (CustomerId, &Customer)| {
        let nav = view.worth(customer).ok().and_then(|(worth, _)| worth.nav.to_money());
        json!({
            "customer": names.customer(id),
            "base_currency": customer.base().map(|base| base.to_string()),
            "nav": nav.map(|nav| nav.to_string()),
            "out_of_band": view.open().breaches_of(id),
            "triggers": view.open().triggers_of(id).count(),
        })
    };
    let customers: Vec<Json_> = view.customers().iter().skip(offset).take(limit).map(row).collect();
    Ok(Json(
        json!({ "epoch": view.epoch(), "total": view.customers().len(), "offset": offset, "customers": customers }),
    ))
}

async fn one(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, customer| {
        let (targets, tilts) = (customer.targets(view.today()), customer.tilts(view.today()));
        let targets: Vec<Json_> = targets
            .iter()
            .flat_map(|set| &set.lines)
            .map(|line| {
                let instrument = names.instrument(line.instrument);
                json!({ "instrument": instrument, "weight": line.weight.to_string(), "band": line.band.to_string() })
            })
            .collect();
        let by = tilts.into_iter().flat_map(|set| &set.tilts);
        let by: Map<String, Json_> = by
            .map(|tilt| (names.instrument(tilt.instrument).to_owned(), tilt.by.to_string().into()))
            .collect();
        let tilts = tilts.map(|set| json!({ "by": by, "until": set.until }));
        Json(json!({
            "customer": names.customer(id),
            "epoch": view.epoch(),
            "base_currency": customer.base().map(|base| base.to_string()),
            "valuation": valuation_json(view, customer),
            "positions": positions_json(view, names, customer),
            "cash": cash_json(customer),
            "targets": targets,
            "tilts": tilts,
            "drift": drift_json(view, names, customer),
            "triggers": triggers_json(view, names, id),
            "decisions": view.decisions_of(id).len(),
        }))
    })
}

fn positions_json(view: &View, names: &Names, customer: &Customer) -> Json_ {
    let line = |(instrument, quantity): (&evenkeel_schemas::InstrumentId, &evenkeel_schemas::Quantity)| {
        json!({
            "instrument": names.instrument(*instrument),
            "quantity": quantity.to_string(),
            "price": view.price(*instrument).map(|price| price.to_string()),
            "currency": view.terms(*instrument).map(|terms| terms.currency.to_string()),
        })
    };
    customer.positions.iter().map(line).collect()
}

fn cash_json(customer: &Customer) -> Json_ {
    let line = |(currency, amount): (&evenkeel_schemas::Currency, &evenkeel_schemas::Money)| json!({ "currency": currency.to_string(), "amount": amount.to_string() });
    customer.cash.iter().map(line).collect()
}

fn valuation_json(view: &View, customer: &Customer) -> Json_ {
    match view.worth(customer) {
        Ok((worth, _)) => {
            let money = |value: evenkeel_schemas::Value| value.to_money().map(|money| money.to_string());
            json!({
                "currency": worth.currency.to_string(),
                "nav": money(worth.nav),
                "market_value": money(worth.market_value),
                "cash": money(worth.cash),
            })
        }
        Err(Unvalued::Silent) => json!({ "reason": "nothing is held, or a price or rate is missing" }),
        Err(Unvalued::OutOfRange) => json!({ "reason": "a sum is out of range" }),
    }
}

fn drift_json(view: &View, names: &Names, customer: &Customer) -> Json_ {
    view.standings(customer)
        .iter()
        .map(|standing| {
            json!({
                "instrument": names.instrument(standing.instrument),
                "weight": standing.weight.to_fixed(),
                "target": standing.target.to_fixed(),
                "drift": standing.drift.to_fixed(),
                "band": standing.band.to_fixed(),
                "breach": standing.breach.map(|side| side.as_str()),
            })
        })
        .collect()
}

fn triggers_json(view: &View, names: &Names, id: CustomerId) -> Json_ {
    view.open()
        .triggers_of(id)
        .map(|(key, (measure, limit))| trigger_json(names, key, *measure, *limit))
        .collect()
}

/// A list of one customer with the epoch it is of.
fn listed(view: &View, names: &Names, id: CustomerId, what: &str, items: Json_) -> Json<Json_> {
    Json(json!({ "customer": names.customer(id), "epoch": view.epoch(), what: items }))
}

async fn positions(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, c| {
        listed(view, names, id, "positions", positions_json(view, names, c))
    })
}

async fn cash(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, c| listed(view, names, id, "cash", cash_json(c)))
}

async fn valuation(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, c| listed(view, names, id, "valuation", valuation_json(view, c)))
}

async fn drift(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, c| listed(view, names, id, "drift", drift_json(view, names, c)))
}

async fn triggers(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    of(&context, &path, |view, names, id, _| {
        listed(view, names, id, "triggers", triggers_json(view, names, id))
    })
}

/// A request to rebalance.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requested {
    /// Of the event: sent twice it is the same request.
    id: Option<Name>,
    /// Who asks.
    by: Name,
}

/// `POST /customers/{customer}/rebalance`: what `…/holdings/portfolio/{customer}/plan` shows is done, if it is still
/// worth doing: the customer's actor decides anew, and its decision says why.
async fn rebalance(
    context: web::Data<Context>,
    path: web::Path<String>,
    bytes: Body,
) -> Result<HttpResponse, Problem> {
    let Requested { id, by } = body(bytes)?;
    let customer = of(&context, &path, |_, names, id, _| names.customer(id).to_owned())?;
    let customer = Name::new(&customer).map_err(|error| Problem::bad_request(error.to_string()))?;
    let follow = format!("/api/v1/customers/{customer}/decisions");
    let (event_type, at, recorded) = (EventType::RebalanceRequested, super::advice::now(), None);
    let event = RebalanceRequested { event_type, at, id, recorded, customer, by };
    let events = vec![Event::RebalanceRequested(Box::new(event))];
    let submitted = web::block(move || context.submitter.submit(Incoming::made("rebalance", events))).await;
    let receipt = submitted
        .map_err(|error| Problem::unavailable(error.to_string()))?
        .map_err(|stopped| Problem::unavailable(stopped.to_string()))?;
    if let Some(rejected) = receipt.rejected.first() {
        return Err(Problem::unprocessable(&rejected.field, &rejected.reason));
    }
    Ok(HttpResponse::Accepted().json(json!({ "receipt": receipt, "follow": follow })))
}

/// A page of a customer's decisions, the newest first.
async fn decided(
    context: &web::Data<Context>,
    path: &str,
    query: PageQuery,
) -> Result<Vec<LoggedDecision>, Problem> {
    let Page { offset, limit } = page(query)?;
    let page: Vec<Offset> = of(context, path, |view, _, id, _| {
        view.decisions_of(id).iter().rev().skip(offset).take(limit).copied().collect()
    })?;
    logged(context, page).await
}

/// A customer's decisions, the newest first.
async fn decisions(
    context: web::Data<Context>,
    path: web::Path<String>,
    query: PageQuery,
) -> Result<Json<Json_>, Problem> {
    let decisions = decided(&context, &path, query).await?;
    of(&context, &path, |view, names, id, _| {
        listed(view, names, id, "decisions", decisions.iter().map(decision_json).collect())
    })
}

/// The orders of a page of a customer's decisions, the newest first.
async fn orders(
    context: web::Data<Context>,
    path: web::Path<String>,
    query: PageQuery,
) -> Result<Json<Json_>, Problem> {
    let decisions = decided(&context, &path, query).await?;
    of(&context, &path, |view, names, id, _| {
        let own = decisions.iter().flat_map(|logged| &logged.decision.orders);
        let rows = own.filter_map(|order| view.order(order.order.as_str()));
        listed(view, names, id, "orders", rows.map(|row| order_json(names, row)).collect())
    })
}
