//! Triggers, decisions, orders and blocks over all customers.

use actix_web::web::{self, Json};
use evenkeel_schemas::{Epoch, Measure, Names, OrderRow, TriggerKey};
use serde_json::{Value as Json_, json};

use super::Context;
use super::customers::{Page, PageQuery, page};
use super::problem::Problem;
use crate::error::Error;
use crate::view::{LoggedDecision, Offset};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/triggers", web::get().to(triggers))
        .route("/decisions", web::get().to(decisions))
        .route("/decisions/{decision}", web::get().to(decision))
        .route("/orders", web::get().to(orders))
        .route("/orders/{order}", web::get().to(order))
        .route("/blocks/{block}/allocations", web::get().to(allocations));
}

pub(super) fn trigger_json(names: &Names, key: &TriggerKey, measure: Measure, limit: Measure) -> Json_ {
    json!({
        "epoch": key.entered,
        "trigger": key.id(names).as_str(),
        "customer": names.customer(key.customer),
        "kind": key.kind.as_str(),
        "subject": key.subject_name(names),
        "measure": measure.to_string(),
        "limit": limit.to_string(),
    })
}

pub(super) fn decision_json(logged: &LoggedDecision) -> Json_ {
    json!({ "epoch": logged.epoch, "decision": logged.decision })
}

/// Reads decisions from the log.
pub(super) async fn logged(
    context: &web::Data<Context>,
    offsets: Vec<Offset>,
) -> Result<Vec<LoggedDecision>, Problem> {
    let log = context.log.clone();
    let read = web::block(move || offsets.into_iter().map(|offset| log.decision(offset)).collect()).await;
    let unread = |error: &dyn std::fmt::Display| Problem::unavailable(error.to_string());
    let read: Result<_, Error> = read.map_err(|error| unread(&error))?;
    read.map_err(|error| unread(&error))
}

pub(super) fn order_json(names: &Names, (epoch, row): &(Epoch, OrderRow)) -> Json_ {
    json!({
        "epoch": epoch,
        "order": row.order.as_ref(),
        "block": row.block.as_ref(),
        "decision": row.decision.as_ref(),
        "customer": names.customer(row.customer),
        "instrument": names.instrument(row.instrument),
        "side": row.side.as_str(),
        "quantity": row.quantity.to_string(),
        "state": row.state.as_str(),
    })
}

async fn triggers(context: web::Data<Context>, query: PageQuery) -> Result<Json<Json_>, Problem> {
    let Page { offset, limit } = page(query)?;
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let listed: Vec<Json_> = view
        .open()
        .triggers()
        .skip(offset)
        .take(limit)
        .map(|(key, (measure, limit))| trigger_json(&names, key, *measure, *limit))
        .collect();
    let total = view.open().trigger_count();
    Ok(Json(json!({ "epoch": view.epoch(), "total": total, "offset": offset, "triggers": listed })))
}

/// The latest decisions, the newest first; ClickHouse has them all.
async fn decisions(context: web::Data<Context>, query: PageQuery) -> Result<Json<Json_>, Problem> {
    let Page { offset, limit } = page(query)?;
    let view = context.view.read();
    let listed: Vec<Json_> = view.latest_decisions().skip(offset).take(limit).map(decision_json).collect();
    Ok(Json(
        json!({ "epoch": view.epoch(), "total": view.decision_count(), "offset": offset, "decisions": listed }),
    ))
}

async fn decision(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    let missing = || Problem::not_found(format!("no decision {:?}", path.as_str()));
    let offset = context.view.read().decision(&path).ok_or_else(missing)?;
    let logged = logged(&context, vec![offset]).await?;
    logged.first().map(decision_json).map(Json).ok_or_else(missing)
}

async fn orders(context: web::Data<Context>, query: PageQuery) -> Result<Json<Json_>, Problem> {
    let Page { offset, limit } = page(query)?;
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let listed: Vec<Json_> =
        view.orders().skip(offset).take(limit).map(|row| order_json(&names, row)).collect();
    let total = view.orders().count();
    Ok(Json(json!({ "epoch": view.epoch(), "total": total, "offset": offset, "orders": listed })))
}

async fn order(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let missing = || Problem::not_found(format!("no order {:?}", path.as_str()));
    view.order(&path).map(|row| Json(order_json(&names, row))).ok_or_else(missing)
}

async fn allocations(context: web::Data<Context>, path: web::Path<String>) -> Result<Json<Json_>, Problem> {
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let rows: Vec<Json_> = view
        .allocations(&path)
        .iter()
        .map(|row| {
            json!({
                "order": row.order.as_ref(),
                "customer": names.customer(row.customer),
                "instrument": names.instrument(row.instrument),
                "side": row.side.as_str(),
                "quantity": row.quantity.to_string(),
                "price": row.price.to_string(),
                "fee": row.fee.to_string(),
            })
        })
        .collect();
    if rows.is_empty() {
        return Err(Problem::not_found(format!("no allocations of a block {:?}", path.as_str())));
    }
    Ok(Json(json!({ "block": path.as_str(), "epoch": view.epoch(), "allocations": rows })))
}
